"""Serve the playground and the files that it loads on this machine: ``make playground``."""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, ClassVar

sys.path.insert(0, str(Path(__file__).parent))

from namegen.errors import NamegenError
from playground_files import DATA, FILES, VERSION, build_file, build_version, read_page

_building = threading.Lock()
PLAYGROUND = Path(__file__).parents[2] / "docs" / "playground"


class Handler(SimpleHTTPRequestHandler):
    """Serves the folder of the playground, and the data files that it loads as if they were there."""

    # Browsers run modules only if they have this type, which some systems do not know.
    extensions_map: ClassVar[dict[str, str]] = {
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
    }

    def send_head(self) -> BytesIO | BinaryIO | None:
        """Send the headers of a file; return its content."""
        name = self.path.partition("?")[0].removeprefix("/")
        if name not in {*FILES, VERSION}:
            return super().send_head()
        try:
            with _building:  # several requests at once would build the same file several times
                content = build_file(name, DATA) if name != VERSION else self._build_version()
        except (OSError, NamegenError):
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", self.guess_type(name))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return BytesIO(content)

    def _build_version(self) -> bytes:
        page = read_page(Path(self.directory))
        return build_version(page | {name: build_file(name, DATA) for name in FILES})


def server(port: int = 0) -> ThreadingHTTPServer:
    """Return a server of the playground for this machine only; port 0 chooses a free one."""
    return ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, directory=str(PLAYGROUND)))


def main() -> None:
    """Serve until Ctrl-C, on port 8000 or the given one."""
    parser = argparse.ArgumentParser(description="Serve the playground on this machine.")
    parser.add_argument("port", type=int, nargs="?", default=8000, help="where to listen (default: 8000)")
    port = parser.parse_args().port
    try:
        serving = server(port)
    except (OSError, OverflowError) as error:
        sys.exit(
            f"Error: port {port}: {getattr(error, 'strerror', None) or error}; give another: make playground PORT=8001"
        )
    with serving, contextlib.suppress(KeyboardInterrupt):
        print(f"The playground is at http://127.0.0.1:{serving.server_port}/ until you press Ctrl-C.", flush=True)
        serving.serve_forever()


if __name__ == "__main__":
    main()

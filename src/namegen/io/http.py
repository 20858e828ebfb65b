"""Download files over HTTPS with pooch, which retries, verifies hashes and writes each file atomically."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from namegen.errors import DownloadError, escape_unprintable, shorten
from namegen.optional_packages import required

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

with required("pooch"):  # it depends on requests
    import pooch
with required("requests"):
    import requests
    from requests.exceptions import ChunkedEncodingError


MAX_FILE_BYTES = 2**26  # the largest file of the catalogue has 0.2 MB
_RETRIES = 2
_TIMEOUT = 30.0  # seconds to connect, and between two packets
_CHUNK_BYTES = 2**14
_ALTERNATIVE = "give a copy with --from PATH"


def download_files(
    base_url: str,
    hashes: Mapping[str, str | None],
    folder: Path,
    report: Callable[[int], None],
    notice: Callable[[str], None],
) -> None:
    """Download files into a folder and verify them.

    Failed connections, busy servers and wrong hashes are retried twice.

    Args:
        base_url: the URL of the folder that contains the files.
        hashes: the SHA-256 of each file in hexadecimal, by file name; ``None`` accepts any content.
        folder: where the files are written.
        report: called with the number of bytes received so far, of all files.
        notice: called with a line of text before each retry.

    Raises:
        DownloadError: the URL is not secure, the server cannot be reached, or a file is missing, too large or does not
            match its hash.
        OSError: a file cannot be written.
    """
    _check_url(base_url)
    pooch.get_logger().setLevel("WARNING")  # pooch would print each download to stderr
    registry = pooch.create(folder, base_url, registry=dict(hashes), retry_if_failed=_RETRIES)
    sizes: dict[str, int] = {}  # bytes received, by URL

    def fetch(url: str, output_file: str, _pooch: object) -> None:
        """Download a file. pooch retries after a ``ValueError`` or ``RequestException``."""
        if url in sizes:
            notice(f"{hide_secrets(url)}: the download failed; trying again.")
        sizes[url] = 0
        headers, hooks = {"Accept-Encoding": "identity"}, {"response": _check_response}
        with (
            requests.get(url, stream=True, timeout=_TIMEOUT, headers=headers, hooks=hooks) as response,
            Path(output_file).open("wb") as file,
        ):
            for chunk in response.iter_content(_CHUNK_BYTES):
                sizes[url] += len(chunk)
                if sizes[url] > MAX_FILE_BYTES:
                    limit = f"{MAX_FILE_BYTES / 1e6:.0f} MB, too large for a list of names"
                    raise DownloadError(f"{hide_secrets(url)} has more than {limit}; check the URL")
                file.write(chunk)
                report(sum(sizes.values()))

    for file in hashes:
        url = hide_secrets(registry.get_url(file))
        try:
            registry.fetch(file, downloader=fetch)
        except requests.HTTPError as error:
            raise DownloadError(str(error)) from error
        except requests.RequestException as error:
            raise DownloadError(
                f"cannot fetch {url} ({_describe_failure(error)}); without a network, {_ALTERNATIVE}, "
                "or train on the included names: `namegen train --data starter`"
            ) from error
        except ValueError as error:
            cause = str(error).split(". ")[0]  # if the hash is wrong, pooch says which it expected and which it got
            advice = "accept the file with --no-verify" if "hash" in cause else _ALTERNATIVE
            raise DownloadError(f"cannot fetch {url}: {escape_unprintable(cause)}; try again, or {advice}") from error


def hide_secrets(url: str) -> str:
    """Return a URL for messages, without its password and query."""
    return re.sub(r"//[^/]*@", "//", escape_unprintable(re.split(r"[?#]", url, maxsplit=1)[0]))


def _check_url(url: str, *, allow_http: bool = True) -> None:
    """Check that a URL is HTTPS, or plain HTTP on this machine if that is allowed."""
    try:
        parts = urlsplit(url)
        is_local = allow_http and parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
        is_valid = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_valid = False
    if not is_valid or not (is_local or parts.scheme == "https"):
        raise DownloadError(
            f"cannot fetch {shorten(hide_secrets(url))}: it is not an https:// URL; use one, or {_ALTERNATIVE}"
        )


def _check_response(response: requests.Response, **_options: object) -> None:
    """Refuse insecure redirects and every status but success; requests calls this for each response."""
    if response.is_redirect:
        response.close()  # requests would read the body
        _check_url(urljoin(response.url, response.headers["Location"]), allow_http=response.url.startswith("http:"))
    elif response.status_code != 200:
        response.close()
        status = shorten(f"{response.status_code} {response.reason}")
        is_temporary = response.status_code == 429 or response.status_code >= 500
        error = requests.HTTPError if is_temporary else DownloadError
        raise error(f"{hide_secrets(response.url)}: the server says {status}; check the URL, or {_ALTERNATIVE}")


def _describe_failure(error: BaseException) -> str:
    """Describe a network error in a few words, from the error that caused it."""
    if isinstance(error, ChunkedEncodingError):
        return "the connection was lost"
    while isinstance(cause := error.__cause__ or error.__context__ or getattr(error, "reason", None), BaseException):
        error = cause
    if isinstance(error, TimeoutError):
        return f"no data for {_TIMEOUT:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate cannot be trusted: {shorten(error.verify_message)}"
    return shorten(hide_secrets(getattr(error, "strerror", None) or str(error)))

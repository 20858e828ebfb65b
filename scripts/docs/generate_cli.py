"""Write the reference of the command line, docs/cli.md, from the commands themselves."""

from __future__ import annotations

import contextlib
import io
import os

from commands import commands
from namegen.cli import main

HEAD = """# The command line

Written by `make docs` from the commands themselves; a test fails when it falls behind.
"""


def page() -> str:
    """Return the page."""
    os.environ["COLUMNS"] = "80"
    parts = [HEAD]
    for command in commands():
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            main([*command.words, "--help"])
        parts.append(f"## `{' '.join(['namegen', *command.words])}`\n\n```text\n{shown.getvalue().strip()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")

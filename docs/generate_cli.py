"""Write the reference of the command line, docs/cli.md, from the commands themselves."""

from __future__ import annotations

import contextlib
import io
import os
from typing import TYPE_CHECKING

from namegen.cli import main
from namegen.cli.app import build

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """# The command line

Written by `make docs` from the commands themselves; a test fails when it falls behind.
"""


def commands() -> Iterator[list[str]]:
    """Go through all commands, as the words that call them."""
    open_ = [([], build())]
    while open_:
        words, command = open_.pop(0)
        yield words
        open_[:0] = [([*words, name], child) for name, child in getattr(command, "commands", {}).items()]


def page() -> str:
    """Return the page."""
    os.environ["COLUMNS"] = "80"
    parts = [HEAD]
    for words in commands():
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            main([*words, "--help"])
        parts.append(f"## `{' '.join(['namegen', *words])}`\n\n```text\n{shown.getvalue().strip()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")

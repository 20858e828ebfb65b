"""How results and notes reach the terminal or a pipe."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

from namegen.errors import NamegenError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def note(text: str) -> None:
    """Say something to the user that is not a result; in a terminal without breaking words at its edge."""
    if sys.stderr.isatty():
        text = textwrap.fill(text, shutil.get_terminal_size().columns, break_long_words=False, break_on_hyphens=False)
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def result(text: str, *, flush: bool = False) -> None:
    """Write results, whole lines, to standard output.

    Raises:
        BrokenPipeError: nobody reads them any more.
        NamegenError: they cannot be written, because the disk is full for example.
    """
    try:
        sys.stdout.write(text)
        if flush:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise NamegenError(f"cannot write the results: {error.strerror or error}") from error


def is_live_terminal() -> bool:
    """Whether standard error is a terminal that can redraw a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[str] = ()) -> None:
    """Write a table to standard output: for people in a terminal, tab-separated with a head line in a pipe.

    Args:
        head: the columns' names.
        rows: the cells.
        right: the names of columns to be set flush right.
    """
    if not sys.stdout.isatty():
        result("".join("\t".join(cells) + "\n" for cells in [head, *rows]))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in head:
        grid.add_column(name, justify="right" if name in set(right) else "left", overflow="fold")
    for cells in rows:
        grid.add_row(*(Text(cell) for cell in cells))
    Console().print(grid)

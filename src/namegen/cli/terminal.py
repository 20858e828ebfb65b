"""Write results, notes and tables to a terminal, a pipe or a file."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import sys
from typing import TYPE_CHECKING

from namegen.errors import NamegenError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


# Compiled when they are first used, as most commands print nothing but names.
_UNPRINTABLE = (
    "[\x00-\x1f\x7f-\x9f"  # control characters, which a terminal would execute
    "\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # invisible, or change direction
    "\ud800-\udfff\U000e0000-\U000e007f]"  # surrogates, and tags
)

_MAX_WRAPPED = 4_000  # characters: searching longer texts for parts that users copy takes too long

_FIXED_SPACE = "\0"  # replaces a space where no line may break

_COPIED = (
    r"`[^`]+`"  # a command
    r"|(?<!\w)(['\"]).+?\1(?!\w)"  # quoted text
    r"|\S*[/\\][^,;:]*[/\\]\S*"  # a path, whose folders may have spaces in their names
)


def prepare_streams() -> None:
    """Replace closed standard streams, and make the others accept characters outside their encoding.

    The next opened file would get the descriptor of a closed stream, and the messages of C libraries with it.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
        if getattr(sys, name) is None:
            access = os.O_WRONLY if name == "stderr" else os.O_RDONLY  # so that writing results fails
            setattr(sys, name, os.fdopen(os.open(os.devnull, access), mode, encoding="utf-8"))
        with contextlib.suppress(AttributeError):  # a stand-in, such as io.StringIO
            getattr(sys, name).reconfigure(errors="surrogateescape" if mode == "r" else "replace")
    raw = getattr(sys.stdout, "buffer", None)
    if isinstance(raw, io.RawIOBase):  # PYTHONUNBUFFERED, where Python drops what a write leaves over
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(raw), sys.stdout.encoding, "replace", newline="\n", line_buffering=True
        )


def make_printable(text: str, but: str = "") -> str:
    r"""Escape control and invisible characters as Python does (``\x1b``), but not those in ``but``."""
    return re.sub(_UNPRINTABLE, lambda c: c[0] if c[0] in but else c[0].encode("unicode_escape").decode(), text)


def print_note(text: str, whole: Iterable[str] = ()) -> None:
    """Write a line to standard error, if possible; in a terminal, wrap it between words.

    Commands in backticks, quoted text, paths and the parts in ``whole`` are not wrapped.
    """
    with contextlib.suppress(OSError):
        text = make_printable(text)
        if sys.stderr.isatty() and len(text) <= _MAX_WRAPPED:
            text = _wrap(text, _stderr_width(), map(make_printable, whole))
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def print_error(message: str, whole: Iterable[str] = ()) -> None:
    """Write an error to standard error as one line, wrapped as by :func:`print_note`."""
    print_note(f"Error: {' '.join(message.split())}", whole)


def _stderr_width() -> int:
    with contextlib.suppress(OSError, ValueError):
        return max(20, int(os.environ.get("COLUMNS") or os.get_terminal_size(sys.stderr.fileno()).columns or 80))
    return 80


def _wrap(text: str, width: int, whole: Iterable[str]) -> str:
    """Break a text into lines between words, but not within the parts that users copy."""
    import textwrap

    for part in sorted(map(str.strip, whole), key=len, reverse=True):
        text = text.replace(part, part.replace(" ", _FIXED_SPACE))
    text = re.sub(_COPIED, lambda part: part[0].replace(" ", _FIXED_SPACE), text)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace(_FIXED_SPACE, " ")


def print_result(text: str, *, flush: bool = False, styled: bool = False) -> None:
    """Write lines to standard output; in a terminal, escape control characters unless the text is ``styled``.

    Raises:
        BrokenPipeError: the reader has closed the pipe.
        NamegenError: the lines cannot be written.
    """
    try:
        sys.stdout.write(make_printable(text, but="\n\t") if not styled and sys.stdout.isatty() else text)
        if flush:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        why = "standard output is closed" if error.errno == errno.EBADF else error.strerror
        raise NamegenError(f"cannot write the results: {why}") from error


def print_json(value: object) -> None:
    """Write one JSON value to standard output."""
    import json

    print_result(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = (), else_see: str = "--format json"
) -> None:
    """Write a table to standard output: aligned in a terminal, tab-separated in a pipe.

    In a narrow terminal the last columns are left out; a note names them and points to ``else_see``.

    Args:
        head: the names of the columns, the most important first.
        rows: the cells.
        right: the names of right-aligned columns.
        else_see: where all columns can be seen.
    """
    rows = [[make_printable(cell) for cell in cells] for cells in rows]
    if not sys.stdout.isatty():
        print_result("".join("\t".join(cells) + "\n" for cells in [head, *rows]))
        return
    from rich import box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    # Each cell is followed by a space of padding and the space that separates the columns of this box.
    widths = [max(map(cell_len, column)) + 2 for column in zip(head, *rows, strict=True)]
    shown = next((n for n in range(len(head), 2, -1) if sum(widths[:n]) <= console.width), 2)
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for name in head[:shown]:
        grid.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for cells in rows:
        grid.add_row(*(Text(cell) for cell in cells[:shown]))
    console.print(grid)
    if shown < len(head):
        print_note(f"Columns left out: {', '.join(head[shown:])}; see {else_see}")


def is_live_terminal() -> bool:
    """Return whether standard error is a terminal that can redraw a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

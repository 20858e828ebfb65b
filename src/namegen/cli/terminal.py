"""Writing results, notes and tables to a terminal, a pipe or a file."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
from typing import TYPE_CHECKING

from namegen.errors import NamegenError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters: a terminal would obey them
    "\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # invisible, or turn text around
    "\ud800-\udfff\U000e0000-\U000e007f]"  # surrogates, and tags
)

_MAX_WRAPPED = 4_000  # characters: searching longer texts for parts that users copy takes too long

_UNBROKEN_BLANK = "\0"  # stands for a blank where no line may break

_COPIED = re.compile(
    r"`[^`]+`"  # a command
    r"|(?<!\w)(['\"]).+?\1(?!\w)"  # something quoted
    r"|\S*[/\\][^,;:]*[/\\]\S*"  # a path, with the blanks in its folders' names
)


def prepare_streams() -> None:
    """Replace standard streams that are closed, and let the others accept what they cannot encode or decode.

    If the descriptor of a closed stream stayed free, the next file that is opened would get it, and what C libraries
    write to the terminal would end up in that file.
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


def make_printable(text: str, but: str = "") -> str:
    r"""Return a text with control and invisible characters escaped as in Python: ``\x1b``.

    A byte of a file's name that is not UTF-8 is shown as that byte.

    Args:
        text: any text.
        but: characters that stay as they are.
    """
    return _UNPRINTABLE.sub(lambda found: found[0] if found[0] in but else _escape(found[0]), text)


def _escape(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte that was not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def print_note(text: str, whole: Iterable[str] = ()) -> None:
    """Write one line to standard error; errors in writing it are ignored.

    A terminal gets it wrapped between words. Commands in backticks, quoted text and paths are not wrapped.

    Args:
        text: what to say.
        whole: other parts of it that users copy, and that are not wrapped.
    """
    with contextlib.suppress(OSError):
        columns, text = _columns(), make_printable(text)
        if columns is not None and len(text) <= _MAX_WRAPPED:
            text = _wrap(text, columns, map(make_printable, whole))
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def print_error(message: str, whole: Iterable[str] = ()) -> None:
    """Write one line that begins with "Error: " to standard error.

    Args:
        message: what is wrong and what to do.
        whole: parts of it that are not wrapped, as in :func:`print_note`.
    """
    print_note(f"Error: {' '.join(message.split())}", whole)


def _columns() -> int | None:
    """Return the width of the terminal that standard error is, or ``None`` if it is not a terminal."""
    if not sys.stderr.isatty():
        return None
    width = os.environ.get("COLUMNS", "")
    if width.isdecimal() and int(width) > 0:
        return int(width)
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _wrap(text: str, width: int, whole: Iterable[str]) -> str:
    """Break a text into lines between words, but not within the parts that users copy, however long they are."""
    import textwrap

    for part in sorted(map(str.strip, whole), key=len, reverse=True):
        text = text.replace(part, part.replace(" ", _UNBROKEN_BLANK))
    text = _COPIED.sub(lambda part: part[0].replace(" ", _UNBROKEN_BLANK), text)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace(_UNBROKEN_BLANK, " ")


def print_result(text: str, *, flush: bool = False, styled: bool = False) -> None:
    """Write results to standard output: to a pipe as they are, to a terminal with control characters escaped.

    Args:
        text: whole lines.
        flush: write them at once.
        styled: the text has escape codes of ours, which a terminal must get.

    Raises:
        BrokenPipeError: the reader has closed the pipe.
        NamegenError: they cannot be written.
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
    """Write a table to standard output: aligned in a terminal, separated by tabs and with a head line in a pipe.

    If the terminal is too narrow, the last columns are left out, and a note names them.

    Args:
        head: the columns' names, the most important first.
        rows: the cells.
        right: the names of columns that are aligned to the right.
        else_see: where columns that are left out can be seen.
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
    # Each cell is followed by a blank of padding and the blank that this box has as a separator.
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

"""How results and notes reach the terminal or a pipe.

:func:`prepare_streams` repairs the standard streams first. Where a stream is closed from the start, the next file
opened
would get its descriptor, and what C libraries write to the terminal would land in that file; the null device takes its
place.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import sys
from typing import TYPE_CHECKING, Any, TextIO

from namegen.errors import NamegenError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from namegen.models.model import Model
    from namegen.models.store import ModelLocation


_UNSHOWABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters: a terminal would obey them
    "\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # invisible, or turn text around
    "\ud800-\udfff\U000e0000-\U000e007f]"  # halves of characters, and tags
)


_MAX_WRAPPED = 4_000  # characters; nobody reads more, and to find what people copy in it takes long


_KEPT_BLANK = "\0"  # stands for a blank where no line may end


_COPIED = re.compile(
    r"`[^`]+`"  # a command
    r"|(?<!\w)(['\"]).+?\1(?!\w)"  # something quoted
    r"|\S*[/\\][^,;:]*[/\\]\S*"  # a path, with the blanks in its folders' names
)


def make_printable(text: str, but: str = "") -> str:
    r"""Return a text with what a terminal would obey, or nobody could see, written as Python writes it: ``\x1b``.

    Whatever comes from a file, its name or the user goes through here on its way to a terminal, in :func:`note`,
    :func:`result` and :func:`table`. A byte of a file's name that is not UTF-8 is written as that byte.

    Args:
        text: any text.
        but: characters that stay as they are.
    """
    return _UNSHOWABLE.sub(lambda found: found[0] if found[0] in but else _written(found[0]), text)


def _written(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte that was not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def print_note(text: str, whole: Iterable[str] = ()) -> None:
    """Say something to the user that is not a result; where nobody can hear it, never mind.

    It is one line, which in a terminal breaks between words.

    Args:
        text: what to say.
        whole: parts of it that people will copy, and that must stay on one line: a command, a path. What looks like
            one is kept whole anyway, and so is what is quoted.
    """
    with contextlib.suppress(OSError):
        columns, text = _columns(), make_printable(text)
        if columns is not None and len(text) <= _MAX_WRAPPED:
            text = _wrap(text, columns, map(make_printable, whole))
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def print_error(message: str, whole: Iterable[str] = ()) -> None:
    """Say what is wrong, on one line that begins with "Error: ".

    Args:
        message: what is wrong and what to do.
        whole: parts of it that stay on one line, as in :func:`note`.
    """
    print_note(f"Error: {' '.join(message.split())}", whole)


def note_unfinished(place: ModelLocation, model: Model) -> None:
    """Say so if the training of a model has not finished."""
    if not model.finished:
        print_note(
            f"The training of {place.name} has not finished: this is the model after "
            f"{model.iterations:,} of {model.training.iterations:,} iterations."
        )


def _columns() -> int | None:
    """The width of the terminal that standard error is; ``None`` where it is none."""
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
    """Break a text into lines between words, but not within what people will copy, however long that is."""
    import textwrap

    for part in sorted(map(str.strip, whole), key=len, reverse=True):
        text = text.replace(part, part.replace(" ", _KEPT_BLANK))
    text = _COPIED.sub(lambda part: part[0].replace(" ", _KEPT_BLANK), text)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace(_KEPT_BLANK, " ")


def print_result(text: str, *, flush: bool = False, styled: bool = False) -> None:
    """Write results, whole lines, to standard output.

    A pipe gets them as they are, a terminal as :func:`visible` shows them.

    Args:
        text: the lines.
        flush: let them be seen at once.
        styled: they have escape codes of our own, which the terminal is to obey.

    Raises:
        BrokenPipeError: nobody reads them any more.
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


def show_cursor() -> None:
    """Let the terminal show its cursor, which a live display hides."""
    if is_live_terminal():
        from rich.console import Console

        with contextlib.suppress(OSError):
            Console(stderr=True).show_cursor()


def is_live_terminal() -> bool:
    """Whether standard error is a terminal that can redraw a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def print_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = (), else_see: str = "--format json"
) -> None:
    """Write a table to standard output: for people in a terminal, tab-separated with a head line in a pipe.

    Where the terminal is too narrow, the last columns are left out, and a note says which; a pipe gets all.

    Args:
        head: the columns' names, the most important first.
        rows: the cells.
        right: the names of columns to be set flush right.
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
    # Behind each cell comes a blank of padding and the blank that this box has for a separator.
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


_MAX_DIGITS = 4  # of a terminal's columns or lines


def prepare_streams() -> None:
    """Make the three standard streams fit for use, and tolerant of what cannot be encoded or decoded."""
    # In this order, as each that is opened gets the lowest number that is free.
    for number, (name, access) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            null = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            stream = _text(io.FileIO(null, access), access, "utf-8")
        elif not _blocks(stream):
            stream = _waiting(stream, access)
        setattr(sys, name, stream)
        with contextlib.suppress(AttributeError):  # a stand-in need not have an encoding
            stream.reconfigure(errors="surrogateescape" if access == "r" else "replace")  # type: ignore[attr-defined]


def forget_odd_sizes() -> None:
    """Forget what the environment says of the terminal's size where that cannot be, as libraries stumble over it."""
    for name in ("COLUMNS", "LINES"):
        size = os.environ.get(name, "")
        is_number = size.isascii() and size.isdecimal() and len(size) <= _MAX_DIGITS
        if not (is_number and int(size)):
            os.environ.pop(name, None)


def _blocks(stream: TextIO) -> bool:
    """Whether reading waits until there is something, and writing until there is room."""
    if sys.platform == "win32":  # has no such pipes
        return True
    try:
        return os.get_blocking(stream.fileno())
    except (OSError, ValueError, AttributeError):  # a stand-in
        return True


def _waiting(stream: TextIO, access: str) -> TextIO:
    """Return a stream in the place of one that does not block."""
    text = _text(_Waiting(stream.fileno()), access, str(stream.encoding))
    text.reconfigure(line_buffering=getattr(stream, "line_buffering", False))
    return text


def _text(raw: io.RawIOBase, access: str, encoding: str) -> io.TextIOWrapper:
    buffer: Any = io.BufferedReader(raw) if access == "r" else io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, encoding=encoding)


class _Waiting(io.RawIOBase):
    """A descriptor that does not block, read and written as if it did."""

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - whatever has bytes
        while True:
            try:
                read = os.read(self._number, len(buffer))
            except BlockingIOError:
                self._wait(writing=False)
            else:
                buffer[: len(read)] = read
                return len(read)

    def write(self, data: Any) -> int:  # noqa: ANN401
        while True:
            try:
                return os.write(self._number, data)
            except BlockingIOError:
                self._wait(writing=True)

    def _wait(self, *, writing: bool) -> None:
        import select

        numbers = [self._number]
        select.select([] if writing else numbers, numbers if writing else [], [])

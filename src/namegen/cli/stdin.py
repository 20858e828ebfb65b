"""What is given to a command: names as arguments, or lines on standard input, and then in bulk."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from namegen.cli.terminal import print_note
from namegen.errors import DataError
from namegen.io.lines import MAX_LINE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

    from namegen.evaluation.classify import FittedNames


NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Names; - or none reads them from standard input, one a line."),
]


ShapeOption = Annotated[
    Literal["text", "jsonl"],
    typer.Option("--format", "-f", help="A table in a terminal, else lines with tabs; or JSON, a line for each name."),
]


_READ_AT_A_TIME = 2**18  # bytes, which bounds the memory


def wants_table(names: list[str] | None, shape: str) -> bool:
    """Whether results are to be a table: in a terminal, unless somebody types names there and waits for each result."""
    return shape == "text" and sys.stdout.isatty() and not (_from_stdin(names) and _typed())


def read_names(names: list[str] | None) -> Iterator[list[str]]:
    """Go through the names given, without superfluous blanks: all arguments, or as many lines as there are to read.

    So whoever sends a line gets an answer to it, and whoever sends millions has them read many at once.
    """
    if not _from_stdin(names):
        yield [" ".join(name.split()) for name in names or ()]
        return
    if _typed():
        print_note("Type names, one a line.")
    for lines in lines_of_stdin():
        yield [name for line in lines if (name := " ".join(line.split()))]


def lines_of_stdin() -> Iterator[list[str]]:
    r"""Go through standard input: as many whole lines at a time as there are to read, but for their ends.

    A line ends in ``\n``, ``\r\n`` or ``\r``. A byte-order mark is left out.

    Raises:
        DataError: a line has more than ``MAX_LINE_BYTES`` bytes. Those before it come before.
    """
    stream = cast("BufferedReader", sys.stdin.buffer)
    rest, mark = b"", "\ufeff"
    while read := stream.read1(_READ_AT_A_TIME):
        read = rest + read
        end = 1 + max(read.rfind(b"\n"), read.rfind(b"\r", 0, -1))  # a line feed may come behind the last byte
        rest = read[end:]
        if end:
            yield from _checked(_lines(read[:end], mark))
            mark = ""
        if len(rest) > MAX_LINE_BYTES:
            raise _too_long()
    yield _lines(rest, mark)


def _checked(lines: list[str]) -> Iterator[list[str]]:
    """Give back lines if none is too long."""
    if max(map(len, lines)) <= MAX_LINE_BYTES:
        yield lines
        return
    yield list(itertools.takewhile(lambda line: len(line) <= MAX_LINE_BYTES, lines))
    raise _too_long()


def _too_long() -> DataError:
    return DataError(f"standard input has a line of more than {MAX_LINE_BYTES:,} bytes; give one name a line")


def _from_stdin(names: list[str] | None) -> bool:
    return not names or names == ["-"]


def _typed() -> bool:
    return sys.stdin.isatty()


def _lines(read: bytes, mark: str) -> list[str]:
    text = read.decode(sys.stdin.encoding, "surrogateescape").removeprefix(mark)
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


class SkippedNames:
    """Counts what could not be read of names, to say so at the end."""

    def __init__(self) -> None:
        self._names = self._characters = 0

    def add(self, fitted: FittedNames) -> None:
        """Count what is missing of some names."""
        self._names += fitted.left_out
        self._characters += fitted.dropped

    def say(self) -> None:
        """Say what was missing, if anything was."""
        from namegen.datasets.dataset import count_of

        if self._characters:
            print_note(f"Dropped {count_of(self._characters, 'character')} outside the model's alphabet.")
        if self._names:
            print_note(f"Left out {count_of(self._names, 'name')} of which nothing remained.")

"""Names that are given to a command: as arguments, or on standard input, and then in bulk."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from namegen.cli.output import note
from namegen.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

    from namegen.classifying import FittedNames

NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Names; - or none reads them from standard input, one a line."),
]
ShapeOption = Annotated[
    Literal["text", "jsonl"],
    typer.Option("--format", "-f", help="A table in a terminal, else lines with tabs; or JSON, a line for each name."),
]

_READ_AT_A_TIME = 2**18  # bytes, which bounds the memory
_LONGEST_LINE = 2**16


def wants_table(names: list[str] | None, shape: str) -> bool:
    """Whether results are to be a table: in a terminal, unless somebody types names there and waits for each result."""
    return shape == "text" and sys.stdout.isatty() and not (_from_stdin(names) and _typed())


def given_names(names: list[str] | None) -> Iterator[list[str]]:
    """Go through the names given, without superfluous blanks: all arguments, or as many lines as there are to read.

    So whoever sends a line gets an answer to it, and whoever sends millions has them read many at once.
    """
    if not _from_stdin(names):
        yield [" ".join(name.split()) for name in names or ()]
        return
    if _typed():
        note("Type names, one a line.")
    stream = cast("BufferedReader", sys.stdin.buffer)
    rest, mark = b"", "\ufeff"
    while read := stream.read1(_READ_AT_A_TIME):
        whole, _, rest = (rest + read).rpartition(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise DataError(f"{len(rest):,} bytes without a line end are too long for a name; give one a line")
        if whole:
            yield _lines(whole, mark)
            mark = ""
    yield _lines(rest, mark)


def _from_stdin(names: list[str] | None) -> bool:
    return not names or names == ["-"]


def _typed() -> bool:
    return sys.stdin.isatty()


def _lines(read: bytes, mark: str) -> list[str]:
    """Return the lines that are not blank, without superfluous blanks and without the byte-order mark."""
    text = read.decode(sys.stdin.encoding, "surrogateescape").removeprefix(mark)
    lines = [" ".join(line.split()) for line in text.split("\n")]
    return [line for line in lines if line]


class LeftOut:
    """Counts what could not be read of names, to say so at the end."""

    def __init__(self) -> None:
        self._names = self._characters = 0

    def add(self, fitted: FittedNames) -> None:
        """Count what is missing of some names."""
        self._names += fitted.left_out
        self._characters += fitted.dropped

    def say(self) -> None:
        """Say what was missing, if anything was."""
        from namegen.dataset import so_many

        if self._characters:
            note(f"Dropped {so_many(self._characters, 'character')} outside the model's alphabet.")
        if self._names:
            note(f"Left out {so_many(self._names, 'name')} of which nothing remained.")

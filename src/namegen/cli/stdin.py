"""Read names from arguments or standard input, and print an answer for each."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from namegen.cli.terminal import print_note, print_result, print_table
from namegen.errors import DataError
from namegen.io.lines import MAX_LINE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from io import BufferedReader
    from typing import Any

    from namegen.evaluation.classify import FittedNames


NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Names; without any, or with -, they are read from stdin."),
]
LinesOption = Annotated[
    Literal["text", "jsonl"],
    typer.Option("--format", "-f", help="Output format; text is a table in a terminal."),
]

_CHUNK_BYTES = 2**18  # bounds the memory


def print_answers(
    names: list[str] | None,
    output_format: str,
    compute: Callable[[list[str]], tuple[FittedNames, Iterable[Any]]],
    to_cells: Callable[[str, Any], Sequence[str]],
    to_object: Callable[[str, Any], dict[str, Any]],
    *,
    head: Sequence[str],
    right: Sequence[str],
) -> None:
    """Print an answer for each name: as a table in a terminal, else as soon as the name is read.

    Args:
        names: the names; ``None`` or ``-`` reads them from standard input.
        output_format: ``text`` or ``jsonl``.
        compute: returns the names as the model reads them, and the answer for each name.
        to_cells: returns the cells of a name and its answer.
        to_object: returns their JSON object.
        head: the names of the table's columns.
        right: the names of right-aligned columns.
    """
    import json

    from namegen.datasets.dataset import count_of

    encode = json.JSONEncoder(ensure_ascii=False).encode
    is_table = output_format == "text" and sys.stdout.isatty() and not (_from_stdin(names) and sys.stdin.isatty())
    rows: list[Sequence[str]] = []
    dropped = left_out = 0
    for some in _read_names(names):
        fitted, answers = compute(some)
        dropped, left_out = dropped + fitted.dropped, left_out + fitted.left_out
        kept = [(name, answer) for name, answer, read in zip(some, answers, fitted.names, strict=True) if read]
        if is_table:
            rows += [to_cells(name, answer) for name, answer in kept]
        elif output_format == "jsonl":
            print_result("".join([encode(to_object(name, answer)) + "\n" for name, answer in kept]), flush=True)
        else:
            print_result("".join(["\t".join(to_cells(name, answer)) + "\n" for name, answer in kept]), flush=True)
    if is_table:
        print_table(head, rows, right=right, else_see="--format jsonl")
    if dropped:
        print_note(f"Dropped {count_of(dropped, 'character')} outside the model's alphabet.")
    if left_out:
        print_note(f"Left out {count_of(left_out, 'name')} without any character of the model's alphabet.")


def _read_names(names: list[str] | None) -> Iterator[list[str]]:
    """Yield lists of names with single spaces: all arguments, or the lines that can be read at once."""
    if not _from_stdin(names):
        yield [" ".join(name.split()) for name in names or ()]
        return
    for lines in read_lines("names"):
        yield [name for line in lines if (name := " ".join(line.split()))]


def _from_stdin(names: list[str] | None) -> bool:
    return not names or names == ["-"]


def read_lines(kind: str) -> Iterator[list[str]]:
    r"""Yield lists of lines from standard input, as many as can be read at once, so that each is answered promptly.

    A line ends in ``\n``, ``\r\n`` or ``\r``. A byte-order mark is removed. A terminal shows a prompt for ``kind``.

    Raises:
        DataError: a line has more than ``MAX_LINE_BYTES`` bytes. The lines before it are yielded first.
    """
    if sys.stdin.isatty():
        print_note(f"Type {kind}, one per line.")
    stream = cast("BufferedReader", sys.stdin.buffer)
    rest, mark = b"", "\ufeff"
    while chunk := stream.read1(_CHUNK_BYTES):
        chunk = rest + chunk
        end = 1 + max(chunk.rfind(b"\n"), chunk.rfind(b"\r", 0, -1))  # the last \r may be followed by \n
        rest = chunk[end:]
        lines = _split_lines(chunk[:end], mark) if end else []
        accepted = list(itertools.takewhile(lambda line: len(line) <= MAX_LINE_BYTES, lines))
        yield accepted
        if len(accepted) < len(lines) or len(rest) > MAX_LINE_BYTES:
            raise DataError(f"standard input has a line of more than {MAX_LINE_BYTES:,} bytes; give one name per line")
        mark = "" if end else mark
    yield _split_lines(rest, mark)


def _split_lines(text: bytes, mark: str) -> list[str]:
    decoded = text.decode(sys.stdin.encoding, "surrogateescape").removeprefix(mark)
    return decoded.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")

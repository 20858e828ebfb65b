"""Lines of text files that nobody vouches for.

Whatever the file holds, no more than a bounded part of it is in memory at once: a file without a line end is refused
when its first line is too long, not when all of it has been read.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from namegen.errors import DataError
from namegen.io.files import open_regular_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, Protocol

    class Readable(Protocol):
        """What can be read, some bytes at a time."""

        def read(self, most: int, /) -> bytes:
            """Return at most so many bytes, and none at the end."""
            ...


SAVE_AS_UTF8 = "save the file as UTF-8"


MAX_LINE_BYTES = 2**16
"""How many bytes a line may have, its end not counted."""


_READ_AT_A_TIME = 2**16


_UTF_8_MARK = b"\xef\xbb\xbf"


_UTF_16_MARKS = b"\xff\xfe", b"\xfe\xff"


def open_list(path: str | Path) -> BinaryIO:
    """Open a file that is to be read to its end.

    Raises:
        DataError: it is a pipe, a device or the like, which may have no end, or never begin.
        OSError: it is not there, or cannot be read.
    """
    return io.BufferedReader(open_regular_file(Path(path), DataError, "; put what it gives into one first"))


def read_lines(stream: Readable, source: str) -> Iterator[bytes]:
    r"""Go through the lines of a text without their ends, which are ``\n``, ``\r\n`` or ``\r``, or a mixture.

    A byte-order mark is left out. Whether a line is UTF-8 is for the caller to find out.

    Args:
        stream: what to read.
        source: what it is, for errors.

    Raises:
        DataError: a line has more than ``MAX_LINE_BYTES`` bytes, or there are NUL bytes, which no text has but UTF-16.
    """
    number, rest = 0, b""
    for block in _blocks(stream, source):
        *lines, rest = (rest + block).split(b"\n")
        longest = max(len(rest), max(map(len, lines), default=0))
        if longest > MAX_LINE_BYTES or b"\0" in block:
            _check(number, [*lines, rest], source)
        yield from lines
        number += len(lines)
    if rest:
        yield rest


def decode_line(line: bytes, source: str, number: int) -> str:
    """Return a line as text.

    Raises:
        DataError: it is not UTF-8.
    """
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise DataError(f"{source}, line {number:,}: not UTF-8; {SAVE_AS_UTF8}") from None


def _blocks(stream: Readable, source: str) -> Iterator[bytes]:
    r"""Go through a text piece by piece, with ``\n`` for every line end and without its byte-order mark."""
    block = stream.read(_READ_AT_A_TIME)
    if block.startswith(_UTF_16_MARKS):
        raise _no_text(source, 1)
    block = block.removeprefix(_UTF_8_MARK)
    while block:
        more = stream.read(_READ_AT_A_TIME)
        if b"\r" in block:
            if more and block.endswith(b"\r"):  # a line feed that belongs to it may come next
                block, more = block[:-1], b"\r" + more
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield block
        block = more


def _check(number: int, lines: list[bytes], source: str) -> None:
    """Refuse the first of some lines, which come behind so many, that cannot be one of a list."""
    for number, line in enumerate(lines, number + 1):  # noqa: B020, PLR1704 - goes on counting
        if b"\0" in line:
            raise _no_text(source, number)
        if len(line) > MAX_LINE_BYTES:
            raise DataError(
                f"{source}, line {number:,}: more than {MAX_LINE_BYTES:,} bytes without a line end; "
                "give one name a line"
            )


def _no_text(source: str, number: int) -> DataError:
    return DataError(f"{source}, line {number:,}: not UTF-8 but UTF-16, or no text at all; {SAVE_AS_UTF8}")

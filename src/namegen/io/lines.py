"""Read lines of untrusted text files, with only a bounded part of a file in memory at any time."""

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
        """A stream of bytes."""

        def read(self, size: int, /) -> bytes:
            """Return at most ``size`` bytes, and none at the end."""
            ...


MAX_LINE_BYTES = 2**16
"""The most bytes of a line, without its end."""

_BLOCK_BYTES = 2**16
_UTF_8_MARK = b"\xef\xbb\xbf"
_ADVICE = "; save the file as UTF-8"


class EncodingError(DataError):
    """A text is not UTF-8. ``fact`` is the message without advice."""

    def __init__(self, fact: str) -> None:
        super().__init__(f"{fact}{_ADVICE}")
        self.fact = fact


def open_list(path: str | Path) -> BinaryIO:
    """Open a regular file for reading."""
    return io.BufferedReader(open_regular_file(Path(path), DataError, "save its contents to one first"))


def read_lines(stream: Readable, source: str) -> Iterator[bytes]:
    r"""Yield the lines of a text without their ends (``\n``, ``\r\n`` or ``\r``) and without a byte-order mark.

    Lines may be invalid UTF-8. ``source`` is the name of the text, for errors.

    Raises:
        DataError: a line has more than ``MAX_LINE_BYTES`` bytes.
        EncodingError: the text has NUL bytes, as UTF-16 does.
    """
    number, rest = 0, b""
    for block in _read_blocks(stream):
        *lines, rest = (rest + block).split(b"\n")
        longest = max(len(rest), max(map(len, lines), default=0))
        if longest > MAX_LINE_BYTES or b"\0" in block:
            _refuse([*lines, rest], number, source)
        yield from lines
        number += len(lines)
    if rest:
        yield rest


def decode_line(line: bytes, source: str, number: int) -> str:
    """Decode a line; raise ``EncodingError`` if it is not UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise EncodingError(f"{source}, line {number:,}: not UTF-8") from None


def _read_blocks(stream: Readable) -> Iterator[bytes]:
    r"""Yield a text in blocks, with ``\n`` for every line end and without its byte-order mark."""
    block = stream.read(_BLOCK_BYTES).removeprefix(_UTF_8_MARK)
    while block:
        following = stream.read(_BLOCK_BYTES)
        if b"\r" in block:
            if following and block.endswith(b"\r"):  # the following block may begin with its line feed
                block, following = block[:-1], b"\r" + following
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield block
        block = following


def _refuse(lines: list[bytes], lines_before: int, source: str) -> None:
    """Raise an error for the first line that is too long or has NUL bytes."""
    for number, line in enumerate(lines, lines_before + 1):
        if b"\0" in line:
            raise EncodingError(f"{source}, line {number:,}: not UTF-8 but UTF-16 or binary")
        if len(line) > MAX_LINE_BYTES:
            raise DataError(
                f"{source}, line {number:,}: more than {MAX_LINE_BYTES:,} bytes; put each name on its own line"
            )

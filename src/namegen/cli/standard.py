"""The standard streams made fit for use: there, whatever the caller has closed, and waiting, whatever it has set.

Where a stream is closed from the start, the next file that is opened would get its number, and what C libraries write
to the terminal would land in that file. So its number is taken by the null device. To write to a closed standard output
then fails, as it should; notes go nowhere; and of names there are none to read.

Where the caller has set a pipe not to block, Python gives up when it is full, and takes it for ended when it is empty.
Here it waits, as for any other pipe. The pipe itself stays as it is, since the caller may share it.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any, TextIO

_MOST_DIGITS = 4  # of a terminal's columns or lines


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
        is_number = size.isascii() and size.isdecimal() and len(size) <= _MOST_DIGITS
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

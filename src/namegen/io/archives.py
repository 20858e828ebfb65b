"""Read compressed files and archives from untrusted sources.

Members are read as streams, never unpacked to the disk. The unpacked size is limited relative to the size of the file
on the disk, whatever sizes the archive declares, so bombs and overlapping members are refused.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import stat
import struct
import zipfile
import zlib
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, BinaryIO

from namegen.errors import DataError, quote, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from namegen.io.lines import Readable


MAX_BYTES = 2**27
"""The most bytes that one compressed file may unpack to: some 15 million names."""

_MAX_RATIO = 100  # unpacked to compressed bytes; lists of names have about 3
_MIN_LIMIT = 2**18  # bytes that any file may unpack to
_MAX_READ = 2**23  # bytes per read of a zip; more than its directory has for 100,000 members
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,  # encrypted members; also NotImplementedError
    ValueError,  # also UnicodeDecodeError
    OverflowError,
    struct.error,
)


class UnpackLimit:
    """Limits the bytes unpacked from one compressed file; ``source`` is its name, for errors."""

    def __init__(self, file: BinaryIO, source: str) -> None:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        self._source, self._left = source, min(MAX_BYTES, max(_MIN_LIMIT, _MAX_RATIO * size))

    def count(self, unpacked: int) -> None:
        """Count unpacked bytes; raise ``DataError`` if they exceed the limit."""
        self._left -= unpacked
        if self._left < 0:
            raise DataError(
                f"{self._source} unpacks to more than {_MAX_RATIO} times its size or to more than {MAX_BYTES:,} "
                "bytes; if you trust it, unpack it yourself"
            )


class _LimitedStream:
    """A compressed stream whose unpacked bytes count towards a limit."""

    def __init__(self, stream: Readable, limit: UnpackLimit, source: str) -> None:
        self._stream, self._limit, self._source = stream, limit, source

    def read(self, size: int, /) -> bytes:
        with _describe_damage(f"cannot read {self._source}"):
            unpacked = self._stream.read(size)
        self._limit.count(len(unpacked))
        return unpacked


def open_gzip(stream: Readable, limit: UnpackLimit, source: str) -> Readable:
    """Return the unpacked contents of a gzipped stream; ``source`` is its name, for errors.

    Reading it raises a ``DataError`` if it is damaged or exceeds the limit.
    """
    return _LimitedStream(gzip.GzipFile(fileobj=stream), limit, source)  # type: ignore[call-overload]


class Archive:
    """A zip archive. Its ``members`` are the files in it, by path, with ``/`` between folders.

    Args:
        file: the archive.
        limit: counts the unpacked bytes.
        source: the archive's name, for errors.

    Raises:
        DataError: it is not a zip archive, is damaged, has too many members or the same one twice, or has a path that
            leads out of it.
    """

    def __init__(self, file: BinaryIO, limit: UnpackLimit, source: str) -> None:
        with _describe_damage(f"{source} is not a valid zip archive"):
            self._archive = zipfile.ZipFile(_LimitedReads(file, source))
        self._limit, self._source = limit, source
        self.members: dict[str, zipfile.ZipInfo] = {}
        for member in self._archive.infolist():
            path = _normalize_path(member.filename, source)
            if path.endswith("/"):
                continue
            if path in self.members:
                raise DataError(f"{source} has two files named {quote(path)}; do not trust it")
            self.members[path] = member

    def open(self, path: str) -> Readable:
        """Open a member for reading.

        Raises:
            DataError: it is a link, is encrypted or damaged, or has an unsupported compression.
        """
        member, source = self.members[path], f"{self._source}: {shorten(path)}"
        if stat.S_ISLNK(member.external_attr >> 16):
            raise DataError(f"{source} is a link; pack the file that it links to")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(f"{source} has an unsupported compression; pack it as an ordinary zip")
        with _describe_damage(f"cannot read {source}"):
            return _LimitedStream(self._archive.open(member), self._limit, source)


class _LimitedReads:
    """A file that refuses large reads, so that a size declared in a zip never determines the memory used."""

    def __init__(self, file: BinaryIO, source: str) -> None:
        self._file, self._size, self._source = file, file.seek(0, os.SEEK_END), source
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._file.tell())
        size = left if size < 0 else min(size, left)
        if size > _MAX_READ:
            raise DataError(f"{self._source} has too many files, or is damaged; unpack it and give the folder")
        return self._file.read(size)


@contextlib.contextmanager
def _describe_damage(failure: str) -> Iterator[None]:
    """Turn the errors of damaged and unreadable files into a ``DataError``."""
    try:
        yield
    except (*_DAMAGED, OSError) as error:
        reason = shorten(getattr(error, "strerror", None) or str(error) or type(error).__name__)
        raise DataError(f"{failure}: {reason}") from error


def _normalize_path(name: str, source: str) -> str:
    """Return a member's path with ``/`` between folders, and at the end of a folder."""
    path = PureWindowsPath(name)  # accepts both kinds of slashes
    if path.anchor or ".." in path.parts:
        raise DataError(f"{source} has a path that leads out of it ({quote(name)}); do not trust it")
    return str(PurePosixPath(name.replace("\\", "/"))) + ("/" if name.endswith(("/", "\\")) else "")

"""Compressed files and archives that nobody vouches for.

Nothing is ever unpacked to the disk here: members are read as streams. How much may come out is bounded while it is
read, whatever a file declares, and by the size of the whole file on the disk, so that neither a bomb nor members that
share their bytes come to anything.
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
"""How many bytes may come out of one compressed file: some 15 million names."""


MAX_RATIO = 100
"""How many times its size may come out of a compressed file; lists of names have about 3."""


_FREE = 2**18  # bytes that may come out of any file, however small


_MAX_AT_ONCE = 2**23  # bytes that a zip is read by, its directory in one go: that of more than 100,000 members


_ENCRYPTED = 1  # the bit of a member's flags


_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,  # NotImplementedError is one
    UnicodeDecodeError,
    ValueError,
    OverflowError,
    struct.error,
)


class UnpackLimit:
    """How much has come out of one compressed file, and may.

    Args:
        file: the compressed file.
        source: what it is, for errors.
    """

    def __init__(self, file: BinaryIO, source: str) -> None:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        self._source, self._left = source, min(MAX_BYTES, max(_FREE, MAX_RATIO * size))

    def count(self, unpacked: int) -> None:
        """Take note that so many bytes more came out.

        Raises:
            DataError: they are too many.
        """
        self._left -= unpacked
        self.check(0)

    def check(self, more: int) -> None:
        """See that so many bytes more may come out.

        Raises:
            DataError: they are too many.
        """
        if more > self._left:
            raise DataError(
                f"{self._source} unpacks to more than {MAX_RATIO} times its size or to more than {MAX_BYTES:,} "
                "bytes; if you trust it, unpack it yourself"
            )


class _Counted:
    """What comes out of a compressed stream, counted."""

    def __init__(self, stream: Readable, unpacked: UnpackLimit, source: str) -> None:
        self._stream, self._unpacked, self._source = stream, unpacked, source

    def read(self, most: int, /) -> bytes:
        try:
            read = self._stream.read(most)
        except (*_DAMAGED, OSError) as error:
            raise _unreadable(self._source, error) from error
        self._unpacked.count(len(read))
        return read


def open_gzip(stream: Readable, unpacked: UnpackLimit, source: str) -> Readable:
    """Return what a gzipped stream holds.

    Reading it raises a ``DataError`` where it is damaged, or too much comes out.

    Args:
        stream: what to read.
        unpacked: counts what comes out of it.
        source: what it is, for errors.
    """
    return _Counted(gzip.GzipFile(fileobj=stream), unpacked, source)  # type: ignore[call-overload]


class Archive:
    """A zip archive that is open.

    Attributes:
        members: the files in it by their paths, with ``/`` between folders.
    """

    def __init__(self, archive: zipfile.ZipFile, unpacked: UnpackLimit, source: str) -> None:
        self._archive, self._unpacked, self._source = archive, unpacked, source
        self.members: dict[str, zipfile.ZipInfo] = {}
        for member in archive.infolist():
            path = _inner_path(member.filename, source)
            if path.endswith("/"):
                continue
            if path in self.members:
                raise DataError(f"{source} has two files {quote(path)}; it is not to be trusted")
            self.members[path] = member

    @contextlib.contextmanager
    def open(self, path: str) -> Iterator[Readable]:
        """Open a member for reading.

        Raises:
            DataError: it is a link, encrypted, packed in an unusual way or damaged, or too much comes out of it.
        """
        member, source = self.members[path], f"{self._source}: {shorten(path)}"
        if stat.S_ISLNK(member.external_attr >> 16):
            raise DataError(f"{source} is a link; pack the file that it leads to")
        if member.flag_bits & _ENCRYPTED:
            raise DataError(f"{source} is encrypted; unpack it yourself, or pack it without a password")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(f"{source} is compressed in an unusual way; pack it as an ordinary zip")
        self._unpacked.check(member.file_size)
        try:
            stream = self._archive.open(member)
        except (*_DAMAGED, OSError) as error:
            raise _unreadable(source, error) from error
        with stream:
            yield _Counted(stream, self._unpacked, source)


@contextlib.contextmanager
def open_archive(stream: BinaryIO, unpacked: UnpackLimit, source: str) -> Iterator[Archive]:
    """Open a zip archive.

    Args:
        stream: the archive, which can be read from any place.
        unpacked: counts what comes out of it.
        source: what it is, for errors.

    Raises:
        DataError: it is no zip archive, is damaged, has too many members, has one twice, or has one whose path leads
            out of it.
        OSError: it cannot be read.
    """
    try:
        archive = zipfile.ZipFile(_InParts(stream, source))
    except _DAMAGED as error:
        raise DataError(f"{source} is not a zip archive that can be read: {_reason(error)}") from error
    with archive:
        yield Archive(archive, unpacked, source)


class _InParts:
    """A file that is read by parts of a bounded size alone, so that no size which a zip declares is believed."""

    def __init__(self, file: BinaryIO, source: str) -> None:
        self._file, self._size, self._source = file, file.seek(0, os.SEEK_END), source
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, most: int = -1) -> bytes:
        left = max(0, self._size - self._file.tell())
        most = left if most < 0 else min(most, left)
        if most > _MAX_AT_ONCE:
            raise DataError(f"{self._source} has too many files, or is damaged; give a folder of them")
        return self._file.read(most)


def _unreadable(source: str, error: Exception) -> DataError:
    return DataError(f"cannot read {source}: {_reason(error)}")


def _reason(error: Exception) -> str:
    return shorten(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def _inner_path(name: str, source: str) -> str:
    """Return the path of a member with ``/`` between folders, whichever system it was packed on."""
    path = PureWindowsPath(name)  # which takes both kinds of slashes
    if path.anchor or ".." in path.parts:
        raise DataError(f"{source} has a path that leads out of it ({quote(name)}); it is not to be trusted")
    return str(PurePosixPath(name.replace("\\", "/"))) + ("/" if name.endswith(("/", "\\")) else "")

"""Write files atomically, and open regular files for reading."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from namegen.errors import NamegenError

if TYPE_CHECKING:
    import io


_TEMPORARY = ".tmp"


def write_atomically(path: Path, content: bytes) -> None:
    """Put ``content`` into the file ``path``: afterwards it is whole, or it is what it was before.

    The bytes go to a temporary file in the same folder, which is flushed to the disk and then renamed; the
    folder is flushed too, so that the rename survives a power cut.

    Raises:
        NamegenError: the folder cannot be made or written to, or the disk is full.
    """
    path = _led_to(path)
    try:
        _check_replaceable(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = _new_temporary(path)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(_permissions(path))
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)
    except OSError as error:
        raise NamegenError(
            f"cannot write {path}: {error.strerror or error}; make room or permit it, or choose another place"
        ) from error


def remove_leftovers(path: Path) -> None:
    """Remove what writers of ``path`` that were killed left behind; nobody may be writing it now."""
    path = _led_to(path)
    # Just what `mkstemp` makes: `.m.v2.tw8k_x1q.tmp` is of the file m.v2, which somebody may be writing, and not of m.
    left = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}{re.escape(_TEMPORARY)}")
    for temporary in path.parent.glob(f".*{_TEMPORARY}"):
        if left.fullmatch(temporary.name):
            with contextlib.suppress(OSError):
                temporary.unlink()


def check_writable(path: Path) -> None:
    """Find out whether the file ``path`` can be written, before hours of work that should end in it.

    Raises:
        NamegenError: it cannot.
    """
    path = _led_to(path)
    try:
        _check_replaceable(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = _new_temporary(path)
        try:
            os.close(descriptor)
        finally:
            Path(temporary).unlink()
    except OSError as error:
        raise NamegenError(
            f"cannot write to {path.parent}: {error.strerror or error}; permit it, or choose another place"
        ) from error


def _check_replaceable(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise NamegenError(f"cannot write {path}: it is no regular file; choose another place")


def _led_to(path: Path) -> Path:
    """Return the file that a path leads to: a link stays one, and what it leads to is replaced."""
    return Path(os.path.realpath(path))


def _new_temporary(path: Path) -> tuple[int, str]:
    """Open a new file beside ``path``; returns its descriptor and its name, which tells whose it is."""
    return tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_TEMPORARY)


def _permissions(path: Path) -> int:
    """The mode of the file being replaced, or what the umask allows a new one."""
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _flush_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # Windows cannot open a folder, and some file systems cannot sync one
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def open_regular_file(path: Path, error: type[NamegenError], instead: str) -> io.FileIO:
    """Open a file whose bytes are to be read.

    A pipe, a device or the like is not even opened: it may have no end, or wait for somebody, or do something then.

    Args:
        path: the file.
        error: what is raised if it is no regular file.
        instead: what to say then, behind "is no regular file".

    Raises:
        OSError: it is not there, or cannot be read.
    """
    _check_regular(path, path.stat(), error, instead)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(path, "rb", buffering=0, opener=_opener))
        _check_regular(path, os.fstat(file.fileno()), error, instead)  # another one may have come into its place
        stack.pop_all()
    return file


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # to open a pipe must not wait for its other end


def _check_regular(path: Path, status: os.stat_result, error: type[NamegenError], instead: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise error(f"{path} is no regular file{instead}")

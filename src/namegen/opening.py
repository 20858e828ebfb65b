"""Opening files to read them: regular ones, which have an end and wait for nobody."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import io
    from pathlib import Path

    from namegen.errors import NamegenError


def open_regular(path: Path, error: type[NamegenError], instead: str) -> io.FileIO:
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

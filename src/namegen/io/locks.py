"""Locks between processes."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from namegen.errors import BusyError, NamegenError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def hold_lock(lock: Path, what: str) -> Iterator[None]:
    """Hold a lock file while the body runs.

    Args:
        lock: the lock file; it stays, empty, when the lock is released.
        what: what the holder is doing, for the error that another process gets.

    Raises:
        BusyError: another process holds the lock.
        NamegenError: the lock cannot be created.
    """
    from filelock import FileLock, Timeout

    holder = lock.with_suffix(".pid")  # a separate file, since Windows cannot read a locked file
    file_lock = FileLock(lock, timeout=0)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file_lock.acquire()
        with contextlib.suppress(OSError):  # on a full disk, --remove must still work
            holder.write_text(f"{os.getpid()}\n", encoding="utf-8")
    except Timeout:
        raise BusyError(f"{_describe_holder(holder)} is already {what}; wait for it to end, or stop it") from None
    except OSError as error:
        raise NamegenError(
            f"cannot lock {lock}: {error.strerror or error}; free space, fix the permissions, or set NAMEGEN_CACHE_DIR"
        ) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows cannot remove a file while another process reads it
            holder.unlink()
        file_lock.release()


def _describe_holder(holder: Path) -> str:
    """Return the process that holds a lock, if it has already written its id."""
    pid = ""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        pid = holder.read_text(encoding="utf-8").strip()
    return f"process {pid}" if pid else "another process"

"""One at a time: locks between processes."""

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
    """Hold the lock file ``lock`` while the body runs.

    The holder's process id stands beside the lock, in a file of its own (a locked file cannot be read on
    every platform), so that whoever comes second can be told who was first.

    Args:
        lock: the lock file; it stays behind, empty, when the lock is released.
        what: what the holder is doing, for the second one's error message.

    Raises:
        BusyError: somebody else holds it.
        NamegenError: it cannot be made.
    """
    from filelock import FileLock, Timeout

    holder = lock.with_suffix(".pid")
    file_lock = FileLock(lock, timeout=0)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file_lock.acquire()
        with contextlib.suppress(OSError):  # a full disk must not keep anybody from making room
            holder.write_text(f"{os.getpid()}\n", encoding="utf-8")
    except Timeout:
        raise BusyError(f"{_named(holder)} is already {what}; wait for its end, or stop it") from None
    except OSError as error:
        raise NamegenError(
            f"cannot lock {lock}: {error.strerror or error}; make room or permit it, or set NAMEGEN_CACHE_DIR"
        ) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # whoever reads it now holds on to it on Windows
            holder.unlink()
        file_lock.release()


def _named(holder: Path) -> str:
    """Say who holds a lock, as far as is known: it may just have got it, or be about to let it go."""
    pid = ""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        pid = holder.read_text(encoding="utf-8").strip()
    return f"process {pid}" if pid else "another process"

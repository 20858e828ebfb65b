"""Write files atomically, and open regular files for reading."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from namegen.errors import NamegenError

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator


_SUFFIX = ".tmp"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file such that it is complete, or as it was before.

    The bytes go to a temporary file in the same folder, which is flushed to the disk and then renamed. The folder is
    flushed too, so the rename survives a power cut. The target of a symbolic link is replaced, not the link.
    """
    path = Path(os.path.realpath(path))
    try:
        with _temporary_file(path) as (descriptor, temporary):
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(_get_mode(path))
            temporary.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise NamegenError(
            f"cannot write {path}: {error.strerror or error}; free space or fix the permissions, or choose another path"
        ) from error


def check_writable(path: Path) -> None:
    """Raise ``NamegenError`` if a file cannot be written, before work whose result it will store."""
    path = Path(os.path.realpath(path))
    try:
        with _temporary_file(path) as (descriptor, _):
            os.close(descriptor)
    except OSError as error:
        raise NamegenError(
            f"cannot write to {path.parent}: {error.strerror or error}; fix the permissions, or choose another path"
        ) from error


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files that killed writers of a file left; no process may be writing it now."""
    path = Path(os.path.realpath(path))
    # As mkstemp names them. A looser pattern for the file "m" would also match the temporary files of "m.v2".
    pattern = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}{re.escape(_SUFFIX)}")
    for temporary in path.parent.glob(f".*{_SUFFIX}"):
        if pattern.fullmatch(temporary.name):
            with contextlib.suppress(OSError):
                temporary.unlink()


@contextlib.contextmanager
def _temporary_file(path: Path) -> Iterator[tuple[int, Path]]:
    """Create a temporary file beside a file, and remove it at the end unless it was renamed."""
    import tempfile  # slow to import, and sampling does without it

    if path.exists() and not path.is_file():
        raise NamegenError(f"cannot write {path}: it is not a regular file; choose another path")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_SUFFIX)
    try:
        yield descriptor, Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _get_mode(path: Path) -> int:
    """Return the permissions of the file being replaced, or the permissions of a new file under the umask."""
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


def open_regular_file(path: Path, error: type[NamegenError], advice: str) -> io.FileIO:
    """Open a regular file for reading. For pipes and devices, which may never end, ``error`` is raised."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise error(f"{path} is not a regular file; {advice}")
    return path.open("rb", buffering=0)

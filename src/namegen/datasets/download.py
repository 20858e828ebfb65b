"""Download the datasets of the catalogue and verify them.

A dataset appears under its final name only when every file has arrived and been checked. ``dataset.json`` beside the
files
records whether they match the catalogue or were accepted without verification.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from namegen import paths
from namegen.datasets.catalogue import CatalogueEntry, catalogue_entry
from namegen.datasets.readers import is_list
from namegen.errors import DataError, DownloadError
from namegen.io.archives import UnpackLimit, open_archive
from namegen.io.lines import open_list
from namegen.io.locks import hold_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


MANIFEST = "dataset.json"


_NEW, _BEFORE = "new", "old"  # the subfolders in which one dataset waits for its place, and the other gave it up


_MAX_MANIFEST_BYTES = 2**16  # of a manifest; one of 18 files has 2 kB


_MAX_FILE_BYTES = 2**26  # of a file in an archive; the largest pinned one has 0.2 MB


@dataclass(frozen=True)
class Fetched:
    """A dataset that lies in the cache.

    Attributes:
        path: its folder.
        verified: whether its files are what the catalogue pins.
        new: whether it was fetched just now.
    """

    path: Path
    verified: bool
    new: bool


def present(name: str) -> Fetched | None:
    """Return the dataset of that name if it lies in the cache, whole.

    Its files are compared with the hashes that were taken when it was fetched, so damage since then shows.
    """
    entry, folder = catalogue_entry(name), paths.dataset_dir(name)
    try:
        taken = _manifest(folder / MANIFEST)["files"]
        lists = {file.name for file in folder.iterdir() if is_list(file.name)}
        whole = set(taken) == set(entry.files) == lists
        whole = whole and all(_sha256(folder / file) == taken[file] for file in entry.files)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Fetched(folder, verified=dict(taken) == dict(entry.files), new=False) if whole else None


def _manifest(file: Path) -> dict[str, dict[str, str]]:
    """Return what a manifest says, which nothing vouches for.

    Raises:
        ValueError: it cannot be one.
    """
    if not file.is_file() or file.stat().st_size > _MAX_MANIFEST_BYTES:
        raise ValueError(f"{file} is no manifest")
    content: dict[str, dict[str, str]] = json.loads(file.read_text(encoding="utf-8"))
    return content


def download(
    name: str = "surnames",
    *,
    source: str | None = None,
    verify: bool = True,
    report: Callable[[int, int], None] = lambda _done, _total: None,
    notice: Callable[[str], None] = lambda _text: None,
) -> Fetched:
    """Fetch a dataset of the catalogue into the cache, unless it is there already.

    Afterwards all of it is there, or what was there before.

    Args:
        name: the catalogue's name for it.
        source: where to take it from instead of its repository: a folder, a ``.zip``, or the URL of either, which
            begins with ``https://`` (``http://`` is for servers on this machine alone). In a zip the files may lie in
            any one folder, in a folder on this machine also in ``data/names/`` or in one that has the dataset's name.
        verify: accept only files with the pinned hashes.
        report: called with the number of bytes so far and in all.
        notice: called with a line of text when a server did not answer as it should, and is about to be asked again.

    Raises:
        UsageError: the catalogue has no such dataset.
        DownloadError: it cannot be reached, lacks a file, a file is not what the catalogue pins, or it cannot be kept.
    """
    entry = catalogue_entry(name)
    folder = paths.dataset_dir(name)
    with hold_lock(paths.locks_dir() / f"dataset-{name}.lock", f"downloading {name}"):
        there = present(name)
        if there and (there.verified or not verify):
            return there
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            _clear_away_leftovers(folder)
            staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{name}."))
            try:
                _gather(entry, source, staging / _NEW, report, notice)
                hashes = {file: _sha256(staging / _NEW / file) for file in entry.files}
                if verify:
                    _check(entry, hashes)
                manifest = {"dataset": name, "files": hashes, "verified": hashes == dict(entry.files)}
                (staging / _NEW / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
                _put_in_place(staging, folder)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        except OSError as error:
            raise DownloadError(
                f"cannot keep {name} in {folder}: {error.strerror or error}; "
                "make room or permit it, or set NAMEGEN_CACHE_DIR"
            ) from error
    return Fetched(folder, verified=hashes == dict(entry.files), new=True)


def _put_in_place(staging: Path, folder: Path) -> None:
    """Let a new dataset take the place of the one before, which stays if that fails."""
    before = staging / _BEFORE
    try:
        if folder.exists():
            folder.rename(before)
        (staging / _NEW).rename(folder)
    except BaseException:
        _restore(before, folder)
        raise


def _restore(before: Path, folder: Path) -> None:
    if before.is_dir() and not folder.exists():
        before.rename(folder)


def _clear_away_leftovers(folder: Path) -> None:
    """Remove what downloads that were killed left; a dataset that one had just put aside takes its place again."""
    for left in folder.parent.glob(f".{folder.name}.*"):
        _restore(left / _BEFORE, folder)
        shutil.rmtree(left)


def remove(name: str) -> bool:
    """Remove a downloaded dataset from the cache; returns whether there was one.

    Raises:
        UsageError: the catalogue has no such dataset.
        DownloadError: it cannot be removed.
    """
    folder = paths.dataset_dir(catalogue_entry(name).name)
    if not folder.exists():
        return False
    with hold_lock(paths.locks_dir() / f"dataset-{name}.lock", f"downloading {name}"):
        try:
            if not folder.exists():  # somebody else removed it meanwhile
                return False
            aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{name}."))
            folder.rename(aside / "removed")  # so that a kill leaves all of it or nothing
            shutil.rmtree(aside)
        except OSError as error:
            raise DownloadError(f"cannot remove {folder}: {error.strerror or error}") from error
    return True


def _check(entry: CatalogueEntry, hashes: Mapping[str, str]) -> None:
    wrong = [file for file in entry.files if hashes[file] != entry.files[file]]
    if wrong:
        others = f" (and {len(wrong) - 1} more files)" if len(wrong) > 1 else ""
        raise DownloadError(
            f"{wrong[0]}{others} is not what the catalogue pins: SHA-256 {hashes[wrong[0]]}, where it should be "
            f"{entry.files[wrong[0]]}; try again, or accept it as it is with --no-verify"
        )


def _gather(
    entry: CatalogueEntry,
    source: str | None,
    folder: Path,
    report: Callable[[int, int], None],
    notice: Callable[[str], None],
) -> None:
    """Put all files of a dataset into a new folder, from wherever they are to come."""
    folder.mkdir()
    if source is None or "://" in source:
        _download(entry, source or entry.url, folder, report, notice)
    elif Path(source).is_dir():
        _copy(entry, Path(source), folder)
    elif Path(source).is_file() and Path(source).suffix.lower() == ".zip":
        _unpack(entry, Path(source), source, folder)
    else:
        raise DownloadError(f"no folder or .zip archive {source}; --from takes one of these, or a URL")


def _download(
    entry: CatalogueEntry,
    url: str,
    folder: Path,
    report: Callable[[int, int], None],
    notice: Callable[[str], None],
) -> None:
    """Fetch the files of a dataset from a URL: that of a zip, or of the folder that has them."""
    from namegen.io.http import Fetcher, check_address, shown

    check_address(url)
    with Fetcher(notice) as fetcher:
        if _path_of(url).lower().endswith(".zip"):
            archive = folder.with_name("archive.zip")
            fetcher.fetch(url, archive, _Progress(report, 0).update)
            _unpack(entry, archive, shown(url), folder)
            return
        progress = _Progress(report, entry.size)
        for file in entry.files:
            fetcher.fetch(_within(url, file), folder / file, progress.update)
            progress.finish(folder / file)


def _path_of(url: str) -> str:
    return re.split(r"[?#]", url, maxsplit=1)[0]


def _within(url: str, file: str) -> str:
    """The address of a file in a folder; what stands behind a ``?`` stays behind it."""
    path = _path_of(url)
    return path.rstrip("/") + "/" + file + url[len(path) :]


class _Progress:
    """Adds the bytes of all files up, for a report that never goes back."""

    def __init__(self, report: Callable[[int, int], None], size: int) -> None:
        self._report, self._size = report, size
        self._before = self._most = 0

    def update(self, done: int, length: int) -> None:
        """Take note of so many bytes of the present file, which has that length if it is not 0."""
        size = self._size or max(length, done)
        self._most = max(self._most, min(self._before + done, size))
        self._report(self._most, size)

    def finish(self, file: Path) -> None:
        """Take note that a file is there."""
        self._before += file.stat().st_size


def _copy(entry: CatalogueEntry, source: Path, folder: Path) -> None:
    """Copy the files of a dataset out of a folder, or the subfolder that has all of them."""
    candidates = [source, source / entry.name, source / "data" / "names"]
    found = next((c for c in candidates if all((c / file).is_file() for file in entry.files)), None)
    if found is None:
        missing = [file for file in entry.files if not (source / file).is_file()]
        raise DownloadError(f"the folder {source} is not the dataset {entry.name}: it lacks {', '.join(missing[:3])}")
    for file in entry.files:
        shutil.copyfile(found / file, folder / file)


def _unpack(entry: CatalogueEntry, archive: Path, source: str, folder: Path) -> None:
    """Take the files of a dataset out of a zip, from the one folder in it that has all of them."""
    try:
        with open_list(archive) as file, open_archive(file, UnpackLimit(file, source), source) as opened:
            parents = sorted({str(PurePosixPath(path).parent) for path in opened.members}, key=_outermost)
            prefixes = ["" if parent == "." else f"{parent}/" for parent in parents]
            prefix = next((p for p in prefixes if all(p + file in opened.members for file in entry.files)), None)
            if prefix is None:
                raise DownloadError(f"{source} is not the dataset {entry.name}: no folder in it has all its files")
            for name in entry.files:
                with opened.open(prefix + name) as member:
                    content = member.read(_MAX_FILE_BYTES + 1)
                if len(content) > _MAX_FILE_BYTES:
                    raise DownloadError(f"{source}: {prefix}{name} is too large to be a list of names")
                (folder / name).write_bytes(content)
    except DataError as error:
        raise DownloadError(str(error)) from error


def _outermost(folder: str) -> tuple[int, str]:
    return folder.count("/"), folder


def _sha256(file: Path) -> str:
    """Return the SHA-256 of a regular file.

    Raises:
        OSError: it cannot be read, or is something else; a pipe would never end.
    """
    if not file.is_file():
        raise FileNotFoundError(errno.ENOENT, "no file", str(file))
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(2**20):
            digest.update(block)
    return digest.hexdigest()

"""Download the datasets of the catalogue and verify them.

A dataset appears under its final name only when every file has arrived and been checked. ``dataset.json`` beside the
files records their hashes and whether they match the catalogue.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from namegen import paths
from namegen.datasets.catalogue import CatalogueEntry, get_entry
from namegen.datasets.readers import is_list
from namegen.errors import DataError, DownloadError
from namegen.io.archives import MAX_BYTES, UnpackLimit, open_archive
from namegen.io.lines import open_list
from namegen.io.locks import hold_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


MANIFEST = "dataset.json"
_NEW, _OLD = "new", "old"  # subfolders of the staging folder: the new dataset, and the one it replaces


@dataclass(frozen=True)
class DownloadedDataset:
    """A dataset in the cache.

    Attributes:
        path: its folder.
        verified: whether its files match the hashes in the catalogue.
        new: whether it was downloaded just now.
    """

    path: Path
    verified: bool
    new: bool


def find_downloaded(name: str) -> DownloadedDataset | None:
    """Return a dataset of the catalogue if it is in the cache, complete and undamaged.

    Its files are compared with the hashes recorded when it was downloaded.

    Raises:
        UsageError: the catalogue has no such dataset.
    """
    entry, folder = get_entry(name), paths.dataset_dir(name)
    try:
        recorded = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        lists = {file.name for file in folder.iterdir() if is_list(file.name)}
        is_complete = set(recorded) == set(entry.files) == lists
        is_intact = is_complete and all(_hash_file(folder / file) == recorded[file] for file in entry.files)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return DownloadedDataset(folder, verified=recorded == entry.files, new=False) if is_intact else None


def download(
    name: str = "surnames",
    *,
    source: str | None = None,
    verify: bool = True,
    report: Callable[[int, int], None] = lambda _done, _total: None,
    notice: Callable[[str], None] = lambda _text: None,
) -> DownloadedDataset:
    """Download a dataset of the catalogue into the cache, unless it is already there.

    If it fails, the cache is as it was before.

    Args:
        name: the dataset's name in the catalogue.
        source: where to take it from instead of its repository: a folder, a ``.zip``, or the URL of either, which
            begins with ``https://`` (``http://`` is accepted for servers on this machine only). In a zip the files may
            be in any one folder; in a local folder also in ``data/names/`` or in a subfolder named after the dataset.
        verify: accept only files whose hashes match the catalogue.
        report: called with the number of bytes so far and in all.
        notice: called with a line of text before a failed download is retried.

    Raises:
        UsageError: the catalogue has no such dataset.
        DownloadError: it cannot be reached or written, lacks a file, or a file does not match its hash.
    """
    entry = get_entry(name)
    folder = paths.dataset_dir(name)
    with hold_lock(paths.locks_dir() / f"dataset-{name}.lock", f"downloading {name}"):
        existing = find_downloaded(name)
        if existing and (existing.verified or not verify):
            return existing
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(folder)
            with _staging_folder(folder) as staging:
                new = Path(staging, _NEW)
                new.mkdir()
                if source is None or "://" in source:
                    _download(entry, source or entry.url, new, report, notice, verify=verify)
                else:
                    _copy(entry, Path(source), new)
                hashes = {file: _hash_file(new / file) for file in entry.files}
                if verify:
                    _verify(entry, hashes)
                verified = hashes == entry.files
                manifest = {"dataset": name, "files": hashes, "verified": verified}
                (new / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
                _replace(folder, new, Path(staging, _OLD))
        except OSError as error:
            raise DownloadError(
                f"cannot keep {name} in {folder}: {error.strerror or error}; "
                "make room or permit it, or set NAMEGEN_CACHE_DIR"
            ) from error
    return DownloadedDataset(folder, verified, new=True)


def remove_downloaded(name: str) -> bool:
    """Remove a downloaded dataset from the cache; returns whether there was one.

    Raises:
        UsageError: the catalogue has no such dataset.
        DownloadError: it cannot be removed.
    """
    folder = paths.dataset_dir(get_entry(name).name)
    with hold_lock(paths.locks_dir() / f"dataset-{name}.lock", f"downloading {name}"):
        if not folder.exists():
            return False
        try:
            with _staging_folder(folder) as staging:
                folder.rename(Path(staging, "removed"))  # if the process is killed now, all of it is gone or nothing
        except OSError as error:
            raise DownloadError(f"cannot remove {folder}: {error.strerror or error}") from error
    return True


def _staging_folder(folder: Path) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.", ignore_cleanup_errors=True)


def _replace(folder: Path, new: Path, old: Path) -> None:
    """Replace a dataset by a new one; the older one stays if that fails."""
    try:
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    except BaseException:
        if not folder.exists() and old.exists():
            old.rename(folder)
        raise


def _remove_leftovers(folder: Path) -> None:
    """Remove the staging folders of downloads that were killed, and restore the dataset that one was replacing."""
    for staging in folder.parent.glob(f".{folder.name}.*"):
        if not folder.exists() and (staging / _OLD).exists():
            (staging / _OLD).rename(folder)
        shutil.rmtree(staging)


def _verify(entry: CatalogueEntry, hashes: Mapping[str, str]) -> None:
    wrong = [file for file in entry.files if hashes[file] != entry.files[file]]
    if wrong:
        others = f" (and {len(wrong) - 1} more files)" if len(wrong) > 1 else ""
        raise DownloadError(
            f"{wrong[0]}{others} does not match the catalogue: expected SHA-256 {entry.files[wrong[0]]} but got "
            f"{hashes[wrong[0]]}; try again, or accept the files with --no-verify"
        )


def _download(
    entry: CatalogueEntry,
    url: str,
    folder: Path,
    report: Callable[[int, int], None],
    notice: Callable[[str], None],
    *,
    verify: bool,
) -> None:
    """Download the files of a dataset from a URL: of a zip, or of the folder that contains them."""
    from namegen.io.http import download_files, hide_secrets

    def report_bytes(done: int) -> None:
        report(done, max(done, entry.size))

    if url.lower().endswith(".zip"):
        parent, _, archive = url.rpartition("/")
        download_files(parent, {archive: None}, folder.parent, report_bytes, notice)
        _unpack(entry, folder.parent / archive, hide_secrets(url), folder)
    else:
        hashes = {file: digest if verify else None for file, digest in entry.files.items()}
        download_files(url, hashes, folder, report_bytes, notice)


def _copy(entry: CatalogueEntry, source: Path, folder: Path) -> None:
    """Copy the files of a dataset out of a zip, a folder, or the subfolder that contains all of them."""
    if source.is_file() and source.suffix.lower() == ".zip":
        _unpack(entry, source, str(source), folder)
        return
    if not source.is_dir():
        raise DownloadError(f"no folder or .zip archive {source}; --from takes one of these, or a URL")
    candidates = [source, source / entry.name, source / "data" / "names"]
    found = next((c for c in candidates if all((c / file).is_file() for file in entry.files)), None)
    if found is None:
        missing = [file for file in entry.files if not (source / file).is_file()]
        raise DownloadError(f"the folder {source} is not the dataset {entry.name}: it lacks {', '.join(missing[:3])}")
    for file in entry.files:
        shutil.copyfile(found / file, folder / file)


def _unpack(entry: CatalogueEntry, archive: Path, source: str, folder: Path) -> None:
    """Take the files of a dataset out of a zip, from the outermost folder in it that contains all of them."""
    try:
        with open_list(archive) as file, open_archive(file, UnpackLimit(file, source), source) as opened:
            parents = {PurePosixPath(path).parent for path in opened.members}
            parents = {
                parent for parent in parents if all(str(parent / name) in opened.members for name in entry.files)
            }
            if not parents:
                raise DownloadError(f"{source} is not the dataset {entry.name}: no folder in it has all its files")
            parent = min(parents, key=lambda path: (len(path.parts), path))
            for name in entry.files:
                with opened.open(str(parent / name)) as member:
                    (folder / name).write_bytes(member.read(MAX_BYTES))
    except DataError as error:
        raise DownloadError(str(error)) from error


def _hash_file(file: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()

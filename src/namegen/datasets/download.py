"""Download the datasets of the catalogue and verify them.

``dataset.json`` beside the files of a dataset records their hashes, which tells damaged files from unverified ones.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from namegen import paths
from namegen._validate import check_arguments, check_callable, check_path, check_text
from namegen.datasets.catalogue import CatalogueEntry, get_entry
from namegen.errors import DataError, DownloadError
from namegen.io.archives import MAX_BYTES, Archive, UnpackLimit
from namegen.io.lines import open_list
from namegen.io.locks import hold_lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


MANIFEST = "dataset.json"


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

    Raises:
        UsageError: the catalogue has no such dataset.
    """
    entry, folder = get_entry(name), paths.dataset_dir(name)
    try:
        recorded = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        lists = {file.name for file in folder.iterdir() if not file.name.startswith(".")} - {MANIFEST}
        if lists == entry.files.keys() and recorded == _hash_files(entry, folder):
            return DownloadedDataset(folder, verified=recorded == entry.files, new=False)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


@check_arguments()
def download(
    name: str = "surnames",
    *,
    source: str | None = None,
    verify: bool = True,
    report: Callable[[int, int], None] = lambda _done, _total: None,
    notice: Callable[[str], None] = lambda _text: None,
) -> DownloadedDataset:
    """Download a dataset of the catalogue into the cache, unless it is already there.

    If the download fails, the cache stays as it was.

    Args:
        name: the dataset's name in the catalogue.
        source: a folder, a ``.zip``, or the ``https://`` URL of either, instead of its repository (``http://`` for
            servers on this machine only). A zip may have the files in any single folder. A local folder may also have
            them in ``data/names/`` or in a subfolder named after the dataset.
        verify: accept only files whose hashes match the catalogue.
        report: called with the number of bytes downloaded so far and the total number.
        notice: called with a message before a failed download is retried.

    Raises:
        UsageError: the catalogue has no such dataset.
        DownloadError: the source cannot be reached or lacks a file, a file does not match its hash, or the cache cannot
            be written.
    """
    entry, folder = get_entry(check_text("the dataset", name, "surnames")), paths.dataset_dir(name)
    if source is not None:
        source = str(check_path("source", source)) if not isinstance(source, str) else source
    check_callable("report", report)
    check_callable("notice", notice)
    with _lock(name):
        existing = find_downloaded(name)
        if existing and (existing.verified or not verify):
            return existing
        staging = folder.with_name(f".{name}.new")
        try:
            shutil.rmtree(staging, ignore_errors=True)  # of a download that was killed
            staging.mkdir(parents=True)
            if source is None or "://" in source:
                _download(entry, source or entry.url, staging, report, notice, verify=verify)
            else:
                _copy(entry, Path(source), staging)
            hashes = _hash_files(entry, staging)
            if verify:
                _verify(entry, hashes)
            manifest = {"dataset": name, "files": hashes, "verified": hashes == entry.files}
            (staging / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
            if folder.exists():
                shutil.rmtree(folder)
            staging.rename(folder)
        except OSError as error:
            raise DownloadError(
                f"cannot store {name} in {folder}: {error.strerror or error}; free space, fix the permissions, "
                "or set NAMEGEN_CACHE_DIR"
            ) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return DownloadedDataset(folder, verified=hashes == entry.files, new=True)


def remove_downloaded(name: str) -> bool:
    """Remove a downloaded dataset from the cache; return whether there was one.

    Raises:
        UsageError: the catalogue has no such dataset.
        DownloadError: it cannot be removed.
    """
    folder = paths.dataset_dir(get_entry(name).name)
    with _lock(name):
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise DownloadError(f"cannot remove {folder}: {error.strerror or error}") from error
    return True


def _lock(name: str) -> AbstractContextManager[None]:
    return hold_lock(paths.locks_dir() / f"dataset-{name}.lock", f"downloading {name}")


def _hash_files(entry: CatalogueEntry, folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a dataset in hexadecimal."""
    return {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in entry.files}


def _verify(entry: CatalogueEntry, hashes: dict[str, str]) -> None:
    for file, expected in entry.files.items():
        if hashes[file] != expected:
            raise DownloadError(
                f"{file} does not match the catalogue: expected SHA-256 {expected} but got {hashes[file]}; "
                "try again, or accept the files with --no-verify"
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
    """Download the files of a dataset from the URL of a zip or of the folder that contains them."""
    from namegen.io.http import download_files, hide_secrets

    def report_bytes(done: int) -> None:
        report(done, max(done, entry.size))

    if url.lower().endswith(".zip"):
        parent, _, archive = url.rpartition("/")
        download_files(parent, {archive: None}, folder, report_bytes, notice)
        _unpack(entry, folder / archive, hide_secrets(url), folder)
        (folder / archive).unlink()
    else:
        hashes = {file: digest if verify else None for file, digest in entry.files.items()}
        download_files(url, hashes, folder, report_bytes, notice)


def _copy(entry: CatalogueEntry, source: Path, folder: Path) -> None:
    """Copy the files of a dataset from a zip, a folder or one of its usual subfolders."""
    if source.is_file() and source.suffix.lower() == ".zip":
        _unpack(entry, source, str(source), folder)
        return
    if not source.is_dir():
        raise DownloadError(f"{source} is not a folder or .zip archive; give --from a folder, a .zip archive or a URL")
    candidates = [source, source / entry.name, source / "data" / "names"]
    found = next((c for c in candidates if all((c / file).is_file() for file in entry.files)), None)
    if found is None:
        missing = next(file for file in entry.files if not (source / file).is_file())
        raise DownloadError(f"the folder {source} is not the dataset {entry.name}: it lacks {missing}")
    for file in entry.files:
        shutil.copyfile(found / file, folder / file)


def _unpack(entry: CatalogueEntry, archive: Path, source: str, folder: Path) -> None:
    """Extract the files of a dataset from the outermost folder in a zip that contains all of them."""
    try:
        with open_list(archive) as file:
            opened = Archive(file, UnpackLimit(file, source), source)
            parents = {PurePosixPath(path).parent for path in opened.members}
            complete = [p for p in parents if all(str(p / name) in opened.members for name in entry.files)]
            if not complete:
                raise DownloadError(f"{source} is not the dataset {entry.name}: no folder in it has all the files")
            parent = min(complete, key=lambda path: (len(path.parts), path))
            for name in entry.files:
                (folder / name).write_bytes(opened.open(str(parent / name)).read(MAX_BYTES))
    except DataError as error:
        raise DownloadError(str(error)) from error

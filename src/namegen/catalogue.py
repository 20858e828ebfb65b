"""The catalogue of datasets that can be fetched, and how they are fetched.

Every file is pinned: by the commit of the repository that serves it, and by its SHA-256. A dataset appears under its
final name only when all of it is there and checked. Beside the files lies ``dataset.json``, which says whether they are
what the catalogue says or were taken as they were (``verify=False``).
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
from namegen.archives import Unpacked, open_archive
from namegen.errors import DataError, DownloadError, UsageError
from namegen.lines import open_list
from namegen.locks import exclusive
from namegen.readers import is_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MANIFEST = "dataset.json"

_NEW, _BEFORE = "new", "old"  # the subfolders in which one dataset waits for its place, and the other gave it up
_MAX_MANIFEST_BYTES = 2**16  # of a manifest; one of 18 files has 2 kB
_MAX_FILE_BYTES = 2**26  # of a file in an archive; the largest pinned one has 0.2 MB


@dataclass(frozen=True)
class CatalogueEntry:
    """A dataset that can be fetched.

    Attributes:
        name: what it is called.
        about: what is in it, in a few words.
        origin: the repository and the licence it comes under.
        url: the folder that serves its files, ending in a slash.
        size: the bytes of all files together.
        files: the SHA-256 of each file in hexadecimal, by the file's name.
    """

    name: str
    about: str
    origin: str
    url: str
    size: int
    files: Mapping[str, str]


CATALOGUE = {
    entry.name: entry
    for entry in (
        CatalogueEntry(
            name="surnames",
            about="20,050 surnames of 18 languages, the data of the tutorial",
            origin="spro/practical-pytorch, MIT",
            url=(
                "https://raw.githubusercontent.com/spro/practical-pytorch/"
                "a7c4ecdc500a7b49d19d72b4cd76dc4b8d36acfe/data/names/"
            ),
            size=163_419,
            files={
                "Arabic.txt": "6f424a8dbe51cbbbabab7a57d38b617210125e4e3991f3c657cb79b8f104bafc",
                "Chinese.txt": "09ba8f1f7e38dbc99372d461b26ad4433b811fc6bfa6a3ecca6fe11a9a777465",
                "Czech.txt": "e17ab0ec47616a72c39cb85c783f70c3663ab64488721e5d8378f146d2226be7",
                "Dutch.txt": "924f32b635170eae561f84538632138fc07d4c8bbd70ba3fb980de1ecc4d2af3",
                "English.txt": "9cca037066d3d5989e24bc01801416162de506b5e28e15b7c092a47905d29bf2",
                "French.txt": "81e65b36c60ed5b89a17422f6edcadbb89546f38ad69e960e64e7ba682012a95",
                "German.txt": "7449cd590b97a733e18d613a4155decd77ec35dc5f8aadd7a82204dce4f051db",
                "Greek.txt": "3555b5186de7f401e6d991b088e9e644ca3099116477818c25ab5793801389e6",
                "Irish.txt": "cf8c7013256252a88d2503127b87282a11f21b2ff6db1bded68834c19a1ec058",
                "Italian.txt": "f88414c27d0606a11a678b4859277828c2565d6cc4d9ee932deef6e94f3b35e4",
                "Japanese.txt": "e0e717e114fec3e7eade4d9dabe0067c475f43147e36a22b47902ee76ad9e67f",
                "Korean.txt": "cd54221ccb362a6cba4c78828838cf3268a0e59744767a37cf6ec4b74036b136",
                "Polish.txt": "45bab898af2f60ed3a728bbf6980e28821011a7caa53227553b5785903a40826",
                "Portuguese.txt": "50a8735f41f4f73757c8ce5b16cb0275cd86b2b214bcbc8c9805f508cb131c53",
                "Russian.txt": "0cfe53ac18041e8f63666aa77313e0a3ff378facb132abee052d8ebdc8c3d62c",
                "Scottish.txt": "78d0252711d87d948ea86fe34826c51d2d794a8e52d15b5d6f7b6244d45d62dd",
                "Spanish.txt": "1bcb462ed3316756a85781d68232bddae04498fdddd5d9219c53fd1fbdeba7a7",
                "Vietnamese.txt": "f3f9e4164ab47601178a6e45b216464a64122f49d05541f24bf18a757253281d",
            },
        ),
        CatalogueEntry(
            name="makemore",
            about="32,033 given names in lower case, the data of makemore",
            origin="karpathy/makemore, MIT",
            url="https://raw.githubusercontent.com/karpathy/makemore/8f79bd0126eaef5eb82d346c9f85ae20ea1c476a/",
            size=228_145,
            files={"names.txt": "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d"},
        ),
    )
}


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


def catalogue_entry(name: str) -> CatalogueEntry:
    """Return the catalogue's entry of that name.

    Raises:
        UsageError: there is none.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    raise UsageError(f"no dataset {name!r} in the catalogue; there are {', '.join(CATALOGUE)}")


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
    with exclusive(paths.locks_dir() / f"dataset-{name}.lock", f"downloading {name}"):
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
    with exclusive(paths.locks_dir() / f"dataset-{name}.lock", f"downloading {name}"):
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
    from namegen.fetching import Fetcher, check_address, shown

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
        with open_list(archive) as file, open_archive(file, Unpacked(file, source), source) as opened:
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

"""Find the files with names in a path: a file, a folder with subfolders, a zip archive, or standard input."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from namegen.datasets.options import STDIN
from namegen.errors import DataError, quote, shorten
from namegen.io.archives import Archive, UnpackLimit, open_gzip
from namegen.io.lines import open_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from namegen.io.lines import Readable


FORMATS = (
    "text files, .csv and .tsv tables, .json and .jsonl, optionally gzipped (.gz), .xlsx, .parquet, "
    "and folders or .zip archives of them"
)

GZIP_MARK = b"\x1f\x8b"
ZIP_MARKS = b"PK\x03\x04", b"PK\x05\x06"
WORKBOOK = "xl/workbook.xml"
"""The member that every spreadsheet has and other zips lack."""

OLE_MARK = b"\xd0\xcf\x11\xe0"
"""The beginning of files of old versions of Office, such as ``.xls``."""

_SUFFIXES = {"", ".txt", ".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson", ".xlsx", ".parquet", ".lst", ".list"}
_BLANKS = re.compile(r"[\s_-]+")
_NO_NAMES = ("readme", "license", "licence", "copying", "notice", "changelog", "contributing", "authors", "credits")
_MAC_FOLDER = "__MACOSX"
_MANIFEST = "dataset.json"  # of a dataset downloaded by namegen
_MAX_FILES = 10_000
_BLOCK_BYTES = 2**16
_MAX_SHOWN = 3


@dataclass(frozen=True)
class NameFile:
    """A file to read names from.

    Attributes:
        source: the path of the file, for errors.
        name: the name of the file, without ``.gz``.
        category: the category of a list: the file's folders and its name without the extension.
        open: a function that opens the file, unpacked, at its beginning.
    """

    source: str
    name: str
    category: str
    open: Callable[[], BinaryIO]

    @property
    def suffix(self) -> str:
        """The extension in lower case, such as ``.txt``."""
        return PurePosixPath(self.name).suffix.lower()


@contextlib.contextmanager
def open_files(path: Path, notes: list[str]) -> Iterator[list[NameFile]]:
    """Open the files with names in a path; they can be read until the context ends.

    Args:
        path: a file, a folder, a zip, or ``-`` for standard input.
        notes: the list to which a note about skipped files is added.

    Raises:
        DataError: the path does not exist, or contains no file with names.
        OSError: the path cannot be read.
    """
    if str(path) == STDIN:
        with _copy_stdin() as stream:
            yield _list_stdin(stream, notes)
        return
    if not path.exists() and not path.is_symlink():
        raise DataError(f"no file or folder {path}")
    if path.is_dir():
        found = {"/".join(file.relative_to(path).parts): file for file in _walk(path)}
        chosen = _choose(found, notes)
        if not chosen:
            raise DataError(f"no lists of names in the folder {path}; namegen reads {FORMATS}")
        _refuse_duplicates(chosen, path)
        yield [_build_file(found[file], category) for file, category in chosen.items()]
        return
    with open_list(path) as stream:
        head = stream.read(4)
        if path.suffix.lower() == ".zip" or (head in ZIP_MARKS and path.suffix.lower() not in (".xlsx", ".xlsm")):
            limit = UnpackLimit(stream, str(path))
            archive = Archive(stream, limit, str(path))
            if WORKBOOK not in archive.members:
                yield _list_members(archive, limit, path, notes)
                return
    yield [_build_file(path, remove_extension(path.name))]


def _list_stdin(stream: BinaryIO, notes: list[str]) -> list[NameFile]:
    """Return the files in standard input: one, or the members of a zip."""
    source = "standard input"
    head = _TemporaryFileView(stream).read(4)

    def open_stream() -> BinaryIO:
        view = _TemporaryFileView(stream)
        if not head.startswith(GZIP_MARK):
            return view
        return io.BytesIO(_read_all(open_gzip(view, UnpackLimit(stream, source), source)))

    if head in ZIP_MARKS:
        limit = UnpackLimit(stream, source)
        archive = Archive(stream, limit, source)
        if WORKBOOK not in archive.members:
            return _list_members(archive, limit, Path(source), notes)
    return [NameFile(source, "names", "names", open_stream)]


def remove_extension(name: str) -> str:
    """Return the name of a file without its extension and without ``.gz``."""
    return PurePosixPath(_remove_gz(name)).stem


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and its subfolders, without following links to folders."""
    count = 0

    def refuse(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            count += 1
            if count > _MAX_FILES:
                raise DataError(f"{folder} has more than {_MAX_FILES:,} files; give a smaller folder")
            yield Path(parent, name)


def _list_members(archive: Archive, limit: UnpackLimit, path: Path, notes: list[str]) -> list[NameFile]:
    """Return the files with names in a zip."""

    def build(member: str, category: str) -> NameFile:
        source = f"{path}: {shorten(member)}"

        def open_member() -> BinaryIO:
            stream = archive.open(member)
            if member.lower().endswith(".gz"):
                stream = open_gzip(stream, limit, source)
            return io.BytesIO(_read_all(stream))

        return NameFile(source, _remove_gz(PurePosixPath(member).name), category, open_member)

    chosen = _choose([member for member in archive.members if not member.startswith(f"{_MAC_FOLDER}/")], notes)
    if not chosen:
        raise DataError(f"no lists of names in {path}; namegen reads {FORMATS}")
    _refuse_duplicates(chosen, path)
    return [build(member, category) for member, category in chosen.items()]


def _build_file(path: Path, category: str) -> NameFile:
    """Return a file on the disk."""
    source = str(path)

    def open_file() -> BinaryIO:
        stream = open_list(path)
        is_gzip = stream.read(2) == GZIP_MARK or path.name.lower().endswith(".gz")
        stream.seek(0)
        if not is_gzip:
            return stream
        with stream:
            return io.BytesIO(_read_all(open_gzip(stream, UnpackLimit(stream, source), source)))

    return NameFile(source, _remove_gz(path.name), category, open_file)


def _choose(files: Iterable[str], notes: list[str]) -> dict[str, str]:
    """Return the categories of the files that may contain names, by path; the others are added to ``notes``."""
    chosen: list[PurePosixPath] = []
    skipped: list[str] = []
    hidden = 0
    for file in files:
        path = PurePosixPath(file)
        suffix = PurePosixPath(_remove_gz(path.name)).suffix.lower()
        if any(part.startswith(".") for part in path.parts):
            hidden += 1
        elif file == _MANIFEST:
            continue
        elif suffix not in _SUFFIXES or _BLANKS.sub("", path.name.lower()).startswith(_NO_NAMES):
            skipped.append(file)
        else:
            chosen.append(path)
    if skipped or hidden:
        shown = [shorten(file) for file in skipped[:_MAX_SHOWN]]
        more = len(skipped) - _MAX_SHOWN
        shown += [f"{more:,} other {'file' if more == 1 else 'files'}"] if more > 0 else []
        shown += [f"{hidden:,} hidden {'file' if hidden == 1 else 'files'}"] if hidden else []
        notes.append(f"skipped {', '.join(shown)}")
    common = _count_common([path.parts[:-1] for path in chosen])
    categories = {str(path): "/".join([*path.parts[common:-1], remove_extension(path.name)]) for path in chosen}
    return dict(sorted(categories.items(), key=lambda item: (item[1], item[0])))


def _count_common(folders: Sequence[tuple[str, ...]]) -> int:
    """Return the number of leading folders that all files share."""
    if not folders:
        return 0
    first, last = min(folders), max(folders)
    return next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))


def _refuse_duplicates(categories: dict[str, str], source: Path) -> None:
    """Raise an error if there is a file in two forms, such as ``X.txt`` and ``X.txt.gz``."""
    found: dict[str, str] = {}
    for file, category in categories.items():
        other = found.setdefault(f"{category}{PurePosixPath(_remove_gz(file)).suffix.lower()}", file)
        if other != file:
            both = f"{shorten(other)} and {shorten(file)}"
            raise DataError(f"{source}: the category {quote(category)} has two files, {both}; remove one")


def _remove_gz(name: str) -> str:
    return name[:-3] if name.lower().endswith(".gz") else name


def _read_all(stream: Readable) -> bytes:
    """Read a compressed stream, whose size is limited."""
    blocks = []
    while block := stream.read(_BLOCK_BYTES):
        blocks.append(block)
    return b"".join(blocks)


class _TemporaryFileView(io.BufferedReader):
    """A view of a temporary file, from its beginning, which does not close the file."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(io.FileIO(file.fileno(), closefd=False))
        self.seek(0)


@contextlib.contextmanager
def _copy_stdin() -> Iterator[BinaryIO]:
    """Copy standard input to a temporary file, because it has to be read more than once."""
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        yield file

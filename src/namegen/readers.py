"""How names are read from files and folders.

Formats: a folder of ``CATEGORY.txt`` files, a zip of one, one ``.txt`` (its category is the file's name), a
``.csv`` or ``.tsv`` with a category and a name column; and each of these files gzipped.
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from namegen.alphabet import ASCII, Alphabet
from namegen.dataset import SAVE_AS_UTF8, Dataset, DatasetBuilder, NameAdder
from namegen.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORMATS = "a folder or .zip of CATEGORY.txt files, a .txt, .csv or .tsv file, or one of these files with .gz"


def load_dataset(
    path: str | Path, *, alphabet: Alphabet = ASCII, keep_repeats: bool = False, label: str | None = None
) -> Dataset:
    """Read names grouped by category from a file or folder.

    Args:
        path: see the formats at the head of this module.
        alphabet: what the names are transliterated into.
        keep_repeats: keep names that occur more than once in a category, as the tutorial does.
        label: what to call the dataset; by default the name of the file or folder.

    Raises:
        DataError: nothing is there, it cannot be read, it is not UTF-8, or there is no name in it.
    """
    path = Path(path)
    builder = DatasetBuilder(alphabet)
    try:
        if path.is_dir():
            files = {str(file): file.name for file in path.iterdir() if is_list(file.name) and not file.is_dir()}
            if not files:
                raise DataError(f"no .txt files in the folder {path}; namegen reads {FORMATS}")
            for file in _by_category(files).values():
                _add_file(builder, Path(file))
            return builder.finish(label or _label(path.resolve().name), keep_repeats=keep_repeats)
        _add_file(builder, path)
    except FileNotFoundError:
        raise DataError(f"no file or folder {path}") from None
    except OSError as error:
        raise _unreadable(path, error) from error
    return builder.finish(label or _label(_category(path.name)), keep_repeats=keep_repeats)


def _unreadable(path: Path | str, error: Exception) -> DataError:
    return DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}")


def _add_file(builder: DatasetBuilder, path: Path) -> None:
    """Read one file of names in whichever format its ending tells."""
    kind = PurePosixPath(path.name.lower().removesuffix(".gz")).suffix
    if not path.exists() and not path.is_symlink():
        raise FileNotFoundError
    if kind not in (".txt", ".csv", ".tsv", ".zip"):
        raise DataError(f"cannot tell the format of {path} from its name; namegen reads {FORMATS}")
    try:
        with path.open("rb") as packed, _unzipped(packed, path.name) as stream:
            if kind == ".txt":
                builder.add_lines(_category(path.name), stream, str(path))
            elif kind == ".zip":
                _add_archive(builder, stream, path)
            else:
                _add_table(builder, stream, "," if kind == ".csv" else "\t", str(path))
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from error


def _add_archive(builder: DatasetBuilder, stream: IO[bytes], path: Path) -> None:
    """Read the lists in a zip straight from the archive; nothing is unpacked to the disk."""
    try:
        with zipfile.ZipFile(io.BytesIO(stream.read())) as archive:
            members = {member: PurePosixPath(member).name for member in archive.namelist()}
            lists = {m: name for m, name in members.items() if is_list(name) and not m.startswith("__MACOSX/")}
            for category, member in _by_category(lists).items():
                try:
                    with archive.open(member) as packed, _unzipped(packed, member) as lines:
                        builder.add_lines(category, lines, f"{path}: {member}")
                except (OSError, EOFError, zlib.error) as error:
                    raise _unreadable(f"{path}: {member}", error) from error
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise DataError(f"{path} is not a zip archive that can be read: {error}") from error
    if not lists:
        raise DataError(f"no .txt files in {path}; namegen reads {FORMATS}")


def _add_table(builder: DatasetBuilder, stream: IO[bytes], delimiter: str, source: str) -> None:
    """Add a name for each row of a table: columns ``category`` and ``name``, or just two columns."""
    adders: dict[str, NameAdder] = {}
    rows = csv.reader(_decoded(stream, source), delimiter=delimiter, strict=True)
    columns: tuple[int, int] | None = None
    number, width, without_head = 0, 0, False
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if columns is None:
                width = len(row)
                heads = [cell.strip().casefold() for cell in row]
                if "category" in heads and "name" in heads:
                    columns = heads.index("category"), heads.index("name")
                    continue
                if width != 2:
                    raise DataError(
                        f"{source} needs a first line that names the columns category and name, "
                        f"or exactly two columns, the category first; it has {width}"
                    )
                columns, without_head = (0, 1), True
                builder.notes.append(f"took the first line of {source} ({', '.join(row)}) for a category and a name")
            number = rows.line_num
            if len(row) <= max(columns) or (without_head and len(row) > 2):
                raise DataError(f"{source}, line {number}: columns: {len(row)}, where the first line has {width}")
            category = row[columns[0]].strip()
            if category not in adders:
                adders[category] = builder.adder(category, f"{source}, line {number}")
            adders[category](row[columns[1]].encode(), source, number)
    except csv.Error as error:
        raise DataError(f"{source}, line {rows.line_num}: {error}") from error


def _decoded(stream: IO[bytes], source: str) -> Iterator[str]:
    """Decode a table line by line, so that an error can name the line."""
    for number, line in enumerate(stream, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{source}, line {number}: not UTF-8; {SAVE_AS_UTF8}") from None


def _by_category(files: Mapping[str, str]) -> dict[str, str]:
    """Return files by the category each is for, sorted, out of the files' names by their paths."""
    found: dict[str, str] = {}
    for file, name in sorted(files.items()):
        other = found.setdefault(_category(name), file)
        if other != file:
            raise DataError(f"the category {_category(name)!r} is there twice: {other} and {file}; take one away")
    return dict(sorted(found.items()))


def _unzipped(stream: IO[bytes], name: str) -> IO[bytes]:
    return gzip.open(stream) if name.lower().endswith(".gz") else stream  # type: ignore[return-value]


def is_list(name: str) -> bool:
    """Whether a file of this name in a folder is a list of names."""
    return name.lower().removesuffix(".gz").endswith(".txt") and not name.startswith(".")


def _category(name: str) -> str:
    """The category a file stands for: its name without the ending."""
    if name.lower().endswith(".gz"):
        name = name[:-3]
    return PurePosixPath(name).stem or name


def _label(name: str) -> str:
    """What to call a dataset: a name without what cannot be printed."""
    return "".join(character if character.isprintable() else "?" for character in name) or "names"

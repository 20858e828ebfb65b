"""Read names from files and folders in all supported formats."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from namegen._validate import check_arguments, check_path
from namegen.datasets.builder import DatasetBuilder
from namegen.datasets.dataset import count_of
from namegen.errors import DataError, quote, shorten
from namegen.io.archives import Archive, UnpackLimit, open_gzip
from namegen.io.lines import decode_line, open_list, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from namegen.datasets.builder import NameAdder
    from namegen.datasets.dataset import AlphabetChoice, Dataset
    from namegen.io.lines import Readable


FORMATS = "a folder or .zip of CATEGORY.txt files, or a .txt, .csv or .tsv file, optionally gzipped (.gz)"
_MAX_ROW_LINES = 1000  # limits the memory if a quote is never closed


@check_arguments()
def load_dataset(
    path: str | Path,
    *,
    alphabet: AlphabetChoice = "ascii",
    keep_repeats: bool = False,
    label: str | None = None,
) -> Dataset:
    """Read names grouped by category from a file or folder.

    Args:
        path: a folder or ``.zip`` of ``CATEGORY.txt`` files, a ``.txt``, a ``.csv`` or a ``.tsv``. Text files and
            tables may be gzipped.
        alphabet: as for ``Dataset.from_names``.
        keep_repeats: as for ``Dataset.from_names``.
        label: the name of the dataset; by default the name of the file or folder.

    Raises:
        DataError: the path does not exist, cannot be read, is not UTF-8, contains no name or exceeds a limit.
    """
    path = check_path("path", path, "; Dataset.from_names takes names in memory")
    builder = DatasetBuilder(alphabet)
    try:
        if not path.exists() and not path.is_symlink():
            raise DataError(f"no file or folder {path}")
        if path.is_dir():
            files = {str(file): file.name for file in path.iterdir() if is_list(file.name) and not file.is_dir()}
            if not files:
                raise DataError(f"no .txt files in the folder {path}; namegen reads {FORMATS}")
            for file in _group_by_category(files, path).values():
                _add_file(builder, Path(file))
            name = path.resolve().name
        else:
            _add_file(builder, path)
            name = _get_category(path.name)
    except OSError as error:
        raise DataError(f"cannot read {error.filename or path}: {error.strerror or error}") from error
    printable = "".join(character if character.isprintable() else "?" for character in name) or "names"
    return builder.finish(label or printable, keep_repeats=keep_repeats)


def is_list(name: str) -> bool:
    """Return whether a file in a folder or zip is a list of names, given the file's name."""
    return name.lower().removesuffix(".gz").endswith(".txt") and not name.startswith(".")


def _add_file(builder: DatasetBuilder, path: Path) -> None:
    """Read a file in the format that its extension indicates."""
    name, source = path.name.lower(), str(path)
    kind = PurePosixPath(name.removesuffix(".gz")).suffix
    if kind not in (".txt", ".csv", ".tsv", ".zip") or name.endswith(".zip.gz"):
        raise DataError(f"cannot tell the format of {path} from its name; namegen reads {FORMATS}")
    with open_list(path) as file:
        limit = UnpackLimit(file, source)
        stream = _unzip(file, name, limit, source)
        if kind == ".zip":
            _add_archive(builder, file, limit, path)
        elif kind == ".txt":
            builder.add_lines(_get_category(path.name), read_lines(stream, source), source)
        else:
            _add_table(builder, stream, "," if kind == ".csv" else "\t", source)


def _add_archive(builder: DatasetBuilder, stream: BinaryIO, limit: UnpackLimit, path: Path) -> None:
    """Read the lists in a zip."""
    archive = Archive(stream, limit, str(path))
    names = {member: PurePosixPath(member).name for member in archive.members}
    lists = {m: name for m, name in names.items() if is_list(name) and not m.startswith("__MACOSX/")}
    if not lists:
        raise DataError(f"no .txt files in {path}; namegen reads {FORMATS}")
    for category, member in _group_by_category(lists, path).items():
        source = f"{path}: {shorten(member)}"
        unpacked = _unzip(archive.open(member), member, limit, source)
        builder.add_lines(category, read_lines(unpacked, source), source)


def _add_table(builder: DatasetBuilder, stream: Readable, delimiter: str, source: str) -> None:
    """Add a name for each row of a table.

    The columns are ``category`` and ``name``, or any two, one of them ``name``. Without a header, a table has two
    columns, the category first.
    """
    add_by_category: dict[str, NameAdder] = {}
    columns: tuple[int, int] | None = None
    width, has_header = 0, False
    for number, row in _read_rows(stream, delimiter, source):
        if columns is None:
            width, columns = len(row), _find_columns(row)
            if columns:
                has_header = True
                continue
            given = shorten(", ".join(row))
            if width != 2:
                raise DataError(
                    f"the first line of {source} ({given}) has no column called name; call the columns category and "
                    "name"
                )
            columns = 0, 1
            builder.notes.append(f"read the first line of {source} ({given}) as a category and a name")
        if len(row) <= max(columns) or (not has_header and len(row) > 2):
            raise DataError(
                f"{source}, line {number:,}: {count_of(len(row), 'column')} instead of {width:,} as in the first line"
            )
        category = row[columns[0]].strip()
        if category not in add_by_category:
            add_by_category[category] = builder.make_adder(category, f"{source}, line {number:,}")
        add_by_category[category](row[columns[1]].encode(), source, number)


def _find_columns(header: list[str]) -> tuple[int, int] | None:
    """Return the indices of the category and the name, or ``None`` if this row is not a header."""
    titles = [cell.strip().casefold() for cell in header]
    if "name" not in titles:
        return None
    name = titles.index("name")
    if "category" in titles:
        return titles.index("category"), name
    return (1 - name, name) if len(titles) == 2 and titles.count("name") == 1 else None


def _read_rows(stream: Readable, delimiter: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a table that are not empty, each with the number of its last line."""
    number = row_end = 0  # the last line read, and the last line of the row before

    def read_text() -> Iterator[str]:
        nonlocal number
        for number, line in enumerate(read_lines(stream, source), 1):
            if number > row_end + _MAX_ROW_LINES:
                raise DataError(
                    f"{source}, line {row_end + 1:,}: a row of more than {_MAX_ROW_LINES:,} lines; close its quotes"
                )
            yield decode_line(line, source, number) + "\n"

    lines = read_text()
    first = next((line for line in lines if line.strip()), "")
    if delimiter == "," and "," not in first and ";" in first:
        delimiter = ";"  # spreadsheets write it in countries with a decimal comma
    try:
        for row in csv.reader(itertools.chain([first], lines), delimiter=delimiter, strict=True):
            row_end = number
            if any(cell.strip() for cell in row):
                yield number, row
    except csv.Error as error:
        raise DataError(f"{source}, line {row_end + 1:,}: invalid row ({error}); check its quotes") from error


def _group_by_category(files: Mapping[str, str], source: Path) -> dict[str, str]:
    """Return the path of each category's file, sorted by category, given the files' names by path."""
    found: dict[str, str] = {}
    for file, name in sorted(files.items()):
        other = found.setdefault(_get_category(name), file)
        if other != file:
            both = f"{shorten(other)} and {shorten(file)}"
            raise DataError(f"{source}: the category {quote(_get_category(name))} has two files, {both}; remove one")
    return dict(sorted(found.items()))


def _unzip(stream: Readable, name: str, limit: UnpackLimit, source: str) -> Readable:
    return open_gzip(stream, limit, source) if name.lower().endswith(".gz") else stream


def _get_category(name: str) -> str:
    """Return the category of a file: its name without the extension."""
    return PurePosixPath(name[:-3] if name.lower().endswith(".gz") else name).stem

"""How names are read from files and folders.

Formats: a folder of ``CATEGORY.txt`` files, a zip of one, one ``.txt`` (its category is the file's name), a
``.csv`` or ``.tsv`` with a category and a name column; and each of these files gzipped.
"""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from namegen.datasets.builder import DatasetBuilder, NameAdder
from namegen.errors import DataError, quote, shorten
from namegen.io.archives import MAX_BYTES, UnpackLimit, open_archive, open_gzip
from namegen.io.lines import decode_line, open_list, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from namegen.datasets.dataset import AlphabetChoice, Dataset
    from namegen.io.lines import Readable


FORMATS = "a folder or .zip of CATEGORY.txt files, a .txt, .csv or .tsv file, or one of these files with .gz"


_MAX_LINES_OF_ROW = 1000  # in a table: bounds the memory where a quote is never closed


def load_dataset(
    path: str | Path,
    *,
    alphabet: AlphabetChoice = "ascii",
    keep_repeats: bool = False,
    label: str | None = None,
) -> Dataset:
    """Read names grouped by category from a file or folder.

    Args:
        path: a folder of ``CATEGORY.txt`` files or a zip of one, a ``.txt``, a ``.csv`` or a ``.tsv``; each file may be
            gzipped.
        alphabet: what the names are transliterated into; or ``unicode``, the letters that they are written with, as
            :meth:`Dataset.from_names <namegen.datasets.dataset.Dataset.from_names>` has it.
        keep_repeats: keep names that occur more than once in a category, as the tutorial does.
        label: what to call the dataset; by default the name of the file or folder.

    Raises:
        DataError: nothing is there, it cannot be read, it is not UTF-8, or there is no name in it; or it is beyond the
            bounds of :mod:`~namegen.io.lines`, :mod:`~namegen.io.archives` and :mod:`~namegen.datasets.dataset`,
            which keep the memory
            and the time in proportion to what is read.
    """
    path = Path(path)
    builder = DatasetBuilder(alphabet)
    try:
        if path.is_dir():
            files = {str(file): file.name for file in path.iterdir() if is_list(file.name) and not file.is_dir()}
            if not files:
                raise DataError(f"no .txt files in the folder {path}; namegen reads {FORMATS}")
            for file in _by_category(files, path).values():
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
        with open_list(path) as file:
            unpacked = UnpackLimit(file, str(path))
            stream = _unzipped(file, path.name, unpacked, str(path))
            if kind == ".txt":
                builder.add_lines(_category(path.name), read_lines(stream, str(path)), str(path))
            elif kind == ".zip":
                _add_archive(builder, file if stream is file else io.BytesIO(stream.read(MAX_BYTES)), unpacked, path)
            else:
                _add_table(builder, stream, "," if kind == ".csv" else "\t", str(path))
    except OSError as error:
        raise _unreadable(path, error) from error


def _add_archive(builder: DatasetBuilder, stream: BinaryIO, unpacked: UnpackLimit, path: Path) -> None:
    """Read the lists in a zip straight from the archive; nothing is unpacked to the disk."""
    with open_archive(stream, unpacked, str(path)) as archive:
        names = {member: PurePosixPath(member).name for member in archive.members}
        lists = {m: name for m, name in names.items() if is_list(name) and not m.startswith("__MACOSX/")}
        if not lists:
            raise DataError(f"no .txt files in {path}; namegen reads {FORMATS}")
        for category, member in _by_category(lists, path).items():
            source = f"{path}: {shorten(member)}"
            with archive.open(member) as packed:
                builder.add_lines(category, read_lines(_unzipped(packed, member, unpacked, source), source), source)


def _add_table(builder: DatasetBuilder, stream: Readable, delimiter: str, source: str) -> None:
    """Add a name for each row of a table: columns ``category`` and ``name``, or just two, of which one is ``name``.

    With two columns there need not be a line that names them; then the category is the first. Where the first line has
    no comma but semicolons, these part the columns.
    """
    adders: dict[str, NameAdder] = {}
    lines = _TableLines(stream, source)
    first = lines.first()
    if delimiter == "," and "," not in first and ";" in first:
        delimiter = ";"  # as spreadsheets write it where a comma stands before decimals
    rows = csv.reader(itertools.chain([first], lines), delimiter=delimiter, strict=True)
    columns: tuple[int, int] | None = None
    width, without_head = 0, False
    try:
        for row in rows:
            number, lines.of_row = lines.number, 0
            if not any(cell.strip() for cell in row):
                continue
            if columns is None:
                width = len(row)
                heads = [cell.strip().casefold() for cell in row]
                if "name" in heads and ("category" in heads or (width == 2 and heads.count("name") == 1)):
                    name = heads.index("name")
                    columns = heads.index("category") if "category" in heads else 1 - name, name
                    continue
                if width != 2:
                    raise DataError(
                        f"{source} needs a first line that names the columns category and name, or exactly two "
                        f"columns, the category first; it has {width:,}: {shorten(', '.join(row))}"
                    )
                columns, without_head = (0, 1), True
                first = shorten(", ".join(row))
                builder.notes.append(f"took the first line of {source} ({first}) for a category and a name")
            if len(row) <= max(columns) or (without_head and len(row) > 2):
                raise DataError(f"{source}, line {number:,}: columns: {len(row):,}, where the first line has {width:,}")
            category = row[columns[0]].strip()
            if category not in adders:
                adders[category] = builder.adder(category, f"{source}, line {number:,}")
            adders[category](row[columns[1]].encode(), source, number)
    except csv.Error as error:
        number = lines.number - lines.of_row + 1
        raise DataError(f"{source}, line {number:,}: a row that cannot be read ({error}); check its quotes") from error


class _TableLines:
    """The lines of a table as text, one by one, so that an error can name the line.

    Attributes:
        number: of the last line, from 1.
        of_row: how many lines the row has so far that is being read: a quoted cell may have several.
    """

    def __init__(self, stream: Readable, source: str) -> None:
        self._lines, self._source = read_lines(stream, source), source
        self.number = self.of_row = 0

    def first(self) -> str:
        """Return the first line that is not blank; nothing if there is none."""
        for line in self:
            if line.strip():
                return line
            self.of_row = 0
        return ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self.of_row += 1
        if self.of_row > _MAX_LINES_OF_ROW:
            first = self.number - self.of_row + 1
            raise DataError(
                f"{self._source}, line {first:,}: a row of more than {_MAX_LINES_OF_ROW:,} lines; close its quotes"
            )
        return decode_line(line, self._source, self.number) + "\n"


def _by_category(files: Mapping[str, str], source: Path) -> dict[str, str]:
    """Return files by the category each is for, sorted, out of the files' names by their paths in a folder or zip."""
    found: dict[str, str] = {}
    for file, name in sorted(files.items()):
        other = found.setdefault(_category(name), file)
        if other != file:
            both = f"{shorten(other)} and {shorten(file)}"
            raise DataError(f"{source}: the category {quote(_category(name))} is there twice: {both}; take one away")
    return dict(sorted(found.items()))


def _unzipped(stream: Readable, name: str, unpacked: UnpackLimit, source: str) -> Readable:
    return open_gzip(stream, unpacked, source) if name.lower().endswith(".gz") else stream


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

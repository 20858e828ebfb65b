"""Read names from files and folders in all supported json_files.

Each file is read in three steps: its bytes are unpacked and decoded, its beginning shows whether it is a list, a table
or JSON, and its names go into a :class:`~namegen.datasets.builder.DatasetBuilder`. The lines of a plain list stay bytes
up to the last step.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from namegen._validate import check_arguments, check_path
from namegen.datasets import json_files, spreadsheets
from namegen.datasets.builder import DatasetBuilder
from namegen.datasets.dataset import count_of
from namegen.datasets.delimiters import find_delimiter
from namegen.datasets.options import DEFAULT_READING, STDIN, DataSource
from namegen.datasets.sources import OLE_MARK, ZIP_MARKS, open_files, remove_extension
from namegen.datasets.structure import decode_entities, find_entity, find_structure
from namegen.datasets.tables import PLAIN_HINT, Table, add_table, has_quotes, read_rows
from namegen.errors import DataError, UsageError, escape_unprintable, quote, shorten
from namegen.io.encodings import RecodedStream, find_mark, guess_encoding
from namegen.io.lines import EncodingError, decode_line, read_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from namegen.datasets.builder import NameAdder
    from namegen.datasets.dataset import AlphabetChoice, Dataset
    from namegen.datasets.options import ReadingOptions
    from namegen.datasets.sources import NameFile
    from namegen.datasets.structure import Structure
    from namegen.io.lines import Readable

    NumberedRow = tuple[int, Sequence[str]]
    Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


_SAMPLE_LINES = 1000
_SAMPLE_BYTES = 2**16
_MAX_GUESS_BYTES = 2**14  # of lines that are not ASCII
_PARQUET_MARK = b"PAR1"
_JSON_SUFFIXES, _JSON_LINES_SUFFIXES = (".json", ".geojson"), (".jsonl", ".ndjson")
_TSV_SUFFIXES = (".tsv", ".tab")
_MAX_NOTES = 10
_DIGITS = re.compile(r"\d+")


@check_arguments()
def load_dataset(
    path: Paths,
    *,
    alphabet: AlphabetChoice = "ascii",
    keep_repeats: bool = False,
    label: str | None = None,
    reading: ReadingOptions = DEFAULT_READING,
) -> Dataset:
    """Read names grouped by category from files and folders.

    The contents of a file decide how it is read: a list with a name on each line, whose category is the name of the
    file, perhaps with headings, comments or numbers; a table whose columns have the names, categories and counts; or
    JSON. :attr:`Dataset.reports` and :attr:`Dataset.notes` say how the files were read.

    Args:
        path: a text file, ``.csv``, ``.tsv``, ``.json`` or ``.jsonl``, each of which may be gzipped, an ``.xlsx`` or
            ``.parquet`` (with the extra ``tables``), or a folder or ``.zip`` of such files, whose subfolders become
            part of the category (``elf/female``); ``-`` for standard input. The names of several paths are merged.
        alphabet: as for ``Dataset.from_names``.
        keep_repeats: as for ``Dataset.from_names``.
        label: the name of the dataset; by default the name of the file or folder.
        reading: options, such as the column of the names.

    Raises:
        DataError: a path does not exist or cannot be read, it is unclear how to read it, it contains no name, or it
            exceeds a limit.
        MissingPackageError: the package for the format of a file is not installed.
    """
    return read_dataset(
        [(one, reading) for one in check_paths(path)],
        alphabet=alphabet,
        keep_repeats=keep_repeats,
        label=label,
        reading=reading,
    )


def read_dataset(
    paths: Sequence[tuple[str, ReadingOptions]],
    *,
    alphabet: AlphabetChoice,
    keep_repeats: bool,
    label: str | None,
    reading: ReadingOptions,
) -> Dataset:
    """Read the names in several paths into one dataset.

    Args:
        paths: the paths, each with the options for reading it.
        alphabet: as for ``Dataset.from_names``.
        keep_repeats: as for ``Dataset.from_names``.
        label: as for ``load_dataset``.
        reading: the options for the dataset as a whole.

    Raises:
        DataError: as for ``load_dataset``.
        MissingPackageError: as for ``load_dataset``.
    """
    builder, reports = DatasetBuilder(alphabet), []
    for path, options in paths:
        try:
            with open_files(Path(path), builder.notes) as files:
                prefixes = _find_prefixes(files)
                for file in files:
                    reports += _FileReader(builder, options, prefixes[file.category]).read(file)
        except OSError as error:
            raise DataError(f"cannot read {error.filename or path}: {error.strerror or error}") from error
    builder.notes = _shorten_notes(builder.notes)
    builder.merge_similar_categories()
    dataset = builder.finish(
        label or name_dataset([name_path(path) for path, _ in paths]),
        keep_repeats=keep_repeats,
        weights=reading.weights,
        min_count=reading.min_count,
    )
    if reading.weights != "none" and dataset.weights is None:
        note = f"--weights {reading.weights} has no effect, because all names occur equally often"
        dataset = replace(dataset, notes=(*dataset.notes, note))
    source = DataSource(tuple(find_again(path) for path, _ in paths), reading)
    return replace(dataset, reports=tuple(reports), source=source)


def _shorten_notes(notes: Sequence[str]) -> list[str]:
    """Return the first notes, each once, and a note with the number of the others."""
    distinct = list(dict.fromkeys(notes))
    more = len(distinct) - _MAX_NOTES
    return [*distinct[:_MAX_NOTES], *([f"{more:,} more notes about other files"] if more > 0 else [])]


def check_paths(paths: Paths) -> list[str]:
    """Return one or several paths as text.

    Raises:
        UsageError: a path has another type or is empty.
        DataError: none of the paths in a list exists.
    """
    several = [paths] if isinstance(paths, str | os.PathLike) or not isinstance(paths, Sequence) else list(paths)
    advice = "; Dataset.from_names takes names in memory"
    texts = [path if isinstance(path, str) else str(check_path("path", path, advice)) for path in several]
    if not texts or "" in texts:
        raise UsageError("--data is empty; give a path or the name of a dataset")
    if isinstance(paths, list) and not any(_may_exist(text) for text in texts):
        raise DataError(f"no file or folder {quote(texts[0])}{advice}")
    return texts


def _may_exist(path: str) -> bool:
    from namegen.datasets.open import is_dataset_name

    return path == STDIN or is_dataset_name(path) or Path(path).exists()


def name_path(path: str) -> str:
    """Return the name of the dataset that is read from a path: the name of the file or folder.

    If the catalogue has a dataset of that name, ``./`` before it tells the two apart.
    """
    from namegen.datasets.open import is_dataset_name

    given = Path(path)
    name = "names" if path == STDIN else given.resolve().name if given.is_dir() else remove_extension(given.name)
    printable = "".join(character if character.isprintable() else "?" for character in name) or "names"
    return f"./{printable}" if is_dataset_name(printable) else printable


def name_dataset(names: Sequence[str]) -> str:
    """Return the name of several datasets together."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"


def find_again(path: str) -> str:
    """Return a path that is valid in every working directory."""
    return path if path == STDIN else str(Path(path).absolute())


def _find_prefixes(files: Sequence[NameFile]) -> dict[str, str]:
    """Return the prefix of the categories in the tables of each file, by the category of the file.

    The prefix is the category of the file, unless the files are parts of one table, with names that differ only in
    their numbers, such as ``yob2001.txt`` and ``yob2002.txt``.
    """
    are_parts = len({_DIGITS.sub("0", file.category) for file in files}) == 1
    return {file.category: "" if are_parts else file.category for file in files}


class _FileReader:
    """A reader that adds the names in a file to a dataset; ``prefix`` comes before the categories of its tables."""

    def __init__(self, builder: DatasetBuilder, options: ReadingOptions, prefix: str) -> None:
        self._builder, self._options, self._prefix = builder, options, prefix

    def read(self, file: NameFile) -> list[str]:
        """Add the names in a file; return how it was read, unless it is a plain list."""
        with file.open() as stream:
            head = stream.read(4)
            stream.seek(0)
            if head == OLE_MARK:
                raise DataError(f"{file.source} is an old Excel file (.xls) or a document; save it as .xlsx or CSV")
            if head == _PARQUET_MARK or file.suffix == ".parquet":
                return self._read_parquet(file, stream)
            if head in ZIP_MARKS or file.suffix == ".xlsx":
                return self._read_workbook(file, stream)
            try:
                return self._read_text(file, stream)
            except EncodingError as error:
                raise DataError(_advise_encoding(error, stream)) from None

    def _open_text(self, file: NameFile, stream: BinaryIO) -> Readable:
        """Return a file from its beginning as UTF-8."""
        stream.seek(0)
        encoding = find_mark(stream.read(4)) or self._options.encoding
        stream.seek(0)
        return stream if encoding in (None, "utf-8-sig") else RecodedStream(stream, encoding, file.source)

    def _read_text(self, file: NameFile, stream: BinaryIO) -> list[str]:
        def read() -> Iterator[bytes]:
            return read_lines(self._open_text(file, stream), file.source)

        if self._options.plain:
            self._builder.add_lines(file.category, read(), file.source)
            return []
        beginning = self._open_text(file, stream).read(_SAMPLE_BYTES).decode(errors="replace").removeprefix("\ufeff")
        is_json = file.suffix in _JSON_SUFFIXES
        if is_json or file.suffix in _JSON_LINES_SUFFIXES or json_files.looks_like_json(beginning):
            if file.suffix in _JSON_LINES_SUFFIXES or json_files.looks_like_json_lines(beginning):
                return self._read_json_lines(file, read)
            return self._read_json(file, self._open_text(file, stream))
        lines = read()
        first = list(itertools.islice(lines, _SAMPLE_LINES))
        sample = [text for text in (line.decode(errors="replace") for line in first) if text.strip()]
        entity = find_entity(sample)
        decoded = [decode_entities(text) for text in sample] if entity else sample
        delimiter = self._find_delimiter(file, decoded)
        if delimiter:
            quoted, edit = has_quotes(decoded, delimiter), decode_entities if entity else None
            if entity:
                self._builder.notes.append(f"decoded HTML entities, such as {entity}")
            is_known = file.suffix in (".csv", *_TSV_SUFFIXES) or self._options.of_tables
            return self._read_table(
                file,
                lambda: read_rows(read(), delimiter, file.source, quoted=quoted, edit=edit),
                lines=() if is_known else decoded,
            )
        structure = find_structure(sample)
        if structure.is_plain:
            self._builder.add_lines(file.category, itertools.chain(first, lines), file.source)
            return []
        return self._read_structure(file, structure, itertools.chain(first, lines))

    def _find_delimiter(self, file: NameFile, sample: list[str]) -> str | None:
        """Return what separates the columns of a table; ``None`` for a list."""
        is_table = file.suffix == ".csv" or bool(self._options.of_tables)
        try:
            delimiter = find_delimiter(sample, is_table=is_table)
        except DataError as error:
            raise DataError(f"{file.source}: {error}") from None
        if file.suffix in _TSV_SUFFIXES:
            return "\t"
        if file.suffix == ".csv" and delimiter in (None, " "):
            return ","  # of a single column, or of cells with blanks around them
        if delimiter is None and _is_markdown_table(sample):
            return "|"
        if delimiter is None and self._options.of_tables:
            raise DataError(f"{file.source} is not a table; leave out --{self._options.of_tables[0]}")
        return delimiter

    def _read_structure(self, file: NameFile, structure: Structure, lines: Iterable[bytes]) -> list[str]:
        number = count = 0

        def decode() -> Iterator[str]:
            nonlocal number
            for number, line in enumerate(lines, 1):
                yield decode_line(line, file.source, number)

        adders: dict[str | None, NameAdder] = {None: self._builder.make_adder(file.category, file.source)}
        for category, name in structure.parse(decode()):
            if category not in adders:
                full = f"{self._prefix}/{category}" if self._prefix else category
                adders[category] = self._builder.make_adder(full or "", f"{file.source}, line {number:,}")
            adders[category](name.encode(), file.source, number)
            count += 1
        hint = PLAIN_HINT if structure.is_guess else ""
        return [f"{_name_file(file)}: {', '.join(structure.notes)}, {count_of(count, 'name')}{hint}"]

    def _read_table(
        self,
        file: NameFile,
        rows: Callable[[], Iterator[NumberedRow]],
        *,
        header: bool | None = None,
        what: str = "",
        lines: Sequence[str] = (),
    ) -> list[str]:
        table = Table(file.source, rows, file.category, self._prefix, header, lines)
        return [f"{_name_file(file)}{what}: {add_table(self._builder, table, self._options)}"]

    def _read_json(self, file: NameFile, stream: Readable) -> list[str]:
        found = json_files.read_json(stream, file.source)
        if found.skipped:
            self._builder.notes.append(f"skipped {count_of(found.skipped, 'entry')} of lists that are not text")
        if found.ignored:
            self._builder.notes.append(f"read keys as names, without the texts of {count_of(found.ignored, 'name')}")
        if found.unclear:
            self._builder.unread.append(
                f"{file.source} contains {found.unclear}; of JSON, namegen reads {json_files.JSON_SHAPES}"
            )
        keys = [*found.lists, *found.tables]
        categories = dict(zip(keys, json_files.name_categories(keys, file.category), strict=True))
        reports = []
        for path, names in found.lists.items():
            add = self._builder.make_adder(self._join(file, categories[path]), file.source)
            for number, name in enumerate(names, 1):
                add(name.encode(errors="surrogatepass"), file.source, number)
        if found.lists:
            shown = ", ".join(shorten("/".join(path)) for path in itertools.islice(found.lists, 5) if path)
            more = f" and {len(found.lists) - 5:,} more" if len(found.lists) > 5 else ""
            count = sum(map(len, found.lists.values()))
            reports.append(f"{_name_file(file)}: names from {shown or 'a list'}{more}, {count_of(count, 'name')}")
        for path, rows in found.tables.items():
            category = self._join(file, categories[path])
            prefix = category if len(found.tables) > 1 else self._prefix
            table = Table(
                file.source,
                lambda rows=rows: iter(enumerate(rows, 1)),  # type: ignore[misc]
                category,
                prefix,
                True if found.has_titles[path] else None,
            )
            where = f", {shorten('/'.join(path))}" if path else ""
            reports.append(f"{_name_file(file)}{where}: {add_table(self._builder, table, self._options)}")
        return reports

    def _join(self, file: NameFile, category: str) -> str:
        """Return the category of a list within a file."""
        return f"{self._prefix}/{category}" if self._prefix and category != file.category else category

    def _read_json_lines(self, file: NameFile, read: Callable[[], Iterator[bytes]]) -> list[str]:
        def values() -> Iterator[object]:
            return json_files.read_json_lines(read(), file.source)

        first = next(values(), "")
        if isinstance(first, dict) and json_files.has_lists_by_category(first):
            raise DataError(
                f"{file.source}: lists of names in objects are not read from JSON lines; save it as JSON (.json)"
            )
        if isinstance(first, dict):

            def rows() -> Iterator[NumberedRow]:
                return enumerate(json_files.tabulate(v for v in values() if isinstance(v, dict)), 0)

            return self._read_table(file, rows, header=True)
        add, count = self._builder.make_adder(file.category, file.source), 0
        for count, value in enumerate(values(), 1):
            if not isinstance(value, str):
                raise DataError(
                    f"{file.source}, line {count:,}: not a string like the values before; use only strings or objects"
                )
            add(value.encode(errors="surrogatepass"), file.source, count)
        return [f"{_name_file(file)}: a name on each line, {count_of(count, 'name')}"]

    def _read_workbook(self, file: NameFile, stream: BinaryIO) -> list[str]:
        sheet, others, rows = spreadsheets.read_workbook(stream, file.source)
        if others:
            shown = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
            self._builder.notes.append(f"read only the sheet {quote(sheet)}, not {shown}; export the others as CSV")
        return self._read_table(file, lambda: iter(enumerate(rows, 1)), what=f", sheet {sheet}")

    def _read_parquet(self, file: NameFile, stream: BinaryIO) -> list[str]:
        return self._read_table(file, lambda: enumerate(spreadsheets.open_parquet(stream, file.source), 0), header=True)


def _is_markdown_table(lines: Sequence[str]) -> bool:
    """Return whether all lines are between bars, as in a table with a single column."""
    return len(lines) > 1 and all(line.strip()[:1] == line.strip()[-1:] == "|" for line in lines)


def _advise_encoding(error: EncodingError, stream: BinaryIO) -> str:
    """Return the message for a text that is not UTF-8, with the encoding that it probably has."""
    stream.seek(0)
    beginning = stream.read(_SAMPLE_BYTES)
    if b"\0" in beginning:
        sample = beginning
    else:
        stream.seek(0)
        lines: list[bytes] = []
        for line in itertools.islice(stream, 1_000_000):
            if not line.isascii():
                lines.append(line.strip())
                if sum(map(len, lines)) > _MAX_GUESS_BYTES:
                    break
        sample = b"\n".join(lines)
    guess = guess_encoding(sample[:_SAMPLE_BYTES])
    if guess is None:
        return str(error)
    encoding, text = guess
    example = next((line.strip() for line in text.splitlines() if not line.isascii()), text.split("\n")[0].strip())
    return (
        f"{error.fact}; it looks like {encoding}, as in {quote(example)}; if that is right, use --encoding {encoding}"
    )


def _name_file(file: NameFile) -> str:
    """Return the name of a file for reports."""
    return escape_unprintable(file.source.rpartition(os.sep)[2])

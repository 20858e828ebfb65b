"""Read names from tables: find their columns, and add a name for each row."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from namegen.datasets.columns import describe_columns, find_columns
from namegen.datasets.dataset import MAX_WEIGHT, count_of
from namegen.datasets.delimiters import split_aligned
from namegen.errors import DataError, quote
from namegen.io.lines import decode_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from namegen.datasets.builder import DatasetBuilder, NameAdder
    from namegen.datasets.columns import Columns
    from namegen.datasets.options import ReadingOptions

    Row = Sequence[str]


PLAIN_HINT = " (--plain reads lines as they are)"
"""What reports say about texts that may be read in another way."""

_BLANKS = " "  # the delimiter of a table whose columns are aligned
_CATEGORY = "a category"
_SEPARATOR = re.compile(r"\s*(?::?-+:?)?\s*")  # a cell below the titles of a table in Markdown
_MAX_ROW_LINES = 1000  # limits the memory if a quote is never closed
_MAX_COLUMNS = 1000
_FIRST_ROWS, _OTHER_ROWS = 950, 50  # to look at: all of a small table, and a few of the rest of a large one


@dataclass
class Table:
    """A table of names.

    Attributes:
        source: its name, for errors.
        rows: a function that returns all rows that are not empty, each with its number.
        category: the category of the names if the table has no column of categories.
        prefix: the text before the categories of the rows.
        header: whether the first row has titles; ``None`` if that is not known.
        lines: the first lines of a text that may also be a list, to show how one is read.
    """

    source: str
    rows: Callable[[], Iterator[tuple[int, Row]]]
    category: str
    prefix: str = ""
    header: bool | None = None
    lines: Sequence[str] = ()


@dataclass
class _Skipped:
    """Counts the rows that were skipped, by problem, with the number of the first one."""

    counts: dict[str, list[int]] = field(default_factory=dict)

    def add(self, problem: str, number: int) -> None:
        self.counts.setdefault(problem, [0, number])[0] += 1

    def notes(self) -> Iterator[str]:
        for problem, (count, first) in self.counts.items():
            yield f"skipped {count_of(count, 'row')} without {problem}, such as row {first:,}"


def add_table(builder: DatasetBuilder, table: Table, options: ReadingOptions) -> str:
    """Add a name for each row of a table, and return how the table was read, for users.

    Raises:
        DataError: it is unclear which columns have the names and categories, or a row has too many columns.
    """
    sample = _sample_rows(table.rows())
    if not sample:
        return "no rows"
    header = table.header if options.header is None else options.header
    try:
        columns = find_columns(
            sample,
            name=options.name_column,
            category=options.category_column,
            weight=options.weight_column,
            header=header,
        )
    except DataError as error:
        raise DataError(f"{table.source}: {error}") from None
    rows: Iterator[tuple[int, Row]] = itertools.islice(table.rows(), columns.first_row + columns.has_header, None)
    width = Counter(map(len, sample[columns.first_row :])).most_common(1)[0][0]
    if columns.has_header:
        titles = sample[columns.first_row]
        below = sample[columns.first_row + 1 :]
        wide = [row for row in below if any(map(str.strip, row[1:]))]
        if len(titles) == 1 and 2 * len(wide) > len(below):
            raise DataError(
                f"{table.source}: one title above {count_of(len(wide[0]), 'column')}, as in "
                f"{quote(', '.join(map(str.strip, wide[0])))}; put names with a comma in quotes, or use --plain"
            )
        width = max(width, len(sample[columns.first_row]))
    below = sample[columns.first_row + columns.has_header : _FIRST_ROWS]
    if columns.category is not None and _is_grouped(below, columns.category):
        rows = _fill_down(rows, columns.name, columns.category, builder.notes)
    skipped = _Skipped()
    count = _add_rows(builder, rows, columns, table, width, skipped, weighted=options.weights != "none")
    blank, _ = skipped.counts.get(_CATEGORY, (0, 0))
    if options.category_column is None and 2 * blank > count:
        raise DataError(
            f"{table.source}: {blank:,} of {count_of(count, 'row')} have no category; fill them in, or read all names "
            "as one category with --category-column none"
        )
    builder.notes += skipped.notes()
    if columns.weight is not None and options.weights == "none":
        titles = sample[columns.first_row] if columns.has_header else ()
        title = titles[columns.weight].strip() if columns.weight < len(titles) else ""
        what = f"the column {quote(title)}" if title else f"column {columns.weight + 1}"
        builder.hints.append(f"{what} seems to have counts; use them with --weights sqrt or --weights count")
    return f"{describe_columns(columns, sample)}, {count_of(count, 'row')}{_show_line(table, columns)}"


def _show_line(table: Table, columns: Columns) -> str:
    """Return how a line of a text is read, for users."""
    rows = itertools.islice(table.rows(), columns.first_row + columns.has_header, None)
    _, row = next(rows, (0, ())) if table.lines else (0, ())
    name = row[columns.name].strip() if columns.name < len(row) else ""
    line = next((line.strip() for line in table.lines if name in line and line.strip() != name), "") if name else ""
    return f", with {quote(line)} as {quote(name)}{PLAIN_HINT}" if line else ""


def _add_rows(
    builder: DatasetBuilder,
    rows: Iterator[tuple[int, Row]],
    columns: Columns,
    table: Table,
    width: int,
    skipped: _Skipped,
    *,
    weighted: bool,
) -> int:
    """Add a name for each row, and return the number of rows."""
    source, name_column, category_column = table.source, columns.name, columns.category
    weighted = weighted and columns.weight is not None
    needed = name_column if category_column is None else max(name_column, category_column)
    unread = count = 0
    add_by_category: dict[str, NameAdder] = {}
    weight = 1.0
    for number, row in rows:
        count += 1
        if len(row) <= needed:
            skipped.add("all columns", number)
            continue
        if len(row) > width and any(cell.strip() for cell in row[width:]):
            raise DataError(
                f"{source}, row {number:,}: {count_of(len(row), 'column')} instead of {width:,}; check its quotes, or "
                "read every line as a name with --plain"
            )
        category = "" if category_column is None else row[category_column]
        add = add_by_category.get(category)
        if add is None:
            full = category.strip() if category_column is not None else table.category
            if not full:
                skipped.add(_CATEGORY, number)
                continue
            full = f"{table.prefix}/{full}" if table.prefix and category_column is not None else full
            add = add_by_category[category] = builder.make_adder(full, f"{source}, line {number:,}")
        name = row[name_column]
        if not name or name.isspace():
            skipped.add("a name", number)
            continue
        if weighted:
            given = columns.get_weight(row)
            if given == 0:
                skipped.add("a count above 0", number)
                continue
            unread += given is None
            weight = 1.0 if given is None else min(given, MAX_WEIGHT)
        add(name.encode(errors="surrogatepass"), source, number, weight)
    if unread:
        builder.notes.append(f"used the count 1 for {count_of(unread, 'row')} whose count is not a number")
    return count


def _is_grouped(rows: Sequence[Row], category: int) -> bool:
    """Return whether only the first row of each group has a category, as in a spreadsheet with merged cells."""
    cells = [row[category].strip() if category < len(row) else "" for row in rows]
    given = list(filter(None, cells))
    if not given or not cells[0] or 2 * len(given) > len(cells):
        return False
    return all(before != after for before, after in itertools.pairwise(given))


def _fill_down(
    rows: Iterator[tuple[int, Row]], name: int, category: int, notes: list[str]
) -> Iterator[tuple[int, Row]]:
    """Yield rows whose blank categories are those above them; their number is added to ``notes`` at the end."""
    above, filled = "", 0
    for number, row in rows:
        given = row[category].strip() if category < len(row) else ""
        above = given or above
        if given or name >= len(row):
            yield number, row
            continue
        filled += 1
        full = [*row, *[""] * (category + 1 - len(row))]
        full[category] = above
        yield number, full
    notes.append(f"filled down the categories of {count_of(filled, 'row')} below the first of each group")


def _sample_rows(rows: Iterator[tuple[int, Row]]) -> list[Row]:
    """Return the first rows of a table, and some of the others, evenly spaced: tables are often sorted by category."""
    first = [row for _, row in itertools.islice(rows, _FIRST_ROWS)]
    others: list[Row] = []
    step = 1
    for index, (_, row) in enumerate(rows):
        if index % step == 0:
            others.append(row)
            if len(others) > _OTHER_ROWS:
                others, step = others[::2], 2 * step
    return first + others


def has_quotes(lines: Iterable[str], delimiter: str) -> bool:
    """Return whether cells of a table are quoted. In tables separated by tabs, a quote is often part of the text."""
    if delimiter != "\t":
        return True
    cells = itertools.chain.from_iterable(line.split(delimiter) for line in lines)
    return any(len(cell) > 1 and cell.startswith('"') and cell.endswith('"') for cell in cells)


def read_rows(
    lines: Iterable[bytes],
    delimiter: str,
    source: str,
    *,
    quoted: bool = True,
    edit: Callable[[str], str] | None = None,
) -> Iterator[tuple[int, Row]]:
    """Yield the rows of a table that are not empty, each with the number of its last line.

    ``edit`` changes each line before it is split.
    """
    if delimiter == _BLANKS:
        for number, line in enumerate(lines, 1):
            if text := decode_line(line, source, number).strip():
                yield number, split_aligned(edit(text) if edit else text)
        return
    text_lines = _TextLines(lines, source, edit)
    quoting: Any = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    try:
        for row in csv.reader(text_lines, delimiter=delimiter, quoting=quoting, strict=True):
            number = text_lines.row_end = text_lines.number
            if len(row) > _MAX_COLUMNS:
                raise DataError(f"{source}, line {number:,}: more than {_MAX_COLUMNS:,} columns; check its delimiters")
            if delimiter == "|" and any(row) and all(map(_SEPARATOR.fullmatch, row)):
                continue
            if any(row) and not all(map(str.isspace, filter(None, row))):
                yield number, row
    except csv.Error as error:
        raise DataError(
            f"{source}, line {text_lines.row_end + 1:,}: invalid row ({error}); check its quotes"
        ) from error


class _TextLines:
    """The lines of a table, decoded.

    Attributes:
        number: the number of the last line.
        row_end: the number of the last line of the last row.
    """

    def __init__(self, lines: Iterable[bytes], source: str, edit: Callable[[str], str] | None) -> None:
        self._lines, self._source, self._edit = lines, source, edit
        self.number = self.row_end = 0

    def __iter__(self) -> Iterator[str]:
        for number, line in enumerate(self._lines, 1):
            self.number = number
            if number > self.row_end + _MAX_ROW_LINES:
                where = f"{self._source}, line {self.row_end + 1:,}"
                raise DataError(f"{where}: a row of more than {_MAX_ROW_LINES:,} lines; close its quotes")
            text = decode_line(line, self._source, number)
            yield (self._edit(text) if self._edit else text) + "\n"

"""Find the columns of a table that have the names, their categories and their counts.

The contents of a column decide what it is: categories are few and repeat, names are many and look like names, and
numbers are counts, years, shares, or an index. Titles help if they are known, in any of two dozen languages. If it
remains unclear which column is meant, the caller has to choose.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from namegen.datasets.titles import SEXES, is_generic, read_title
from namegen.datasets.transliteration import to_ascii
from namegen.errors import DataError, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from namegen.datasets.titles import Role

    Kind = Literal["empty", "count", "index", "year", "share", "number", "text", "code"]


NO_COLUMN = "none"
"""The choice of a category column for tables without categories."""

MAX_COLUMNS = 1000
"""The number of columns of a table."""

MIN_SHARE = 0.9
"""The share of the cells of a column that makes it one of a kind."""

MAX_FIELDS = 200
"""The number of columns that are read of a sheet, or of fields of JSON objects."""

_MAX_TITLE_ROWS = 20  # above the table proper
_TOP = 3  # examples in a message
_MAX_SHOWN = 24  # characters of an example
_MAX_LISTED = 20  # columns in a message

_NUMBER = re.compile(r"[-+−]?(?:\d{1,3}(?:[.,'’ \u00a0\u202f]\d{3})+|\d*)(?:(?<=\d)|[.,]\d+)[ \u00a0]?%?")
_BLANK_MARKS = dict.fromkeys(map(ord, "'’ \u00a0\u202f%+"))
_MISSING = frozenset(["", "-", "–", "—", ".", "..", "...", ":", "*", "na", "n/a", "nan", "null", "none", "(s)", "(x)"])
_NOT_OF_NAMES = re.compile(r"[\d@/\\_;<>{}\[\]|=+]|,.*,")


@dataclass(frozen=True)
class Columns:
    """The columns of a table that have the names, the categories and the counts, as indices from 0.

    Attributes:
        name: the column of the names.
        category: the column of the categories, if there is one.
        weight: the column that says how often each name occurs, if there is one: a count, or a share.
        has_header: whether the table's first row has titles.
        first_row: the index of the table's first row (its header, if it has one) among the given rows. The rows before
            it are a title or notes.
        decimal_mark: the mark before the decimals of the weights; other marks separate thousands.
    """

    name: int
    category: int | None
    weight: int | None
    has_header: bool
    first_row: int = 0
    decimal_mark: str | None = None

    def get_weight(self, row: Sequence[str]) -> float | None:
        """Return how often the name of a row occurs; ``None`` if the row does not say so."""
        if self.weight is None or self.weight >= len(row):
            return None
        number = _parse_number(row[self.weight], self.decimal_mark)
        return None if number is None or number < 0 else number


@dataclass(frozen=True)
class Column:
    """A column of a table, and the kind of its contents."""

    index: int
    title: str  # empty if the table has no header
    cells: list[str]  # one for each row, without surrounding blanks
    values: list[str]  # the cells that are not empty
    kind: Kind

    @property
    def distinct(self) -> int:
        """The number of different values."""
        return len(set(self.values))

    @property
    def is_text(self) -> bool:
        """True if the values are texts, not numbers."""
        return self.kind in ("text", "code")

    @property
    def role(self) -> Role | None:
        """The role that the title and the contents suggest."""
        roles = read_title(self.title)
        order: tuple[Role, ...] = ("category", "other", "name") if self.is_text else ("other", "weight", "category")
        return next((role for role in order if role in roles), None)

    @property
    def is_name_like(self) -> bool:
        """True if most of the values look like names."""
        return self.kind == "text" and 5 * sum(map(_is_name_like, self.values)) >= 4 * len(self.values)

    @property
    def has_sexes(self) -> bool:
        """True if all values are words for sexes, such as ``F`` and ``M``."""
        return bool(self.values) and {value.casefold() for value in self.values} <= SEXES

    @property
    def has_few_values(self) -> bool:
        """True if the distinct values are so few that they can only be categories."""
        return self.distinct <= 1.5 * math.sqrt(len(self.cells))

    def __str__(self) -> str:
        examples = ", ".join(_cut(value) for value in list(dict.fromkeys(self.values))[:_TOP])
        title = f'"{_cut(self.title)}" ' if self.title else ""
        return f"{self.index + 1} {title}({examples or 'empty'})"


def find_columns(
    rows: Sequence[Sequence[str]],
    *,
    name: str | int | None = None,
    category: str | int | None = None,
    weight: str | int | None = None,
    header: bool | None = None,
) -> Columns:
    """Return which columns have the names, the categories and the counts.

    Args:
        rows: the first rows of a table, up to 1,000, without empty rows.
        name: the column of the names, by title or by number from 1; by default it is found by its contents.
        category: the same for the categories; ``none`` for a table without categories.
        weight: the same for the counts; ``none`` to use none.
        header: whether the first row has titles; by default its cells decide.

    Raises:
        DataError: a chosen column does not exist, or it is unclear which column is meant. The message shows the columns
            and the option that decides.
    """
    cells = [[cell.strip() for cell in row] for row in rows]
    if not cells:
        raise DataError("the table has no rows; check the file")
    if max(map(len, cells)) > MAX_COLUMNS:
        raise DataError(f"more than {MAX_COLUMNS:,} columns; check what separates them")
    first_row = 0 if header is False else _find_first_row(cells)
    cells = cells[first_row:]
    if header is None:
        header = any(_is_title_choice(choice) for choice in (name, category, weight)) or begins_with_titles(cells)
    columns = make_columns(cells, has_header=header)
    chosen_name = _choose(columns, name, "--name-column")
    chosen_category = _choose(columns, category, "--category-column")
    chosen_weight = _choose(columns, weight, "--weight-column")
    open_columns = [column for column in columns if column not in (chosen_name, chosen_category, chosen_weight)]
    names = chosen_name or _find_names(open_columns)
    open_columns = [column for column in open_columns if column is not names]
    categories = chosen_category
    if category is None:
        categories = _find_categories(open_columns, names)
        open_columns = [column for column in open_columns if column is not categories]
    weights = chosen_weight if weight is not None else _find_weights(open_columns)
    return Columns(
        name=names.index,
        category=categories.index if categories else None,
        weight=weights.index if weights else None,
        has_header=header,
        first_row=first_row,
        decimal_mark=_find_decimal_mark(weights.values) if weights else None,
    )


def describe_columns(columns: Columns, rows: Sequence[Sequence[str]]) -> str:
    """Describe the columns to users: ``names from Vorname, categories from Geschlecht (m, w)``."""
    header = rows[columns.first_row] if columns.has_header else ()

    def describe(index: int) -> str:
        title = header[index].strip() if index < len(header) else ""
        return _cut(title) if title else f"column {index + 1}"

    parts = [f"names from {describe(columns.name)}"]
    if (index := columns.category) is not None:
        below = rows[columns.first_row + columns.has_header :]
        values = sorted({row[index].strip() for row in below if index < len(row)} - {""})
        shown = ", ".join(map(_cut, values[:5])) + (", …" if len(values) > 5 else "")
        parts.append(f"categories from {describe(index)} ({shown})")
    if columns.weight is not None:
        parts.append(f"counts from {describe(columns.weight)}")
    return ", ".join(parts)


# Titles and the header.


def _find_first_row(rows: list[list[str]]) -> int:
    """Return the index of the header or the first row of data, below titles and notes."""
    filled = [sum(map(bool, row)) for row in rows]
    width = max(Counter(filled).items(), key=lambda item: (item[1], item[0]))[0]
    if width < 2:
        return 0
    for index, row in enumerate(rows[:_MAX_TITLE_ROWS]):
        known = [cell for cell in row if read_title(cell)]
        if filled[index] > 1 and (len(known) > 1 or any(" " not in cell for cell in known)):
            return index
        if filled[index] > 1 and not all(is_generic(cell) for cell in row if cell):
            break
    first = next((index for index, row in enumerate(rows) if filled[index] > 1), 0)
    return first if first <= _MAX_TITLE_ROWS and (width > 2 or "".join(rows[0]).startswith("#")) else 0


def begins_with_titles(rows: list[list[str]]) -> bool:
    """Return whether the first row has the titles of the columns."""
    first, *below = rows
    if not below:
        return any("name" in read_title(cell) for cell in first)
    pairs = [(first[c.index] if c.index < len(first) else "", c) for c in make_columns(below, has_header=False)]
    numeric = [(cell, column) for cell, column in pairs if not column.is_text and column.kind != "empty"]
    if any(_NUMBER.fullmatch(cell) and not re.fullmatch(r"(?:1[89]|20)\d\d", cell) for cell, _ in numeric):
        return False
    if any(cell.casefold() not in _MISSING and not _NUMBER.fullmatch(cell) for cell, _ in numeric):
        return True
    if any(not cell and column.kind == "index" and len(column.values) == len(below) for cell, column in numeric):
        return True  # pandas writes an index without a title
    return any(is_generic(cell) or _is_title_of(cell, column) for cell, column in pairs if cell)


def _is_title_of(cell: str, column: Column) -> bool:
    """Return whether the first cell of a column of text is a title rather than text like the cells below."""
    if cell in column.values:
        return False
    if read_title(cell) & {"name", "category"}:
        return True
    if _NUMBER.fullmatch(cell) or ("_" in cell and not any("_" in value for value in column.values)):
        return column.kind == "text"
    repeats = min(Counter(column.values).values(), default=0) > 1
    return len(column.cells) >= 10 and column.has_few_values and repeats


def _is_title_choice(choice: str | int | None) -> bool:
    return isinstance(choice, str) and not choice.strip().isdecimal() and choice.strip().casefold() != NO_COLUMN


def _choose(columns: list[Column], choice: str | int | None, option: str) -> Column | None:
    """Return the column that the user chose."""
    if choice is None:
        return None
    wanted = str(choice).strip()
    for key in (str.strip, str.casefold):
        matches = [column for column in columns if column.title and key(column.title) == key(wanted)]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise DataError(f"{len(matches)} columns are called {shorten(wanted)}: {_list(matches)}; give the number")
    if wanted.casefold() == NO_COLUMN and option != "--name-column":
        return None
    if wanted.isdecimal() and 1 <= int(wanted[:9]) <= len(columns):
        return columns[int(wanted) - 1]
    raise DataError(f"no column {shorten(wanted)} for {option}; the columns are {_list(columns)}")


# What columns contain.


def make_columns(rows: list[list[str]], *, has_header: bool) -> list[Column]:
    """Return the columns of rows, whose first may be the titles."""
    header, below = (rows[0], rows[1:]) if has_header else ([], rows)
    columns = []
    for index in range(max(map(len, rows))):
        cells = [row[index] if index < len(row) else "" for row in below]
        values = [cell for cell in cells if cell]
        columns.append(Column(index, header[index] if index < len(header) else "", cells, values, _find_kind(values)))
    return columns


def _find_kind(values: list[str]) -> Kind:
    if not values:
        return "empty"
    present = [value for value in values if value.casefold() not in _MISSING]
    written = [value for value in present if _NUMBER.fullmatch(value)]
    if not written or len(written) < MIN_SHARE * len(present):
        digits = sum(any(map(str.isdecimal, value)) or "://" in value for value in values)
        return "code" if 2 * digits > len(values) else "text"
    mark = _find_decimal_mark(written)
    numbers = [number for value in written if (number := _parse_number(value, mark)) is not None]
    if any("%" in value for value in written) or 10 * sum(number % 1 != 0 for number in numbers) >= len(numbers):
        return "share"
    if not numbers or min(numbers) < 0:
        return "number"
    if sum(1800 <= number <= 2100 for number in numbers) >= 0.95 * len(numbers):
        return "year"
    return "index" if _is_index(numbers) else "count"


def _is_index(numbers: list[float]) -> bool:
    """Return whether numbers are row numbers, ranks or identifiers, in whatever order."""
    if len(numbers) < 3:
        return False
    steps = [after - before for before, after in itertools.pairwise(numbers)]
    enough = MIN_SHARE * len(steps)
    if steps.count(1) >= enough or steps.count(-1) >= enough:
        return True
    if 2 * steps.count(1) >= len(steps) and steps.count(1) + steps.count(0) >= enough:
        return True  # ranks that share a number
    ranks = [0.0]
    for row, step in enumerate(steps, 1):
        ranks.append(row if step else ranks[-1])
    if sum(number - numbers[0] == rank for number, rank in zip(numbers, ranks, strict=True)) >= enough and any(steps):
        return True  # ranks that leave out numbers after shared ones
    if len(numbers) >= 5 and len(set(numbers)) == len(numbers):
        return min(steps) > 0 or max(numbers) - min(numbers) == len(numbers) - 1
    return False


def _find_decimal_mark(values: Iterable[str]) -> str | None:
    """Return the decimal mark of numbers, ``None`` if every mark separates thousands."""
    for value in values:
        marks = re.findall("[.,]", value)
        if len(set(marks)) == 2:
            return str(marks[-1])
        if len(marks) == 1 and re.search(r"^[-+−]?0?[.,]|^[-+−]?\d{4,}[.,]|[.,](?!\d{3}(?!\d))", value):
            return str(marks[0])
    return None


def _parse_number(text: str, decimal_mark: str | None) -> float | None:
    plain = text.strip().translate(_BLANK_MARKS).replace("−", "-")
    for mark in ".,":
        plain = plain.replace(mark, "\0" if mark == decimal_mark else "")
    try:
        number = float(plain.replace("\0", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _is_name_like(value: str) -> bool:
    letters = sum(map(str.isalpha, value))
    return len(value) <= 40 and len(value.split()) <= 4 and 2 * letters > len(value) and not _NOT_OF_NAMES.search(value)


def _is_same(column: Column, other: Column) -> bool:
    """Return whether two columns have the same names, perhaps in other letters or another case."""
    pairs = [(a, b) for a, b in zip(column.cells, other.cells, strict=True) if a and b]
    texts = [to_ascii("".join(" ".join(cell.split()) + "\n" for cell in cells)) for cells in zip(*pairs, strict=True)]
    same = sum(a == b for a, b in zip(*(text.casefold().split("\n")[:-1] for text in texts), strict=True))
    return bool(pairs) and same >= MIN_SHARE * len(pairs)


# Which columns these are.


def _find_names(columns: list[Column]) -> Column:
    candidates = [column for column in columns if column.is_text and column.role == "name"]
    if not candidates:
        texts = [column for column in columns if column.is_text and column.role is None]
        candidates = [column for column in texts if column.is_name_like]
        most = max((column.distinct for column in candidates), default=0)
        candidates = [
            column
            for column in candidates
            if 4 * column.distinct >= most and not (column.has_few_values and 2 * column.distinct <= most)
        ]
        if not candidates:
            candidates = texts or [column for column in columns if column.is_text]
            candidates = candidates if len(candidates) == 1 else []  # the only text, whatever it looks like
        few = len(candidates) == 1 and len(candidates[0].cells) >= 20 and candidates[0].distinct <= 5
        if few and len(columns) > 1:
            candidates = []
    candidates = [
        column
        for position, column in enumerate(candidates)
        if not any(_is_same(column, other) for other in candidates[:position])
    ]
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise DataError(f"no column looks like names: {_list(columns)}; choose one, as in --name-column 1")
    raise DataError(
        f"cannot tell which column has the names: {_list(candidates)}; choose one, as in "
        f"--name-column {candidates[0].index + 1}"
    )


def _find_categories(columns: list[Column], names: Column) -> Column | None:
    rows = len(names.cells)
    titled = [
        column
        for column in columns
        if column.values
        and column.role == "category"
        and ((2 * column.distinct <= rows or rows < 10) if column.is_text else column.has_few_values)
    ]
    if titled:
        return _choose_categories(titled)
    texts = [
        column
        for column in columns
        if column.is_text
        and column.role is None
        and len(column.values) >= 0.8 * rows
        and any(map(str.isalnum, column.values[0]))
        and not _is_same(column, names)
    ]
    few = [column for column in texts if column.has_few_values and 2 * column.distinct <= names.distinct]
    if few:
        return _choose_categories(few)
    unclear = [column for column in texts if column.is_name_like and (rows < 10 or 2 * column.distinct <= rows)]
    if not unclear:
        return None
    raise _make_category_error(unclear)


def _choose_categories(candidates: list[Column]) -> Column:
    """Choose one of several columns of categories, or refuse."""
    named = [column for column in candidates if column.title.casefold() == "category"] or candidates
    varied = [column for column in named if column.distinct > 1]
    left = varied or [column for column in named if column.has_sexes] or named
    if len(left) > 1:
        raise _make_category_error(left)
    return left[0]


def _make_category_error(candidates: list[Column]) -> DataError:
    return DataError(
        f"cannot tell which column has the categories: {_list(candidates)}; choose one, as in --category-column "
        f"{candidates[0].index + 1}, or --category-column {NO_COLUMN}"
    )


def _find_weights(columns: list[Column]) -> Column | None:
    numbers = [column for column in columns if not column.is_text and column.kind not in ("empty", "number")]
    candidates = (
        [column for column in numbers if column.role == "weight"]
        or [column for column in numbers if column.role is None and column.kind == "count"]
        or [column for column in numbers if column.kind == "share" and _is_falling(column)]
    )
    if len(candidates) > 1:
        candidates = [column for column in candidates if column.kind == "count"]
    return candidates[0] if len(candidates) == 1 else None


def _is_falling(column: Column) -> bool:
    mark = _find_decimal_mark(column.values)
    numbers = [number for value in column.values if (number := _parse_number(value, mark)) is not None]
    falls = sum(before >= after for before, after in itertools.pairwise(numbers))
    return len(set(numbers)) > 1 and falls >= MIN_SHARE * (len(numbers) - 1)


def read_numbers(column: Column) -> list[float]:
    """Return the numbers among the values of a column."""
    mark = _find_decimal_mark(column.values)
    return [number for value in column.values if (number := _parse_number(value, mark)) is not None]


# Messages.


def _cut(text: str) -> str:
    return shorten(text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…")


def _list(columns: Sequence[Column]) -> str:
    return ", ".join(map(str, columns[:_MAX_LISTED])) + (", …" if len(columns) > _MAX_LISTED else "")

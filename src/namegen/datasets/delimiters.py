"""Find the delimiter of a table, or that lines are not the rows of one."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from typing import TYPE_CHECKING

from namegen.datasets.columns import MAX_COLUMNS, MIN_SHARE, begins_with_titles, make_columns, read_numbers
from namegen.datasets.titles import is_generic, read_title
from namegen.errors import DataError, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from namegen.datasets.columns import Column

_NUMBERED = re.compile(r"\(?#?(\d{1,9})(?:[.):\]]+\s+(?=\S)|[.):\]]+(?=[^\W\d_])|\s+[-–—:=]\s+(?=[^\W\d_]))")
_COUNTED = re.compile(r"(?<=[^\W\d_])(?:\s+[-–—=:]\s+|\s*[:=]\s+|\s*(\())(\d[\d.,]*%?)(?(1)\))$")  # Ada: 20
_ALIGNED = re.compile(r"\s{2,}|\t|\s+(?=[-+]?\.?\d[\d.,]*%?(?:\s|$))|(?<=[\d%])\s+")
# Everything but letters, single blanks, and hyphens and apostrophes between letters.
_MARK = re.compile(r"[^\w \r\n'-]|[\d_]|  |\r(?!\n)|(?<![^\W\d_])['-]|['-](?![^\W\d_])")
_LARGE = 100  # numbers that are too large to be parts of most names
_MIN_FIRST = 30  # the least first number of a falling row of counts
SUFFIX = re.compile(
    r"(?i:jr|sr|ii|iii|iv)\.?|(?:MD|M\.D|Ph\.?D|Esq|Esquire|DDS|D\.D\.S|DVM|JD|J\.D|MBA|CPA|RN|OBE|CBE|MBE|QC|KC)\.?"
    r"|(?:Inc|Ltd|LLC|LLP|Corp|Co|PLC|GmbH|AG)\.?"
)
"""What follows a name after a comma, and is neither a name nor a category."""


def has_marks(lines: Sequence[str]) -> bool:
    """Return whether lines have a character that may separate or mark names; most lists have none."""
    return any(map(_MARK.search, lines))


def find_delimiter(lines: Sequence[str], *, is_table: bool = False) -> str | None:
    r"""Return the delimiter of a table: ``,``, ``;``, ``|``, a tab, or a blank for aligned columns.

    Args:
        lines: the first lines of the text.
        is_table: whether the text is known to be a table, so that ``Elrond, Elf`` is one with two columns.

    Returns:
        ``None`` for a list of names, also in the form ``Lastname, Firstname``. Split aligned columns with
        :func:`split_aligned`.

    Raises:
        DataError: the lines may have names and categories, or surnames and a few given names.
    """
    if not has_marks(lines):
        return None
    lines = [line for line in lines if line.strip()]
    for delimiter in "\t;|,":
        if any(line.count(delimiter) >= MAX_COLUMNS for line in lines):
            continue
        rows = _find_table([next(csv.reader([line], delimiter=delimiter), []) for line in lines])
        if rows and (delimiter != "," or _is_table_with_commas(rows, lines, is_table=is_table)):
            return delimiter
    rows = _find_table([split_aligned(line)[:MAX_COLUMNS] for line in lines])
    return " " if rows and _is_aligned_table(rows, lines) else None


def split_aligned(line: str) -> list[str]:
    """Split a line of aligned columns: at two or more blanks, and around numbers, without the marks around these."""
    line = line.strip()
    number = _NUMBERED.match(line)
    cells = _ALIGNED.split(_COUNTED.sub(r"  \2", line[number.end() :] if number else line))
    return [number[1], *cells] if number else cells


def _find_table(rows: list[list[str]]) -> list[list[str]]:
    """Return the rows of a table without the titles above it; no rows if their widths differ too much."""
    rows = [[cell.strip() for cell in row] for row in rows]
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return []
    width = max(widths, key=lambda width: (widths[width], width))
    start = next(index for index, row in enumerate(rows) if len(row) == width)
    below = rows[start:]
    table = [row for row in below if len(row) == width]
    is_regular = len(table) >= 2 and len(table) >= 0.8 * len(below) and 2 * len(table) >= len(rows)
    filled = sum(column.kind != "empty" for column in make_columns(table, has_header=False)) if is_regular else 0
    return table if filled > 1 else []


def _is_table_with_commas(rows: list[list[str]], lines: Sequence[str], *, is_table: bool) -> bool:
    """Return whether rows are a table rather than ``Lastname, Firstname`` or several names on each line.

    Raises:
        DataError: the rows may be either.
    """
    if 2 * sum(": " in row[0] for row in rows) > len(rows):
        return False  # a category and its names
    is_titled = begins_with_titles(rows)
    columns = make_columns(rows, has_header=is_titled)
    has_blanks = 2 * sum(line.count(", ") for line in lines) > sum(line.count(",") for line in lines)
    if len(columns) == 2 and has_blanks and all(column.is_text for column in columns):
        return is_table or _is_table_of_pairs(rows)
    if is_titled or any(column.kind not in ("text", "empty") for column in columns):
        return True
    if not has_blanks:
        return True  # names on a line have a blank after the comma
    if any(column.has_sexes or (len(rows) >= 10 and _is_category_like(column, columns)) for column in columns[1:]):
        return True
    return 10 * columns[0].distinct <= len(rows)


def _is_table_of_pairs(rows: list[list[str]]) -> bool:
    """Return whether two columns of text, with a comma and a blank between them, are a table.

    Raises:
        DataError: one of them has few values, which may be categories or names.
    """
    if any(read_title(cell) or is_generic(cell) for cell in rows[0]) and begins_with_titles(rows):
        return True
    first, second = columns = make_columns(rows, has_header=False)
    if any(column.has_sexes or "".join(column.values).islower() for column in columns[1:]):
        return not all(map(SUFFIX.fullmatch, second.values))
    names = [value for value in second.values if not SUFFIX.fullmatch(value)]
    if len(names) < MIN_SHARE * len(second.values):
        return False
    if (len(rows) >= 10 and _is_category_like(second, columns)) or 10 * first.distinct <= len(rows):
        line = ", ".join(rows[0])
        raise DataError(
            f"cannot tell whether {quote(line)} is a name with its category, or a surname before a given name; use "
            "--plain to read lines as they are, or choose, as in --name-column 1 --category-column 2"
        )
    return False


def _is_aligned_table(rows: list[list[str]], lines: Sequence[str]) -> bool:
    """Return whether rows that were split at blanks and numbers are a table.

    Names have single blanks and numbers too, as in ``Area 51`` and ``10 Downing Street``.
    """
    is_titled = begins_with_titles(rows)
    columns = make_columns(rows, has_header=is_titled)
    texts = [column for column in columns if column.is_text]
    most = max((column.distinct for column in texts), default=0)
    if len(rows) < 3:
        return False
    if all(column.is_text or column.kind == "empty" for column in columns):
        return any(
            _is_category_like(column, columns)
            and (column.index > 0 or is_titled or column.has_sexes or "".join(column.values).islower())
            for column in texts
        )
    if most < MIN_SHARE * (len(rows) - 1):
        return False
    others = columns[1:] if columns[0].kind == "index" else columns
    if len(others) == 1 and all(after == before + 1 for before, after in itertools.pairwise(read_numbers(columns[0]))):
        return False  # a list with numbers
    is_spaced = 2 * sum(bool(re.search(r"\S(?:\s{2,}|\t)", line.strip())) for line in lines) > len(lines)
    if is_titled or is_spaced or len(others) > 2:
        return True
    return any(_are_counts(column, lines) for column in others)


def _are_counts(column: Column, lines: Sequence[str]) -> bool:
    """Return whether numbers beside names are counts, rather than a part of the names."""
    if column.kind == "share":
        return True
    if column.is_text or column.kind == "empty" or 2 * column.distinct < len(column.values):
        return False
    numbers = read_numbers(column)
    falling = sum(after <= before for before, after in itertools.pairwise(numbers)) >= MIN_SHARE * (len(numbers) - 1)
    falling = falling and max(numbers) >= _MIN_FIRST
    if column.index == 0:  # such as the number of a house
        return falling or any(line[:1].isspace() for line in lines)
    return falling or sorted(numbers)[len(numbers) // 2] >= _LARGE


def _is_category_like(column: Column, columns: list[Column]) -> bool:
    most = max(other.distinct for other in columns)
    return column.has_few_values and 2 * column.distinct <= most and any(map(str.isalnum, "".join(column.values)))

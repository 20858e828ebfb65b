"""Find the columns of a table that have the names, their categories and their counts, by what the cells contain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Columns:
    """Which columns of a table have the names, the categories and the counts, as indices from 0.

    Attributes:
        name: the column of the names.
        category: the column of the categories, if there is one.
        weight: the column that says how often each name occurs, if there is one.
        has_header: whether the table's first row has titles.
        first_row: the index of the table's first row (its header, if it has one) among the rows that were given.
            The rows before it are a title or notes.
    """

    name: int
    category: int | None
    weight: int | None
    has_header: bool
    first_row: int = 0


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
        category: the same for the categories.
        weight: the same for the counts.
        header: whether the first row has titles; by default its cells decide.

    Raises:
        DataError: a chosen column does not exist, or the contents leave a doubt. The message shows the columns and the
            option that settles it.
    """
    return Columns(0, None, None, has_header=bool(header))


def describe_columns(columns: Columns, rows: Sequence[Sequence[str]]) -> str:
    """Return what was found, for users: ``names from Vorname, categories from Geschlecht (m, w)``."""
    return f"names from column {columns.name + 1}"


def find_delimiter(lines: Sequence[str]) -> str | None:
    r"""Return what separates the columns of a table: ``,``, ``;``, ``|``, a tab, or a blank for aligned columns.

    Returns:
        ``None`` for a list of names. With a blank, the columns are separated by any number of blanks
        (``line.split()``).
    """
    return None

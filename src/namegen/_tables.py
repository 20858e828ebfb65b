"""Show results as tables: in HTML for notebooks, and as data frames of pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from namegen.errors import MissingPackageError, escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    _Item = TypeVar("_Item")

MAX_ROWS = 20  # of a table in a notebook
MISSING = "–"  # the cell of a value that was not measured


def build_html(head: Sequence[str], rows: Sequence[Sequence[object]], *, total: int, caption: str = "") -> str:
    """Return a table in HTML, which notebooks show.

    Args:
        head: the titles of the columns.
        rows: the cells. Text is escaped; the first column is on the left, the others are on the right.
        total: the number of rows of the result; if there are more than ``rows``, a line below the table says so.
        caption: a line above the table.
    """
    parts = ["<table>"]
    if caption:
        parts.append(f'<caption style="text-align: left">{_to_html(caption)}</caption>')
    parts.append(f"<thead><tr>{''.join(_cell('th', title, place) for place, title in enumerate(head))}</tr></thead>")
    parts.append("<tbody>")
    parts += [f"<tr>{''.join(_cell('td', cell, place) for place, cell in enumerate(row))}</tr>" for row in rows]
    parts.append("</tbody></table>")
    if total > len(rows):
        parts.append(f"<p>The first {len(rows)} of {total:,} rows; to_pandas() has all.</p>")
    return "".join(parts)


def build_frame(columns: Mapping[str, object], index: Sequence[object] | None = None, name: str = "") -> pd.DataFrame:
    """Return a data frame of pandas.

    Args:
        columns: the values of each column.
        index: the labels of the rows; by default their numbers.
        name: the title of the index.

    Raises:
        MissingPackageError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise MissingPackageError("to_pandas needs pandas; install it: pip install pandas") from None
    labels = None if index is None else pd.Index(index, name=name)
    return pd.DataFrame(dict(columns), index=labels)


def format_value(value: float | None, form: str) -> str:
    """Return a number in a format such as ``.3f``, or a dash for ``None`` and NaN."""
    return MISSING if value is None or value != value else format(value, form)  # noqa: PLR0124 - NaN differs from itself


def join_first(items: Sequence[_Item], most: int = 3) -> str:
    """Join the first items by commas, with an ellipsis for the others."""
    return ", ".join([*map(str, items[:most]), *(["…"] if len(items) > most else [])])


def _cell(tag: str, value: object, place: int) -> str:
    return f'<{tag} style="text-align: {"right" if place else "left"}">{_to_html(value)}</{tag}>'


def _to_html(value: object) -> str:
    from html import escape  # slow to import, and only notebooks need it

    return escape(escape_unprintable(str(value)))

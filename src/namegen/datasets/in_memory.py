"""Build datasets from names in memory: a list, lists by category, or a column of a table.

A column of pandas or another library is an iterable of strings. Missing names, ``None`` or ``nan``, are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from namegen._validate import describe_kind
from namegen.datasets.dataset import Dataset
from namegen.errors import UsageError, quote, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from namegen.datasets.dataset import AlphabetChoice

Names: TypeAlias = Dataset | Mapping[str, Iterable[str]] | Iterable[str]
"""A dataset, lists of names by category, or one list."""


def to_dataset(
    names: Names, *, alphabet: AlphabetChoice = "ascii", keep_repeats: bool = False, category: str = "names"
) -> Dataset:
    """Return a dataset of names; a dataset is returned as it is.

    Args:
        names: a dataset, lists of names by category, or one list.
        alphabet: as for ``Dataset.from_names``.
        keep_repeats: as for ``Dataset.from_names``.
        category: the category of a single list.

    Raises:
        UsageError: the names have another type.
        DataError: the list is empty.
    """
    if isinstance(names, Dataset):
        return names
    lists = names if isinstance(names, Mapping) else {category: names}
    return Dataset.from_names(lists, alphabet=alphabet, keep_repeats=keep_repeats)


def check_lists(names: object) -> Mapping[str, Iterable[str]]:
    """Return lists of names by category; raise ``UsageError`` for any other type."""
    if not isinstance(names, Mapping):
        raise UsageError(
            f"names must be lists by category, such as {{'Elves': ['Aelar', 'Elaria']}}, not {describe_kind(names)}"
        )
    for category in names:
        if not isinstance(category, str):
            raise UsageError(f"a category must be text, not {describe_kind(category)}")
    return names


def iterate_names(names: object, what: str = "names") -> Iterator[str | None]:
    """Yield the names of a list, and ``None`` for a missing one.

    Raises:
        UsageError: the names are not a list, or one of them is not text.
    """
    for number, name in enumerate(_check_list(names, what), 1):
        if isinstance(name, str):
            yield name
        elif name is None or type(name).__name__ in ("NAType", "NaTType") or _is_nan(name):
            yield None
        else:
            raise UsageError(f"{what} must be text, but number {number:,} is {describe_kind(name)}")


def _check_list(names: object, what: str) -> Iterable[object]:
    """Return names if they are a list, a column or another iterable."""
    if isinstance(names, str):
        advice = "open_dataset reads a file or folder" if what == "names" else f"use [{quote(names)}]"
        raise UsageError(f"{what} must be a list of names, not a string; {advice}")
    if hasattr(names, "columns") or getattr(names, "ndim", 1) != 1:
        columns = ", ".join(map(str, getattr(names, "columns", ())))
        raise UsageError(
            f"{what} must be a list or one column, not a table"
            + (
                f" with the columns {shorten(columns)}; choose one, such as table[{columns.split(', ')[0]!r}]"
                if columns
                else ""
            )
        )
    if isinstance(names, Mapping):
        raise UsageError(f"{what} must be a list of names, not {describe_kind(names)}; give lists by category")
    if isinstance(names, bytes | bytearray) or not isinstance(names, Iterable):
        raise UsageError(f"{what} must be a list of names, not {describe_kind(names)}")
    return sorted(names, key=str) if isinstance(names, set | frozenset) else names  # the order of a set varies


def _is_nan(name: object) -> bool:
    return isinstance(name, float) and math.isnan(name)

"""Options of reading names, and where a dataset came from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from namegen._validate import check_int
from namegen.errors import UsageError, quote
from namegen.io.encodings import check_encoding

if TYPE_CHECKING:
    from collections.abc import Mapping

STDIN = "-"
"""The path that means standard input."""

_WEIGHTS = ("none", "sqrt", "count")
_COLUMNS = ("name_column", "category_column", "weight_column")


@dataclass(frozen=True)
class ReadingOptions:
    """Options of reading names from files. By default the contents of a file decide how it is read.

    Attributes:
        name_column: the column of the names in tables, by title or by number from 1.
        category_column: the same for the categories.
        weight_column: the same for the counts.
        header: whether the first row of a table has titles; by default its cells decide.
        encoding: the encoding of text without a byte-order mark; by default UTF-8.
        plain: read every line of text as a name, without looking for columns, headings, numbers or comments.
        weights: how often training uses a name: ``none`` (all names equally often), ``count`` (in proportion to the
            name's count or repeats), or ``sqrt`` (in proportion to the square root of that).
        min_count: leave out categories with fewer names than this.

    Raises:
        UsageError: a value is out of range, or ``plain`` is combined with options of tables.
    """

    name_column: str | int | None = None
    category_column: str | int | None = None
    weight_column: str | int | None = None
    header: bool | None = None
    encoding: str | None = None
    plain: bool = False
    weights: Literal["none", "sqrt", "count"] = "none"
    min_count: int = 1

    def __post_init__(self) -> None:
        if self.weights not in _WEIGHTS:
            raise UsageError(f"weights must be none, sqrt or count, not {quote(str(self.weights))}")
        check_int("min_count", self.min_count, 1, 10**9)
        for option in _COLUMNS:
            column = getattr(self, option)
            if not isinstance(column, str | int | None) or isinstance(column, bool) or column in ("", 0):
                raise UsageError(f"{option} must be a title or a number from 1, not {quote(str(column))}")
        if self.encoding is not None:
            check_encoding(self.encoding)
        if self.plain and self.of_tables:
            raise UsageError(f"--plain reads no tables, so --{self.of_tables[0]} does not apply; leave out one of them")

    @property
    def of_tables(self) -> tuple[str, ...]:
        """The options for tables that are set, as the command spells them."""
        set_ = [option.replace("_", "-") for option in _COLUMNS if getattr(self, option) is not None]
        return (*set_, *(["no-header"] if self.header is False else []))


DEFAULT_READING = ReadingOptions()


@dataclass(frozen=True)
class DataSource:
    """The origin of a dataset, to read it again.

    Attributes:
        paths: absolute paths, names of datasets, or ``-`` for standard input.
        reading: the options for reading them.
    """

    paths: tuple[str, ...]
    reading: ReadingOptions = DEFAULT_READING

    def as_dict(self) -> dict[str, Any]:
        """Return the source as a dict that JSON can store."""
        return {"paths": list(self.paths), "reading": asdict(self.reading)}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> DataSource:
        """Return a source from its ``as_dict``.

        Raises:
            KeyError: a field is missing.
            TypeError: a field has the wrong type, or is unknown.
            UsageError: an option is out of range.
        """
        paths = facts["paths"]
        if not isinstance(paths, list) or not paths or not all(isinstance(path, str) for path in paths):
            raise TypeError("its paths are not a list of strings")
        return cls(tuple(paths), ReadingOptions(**facts["reading"]))

"""Recognize the structure of a list: numbering, bullets, comments, headings, and several names on a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True)
class Structure:
    """How the lines of a list are read.

    Attributes:
        notes: what was recognized, for users.
    """

    notes: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether each line is a name, so that :meth:`parse` would return the lines as they are."""
        return not self.notes

    def parse(self, lines: Iterable[str]) -> Iterator[tuple[str | None, str]]:
        """Yield the category (``None`` if the list has no headings) and the name of each name in the lines."""
        for line in lines:
            yield None, line


def find_structure(lines: Sequence[str]) -> Structure:
    """Return how to read a list, given its first lines, up to 1,000."""
    return Structure()

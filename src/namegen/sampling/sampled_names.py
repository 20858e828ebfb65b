"""Sampled names, and names that are collected from several samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namegen.datasets.encoding import EncodedNames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen.errors import NamegenError

    Integers = NDArray[np.integer]


@dataclass(frozen=True, eq=False, repr=False)
class SampledNames:
    """Sampled names, in their order.

    Attributes:
        distinct: the distinct names, and perhaps further ones; a name may be among them several times.
        which: the index of each name among them, (names,).
        category_of: the index of each name's category, or 0 for a blend, (names,).
        attempts: the number of samples that each name took, (names,).
        failure: why the next name could not be sampled, if there are fewer than requested.
    """

    distinct: EncodedNames
    which: Integers
    category_of: NDArray[np.int64]
    attempts: NDArray[np.int32]
    failure: NamegenError | None = None

    @property
    def names(self) -> EncodedNames:
        """The names, which take more memory than the distinct ones."""
        return self.distinct.select(self.which)

    def __len__(self) -> int:
        return len(self.attempts)

    def select(self, indices: Integers) -> SampledNames:
        """Return some of the names."""
        which, category_of, attempts = self.which[indices], self.category_of[indices], self.attempts[indices]
        return SampledNames(self.distinct, which, category_of, attempts, self.failure)


class CollectedNames:
    """Accepted names of several rounds or categories.

    Attributes:
        which: the index of each name among all that :meth:`join` returns, (names,).
    """

    def __init__(self, count: int) -> None:
        self.which = np.zeros(count, dtype=np.int32)
        self._parts: list[EncodedNames] = []
        self._size = 0

    def add(self, indices: Integers, names: EncodedNames, which: Integers) -> None:
        """Add the names ``which`` of some names, (added,), as those with the indices, (added,)."""
        is_used = np.zeros(len(names.lengths), dtype=np.bool_)
        is_used[which] = True
        places = np.cumsum(is_used, dtype=np.int32) + np.int32(self._size - 1)
        self.which[indices] = places[which]
        self._parts.append(names if is_used.all() else names.select(np.flatnonzero(is_used)))
        self._size += len(self._parts[-1].lengths)

    def join(self) -> EncodedNames:
        """Return all names that have been added."""
        return EncodedNames.join(self._parts)

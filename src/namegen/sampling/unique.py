"""Find the names that were not sampled before, however many there were.

A name is represented by a 64-bit key, so that a hundred million names take less than a gigabyte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]


class KeySet:
    """A growing set of numbers.

    The numbers are in a few sorted arrays, each more than twice as long as the next, so that adding a number takes
    amortised logarithmic time.
    """

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def add(self, keys: Keys) -> None:
        """Add numbers, at least one."""
        run = np.sort(keys)
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")  # merges the sorted halves
        self._runs.append(run)

    def find_new(self, keys: Keys) -> NDArray[np.int64]:
        """Return the indices of numbers that are not in the set, each at its first occurrence, ascending."""
        distinct, first = np.unique(keys, return_index=True)
        is_new = np.ones(len(distinct), dtype=np.bool_)
        for run in self._runs:
            place = np.minimum(np.searchsorted(run, distinct), len(run) - 1)
            is_new &= run[place] != distinct
        return np.sort(first[is_new])

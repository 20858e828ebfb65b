"""Names as arrays of letter indices, shared by sampling, scoring and evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.integer]


UNFINISHED = -1


_ODD = 0x9E3779B97F4A7C15  # spreads the bits of what it is multiplied by


class EncodedNames:
    """Names as their letters.

    Attributes:
        letters: the letters' indices, (names, longest) unsigned; what is past a name's end means nothing.
        lengths: the number of letters of each name, ``UNFINISHED`` where it did not end in time, (names,) int64.
    """

    def __init__(self, letters: NDArray[np.unsignedinteger], lengths: NDArray[np.int64]) -> None:
        self.letters, self.lengths = letters, lengths

    @classmethod
    def unended(cls, count: int) -> EncodedNames:
        """Return names of which none has ended."""
        return cls(np.zeros((count, 1), dtype=np.uint8), np.full(count, UNFINISHED, dtype=np.int64))

    @classmethod
    def from_flat(cls, letters: NDArray[np.unsignedinteger], lengths: NDArray[np.int64]) -> EncodedNames:
        """Return names given one after the other.

        Args:
            letters: the indices of the letters of all names, (letters,).
            lengths: the number of letters of each name, (names,).
        """
        padded = np.zeros((len(lengths), max(1, lengths.max(initial=0))), dtype=letters.dtype)
        padded[np.arange(padded.shape[1]) < lengths[:, None]] = letters
        return cls(padded, lengths)

    def of(self, names: Integers) -> EncodedNames:
        """Return some of the names."""
        return EncodedNames(self.letters[names], self.lengths[names])

    def put(self, names: Integers, other: EncodedNames) -> None:
        """Put other names in the place of some."""
        width, dtype = other.letters.shape[1], np.result_type(self.letters, other.letters)
        missing = max(0, width - self.letters.shape[1])
        if missing or dtype != self.letters.dtype:
            self.letters = np.pad(self.letters.astype(dtype), ((0, 0), (0, missing)))
        self.letters[names, :width] = other.letters
        self.lengths[names] = other.lengths

    def keys(self) -> NDArray[np.uint64]:
        """Return a number for each name that has ended, the same for the same letters, (names,).

        Of a million different names two have the same number with a probability of less than one in 10 million.
        """
        keys: NDArray[np.uint64] = (self.lengths.astype(np.uint64) + np.uint64(1)) * np.uint64(_ODD >> 1 | 1)
        for place in range(int(self.lengths.max(initial=0))):
            names = np.flatnonzero(self.lengths > place)
            own = (keys[names] + self.letters[names, place].astype(np.uint64) + np.uint64(1)) * np.uint64(_ODD)
            keys[names] = own ^ (own >> np.uint64(32))
        return keys

"""Names as arrays of letter indices, shared by sampling, scoring and evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Integers = NDArray[np.integer]


UNFINISHED = -1
_MULTIPLIER = 0x9E3779B97F4A7C15  # odd, with well-mixed bits


class EncodedNames:
    """Names as padded rows of letter indices.

    Attributes:
        letters: the letters' indices, (names, longest) unsigned; values past the end of a name are undefined.
        lengths: the number of letters of each name, ``UNFINISHED`` if it did not end in time, (names,).
    """

    def __init__(self, letters: NDArray[np.unsignedinteger], lengths: Integers) -> None:
        self.letters, self.lengths = letters, lengths

    @classmethod
    def unfinished(cls, count: int) -> EncodedNames:
        """Return unfinished names without letters."""
        return cls(np.zeros((count, 1), dtype=np.uint8), np.full(count, UNFINISHED, dtype=np.int32))

    @classmethod
    def from_flat(cls, letters: NDArray[np.unsignedinteger], lengths: NDArray[np.int64]) -> EncodedNames:
        """Return concatenated names, (letters,), with their lengths, (names,), as rows."""
        padded = np.zeros((len(lengths), max(1, lengths.max(initial=0))), dtype=letters.dtype)
        padded[np.arange(padded.shape[1]) < lengths[:, None]] = letters
        return cls(padded, lengths)

    @classmethod
    def join(cls, parts: Sequence[EncodedNames]) -> EncodedNames:
        """Return the names of all parts."""
        if not parts:
            return cls.unfinished(0)
        if len(parts) == 1:
            return parts[0]
        counts = [len(part.lengths) for part in parts]
        dtype = np.result_type(*[part.letters for part in parts])
        letters = np.zeros((sum(counts), max(part.letters.shape[1] for part in parts)), dtype=dtype)
        for part, end in zip(parts, np.cumsum(counts).tolist(), strict=True):
            letters[end - len(part.lengths) : end, : part.letters.shape[1]] = part.letters
        return cls(letters, np.concatenate([part.lengths for part in parts]))

    def select(self, names: Integers) -> EncodedNames:
        """Return the names at some indices."""
        return EncodedNames(self.letters[names], self.lengths[names])

    def assign(self, names: Integers, other: EncodedNames) -> None:
        """Replace the names at some indices, widening the array if necessary."""
        width, dtype = other.letters.shape[1], np.result_type(self.letters, other.letters)
        missing = max(0, width - self.letters.shape[1])
        if missing or dtype != self.letters.dtype:
            self.letters = np.pad(self.letters.astype(dtype), ((0, 0), (0, missing)))
        self.letters[names, :width] = other.letters
        self.lengths[names] = other.lengths

    def keys(self) -> NDArray[np.uint64]:
        """Return a 64-bit hash of each finished name, (names,).

        Among a million different names, the probability that two share a hash is below one in 10 million.
        """
        keys: NDArray[np.uint64] = (self.lengths.astype(np.uint64) + np.uint64(1)) * np.uint64(_MULTIPLIER >> 1 | 1)
        for place in range(int(self.lengths.max(initial=0))):
            names = np.flatnonzero(self.lengths > place)
            own = (keys[names] + self.letters[names, place].astype(np.uint64) + np.uint64(1)) * np.uint64(_MULTIPLIER)
            keys[names] = own ^ (own >> np.uint64(32))
        return keys

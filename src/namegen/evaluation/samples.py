"""The distinct names among sampled ones, and means over all sampled names."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen.datasets.dataset import hash_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from namegen.datasets.alphabet import Alphabet


class Samples:
    """The distinct names among sampled ones.

    Attributes:
        counts: how often each was sampled, (distinct names,).
        hashes: the hash of each, (distinct names,).
        letters: the indices of their letters, concatenated, (letters,).
        lengths: the number of letters of each, (distinct names,).
    """

    def __init__(self, alphabet: Alphabet, sampled: Iterable[Sequence[str]]) -> None:
        counter = Counter[str]()
        for names in sampled:
            counter.update(names)
        lines = [name.encode() for name in counter]
        self.counts = np.array(list(counter.values()), dtype=np.int64)
        self.hashes = hash_names(lines)
        self.letters, self.lengths = alphabet.encode_lines(b"".join(line + b"\n" for line in lines))

    def __len__(self) -> int:
        return int(self.counts.sum())

    def mean(self, values: NDArray[Any]) -> float | None:
        """Return the mean over all sampled names of a value for each distinct one; ``None`` if there are none."""
        return float(np.average(values, weights=self.counts)) if len(values) else None

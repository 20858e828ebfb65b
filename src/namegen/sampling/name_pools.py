"""Pools of names, from which many people get theirs.

A pool grows in stages up to a maximum. Each of its names is returned once, in order; after that, names are chosen from
it at random, so that they repeat as in a real population.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from namegen.datasets.dataset import hash_names
from namegen.sampling.generate import sample
from namegen.sampling.rng import derive_streams, uniform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from namegen.models.model import Model

    Flags = NDArray[np.bool_]
    Indices = NDArray[np.int64]
    Names = NDArray[np.object_]

_FIRST_STAGE, _MAX_STAGE = 2**4, 2**16  # names
_GROWTH = 4


class NamePool:
    """Names of one category.

    Args:
        model: the model.
        category: the category.
        prefix: the beginning of the names.
        seed: the random seed.
        number: the number of the pool; the names of different pools are independent.
        max_size: the maximum number of names.
        novel: whether to leave out known names. A closed category has no others, so it ignores this.
        floor: the plausibility floor; by default the model's own. It needs an open category and an n-gram.
    """

    def __init__(
        self,
        model: Model,
        category: str,
        prefix: str,
        *,
        seed: int,
        number: int,
        max_size: int,
        novel: bool,
        floor: float | None = None,
    ) -> None:
        self.is_closed = category in model.closed
        self._settings: dict[str, Any] = (
            {} if floor is None or self.is_closed or not model.plausibility else {"floor": floor}
        )
        self._model, self._category, self._prefix, self._max_size = model, category, prefix, max_size
        self._seed, self._number, self._novel = seed, number, novel and not self.is_closed
        self._names: list[str] = []
        self._is_known: Flags = np.zeros(0, dtype=np.bool_)
        self._taken = 0

    def take(self, count: int) -> tuple[list[str], Flags]:
        """Return the next names, and which of them are known, (names,)."""
        numbers = np.arange(self._taken, self._taken + count)
        self._taken += count
        while len(self._names) < min(self._taken, self._max_size):
            self._grow()
        repeated = numbers >= self._max_size
        if repeated.any():
            streams = derive_streams(self._seed, 0, numbers[repeated], f"{self._category} {self._number}")
            numbers[repeated] = (uniform(streams, 0) * len(self._names)).astype(np.int64)
        return [self._names[number] for number in numbers.tolist()], self._is_known[numbers]

    def _grow(self) -> None:
        """Sample the next stage."""
        done = len(self._names)
        names = sample(
            self._model,
            self._category,
            (self._prefix,),
            count=min(max(_FIRST_STAGE, (_GROWTH - 1) * done), _MAX_STAGE, self._max_size - done),
            seed=self._seed + ((self._number << 32) + done << 64),  # different in every pool and stage
            novel=self._novel,
            **self._settings,
        )
        if self._prefix:  # a letter whose capital no training name has became a small one
            names = [name[:1].title() + name[1:] for name in names]
        self._names += names
        self._is_known = np.append(self._is_known, self.is_closed | find_known(self._model, names))


def take_names(pools: Sequence[NamePool], pool_of: Indices) -> tuple[Names, Flags]:
    """Return the next names of some pools, and which are known.

    Args:
        pools: the pools.
        pool_of: the index of the pool of each name, (names,).
    """
    names, is_known = np.empty(len(pool_of), dtype=object), np.zeros(len(pool_of), dtype=np.bool_)
    for index, pool in enumerate(pools):
        rows = np.flatnonzero(pool_of == index)
        if len(rows):
            names[rows], is_known[rows] = pool.take(len(rows))
    return names, is_known


def find_known(model: Model, names: Sequence[str]) -> Flags:
    """Return which names are in the training data, (names,)."""
    hashes = hash_names(name.encode() for name in names)
    if not len(model.known_hashes):
        return np.zeros(len(hashes), dtype=np.bool_)
    known: Flags = model.known_hashes[np.searchsorted(model.known_hashes[:-1], hashes)] == hashes
    return known

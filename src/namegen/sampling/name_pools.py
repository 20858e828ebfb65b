"""Pools of names, from which people get their names.

A pool grows in stages up to a maximum. Each of its names is returned once, in order; after that, names are chosen from
it at random, so that they repeat as in a real population.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from namegen.sampling.generate import sample
from namegen.sampling.known_names import find_known_names
from namegen.sampling.rng import derive_streams, uniform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from namegen.models.model import Model

    Indices = NDArray[np.int64]

_FIRST_STAGE, _MAX_STAGE = 2**4, 2**16  # names
_GROWTH = 4
_MIN_NAMES = 200  # of a category, for other settings than the model's


class NamePool:
    """Names of one category.

    Args:
        model: the model.
        category: the category.
        prefix: the beginning of the names.
        seed: the random seed.
        number: the number of the pool; the names of different pools are independent.
        max_size: the maximum number of names.
        novel: whether to leave out known names. A closed category ignores this, as all its names are known.
        settings: sampling settings to replace those of the model. They do not apply to closed categories and to
            categories of fewer than 200 names, for which the model may generate hardly any other plausible names.
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
        **settings: float,
    ) -> None:
        is_closed = category in model.closed
        is_small = is_closed or model.counts[model.categories.index(category)] < _MIN_NAMES
        self._settings: dict[str, Any] = {} if is_small else settings
        if not model.plausibility:
            self._settings.pop("floor", None)
        self._model, self._category, self._prefix, self._max_size = model, category, prefix, max_size
        self._seed, self._number, self._novel = seed, number, novel and not is_closed
        self._names: list[str] = []
        self._taken = 0

    def take(self, count: int) -> list[str]:
        """Return the next names."""
        numbers = np.arange(self._taken, self._taken + count)
        self._taken += count
        while len(self._names) < min(self._taken, self._max_size):
            self._grow()
        repeated = numbers >= self._max_size
        if repeated.any():
            numbers[repeated] = _choose(
                numbers[repeated], len(self._names), self._seed, f"{self._category} {self._number}"
            )
        return [self._names[number] for number in numbers.tolist()]

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
        if self._prefix:  # a letter without a capital among the training names has become a small one
            names = [name[:1].title() + name[1:] for name in names]
        self._names += names


class KnownPool:
    """The known names of an open category, chosen at random.

    Args:
        model: the model.
        category: the category.
        prefix: the beginning of the names.
        seed: the random seed.
        number: the number of the pool; the names of different pools are independent.

    Attributes:
        names: the known names that begin with the prefix, in upper or lower case; empty if there are none.
    """

    def __init__(self, model: Model, category: str, prefix: str, *, seed: int, number: int) -> None:
        begins = prefix.casefold()
        self.names = [name for name in find_known_names(model, category) if name.casefold().startswith(begins)]
        self._seed, self._label, self._taken = seed, f"{category} {number}", 0

    def take(self, count: int) -> list[str]:
        """Return the next names."""
        numbers = np.arange(self._taken, self._taken + count)
        self._taken += count
        return [self.names[number] for number in _choose(numbers, len(self.names), self._seed, self._label).tolist()]


def take_names(pools: Sequence[NamePool | KnownPool], pool_of: Indices) -> list[str]:
    """Return the next names of some pools; ``pool_of`` is the index of the pool of each name, (names,)."""
    if len(pools) == 1:
        return pools[0].take(len(pool_of))
    names = np.empty(len(pool_of), dtype=object)
    for index, pool in enumerate(pools):
        rows = np.flatnonzero(pool_of == index)
        if len(rows):
            names[rows] = pool.take(len(rows))
    chosen: list[str] = names.tolist()
    return chosen


def _choose(numbers: Indices, size: int, seed: int, label: str) -> Indices:
    """Return a random index below ``size`` for each number, (numbers,)."""
    chosen: Indices = (uniform(derive_streams(seed, 0, numbers, label), 0) * size).astype(np.int64)
    return chosen

"""Pools of names, from which people get their names.

A pool grows in stages up to a maximum. Each of its names is returned once, in order; after that, names are chosen from
it at random, so that they repeat as in a real population.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from namegen.sampling.block_sampler import BlockSampler, Request
from namegen.sampling.known_names import find_known_names
from namegen.sampling.name_filters import Filters
from namegen.sampling.rng import derive_streams, uniform
from namegen.sampling.settings import override_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from namegen.models.model import Model

    Indices = NDArray[np.int64]

_FIRST_STAGE, _MAX_STAGE = 2**4, 2**16  # names
_GROWTH = 4
_EXPECTED_ATTEMPTS = 4  # at a name: the median of all cultures is about 5
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
        expected: the number of names that will be needed, which are sampled at once.
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
        expected: int = 0,
        novel: bool,
        **settings: float,
    ) -> None:
        is_closed = category in model.closed
        is_small = is_closed or model.counts[model.categories.index(category)] < _MIN_NAMES
        own: dict[str, Any] = {} if is_small else settings
        if not model.plausibility:
            own.pop("floor", None)
        config, filters = override_settings(model.sampling, Filters(novel=novel and not is_closed), own)
        self._request = Request(model, category, config, filters, seed=seed, expected_attempts=_EXPECTED_ATTEMPTS)
        self._sampler: BlockSampler | None = None
        self._prefix, self._max_size, self._expected, self._number = prefix, max_size, expected, number
        self._names: list[str] = []
        self._taken = 0

    def fill(self, count: int) -> list[str]:
        """Sample at least ``count`` names, or the maximum, and return all names of the pool."""
        while len(self._names) < min(count, self._max_size):
            self._grow()
        return self._names

    def set_names(self, names: list[str]) -> None:
        """Set the names, which the same pool in another process has returned from :meth:`fill`."""
        self._names = names

    def skip(self, count: int) -> None:
        """Leave names out."""
        self._taken += count

    def take(self, count: int) -> list[str]:
        """Return the next names."""
        numbers = np.arange(self._taken, self._taken + count)
        self._taken += count
        self.fill(self._taken)
        repeated = numbers >= self._max_size
        if repeated.any():
            label = f"{self._request.category} {self._number}"
            numbers[repeated] = _choose(numbers[repeated], len(self._names), self._request.seed, label)
        return [self._names[number] for number in numbers.tolist()]

    def _grow(self) -> None:
        """Sample the next stage."""
        if self._sampler is None:
            self._sampler = BlockSampler(self._request)
        done = len(self._names)
        wanted = max(_FIRST_STAGE, (_GROWTH - 1) * done, self._expected - done)
        count = min(wanted, _MAX_STAGE, self._max_size - done)
        seed = self._request.seed + (self._number << 96)  # different in every pool
        names = self._sampler.sample_all(self._prefix, done, done + count, seed)
        if self._prefix:  # a letter without a capital among the training names has become a small one
            names = [name[:1].title() + name[1:] for name in names]
        self._names += names
        if len(self._names) == self._max_size:
            self._sampler = None  # which takes memory


def list_known_names(model: Model, category: str, prefix: str) -> list[str]:
    """Return the known names of an open category that begin with a prefix, in upper or lower case."""
    begins = prefix.casefold()
    return [name for name in find_known_names(model, category) if name.casefold().startswith(begins)]


class KnownPool:
    """Known names of an open category, chosen at random.

    Args:
        names: the names.
        category: the category.
        seed: the random seed.
        number: the number of the pool; the names of different pools are independent.
    """

    def __init__(self, names: Sequence[str], category: str, *, seed: int, number: int) -> None:
        self._names, self._seed, self._label, self._taken = list(names), seed, f"{category} {number}", 0

    def fill(self, count: int) -> list[str]:  # noqa: ARG002 - as of the other pools
        """Return all names of the pool."""
        return self._names

    def skip(self, count: int) -> None:
        """Leave names out."""
        self._taken += count

    def take(self, count: int) -> list[str]:
        """Return the next names."""
        numbers = np.arange(self._taken, self._taken + count)
        self._taken += count
        return [self._names[number] for number in _choose(numbers, len(self._names), self._seed, self._label).tolist()]


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

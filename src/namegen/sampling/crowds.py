"""People of several cultures, in blocks, in this process or in worker processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from namegen.datasets.dataset import hash_names
from namegen.errors import NamegenError
from namegen.sampling.populations import Person, Population, Request
from namegen.sampling.unique import KeySet
from namegen.sampling.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from namegen.sampling.populations import PoolKey

    Indices = NDArray[np.int64]
    Shares = NDArray[np.float64]

_Rendered = TypeVar("_Rendered")

_FIRST_BLOCK, _MAX_BLOCK, _GROWTH = 64, 2**15, 4  # people
_MAX_REPEATS = 2**14  # full names in succession that are not new
_MAX_EXTRA = 2**10  # people at once, if new full names are rare


class Crowd(Iterator[Person]):
    """People of several cultures: an iterator over them, once.

    Args:
        request: the arguments that apply to every culture.
        populations: the people of each culture.
        shares: the share of each culture, (cultures,); they add up to 1.
        count: the number of people.
        unique: whether all full names are different.
        jobs: the number of worker processes; 1 for none.
    """

    def __init__(
        self,
        request: Request,
        populations: Sequence[Population],
        shares: Shares,
        *,
        count: int,
        unique: bool,
        jobs: int,
    ) -> None:
        self._request, self._populations, self._shares = request, populations, shares
        self._count, self._unique, self._jobs = count, unique, jobs
        self._people: Iterator[Person] | None = None

    def __next__(self) -> Person:
        if self._people is None:
            self._people = chain.from_iterable(self.render(list))
        return next(self._people)

    def render(self, function: Callable[[list[Person]], _Rendered]) -> Iterator[_Rendered]:
        """Yield the people in blocks, each as a function returns it.

        With several jobs, workers call the function, which must be one of a module.
        """
        expected = np.ceil(self._shares * self._count).astype(np.int64).tolist()
        for population, wanted in zip(self._populations, expected, strict=True):
            population.expect(wanted)
        with self._start_workers() as workers:
            pools = [] if workers is None else self._fill_pools(workers, expected)
            if workers is None or self._unique:
                _set_pools(self._populations, pools)
                yield from self._render_here(function)
            else:
                cultures = [population.culture for population in self._populations]
                workers.rebuild(_build_renderer, (self._request, cultures, pools, function))
                yield from workers.map(self._split())

    def _start_workers(self) -> AbstractContextManager[Workers[Any, Any, Any] | None]:
        return Workers(self._jobs, _build_filler, self._request) if self._jobs > 1 else nullcontext()

    def _fill_pools(self, workers: Workers[Any, Any, Any], expected: Sequence[int]) -> list[_FilledPool]:
        """Sample the names that the populations need, in worker processes."""
        tasks = [
            (population.culture, key, wanted)
            for population, count in zip(self._populations, expected, strict=True)
            for key, wanted in population.list_pools(count)
        ]
        filled = zip(tasks, workers.map(tasks), strict=True)
        return [_FilledPool(culture, key, names, known) for (culture, key, _), (names, known) in filled]

    def _render_here(self, function: Callable[[list[Person]], _Rendered]) -> Iterator[_Rendered]:
        """Do the same as :meth:`render` in this process."""
        seen = KeySet() if self._unique else None
        for block in self._split():
            people = block.compose(self._populations, seen)
            if people:
                yield function(people)
            if len(people) < len(block.order):
                missing = int(block.order[len(people)])
                found = block.done[missing] + int((block.order[: len(people)] == missing).sum())
                culture = self._populations[missing].culture
                raise NamegenError(
                    f"no other full name of this kind was found for {culture} after {found:,}: {_MAX_REPEATS:,} more "
                    "were repeats; ask for fewer people"
                )

    def _split(self) -> Iterator[_Block]:
        """Yield the blocks of people, which grow."""
        done, size = np.zeros(len(self._shares), dtype=np.int64), _FIRST_BLOCK
        while left := self._count - int(done.sum()):
            order = _interleave(self._shares, done, min(size, left))
            yield _Block(done.tolist(), order)
            done += np.bincount(order, minlength=len(done))
            size = min(size * _GROWTH, _MAX_BLOCK)


class _Block(NamedTuple):
    """A block of people.

    Attributes:
        done: the number of people of each culture before.
        order: the culture of each person, as an index, (people,).
    """

    done: list[int]
    order: Indices

    def compose(self, populations: Sequence[Population], seen: KeySet | None = None) -> list[Person]:
        """Return the people.

        Args:
            populations: the people of each culture.
            seen: the keys of the full names before, to which new ones are added; names are then not repeated, and the
                result ends before the first person whose name would not be new.
        """
        counts = np.bincount(self.order, minlength=len(populations))
        remaining: dict[int, Iterator[Person]] = {}
        for index in np.flatnonzero(counts).tolist():
            if seen is None:
                populations[index].skip_to(self.done[index])
                remaining[index] = iter(populations[index].take(int(counts[index])))
            else:
                remaining[index] = iter(_take_new(populations[index], int(counts[index]), seen))
        people = []
        for index in self.order.tolist():
            if (person := next(remaining[index], None)) is None:
                break
            people.append(person)
        return people


@dataclass(frozen=True)
class _FilledPool:
    """Names that have been sampled in another process: see :meth:`Population.fill_pool`."""

    culture: str
    key: PoolKey
    names: str
    known: bool


def _set_pools(populations: Sequence[Population], pools: Sequence[_FilledPool]) -> None:
    by_culture = {population.culture: population for population in populations}
    for pool in pools:
        by_culture[pool.culture].set_pool(pool.key, pool.names, known=pool.known)


def _build_filler(request: Request) -> Callable[[tuple[str, PoolKey, int]], tuple[str, bool]]:
    """Return the function of a worker: it returns the names of a pool of a culture."""
    return lambda task: Population(request, task[0]).fill_pool(*task[1:])


def _build_renderer(
    setup: tuple[Request, Sequence[str], Sequence[_FilledPool], Callable[[list[Person]], _Rendered]],
) -> Callable[[_Block], _Rendered]:
    """Return the function of a worker: it returns a block of people as a function renders it."""
    request, cultures, pools, function = setup
    populations = [Population(request, culture) for culture in cultures]
    _set_pools(populations, pools)
    return lambda block: function(block.compose(populations))


def _interleave(shares: Shares, done: Indices, count: int) -> Indices:
    """Return the culture of each of the next people, (count,), such that any beginning has about the right shares.

    The n-th person of a culture comes after ``(n - 1/2) / share`` people.

    Args:
        shares: the share of each culture, (cultures,).
        done: the number of people of each culture before, (cultures,).
        count: the number of people.
    """
    enough = np.ceil((count + len(shares)) * shares).astype(np.int64) + 1
    places = [(first + np.arange(more) + 0.5) / share for share, first, more in zip(shares, done, enough, strict=True)]
    order: Indices = np.repeat(np.arange(len(shares)), enough)[np.argsort(np.concatenate(places), kind="stable")]
    return order[:count]


def _take_new(population: Population, count: int, seen: KeySet) -> list[Person]:
    """Return the next people whose full names are new, fewer if there are no more, and add them to those seen."""
    new: list[Person] = []
    repeats = 0  # since the last new name
    while len(new) < count and repeats < _MAX_REPEATS:
        persons = population.take(count - len(new) + min(repeats, _MAX_EXTRA))
        keys = hash_names(person.name.encode() for person in persons)
        first = seen.find_new(keys)[: count - len(new)]
        if len(first):
            seen.add(keys[first])
            new += [persons[index] for index in first.tolist()]
        repeats = 0 if len(first) else repeats + len(persons)
    return new

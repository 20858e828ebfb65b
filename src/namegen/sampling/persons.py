"""Invent people: a given name, a surname and what the culture adds to them.

Names come from pools (:mod:`namegen.sampling.name_pools`), so a million people take seconds, and the first people do
not depend on how many there are.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from namegen._validate import check_arguments, check_bool, check_int, check_text
from namegen.datasets.dataset import hash_names
from namegen.datasets.graphemes import normalize, split_letters
from namegen.errors import NamegenError, UsageError, quote
from namegen.models.store import PEOPLE, to_model
from namegen.sampling.culture_parts import GENDERS, parse_cultures
from namegen.sampling.jobs import choose_jobs
from namegen.sampling.populations import Person, Population, Request
from namegen.sampling.unique import KeySet
from namegen.sampling.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from os import PathLike

    from numpy.typing import NDArray

    from namegen.models.model import Model
    from namegen.sampling.populations import PoolKey

    Indices = NDArray[np.int64]
    Shares = NDArray[np.float64]

_MAX_PEOPLE = 10**15
_MIN_POOL, _MAX_POOL = 2**10, 2**14  # names
_ALL_POOLS = 2**16  # names, if that leaves every pool its minimum
_POOLS_PER_CULTURE = 4
_MAX_UNIQUE_POOL = 2**20  # if a name is fixed
_FIRST_BLOCK, _MAX_BLOCK, _GROWTH = 64, 2**15, 4  # people
_MAX_REPEATS = 2**14  # full names in succession that are not new
_MAX_EXTRA = 2**10  # people at once, if new full names are rare


@check_arguments()
def people(
    cultures: str | Sequence[str] | None = None,
    *,
    count: int = 1,
    gender: str = "any",
    given: str | None = None,
    surname: str | None = None,
    start: str | None = None,
    known: str = "parts",
    unique: bool = False,
    ascii: bool = False,  # noqa: A002 - the name of the option
    seed: int | None = None,
    model: Model | str | PathLike[str] | None = None,
    jobs: int | str = 1,
) -> Iterator[Person]:
    """Invent people.

    >>> next(namegen.people("Hungarian", seed=1)).name     # doctest: +SKIP
    'Pesz Márton'

    Args:
        cultures: one or several cultures, each optionally with a weight, as in ``German:3``; by default all, in random
            order.
        count: the number of people, spread over the cultures evenly or by weight.
        gender: ``female``, ``male``, or ``any`` for one of them at random.
        given: the given name of everybody.
        surname: the surname of everybody.
        start: letters; the given names of a culture begin with each in turn.
        known: which names are known ones: ``parts``, the given name or the surname, and the other one is invented;
            ``none``, neither; ``allow``, any may be. The names of closed categories are always known. A name that the
            caller fixes may be known.
        unique: whether to invent no full name twice.
        ascii: whether to transliterate names into ASCII letters, with a space between given name and surname.
        seed: the random seed; by default a different one each time.
        model: the model, or its name or path; by default the included model ``people``.
        jobs: as for :func:`sample`. Worker processes sample the names, and this process combines them into people.

    Returns:
        An iterator over people, in bounded memory. The first people do not depend on ``count``.

    Raises:
        UsageError: the model does not have a culture, or the culture has no names of the gender; or an argument is not
            valid.
        ModelFileError: the model does not exist, or its file is damaged.
        NamegenError: there are not enough distinct full names, or the model hardly ever generates a name.
    """
    count = check_int("count", count, 0, _MAX_PEOPLE)
    unique, to_letters = check_bool("unique", unique), check_bool("ascii", ascii)
    _check_choice("gender", gender, (*GENDERS, "any"))
    _check_choice("known", known, ("allow", "parts", "none"))
    seed = int.from_bytes(os.urandom(8), "big") if seed is None else check_int("seed", seed, 0, None)
    if given is not None and start is not None:
        raise UsageError("a fixed given name and start letters cannot be combined; use one of them")
    source = to_model(PEOPLE if model is None else model)
    shares = parse_cultures(source, cultures, gender, seed)
    has_fixed = given is not None or surname is not None
    request = Request(
        model=source,
        gender=gender,
        given=None if given is None else _check_fixed("given name", given),
        surname=None if surname is None else _check_fixed("surname", surname),
        start=("",) if start is None else _split_start(start),
        known=known,
        ascii=to_letters,
        seed=seed,
        pool_size=_MAX_UNIQUE_POOL if unique and has_fixed else _choose_pool_size(len(shares)),
    )
    populations = []
    for culture in shares:
        try:
            populations.append(Population(request, culture))
        except UsageError:
            if cultures is not None:
                raise  # of all cultures, those that can write the start letters
    if not populations:
        raise UsageError(f"no culture has given names that begin with each of {quote(start or '')}; use other letters")
    own = np.array([shares[population.culture] for population in populations])
    return _generate(populations, own / own.sum(), count, unique=unique, request=request, jobs=choose_jobs(jobs, count))


def _generate(
    populations: Sequence[Population], shares: Shares, count: int, *, unique: bool, request: Request, jobs: int
) -> Iterator[Person]:
    """Yield people of several cultures, in blocks."""
    expected = np.ceil(shares * count).astype(np.int64).tolist()
    for population, people_of_culture in zip(populations, expected, strict=True):
        population.expect(people_of_culture)
    if jobs > 1:
        _fill_pools(populations, expected, request, jobs)
    seen = KeySet() if unique else None
    done, size = np.zeros(len(shares), dtype=np.int64), _FIRST_BLOCK
    while left := count - int(done.sum()):
        order = _interleave(shares, done, min(size, left))
        counts = np.bincount(order, minlength=len(shares))
        taken = [
            population.take(wanted) if seen is None else _take_new(population, wanted, seen)
            for population, wanted in zip(populations, counts.tolist(), strict=True)
        ]
        remaining = [iter(persons) for persons in taken]
        for index in order.tolist():
            if (person := next(remaining[index], None)) is None:
                raise NamegenError(
                    f"only {int(done[index]) + len(taken[index]):,} different full names of this kind were found for "
                    f"{populations[index].culture}: {_MAX_REPEATS:,} more were repeats; ask for fewer people"
                )
            yield person
        done += counts
        size = min(size * _GROWTH, _MAX_BLOCK)


def _fill_pools(populations: Sequence[Population], counts: Sequence[int], request: Request, jobs: int) -> None:
    """Sample the names that populations of some sizes need, in worker processes."""
    tasks = [
        (population.culture, key, wanted)
        for population, count in zip(populations, counts, strict=True)
        for key, wanted in population.list_pools(count)
    ]
    by_culture = {population.culture: population for population in populations}
    with Workers(jobs, _build_filler, request) as workers:
        for (culture, key, _), (names, known) in zip(tasks, workers.map(tasks), strict=True):
            by_culture[culture].set_pool(key, names, known=known)


def _build_filler(request: Request) -> Callable[[tuple[str, PoolKey, int]], tuple[str, bool]]:
    """Return the function of a worker: it returns the names of a pool of a culture."""
    return lambda task: Population(request, task[0]).fill_pool(*task[1:])


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


def _choose_pool_size(cultures: int) -> int:
    """Return the maximum number of names of a pool: a power of two, smaller for more cultures."""
    share = _ALL_POOLS // (_POOLS_PER_CULTURE * cultures)
    return min(max(1 << share.bit_length() >> 1, _MIN_POOL), _MAX_POOL)


def _check_choice(what: str, value: object, choices: Sequence[str]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise UsageError(f"{what} must be {', '.join(choices[:-1])} or {choices[-1]}, not {quote(str(value))}")


def _check_fixed(what: str, name: str) -> str:
    """Return a name that the user fixes, normalized."""
    name = check_text(what, name, "Kim")
    fixed, dropped = normalize(name)
    if not fixed or dropped:
        raise UsageError(f"the {what} {quote(name)} is not printable text; use letters")
    return fixed


def _split_start(letters: str) -> tuple[str, ...]:
    if not check_text("start", letters, "ABC").strip():
        raise UsageError("the start letters are empty; leave them out to let the model choose")
    return tuple(split_letters(letters))

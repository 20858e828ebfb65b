"""The people of one culture, whose names come from pools of names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache, partial
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from namegen.datasets.transliteration import to_ascii
from namegen.errors import UsageError
from namegen.sampling.culture_parts import GENDERS, find_surname_part, has_gender, list_cultures
from namegen.sampling.cultures import find_culture
from namegen.sampling.generate import blocks
from namegen.sampling.known_names import find_known
from namegen.sampling.name_pools import KnownPool, NamePool, list_known_names, take_names
from namegen.sampling.rng import derive_streams, uniform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from namegen.models.model import Model

    Indices = NDArray[np.int64]
    _Pool = NamePool | KnownPool

_FLOOR = 0.7  # the plausibility floor
_NOVEL_TEMPERATURE = 0.8  # of names beside a known one: readers compare them with it
_ENOUGH_SURNAMES = 300
_WORDS_KEPT = 2**17


class Person(NamedTuple):
    """An invented person.

    Attributes:
        culture: the culture.
        gender: ``female`` or ``male``.
        given: the given name.
        middle: the patronymic or middle name, or an empty string.
        surname: the surname, or both surnames.
        name: the full name, in the order of the culture.
    """

    culture: str
    gender: str
    given: str
    middle: str
    surname: str
    name: str


_build_person: Callable[[tuple[str, ...]], Person] = partial(tuple.__new__, Person)  # faster than to call the class


def compose(
    culture: str, gender: str, given: str, surname: str, *, father: str = "", mother_surname: str = ""
) -> Person:
    """Compose a full name.

    Args:
        culture: the culture; :mod:`namegen.sampling.cultures` has its rules.
        gender: ``female`` or ``male``.
        given: the given name.
        surname: the surname, in the form that agrees with the gender.
        father: the father's given name, for cultures with ``patronymic``; empty for no patronymic.
        mother_surname: the mother's surname, for cultures with ``second_surname``; if empty, ``surname`` is used
            as it is.
    """
    rules, surname = find_culture(culture), _capitalise(surname)
    middle = rules.patronymic(father, gender) if rules.patronymic and father else ""
    if rules.second_surname and mother_surname:
        both = (surname, mother_surname) if rules.second_surname == "last" else (mother_surname, surname)
        surname = " ".join(map(rules.link, both) if rules.link else both)
    return _join(culture, gender, given, middle, surname, rules.separator)


def _compose_all(culture: str, genders: Sequence[str], givens: Sequence[str], surnames: Sequence[str]) -> list[Person]:
    """Do the same as :func:`compose` for many people of a culture without patronymics and second surnames."""
    rules = find_culture(culture)
    surnames = list(map(_capitalise, surnames))
    first, last = (surnames, givens) if rules.family_first else (givens, surnames)
    names = map(rules.separator.join, zip(first, last, strict=True))
    columns = repeat(culture), genders, givens, repeat(""), surnames, names
    return list(map(_build_person, zip(*columns, strict=False)))  # repeat has no end


@lru_cache(_WORDS_KEPT)
def _capitalise(surname: str) -> str:
    """Return a surname with a capital: the lists have some in lower case. Those with a particle begin with it."""
    return surname if " " in surname else surname[:1].title() + surname[1:]


@dataclass(frozen=True)
class Request:
    """The arguments of :func:`people` that apply to every culture."""

    model: Model
    gender: str
    given: str | None
    surname: str | None
    start: tuple[str, ...]
    known: str
    ascii: bool
    seed: int
    pool_size: int


class _Purpose(IntEnum):
    """The purpose of a pool of names."""

    ANY = 0
    KNOWN = 1
    NOVEL = 2
    MOTHER = 3  # the second surname
    FATHER = 4


class _Column(IntEnum):
    """A column of names from pools."""

    GIVEN = 0
    SURNAME = 1
    MOTHER = 2
    FATHER = 3


PoolKey = tuple[str, int, int | None]
"""A pool of names: the part of the culture, the purpose, and the index of the start letter."""


class Population:
    """The people of one culture, in order.

    Attributes:
        culture: the culture.
    """

    def __init__(self, request: Request, culture: str) -> None:
        self._request, self.culture, self._rules = request, culture, find_culture(culture)
        self._parts = list_cultures(request.model.all_categories)[culture]
        genders = [gender for gender in GENDERS if has_gender(self._parts, gender)]
        self._genders = [gender for gender in genders if request.gender in (gender, "any")]
        if not self._genders:
            raise UsageError(f"the model has no {request.gender} names for {culture}; use the gender {genders[0]}")
        self._surname_parts = list(dict.fromkeys(find_surname_part(self._parts, gender) for gender in self._genders))
        self._given, self._surname = self._choose_purposes()
        self._pools: dict[PoolKey, _Pool] = {}
        self._expected: dict[PoolKey, int] = {}
        self._done = 0
        if any(request.start):
            for gender in self._genders:
                self._check_start(f"{culture}/{gender}")

    def list_pools(self, count: int) -> list[tuple[PoolKey, int]]:
        """Return the pools that ``count`` people need, with about the number of names that each needs."""
        request, genders, letters = self._request, len(self._genders), range(len(self._request.start))
        pools: list[tuple[PoolKey, int]] = []
        if request.given is None:
            share = count // (genders * len(letters))
            pools += [((gender, self._given, letter), share) for gender in self._genders for letter in letters]
        if request.surname is None:
            share = count // len(self._surname_parts)
            purposes = [self._surname]
            if self._has_mothers():
                purposes.append(_Purpose.MOTHER)
            elif self._rules.second_surname:
                share *= 2
            pools += [((part, each, None), share) for each in purposes for part in self._surname_parts]
        if self._rules.patronymic and "male" in self._parts:
            pools.append((("male", _Purpose.FATHER, None), count))
        return pools

    def expect(self, count: int) -> None:
        """Prepare for ``count`` people, whose names are then sampled together."""
        self._expected = dict(self.list_pools(count))

    def fill_pool(self, key: PoolKey, count: int) -> tuple[str, bool]:
        """Return the names of a pool, at least ``count`` or the maximum, and whether they are known names.

        Each name ends in a line feed.
        """
        self._expected[key] = count
        pool = self._pool(*key)
        names = pool.fill(count)
        return "".join([f"{name}\n" for name in names]), isinstance(pool, KnownPool)

    def set_pool(self, key: PoolKey, names: str, *, known: bool) -> None:
        """Set a pool to the names that :meth:`fill_pool` has returned in another process."""
        part, purpose, letter = key
        self._pools[key] = self._make_pool(
            f"{self.culture}/{part}", _Purpose(purpose), letter, names.split("\n")[:-1], known=known
        )

    def skip_to(self, number: int) -> None:
        """Leave people out, so that the next one has a number, which is at least that of the next one so far."""
        if number == self._done:
            return
        _, columns = self._choose_pools(number - self._done)
        for pools, pool_of in columns.values():
            for pool, count in zip(pools, np.bincount(pool_of, minlength=len(pools)).tolist(), strict=True):
                pool.skip(count)

    def take(self, count: int) -> list[Person]:
        """Return the next people."""
        request, rules = self._request, self._rules
        gender_of, columns = self._choose_pools(count)
        names = {column: take_names(*chosen) for column, chosen in columns.items()}
        empty = [""] * count
        givens = [request.given] * count if request.given is not None else names[_Column.GIVEN]
        surnames = [request.surname] * count if request.surname is not None else names[_Column.SURNAME]
        mothers, fathers = names.get(_Column.MOTHER, empty), names.get(_Column.FATHER, empty)
        if len(surnames) > count:
            surnames, mothers = surnames[::2], surnames[1::2]
        genders = [self._genders[gender] for gender in gender_of.tolist()]
        if rules.patronymic or rules.second_surname:
            rows = zip(genders, givens, surnames, fathers, mothers, strict=True)
            persons = [
                compose(self.culture, gender, given, surname, father=father, mother_surname=mother)
                for gender, given, surname, father, mother in rows
            ]
        else:
            persons = _compose_all(self.culture, genders, givens, surnames)
        return [_transliterate(person) for person in persons] if request.ascii else persons

    def _choose_pools(self, count: int) -> tuple[Indices, dict[_Column, tuple[Sequence[_Pool], Indices]]]:
        """Choose the genders of the next people, and the pools of their names.

        Returns:
            The index of each gender, (people,), and for each column of names that is not fixed its pools, and the index
            of the pool of each name, (names,). If people have two surnames from the same pools, these alternate.
        """
        request, numbers = self._request, np.arange(self._done, self._done + count)
        self._done += count
        gender_of = np.zeros(count, dtype=np.int64)
        if len(self._genders) > 1:
            streams = derive_streams(request.seed, 0, numbers, f"{self.culture} gender")
            gender_of = (uniform(streams, 0) * 2).astype(np.int64)
        columns: dict[_Column, tuple[Sequence[_Pool], Indices]] = {}
        if request.given is None:
            letters = len(request.start)
            pools = [self._pool(gender, self._given, letter) for gender in self._genders for letter in range(letters)]
            columns[_Column.GIVEN] = pools, gender_of * letters + numbers % letters
        if request.surname is None:
            part_of = gender_of if len(self._surname_parts) > 1 else np.zeros_like(gender_of)
            if self._rules.second_surname and not self._has_mothers():
                part_of = np.repeat(part_of, 2)
            columns[_Column.SURNAME] = [self._pool(part, self._surname) for part in self._surname_parts], part_of
            if self._has_mothers():
                columns[_Column.MOTHER] = [self._pool(part, _Purpose.MOTHER) for part in self._surname_parts], part_of
        if self._rules.patronymic and "male" in self._parts:
            columns[_Column.FATHER] = [self._pool("male", _Purpose.FATHER)], np.zeros_like(gender_of)
        return gender_of, columns

    def _has_mothers(self) -> bool:
        """Return whether the second surnames have a pool of their own."""
        return bool(self._rules.second_surname) and self._surname == _Purpose.NOVEL and self._request.known == "parts"

    def _choose_purposes(self) -> tuple[_Purpose, _Purpose]:
        """Return the purposes of the given names and of the surnames, by what may be known.

        With ``parts``, the given name is known and the surname is invented, as readers know given names best. If there
        are too few surnames to invent others, it is the other way round. If a name is fixed, the other one is known
        unless the fixed one is.
        """
        request, purpose = self._request, _Purpose
        if request.known != "parts":
            same = purpose.NOVEL if request.known == "none" else purpose.ANY
            return same, same
        for fixed, other in (
            (request.given, (purpose.KNOWN, purpose.NOVEL)),
            (request.surname, (purpose.NOVEL, purpose.KNOWN)),
        ):
            if fixed is not None:
                return other if find_known(request.model, [fixed])[0] else (purpose.KNOWN, purpose.KNOWN)
        givens, surnames = self._count_names(self._genders), self._count_names(self._surname_parts)
        invents_surnames = surnames >= min(givens, _ENOUGH_SURNAMES)
        return (purpose.KNOWN, purpose.NOVEL) if invents_surnames else (purpose.NOVEL, purpose.KNOWN)

    def _count_names(self, parts: Iterable[str]) -> int:
        """Return the number of training names of some parts; closed ones, to which none can be added, have none."""
        model, categories = self._request.model, [f"{self.culture}/{part}" for part in parts]
        return sum(int(model.counts[model.categories.index(each)]) for each in categories if each in model.categories)

    def _pool(self, part: str, purpose: int, letter: int | None = None) -> _Pool:
        """Return the pool of a part for one purpose, and for one of the start letters."""
        key = (part, purpose, letter)
        if key not in self._pools:
            self._pools[key] = self._make_pool(f"{self.culture}/{part}", _Purpose(purpose), letter)
        return self._pools[key]

    def _make_pool(
        self,
        category: str,
        purpose: _Purpose,
        letter: int | None,
        names: list[str] | None = None,
        *,
        known: bool = True,
    ) -> _Pool:
        """Make a pool; ``names`` are those that it has from the start, and ``known`` is whether they are known."""
        request = self._request
        prefix = "" if letter is None else request.start[letter]
        number = purpose + len(_Purpose) * (letter or 0)
        is_novel = purpose == _Purpose.NOVEL or request.known == "none"
        if known and not is_novel and purpose != _Purpose.ANY and category not in request.model.closed:
            own = list_known_names(request.model, category, prefix) if names is None else names
            if own:
                return KnownPool(own, category, seed=request.seed, number=number)
        pool = NamePool(
            request.model,
            category,
            prefix,
            seed=request.seed,
            number=number,
            max_size=request.pool_size,
            expected=self._expected.get((category.rpartition("/")[2], purpose, letter), 0),
            novel=is_novel,
            floor=_FLOOR,
            **({"temperature": _NOVEL_TEMPERATURE} if request.known == "parts" else {}),
        )
        if names is not None:
            pool.set_names(names)
        return pool

    def _check_start(self, category: str) -> None:
        try:
            blocks(self._request.model, category, self._request.start, count=0)
        except UsageError as error:
            raise UsageError(f"{category}: {error}") from None


def _transliterate(person: Person) -> Person:
    """Return a person whose names are spelt in ASCII."""
    culture, gender, given, middle, surname, _ = person
    return _join(culture, gender, _to_ascii(given), _to_ascii(middle), _to_ascii(surname), " ")


def _to_ascii(name: str) -> str:
    return " ".join(filter(None, map(_word_to_ascii, name.split(" "))))


@lru_cache(_WORDS_KEPT)
def _word_to_ascii(word: str) -> str:
    return to_ascii(f"{word}\n").rstrip("\n")


def _join(culture: str, gender: str, given: str, middle: str, surname: str, separator: str) -> Person:
    """Return a person with the full name."""
    names = (surname, middle, given) if find_culture(culture).family_first else (given, middle, surname)
    return Person(culture, gender, given, middle, surname, separator.join([name for name in names if name]))

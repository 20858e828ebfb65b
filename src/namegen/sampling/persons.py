"""Invent people: a given name, a surname and what the culture adds to them.

Names come from pools (:mod:`namegen.sampling.name_pools`), so a million people take seconds, and the first people do
not depend on how many there are.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from namegen._validate import check_arguments, check_bool, check_int, check_text
from namegen.datasets.dataset import hash_names
from namegen.datasets.graphemes import normalize, split_letters
from namegen.datasets.transliteration import to_ascii
from namegen.errors import NamegenError, UsageError, quote
from namegen.models.store import PEOPLE, to_model
from namegen.sampling.culture_parts import GENDERS, find_surname_part, has_gender, list_cultures, parse_cultures
from namegen.sampling.cultures import find_culture
from namegen.sampling.generate import blocks
from namegen.sampling.known_names import find_known
from namegen.sampling.name_pools import KnownPool, NamePool, take_names
from namegen.sampling.rng import derive_streams, uniform
from namegen.sampling.unique import KeySet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from os import PathLike

    from numpy.typing import NDArray

    from namegen.models.model import Model

    Indices = NDArray[np.int64]
    Shares = NDArray[np.float64]

_MAX_PEOPLE = 10**15
_MIN_POOL, _MAX_POOL = 2**10, 2**14  # names
_ALL_POOLS = 2**16  # names, if that leaves every pool its minimum
_POOLS_PER_CULTURE = 4
_FLOOR = 0.7  # the plausibility floor
_NOVEL_TEMPERATURE = 0.8  # of names beside a known one: readers compare them with it
_ENOUGH_SURNAMES = 300
_MAX_UNIQUE_POOL = 2**20  # if a name is fixed
_FIRST_BLOCK, _MAX_BLOCK, _GROWTH = 64, 2**15, 4  # people
_WORDS_KEPT = 2**17
_MAX_REPEATS = 2**14  # full names in succession that are not new
_MAX_EXTRA = 2**10  # people at once, if new full names are rare


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
    rules = find_culture(culture)
    if " " not in surname:  # the lists have some surnames in lower case; those with a particle begin with it
        surname = surname[:1].title() + surname[1:]
    middle = rules.patronymic(father, gender) if rules.patronymic and father else ""
    if rules.second_surname and mother_surname:
        both = (surname, mother_surname) if rules.second_surname == "last" else (mother_surname, surname)
        surname = " ".join(map(rules.link, both) if rules.link else both)
    return _join(culture, gender, given, middle, surname, rules.separator)


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
    request = _Request(
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
            populations.append(_Population(request, culture))
        except UsageError:
            if cultures is not None:
                raise  # of all cultures, those that can write the start letters
    if not populations:
        raise UsageError(f"no culture has given names that begin with each of {quote(start or '')}; use other letters")
    own = np.array([shares[population.culture] for population in populations])
    return _generate(populations, own / own.sum(), count, unique=unique)


@dataclass(frozen=True)
class _Request:
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


class _Population:
    """The people of one culture, in order.

    Attributes:
        culture: the culture.
    """

    def __init__(self, request: _Request, culture: str) -> None:
        self._request, self.culture, self._rules = request, culture, find_culture(culture)
        self._parts = list_cultures(request.model.all_categories)[culture]
        genders = [gender for gender in GENDERS if has_gender(self._parts, gender)]
        self._genders = [gender for gender in genders if request.gender in (gender, "any")]
        if not self._genders:
            raise UsageError(f"the model has no {request.gender} names for {culture}; use the gender {genders[0]}")
        self._surname_parts = list(dict.fromkeys(find_surname_part(self._parts, gender) for gender in self._genders))
        self._given, self._surname = self._choose_purposes()
        self._pools: dict[tuple[str, int, int | None], NamePool | KnownPool] = {}
        self._done = 0
        if any(request.start):
            for gender in self._genders:
                self._check_start(f"{culture}/{gender}")

    def take(self, count: int) -> list[Person]:
        """Return the next people."""
        request = self._request
        numbers = np.arange(self._done, self._done + count)
        self._done += count
        gender_of = np.zeros(count, dtype=np.int64)
        if len(self._genders) > 1:
            streams = derive_streams(request.seed, 0, numbers, f"{self.culture} gender")
            gender_of = (uniform(streams, 0) * 2).astype(np.int64)
        letter_of = numbers % len(request.start)
        givens = self._choose_givens(gender_of, letter_of)
        mothers = fathers = [""] * count
        if not self._rules.second_surname or request.surname is not None:
            surnames = self._choose_surnames(gender_of, self._surname)
        elif self._surname == _Purpose.NOVEL and request.known == "parts":
            surnames = self._choose_surnames(gender_of, self._surname)
            mothers = self._choose_surnames(gender_of, _Purpose.MOTHER)
        else:
            both = self._choose_surnames(np.repeat(gender_of, 2), self._surname)
            surnames, mothers = both[::2], both[1::2]
        if self._rules.patronymic and "male" in self._parts:
            fathers = self._pool("male", _Purpose.FATHER).take(count)
        genders = [self._genders[gender] for gender in gender_of.tolist()]
        rows_of_parts = zip(genders, givens, surnames, fathers, mothers, strict=True)
        persons = [
            compose(self.culture, gender, given, surname, father=father, mother_surname=mother)
            for gender, given, surname, father, mother in rows_of_parts
        ]
        return [_transliterate(person) for person in persons] if request.ascii else persons

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

    def _choose_givens(self, gender_of: Indices, letter_of: Indices) -> list[str]:
        """Return given names of some genders and start letters."""
        request = self._request
        if request.given is not None:
            return [request.given] * len(gender_of)
        pools = [
            self._pool(gender, self._given, letter) for gender in self._genders for letter in range(len(request.start))
        ]
        return take_names(pools, gender_of * len(request.start) + letter_of)

    def _choose_surnames(self, gender_of: Indices, purpose: _Purpose) -> list[str]:
        """Return surnames for some genders."""
        request = self._request
        if request.surname is not None:
            return [request.surname] * len(gender_of)
        pools = [self._pool(part, purpose) for part in self._surname_parts]
        return take_names(pools, gender_of if len(pools) > 1 else np.zeros_like(gender_of))

    def _count_names(self, parts: Iterable[str]) -> int:
        """Return the number of training names of some parts; closed ones, to which none can be added, have none."""
        model, categories = self._request.model, [f"{self.culture}/{part}" for part in parts]
        return sum(int(model.counts[model.categories.index(each)]) for each in categories if each in model.categories)

    def _pool(self, part: str, purpose: _Purpose, letter: int | None = None) -> NamePool | KnownPool:
        """Return the pool of a part for one purpose, and for one of the start letters."""
        key = (part, purpose, letter)
        if key not in self._pools:
            self._pools[key] = self._make_pool(f"{self.culture}/{part}", purpose, letter)
        return self._pools[key]

    def _make_pool(self, category: str, purpose: _Purpose, letter: int | None) -> NamePool | KnownPool:
        request = self._request
        prefix = "" if letter is None else request.start[letter]
        number = purpose + len(_Purpose) * (letter or 0)
        is_novel = purpose == _Purpose.NOVEL or request.known == "none"
        if not is_novel and purpose != _Purpose.ANY and category not in request.model.closed:
            known = KnownPool(request.model, category, prefix, seed=request.seed, number=number)
            if known.names:
                return known
        return NamePool(
            request.model,
            category,
            prefix,
            seed=request.seed,
            number=number,
            max_size=request.pool_size,
            novel=is_novel,
            floor=_FLOOR,
            **({"temperature": _NOVEL_TEMPERATURE} if request.known == "parts" else {}),
        )

    def _check_start(self, category: str) -> None:
        try:
            blocks(self._request.model, category, self._request.start, count=0)
        except UsageError as error:
            raise UsageError(f"{category}: {error}") from None


def _generate(populations: Sequence[_Population], shares: Shares, count: int, *, unique: bool) -> Iterator[Person]:
    """Yield people of several cultures, in blocks."""
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


def _take_new(population: _Population, count: int, seen: KeySet) -> list[Person]:
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

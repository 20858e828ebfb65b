"""Invent people: a given name, a surname and what the culture adds to them.

Names come from pools (:mod:`namegen.sampling.name_pools`), so a million people take seconds, and the first people do
not depend on how many there are.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from namegen._validate import check_arguments, check_bool, check_int, check_text
from namegen.datasets.graphemes import normalize, split_letters
from namegen.errors import UsageError, quote
from namegen.models.store import PEOPLE, to_model
from namegen.sampling.crowds import Crowd
from namegen.sampling.culture_parts import GENDERS, parse_cultures
from namegen.sampling.jobs import choose_jobs
from namegen.sampling.populations import Population, Request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from namegen.models.model import Model

_MAX_PEOPLE = 10**15
_MIN_POOL, _MAX_POOL = 2**10, 2**14  # names
_ALL_POOLS = 2**16  # names, if that leaves every pool its minimum
_POOLS_PER_CULTURE = 4
_MAX_UNIQUE_POOL = 2**20  # if a name is fixed


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
) -> Crowd:
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
        jobs: as for :func:`sample`. With ``unique``, worker processes only sample the names.

    Returns:
        A :class:`Crowd`, which is an iterator over people, in bounded memory. The first people do not depend on
        ``count``. Instead of iterating over it, ``crowd.render(function)`` yields the people in blocks, each a list of
        :class:`Person` as the function returns it. With several jobs, the workers call the function.

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
    jobs = choose_jobs(jobs, count)
    return Crowd(request, populations, own / own.sum(), count=count, unique=unique, jobs=jobs)


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

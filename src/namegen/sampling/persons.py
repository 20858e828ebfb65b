"""Compose full names of people: a given name, a surname and what the culture adds to them."""

from __future__ import annotations

from typing import NamedTuple

from namegen.sampling.cultures import find_culture


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
        culture: the culture, whose rules :mod:`namegen.sampling.cultures` has.
        gender: ``female`` or ``male``.
        given: the given name.
        surname: the surname, in the form of the gender.
        father: a male given name, for cultures with ``patronymic``; empty for no patronymic.
        mother_surname: another surname, for cultures with ``second_surname``; empty for one surname.
    """
    rules = find_culture(culture)
    middle = ""
    if rules.patronymic and father:
        middle = rules.patronymic(father, gender)
    elif rules.middle:
        middle = rules.middle(gender, given, surname)
    surnames = (surname, mother_surname) if rules.second_surname == "last" else (mother_surname, surname)
    if not rules.second_surname:
        surnames = (surname,)
    surname = " ".join([rules.link(each) if rules.link else each for each in surnames if each])
    parts = (surname, middle, given) if rules.family_first else (given, middle, surname)
    return Person(culture, gender, given, middle, surname, rules.separator.join(filter(None, parts)))

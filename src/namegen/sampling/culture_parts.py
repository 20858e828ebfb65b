"""Find the cultures of a model, and their parts.

The parts of the culture ``German`` are the categories ``German/female``, ``German/male`` and ``German/surname``, or
``German/surname-female`` and ``German/surname-male`` where surnames agree with gender.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from namegen._validate import check_text, describe_kind
from namegen.errors import UsageError, quote
from namegen.models.categories import group_parts, look_up, parse_weight
from namegen.sampling.rng import derive_streams, uniform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from namegen.models.model import Model

GENDERS = ("female", "male")


def list_cultures(categories: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the parts of each culture that has full names, places last.

    Args:
        categories: the categories of a model, closed ones included.
    """
    return {
        culture: tuple(own)
        for culture, own in group_parts(categories).items()
        if any(has_gender(own, each) for each in GENDERS)
    }


def find_surname_part(parts: Sequence[str], gender: str) -> str:
    """Return the part of a culture that has the surnames of a gender."""
    return f"surname-{gender}" if f"surname-{gender}" in parts else "surname"


def has_gender(parts: Sequence[str], gender: str) -> bool:
    """Return whether a culture has full names of a gender."""
    return gender in parts and find_surname_part(parts, gender) in parts


def parse_cultures(model: Model, texts: str | Sequence[str] | None, gender: str, seed: int) -> dict[str, float]:
    """Return the share of each culture; the shares add up to 1.

    Args:
        model: the model.
        texts: one or several cultures, each optionally with a weight, as in ``German:3``; ``None`` for all that have
            the gender, with equal shares and in random order.
        gender: ``female``, ``male`` or ``any``.
        seed: the seed of the random order.

    Raises:
        UsageError: the model does not have a culture, a weight is not a positive number, or there is no culture.
    """
    cultures = list_cultures(model.all_categories)
    if not cultures:
        raise UsageError(
            f"the model of {model.dataset} has no cultures: categories such as German/female, German/male and "
            "German/surname; use the included model people"
        )
    if texts is None:
        names = [name for name, parts in cultures.items() if gender == "any" or has_gender(parts, gender)]
        order = np.argsort(uniform(derive_streams(seed, 0, np.arange(len(names)), "cultures"), 0))
        return {names[index]: 1 / len(names) for index in order.tolist()}
    weights = defaultdict[str, float](float)
    for text in _check_list(texts):
        culture, weight = _parse_culture(list(cultures), check_text("a culture", text, "'German' or 'German:3'"))
        weights[culture] += weight
    if not weights:
        raise UsageError("no culture given; name at least one")
    largest = max(weights.values())  # the sum of the weights might overflow
    total = sum(weight / largest for weight in weights.values())
    return {culture: weight / largest / total for culture, weight in weights.items()}


def _check_list(texts: object) -> Iterable[object]:
    """Return one or several cultures as a list."""
    if isinstance(texts, str):
        return [texts]
    if isinstance(texts, Iterable):
        return texts
    hint = f"; did you mean count={texts}?" if isinstance(texts, int) else ""
    raise UsageError(f"cultures must be one or several names, not {describe_kind(texts)}{hint}")


def _parse_culture(cultures: Sequence[str], text: str) -> tuple[str, float]:
    """Return a culture and its weight."""
    index = look_up(cultures, text)
    name, colon, number = text.rpartition(":")
    if index is None and colon:
        index, weight = look_up(cultures, name.strip()), parse_weight(text, number)
    else:
        name, weight = text, 1.0
    return (_fail_to_find(cultures, name) if index is None else cultures[index]), weight


def _fail_to_find(cultures: Sequence[str], name: str) -> NoReturn:
    import difflib

    folded = {culture.casefold(): culture for culture in cultures}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f"did you mean {folded[close[0]]}?" if close else "`namegen people --list` lists the cultures"
    raise UsageError(f"no culture {quote(name)}; {hint}")

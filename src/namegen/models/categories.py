"""Find a category of a model, or a blend such as ``German+Italian`` or ``German:2+Italian:1``.

A category such as ``Turkish/female`` is a part of a culture, ``Turkish``.
"""

from __future__ import annotations

import math
import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from namegen._validate import check_text, describe_kind
from namegen.errors import UsageError, quote, shorten
from namegen.models.store import PEOPLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from namegen.models.inference import Category
    from namegen.models.model import Model
    from namegen.models.store import ModelLocation


class HasCategories(Protocol):
    """A model or a dataset."""

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories."""


class UnknownCategoryError(UsageError):
    """No category with this name can be used here.

    Attributes:
        name: the name.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class Blend(NamedTuple):
    """One category of a model, or a blend of several.

    Attributes:
        label: the names of the categories, with the weights that matter: ``German:2+Italian``, but ``German+Italian``
            if all weights are equal.
        category: the index of the category, or the share of each category of the model, (categories,) float32.
    """

    label: str
    category: Category


def find_category(model: HasCategories, name: str) -> int:
    """Return the index of the category with exactly this name, or of the only one that differs only in case.

    Raises:
        UnknownCategoryError: the model has no such category, or it is closed.
    """
    index = look_up(model.categories, name)
    if index is not None:
        return index
    categories = _list_all(model)
    index = look_up(categories, name)
    if index is not None:
        message = f"{categories[index]} is a closed category of known names; it can only be sampled, by itself"
    else:
        message = _describe_parts(model, name) or _suggest(categories, name, "this model")
    raise UnknownCategoryError(name, message)


def find_blend(model: HasCategories, text: str) -> Blend:
    """Return the category of this name if it exists, or the blend that the text describes.

    The parts of a blend are separated by ``+``. A part is a category, optionally followed by ``:`` and its weight, a
    positive number (default 1). The weights of a repeated category are added.

    Raises:
        UsageError: a category does not exist or is closed, a part is empty, or a weight is not a positive finite
            number.
    """
    index = look_up(model.categories, check_category(text))
    if index is not None:
        return Blend(model.categories[index], index)
    weights = defaultdict[int, float](float)
    for part in text.split("+"):
        category, weight = _parse_part(model, part.strip(), text)
        weights[category] += weight
    if len(weights) == 1:
        (index,) = weights
        return Blend(model.categories[index], index)
    largest = max(weights.values())  # the sum of the weights might overflow
    shares = np.zeros(len(model.categories))
    shares[list(weights)] = [weight / largest for weight in weights.values()]
    equal = len(set(weights.values())) == 1
    label = "+".join(
        model.categories[index] + ("" if equal or weight == 1 else f":{weight:.12g}")
        for index, weight in weights.items()
    )
    return Blend(label, (shares / shares.sum()).astype(np.float32))


def check_category(category: object) -> str:
    """Return a category if it is text."""
    if isinstance(category, list | tuple) and category and all(isinstance(part, str) for part in category):
        blend = f"; for a blend use {shorten('+'.join(category))!r}" if len(category) > 1 else ""
        raise UsageError(f"category must be one category, not {describe_kind(category)}{blend}")
    return check_text("category", category, "'German' or 'German+Italian'")


def find_model_of(category: str, locations: Sequence[ModelLocation], *, or_letters: bool = False) -> ModelLocation:
    """Return the first of several models that has a category, or all parts of a blend.

    Only the headers of their files are read.

    Args:
        category: the category or blend.
        locations: the models, such as those of :func:`~namegen.models.store.find_models`.
        or_letters: whether the text may be start letters; then, if it is not a category and the first model has only
            one, return the first model.

    Raises:
        UsageError: no model has the category, or all parts of the blend.
        ModelFileError: a file does not list its categories.
    """
    models: list[_ListedModel] = []
    unknown: list[str] = []
    for location in locations:
        models.append(_ListedModel(location, location.categories()))
        try:
            find_blend(models[-1], category)
        except UnknownCategoryError as error:
            unknown.append(error.name)
        else:
            return location
    nowhere = [name for name in unknown if all(look_up(model.categories, name) is None for model in models)]
    if not nowhere:
        raise UsageError(f"the parts of {quote(category)} are in different models; blend categories of one model")
    name = nowhere[0]
    if parts := next(filter(None, (_describe_parts(model, name) for model in models)), None):
        raise UnknownCategoryError(name, parts)
    if or_letters and len(models[0].categories) == 1:
        return locations[0]
    categories = list(dict.fromkeys(category for model in models for category in model.categories))
    raise UnknownCategoryError(name, _suggest(categories, name, "all models"))


def group_parts(categories: Iterable[str]) -> dict[str, list[str]]:
    """Return the parts of each culture, places last; no parts for a category that is not a part, such as ``German``."""
    cultures = defaultdict[str, list[str]](list)
    for category in sorted(categories, key=lambda category: category.endswith("/place")):
        culture, _, part = category.partition("/")
        cultures[culture].extend([part] if part else [])
    return cultures


def is_category(model: HasCategories, text: str) -> bool:
    """Check whether a text is a category of a model or a dataset, closed ones included, or a blend."""
    if look_up(_list_all(model), text) is not None:
        return True
    try:
        find_blend(model, text)
    except UsageError:
        return False
    return True


def suggest_start_letters(model: Model, category: str) -> str:
    """Return three start letters for a category: ABC if its most common ones are ASCII, else the most common ones."""
    counts = model.first_letter_counts[find_category(model, category)]
    commonest = model.alphabet.decode(index for index in np.argsort(-counts, kind="stable")[:3] if counts[index])
    return "ABC" if commonest.isascii() and all(letter in model.alphabet for letter in "ABC") else commonest


class _ListedModel(NamedTuple):
    location: ModelLocation
    categories: tuple[str, ...]


def _list_all(model: HasCategories) -> tuple[str, ...]:
    """Return all categories, the closed ones of a model included."""
    categories: tuple[str, ...] = getattr(model, "all_categories", model.categories)
    return categories


def look_up(categories: Sequence[str], name: str) -> int | None:
    """Return the index of the label with exactly this name, or of the only one that differs only in case."""
    name = unicodedata.normalize("NFC", name)
    if name in categories:
        return categories.index(name)
    folded = [category.casefold() for category in categories]
    return folded.index(name.casefold()) if folded.count(name.casefold()) == 1 else None


def _describe_parts(model: HasCategories, name: str) -> str | None:
    """Return a message that lists the parts of a culture, or ``None`` if the model has no such culture."""
    folded = unicodedata.normalize("NFC", name).casefold()
    cultures = group_parts(_list_all(model))
    culture, parts = next(((c, parts) for c, parts in cultures.items() if c.casefold() == folded), ("", []))
    if not parts:
        return None
    full = isinstance(model, _ListedModel) and model.location.name == PEOPLE and parts != ["place"]
    return (
        f"{culture} has the parts {', '.join(parts)}; use {culture}/{parts[0]}"
        f"{f', or `namegen people {culture}` for full names' if full else ''}"
    )


def _suggest(categories: Sequence[str], name: str, where: str) -> str:
    """Return a message that suggests a similar category or culture, or names the command that lists all."""
    import difflib

    known = {candidate.casefold(): candidate for candidate in [*group_parts(categories), *categories]}
    close = difflib.get_close_matches(unicodedata.normalize("NFC", name).casefold(), known, n=1)
    if close:
        hint = f"did you mean {known[close[0]]}?"
    elif len(categories) <= 20:
        hint = f"use one of {', '.join(categories)}"
    else:
        hint = f"`namegen categories` lists the {len(categories):,} categories of {where}"
    return f"no category {quote(name)}; {hint}"


def _parse_part(model: HasCategories, part: str, blend: str) -> tuple[int, float]:
    """Return the index and the weight of a category in a blend."""
    if not part:
        raise UsageError(f"a part of the blend {quote(blend)} is empty; write it like German:2+Italian")
    index = look_up(model.categories, part)
    name, colon, number = part.rpartition(":")
    if index is not None or not colon:
        return find_category(model, part), 1.0
    index = find_category(model, name.strip())
    return index, parse_weight(part, number)


def parse_weight(part: str, number: str) -> float:
    """Return the weight in a text such as ``German:2``.

    Raises:
        UsageError: the number is not positive and finite.
    """
    try:
        weight = float(number)
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise UsageError(f"the weight in {quote(part)} must be a positive number, not {quote(number)}")
    return weight

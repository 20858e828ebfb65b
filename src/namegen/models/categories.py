"""Find a category of a model, or a blend such as ``German+Italian`` or ``German:2+Italian:1``."""

from __future__ import annotations

import math
import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from namegen.errors import UsageError, quote

if TYPE_CHECKING:
    from namegen.datasets.dataset import Dataset
    from namegen.models.inference import Category
    from namegen.models.model import Model


class Blend(NamedTuple):
    """One category of a model, or a blend of several.

    Attributes:
        label: the names of the categories, with the weights that matter: ``German:2+Italian``, but ``German+Italian``
            if all weights are equal.
        category: the index of the category, or the share of each category of the model, (categories,) float32.
    """

    label: str
    category: Category


def find_category(model: Model | Dataset, name: str) -> int:
    """Return the index of the category with exactly this name, or of the only one that differs only in case.

    Raises:
        UsageError: the model has no such category.
    """
    index = _look_up(model, name)
    if index is not None:
        return index
    import difflib

    folded = [category.casefold() for category in model.categories]
    close = difflib.get_close_matches(unicodedata.normalize("NFC", name).casefold(), folded, n=1)
    if close:
        hint = f"did you mean {model.categories[folded.index(close[0])]}?"
    elif len(model.categories) <= 20:
        hint = f"use one of {', '.join(model.categories)}"
    else:
        hint = f"`namegen categories` lists the {len(model.categories):,} categories of this model"
    raise UsageError(f"no category {quote(name)}; {hint}")


def find_blend(model: Model | Dataset, text: str) -> Blend:
    """Return the category of this name if it exists, or the blend that the text describes.

    The parts of a blend are separated by ``+``. A part is a category, optionally followed by ``:`` and its weight, a
    positive number (default 1). The weights of a repeated category are added.

    Raises:
        UsageError: a category does not exist, a part is empty, or a weight is not a positive finite number.
    """
    index = _look_up(model, text)
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


def is_category(model: Model | Dataset, text: str) -> bool:
    """Check whether a text is a category of a model or a dataset, or a blend."""
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


def _look_up(model: Model | Dataset, name: str) -> int | None:
    name = unicodedata.normalize("NFC", name)
    if name in model.categories:
        return model.categories.index(name)
    folded = [category.casefold() for category in model.categories]
    return folded.index(name.casefold()) if folded.count(name.casefold()) == 1 else None


def _parse_part(model: Model | Dataset, part: str, blend: str) -> tuple[int, float]:
    """Return the index and the weight of a category in a blend."""
    if not part:
        raise UsageError(f"a part of the blend {quote(blend)} is empty; write it like German:2+Italian")
    index = _look_up(model, part)
    name, colon, number = part.rpartition(":")
    if index is not None or not colon:
        return find_category(model, part), 1.0
    index = find_category(model, name.strip())
    try:
        weight = float(number)
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise UsageError(f"the weight in {quote(part)} must be a positive number, not {quote(number)}")
    return index, weight

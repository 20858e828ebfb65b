"""The letters of each category, in a model of several scripts.

Such a model has a mask of letters. To sample a category or a blend, the model is restricted to its letters: every
weight loses the rows and columns of the others. So names never mix scripts, and sampling from a model with thousands
of letters is as fast as from one with the letters of a single language.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from namegen.architectures import find_architecture
from namegen.datasets.alphabet import Alphabet
from namegen.datasets.graphemes import other_case
from namegen.errors import UsageError
from namegen.models.inference import to_shares
from namegen.models.ngram import NGram

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen.datasets.dataset import Dataset
    from namegen.models.inference import Category, Floats
    from namegen.models.model import Model


def find_letters(dataset: Dataset) -> NDArray[np.bool_]:
    """Return the letters that the names of each category contain, (categories, letters)."""
    mask = np.zeros((len(dataset.categories), len(dataset.alphabet)), dtype=np.bool_)
    mask[np.repeat(dataset.category_of, dataset.lengths), dataset.letters] = True
    return mask


def find_letters_in_both_cases(dataset: Dataset) -> NDArray[np.bool_]:
    """Return the letters of the names of each category, upper-case and lower-case, (categories, letters)."""
    mask = find_letters(dataset)
    cased: NDArray[np.bool_] = mask.copy()
    numbers = {letter: index for index, letter in enumerate(dataset.alphabet.letters)}
    for letter, index in numbers.items():
        other = numbers.get(other_case(letter) or "")
        if other is not None:
            cased[:, other] |= mask[:, index]
    return cased


def find_new_mask(model: Model, dataset: Dataset) -> NDArray[np.bool_] | None:
    """Return the mask of letters for names that are added to a model, (categories, letters), or ``None`` without one.

    It has the letters of the names of each category in both cases. If most of their letters are among those that all
    categories of the model have, it has all of these too; names in another script must not be mixed with them.
    """
    if model.letters is None:
        return None
    common: NDArray[np.bool_] = np.logical_and.reduce(model.letters, axis=0)
    totals = np.bincount(dataset.category_of, dataset.lengths, minlength=len(dataset.categories))
    known = np.bincount(
        np.repeat(dataset.category_of, dataset.lengths), common[dataset.letters], minlength=len(dataset.categories)
    )
    mostly_known: NDArray[np.bool_] = known > totals / 2
    return find_letters_in_both_cases(dataset) | (common & mostly_known[:, None])


def restrict(model: Model, category: Category) -> Model:
    """Return a model with only the letters of a category or of the categories of a blend.

    The result has the same categories with the same indices, but only the categories of the blend can be sampled. A
    model without a mask is returned unchanged.

    Args:
        model: the model.
        category: the index of the category, or the share of each category in the blend, (categories,).

    Raises:
        UsageError: two categories of the blend have no letters in common.
    """
    mask = model.letters
    if mask is None:
        return model
    shares = to_shares(category, len(model.categories))
    own = np.flatnonzero(shares)
    _check_blend(mask, own, model)
    if model.added_letters:
        model = replace(model, weights=_level_added_letters(model, mask, shares))
    return keep_letters(model, np.flatnonzero(mask[own].any(axis=0)), own)


def keep_letters(model: Model, kept: NDArray[np.integer], own: NDArray[np.integer]) -> Model:
    """Return a model with only some of its letters, and without a mask.

    Args:
        model: the model.
        kept: the indices of the letters, ascending.
        own: the indices of the categories that the result can be used for; their n-gram must have no other letters.
    """
    outputs = np.append(kept, model.alphabet.boundary_id)
    axes = find_architecture(model.stage).letter_axes or {}
    weights = {
        name: weight.take(outputs, axis=axes[name]) if name in axes else weight
        for name, weight in model.weights.items()
    }
    mixture = model.mixture
    if mixture is not None:
        mixture = mixture._replace(ngram=_restrict_ngram(mixture.ngram, own, outputs))
    return replace(
        model,
        alphabet=Alphabet(tuple(model.alphabet.letters[index] for index in kept)),
        first_letter_counts=model.first_letter_counts[:, kept],
        weights=weights,
        mixture=mixture,
        letters=None,
    )


def _check_blend(mask: NDArray[np.bool_], categories: NDArray[np.integer], model: Model) -> None:
    is_letter = np.array([letter.isalpha() for letter in model.alphabet.letters])
    for category in categories[1:].tolist():
        if not (mask[categories[0]] & mask[category] & is_letter).any():
            first, other = (model.categories[index] for index in (categories[0], category))
            raise UsageError(f"{first} and {other} have no letters in common, so they cannot be blended")


def _level_added_letters(model: Model, mask: NDArray[np.bool_], shares: Floats) -> dict[str, Floats]:
    """Return weights in which all categories have the same outputs for added letters: those of a blend.

    Categories without an added letter have learned never to write it. They count neither in the guidance, which would
    exaggerate the letter, nor in a blend, where the letter is as frequent as the share of the categories that have it.
    """
    architecture = find_architecture(model.stage)
    weights = dict(model.weights)
    first = len(model.alphabet) - model.added_letters
    has = mask[:, first:] * shares[:, None]
    total = has.sum(axis=0)
    added = first + np.flatnonzero(total)
    for name in architecture.category_axes.keys() & (architecture.letter_axes or {}).keys():
        leveled = weights[name].copy()
        mean = (has * leveled[:, first:-1]).sum(axis=0)[total > 0] / total[total > 0]
        leveled[:, added] = mean + np.log(total[total > 0])
        weights[name] = leveled
    return weights


def renumber_ngram(ngram: NGram, kept: NDArray[np.integer], outputs: int) -> NGram:
    """Return an n-gram with other numbers for its letters: ``kept[i]`` for i, and ``outputs`` in all.

    ``kept`` has the new number of each letter and of the end, (outputs before,).
    """
    numbers = np.append(kept, outputs).astype(np.min_scalar_type(outputs))  # the last: before the start of a name
    return replace(ngram, outputs=outputs, letters=numbers[ngram.letters])


def _restrict_ngram(ngram: NGram, categories: NDArray[np.integer], outputs: NDArray[np.integer]) -> NGram:
    """Return an n-gram with some of its categories, which must have no other letters, and none in the others."""
    numbers = np.zeros(ngram.outputs, dtype=np.int64)
    numbers[outputs] = np.arange(len(outputs))
    spans = [slice(ngram.first[index], ngram.first[index + 1]) for index in categories]
    sizes = np.zeros(len(ngram.first) - 1, dtype=np.int64)
    sizes[categories] = [span.stop - span.start for span in spans]
    selected = NGram(
        outputs=ngram.outputs,
        letters=np.concatenate([ngram.letters[span] for span in spans]),
        counts=np.concatenate([ngram.counts[span] for span in spans]),
        first=np.concatenate([[0], np.cumsum(sizes)]),
        discounts=ngram.discounts,
    )
    return renumber_ngram(selected, numbers, len(outputs))

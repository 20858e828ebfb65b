"""Match the categories of names with those of a model, and of two datasets with each other."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from namegen.errors import DataError, quote

if TYPE_CHECKING:
    from namegen.datasets.dataset import Dataset
    from namegen.models.model import Model

_MAX_LISTED = 5


def match_categories(model: Model, dataset: Dataset) -> tuple[Dataset, list[str]]:
    """Return names under the categories of a model, and notes about those that had other names.

    Categories match exactly or ignoring case. A single category, which usually has the name of its file, matches the
    only category that the model was trained on.

    Raises:
        DataError: the model does not have one of the categories, or another alphabet.
    """
    if dataset.alphabet != model.alphabet:
        raise DataError("the names are not in the model's alphabet; open them with alphabet=model.alphabet")
    known, folded = set(model.categories), {category.casefold(): category for category in model.categories}
    names = {category: category for category in dataset.categories}
    names |= {
        category: folded[category.casefold()]
        for category in names
        if category not in known and category.casefold() in folded
    }
    unknown = [category for category, name in names.items() if name not in known]
    own, notes = _trained_categories(model), []
    if len(unknown) == len(names) == len(own) == 1:
        names = {unknown[0]: own[0]}
        notes.append(f"the names of {quote(unknown[0])} were measured in the category {quote(own[0])}")
    elif unknown:
        listed = ", ".join(own[:_MAX_LISTED]) + (", …" if len(own) > _MAX_LISTED else "")
        raise DataError(f"the model has no category {unknown[0]!r}; give names of its categories: {listed}")
    if len(set(names.values())) < len(names):
        raise DataError("several categories differ only in case; merge their files")
    return _rename(dataset, tuple(names.values())), notes


def join_categories(first: Dataset, second: Dataset) -> tuple[Dataset, Dataset]:
    """Return both datasets with the categories of either, sorted."""
    both = tuple(sorted({*first.categories, *second.categories}))
    return _renumber(first, both), _renumber(second, both)


def drop_empty(dataset: Dataset, measured: Dataset) -> Dataset:
    """Return a dataset without the categories that have no names in it and none in ``measured``."""
    present = (dataset.counts > 0) | (measured.counts > 0)
    kept = tuple(category for category, its in zip(dataset.categories, present, strict=True) if its)
    numbers = (np.cumsum(present) - 1).astype(np.int32)
    return dataclasses.replace(dataset, categories=kept, category_of=numbers[dataset.category_of])


def _trained_categories(model: Model) -> tuple[str, ...]:
    """Return the categories that a model was trained on: those that were added to another model, or all."""
    if model.training.init and model.mixture and model.mixture.own:
        return tuple(model.categories[index] for index in sorted(model.mixture.own))
    return model.categories


def _rename(dataset: Dataset, categories: tuple[str, ...]) -> Dataset:
    """Return a dataset with other names for its categories, sorted."""
    if categories == dataset.categories:
        return dataset
    renamed = dataclasses.replace(dataset, categories=categories)
    return _renumber(renamed, tuple(sorted(categories)))


def _renumber(dataset: Dataset, categories: tuple[str, ...]) -> Dataset:
    """Return a dataset with these categories, which include its own, in this order."""
    if categories == dataset.categories:
        return dataset
    numbers = np.array([categories.index(category) for category in dataset.categories], dtype=np.int32)
    lengths, category_of = dataset.lengths, numbers[dataset.category_of]
    order = np.argsort(category_of, kind="stable")
    begins = dataset.offsets[:-1][order]
    offsets = np.concatenate([[0], np.cumsum(lengths[order])]).astype(np.int64)
    at = np.arange(offsets[-1]) + np.repeat(begins - offsets[:-1], lengths[order])
    return dataclasses.replace(
        dataset,
        categories=categories,
        letters=dataset.letters[at],
        offsets=offsets,
        category_of=category_of[order],
        hashes=dataset.hashes[order],
        weights=None if dataset.weights is None else dataset.weights[order],
    )

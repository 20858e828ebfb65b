"""Give a model the n-gram of its training names, and the limits of a plausibility floor."""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from namegen.models.mixture import Mixture, Weights
from namegen.models.model import History, Model, check_categories
from namegen.models.ngram import NGram
from namegen.models.plausibility import Plausibility
from namegen.recipes import RECIPES

if TYPE_CHECKING:
    from namegen.config import TrainingConfig
    from namegen.datasets.dataset import Dataset

_MIN_CONTEXT = 3  # letters: the network predicts better than shorter contexts do
_MAX_NGRAMS = 2**20
_MAX_NAMES = 2**18  # which take about 300 MB while their n-grams are counted

# Names of a category that is added to a model with which the n-gram still helps the network to choose letters, and the
# floor is stricter, since limits from few names are lenient; docs/quality.md has the measurements.
_FEW_NAMES = 40
_NGRAM_WEIGHT = 0.75  # in the geometric mean, in the limit of no names


def train_ngram(dataset: Dataset, config: TrainingConfig) -> Model:
    """Return a model without a network: the n-gram of a dataset."""
    check_categories(dataset.alphabet, dataset.categories)
    return add_ngram(dataclasses.replace(blank_model(dataset, config), iterations=config.iterations), dataset)


def blank_model(training: Dataset, config: TrainingConfig) -> Model:
    """Return a model of some training names before the training, on the CPU."""
    return Model(
        training=config,
        sampling=RECIPES.get(config.recipe, RECIPES["default"]).sampling,
        alphabet=training.alphabet,
        categories=training.categories,
        counts=training.counts,
        first_letter_counts=training.first_letter_counts,
        longest=int(training.lengths.max()),
        casing=training.casing,
        dataset=training.label,
        dataset_verified=training.verified,
        fingerprint=training.fingerprint,
        name_hashes=training.distinct_hashes,
        device="cpu",
        threads=1,
        iterations=0,
        weights={},
        history=History(),
    )


def add_ngram(model: Model, training: Dataset, init: Model | None = None) -> Model:
    """Return a model with an n-gram of the order and share that its training settings name.

    Args:
        model: the model.
        training: its training names; with ``init`` only those of the new categories.
        init: the model that it began with, whose n-gram it keeps. Without one, the result has none.
    """
    config = model.training
    if init and not (init.mixture and init.plausibility):
        return model
    if init:
        training = dataclasses.replace(
            training,
            categories=training.categories[len(init.categories) :],
            category_of=(training.category_of - len(init.categories)).astype(np.int32),
        )
    ngram = fit_ngram(training, config.ngram_order or 1)
    if init and init.mixture and init.plausibility:
        few = _FEW_NAMES / (_FEW_NAMES + training.counts)  # 1 with no names, 0 with very many
        strictness, pooled = 1 + few, (1 - _NGRAM_WEIGHT * few).tolist()
        own = {
            len(init.categories) + index: Weights(share=0.5, min_context=1, pooled=network, sampled=1.0)
            for index, network in enumerate(pooled)
        }
        mixture = init.mixture._replace(ngram=init.mixture.ngram.join(ngram), own={**init.mixture.own, **own})
        plausibility = init.plausibility.join(Plausibility.fit(training, ngram.order, strictness=strictness))
    else:
        has_network = model.has_network
        min_context = _MIN_CONTEXT if has_network else min(1, len(training.categories) - 1)
        mixture = Mixture(ngram, Weights(config.ngram_share, min_context, sampled=0.0 if has_network else 1.0))
        plausibility = Plausibility.fit(training, ngram.order)
    return dataclasses.replace(model, mixture=mixture, plausibility=plausibility)


def fit_ngram(dataset: Dataset, order: int) -> NGram:
    """Return the Kneser-Ney n-gram of a dataset, of a lower order if it would have too many different n-grams.

    Of more than ``_MAX_NAMES`` names, it counts the same number of each category, or all if there are fewer.
    """
    if len(dataset) > _MAX_NAMES:
        each = range(1, int(dataset.counts.max()) + 1)
        most = bisect_right(each, _MAX_NAMES, key=lambda count: int(np.minimum(dataset.counts, count).sum()))
        dataset = dataset.limit(max(1, most))
    while True:
        ngram = NGram.fit(dataset, order)
        if len(ngram.letters) <= _MAX_NGRAMS or order == 1:
            return ngram
        order -= 1

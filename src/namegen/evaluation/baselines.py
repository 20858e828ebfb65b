"""Baselines for an evaluation: n-grams, whose orders are chosen on held-out names, and namemaker if it is installed.

They learn from the same names as the model.
"""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen.config import SamplingConfig
from namegen.errors import DataError
from namegen.evaluation.systems import ModelSystem, score_each
from namegen.models.mixture import Mixture, Weights
from namegen.models.model import History
from namegen.models.ngram import NGram, Smoothing
from namegen.recipes import RECIPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from namegen.datasets.dataset import Dataset
    from namegen.evaluation.systems import System
    from namegen.models.model import Model

_SMOOTHINGS: dict[str, Smoothing] = {"Witten-Bell": "witten-bell", "Kneser-Ney": "kneser-ney"}
_ORDERS = range(2, 8)
_DEFAULT_ORDER = 3  # if there are too few names to choose
_HELD_OUT = 0.1
_MIN_HELD_OUT = 20  # names
_NAMES_AT_A_TIME = 1000


class NGramBaseline:
    """An n-gram of each category of a dataset, as a :class:`~namegen.evaluation.systems.System`.

    Below its shortest context, all letters of the alphabet and the end are equally likely.
    """

    def __init__(
        self, model: Model, training: Dataset, order: int, smoothing: Smoothing, config: SamplingConfig
    ) -> None:
        self.order, self._config = order, config
        ngram = NGram.fit(training, order, smoothing)
        self._models = {
            category: _to_model(model, ngram, training, index) for index, category in enumerate(training.categories)
        }

    def score(self, names: Dataset) -> NDArray[np.float64]:
        """See :meth:`~namegen.evaluation.systems.System.score`."""
        nats = np.zeros(len(names))
        for index, category in enumerate(names.categories):
            chosen = names.category_of == index
            if chosen.any():
                own = dataclasses.replace(
                    names.select(chosen), categories=(category,), category_of=np.zeros(chosen.sum(), np.int32)
                )
                nats[chosen] = score_each(self._models[category], own)
        return nats

    def sample(self, category: str, count: int, seed: int) -> Iterator[list[str]]:
        """See :meth:`~namegen.evaluation.systems.System.sample`."""
        return ModelSystem(self._models[category], self._config).sample(category, count, seed)


class NameMakerBaseline:
    """namemaker with its defaults, a Markov chain of order 3 that repeats no name, as a ``System``."""

    def __init__(self, training: Dataset) -> None:
        self._training = training

    def score(self, names: Dataset) -> None:
        """Return ``None``: its chain gives no probability to most names."""

    def sample(self, category: str, count: int, seed: int) -> Iterator[list[str]]:
        """See :meth:`~namegen.evaluation.systems.System.sample`."""
        import random

        import namemaker

        before = namemaker.get_rng()
        namemaker.set_rng(random.Random(seed))
        try:
            maker = namemaker.make_name_set(self._training.names(category))
            for begin in range(0, count, _NAMES_AT_A_TIME):
                names: list[str] = []
                while len(names) < min(_NAMES_AT_A_TIME, count - begin) and (name := maker.make_name()):
                    names.append(name)
                yield names
                if len(names) < min(_NAMES_AT_A_TIME, count - begin):
                    return
        finally:
            namemaker.set_rng(before)


def fit_baselines(model: Model, training: Dataset, parts: Mapping[str, Any]) -> tuple[dict[str, System], list[str]]:
    """Return baselines by their names, and notes.

    Args:
        model: the model to compare them with.
        training: the names to learn from, in its alphabet.
        parts: settings of sampling that differ from temperature 1; those of networks are ignored.

    Raises:
        DataError: a category has no names to learn from.
    """
    empty = [category for category, count in zip(training.categories, training.counts, strict=True) if not count]
    if empty:
        raise DataError(f"the training names have none of the category {empty[0]!r}; leave out the baselines")
    config = SamplingConfig(temperature=1.0)
    config = dataclasses.replace(
        config, **{name: value for name, value in parts.items() if name not in ("guidance", "dropout", "ngram_share")}
    )
    low, held_out = _hold_out(training)
    notes, systems = [], dict[str, "System"]()
    if held_out is None:
        notes.append(f"the baselines have order {_DEFAULT_ORDER}: there are too few names to choose it")
    for name, smoothing in _SMOOTHINGS.items():
        order = _choose_order(model, low, held_out, smoothing) if held_out else _DEFAULT_ORDER
        systems[f"{name}, order {order}"] = NGramBaseline(model, training, order, smoothing, config)
    if find_spec("namemaker") is None:
        notes.append("namemaker is not among the baselines; to add it, install it with `pip install namemaker`")
    else:
        systems["namemaker"] = NameMakerBaseline(training)
    return systems, notes


def _hold_out(training: Dataset) -> tuple[Dataset, Dataset | None]:
    """Hold out a tenth of the names, chosen by hash, or none if that is too few; no category loses all of its names.

    The choice does not depend on that of ``Dataset.split``, which has removed the model's held-out names.
    """
    scrambled = training.hashes * np.uint64(0xD1B54A32D192ED03)
    chosen = (scrambled >> np.uint64(11)).astype(np.float64) / 2.0**53 < _HELD_OUT
    left = np.bincount(training.category_of[~chosen], minlength=len(training.categories))
    chosen &= left[training.category_of] > 0
    if np.count_nonzero(chosen) < _MIN_HELD_OUT:
        return training, None
    return training.select(~chosen), training.select(chosen)


def _choose_order(model: Model, training: Dataset, held_out: Dataset, smoothing: Smoothing) -> int:
    """Return the order with the lowest loss on held-out names, the mean of their categories' losses."""

    def loss(order: int) -> float:
        nats = NGramBaseline(model, training, order, smoothing, SamplingConfig()).score(held_out)
        letters = np.bincount(held_out.category_of, held_out.lengths)
        present = letters > 0
        return float((np.bincount(held_out.category_of, nats)[present] / letters[present]).mean())

    return min(_ORDERS, key=loss)


def _to_model(model: Model, ngram: NGram, training: Dataset, index: int) -> Model:
    """Return a model without a network that is the n-gram of one category."""
    rows = slice(ngram.first[index], ngram.first[index + 1])
    size = np.array([0, rows.stop - rows.start])
    own = NGram(ngram.outputs, ngram.letters[rows], ngram.counts[rows], size, ngram.discounts)
    return dataclasses.replace(
        model,
        training=dataclasses.replace(RECIPES["instant"].training, ngram_order=ngram.order),
        categories=(training.categories[index],),
        counts=training.counts[index : index + 1],
        first_letter_counts=training.first_letter_counts[index : index + 1],
        weights={},
        history=History(),
        iterations=1,
        mixture=Mixture(own, Weights(share=0.0, min_context=0)),  # whose network is the n-gram
        plausibility=None,
        letters=None,
        added_letters=0,
        closed={},
    )

"""How well a model predicts names: its loss, letter by letter, in numpy.

The loss counts every letter from the second one to EOS, given the category and the letters before, so that networks
with and without a start-of-sequence token can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namegen.batches import IGNORED, lay_out
from namegen.errors import DataError
from namegen.inference import steppers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen.dataset import Dataset
    from namegen.inference import Stepper
    from namegen.modelfile import Model

_NAMES_AT_A_TIME = 2048


@dataclass(frozen=True)
class Likelihood:
    """How well names are predicted, by category.

    Attributes:
        categories: the categories that have names.
        nats: the negative log-likelihood of all letters of each category, (categories,) float64.
        letters: the number of these letters, (categories,) int64.
    """

    categories: tuple[str, ...]
    nats: NDArray[np.float64]
    letters: NDArray[np.int64]

    @property
    def by_category(self) -> dict[str, float]:
        """The loss of each category, in nats per letter."""
        return dict(zip(self.categories, (self.nats / self.letters).tolist(), strict=True))

    @property
    def macro(self) -> float:
        """The mean of the categories' losses."""
        return float((self.nats / self.letters).mean())

    @property
    def micro(self) -> float:
        """The mean over all letters."""
        return float(self.nats.sum() / self.letters.sum())


def likelihood(model: Model, dataset: Dataset) -> Likelihood:
    """Measure the loss of a model on names.

    Args:
        model: the model; its alphabet must be the dataset's.
        dataset: the names; all their categories must be the model's.

    Raises:
        DataError: the categories or alphabets differ.
    """
    unknown = [category for category in dataset.categories if category not in model.categories]
    if unknown or dataset.alphabet != model.alphabet:
        what = f"the category {unknown[0]!r}" if unknown else "this alphabet"
        raise DataError(f"the model does not know {what}; give names of the kind it was trained on")
    nats, letters, prepared = [], [], steppers(model)
    for index, category in enumerate(dataset.categories):
        names = np.flatnonzero(dataset.category_of == index)
        names = names[np.argsort(dataset.lengths[names], kind="stable")]
        network = prepared(model.categories.index(category))
        parts = [
            _letter_losses(network, dataset, names[i : i + _NAMES_AT_A_TIME], sos=model.training.sos)
            for i in range(0, len(names), _NAMES_AT_A_TIME)
        ]
        nats.append(sum(total for total, _ in parts))
        letters.append(sum(count for _, count in parts))
    has_names = np.array(letters) > 0
    return Likelihood(
        tuple(c for c, has in zip(dataset.categories, has_names, strict=True) if has),
        np.array(nats)[has_names],
        np.array(letters)[has_names],
    )


def _letter_losses(network: Stepper, dataset: Dataset, names: NDArray[np.int64], *, sos: bool) -> tuple[float, int]:
    """Return the summed losses of the letters of some names of one category, and how many letters these are."""
    batch = lay_out(dataset, names, sos=sos)
    hidden = np.repeat(network.start(), len(names), axis=0)
    total, count = 0.0, 0
    for place, (read, target) in enumerate(zip(batch.inputs.T, batch.targets.T, strict=True)):
        logits, hidden = network.step(read, hidden)
        counted = np.flatnonzero(target != IGNORED) if place or not sos else np.zeros(0, np.intp)
        scores = logits[counted].astype(np.float64)
        top = scores.max(axis=1, initial=-np.inf)
        partition = top + np.log(np.exp(scores - top[:, None]).sum(axis=1))
        total += float((partition - scores[np.arange(len(counted)), target[counted]]).sum())
        count += len(counted)
    return total, count

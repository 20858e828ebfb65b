"""The loss of a model on names.

The loss counts every letter from the second one to EOS, given the category and the letters before, so that networks
with and without a start-of-sequence token can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namegen.errors import DataError
from namegen.evaluation.systems import score_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen.datasets.dataset import Dataset
    from namegen.models.model import Model


@dataclass(frozen=True, eq=False)
class Likelihood:
    """The loss of a model by category.

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
    """Measure the loss of a model on names of its categories, in its alphabet.

    Raises:
        DataError: the categories or alphabets differ.
    """
    for category in dataset.categories:
        if category not in model.categories:
            raise DataError(f"the model has no category {category!r}; give names of its categories")
    if dataset.alphabet != model.alphabet:
        raise DataError("the names are not in the model's alphabet; open them with alphabet=model.alphabet")
    return sum_losses(dataset, score_each(model, dataset))


def sum_losses(dataset: Dataset, nats: NDArray[np.float64]) -> Likelihood:
    """Return the loss by category from the negative log-probability of each name's letters, (names,)."""
    size = len(dataset.categories)
    letters = np.bincount(dataset.category_of, dataset.lengths, minlength=size).astype(np.int64)
    measured = letters > 0
    sums = np.bincount(dataset.category_of, nats, minlength=size).astype(np.float64)
    categories = tuple(np.array(dataset.categories, dtype=object)[measured])
    return Likelihood(categories, sums[measured], letters[measured])


def perplexity_of(loss: float | None) -> float | None:
    """Return exp of a loss; ``None`` if the loss is ``None``."""
    return None if loss is None else float(np.exp(loss))

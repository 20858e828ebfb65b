"""How well a model predicts names: its loss, letter by letter, in numpy.

The loss counts every letter from the second one to EOS, given the category and the letters before, so that networks
with and without a start-of-sequence token can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namegen.drawing import Source, Spelling
from namegen.errors import DataError
from namegen.inference import steppers
from namegen.scoring import score_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen.dataset import Dataset
    from namegen.modelfile import Model

_NAMES_AT_A_TIME = 2**16  # bounds the memory


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
    prepared, nats, letters = steppers(model), [], []
    for index, category in enumerate(dataset.categories):
        own = model.categories.index(category)
        of_category = dataset.select(dataset.category_of == index)
        nats.append(_nats(Source.of(model, prepared(own), own), of_category))
        letters.append(len(of_category.letters))
    has_names = np.array(letters) > 0
    return Likelihood(
        tuple(c for c, has in zip(dataset.categories, has_names, strict=True) if has),
        np.array(nats)[has_names],
        np.array(letters)[has_names],
    )


def _nats(source: Source, names: Dataset) -> float:
    """Return the negative log-likelihood of names of one category, from the second letter on."""
    total = 0.0
    for begin in range(0, len(names), _NAMES_AT_A_TIME):
        offsets = names.offsets[begin : begin + _NAMES_AT_A_TIME + 1]
        spelling = Spelling.from_flat(names.letters[offsets[0] : offsets[-1]], np.diff(offsets))
        total -= float(score_names(source, spelling).rest.sum())
    return total

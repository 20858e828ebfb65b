"""Invented names: one with its category, and many at once without a Python object for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from namegen.datasets.encoding import EncodedNames
    from namegen.models.categories import Blend
    from namegen.models.model import Model
    from namegen.sampling.filters import Filters


class GeneratedName(NamedTuple):
    """An invented name and its category.

    Attributes:
        category: the category, or the label of the blend.
        name: the name.
        score: the logarithm of its probability given the category, where that was asked for.
    """

    category: str
    name: str
    score: float | None = None


@dataclass(frozen=True, eq=False)
class NameBlock:
    """Invented names in bulk.

    Attributes:
        text: the names in their order, each ended by a line feed.
        categories: the model's categories; of a blend its label alone.
        category_of: the index of each name's category, (names,).
        scores: the logarithm of the probability of each name given its category, at temperature 1, (names,) float64,
            where it was asked for.
    """

    text: str
    categories: tuple[str, ...]
    category_of: NDArray[np.int64]
    scores: NDArray[np.float64] | None = None

    @property
    def names(self) -> list[str]:
        """The names."""
        return self.text.split("\n")[:-1]

    def __len__(self) -> int:
        return len(self.category_of)

    def __iter__(self) -> Iterator[GeneratedName]:
        scores: Iterable[float | None] = [None] * len(self.category_of) if self.scores is None else self.scores.tolist()
        for category, name, score in zip(self.category_of.tolist(), self.names, scores, strict=True):
            yield GeneratedName(self.categories[category], name, score)


def build_block(
    model: Model,
    blend: Blend | None,
    filters: Filters,
    spelling: EncodedNames,
    category_of: NDArray[np.int64] | None = None,
    scores: NDArray[np.float64] | None = None,
) -> NameBlock:
    """Return names as a block.

    Args:
        model: what they are from.
        blend: their category or blend; ``None`` if each has one of its own.
        filters: what was asked of them; it says how they are spelt.
        spelling: their letters.
        category_of: then the index of each name's category, (names,).
        scores: their log-probabilities, (names,).
    """
    categories, index = model.categories, 0
    if blend is not None:
        if isinstance(blend.category, int):
            index = blend.category
        else:
            categories = (blend.label,)
    if category_of is None:
        category_of = np.full(len(spelling.lengths), index)
    return NameBlock(filters.spell(model.alphabet, spelling), categories, category_of, scores)

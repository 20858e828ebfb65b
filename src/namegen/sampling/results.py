"""Generated names: a single name with its category, and a block of many names."""

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
    """A generated name and its category.

    Attributes:
        category: the category, or the label of the blend.
        name: the name.
        score: the natural logarithm of its probability given the category, if asked for.
    """

    category: str
    name: str
    score: float | None = None


@dataclass(frozen=True, eq=False)
class NameBlock:
    """Many generated names, without a Python object for each.

    Attributes:
        text: the names in their order, each ended by a line feed.
        categories: the model's categories, or only the label of the blend.
        category_of: the index of each name's category, (names,).
        scores: the natural logarithm of each name's probability given its category, at temperature 1, (names,)
            float64, if asked for.
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
        scores: Iterable[float | None] = [None] * len(self) if self.scores is None else self.scores.tolist()
        for category, name, score in zip(self.category_of.tolist(), self.names, scores, strict=True):
            yield GeneratedName(self.categories[category], name, score)


def build_block(
    model: Model,
    blend: Blend | None,
    filters: Filters,
    names: EncodedNames,
    category_of: NDArray[np.int64] | None = None,
    scores: NDArray[np.float64] | None = None,
) -> NameBlock:
    """Return names as a block.

    Args:
        model: the model of the names.
        blend: their category or blend; ``None`` if each has its own.
        filters: their filters, which say how they are spelt.
        names: the names.
        category_of: the index of each name's category, (names,), if each has its own.
        scores: their log-probabilities, (names,).
    """
    categories, index = model.categories, 0
    if blend is not None:
        if isinstance(blend.category, int):
            index = blend.category
        else:
            categories = (blend.label,)
    if category_of is None:
        category_of = np.full(len(names.lengths), index)
    return NameBlock(filters.spell(model.alphabet, names), categories, category_of, scores)

"""Generated names: a single name with its category, and a block of many names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    from namegen.models.categories import Blend
    from namegen.models.model import Model
    from namegen.sampling.name_filters import Filters
    from namegen.sampling.sampled_names import SampledNames

    NameBlocks: TypeAlias = Generator["NameBlock", None, None]  # which `close` ends, worker processes included

_NAMES_AT_A_TIME = 65_536  # bounds the memory


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


@dataclass(frozen=True, eq=False, repr=False)
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
    sampled: SampledNames,
    scores: NDArray[np.float64] | None = None,
) -> NameBlock:
    """Return names as a block, spelt as the filters say; ``blend`` is their category or blend, if they share one."""
    is_blend = blend is not None and not isinstance(blend.category, int)
    categories = (blend.label,) if blend and is_blend else model.categories
    parts = [sampled.which[begin : begin + _NAMES_AT_A_TIME] for begin in range(0, len(sampled), _NAMES_AT_A_TIME)]
    text = "".join([filters.spell(model.alphabet, sampled.distinct.select(part)) for part in parts])
    return NameBlock(text, categories, sampled.category_of, scores)

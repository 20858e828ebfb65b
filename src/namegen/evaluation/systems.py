"""The systems that an evaluation measures: a model, and its baselines (:mod:`namegen.evaluation.baselines`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from namegen.datasets.encoding import EncodedNames
from namegen.models.inference import Source, build_steppers
from namegen.models.scoring import score_names
from namegen.sampling.generate import blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from namegen.config import SamplingConfig
    from namegen.datasets.dataset import Dataset
    from namegen.models.model import Model

_NAMES_AT_A_TIME = 2**16  # bounds the memory


class System(Protocol):
    """A generator of names."""

    def score(self, names: Dataset) -> NDArray[np.float64] | None:
        """Return the negative log-probability of the letters of each name, from the second one to EOS.

        It is in nats, (names,); ``None`` if the system has no probabilities.
        """
        ...

    def sample(self, category: str, count: int, seed: int) -> Iterable[Sequence[str]]:
        """Yield names of a category, in lists; fewer than ``count`` in all if the system gives up."""
        ...


class ModelSystem:
    """A model as a :class:`System`, with the settings it samples with."""

    def __init__(self, model: Model, config: SamplingConfig) -> None:
        self._model, self._config = model, config

    def score(self, names: Dataset) -> NDArray[np.float64]:
        """See :meth:`System.score`."""
        return score_each(self._model, names)

    def sample(self, category: str, count: int, seed: int) -> Iterator[list[str]]:
        """See :meth:`System.sample`."""
        sampled = blocks(self._model, category, count=count, seed=seed, config=self._config, allow_offensive=True)
        return (block.names for block in sampled)


def score_each(model: Model, dataset: Dataset) -> NDArray[np.float64]:
    """Return what :meth:`System.score` returns, for names of a model's categories in its alphabet."""
    steppers = build_steppers(model)
    nats = np.zeros(len(dataset))
    for index, category in enumerate(dataset.categories):
        at = np.flatnonzero(dataset.category_of == index)
        if not len(at):
            continue
        own = model.categories.index(category)
        source, names = Source.of(model, steppers(own), own), dataset.select(dataset.category_of == index)
        for begin in range(0, len(names), _NAMES_AT_A_TIME):
            offsets = names.offsets[begin : begin + _NAMES_AT_A_TIME + 1]
            encoded = EncodedNames.from_flat(names.letters[offsets[0] : offsets[-1]], np.diff(offsets))
            nats[at[begin : begin + _NAMES_AT_A_TIME]] = -score_names(source, encoded).rest
    return nats

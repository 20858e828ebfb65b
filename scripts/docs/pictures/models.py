"""The models that the pictures are of, each trained once, on the names that come along and by one seed.

Most pictures need no more than two: one by the tutorial recipe and one by the default recipe. Between these two lie the
models of :attr:`Models.changes`, each of which has one thing more of the default recipe than the one before.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import namegen
from namegen.datasets.dataset import hash_names

if TYPE_CHECKING:
    from namegen import Dataset, Model, Progress, TrainingConfig

ITERATIONS, SEED = 100_000, 1
_LOOKS = 20  # in the course of a training, to see how many names are novel;
_DRAWN = 50  # of each category

PLAIN = {"temperature": 1.0, "top_k": None, "top_p": None, "dropout": 0.0, "guidance": 0.0}
"""Names as the network's own distribution has them."""


class Novelty(NamedTuple):
    """Which share of the names that a model draws is novel, after so many iterations."""

    iterations: list[int]
    shares: list[float]


class Models:
    """What the pictures are made from.

    Args:
        iterations: how long each training is; fewer than ITERATIONS only to see whether the pictures can be made.
    """

    def __init__(self, iterations: int = ITERATIONS) -> None:
        self.iterations = iterations
        self.names: Dataset = namegen.open_dataset("starter")
        self._novelty: dict[str, Novelty] = {}

    @cached_property
    def tutorial(self) -> Model:
        """By the tutorial recipe; but a tenth of the names is held out, as by the default recipe."""
        return namegen.train(self.names, namegen.training_config("tutorial", **self._run, validation=0.1), threads=1)

    @cached_property
    def default(self) -> Model:
        """By the default recipe."""
        return self._watched("default")

    @cached_property
    def unbraked(self) -> Model:
        """The network of the default recipe, without anything that keeps it from learning the names by heart."""
        return self._watched("unbraked", dropout=0.0, weight_decay=0.0, averaging=0.0)

    @cached_property
    def changes(self) -> dict[str, Model]:
        """From the tutorial recipe to the default one, by what each model has more than the one before."""
        by_batches: dict[str, Any] = {
            part: getattr(namegen.training_config(iterations=ITERATIONS), part)
            for part in ("batch_size", "optimiser", "learning_rate", "schedule", "warmup", "clip")
        }

        def by_default(**parts: object) -> Model:
            return namegen.train(self.names, self._config(**parts), threads=1)

        def by_tutorial(**parts: object) -> Model:
            config = namegen.training_config("tutorial", **self._run, validation=0.1, **by_batches, **parts)
            return namegen.train(self.names, config, threads=1)

        return {
            "tutorial recipe": self.tutorial,
            "+ batches, AdamW, cosine": by_tutorial(),
            "+ tanh": by_tutorial(nonlinearity="tanh"),
            "+ gates, SOS, vectors": self.unbraked,
            "+ dropout on the state": by_default(weight_decay=0.0, averaging=0.0),
            "+ weight decay": by_default(averaging=0.0),
            "+ averaged weights": self.default,
        }

    def novelty(self, which: str) -> Novelty:
        """Return how novel the names of `default` or `unbraked` were in the course of its training."""
        getattr(self, which)
        return self._novelty[which]

    @property
    def _run(self) -> dict[str, Any]:
        return {"iterations": self.iterations, "seed": SEED}

    def _config(self, **parts: object) -> TrainingConfig:
        # Short trainings have smaller batches, which is not what is to be tried here.
        config = namegen.training_config(iterations=ITERATIONS)
        long: dict[str, Any] = {"batch_size": config.batch_size, "learning_rate": config.learning_rate}
        return namegen.training_config(**long, **parts, **self._run)

    def _watched(self, which: str, **parts: object) -> Model:
        """Train a model, and draw names from it now and then on the way."""
        seen = self._novelty[which] = Novelty([], [])

        def watch(progress: Progress) -> None:
            due = (len(seen.iterations) + 1) * self.iterations / _LOOKS
            if due <= progress.iteration < self.iterations:  # at the end it has the best weights, not the last ones
                seen.iterations.append(progress.iteration)
                seen.shares.append(_novel(progress.model()))

        return namegen.train(self.names, self._config(**parts), threads=1, report=watch)


def _novel(model: Model) -> float:
    drawn = [
        name
        for index, category in enumerate(model.categories)
        for name in namegen.sample(model, category, count=_DRAWN, seed=index, **PLAIN)
    ]
    hashes = hash_names([name.encode() for name in drawn])
    return float(np.mean(~np.isin(hashes, model.name_hashes)))

"""Train the models of the pictures, each once, on the starter names and with one seed.

Most pictures need only two models: one by the tutorial recipe and one by the default recipe. The models of
:attr:`Models.changes` lie between these two. Each has one more part of the default recipe than the previous one.
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
_LOOKS = 20  # how often novelty is measured during a training
_DRAWN = 50  # names sampled from each category to measure it

PLAIN = {"temperature": 1.0, "top_k": None, "top_p": None, "dropout": 0.0, "guidance": 0.0}
"""Settings that sample from the network's own distribution."""


class Novelty(NamedTuple):
    """The share of novel names among the names sampled from a model, by the iterations of its training."""

    iterations: list[int]
    shares: list[float]


class Models:
    """The models of the pictures.

    Args:
        iterations: the length of each training; fewer than ITERATIONS for a quick test.
    """

    def __init__(self, iterations: int = ITERATIONS) -> None:
        self.iterations = iterations
        self.names: Dataset = namegen.open_dataset("starter")
        self._novelty: dict[str, Novelty] = {}

    @cached_property
    def tutorial(self) -> Model:
        """The model of the tutorial recipe, but with a tenth of the names held out, as in the default recipe."""
        return namegen.train(self.names, namegen.training_config("tutorial", **self._run, validation=0.1), threads=1)

    @cached_property
    def default(self) -> Model:
        """The model of the default recipe."""
        return self._watched("default")

    @cached_property
    def unbraked(self) -> Model:
        """The model of the default recipe without regularisation."""
        return self._watched("unbraked", dropout=0.0, weight_decay=0.0, averaging=0.0)

    @cached_property
    def changes(self) -> dict[str, Model]:
        """The models from the tutorial recipe to the default one, by the part that each adds to the previous one."""
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
        """Return the novelty of the names of `default` or `unbraked` during its training."""
        getattr(self, which)
        return self._novelty[which]

    @property
    def _run(self) -> dict[str, Any]:
        return {"iterations": self.iterations, "seed": SEED}

    def _config(self, **parts: object) -> TrainingConfig:
        # A short training would have smaller batches.
        config = namegen.training_config(iterations=ITERATIONS)
        long: dict[str, Any] = {"batch_size": config.batch_size, "learning_rate": config.learning_rate}
        return namegen.training_config(**long, **parts, **self._run)

    def _watched(self, which: str, **parts: object) -> Model:
        """Train a model, and measure the novelty of its names during the training."""
        seen = self._novelty[which] = Novelty([], [])

        def watch(progress: Progress) -> None:
            due = (len(seen.iterations) + 1) * self.iterations / _LOOKS
            if (
                due <= progress.iteration < self.iterations
            ):  # at the end it would have the best weights, not the last ones
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

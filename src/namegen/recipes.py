"""Named presets of settings.

A recipe is a name for a pair of training and sampling settings: ``default`` is good in seconds, ``best`` is better in
minutes, and ``tutorial`` reproduces the tutorial on generating names with a character-level RNN.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from namegen.config import Distillation, SamplingConfig, TrainingConfig
from namegen.errors import UsageError


class Recipe(NamedTuple):
    """Settings for training a model, and the default sampling settings of that model."""

    training: TrainingConfig
    sampling: SamplingConfig


_SAMPLING = SamplingConfig(temperature=0.9, top_p=0.95, guidance=0.2)  # docs/quality.md has the measurements


RECIPES = {
    "default": Recipe(TrainingConfig(), _SAMPLING),
    "best": Recipe(
        TrainingConfig(
            recipe="best",
            iterations=1_200_000,
            hidden_size=384,
            dropout=0.0,
            batch_size=128,
            weight_decay=0.01,
            learning_rate=4e-3,
            averaging=0.998,
            category_exponent=0.6,
            validation=0.0,
            distillation=Distillation(),
        ),
        _SAMPLING,
    ),
    "tutorial": Recipe(
        TrainingConfig(
            recipe="tutorial",
            iterations=100_000,
            architecture="rnn",
            nonlinearity="none",
            sos=False,
            hidden_size=128,
            dropout=0.1,
            batch_size=1,
            optimiser="sgd",
            learning_rate=0.0005,
            weight_decay=0.0,
            schedule="constant",
            warmup=0.0,
            clip=None,
            averaging=0.0,
            category_exponent=0.0,
            keep_repeats=True,
            validation=0.0,
            history_every=500,
            save_every=5_000,
        ),
        SamplingConfig(temperature=0.0, dropout=0.1),
    ),
}


FINE_TUNING = TrainingConfig(
    recipe="extension",
    iterations=20_000,
    dropout=0.6,
    learning_rate=0.03,
    shared_rate=0.01,
    weight_decay=0.0,
    averaging=0.98,
    validation=0.0,
)
"""The settings of fine-tuning, see :func:`namegen.training.fine_tuning.fine_tuning_config`."""


def find_recipe(name: str) -> Recipe:
    """Return a recipe by its name.

    Raises:
        UsageError: there is no such recipe.
    """
    if name in RECIPES:
        return RECIPES[name]
    raise UsageError(f"no recipe {name!r}; there are {', '.join(RECIPES)}")


def training_config(recipe_name: str = "default", **parts: object) -> TrainingConfig:
    """Return a recipe's training settings with some of them replaced.

    Two defaults of the recipe ``default`` depend on ``iterations``: up to 50,000 the batch size is 32, and up to 30,000
    the learning rate is 0.01 (docs/quality.md has the measurements). With ``architecture="rnn"`` its dropout is 0.1, as
    in the tutorial, because an rnn drops outputs, not hidden units.

    Raises:
        UsageError: there is no such recipe, or a value is out of range.
    """
    base = find_recipe(recipe_name).training
    iterations = parts.get("iterations", base.iterations)
    if base.recipe == "default" and isinstance(iterations, int):
        if iterations <= 50_000:
            parts.setdefault("batch_size", 32)
        if iterations <= 30_000:
            parts.setdefault("learning_rate", 0.01)
    if parts.get("architecture", base.architecture) == "rnn" != base.architecture:
        parts.setdefault("dropout", RECIPES["tutorial"].training.dropout)
    return dataclasses.replace(base, **parts)  # type: ignore[arg-type]

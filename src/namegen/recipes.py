"""How to train and how to draw, as two frozen configurations, and the named recipes that set both.

A configuration is checked where it is built, is stored in the model file, and never changes. A *recipe* is a
name for a pair of them: ``default`` is good in seconds, ``best`` is better in minutes, and ``tutorial`` is the
well-known tutorial on generating names with a character-level recurrent network, part by part. An option given beside a
recipe replaces that part.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from namegen.config import Distillation, SamplingConfig, TrainingConfig
from namegen.errors import UsageError


class Recipe(NamedTuple):
    """How to train a model, and how that model draws unless told otherwise."""

    training: TrainingConfig
    sampling: SamplingConfig


_SAMPLING = SamplingConfig(temperature=0.9, top_p=0.95, guidance=0.2)  # by docs/quality.md, novel and fitting


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
"""How categories are added to a model, see :func:`namegen.training.fine_tuning.fine_tuning_config`."""


def find_recipe(name: str) -> Recipe:
    """Return the recipe of that name.

    Raises:
        UsageError: there is none.
    """
    if name in RECIPES:
        return RECIPES[name]
    raise UsageError(f"no recipe {name!r}; there are {', '.join(RECIPES)}")


def training_config(recipe_name: str = "default", **parts: object) -> TrainingConfig:
    """Return a recipe's training configuration with some of its parts replaced.

    A short run of the default recipe, whose steps are few, takes smaller batches (32 names, up to 50,000 iterations)
    and a higher learning rate (0.01, up to 30,000), unless these are given; docs/quality.md has the figures. It is this
    function that applies it, not :class:`TrainingConfig`.

    With ``architecture="rnn"`` the default recipe drops outputs as the tutorial does, with probability 0.1, unless
    ``dropout`` is given too: what is right for a hidden state is far too much for an output.

    Raises:
        UsageError: there is no such recipe, or a value is out of its range.
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

"""Named presets of settings.

The recipe ``instant`` takes a fraction of a second, ``default`` is good in seconds, ``best`` is better in minutes, and
``tutorial`` reproduces the tutorial on generating names with a character-level RNN.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from namegen._validate import check_arguments, check_text
from namegen.config import NGRAM_SETTINGS, Distillation, SamplingConfig, TrainingConfig
from namegen.errors import UsageError

TRAINING_FIELDS = tuple(field.name for field in dataclasses.fields(TrainingConfig))


class Recipe(NamedTuple):
    """Settings for training a model, and the model's default sampling settings."""

    training: TrainingConfig
    sampling: SamplingConfig


_SAMPLING = SamplingConfig(temperature=1.0, top_p=0.85, guidance=0.4, floor=0.5)  # docs/quality.md has the measurements

RECIPES = {
    "default": Recipe(TrainingConfig(ngram_order=6), _SAMPLING),
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
            ngram_order=6,
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
    "instant": Recipe(
        TrainingConfig(
            recipe="instant",
            iterations=1,
            architecture="ngram",
            validation=0.0,
            ngram_order=6,
            ngram_share=1.0,
        ),
        SamplingConfig(temperature=1.1, top_p=0.95, floor=0.7),
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
    ngram_order=6,
)


@check_arguments(*TRAINING_FIELDS)
def training_config(recipe_name: str = "default", **parts: object) -> TrainingConfig:
    """Return a recipe's training settings with some of them replaced.

    In the recipe ``default``, the batch size is 32 up to 50,000 ``iterations``, the learning rate is 0.01 up to 30,000,
    and the dropout is 0.1 with ``architecture="rnn"``. The recipe may also be given as ``recipe``.

    Raises:
        UsageError: there is no such recipe, a value is out of range, or the recipe is ``instant`` and a setting is for
            networks.
    """
    recipe_name = check_text("recipe", parts.pop("recipe", recipe_name), "best")
    if recipe_name not in RECIPES:
        raise UsageError(f"no recipe {recipe_name!r}; use {', '.join(RECIPES)}")
    base = RECIPES[recipe_name].training
    for name in parts if base.architecture == "ngram" else ():
        if name not in NGRAM_SETTINGS:
            raise UsageError(
                f"{recipe_name} trains no network, so {name.replace('_', ' ')} does not apply; leave it out"
            )
    iterations = parts.get("iterations", base.iterations)
    if base.recipe == "default" and isinstance(iterations, int):
        if iterations <= 50_000:
            parts.setdefault("batch_size", 32)
        if iterations <= 30_000:
            parts.setdefault("learning_rate", 0.01)
    if parts.get("architecture", base.architecture) == "rnn" != base.architecture:
        parts.setdefault("dropout", RECIPES["tutorial"].training.dropout)
    return dataclasses.replace(base, **parts)  # type: ignore[arg-type]

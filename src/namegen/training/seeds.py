"""Train the same model with several seeds, and summarise their losses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from namegen.config import check_unchanged
from namegen.errors import UsageError
from namegen.models.store import cached_location, file_location
from namegen.paths import is_name
from namegen.training.settings import complete_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from namegen.config import TrainingConfig
    from namegen.models.model import Model
    from namegen.models.store import ModelLocation
    from namegen.training.jobs import TrainingRequest

MAX_SEEDS = 1000


@dataclass(frozen=True)
class SeedSummary:
    """The mean of a loss over several seeds, and its spread.

    Attributes:
        values: the loss of each seed, in nats per letter.
        mean: their mean.
        spread: their standard deviation, with the number of seeds minus 1 as the divisor.
    """

    values: tuple[float, ...]
    mean: float
    spread: float


def summarize_seeds(models: Mapping[int, Model]) -> dict[str, SeedSummary]:
    """Return the summaries of the final ``training`` and the lowest ``validation`` losses of models, given by seed.

    A loss that a model lacks is left out.
    """
    losses = {
        "training": [model.history.final_training for model in models.values()],
        "validation": [model.history.best_validation for model in models.values()],
    }
    summaries = {}
    for name, given in losses.items():
        values = tuple(value for value in given if value is not None)
        if len(values) == len(models) > 1:
            summaries[name] = SeedSummary(values, float(np.mean(values)), float(np.std(values, ddof=1)))
    return summaries


def seed_path(path: Path, seed: int) -> Path:
    """Return the path for one of several seeds: ``run-seed2.jsonl`` for ``run.jsonl``."""
    return path.with_name(f"{path.stem}-seed{seed}{path.suffix}")


def seed_location(location: ModelLocation, seed: int) -> ModelLocation:
    """Return the location of the model of one of several seeds: ``mine-seed2`` for ``mine``.

    Raises:
        UsageError: the name would be too long.
    """
    if is_name(location.name) and location.model != Path(location.name):
        return cached_location(f"{location.name}-seed{seed}")
    return file_location(seed_path(Path(location.name), seed))


def load_finished(location: ModelLocation, request: TrainingRequest) -> Model | None:
    """Return the model of a seed if its training is finished, after checking that it has the requested settings.

    Raises:
        UsageError: a setting differs.
    """
    if location.checkpoint.is_file() or not location.model.is_file():
        return None
    model = location.load()
    recipe = {} if request.recipe is None else {"recipe": request.recipe}
    check_unchanged(model.training, {**recipe, **complete_settings(request.parts, model.training)})
    return model


def check_same_run(model: Model, config: TrainingConfig, fingerprint: str) -> None:
    """Check that a run differs from one of another seed in the seed only.

    Args:
        model: the model of the other seed.
        config: the settings of the run.
        fingerprint: the fingerprint of its names.

    Raises:
        UsageError: other settings or the names differ.
    """
    seed = model.training.seed
    for name, value in vars(config).items():
        if name != "seed" and value != getattr(model.training, name):
            raise UsageError(
                f"the model of seed {seed} has another {name.replace('_', ' ')}; "
                "repeat all options of the command, or start over with --force"
            )
    if model.fingerprint != fingerprint:
        raise UsageError(
            f"the model of seed {seed} was trained on other names; give the same --data, or start over with --force"
        )

"""A training run with a place of its own: one at a time, resumable, and an older model stays usable until it ends."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from namegen.errors import RunError, UsageError
from namegen.files import check_writable, exclusive
from namegen.modelfile import load_checkpoint
from namegen.recipes import training_config
from namegen.training import train

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from namegen.dataset import Dataset
    from namegen.modelfile import Model
    from namegen.recipes import TrainingConfig
    from namegen.store import ModelPlace
    from namegen.training import Report


@contextlib.contextmanager
def claim(place: ModelPlace) -> Iterator[None]:
    """Keep a model's place for this process while the body plans and runs its training.

    Raises:
        RunError: another process has it.
        NamegenError: nothing can be written there.
    """
    with exclusive(place.lock, f"training {place.name}"):
        check_writable(place.model.parent)
        check_writable(place.checkpoint.parent)
        yield


def plan(place: ModelPlace, given: Mapping[str, object], *, resume: bool, force: bool) -> TrainingConfig:
    """Decide what a training run at a place is to do.

    Args:
        place: where the model is to be.
        given: the parts of the configuration that were asked for, ``recipe`` among them; ``None`` where nothing was.
        resume: go on with the unfinished run there.
        force: start over although there is one.

    Raises:
        UsageError: something given disagrees with the run that is to be resumed.
        RunError: there is an unfinished run, or none to resume.
    """
    unfinished = place.checkpoint.is_file()
    if resume and force:
        raise UsageError("--resume goes on with a run and --force starts over; use one of them")
    if resume:
        if not unfinished:
            raise RunError(f"no unfinished training run of {place.name} to go on with; leave --resume out to start one")
        return _resumed(place, given)
    if unfinished and not force:
        raise RunError(
            f"there is an unfinished training run of {place.name}; use --resume to go on, or --force to start over"
        )
    parts = {name: value for name, value in given.items() if name != "recipe"}
    return training_config(str(given.get("recipe") or "default"), **parts)


def _resumed(place: ModelPlace, given: Mapping[str, object]) -> TrainingConfig:
    config = load_checkpoint(place.checkpoint).model.training
    for name, value in given.items():
        began_with = getattr(config, name)
        if value is not None and value != began_with:
            raise UsageError(
                f"the run began with {name.replace('_', ' ')} {began_with}, not {value}; "
                "leave the option out to go on, or start over with --force"
            )
    return config


def run(
    place: ModelPlace,
    dataset: Dataset,
    config: TrainingConfig,
    *,
    resume: bool = False,
    device: str = "auto",
    threads: int | None = None,
    report: Report = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Model:
    """Train a model and put it into its place, which must be claimed.

    See :func:`~namegen.training.train` for the arguments and errors.
    """
    if not resume:
        place.checkpoint.unlink(missing_ok=True)
    model = train(
        dataset,
        None if resume else config,
        device=device,
        threads=threads,
        checkpoint=place.checkpoint,
        resume=resume,
        report=report,
        stop=stop,
    )
    model.save(place.model)
    place.checkpoint.unlink(missing_ok=True)
    return model

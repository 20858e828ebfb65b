"""Train a model on a dataset.

:func:`train` reports through a callback and asks another callback whether to stop. It prints nothing, but shows the
progress in a notebook, or if asked to. With a checkpoint file an interrupted run can be resumed, and produces exactly
the model an uninterrupted run would have.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from namegen._tables import MISSING, build_frame, build_html, format_value
from namegen._validate import check_arguments, check_bool, check_callable, check_int, check_path, describe_kind
from namegen.architectures import find_architecture
from namegen.config import TrainingConfig, check_unchanged, fit_to_data
from namegen.datasets.dataset import Dataset
from namegen.datasets.in_memory import to_dataset
from namegen.errors import DataError, TrainingStopped, UsageError, quote
from namegen.models.extension import find_names_alphabet
from namegen.models.model import MAX_THREADS, History
from namegen.models.serialization import load_checkpoint
from namegen.models.store import to_model
from namegen.optional_packages import required
from namegen.recipes import TRAINING_FIELDS, training_config
from namegen.training.distributed import SINGLE_PROCESS
from namegen.training.fine_tuning import check_fine_tuning, fine_tuning_config, model_digest
from namegen.training.ngrams import train_ngram
from namegen.training.progress import build_report, format_losses
from namegen.training.resources import check_memory, default_threads, find_training_device

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike
    from pathlib import Path

    import pandas as pd
    import torch

    from namegen.datasets.in_memory import Names
    from namegen.models.model import Checkpoint, Model
    from namegen.training.distributed import ProcessGroup
    from namegen.training.trainer import Trainer


@dataclass(frozen=True, repr=False)
class Progress:
    """The progress of a training run.

    Attributes:
        iteration: the number of training names sampled so far.
        iterations: the number of training names of the whole run.
        loss: the last training loss of the loss history, in nats per letter; ``None`` before the first.
        validation_loss: the last validation loss; ``None`` before the first, or without held-out names.
        unsaved: why the last attempt to save the state failed; ``None`` if it did not.
        stage: the network that is being trained, in words; empty if the run trains only one.
        last_loss: returns the mean loss per letter of the last training name. With several processes, this is the last
            name of the process's part of the batch, or NaN if that part is empty.
        model: returns the current model.
        learning_rate: the learning rate of the last optimiser step.
        targets: what the training loss is measured against: ``names``, ``teachers``, or with ``init`` half of each,
            ``names and base model``.
        history: the loss history of the network that is being trained.
    """

    iteration: int
    iterations: int
    loss: float | None
    validation_loss: float | None
    unsaved: str | None
    stage: str
    last_loss: Callable[[], float]
    model: Callable[[], Model]
    learning_rate: float = 0.0
    targets: Literal["names", "teachers", "names and base model"] = "names"
    history: History = field(default_factory=History)

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame of one row, so that the reports of a run can be concatenated.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        losses = {"loss": self.loss, "validation_loss": self.validation_loss}
        known = {name: np.nan if loss is None else loss for name, loss in losses.items()}
        columns = {"iteration": self.iteration, "iterations": self.iterations, **known, "stage": self.stage}
        return build_frame({name: [value] for name, value in columns.items()})

    def __repr__(self) -> str:
        losses = "".join(f", {text}" for text in format_losses(self))
        return f"<Progress: {self.iteration:,} of {self.iterations:,} names{losses}>"

    def _repr_html_(self) -> str:
        losses = [format_value(loss, ".3f") for loss in (self.loss, self.validation_loss)]
        row = (f"{self.iteration:,} of {self.iterations:,}", *losses, self.stage or MISSING)
        return build_html(("training names", "loss", "validation loss", "network"), [row], total=1)


Report: TypeAlias = "Callable[[Progress], None]"


@check_arguments(*TRAINING_FIELDS)
def train(
    dataset: Names,
    config: TrainingConfig | None = None,
    *,
    init: Model | str | PathLike[str] | None = None,
    device: str | None = None,
    threads: int | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    report: Report = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    progress: bool | None = None,
    group: ProcessGroup = SINGLE_PROCESS,
    **parts: Any,  # noqa: ANN401 - the fields of TrainingConfig
) -> Model:
    """Train a model.

    A model without a network (the recipe ``instant``) is an n-gram. Its training needs no torch, and does not use the
    device, threads, checkpoint and callbacks.

    Args:
        dataset: the names: a dataset, lists of names by category, or one list. Lists are transliterated into the
            alphabet of ``init``, or to ASCII. The share ``config.validation`` of the names is held out.
        config: the configuration; by default the recipe ``default``, or the settings for fine-tuning if ``init`` is
            given.
        init: a model to fine-tune, or its name or path: the categories of the names are added to it. Pass it again to
            resume.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``. The default, ``auto``, uses a GPU if there is one.
        threads: the number of threads of torch; by default :func:`~namegen.training.resources.default_threads`.
        checkpoint: a file for the state of the run, saved every ``config.save_every`` iterations and when the run is
            stopped; by default nothing is saved. If a save fails, the run continues, and :attr:`Progress.unsaved` says
            why.
        resume: resume the run in ``checkpoint``. With another ``device``, ``threads`` or ``group``, the model is not
            bit-identical; the configuration must be the same.
        report: called at least every few hundred iterations.
        stop: called as often as ``report``; the run stops when it returns true.
        progress: whether to show the progress, with names from the model so far: live in a notebook, elsewhere as
            lines on standard error. By default, only a notebook shows it.
        group: the processes that train together, from :func:`~namegen.training.distributed.joined`. All must pass the
            same arguments; all return the model. Only rank 0 reads and writes the checkpoint.
        parts: settings to replace in the configuration, such as ``iterations=20_000``.

    Returns:
        The model. If names are held out, it has the weights with the lowest validation loss.

    Raises:
        UsageError: the configuration is invalid, or the run to resume has a different configuration or different names.
        DataError: a category has no names.
        ModelFileError: the checkpoint is missing or damaged.
        DeviceError: the device does not exist.
        MissingPackageError: the model has a network, and torch is not installed.
        NamegenError: the training needs more memory than the machine has.
        DivergedError: the loss is not finite or far too large.
        TrainingStopped: ``stop`` returned true; the state is in the checkpoint.
        RunError: ``stop`` returned true, but the state cannot be saved.
    """
    checkpoint, before = None if checkpoint is None else check_path("checkpoint", checkpoint), None
    init = None if init is None else to_model(init)
    check_callable("report", report)
    check_callable("stop", stop)
    progress = None if progress is None else check_bool("progress", progress)
    _check_config(config, parts, init=init)
    if not isinstance(dataset, Dataset):
        own = (config or training_config(parts.get("recipe", "default"))).keep_repeats
        keep_repeats = check_bool("keep repeats", parts.get("keep_repeats", own))
        dataset = to_dataset(
            dataset, alphabet=find_names_alphabet(init) if init else "ascii", keep_repeats=keep_repeats
        )
    if check_bool("resume", resume):
        if checkpoint is None:
            raise UsageError("resume needs a checkpoint; pass its file as checkpoint")
        before = group.on_rank_zero(lambda: load_checkpoint(checkpoint))
    config = resolve_config(dataset, config, parts, init=init, before=before)
    group.check(config)
    if find_architecture(config).network is None:
        return train_ngram(dataset, config)
    with required("torch"):
        import torch

    from namegen.training.trainer import Trainer

    where = _find_device(config, dataset, device or (before.model.device if before else "auto"), group)
    threads = _resolve_threads(config, threads, before, group)
    added = dataset.categories if init else ()
    report = build_report(report, config, added, show=progress if group.is_rank_zero else False)
    threads_before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        with torch.random.fork_rng(devices=[]):
            trainer = Trainer(dataset, config, where, threads=threads, init=init, group=group, checkpoint=before)
            if checkpoint and not before and group.is_rank_zero:
                checkpoint.unlink(missing_ok=True)  # the run that this one replaces
            for count in trainer.run():
                is_finished = trainer.iteration == config.iterations
                is_due = trainer.iteration // config.save_every > (trainer.iteration - count) // config.save_every
                is_stopping = not is_finished and group.any(stop())
                if checkpoint and not is_finished and (is_due or is_stopping):
                    trainer.save(checkpoint, is_stopping=is_stopping)
                report(_build_progress(trainer))
                if is_stopping:
                    raise TrainingStopped(f"stopped after {trainer.iteration:,} of {config.iterations:,} iterations")
            return trainer.model()
    finally:
        torch.set_num_threads(threads_before)


def _check_config(config: object, parts: Mapping[str, object], *, init: Model | None) -> None:
    """Check that a configuration has the right type, and that a recipe is not combined with something else."""
    if config is not None and not isinstance(config, TrainingConfig):
        hint = f", such as training_config({quote(config)})" if isinstance(config, str) else ""
        raise UsageError(f"config must be a TrainingConfig{hint}, not {describe_kind(config)}")
    if "recipe" in parts and (config or init):
        other = "config" if config else "init"
        raise UsageError(f"recipe and {other} cannot be combined; use one of them")


def resolve_config(
    dataset: Dataset,
    config: TrainingConfig | None,
    parts: dict[str, Any],
    *,
    init: Model | None = None,
    before: Checkpoint | None = None,
) -> TrainingConfig:
    """Return the configuration of a run: ``config`` or the default one, with some parts replaced."""
    if before and before.model.training.init != (model_digest(init) if init else None):
        raise UsageError("the run began with another base model, or with none; give the same --init")
    if before and config is None:
        config = check_unchanged(before.model.training, parts)
    elif config is None:
        config = fine_tuning_config(init, len(dataset), **parts) if init else training_config(**parts)
    else:
        config = dataclasses.replace(config, **parts)
        config = check_fine_tuning(init, config) if init else config
    if not dataset.counts.all():
        empty = dataset.categories[int(dataset.counts.argmin())]
        raise DataError(f"the category {empty!r} has no names; add some, or remove the category")
    config = fit_to_data(config, dataset.counts.tolist())
    if before:
        check_unchanged(before.model.training, vars(config))
    return config


def _find_device(config: TrainingConfig, dataset: Dataset, name: str, group: ProcessGroup) -> torch.device:
    """Return the device of this process, once every process has one and enough memory."""

    def find() -> torch.device:
        device = find_training_device(name, group)
        if device.type == "cpu":
            check_memory(config, float(dataset.lengths.mean()), group)
        return device

    return group.on_every_rank(find)


def _resolve_threads(
    config: TrainingConfig, threads: int | None, before: Checkpoint | None, group: ProcessGroup
) -> int:
    """Return the number of threads: as given, as in the run to resume, or the default."""
    if threads is None and before and before.model.processes == group.world_size:
        threads = before.model.threads
    if threads is None:
        threads = group.on_rank_zero(lambda: default_threads(config, group))
    return check_int("threads", threads, 1, MAX_THREADS)


def _build_progress(trainer: Trainer) -> Progress:
    """Return the progress of a run."""
    name, stage = trainer.reported
    latest, history = stage.latest, stage.history
    return Progress(
        iteration=trainer.iteration,
        iterations=trainer.config.iterations,
        loss=history.final_training,
        validation_loss=float(history.validation[-1]) if len(history.validation) else None,
        unsaved=trainer.unsaved,
        stage=name,
        last_loss=lambda: float(latest[-1]) if latest is not None and len(latest) else float("nan"),
        model=trainer.model,
        learning_rate=stage.learning_rate,
        targets=stage.targets,
        history=history,
    )

"""Training: from a dataset and a configuration to a model.

:func:`train` prints nothing. It reports through a callback, asks another whether to stop, and if given a file keeps a
checkpoint there from which it can go on: a run that was interrupted and resumed ends in bit for bit the same model.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from namegen._validate import check_int
from namegen.config import TrainingConfig, check_unchanged, fit_to_data
from namegen.errors import DataError, ModelFileError, NamegenError, RankError, RunError, TrainingStopped, UsageError
from namegen.io.safetensors import describe_error
from namegen.models.architectures import weight_shapes
from namegen.models.model import MAX_THREADS, Checkpoint, History, Model, check_categories
from namegen.models.ngram import NGram
from namegen.models.serialization import load_checkpoint
from namegen.recipes import RECIPES, training_config
from namegen.training.batches import DatasetBatches, category_probabilities
from namegen.training.distillation import DistillationBatches, Ensemble
from namegen.training.distributed import ALONE
from namegen.training.fine_tuning import (
    ReplayBatches,
    check_fine_tuning,
    extend_dataset,
    fine_tuning_config,
    initial_weights,
    merge_models,
    model_digest,
)
from namegen.training.resources import check_memory, default_threads, device_name, find_training_device
from namegen.training.trainer import Stage, select_prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch
    from numpy.typing import NDArray

    from namegen.config import Distillation
    from namegen.datasets.dataset import Dataset
    from namegen.training.batches import BatchSource
    from namegen.training.distributed import Ranks


@dataclass(frozen=True)
class Progress:
    """Where a training run is.

    Attributes:
        iteration: how many training names have been drawn.
        iterations: how many there will be.
        loss: the last training point of the loss history, in nats per letter; ``None`` before the first.
        validation_loss: the last validation point; ``None`` before the first, or without a validation part.
        unsaved: why the state of the run could not be saved when it last should have been; ``None`` if all is well.
        stage: what is being trained, in words: empty unless there are several networks.
        last_loss: gives the mean letter loss of the name drawn last; with several ranks of the last that this one has
            of the latest stretch, or NaN if it has none.
        model: gives the model as it is now.
    """

    iteration: int
    iterations: int
    loss: float | None
    validation_loss: float | None
    unsaved: str | None
    stage: str
    last_loss: Callable[[], float]
    model: Callable[[], Model]


Report: TypeAlias = "Callable[[Progress], None]"


def train(
    dataset: Dataset,
    config: TrainingConfig | None = None,
    *,
    init: Model | None = None,
    device: str | None = None,
    threads: int | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    report: Report = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    ranks: Ranks = ALONE,
    **parts: Any,  # noqa: ANN401 - the fields of TrainingConfig
) -> Model:
    """Train a model.

    Args:
        dataset: the names. Of these the configuration's validation part is held out.
        config: what to do; by default the default recipe, or with ``init`` what adds to it.
        init: a model to add the categories of the names to, instead of training one on these names alone. A run that
            goes on needs it again.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; ``auto``, the default, takes a GPU if there is one.
        threads: how many threads torch may use; by default what :func:`~namegen.training.resources.default_threads`
        says.
        checkpoint: the file that keeps the state of the run every ``config.save_every`` iterations and when it is
            stopped. Without it nothing is kept. A save that fails does not end the run: the older state stays in the
            file, :attr:`Progress.unsaved` says why, and the next save tries again.
        resume: go on from ``checkpoint``, with its configuration, device and number of threads. Another device,
            number of threads or number of ``ranks`` may be given, at the price of bit-exactness; a configuration must
            be the same.
        report: called at least every few hundred iterations.
        stop: asked as often whether to stop.
        ranks: the processes that train the model together, as :func:`~namegen.training.distributed.joined` gives
        them. All of them
            must call this function, with the same names and the same arguments; the first one alone reads and writes
            the checkpoint, and each has a GPU of its own, if any. All get the model, and if one raises, all do.
        parts: parts of the configuration to replace, as ``iterations=20_000``.

    Returns:
        The finished model. With a validation part its weights are those with the lowest validation loss.

    Raises:
        UsageError: the configuration makes no sense, or it or the names are not those of the run to be resumed.
        DataError: a category has no names.
        ModelFileError: the checkpoint is missing or damaged.
        DeviceError: the device is not there.
        NamegenError: it cannot fit into the machine's memory.
        DivergedError: the loss is not a number any more; the checkpoint is of a time when it was.
        TrainingStopped: ``stop`` said so; the checkpoint is up to date.
        RunError: ``stop`` said so, but the state cannot be saved.
        RankError: another of the ``ranks`` has ended.
    """
    import torch

    checkpoint, before = None if checkpoint is None else Path(checkpoint), None
    if resume:
        if checkpoint is None:
            raise UsageError("to go on with a run, say where its checkpoint is")
        before = ranks.of_first(lambda: load_checkpoint(checkpoint))
    config = _configured(dataset, config, parts, init, before)
    ranks.check(config)
    where, threads = _device_and_threads(config, dataset, device, threads, before, ranks)
    threads_before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        with torch.random.fork_rng(devices=[]):
            run = _Run(dataset, config, where, threads, init, ranks)
            if before:
                run.restore(before)
            else:
                if checkpoint and ranks.is_first:
                    checkpoint.unlink(missing_ok=True)  # of a run that is not wanted any more
                run.begin()
            for names in run.stretches():
                run.advance(names)
                due = run.iteration // config.save_every > (run.iteration - len(names)) // config.save_every
                stopping = run.iteration < config.iterations and ranks.any(stop())
                if checkpoint and run.iteration < config.iterations and (due or stopping):
                    run.save(checkpoint, last=stopping)
                report(run.progress())
                if stopping:
                    raise TrainingStopped(f"stopped after {run.iteration:,} of {config.iterations:,} iterations")
            return run.model()
    except RankError as error:
        raise RankError(f"{error}; what is saved is {run.saved}") from error
    finally:
        torch.set_num_threads(threads_before)


def _device_and_threads(
    config: TrainingConfig,
    dataset: Dataset,
    device: str | None,
    threads: int | None,
    before: Checkpoint | None,
    ranks: Ranks,
) -> tuple[torch.device, int]:
    """Return where the arithmetic is to run, and with how many threads: as before, unless it is to be otherwise."""
    name = device or (before.model.device if before else "auto")

    def found() -> torch.device:
        where = find_training_device(name, ranks)
        if where.type == "cpu":
            check_memory(config, float(dataset.lengths.mean()), ranks)
        return where

    where = ranks.together(found)
    if threads is None and before and before.model.processes == ranks.world:
        threads = before.model.threads
    if threads is None:
        threads = ranks.of_first(lambda: default_threads(config, ranks))
    return where, check_int("threads", threads, 1, MAX_THREADS)


def saved_in_words(iteration: int) -> str:
    """Return the state of a run after so many iterations, which is saved, in words; 0 if none is."""
    return f"the run after {iteration:,}, to go on from with --resume" if iteration else "nothing"


def _why_not_saved(checkpoint: Checkpoint, file: Path) -> str | None:
    """Save a checkpoint, or return why that cannot be."""
    try:
        checkpoint.save(file)
    except NamegenError as error:
        return str(error)
    return None


def _configured(
    dataset: Dataset,
    config: TrainingConfig | None,
    parts: dict[str, Any],
    init: Model | None,
    before: Checkpoint | None,
) -> TrainingConfig:
    """Return the configuration that is asked for, or that of the run that is to go on, if they agree."""
    if before and before.model.training.init != (model_digest(init) if init else None):
        raise UsageError("the run began with another model, or with none; give the same model to begin with again")
    if before and config is None:
        config = check_unchanged(before.model.training, parts)
    elif config is None:
        config = fine_tuning_config(init, **parts) if init else training_config(**parts)
    else:
        config = dataclasses.replace(config, **parts)
        config = check_fine_tuning(init, config) if init else config
    if not dataset.counts.all():
        raise DataError(f"the category {dataset.categories[int(dataset.counts.argmin())]!r} has no names")
    config = fit_to_data(config, dataset.counts.tolist())
    if before:
        check_unchanged(before.model.training, vars(config))
    return config


class _Run:
    """The state of a training run, and how it moves on: from one stage of its configuration to the next.

    It must :meth:`begin`, or be restored.

    A stage trains one network; all but the last one train teachers. The loss history is that of the present stage.
    """

    def __init__(
        self,
        dataset: Dataset,
        config: TrainingConfig,
        device: torch.device,
        threads: int,
        init: Model | None,
        ranks: Ranks,
    ) -> None:
        self.config, self._device, self._init, self._ranks = config, device, init, ranks
        fingerprint = dataset.fingerprint
        if init:
            dataset = extend_dataset(init, dataset)
        check_categories(dataset.alphabet, dataset.categories)
        self._training, self._held_out = dataset.split(config.validation)
        self._blank = Model(
            training=config,
            sampling=RECIPES.get(config.recipe, RECIPES["default"]).sampling,
            alphabet=dataset.alphabet,
            categories=dataset.categories,
            counts=self._training.counts,
            first_letter_counts=self._training.first_letter_counts,
            longest=int(self._training.lengths.max()),
            casing=dataset.casing,
            dataset=dataset.label,
            dataset_verified=dataset.verified,
            fingerprint=fingerprint,
            name_hashes=self._training.distinct_hashes,
            held_out_hashes=self._held_out.distinct_hashes if self._held_out else np.zeros(0, np.uint64),
            device=device_name(device, ranks),
            threads=threads,
            processes=ranks.world,
            iterations=0,
            weights={},
            history=History(),
        )
        if init:
            self._blank = merge_models(init, self._blank)
        self._saved_at = 0
        self._unsaved: str | None = None
        self._teachers: list[dict[str, NDArray[np.float32]]] = []

    @property
    def iteration(self) -> int:
        """How many training names have been drawn."""
        return self._stage.iteration

    def begin(self) -> None:
        """Set everything up for the first stage."""
        self._stage = self._next_stage()

    def _next_stage(self) -> Stage:
        """Set everything up for the stage after the teachers there are."""
        from namegen.models.networks import build_network, load_weights

        training, number = self._training, len(self._teachers)
        config = self.config.stages[number]
        start = sum(earlier.iterations for earlier in self.config.stages[:number])
        network = build_network(config, len(training.categories), len(training.alphabet) + 1)
        lessons: BatchSource
        if config.distillation:
            lessons = self._taught(config, config.distillation)
        elif self._init:
            lessons = ReplayBatches(self._init, training, config)
            load_weights(network, initial_weights(self._init, training))
        else:
            lessons = DatasetBatches(training, config)
        return Stage(config, start, network, lessons, training, self._held_out, self._device, self._ranks)

    def _taught(self, stage: TrainingConfig, by: Distillation) -> DistillationBatches:
        training = self._training
        networks = [
            dataclasses.replace(self._blank, training=teacher, weights=weights)
            for teacher, weights in zip(self.config.stages, self._teachers, strict=False)
        ]
        return DistillationBatches(
            Ensemble(networks, NGram.fit(training, by.ngram_order), by.ngram_share),
            stage,
            category_probabilities(training, stage),
            boundary_id=training.alphabet.boundary_id,
            limit=2 * int(training.lengths.max()),
        )

    def stretches(self) -> Iterator[NDArray[np.int64]]:
        """Go through the names that are left, for :meth:`advance`, a stretch at a time."""
        while self.iteration < self.config.iterations:
            yield from self._stage.stretches()

    def advance(self, names: NDArray[np.int64]) -> None:
        """Learn from a stretch of names, and go on to the next stage where one ends."""
        self._stage.advance(names)
        if self._stage.ended and self.iteration < self.config.iterations:
            self._teachers.append(self._stage.weights())
            self._stage = self._next_stage()

    def progress(self) -> Progress:
        """Return where the run is."""
        latest = self._stage.latest
        return Progress(
            iteration=self.iteration,
            iterations=self.config.iterations,
            loss=self._stage.loss,
            validation_loss=self._stage.validation_loss,
            unsaved=self._unsaved,
            stage=self._stage_name(),
            last_loss=lambda: float(latest[-1]) if latest is not None and len(latest) else float("nan"),
            model=self.model,
        )

    def _stage_name(self) -> str:
        by = self.config.distillation
        if by is None:
            return ""
        number = len(self._teachers) + 1
        return f"teacher {number} of {by.teachers}" if number <= by.teachers else "taught"

    def model(self) -> Model:
        """Return the model as it is now, with its best weights once the run has ended."""
        weights, history = self._stage.weights(), self._stage.history
        return dataclasses.replace(self._blank, iterations=self.iteration, weights=weights, history=history)

    def save(self, file: Path, *, last: bool) -> None:
        """Save the state of the run; if that fails the older one stays, and it matters only if this is the last chance.

        What has begun to diverge does not take the place of an older state, which is worth more.

        Raises:
            DivergedError: there is nothing in it that would be worth keeping.
            RunError: it cannot be saved, and it is the last chance.
        """
        checkpoint = self.checkpoint()

        def put() -> str | None:
            why_not = _why_not_saved(checkpoint, file)
            if not why_not:  # which the first rank must know even if the others are not there any more to be told
                self._saved_at = self.iteration
            return why_not

        self._unsaved = self._ranks.of_first(put)
        if not self._unsaved:
            self._saved_at = self.iteration
        elif last:
            raise RunError(
                f"stopped after {self.iteration:,} iterations, but {self._unsaved}; what is saved is {self.saved}"
            )

    @property
    def saved(self) -> str:
        """What of the run is saved, in words."""
        return saved_in_words(self._saved_at)

    def checkpoint(self) -> Checkpoint:
        """Return all that :meth:`restore` needs.

        Raises:
            DivergedError: not all of it is finite.
        """
        state = self._stage.state()
        for number, weights in enumerate(self._teachers):
            state |= {f"teacher{number}.{name}": value for name, value in weights.items()}
        # Without the hashes of the names, which the names give again: of millions they would take longer to
        # write than the training between two saves.
        none = np.zeros(0, np.uint64)
        return Checkpoint(dataclasses.replace(self.model(), name_hashes=none, held_out_hashes=none), state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to a checkpoint."""
        model, state = checkpoint.model, checkpoint.state
        if model.fingerprint != self._blank.fingerprint:
            raise UsageError(
                f"these are not the names that the run began with ({model.dataset}); give the same --data, "
                "or start over with --force"
            )
        try:
            self._adopt(model, state)
        except (KeyError, ValueError, RuntimeError) as error:
            raise ModelFileError(
                f"the checkpoint is damaged ({describe_error(error)}); start over with --force"
            ) from error

    def _adopt(self, model: Model, state: dict[str, NDArray[Any]]) -> None:
        from namegen.training.optimize import check_array

        stages = self.config.stages
        for number, stage in enumerate(stages[: stages.index(model.stage)]):
            teacher = select_prefix(state, f"teacher{number}.")
            shapes = weight_shapes(stage, len(model.categories), len(model.alphabet) + 1)
            self._teachers.append({name: check_array(teacher, name, shape) for name, shape in shapes.items()})
        self._stage = self._next_stage()
        self._stage.restore(model.iterations, model.history, state)
        self._saved_at = self.iteration

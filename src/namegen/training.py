"""Training: from a dataset and a configuration to a model.

:func:`train` prints nothing. It reports through a callback, asks another whether to stop, and if given a file keeps a
checkpoint there from which it can go on: a run that was interrupted and resumed ends in bit for bit the same model.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from namegen.batches import TrainingNames, category_probabilities, stretches
from namegen.bounds import whole
from namegen.devices import check_memory, default_threads, find_device
from namegen.distillation import Mixture, TaughtNames
from namegen.errors import (
    DataError,
    DivergedError,
    ModelFileError,
    NamegenError,
    RunError,
    TrainingStopped,
    UsageError,
)
from namegen.extension import (
    RehearsedNames,
    digest,
    extended_dataset,
    extended_facts,
    extending,
    extension_config,
    first_weights,
)
from namegen.modelfile import (
    MAX_LOSS,
    MAX_THREADS,
    Checkpoint,
    History,
    Model,
    check_categories,
    load_checkpoint,
    weight_shapes,
)
from namegen.ngram import NGram
from namegen.recipes import RECIPES, TrainingConfig, fitted, training_config, unchanged
from namegen.tensors import in_words
from namegen.validation import Validation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from namegen.batches import Lessons
    from namegen.dataset import Dataset
    from namegen.learners import Learner
    from namegen.recipes import Distillation

_VALIDATIONS = 20  # in a run, at most
_DIVERGED = 100.0  # nats per letter; a network that knows nothing loses 4


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
        last_loss: gives the mean letter loss of the name drawn last.
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
    checkpoint: Path | None = None,
    resume: bool = False,
    report: Report = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    **parts: Any,  # noqa: ANN401 - the fields of TrainingConfig
) -> Model:
    """Train a model.

    Args:
        dataset: the names. Of these the configuration's validation part is held out.
        config: what to do; by default the default recipe, or with ``init`` what adds to it.
        init: a model to add the categories of the names to, instead of training one on these names alone. A run that
            goes on needs it again.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; ``auto``, the default, takes a GPU if there is one.
        threads: how many threads torch may use; by default what :func:`~namegen.devices.default_threads` says.
        checkpoint: the file that keeps the state of the run every ``config.save_every`` iterations and when it is
            stopped. Without it nothing is kept. A save that fails does not end the run: the older state stays in the
            file, :attr:`Progress.unsaved` says why, and the next save tries again.
        resume: go on from ``checkpoint``, with its configuration, device and number of threads. Another device or
            number of threads may be given, at the price of bit-exactness; a configuration must be the same.
        report: called at least every few hundred iterations.
        stop: asked as often whether to stop.
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
    """
    import torch

    before = None
    if resume:
        if checkpoint is None:
            raise UsageError("to go on with a run, say where its checkpoint is")
        before = load_checkpoint(checkpoint)
        device = before.model.device if device is None else device
        threads = before.model.threads if threads is None else threads
    config = _configured(dataset, config, parts, init, before)
    where = find_device("auto" if device is None else device)
    if where.type == "cpu":
        check_memory(config, float(dataset.lengths.mean()))
    threads = default_threads(config) if threads is None else whole("threads", threads, 1, MAX_THREADS)
    threads_before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        with torch.random.fork_rng(devices=[]):
            run = _Run(dataset, config, where, threads, init)
            if before:
                run.restore(before)
            else:
                if checkpoint:
                    checkpoint.unlink(missing_ok=True)  # of a run that is not wanted any more
                run.begin()
            for names in run.stretches():
                run.advance(names)
                due = run.iteration // config.save_every > (run.iteration - len(names)) // config.save_every
                stopping = run.iteration < config.iterations and stop()
                if checkpoint and run.iteration < config.iterations and (due or stopping):
                    run.save(checkpoint, last=stopping)
                report(run.progress())
                if stopping:
                    raise TrainingStopped(f"stopped after {run.iteration:,} of {config.iterations:,} iterations")
            return run.model()
    finally:
        torch.set_num_threads(threads_before)


def _configured(
    dataset: Dataset,
    config: TrainingConfig | None,
    parts: dict[str, Any],
    init: Model | None,
    before: Checkpoint | None,
) -> TrainingConfig:
    """Return the configuration that is asked for, or that of the run that is to go on, if they agree."""
    if before and config is None:
        config = unchanged(before.model.training, parts)
    elif config is None:
        config = extension_config(init, **parts) if init else training_config(**parts)
    else:
        config = dataclasses.replace(config, **parts)
        config = extending(init, config) if init else config
    if not dataset.counts.all():
        raise DataError(f"the category {dataset.categories[int(dataset.counts.argmin())]!r} has no names")
    config = fitted(config, dataset.counts.tolist())
    if before:
        if config.init != (digest(init) if init else None):
            raise UsageError("the run began with another model, or with none; give the same model to begin with again")
        unchanged(before.model.training, vars(config))
    return config


class _Run:
    """The state of a training run, and how it moves on: from one stage of its configuration to the next.

    It must :meth:`begin`, or be restored.

    A stage trains one network; all but the last one train teachers. The loss history is that of the present stage.
    """

    def __init__(
        self, dataset: Dataset, config: TrainingConfig, device: torch.device, threads: int, init: Model | None = None
    ) -> None:
        self.config, self.threads, self._device, self._init = config, threads, device, init
        fingerprint = dataset.fingerprint
        if init:
            dataset = extended_dataset(init, dataset)
        check_categories(dataset.alphabet, dataset.categories)
        self._training, self._held_out = dataset.split(config.validation)
        self._about_data: dict[str, Any] = {
            "alphabet": dataset.alphabet,
            "categories": dataset.categories,
            "counts": self._training.counts,
            "first_letter_counts": self._training.first_letter_counts,
            "longest": int(self._training.lengths.max()),
            "casing": dataset.casing,
            "dataset": dataset.label,
            "dataset_verified": dataset.verified,
            "fingerprint": fingerprint,
            "name_hashes": self._training.distinct_hashes,
            "sampling": RECIPES.get(config.recipe, RECIPES["default"]).sampling,
        }
        if init:
            self._about_data |= extended_facts(init, self._training)
        self.iteration = 0
        self._saved, self._unsaved = 0, ""
        self._teachers: list[dict[str, NDArray[np.float32]]] = []

    def begin(self) -> None:
        """Set everything up for the first stage."""
        self._begin_stage()

    def _begin_stage(self) -> None:
        """Set everything up for the stage after the teachers there are."""
        from namegen.learners import AutogradLearner, TutorialLearner
        from namegen.networks import adopt, build_network

        training, number = self._training, len(self._teachers)
        stages = self.config.stages
        self._stage = stage = stages[number]
        self._stage_start = sum(earlier.iterations for earlier in stages[:number])
        network = build_network(stage, len(training.categories), len(training.alphabet) + 1)
        self._lessons: Lessons = TrainingNames(training, stage)
        self._learner: Learner
        if TutorialLearner.fits(stage, self._device):
            self._learner = TutorialLearner(network, training, stage)
        else:
            if stage.distillation:
                self._lessons = self._taught(stage, stage.distillation)
            elif self._init:
                self._lessons = RehearsedNames(self._init, training, stage)
                adopt(network, first_weights(self._init, training))
            self._learner = AutogradLearner(network, self._lessons, stage, self._device)
        self._validation = Validation(self._held_out, training, stage, self._device) if self._held_out else None
        self._history: dict[str, list[float]] = {part.name: [] for part in dataclasses.fields(History)}
        self._losses: list[torch.Tensor] = []  # of the names since the last point of the history
        self._latest: torch.Tensor | None = None  # of the last stretch
        self._best: dict[str, NDArray[np.float32]] | None = None

    def _taught(self, stage: TrainingConfig, by: Distillation) -> TaughtNames:
        training, blank = self._training, self._blank_model()
        networks = [
            dataclasses.replace(blank, training=teacher, weights=weights)
            for teacher, weights in zip(self.config.stages, self._teachers, strict=False)
        ]
        return TaughtNames(
            Mixture(networks, NGram.fit(training, by.ngram_order), by.ngram_share),
            stage,
            category_probabilities(training, stage),
            edge=training.alphabet.edge,
            limit=2 * int(training.lengths.max()),
        )

    def stretches(self) -> Iterator[NDArray[np.int64]]:
        """Go through the names that are left, for :meth:`advance`, a stretch at a time."""
        while self.iteration < self.config.iterations:
            done = self.iteration - self._stage_start
            yield from stretches(self._lessons, self._stage, done, self._learner.stretch)

    def advance(self, names: NDArray[np.int64]) -> None:
        """Learn from a stretch of names, and take the points of the history that fall due."""
        stage, before = self._stage, self.iteration - self._stage_start
        losses = self._learner.learn(names, before)
        self.iteration += len(names)
        after = before + len(names)
        self._losses.append(losses)
        self._latest = losses
        ended = after == stage.iterations
        due = after // stage.history_interval > before // stage.history_interval
        # So that the last point is no mean of a few names only, the one before it waits for the end where that is near.
        if ended or (due and stage.iterations - after >= stage.history_interval / 2):
            self._take_point()
        if self._validation:
            every = max(stage.iterations // _VALIDATIONS, self._validation.interval)
            if ended or after // every > before // every:
                self._validate(self._validation)
        if ended and self.iteration < self.config.iterations:
            self._teachers.append(self._weights(ended=True))
            self._begin_stage()

    def _take_point(self) -> None:
        loss = float(self._losses_so_far().mean())
        if not abs(loss) < _DIVERGED:
            raise self._diverged()
        self._history["iterations"].append(self.iteration)
        self._history["training"].append(loss)
        self._losses = []

    def _diverged(self) -> DivergedError:
        return DivergedError(
            f"the training loss has grown beyond all bounds after {self.iteration:,} iterations; "
            f"start over with --force and a lower --learning-rate than {self._stage.learning_rate:g}"
        )

    def _losses_so_far(self) -> NDArray[np.float64]:
        # Added up on the CPU, where there is double precision (not so on mps), and only when it is needed.
        return np.concatenate([np.zeros(0), *(losses.cpu().double().numpy() for losses in self._losses)])

    def _validate(self, validation: Validation) -> None:
        weights = self._weights(ended=False)
        loss = validation.loss(weights)
        if loss <= MAX_LOSS:  # not so if it is no number
            if loss < min(self._history["validation"], default=np.inf):
                self._best = weights
            self._history["validation_iterations"].append(self.iteration)
            self._history["validation"].append(loss)

    def progress(self) -> Progress:
        latest = self._latest
        return Progress(
            iteration=self.iteration,
            iterations=self.config.iterations,
            loss=next(reversed(self._history["training"]), None),
            validation_loss=next(reversed(self._history["validation"]), None),
            unsaved=self._unsaved or None,
            stage=self._stage_name(),
            last_loss=lambda: float(latest[-1]) if latest is not None else float("nan"),
            model=self.model,
        )

    def _stage_name(self) -> str:
        by = self.config.distillation
        if by is None:
            return ""
        number = len(self._teachers) + 1
        return f"teacher {number} of {by.teachers}" if number <= by.teachers else "taught"

    def _weights(self, *, ended: bool) -> dict[str, NDArray[np.float32]]:
        """Return the weights as they are, or the best ones of a stage that has ended.

        Raises:
            DivergedError: they are not finite.
        """
        weights = self._best if ended and self._best is not None else self._learner.weights()
        if not all(np.isfinite(weight).all() for weight in weights.values()):
            raise self._diverged()
        return weights

    def _blank_model(self) -> Model:
        """Return the model without what training adds to it."""
        return Model(
            training=self.config,
            **self._about_data,
            device=str(self._device),
            threads=self.threads,
            iterations=self.iteration,
            weights={},
            history=History(),
        )

    def model(self) -> Model:
        """Return the model as it is now, with its best weights once the run has ended."""
        history = {
            name: np.array(values, dtype=np.int64 if "iterations" in name else np.float64)
            for name, values in self._history.items()
        }
        return dataclasses.replace(
            self._blank_model(),
            weights=self._weights(ended=self.iteration == self.config.iterations),
            history=History(**history),  # type: ignore[arg-type]
        )

    def save(self, file: Path, *, last: bool) -> None:
        """Save the state of the run; if that fails the older one stays, and it matters only if this is the last chance.

        What has begun to diverge does not take the place of an older state, which is worth more.

        Raises:
            DivergedError: there is nothing in it that would be worth keeping.
            RunError: it cannot be saved, and it is the last chance.
        """
        if self._latest is not None and not abs(float(self._latest.mean())) < _DIVERGED:
            raise self._diverged()
        checkpoint = self.checkpoint()
        try:
            checkpoint.save(file)
        except NamegenError as error:
            self._unsaved = str(error)
            if last:
                kept = f"the run after {self._saved:,}, to go on from with --resume" if self._saved else "nothing"
                raise RunError(
                    f"stopped after {self.iteration:,} iterations, but {error}; what is saved is {kept}"
                ) from error
        else:
            self._saved, self._unsaved = self.iteration, ""

    def checkpoint(self) -> Checkpoint:
        """Return all that :meth:`restore` needs.

        Raises:
            DivergedError: not all of it is finite.
        """
        state = {f"learner.{name}": value for name, value in self._learner.state().items()}
        state["losses"] = self._losses_so_far()
        if self._best is not None:
            state |= {f"best.{name}": value for name, value in self._best.items()}
        for number, weights in enumerate(self._teachers):
            state |= {f"teacher{number}.{name}": value for name, value in weights.items()}
        if not all(np.isfinite(value).all() for value in state.values()):
            raise self._diverged()
        # Without the hashes of the training names, which the names give again: of millions they would take longer to
        # write than the training between two saves.
        return Checkpoint(dataclasses.replace(self.model(), name_hashes=np.zeros(0, np.uint64)), state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to a checkpoint."""
        model, state = checkpoint.model, checkpoint.state
        if model.fingerprint != self._about_data["fingerprint"]:
            raise UsageError(
                f"these are not the names that the run began with ({model.dataset}); give the same --data, "
                "or start over with --force"
            )
        try:
            self._adopt(model, state)
        except (KeyError, ValueError, RuntimeError) as error:
            raise ModelFileError(f"the checkpoint is damaged ({in_words(error)}); start over with --force") from error

    def _adopt(self, model: Model, state: dict[str, NDArray[Any]]) -> None:
        import torch

        from namegen.learners import checked

        self.iteration, stages = model.iterations, self.config.stages
        self._saved = self.iteration
        for number, stage in enumerate(stages[: stages.index(model.stage)]):
            teacher = _under(state, f"teacher{number}.")
            shapes = weight_shapes(stage, len(model.categories), len(model.alphabet) + 1)
            self._teachers.append({name: checked(teacher, name, shape) for name, shape in shapes.items()})
        self._begin_stage()
        self._history = {part.name: getattr(model.history, part.name).tolist() for part in dataclasses.fields(History)}
        self._losses = [torch.from_numpy(checked(state, "losses", (None,)))]
        self._learner.restore(_under(state, "learner."))
        if self._validation and self._history["validation"]:
            best, shapes = _under(state, "best."), {name: value.shape for name, value in model.weights.items()}
            self._best = {name: checked(best, name, shape) for name, shape in shapes.items()}


def _under(state: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}

"""Training: from a dataset and a configuration to a model.

:func:`train` prints nothing. It reports through a callback, asks another whether to stop, and if given a file keeps a
checkpoint there from which it can go on: a run that was interrupted and resumed ends in bit for bit the same model.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from namegen.batches import category_probabilities, lay_out, stretches
from namegen.errors import DeviceError, DivergedError, TrainingStopped, UsageError
from namegen.modelfile import MAX_THREADS, Checkpoint, History, Model, load_checkpoint
from namegen.recipes import RECIPES, TrainingConfig, training_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from namegen.dataset import Dataset
    from namegen.learners import Learner

_VALIDATIONS = 20  # in a run, at most
_MAX_VALIDATION_NAMES = 4096  # more would not make the estimate better by anything that shows
_VALIDATION_BATCH = 512
_DIVERGED = 1e4  # nats per letter; a network that knows nothing loses 4


@dataclass(frozen=True)
class Progress:
    """Where a training run is.

    Attributes:
        iteration: how many training names have been drawn.
        iterations: how many there will be.
        loss: the last training point of the loss history, in nats per letter; ``None`` before the first.
        validation_loss: the last validation point; ``None`` before the first, or without a validation part.
        last_loss: gives the mean letter loss of the name drawn last.
        model: gives the model as it is now.
    """

    iteration: int
    iterations: int
    loss: float | None
    validation_loss: float | None
    last_loss: Callable[[], float]
    model: Callable[[], Model]


Report: TypeAlias = "Callable[[Progress], None]"


def train(
    dataset: Dataset,
    config: TrainingConfig | None = None,
    *,
    device: str = "auto",
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
        config: what to do; by default the default recipe.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``; ``auto`` takes a GPU if there is one.
        threads: how many threads torch may use; by default what :func:`default_threads` says.
        checkpoint: the file that keeps the state of the run every ``config.save_every`` iterations and when it is
            stopped. Without it nothing is kept.
        resume: go on from ``checkpoint``, with its configuration (then give none) and number of threads.
        report: called at least every few hundred iterations.
        stop: asked as often whether to stop.
        parts: parts of the configuration to replace, as ``iterations=20_000``.

    Returns:
        The finished model. With a validation part its weights are those with the lowest validation loss.

    Raises:
        UsageError: the configuration makes no sense, or the names are not those of the run to be resumed.
        DeviceError: the device is not there.
        DivergedError: the loss is not a number any more.
        TrainingStopped: ``stop`` said so; the checkpoint is up to date.
    """
    import torch

    before = load_checkpoint(checkpoint) if resume and checkpoint else None
    if before:
        config = before.model.training
        threads = before.model.threads if threads is None else threads
    config = dataclasses.replace(config, **parts) if config else training_config(**parts)
    place = find_device(device)
    threads = default_threads(config) if threads is None else threads
    if not 1 <= threads <= MAX_THREADS:
        raise UsageError(f"threads must be a whole number from 1 to {MAX_THREADS:,}, not {threads}")
    threads_before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        with torch.random.fork_rng(devices=[]):
            run = _Run(dataset, config, place, threads)
            if before:
                run.restore(before)
            for names in stretches(run.training, config, run.iteration, run.learner.stretch):
                run.advance(names)
                due = run.iteration // config.save_every > (run.iteration - len(names)) // config.save_every
                stopping = run.iteration < config.iterations and stop()
                if checkpoint and run.iteration < config.iterations and (due or stopping):
                    run.checkpoint().save(checkpoint)
                report(run.progress())
                if stopping:
                    raise TrainingStopped(f"stopped after {run.iteration:,} of {config.iterations:,} iterations")
            return run.model()
    finally:
        torch.set_num_threads(threads_before)


def default_threads(config: TrainingConfig) -> int:
    """Return how many threads a run uses by default: a fixed rule, so that a run can be repeated.

    The matrices of a small network are too small to share out. Two threads train the default network a third faster
    where both have a processor to themselves, and several times slower where they have not, because each waits for the
    other at every matrix; so they are for networks at least twice as wide.
    """
    import os

    return min(2, os.cpu_count() or 1) if config.batch_size * config.hidden_size >= 2**15 else 1


def find_device(name: str) -> torch.device:
    """Return the torch device of that name; ``auto`` is a GPU if there is one, else the CPU.

    Raises:
        UsageError: no device has such a name.
        DeviceError: this machine has no such device.
    """
    import torch

    has_mps = torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu")
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (number and not (kind == "cuda" and number.isdecimal())):
        raise UsageError(f"no device is called {name!r}; use auto, cpu, cuda, cuda:N or mps")
    if kind == "mps" and not has_mps:
        raise DeviceError("torch finds no Apple GPU (mps) here; use --device cpu, or auto")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        there = f"only {torch.cuda.device_count()}" if torch.cuda.device_count() else "none"
        raise DeviceError(f"torch finds no device {name} here (CUDA devices: {there}); use --device cpu, or auto")
    return torch.device(name)


class _Run:
    """The state of a training run, and how it moves on."""

    def __init__(self, dataset: Dataset, config: TrainingConfig, device: torch.device, threads: int) -> None:
        from namegen.learners import AutogradLearner, TutorialLearner
        from namegen.networks import build_network

        self.config, self.threads, self._device = config, threads, device
        self.training, validation = dataset.split(config.validation)
        self._about_data: dict[str, Any] = {
            "alphabet": dataset.alphabet,
            "categories": dataset.categories,
            "counts": self.training.counts,
            "first_letter_counts": self.training.first_letter_counts,
            "longest": int(self.training.lengths.max()),
            "dataset": dataset.label,
            "dataset_verified": dataset.verified,
            "fingerprint": dataset.fingerprint,
            "name_hashes": np.unique(self.training.hashes),
        }
        self._network = build_network(config, len(dataset.categories), len(dataset.alphabet) + 1)
        self.learner: Learner = (
            TutorialLearner(self._network, self.training, config)
            if TutorialLearner.fits(config, device)
            else AutogradLearner(self._network, self.training, config, device)
        )
        self._validation = _Validation(validation, self.training, config, device) if validation else None
        self.iteration = 0
        self._history: dict[str, list[float]] = {part.name: [] for part in dataclasses.fields(History)}
        self._sum: float | torch.Tensor = 0.0  # of the losses since the last point of the history
        self._drawn = 0  # since then
        self._last: torch.Tensor | None = None
        self._best: dict[str, NDArray[np.float32]] | None = None

    def advance(self, names: NDArray[np.int64]) -> None:
        """Learn from a stretch of names, and take the points of the history that fall due."""
        config, before = self.config, self.iteration
        losses = self.learner.learn(names, before)
        self.iteration += len(names)
        self._sum = self._sum + losses.double().sum()
        self._drawn += len(names)
        self._last = losses[-1]
        ended = self.iteration == config.iterations
        if ended or self.iteration // config.history_interval > before // config.history_interval:
            self._take_point()
        if self._validation:
            every = max(config.iterations // _VALIDATIONS, self._validation.interval)
            if ended or self.iteration // every > before // every:
                self._validate(self._validation)

    def _take_point(self) -> None:
        loss = float(self._sum) / self._drawn
        if not abs(loss) < _DIVERGED:
            raise DivergedError(
                f"the training loss has grown beyond all bounds after {self.iteration:,} iterations; "
                f"use a lower --learning-rate than {self.config.learning_rate:g}"
            )
        self._history["iterations"].append(self.iteration)
        self._history["training"].append(loss)
        self._sum, self._drawn = 0.0, 0

    def _validate(self, validation: _Validation) -> None:
        weights = self.learner.weights()
        loss = validation.loss(weights)
        if np.isfinite(loss):
            if loss < min(self._history["validation"], default=np.inf):
                self._best = weights
            self._history["validation_iterations"].append(self.iteration)
            self._history["validation"].append(loss)

    def progress(self) -> Progress:
        last = self._last
        return Progress(
            iteration=self.iteration,
            iterations=self.config.iterations,
            loss=next(reversed(self._history["training"]), None),
            validation_loss=next(reversed(self._history["validation"]), None),
            last_loss=lambda: float(last) if last is not None else float("nan"),
            model=self.model,
        )

    def model(self) -> Model:
        """Return the model as it is now, with its best weights once the run has ended."""
        ended = self.iteration == self.config.iterations
        return Model(
            training=self.config,
            sampling=RECIPES.get(self.config.recipe, RECIPES["default"]).sampling,
            **self._about_data,
            device=str(self._device),
            threads=self.threads,
            iterations=self.iteration,
            weights=self._best if ended and self._best is not None else self.learner.weights(),
            history=History(
                **{  # type: ignore[arg-type]
                    name: np.array(values, dtype=np.int64 if "iterations" in name else np.float64)
                    for name, values in self._history.items()
                }
            ),
        )

    def checkpoint(self) -> Checkpoint:
        """Return all that :meth:`restore` needs."""
        state = {f"learner.{name}": value for name, value in self.learner.state().items()}
        state["since_last_point"] = np.array([float(self._sum), self._drawn])
        if self._best is not None:
            state |= {f"best.{name}": value for name, value in self._best.items()}
        return Checkpoint(self.model(), state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to a checkpoint."""
        model, state = checkpoint.model, checkpoint.state
        if model.fingerprint != self._about_data["fingerprint"]:
            raise UsageError(
                f"these are not the names that the run began with ({model.dataset}); give the same --data, "
                "or start over with --force"
            )
        self.iteration = model.iterations
        self._history = {part.name: getattr(model.history, part.name).tolist() for part in dataclasses.fields(History)}
        self._sum, self._drawn = float(state["since_last_point"][0]), int(state["since_last_point"][1])
        self._best = _under(state, "best.") or None
        self.learner.restore(_under(state, "learner."))


class _Validation:
    """Measures the loss on the held-out names, as an estimate of the same mean as the training loss.

    Each category counts with the probability that training draws from it, so the two curves can be compared.
    """

    def __init__(self, held_out: Dataset, training: Dataset, config: TrainingConfig, device: torch.device) -> None:
        from namegen.networks import build_network

        self._network = build_network(config, len(training.categories), len(training.alphabet) + 1).to(device).eval()
        self._config, self._device, self._dataset = config, device, held_out
        names = np.argsort(held_out.hashes, kind="stable")[:_MAX_VALIDATION_NAMES]
        self._names = names[np.argsort(held_out.lengths[names], kind="stable")]
        category = held_out.category_of[self._names]
        counts = np.bincount(category, minlength=len(held_out.categories))
        weights = (category_probabilities(training, config) / np.maximum(counts, 1))[category]
        self._weights = weights / weights.sum()
        self.interval = 2 * len(names)  # training names to a validation at least, so that it takes a sixth of the time

    def loss(self, weights: dict[str, NDArray[np.float32]]) -> float:
        """Return the mean letter loss with these weights, without dropout, in nats."""
        import torch

        from namegen.learners import letter_losses, name_losses, on_device

        with torch.no_grad():
            for name, parameter in self._network.named_parameters():
                parameter.copy_(torch.from_numpy(weights[name]))
            losses = []
            for begin in range(0, len(self._names), _VALIDATION_BATCH):
                batch = lay_out(self._dataset, self._names[begin : begin + _VALIDATION_BATCH], sos=self._config.sos)
                category, inputs, targets = on_device(batch, self._device)
                logits, _ = self._network(category, inputs)
                losses.append(name_losses(letter_losses(logits, targets), targets, sos=self._config.sos))
            return float(torch.cat(losses).cpu().double().numpy() @ self._weights)


def _under(state: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}

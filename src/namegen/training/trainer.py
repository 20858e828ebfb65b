"""Train one network: its batches, its loss history, and the loss on held-out names.

A run trains one network or, with distillation, several in turn; each is a stage of the run.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen.errors import DivergedError
from namegen.models.model import MAX_LOSS, History
from namegen.training.batches import build_batch, category_probabilities, iter_stretches

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from numpy.typing import NDArray

    from namegen.config import TrainingConfig
    from namegen.datasets.dataset import Dataset
    from namegen.models.networks import Network
    from namegen.training.batches import BatchSource
    from namegen.training.distributed import Ranks

    Weights = dict[str, NDArray[np.float32]]
    from numpy.typing import NDArray


_VALIDATIONS = 20  # in a stage, at most


_DIVERGED = 100.0  # nats per letter; a network that knows nothing loses 4


class Stage:
    """The training of one network.

    Args:
        config: its configuration.
        start: how many names the run had drawn before.
        network: the network, as it is to begin.
        lessons: what it learns from.
        training: the names of the training part.
        held_out: those to measure the loss on, if there are any.
        device: where the arithmetic runs.
        ranks: the processes that train it together. Whatever they do here, they must all do.

    Attributes:
        iteration: how many names the run has drawn by now.
    """

    def __init__(
        self,
        config: TrainingConfig,
        start: int,
        network: Network,
        lessons: BatchSource,
        training: Dataset,
        held_out: Dataset | None,
        device: torch.device,
        ranks: Ranks,
    ) -> None:
        from namegen.training.optimize import AutogradLearner, Learner, TutorialLearner

        self._config, self._start, self.iteration = config, start, start
        self._lessons, self._ranks = lessons, ranks
        self._learner: Learner
        if TutorialLearner.fits(config, device):
            self._learner = TutorialLearner(network, training, config)
        else:
            self._learner = AutogradLearner(network, lessons, config, device, ranks)
        self._validation = Validation(held_out, training, config, device) if held_out else None
        self._history: dict[str, list[float]] = {part.name: [] for part in dataclasses.fields(History)}
        # Of the names that are dealt to this rank, for each stretch since the last point of the history.
        self._losses: list[torch.Tensor] = []
        self._latest: torch.Tensor | None = None  # of those of the last stretch
        self._best: Weights | None = None

    @property
    def ended(self) -> bool:
        """Whether all of its names have been drawn."""
        return self.iteration - self._start == self._config.iterations

    @property
    def history(self) -> History:
        """How the loss went in this stage."""
        return History(
            **{
                name: np.array(values, dtype=np.int64 if "iterations" in name else np.float64)  # type: ignore[arg-type]
                for name, values in self._history.items()
            }
        )

    @property
    def loss(self) -> float | None:
        """The last training point of the history; ``None`` before the first."""
        return next(reversed(self._history["training"]), None)

    @property
    def validation_loss(self) -> float | None:
        """The last validation point; ``None`` before the first."""
        return next(reversed(self._history["validation"]), None)

    @property
    def latest(self) -> torch.Tensor | None:
        """The mean letter losses of this rank's names of the last stretch, (names,); ``None`` before the first."""
        return self._latest

    def stretches(self) -> Iterator[NDArray[np.int64]]:
        """Go through the names that are left, for :meth:`advance`, a stretch at a time."""
        return iter_stretches(self._lessons, self._config, self.iteration - self._start, self._learner.stretch)

    def advance(self, names: NDArray[np.int64]) -> None:
        """Learn from a stretch of names, and take the points of the history that fall due.

        Raises:
            DivergedError: the loss or a weight has grown beyond all bounds.
        """
        config, before = self._config, self.iteration - self._start
        losses = self._learner.learn(names, before)
        self.iteration += len(names)
        after = before + len(names)
        self._losses.append(losses)
        self._latest = losses
        due = after // config.history_interval > before // config.history_interval
        # So that the last point is no mean of a few names only, the one before it waits for the end where that is near.
        if self.ended or (due and config.iterations - after >= config.history_interval / 2):
            self._take_point()
        if self._validation:
            every = max(config.iterations // _VALIDATIONS, self._validation.interval)
            if self.ended or after // every > before // every:
                self._validate(self._validation)

    def _take_point(self) -> None:
        loss = float(self._collected(self._losses).mean())
        if not abs(loss) < _DIVERGED:
            raise self._diverged()
        self._history["iterations"].append(self.iteration)
        self._history["training"].append(loss)
        self._losses = []

    def _diverged(self) -> DivergedError:
        return DivergedError(
            f"the training loss has grown beyond all bounds after {self.iteration:,} iterations; "
            f"start over with --force and a lower --learning-rate than {self._config.learning_rate:g}"
        )

    def _collected(self, stretches: list[torch.Tensor]) -> NDArray[np.float64]:
        """Return the losses of all names of some stretches, (names,)."""
        # Added up on the CPU, where there is double precision (not so on mps), and only when it is needed.
        own = [losses.cpu().double().numpy() for losses in stretches]
        return np.concatenate([np.zeros(0), *self._ranks.collect(own)])

    def _validate(self, validation: Validation) -> None:
        weights = self._finite(self._learner.weights())
        loss = self._ranks.of_first(lambda: validation.loss(weights))
        if loss <= MAX_LOSS:  # not so if it is no number
            if loss < min(self._history["validation"], default=np.inf):
                self._best = weights
            self._history["validation_iterations"].append(self.iteration)
            self._history["validation"].append(loss)

    def weights(self) -> Weights:
        """Return the weights as they are, or the best ones once the stage has ended.

        Raises:
            DivergedError: they are not finite.
        """
        return self._finite(self._best if self.ended and self._best is not None else self._learner.weights())

    def _finite(self, values: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        if not all(np.isfinite(value).all() for value in values.values()):
            raise self._diverged()
        return values

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what :meth:`restore` needs besides the history.

        Raises:
            DivergedError: it is worth nothing: the loss has grown beyond all bounds, or not all of it is finite.
        """
        if self._latest is not None and not abs(float(self._collected([self._latest]).mean())) < _DIVERGED:
            raise self._diverged()
        state = {f"learner.{name}": value for name, value in self._learner.state().items()}
        state["losses"] = self._collected(self._losses)
        if self._best is not None:
            state |= {f"best.{name}": value for name, value in self._best.items()}
        return self._finite(state)

    def restore(self, iteration: int, history: History, state: dict[str, NDArray[Any]]) -> None:
        """Go on from where :meth:`state` was called.

        Args:
            iteration: how many names the run had drawn.
            history: what :attr:`history` was.
            state: what :meth:`state` returned, and perhaps more.

        Raises:
            KeyError, ValueError: it is no such state.
        """
        import torch

        from namegen.training.optimize import check_array

        self.iteration = iteration
        self._history = {part.name: getattr(history, part.name).tolist() for part in dataclasses.fields(History)}
        self._losses = [torch.from_numpy(check_array(state, "losses", (None,))[self._ranks.share])]
        self._learner.restore(select_prefix(state, "learner."))
        if self._validation and self._history["validation"]:
            best, shapes = (
                select_prefix(state, "best."),
                {name: value.shape for name, value in self._learner.weights().items()},
            )
            self._best = {name: check_array(best, name, shape) for name, shape in shapes.items()}


def select_prefix(state: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of a saved state whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


_MAX_NAMES = 4096  # more would not make the estimate better by anything that shows


_NAMES_AT_A_TIME = 512


class Validation:
    """Measures the loss on the held-out names, as an estimate of the same mean as the training loss.

    Each category counts with the probability that training draws from it, so the two curves can be compared.

    Attributes:
        interval: how many training names there should be to a measurement at least, so that most time goes into
            training.
    """

    def __init__(self, held_out: Dataset, training: Dataset, config: TrainingConfig, device: torch.device) -> None:
        from namegen.models.networks import build_network

        self._network = build_network(config, len(training.categories), len(training.alphabet) + 1).to(device).eval()
        self._config, self._device, self._dataset = config, device, held_out
        names = np.argsort(held_out.hashes, kind="stable")[:_MAX_NAMES]
        self._names = names[np.argsort(held_out.lengths[names], kind="stable")]
        category = held_out.category_of[self._names]
        counts = np.bincount(category, minlength=len(held_out.categories))
        weights = (category_probabilities(training, config) / np.maximum(counts, 1))[category]
        self._weights = weights / weights.sum()
        self.interval = 2 * len(names)

    def loss(self, weights: dict[str, NDArray[np.float32]]) -> float:
        """Return the mean letter loss with these weights, without dropout, in nats."""
        import torch

        from namegen.models.networks import load_weights
        from namegen.training.optimize import letter_losses, name_losses, on_device

        load_weights(self._network, weights)
        with torch.no_grad():
            losses = []
            for begin in range(0, len(self._names), _NAMES_AT_A_TIME):
                batch = build_batch(self._dataset, self._names[begin : begin + _NAMES_AT_A_TIME], sos=self._config.sos)
                category, inputs, targets = on_device(batch, self._device)
                logits, _ = self._network(category, inputs)
                losses.append(name_losses(letter_losses(logits, targets), targets, sos=self._config.sos))
            return float(torch.cat(losses).cpu().double().numpy() @ self._weights)

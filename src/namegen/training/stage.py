"""Train one network: its batches, its loss history, and the loss on held-out names."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

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
    from namegen.training.distributed import ProcessGroup

    Targets = Literal["names", "teachers", "names and base model"]
    State = dict[str, NDArray[Any]]
    Weights = dict[str, NDArray[np.float32]]


_MAX_VALIDATIONS = 20  # in a stage
_MAX_TRAINING_LOSS = 100.0  # nats per letter; a network of random weights has about 4
_MAX_VALIDATION_NAMES = 4096  # more would hardly make the estimate better
_NAMES_PER_BATCH = 512


class Stage:
    """The training of one network. All processes of the group must call the same methods.

    Attributes:
        iteration: the number of iterations of the run so far.
        history: the loss history of the stage.
        latest: the mean letter loss of each name of the last stretch that this process has, (names,); ``None`` before
            the first stretch.
    """

    def __init__(
        self,
        config: TrainingConfig,
        start: int,
        network: Network,
        source: BatchSource,
        training: Dataset,
        held_out: Dataset | None,
        device: torch.device,
        group: ProcessGroup,
        *,
        new_letters: int = 0,
    ) -> None:
        from namegen.training.optimize import AutogradLearner, TutorialLearner

        self._config, self._start, self.iteration = config, start, start
        self._source, self._group = source, group
        self._learner: AutogradLearner | TutorialLearner
        if TutorialLearner.supports(config, device):
            self._learner = TutorialLearner(network, training, config)
        else:
            self._learner = AutogradLearner(network, source, config, device, group, new_letters=new_letters)
        self._validation = Validation(held_out, training, config, device) if held_out else None
        self.history = History()
        self._losses: list[torch.Tensor] = []  # one for each stretch since the last point of the history
        self.latest: torch.Tensor | None = None
        self._best: Weights | None = None

    @property
    def is_finished(self) -> bool:
        """True once all iterations of the stage are done."""
        return self.iteration - self._start == self._config.iterations

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last optimiser step, or of the first one before it."""
        from namegen.training.optimize import learning_rate

        done = self.iteration - self._start
        return learning_rate(self._config, max(0, done - 1) // self._config.batch_size)

    @property
    def targets(self) -> Targets:
        """The targets that training losses are measured against."""
        if self._config.distillation:
            return "teachers"
        return "names and base model" if self._config.init else "names"

    def run(self) -> Iterator[int]:
        """Train on the remaining names; yield the number of names of each stretch after it."""
        config = self._config
        for names in iter_stretches(self._source, config, self.iteration - self._start, self._learner.stretch):
            before = self.iteration - self._start
            after = before + len(names)
            self.latest = self._learner.learn(names, before)
            self._losses.append(self.latest)
            self.iteration += len(names)
            is_due = after // config.history_interval > before // config.history_interval
            # A point shortly before the end is left out, so that the last one is not the mean of a few names.
            if self.is_finished or (is_due and config.iterations - after >= config.history_interval / 2):
                self.history = dataclasses.replace(
                    self.history,
                    iterations=np.append(self.history.iterations, self.iteration),
                    training=np.append(self.history.training, self._check_loss(self._losses)),
                )
                self._losses = []
            if self._validation:
                interval = max(config.iterations // _MAX_VALIDATIONS, self._validation.interval)
                if self.is_finished or after // interval > before // interval:
                    self._validate(self._validation)
            yield len(names)

    def _check_loss(self, stretches: list[torch.Tensor]) -> float:
        """Return the mean loss of the names of some stretches; raise `DivergedError` if it is far too large."""
        loss = float(self._gather_losses(stretches).mean())
        if not abs(loss) < _MAX_TRAINING_LOSS:
            raise self._diverged()
        return loss

    def _diverged(self) -> DivergedError:
        return DivergedError(
            f"the training loss diverged after {self.iteration:,} iterations; "
            f"start over with --force and a lower --learning-rate than {self._config.learning_rate:g}"
        )

    def _gather_losses(self, stretches: list[torch.Tensor]) -> NDArray[np.float64]:
        """Return the losses of all names of some stretches, (names,)."""
        own = [losses.cpu().double().numpy() for losses in stretches]  # mps has no double precision
        return np.concatenate([np.zeros(0), *self._group.gather(own)])

    def _validate(self, validation: Validation) -> None:
        weights = self._check_finite(self._learner.weights())
        loss = self._group.on_rank_zero(lambda: validation.loss(weights))
        if loss <= MAX_LOSS:  # False for NaN
            if loss < self.history.validation.min(initial=np.inf):
                self._best = weights
            self.history = dataclasses.replace(
                self.history,
                validation_iterations=np.append(self.history.validation_iterations, self.iteration),
                validation=np.append(self.history.validation, loss),
            )

    def weights(self) -> Weights:
        """Return the present weights, or those with the lowest validation loss once the stage is finished."""
        return self._check_finite(self._best if self.is_finished and self._best else self._learner.weights())

    def _check_finite(self, values: State) -> State:
        if not all(np.isfinite(value).all() for value in values.values()):
            raise self._diverged()
        return values

    def state(self) -> State:
        """Return the state for :meth:`restore`; raise `DivergedError` if the training has diverged."""
        if self.latest is not None:
            self._check_loss([self.latest])
        state = {f"learner.{name}": value for name, value in self._learner.state().items()}
        state["losses"] = self._gather_losses(self._losses)
        if self._best is not None:
            state |= {f"best.{name}": value for name, value in self._best.items()}
        return self._check_finite(state)

    def restore(self, iteration: int, history: History, state: State) -> None:
        """Return to the point where :meth:`state` was called; raise ``KeyError`` or ``ValueError`` if it is damaged."""
        import torch

        self.iteration, self.history = iteration, history
        losses = check_array(state, "losses", (state["losses"].size,))
        self._losses = [torch.from_numpy(losses[self._group.share])]
        self._learner.restore(select_prefix(state, "learner."))
        if self._validation and len(history.validation):
            best = select_prefix(state, "best.")
            self._best = {name: check_array(best, name, w.shape) for name, w in self._learner.weights().items()}


def select_prefix(state: State, prefix: str) -> State:
    """Return the arrays whose names begin with a prefix, under their names without it."""
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def check_array(state: State, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return an array of a saved state; raise ``KeyError`` or ``ValueError`` if it is missing or damaged."""
    array = state[name]
    if array.shape != shape or array.dtype.kind != "f" or not np.isfinite(array).all():
        raise ValueError(f"{name} is {array.dtype} {list(array.shape)}, or not finite")
    return array


class Validation:
    """The loss on held-out names, in which each category has the weight of its probability in training.

    Attributes:
        interval: the fewest iterations between two measurements, so that most of the time goes into training.
    """

    def __init__(self, held_out: Dataset, training: Dataset, config: TrainingConfig, device: torch.device) -> None:
        from namegen.models.networks import build_network

        self._network = build_network(config, len(training.categories), len(training.alphabet) + 1).to(device).eval()
        self._config, self._device, self._dataset = config, device, held_out
        names = np.argsort(held_out.hashes, kind="stable")[:_MAX_VALIDATION_NAMES]
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
        from namegen.training.losses import letter_losses, name_losses, to_tensors

        load_weights(self._network, weights)
        with torch.no_grad():
            losses = []
            for begin in range(0, len(self._names), _NAMES_PER_BATCH):
                batch = build_batch(self._dataset, self._names[begin : begin + _NAMES_PER_BATCH], sos=self._config.sos)
                category, inputs, targets = to_tensors(batch, self._device)
                logits, _ = self._network(category, inputs)
                losses.append(name_losses(letter_losses(logits, targets), targets, sos=self._config.sos))
            return float(torch.cat(losses).cpu().double().numpy() @ self._weights)

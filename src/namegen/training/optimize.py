"""One optimiser step after another: how a network learns from the names it is given.

:class:`AutogradLearner` does what every configuration asks for, on any device: autograd, and AdamW or plain SGD.
:class:`TutorialLearner` is for exactly the tutorial's recipe on the CPU, where each step is so small that autograd
costs far more than the arithmetic: it has the gradient of a name in closed form.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import torch
from torch.optim.adamw import adamw

from namegen.models.architectures import find_architecture
from namegen.training.batches import IGNORED, Batch
from namegen.training.distributed import ALONE, connected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from namegen.config import TrainingConfig
    from namegen.datasets.dataset import Dataset
    from namegen.models.networks import Network
    from namegen.training.batches import BatchSource
    from namegen.training.distributed import Ranks

    Floats = NDArray[np.float32]


_DROPOUT_STREAM = 1  # the second word of the seeds of dropout masks; batches.py uses 0 for the names


class Learner(Protocol):
    """What turns names into better weights."""

    stretch: int
    """The most names that it wants at a time."""

    def learn(self, names: NDArray[np.int64], start: int) -> torch.Tensor:
        """Learn from whole batches of names.

        Args:
            names: their numbers, (names,) int64.
            start: the number of names learned from before.

        Returns:
            The mean letter loss of each name, in nats, before it was learned from, (names,) floats on the device. Where
            several ranks learn together, those of the names that are dealt to this one.
        """
        ...

    def weights(self) -> dict[str, Floats]:
        """Return the parameters to draw names with: the averaged ones where there is an average."""
        ...

    def state(self) -> dict[str, NDArray[Any]]:
        """Return everything that :meth:`restore` needs."""
        ...

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go back to what :meth:`state` returned.

        Raises:
            KeyError, ValueError: it is not such a state.
        """
        ...


def check_array(state: dict[str, NDArray[Any]], name: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """Return an array of a saved state, if it is there, of this shape (``None``: any length), and finite.

    Raises:
        KeyError: it is not there.
        ValueError: it is something else.
    """
    array = state[name]
    fits = len(shape) == array.ndim and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
    if not fits or array.dtype.kind != "f" or not np.isfinite(array).all():
        raise ValueError(f"{name} is {array.dtype} {list(array.shape)}, or not finite")
    return array


def letter_losses(
    logits: torch.Tensor, targets: torch.Tensor, soft_targets: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the negative log-likelihood of every target, (names, length); 0 where it is ``IGNORED``.

    Args:
        logits: (names, length, outputs).
        targets: (names, length).
        soft_targets: how probable each output should be, as :attr:`Batch.soft_targets`; then it is the cross-entropy.
    """
    cross_entropy, flat = torch.nn.functional.cross_entropy, logits.flatten(0, 1)
    if soft_targets is None:
        losses = cross_entropy(flat, targets.flatten(), ignore_index=IGNORED, reduction="none")
    else:
        losses = cross_entropy(flat, soft_targets.flatten(0, 1), reduction="none")
    return losses.view(targets.shape)


def name_losses(letters: torch.Tensor, targets: torch.Tensor, *, sos: bool) -> torch.Tensor:
    """Return each name's mean letter loss, (names,), from the losses of its letters, (names, length).

    The first letter does not count, so that networks with and without an SOS token can be compared.
    """
    counted = targets != IGNORED
    if sos:
        letters, counted = (values.narrow(1, 1, values.shape[1] - 1) for values in (letters, counted))
    return letters.sum(dim=1) / counted.sum(dim=1)


def on_device(batch: Batch, device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return a batch's category, inputs and targets as tensors on a device."""
    category, inputs, targets = (
        torch.from_numpy(array).to(device) for array in (batch.category, batch.inputs, batch.targets)
    )
    return category, inputs, targets


class AutogradLearner:
    """Minibatches, autograd, and AdamW or SGD; on any device.

    The gradient is that of the names' summed letter losses, averaged over the batch. Dropout masks are a function of
    the seed, the number of names before and the rank, so they need no saving.
    """

    def __init__(
        self,
        network: Network,
        lessons: BatchSource,
        config: TrainingConfig,
        device: torch.device,
        ranks: Ranks = ALONE,
    ) -> None:
        self._network = network.to(device).train()
        self._ranks, self._shared_network = ranks, ranks.wrap(self._network, device)
        self._lessons, self._config, self._device = lessons, config, device
        self._parameters: list[torch.Tensor] = list(self._network.parameters())
        self._average = [p.detach().clone() for p in self._parameters] if config.averaging else []
        self._fused = device.type in ("cpu", "cuda")  # one pass over the memory
        where = device if self._fused else torch.device("cpu")
        self._moments = _Moments.zeros(self._parameters, where) if config.optimiser == "adamw" else None
        self._groups = _groups(self._network, config)
        self.stretch = config.batch_size

    def learn(self, names: NDArray[np.int64], start: int) -> torch.Tensor:
        """See :meth:`Learner.learn`."""
        size = self._config.batch_size
        return torch.cat([self._step(names[i : i + size], start + i) for i in range(0, len(names), size)])

    def _step(self, names: NDArray[np.int64], start: int) -> torch.Tensor:
        config = self._config
        words = np.random.SeedSequence([config.seed, _DROPOUT_STREAM, start], spawn_key=self._ranks.spawn_key)
        seed = words.generate_state(1, np.uint64)
        if self._device.type == "cpu":
            torch.default_generator.manual_seed(int(seed[0] >> np.uint64(1)))
        else:
            torch.manual_seed(int(seed[0] >> np.uint64(1)))  # that of every device; it takes half a millisecond
        batch = self._lessons.build_batch(names)
        if not self._ranks.alone:
            batch = batch.of(self._ranks.share)
        category, inputs, targets = on_device(batch, self._device)
        soft = None if batch.soft_targets is None else torch.from_numpy(batch.soft_targets).to(self._device)
        for parameter in self._parameters:
            parameter.grad = None
        with connected():
            logits, _ = self._shared_network(category, inputs)
            losses = letter_losses(logits, targets, soft)
            # All ranks together have so many names, and the gradient that comes out is the mean of theirs.
            (losses.sum() / (len(names) / self._ranks.world)).backward()  # type: ignore[no-untyped-call]
        if config.clip is not None:
            torch.nn.utils.clip_grad_norm_(self._parameters, config.clip)
        step = start // config.batch_size
        with torch.no_grad():
            self._descend(learning_rate(config, step))
            if self._average:
                # Until the average has seen enough steps for its decay, it is a mean over those it has seen.
                decay = min(config.averaging, (1 + step) / (10 + step))
                torch._foreach_lerp_(self._average, self._parameters, 1 - decay)
        return name_losses(losses.detach(), targets, sos=config.sos)

    def _descend(self, rate: float) -> None:
        """Take the optimiser's step: plain SGD, or AdamW (Loshchilov and Hutter 2019), its betas and eps torch's own.

        These are torch's own functions, without its optimiser objects: to make one of those imports torch's compiler,
        which takes a second.
        """
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in self._parameters]
        if self._moments is None:
            for group, share in self._groups:
                parameters = [self._parameters[index] for index in group]
                torch._foreach_add_(parameters, [gradients[index] for index in group], alpha=-rate * share)
            return
        for group, share in self._groups:
            adamw(
                [self._parameters[index] for index in group],
                [gradients[index] for index in group],
                [self._moments.exp_avg[index] for index in group],
                [self._moments.exp_avg_sq[index] for index in group],
                [],
                [self._moments.step[index] for index in group],
                fused=self._fused,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=rate * share,
                weight_decay=self._config.weight_decay,
                eps=1e-8,
                maximize=False,
            )

    def weights(self) -> dict[str, Floats]:
        """See :meth:`Learner.weights`."""
        values = self._average or self._parameters
        return {name: _array(value) for (name, _), value in zip(self._network.named_parameters(), values, strict=True)}

    def state(self) -> dict[str, NDArray[Any]]:
        """See :meth:`Learner.state`."""
        return {name: _array(value) for name, value, _ in self._tensors()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """See :meth:`Learner.restore`."""
        with torch.no_grad():
            for name, value, shape in self._tensors():
                value.copy_(torch.from_numpy(check_array(state, name, shape)))

    def _tensors(self) -> Iterator[tuple[str, torch.Tensor, tuple[int, ...]]]:
        """Go through all that changes from step to step, with its name and shape in a saved state."""
        for index, (name, parameter) in enumerate(self._network.named_parameters()):
            shape = tuple(parameter.shape)
            yield f"parameter.{name}", parameter, shape
            if self._average:
                yield f"average.{name}", self._average[index], shape
            if self._moments:
                for key, values in self._moments._asdict().items():
                    yield f"optimiser.{key}.{name}", values[index], tuple(values[index].shape)


def _groups(network: Network, config: TrainingConfig) -> list[tuple[list[int], float]]:
    """Return which parameters learn at which share of the learning rate, by their indices."""
    names = [name for name, _ in network.named_parameters()]
    if config.shared_rate == 1:
        return [(list(range(len(names))), 1.0)]
    vectors = find_architecture(config).category_axes
    own = [index for index, name in enumerate(names) if name in vectors]
    shared = [index for index in range(len(names)) if index not in own]
    return [(own, 1.0), (shared, config.shared_rate)]


class _Moments(NamedTuple):
    """AdamW's running means of the gradients and of their squares, and its steps, a tensor for each parameter."""

    exp_avg: list[torch.Tensor]
    exp_avg_sq: list[torch.Tensor]
    step: list[torch.Tensor]

    @classmethod
    def zeros(cls, parameters: list[torch.Tensor], where: torch.device) -> _Moments:
        """Return them as they are before the first step, with the steps counted on a device."""
        return cls(
            [torch.zeros_like(parameter, requires_grad=False) for parameter in parameters],
            [torch.zeros_like(parameter, requires_grad=False) for parameter in parameters],
            [torch.zeros((), device=where) for _ in parameters],
        )


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Return the learning rate of a step, counted from 0.

    ``cosine`` is a linear warm-up and then half a cosine down to 0 (Loshchilov and Hutter 2017, "SGDR: Stochastic
    Gradient Descent with Warm Restarts", without the restarts).
    """
    if config.schedule == "constant":
        return config.learning_rate
    steps = -(-config.iterations // config.batch_size)
    warm = config.warmup * steps
    if step + 1 < warm:
        return config.learning_rate * (step + 1) / warm
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * max(0.0, step - warm) / max(1.0, steps - warm)))


class TutorialLearner:
    """The tutorial's update, one name at a time, with its gradient in closed form; on the CPU, in numpy.

    The recurrence is linear, so all but the product of one hidden state with the weights for the next is a matrix
    product over the whole name. With T letters, C categories, H hidden units, O outputs, and i2h and i2o side by side
    in one matrix S, the forward pass is::

        read_t   = (one-hot category, one-hot letter_t, hidden_t-1, 1)        C + O + H + 1
        made_t   = read_t S        = (hidden_t, what i2o makes)               H + O
        output_t = (made_t, 1) V                                              O

    and the backward pass, with d for the gradient of the name's loss with respect to what follows it::

        d output_t = mask_t * (softmax(mask_t * output_t) - one-hot target_t)
        d made_t   = V d output_t, to whose hidden part comes S_hidden d made_t+1
        d V        = sum over t of (made_t, 1) x d output_t
        d S        = sum over t of read_t x d made_t
    """

    stretch = 500

    def __init__(self, network: Network, dataset: Dataset, config: TrainingConfig) -> None:
        self._dataset, self._config = dataset, config
        self._hidden_row, self._hidden = len(dataset.categories) + len(dataset.alphabet) + 1, config.hidden_size
        self._adopt({name: _array(value) for name, value in network.named_parameters()})

    @staticmethod
    def fits(config: TrainingConfig, device: torch.device) -> bool:
        """Whether a configuration is one that the closed form is for."""
        part = (config.architecture, config.nonlinearity, config.sos, config.optimiser, config.schedule)
        return (
            device.type == "cpu"
            and part == ("rnn", "none", False, "sgd", "constant")
            and (config.batch_size, config.clip, config.averaging) == (1, None, 0.0)
        )

    def learn(self, names: NDArray[np.int64], start: int) -> torch.Tensor:
        """See :meth:`Learner.learn`."""
        dataset, boundary_id = self._dataset, self._dataset.alphabet.boundary_id
        category = dataset.category_of[names].tolist()
        begin, end = dataset.offsets[names].tolist(), dataset.offsets[names + 1].tolist()
        letters = [
            np.append(dataset.letters[b:e], boundary_id).astype(np.intp) for b, e in zip(begin, end, strict=True)
        ]
        keep = np.float32(1.0 - self._config.dropout)
        rng = np.random.default_rng([self._config.seed, _DROPOUT_STREAM, start])
        shape = (int(dataset.lengths[names].sum()), len(dataset.alphabet) + 1)
        masks = (rng.random(shape, dtype=np.float32) < keep) / keep
        losses = np.empty(len(names))
        begin_of_name = 0
        with np.errstate(over="ignore", invalid="ignore"):  # a diverging loss is found in the history
            for index, name in enumerate(letters):
                length = len(name) - 1
                losses[index] = self.update(
                    category[index], name[:-1], name[1:], masks[begin_of_name : begin_of_name + length]
                )
                begin_of_name += length
        return torch.from_numpy(losses)

    def update(self, category: int, letters: NDArray[np.intp], targets: NDArray[np.intp], mask: Floats) -> float:
        """Take one step of gradient descent on the summed losses of one name's letters.

        Args:
            category: the index of its category.
            letters: what the network reads, (T,).
            targets: what it should say, (T,).
            mask: what each output is multiplied by, (T, O) float32: 0, or 1 over the share that stays.

        Returns:
            The mean loss of its letters, in nats.
        """
        from_read, from_made = self._from_read, self._from_made  # S and V
        units, length, each = self._hidden, len(letters), np.arange(len(letters))
        letter_rows = letters + len(self._dataset.categories)
        recurrent = from_read[self._hidden_row : -1]

        made = np.ones((length, len(from_made)), dtype=np.float32)
        made[:, :-1] = from_read[letter_rows] + (from_read[category] + from_read[-1])
        hidden = made[:, :units]
        to_hidden = recurrent[:, :units]
        for t in range(1, length):
            hidden[t] += hidden[t - 1] @ to_hidden
        made[1:, units:-1] += hidden[:-1] @ recurrent[:, units:]
        output = made @ from_made
        output *= mask

        output -= output.max(axis=1, keepdims=True)
        likelihood = np.exp(output)
        total = likelihood.sum(axis=1)
        loss = float(np.log(total).sum() - output[each, targets].sum()) / length

        d_output = likelihood / total[:, None]
        d_output[each, targets] -= 1
        d_output *= mask
        d_made = d_output @ from_made[:-1].T
        d_hidden = d_made[:, :units]
        d_hidden[:-1] += d_made[1:, units:] @ recurrent[:, units:].T
        for t in range(length - 2, -1, -1):
            d_hidden[t] += to_hidden @ d_hidden[t + 1]

        read = np.zeros((length, len(from_read)), dtype=np.float32)
        read[:, category] = 1
        read[each, letter_rows] = 1
        read[1:, self._hidden_row : -1] = hidden[:-1]
        read[:, -1] = 1
        rate = np.float32(self._config.learning_rate)
        from_made -= made.T @ (rate * d_output)
        from_read -= read.T @ (rate * d_made)
        return loss

    def weights(self) -> dict[str, Floats]:
        """See :meth:`Learner.weights`."""
        units = self._hidden
        return {
            "i2h.weight": self._from_read[:-1, :units].T.copy(),
            "i2h.bias": self._from_read[-1, :units].copy(),
            "i2o.weight": self._from_read[:-1, units:].T.copy(),
            "i2o.bias": self._from_read[-1, units:].copy(),
            "o2o.weight": self._from_made[:-1].T.copy(),
            "o2o.bias": self._from_made[-1].copy(),
        }

    def state(self) -> dict[str, NDArray[Any]]:
        """See :meth:`Learner.state`."""
        return {f"parameter.{name}": value for name, value in self.weights().items()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """See :meth:`Learner.restore`."""
        shapes = {name: value.shape for name, value in self.weights().items()}
        self._adopt({name: check_array(state, f"parameter.{name}", shape) for name, shape in shapes.items()})

    def _adopt(self, weights: dict[str, Floats]) -> None:
        """Lay the layers out as S (C + O + H + 1, H + O) and V (H + O + 1, O), the biases as last rows."""
        joined = {key: np.vstack([weights[f"{key}.weight"].T, weights[f"{key}.bias"]]) for key in ("i2h", "i2o", "o2o")}
        self._from_read = np.ascontiguousarray(np.hstack([joined["i2h"], joined["i2o"]]))
        self._from_made = np.ascontiguousarray(joined["o2o"])


def _array(tensor: torch.Tensor) -> NDArray[Any]:
    copy: NDArray[Any] = tensor.detach().cpu().numpy().copy()
    return copy

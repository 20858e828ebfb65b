"""Optimise the weights of a network, a batch at a time.

:class:`AutogradLearner` supports every configuration on any device, with autograd and AdamW or plain SGD.
:class:`TutorialLearner` is for the tutorial's recipe on the CPU only. There a step is so small that autograd costs far
more than the arithmetic, so it computes the gradient of a name in closed form.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch.optim.adamw import adamw

from namegen.architectures import find_architecture
from namegen.training.distributed import SINGLE_PROCESS
from namegen.training.losses import letter_losses, name_losses, to_tensors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from namegen.config import TrainingConfig
    from namegen.datasets.dataset import Dataset
    from namegen.models.networks import Network
    from namegen.training.batches import BatchSource
    from namegen.training.distributed import ProcessGroup

    Floats = NDArray[np.float32]


_DROPOUT_STREAM = 1  # the second word of the seeds of dropout masks; batches.py uses 0 for the names


class Learner(Protocol):
    """A network and its optimiser."""

    stretch: int  # the most names per call of learn()

    def learn(self, names: NDArray[np.int64], start: int) -> torch.Tensor:
        """Take the optimiser steps for whole batches of names.

        Args:
            names: their numbers, (names,) int64.
            start: the number of names before.

        Returns:
            The mean letter loss of each name before its step, in nats, (names,) floats on the device. With several
            processes, those of this process's share.
        """
        ...

    def weights(self) -> dict[str, Floats]:
        """Return the weights of the model: the averaged ones if the configuration averages."""
        ...

    def state(self) -> dict[str, NDArray[Any]]:
        """Return everything that :meth:`restore` needs."""
        ...

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Return to the point where :meth:`state` was called.

        Raises:
            KeyError, ValueError: it is not such a state.
        """
        ...


def check_array(state: dict[str, NDArray[Any]], name: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """Return an array of a saved state.

    Raises:
        KeyError: it is missing.
        ValueError: it has another shape (``None`` means any length) or type, or is not finite.
    """
    array = state[name]
    fits = len(shape) == array.ndim and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
    if not fits or array.dtype.kind != "f" or not np.isfinite(array).all():
        raise ValueError(f"{name} is {array.dtype} {list(array.shape)}, or not finite")
    return array


class AutogradLearner:
    """Autograd, and AdamW or SGD, on any device.

    The loss is the sum over the letters of a name, averaged over the batch. Dropout masks are a function of the seed,
    the number of names before and the rank, so the state does not contain them.
    """

    def __init__(
        self,
        network: Network,
        source: BatchSource,
        config: TrainingConfig,
        device: torch.device,
        group: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        self._network = network.to(device).train()
        self._group, self._shared_network = group, group.wrap(self._network, device)
        self._source, self._config, self._device = source, config, device
        self._parameters: list[torch.Tensor] = list(self._network.parameters())
        self._average = [p.detach().clone() for p in self._parameters] if config.averaging else []
        self._fused = device.type in ("cpu", "cuda")  # one pass over the memory
        self._moments: dict[str, list[torch.Tensor]] = {}  # of AdamW: a tensor for each parameter
        if config.optimiser == "adamw":
            where = device if self._fused else torch.device("cpu")
            self._moments = {
                "exp_avg": [torch.zeros_like(p, requires_grad=False) for p in self._parameters],
                "exp_avg_sq": [torch.zeros_like(p, requires_grad=False) for p in self._parameters],
                "step": [torch.zeros((), device=where) for _ in self._parameters],
            }
        self._groups = _groups(self._network, config)
        self.stretch = config.batch_size

    def learn(self, names: NDArray[np.int64], start: int) -> torch.Tensor:
        """See :meth:`Learner.learn`."""
        size = self._config.batch_size
        return torch.cat([self._step(names[i : i + size], start + i) for i in range(0, len(names), size)])

    def _step(self, names: NDArray[np.int64], start: int) -> torch.Tensor:
        config = self._config
        words = np.random.SeedSequence([config.seed, _DROPOUT_STREAM, start], spawn_key=self._group.spawn_key)
        seed = words.generate_state(1, np.uint64)
        if self._device.type == "cpu":
            torch.default_generator.manual_seed(int(seed[0] >> np.uint64(1)))
        else:
            torch.manual_seed(int(seed[0] >> np.uint64(1)))  # that of every device; it takes half a millisecond
        batch = self._source.build_batch(names)
        if not self._group.is_single:
            batch = batch.select(self._group.share)
        category, inputs, targets = to_tensors(batch, self._device)
        soft = None if batch.soft_targets is None else torch.from_numpy(batch.soft_targets).to(self._device)
        for parameter in self._parameters:
            parameter.grad = None
        logits, _ = self._shared_network(category, inputs)
        losses = letter_losses(logits, targets, soft)
        # The gradient is the mean of those of all ranks, which have len(names) names together.
        (losses.sum() / (len(names) / self._group.world_size)).backward()  # type: ignore[no-untyped-call]
        if config.clip is not None:
            torch.nn.utils.clip_grad_norm_(self._parameters, config.clip)
        step = start // config.batch_size
        with torch.no_grad():
            self._descend(learning_rate(config, step))
            if self._average:
                # In the first steps a smaller decay, so that the initial weights are soon forgotten.
                decay = min(config.averaging, (1 + step) / (10 + step))
                torch._foreach_lerp_(self._average, self._parameters, 1 - decay)
        return name_losses(losses.detach(), targets, sos=config.sos)

    def _descend(self, rate: float) -> None:
        """Take a step of plain SGD, or of AdamW (Loshchilov and Hutter 2019) with torch's default betas and eps.

        These are torch's functions, not its optimiser classes, which import torch's compiler. That takes a second.
        """
        all_gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in self._parameters]
        for group, share in self._groups:
            parameters = [self._parameters[index] for index in group]
            gradients = [all_gradients[index] for index in group]
            if not self._moments:
                torch._foreach_add_(parameters, gradients, alpha=-rate * share)
                continue
            moments = {name: [values[index] for index in group] for name, values in self._moments.items()}
            adamw(
                parameters,
                gradients,
                moments["exp_avg"],
                moments["exp_avg_sq"],
                [],
                moments["step"],
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
        """Iterate over the tensors of the state, with their names and shapes."""
        for index, (name, parameter) in enumerate(self._network.named_parameters()):
            shape = tuple(parameter.shape)
            yield f"parameter.{name}", parameter, shape
            if self._average:
                yield f"average.{name}", self._average[index], shape
            for key, values in self._moments.items():
                yield f"optimiser.{key}.{name}", values[index], tuple(values[index].shape)


def _groups(network: Network, config: TrainingConfig) -> list[tuple[list[int], float]]:
    """Return groups of parameters, by their indices, and the share of the learning rate of each group."""
    names = [name for name, _ in network.named_parameters()]
    if config.shared_rate == 1:
        return [(list(range(len(names))), 1.0)]
    vectors = find_architecture(config).category_axes
    own = [index for index, name in enumerate(names) if name in vectors]
    shared = [index for index in range(len(names)) if index not in own]
    return [(own, 1.0), (shared, config.shared_rate)]


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Return the learning rate of a step, counted from 0.

    The schedule ``cosine`` is a linear warm-up followed by half a cosine down to 0 (Loshchilov and Hutter 2017, "SGDR:
    Stochastic Gradient Descent with Warm Restarts", without the restarts).
    """
    if config.schedule == "constant":
        return config.learning_rate
    steps = -(-config.iterations // config.batch_size)
    warm = config.warmup * steps
    if step + 1 < warm:
        return config.learning_rate * (step + 1) / warm
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * max(0.0, step - warm) / max(1.0, steps - warm)))


class TutorialLearner:
    """The tutorial's SGD, one name per step, with the gradient in closed form; in numpy, on the CPU.

    The recurrence is linear, so everything but the product of one hidden state with the weights for the next is a
    matrix product over the whole name. With T letters, C categories, H hidden units, O outputs, and i2h and i2o side by
    side in one matrix S, the forward pass is::

        input_t  = (one-hot category, one-hot letter_t, hidden_t-1, 1)        C + O + H + 1
        middle_t = input_t S        = (hidden_t, output of i2o)               H + O
        output_t = (middle_t, 1) V                                            O

    and the backward pass, where d x is the gradient of the name's loss with respect to x::

        d output_t = mask_t * (softmax(mask_t * output_t) - one-hot target_t)
        d middle_t = V d output_t, plus S_hidden d middle_t+1 in the hidden part
        d V        = sum over t of (middle_t, 1) x d output_t
        d S        = sum over t of input_t x d middle_t
    """

    stretch = 500

    def __init__(self, network: Network, dataset: Dataset, config: TrainingConfig) -> None:
        self._dataset, self._config = dataset, config
        self._hidden_row, self._hidden = len(dataset.categories) + len(dataset.alphabet) + 1, config.hidden_size
        self._adopt({name: _array(value) for name, value in network.named_parameters()})

    @staticmethod
    def supports(config: TrainingConfig, device: torch.device) -> bool:
        """Return whether the closed form applies to a configuration."""
        settings = (config.architecture, config.nonlinearity, config.sos, config.optimiser, config.schedule)
        return (
            device.type == "cpu"
            and settings == ("rnn", "none", False, "sgd", "constant")
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
        with np.errstate(over="ignore", invalid="ignore"):  # the history detects divergence
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
            letters: the inputs, (T,).
            targets: the correct outputs, (T,).
            mask: the dropout mask, (T, O) float32: 0, or 1 / (1 - dropout).

        Returns:
            The mean loss of its letters, in nats.
        """
        input_weights, middle_weights = self._input_weights, self._middle_weights  # S and V
        units, length, each = self._hidden, len(letters), np.arange(len(letters))
        letter_rows = letters + len(self._dataset.categories)
        recurrent = input_weights[self._hidden_row : -1]

        middle = np.ones((length, len(middle_weights)), dtype=np.float32)
        middle[:, :-1] = input_weights[letter_rows] + (input_weights[category] + input_weights[-1])
        hidden = middle[:, :units]
        to_hidden = recurrent[:, :units]
        for t in range(1, length):
            hidden[t] += hidden[t - 1] @ to_hidden
        middle[1:, units:-1] += hidden[:-1] @ recurrent[:, units:]
        output = middle @ middle_weights
        output *= mask

        output -= output.max(axis=1, keepdims=True)
        exponentials = np.exp(output)
        total = exponentials.sum(axis=1)
        loss = float(np.log(total).sum() - output[each, targets].sum()) / length

        d_output = exponentials / total[:, None]
        d_output[each, targets] -= 1
        d_output *= mask
        d_middle = d_output @ middle_weights[:-1].T
        d_hidden = d_middle[:, :units]
        d_hidden[:-1] += d_middle[1:, units:] @ recurrent[:, units:].T
        for t in range(length - 2, -1, -1):
            d_hidden[t] += to_hidden @ d_hidden[t + 1]

        inputs = np.zeros((length, len(input_weights)), dtype=np.float32)
        inputs[:, category] = 1
        inputs[each, letter_rows] = 1
        inputs[1:, self._hidden_row : -1] = hidden[:-1]
        inputs[:, -1] = 1
        rate = np.float32(self._config.learning_rate)
        middle_weights -= middle.T @ (rate * d_output)
        input_weights -= inputs.T @ (rate * d_middle)
        return loss

    def weights(self) -> dict[str, Floats]:
        """See :meth:`Learner.weights`."""
        units = self._hidden
        return {
            "i2h.weight": self._input_weights[:-1, :units].T.copy(),
            "i2h.bias": self._input_weights[-1, :units].copy(),
            "i2o.weight": self._input_weights[:-1, units:].T.copy(),
            "i2o.bias": self._input_weights[-1, units:].copy(),
            "o2o.weight": self._middle_weights[:-1].T.copy(),
            "o2o.bias": self._middle_weights[-1].copy(),
        }

    def state(self) -> dict[str, NDArray[Any]]:
        """See :meth:`Learner.state`."""
        return {f"parameter.{name}": value for name, value in self.weights().items()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """See :meth:`Learner.restore`."""
        shapes = {name: value.shape for name, value in self.weights().items()}
        self._adopt({name: check_array(state, f"parameter.{name}", shape) for name, shape in shapes.items()})

    def _adopt(self, weights: dict[str, Floats]) -> None:
        """Store the layers as S (C + O + H + 1, H + O) and V (H + O + 1, O), with the biases as last rows."""
        joined = {key: np.vstack([weights[f"{key}.weight"].T, weights[f"{key}.bias"]]) for key in ("i2h", "i2o", "o2o")}
        self._input_weights = np.ascontiguousarray(np.hstack([joined["i2h"], joined["i2o"]]))
        self._middle_weights = np.ascontiguousarray(joined["o2o"])


def _array(tensor: torch.Tensor) -> NDArray[Any]:
    copy: NDArray[Any] = tensor.detach().cpu().numpy().copy()
    return copy

"""Optimise the weights of a network, a batch at a time.

:class:`AutogradLearner` supports every configuration on any device, with autograd and AdamW or plain SGD.
:class:`TutorialLearner` is for the tutorial's recipe on the CPU only. There a step is so small that autograd costs far
more than the arithmetic, so it computes the gradient of a name in closed form.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen.architectures import find_architecture
from namegen.optional_packages import required
from namegen.training.distributed import SINGLE_PROCESS
from namegen.training.losses import letter_losses, name_losses, to_tensors
from namegen.training.stage import check_array

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from namegen.config import TrainingConfig
    from namegen.datasets.dataset import Dataset
    from namegen.models.networks import Network
    from namegen.training.batches import BatchSource
    from namegen.training.distributed import ProcessGroup

    Floats = NDArray[np.float32]

with required("torch"):
    import torch
    from torch.optim.adamw import adamw


_DROPOUT_STREAM = 1  # the second word of the seeds of dropout masks; batches.py uses 0 for the names


class AutogradLearner:
    """Trains a network with AdamW or plain SGD, by autograd, on any device.

    The loss is the sum over the letters of a name, averaged over the batch. Dropout masks are a function of the seed,
    the number of names before and the rank, so the state does not contain them.

    Args:
        new_letters: the number of letters that were added to a trained network, the last ones. Like the vectors of the
            categories, they do not have the reduced learning rate of the weights that all categories share.

    Attributes:
        stretch: the most names per call of :meth:`learn`.
    """

    def __init__(
        self,
        network: Network,
        source: BatchSource,
        config: TrainingConfig,
        device: torch.device,
        group: ProcessGroup = SINGLE_PROCESS,
        *,
        new_letters: int = 0,
    ) -> None:
        self._network = network.to(device).train()
        self._group, self._shared_network = group, group.wrap(self._network, device)
        self._source, self._config, self._device = source, config, device
        self._names, parameters = zip(*self._network.named_parameters(), strict=True)
        self._tensors = {"parameter": list(parameters)}  # a tensor for each parameter, by kind
        if config.averaging:
            self._tensors["average"] = [p.detach().clone() for p in parameters]
        self._fused = device.type in ("cpu", "cuda")  # one pass over the memory
        if config.optimiser == "adamw":
            where = device if self._fused else torch.device("cpu")
            self._tensors |= {
                "optimiser.exp_avg": [torch.zeros_like(p, requires_grad=False) for p in parameters],
                "optimiser.exp_avg_sq": [torch.zeros_like(p, requires_grad=False) for p in parameters],
                "optimiser.step": [torch.zeros((), device=where) for _ in parameters],
            }
        axes = find_architecture(config).letter_axes or {}
        own = find_architecture(config).category_axes if config.shared_rate < 1 else self._names
        self._rates = [1.0 if name in own else config.shared_rate for name in self._names]
        self._new_rows = [  # of the new letters, each with the rate of its parameter
            (parameter.detach().narrow(axes[name], parameter.shape[axes[name]] - 1 - new_letters, new_letters), rate)
            for name, parameter, rate in zip(self._names, parameters, self._rates, strict=True)
            if new_letters and rate < 1 and name in axes
        ]
        self.stretch = config.batch_size

    def learn(self, names: NDArray[np.int64], start: int) -> torch.Tensor:
        """Take the optimiser steps for whole batches of names.

        Args:
            names: their numbers, (names,) int64.
            start: the number of names before.

        Returns:
            The mean letter loss of each name before its step, in nats, (names,) floats on the device. With several
            processes, only the names of this process's share.
        """
        size = self._config.batch_size
        return torch.cat([self._step(names[i : i + size], start + i) for i in range(0, len(names), size)])

    def _step(self, names: NDArray[np.int64], start: int) -> torch.Tensor:
        config = self._config
        words = np.random.SeedSequence([config.seed, _DROPOUT_STREAM, start], spawn_key=self._group.spawn_key)
        seed = int(words.generate_state(1, np.uint64)[0] >> np.uint64(1))
        if self._device.type == "cpu":
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)  # of every device, which takes half a millisecond
        batch = self._source.build_batch(names)
        if not self._group.is_single:
            batch = batch.select(self._group.share)
        category, inputs, targets = to_tensors(batch, self._device)
        soft = None if batch.soft_targets is None else torch.from_numpy(batch.soft_targets).to(self._device)
        parameters = self._tensors["parameter"]
        for parameter in parameters:
            parameter.grad = None
        logits, _ = self._shared_network(category, inputs)
        losses = letter_losses(logits, targets, soft)
        # The gradients are averaged over all ranks, which have len(names) names together.
        (losses.sum() / (len(names) / self._group.world_size)).backward()  # type: ignore[no-untyped-call]
        if config.clip is not None:
            torch.nn.utils.clip_grad_norm_(parameters, config.clip)
        step = start // config.batch_size
        with torch.no_grad():
            before = [rows.clone() for rows, _ in self._new_rows]
            self._descend(learning_rate(config, step))
            for (rows, share), old in zip(self._new_rows, before, strict=True):
                rows.copy_(torch.lerp(old, rows, 1 / share))
            if config.averaging:
                # In the first steps a smaller decay, so that the initial weights are soon forgotten.
                decay = min(config.averaging, (1 + step) / (10 + step))
                torch._foreach_lerp_(self._tensors["average"], parameters, 1 - decay)
        return name_losses(losses.detach(), targets, sos=config.sos)

    def _descend(self, rate: float) -> None:
        """Take a step of plain SGD, or of AdamW (Loshchilov and Hutter 2019) with torch's default betas and eps.

        These are torch's functions, not its optimiser classes, which import torch's compiler. That takes a second.
        """
        for share in set(self._rates):
            group = [index for index, own in enumerate(self._rates) if own == share]
            tensors = {kind: [values[index] for index in group] for kind, values in self._tensors.items()}
            parameters = tensors["parameter"]
            gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
            if self._config.optimiser == "sgd":
                torch._foreach_add_(parameters, gradients, alpha=-rate * share)
                continue
            adamw(
                parameters,
                gradients,
                tensors["optimiser.exp_avg"],
                tensors["optimiser.exp_avg_sq"],
                [],
                tensors["optimiser.step"],
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
        """Return the weights of the model: the averaged ones if the configuration averages."""
        values = self._tensors["average" if self._config.averaging else "parameter"]
        return dict(zip(self._names, map(_to_array, values), strict=True))

    def state(self) -> dict[str, NDArray[Any]]:
        """Return everything that :meth:`restore` needs."""
        return {name: _to_array(value) for name, value in self._name_tensors()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Return to the point where :meth:`state` was called; raise ``KeyError`` or ``ValueError`` if it is damaged."""
        with torch.no_grad():
            for name, value in self._name_tensors():
                value.copy_(torch.from_numpy(check_array(state, name, value.shape)))

    def _name_tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        for kind, values in self._tensors.items():
            yield from zip([f"{kind}.{name}" for name in self._names], values, strict=True)


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
        self._adopt({name: _to_array(value) for name, value in network.named_parameters()})

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
        """Take a step of gradient descent for each name, as :meth:`AutogradLearner.learn`."""
        dataset, boundary_id = self._dataset, self._dataset.alphabet.boundary_id
        begin, end = dataset.offsets[names], dataset.offsets[names + 1]
        keep = np.float32(1.0 - self._config.dropout)
        rng = np.random.default_rng([self._config.seed, _DROPOUT_STREAM, start])
        masks = (rng.random((int((end - begin).sum()), boundary_id + 1), dtype=np.float32) < keep) / keep
        losses, position = [], 0
        places = zip(dataset.category_of[names].tolist(), begin.tolist(), end.tolist(), strict=True)
        with np.errstate(over="ignore", invalid="ignore"):  # the history detects divergence
            for category, first, last in places:
                letters = np.append(dataset.letters[first:last], boundary_id).astype(np.intp)
                mask = masks[position : position + last - first]
                losses.append(self.update(category, letters[:-1], letters[1:], mask))
                position += last - first
        return torch.tensor(losses, dtype=torch.float64)

    def update(self, category: int, letters: NDArray[np.intp], targets: NDArray[np.intp], mask: Floats) -> float:
        """Take one step of gradient descent on the summed losses of a name's letters; return their mean, in nats.

        ``letters`` are the inputs, (T,), and ``targets`` the correct outputs, (T,). ``mask``, (T, O), is the dropout
        mask: 0, or 1 / (1 - dropout).
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
        """Return the weights of the model."""
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
        """Return everything that :meth:`restore` needs."""
        return {f"parameter.{name}": value for name, value in self.weights().items()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Return to the point where :meth:`state` was called, as :meth:`AutogradLearner.restore`."""
        shapes = {name: value.shape for name, value in self.weights().items()}
        self._adopt({name: check_array(state, f"parameter.{name}", shape) for name, shape in shapes.items()})

    def _adopt(self, weights: dict[str, Floats]) -> None:
        """Store the layers as S (C + O + H + 1, H + O) and V (H + O + 1, O), with the biases as last rows."""
        joined = {key: np.vstack([weights[f"{key}.weight"].T, weights[f"{key}.bias"]]) for key in ("i2h", "i2o", "o2o")}
        self._input_weights = np.ascontiguousarray(np.hstack([joined["i2h"], joined["i2o"]]))
        self._middle_weights = np.ascontiguousarray(joined["o2o"])


def _to_array(tensor: torch.Tensor) -> NDArray[Any]:
    copy: NDArray[Any] = tensor.detach().cpu().numpy().copy()
    return copy

"""One step of each network in numpy: what drawing names needs, without torch.

A letter and a category enter the networks as matrix products with one-hot vectors, so everything that depends on them
alone is worked out beforehand: for each letter, and once for the category, a row of sums. What is left for each letter
read is one product with the hidden state and one with the output layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen.modelfile import Model

    Floats = NDArray[np.float32]
    Integers = NDArray[np.integer]


class Stepper(Protocol):
    """A network with its category fixed, reading one letter at a time. H hidden units, O outputs."""

    def start(self) -> Floats:
        """Return the hidden state before the first letter, (1, H) float32."""
        ...

    def step(self, letters: Integers, hidden: Floats) -> tuple[Floats, Floats]:
        """Read one letter in each row.

        Args:
            letters: the indices of the letters, (rows,).
            hidden: the hidden states before them, (rows, H) float32.

        Returns:
            The logits of the next letter, (rows, O) float32, and the hidden states after, (rows, H) float32.
        """
        ...


@dataclass(frozen=True)
class _RNNStepper:
    """:class:`~namegen.networks.TutorialRNN`. Between the layers there is nothing, so i2o and o2o are one matrix."""

    hidden_from: Floats  # (O, H): by letter, with category and bias
    hidden_weight: Floats  # (H, H)
    output_from: Floats  # (O, O): by letter, with category and biases
    output_before: Floats  # (H, O): from the hidden state before the letter
    output_after: Floats  # (H, O): from the one after it
    tanh: bool

    def start(self) -> Floats:
        return np.zeros((1, len(self.hidden_weight)), dtype=np.float32)

    def step(self, letters: Integers, hidden: Floats) -> tuple[Floats, Floats]:
        after = hidden @ self.hidden_weight
        after += self.hidden_from[letters]
        if self.tanh:
            np.tanh(after, out=after)
        logits = hidden @ self.output_before
        logits += after @ self.output_after
        logits += self.output_from[letters]
        return logits, after


@dataclass(frozen=True)
class _GRUStepper:
    """:class:`~namegen.networks.ConditionalGRU`, its three gates side by side: reset, update, new."""

    first: Floats  # (1, H)
    gates_from: Floats  # (O, 3H): by letter, with category and biases
    gates_weight: Floats  # (H, 3H)
    new_bias: Floats  # (H,): the bias that the reset gate acts upon
    head_weight: Floats  # (H, O)
    head_bias: Floats  # (O,): with the category's share

    def start(self) -> Floats:
        return self.first

    def step(self, letters: Integers, hidden: Floats) -> tuple[Floats, Floats]:
        units = hidden.shape[1]
        read = self.gates_from[letters]
        recurrent = hidden @ self.gates_weight
        gates = read[:, : 2 * units]
        gates += recurrent[:, : 2 * units]
        # The logistic function by way of tanh, which cannot overflow: s(x) = (1 + tanh(x / 2)) / 2.
        gates *= 0.5
        np.tanh(gates, out=gates)
        gates += 1.0
        gates *= 0.5
        new = recurrent[:, 2 * units :]
        new += self.new_bias
        new *= gates[:, :units]
        new += read[:, 2 * units :]
        np.tanh(new, out=new)
        after = hidden - new
        after *= gates[:, units:]
        after += new
        logits = after @ self.head_weight
        logits += self.head_bias
        return logits, after


def stepper(model: Model, category: int) -> Stepper:
    """Prepare a model to read names of one category."""
    weights = model.weights
    hidden = model.training.hidden_size
    if model.training.architecture == "rnn":
        by_letter = slice(len(model.categories), -hidden)
        i2h, i2o = weights["i2h.weight"], weights["i2o.weight"]
        o2o_after, o2o_output = weights["o2o.weight"][:, :hidden].T, weights["o2o.weight"][:, hidden:].T
        output_from = i2o[:, by_letter].T + i2o[:, category] + weights["i2o.bias"]
        return _RNNStepper(
            hidden_from=_c(i2h[:, by_letter].T + i2h[:, category] + weights["i2h.bias"]),
            hidden_weight=_c(i2h[:, -hidden:].T),
            output_from=_c(output_from @ o2o_output + weights["o2o.bias"]),
            output_before=_c(i2o[:, -hidden:].T @ o2o_output),
            output_after=_c(o2o_after),
            tanh=model.training.nonlinearity == "tanh",
        )
    letters = weights["letter_input.weight"] + weights["category_input.weight"][category]
    gates = letters @ weights["read.weight"].T + weights["read.bias"]
    gates[:, : 2 * hidden] += weights["recurrent.bias"][: 2 * hidden]
    return _GRUStepper(
        first=weights["category_state.weight"][category : category + 1],
        gates_from=_c(gates),
        gates_weight=_c(weights["recurrent.weight"].T),
        new_bias=weights["recurrent.bias"][2 * hidden :],
        head_weight=_c(weights["head.weight"].T),
        head_bias=weights["head.bias"] + weights["category_output.weight"][category],
    )


def _c(array: Floats) -> Floats:
    return np.ascontiguousarray(array, dtype=np.float32)

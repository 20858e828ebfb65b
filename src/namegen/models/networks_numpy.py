"""One step of each network in numpy; :mod:`namegen.models.networks` has the equations.

Everything that depends only on the letter or the category is computed beforehand: a row for each letter, and a sum for
the category. Reading a letter then takes one product with the hidden state and one with the output layer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from namegen.models.inference import ignore_overflow, initial_state, mix_vectors

if TYPE_CHECKING:
    from collections.abc import Callable

    from namegen.models.inference import Category, Floats, Integers, Stepper
    from namegen.models.model import Model


class _RNNStepper(NamedTuple):
    """:class:`~namegen.models.networks.TutorialRNN`. i2o and o2o are multiplied into one matrix."""

    hidden_from: Floats  # (O, H): by letter, including category and bias
    hidden_weight: Floats  # (H, H)
    output_from: Floats  # (O, O): by letter, including category and biases
    output_before: Floats  # (H, O), padded: from the state before the letter
    output_after: Floats  # (H, O), padded: from the state after it
    tanh: bool

    def start(self) -> Floats:
        return np.zeros((1, len(self.hidden_weight)), dtype=np.float32)

    @ignore_overflow
    def step(self, letters: Integers, hidden: Floats, parents: Integers | None = None) -> tuple[Floats, Floats]:
        after, before = _product(hidden, self.hidden_weight), _product(hidden, self.output_before)
        if parents is not None:
            after, before = after[parents], before[parents]
        after += self.hidden_from[letters]
        if self.tanh:
            np.tanh(after, out=after)
        logits = self.output_from[letters]
        logits += before[:, : logits.shape[1]]
        logits += _product(after, self.output_after)[:, : logits.shape[1]]
        return logits, after


@ignore_overflow
def build_rnn_steppers(model: Model) -> Callable[[Category], Stepper]:
    """Return a function that conditions a :class:`~namegen.models.networks.TutorialRNN` on a category."""
    weights, hidden = model.weights, model.stage.hidden_size
    i2h, i2o, o2o = (weights[f"{layer}.weight"].T for layer in ("i2h", "i2o", "o2o"))
    by_letter = slice(len(model.categories), -hidden)
    o2o_after, o2o_output = _pad_columns(o2o[:hidden]), _contiguous(o2o[hidden:])
    hidden_by_category, output_by_category = i2h[: len(model.categories)], i2o[: len(model.categories)]
    hidden_from, output_from = i2h[by_letter] + weights["i2h.bias"], i2o[by_letter] @ o2o_output
    output_bias = weights["i2o.bias"] @ o2o_output + weights["o2o.bias"]
    hidden_weight, output_before = _contiguous(i2h[-hidden:]), _pad_columns(i2o[-hidden:] @ o2o_output)
    tanh = model.stage.nonlinearity == "tanh"

    @ignore_overflow
    def condition(category: Category) -> Stepper:
        own_output = mix_vectors(output_by_category, category)
        return _RNNStepper(
            hidden_from=_contiguous(hidden_from + mix_vectors(hidden_by_category, category)),
            hidden_weight=hidden_weight,
            output_from=_contiguous(output_from + (own_output @ o2o_output + output_bias)),
            output_before=output_before,
            output_after=o2o_after,
            tanh=tanh,
        )

    return condition


@dataclass
class _GRUStepper:
    """:class:`~namegen.models.networks.ConditionalGRU`; gates are in the order reset, update, new.

    The logistic function is computed from tanh, which cannot overflow: s(x) = (1 + tanh(x / 2)) / 2. The factors 1/2
    are part of the weights, which is exact: the weights of reset and update are halved, and so is the factor of the
    reset gate. Each gate has its own matrices, and all steps write intermediate results into the same memory, because
    allocating it would take as long as the arithmetic.
    """

    first: Floats  # (1, H)
    by_letter: Floats  # (3, O, H): including category and biases
    recurrent: Floats  # (3, H, H)
    new_bias: Floats  # (H,): the bias that the reset gate is multiplied with
    head: Floats  # (H, O), padded
    head_bias: Floats  # (O,): including the category's part
    memory: Floats = field(default_factory=lambda: np.empty((3, 3, 0, 0), dtype=np.float32))

    def start(self) -> Floats:
        return self.first

    @ignore_overflow
    def step(self, letters: Integers, hidden: Floats, parents: Integers | None = None) -> tuple[Floats, Floats]:
        rows, states, units = len(letters), len(hidden), hidden.shape[1]
        if self.memory.shape[2] < max(rows, states):
            self.memory = np.empty((3, 3, max(rows, states), units), dtype=np.float32)
        products, gates, read = self.memory[0, :, :states], self.memory[1, :, :rows], self.memory[2, :, :rows]
        for gate in range(3):
            _product(hidden, self.recurrent[gate], products[gate])
            self.by_letter[gate].take(letters, axis=0, out=read[gate], mode="clip")
        products[2] += self.new_bias
        if parents is None:
            gates = products
        else:
            for gate in range(3):
                products[gate].take(parents, axis=0, out=gates[gate], mode="clip")
            hidden = hidden.take(parents, axis=0)
        for gate in range(2):
            gates[gate] += read[gate]
            np.tanh(gates[gate], out=gates[gate])
        reset, update, inner = gates
        new = read[2]
        reset *= inner
        new += inner
        new += reset
        np.tanh(new, out=new)
        after = hidden - new  # h' = new + s(update) (h - new)
        update += 1.0
        update *= 0.5
        after *= update
        after += new
        logits: Floats = _product(after, self.head)[:, : len(self.head_bias)] + self.head_bias
        return logits, after


@ignore_overflow
def build_gru_steppers(model: Model) -> Callable[[Category], Stepper]:
    """Return a function that conditions a :class:`~namegen.models.networks.ConditionalGRU` on a category."""
    weights, hidden = model.weights, model.stage.hidden_size
    read, recurrent = (
        weights[f"{layer}.weight"].reshape(3, hidden, hidden).transpose(0, 2, 1).copy()  # changed below
        for layer in ("read", "recurrent")
    )
    read_bias, recurrent_bias = (weights[f"{layer}.bias"].reshape(3, hidden) for layer in ("read", "recurrent"))
    by_letter = weights["letter_input.weight"] @ read
    by_letter += read_bias[:, None]
    by_letter[:2] += recurrent_bias[:2, None]
    # The factors 1/2 of the logistic function, see _GRUStepper.
    by_letter[:2] *= 0.5
    read[:2] *= 0.5
    recurrent *= 0.5
    new_bias, head = recurrent_bias[2] * np.float32(0.5), _pad_columns(weights["head.weight"].T)

    @ignore_overflow
    def condition(category: Category) -> Stepper:
        vector, output = (mix_vectors(weights[f"category_{part}.weight"], category) for part in ("input", "output"))
        return _GRUStepper(
            first=initial_state(model, category),
            by_letter=_contiguous(by_letter + (vector @ read)[:, None]),
            recurrent=recurrent,
            new_bias=new_bias,
            head=head,
            head_bias=weights["head.bias"] + output,
        )

    return condition


def _product(rows: Floats, weight: Floats, out: Floats | None = None) -> Floats:
    """Return rows @ weight, with each row independent to the last bit of the number of rows, if the BLAS allows.

    OpenBLAS, which numpy includes, has other kernels for single rows and for products of up to 1,000,000
    multiplications, which may add in another order. They do not if the weights have a multiple of 16 rows (up to 384)
    and of 16 columns (see :func:`_pad_columns`). Otherwise rows of zeros make the product large enough. The kernels for
    AVX2, on processors without AVX-512, always add in an order that depends on a row's position.
    """
    units = len(weight)
    least = 2 if units % 16 == 0 and units <= 384 else max(2, 1 + 10**6 // weight.size)
    if len(rows) >= least:
        return np.matmul(rows, weight, out=out)
    padded = np.zeros((least, units), dtype=np.float32)
    padded[: len(rows)] = rows
    product: Floats = (padded @ weight)[: len(rows)]
    if out is None:
        return product
    out[:] = product
    return out


def _pad_columns(weight: Floats) -> Floats:
    """Return weights with columns of zeros added up to a multiple of 16."""
    return _contiguous(np.pad(weight, ((0, 0), (0, -weight.shape[1] % 16))))


def _contiguous(array: Floats) -> Floats:
    return np.ascontiguousarray(array, dtype=np.float32)

"""One step of each network in numpy: what drawing names needs, without torch.

A letter and a category enter the networks as matrix products with one-hot vectors, so everything that depends on them
alone is worked out beforehand: for each letter, and once for the category, a row of sums. What is left for each letter
read is one product with the hidden state and one with the output layer.

In place of a category there may be a blend of several: the mean of their vectors, each weighted by its share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from namegen.errors import NamegenError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from numpy.typing import NDArray

    from namegen.models.model import Model

    Floats = NDArray[np.float32]
    Integers = NDArray[np.integer]
    Category: TypeAlias = int | Floats


class Source(NamedTuple):
    """A network conditioned on a category or a blend, with what it takes to begin a name.

    Attributes:
        network: the network, its category fixed.
        boundary_id: the index that ends a name as an output, and that begins it as an input.
        sos: whether the network reads an SOS token, and so can choose the first letter.
        first_letters: how many training names begin with each letter, or what share of them, (letters,): what a
            network that cannot choose the first letter gets it from.
    """

    network: Stepper
    boundary_id: int
    sos: bool
    first_letters: NDArray[np.int64] | NDArray[np.float64]

    @classmethod
    def of(cls, model: Model, network: Stepper, category: Category) -> Source:
        """Return what names of one category of a model, or of a blend, are drawn from.

        Where the network cannot choose the first letter, names of a blend begin as those of its categories do, each
        with its share.

        Args:
            model: the model.
            network: its network for the category, as :func:`~namegen.models.inference.build_steppers` gives it.
            category: the index of the category, or the share of each, (categories,).
        """
        begins: NDArray[np.int64] | NDArray[np.float64]
        if isinstance(category, int):
            begins = model.first_letter_counts[category]
        else:
            begins = category.astype(np.float64) @ (model.first_letter_counts / model.counts[:, None])
        return cls(
            network=network,
            boundary_id=model.alphabet.boundary_id,
            sos=model.training.sos,
            first_letters=begins,
        )

    @property
    def dtype(self) -> type[np.unsignedinteger]:
        """The type for letters' indices."""
        return np.uint8 if self.boundary_id < 2**8 else np.uint16


_OUTPUTS_AT_ONCE = 2**22  # of all rows of a step; they are copied some ten times on the way to a letter


MAX_OPERATIONS = 2**41
"""The multiplications after which a search for a name is given up, if it is long: one to several minutes."""


_quiet = np.errstate(over="ignore", invalid="ignore")
"""For arithmetic with weights that may be too large for it."""


def max_rows(outputs: int, most: int) -> int:
    """Return how many rows a step should have: ``most``, or fewer where an alphabet is so large that memory matters."""
    return max(1, min(most, _OUTPUTS_AT_ONCE // outputs))


def letters_for_operations(arithmetic: int, units: int, outputs: int) -> int:
    """Return about how many letters a network can read within so many multiplications."""
    return arithmetic // _of_a_letter(units, outputs)


def count_operations(model: Model, letters: NDArray[np.int64], steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return about how many multiplications it takes, or would take in the same time, to read letters in few steps."""
    units = model.stage.hidden_size
    a_step = 2**21 if units % 16 == 0 else 2**28 // units  # see _product
    total: NDArray[np.int64] = letters * _of_a_letter(units, len(model.alphabet) + 1) + steps * a_step
    return total


def _of_a_letter(units: int, outputs: int) -> int:
    # That of the larger of the two networks; and to choose among outputs takes many times as long as to work them out.
    return units * (6 * units + outputs) + 1024 * outputs


def max_logits(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the highest output of each row, (rows, 1).

    Args:
        logits: a network's outputs, (rows, outputs).

    Raises:
        NamegenError: outputs are infinite or no numbers: the weights are so large that they cannot be multiplied.
    """
    most: NDArray[np.floating] = logits.max(axis=1, keepdims=True)
    if not np.isfinite(most).all():
        raise NamegenError("the model's weights are so large that its outputs are no numbers; train it again")
    return most


class Stepper(Protocol):
    """A network with its category fixed, reading one letter at a time. H hidden units, O outputs.

    Where the weights are too large the outputs are no numbers, without a warning; :func:`highest` finds out.

    Not safe for several threads: it reuses its work memory.
    """

    def start(self) -> Floats:
        """Return the hidden state before the first letter, (1, H) float32."""
        ...

    def step(self, letters: Integers, hidden: Floats, parents: Integers | None = None) -> tuple[Floats, Floats]:
        """Read one letter in each row.

        Rows that go on from the same hidden state share the product of that state with the weights.

        Args:
            letters: the indices of the letters, (rows,).
            hidden: the hidden states before them, (states, H) float32.
            parents: which of the states each row goes on from, (rows,); by default each from its own.

        Returns:
            The logits of the next letter, (rows, O) float32, and the hidden states after, (rows, H) float32.
        """
        ...


class _RNNStepper(NamedTuple):
    """:class:`~namegen.models.networks.TutorialRNN`. Nothing lies between i2o and o2o, so they are one matrix."""

    hidden_from: Floats  # (O, H): by letter, with category and bias
    hidden_weight: Floats  # (H, H)
    output_from: Floats  # (O, O): by letter, with category and biases
    output_before: Floats  # (H, O), wide: from the hidden state before the letter
    output_after: Floats  # (H, O), wide: from the one after it
    tanh: bool

    def start(self) -> Floats:
        return np.zeros((1, len(self.hidden_weight)), dtype=np.float32)

    @_quiet
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


class _GRUStepper:
    """:class:`~namegen.models.networks.ConditionalGRU`, its gates in the order reset, update, new.

    The logistic function is taken by way of tanh, which cannot overflow: s(x) = (1 + tanh(x / 2)) / 2. Its halves are
    part of the weights, which for powers of two is exact: those for reset and update are halved, and so is what the
    reset gate acts upon. Each gate has matrices of its own, and what is worked out on the way is written into the same
    memory at every step: getting new memory from the system would take as long as the arithmetic.
    """

    def __init__(
        self, first: Floats, by_letter: Floats, recurrent: Floats, new_bias: Floats, head: tuple[Floats, Floats]
    ) -> None:
        self._first = first  # (1, H)
        self._by_letter = by_letter  # (3, O, H): with category and biases
        self._recurrent = recurrent  # (3, H, H)
        self._new_bias = new_bias  # (H,): the bias that the reset gate acts upon
        self._head, self._head_bias = head  # (H, O), wide, and (O,) with the category's share
        self._memory = np.empty((3, 3, 0, 0), dtype=np.float32)

    def start(self) -> Floats:
        return self._first

    @_quiet
    def step(self, letters: Integers, hidden: Floats, parents: Integers | None = None) -> tuple[Floats, Floats]:
        rows, states, units = len(letters), len(hidden), hidden.shape[1]
        if self._memory.shape[2] < max(rows, states):
            self._memory = np.empty((3, 3, max(rows, states), units), dtype=np.float32)
        products, gates, read = self._memory[0, :, :states], self._memory[1, :, :rows], self._memory[2, :, :rows]
        for gate in range(3):
            _product(hidden, self._recurrent[gate], products[gate])
            self._by_letter[gate].take(letters, axis=0, out=read[gate], mode="clip")
        products[2] += self._new_bias
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
        logits: Floats = _product(after, self._head)[:, : len(self._head_bias)] + self._head_bias
        return logits, after


def build_steppers(model: Model) -> Callable[[Category], Stepper]:
    """Prepare a model to read names; returns what gives the network for a category, or for a blend of several.

    What all categories share is worked out once, so that those of a model cost little more than one.
    """
    if model.stage.architecture == "rnn":
        return _rnn_steppers(model)
    return _gru_steppers(model)


@_quiet
def _rnn_steppers(model: Model) -> Callable[[Category], Stepper]:
    weights, hidden = model.weights, model.stage.hidden_size
    i2h, i2o, o2o = (weights[f"{layer}.weight"].T for layer in ("i2h", "i2o", "o2o"))
    by_letter = slice(len(model.categories), -hidden)
    o2o_after, o2o_output = _wide(o2o[:hidden]), _c(o2o[hidden:])
    hidden_by_category, output_by_category = i2h[: len(model.categories)], i2o[: len(model.categories)]
    hidden_from, output_from = i2h[by_letter] + weights["i2h.bias"], i2o[by_letter] @ o2o_output
    output_bias = weights["i2o.bias"] @ o2o_output + weights["o2o.bias"]
    hidden_weight, output_before = _c(i2h[-hidden:]), _wide(i2o[-hidden:] @ o2o_output)
    tanh = model.stage.nonlinearity == "tanh"

    @_quiet
    def stepper(category: Category) -> Stepper:
        return _RNNStepper(
            hidden_from=_c(hidden_from + mix_vectors(hidden_by_category, category)),
            hidden_weight=hidden_weight,
            output_from=_c(output_from + (mix_vectors(output_by_category, category) @ o2o_output + output_bias)),
            output_before=output_before,
            output_after=o2o_after,
            tanh=tanh,
        )

    return stepper


@_quiet
def _gru_steppers(model: Model) -> Callable[[Category], Stepper]:
    weights, hidden = model.weights, model.stage.hidden_size
    read, recurrent = (
        weights[f"{layer}.weight"].reshape(3, hidden, hidden).transpose(0, 2, 1).copy()  # which is changed below
        for layer in ("read", "recurrent")
    )
    read_bias, recurrent_bias = (weights[f"{layer}.bias"].reshape(3, hidden) for layer in ("read", "recurrent"))
    by_letter = weights["letter_input.weight"] @ read
    by_letter += read_bias[:, None]
    by_letter[:2] += recurrent_bias[:2, None]
    # The halves of the logistic function, see _GRUStepper; halves are exact.
    by_letter[:2] *= 0.5
    read[:2] *= 0.5
    recurrent *= 0.5
    new_bias, head = recurrent_bias[2] * np.float32(0.5), _wide(weights["head.weight"].T)

    @_quiet
    def stepper(category: Category) -> Stepper:
        state, read_too, output = (
            mix_vectors(weights[f"category_{part}.weight"], category) for part in ("state", "input", "output")
        )
        return _GRUStepper(
            first=state[None],
            by_letter=_c(by_letter + (read_too @ read)[:, None]),
            recurrent=recurrent,
            new_bias=new_bias,
            head=(head, weights["head.bias"] + output),
        )

    return stepper


def apply_guidance(category: Category, categories: int, guidance: float) -> Category:
    """Move a category, or a blend of several, away from the mean of all.

    Args:
        category: what to move.
        categories: how many there are.
        guidance: how far, as a share of the distance from the mean.

    Returns:
        The shares, of which some may be negative; they still add up to 1.
    """
    if not guidance:
        return category
    shares = np.full(categories, -guidance / categories, dtype=np.float32)
    if isinstance(category, int):
        shares[category] += np.float32(1 + guidance)
    else:
        shares += np.float32(1 + guidance) * category
    return shares


def mix_vectors(vectors: Floats, category: Category) -> Floats:
    """Return the vector of a category, or of a blend, from those of all categories, (categories, size)."""
    vector: Floats = vectors[category] if isinstance(category, int) else category @ vectors
    return vector


def _product(rows: Floats, weight: Floats, out: Floats | None = None) -> Floats:
    """Return rows @ weight, each row the same to the last bit however many there are, as far as the BLAS allows.

    OpenBLAS, which comes with numpy, has other kernels for single rows and for small products, up to 1,000,000
    multiplications, that may add up in another order. They do not if the weights have a multiple of 16 rows, not too
    many, and a multiple of 16 columns (see :func:`_wide`). Otherwise rows of zeros make the product large enough.
    Its kernels for AVX2, which serve processors without AVX-512, add up by where a row stands; nothing helps there.
    """
    units = len(weight)
    least = 2 if units % 16 == 0 and units <= 384 else max(2, 1 + 10**6 // weight.size)
    if len(rows) >= least:
        return np.matmul(rows, weight, out=out)
    enough = np.zeros((least, units), dtype=np.float32)
    enough[: len(rows)] = rows
    product: Floats = (enough @ weight)[: len(rows)]
    if out is None:
        return product
    out[:] = product
    return out


def _wide(weight: Floats) -> Floats:
    """Return weights with columns of zeros to a multiple of 16."""
    return _c(np.pad(weight, ((0, 0), (0, -weight.shape[1] % 16))))


def _c(array: Floats) -> Floats:
    return np.ascontiguousarray(array, dtype=np.float32)

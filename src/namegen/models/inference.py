"""The interface for reading names letter by letter, for sampling and scoring.

It is implemented in :mod:`namegen.models.networks_numpy`, and for GPUs in :mod:`namegen.models.inference_torch`.

A network is conditioned on a category or on a blend: the mean of several categories' vectors, weighted by their shares.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from namegen.architectures import find_architecture
from namegen.errors import NamegenError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from numpy.typing import NDArray

    from namegen.models.model import Model

    Floats = NDArray[np.float32]
    Integers = NDArray[np.integer]
    Category: TypeAlias = int | Floats

MAX_OPERATIONS = 2**41  # after which a search for a name is given up: one to several minutes
_MAX_OUTPUTS = 2**22  # of all rows of a step, which are copied some ten times before a letter is chosen

ignore_overflow = np.errstate(over="ignore", invalid="ignore")  # :func:`max_logits` reports weights too large


class Source(NamedTuple):
    """A network conditioned on a category or a blend, and how names begin.

    Attributes:
        network: the network, or the mixture of it and an n-gram.
        boundary_id: the index of the start of a name as an input and of its end as an output.
        sos: whether the network reads an SOS token, and so can choose the first letter.
        first_letters: the number or share of training names that begin with each letter, (letters,), for a network
            that cannot choose the first letter.
    """

    network: Stepper
    boundary_id: int
    sos: bool
    first_letters: NDArray[np.int64] | NDArray[np.float64]

    @classmethod
    def of(cls, model: Model, network: Stepper, category: Category, *, share: float | None = None) -> Source:
        """Return the source of a category or a blend of a model.

        Args:
            model: the model.
            network: its network, conditioned on the category or blend.
            category: the index of the category, or the share of each category, (categories,).
            share: the share of the model's n-gram, if it has one and a network; by default the model's own.
        """
        begins: NDArray[np.int64] | NDArray[np.float64]
        if isinstance(category, int):
            begins = model.first_letter_counts[category]
        else:
            begins = category.astype(np.float64) @ (model.first_letter_counts / model.counts[:, None])
        boundary_id, sos = model.alphabet.boundary_id, model.training.sos
        if model.mixture is None:
            return cls(network, boundary_id, sos, begins)
        weights, pooled = model.mixture.find_weights(category), 0.0
        if share is None or not model.has_network:
            share = weights.share
        else:
            pooled = weights.pooled
        if not share:
            return cls(network, boundary_id, sos, begins)
        from namegen.models.mixture import MixedStepper

        mixed = MixedStepper(network, model.mixture, category, share, boundary_id, sos=sos, pooled=pooled)
        return cls(mixed, boundary_id, sos, begins)

    @property
    def dtype(self) -> type[np.unsignedinteger]:
        """The smallest type for the indices of letters."""
        return np.uint8 if self.boundary_id < 2**8 else np.uint16


def max_rows(outputs: int, most: int) -> int:
    """Return the number of rows of a step: ``most``, or fewer if the alphabet is large, to save memory."""
    return max(1, min(most, _MAX_OUTPUTS // outputs))


def count_operations(model: Model, letters: Floats, steps: Floats) -> Floats:
    """Return the approximate number of multiplications of reading a number of letters in a number of steps."""
    units = model.stage.hidden_size
    per_step = 2**21 if units % 16 == 0 else 2**28 // units  # see _product
    total: Floats = letters * operations_per_letter(units, len(model.alphabet) + 1) + steps * per_step
    return total


def operations_per_letter(units: int, outputs: int) -> int:
    """Return the approximate number of multiplications of a GRU that take as long as reading and choosing a letter."""
    return units * (6 * units + outputs) + 1024 * outputs  # choosing takes many times as long as computing the outputs


def max_logits(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the maximum of each row of logits, (rows, 1).

    Raises:
        NamegenError: logits are infinite or NaN, because the weights are too large.
    """
    most: NDArray[np.floating] = logits.max(axis=1, keepdims=True)
    if not np.isfinite(most).all():
        raise NamegenError("the model's weights are so large that its outputs are not numbers; use another model")
    return most


class Stepper(Protocol):
    """A network, conditioned on a category, that reads one letter at a time. O outputs, S numbers in a state.

    If weights are too large, logits are not finite; :func:`max_logits` checks them. Steppers reuse their working
    memory, so threads must not share one.
    """

    def start(self) -> Floats:
        """Return the state before the first letter, (1, S) float32."""
        ...

    def step(self, letters: Integers, hidden: Floats, parents: Integers | None = None) -> tuple[Floats, Floats]:
        """Read one letter in each row.

        Args:
            letters: the indices of the letters, (rows,).
            hidden: the states before them, (states, S) float32.
            parents: the state that each row continues from, (rows,); by default each row has its own.

        Returns:
            The logits of the next letter, (rows, O) float32, and the states after, (rows, S) float32.
        """
        ...


def build_steppers(model: Model) -> Callable[[Category], Stepper]:
    """Return a function that conditions a model on a category or a blend; all categories share the costly part."""
    steppers: Callable[[Model], Callable[[Category], Stepper]] = resolve_name(find_architecture(model.stage).steppers)
    return steppers(model)


@ignore_overflow
def initial_state(model: Model, category: Category) -> Floats:
    """Return the state of a model before the first letter, (1, state) float32."""
    architecture = find_architecture(model.stage)
    if architecture.initial_state is None:
        return np.zeros((1, architecture.state_vectors * model.stage.hidden_size), dtype=np.float32)
    return mix_vectors(model.weights[architecture.initial_state], category)[None]


def apply_guidance(category: Category, categories: int, guidance: float) -> Category:
    """Move a category or a blend away from the mean of all categories.

    Args:
        category: the category or blend.
        categories: the number of categories.
        guidance: how far, as a share of the distance from the mean.

    Returns:
        The shares of the categories, (categories,), with a sum of 1; some may be negative.
    """
    if not guidance:
        return category
    shares: Floats = np.float32(1 + guidance) * to_shares(category, categories)
    shares -= np.float32(guidance / categories)
    return shares


def blend_weight(model: Model, name: str, axis: int, category: Category) -> Floats:
    """Return a weight for a network whose only category is this category or blend of a model.

    Args:
        model: the model.
        name: the name of the weight.
        axis: the axis whose first entries belong to the categories.
        category: the category or blend.
    """
    weight, categories = np.moveaxis(model.weights[name], axis, 0), len(model.categories)
    mixed = mix_vectors(weight[:categories], category)
    return np.moveaxis(np.concatenate([mixed[None], weight[categories:]]), 0, axis)


def to_shares(category: Category, categories: int) -> Floats:
    """Return a category or a blend as the share of each category, (categories,) float32."""
    if not isinstance(category, int):
        return category
    shares = np.zeros(categories, dtype=np.float32)
    shares[category] = 1
    return shares


def mix_vectors(vectors: Floats, category: Category) -> Floats:
    """Return the vector of a category or a blend from the vectors of all categories, (categories, size)."""
    vector: Floats = vectors[category] if isinstance(category, int) else category @ vectors
    return vector

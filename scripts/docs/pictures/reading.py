"""Compute the hidden states and predictions of a network while it reads a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from namegen.models.inference import build_steppers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen import Model

SOS, EOS = "SOS", "EOS"


class Reading(NamedTuple):
    """The states and predictions for a name of R inputs: SOS, if the model has one, and the letters.

    Attributes:
        inputs: the inputs.
        states: the hidden state before the first input and after each, (R + 1, H).
        probabilities: the probability of each letter and EOS after each input, (R, O).
        outputs: the letters and EOS, in the order of the probabilities.
    """

    inputs: list[str]
    states: NDArray[np.float32]
    probabilities: NDArray[np.float64]
    outputs: list[str]

    def likeliest(self, row: int, most: int) -> list[tuple[str, float]]:
        """Return the most probable outputs after an input, with their probabilities."""
        order = np.argsort(-self.probabilities[row], kind="stable")[:most]
        return [(self.outputs[i], float(self.probabilities[row, i])) for i in order]


def read(model: Model, category: str, name: str) -> Reading:
    """Read a name with a model."""
    network = build_steppers(model)(model.categories.index(category))
    indices = [int(i) for i in model.alphabet.encode(name)]
    if model.training.sos:
        indices = [model.alphabet.boundary_id, *indices]
    states, likely = [network.start()], []
    for index in indices:
        logits, state = network.step(np.array([index]), states[-1])
        likely.append(softmax(logits[0]))
        states.append(state.copy())
    letters = [*model.alphabet.letters]
    inputs = [*letters, SOS]
    return Reading([inputs[i] for i in indices], np.concatenate(states), np.array(likely), [*letters, EOS])


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the softmax of logits."""
    likely = np.exp(logits.astype(np.float64) - logits.max())
    total: NDArray[np.float64] = likely / likely.sum()
    return total


def kept(model: Model, category: str, reading: Reading) -> NDArray[np.float64]:
    """Return the share of its state that a GRU keeps at each input: the mean of its update gate, (R,)."""
    weights, units = model.weights, model.training.hidden_size
    update = slice(units, 2 * units)
    vector = weights["category_input.weight"][model.categories.index(category)]
    index_of = {letter: i for i, letter in enumerate([*model.alphabet.letters, SOS])}
    shares = []
    for letter, state in zip(reading.inputs, reading.states, strict=False):
        read_in = weights["letter_input.weight"][index_of[letter]] + vector
        gate = weights["read.weight"][update] @ read_in + weights["read.bias"][update]
        gate += weights["recurrent.weight"][update] @ state + weights["recurrent.bias"][update]
        shares.append(float(np.mean(1 / (1 + np.exp(-gate)))))
    return np.array(shares)

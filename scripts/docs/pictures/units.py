"""Draw how well the best unit of the default network, and all units together, predict properties of letters.

The prediction from all units is a linear probe (Alain and Bengio 2016): least squares on the training names. Both are
measured on the held-out names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.patches import Rectangle

from canvas import BLUE, GREY, INK, MORE_OR_LESS, PALE
from reading import read
from states import States, states_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from models import Models

HEIGHT = 6.0

_NAMES = (("Italian", "Romano"), ("German", "Schneider"), ("Japanese", "Yamamoto"), ("Russian", "Markov"))
_PENALTY = 1.0  # on the squares of the probe's weights


def draw(figure: Figure, models: Models) -> None:
    """Draw the picture."""
    model = models.default
    training, held_out = models.names.split(model.training.validation)
    learned, unseen = states_of(model, training), states_of(model, held_out or training)
    questions = {
        "Was the letter a vowel?": (learned.vowel, unseen.vowel),
        "How many letters so far?": (learned.place, unseen.place),
        "How many are to come?": (learned.left, unseen.left),
    }
    above, below = figure.subplots(2, 1, gridspec_kw={"height_ratios": (3, 2)})
    best: list[int] = []
    for row, (known, wanted) in enumerate(questions.values()):
        unit = _best_unit(learned, known)
        best.append(unit)
        one = _explained(learned.states[:, [unit]], known, unseen.states[:, [unit]], wanted)
        every = _explained(learned.states, known, unseen.states, wanted)
        for place, (share, colour, label) in enumerate(((one, PALE, "best unit"), (every, BLUE, "all units"))):
            y = row + 0.34 * place
            below.barh(y, max(share, 0), height=0.3, color=colour, label=label if row == 0 else None)
            below.text(max(share, 0) + 0.01, y, f"{share:.0%}", va="center", size=9.5)
    below.set_yticks([row + 0.17 for row in range(len(questions))], questions)
    below.tick_params(axis="y", length=0)
    below.set(ylim=(len(questions) - 0.4, -0.3), xlim=(0, 1.1))
    below.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    below.set_title("Variance explained (held-out names)", loc="right")
    below.legend(loc="lower right")
    _strips(above, models, best[:2])


def _strips(axes: Axes, models: Models, units: list[int]) -> None:
    """Draw the values of two units over some names: a row of letters for each name and unit."""
    model = models.default
    axes.set(xlim=(-3.4, 9), ylim=(len(_NAMES) * 2.6 - 0.4, -1.1))
    axes.axis("off")
    axes.set_title("Two units while names are read")
    for number, (category, name) in enumerate(_NAMES):
        reading = read(model, category, name)
        for row, unit in enumerate(units):
            y = number * 2.6 + row * 1.1
            axes.text(-0.7, y, f"unit {unit}", ha="right", va="center", size=9.5, color=GREY)
            for place, letter in enumerate(reading.inputs[1:]):
                value = float(reading.states[place + 2, unit])
                colour = colormaps[MORE_OR_LESS](0.5 + value / 2)
                axes.add_patch(Rectangle((place - 0.5, y - 0.5), 1, 1, fc=colour, ec="white", lw=0.8))
                ink = "white" if abs(value) > 0.6 else INK
                axes.text(place, y, letter, ha="center", va="center", size=11, color=ink)


def _best_unit(found: States, wanted: NDArray[np.generic]) -> int:
    """Return the unit with the highest correlation with an answer."""
    states, answer = found.states - found.states.mean(axis=0), wanted - np.mean(wanted.astype(np.float64))
    covariance = answer @ states
    return int(np.argmax(np.abs(covariance) / np.sqrt((states**2).sum(axis=0) + 1e-9)))


def _explained(
    states: NDArray[np.float32], known: NDArray[np.generic], unseen: NDArray[np.float32], wanted: NDArray[np.generic]
) -> float:
    """Return the share of the variance of an answer that a linear function of the states explains (R squared)."""
    inputs = np.column_stack([states, np.ones(len(states))]).astype(np.float64)
    square = inputs.T @ inputs + _PENALTY * np.eye(inputs.shape[1])
    weights = np.linalg.solve(square, inputs.T @ known.astype(np.float64))
    said = np.column_stack([unseen, np.ones(len(unseen))]) @ weights
    answer = wanted.astype(np.float64)
    return float(1 - np.sum((answer - said) ** 2) / np.sum((answer - answer.mean()) ** 2))

"""Draw the tutorial's network unrolled over a name: its inputs, its hidden states and its predictions.

The name is the one that the tutorial recipe generates for German and S without dropout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.path import Path

import namegen
from canvas import BLUE, GREEN, GREY, INK, MORE_OR_LESS, ORANGE, PALE, WIDTH, sheet
from reading import read

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from models import Models
    from reading import Reading

HEIGHT = 5.65
CATEGORY = "German"

# Positions in inches, from left to right:
READ, _STATE, _EXPECTED, _NEXT = 0.66, 1.45, 3.1, 3.5
_CELL, _SHOWN = 0.085, 15  # the width of a unit, and the number of units shown
MIDDLE = _STATE + _SHOWN * _CELL / 2
# From the top: the first letter, and the distance to the next.
TOP, ROW = 1.75, 0.86
_FULL = 0.95  # the length of the bar of a letter with probability 1


def draw(figure: Figure, models: Models) -> None:
    """Draw the picture."""
    model = models.tutorial
    (name,) = namegen.sample(model, CATEGORY, "S", temperature=0, dropout=0, max_length=5)
    reading = read(model, CATEGORY, name)
    axes = sheet(figure, HEIGHT)
    axes.text(0.15, 0.3, f"The tutorial's network spells {name}", size=12.5, weight="bold")
    box(axes, (WIDTH / 2, 0.69), (WIDTH - 0.3, 0.34), GREEN)
    text = f"category: {CATEGORY}, a one-hot vector ({len(model.categories)})"
    axes.text(WIDTH / 2, 0.695, text, ha="center", va="center", color=GREEN)
    _headings(axes, model.training.hidden_size)
    axes.text(MIDDLE, TOP - 0.36, "zeros", ha="center", va="center", size=9, color=GREY)
    arrow(axes, [(MIDDLE, TOP - 0.27), (MIDDLE, TOP - 0.15)], INK)
    chain(axes, reading)
    for row in range(len(reading.inputs)):
        y = TOP + row * ROW
        arrow(axes, [(0.24, 0.86), (0.24, y), (READ - 0.25, y)], GREEN)
        below = y + 0.23  # past the hidden state
        arrow(axes, [(READ + 0.14, y + 0.19), (READ + 0.14, below), (_EXPECTED, below), (_EXPECTED, y + 0.08)], GREY)
    for x, y, layer in ((1.12, TOP - 0.09, "i2h"), (3.02, TOP - 0.09, "o2o"), (1.1, TOP + 0.33, "i2o")):
        axes.text(x, y, layer, ha="center", va="center", size=9, color=GREY, style="italic")


def _headings(axes: Axes, units: int) -> None:
    y = 1.14
    axes.text(READ, y, "reads", ha="center", color=GREY, size=9.5)
    axes.text(_STATE, y, f"hidden state ({_SHOWN} of {units} units)", color=GREY, size=9.5)
    axes.text(_NEXT + 0.3, y, "expects next", color=GREY, size=9.5)


def chain(axes: Axes, reading: Reading, notes: list[str] | None = None) -> None:
    """Draw letters, states and predictions from top to bottom; the predicted letter is the next input.

    Args:
        axes: a sheet.
        reading: the states and predictions for a name in which each letter is the most probable one.
        notes: the text below each state.
    """
    most = float(np.abs(reading.states[1:, :_SHOWN]).max())
    for row, letter in enumerate(reading.inputs):
        y = TOP + row * ROW
        box(axes, (READ, y), (0.46, 0.38), BLUE)
        size = 13 if len(letter) == 1 else 10
        axes.text(READ, y + 0.01, letter, ha="center", va="center", size=size, weight="bold")
        _state(axes, y, reading.states[row + 1, :_SHOWN] / most)
        if notes:
            axes.text(MIDDLE, y + 0.24, notes[row], ha="center", va="center", size=9.5, color=GREY)
        _expected(axes, y, reading.likeliest(row, 3))
        arrow(axes, [(READ + 0.24, y), (_STATE - 0.03, y)], INK)
        arrow(axes, [(_STATE + _SHOWN * _CELL + 0.03, y), (_EXPECTED + 0.03, y)], INK)
        if row + 1 < len(reading.inputs):
            arrow(axes, [(MIDDLE, y + (0.34 if notes else 0.13)), (MIDDLE, y + ROW - 0.15)], INK)
            way = [(_NEXT + 0.02, y + 0.32), (_NEXT + 0.02, y + 0.44), (READ, y + 0.44), (READ, y + ROW - 0.21)]
            arrow(axes, way, ORANGE, "--")


def box(axes: Axes, middle: tuple[float, float], size: tuple[float, float], colour: str) -> None:
    """Draw a box with rounded corners."""
    (x, y), (width, height) = middle, size
    style = {"boxstyle": "round,pad=0,rounding_size=0.06", "fc": "white", "lw": 1.4}
    axes.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, ec=colour, **style))


def _state(axes: Axes, y: float, values: NDArray[np.float32]) -> None:
    colours = colormaps[MORE_OR_LESS](0.5 + values / 2)
    for unit, colour in enumerate(colours):
        axes.add_patch(Rectangle((_STATE + unit * _CELL, y - 0.13), _CELL, 0.26, fc=colour, ec="white", lw=0.4))
    axes.add_patch(Rectangle((_STATE, y - 0.13), _SHOWN * _CELL, 0.26, fc="none", ec=INK, lw=0.9))


def _expected(axes: Axes, y: float, likeliest: list[tuple[str, float]]) -> None:
    for place, (letter, share) in enumerate(likeliest):
        middle = y + (place - 1) * 0.22
        taken = place == 0
        left = _NEXT + 0.12
        axes.add_patch(Rectangle((left, middle - 0.075), _FULL * share, 0.15, fc=ORANGE if taken else PALE, lw=0))
        axes.text(left - 0.08, middle, letter, ha="right", va="center", size=10, weight="bold" if taken else "normal")
        said = f"{share:.0%}" if share >= 0.005 else "<1%"
        axes.text(left + _FULL * share + 0.06, middle, said, va="center", size=9.5)


def arrow(axes: Axes, way: list[tuple[float, float]], colour: str, line: str = "-") -> None:
    """Draw an arrow along straight lines."""
    style = {"arrowstyle": "-|>", "mutation_scale": 9, "joinstyle": "round", "capstyle": "butt"}
    axes.add_patch(FancyArrowPatch(path=Path(way), color=colour, linestyle=line, lw=1.2, **style))

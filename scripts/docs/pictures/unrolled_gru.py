"""Draw the default recipe's network unrolled over a name: it starts with SOS, and the category enters at three places.

The name is the greedy choice for German, letter by letter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import namegen
from canvas import GREEN, WIDTH, sheet
from reading import kept, read
from unrolled import CATEGORY, MIDDLE, READ, ROW, TOP, arrow, box, chain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from models import Models

HEIGHT = 7.45

_VECTORS = {"category_input": 0.14, "category_state": 1.84, "category_output": 3.54}  # with their left edges, in inches
_WIDE = 1.52
_RIGHT = WIDTH - 0.16


def draw(figure: Figure, models: Models) -> None:
    """Draw the picture."""
    model = models.default
    (name,) = namegen.sample(model, CATEGORY, temperature=0, max_length=6)
    reading = read(model, CATEGORY, name)
    axes = sheet(figure, HEIGHT)
    axes.text(0.15, 0.3, f"The default network spells {name}", size=12.5, weight="bold")
    axes.text(0.15, 0.58, f"category: {CATEGORY}, as three learnt vectors", color=GREEN)
    for vector, left in _VECTORS.items():
        numbers = model.weights[f"{vector}.weight"].shape[1]
        middle = left + _WIDE / 2
        box(axes, (middle, 0.85), (_WIDE, 0.3), GREEN)
        axes.text(middle, 0.855, f"{vector} ({numbers})", ha="center", va="center", size=9, color=GREEN)
    chain(axes, reading, notes=[f"{share:.0%} kept" for share in kept(model, CATEGORY, reading)])
    arrow(axes, [(MIDDLE, 1.0), (MIDDLE, TOP - 0.15)], GREEN)
    for row in range(len(reading.inputs)):
        y = TOP + row * ROW
        arrow(axes, [(0.24, 1.0), (0.24, y), (READ - 0.25, y)], GREEN)
        arrow(axes, [(_RIGHT, 1.0), (_RIGHT, y), (_RIGHT - 0.26, y)], GREEN)

"""Define the width, fonts and colours of all pictures, and write them to files.

A picture is as wide as a column of text, with letters of the same size as the text, so it can be read on a phone. Its
background is white on light and dark pages. Text stays text, in the reader's sans-serif font, so files are small. They
contain no date and nothing random, so the same picture always has the same bytes.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes

WIDTH = 5.2  # inches
INK, GREY, PALE = "#222222", "#777777", "#e4e4e4"
BLUE, ORANGE, GREEN, PURPLE, RED = (
    "#0072b2",
    "#e08a00",
    "#00805e",
    "#a8527f",
    "#c23b00",
)  # distinguishable with colour blindness
MORE_OR_LESS = "RdBu_r"  # the value of a unit: blue below zero, red above

_STYLE: dict[str, Any] = {
    "svg.hashsalt": "namegen",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 10.5,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "text.color": INK,
    "axes.labelcolor": INK,
    "grid.alpha": 0.35,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


def write(path: Path, height: float, draw: Callable[[Figure], None]) -> None:
    """Draw a picture of a height in inches and write it as an SVG file."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    svg = re.sub(r"'DejaVu Sans'(, sans-serif)?", "sans-serif", drawn.getvalue())
    path.write_text(re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE), encoding="utf-8", newline="\n")


def sheet(figure: Figure, height: float) -> Axes:
    """Return axes without scales that fill a figure, in inches from the top left."""
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.axis("off")
    return axes

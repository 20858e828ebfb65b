"""Draw losses and novelty during a training with and without regularisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from canvas import BLUE, RED
from losses import curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from models import Models

HEIGHT = 6.4


def draw(figure: Figure, models: Models) -> None:
    """Draw the picture."""
    above, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (3, 2)})
    curves(above, models.unbraked, "without brakes", RED, "s")
    curves(above, models.default, "default", BLUE, "o")
    above.set(ylim=(0.3, 3.0), xlabel="")
    above.set_title("Loss: training keeps falling, validation turns")
    above.legend(ncols=2, loc="upper right", fontsize=9)
    for which, colour, marker in (("unbraked", RED, "s"), ("default", BLUE, "o")):
        novelty = models.novelty(which)
        below.plot(novelty.iterations, novelty.shares, color=colour, marker=marker, ms=4, lw=2)
        last = novelty.iterations[-1], novelty.shares[-1]
        place = {"xytext": (0, 8), "textcoords": "offset points", "ha": "right"}
        below.annotate(f"{last[1]:.0%}", last, color=colour, weight="bold", **place)
    below.set_title("Share of novel names")
    below.set(ylim=(0, 1.08), xlabel="training names")
    below.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    below.grid(visible=True)

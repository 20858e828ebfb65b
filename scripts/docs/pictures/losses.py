"""Draw the losses during training, by the tutorial recipe and by the default recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from canvas import BLUE, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from models import Models
    from namegen import Model

HEIGHT = 3.9


def draw(figure: Figure, models: Models) -> None:
    """Draw the picture."""
    axes = figure.add_subplot()
    curves(axes, models.tutorial, "tutorial", ORANGE, "s")
    curves(axes, models.default, "default", BLUE, "o")
    axes.set_ylim(0.8, 3.2)
    axes.legend(ncols=2, loc="upper right")


def curves(axes: Axes, model: Model, name: str, colour: str, marker: str) -> None:
    """Draw a model's loss history: training thin, validation thick, and a ring around the best validation."""
    history = model.history
    axes.plot(history.iterations, history.training, color=colour, lw=1, alpha=0.75, label=f"{name}: training")
    look = {"color": colour, "marker": marker, "ms": 4, "lw": 2}
    axes.plot(history.validation_iterations, history.validation, **look, label=f"{name}: validation")
    best = int(history.validation.argmin())
    point = history.validation_iterations[best], history.validation[best]
    axes.plot(*point, marker="o", ms=10, mfc="none", mew=1.4, color=colour, ls="none", clip_on=False)
    ground = {"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.8}
    label = {"xytext": (0, 9), "textcoords": "offset points", "ha": "center", "color": colour, "bbox": ground}
    axes.annotate(f"{point[1]:.2f}", point, weight="bold", **label)
    axes.set(xlabel="training names", ylabel="nats per letter", xlim=(0, None))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(visible=True)

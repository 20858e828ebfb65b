"""Draw the validation loss after each change from the tutorial recipe to the default one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from canvas import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from models import Models

HEIGHT = 4.3


def draw(figure: Figure, models: Models) -> None:
    """Draw the picture."""
    axes = figure.add_subplot()
    changes = models.changes
    losses = [float(model.history.validation.min()) for model in changes.values()]
    places = range(len(losses))
    axes.hlines(places, max(losses), losses, color=GREY, lw=1)
    axes.scatter(losses, places, c=[ORANGE, *[GREY] * (len(losses) - 2), BLUE], s=60, zorder=3)
    for place, loss in zip(places, losses, strict=True):
        axes.annotate(f"{loss:.2f}", (loss, place), xytext=(-9, 0), textcoords="offset points", ha="right", va="center")
    axes.set_yticks(places, changes)
    axes.set(ylim=(len(losses) - 0.5, -0.5), xlabel="lowest validation loss (nats per letter)")
    axes.set_xlim(min(losses) - 0.25 * (max(losses) - min(losses)) - 0.01, max(losses) + 0.01)
    axes.grid(visible=True, axis="x")
    axes.tick_params(axis="y", length=0)

"""Draw the probabilities of the next letter at several temperatures and with top-p.

The pretrained model has read a category and the beginning of a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import namegen
from canvas import GREY, ORANGE
from namegen.sampling.decoding import probabilities
from reading import read

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from models import Models

HEIGHT = 6.2

_CATEGORY, _PREFIX = "Italian", "Mar"
_SHOWN = 14  # the most probable letters
_WAYS = {
    "temperature 0.5": {"temperature": 0.5},
    "temperature 1: the network's own": {"temperature": 1.0},
    "temperature 1.5": {"temperature": 1.5},
    "temperature 0.9, then top-p 0.8": {"temperature": 0.9, "top_p": 0.8},
}


def draw(figure: Figure, models: Models) -> None:
    """Draw the picture."""
    del models  # this picture needs no training
    reading = read(namegen.load_model("pretrained"), _CATEGORY, _PREFIX)
    logits = np.log(reading.probabilities[-1:]).astype(np.float32)
    order = np.argsort(-logits[0], kind="stable")[:_SHOWN]
    panels = figure.subplots(len(_WAYS), 1, sharex=True)
    for axes, (title, way) in zip(panels, _WAYS.items(), strict=True):
        likely = probabilities(logits, namegen.SamplingConfig(**way))[0].astype(np.float64)
        likely /= likely.sum()
        places = np.arange(_SHOWN)
        axes.bar(places, likely[order], color=ORANGE, width=0.75)
        for place, share in zip(places, likely[order], strict=True):
            shown = f"{100 * share:.0f}" if share >= 0.005 else ("" if share else "–")
            axes.annotate(shown, (place, share), xytext=(0, 2), textcoords="offset points", ha="center", size=9)
        others = 1 - likely[order].sum()
        rest = f"all other letters: {others:.1%}" if others > 1e-6 else "all other letters: 0"
        axes.text(0.99, 0.75, rest, ha="right", color=GREY, size=9.5, transform=axes.transAxes)
        axes.set_title(title, size=10.5)
        axes.set(ylim=(0, 1.25 * likely.max()), yticks=[])
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="x", length=0)
    panels[-1].set_xticks(range(_SHOWN), [reading.outputs[i] for i in order])
    panels[-1].set_xlabel(f"the letter after {_PREFIX}, {_CATEGORY} (%)")

"""Compare the tutorial's way of sampling, the most likely letter under dropout, with sampling from the probabilities.

The tutorial model has read a category and a letter. The left column shows the network's probabilities, the right one
those of the most likely letter under dropout, and below are the names that each gives.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

import namegen
from canvas import BLUE, GREY, ORANGE
from models import PLAIN
from namegen.models.inference import build_steppers
from namegen.sampling.decoding import greedy_probabilities
from reading import EOS, softmax

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from models import Models

HEIGHT = 5.6

_CATEGORY, _LETTER = "German", "S"
_SHOWN = 7
_DRAWN = 10_000


def draw(figure: Figure, models: Models) -> None:
    """Draw the picture."""
    model = models.tutorial
    network = build_steppers(model)(model.categories.index(_CATEGORY))
    logits, _ = network.step(model.alphabet.encode(_LETTER).astype(np.int64), network.start())
    said = softmax(logits[0])
    by_rule = greedy_probabilities(logits, model.sampling.dropout)[0]
    order = np.argsort(-said, kind="stable")[:_SHOWN]
    letters = [*model.alphabet.letters, EOS]

    rows = figure.subplots(2, 2, gridspec_kw={"height_ratios": (1, 1), "wspace": 0.08})
    titles = ("sampled from the\nprobabilities", "the most likely letter\nunder dropout 0.1")
    for axes, title, likely, colour in zip(rows[0], titles, (said, by_rule), (BLUE, ORANGE), strict=True):
        labels = [f"{share:.0%}" if share >= 0.005 else "<0.5%" for share in likely[order]]
        _bars(axes, [letters[i] for i in order], [float(share) for share in likely[order]], labels, colour)
        axes.set_title(title)
        axes.set_xlim(0, 1.2)
    ways = ({**PLAIN}, {"temperature": 0.0, "dropout": 0.1})
    for axes, way, colour in zip(rows[1], ways, (BLUE, ORANGE), strict=True):
        drawn = namegen.sample(model, _CATEGORY, _LETTER, count=_DRAWN, seed=1, **way)
        counts = Counter(drawn)
        most = counts.most_common(_SHOWN)
        _bars(axes, [name[:9] for name, _ in most], [n / _DRAWN for _, n in most], [f"{n:,}" for _, n in most], colour)
        axes.set_title(f"{len(counts):,} different names\nin {_DRAWN:,}")
        axes.set_xlim(0, 0.85)


def _bars(axes: Axes, names: list[str], values: list[float], labels: list[str], colour: str) -> None:
    places = range(len(names))
    axes.barh(places, values, color=colour, height=0.7)
    for place, value, label in zip(places, values, labels, strict=True):
        axes.annotate(label, (value, place), xytext=(3, 0), textcoords="offset points", va="center", size=9)
    axes.set_yticks(places, names)
    axes.set(ylim=(len(names) - 0.5, -0.6), xticks=[])
    axes.tick_params(axis="y", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.spines["left"].set(visible=True, color=GREY)

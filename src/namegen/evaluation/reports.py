"""List the figures of an evaluation: a row for each system, category and measure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from namegen.evaluation.likelihood import perplexity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from namegen.evaluation.bootstrap import Interval
    from namegen.evaluation.metrics import CategoryEvaluation, Evaluation

_SAMPLED = ("novel", "unique", "right", "length", "data_length")


class Measure(NamedTuple):
    """A figure of an evaluation.

    Attributes:
        system: the name of the model or of a baseline.
        category: the category; empty for the categories together.
        measure: the name of the figure.
        value: the figure; ``None`` if it could not be measured.
        low: the lower end of its interval, if it has one.
        high: the upper end.
    """

    system: str
    category: str
    measure: str
    value: float | None
    low: float | None
    high: float | None


def list_measures(evaluation: Evaluation, name: str) -> list[Measure]:
    """Return all figures of an evaluation: of the model, with this name, and then of the baselines.

    For all categories together there are ``loss_macro`` (the mean of the categories) and ``loss_micro`` (over all
    letters), and the same of the perplexity.
    """
    measures: list[Measure] = []
    for system, found in {name: evaluation, **evaluation.baselines}.items():
        for category, figures in found.categories.items():
            measures += _list_losses(system, category, "", figures.loss, figures.intervals.get("loss"))
            measures += _list_sampled(system, category, figures)
        for kind, loss in (("macro", found.macro), ("micro", found.micro)):
            measures += _list_losses(system, "", f"_{kind}", loss, found.intervals.get(kind))
        measures += _list_sampled(system, "", found)
    return measures


def _list_losses(
    system: str, category: str, suffix: str, loss: float | None, interval: Interval | None
) -> Iterator[Measure]:
    low, high = interval or (None, None)
    yield Measure(system, category, f"loss{suffix}", loss, low, high)
    ends = (None if end is None else math.exp(end) for end in (low, high))
    yield Measure(system, category, f"perplexity{suffix}", perplexity_of(loss), *ends)


def _list_sampled(system: str, category: str, figures: CategoryEvaluation | Evaluation) -> Iterator[Measure]:
    for measure in _SAMPLED:
        yield Measure(
            system, category, measure, getattr(figures, measure), *figures.intervals.get(measure, (None, None))
        )

"""``namegen classify``: find the most probable categories of names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from namegen.cli.inputs import load_model_to_use
from namegen.cli.options import ModelOption
from namegen.cli.stdin import LinesOption, NamesArgument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from namegen.evaluation.classify import FittedNames

    Probabilities = list[tuple[str, float]]


def classify(
    names: NamesArgument = None,
    *,
    count: Annotated[
        int | None,
        typer.Option("--count", "-n", min=1, help="Categories per name.  [default: 3, jsonl: all]"),
    ] = None,
    prior: Annotated[
        Literal["uniform", "data"],
        typer.Option("--prior", help="Equal priors, or the shares in the data."),
    ] = "uniform",
    model: ModelOption = None,
    output_format: LinesOption = "text",
) -> None:
    """Find the most probable categories of names.

    Prints the categories of each name with their probabilities (by Bayes' rule), the most probable first.
    """
    from namegen.cli.stdin import print_answers
    from namegen.evaluation import classify as classifying

    _, loaded = load_model_to_use(model)
    categories = loaded.categories
    shown = min(count or (3 if output_format == "text" else len(categories)), len(categories))

    def compute(some: list[str]) -> tuple[FittedNames, Iterable[Probabilities]]:
        found = classifying.classify(loaded, some, prior)
        ranked = found.ranked()[:, :shown]
        probabilities = found.probabilities[range(len(some)), ranked.T].T.tolist()
        best = [[categories[index] for index in row] for row in ranked.tolist()]
        return found.fitted, [list(zip(*pair, strict=True)) for pair in zip(best, probabilities, strict=True)]

    print_answers(
        names,
        output_format,
        compute,
        to_cells=lambda name, best: (name, *[cell for category, p in best for cell in (category, f"{p:.4f}")]),
        to_object=lambda name, best: {"name": name, "categories": dict(best)},
        head=("name", *(column for rank in range(1, shown + 1) for column in (f"{rank}.", "probability"))),
        right=("probability",),
    )

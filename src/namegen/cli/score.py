"""``namegen score``: score how probable names are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from namegen.cli.inputs import load_model_to_use
from namegen.cli.options import ModelOption, complete_category
from namegen.cli.stdin import LinesOption, NamesArgument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from namegen.evaluation.classify import FittedNames

    Score = tuple[float, float]


def score(
    category: Annotated[
        str,
        typer.Argument(
            metavar="CATEGORY",
            autocompletion=complete_category,
            help="A category, or a blend such as German+Italian.",
        ),
    ],
    names: NamesArgument = None,
    *,
    model: ModelOption = None,
    output_format: LinesOption = "text",
) -> None:
    """Score how probable names are in a category.

    Prints the log-probability of each name in nats, end included, and its perplexity per letter from the second letter
    to the end.
    """
    from namegen.cli.stdin import print_answers
    from namegen.errors import UsageError
    from namegen.evaluation import classify as classifying
    from namegen.models.categories import find_blend, find_model_of, is_category
    from namegen.models.store import find_models

    _, loaded = load_model_to_use(model)
    if len(loaded.categories) == 1 and not is_category(loaded, category):
        category, names = loaded.categories[0], [category, *(names or [])]
    elif model is None and not is_category(loaded, category):
        other = find_model_of(category, find_models()).name  # raises an error if there is none
        raise UsageError(f"{category} is a category of the model {other}; add --model {other}")
    label = find_blend(loaded, category).label

    def compute(some: list[str]) -> tuple[FittedNames, Iterable[Score]]:
        scores = classifying.score(loaded, category, some)
        return scores.fitted, zip(scores.log_probabilities.tolist(), scores.perplexities.tolist(), strict=True)

    def to_object(name: str, score: Score) -> dict[str, object]:
        log_probability, perplexity = (value if math.isfinite(value) else None for value in score)  # as JSON needs
        return {"category": label, "name": name, "log_probability": log_probability, "perplexity": perplexity}

    print_answers(
        names,
        output_format,
        compute,
        to_cells=lambda name, score: (name, f"{score[0]:.4f}", f"{score[1]:.3f}"),
        to_object=to_object,
        head=("name", "log-probability", "perplexity"),
        right=("log-probability", "perplexity"),
    )

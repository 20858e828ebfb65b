"""``namegen score``: how probable given names are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from namegen.cli.options import ModelOption, complete_category
from namegen.cli.stdin import NamesArgument, ShapeOption

if TYPE_CHECKING:
    from collections.abc import Iterable

    Row = tuple[str, float, float]


def score(
    category: Annotated[
        str,
        typer.Argument(
            metavar="CATEGORY",
            autocompletion=complete_category,
            help="A category of the model, German for example, or a blend: German+Italian.",
        ),
    ],
    names: NamesArgument = None,
    *,
    model: ModelOption = None,
    output_format: ShapeOption = "text",
) -> None:
    """Say how probable names are in a category.

    For each name, in the order given: its log-probability in nats, of all its letters and its end; and its
    perplexity per letter, from the second letter to the end.
    """
    from namegen.cli.stdin import SkippedNames, read_names, wants_table
    from namegen.cli.terminal import note_unfinished, print_result, print_table
    from namegen.evaluation import classify as classifying
    from namegen.models.categories import find_blend, is_category
    from namegen.models.store import find_model

    place = find_model(model)
    loaded = place.load()
    note_unfinished(place, loaded)
    if len(loaded.categories) == 1 and not is_category(loaded, category):
        category, names = loaded.categories[0], [category, *(names or [])]
    label = find_blend(loaded, category).label
    left_out, rows = SkippedNames(), []
    as_table = wants_table(names, output_format)
    for some in read_names(names):
        scores = classifying.score(loaded, category, some)
        left_out.add(scores.fitted)
        triples = zip(some, scores.log_probabilities.tolist(), scores.perplexities.tolist(), strict=True)
        scored = [triple for triple, name in zip(triples, scores.fitted.names, strict=True) if name]
        if as_table:
            rows += scored
        else:
            print_result(_jsonl(label, scored) if output_format == "jsonl" else _text(scored), flush=True)
    if as_table:
        cells = [(name, f"{score:.4f}", f"{perplexity:.3f}") for name, score, perplexity in rows]
        print_table(("name", "log-probability", "perplexity"), cells, right=("log-probability", "perplexity"))
    left_out.say()


def _text(rows: Iterable[Row]) -> str:
    return "".join([f"{name}\t{score:.4f}\t{perplexity:.3f}\n" for name, score, perplexity in rows])


def _jsonl(category: str, rows: Iterable[Row]) -> str:
    from json.encoder import encode_basestring as encode_json

    of = f'{{"category": {encode_json(category)}, "name": '
    return "".join(
        [
            f'{of}{encode_json(name)}, "log_probability": {_number(score)}, "perplexity": {_number(perplexity)}}}\n'
            for name, score, perplexity in rows
        ]
    )


def _number(value: float) -> str:
    """A number as JSON has it, which knows no infinity."""
    return repr(value) if math.isfinite(value) else "null"

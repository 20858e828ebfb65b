"""``namegen classify``: which categories given names are likely to be of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from namegen.cli.options import ModelOption
from namegen.cli.stdin import NamesArgument, ShapeOption

if TYPE_CHECKING:
    from collections.abc import Iterable

    Row = tuple[str, list[str], list[float]]

_MAX_SHOWN = 3  # categories to a name, in text


def classify(
    names: NamesArgument = None,
    *,
    count: Annotated[
        int | None,
        typer.Option(
            "--count", "-n", min=1, help="How many categories to show for a name.  [default: 3; as JSON, all]"
        ),
    ] = None,
    prior: Annotated[
        Literal["uniform", "data"],
        typer.Option("--prior", help="Take all categories for equally frequent, or for as frequent as in the data."),
    ] = "uniform",
    model: ModelOption = None,
    output_format: ShapeOption = "text",
) -> None:
    """Say which categories names are likely to be of.

    For each name, in the order given: the most probable categories, each with its probability by Bayes' rule.
    """
    from namegen.cli.stdin import SkippedNames, read_names, wants_table
    from namegen.cli.terminal import note_unfinished, print_result, print_table
    from namegen.evaluation import classify as classifying
    from namegen.models.store import find_model

    place = find_model(model)
    loaded = place.load()
    note_unfinished(place, loaded)
    most = min(count or (_MAX_SHOWN if output_format == "text" else len(loaded.categories)), len(loaded.categories))
    left_out, rows = SkippedNames(), []
    as_table = wants_table(names, output_format)
    for some in read_names(names):
        found = classifying.classify(loaded, some, prior)
        left_out.add(found.fitted)
        ranked = found.ranked()[:, :most]
        likely = found.probabilities[range(len(some)), ranked.T].T.tolist()
        categories = [[loaded.categories[index] for index in row] for row in ranked.tolist()]
        triples = zip(some, categories, likely, strict=True)
        classified = [triple for triple, name in zip(triples, found.fitted.names, strict=True) if name]
        if as_table:
            rows += classified
        else:
            print_result(_jsonl(classified) if output_format == "jsonl" else _text(classified), flush=True)
    if as_table:
        head = ("name", *(column for place in range(1, most + 1) for column in (f"{place}.", "probability")))
        cells = [(name, *_pairs(of, likely)) for name, of, likely in rows]
        print_table(head, cells, right=("probability",), else_see="--format jsonl")
    left_out.say()


def _pairs(categories: list[str], likely: list[float]) -> list[str]:
    return [cell for category, p in zip(categories, likely, strict=True) for cell in (category, f"{p:.4f}")]


def _text(rows: Iterable[Row]) -> str:
    return "".join(["\t".join([name, *_pairs(categories, likely)]) + "\n" for name, categories, likely in rows])


def _jsonl(rows: Iterable[Row]) -> str:
    import json

    objects = ({"name": name, "categories": dict(zip(of, likely, strict=True))} for name, of, likely in rows)
    return "".join([json.dumps(value, ensure_ascii=False) + "\n" for value in objects])

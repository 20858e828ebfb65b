"""``namegen categories``: list the categories of a model, or of all models that ``sample`` looks in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from namegen.cli.options import FormatOption, complete_model

if TYPE_CHECKING:
    from namegen.models.model import Model


def categories(
    *,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            autocompletion=complete_model,
            help="Model name or file.  [default: $NAMEGEN_MODEL, else default, pretrained and people]",
        ),
    ] = None,
    output_format: FormatOption = "table",
) -> None:
    """List the categories of a model and their name counts.

    Without --model, lists the categories of all models in which `namegen sample` looks a category up, in this order. In
    a terminal, the parts of a culture are on one line.
    """
    from namegen.cli.terminal import print_json, print_result, print_table
    from namegen.models.store import find_models, is_model_chosen

    models = {location.name: location.load() for location in find_models(model)}
    shows_model = not is_model_chosen(model)
    if output_format == "table" and sys.stdout.isatty():
        for number, (name, loaded) in enumerate(models.items()):
            print_result("\n" if number else "")
            _print_cultures(name if shows_model else "category", loaded)
        return
    rows = [
        (category, count, name) for name, loaded in models.items() for category, count in _count_names(loaded).items()
    ]
    head = ("category", "names", "model")[: 3 if shows_model else 2]
    if output_format == "json":
        print_json([dict(zip(head, row, strict=False)) for row in rows])
    else:
        print_table(head, [[str(cell) for cell in row[: len(head)]] for row in rows])


def _count_names(model: Model) -> dict[str, int]:
    """Return the number of names of each category, closed ones included."""
    counts = dict(zip(model.categories, model.counts.tolist(), strict=True))
    counts |= {category: len(closed.names) for category, closed in model.closed.items()}
    return {category: counts[category] for category in model.all_categories}


def _print_cultures(title: str, model: Model) -> None:
    """Print a table with a line for each culture, or for each category that is not a part of one."""
    from namegen.cli.terminal import print_table
    from namegen.models.categories import group_parts

    counts = _count_names(model)
    rows = []
    for culture, parts in group_parts(counts).items():
        total = counts.get(culture, 0) + sum(counts[f"{culture}/{part}"] for part in parts)
        if len(parts) == 1 and culture not in counts:  # not necessarily a part of a culture
            rows.append((f"{culture}/{parts[0]}", f"{total:,}", ""))
        else:
            rows.append((culture, f"{total:,}", ", ".join(parts)))
    columns = 3 if any(parts for *_, parts in rows) else 2
    head = (title, "names", "parts")[:columns]
    print_table(head, [row[:columns] for row in rows], right=("names",))

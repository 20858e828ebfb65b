"""``namegen categories``: what a model can invent names of."""

from __future__ import annotations

from typing import Annotated, Literal

import typer


def categories(
    *,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="The name of a model, or its file.  [default: $NAMEGEN_MODEL, or default]"),
    ] = None,
    output_format: Annotated[
        Literal["table", "json"], typer.Option("--format", "-f", help="For people, or programs.")
    ] = "table",
) -> None:
    """List the categories of a model.

    Beside each is the number of names that the model was trained on.
    """
    import json

    from namegen.cli.output import result, table
    from namegen.store import load_model

    loaded = load_model(model)
    counts = dict(zip(loaded.categories, loaded.counts.tolist(), strict=True))
    if output_format == "json":
        listed = [{"category": category, "names": count} for category, count in counts.items()]
        result(json.dumps(listed, indent=2, ensure_ascii=False) + "\n")
    else:
        table(("category", "names"), [(category, str(count)) for category, count in counts.items()], right=("names",))

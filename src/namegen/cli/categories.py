"""``namegen categories``: list the categories of a model."""

from __future__ import annotations

from namegen.cli.options import FormatOption, ModelOption


def categories(*, model: ModelOption = None, output_format: FormatOption = "table") -> None:
    """List the categories of a model and their name counts."""
    from namegen.cli.terminal import print_json, print_table
    from namegen.models.store import load_model

    loaded = load_model(model)
    counts = dict(zip(loaded.categories, loaded.counts.tolist(), strict=True))
    if output_format == "json":
        print_json([{"category": category, "names": count} for category, count in counts.items()])
        return
    rows = [(category, str(count)) for category, count in counts.items()]
    print_table(("category", "names"), rows, right=("names",))

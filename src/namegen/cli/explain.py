"""``namegen explain``: show what a model expects at each letter of a name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from namegen.cli.inputs import load_model_to_use
from namegen.cli.options import FormatOption, ModelOption, complete_category

if TYPE_CHECKING:
    from namegen.evaluation.explain import Explanation
    from namegen.models.model import Model


def explain(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name, such as your own.")],
    *,
    category: Annotated[
        str | None,
        typer.Option(
            "--category",
            "-c",
            metavar="CATEGORY",
            autocompletion=complete_category,
            help="A category, or a blend such as German+Italian.  [default: the most probable one]",
        ),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="Alternatives per letter.")] = 3,
    model: ModelOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Also plot to this .png, .svg or .pdf file."),
    ] = None,
    output_format: FormatOption = "table",
) -> None:
    """Show what a model expects at each letter of a name.

    Prints for each letter, and for the end of the name (EOS), its probability given the letters before, its rank among
    all letters, its loss (negative log-probability) and the entropy in nats, and the most likely other letters.
    """
    from namegen.cli.terminal import print_json, print_note
    from namegen.datasets.dataset import count_of
    from namegen.evaluation.explain import explain as compute

    if output is not None:
        from namegen.evaluation.plots import check_image_path

        check_image_path(output)
    _, loaded = load_model_to_use(model)
    if category is not None and model is None:
        _check_category(loaded, category)
    found = compute(loaded, name, category)
    if found.dropped:
        print_note(f"Dropped {count_of(found.dropped, 'character')} outside the model's alphabet.")
    if len(loaded.categories) > 1 and category is None:
        others = ", ".join(f"{label} {probability:.0%}" for label, probability in found.categories.items())
        print_note(f"Explained as {found.category}, the most probable category ({others}); --category chooses another.")
    figures = f"log-probability {found.log_probability:.4f}, perplexity per letter {found.perplexity:.3f}"
    print_note(f"{found.name} as {found.category}: {figures}")
    if output is not None:
        from namegen.evaluation.plots import plot_explanation

        plot_explanation(found, output)
        print_note(f"Saved the plot to {output}.", whole=[str(output)])
    if output_format == "json":
        print_json(found.as_dict(count))
    else:
        _print_explanation(found, count)


def _check_category(model: Model, category: str) -> None:
    """Raise an error that names the included model of a category that the default model does not have."""
    from namegen.errors import UsageError
    from namegen.models.categories import find_model_of, is_category
    from namegen.models.store import find_models

    if not is_category(model, category):
        other = find_model_of(category, find_models()).name  # raises an error if there is none
        raise UsageError(f"{category} is a category of the model {other}; add --model {other}")


def _print_explanation(explanation: Explanation, count: int) -> None:
    from namegen.cli.terminal import print_table
    from namegen.evaluation.explain import format_alternatives

    head = ("letter", "probability", "rank", "loss", "entropy", "alternatives")
    rows = [
        [
            row["letter"],
            f"{row['probability']:.4f}",
            f"{row['rank']}",
            "inf" if row["loss"] is None else f"{row['loss']:.3f}",
            f"{row['entropy']:.3f}",
            format_alternatives(list(row["alternatives"].items())),
        ]
        for row in explanation.as_dict(count)["letters"]
    ]
    print_table(head, rows, right=head[1:5])

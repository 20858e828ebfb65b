"""``namegen evaluate``: measure how good a model is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from namegen.cli.inputs import build_reading, drop_unset, print_reading
from namegen.cli.options import (
    CategoryColumnOption,
    EncodingOption,
    FormatOption,
    GuidanceOption,
    ModelArgument,
    NameColumnOption,
    NoHeaderOption,
    PlainOption,
    TemperatureOption,
    TopKOption,
    TopPOption,
    complete_dataset,
)

if TYPE_CHECKING:
    from namegen.datasets.dataset import Dataset
    from namegen.datasets.options import ReadingOptions
    from namegen.evaluation.metrics import CategoryEvaluation, Evaluation
    from namegen.models.model import Model


def evaluate(
    model: ModelArgument = None,
    *,
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            "-d",
            metavar="PATH_OR_NAME",
            autocompletion=complete_dataset,
            help="Names to evaluate on: path or dataset name; can be repeated."
            "  [default: the data the model was trained on]",
        ),
    ] = None,
    name_column: NameColumnOption = None,
    category_column: CategoryColumnOption = None,
    no_header: NoHeaderOption = False,
    encoding: EncodingOption = None,
    plain: PlainOption = False,
    everything: Annotated[bool, typer.Option("--all", help="Score all names, training names included.")] = False,
    count: Annotated[int, typer.Option("--count", "-n", help="Names to sample per category.")] = 1000,
    temperature: TemperatureOption = None,
    top_k: TopKOption = None,
    top_p: TopPOption = None,
    guidance: GuidanceOption = None,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same sampled names.")] = 1,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Also plot to this .png, .svg or .pdf file."),
    ] = None,
    output_format: FormatOption = "table",
) -> None:
    """Measure how good a model is.

    Prints for each category the loss per letter and the perplexity on names that the model was not trained on. For
    names sampled from the model, it prints the shares that are novel, unique, and right (an n-gram trained on the data
    assigns them to their category), and their mean length next to that of the data.

    The row `macro` has the mean over categories, the row `micro` the mean over letters.
    """
    from namegen.cli.terminal import print_json, print_note
    from namegen.evaluation.metrics import evaluate as measure
    from namegen.models.store import find_model

    if output is not None:
        from namegen.evaluation.plots import check_image_path

        check_image_path(output)
    location = find_model(model)
    loaded = location.load()
    reading = build_reading(
        name_column=name_column,
        category_column=category_column,
        no_header=no_header,
        encoding=encoding,
        plain=plain,
    )
    dataset = _open_dataset(loaded, data, reading)
    print_reading(dataset)
    settings = drop_unset(temperature=temperature, top_k=top_k, top_p=top_p, guidance=guidance)
    found = measure(loaded, dataset, count=count, seed=seed, everything=everything, **settings)
    if everything:
        print_note(f"Scored all {found.names:,} names of {dataset.label}.")
    else:
        unseen = f"{found.names:,} of {found.data_names:,} names"
        print_note(f"Scored {unseen} of {dataset.label}, leaving out the model's training names.")
    for fact in found.notes:
        print_note(f"{fact[0].upper()}{fact[1:]}.")
    if output is not None:
        from namegen.evaluation.plots import plot_evaluation

        plot_evaluation(found, output, location.name)
        print_note(f"Saved the plot to {output}.", whole=[str(output)])
    if output_format == "json":
        print_json(found.as_dict())
    else:
        _print_evaluation(found)


def _open_dataset(model: Model, data: list[str] | None, reading: ReadingOptions) -> Dataset:
    from namegen.datasets.open import is_dataset_name, open_dataset
    from namegen.errors import UsageError

    if not data:
        if not is_dataset_name(model.dataset):
            raise UsageError(
                f"the training data, {model.dataset}, are not a dataset of namegen; give their path with --data"
            )
        data = [model.dataset]
    return open_dataset(tuple(data), alphabet=model.alphabet, reading=reading)


def _print_evaluation(evaluation: Evaluation) -> None:
    from namegen.cli.terminal import print_table

    head = ("category", "names", "loss", "perplexity", "novel", "unique", "right", "length", "data's length")
    rows = [_format_row(category, figures, figures.loss) for category, figures in evaluation.categories.items()]
    rows.append(_format_row("macro", evaluation, evaluation.macro))
    rows.append([*_format_row("micro", evaluation, evaluation.micro)[:4], *["-"] * 5])
    print_table(head, rows, right=head[1:])


def _format_row(label: str, figures: CategoryEvaluation | Evaluation, loss: float | None) -> list[str]:
    from namegen.evaluation.metrics import perplexity_of

    values = {
        ".3f": [loss],
        ".2f": [perplexity_of(loss)],
        ".1%": [figures.novel, figures.unique, figures.right],
        ".1f": [figures.length, figures.data_length],
    }
    cells = ["-" if value is None else format(value, form) for form, group in values.items() for value in group]
    return [label, f"{figures.names:,}", *cells]

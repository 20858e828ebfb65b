"""``namegen train``: train a model, with live progress."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from namegen.architectures import ARCHITECTURES
from namegen.cli.inputs import build_reading, drop_unset
from namegen.cli.options import (
    CategoryColumnOption,
    EncodingOption,
    MinCountOption,
    NameColumnOption,
    NoHeaderOption,
    PlainOption,
    WeightColumnOption,
    WeightsOption,
    complete_dataset,
    complete_model,
    complete_own_model,
    complete_setting,
)
from namegen.errors import UsageError

if TYPE_CHECKING:
    from namegen.models.store import ModelLocation

    ArchitectureName = str
else:
    ArchitectureName = Literal[tuple(name for name, architecture in ARCHITECTURES.items() if architecture.network)]


def train(
    *,
    iters: Annotated[
        int | None,
        typer.Option(help="Training names to sample.  [default: 100000, best: 1200000, --init: 100 per name]"),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            "-d",
            metavar="PATH_OR_NAME",
            autocompletion=complete_dataset,
            help="Dataset name, list, table, JSON file, folder or zip; - is standard input. Can be repeated."
            "  [default: surnames if downloaded, else starter]",
        ),
    ] = None,
    name_column: NameColumnOption = None,
    category_column: CategoryColumnOption = None,
    weight_column: WeightColumnOption = None,
    no_header: NoHeaderOption = False,
    encoding: EncodingOption = None,
    plain: PlainOption = False,
    weights: WeightsOption = None,
    min_count: MinCountOption = None,
    alphabet: Annotated[
        Literal["ascii", "unicode"] | None,
        typer.Option(
            help="ASCII letters (names are transliterated) or the letters of the names.  "
            "[default: ascii, --init: unicode]"
        ),
    ] = None,
    recipe: Annotated[
        Literal["instant", "default", "best", "tutorial"] | None,
        typer.Option(
            help="An n-gram at once (instant), a good model in seconds (default), a better one in minutes (best), "
            "or the tutorial's network (tutorial).  [default: default]"
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            "--init",
            metavar="MODEL",
            autocompletion=complete_model,
            help="Fine-tune this model on new categories; for short lists.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            autocompletion=complete_own_model,
            help="Name of the model.  [default: default]",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Save the model to this file instead."),
    ] = None,
    arch: Annotated[
        ArchitectureName | None, typer.Option(help="Recurrent network.  [default: gru, tutorial: rnn]")
    ] = None,
    hidden_size: Annotated[
        int | None, typer.Option(help="Hidden units.  [default: 192, best: 384, tutorial: 128]")
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(help="Dropout probability.  [default: 0.4, rnn: 0.1, best: 0, --init: 0.6]"),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Names per optimiser step.  [default: 64, short runs: 32, best: 128, tutorial: 1]"),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--learning-rate",
            "--lr",
            help="Peak learning rate.  [default: 0.006, short runs: 0.01, best: 0.004, tutorial: 0.0005, --init: 0.03]",
        ),
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(help="Share of names held out.  [default: 0.1, best: 0, tutorial: 0, --init: 0]"),
    ] = None,
    save_every: Annotated[
        int | None, typer.Option(help="Iterations between checkpoints.  [default: 10000, tutorial: 5000]")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same model.  [default: 1]")] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            help="Train with this many seeds, from --seed on, and print the mean and spread of the losses. "
            "The models are NAME-seed1, NAME-seed2 and so on."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            autocompletion=complete_setting,
            help="Any setting of a training, such as weight_decay=0.3 or distillation.teachers=3. Can be repeated.",
        ),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(
            "--log",
            metavar="FILE",
            help="Write the losses, learning rate and speed to this file as JSON lines; see `namegen plot`.",
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads for torch.  [default: 2 for large batches, else 1]")
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps.  [default: auto]")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Resume an unfinished run; repeat its -m or -o, and its --init."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Discard an unfinished run and start over.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Train a model on lists of names.

    `namegen train` trains the model `default`, which `namegen sample` then uses. Options override the settings of
    the recipe or of --init. With --init, the model keeps the network of the model it starts from.
    """
    from namegen.cli.train_runs import run_training
    from namegen.training.jobs import TrainingRequest
    from namegen.training.settings import parse_settings

    parts = drop_unset(
        iterations=iters,
        architecture=arch,
        hidden_size=hidden_size,
        dropout=dropout,
        batch_size=batch_size,
        learning_rate=learning_rate,
        validation=validation,
        save_every=save_every,
        seed=seed,
    )
    for name, value in parse_settings(settings or ()).items():
        if name in parts:
            raise UsageError(f"{name} is given both by its own option and by --set; give it once")
        parts[name] = value
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
    request = TrainingRequest(
        parts,
        recipe,
        init,
        tuple(data or ()),
        reading=reading,
        alphabet=alphabet,
        device=device,
        threads=threads,
        resume=resume,
        force=force,
        log=log,
    )
    run_training(request, partial(_find_location, model, output), seeds, quiet=quiet)


def _find_location(model: str | None, output: Path | None) -> ModelLocation:
    """Return the location of the model from the options."""
    from namegen import paths
    from namegen.models.store import DEFAULT_MODEL, RUN_SUFFIX, cached_location, file_location

    if output is None:
        if model is not None and paths.looks_like_path(model):
            raise UsageError(f"--model takes a name; to save the model to a file, use -o {model}")
        return cached_location(DEFAULT_MODEL if model is None else model)
    if model is not None:
        raise UsageError("--model and -o cannot be combined; use one of them")
    if output.exists() and not output.is_file():
        kind = "a folder" if output.is_dir() else "not a regular file"
        raise UsageError(f"{output} is {kind}; give -o the name of a file")
    if output.name.endswith(RUN_SUFFIX):
        raise UsageError(f"{RUN_SUFFIX} is the file extension of unfinished runs; give {output} another one")
    return file_location(output)

"""``namegen train``: train a model, with live progress."""

from __future__ import annotations

import shlex
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from namegen.architectures import ARCHITECTURES
from namegen.cli.inputs import advise_people, build_reading, describe_reading, drop_unset
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
)
from namegen.cli.signals import StopOnSignal, import_torch
from namegen.errors import TrainingStopped, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from namegen.datasets.dataset import Dataset
    from namegen.models.model import Model
    from namegen.models.store import ModelLocation
    from namegen.training.distributed import ProcessGroup
    from namegen.training.jobs import TrainingPlan, TrainingRequest

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
    from namegen.training.jobs import TrainingRequest

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
    )
    _train(request, model, output, quiet=quiet)


def _train(request: TrainingRequest, model: str | None, output: Path | None, *, quiet: bool) -> None:
    """Train a model, alone or together with other processes, of which rank 0 alone prepares, prints and saves."""
    from namegen.training.distributed import find_process_group, joined
    from namegen.training.jobs import run_plan

    if not find_process_group().is_single:
        import_torch()
    with joined() as group, ExitStack() as claim:
        location, plan, dataset = group.on_rank_zero(
            lambda: _prepare(request, claim, _find_location(model, output), group, quiet=quiet)
        )
        quiet = quiet or not group.is_rank_zero
        if request.has_network:
            trained = _train_network(request, location, plan, dataset, group, quiet=quiet)
        else:
            trained = run_plan(location, plan, dataset)
    if not quiet:
        _print_results(location, trained, dataset.categories)


def _train_network(
    request: TrainingRequest,
    location: ModelLocation,
    plan: TrainingPlan,
    dataset: Dataset,
    group: ProcessGroup,
    *,
    quiet: bool,
) -> Model:
    """Train a network with a live display, until the end or a signal."""
    from namegen.cli.progress import show_progress
    from namegen.cli.terminal import print_note
    from namegen.training.jobs import command_to_resume, run_plan

    where = plan.device if group.is_single else f"{plan.device} in {group.world_size} processes"
    with StopOnSignal() as signals:

        def stop() -> bool:
            return signals.received > 0

        try:
            with show_progress(dataset, plan.config, location.name, where, quiet=quiet) as show:
                report = show if group.is_rank_zero else lambda _: None
                return run_plan(location, plan, dataset, report=report, stop=stop, group=group)
        except TrainingStopped as stopped:
            if group.is_rank_zero:
                command = command_to_resume(location, request, group)
                print_note(f"{str(stopped).capitalize()}, and saved. Resume with: {command}", whole=[command])
            # Another process may have received the signal.
            raise typer.Exit(128 + (signals.received or signal.SIGTERM)) from None


def _prepare(
    request: TrainingRequest, claim: ExitStack, location: ModelLocation, group: ProcessGroup, *, quiet: bool
) -> tuple[ModelLocation, TrainingPlan, Dataset]:
    """Claim the location, plan the training and read the names."""
    from namegen.cli.terminal import print_note
    from namegen.training.jobs import NO_EFFECT, claim_model, fit_plan, plan_training, small_data_warning

    claim.enter_context(claim_model(location))
    if request.has_network:
        import_torch()  # takes long, so an error in the options comes first
    plan = plan_training(location, request, group)
    dataset = _open_data(plan)
    if plan.init:
        from namegen.training.fine_tuning import check_new_categories

        check_new_categories(plan.init, dataset)
        plan = fit_plan(plan, request, dataset)
    notes = _describe_data(plan, request, dataset)
    if warning := small_data_warning(plan.config, dataset):
        notes.append(f"{warning}.")
    if not request.has_network:
        options = (option for setting, option in NO_EFFECT.items() if setting in request.parts)
        notes += [f"{option} has no effect: an n-gram counts all names, without sampling them." for option in options]
    if plan.changes:
        changes = " and ".join(plan.changes)
        notes.append(f"Resuming {changes}: the model may differ from that of an uninterrupted run.")
    if location.model.is_file():
        notes.append(f"The existing model {location.name} stays in use until the training ends.")
    for note in () if quiet else notes:
        print_note(note)
    return location, plan, dataset


def _open_data(plan: TrainingPlan) -> Dataset:
    """Read the names of a planned training."""
    from namegen.cli.inputs import announce_stdin
    from namegen.datasets.open import open_dataset

    announce_stdin(plan.data)
    return open_dataset(
        plan.data or None, alphabet=plan.alphabet, keep_repeats=plan.config.keep_repeats, reading=plan.reading
    )


def _describe_data(plan: TrainingPlan, request: TrainingRequest, dataset: Dataset) -> list[str]:
    """Return notes about the names of a planned training."""
    from namegen.datasets.open import STARTER

    notes = describe_reading(dataset, hints=True)
    notes += advise_people(dataset, plan.init, "--init") if request.alphabet is None else []
    if not plan.data and dataset.label == STARTER:
        notes.insert(0, "Training on the starter names; `namegen download` gets 20,050 surnames.")
    elif not plan.data:
        notes.insert(0, "Training on the downloaded surnames; to use your own names, give --data.")
    return notes


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


def _print_results(location: ModelLocation, model: Model, categories: Sequence[str]) -> None:
    """Print the model's file and losses, and a command that samples one of the categories it was trained on."""
    from namegen.cli.terminal import print_note
    from namegen.models.categories import suggest_start_letters
    from namegen.models.store import DEFAULT_MODEL

    history = model.history
    print_note(f"Model {location.name}: {location.model}", whole=[location.name, str(location.model)])
    if model.mixture and not model.has_network:
        ngrams, names = len(model.mixture.ngram.letters), int(model.counts.sum())
        print_note(f"Counted {ngrams:,} n-grams of order {model.mixture.ngram.order} in {names:,} names.")
    else:
        distilled = " (against its teachers)" if model.training.distillation else ""
        losses = f"training {history.final_training:.3f}{distilled}"
        if history.best_validation is not None:
            losses += f", validation {history.validation[-1]:.3f}"
        print_note(f"Final loss in nats per letter: {losses}")
    if history.best_validation is not None:
        best = f"{history.best_validation:.3f}"
        print_note(
            f"Kept the model after {model.weights_after:,} iterations, which has the lowest validation loss: {best}"
        )
    which = "" if location.name == DEFAULT_MODEL else f" --model {shlex.quote(location.name)}"
    category = "German" if "German" in categories else categories[0]
    letters = shlex.quote(suggest_start_letters(model, category))
    dashes = "-- " if category.startswith("-") else ""  # or the category would be read as an option
    what = letters if len(model.categories) == 1 else f"{dashes}{shlex.quote(category)} {letters}"
    command = f"namegen sample{which} {what}"
    print_note(f"Next: {command}", whole=[command])

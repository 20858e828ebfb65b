"""``namegen train``: train a model, with live progress."""

from __future__ import annotations

import shlex
import signal
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from namegen.cli.options import complete_dataset, complete_model, complete_own_model
from namegen.cli.signals import NotedSignals, heard_within, import_torch, last_words
from namegen.errors import TrainingStopped, UsageError
from namegen.models.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from namegen.datasets.dataset import Dataset
    from namegen.models.model import Model
    from namegen.models.store import TrainingLocation
    from namegen.training.distributed import Ranks
    from namegen.training.jobs import Plan, Request

    ArchitectureName = str
else:
    ArchitectureName = Literal[tuple(ARCHITECTURES)]

BY_RECIPE = "[default: by recipe]"
_PATIENCE = 20  # seconds, of those 30 after which torchrun ends a process that does not hear its signal


def train(
    *,
    iters: Annotated[
        int | None,
        typer.Option("--iters", help="How many training names to draw.  [default: 100000, best: 1200000]"),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            "-d",
            metavar="PATH_OR_NAME",
            autocompletion=complete_dataset,
            help="A folder or zip of CATEGORY.txt files, a .txt, .csv or .tsv file, a downloaded dataset, or starter."
            "  [default: surnames if downloaded, else starter]",
        ),
    ] = None,
    alphabet: Annotated[
        Literal["ascii", "unicode"] | None,
        typer.Option(
            "--alphabet",
            help="Transliterate names into ASCII letters, or keep the letters that they are written with."
            "  [default: ascii]",
        ),
    ] = None,
    recipe: Annotated[
        Literal["default", "best", "tutorial"] | None,
        typer.Option(
            "--recipe",
            help="All settings at once: good in seconds, better in minutes, or the tutorial's. Settings given beside it"
            " replace parts.  [default: default]",
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            "--init",
            metavar="MODEL",
            autocompletion=complete_model,
            help="Add the categories of the names to this model: for few names.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            autocompletion=complete_own_model,
            help="The model's name.  [default: default]",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Put the model into this file, not under a name in the cache."
        ),
    ] = None,
    arch: Annotated[
        ArchitectureName | None, typer.Option("--arch", help=f"The recurrent network.  {BY_RECIPE}")
    ] = None,
    hidden_size: Annotated[
        int | None, typer.Option("--hidden-size", help=f"The units of its hidden state.  {BY_RECIPE}")
    ] = None,
    dropout: Annotated[
        float | None, typer.Option("--dropout", help=f"The probability that a unit is dropped.  {BY_RECIPE}")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", help=f"Names to an optimiser step.  {BY_RECIPE}")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", "--lr", help=f"The (peak) learning rate.  {BY_RECIPE}")
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option("--validation", help=f"The share of names held out to measure the loss on.  {BY_RECIPE}"),
    ] = None,
    save_every: Annotated[
        int | None,
        typer.Option("--save-every", help="Iterations between saves of the run.  [default: 10000, tutorial: 5000]"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="The same seed gives the same model.  [default: 1]")
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", help="Threads for torch.  [default: by a fixed rule]")
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps.  [default: auto]")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with an unfinished run, with its settings. Where the model had a name or file (-m, -o) and its"
            " names a path (-d), give these again.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Start over although there is an unfinished run.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show errors only.")] = False,
) -> None:
    """Train a model on lists of names.

    `namegen train --iters 100000` trains the model `default`, which `namegen sample` uses from then on.
    """
    from namegen.training.jobs import Request

    parts = {
        "iterations": iters,
        "architecture": arch,
        "hidden_size": hidden_size,
        "dropout": dropout,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "validation": validation,
        "save_every": save_every,
        "seed": seed,
    }
    request = Request(
        parts={name: value for name, value in parts.items() if value is not None},
        recipe=recipe,
        init=init,
        dataset=data,
        alphabet=alphabet,
        device=device,
        threads=threads,
        resume=resume,
        force=force,
    )
    _train(request, lambda: _place(model, output), quiet=quiet)


def _train(request: Request, find_place: Callable[[], TrainingLocation], *, quiet: bool) -> None:
    """Train a model, alone or together with other processes, of which the first one speaks for all."""
    from namegen.cli.terminal import print_note
    from namegen.training.distributed import from_environment, joined
    from namegen.training.jobs import claim, is_finished, plan

    ranks, display = from_environment(), ExitStack()
    quiet = quiet or not ranks.is_first
    if not ranks.alone:
        import_torch()
    with (
        nullcontext() if ranks.alone else heard_within(_PATIENCE, lambda: _give_up(find_place, display, ranks)),
        joined(),
        last_words(aloud=ranks.is_first),
        claim(ranks.of_first(find_place), ranks) as place,
    ):
        import_torch()  # of one process only now: what is wrong about the place is said at once
        if ranks.of_first(lambda: is_finished(place, ranks)):
            if not quiet:
                finished = place.load()
                _finish(place, finished, finished.categories)
            return
        planned = ranks.of_first(lambda: plan(place, request, ranks))
        dataset = ranks.of_first(lambda: _dataset(planned, quiet=quiet))
        if planned.changes and not quiet:
            print_note(
                f"Going on {' and '.join(planned.changes)}: the model may not be exactly that of an uninterrupted run."
            )
        if place.model.is_file() and not quiet:
            print_note(f"The model {place.name} that is there stays in use until the end, and is replaced then.")
        trained = _run(place, request, planned, dataset, ranks, display, quiet=quiet)
    if not quiet:
        _finish(place, trained, dataset.categories)


def _run(
    place: TrainingLocation,
    request: Request,
    planned: Plan,
    dataset: Dataset,
    ranks: Ranks,
    display: ExitStack,
    *,
    quiet: bool,
) -> Model:
    """Run a training until it ends, or a signal ends it in order, and show it in ``display``, which ends with it."""
    from namegen.cli.progress import show_progress
    from namegen.cli.terminal import print_note
    from namegen.training.jobs import command_to_resume, run

    where = planned.device if ranks.alone else f"{planned.device} in {ranks.world} processes"
    # An error is said while signals are still only noted: afterwards the next one would take its place.
    with NotedSignals() as signals, last_words(aloud=ranks.is_first):
        try:
            with display:
                shown = display.enter_context(show_progress(dataset, planned.config, place.name, where, quiet=quiet))
                report = shown.report if ranks.is_first else lambda _: None
                return run(place, planned, dataset, report=report, stop=lambda: signals.received > 0, ranks=ranks)
        except TrainingStopped as stopped:
            if ranks.is_first:
                how = command_to_resume(place, request, ranks)
                print_note(f"{str(stopped).capitalize()}, and saved. Go on with: {how}", whole=[how])
            raise typer.Exit(128 + (signals.received or signal.SIGTERM)) from None  # another rank may have heard it


def _give_up(find_place: Callable[[], TrainingLocation], display: ExitStack, ranks: Ranks) -> None:
    """Say that the training does not hear that it should end, and what is left of it."""
    from namegen.cli.terminal import print_error, show_cursor
    from namegen.training.jobs import saved

    display.close()
    show_cursor()  # the first process, which may have died, had it hidden
    if ranks.is_first:
        print_error(
            f"the training did not end within {_PATIENCE} seconds of being asked to, so another process of it may have "
            f"ended; what is saved is {saved(find_place())}"
        )


def _place(model: str | None, output: Path | None) -> TrainingLocation:
    from namegen import paths
    from namegen.models.store import DEFAULT_MODEL, RUN_SUFFIX, cached_location, file_location

    if output is None:
        if model is not None and paths.looks_like_path(model):
            raise UsageError(f"--model takes a name; to put the model into a file of yours, use -o {model}")
        return cached_location(DEFAULT_MODEL if model is None else model)
    if model is not None:
        raise UsageError("--model names a model in the cache and -o a file; use one of them")
    if output.exists() and not output.is_file():
        kind = "a folder" if output.is_dir() else "no regular file"
        raise UsageError(f"{output} is {kind}; -o takes the name of a file")
    if output.name.endswith(RUN_SUFFIX):
        raise UsageError(f"{output} would pass for an unfinished run; give the file another ending than {RUN_SUFFIX}")
    return file_location(output)


def _dataset(planned: Plan, *, quiet: bool) -> Dataset:
    """Read the names, and say what there is to say about them."""
    from namegen.cli.terminal import print_note
    from namegen.datasets.open import STARTER, open_dataset
    from namegen.training.fine_tuning import check_new_categories
    from namegen.training.jobs import small_data_warning

    dataset = open_dataset(planned.dataset, alphabet=planned.alphabet, keep_repeats=planned.config.keep_repeats)
    if planned.init:
        check_new_categories(planned.init, dataset)
    if not quiet:
        if planned.dataset is None and dataset.label == STARTER:
            print_note("Training on the starter names; `namegen download` gets 20,050 surnames.")
        elif planned.dataset is None:
            print_note("Training on the downloaded surnames; --data takes names of your own.")
        for fact in dataset.notes:
            print_note(f"{dataset.label}: {fact}.")
        if worry := small_data_warning(planned.config, dataset):
            print_note(f"{worry}.")
    return dataset


def _finish(place: TrainingLocation, model: Model, categories: Sequence[str]) -> None:
    """Say where the model is, how good it is, and what to do with it: with one of the categories it learned."""
    from namegen.cli.terminal import print_note
    from namegen.models.categories import suggest_start_letters
    from namegen.models.store import DEFAULT_MODEL

    history = model.history
    print_note(f"Model {place.name}: {place.model}", whole=[place.name, str(place.model)])
    taught = " (against its teachers)" if model.training.distillation else ""
    losses = f"training {history.final_training:.3f}{taught}"
    if history.best_validation is not None:
        losses += f", validation {history.validation[-1]:.3f}"
    print_note(f"Loss at the end, in nats per letter: {losses}")
    if history.best_validation is not None:
        best = f"{history.best_validation:.3f}"
        print_note(f"Kept the model after {model.weights_after:,} iterations, the best by validation: {best}")
    which = "" if place.name == DEFAULT_MODEL else f" --model {shlex.quote(place.name)}"
    category = "German" if "German" in categories else categories[0]
    letters = shlex.quote(suggest_start_letters(model, category))
    dashes = "-- " if category.startswith("-") else ""  # it would pass for an option
    what = letters if len(model.categories) == 1 else f"{dashes}{shlex.quote(category)} {letters}"
    following = f"namegen sample{which} {what}"
    print_note(f"Next: {following}", whole=[following])

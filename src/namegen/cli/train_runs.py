"""Run the trainings of ``namegen train``: one, or one for each of several seeds."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import typer

from namegen.cli.inputs import advise_people, describe_reading
from namegen.cli.signals import StopOnSignal, import_torch
from namegen.config import fit_to_data
from namegen.errors import TrainingStopped, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from namegen.datasets.dataset import Dataset
    from namegen.models.model import Model
    from namegen.models.store import ModelLocation
    from namegen.training.distributed import ProcessGroup
    from namegen.training.jobs import TrainingPlan, TrainingRequest


def run_training(
    request: TrainingRequest, find_location: Callable[[], ModelLocation], seeds: int | None, *, quiet: bool
) -> None:
    """Train one or more models, alone or together with other processes, of which rank 0 alone prints and saves.

    Args:
        request: the request.
        find_location: returns where to save the model, or with ``seeds`` the location to derive theirs from.
        seeds: the number of seeds to train with; ``None`` for a single model.
        quiet: whether to print errors only.
    """
    from namegen._validate import check_int
    from namegen.cli.train_results import print_next_command, print_results, print_seeds
    from namegen.training.distributed import find_process_group, joined
    from namegen.training.seeds import MAX_SEEDS

    if seeds is not None:
        check_int("the number of seeds", seeds, 2, MAX_SEEDS)
        if not request.has_network:
            raise UsageError("an n-gram does not depend on the seed; leave out --seeds")
    if not find_process_group().is_single:
        import_torch()
    with joined() as group:
        is_quiet = quiet or not group.is_rank_zero
        location = group.on_rank_zero(find_location)
        if seeds is not None:
            models = _train_seeds(request, location, seeds, group, quiet=is_quiet)
        else:
            trained, dataset = _train_one(request, location, group, quiet=is_quiet)
    if is_quiet:
        return
    if seeds is not None:
        print_seeds(location, models)
    else:
        print_results(location, trained)
        print_next_command(location, trained, dataset.categories)


def _train_seeds(
    request: TrainingRequest, location: ModelLocation, seeds: int, group: ProcessGroup, *, quiet: bool
) -> dict[int, Model]:
    """Train a model with each of several seeds, and return them. To resume means to skip the seeds that are done."""
    from namegen.cli.train_results import print_results
    from namegen.training.seeds import check_same_run, load_finished, seed_location, seed_path

    models: dict[int, Model] = {}
    dataset, first = None, request.parts.get("seed", 1)
    for seed in range(first, first + seeds):
        place = seed_location(location, seed)
        log = seed_path(request.log, seed) if request.log else None
        own = replace(request, parts={**request.parts, "seed": seed}, log=log)
        if request.resume:
            finished = group.on_rank_zero(partial(load_finished, place, own))
            if finished:
                check_same_run(models.get(first, finished), finished.training, finished.fingerprint)
                models[seed] = finished
                continue
            own = replace(own, resume=group.on_rank_zero(place.checkpoint.is_file))
        models[seed], dataset = _train_one(own, place, group, dataset, models, quiet=quiet)
        if not quiet:
            print_results(place, models[seed])
    return models


def _train_one(
    request: TrainingRequest,
    location: ModelLocation,
    group: ProcessGroup,
    dataset: Dataset | None = None,
    others: Mapping[int, Model] | None = None,
    *,
    quiet: bool,
) -> tuple[Model, Dataset]:
    """Train one model, and return it and its names.

    Args:
        request: the request.
        location: where to save the model.
        group: the processes.
        dataset: the names, if they have been read for another seed.
        others: the models of the seeds before, if it is one of several.
        quiet: whether to print errors only.
    """
    from namegen.training.jobs import command_to_resume, run_plan
    from namegen.training.seeds import check_same_run

    with ExitStack() as claim:
        plan, dataset = group.on_rank_zero(lambda: _prepare(request, claim, location, group, dataset, quiet=quiet))
        for other in list((others or {}).values())[:1]:
            check_same_run(other, fit_to_data(plan.config, dataset.counts.tolist()), dataset.fingerprint)
        if not request.has_network:
            return run_plan(location, plan, dataset), dataset
        command = command_to_resume(location, request, group) if others is None else None
        return _train_network(request, location, plan, dataset, group, command, quiet=quiet), dataset


def _train_network(
    request: TrainingRequest,
    location: ModelLocation,
    plan: TrainingPlan,
    dataset: Dataset,
    group: ProcessGroup,
    command: str | None,
    *,
    quiet: bool,
) -> Model:
    """Train a network with a live display, until the end or a signal; ``command`` resumes it, if it is a single run."""
    from namegen.cli.progress import show_progress
    from namegen.cli.terminal import print_note
    from namegen.training.jobs import run_plan
    from namegen.training.run_logs import RunLogWriter

    where = plan.device if group.is_single else f"{plan.device} in {group.world_size} processes"
    write = None
    if request.log and group.is_rank_zero:
        write = RunLogWriter(request.log, plan.config.seed, time.monotonic, resume=plan.resume)
    with StopOnSignal() as signals:

        def stop() -> bool:
            return signals.received > 0

        try:
            with show_progress(dataset, plan.config, location.name, where, write, quiet=quiet) as show:
                report = show if group.is_rank_zero else lambda _: None
                return run_plan(location, plan, dataset, report=report, stop=stop, group=group)
        except TrainingStopped as stopped:
            if group.is_rank_zero:
                how = f"Resume with: {command}" if command else "To resume, repeat the command with --resume."
                print_note(f"{str(stopped).capitalize()}, and saved. {how}", whole=[command] if command else ())
            # Another process may have received the signal.
            raise typer.Exit(128 + (signals.received or signal.SIGTERM)) from None


def _prepare(
    request: TrainingRequest,
    claim: ExitStack,
    location: ModelLocation,
    group: ProcessGroup,
    dataset: Dataset | None,
    *,
    quiet: bool,
) -> tuple[TrainingPlan, Dataset]:
    """Claim the location, plan the training and read the names, unless that has been done for another seed."""
    from namegen.cli.terminal import print_note
    from namegen.training.jobs import NO_EFFECT, claim_model, fit_plan, plan_training, small_data_warning
    from namegen.training.settings import find_ineffective

    claim.enter_context(claim_model(location))
    if request.has_network:
        import_torch()  # takes long, so an error in the options comes first
    plan = plan_training(location, request, group)
    is_first = dataset is None
    dataset = dataset or _open_data(plan)
    if plan.init:
        from namegen.training.fine_tuning import check_new_categories

        check_new_categories(plan.init, dataset)
        plan = fit_plan(plan, request, dataset)
    notes = _describe_data(plan, request, dataset) if is_first else []
    if is_first and (warning := small_data_warning(plan.config, dataset)):
        notes.append(f"{warning}.")
    if is_first and request.has_network:
        notes += [f"The setting {fact}." for fact in find_ineffective(plan.config, request.parts)]
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
    return plan, dataset


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

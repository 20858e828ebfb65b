"""``namegen models``: what has been trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from namegen.cli.options import FormatOption, ModelArgument, complete_own_model

if TYPE_CHECKING:
    from pathlib import Path

    from namegen.models.model import Model

models = typer.Typer(name="models", help="List, show and remove models.", add_completion=False, rich_markup_mode=None)


@models.callback(invoke_without_command=True)
def list_(context: typer.Context, *, output_format: FormatOption = "table") -> None:
    """List the models, those whose training has not finished among them.

    The last one, pretrained, comes with namegen.
    """
    if context.invoked_subcommand is not None:
        return
    from namegen.cli.terminal import print_json, print_note, print_table
    from namegen.errors import ModelFileError
    from namegen.models.store import list_models

    summaries = []
    for place in list_models():
        for file in place.files:
            try:
                if file.is_file():
                    summaries.append(_summary(place.name, file))
            except ModelFileError as error:  # one bad file must not hide the others
                print_note(f"Left out: {error}")
    if output_format == "json":
        print_json(summaries)
        return
    if not summaries:
        print_note("There are no models yet; train one with `namegen train`.")
        return
    head = ("name", "recipe", "iters", "training", "validation", "categories", "data", "date", "size")
    rows = [
        (
            s["name"] + ("" if s["finished"] else " (unfinished)"),
            s["recipe"],
            f"{s['iterations']:,}" + ("" if s["finished"] else f" of {s['planned_iterations']:,}"),
            _loss(s["training_loss"]),
            _loss(s["validation_loss"]),
            str(s["categories"]),
            s["data"],
            (s["date"] or "-")[:10],
            f"{s['bytes'] / 1e6:.1f}M",
        )
        for s in summaries
    ]
    print_table(head, rows, right=("iters", "training", "validation", "categories", "size"))


@models.command()
def show(name: ModelArgument = None, *, output_format: FormatOption = "table") -> None:
    """Show every setting of a model."""
    import dataclasses

    from namegen.cli.terminal import print_json, print_table
    from namegen.models.store import find_model

    place = find_model(name)
    model = place.load()
    facts: dict[str, Any] = {
        **_summary(place.name, place.existing or place.model, model),
        "weights_after": model.weights_after,
        "file": str(place.existing),
        "parameters": model.parameters,
        "threads": model.threads,
        "processes": model.processes,
        "fingerprint": model.fingerprint,
        "verified": model.dataset_verified,
        "card": model.card,
        "names": int(model.counts.sum()),
        "training": dataclasses.asdict(model.training),
        "sampling": dataclasses.asdict(model.sampling),
    }
    if output_format == "json":
        print_json(facts)
        return
    rows = []
    for key, value in facts.items():
        if isinstance(value, dict):  # a stage's settings
            rows += _settings(key, value)
        elif key == "card":
            rows.append((key, _setting(bool(value))))
        elif key.endswith("_loss"):
            rows.append((key, _loss(value)))
        else:
            rows.append((key, f"{value:,}" if type(value) is int else _setting(value)))
    print_table(("setting", "value"), rows)


@models.command()
def card(name: ModelArgument = None) -> None:
    """Print a model's card: where its data are from, how good it is, its limits."""
    from namegen.cli.terminal import print_result
    from namegen.errors import ModelFileError
    from namegen.models.store import find_model

    place = find_model(name)
    text = place.load().card
    if not text:
        raise ModelFileError(f"the model {place.name} has no card; see `namegen models show` for its settings")
    print_result(f"{text.rstrip()}\n")


@models.command("path")
def path_(name: ModelArgument = None) -> None:
    """Print the path of a model's file."""
    from namegen.cli.terminal import print_result
    from namegen.models.store import find_model

    print_result(f"{find_model(name).existing}\n")


@models.command()
def rm(
    name: Annotated[
        str, typer.Argument(metavar="NAME", autocompletion=complete_own_model, help="The name of a model.")
    ],
) -> None:
    """Remove a model."""
    from namegen.cli.terminal import print_note
    from namegen.models.store import remove_model

    removed = remove_model(name)
    print_note(f"Removed {name}: {' and '.join(removed)}.")


def _summary(name: str, file: Path, model: Model | None = None) -> dict[str, Any]:
    """What the list says of a model."""
    from namegen.models.serialization import load_model_file
    from namegen.models.store import PRETRAINED

    model = model or load_model_file(file)
    stat = file.stat()
    return {
        "name": name,
        "recipe": model.training.recipe,
        "architecture": model.training.architecture,
        "iterations": model.iterations,
        "planned_iterations": model.training.iterations,
        "finished": model.finished,
        "training_loss": model.history.final_training,
        "validation_loss": model.history.best_validation,
        "categories": len(model.categories),
        "data": model.dataset,
        "date": None if name == PRETRAINED else _date(stat.st_mtime),  # its file has the date of the package at best
        "bytes": stat.st_size,
    }


def _date(seconds: float) -> str | None:
    """Return a file's date, or nothing where a clock was so wrong that no calendar has it."""
    import datetime as dt

    try:
        return dt.datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return None


def _settings(stage: str, values: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the settings of a stage and their values, those of its own stages among them."""
    rows = []
    for setting, chosen in values.items():
        name = f"{stage}.{setting}"
        rows += _settings(name, chosen) if isinstance(chosen, dict) else [(name, _setting(chosen))]
    return rows


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _loss(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

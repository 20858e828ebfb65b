"""``namegen models``: list, show and remove models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from namegen.cli.options import FormatOption, ModelArgument, complete_own_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from namegen.models.model import Model

models = typer.Typer(name="models", help="List, show and remove models.", add_completion=False, rich_markup_mode=None)


@models.callback(invoke_without_command=True)
def list_(context: typer.Context, *, output_format: FormatOption = "table") -> None:
    """List all models, including unfinished ones and the included models, pretrained and people."""
    if context.invoked_subcommand is not None:
        return
    from namegen.cli.terminal import print_json, print_note, print_table
    from namegen.errors import ModelFileError
    from namegen.models.store import list_models

    summaries = []
    for location in list_models():
        for file in filter(Path.is_file, location.files):
            try:
                summaries.append(_summarize(location.name, file))
            except ModelFileError as error:  # one bad file must not hide the others
                print_note(f"Skipped a model: {error}")
    if output_format == "json":
        print_json(summaries)
        return
    if not summaries:
        print_note("No models yet; train one with `namegen train`.")
        return
    head = ("name", "recipe", "iters", "training", "validation", "categories", "data", "date", "size")
    rows = [
        (
            s["name"] + ("" if s["finished"] else " (unfinished)"),
            s["recipe"],
            f"{s['iterations']:,}" + ("" if s["finished"] else f" of {s['planned_iterations']:,}"),
            _format("training_loss", s["training_loss"]),
            _format("validation_loss", s["validation_loss"]),
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
    from namegen.config import NGRAM_SETTINGS
    from namegen.models.store import find_model

    location = find_model(name)
    model = location.load()
    facts: dict[str, Any] = {
        **_summarize(location.name, location.existing or location.model, model),
        "weights_after": model.weights_after,
        "file": str(location.existing),
        "parameters": model.parameters,
        "ngrams": len(model.mixture.ngram.letters) if model.mixture else 0,
        "threads": model.threads,
        "processes": model.processes,
        "fingerprint": model.fingerprint,
        "verified": model.dataset_verified,
        "card": model.card,
        "names": int(model.counts.sum()),
        "training": {
            setting: value
            for setting, value in dataclasses.asdict(model.training).items()
            if model.has_network or setting in NGRAM_SETTINGS
        },
        "sampling": dataclasses.asdict(model.sampling),
    }
    if output_format == "json":
        print_json(facts)
        return
    facts["card"] = bool(model.card)
    print_table(("setting", "value"), [(name, _format(name, value)) for name, value in _flatten(facts)])


@models.command()
def card(name: ModelArgument = None) -> None:
    """Print a model's card: its data, quality and limits."""
    from namegen.cli.terminal import print_result
    from namegen.errors import ModelFileError
    from namegen.models.store import find_model

    location = find_model(name)
    text = location.load().card
    if not text:
        raise ModelFileError(f"the model {location.name} has no card; see `namegen models show` for its settings")
    print_result(f"{text.rstrip()}\n")


@models.command("path")
def path_(name: ModelArgument = None) -> None:
    """Print the path of a model's file."""
    from namegen.cli.terminal import print_result
    from namegen.models.store import find_model

    print_result(f"{find_model(name).existing}\n")


@models.command()
def rm(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=complete_own_model, help="Name of the model.")],
) -> None:
    """Remove a model from the cache."""
    from namegen.cli.terminal import print_note
    from namegen.models.store import remove_model

    print_note(f"Removed {name}: {' and '.join(remove_model(name))}.")


def _summarize(name: str, file: Path, model: Model | None = None) -> dict[str, Any]:
    """Return the facts about a model that the list shows."""
    import datetime as dt

    from namegen.models.serialization import load_model_file
    from namegen.models.store import INCLUDED

    model = model or load_model_file(file)
    stat = file.stat()
    date = dt.datetime.fromtimestamp(stat.st_mtime).astimezone().isoformat(timespec="seconds")
    return {
        "name": name,
        "recipe": model.training.recipe,
        "architecture": model.training.architecture,
        "iterations": model.iterations,
        "planned_iterations": model.training.iterations,
        "finished": model.finished,
        "training_loss": model.history.final_training,
        "validation_loss": model.history.best_validation,
        "categories": len(model.all_categories),
        "data": model.dataset,
        "date": None if name in INCLUDED else date,  # the date of installation is of no interest
        "bytes": stat.st_size,
    }


def _flatten(facts: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the names and values of facts; nested names are joined, as in ``training.iterations``."""
    for name, value in facts.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _format(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}" if name.endswith("_loss") else f"{value:.6g}"
    if isinstance(value, int) and "." not in name:
        return f"{value:,}"
    return "-" if value is None else str(value)

"""Options and arguments that several subcommands have, and what a shell completes for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from namegen.models.model import Model
    from namegen.models.store import ModelLocation


def complete_category(context: typer.Context, incomplete: str) -> list[str]:
    """Return the categories of the chosen model; after ``German+`` also its blends."""
    from namegen.models.store import find_model

    categories = find_model(context.params.get("model")).categories()
    blend = incomplete[: incomplete.rfind("+") + 1]
    return [*categories, *(blend + category for category in categories if blend)]


def complete_model() -> list[str]:
    """Return the names of the models, finished or not."""
    from namegen.models.store import list_models

    return [location.name for location in list_models()]


def complete_own_model() -> list[str]:
    """Return the names of the models in the cache."""
    from namegen.models.store import PRETRAINED
    from namegen.paths import is_name

    return [name for name in complete_model() if is_name(name) and name != PRETRAINED]


def complete_dataset() -> list[str]:
    """Return the datasets that can be opened by name."""
    from namegen.datasets.open import STARTER
    from namegen.paths import cache_dir

    folders = cache_dir().glob("datasets/[!.]*")
    return [STARTER, *sorted(folder.name for folder in folders if folder.is_dir())]


def complete_catalogue() -> list[tuple[str, str]]:
    """Return the datasets that can be downloaded, and their descriptions."""
    from namegen.datasets.catalogue import CATALOGUE

    return [(entry.name, entry.about) for entry in CATALOGUE.values()]


_MODEL_HELP = "The name of a model, or its file.  [default: $NAMEGEN_MODEL, else default, else pretrained]"

ModelArgument = Annotated[
    str | None, typer.Argument(metavar="[MODEL]", autocompletion=complete_model, help=_MODEL_HELP)
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", "-m", metavar="MODEL", autocompletion=complete_model, help=_MODEL_HELP),
]
TemperatureOption = Annotated[
    float | None,
    typer.Option("--temperature", "-t", help="Below 1: more typical names; above 1: wilder ones; 0: greedy."),
]
TopKOption = Annotated[int | None, typer.Option("--top-k", help="Choose among this many of the most likely letters.")]
TopPOption = Annotated[
    float | None,
    typer.Option("--top-p", help="Choose among the most likely letters that together have this probability."),
]
GuidanceOption = Annotated[
    float | None,
    typer.Option("--guidance", help="How much to exaggerate what is special about the category; 0: not at all."),
]
FormatOption = Annotated[Literal["table", "json"], typer.Option("--format", "-f", help="For people, or programs.")]


def drop_unset(**options: object) -> dict[str, Any]:
    """Return the options that were given, which are those that are not ``None``."""
    return {name: value for name, value in options.items() if value is not None}


def load_model_to_use(name: str | None) -> tuple[ModelLocation, Model]:
    """Load a model by its name or path; a note says so if its training has not finished."""
    from namegen.cli.terminal import print_note
    from namegen.models.store import find_model

    location = find_model(name)
    model = location.load()
    if not model.finished:
        print_note(
            f"The training of {location.name} has not finished: this is the model after "
            f"{model.iterations:,} of {model.training.iterations:,} iterations."
        )
    return location, model

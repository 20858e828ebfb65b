"""Options and arguments that several subcommands share, and their completion in shells."""

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
    """Return the names of all models, including unfinished ones."""
    from namegen.models.store import list_models

    return [location.name for location in list_models()]


def complete_own_model() -> list[str]:
    """Return the names of the models in the cache."""
    from namegen.models.store import PRETRAINED
    from namegen.paths import is_name

    return [name for name in complete_model() if is_name(name) and name != PRETRAINED]


def complete_dataset() -> list[str]:
    """Return the datasets in the cache and the included one."""
    from namegen.datasets.open import STARTER
    from namegen.paths import cache_dir

    folders = cache_dir().glob("datasets/[!.]*")
    return [STARTER, *sorted(folder.name for folder in folders if folder.is_dir())]


def complete_catalogue() -> list[tuple[str, str]]:
    """Return the datasets of the catalogue and their descriptions."""
    from namegen.datasets.catalogue import CATALOGUE

    return [(entry.name, entry.about) for entry in CATALOGUE.values()]


_MODEL_HELP = "Model name or file.  [default: $NAMEGEN_MODEL, else default, else pretrained]"

ModelArgument = Annotated[
    str | None, typer.Argument(metavar="[MODEL]", autocompletion=complete_model, help=_MODEL_HELP)
]
ModelOption = Annotated[
    str | None, typer.Option("--model", "-m", metavar="MODEL", autocompletion=complete_model, help=_MODEL_HELP)
]
# A model stores its own defaults; "usual" are those of the recipes default and best.
TemperatureOption = Annotated[
    float | None,
    typer.Option(
        "--temperature",
        "-t",
        help="Low is typical, high is wild, 0 is greedy.  [default: the model's, usually 1]",
    ),
]
TopKOption = Annotated[
    int | None, typer.Option(help="Sample from this many top letters only.  [default: the model's, usually all]")
]
TopPOption = Annotated[
    float | None,
    typer.Option(help="Sample from the top letters with this total probability.  [default: the model's, usually 0.85]"),
]
GuidanceOption = Annotated[
    float | None,
    typer.Option(help="Exaggerate what is typical of the category.  [default: the model's, usually 0.4]"),
]
FloorOption = Annotated[
    float | None,
    typer.Option(help="Reject names less plausible than this share of real ones.  [default: the model's, usually 0.5]"),
]
FormatOption = Annotated[Literal["table", "json"], typer.Option("--format", "-f", help="Output format.")]


def drop_unset(**options: object) -> dict[str, Any]:
    """Return the options that are not ``None``."""
    return {name: value for name, value in options.items() if value is not None}


def load_model_to_use(name: str | None) -> tuple[ModelLocation, Model]:
    """Load a model by its name or path; print a note if its training has not finished."""
    from namegen.cli.terminal import print_note
    from namegen.models.store import find_model

    location = find_model(name)
    model = location.load()
    if not model.finished:
        print_note(
            f"The training of {location.name} is unfinished: "
            f"using the model after {model.iterations:,} of {model.training.iterations:,} iterations."
        )
    return location, model

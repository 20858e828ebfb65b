"""Options and arguments that several subcommands share, and their completion in shells."""

from __future__ import annotations

from typing import Annotated, Literal

import typer


def complete_category(context: typer.Context, incomplete: str) -> list[str]:
    """Return the categories of the chosen model, or of all models looked up; after ``German+`` also its blends."""
    from namegen.models.store import find_models

    locations = find_models(context.params.get("model"))
    if context.info_name != "sample":
        locations = locations[:1]
    models = [location.categories() for location in locations]
    blend = incomplete[: incomplete.rfind("+") + 1]
    found = [category for categories in models for category in categories]
    for categories in models if blend else ():
        if any(blend.startswith((f"{category}+", f"{category}:")) for category in categories):
            found += [blend + category for category in categories]
    return list(dict.fromkeys(found))


def complete_model() -> list[str]:
    """Return the names of all models, including unfinished ones."""
    from namegen.models.store import list_models

    return [location.name for location in list_models()]


def complete_own_model() -> list[str]:
    """Return the names of the models in the cache."""
    from namegen.models.store import INCLUDED
    from namegen.paths import is_name

    return [name for name in complete_model() if is_name(name) and name not in INCLUDED]


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


def complete_setting() -> list[str]:
    """Return the names of the settings of a training, each with the sign before its value."""
    from namegen.training.settings import list_settings

    return [f"{name}=" for name in list_settings()]


_MODEL_HELP = "Model name or file.  [default: $NAMEGEN_MODEL, else default, else pretrained]"
_LOOKUP_HELP = "Model name or file.  [default: $NAMEGEN_MODEL, else default, pretrained or people]"

ModelArgument = Annotated[
    str | None, typer.Argument(metavar="[MODEL]", autocompletion=complete_model, help=_MODEL_HELP)
]
ModelOption = Annotated[
    str | None, typer.Option("--model", "-m", metavar="MODEL", autocompletion=complete_model, help=_MODEL_HELP)
]
LookupModelOption = Annotated[
    str | None, typer.Option("--model", "-m", metavar="MODEL", autocompletion=complete_model, help=_LOOKUP_HELP)
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

JobsOption = Annotated[
    str,
    typer.Option(
        "--jobs", "-j", metavar="N|auto", help="Worker processes; auto: one for each core from 500,000 names."
    ),
]

# Options of reading names. The defaults let the contents of the files decide.
NameColumnOption = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column of the names in tables: its title or number.")
]
CategoryColumnOption = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column of the categories in tables; none for a single category.")
]
WeightColumnOption = Annotated[str | None, typer.Option(metavar="COLUMN", help="Column of the counts in tables.")]
NoHeaderOption = Annotated[bool, typer.Option("--no-header", help="The first row of tables is not a header.")]
EncodingOption = Annotated[str | None, typer.Option(help="Encoding of text files.  [default: utf-8]")]
PlainOption = Annotated[bool, typer.Option("--plain", help="Read every line of text as one name.")]
WeightsOption = Annotated[
    Literal["none", "sqrt", "count"] | None,
    typer.Option(help="Use names as often as they occur (count), or the square root of that.  [default: none]"),
]
MinCountOption = Annotated[
    int | None, typer.Option(help="Leave out categories with fewer names than this.  [default: 1]")
]

FormatOption = Annotated[Literal["table", "json"], typer.Option("--format", "-f", help="Output format.")]

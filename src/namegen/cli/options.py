"""Options and arguments that several subcommands share, and their completion in shells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from namegen.datasets.dataset import Dataset
    from namegen.datasets.options import ReadingOptions
    from namegen.models.model import Model
    from namegen.models.store import ModelLocation


_MAX_REPORTS = 10


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


def drop_unset(**options: object) -> dict[str, Any]:
    """Return the options that are not ``None``."""
    return {name: value for name, value in options.items() if value is not None}


def parse_jobs(text: str) -> int | str:
    """Return the number of worker processes, or ``auto``."""
    from namegen.errors import UsageError, quote

    if text == "auto":
        return text
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(f"--jobs must be a number of processes or auto, not {quote(text)}")
    return int(text)


def build_reading(
    *,
    name_column: str | None = None,
    category_column: str | None = None,
    weight_column: str | None = None,
    no_header: bool = False,
    encoding: str | None = None,
    plain: bool = False,
    weights: Literal["none", "sqrt", "count"] | None = None,
    min_count: int | None = None,
) -> ReadingOptions:
    """Return the options of reading names from the options of a command."""
    from namegen.datasets.options import ReadingOptions

    return ReadingOptions(
        name_column=name_column,
        category_column=category_column,
        weight_column=weight_column,
        header=False if no_header else None,
        encoding=encoding,
        plain=plain,
        weights=weights or "none",
        min_count=1 if min_count is None else min_count,
    )


def announce_stdin(paths: Sequence[str]) -> None:
    """Print how to enter names if they are read from a terminal."""
    import sys

    from namegen.cli.terminal import print_note
    from namegen.datasets.options import STDIN

    if STDIN in paths and sys.stdin.isatty():
        print_note("Type one name per line, then press Ctrl-D.")


def print_reading(dataset: Dataset, *, hints: bool = False) -> None:
    """Print how the names of a dataset were read."""
    from namegen.cli.terminal import print_note

    for line in describe_reading(dataset, hints=hints):
        print_note(line)


def describe_reading(dataset: Dataset, *, hints: bool = False) -> list[str]:
    """Return how each file of a dataset was read, the notes about its names and, for training, the hints, as lines."""
    shown = [f"Read {report}." for report in dataset.reports[:_MAX_REPORTS]]
    if len(dataset.reports) > _MAX_REPORTS:
        shown.append(f"Read {len(dataset.reports) - _MAX_REPORTS:,} more files.")
    return shown + [f"{dataset.label}: {note}." for note in (*dataset.notes, *(dataset.hints if hints else ()))]


def load_model_to_use(name: str | None) -> tuple[ModelLocation, Model]:
    """Load a model by its name or path; print a note if its training has not finished."""
    from namegen.models.store import find_model

    location = find_model(name)
    return location, load_location(location)


def look_up_model(locations: Sequence[ModelLocation], category: str | None, *, or_letters: bool) -> ModelLocation:
    """Return the model to sample a category from; print a note if it is not the first.

    See :func:`~namegen.models.categories.find_model_of`. Without a category it is the first.
    """
    from namegen.cli.terminal import print_note
    from namegen.models.categories import find_model_of

    if category is None or len(locations) == 1:
        return locations[0]
    location = find_model_of(category, locations, or_letters=or_letters)
    if location != locations[0]:
        what = f"The parts of {category} are categories" if "+" in category else f"{category} is a category"
        print_note(f"{what} of the included model {location.name}.")
    return location


def advise_people(names: Dataset, base: Model | None, option: str) -> list[str]:
    """Return a note that recommends the model people if an ASCII model lacks many letters of a list."""
    from namegen.datasets.alphabet import ASCII
    from namegen.datasets.dataset import count_of
    from namegen.models.store import PEOPLE

    if base is None or base.alphabet != ASCII:
        return []
    if 10 * names.rewritten > len(names):
        return [f"To keep {count_of(names.rewritten, 'name')} as written, use {option} {PEOPLE}."]
    if 2 * (names.letters >= len(ASCII)).sum() > len(names.letters):
        return [f"Most letters of these names are new to the model; if {PEOPLE} has them, use {option} {PEOPLE}."]
    return []


def load_location(location: ModelLocation) -> Model:
    """Load a model; print a note if its training has not finished."""
    from namegen.cli.terminal import print_note

    model = location.load()
    if not model.finished:
        print_note(
            f"The training of {location.name} is unfinished: "
            f"using the model after {model.iterations:,} of {model.training.iterations:,} iterations."
        )
    return model

"""Find the models and read the names that the options of commands ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from namegen.datasets.dataset import Dataset
    from namegen.datasets.options import ReadingOptions
    from namegen.models.model import Model
    from namegen.models.store import ModelLocation

_MAX_REPORTS = 10


def drop_unset(**options: object) -> dict[str, Any]:
    """Return the options that are not ``None``."""
    return {name: value for name, value in options.items() if value is not None}


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


def parse_jobs(text: str) -> int | str:
    """Return the number of worker processes, or ``auto``."""
    from namegen.errors import UsageError, quote

    if text == "auto":
        return text
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(f"--jobs must be a number of processes or auto, not {quote(text)}")
    return int(text)

"""``namegen people``: invent people with full names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from namegen.cli.inputs import parse_jobs
from namegen.cli.options import JobsOption, complete_model
from namegen.errors import UsageError

if TYPE_CHECKING:
    from namegen.models.model import Model


def complete_culture(context: typer.Context) -> list[str]:
    """Return the cultures of the chosen model, for completion."""
    from namegen.models.store import PEOPLE, find_model
    from namegen.sampling.culture_parts import list_cultures

    return list(list_cultures(find_model(context.params.get("model") or PEOPLE).categories()))


def people(
    cultures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CULTURE]...",
            autocompletion=complete_culture,
            help="Cultures, which may have weights: German:3 Turkish.  [default: all]",
        ),
    ] = None,
    *,
    count: Annotated[int | None, typer.Option("--count", "-n", help="Number of people in total.  [default: 1]")] = None,
    gender: Annotated[Literal["female", "male", "any"], typer.Option(help="Gender of the people.")] = "any",
    given: Annotated[str | None, typer.Option(metavar="NAME", help="Give everybody this given name.")] = None,
    surname: Annotated[str | None, typer.Option(metavar="NAME", help="Give everybody this surname.")] = None,
    start: Annotated[
        str | None, typer.Option(metavar="LETTERS", help="Start given names with these letters in turn.")
    ] = None,
    known: Annotated[
        Literal["allow", "parts", "none"],
        typer.Option(
            help="Known names to use. parts: the given name or the surname, and the other is invented; none: neither; "
            "allow: any."
        ),
    ] = "parts",
    unique: Annotated[bool, typer.Option("--unique", help="Print no full name twice.")] = False,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Transliterate names into ASCII letters.")] = False,
    seed: Annotated[int | None, typer.Option(help="Same seed, same people.  [default: random]")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            autocompletion=complete_model,
            help="Model name or file.  [default: people]",
        ),
    ] = None,
    jobs: JobsOption = "auto",
    output_format: Annotated[
        Literal["text", "tsv", "csv", "jsonl"],
        typer.Option("--format", "-f", help="Output format; all but text have columns for the parts of a name."),
    ] = "text",
    list_cultures: Annotated[
        bool, typer.Option("--list", help="List the cultures, with their parts and an example.")
    ] = False,
) -> None:
    """Invent people with full names.

    Full names have the order and the spelling of their culture.
    `namegen people Hungarian -n 3` prints three Hungarian names, surname first.
    """
    from namegen.cli.inputs import load_model_to_use
    from namegen.cli.people_formats import FORMATS, format_csv
    from namegen.cli.terminal import print_result
    from namegen.models.store import PEOPLE
    from namegen.sampling.persons import people as invent_people
    from namegen.sampling.populations import Person

    _, loaded = load_model_to_use(model or PEOPLE)
    if list_cultures:
        if cultures or count is not None:
            raise UsageError("--list lists all cultures; leave out the cultures and --count")
        _print_cultures(loaded)
        return
    persons = invent_people(
        cultures,
        count=1 if count is None else count,
        gender=gender,
        given=given,
        surname=surname,
        start=start,
        known=known,
        unique=unique,
        ascii=ascii_only,
        seed=seed,
        model=loaded,
        jobs=parse_jobs(jobs),
    )
    if output_format == "csv":
        print_result(format_csv([Person._fields]))
    for text in persons.render(FORMATS[output_format]):
        print_result(text)


def _print_cultures(model: Model) -> None:
    """Print a line for each culture: its parts, and an example."""
    from namegen.cli.terminal import print_table
    from namegen.sampling.culture_parts import list_cultures
    from namegen.sampling.persons import people as invent_people

    parts = list_cultures(model.all_categories)
    examples = {person.culture: person.name for person in invent_people(count=len(parts), seed=1, model=model)}
    rows = [(culture, ", ".join(own), examples[culture]) for culture, own in parts.items()]
    print_table(("culture", "parts", "example"), rows)

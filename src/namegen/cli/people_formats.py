"""The output formats of ``namegen people``, which worker processes use without Typer."""

from __future__ import annotations

import csv
import io
from json.encoder import encode_basestring as encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from namegen.sampling.populations import Person


def format_text(people: Sequence[Person]) -> str:
    """Return the full names, one on each line."""
    return "".join([person.name + "\n" for person in people])


def format_tsv(people: Sequence[Person]) -> str:
    """Return a line for each person, with tabs between the parts."""
    return "".join(["\t".join(person) + "\n" for person in people])


def format_csv(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def format_jsonl(people: Sequence[Person]) -> str:
    """Return a JSON object on a line for each person."""
    return "".join(
        [
            f'{{"culture": {encode(culture)}, "gender": "{gender}", "given": {encode(given)}, '
            f'"middle": {encode(middle)}, "surname": {encode(surname)}, "name": {encode(name)}}}\n'
            for culture, gender, given, middle, surname, name in people
        ]
    )


FORMATS: dict[str, Callable[[Sequence[Person]], str]] = {
    "text": format_text,
    "tsv": format_tsv,
    "csv": format_csv,
    "jsonl": format_jsonl,
}

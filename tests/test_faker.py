"""Invented names in Faker, its command line and factory_boy: the real packages, and no randomness but Faker's."""

from __future__ import annotations

import dataclasses
import importlib
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from random import Random

import numpy as np
import pytest

from support import REPOSITORY, make_bigram_model

pytest.importorskip("faker", reason="Faker is not installed")
pytest.importorskip("factory", reason="factory-boy is not installed")

import factory
import factory.random
import faker.cli
from faker import Faker
from faker.config import AVAILABLE_LOCALES
from faker.generator import Generator

import namegen
import namegen.faker
from namegen import paths
from namegen.datasets.dataset import hash_name
from namegen.errors import ModelFileError, NamegenError, UsageError
from namegen.faker import CULTURES, LocaleError, Provider, find_locale
from namegen.models.closed import ClosedNames
from namegen.models.letters import find_letters
from namegen.models.store import cached_location
from namegen.sampling.culture_parts import GENDERS


@pytest.fixture(scope="module")
def pretrained():
    return namegen.load_model("pretrained")


def faker_of(locale="en_US", provider=Provider, seed=1):
    fake = Faker(locale)
    for each in fake.locales:
        fake[each].add_provider(provider)
    fake.seed_instance(seed)
    return fake


def provider_of(wanted):
    class Own(Provider):
        model = wanted

    return Own


def only_letter(letter, categories=("German",)):
    """A model whose names are all of one letter, any number of it."""
    begins = {"a": [1, 1e-30, 1e-30], "b": [1e-30, 1, 1e-30]}
    table = np.log([[0.5, 1e-30, 0.5], [1e-30, 0.5, 0.5], begins[letter]])
    model = make_bigram_model(table, categories=categories)
    return dataclasses.replace(model, name_hashes=np.array([1], dtype=np.uint64))  # trained on names that never come


@pytest.mark.parametrize(
    ("arguments", "options"),
    [(("German",), {}), (("German+Italian", "Sch"), {}), ((), {}), (("korean",), {"novel": False})],
)
def test_a_name_is_what_the_library_samples_with_one_number_of_fakers_as_the_seed(pretrained, arguments, options):
    fake, random = faker_of(), Random(1)

    for _ in range(3):
        name = fake.invented_name(*arguments, **options)
        category, *prefix = arguments or (None,)
        seed = random.getrandbits(64)
        assert [name] == namegen.sample(pretrained, category, prefix or [""], seed=seed, **{"novel": True, **options})
    assert fake.random.getstate() == random.getstate()  # so what others draw afterwards is as it was


def test_a_call_that_makes_no_sense_leaves_fakers_random_numbers_alone():
    fake = faker_of()
    for arguments, message in [(("Germn",), "did you mean German"), (("German", "你5"), "no name can begin")]:
        with pytest.raises(UsageError, match=message):
            fake.invented_name(*arguments)

    assert fake.random.getstate() == Random(1).getstate()


PARTS = {
    "German": (*GENDERS, "surname"),
    "Hungarian": (*GENDERS, "surname"),
    "Russian": (*GENDERS, "surname-female", "surname-male"),
    "Spanish": (*GENDERS, "surname"),
    "Korean": GENDERS,
}
LETTERS = {
    f"{culture}/{part}": chr(0xC0 + 2 * place) + chr(0xC1 + 2 * place)
    for place, (culture, part) in enumerate((culture, part) for culture in PARTS for part in PARTS[culture])
} | {"Korean/surname": "김이박"}
"""The letters of each category of the stand-in, so that a name tells its category."""

FORMS = ("", "_female", "_male")
METHODS = [f"invented_{part}{form}" for part in ("first_name", "last_name", "full_name") for form in FORMS]
INCLUDED = pytest.mark.skipif(not paths.PEOPLE_FILE.exists(), reason="the model people has not been trained yet")


@pytest.fixture(scope="module")
def people():
    """A model of names of two letters each; Korean surnames are closed."""
    names = {
        category: ["".join(word) for length in (3, 4, 5, 6) for word in [*product(letters, repeat=length)][::2]]
        for category, letters in LETTERS.items()
        if category != "Korean/surname"
    }
    dataset = namegen.Dataset.from_names(names, alphabet="unicode")
    model = namegen.train(dataset, namegen.training_config("instant"))
    closed = {"Korean/surname": ClosedNames((*"김이박",), np.array([5, 4, 3], dtype=np.float32))}
    return dataclasses.replace(model, letters=find_letters(dataset), closed=closed)


@pytest.fixture
def own(people):
    """A provider of the stand-in's names."""

    class Own(Provider):
        pass

    Own.people = people
    return Own


def is_known(model, name):
    return int.from_bytes(hash_name(name.encode()), "big") in model.known_hashes


def categories_of(name):
    return {category for word in name.split() for category, letters in LETTERS.items() if {*word} <= {*letters}}


def names_of(fake, method, count=40):
    return [getattr(fake, method)() for _ in range(count)]


@pytest.mark.parametrize(
    ("locale", "culture"),
    [
        ("de_AT", "German"), ("de", "German"), ("de-DE", "German"), ("en_AU", "English"), ("en", "English"),
        ("en_US", "English"), ("ar_EG", "Arabic"), ("el_CY", "Greek"), ("es_VE", "Spanish"), ("fr_CA", "French"),
        ("fr_DZ", "Algerian"), ("en_IE", "Irish"), ("en_IN", "Indian"), ("lb_LU", "Luxembourgish"), ("th", "Thai"),
    ],
)  # fmt: skip
def test_the_locale_decides_the_culture(locale, culture):
    assert CULTURES[find_locale(Faker(locale).factories[0])] == culture


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:fr_QC locale is deprecated")
def test_every_locale_of_faker_is_recognised():
    for locale in {*AVAILABLE_LOCALES} - {"la"}:  # the default of one provider; the names of its people are English
        found = find_locale(Faker(locale).factories[0])
        assert found == locale or found.startswith(f"{locale}_")  # Faker takes a country for a language


def test_at_least_sixty_locales_of_faker_have_a_culture():
    assert len({*CULTURES} & {*AVAILABLE_LOCALES}) >= 60
    assert {*CULTURES} <= {*AVAILABLE_LOCALES}


def test_the_page_on_test_data_lists_the_locales():
    page = (REPOSITORY / "docs" / "test-data.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (`.*`) \|$", page, re.MULTILINE)
    assert {locale: culture for culture, locales in rows for locale in re.findall(r"\w+", locales)} == CULTURES


@pytest.mark.parametrize("gender", GENDERS)
def test_names_of_people_have_the_gender_that_the_method_tells(own, gender):
    german, russian = faker_of("de_DE", own), faker_of("ru_RU", own)

    for fake, culture, surname in ((german, "German", "surname"), (russian, "Russian", f"surname-{gender}")):
        given, family = f"{culture}/{gender}", f"{culture}/{surname}"
        assert all(categories_of(name) == {given} for name in names_of(fake, f"invented_first_name_{gender}"))
        assert all(categories_of(name) == {family} for name in names_of(fake, f"invented_last_name_{gender}"))
        full = [name.split() for name in names_of(fake, f"invented_full_name_{gender}")]
        assert all(categories_of(name[0]) == {given} and categories_of(name[-1]) == {family} for name in full)


def test_without_a_gender_there_are_women_and_men(own):
    fake = faker_of("ru_RU", own)
    for method, parts in (("invented_first_name", GENDERS), ("invented_last_name", PARTS["Russian"][2:])):
        assert set().union(*map(categories_of, names_of(fake, method))) == {f"Russian/{part}" for part in parts}
    for given, _, surname in map(str.split, names_of(fake, "invented_full_name")):
        (category,) = categories_of(given)
        assert categories_of(surname) == {f"Russian/surname-{category.partition('/')[2]}"}  # they agree


def test_full_names_are_composed_as_the_culture_does(own):
    surname, given = faker_of("hu_HU", own).invented_full_name_female().split()
    assert [categories_of(surname), categories_of(given)] == [{"Hungarian/surname"}, {"Hungarian/female"}]
    _, father, mother = faker_of("es_ES", own).invented_full_name().split()
    assert categories_of(father) == categories_of(mother) == {"Spanish/surname"}
    patronymic = faker_of("ru_RU", own).invented_full_name_female().split()[1]
    assert categories_of(patronymic.removesuffix("овна")) == {"Russian/male"}
    korean = faker_of("ko_KR", own).invented_full_name_male()
    assert [categories_of(korean[0]), categories_of(korean[1:])] == [{"Korean/surname"}, {"Korean/male"}]


def test_names_are_novel_except_those_of_closed_parts(own, people):
    fake = faker_of("de_DE", own)
    names = [name for method in METHODS for name in names_of(fake, method)]
    assert not any(is_known(people, word) for name in names for word in name.split())
    assert any(is_known(people, fake.invented_last_name(novel=False)) for _ in range(40))
    assert {*names_of(faker_of("ko_KR", own), "invented_last_name")} == {*"김이박"}


def test_a_surname_may_have_a_prefix(own):
    fake = faker_of("de_DE", own)
    prefix = LETTERS["German/surname"][1]
    for name in (fake.invented_surname(prefix), fake.invented_last_name(prefix=prefix * 2)):
        assert name.startswith(prefix)
        assert categories_of(name) == {"German/surname"}
    with pytest.raises(UsageError, match="no name can begin"):
        fake.invented_surname("q")


def test_names_depend_only_on_the_state_of_fakers_generator(own):
    first, second = faker_of("es_ES", own), faker_of("es_ES", own)
    calls = [*METHODS, "random_int", *METHODS]
    expected = [getattr(first, method)() for method in calls]
    names_of(second, "invented_last_name", 3)

    second.seed_instance(1)
    assert [getattr(second, method)() for method in calls] == expected
    assert first.random.getstate() == second.random.getstate()
    assert names_of(faker_of("es_ES", own, seed=2), "invented_full_name") != names_of(first, "invented_full_name")


def test_a_faker_of_several_locales_has_names_of_each(own):
    fake = faker_of(["de_DE", "es_ES"], own)
    cultures = {
        category.partition("/")[0] for name in names_of(fake, "invented_last_name") for category in categories_of(name)
    }

    assert cultures == {"German", "Spanish"}
    assert categories_of(fake["es_ES"].invented_last_name()) == {"Spanish/surname"}


def test_unique_names_are_distinct(own):
    fake = faker_of("de_DE", own)
    names = [fake.unique.invented_last_name() for _ in range(20)]
    assert len({*names}) == 20


def test_a_locale_without_a_culture_says_which_there_are(own):
    fake = faker_of("sq_AL", own)
    for method in (*METHODS, "invented_surname"):
        with pytest.raises(LocaleError) as raised:
            getattr(fake, method)()
    (line,) = str(raised.value).splitlines()

    assert isinstance(raised.value, NamegenError)
    assert "sq_AL" in line
    assert all(known in line for known in ("de_AT", "zh_CN", 'invented_name("German")'))
    assert fake.random.getstate() == Random(1).getstate()
    assert fake.invented_name("German")
    generator = Generator()
    generator.add_provider(Provider)
    with pytest.raises(LocaleError, match="without a locale"):
        generator.invented_surname()


def test_fakers_own_names_are_replaced_in_the_locales_that_have_a_culture(own):
    fake = Faker(["de_DE", "ru_RU", "sq_AL"])
    original = fake["sq_AL"].first_name
    for _ in range(2):  # as a fixture that runs for every test does
        own.replace_names(fake)
    fake.seed_instance(1)

    for form in ("", "_female", "_male", "_nonbinary"):
        assert categories_of(getattr(fake["de_DE"], f"last_name{form}")()) == {"German/surname"}
        assert categories_of(getattr(fake["de_DE"], f"first_name{form}")()) <= {"German/female", "German/male"}
        assert "German/surname" in categories_of(getattr(fake["de_DE"], f"name{form}")())
    assert categories_of(fake["ru_RU"].last_name_female()) == {"Russian/surname-female"}
    assert categories_of(fake["de_DE"].format("last_name")) == {"German/surname"}
    assert fake["sq_AL"].first_name == original
    assert len(fake["de_DE"].factories[0].providers) == len(Faker("de_DE").factories[0].providers) + 1


def test_replaced_names_reach_what_faker_makes_of_them(own):
    fake = Faker("de_DE")
    own.replace_names(fake)
    surnames = LETTERS["German/surname"]

    assert any(set(surnames) & set(fake.company()) for _ in range(20))
    assert "@" in fake.email()
    assert fake.profile()["name"]


def test_names_are_replaced_in_every_faker_made_afterwards(own, monkeypatch):
    before, providers = Faker("de_DE"), [*faker.config.PROVIDERS]
    monkeypatch.setattr(Provider, "people", own.people)
    monkeypatch.setattr(Provider, "replaces_names", False)
    try:
        for _ in range(2):
            Provider.replace_names()
        fakes = [Faker("de_DE"), Faker(["de_DE", "es_ES"])["de_DE"]]
        assert all(categories_of(fake.last_name()) == {"German/surname"} for fake in fakes)
        assert not categories_of(before.last_name())
        assert Faker("sq_AL").name()
        assert len(faker.config.PROVIDERS) == len(providers) + 1
    finally:
        faker.config.PROVIDERS[:] = providers


@INCLUDED
def test_every_covered_locale_has_a_culture_of_the_included_model():
    categories = namegen.load_model("people").all_categories
    for culture in {*CULTURES.values()}:
        assert {f"{culture}/female", f"{culture}/male"} <= {*categories}, culture
        surnames = {f"{culture}/surname"}, {f"{culture}/surname-female", f"{culture}/surname-male"}
        assert any(each <= {*categories} for each in surnames), culture


@INCLUDED
@pytest.mark.slow
@pytest.mark.parametrize("locale", sorted(CULTURES))
@pytest.mark.filterwarnings("ignore:fr_QC locale is deprecated")
def test_every_covered_locale_has_names_that_are_not_in_fakers_lists(locale):
    fake = Faker(locale)
    person = fake.provider("faker.providers.person")
    real = {
        name for key in dir(person) if key.startswith(("first_names", "last_names")) for name in getattr(person, key)
    }
    Provider.replace_names(fake)
    fake.seed_instance(1)
    model, culture = namegen.load_model("people"), CULTURES[locale]

    closed = {
        part: any(
            category.startswith(f"{culture}/") and ("surname" in category) == (part == "last_name")
            for category in model.closed
        )
        for part in ("first_name", "last_name")
    }
    for part in ("first_name", "last_name", "name"):
        for form in FORMS:
            names = names_of(fake, part + form, 20)
            assert all(name.strip() == name and name for name in names)
            if part != "name" and not closed[part]:
                assert not real & {*names}
    again = Faker(locale)
    Provider.replace_names(again)
    again.seed_instance(1)
    fake.seed_instance(1)
    assert names_of(again, "name") == names_of(fake, "name")


def test_a_subclass_samples_from_a_model_by_name_path_or_itself_and_reads_it_again_if_it_changed(tmp_path, monkeypatch):
    expected = faker_of().invented_name("German")
    model = only_letter("b")
    model.save(cached_location("bees").model)
    model.save(tmp_path / "bees.safetensors")
    for source in ("bees", str(tmp_path / "bees.safetensors"), tmp_path / "bees.safetensors", model):
        assert set(faker_of(provider=provider_of(source)).invented_name("German")) == {"b"}

    only_letter("b").save(cached_location("default").model)
    monkeypatch.setenv("NAMEGEN_MODEL", "default")  # which has no effect, so that test data are the same everywhere
    assert faker_of().invented_name("German") == expected

    only_letter("a").save(cached_location("bees").model)
    os.utime(cached_location("bees").model, (1, 1))
    assert set(faker_of(provider=provider_of("bees")).invented_name("German")) == {"a"}


def test_names_of_people_come_from_a_model_by_name_path_or_itself(tmp_path, people):
    people.save(cached_location("world").model)
    people.save(tmp_path / "world.safetensors")
    names = set()
    for source in ("world", str(tmp_path / "world.safetensors"), tmp_path / "world.safetensors", people):

        class Own(Provider):
            people = source

        names.add(faker_of("de_DE", Own).invented_full_name())
    assert len(names) == 1


def test_a_single_name_may_come_from_a_model_of_several_scripts(people):
    fake = faker_of(provider=provider_of(people))
    assert categories_of(fake.invented_name("Spanish/female")) == {"Spanish/female"}
    assert categories_of(fake.invented_name()) != set()
    assert fake.invented_name("Korean/surname", novel=False) in "김이박"
    with pytest.raises(UsageError, match="closed category"):
        fake.invented_name("Korean/surname")


def test_a_model_that_cannot_give_a_name_says_so(monkeypatch):
    with pytest.raises(ModelFileError, match="no model 'elves'"):
        faker_of("de_DE", provider_of("elves")).invented_name()
    with pytest.raises(UsageError, match="no category 'German'; use one of Elves"):
        faker_of(provider=provider_of(only_letter("a", ("Elves",)))).invented_name("German")
    never_ends = dataclasses.replace(make_bigram_model(np.log([[1, 1e-30]] * 2), letters="a"), longest=1)
    monkeypatch.setattr("namegen.sampling.rejection.MAX_REJECTIONS", 64)
    with pytest.raises(NamegenError, match="hardly ever ends"):
        faker_of("de_DE", provider_of(never_ends)).invented_name(novel=False)


def test_threads_do_not_affect_each_others_names():
    def names(seed):
        fake = faker_of("de_DE", seed=seed)
        return [fake.invented_name("German", novel=False) for _ in range(8)]

    expected = [names(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(names, range(4))) == expected


@pytest.mark.filterwarnings("ignore:The Provider provider does not have:UserWarning")  # of banks, in Faker itself
def test_fakers_command_line_has_invented_names(capsys, monkeypatch, people):
    monkeypatch.setattr(Provider, "people", people)
    line = ["faker", "-l", "de_DE", "-i", "namegen.faker", "--seed", "1"]
    faker.cli.Command([*line, "invented_name", "German+Italian", "Sch"]).execute()
    assert capsys.readouterr().out.startswith("Sch")
    for locale, methods in (("de_DE", len(METHODS) + 2), ("sq_AL", 1)):
        faker.cli.Command(["faker", "-l", locale, "-i", "namegen.faker"]).execute()
        assert capsys.readouterr().out.count("fake.invented_") == methods


def test_factory_boy_makes_objects_with_invented_names(own):
    class CustomerFactory(factory.DictFactory):
        surname = factory.Faker("invented_surname", locale="de_DE")
        alias = factory.Faker("invented_name", locale="de_DE", category="Greek", prefix="Al")

    factory.Faker.add_provider(own, locale="de_DE")
    batches = []
    for _ in range(2):
        factory.random.reseed_random(5)
        batches.append(CustomerFactory.build_batch(3))

    assert batches[0] == batches[1]
    assert len({customer["surname"] for customer in batches[0]}) == 3
    assert all(customer["alias"].startswith("Al") for customer in batches[0])


def test_without_faker_the_import_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "namegen.faker")
    for name in ("faker", "faker.exceptions", "faker.providers"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="pip install Faker") as missing:
        importlib.import_module("namegen.faker")
    assert isinstance(missing.value, NamegenError)

"""Invented names in Faker, its command line and factory_boy: the real packages, and no randomness but Faker's."""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from random import Random

import numpy as np
import pytest

from support import make_bigram_model

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
from namegen.datasets.dataset import hash_name
from namegen.errors import ModelFileError, NamegenError, UsageError
from namegen.faker import LocaleError, Provider, category_of
from namegen.models.store import cached_location


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


@pytest.mark.parametrize(
    ("locale", "category"),
    [
        ("de_AT", "German"), ("en_US", "English"), ("en-GB", "English"), ("en", "English"), ("zh_TW", "Chinese"),
        ("nl_BE", "Dutch"), ("fr_CA", "French"), ("es", "Spanish"), ("fr_DZ", "Arabic"), ("en_IE", "Irish"),
    ],
)  # fmt: skip
def test_surnames_follow_the_locale(locale, category):
    class Telling(Provider):
        def invented_name(self, category=None, prefix="", *, novel=True):
            return category

    assert faker_of(locale, Telling).invented_surname() == category


def test_a_surname_is_a_name_of_the_locales_category():
    assert faker_of("it_IT").invented_surname() == faker_of("it_IT").invented_name("Italian")
    included = Faker(["de_DE", "it_IT"], includes=["namegen.faker"])
    included.seed_instance(1)
    assert included["de_DE"].invented_surname() == faker_of("de_DE").invented_surname()


def test_every_locale_has_a_category_of_the_pretrained_model_or_one_clear_error(pretrained):
    without = set()
    for locale in AVAILABLE_LOCALES:
        try:
            category = category_of(locale)
        except LocaleError:
            without.add(locale.partition("_")[0])
        else:
            assert category in pretrained.categories
    reached = {*namegen.faker.LANGUAGES.values(), *namegen.faker.COUNTRIES.values()}

    assert reached == set(pretrained.categories) - {"Scottish"}  # Faker has no locale of Scotland
    assert {"fi", "sv", "uk", "en"} <= without
    assert not without & set(namegen.faker.LANGUAGES)


def test_a_locale_without_a_language_of_ours_says_which_there_are():
    fake = faker_of("fi_FI")
    with pytest.raises(NamegenError) as raised:
        fake.invented_surname()

    (line,) = str(raised.value).splitlines()
    assert "fi_FI" in line
    assert all(known in line for known in ("de_*", "zh_*", "en_US", 'invented_name("German")'))
    assert fake.random.getstate() == Random(1).getstate()
    assert fake.invented_name("German")
    generator = Generator()
    generator.add_provider(Provider)
    with pytest.raises(NamegenError, match="without a locale"):
        generator.invented_surname()


def test_names_are_novel_unless_asked_otherwise(pretrained):
    def known(name):
        return int.from_bytes(hash_name(name.encode()), "big") in pretrained.name_hashes

    fake = faker_of("ko_KR")
    assert not any(known(fake.invented_surname()) for _ in range(10))
    assert any(known(fake.invented_surname(novel=False)) for _ in range(25))


def test_a_subclass_samples_from_a_model_by_name_path_or_itself_and_reads_it_again_if_it_changed(tmp_path, monkeypatch):
    expected = faker_of("de_DE").invented_surname()
    model = only_letter("b")
    model.save(cached_location("bees").model)
    model.save(tmp_path / "bees.safetensors")
    for source in ("bees", str(tmp_path / "bees.safetensors"), tmp_path / "bees.safetensors", model):
        assert set(faker_of("de_DE", provider_of(source)).invented_surname()) == {"b"}

    only_letter("b").save(cached_location("default").model)
    monkeypatch.setenv("NAMEGEN_MODEL", "default")  # which has no effect, so that test data are the same everywhere
    assert faker_of("de_DE").invented_surname() == expected

    only_letter("a").save(cached_location("bees").model)
    os.utime(cached_location("bees").model, (1, 1))
    assert set(faker_of("de_DE", provider_of("bees")).invented_surname()) == {"a"}


def test_a_model_that_cannot_give_a_name_says_so(monkeypatch):
    with pytest.raises(ModelFileError, match="no model 'elves'"):
        faker_of("de_DE", provider_of("elves")).invented_name()
    with pytest.raises(UsageError, match="no category 'German'; use one of Elves"):
        faker_of("de_DE", provider_of(only_letter("a", ("Elves",)))).invented_surname()
    never_ends = dataclasses.replace(make_bigram_model(np.log([[1, 1e-30]] * 2), letters="a"), longest=1)
    monkeypatch.setattr("namegen.sampling.rejection.MAX_REJECTIONS", 64)
    with pytest.raises(NamegenError, match="hardly ever ends"):
        faker_of("de_DE", provider_of(never_ends)).invented_name(novel=False)


def test_threads_do_not_affect_each_others_names():
    def names(seed):
        fake = faker_of("de_DE", seed=seed)
        return [fake.invented_surname(novel=False) for _ in range(8)]

    expected = [names(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(names, range(4))) == expected


@pytest.mark.filterwarnings("ignore:The Provider provider does not have:UserWarning")  # of banks, in Faker itself
def test_fakers_command_line_has_invented_names(capsys):
    line = ["faker", "-l", "de_DE", "-i", "namegen.faker", "--seed", "1"]
    faker.cli.Command([*line, "invented_name", "German+Italian", "Sch"]).execute()
    assert capsys.readouterr().out.startswith("Sch")
    for locale, methods in (("de_DE", 2), ("fi_FI", 1)):
        faker.cli.Command(["faker", "-l", locale, "-i", "namegen.faker"]).execute()
        assert capsys.readouterr().out.count("fake.invented_") == methods


def test_factory_boy_makes_objects_with_invented_names():
    class CustomerFactory(factory.DictFactory):
        surname = factory.Faker("invented_surname", locale="de_DE")
        alias = factory.Faker("invented_name", locale="de_DE", category="Greek", prefix="Al")

    factory.Faker.add_provider(Provider, locale="de_DE")
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

"""Invented names in Faker, its command line and factory_boy: the real packages, and no randomness but Faker's."""

from __future__ import annotations

import dataclasses
import os
import subprocess
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


def drawing_from(wanted):
    class Own(Provider):
        model = wanted

    return Own


def spelling_only(letter, categories=("German",)):
    """A model whose names are all of one letter, any number of it."""
    begins = {"a": [1, 1e-30, 1e-30], "b": [1e-30, 1, 1e-30]}
    table = np.log([[0.5, 1e-30, 0.5], [1e-30, 0.5, 0.5], begins[letter]])
    model = make_bigram_model(table, categories=categories)
    return dataclasses.replace(model, name_hashes=np.array([1], dtype=np.uint64))  # trained on names that never come


@pytest.mark.parametrize(
    ("arguments", "options"),
    [(("German",), {}), (("German+Italian", "Sch"), {}), ((), {}), (("korean",), {"novel": False})],
)
def test_a_name_is_what_the_library_draws_with_one_number_of_fakers_as_the_seed(pretrained, arguments, options):
    fake, random = faker_of(), Random(1)

    for _ in range(3):
        name = fake.invented_name(*arguments, **options)
        category, *prefix = arguments or (None,)
        seed = random.getrandbits(64)
        assert [name] == namegen.sample(pretrained, category, prefix or [""], seed=seed, **{"novel": True, **options})
    assert fake.random.getstate() == random.getstate()  # so what others draw afterwards is as it was


def test_the_same_seed_gives_the_same_names_whatever_came_before():
    fake = faker_of("de_DE")
    names = [fake.invented_surname() for _ in range(5)]
    fake.invented_name("Greek")
    fake.seed_instance(1)

    assert [fake.invented_surname() for _ in range(5)] == names
    assert len(set(names)) == 5


def test_the_seed_of_all_fakers_seeds_invented_names_too():
    drawn = []
    for _ in range(2):
        fake = Faker("pl_PL")
        fake.add_provider(Provider)
        Faker.seed(7)
        drawn.append((fake.invented_surname(), fake.first_name(), fake.invented_surname()))

    assert drawn[0] == drawn[1]


def test_a_call_that_makes_no_sense_leaves_fakers_random_numbers_alone():
    fake = faker_of()
    for arguments, message in [(("Germn",), "did you mean German"), (("German", "你5"), "no name can begin")]:
        with pytest.raises(UsageError, match=message):
            fake.invented_name(*arguments)

    assert fake.random.getstate() == Random(1).getstate()


@pytest.mark.parametrize(
    ("locale", "category"),
    [
        ("de_DE", "German"), ("de_AT", "German"), ("en_US", "English"), ("en-GB", "English"), ("en", "English"),
        ("ja_JP", "Japanese"), ("zh_CN", "Chinese"), ("zh_TW", "Chinese"), ("ru_RU", "Russian"), ("pl_PL", "Polish"),
        ("cs_CZ", "Czech"), ("el_GR", "Greek"), ("ko_KR", "Korean"), ("vi_VN", "Vietnamese"), ("nl_BE", "Dutch"),
        ("it_IT", "Italian"), ("fr_CA", "French"), ("es", "Spanish"), ("pt_BR", "Portuguese"), ("ar_SA", "Arabic"),
        ("fr_DZ", "Arabic"), ("ga_IE", "Irish"), ("en_IE", "Irish"),
    ],
)  # fmt: skip
def test_surnames_follow_the_locale(pretrained, locale, category):
    seed = Random(1).getrandbits(64)

    assert [faker_of(locale).invented_surname()] == namegen.sample(pretrained, category, seed=seed, novel=True)


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


def test_a_generator_without_a_locale_needs_a_category():
    generator = Generator()
    generator.add_provider(Provider)

    with pytest.raises(NamegenError, match="without a locale"):
        generator.invented_surname()
    assert generator.invented_name("German")


def test_several_locales_at_once_each_have_their_own_surnames():
    class Telling(Provider):
        def invented_name(self, category=None, prefix="", *, novel=True):
            return category

    fake = faker_of(["de_DE", "it_IT"], Telling)

    assert {fake.invented_surname() for _ in range(40)} == {"German", "Italian"}
    assert fake["it_IT"].invented_surname() == "Italian"
    included = Faker(["de_DE", "it_IT"], includes=["namegen.faker"])
    included.seed_instance(1)
    assert included.invented_surname() == faker_of(["de_DE", "it_IT"]).invented_surname()


def test_unique_names_of_faker():
    fake = faker_of("ko_KR")
    names = [fake.unique.invented_surname(novel=False) for _ in range(40)]

    assert len(set(names)) == 40
    plain = faker_of("ko_KR")
    assert len({plain.invented_surname(novel=False) for _ in range(40)}) < 40


def test_names_are_novel_unless_asked_otherwise(pretrained):
    def known(name):
        return int.from_bytes(hash_name(name.encode()), "big") in pretrained.name_hashes

    fake = faker_of("ko_KR")
    assert not any(known(fake.invented_surname()) for _ in range(25))
    assert any(known(fake.invented_surname(novel=False)) for _ in range(25))


def test_a_subclass_draws_from_a_model_by_name_path_or_itself(tmp_path):
    model = spelling_only("b")
    model.save(cached_location("bees").model)
    model.save(tmp_path / "bees.safetensors")

    for wanted in ("bees", str(tmp_path / "bees.safetensors"), tmp_path / "bees.safetensors", model):
        name = faker_of("de_DE", drawing_from(wanted)).invented_surname()
        assert set(name) == {"b"}


def test_the_model_does_not_depend_on_what_a_machine_has(monkeypatch):
    expected = faker_of("de_DE").invented_surname()
    spelling_only("b").save(cached_location("default").model)
    monkeypatch.setenv("NAMEGEN_MODEL", "default")

    assert faker_of("de_DE").invented_surname() == expected


def test_a_model_that_was_trained_again_is_read_again():
    fake = faker_of("de_DE", drawing_from("letters"))
    file = cached_location("letters").model
    for second, letter in enumerate("ab"):
        spelling_only(letter).save(file)
        os.utime(file, (second, second))
        assert set(fake.invented_surname()) == {letter}


def test_a_model_that_is_missing_or_lacks_the_category_says_so():
    with pytest.raises(ModelFileError, match="no model 'elves'"):
        faker_of("de_DE", drawing_from("elves")).invented_name()
    with pytest.raises(UsageError, match="no category 'German'; this model has Elves"):
        faker_of("de_DE", drawing_from(spelling_only("a", ("Elves",)))).invented_surname()


def test_what_hardly_ever_comes_is_an_error(monkeypatch):
    never_ends = dataclasses.replace(make_bigram_model(np.log([[1, 1e-30]] * 2), letters="a"), longest=1)
    monkeypatch.setattr("namegen.sampling.rejection.MAX_REJECTIONS", 64)

    with pytest.raises(NamegenError, match="hardly ever ends"):
        faker_of("de_DE", drawing_from(never_ends)).invented_name(novel=False)


def test_threads_do_not_get_into_each_others_names():
    def names(seed):
        fake = faker_of("de_DE", seed=seed)
        return [fake.invented_surname() for _ in range(30)]

    expected = [names(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(names, range(4))) == expected


def command(*arguments, **options):
    line = [sys.executable, "-m", "faker", *arguments]
    return subprocess.run(line, capture_output=True, text=True, encoding="utf-8", check=True, **options).stdout.split()


def test_fakers_command_line_draws_names():
    german = ("-l", "de_DE", "-i", "namegen.faker", "--seed", "1", "-r", "2")
    first, second = command(*german, "invented_surname")

    assert first != second
    assert command(*german, "invented_name", "German") == [first, second]
    (name,) = command("-i", "namegen.faker", "invented_name", "German+Italian", "Sch")
    assert name.startswith("Sch")


def test_fakers_command_line_draws_from_a_model_of_ones_own(tmp_path, monkeypatch, capsys):
    spelling_only("b", ("Bees",)).save(tmp_path / "bees.safetensors")
    lines = ["from namegen.faker import Provider as Base", "class Provider(Base):", "    model = 'bees.safetensors'"]
    (tmp_path / "providing_bees.py").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    bees = ["faker", "-i", "providing_bees", "--seed", "1", "invented_name", "Bees", "bbbbb"]
    faker.cli.Command(bees).execute()

    assert set(capsys.readouterr().out.strip()) == {"b"}


@pytest.mark.filterwarnings("ignore:The Provider provider does not have:UserWarning")  # of banks, in Faker itself
@pytest.mark.parametrize(("locale", "methods"), [("de_DE", 2), ("fi_FI", 1)])
def test_fakers_listing_shows_what_there_is_in_a_locale(locale, methods, capsys):
    faker.cli.Command(["faker", "-l", locale, "-i", "namegen.faker", "--seed", "1"]).execute()

    assert capsys.readouterr().out.count("fake.invented_") == methods


def test_factory_boy_makes_objects_with_invented_names(pretrained):
    @dataclasses.dataclass
    class Customer:
        surname: str
        alias: str

    class CustomerFactory(factory.Factory):
        class Meta:
            model = Customer

        surname = factory.Faker("invented_surname", locale="de_DE")
        alias = factory.Faker("invented_name", locale="de_DE", category="Greek", prefix="Al")

    factory.Faker.add_provider(Provider, locale="de_DE")
    made = []
    for _ in range(2):
        factory.random.reseed_random(5)
        made.append(CustomerFactory.build_batch(3))

    assert made[0] == made[1]
    assert len({customer.surname for customer in made[0]}) == 3
    assert all(customer.alias.startswith("Al") for customer in made[0])


def test_fakers_own_fixture_serves(faker):
    faker.add_provider(Provider)

    assert faker.invented_name("Greek") == faker_of(seed=0).invented_name("Greek")


def test_without_faker_the_import_says_what_to_install():
    code = """
import sys
sys.modules["faker"] = None
from namegen.errors import NamegenError
try:
    import namegen.faker
except NamegenError as error:
    print(isinstance(error, ImportError), error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("True ")
    assert "pip install Faker" in done.stdout

"""``namegen.like``: names in the style of a list, without training."""

from __future__ import annotations

import itertools
import string
import subprocess
import sys

import numpy as np
import pytest

import namegen
from namegen.config import SamplingConfig
from namegen.datasets.dataset import Dataset
from namegen.errors import DataError, UsageError
from namegen.models.categories import find_blend
from namegen.models.store import load_model
from namegen.sampling import rejection
from namegen.sampling.like import like, like_model
from names_of_eight_scripts import NAMES as SCRIPTS
from support import ELVES, make_model, save_model


def test_names_are_those_of_the_model_of_the_list():
    names = like(ELVES, prefixes="ABC", count=4, seed=1)

    assert [name[0] for name in names] == [*"AAAABBBBCCCC"]
    assert names == namegen.sample(like_model(ELVES), "names", "ABC", count=4, seed=1)
    assert names != like(ELVES, prefixes="ABC", count=4, seed=2)
    assert len(like(ELVES)) == 1


def test_names_resemble_the_list_and_seldom_repeat_it():
    names = like(ELVES, count=400, seed=1)
    of_others = namegen.sample(load_model("pretrained"), "Japanese", count=400, seed=1)
    pairs = {name[at : at + 2] for name in ELVES for at in range(len(name) - 1)}

    def known(names):
        found = [name[at : at + 2] in pairs for name in names for at in range(len(name) - 1)]
        return sum(found) / len(found)

    assert known(names) > known(of_others) + 0.3
    assert np.mean([name in ELVES for name in names]) < 0.15
    assert len(set(names)) > 250


@pytest.mark.parametrize("category", ["Irish", "Irish+Japanese", "irish:3+Japanese"])
def test_a_category_is_added_to_the_style(category):
    model = like_model({"elf": ELVES, "dwarf": ["Thorin", "Balin", "Dwalin"]}, category)
    label = category.replace("irish", "Irish")

    assert model.categories == (f"dwarf+{label}", f"elf+{label}")
    assert like(ELVES, category, count=40, seed=1) != like(ELVES, count=40, seed=1)
    assert like(ELVES, category, seed=1) == namegen.sample(like_model(ELVES, category), f"names+{label}", seed=1)


def test_several_lists_are_categories_that_blend():
    model = like_model({"elf": ELVES, "dwarf": ["Thorin", "Balin", "Dwalin"]})
    made = list(namegen.iterate(model, count=60, seed=1))

    assert {name.category for name in made} == {"elf", "dwarf"}
    assert len(namegen.sample(model, "elf+dwarf:2", count=5, seed=1)) == 5


def test_settings_and_filters_apply():
    names = like(ELVES, count=30, seed=1, novel=True, unique=True, min_length=6, match="[A-M].*", temperature=1.0)

    assert len(set(names)) == 30
    assert not set(names) & set(ELVES)
    assert all(len(name) >= 6 and name[0] <= "M" for name in names)
    assert like(ELVES, count=20, seed=1, config=SamplingConfig(temperature=0.5, ngram_share=1.0)) == like(
        ELVES, count=20, seed=1, temperature=0.5, top_p=None, floor=0.0
    )


@pytest.mark.parametrize("category", ["elf", "elf+dwarf"])
def test_names_do_not_depend_on_how_many_are_sampled_at_once(category):
    base = make_model(categories=("X", "Y"))
    model = like_model({"elf": ["abba", "abab", "aab"], "dwarf": ["bb", "bba"]}, model=base)
    blend = find_blend(model, category)
    sampler = rejection.RejectionSampler(model, model.sampling, namegen.Filters(), blend)
    many = sampler.sample(["", "b"], np.repeat([0, 1], 50), 1, np.arange(100))
    for number in range(100):
        one = sampler.sample([["", "b"][number // 50]], np.array([0]), 1, np.array([number]))
        assert one.attempts[0] == many.attempts[number]
        length = one.names.lengths[0]
        np.testing.assert_array_equal(one.names.letters[0, :length], many.names.letters[number, :length])

    whole = namegen.sample(model, category, ["", "b"], count=50, seed=1)
    shards = [namegen.sample(model, category, ["", "b"], count=50, seed=1, shard=(k, 4)) for k in range(1, 5)]
    assert list(itertools.chain(*shards)) == whole


@pytest.mark.parametrize("names", [["Anna"], ["Anna"] * 40, ["A"], ["a", "b"], ["Bo", "X" * 200]], ids=str)
def test_the_shortest_lists_are_enough(names):
    made = like(names, count=20, seed=1)

    assert len(made) == 20
    assert all(made)


@pytest.mark.parametrize("script", SCRIPTS)
def test_names_of_any_script_keep_their_letters(script):
    known = {letter for name in SCRIPTS[script] for letter in name.upper() + name.lower()} | set(string.ascii_letters)
    assert all(set(name) <= known for name in like(SCRIPTS[script], count=5, seed=1))


def test_names_in_another_script_than_the_models_have_no_letters_of_its_script():
    names = like(SCRIPTS["Русские"], count=50, seed=1)

    assert not set("".join(names)) & set(string.ascii_letters)


def test_accents_are_kept():
    names = like(
        ["Åsa", "Björn", "Östen", "Märta", "Göran", "Sören", "Håkan", "Jörgen", "Pär", "Ulla"], count=50, seed=1
    )

    assert sum(not name.isascii() for name in names) > 15
    assert sum(name.isascii() for name in names) > 2


def test_names_of_several_words_are_imitated():
    listed = ["Van der Berg", "De Vries", "La Salle", "Van Dijk", "De la Cruz", "Van den Berg", "Du Bois", "De Wit"]
    names = like(listed, count=100, seed=1)

    assert sum(" " in name for name in names) > 30
    assert all(name == " ".join(name.split()) for name in names)


@pytest.mark.parametrize("names", [[], [""], ["  ", "☃"], {}], ids=str)
def test_no_names_are_an_error(names):
    with pytest.raises(DataError, match="no names"):
        like(names)
    with pytest.raises(DataError, match="no names"):
        like_model(names)


def test_a_string_is_wrong_usage():
    for names in ("abc", {"elf": "abc"}):
        with pytest.raises(UsageError, match="a list of names, not a string"):
            like_model(names)
    with pytest.raises(UsageError, match="a list of names, not a string"):
        like("abc")


def test_unknown_categories_and_settings_are_wrong_usage():
    with pytest.raises(UsageError, match="no category 'Irsh'; did you mean Irish"):
        like(ELVES, "Irsh")
    with pytest.raises(UsageError, match="has no argument 'heat'"):
        like(ELVES, heat=1)


def test_a_dataset_may_have_any_alphabet():
    base = load_model("pretrained")

    for alphabet in (base.alphabet, "ascii", "unicode"):
        names = Dataset.from_names({"elf": ["Ålice"]}, alphabet=alphabet)
        assert ("Å" in like_model(names, model=base).alphabet) == (alphabet == "unicode")


def test_the_included_model_is_the_base_whatever_the_users_default_is(monkeypatch):
    names = like(ELVES, count=5, seed=1)
    save_model("default")
    save_model("other")
    monkeypatch.setenv("NAMEGEN_MODEL", "other")

    assert like(ELVES, count=5, seed=1) == names
    assert like(ELVES, count=5, seed=1, model="other") != names
    assert like(ELVES, count=5, seed=1, model=load_model("other")) == like(ELVES, count=5, seed=1, model="other")


def test_a_saved_model_of_a_list_samples_the_same_names(tmp_path):
    model = like_model({"elf": ELVES}, "Irish")
    model.save(tmp_path / "elf.safetensors")
    loaded = load_model(tmp_path / "elf.safetensors")

    assert namegen.sample(loaded, count=40, seed=1) == namegen.sample(model, count=40, seed=1)
    assert like(["Anna", "Bo"], model=loaded, count=3, seed=1)


def test_torch_is_not_imported():
    code = "import sys, namegen; namegen.like(['Anna', 'Bo']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""Offensive words are not generated unless the user allows them. They are in ROT13 here."""

from __future__ import annotations

import codecs
import dataclasses
import runpy
import sys
import time

import numpy as np
import pytest

from namegen.paths import STARTER_DIR
from namegen.sampling import offensive
from namegen.sampling.generate import sample
from namegen.sampling.offensive import encode_entries, find_offensive
from namegen.sampling.top_names import top
from support import REPOSITORY, make_bigram_model

WORD = codecs.decode("nff", "rot13")


def is_offensive(encoded):
    return find_offensive(codecs.decode(encoded, "rot13") + "\n").tolist() == [True]


@pytest.fixture
def model():
    """A model that generates all names of the letters a and s, the word among them."""
    made = make_bigram_model(np.zeros((3, 3)), letters="as")
    return dataclasses.replace(made, training=dataclasses.replace(made.training, recipe="default"))


@pytest.mark.parametrize(
    "name", ["obyybpxf", "Obyybpxf", "OBYYBPXF", "Wbua Obyybpxf", "B'Obyybpxf", "Wbua-obyybpxf", "Nefpu"]
)
def test_an_offensive_word_is_found_in_any_case_and_among_others(name):
    assert is_offensive(name)


@pytest.mark.parametrize("name", ["Fpurvff", "Fpurvffr", "Obyyfpurvffre", "Uvgyrefba"])
def test_an_offensive_part_is_found_within_a_word(name):
    assert is_offensive(name)


@pytest.mark.parametrize("name", ["Nffznaa", "Jungyre", "Juvgyre", "", " ", "n" * 10_000, "Nefp", "Efpu", "N ff"])
def test_ordinary_names_are_not_offensive(name):
    assert not is_offensive(name)


def test_words_with_accents_and_in_other_scripts_are_found():
    in_cyrillic = codecs.decode("tbiab", "rot13").translate(str.maketrans("govn", "говн"))
    names = [codecs.decode("Fpurvßr", "rot13"), codecs.decode("nefpu", "rot13").replace("a", "á"), in_cyrillic]
    names += ["Müller", "Иванов", "王"]
    assert find_offensive("".join(f"{name}\n" for name in names)).tolist() == [True] * 3 + [False] * 3


def test_each_line_is_judged_by_itself():
    lines = ["Anna", WORD, "", "Bert", WORD, WORD[:2], WORD[2:]]
    assert find_offensive("".join(f"{line}\n" for line in lines)).tolist() == [line == WORD for line in lines]
    assert find_offensive("").tolist() == []


def test_hardly_any_real_name_is_offensive(data_dir):
    files = [*STARTER_DIR.rglob("*.txt"), *data_dir.glob("*/*.txt")]
    names = [name for path in files for name in path.read_text("utf-8").splitlines() if name.isalpha()]
    assert len(names) > 50_000
    assert find_offensive("".join(f"{name}\n" for name in names)).sum() <= 2


def test_a_hundred_thousand_names_take_a_fraction_of_a_second():
    names = "Schumacher\nMaier\nvan der Berg\nO'Neill\n" * 25_000
    find_offensive(names)
    begin = time.perf_counter()
    find_offensive(names)
    assert time.perf_counter() - begin < 0.2  # a tenth of that on a free processor


def test_names_are_the_ordinary_ones_but_for_offensive_ones(model):
    allowed = sample(model, "X", count=3000, seed=1, allow_offensive=True)
    names = sample(model, "X", count=3000, seed=1)

    assert WORD in allowed
    assert WORD not in names
    assert [name for name, old in zip(names, allowed, strict=True) if old != WORD] == [
        name for name in allowed if name != WORD
    ]
    assert WORD not in sample(model, "X", count=3000, seed=1, match="[as]+", min_length=2)


def test_the_most_probable_names_are_not_offensive_either(model):
    assert WORD in [made.name for made in top(model, "X", count=30, allow_offensive=True)]
    assert WORD not in [made.name for made in top(model, "X", count=30)]


def test_models_of_the_tutorials_recipe_are_not_filtered():
    assert WORD in sample(make_bigram_model(np.zeros((3, 3)), letters="as"), "X", count=3000, seed=1)


def test_an_offensive_prefix_is_one_clear_error_and_can_be_allowed(model, cli, tmp_path, monkeypatch):
    monkeypatch.setattr("namegen.sampling.rejection.MAX_REJECTIONS", 1024)
    model.save(tmp_path / "model.safetensors")
    arguments = ("sample", "--model", tmp_path / "model.safetensors", "--prefix", WORD, "--max-length", 3)
    refused = cli(*arguments)

    assert refused.code == 1
    assert "avoids offensive words (unless --allow-offensive is given)" in refused.err
    assert len(refused.err.splitlines()) == 1
    assert cli(*arguments, "--allow-offensive").out == f"{WORD}\n"


def test_the_script_adds_words_and_parts(tmp_path, monkeypatch):
    path = tmp_path / "offensive.txt"
    path.write_text("".join(f"{line}\n" for line in encode_entries(["word"])), "ascii")
    monkeypatch.setattr(offensive, "OFFENSIVE_FILE", path)
    monkeypatch.setattr(sys, "argv", ["add_offensive.py", "banana", "*ilom"])
    runpy.run_path(str(REPOSITORY / "scripts" / "add_offensive.py"), run_name="__main__")
    offensive._read_entries.cache_clear()
    try:
        found = find_offensive("Banana\nBananas\nWord\nPhilomena\nAnna\n").tolist()
    finally:
        offensive._read_entries.cache_clear()

    assert found == [True, False, True, True, False]
    assert "banana" not in path.read_text("ascii")

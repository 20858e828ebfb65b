"""Names in any script: training, sampling and scoring with the alphabet of the data."""

from __future__ import annotations

import json
import shlex
import string
import unicodedata

import pytest

from namegen import Dataset, sample, score, top, train
from namegen.datasets.graphemes import split_letters
from namegen.datasets.open import open_dataset
from namegen.datasets.transliteration import to_ascii
from namegen.errors import TrainingStopped
from namegen.models.store import cached_location, load_model
from namegen.training.jobs import TrainingRequest, claim_model, plan_training, run_plan
from names_of_eight_scripts import NAMES
from support import leave_unfinished

START = {
    "Latin": "żÇ",
    "Русские": "иВ",
    "Ελληνικά": "πΖ",
    "한국어": "김이",
    "العربية": "محم",
    "हिन्दी": "किअ",
    "中文": "王李",
    "ไทย": "สกำ",
}
PERSIAN = ["علی\u200cرضا", "محمد\u200cرضا", "غلام\u200cحسین", "امیر\u200cعلی", "عبد\u200cالله", "آقا\u200cجان"]


@pytest.fixture(scope="session")
def model():
    """One small model of all the scripts."""
    return train(Dataset.from_names(NAMES, alphabet="unicode"), iterations=3200, hidden_size=32, validation=0)


def write(folder, names):
    folder.mkdir()
    for category, own in names.items():
        (folder / f"{category}.txt").write_text("\n".join(own) + "\n", encoding="utf-8")
    return folder


def train_stopped(name, folder):
    """Begin a small run on a folder of names and stop it."""
    location = cached_location(name)
    with claim_model(location):
        begun = plan_training(
            location, TrainingRequest({"iterations": 640, "hidden_size": 8}, data=(str(folder),), alphabet="unicode")
        )
        with pytest.raises(TrainingStopped):
            run_plan(location, begun, open_dataset(str(folder), alphabet=begun.alphabet), stop=lambda: True)


def test_the_alphabet_is_the_letters_of_the_data_in_normal_form(model):
    expected = {letter for names in NAMES.values() for name in names for letter in split_letters(name)}
    assert model.alphabet.letters == tuple(sorted(expected))
    assert {"ü", "Ż", "а\u0301", "김", "ễ", "कि", "مّ", "กำ"} <= set(model.alphabet.letters)
    dataset = Dataset.from_names(NAMES, alphabet="unicode")
    for category, names in NAMES.items():
        assert dataset.names(category) == [unicodedata.normalize("NFC", name) for name in names]


@pytest.mark.parametrize("category", NAMES)
def test_names_are_sampled_in_the_script_of_their_category(model, category):
    for name in sample(model, category, count=300, temperature=1.5, top_p=1.0, seed=1):
        assert all(letter in model.alphabet for letter in split_letters(name)), name  # no mark without its letter
        assert unicodedata.normalize("NFC", name) == name
    begins = [split_letters(name)[0] for name in sample(model, category, START[category], seed=1)]
    assert [letter.casefold() for letter in begins] == [letter.casefold() for letter in split_letters(START[category])]
    plain, in_ascii = (sample(model, category, count=50, seed=1, ascii=chosen) for chosen in (False, True))
    assert all(name.isascii() and name.strip() == name != "" for name in in_ascii)
    transliterated = [to_ascii(f"{name}\n").rstrip("\n") for name in plain]
    assert all(own in (name, "") for name, own in zip(in_ascii, transliterated, strict=True))  # "" is sampled again


def test_filters_apply_to_the_transliterated_names(model):
    names = sample(model, "Русские", count=300, seed=1, unique=True, ascii=True, temperature=1.5)
    assert len(set(names)) == 300
    assert len({best.name for best in top(model, "Русские", count=100, unique=True, ascii=True)}) == 100
    names = sample(model, "Ελληνικά", count=20, seed=1, match="[A-Z][a-z]+s", exclude=["vlakhos"], ascii=True)
    assert all(name.isascii() and name.endswith("s") and name != "Vlakhos" for name in names)


def test_names_of_any_script_can_be_scored(model):
    usual, unusual = score(model, "Русские", ["Ива\u0301нов", "김민수김민수"]).log_probabilities
    assert usual > unusual


def test_the_command_trains_and_samples_in_any_script(cli, tmp_path):
    folder = write(tmp_path / "names", NAMES)
    trained = cli("train", "--data", folder, "--alphabet", "unicode", "--iters", 640, "--hidden-size", 8)
    assert trained.code == 0, trained.err
    assert "transliterated" not in trained.err
    assert cli(*shlex.split(trained.err.splitlines()[-1].removeprefix("Next: namegen "))).code == 0
    sampled = cli("sample", "हिन्दी", "किअ", "--format", "jsonl", "--seed", 1)
    rows = [json.loads(line) for line in sampled.out.splitlines()]
    assert [(row["category"], split_letters(row["name"])[0]) for row in rows] == [("हिन्दी", "कि"), ("हिन्दी", "अ")]
    assert cli("sample", "русские", "-n", 20, "--ascii", "--seed", 1).out.isascii()
    assert [line.split("\t")[0] for line in cli("categories", "-m", "default").out.splitlines()[1:]] == sorted(NAMES)
    assert cli("evaluate", "--data", folder, "--all", "-n", 2).code == 0
    assert load_model().alphabet == Dataset.from_names(NAMES, alphabet="unicode").alphabet


def test_by_default_names_are_transliterated_with_a_note(cli, tmp_path):
    folder = write(tmp_path / "names", {"Русские": NAMES["Русские"]})
    trained = cli("train", "--data", folder, "--iters", 64, "--hidden-size", 4)
    note = "transliterated 25 names, such as 'Ива\u0301нов' into 'Ivanov'; use --alphabet unicode to keep them"
    assert note in trained.err
    assert cli("sample", "-n", 5).out.isascii()


def test_a_run_keeps_its_alphabet(cli):
    leave_unfinished(iterations=640)
    other = cli("train", "--resume", "--alphabet", "unicode")
    assert other.is_error(2)
    assert "--alphabet" in other.err
    assert cli("train", "--resume", "--alphabet", "ascii", "--quiet").code == 0


def test_a_resumed_run_gives_the_same_model_as_one_without_a_pause(cli, tmp_path):
    folder = write(tmp_path / "names", {"نام\u200cها": PERSIAN, "ไทย": NAMES["ไทย"]})  # with joiners
    options = ("--data", folder, "--quiet")
    assert cli("train", *options, "--alphabet", "unicode", "--iters", 640, "--hidden-size", 8, "-m", "whole").code == 0
    train_stopped("paused", folder)
    assert cli("train", *options, "--resume", "-m", "paused").code == 0
    assert cached_location("whole").model.read_bytes() == cached_location("paused").model.read_bytes()
    assert any("\u200c" in letter for letter in load_model("whole").alphabet.letters)
    assert cli("sample", "-m", "whole", "نام\u200cها", "-n", 20).out.count("\n") == 20


def test_names_added_to_a_model_keep_their_letters_unless_ascii_is_requested(cli, tmp_path):
    folder = write(tmp_path / "names", {"Русские": NAMES["Русские"]})
    line = ("train", "--init", "pretrained", "--data", folder, "--iters", 128)
    assert cli(*line, "--model", "more").code == 0
    names = cli("sample", "--model", "more", "Русские", "-n", 3).out
    assert not set("".join(names.split())) & set(string.ascii_letters)

    added = cli(*line, "--model", "ascii", "--alphabet", "ascii")
    assert added.code == 0
    assert "transliterated 25 names, such as 'Ива\u0301нов' into 'Ivanov'.\n" in added.err
    assert cli("sample", "--model", "ascii", "Русские", "-n", 3).out.isascii()

    refused = cli("train", "--init", "more", "--data", folder, "--alphabet", "ascii", "--model", "third")
    assert refused.is_error(2)
    assert "leave out --alphabet" in refused.err


def test_the_next_command_separates_a_category_like_an_option(cli, tmp_path):
    folder = write(tmp_path / "names", {"-n": ["Anna", "Bert", "Cleo"], "Z": ["Zoe"]})
    trained = cli("train", "--data", folder, "--iters", 320, "--hidden-size", 4)
    following = trained.err.splitlines()[-1].removeprefix("Next: namegen ")
    assert following == "sample -- -n ABC"
    assert cli(*shlex.split(following)).code == 0

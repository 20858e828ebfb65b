"""Names in any script: trained on and sampled as they are written, by the real command."""

from __future__ import annotations

import json
import shlex
import unicodedata

import pytest

from namegen import Dataset, sample, score, top, train
from namegen.config import TrainingConfig
from namegen.datasets.graphemes import split_letters
from namegen.datasets.transliteration import to_ascii
from namegen.errors import TrainingStopped
from namegen.models.store import load_model
from namegen.recipes import training_config
from namegen.sampling import rejection as sampler
from namegen.sampling.generate import sample_preview
from names_of_eight_scripts import NAMES
from support import leave_unfinished, make_model

SMALL = {"iterations": 640, "hidden_size": 8}
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


@pytest.fixture(scope="module")
def model():
    """One model of all the scripts, trained for a moment."""
    return train(Dataset.from_names(NAMES, alphabet="unicode"), iterations=9600, hidden_size=32, validation=0)


def write(folder, names=NAMES):
    folder.mkdir()
    for category, own in names.items():
        (folder / f"{category}.txt").write_text("\n".join(own) + "\n", encoding="utf-8")
    return folder


def test_the_alphabet_is_the_letters_of_the_data_each_once_in_normal_form(model):
    expected = {letter for names in NAMES.values() for name in names for letter in split_letters(name)}
    assert model.alphabet.letters == tuple(sorted(expected))
    assert {"ü", "Ż", "а\u0301", "김", "ễ", "कि", "مّ", "กำ"} <= set(model.alphabet.letters)


def test_training_names_come_back_from_the_letters_as_they_were_written(model):
    dataset = Dataset.from_names(NAMES, alphabet="unicode")
    for category, names in NAMES.items():
        assert dataset.names(category) == [unicodedata.normalize("NFC", name) for name in names]


@pytest.mark.parametrize("category", NAMES)
def test_no_mark_is_ever_parted_from_its_letter(model, category):
    names = sample(model, category, count=500, temperature=1.5, top_p=1.0, seed=1)
    for name in names:
        assert all(letter in model.alphabet for letter in split_letters(name)), name
        assert unicodedata.normalize("NFC", name) == name


@pytest.mark.parametrize("category", NAMES)
def test_each_start_letter_of_any_script_begins_a_name(model, category):
    names = sample(model, category, START[category], seed=1)
    begins = [split_letters(name)[0] for name in names]
    assert [letter.casefold() for letter in begins] == [letter.casefold() for letter in split_letters(START[category])]


def test_start_letters_take_the_case_of_the_names_where_the_script_has_case(model):
    assert [name[0] for name in sample(model, "Русские", "ив", seed=1)] == ["И", "В"]
    assert sample(model, "한국어", "김", seed=1)[0].startswith("김")


@pytest.mark.parametrize("category", NAMES)
def test_in_ascii_the_same_names_come_transliterated(model, category):
    plain, ascii_ones = (sample(model, category, count=50, seed=1, ascii=as_ascii) for as_ascii in (False, True))
    assert all(name.isascii() and name.strip() == name != "" for name in ascii_ones)
    assert ascii_ones == [to_ascii(f"{name}\n").rstrip("\n") for name in plain]


def test_no_two_names_are_alike_in_ascii_where_none_may_come_twice(model):
    names = sample(model, "Русские", count=300, seed=1, unique=True, ascii=True, temperature=1.5)
    assert len(set(names)) == 300
    best = [generated.name for generated in top(model, "Русские", count=100, unique=True, ascii=True)]
    assert len(set(best)) == 100


def test_filters_see_names_as_they_come(model):
    names = sample(model, "Ελληνικά", count=20, seed=1, match="[A-Z][a-z]+s", exclude=["vlakhos"], ascii=True)
    assert all(name.isascii() and name.endswith("s") and name != "Vlakhos" for name in names)


def test_names_of_any_script_can_be_scored(model):
    usual, unusual = score(model, "Русские", ["Ива\u0301нов", "김민수"]).log_probabilities
    assert usual > unusual


def test_the_command_trains_and_draws_in_any_script(cli, tmp_path):
    folder = write(tmp_path / "names")
    trained = cli("train", "--data", folder, "--alphabet", "unicode", "--iters", 640, "--hidden-size", 8)
    assert trained.code == 0, trained.err
    assert "transliterated" not in trained.err
    following = shlex.split(trained.err.splitlines()[-1].removeprefix("Next: namegen "))
    assert cli(*following).code == 0
    sampled = cli("sample", "हिन्दी", "किअ", "--format", "jsonl", "--seed", 1)
    rows = [json.loads(line) for line in sampled.out.splitlines()]
    assert [(row["category"], split_letters(row["name"])[0]) for row in rows] == [("हिन्दी", "कि"), ("हिन्दी", "अ")]
    assert cli("sample", "русские", "-n", 20, "--ascii", "--seed", 1).out.isascii()
    assert [line.split("\t")[0] for line in cli("categories").out.splitlines()[1:]] == sorted(NAMES)
    evaluated = cli("evaluate", "--data", folder, "--all", "-n", 2, "-o", tmp_path / "quality.svg")
    assert (evaluated.code, evaluated.err.count("\n")) == (0, 2), evaluated.err
    assert load_model().alphabet == Dataset.from_names(NAMES, alphabet="unicode").alphabet


def test_without_being_asked_to_the_command_transliterates_and_says_so(cli, tmp_path):
    folder = write(tmp_path / "names", {"Русские": NAMES["Русские"]})
    trained = cli("train", "--data", folder, "--iters", 64, "--hidden-size", 4)
    assert (
        "transliterated 25 names, as 'Ива\u0301нов' into 'Ivanov'; with the alphabet unicode they stay" in trained.err
    )
    assert cli("sample", "-n", 5).out.isascii()


def test_a_run_keeps_its_alphabet(cli, tmp_path):
    leave_unfinished(iterations=640)
    other = cli("train", "--resume", "--alphabet", "unicode")
    assert (other.code, other.err) == (
        2,
        "Error: the run has another alphabet than unicode; leave out --alphabet\n",
    )
    assert cli("train", "--resume", "--alphabet", "ascii", "--quiet").code == 0


def test_a_run_in_unicode_goes_on_to_the_same_model_as_without_a_pause(tmp_path):
    from namegen.datasets.open import open_dataset
    from namegen.models.store import cached_location
    from namegen.training.jobs import TrainingRequest, claim_model, plan_training, run_plan

    folder = str(write(tmp_path / "names"))
    models = []
    for name in ("whole", "parted"):
        place = cached_location(name)
        with claim_model(place):
            begun = plan_training(place, TrainingRequest(SMALL, dataset=folder, alphabet="unicode"))
            dataset = open_dataset(folder, alphabet=begun.alphabet)
            if name == "parted":
                with pytest.raises(TrainingStopped):
                    run_plan(place, begun, dataset, stop=lambda: True)
                begun = plan_training(place, TrainingRequest(dataset=folder, resume=True))
                dataset = open_dataset(folder, alphabet=begun.alphabet)
            run_plan(place, begun, dataset)
        models.append(place.model.read_bytes())
    assert models[0] == models[1]


def test_what_is_added_to_a_model_is_brought_into_its_alphabet(cli, tmp_path):
    folder = write(tmp_path / "names", {"Русские": NAMES["Русские"]})
    line = ("train", "--init", "pretrained", "--data", folder, "--model", "more", "--iters", 128)
    refused = cli(*line, "--alphabet", "unicode")
    assert (refused.code, refused.err) == (
        2,
        "Error: the model to begin with has another alphabet than unicode; leave out --alphabet or --init\n",
    )
    added = cli(*line)
    assert added.code == 0
    assert "transliterated 25 names, as 'Ива\u0301нов' into 'Ivanov'.\n" in added.err
    assert cli("sample", "--model", "more", "Русские", "-n", 3).out.isascii()


@pytest.mark.parametrize(
    ("names", "letters"),
    [
        (["Bad Homburg vor der Höhe", "Stoke-on-Trent", "São Paulo", "Val-d'Or", "St. John’s"], " -.'’öã"),
        (["co-amoxiclav", "vitamin B12", "5-fluorouracil", "amoxicillin/clavulanate", "(R)-warfarin"], "-/()15 "),
    ],
)
def test_names_of_several_words_and_with_signs_stay_as_they_are_written(names, letters):
    dataset = Dataset.from_names({"X": names}, alphabet="unicode")
    assert dataset.names("X") == names
    assert set(letters) <= set(dataset.alphabet.letters)


def test_place_names_are_drawn_with_single_blanks_inside():
    names = ["Bad Homburg vor der Höhe", "Bad Tölz", "Stoke-on-Trent", "São Paulo", "New York", "Los Angeles"]
    dataset = Dataset.from_names({"Places": names}, alphabet="unicode")
    model = train(dataset, TrainingConfig(iterations=3000, hidden_size=32, validation=0.0))
    sampled = sample(model, "Places", count=200, seed=1)
    assert any(" " in name for name in sampled)
    assert all(name == " ".join(name.split()) for name in sampled)
    assert all(name.startswith("Bad ") for name in sample(model, "Places", ["Bad "], count=5, seed=1))


def test_more_letters_than_an_alphabet_can_have_are_one_clear_error(cli, tmp_path):
    characters = [chr(point) for point in range(0x4E00, 0x9FA6)] + [chr(point) for point in range(0xAC00, 0xD7A4)]
    characters += [chr(point) for point in range(0x20000, 0x2A6D0)]
    file = tmp_path / "all.txt"
    file.write_text("\n".join(characters) + "\n", encoding="utf-8")
    refused = cli("train", "--data", file, "--alphabet", "unicode")
    assert refused.code == 1
    assert refused.err.startswith("Error: all: an alphabet has 1 to 65,535 letters, not ")


PERSIAN = ["علی\u200cرضا", "محمد\u200cرضا", "غلام\u200cحسین", "امیر\u200cعلی", "عبد\u200cالله", "آقا\u200cجان"]


def test_what_is_written_with_joiners_can_be_trained_stopped_gone_on_with_and_drawn(cli, tmp_path):
    from namegen.datasets.open import open_dataset
    from namegen.models.store import cached_location
    from namegen.training.jobs import TrainingRequest, claim_model, plan_training, run_plan

    folder = str(write(tmp_path / "names", {"نام\u200cها": PERSIAN}))
    place = cached_location("default")
    with claim_model(place):
        begun = plan_training(place, TrainingRequest(SMALL, dataset=folder, alphabet="unicode"))
        with pytest.raises(TrainingStopped):
            run_plan(place, begun, open_dataset(folder, alphabet=begun.alphabet), stop=lambda: True)
    assert cli("train", "--data", folder, "--resume", "--quiet").code == 0
    assert any("\u200c" in letter for letter in load_model().alphabet.letters)
    sampled = cli("sample", "نام\u200cها", "-n", 20)
    assert (sampled.code, sampled.out.count("\n")) == (0, 20)
    assert "نام\u200cها" in cli("categories").out


def test_the_command_that_is_proposed_has_a_category_like_an_option_behind_two_dashes(cli, tmp_path):
    folder = write(tmp_path / "names", {"-n": ["Anna", "Bert", "Cleo"], "Z": ["Zoe"]})
    trained = cli("train", "--data", folder, "--iters", 320, "--hidden-size", 4)
    following = trained.err.splitlines()[-1].removeprefix("Next: namegen ")
    assert following == "sample -- -n ABC"
    assert cli(*shlex.split(following)).code == 0


def test_a_few_names_take_no_time_even_where_letters_are_many_and_the_network_knows_nothing():
    letters = "".join(map(chr, range(0x4E00, 0x4E00 + 4000)))
    unable = make_model(training_config(hidden_size=4, iterations=1), letters=letters)
    unable.weights["head.bias"][-1] = -1e4  # it never ends a name
    attempts = []
    model_step = sampler.RejectionSampler._attempt

    def counted(self, category, prefixes, prefix_of, streams):
        attempts.append(len(streams))
        return model_step(self, category, prefixes, prefix_of, streams)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampler.RejectionSampler, "_attempt", counted)
        assert sample_preview(unable, count=5, seed=1) == []
    assert sum(attempts) * 20 * 4001 < 2**25
    assert len(sample_preview(load_model("pretrained"), "German", count=5, seed=1)) == 5

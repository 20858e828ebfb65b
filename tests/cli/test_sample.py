"""``namegen sample``: names in the order and form asked for."""

from __future__ import annotations

import dataclasses
import json
import re
import string

import numpy as np
import pytest

from namegen import paths
from namegen.config import SamplingConfig
from namegen.datasets.alphabet import ASCII
from namegen.io.locks import hold_lock
from namegen.models.model import Checkpoint, Model
from namegen.models.store import cached_location
from support import knowing, make_bigram_model

LETTERS = "".join(ASCII.letters)
CATEGORIES = ("English", "German", "Russian")


def names_model(
    categories: tuple[str, ...] = CATEGORIES, begin: str = string.ascii_uppercase, *, end: float = 0.3
) -> Model:
    """A model whose names begin with one of some letters, continue in lower case, and end at each letter by chance."""
    table = np.full((len(LETTERS) + 1, len(LETTERS) + 1), -1e4)
    lower = [LETTERS.index(letter) for letter in string.ascii_lowercase]
    first = [LETTERS.index(letter) for letter in begin]
    table[:-1, lower] = np.log((1 - end) / len(lower))
    table[:-1, -1] = np.log(end) if end else -1e4
    table[-1, first] = np.log(1 / len(first))
    begins = [[10 * (letter in begin) for letter in LETTERS]] * len(categories)
    return make_bigram_model(table, letters=LETTERS, categories=categories, first_letters=begins)


def ab_model(**options) -> Model:
    """A model of the letters a and b whose most probable name is ab: a continues, b ends."""
    table = np.log([[0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.8, 0.1, 0.1]])
    return make_bigram_model(table, **options)


def save(model: Model, name: str = "default") -> None:
    model.save(cached_location(name).model)


def save_unfinished(model: Model) -> None:
    training = dataclasses.replace(model.training, iterations=1000)
    so_far = dataclasses.replace(model, training=training, iterations=640)
    Checkpoint(so_far, {"position": np.zeros(1)}).save(cached_location("default").checkpoint)


@pytest.fixture
def default(cache):
    save(names_model())


@pytest.fixture
def ab(cache):
    save(ab_model(categories=("X", "Y")))


def initials(outcome) -> str:
    return "".join(name[0] for name in outcome.out.splitlines())


# Categories and letters


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["BAC"], "BAC"),
        (["ABC", "-n", 2], "AABBCC"),
        (["ABA"], "ABA"),
        (["abc"], "ABC"),
        (["U\N{COMBINING DIAERESIS}"], "U"),
        (["Ł"], "L"),
        (["Æ"], "A"),
        (["ABC", "-n", 0], ""),
    ],
    ids=str,
)
def test_each_start_letter_gives_a_name_in_the_case_and_alphabet_of_the_model(cli, default, arguments, expected):
    assert initials(cli("sample", "German", *arguments)) == expected


def test_without_a_category_each_name_has_a_random_one(cli, default):
    lines = cli("sample", "-n", 3000, "--seed", 1, "--format", "tsv").out.splitlines()
    sampled = [line.split("\t")[0] for line in lines]
    counts = np.array([sampled.count(category) for category in CATEGORIES])
    assert counts.sum() == 3000
    assert ((counts - 1000) ** 2 / 1000).sum() < 13.8  # chi-square with 2 degrees of freedom, p = 0.001
    assert sampled != sorted(sampled)
    assert cli("sample", "--prefix", "Sch").out.startswith("Sch")


@pytest.mark.parametrize("word", ["Élves", "élves", "E\u0301lves", "Élves+élves", "Élves:2"])
def test_with_one_category_a_lone_word_is_its_name_or_letters(cli, word):
    save(names_model(("Élves",), begin=string.ascii_lowercase[:3]))
    assert len(initials(cli("sample", word))) == 1
    assert initials(cli("sample", "ABC")) == initials(cli("sample", word, "ABC")) == "abc"


def test_a_category_matches_exactly_first_and_then_ignoring_case(cli):
    save(names_model(("ELVES", "Elves", "German")))
    assert cli("sample", "Elves", "A", "-f", "tsv").out.startswith("Elves\t")
    for category in ("german", "GERMAN", "gErMaN"):
        assert cli("sample", category, "A", "-f", "tsv").out.startswith("German\tA")


@pytest.mark.parametrize(
    ("category", "parts"),
    [
        ("Germn", ["'Germn'", "did you mean German?"]),
        ("Xyzzy", ["`namegen categories` lists", "of all models"]),
        ("german:2+Klingon", ["Klingon"]),
        ("Germn+Russian", ["did you mean German?"]),
        ("German:x", ["must be a positive number"]),
        ("German+", ["is empty"]),
    ],
)
def test_an_unknown_category_or_blend_is_refused(cli, default, category, parts):
    refused = cli("sample", category, "ABC")
    assert refused.is_error(2)
    assert all(part in refused.err for part in parts)


def test_a_blend_is_a_category_with_its_own_label(cli, default):
    assert cli("sample", "german:2+russian", "AB", "-f", "tsv").out.startswith("German:2+Russian\tA")
    assert json.loads(cli("sample", "German+Russian", "-f", "jsonl").out)["category"] == "German+Russian"


@pytest.mark.parametrize("letters", ["A1", "1", "★"])
def test_a_letter_that_cannot_be_used_is_refused_before_any_name(cli, default, letters):
    refused = cli("sample", "German", letters)
    assert refused.is_error(2)
    assert repr(letters[-1]) in refused.err
    assert refused.out == ""


# Prefixes


@pytest.mark.parametrize("prefix", ["S", "Sch", "sch", "Schmidt", "O'B-x"])
def test_every_name_begins_with_the_prefix(cli, default, prefix):
    names = cli("sample", "German", "--prefix", prefix, "-n", 100).out.splitlines()
    assert len(names) == 100
    assert all(name.startswith(prefix[0].upper() + prefix[1:]) for name in names)


def test_several_prefixes_come_in_their_order(cli, default):
    names = cli("sample", "German", "-p", "Sch", "-p", "Ba", "-n", 2).out.splitlines()
    assert [name[:2] for name in names] == ["Sc", "Sc", "Ba", "Ba"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sch\nba\nL\n", ["Sch", "Ba", "L"]),
        ("\n  Sch\r\n\n   \n\r\nBa", ["Sch", "Ba"]),
        ("\ufeffSch\rBa\r\nVan \nKo\r", ["Sch", "Ba", "Van ", "Ko"]),
        ("", []),
    ],
)
def test_a_dash_reads_prefixes_from_stdin_one_a_line(cli, default, text, expected):
    sampled = cli("sample", "German", "-", stdin=text)
    assert (sampled.code, sampled.err) == (0, "")
    names = sampled.out.splitlines()
    assert [name.startswith(prefix) for name, prefix in zip(names, expected, strict=True)] == [True] * len(expected)


@pytest.mark.parametrize("options", [["-", "--seed", 1], ["-p", "Mül", "-p", "Ba", "-p", "łu"], ["-", "--top", 1]])
def test_a_note_reports_prefixes_that_the_model_cannot_write(cli, default, options):
    sampled = cli("sample", "German", *options, stdin="Mül\nBa\nłu\n")

    assert sampled.code == 0
    assert [name[:2] for name in sampled.out.splitlines()] == ["Mu", "Ba", "Lu"]
    assert sampled.err == (
        "The model cannot write 'Mül'; names begin with 'Mul'.\nThe model cannot write 'łu'; names begin with 'Lu'.\n"
    )


def test_notes_on_prefixes_end_after_ten(cli, default):
    sampled = cli("sample", "German", "-", stdin="Ä\n" * 100)

    assert len(sampled.out.splitlines()) == 100
    assert len(sampled.err.splitlines()) == 10
    assert sampled.err.endswith("further prefixes are not reported.\n")


@pytest.mark.parametrize("second", ["English", "english", "ENGlish"])
def test_a_second_category_is_refused_with_the_blend_as_the_way_out(cli, default, second):
    for options in [], ["--top", 3]:
        refused = cli("sample", "German", second, *options)
        assert refused.is_error(2)
        assert f"use German+{second}" in refused.err


@pytest.mark.parametrize("second", ["Turkish/female", "hungarian", "Korean"])
def test_a_second_category_of_another_model_is_refused(cli, default, second):
    refused = cli("sample", "German", second)

    assert refused.is_error(2)
    assert f"{second!r} is a category of the model pe" in refused.err or "of the model pretrained" in refused.err


def test_names_with_excluded_parts_are_left_out(cli, default, tmp_path):
    parts = tmp_path / "parts.txt"
    parts.write_text("\nÄ\nBC\n", encoding="utf-8")
    sampled = cli("sample", "German", "-n", 200, "--exclude-parts", parts)

    assert sampled.code == 0
    assert not [name for name in sampled.out.lower().splitlines() if "a" in name or "bc" in name]
    assert cli("sample", "German", "--exclude-parts", tmp_path / "none.txt").is_error(1)


def test_errors_in_stdin_come_after_the_names_before_them(cli, default):
    refused = cli("sample", "German", "-", stdin="Sch\nBa\n1\nC\n")
    assert refused.is_error(2)
    assert "'1'" in refused.err
    assert initials(refused) == "SB"
    refused = cli("sample", "German", "-", stdin=b"Sch\n" + b"a" * 70_000)
    assert (refused.code, initials(refused)) == (1, "S")
    assert refused.err == "Error: standard input has a line of more than 65,536 bytes; give one name per line\n"


# Forms of output


def test_each_format_has_a_line_for_each_name(cli):
    save(ab_model(categories=('Ä "x"',)))
    assert cli("sample", "--greedy", "-n", 2).out == "ab\nab\n"
    assert cli("sample", "--greedy", "-n", 2, "-f", "tsv").out == 'Ä "x"\tab\n' * 2
    assert cli("sample", "--greedy", "-n", 2, "-f", "jsonl").out == '{"category": "Ä \\"x\\"", "name": "ab"}\n' * 2


def test_scores_follow_the_names_in_every_format(cli, ab):
    expected = np.log(0.8 * 0.6 * 0.6)  # of ab, which is the only match
    shared = ["sample", "X", "--match", "ab", "--scores"]

    assert cli(*shared).out == f"ab\t{expected:.4f}\n"
    assert cli(*shared, "-f", "tsv").out == f"X\tab\t{expected:.4f}\n"
    row = json.loads(cli(*shared, "-f", "jsonl").out)
    assert row == {"category": "X", "name": "ab", "log_probability": pytest.approx(expected, abs=1e-6)}
    assert cli("score", "X", "ab").out.split("\t")[1] == f"{expected:.4f}"


# Decoding


@pytest.mark.parametrize(
    "options", [["--greedy"], ["--temperature", 0], ["--top-k", 1], ["--top-p", "0.5"]], ids=lambda o: o[0]
)
def test_the_most_probable_letters_can_be_chosen(cli, ab, options):
    assert cli("sample", "X", *options, "-n", 50).out == "ab\n" * 50


def count_distinct(cli, *options):
    return len(set(cli("sample", "X", "-n", 300, "--seed", 1, *options).out.splitlines()))


def test_a_model_has_its_own_settings_which_options_override(cli):
    save(ab_model(sampling=SamplingConfig(temperature=0.0)))
    assert count_distinct(cli) == 1 < count_distinct(cli, "-t", "0.2") < count_distinct(cli, "-t", 2)


def test_max_length_counts_every_letter(cli):
    save(names_model(end=0.1))
    assert max(map(len, cli("sample", "German", "-n", 500, "--max-length", 4).out.splitlines())) == 4
    names = cli("sample", "German", "-p", "Sch", "-n", 200, "--max-length", 4).out.splitlines()
    assert {len(name) for name in names} == {3, 4}


# Filters and the most probable names


def test_filters_combine_with_counts_prefixes_and_formats(cli, tmp_path):
    save(knowing(ab_model(categories=CATEGORIES[:2]), "ab", "aab"))
    (tmp_path / "list.txt").write_text("ABB\nbb\n", encoding="utf-8")
    options = ["--unique", "--novel", "--min-length", 3, "--match", "[ab]+b", "--exclude", tmp_path / "list.txt"]
    sampled = cli("sample", "German", "ab", "-n", 20, *options, "--seed", 1, "-f", "tsv", "--scores")

    rows = [line.split("\t") for line in sampled.out.splitlines()]
    names = [name for _, name, _ in rows]
    assert sampled.code == 0
    assert len(set(names)) == len(names) == 40
    assert [name[0] for name in names] == ["a"] * 20 + ["b"] * 20
    assert all(len(name) >= 3 and name.endswith("b") and name not in {"aab", "abb"} for name in names)
    assert {category for category, _, _ in rows} == {"German"}


def test_unique_holds_between_prefixes_from_stdin(cli, ab):
    names = cli("sample", "X", "-", "--unique", "-n", 4, stdin="a\nab\na\n").out.splitlines()
    assert len(set(names)) == len(names) == 12
    assert all(name.startswith("ab") for name in names[4:8])


@pytest.mark.parametrize(
    ("options", "printed", "message"),
    [
        (["ab", "-n", 3, "--match", "a.*"], 3, "no name that begins with 'b' in 131,072 samples matches 'a.*'"),
        (["-n", 9, "--unique", "--max-length", 2, "--seed", 1], 6, "only 6 different names"),
        (["-n", 9, "--unique", "--greedy"], 1, "only 1 different name"),
        (["--top", 9, "--max-length", 2], 6, "only 6 of 9 names: no others exist"),
    ],
)
def test_what_cannot_be_met_is_an_error_after_the_names_found(cli, ab, options, printed, message):
    sampled = cli("sample", "X", *options)
    assert len(sampled.out.splitlines()) == printed
    assert sampled.is_error(1)
    assert message in sampled.err


def test_top_gives_the_most_probable_names_for_each_letter(cli, ab):
    assert cli("sample", "X", "--top", 1).out == "ab\n"  # 0.8 · 0.6 · 0.6
    assert cli("sample", "X", "ba", "--top", 2).out.splitlines() == ["b", "bb", "ab", "a"]
    scored = cli("sample", "X", "--top", 1, "--scores", "-f", "tsv").out
    assert scored == f"X\tab\t{np.log(0.8 * 0.6 * 0.6):.4f}\n"
    assert cli("sample", "--top", 3).is_error(2)  # which category?
    save(ab_model())
    assert cli("sample", "--top", 1).out == "ab\n"
    assert cli("sample", "b", "--top", 1).out == "b\n"


# Wrong usage


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["ABC", "--prefix", "Sch"], 2, "start letters and --prefix cannot be combined"),
        (["--prefix", "Schmidt", "--max-length", 3], 2, "Schmidt"),
        (["--temperature", "-1"], 2, "temperature must be"),
        (["--format", "xml"], 2, "'xml'"),
        (["--greedy", "--temperature", "0.5"], 2, "--greedy"),
        (["--match", "("], 2, "'(' is not a regular expression"),
        (["--min-length", 0], 2, "min length must be"),
        (["--min-length", 5, "--max-length", 4], 2, "min length of 5 is more than the max length of 4"),
        (["--exclude", "nowhere.txt"], 1, "no file nowhere.txt"),
        (["--exclude", "."], 1, "cannot read"),
        (["--top", 0], 2, "must be a whole number from 1"),
        (["--top", 5, "--min-length", 500], 2, "min length"),
        *([["--top", 3, *option], 2, "--top"] for option in (["-n", 2], ["--seed", 1], ["--greedy"], ["--top-k", 2])),
        (["--shard", "1/2"], 2, "--seed"),
        (["--shard", "1/2", "--seed", 1, "--unique"], 2, "--unique"),
        (["--shard", "1/2", "--top", 3], 2, "--top"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_one_line(cli, default, options, code, message):
    refused = cli("sample", "German", *options)
    assert refused.is_error(code)
    assert message in refused.err
    assert refused.out == ""


# Seeds and shards


def test_a_seed_gives_the_same_names_again(cli, default):
    first = cli("sample", "-n", 100, "-v")
    seed = re.search(r"seed (\d+)", first.err)[1]
    assert cli("sample", "-n", 100, "--seed", seed).out == first.out
    assert cli("sample", "-n", 100, "--seed", 7).out != first.out
    assert cli("sample", "-n", 100).out != first.out


def test_verbose_shows_the_model_and_the_seed_on_stderr(cli):
    assert cli("sample", "German", "A", "-v", "--seed", 3).err == (
        f"model {paths.PRETRAINED_FILE} (included), seed 3\n"
    )
    save(names_model())
    assert cli("sample", "German", "A", "-v", "--seed", 3).err == f"model {cached_location('default').model}, seed 3\n"


@pytest.mark.parametrize(
    "line",
    [
        ["-n", 100, "-f", "tsv"],
        ["German", "BAC"],
        ["German", "-p", "Sch", "-p", "Ba", "-n", 9, "-f", "jsonl", "--scores"],
        ["German+Russian", "ABC", "-n", 7, "--match", ".*[a-m]", "--min-length", 3, "-f", "tsv", "--scores"],
        ["German", "-n", 0],
        ["German", "-"],
    ],
    ids=lambda line: " ".join(map(str, line)),
)
def test_the_outputs_of_all_shards_in_a_row_are_that_of_one_run(cli, default, line):
    given = {"stdin": "Sch\n\nBa\nL\n"}
    whole = cli("sample", *line, "--seed", 7, **given)
    shards = [cli("sample", *line, "--seed", 7, "--shard", f"{k:02}/4", **given) for k in range(1, 5)]

    assert [(shard.code, shard.err) for shard in shards] == [(0, "")] * 4
    assert "".join(shard.out for shard in shards) == whole.out


@pytest.mark.parametrize("shard", ["0/4", "5/4", "a/b", "", "1/2/3", "9" * 5000])
def test_a_malformed_shard_is_one_line_of_wrong_usage(cli, default, shard):
    refused = cli("sample", "German", "--seed", 1, "--shard", shard)
    assert refused.is_error(2)
    assert "shard" in refused.err
    assert len(refused.err) < 300


# Which model


def test_a_model_without_sos_begins_as_its_training_names_do(cli):
    save(ab_model(sos=False, first_letters=[[0, 5]]))
    assert set(initials(cli("sample", "X", "-n", 100))) == {"b"}
    impossible = ["sample", "X", "a", "--match", "a", "--scores"]
    assert cli(*impossible).out == "a\t-inf\n"
    assert json.loads(cli(*impossible, "-f", "jsonl").out) == {"category": "X", "name": "a", "log_probability": None}


def test_an_unfinished_run_is_used_with_a_note_if_there_is_no_finished_model(cli):
    save_unfinished(names_model(begin="Q"))
    sampled = cli("sample", "German")
    assert (sampled.code, initials(sampled)) == (0, "Q")
    assert sampled.err == ("The training of default is unfinished: using the model after 640 of 1,000 iterations.\n")
    assert "finish its training" in cli("sample", "German", "--novel").err
    save(names_model(begin="F"))
    sampled = cli("sample", "German")
    assert (sampled.err, initials(sampled)) == ("", "F")


def test_a_model_is_chosen_by_option_or_environment_by_name_or_path(cli, default, monkeypatch, tmp_path):
    save(names_model(begin="Q"), "queer")
    names_model(begin="P").save(tmp_path / "path.safetensors")
    assert initials(cli("sample", "German", "--model", "queer")) == "Q"
    assert initials(cli("sample", "German", "--model", tmp_path / "path.safetensors")) == "P"
    monkeypatch.setenv("NAMEGEN_MODEL", "queer")
    assert initials(cli("sample", "German")) == "Q"
    assert initials(cli("sample", "German", "--model", tmp_path / "path.safetensors")) == "P"
    monkeypatch.setenv("NAMEGEN_MODEL", str(tmp_path / "path.safetensors"))
    assert initials(cli("sample", "German")) == "P"


def test_without_a_model_of_the_user_the_included_one_is_used(cli):
    sampled = cli("sample", "German", "ABC")
    assert (sampled.code, sampled.err, initials(sampled)) == (0, "", "ABC")
    by_name = cli("sample", "German", "-n", 20, "--seed", 3, "--model", "pretrained").out
    assert by_name == cli("sample", "German", "-n", 20, "--seed", 3, "--model", paths.PRETRAINED_FILE).out
    save(names_model())
    assert by_name != cli("sample", "German", "-n", 20, "--seed", 3).out


@pytest.mark.parametrize("own", [(), ("Elves",), ("Elves", "Dwarves")])
def test_a_category_is_looked_up_in_all_models_and_a_note_names_another_than_the_first(cli, own):
    if own:
        save(names_model(own))
    sampled = cli("sample", "turkish/female", "-n", 5, "--seed", 3, "-f", "tsv")
    assert sampled.err == "turkish/female is a category of the included model people.\n"
    assert sampled.out == cli("sample", "Turkish/female", "-n", 5, "--seed", 3, "-m", "people", "-f", "tsv").out
    blend = "Turkish/female:2+Turkish/male"
    sampled = cli("sample", blend)
    assert (sampled.code, sampled.err) == (0, f"The parts of {blend} are categories of the included model people.\n")
    sampled = cli("sample", "German", "ABC")
    assert (sampled.code, "included model pretrained" in sampled.err) == (0, bool(own))


def test_a_culture_is_refused_with_its_parts(cli):
    refused = cli("sample", "turkish")
    assert refused.is_error(2)
    assert refused.err.startswith("Error: Turkish has the parts female, male, surname")
    assert refused.err.endswith("; use Turkish/female, or `namegen people Turkish` for full names\n")
    assert "did you mean Turkish?" in cli("sample", "Turkisch").err
    assert "did you mean Turkish/female?" in cli("sample", "Turkish/femal").err
    assert cli("sample", "Turkish", "-m", "people").is_error(2)


def test_a_blend_of_categories_of_different_models_is_refused(cli):
    refused = cli("sample", "Turkish/female+Irish")
    assert refused.is_error(2)
    assert "are in different models; blend categories of one model" in refused.err
    assert "must be a positive number" in cli("sample", "Turkish/female:0+Turkish/male").err


def test_score_uses_the_model_people_on_request(cli):
    refused = cli("score", "Turkish/female", "Ayla")
    assert refused.is_error(2)
    assert "Turkish/female is a category of the model people; add --model people" in refused.err
    assert "Turkish has the parts" in cli("score", "Turkish", "Ayla").err
    assert cli("score", "Turkish/female", "Ayla", "--model", "people").out.startswith("Ayla\t")


def test_without_any_model_it_says_how_to_get_one(cli, without_included_models):
    refused = cli("sample", "German", "ABC")
    assert refused.is_error(1)
    assert "namegen train" in refused.err


def test_a_model_that_does_not_exist_is_refused(cli, default, tmp_path):
    refused = cli("sample", "German", "--model", "elves")
    assert refused.is_error(1)
    assert all(part in refused.err for part in ("'elves'", "default"))
    for path in (tmp_path / "none.safetensors", tmp_path):
        refused = cli("sample", "German", "--model", path)
        assert refused.is_error(1)
        assert str(path) in refused.err


@pytest.mark.parametrize("kept", [0, 4, 500, -1])
def test_a_damaged_model_file_is_one_clear_line(cli, default, kept):
    file = cached_location("default").model
    file.write_bytes(file.read_bytes()[:kept])
    refused = cli("sample", "German", "ABC")
    assert refused.is_error(1)
    assert str(file) in refused.err


def test_sampling_writes_no_file_and_works_during_a_training(cli, default, cache):
    with hold_lock(cached_location("default").lock, "training default"):
        before = sorted(cache.rglob("*"))
        assert cli("sample", "German", "ABC").code == 0
        assert sorted(cache.rglob("*")) == before

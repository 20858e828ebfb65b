"""``namegen sample``: names in the order and form asked for."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import string
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from namegen import paths
from namegen.config import SamplingConfig
from namegen.datasets.alphabet import ASCII
from namegen.models.model import Checkpoint, Model
from namegen.models.store import cached_location
from namegen.recipes import training_config
from support import knowing, make_bigram_model, make_model

LETTERS = "".join(ASCII.letters)
CATEGORIES = ("English", "German", "Russian")


def names_model(
    categories: tuple[str, ...] = CATEGORIES,
    begin: str = string.ascii_uppercase,
    *,
    end: float = 0.3,
    sos: bool = True,
    sampling: SamplingConfig | None = None,
) -> Model:
    """A model whose names begin with any of some letters, go on in lower case, and end at each letter by chance."""
    table = np.full((len(LETTERS) + 1, len(LETTERS) + 1), -1e4)
    lower = [LETTERS.index(letter) for letter in string.ascii_lowercase]
    first = [LETTERS.index(letter) for letter in begin]
    table[:-1, lower] = np.log((1 - end) / len(lower))
    table[:-1, -1] = np.log(end) if end else -1e4
    table[-1, first] = np.log(1 / len(first))
    begins = [[10 * (letter in begin) for letter in LETTERS]] * len(categories)
    return make_bigram_model(
        table, letters=LETTERS, categories=categories, sos=sos, sampling=sampling, first_letters=begins
    )


def save(model: Model, name: str = "default") -> None:
    model.save(cached_location(name).model)


def save_unfinished(model: Model, name: str = "default") -> None:
    training = dataclasses.replace(model.training, iterations=1000)
    so_far = dataclasses.replace(model, training=training, iterations=640)
    Checkpoint(so_far, {"position": np.zeros(1)}).save(cached_location(name).checkpoint)


def ab_model(**options) -> Model:
    """A model of the letters a and b whose most likely name is ab, whatever it begins with: a goes on, b ends."""
    table = np.log([[0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.8, 0.1, 0.1]])
    return make_bigram_model(table, **options)


def is_one_error(outcome, code):
    lines = outcome.err.splitlines()
    return outcome.code == code and len(lines) == 1 and lines[0].startswith("Error: ")


@pytest.fixture
def default(cache):
    save(names_model())


# Categories and letters


def test_start_letters_give_one_name_each_in_their_order(cli, default):
    names = cli("sample", "German", "BAC").out.splitlines()
    assert [name[0] for name in names] == ["B", "A", "C"]


def test_a_count_gives_as_many_names_for_each_letter_in_turn(cli, default):
    names = cli("sample", "German", "ABC", "-n", 2).out.splitlines()
    assert "".join(name[0] for name in names) == "AABBCC"


def test_a_letter_asked_for_twice_gives_two_names(cli, default):
    names = cli("sample", "German", "ABA").out.splitlines()
    assert "".join(name[0] for name in names) == "ABA"


def test_a_category_alone_gives_one_name_that_the_network_begins(cli):
    save(names_model(begin="Q"))
    names = cli("sample", "German").out.splitlines()
    assert [name[0] for name in names] == ["Q"]


def test_a_category_with_a_count_gives_as_many_names(cli, default):
    assert len(cli("sample", "German", "-n", 1000).out.splitlines()) == 1000


def test_without_a_category_each_name_has_one_drawn_uniformly(cli, default):
    lines = cli("sample", "-n", 3000, "--seed", 1, "--format", "tsv").out.splitlines()
    drawn = [line.split("\t")[0] for line in lines]
    counts = np.array([drawn.count(category) for category in CATEGORIES])
    assert counts.sum() == 3000
    assert ((counts - 1000) ** 2 / 1000).sum() < 13.8  # chi-square of 2 degrees of freedom, p = 0.001


def test_without_a_category_the_categories_come_mixed(cli, default):
    lines = cli("sample", "-n", 300, "--seed", 1, "--format", "tsv").out.splitlines()
    drawn = [line.split("\t")[0] for line in lines]
    assert drawn != sorted(drawn)


def test_without_a_category_prefixes_can_be_given(cli, default):
    assert cli("sample", "--prefix", "Sch").out.startswith("Sch")


def test_with_one_category_a_lone_word_means_letters(cli):
    save(names_model(("Elves",)))
    names = cli("sample", "ABC").out.splitlines()
    assert [name[0] for name in names] == ["A", "B", "C"]


@pytest.mark.parametrize("word", ["Élves", "élves", "E\u0301lves", "Élves+élves", "Élves:2"])
def test_with_one_category_its_name_still_means_the_category(cli, word):
    save(names_model(("Élves",), begin="Q"))
    names = cli("sample", word).out.splitlines()
    assert [name[0] for name in names] == ["Q"]


def test_with_one_category_both_words_can_be_given(cli):
    save(names_model(("Elves",)))
    names = cli("sample", "Elves", "AB").out.splitlines()
    assert [name[0] for name in names] == ["A", "B"]


@pytest.mark.parametrize("category", ["german", "GERMAN", "gErMaN"])
def test_a_category_is_found_whatever_its_case(cli, default, category):
    assert cli("sample", category, "A", "-f", "tsv").out.startswith("German\tA")


def test_a_category_of_exactly_that_case_comes_first(cli):
    save(names_model(("ELVES", "Elves")))
    assert cli("sample", "Elves", "A", "-f", "tsv").out.startswith("Elves\t")


def test_a_misspelt_category_is_refused_with_a_suggestion(cli, default):
    sampled = cli("sample", "Germn", "ABC")
    assert is_one_error(sampled, 2)
    assert "'Germn'" in sampled.err
    assert "did you mean German?" in sampled.err


def test_a_category_like_no_other_is_refused_with_those_there_are(cli, default):
    sampled = cli("sample", "Xyzzy", "ABC")
    assert is_one_error(sampled, 2)
    assert all(category in sampled.err for category in CATEGORIES)


def test_a_start_letter_outside_the_alphabet_is_transliterated(cli, default):
    assert cli("sample", "German", "Ł").out.startswith("L")


def test_a_start_letter_that_becomes_two_means_the_prefix(cli, default):
    assert cli("sample", "German", "Æ").out.startswith("Ae")


def test_a_decomposed_start_letter_is_one_letter(cli, default):
    names = cli("sample", "German", "U\N{COMBINING DIAERESIS}").out.splitlines()
    assert [name[0] for name in names] == ["U"]


def test_start_letters_take_the_upper_case_that_names_begin_with(cli, default):
    names = cli("sample", "German", "abc").out.splitlines()
    assert [name[0] for name in names] == ["A", "B", "C"]


def test_start_letters_take_the_lower_case_that_names_begin_with(cli):
    save(names_model(("pills",), begin=string.ascii_lowercase))
    names = cli("sample", "pills", "ABC").out.splitlines()
    assert [name[0] for name in names] == ["a", "b", "c"]


@pytest.mark.parametrize("letters", ["A1", "1", "★"])
def test_a_letter_that_cannot_be_used_is_refused_before_any_name(cli, default, letters):
    sampled = cli("sample", "German", letters)
    assert is_one_error(sampled, 2)
    assert repr(letters[-1]) in sampled.err
    assert sampled.out == ""


# Prefixes


@pytest.mark.parametrize("prefix", ["S", "Sch", "sch", "Schmidt"])
def test_a_prefix_is_obeyed_by_every_name(cli, default, prefix):
    names = cli("sample", "German", "--prefix", prefix, "-n", 100).out.splitlines()
    assert len(names) == 100
    assert all(name.startswith(prefix.capitalize()) for name in names)


def test_a_prefix_that_the_model_would_never_write_is_obeyed(cli):
    save(names_model(begin="Q"))
    assert cli("sample", "German", "--prefix", "O'B-x").out.startswith("O'B-x")


def test_several_prefixes_come_in_their_order(cli, default):
    names = cli("sample", "German", "-p", "Sch", "-p", "Ba", "-n", 2).out.splitlines()
    assert [name[:2] for name in names] == ["Sc", "Sc", "Ba", "Ba"]


def test_a_prefix_and_start_letters_exclude_each_other(cli, default):
    assert is_one_error(cli("sample", "German", "ABC", "--prefix", "Sch"), 2)


def test_a_prefix_longer_than_a_name_may_be_is_refused(cli, default):
    sampled = cli("sample", "German", "--prefix", "Schmidt", "--max-length", 3)
    assert is_one_error(sampled, 2)
    assert "Schmidt" in sampled.err


def test_a_dash_reads_prefixes_from_stdin(command, default):
    sampled = command("sample", "German", "-", stdin="Sch\nBa\nŁ\n")
    assert (sampled.code, sampled.err) == (0, "")
    assert [re.match("Sch|Ba|L", name)[0] for name in sampled.out.splitlines()] == ["Sch", "Ba", "L"]


def test_blank_lines_line_ends_and_leading_blanks_of_prefixes_on_stdin_are_skipped(command, default):
    sampled = command("sample", "German", "-", stdin="\n  Sch\r\n\n   \n\r\nBa")
    assert [re.match("(Sch|Ba)[a-z]*$", name)[1] for name in sampled.out.splitlines()] == ["Sch", "Ba"]


def test_a_blank_at_the_end_of_a_prefix_on_stdin_counts(command, default):
    sampled = command("sample", "German", "-", "-n", 5, stdin="Van \r\n")
    assert all(re.match("Van [a-z]", name) for name in sampled.out.splitlines())
    assert len(sampled.out.splitlines()) == 5


def test_every_kind_of_line_end_ends_a_prefix_on_stdin_and_a_byte_order_mark_is_none(command, default):
    sampled = command("sample", "German", "-", stdin="\ufeffSch\rBa\r\nVan \nKo\r")
    assert [line[:2] for line in sampled.out.splitlines()] == ["Sc", "Ba", "Va", "Ko"]


def test_a_line_without_an_end_on_stdin_is_refused_before_it_fills_the_memory(default):
    with subprocess.Popen(
        [sys.executable, "-m", "namegen", "sample", "German", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        written = 0
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(b"Sch\n")
            while written < 2**26:
                written += process.stdin.write(b"a" * 2**16)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, len(out.splitlines())) == (1, 1)
    assert err == b"Error: standard input has a line of more than 65,536 bytes; give one name a line\n"
    assert written < 2**22


def test_an_empty_stdin_gives_no_names(command, default):
    sampled = command("sample", "German", "-", stdin="")
    assert (sampled.code, sampled.out, sampled.err) == (0, "", "")


def test_a_dash_alone_reads_prefixes_for_any_category(command, default):
    sampled = command("sample", "-", "-n", 3, stdin="Sch\n")
    assert sampled.code == 0
    assert [name[:3] for name in sampled.out.splitlines()] == ["Sch"] * 3


def test_a_bad_prefix_on_stdin_is_refused_after_the_names_before_it(command, default):
    sampled = command("sample", "German", "-", stdin="Sch\nBa\n1\nC\n")
    assert is_one_error(sampled, 2)
    assert "'1'" in sampled.err
    assert [re.match("Sch|Ba", name)[0] for name in sampled.out.splitlines()] == ["Sch", "Ba"]


# Forms of output


def test_text_is_the_names_one_a_line(cli):
    save(ab_model(), "ab")
    assert cli("sample", "--model", "ab", "X", "--greedy", "-n", 2).out == "ab\nab\n"


def test_tsv_is_category_and_name_without_a_head(cli):
    save(ab_model(), "ab")
    assert cli("sample", "--model", "ab", "X", "--greedy", "-n", 2, "-f", "tsv").out == "X\tab\nX\tab\n"


def test_jsonl_is_an_object_a_line(cli):
    save(ab_model(), "ab")
    sampled = cli("sample", "--model", "ab", "X", "--greedy", "-n", 2, "-f", "jsonl")
    assert sampled.out == '{"category": "X", "name": "ab"}\n' * 2


def test_jsonl_keeps_what_is_not_ascii_and_quotes_what_must_be(cli):
    save(ab_model(categories=('Ä "x"',)), "ab")
    line = cli("sample", "--model", "ab", "--greedy", "-f", "jsonl").out
    assert "Ä" in line
    assert json.loads(line) == {"category": 'Ä "x"', "name": "ab"}


def test_an_unknown_format_is_refused(cli, default):
    assert is_one_error(cli("sample", "German", "-f", "xml"), 2)


# Ways to choose


def test_greedy_takes_the_most_likely_letters(cli):
    save(ab_model())
    assert cli("sample", "X", "--greedy", "-n", 50).out == "ab\n" * 50


def test_temperature_zero_is_greedy(cli):
    save(ab_model())
    assert cli("sample", "X", "--temperature", 0, "-n", 50).out == "ab\n" * 50


@pytest.mark.parametrize("greedy", [["--greedy"], ["--temperature", 0]])
def test_a_greedy_choice_has_no_dropout_unless_it_is_asked_for(cli, greedy):
    save(ab_model(sampling=SamplingConfig(temperature=0.0, dropout=0.5)))
    assert cli("sample", "X", *greedy, "-n", 50).out == "ab\n" * 50
    assert len(set(cli("sample", "X", *greedy, "--dropout", 0.5, "-n", 200, "--seed", 1).out.splitlines())) > 1
    assert len(set(cli("sample", "X", "-n", 200, "--seed", 1).out.splitlines())) > 1  # the model's own way


def test_greedy_and_a_temperature_exclude_each_other(cli, default):
    assert is_one_error(cli("sample", "German", "--greedy", "--temperature", "0.5"), 2)


def test_top_k_of_one_leaves_the_most_likely_letter(cli):
    save(ab_model())
    assert cli("sample", "X", "--top-k", 1, "-n", 50).out == "ab\n" * 50


def test_top_p_leaves_the_most_likely_letters(cli):
    save(ab_model())
    assert cli("sample", "X", "--top-p", "0.5", "-n", 50).out == "ab\n" * 50


def test_a_low_temperature_makes_names_more_alike(cli):
    save(ab_model())
    distinct = [
        len(set(cli("sample", "X", "-n", 500, "-t", heat, "--seed", 1).out.splitlines())) for heat in ("0.2", "2")
    ]
    assert distinct[0] < distinct[1]


def test_dropout_gives_greedy_names_variety(cli):
    save(ab_model())
    names = set(cli("sample", "X", "--greedy", "--dropout", "0.5", "-n", 200, "--seed", 1).out.splitlines())
    assert "ab" in names
    assert len(names) > 1


def test_a_model_draws_in_its_own_way_unless_told_otherwise(cli):
    save(ab_model(sampling=SamplingConfig(temperature=0.0)))
    assert set(cli("sample", "X", "-n", 200).out.splitlines()) == {"ab"}
    assert len(set(cli("sample", "X", "-n", 200, "-t", 1).out.splitlines())) > 1


def test_no_name_is_longer_than_the_max_length(cli):
    save(names_model(end=0.1))
    names = cli("sample", "German", "-n", 500, "--max-length", 4).out.splitlines()
    assert len(names) == 500
    assert max(map(len, names)) == 4


def test_the_max_length_counts_the_prefix(cli, default):
    names = cli("sample", "German", "-p", "Sch", "-n", 200, "--max-length", 4).out.splitlines()
    assert {len(name) for name in names} == {3, 4}


@pytest.mark.parametrize(
    "option",
    [
        *(f"--temperature={value}" for value in ("-1", "nan", "inf", "x")),
        *(f"--top-k={value}" for value in ("0", "-1", "1.5", "nan")),
        *(f"--top-p={value}" for value in ("0", "-0.1", "1.1", "nan")),
        *(f"--dropout={value}" for value in ("-0.1", "1", "nan")),
        *(f"--max-length={value}" for value in ("0", "-1", "nan")),
        *(f"--count={value}" for value in ("-1", "1.5", "nan")),
        *(f"--seed={value}" for value in ("-1", "x")),
    ],
)
def test_a_number_out_of_its_range_is_refused(cli, default, option):
    sampled = cli("sample", "German", option)
    assert is_one_error(sampled, 2)
    assert sampled.out == ""


def test_a_count_of_zero_gives_nothing(cli, default):
    sampled = cli("sample", "German", "ABC", "-n", 0)
    assert (sampled.code, sampled.out, sampled.err) == (0, "", "")


# Seeds


def test_the_same_seed_gives_the_same_names(cli, default):
    first, second = (cli("sample", "-n", 100, "--seed", 7).out for _ in range(2))
    assert first == second


def test_another_seed_gives_other_names(cli, default):
    assert cli("sample", "-n", 100, "--seed", 7).out != cli("sample", "-n", 100, "--seed", 8).out


def test_without_a_seed_names_differ_from_run_to_run(cli, default):
    assert cli("sample", "-n", 100).out != cli("sample", "-n", 100).out


def test_verbose_shows_a_seed_that_gives_the_same_names_again(cli, default):
    first = cli("sample", "-n", 100, "-v")
    seed = re.search(r"seed (\d+)", first.err)[1]
    assert cli("sample", "-n", 100, "--seed", seed).out == first.out


def test_verbose_shows_the_model_on_stderr(cli, default):
    sampled = cli("sample", "German", "A", "-v", "--seed", 3)
    assert sampled.err == f"model {cached_location('default').model}, seed 3\n"


def test_verbose_says_when_the_model_is_the_one_that_comes_along(cli):
    sampled = cli("sample", "German", "A", "-v", "--seed", 3)
    assert sampled.err == f"model {paths.PRETRAINED_FILE}, which comes with namegen, seed 3\n"


def test_verbose_changes_no_result(cli, default):
    assert cli("sample", "-n", 100, "--seed", 3, "-v").out == cli("sample", "-n", 100, "--seed", 3).out


# Shards


@pytest.mark.parametrize(
    "line",
    [
        ["-n", 100, "-f", "tsv"],
        ["German", "-n", 1],
        ["German", "BAC"],
        ["German", "-p", "Sch", "-p", "Ba", "-n", 9, "-f", "jsonl", "--scores"],
        ["German+Russian", "ABC", "-n", 7, "--match", ".*[a-m]", "--min-length", 3, "-f", "tsv", "--scores"],
        ["German", "-n", 0],
    ],
    ids=lambda line: " ".join(map(str, line)),
)
def test_the_outputs_of_all_shards_one_after_the_other_are_that_of_one_run(cli, default, line):
    whole = cli("sample", *line, "--seed", 7)
    dealt = [cli("sample", *line, "--seed", 7, "--shard", f"{k}/4") for k in range(1, 5)]

    assert [(shard.code, shard.err) for shard in dealt] == [(0, "")] * 4
    assert "".join(shard.out for shard in dealt) == whole.out


def test_processes_side_by_side_draw_what_one_draws(command, default):
    line = ["sample", "-n", 3000, "--seed", 7, "-f", "tsv", "--match", ".*[a-m]"]
    with ThreadPoolExecutor() as pool:
        dealt = list(pool.map(lambda k: command(*line, "--shard", f"{k:03}/003"), (1, 2, 3)))

    assert [len(shard.out.splitlines()) for shard in dealt] == [1000] * 3
    assert "".join(shard.out for shard in dealt) == command(*line).out


def test_shards_read_all_prefixes_from_stdin(command, default):
    whole, *dealt = (
        command("sample", "German", "-", "--seed", 7, *shard, stdin="Sch\n\nBa\nŁ\n")
        for shard in ([], *(["--shard", f"{k}/4"] for k in range(1, 5)))
    )
    assert [re.match("Sch|Ba|L|", shard.out)[0] for shard in dealt] == ["", "Sch", "Ba", "L"]
    assert "".join(shard.out for shard in dealt) == whole.out
    assert {shard.code for shard in dealt} == {0}


MALFORMED = (
    "0/4",
    "5/4",
    "1/0",
    "a/b",
    "-1/4",
    "1/99999999999999999999",
    "",
    "/",
    "1",
    "1/",
    "1/2/3",
    "1.0/2",
    "1/2\n",
)


@pytest.mark.parametrize("shard", [*MALFORMED, "1 / 2", "+1/2", "١/٢", "9" * 5000 + "/1", "1/" + "9" * 5000, "\x1b/2"])
def test_what_is_no_shard_is_one_line_of_wrong_usage(cli, default, shard):
    sampled = cli("sample", "German", "--seed", 1, "--shard", shard)
    assert is_one_error(sampled, 2)
    assert "shard" in sampled.err
    assert len(sampled.err) < 300
    assert sampled.out == ""


@pytest.mark.parametrize(
    ("options", "complaint"),
    [([], "--seed"), (["--seed", 1, "--unique"], "--unique"), (["--top", 3], "--top")],
    ids=["no seed", "unique", "top"],
)
def test_what_cannot_be_in_shards_is_one_line_of_wrong_usage(cli, default, options, complaint):
    sampled = cli("sample", "German", "-n", 9, "--shard", "1/2", *options)
    assert is_one_error(sampled, 2)
    assert complaint in sampled.err
    assert sampled.out == ""


# Which model


def test_a_model_without_sos_begins_as_its_training_names_do(cli):
    save(ab_model(sos=False, first_letters=[[0, 5]]))
    names = cli("sample", "X", "-n", 100).out.splitlines()
    assert {name[0] for name in names} == {"b"}


def test_a_gru_model_gives_names(cli):
    save(make_model(letters=LETTERS, categories=CATEGORIES))
    assert cli("sample", "German", "A").out.startswith("A")


def test_an_unfinished_run_is_used_with_a_note(cli):
    save_unfinished(names_model(begin="Q"))
    sampled = cli("sample", "German")
    assert sampled.code == 0
    assert sampled.out.startswith("Q")
    assert len(sampled.err.splitlines()) == 1
    assert "640 of 1,000 iterations" in sampled.err


def test_a_finished_model_comes_before_an_unfinished_run(cli):
    save(names_model(begin="F"))
    save_unfinished(names_model(begin="Q"))
    sampled = cli("sample", "German")
    assert sampled.out.startswith("F")
    assert sampled.err == ""


def test_model_option_takes_a_name(cli, default):
    save(names_model(begin="Q"), "queer")
    assert cli("sample", "German", "--model", "queer").out.startswith("Q")


def test_model_option_takes_a_path(cli, default, tmp_path):
    names_model(begin="Q").save(tmp_path / "queer.safetensors")
    assert cli("sample", "German", "--model", tmp_path / "queer.safetensors").out.startswith("Q")


@pytest.mark.parametrize("form", ["name", "path"])
def test_the_environment_names_the_model(cli, default, monkeypatch, form):
    save(names_model(begin="Q"), "queer")
    monkeypatch.setenv("NAMEGEN_MODEL", "queer" if form == "name" else str(cached_location("queer").model))
    assert cli("sample", "German").out.startswith("Q")


def test_model_option_comes_before_the_environment(cli, monkeypatch):
    save(names_model(begin="F"), "first")
    save(names_model(begin="Q"), "queer")
    monkeypatch.setenv("NAMEGEN_MODEL", "queer")
    assert cli("sample", "German", "--model", "first").out.startswith("F")


def test_without_any_model_of_the_users_the_one_that_comes_along_draws_without_a_word(cli):
    sampled = cli("sample", "German", "ABC")
    assert (sampled.code, sampled.err) == (0, "")
    assert [name[0] for name in sampled.out.splitlines()] == ["A", "B", "C"]


def test_the_model_that_comes_along_can_be_asked_for(cli, default):
    by_name = cli("sample", "German", "-n", 20, "--seed", 3, "--model", "pretrained")
    assert by_name.out == cli("sample", "German", "-n", 20, "--seed", 3, "--model", paths.PRETRAINED_FILE).out
    assert by_name.out != cli("sample", "German", "-n", 20, "--seed", 3).out


def test_without_any_model_it_says_how_to_get_one(cli, without_pretrained):
    sampled = cli("sample", "German", "ABC")
    assert is_one_error(sampled, 1)
    assert "namegen train" in sampled.err


def test_an_unknown_model_is_refused_with_those_there_are(cli, default):
    sampled = cli("sample", "German", "--model", "elves")
    assert is_one_error(sampled, 1)
    assert "'elves'" in sampled.err
    assert "default" in sampled.err


def test_a_path_to_no_file_is_refused(cli, default, tmp_path):
    sampled = cli("sample", "German", "--model", tmp_path / "none.safetensors")
    assert is_one_error(sampled, 1)
    assert str(tmp_path / "none.safetensors") in sampled.err


def test_a_folder_as_a_model_is_refused(cli, default, tmp_path):
    assert is_one_error(cli("sample", "German", "--model", tmp_path), 1)


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"\xff" * 5000])
def test_what_is_no_model_file_is_one_clear_line(cli, default, damage):
    file = paths.models_dir() / "default.safetensors"
    file.write_bytes(damage)
    sampled = cli("sample", "German", "ABC")
    assert is_one_error(sampled, 1)
    assert str(file) in sampled.err


@pytest.mark.parametrize("kept", [4, 500, -1])
def test_a_truncated_model_file_is_one_clear_line(cli, default, kept):
    file = paths.models_dir() / "default.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    sampled = cli("sample", "German", "ABC")
    assert is_one_error(sampled, 1)
    assert str(file) in sampled.err


def test_a_model_that_never_ends_a_name_is_one_clear_line(cli):
    save(names_model(end=0.0))
    sampled = cli("sample", "German", "A", "--max-length", 8)
    assert is_one_error(sampled, 1)
    assert "--max-length" in sampled.err
    assert sampled.out == ""


def test_a_greedy_name_that_never_ends_is_cut_20_letters_past_its_beginning(cli):
    save(names_model(end=0.0))
    assert cli("sample", "German", "A", "--greedy").out == "A" + "a" * 20 + "\n"


def test_sampling_writes_no_file(cli, default, cache):
    before = sorted(cache.rglob("*"))
    cli("sample", "German", "ABC")
    assert sorted(cache.rglob("*")) == before


def test_sampling_goes_on_while_the_model_is_being_trained(cli, default):
    from namegen.io.locks import hold_lock

    with hold_lock(cached_location("default").lock, "training default"):
        assert cli("sample", "German", "ABC").code == 0


def test_a_model_with_the_tutorials_ways_cuts_names_20_letters_past_the_start_letter(cli):
    config = training_config("tutorial", hidden_size=4, iterations=1)
    save(
        make_model(config, letters=LETTERS, categories=CATEGORIES, sampling=SamplingConfig(temperature=0, dropout=0.1))
    )
    names = cli("sample", "German", "ABC").out.splitlines()
    assert [name[0] for name in names] == ["A", "B", "C"]
    assert max(map(len, names)) <= 21


# Blends, filters, scores and the most probable names


def test_a_blend_is_a_category_with_a_label_of_its_own(cli, default):
    assert cli("sample", "german:2+Italian", "A").code == 2  # there is no Italian here
    assert cli("sample", "german:2+russian", "AB", "-f", "tsv").out.startswith("German:2+Russian\tA")
    assert json.loads(cli("sample", "German+Russian", "-f", "jsonl").out)["category"] == "German+Russian"


@pytest.mark.parametrize(
    ("blend", "complaint"),
    [("Germn+Russian", "did you mean German?"), ("German:x", "must be a positive number"), ("German+", "is empty")],
)
def test_what_is_no_blend_is_one_line_of_wrong_usage(cli, default, blend, complaint):
    sampled = cli("sample", blend)
    assert is_one_error(sampled, 2)
    assert complaint in sampled.err


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


def test_scores_stand_beside_names_in_every_format(cli):
    save(ab_model(categories=("X", "Y")))
    expected = np.log(0.8 * 0.6 * 0.6)  # of ab, which is all that the expression leaves
    shared = ["sample", "X", "--match", "ab", "--scores"]

    assert cli(*shared).out == f"ab\t{expected:.4f}\n"
    assert cli(*shared, "-f", "tsv").out == f"X\tab\t{expected:.4f}\n"
    row = json.loads(cli(*shared, "-f", "jsonl").out)
    assert row == {"category": "X", "name": "ab", "log_probability": pytest.approx(expected, abs=1e-6)}
    assert cli("score", "X", "ab").out.split("\t")[1] == f"{expected:.4f}"


def test_a_score_of_minus_infinity_is_null_in_json(cli):
    save(ab_model(sos=False, first_letters=[[1, 0]]))
    sampled = cli("sample", "X", "b", "--match", "b", "--scores", "-f", "jsonl")

    assert json.loads(sampled.out) == {"category": "X", "name": "b", "log_probability": None}
    assert cli("sample", "X", "b", "--match", "b", "--scores").out == "b\t-inf\n"


def test_unique_holds_between_prefixes_from_stdin(command):
    save(ab_model(categories=("X", "Y")))
    sampled = command("sample", "X", "-", "--unique", "-n", 4, stdin="a\nab\na\n")
    names = sampled.out.splitlines()

    assert len(set(names)) == len(names) == 12
    assert all(name.startswith("ab") for name in names[4:8])


@pytest.mark.parametrize(
    ("options", "printed", "complaint"),
    [
        (["a", "-p", "x"], 0, None),
        (["ab", "-n", 3, "--match", "a.*"], 3, "no name that begins with 'b' in 131,072 samples matches 'a.*'"),
        (["-n", 9, "--unique", "--max-length", 2], 6, "only 6 different names"),
        (["-n", 9, "--unique", "--greedy"], 1, "only 1 different name"),
        (["--top", 9, "--max-length", 2], 6, "only 6 of 9 names: there are no others"),
    ],
)
def test_what_cannot_be_met_ends_in_one_line_after_what_was_found(cli, options, printed, complaint):
    save(ab_model(categories=("X", "Y")))
    sampled = cli("sample", "X", *options, "--seed", 1) if "--top" not in options else cli("sample", "X", *options)

    assert len(sampled.out.splitlines()) == printed
    assert is_one_error(sampled, 1 if complaint else 2)
    assert (complaint or "") in sampled.err


def test_novel_needs_a_model_whose_training_has_finished(cli):
    save_unfinished(names_model())
    sampled = cli("sample", "German", "--novel")
    assert sampled.code == 1
    assert "finish its training" in sampled.err


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        (["--match", "("], 2, "'(' is not a regular expression"),
        (["--min-length", 0], 2, "min length must be"),
        (["--min-length", 5, "--max-length", 4], 2, "min length of 5 is more than the max length of 4"),
        (["--exclude", "nowhere.txt"], 1, "no file nowhere.txt"),
        (["--exclude", "."], 1, "cannot read"),
        (["--top", 0], 2, "must be a whole number from 1"),
    ],
)
def test_a_filter_that_makes_no_sense_is_one_line(cli, default, options, code, complaint):
    sampled = cli("sample", "German", *options)
    assert is_one_error(sampled, code)
    assert complaint in sampled.err


def test_top_gives_the_most_probable_names_for_each_letter(cli):
    save(ab_model(categories=("X", "Y")))

    assert cli("sample", "X", "--top", 1).out == "ab\n"  # 0.8 · 0.6 · 0.6
    assert cli("sample", "X", "ba", "--top", 2).out.splitlines() == ["b", "bb", "ab", "a"]
    scored = cli("sample", "X", "--top", 1, "--scores", "-f", "tsv").out
    assert scored == f"X\tab\t{np.log(0.8 * 0.6 * 0.6):.4f}\n"


def test_top_of_a_model_of_one_category_needs_no_category(cli):
    save(ab_model())
    assert cli("sample", "--top", 1).out == "ab\n"
    assert cli("sample", "b", "--top", 1).out == "b\n"


@pytest.mark.parametrize(
    "option",
    [
        ["-n", 2],
        ["--seed", 1],
        ["-t", 1],
        ["--greedy"],
        ["--top-k", 2],
        ["--top-p", 0.5],
        ["--dropout", 0.1],
        ["--guidance", 1],
    ],
)
def test_top_draws_nothing_so_ways_of_drawing_are_wrong_usage(cli, default, option):
    sampled = cli("sample", "German", "--top", 3, *option)
    assert is_one_error(sampled, 2)
    assert "--top" in sampled.err


def test_top_without_a_category_is_wrong_usage(cli, default):
    assert is_one_error(cli("sample", "--top", 3), 2)


def test_a_length_that_no_name_may_have_is_wrong_usage_with_the_most_probable_names_too(cli, default):
    assert is_one_error(cli("sample", "German", "--top", 5, "--min-length", 500), 2)

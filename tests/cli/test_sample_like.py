"""``namegen sample --like``: the arguments, the lists and the messages."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest

import support
from namegen.models.store import cached_location, load_model
from namegen.recipes import training_config
from namegen.sampling.generate import sample
from namegen.sampling.like import like_model
from support import leave_unfinished, make_bigram_model, make_model, save_model

ELVES = support.ELVES[:22]
DWARVES = [
    "Azaghal",
    "Balin",
    "Bifur",
    "Bofur",
    "Bombur",
    "Borin",
    "Dain",
    "Dori",
    "Durin",
    "Dwalin",
    "Farin",
    "Fili",
    "Floi",
    "Frar",
    "Fundin",
    "Gimli",
    "Gloin",
    "Groin",
    "Gror",
    "Ibun",
    "Khim",
    "Kili",
    "Loni",
]


@pytest.fixture
def elves(tmp_path):
    return write(tmp_path / "elves.txt", ELVES)


@pytest.fixture
def peoples(tmp_path):
    folder = tmp_path / "peoples"
    folder.mkdir()
    write(folder / "elf.txt", ELVES)
    write(folder / "dwarf.txt", DWARVES)
    return folder


def write(file, names):
    file.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    return file


def rows(outcome):
    """Return the category and the name in each line of tsv."""
    assert outcome.code == 0, outcome.err
    return [line.split("\t")[:2] for line in outcome.out.splitlines()]


def test_a_list_alone_gives_a_name_in_its_style(cli, elves):
    done = cli("sample", "--like", elves, "-n", 5, "--seed", 1)

    assert (done.code, done.err, done.out.split()) == (0, "", sample(like_model({"elves": ELVES}), count=5, seed=1))
    assert cli("sample", "--like", elves, "-n", 5, "--seed", 1).out == done.out
    assert len(cli("sample", "--like", elves).out.split()) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["ABC"], [("elves", "A"), ("elves", "B"), ("elves", "C")]),
        (["ÁB"], [("elves", "A"), ("elves", "B")]),
        (["elves"], [("elves", "")]),
        (["Elves", "ab"], [("elves", "A"), ("elves", "B")]),
        (["Irish"], [("elves+Irish", "")]),
        (["IRISH"], [("elves+Irish", "")]),
        (["Irish", "AB"], [("elves+Irish", "A"), ("elves+Irish", "B")]),
        (["irish:2+German", "A"], [("elves+Irish:2+German", "A")]),
        (["--prefix", "Ga", "--prefix", "Be"], [("elves", "Ga"), ("elves", "Be")]),
        (["Irish", "-p", "Ga", "-n", 2], [("elves+Irish", "Ga")] * 2),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_arguments_are_a_category_and_start_letters(cli, elves, arguments, expected):
    made = rows(cli("sample", "--like", elves, *arguments, "-f", "tsv"))

    assert [(category, name[: len(begin)]) for (category, name), (_, begin) in zip(made, expected, strict=True)] == (
        expected
    )


def test_jsonl_has_the_label_of_the_style(cli, elves):
    done = cli("sample", "--like", elves, "Irish", "A", "-f", "jsonl", "--scores")
    made = json.loads(done.out)

    assert made["category"] == "elves+Irish"
    assert made["name"].startswith("A")
    assert -100 < made["log_probability"] < 0
    assert math.isfinite(float(cli("sample", "--like", elves, "--scores").out.split("\t")[1]))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("Iris", "no category 'Iris'; did you mean Irish?"),
        ("abc", "no category 'abc'"),
        ("Abc", "no category 'Abc'"),
        ("Irish+Klingon", "no category 'Klingon'"),
        ("Turkish", "Turkish has the parts"),
        ("Irish:0", "must be a positive number"),
        ("", "is empty"),
    ],
)
def test_a_lone_word_that_is_neither_a_category_nor_capitals_is_refused(cli, elves, word, message):
    refused = cli("sample", "--like", elves, word)

    assert refused.is_error(2)
    assert message in refused.err


def test_the_lists_of_a_folder_are_categories(cli, peoples):
    both = {category for category, _ in rows(cli("sample", "--like", peoples, "-n", 40, "-f", "tsv"))}
    assert both == {"dwarf", "elf"}
    assert rows(cli("sample", "--like", peoples, "elf", "A", "-f", "tsv"))[0][0] == "elf"
    assert rows(cli("sample", "--like", peoples, "elf+dwarf:2", "-f", "tsv"))[0][0] == "elf+dwarf:2"
    assert {category for category, _ in rows(cli("sample", "--like", peoples, "Irish", "-n", 40, "-f", "tsv"))} == {
        "dwarf+Irish",
        "elf+Irish",
    }
    assert [name[0] for _, name in rows(cli("sample", "--like", peoples, "XYZ", "-f", "tsv"))] == ["X", "Y", "Z"]
    refused = cli("sample", "--like", peoples, "--top", 3)
    assert refused.is_error(2)
    assert "--top needs a category" in refused.err


@pytest.mark.parametrize(
    ("category", "message"),
    [
        ("elf+Irish", "no category 'Irish'; use one of dwarf, elf"),
        ("elf:x+dwarf", "the weight in 'elf:x' must be a positive number"),
        ("elf+", "a part of the blend 'elf+' is empty"),
        ("Irish+elf", "no category 'elf'"),
    ],
)
def test_lists_blend_only_with_each_other(cli, peoples, category, message):
    refused = cli("sample", "--like", peoples, category)

    assert refused.is_error(2)
    assert message in refused.err


@pytest.mark.parametrize(("category", "label"), [([], "elves"), (["Irish"], "elves+Irish"), (["elves"], "elves")])
def test_a_dash_reads_prefixes(cli, elves, category, label):
    made = rows(cli("sample", "--like", elves, *category, "-", "-f", "tsv", stdin="Ga\nTha\n"))

    assert [found for found, _ in made] == [label] * 2
    assert [name[:3] for _, name in made][1] == "Tha"


def test_filters_and_settings_apply(cli, elves):
    line = ["sample", "--like", elves, "-n", 30, "--seed", 1]
    names = cli(*line, "--novel", "--unique", "--min-length", 6, "--match", "[A-G].*", "--floor", 0.2).out.split()

    assert len(set(names)) == len(names) == 30
    assert not set(names) & set(ELVES)
    assert all(len(name) >= 6 and name[0] <= "G" for name in names)
    assert cli(*line, "-t", 0).out.split() == cli(*line, "--greedy").out.split()
    assert len(set(cli(*line, "-t", 0).out.split())) == 1
    assert cli(*line, "-t", 1.5, "--top-p", 1, "--floor", 0).out != cli(*line).out


def test_top_gives_the_most_probable_names(cli, elves):
    done = cli("sample", "--like", elves, "--top", 5, "--scores")
    scores = [float(line.split("\t")[1]) for line in done.out.splitlines()]

    assert len(scores) == 5
    assert scores == sorted(scores, reverse=True)
    assert cli("sample", "--like", elves, "Irish", "--top", 5).code == 0


@pytest.mark.parametrize("options", [[], ["--match", ".*r.*"]])
def test_shards_are_parts_of_one_run(cli, peoples, options):
    line = ["sample", "--like", peoples, "-n", 24, "--seed", 5, *options]
    parts = [cli(*line, "--shard", f"{part}/3").out for part in (1, 2, 3)]

    assert "".join(parts) == cli(*line).out


# The list


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("Anna\n", "list: 1 name can hardly show a style; 40 are better.\n"),
        ("Anna\nBo\n", "list: 2 names can hardly show a style; 40 are better.\n"),
        ("Anna\n" * 40, "list: left out 39 repeated names.\nlist: 1 name can hardly show a style; 40 are better.\n"),
        ("\n".join(ELVES[:19]), "list: 19 names can hardly show a style; 40 are better.\n"),
        ("\n".join(ELVES[:20]), ""),
    ],
    ids=["one", "two", "the same 40 times", "19", "20"],
)
def test_a_list_of_fewer_than_20_names_has_a_warning(cli, tmp_path, text, note):
    (tmp_path / "list.txt").write_text(text, encoding="utf-8")
    done = cli("sample", "--like", tmp_path / "list.txt", "-n", 3)

    assert (done.code, done.err) == (0, note)
    assert len(done.out.split()) == 3


def test_the_shortest_list_of_a_folder_has_the_warning(cli, peoples):
    write(peoples / "orc.txt", ["Gorbag", "Shagrat"])
    assert cli("sample", "--like", peoples, "elf").err == "orc: 2 names can hardly show a style; 40 are better.\n"


def test_names_of_another_script_keep_their_letters_and_a_note_names_people(cli, tmp_path):
    done = cli("sample", "--like", write(tmp_path / "list.txt", ["Анна", "Иван", "Сергей"]), "-n", 3)

    assert "if people has them, use --model people" in done.err.replace("\n", " ")
    assert not set("".join(done.out.split())) - set("АННАИВАНСЕРГЕЙаннаивансергей")


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no file or folder"), (b"", "no names in list"), (b"\xff\x00Anna", "not UTF-8"), (b"x" * 2000, "too long")],
)
def test_a_list_that_cannot_be_read_is_one_line(cli, tmp_path, content, message):
    if content is not None:
        (tmp_path / "list.txt").write_bytes(content)
    refused = cli("sample", "--like", tmp_path / "list.txt")

    assert refused.is_error(1)
    assert message in refused.err


def test_tables_and_compressed_lists_are_read_like_those_of_train(cli, tmp_path):
    table = tmp_path / "names.csv"
    table.write_text("name,category\n" + "".join(f"{name},elf\n" for name in ELVES), encoding="utf-8")

    assert {category for category, _ in rows(cli("sample", "--like", table, "-f", "tsv"))} == {"elf"}


# The model below


def test_only_the_option_chooses_the_model_below(cli, elves, monkeypatch):
    line = ["sample", "--like", elves, "-n", 5, "--seed", 1]
    names = cli(*line).out
    save_model("default")
    save_model("other")
    monkeypatch.setenv("NAMEGEN_MODEL", "other")

    assert cli(*line).out == names
    assert cli(*line, "--model", "other").out != names
    assert "(included)" in cli(*line, "-v").err
    assert "English" in cli(*line, "elfish", "--model", "other").err


@pytest.mark.parametrize(
    ("recipe", "architecture", "sos"), [("tutorial", "rnn", False), ("default", "rnn", True), ("default", "gru", True)]
)
def test_any_network_can_imitate(cli, elves, recipe, architecture, sos):
    letters = load_model("pretrained").alphabet.letters
    config = training_config(recipe, architecture=architecture, hidden_size=8, iterations=1, sos=sos)
    model = make_model(config, letters="".join(letters), categories=("X", "Y"))
    for weight in model.weights.values():
        np.multiply(weight, 0.1, out=weight)  # or a name might never end
    model.save(cached_location("mine").model)

    assert rows(cli("sample", "--like", elves, "X", "AB", "-m", "mine", "-f", "tsv"))[0][0] == "elves+X"


def test_a_model_that_cannot_imitate_is_refused(cli, elves):
    assert cli("train", "--recipe", "instant", "--data", "starter", "-m", "instant").code == 0
    refused = cli("sample", "--like", elves, "-m", "instant")
    assert refused.is_error(2)
    assert "has no network; give another --model" in refused.err

    leave_unfinished("run")
    refused = cli("sample", "--like", elves, "-m", "run")
    assert refused.code == 2
    assert refused.err.endswith("Error: this model cannot imitate a list, as it is unfinished; give another --model\n")


def test_a_model_with_other_letters_drops_what_it_cannot_write(cli, tmp_path):
    table = [[0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.8, 0.1, 0.1]]
    make_bigram_model(table).save(cached_location("mine").model)
    file = write(tmp_path / "list.txt", ["abba", "baxb"])
    done = cli("sample", "--like", file, "-m", "mine", "-n", 20)

    assert set(done.out) == set("ab\n")
    assert "dropped 1 character" in done.err


# The process


def test_the_process_imports_no_torch_and_writes_no_file(elves, cache):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "namegen", "sample", "--like", elves, "-n", "3"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert len(done.stdout.split()) == 3
    assert not re.search(r"\| +torch\b", done.stderr)
    assert not cache.exists()


ACCENTS = [
    "Åsa",
    "Märta",
    "Örjan",
    "Håkan",
    "Göran",
    "Björn",
    "Sölve",
    "Päivi",
    "Jöns",
    "Åke",
    "Väinö",
    "Gösta",
    "Måns",
]


def test_accents_survive_with_either_included_model(cli, tmp_path):
    path = write(tmp_path / "swedish.txt", ACCENTS)
    for model in ("pretrained", "people"):
        done = cli("sample", "--like", path, "-n", 60, "--seed", 1, "--model", model)
        assert not done.out.isascii()
        assert "people" not in done.err
    assert set(done.out.strip().lower()) - {"\n"} <= set("".join(ACCENTS).lower())
    trained = cli("train", "--init", "pretrained", "--data", path, "--model", "swedish", "--iters", 1000)
    assert "people" not in trained.err
    assert not cli("sample", "--model", "swedish", "swedish", "-n", 30, "--seed", 1).out.isascii()
    assert cli("sample", "--model", "swedish", "Irish", "-n", 200, "--seed", 1).out.isascii()


def test_a_category_of_the_other_included_model_is_added_to_the_style(cli, elves):
    done = cli("sample", "--like", elves, "Turkish/female", "AB", "-f", "tsv")
    assert [row[0] for row in rows(done)] == ["elves+Turkish/female"] * 2
    assert "Turkish/female is a category of the included model people.\n" in done.err

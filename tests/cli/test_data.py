"""``namegen data`` and the options of reading names: what they print, and that training follows them."""

from __future__ import annotations

import json
import signal

import pytest

from namegen.cli import progress
from namegen.models.store import load_model

TABLE = "Vorname;Geschlecht;Anzahl\n" + "".join(
    f"{name};{'w' if number % 2 else 'm'};{10 * number}\n"
    for number, name in enumerate(["Anna", "Bert", "Clara", "Dirk", "Emma", "Fritz", "Greta", "Hans", "Ida", "Jörg"], 1)
)
TINY = ("--iters", 64, "--hidden-size", 4, "--quiet")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "vornamen.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def show(cli, name="default"):
    return json.loads(cli("models", "show", name, "--format", "json").out)


def test_it_prints_the_categories_with_counts_and_examples_and_the_guess(cli, table):
    shown = cli("data", table)
    assert shown.code == 0
    assert shown.out.splitlines() == [
        "category\tnames\texamples",
        "m\t5\tBert, Dirk, Fritz, Hans, Jorg",
        "w\t5\tAnna, Clara, Emma, Greta, Ida",
    ]
    guess, counts = shown.err.splitlines()
    assert guess == (
        "Read vornamen.csv: names from Vorname, categories from Geschlecht (m, w), counts from Anzahl, 10 rows."
    )
    assert counts == (
        "vornamen: the column 'Anzahl' seems to have counts; use them with --weights sqrt or --weights count."
    )


def test_its_options_are_those_of_training(cli, table):
    shown = cli("data", table, "--weights", "count", "--alphabet", "unicode", "--format", "json")
    assert json.loads(shown.out)[0] == {
        "category": "m",
        "names": 5,
        "examples": ["Jörg", "Hans", "Fritz", "Dirk", "Bert"],
    }
    chosen = cli("data", table, "--name-column", "1", "--category-column", "none", "--no-header", "--min-count", 2)
    assert chosen.out.splitlines()[1].startswith("vornamen\t11\tVorname, ")


def test_several_paths_and_datasets_are_merged(cli, table):
    shown = cli("data", table, "starter")
    assert shown.out.count("\n") == 1 + 2 + 18
    assert cli("train", *TINY, "--data", table, "--data", "starter").code == 0
    facts = show(cli)
    assert (facts["categories"], facts["data"]) == (20, "vornamen and 1 more")


def test_standard_input_is_read(cli):
    shown = cli("data", "-", stdin="Anna\nBert\n")
    assert shown.out.splitlines()[1] == "names\t2\tAnna, Bert"
    assert cli("train", *TINY, "--data", "-", stdin="Anna\nBert\n").code == 0
    assert show(cli)["names"] == 2


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        (("--name-column", "Nachname"), 1, "no column Nachname for --name-column; the columns are"),
        (("--encoding", "latin-99"), 2, "no encoding 'latin-99'; use a name such as utf-8"),
        (("--plain", "--name-column", "1"), 2, "--plain reads no tables, so --name-column does not apply"),
        (("--min-count", "0"), 2, "min_count must be a whole number from 1"),
    ],
)
def test_options_that_do_not_fit_are_one_clear_line(cli, table, options, code, complaint):
    for command in (("data", table), ("train", *TINY, "--data", table)):
        refused = cli(*command, *options)
        assert (refused.code, refused.out) == (code, "")
        assert refused.err.startswith("Error: ")
        assert complaint in refused.err


def test_training_prints_how_the_names_were_read_and_imitating_and_evaluating_do_too(cli, table):
    guess = "Read vornamen.csv: names from Vorname, categories from Geschlecht (m, w)"
    assert guess in cli("train", "--iters", 64, "--hidden-size", 4, "--data", table).err
    assert guess in cli("sample", "--like", table, "-n", 1, "--seed", 1).err
    assert guess in cli("evaluate", "--data", table, "--all", "-n", 3).err
    with_options = cli("sample", "--like", table, "--name-column", 1, "--category-column", "none", "-n", 1)
    assert "Read vornamen.csv: names from Vorname, counts" in with_options.err
    refused = cli("sample", "--plain")
    assert (refused.code, "only apply to the list of --like" in refused.err) == (2, True)


def test_resume_reads_the_names_with_the_options_of_the_run(cli, table, monkeypatch):
    options = ("--name-column", "Vorname", "--category-column", "none", "--weights", "count")
    with monkeypatch.context() as patch:
        patch.setattr(progress.PlainLines, "report", lambda *_: signal.raise_signal(signal.SIGINT))
        assert cli("train", "--iters", 640, "--hidden-size", 4, "--data", table, *options).code == 130
    assert cli("train", "--resume", "--quiet").code == 0
    assert load_model("default").categories == ("vornamen",)


def test_a_folder_named_like_a_dataset_is_read_and_resumed(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "surnames").mkdir()
    (tmp_path / "surnames" / "Orcish.txt").write_text("Azog\nBolg\n", encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(progress.PlainLines, "report", lambda *_: signal.raise_signal(signal.SIGINT))
        assert cli("train", "--iters", 640, "--hidden-size", 4, "--data", "surnames").code == 130
    assert cli("train", "--resume", "--quiet").code == 0
    assert show(cli)["data"] == "./surnames"
    assert cli("evaluate", "-n", 3).code == 0  # the folder is found again

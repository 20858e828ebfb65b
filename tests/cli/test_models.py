"""``namegen models``, ``categories`` and ``plot``."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json

import numpy as np
import pytest

from namegen import paths
from namegen.cli import main
from namegen.io.locks import hold_lock
from namegen.models.categories import group_parts
from namegen.models.closed import ClosedNames
from namegen.models.model import Checkpoint, History, Model
from namegen.models.store import INCLUDED, cached_location, load_model
from namegen.recipes import training_config
from support import make_model

HISTORY = History(
    np.array([500, 1000]), np.array([2.5, 2.123456789]), np.array([500, 1000]), np.array([1.987654321, 2.375])
)


def trained_model(**changes) -> Model:
    """A model of two categories with a loss history."""
    model = make_model(
        training_config(hidden_size=4, iterations=1000),
        categories=("Dark Elves", "Dwarves"),
        first_letters=[[3, 4], [1, 1]],
    )
    return dataclasses.replace(model, **{"dataset": "fantasy", "history": HISTORY, **changes})


def save(name: str = "default", **changes) -> None:
    trained_model(**changes).save(cached_location(name).model)


def save_unfinished(name: str) -> None:
    checkpoint = Checkpoint(trained_model(iterations=640), {"position": np.zeros(1)})
    checkpoint.save(cached_location(name).checkpoint)


@pytest.fixture
def as_json(cli):
    """Runs a command and reads the JSON that it prints."""
    return lambda *arguments: json.loads(cli(*arguments, "--format", "json").out)


def first_cells(outcome):
    return [line.split("\t")[0] for line in outcome.out.splitlines()]


# models


def test_models_in_a_pipe_are_a_table_separated_by_tabs(cli):
    save("elves")
    head, row, *included = (line.split("\t") for line in cli("models").out.splitlines())
    cells = dict(zip(head, row, strict=True))
    assert (cells["name"], cells["recipe"], cells["iters"]) == ("elves", "default", "1,000")
    assert (cells["training"], cells["validation"]) == ("2.123", "1.988")
    assert (cells["categories"], cells["data"]) == ("2", "fantasy")
    assert [cells[head.index("date")] for cells in included] == ["-", "-"]


def test_models_are_listed_by_name_before_the_included_ones_and_unfinished_ones_say_so(cli, as_json):
    for name in ("b", "z"):
        save(name)
    for name in ("b", "a"):
        save_unfinished(name)
    assert first_cells(cli("models")) == ["name", "a (unfinished)", "b", "b (unfinished)", "z", *INCLUDED]
    assert "640 of 1,000" in cli("models").out.splitlines()[1].split("\t")
    assert [model["finished"] for model in as_json("models")] == [False, True, False, True, True, True]


def test_models_as_json_have_exact_figures(as_json):
    save("elves")
    elves, included, people = as_json("models")
    file = cached_location("elves").model.stat()
    assert (elves["name"], elves["iterations"], elves["bytes"]) == ("elves", 1000, file.st_size)
    assert (elves["training_loss"], elves["validation_loss"]) == (2.123456789, 1.987654321)
    assert dt.datetime.fromisoformat(elves["date"]).timestamp() == pytest.approx(file.st_mtime, abs=1)
    assert (included["name"], included["recipe"], included["date"]) == ("pretrained", "best", None)
    assert included["bytes"] == paths.PRETRAINED_FILE.stat().st_size
    assert (people["name"], people["date"]) == ("people", None)
    assert people["categories"] == len(load_model("people").all_categories)


def test_without_models_it_says_how_to_get_one(cli, as_json, without_included_models):
    assert as_json("models") == []
    listed = cli("models")
    assert (listed.code, listed.out) == (0, "")
    assert "namegen train" in listed.err
    assert cli("categories").is_error(1)


def test_a_damaged_model_is_left_out_with_a_note(cli):
    save("good")
    cached_location("bad").model.write_bytes(b"nonsense")
    listed = cli("models")
    assert listed.code == 0
    assert first_cells(listed) == ["name", "good", *INCLUDED]
    assert str(cached_location("bad").model) in listed.err


def test_show_as_json_has_all_that_is_known(as_json, tmp_path):
    model = trained_model(card="# Elves\n")
    model.save(tmp_path / "mine.safetensors")
    facts = as_json("models", "show", tmp_path / "mine.safetensors")
    assert facts["training"] == dataclasses.asdict(model.training)
    assert facts["sampling"] == dataclasses.asdict(model.sampling)
    assert (facts["data"], facts["names"], facts["verified"], facts["fingerprint"]) == ("fantasy", 9, False, "0" * 64)
    assert (facts["file"], facts["card"]) == (str(tmp_path / "mine.safetensors"), "# Elves\n")
    assert (facts["training_loss"], facts["verified"]) == (2.123456789, False)
    # 4 units, 3 letters with EOS, 2 categories: three tables of vectors, a bias by category, the GRU, the head
    assert facts["parameters"] == 3 * 4 + 2 * 4 + 2 * 4 + 2 * 3 + (2 * 12 * 4 + 2 * 12) + (3 * 4 + 3)


def test_show_as_a_table_has_a_setting_a_line(cli):
    save()
    rows = dict(line.split("\t") for line in cli("models", "show").out.splitlines())
    assert (rows["training_loss"], rows["validation_loss"]) == ("2.123", "1.988")
    assert (rows["verified"], rows["finished"], rows["training.sos"], rows["card"]) == ("no", "yes", "yes", "no")
    assert rows["iterations"] == "1,000"
    assert rows["training.iterations"] == "1000"  # a setting, as it would be given again
    assert (rows["training.learning_rate"], rows["training.hidden_size"]) == ("0.01", "4")
    assert (rows["sampling.temperature"], rows["sampling.top_k"]) == ("1", "-")


def test_the_included_model_is_shown_and_located_like_any_other(cli, as_json):
    facts = as_json("models", "show", "pretrained")
    assert (facts["name"], facts["file"]) == ("pretrained", str(paths.PRETRAINED_FILE))
    assert cli("models", "path", "pretrained").out == cli("models", "path").out == f"{paths.PRETRAINED_FILE}\n"


def test_card_prints_the_card_of_a_model_that_has_one(cli):
    save("dwarves", card="# Dwarves\n\nOf stone.\n")
    shown = cli("models", "card", "dwarves")
    assert (shown.code, shown.out, shown.err) == (0, "# Dwarves\n\nOf stone.\n", "")
    save("elves")
    refused = cli("models", "card", "elves")
    assert refused.is_error(1)
    assert "the model elves has no card" in refused.err


def test_path_prints_the_path_of_the_model_or_of_its_unfinished_run(cli):
    save_unfinished("elves")
    assert cli("models", "path", "elves").out == f"{cached_location('elves').checkpoint}\n"
    save("elves")
    assert cli("models", "path", "elves").out == f"{cached_location('elves').model}\n"


def test_rm_removes_the_model_and_its_unfinished_run_and_no_other(cli):
    save("dwarves")
    save_unfinished("elves")
    save("elves")
    cached_location("elves").model.write_bytes(b"nonsense")
    removed = cli("models", "rm", "elves")
    assert (removed.code, removed.out) == (0, "")
    assert not cached_location("elves").existing
    assert cached_location("dwarves").model.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing"], 1, "nothing"),
        ([], 2, "NAME"),
        (["pretrained"], 2, "is an included model"),
        (["people"], 2, "is an included model"),
        (["./mine.safetensors"], 2, "is a path"),
        (["notes"], 1, "notes"),
        (["elves"], 1, "training elves"),
    ],
    ids=str,
)
def test_rm_refuses_what_is_not_a_model_of_the_user_or_being_trained(
    cli, monkeypatch, tmp_path, arguments, code, message
):
    save("elves")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NAMEGEN_MODEL", "elves")
    trained_model().save(tmp_path / "mine.safetensors")
    (tmp_path / "notes").write_text("precious")
    with hold_lock(cached_location("elves").lock, "training elves"):
        refused = cli("models", "rm", *arguments)
    assert refused.is_error(code)
    assert message in refused.err
    files = (tmp_path / "mine.safetensors", tmp_path / "notes", cached_location("elves").model, paths.PRETRAINED_FILE)
    assert all(file.is_file() for file in files)


# categories


def test_categories_of_all_models_are_listed_one_per_line_with_their_model(cli, as_json, monkeypatch):
    save("default")
    listed = [line.split("\t") for line in cli("categories").out.splitlines()]
    expected = [
        [category, name] for name in ("default", "pretrained", "people") for category in load_model(name).all_categories
    ]
    assert listed[0] == ["category", "names", "model"]
    assert [[category, model] for category, _, model in listed[1:]] == expected
    assert as_json("categories")[0] == {"category": "Dark Elves", "names": 7, "model": "default"}
    monkeypatch.setenv("NAMEGEN_MODEL", "default")
    assert cli("categories").out == "category\tnames\nDark Elves\t7\nDwarves\t2\n"


def test_in_a_terminal_the_parts_of_a_culture_are_on_one_line(terminal):
    save("default")
    model = dataclasses.replace(
        trained_model(),
        categories=("Elven/place", "Elven/female"),
        closed={"Elven/clan": ClosedNames(("A",), np.ones(1, np.float32))},
    )
    model.save(cached_location("world").model)
    out, _ = terminal(80)
    assert main(["categories", "--model", "world"]) == 0
    assert [line.split() for line in out.text().splitlines()[2:]] == [["Elven", "10", "clan,", "female,", "place"]]
    out, _ = terminal(80)
    assert main(["categories"]) == 0
    lines = [line.split() for line in out.text().splitlines()]
    assert lines[0] == ["default", "names"]
    assert ["pretrained", "names"] in lines
    assert ["people", "names", "parts"] in lines
    assert lines[-1][0] == group_parts(load_model("people").all_categories).popitem()[0]


def test_categories_are_listed_with_their_counts(cli, as_json):
    save("other")
    assert cli("categories", "--model", "other").out == "category\tnames\nDark Elves\t7\nDwarves\t2\n"
    assert as_json("categories", "--model", "other") == [
        {"category": "Dark Elves", "names": 7},
        {"category": "Dwarves", "names": 2},
    ]


# plot


@pytest.mark.parametrize("columns", [60, 100])
def test_plot_draws_models_as_wide_as_the_terminal(cli, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    save()
    drawn = cli("plot")
    assert (drawn.code, drawn.err) == (0, "")
    assert "loss (nats per letter), default" in drawn.out
    assert "\x1b" not in drawn.out
    assert max(map(len, drawn.out.splitlines())) == columns
    save("elves")
    both = cli("plot", "elves", "default").out
    assert all(part in both for part in ("elves: training", "default: validation"))


def test_plot_into_a_file_says_so_on_stderr(cli, tmp_path):
    save()
    drawn = cli("plot", "-o", tmp_path / "loss.svg")
    assert (drawn.code, drawn.out, drawn.err) == (0, "", f"Saved the plot to {tmp_path / 'loss.svg'}.\n")
    assert (tmp_path / "loss.svg").is_file()


def test_a_plot_that_cannot_be_drawn_is_one_clear_line(cli, tmp_path):
    save()
    make_model().save(cached_location("young").model)
    (tmp_path / "file").write_text("not a folder")
    for file in ("loss.jpg", "loss"):
        refused = cli("plot", "-o", tmp_path / file)
        assert refused.is_error(2)
        assert ".png, .svg, .pdf" in refused.err
    assert cli("plot", "-o", tmp_path / "file" / "loss.png").is_error(1)
    refused = cli("plot", "young")
    assert refused.is_error(1)
    assert "young has no loss history" in refused.err

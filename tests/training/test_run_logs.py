"""Logs of training runs: what is written, and what is read."""

from __future__ import annotations

import itertools
import json
import sys

import numpy as np
import pytest

from namegen.config import Distillation
from namegen.datasets.dataset import Dataset
from namegen.errors import DataError, TrainingStopped, UsageError
from namegen.evaluation.curves import build_curves, needs_log_axis
from namegen.evaluation.plots import plot_history, plot_in_terminal
from namegen.evaluation.run_logs import is_log, read_log
from namegen.models.model import History
from namegen.training.optimize import learning_rate
from namegen.training.run_logs import RunLogWriter
from namegen.training.train import train

NAMES = Dataset.from_names({c: [c + "".join(p) for p in itertools.product("aeiou", "lnr", "ao")] for c in "XYZ"})
PARTS = {"iterations": 900, "hidden_size": 4, "batch_size": 10, "validation": 0.3, "save_every": 200}


def log_run(path, *, resume=False, report=lambda _: None, **options):
    """Train with a log, by a clock that takes a second for each report."""
    write = RunLogWriter(path, 7, itertools.count().__next__, resume=resume)

    def both(progress):
        write(progress)
        report(progress)

    return train(NAMES, report=both, resume=resume, **{**PARTS, **options})


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_log_has_the_whole_loss_history(tmp_path):
    reports = []
    model = log_run(tmp_path / "run.jsonl", report=reports.append)
    records, history = read(tmp_path / "run.jsonl"), model.history

    training = [(record["iteration"], record["loss"]) for record in records if record["loss"] is not None]
    assert training == list(zip(history.iterations.tolist(), history.training.tolist(), strict=True))
    validation = [(r["iteration"], r["validation_loss"]) for r in records if r["validation_loss"] is not None]
    assert validation == list(zip(history.validation_iterations.tolist(), history.validation.tolist(), strict=True))
    assert list(records[0]) == [
        *("iteration", "iterations", "seed", "stage", "targets"),
        *("loss", "validation_loss", "learning_rate", "names_per_second"),
    ]
    for record in records:
        assert (record["iterations"], record["seed"], record["stage"], record["targets"]) == (900, 7, None, "names")
        assert record["learning_rate"] == learning_rate(model.training, record["iteration"] // 10 - 1)
    size = reports[1].iteration - reports[0].iteration  # a second by this clock
    assert {record["names_per_second"] for record in records[1:]} == {size}

    (stage,) = read_log(tmp_path / "run.jsonl").stages
    np.testing.assert_array_equal(stage.history.training, history.training)
    np.testing.assert_array_equal(stage.history.validation, history.validation)


def test_the_log_of_a_resumed_run_is_that_of_an_uninterrupted_one(tmp_path):
    log_run(tmp_path / "whole.jsonl")
    place = {"checkpoint": tmp_path / "run.safetensors"}
    reached = []

    def kill(progress):
        if progress.iteration > 690:  # after the checkpoint of 600
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        log_run(tmp_path / "run.jsonl", report=kill, **place)
    with (tmp_path / "run.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"iteration": 7')  # the process was killed while it wrote
    assert read_log(tmp_path / "run.jsonl").stages[0].history.iterations[-1] > 600
    log_run(tmp_path / "run.jsonl", resume=True, report=lambda p: reached.append(p.iteration), **place)

    assert reached[0] == 610
    for resumed, whole in zip(read(tmp_path / "run.jsonl"), read(tmp_path / "whole.jsonl"), strict=True):
        assert {**resumed, "names_per_second": 0} == {**whole, "names_per_second": 0}


def test_a_stopped_run_has_logged_what_it_reported(tmp_path):
    with pytest.raises(TrainingStopped):
        log_run(tmp_path / "run.jsonl", stop=itertools.chain([False] * 40, itertools.repeat(True)).__next__)
    assert 0 < read(tmp_path / "run.jsonl")[-1]["iteration"] <= 410


def test_losses_of_teachers_and_against_them_are_told_apart(tmp_path):
    distillation = Distillation(teachers=2, hidden_size=4, share=0.3, batch_size=10, ngram_order=2)
    model = log_run(tmp_path / "run.jsonl", distillation=distillation, ngram_order=3)
    stages = read_log(tmp_path / "run.jsonl").stages

    assert [(stage.name, stage.targets) for stage in stages] == [
        *(("teacher 1 of 2", "names"), ("teacher 2 of 2", "names"), ("taught", "teachers")),
    ]
    assert [int(stage.history.iterations[-1]) for stage in stages] == [270, 540, 900]
    assert [int(stage.history.validation_iterations[-1]) for stage in stages] == [270, 540, 900]
    np.testing.assert_array_equal(stages[-1].history.training, model.history.training)

    soft = {curve.label for curve in build_curves({"run": read_log(tmp_path / "run.jsonl")}) if curve.is_soft}
    assert soft == {"taught, training (against teachers)"}
    assert [c.label for c in build_curves({"a": model, "b": model})][:2] == [
        *("a: training (against teachers)", "a: validation"),
    ]
    plot_history({"run": read_log(tmp_path / "run.jsonl")}, tmp_path / "run.svg")
    assert "taught, training (against teachers)" in (tmp_path / "run.svg").read_text(encoding="utf-8")


def test_losses_of_fine_tuning_are_marked(tmp_path):
    base = train(NAMES, **PARTS, ngram_order=3)
    new = {"Elves": [f"El{a}{b}" for a, b in itertools.product("aeiou", "lnrst")]}
    write = RunLogWriter(tmp_path / "run.jsonl", 1, itertools.count().__next__)
    model = train(new, init=base, iterations=300, report=write)

    assert {record["targets"] for record in read(tmp_path / "run.jsonl")} == {"names and base model"}
    (curve,) = build_curves({"m": model})
    assert curve.label == "training (half against the base model)"


def history(end):
    points = np.linspace(end / 10, end, 10).astype(np.int64)
    return History(points, np.linspace(4, 2, 10))


def test_a_long_run_does_not_squash_a_short_one(tmp_path):
    short, long = history(20_000), history(1_200_000)
    assert needs_log_axis(build_curves({"a": short, "b": long}))
    assert not needs_log_axis(build_curves({"a": short, "b": history(60_000)}))
    assert not needs_log_axis(build_curves({"a": long}))
    text = plot_in_terminal({"a": short, "b": long}, width=80, height=20, colour=False)
    columns = [line.index("•") for line in text.splitlines() if "•" in line][2:]  # after the legend
    assert max(columns) - min(columns) > 12  # of 74, of which a linear axis would give it one
    plot_history({"a": short, "b": long}, tmp_path / "both.svg")
    assert "10^{5}" in (tmp_path / "both.svg").read_text(encoding="utf-8") or "100,000" in (
        tmp_path / "both.svg"
    ).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "content",
    [
        b"Anna\nBerta\n",
        b'{"iteration": 1}\n',
        b'{"iteration": true, "targets": "names", "stage": null, "loss": 1, "validation_loss": null}\n',
        b'{"iteration": 5, "targets": "names", "stage": null, "loss": NaN, "validation_loss": null}\n',
        b'{"iteration": 5, "targets": "names", "stage": null, "loss": "2", "validation_loss": null}\n',
        b'{"iteration": 5, "targets": "others", "stage": null, "loss": 2, "validation_loss": null}\n',
        b"[" * 100_000 + b"\n",
    ],
)
def test_a_file_that_is_not_a_log_is_neither_read_nor_replaced(tmp_path, content):
    path = tmp_path / "names.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"line 1: not a line of a log"):
        read_log(path)
    with pytest.raises(UsageError, match="exists and is not a log"):
        RunLogWriter(path, 1, lambda: 0.0)
    assert path.read_bytes() == content


def test_an_empty_log_says_so(tmp_path):
    (tmp_path / "run.jsonl").touch()
    with pytest.raises(DataError, match="no losses yet"):
        read_log(tmp_path / "run.jsonl")


def test_a_model_is_never_taken_for_a_log(tmp_path):
    (tmp_path / "model").write_bytes(b"{\x01\0\0\0\0\0\0{}")
    assert not is_log(tmp_path / "model")
    assert not is_log(tmp_path)
    assert not is_log(tmp_path / "none")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_a_log_that_cannot_be_written_does_not_stop_the_training(tmp_path):
    write = RunLogWriter(tmp_path / "run.jsonl", 1, itertools.count().__next__)
    (tmp_path / "run.jsonl").unlink()
    (tmp_path / "run.jsonl").symlink_to("/dev/full")
    assert train(NAMES, report=write, **PARTS).finished
    assert write.unwritten == "No space left on device"

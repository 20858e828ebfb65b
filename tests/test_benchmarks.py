"""What we measure ourselves against is what we say it is, and what we publish is what was measured."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys

import numpy as np
import pytest
import torch

from conftest import REPOSITORY, make_model
from namegen import sample
from namegen.dataset import Dataset
from namegen.learners import TutorialLearner
from namegen.networks import TutorialRNN
from namegen.recipes import training_config

BENCHMARKS = REPOSITORY / "benchmarks"


def load(name, monkeypatch):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tutorial_loop(monkeypatch):
    return load("tutorial_loop", monkeypatch)


def test_a_step_of_the_plain_tutorial_loop_is_a_step_of_the_recipe(tutorial_loop):
    names = Dataset.from_names({"X": ["Anna"], "Y": ["Dieter"]})
    config = training_config("tutorial", dropout=0.0, iterations=1)
    torch.manual_seed(0)
    plain = tutorial_loop.PlainRNN(2, 59)
    assert plain.dropout.p == 0.1
    plain.dropout.p = 0.0
    ours = TutorialRNN(2, 59, 128)
    ours.load_state_dict(plain.state_dict())
    learner = TutorialLearner(ours, names, config)

    loss = tutorial_loop.step(plain, 2, 1, names.alphabet.encode("Dieter").tolist(), 58)

    assert learner.learn(np.array([1]), 0).item() == pytest.approx(loss, rel=1e-5)
    for name, parameter in plain.named_parameters():
        np.testing.assert_allclose(learner.weights()[name], parameter.detach().numpy(), atol=1e-6)


def test_the_plain_loop_takes_one_step_a_name_of_any_category(tutorial_loop, monkeypatch):
    steps = []
    monkeypatch.setattr(
        tutorial_loop, "step", lambda *given, real=tutorial_loop.step: steps.append(given[2:4]) or real(*given)
    )
    tutorial_loop.random.seed(1)
    names = [[[0, 1, 2]], [[3, 3], [2, 1, 0]]]
    tutorial_loop.train(names, 58, 40)

    assert len(steps) == 40
    assert {(category, tuple(letters)) for category, letters in steps} == {
        (0, (0, 1, 2)),
        (1, (3, 3)),
        (1, (2, 1, 0)),
    }


def test_the_plain_sampler_draws_what_the_recipe_draws(tutorial_loop):
    model = make_model(training_config("tutorial"), letters="abcdef", categories=("X", "Y"))
    plain = tutorial_loop.PlainRNN(2, 7)
    plain.load_state_dict({name: torch.from_numpy(weight) for name, weight in model.weights.items()})
    plain.dropout.p = 0.0

    drawn = [tutorial_loop.sample(plain, 2, 1, [start], 6) for start in range(6)]

    assert [model.alphabet.decode(name) for name in drawn] == sample(model, "Y", "abcdef", temperature=0.0, dropout=0.0)


def test_the_parts_that_are_written_are_those_of_the_protocol(tmp_path, monkeypatch):
    protocol = load("protocol", monkeypatch)
    source, written = tmp_path / "source", tmp_path / "written"
    source.mkdir()
    written.mkdir()
    names = [f"Name{chr(97 + i)}{chr(97 + j)}" for i in range(26) for j in range(10)]
    (source / "X.txt").write_text("\n".join([*names, names[0], "Müller"]), encoding="utf-8")

    protocol.write_parts(source, written)

    kept, held_out = ((written / part / "X.txt").read_text().splitlines() for part in ("training", "test"))
    assert sorted(kept + held_out) == sorted([*names, names[0], "Muller"])
    for part, wanted in ((kept, False), (held_out, True)):
        for name in part:
            digest = hashlib.sha256(name.encode()).digest()
            assert (int.from_bytes(digest[:8], "big") / 2**64 >= 0.9) is wanted
    assert held_out


def test_the_page_of_benchmarks_shows_the_results_that_were_measured(monkeypatch):
    report = load("report", monkeypatch)
    results = json.loads((BENCHMARKS / "results.json").read_text(encoding="utf-8"))
    page = (REPOSITORY / "docs" / "benchmarks.md").read_text(encoding="utf-8")

    assert report.page(page, results) == page, "write it anew with `python benchmarks/report.py`"
    assert len(results["rows"]) == 14

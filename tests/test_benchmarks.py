"""What we measure ourselves against is what we say it is."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch

from conftest import REPOSITORY
from namegen.dataset import Dataset
from namegen.learners import TutorialLearner
from namegen.networks import TutorialRNN
from namegen.recipes import training_config


@pytest.fixture
def tutorial_loop():
    spec = importlib.util.spec_from_file_location("tutorial_loop", REPOSITORY / "benchmarks" / "tutorial_loop.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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

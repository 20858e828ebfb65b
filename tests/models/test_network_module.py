"""The network of a model as a torch module."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from namegen.datasets.alphabet import Alphabet
from namegen.datasets.dataset import Dataset
from namegen.errors import UsageError
from namegen.evaluation.likelihood import likelihood
from namegen.models.inference import build_steppers
from namegen.models.store import load_model
from namegen.recipes import training_config
from namegen.training.train import train
from support import make_model

CATEGORIES = ("X", "Y", "Z")
MODELS = {
    "gru": training_config(hidden_size=24, iterations=1),
    "tutorial": training_config("tutorial", hidden_size=24, iterations=1),
    "tanh rnn with sos": training_config("tutorial", hidden_size=24, iterations=1, nonlinearity="tanh", sos=True),
}


def read_with_numpy(model, category, letters):
    """The logits and states of numpy's inference after each letter."""
    stepper = build_steppers(model)(category)
    hidden, logits, states = stepper.start(), [], []
    for letter in letters:
        output, hidden = stepper.step(np.array([letter]), hidden)
        logits.append(output[0].copy())
        states.append(hidden[0].copy())
    return np.array(logits), np.array(states)


@pytest.mark.parametrize("kind", [*MODELS, "pretrained"])
def test_logits_and_states_of_every_step_agree_with_numpy(kind):
    if kind == "pretrained":
        model = load_model("pretrained")
    else:
        model = make_model(MODELS[kind], letters="abcde", categories=CATEGORIES)
        model.weights.update({name: 0.15 * weight for name, weight in model.weights.items()})
    rng = np.random.default_rng(0)
    letters = rng.integers(len(model.alphabet) + 1, size=(3, 9))
    module = model.to_torch()
    with torch.no_grad():
        logits, states = module(torch.arange(3), torch.from_numpy(letters))

    assert logits.shape == (3, 9, len(model.alphabet) + 1)
    assert states.shape == (3, 9, model.training.hidden_size)
    for row in range(3):
        expected_logits, expected_states = read_with_numpy(model, row, letters[row])
        np.testing.assert_allclose(logits[row].numpy(), expected_logits, rtol=0, atol=1e-5)
        np.testing.assert_allclose(states[row].numpy(), expected_states, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", MODELS)
def test_the_loss_on_encoded_names_is_that_of_the_model(kind):
    model = make_model(MODELS[kind], letters="abcde", categories=CATEGORIES)
    names = ["abc", "ed", "bacca"]
    module = model.to_torch()
    category, inputs, targets = module.encode("Y", names)
    first = 1 if module.sos else 0  # the evaluation leaves out the first letter, as not every network chooses it
    with torch.no_grad():
        logits = module(category, inputs)[0][:, first:]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets[:, first:].flatten())
    expected = likelihood(model, Dataset.from_names({"Y": names}, alphabet=Alphabet(tuple("abcde"))))
    assert float(loss) == pytest.approx(expected.micro, rel=1e-5)


def test_the_module_trains_without_changing_the_model():
    model = make_model(MODELS["gru"], letters="abcde", categories=CATEGORIES)
    before = {name: weight.copy() for name, weight in model.weights.items()}
    module = model.to_torch()
    category, inputs, targets = module.encode("X", ["abc", "abca"])
    optimiser, losses = torch.optim.Adam(module.parameters(), lr=0.01), []
    for _ in range(20):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(category, inputs)[0].flatten(0, 1), targets.flatten())
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert {name.removeprefix("network.") for name, _ in module.named_parameters()} == set(before)
    for name, weight in before.items():
        np.testing.assert_array_equal(model.weights[name], weight)


def test_what_a_module_cannot_do_is_one_clear_line():
    with pytest.raises(UsageError, match="no network"):
        train({"X": ["ab", "abc", "b"]}, recipe="instant").to_torch()
    module = make_model(letters="ab", categories=("X",)).to_torch()
    for category, names, message in (
        ("Q", ["a"], "no category 'Q'"),
        ("X", ["a", ""], "empty"),
        ("X", ["ac"], "'c' is not in the alphabet"),
    ):
        with pytest.raises(UsageError, match=message):
            module.encode(category, names)

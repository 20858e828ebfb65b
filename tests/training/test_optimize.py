"""Optimiser steps, against the recipe's own mathematics computed separately."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from namegen.datasets.alphabet import Alphabet
from namegen.datasets.dataset import Dataset
from namegen.models.networks import TutorialRNN, build_network
from namegen.recipes import training_config
from namegen.training.batches import DatasetBatches, build_batch
from namegen.training.losses import letter_losses, to_tensors
from namegen.training.optimize import AutogradLearner, TutorialLearner, learning_rate

CPU = torch.device("cpu")
NAMES = Dataset.from_names({"X": ["Anna", "Bo", "C"], "Y": ["Dieter", "Elisabeth"]})


def learner_for(config, dataset=NAMES):
    network = build_network(config, len(dataset.categories), 59)
    if TutorialLearner.supports(config, CPU):
        return TutorialLearner(network, dataset, config)
    return AutogradLearner(network, DatasetBatches(dataset, config), config, CPU)


def copies(network):
    return {name: p.detach().clone() for name, p in network.named_parameters()}


def test_an_update_is_sgd_on_the_sum_of_the_letters_losses():
    config = training_config("tutorial", dropout=0.0, iterations=1)
    network = build_network(config, 2, 59)
    weights = {name: p.detach().double().requires_grad_() for name, p in network.named_parameters()}
    dieter = [NAMES.alphabet.letters.index(letter) for letter in "Dieter"]
    total = torch.zeros((), dtype=torch.float64)
    hidden = torch.zeros(128, dtype=torch.float64)
    for letter, target in zip(dieter, [*dieter[1:], 58], strict=True):
        read = torch.cat([torch.eye(2)[1], torch.eye(59)[letter], hidden]).double()
        hidden = weights["i2h.weight"] @ read + weights["i2h.bias"]
        made = weights["i2o.weight"] @ read + weights["i2o.bias"]
        output = weights["o2o.weight"] @ torch.cat([hidden, made]) + weights["o2o.bias"]
        total = total - torch.log_softmax(output, dim=0)[target]
    total.backward()

    learner = TutorialLearner(network, NAMES, config)
    losses = learner.learn(np.array([3]), 0)

    assert NAMES.name(3) == "Dieter"
    assert losses.tolist() == pytest.approx([total.item() / 6], rel=1e-6)
    for name, after in learner.weights().items():
        step = (weights[name] - 0.0005 * weights[name].grad).detach().numpy()
        np.testing.assert_allclose(after, step, atol=1e-6)


@pytest.mark.parametrize("letters", [[3], [3, 1], [5, 5, 5, 5], [0, 2, 1, 4, 3, 2, 1, 0]])
def test_the_closed_form_gradient_is_autograds(letters):
    # With a learning rate of 1 the change of the weights is the gradient; everything is in double precision.
    config = training_config("tutorial", hidden_size=7, dropout=0.1, learning_rate=1.0, iterations=1)
    torch.manual_seed(0)
    network = TutorialRNN(config, 3, 6).eval().double()
    dataset = Dataset.from_names({"A": ["a"], "B": ["b"], "C": ["c"]}, alphabet=Alphabet(tuple("abcde")))
    rng = np.random.default_rng(0)
    mask = (rng.random((len(letters), 6)) < 0.9) / 0.9
    targets = [*letters[1:], 5]
    logits, _ = network(torch.tensor([1]), torch.tensor([letters]))
    loss = torch.nn.functional.cross_entropy(logits[0] * torch.from_numpy(mask), torch.tensor(targets), reduction="sum")
    loss.backward()

    learner = TutorialLearner(network, dataset, config)
    before = learner.weights()
    mean = learner.update(1, np.array(letters), np.array(targets), mask)

    assert mean == pytest.approx(loss.item() / len(letters), rel=1e-6)
    for name, parameter in network.named_parameters():
        np.testing.assert_allclose(before[name] - learner.weights()[name], parameter.grad.numpy(), atol=1e-6)


def test_the_closed_form_drops_outputs_with_the_recipes_probability():
    config = training_config("tutorial", iterations=4000)
    learner = TutorialLearner(build_network(config, 2, 59), NAMES, config)
    seen = []
    learner.update = lambda _category, _letters, _targets, mask: seen.append(mask.copy()) or 0.0
    learner.learn(np.full(4000, 3), 0)
    masks = np.concatenate(seen)

    assert masks.shape == (4000 * 6, 59)
    assert set(np.unique(masks).tolist()) == {0.0, float(np.float32(1) / np.float32(0.9))}
    assert (masks == 0).mean() == pytest.approx(0.1, abs=4 * math.sqrt(0.09 / masks.size))
    assert (masks[0] != masks[1]).any()


@pytest.mark.parametrize(
    "part", [{"architecture": "gru"}, {"batch_size": 2}, {"sos": True}, {"nonlinearity": "tanh"}, {"averaging": 0.9}]
)
def test_the_closed_form_is_for_the_tutorials_recipe_alone(part):
    assert TutorialLearner.supports(training_config("tutorial"), CPU)
    assert not TutorialLearner.supports(training_config("tutorial", **part), CPU)
    assert not TutorialLearner.supports(training_config("tutorial"), torch.device("cuda:0"))


def test_a_reported_loss_does_not_count_the_first_letter():
    config = training_config(hidden_size=8, dropout=0.0, iterations=1, batch_size=1)
    network = build_network(config, 2, 59)
    anna = [NAMES.alphabet.letters.index(letter) for letter in "Anna"]
    with torch.no_grad():
        logits, _ = network(torch.tensor([0]), torch.tensor([[58, *anna]]))
        scores = torch.log_softmax(logits[0], dim=1)
        expected = -sum(scores[place, target] for place, target in enumerate([*anna, 58]) if place > 0) / 4

    losses = AutogradLearner(network, DatasetBatches(NAMES, config), config, CPU).learn(np.array([0]), 0)

    assert losses.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_averaged_weights_follow_the_recurrence_of_a_moving_average():
    config = training_config(hidden_size=4, averaging=0.5, batch_size=1, iterations=100)
    network = build_network(config, 2, 59)
    learner = AutogradLearner(network, DatasetBatches(NAMES, config), config, CPU)
    expected = copies(network)
    for step in range(5):
        learner.learn(np.array([step]), step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = {n: decay * expected[n] + (1 - decay) * p.detach() for n, p in network.named_parameters()}

    for name, weight in learner.weights().items():
        np.testing.assert_allclose(weight, expected[name].numpy(), atol=1e-6)


def test_gradients_longer_than_the_limit_are_clipped():
    free = training_config("tutorial", learning_rate=1.0, batch_size=2, iterations=2, dropout=0.0)
    clipped = training_config("tutorial", learning_rate=1.0, batch_size=2, iterations=2, dropout=0.0, clip=0.5)
    lengths = {}
    for config in (free, clipped):
        network = build_network(config, 2, 59)
        before = copies(network)
        AutogradLearner(network, DatasetBatches(NAMES, config), config, CPU).learn(np.array([0, 4]), 0)
        changes = [(p.detach() - before[n]).square().sum() for n, p in network.named_parameters()]
        lengths[config.clip] = math.sqrt(sum(changes))

    assert lengths[None] > 0.5
    assert lengths[0.5] == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize(("step", "share"), [(0, 0.2), (3, 0.8), (5, 1.0), (52, 0.5), (99, 0.0)])
def test_the_cosine_schedule_warms_up_and_then_falls_to_nothing(step, share):
    config = training_config(iterations=100, batch_size=1, warmup=0.05, learning_rate=2.0)

    assert learning_rate(config, step) == pytest.approx(2.0 * share, abs=0.02)


@pytest.mark.parametrize(
    "config",
    [
        training_config(hidden_size=6, batch_size=2, iterations=40),
        training_config(hidden_size=6, batch_size=2, iterations=40, architecture="rnn"),
        training_config("tutorial", iterations=40),
        training_config("tutorial", iterations=40, nonlinearity="tanh"),
    ],
    ids=["gru", "rnn", "tutorial", "sgd by autograd"],
)
def test_a_restored_learner_goes_on_exactly_as_it_would_have(config):
    names = np.random.default_rng(0).integers(0, len(NAMES), 12)
    one = learner_for(config)
    one.learn(names[:6], 0)
    state = {name: value.copy() for name, value in one.state().items()}
    one.learn(names[6:], 6)
    other = learner_for(config)
    other.restore(state)
    other.learn(names[6:], 6)

    assert one.state().keys() == other.state().keys()
    for name, value in one.state().items():
        np.testing.assert_array_equal(value, other.state()[name])
    for name, value in one.weights().items():
        np.testing.assert_array_equal(value, other.weights()[name])


def test_the_loss_against_whole_distributions_is_their_cross_entropy():
    logits = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    probabilities = torch.softmax(torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1)), dim=2)
    probabilities[1, 2] = 0  # past the end of the second name
    losses = letter_losses(logits, torch.zeros(2, 3, dtype=torch.int64), probabilities)

    exact = -(probabilities.double() * torch.log_softmax(logits.double(), dim=2)).sum(dim=2)
    np.testing.assert_allclose(losses, exact, rtol=1e-5)
    assert losses[1, 2] == 0


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_a_step_is_the_step_of_torchs_own_optimiser(optimiser):
    config = training_config(
        hidden_size=8, dropout=0.0, batch_size=4, iterations=40, clip=None, averaging=0.0, optimiser=optimiser
    )
    learner = AutogradLearner(build_network(config, 2, 59), DatasetBatches(NAMES, config), config, torch.device("cpu"))
    network = build_network(config, 2, 59)
    kinds = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    reference = kinds[optimiser](network.parameters(), weight_decay=0.1 if optimiser == "adamw" else 0.0, lr=1.0)
    for step in range(5):
        names = np.arange(4) + step % 2
        learner.learn(names, 4 * step)
        category, inputs, targets = to_tensors(build_batch(NAMES, names, sos=True), torch.device("cpu"))
        reference.zero_grad()
        (letter_losses(network(category, inputs)[0], targets).sum() / 4).backward()
        reference.param_groups[0]["lr"] = learning_rate(config, step)
        reference.step()

    for name, parameter in network.named_parameters():
        np.testing.assert_allclose(learner.weights()[name], parameter.detach().numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "parts", [{}, {"architecture": "rnn"}, {"optimiser": "sgd", "averaging": 0.0}], ids=["gru", "rnn", "sgd"]
)
def test_learning_keeps_every_tensor_on_the_device(parts, fake_cuda, monkeypatch):
    config = training_config(hidden_size=8, batch_size=4, iterations=8, clip=None, **parts)
    learner = AutogradLearner(build_network(config, 2, 59), DatasetBatches(NAMES, config), config, fake_cuda)

    def backward(_loss):
        for parameter in learner._tensors["parameter"]:
            parameter.grad = torch.ones_like(parameter)

    monkeypatch.setattr(torch.Tensor, "backward", backward)
    losses = learner.learn(np.array([0, 1, 2, 3]), 0)

    kept = [value for values in learner._tensors.values() for value in values]
    assert losses.device == fake_cuda
    assert {tensor.device for tensor in kept} == {fake_cuda}

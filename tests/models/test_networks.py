"""The networks: their shapes, and what they compute, against plain computations of the same recipe."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from namegen.architectures import ARCHITECTURES, weight_shapes
from namegen.models.networks import apply_dropout, build_network
from namegen.recipes import training_config

NETWORKS = [name for name, architecture in ARCHITECTURES.items() if architecture.network]


def tiny(architecture, categories=3, outputs=5, hidden=4, **parts):
    config = training_config(architecture=architecture, hidden_size=hidden, **parts)
    return build_network(config, categories, outputs)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def plain(network):
    return {name: value.detach().double().numpy() for name, value in network.named_parameters()}


def test_the_tutorial_network_has_the_sizes_of_the_recipe():
    network = build_network(training_config("tutorial"), categories=18, outputs=59)

    assert sum(p.numel() for p in network.parameters()) == (205 * 128 + 128) + (205 * 59 + 59) + (187 * 59 + 59)


@pytest.mark.parametrize("nonlinearity", ["none", "tanh"])
def test_the_tutorial_network_computes_its_recipe(nonlinearity):
    network = tiny("rnn", nonlinearity=nonlinearity).eval()
    w = plain(network)
    category, letters = 1, [2, 0, 3]
    hidden = np.zeros(4)
    for step, letter in enumerate(letters):
        read = np.concatenate([np.eye(3)[category], np.eye(5)[letter], hidden])
        hidden = w["i2h.weight"] @ read + w["i2h.bias"]
        if nonlinearity == "tanh":
            hidden = np.tanh(hidden)
        made = w["i2o.weight"] @ read + w["i2o.bias"]
        expected = w["o2o.weight"] @ np.concatenate([hidden, made]) + w["o2o.bias"]

        logits, _ = network(torch.tensor([category]), torch.tensor([letters]))

        np.testing.assert_allclose(logits[0, step].detach().numpy(), expected, atol=1e-6)


def test_the_tutorial_network_drops_outputs_and_nothing_else():
    torch.manual_seed(0)
    network = tiny("rnn", outputs=40, dropout=0.5)
    category, letters = torch.tensor([0]), torch.tensor([[1, 2]])
    whole, hidden = network.eval()(category, letters)
    dropped, hidden_in_training = network.train()(category, letters)

    torch.testing.assert_close(hidden, hidden_in_training)
    stays = dropped != 0
    torch.testing.assert_close(dropped[stays], 2 * whole[stays])
    assert 0 < int(stays.sum()) < stays.numel()
    assert not torch.equal(stays[0, 0], stays[0, 1])  # a fresh mask for each letter


def test_the_gru_computes_its_recipe():
    torch.manual_seed(0)
    network = tiny("gru").eval()
    torch.nn.init.normal_(network.category_output.weight)
    w = plain(network)
    category, letters = 2, [4, 0, 1]
    hidden = w["category_state.weight"][category]
    logits, last = network(torch.tensor([category]), torch.tensor([letters]))
    for step, letter in enumerate(letters):
        seen = w["letter_input.weight"][letter] + w["category_input.weight"][category]
        from_read = w["read.weight"] @ seen + w["read.bias"]
        from_hidden = w["recurrent.weight"] @ hidden + w["recurrent.bias"]
        reset = sigmoid(from_read[:4] + from_hidden[:4])
        update = sigmoid(from_read[4:8] + from_hidden[4:8])
        new = np.tanh(from_read[8:] + reset * from_hidden[8:])
        hidden = (1 - update) * new + update * hidden
        expected = w["head.weight"] @ hidden + w["head.bias"] + w["category_output.weight"][category]

        np.testing.assert_allclose(logits[0, step].detach().numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(last[0].detach().numpy(), hidden, atol=1e-6)


@pytest.mark.parametrize(("batch", "length", "hidden"), [(1, 1, 1), (2, 1, 3), (3, 5, 4), (9, 1, 3), (9, 5, 4)])
def test_the_gru_and_its_gradient_are_those_of_torchs_gru(batch, length, hidden):
    """The batches of nine have more names than there are categories, and no name of the last category."""
    torch.manual_seed(0)
    network = tiny("gru", categories=4, outputs=7, hidden=hidden).double().eval()
    category, letters = torch.randint(3, (batch,)), torch.randint(7, (batch, length))
    letters[:, 0] = 6  # the start of a name
    weigh = torch.randn(batch, length, 7, dtype=torch.float64)
    torchs = torch.nn.GRU(hidden, hidden, batch_first=True).double()
    torchs.weight_ih_l0, torchs.bias_ih_l0 = network.read.weight, network.read.bias
    torchs.weight_hh_l0, torchs.bias_hh_l0 = network.recurrent.weight, network.recurrent.bias

    def gradients(logits, states):
        ((logits * weigh).sum() + states.square().sum()).backward()
        values = [parameter.grad.clone() for parameter in network.parameters()]
        network.zero_grad()
        return values

    logits, last = network(category, letters)
    seen = network.letter_input(letters) + network.category_input(category).unsqueeze(1)
    initial = network.category_state(category).unsqueeze(0)
    states = torchs(seen, initial)[0]
    expected = network.head(states) + network.category_output(category).unsqueeze(1)

    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(last, states[:, -1])
    ours, theirs = gradients(logits, last), gradients(expected, states[:, -1])
    for (name, _), own, other in zip(network.named_parameters(), ours, theirs, strict=True):
        torch.testing.assert_close(own, other, msg=name)


def test_the_gradient_of_a_batch_without_names_is_zero():
    """With torchrun, the last batch can have fewer names than there are processes."""
    network = tiny("gru")
    logits, last = network(torch.zeros(0, dtype=torch.int64), torch.zeros((0, 1), dtype=torch.int64))
    logits.sum().backward()

    assert logits.shape == (0, 1, 5)
    assert last.shape == (0, 4)
    assert not any(parameter.grad.any() for parameter in network.parameters())


def test_the_gru_without_an_sos_token_reads_first_letters_that_differ():
    torch.manual_seed(0)
    network = tiny("gru", categories=2, outputs=6, sos=False).double().eval()
    category, letters = torch.tensor([0, 1, 0, 1]), torch.tensor([[0, 1], [2, 3], [4, 5], [1, 0]])
    logits, _ = network(category, letters)

    for name in range(4):
        alone, _ = network(category[name : name + 1], letters[name : name + 1])
        torch.testing.assert_close(logits[name], alone[0])


@pytest.mark.parametrize("architecture", NETWORKS)
def test_reading_on_from_a_hidden_state_is_reading_in_one_go(architecture):
    network = tiny(architecture).eval()
    category, letters = torch.tensor([0, 2]), torch.tensor([[4, 1, 2, 3], [4, 3, 3, 0]])
    whole, end = network(category, letters)
    first, middle = network(category, letters[:, :2])
    second, end_in_two = network(category, letters[:, 2:], middle)

    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(end_in_two, end)


@pytest.mark.parametrize("architecture", NETWORKS)
def test_a_network_is_built_from_the_seed_alone_and_leaves_the_global_generator_alone(architecture):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = tiny(architecture, seed=3)
    torch.manual_seed(6)
    other, different = tiny(architecture, seed=3), tiny(architecture, seed=4)

    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), different.parameters(), strict=True))
    torch.manual_seed(5)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("architecture", NETWORKS)
def test_the_model_file_expects_the_shapes_that_the_networks_have(architecture):
    config = training_config(hidden_size=7, architecture=architecture)
    network = build_network(config, 3, 11)

    assert {name: tuple(p.shape) for name, p in network.named_parameters()} == weight_shapes(config, 3, 11)


@pytest.mark.parametrize("architecture", NETWORKS)
def test_every_tensor_of_a_forward_pass_is_on_the_device_of_the_network(architecture, fake_cuda):
    network = tiny(architecture).to(fake_cuda)
    category = torch.zeros(2, dtype=torch.int64, device=fake_cuda)
    letters = torch.zeros((2, 4), dtype=torch.int64, device=fake_cuda)

    logits, hidden = network(category, letters)

    assert logits.device == hidden.device == fake_cuda


@pytest.mark.parametrize("probability", [0.0, 0.4, 0.9])
@pytest.mark.parametrize("shape", [(7,), (50, 20, 8)])
def test_dropout_drops_its_share_and_keeps_the_mean(probability, shape):
    torch.manual_seed(0)
    values = torch.full(shape, 2.0)
    dropped = torch.stack([apply_dropout(values, probability) for _ in range(max(1, 20_000 // values.numel()))])

    kept = dropped[dropped > 0].unique()
    assert kept.tolist() == [pytest.approx(2 / (1 - probability), rel=1e-3)]
    deviation = (probability * (1 - probability) / dropped.numel()) ** 0.5
    assert (dropped == 0).double().mean().item() == pytest.approx(probability, abs=4 * deviation + 2**-17)

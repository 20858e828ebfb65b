"""The networks in numpy against the networks in torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from namegen.errors import NamegenError
from namegen.evaluation.classify import classify, score
from namegen.models.inference import apply_guidance, build_steppers, max_logits
from namegen.models.networks import build_network
from namegen.recipes import training_config
from namegen.sampling.generate import sample
from namegen.sampling.top_names import top
from support import assert_same_rows, make_model

LETTERS = "".join(chr(0x4E00 + index) for index in range(99))
KINDS = {
    "gru": {"recipe_name": "default"},
    "tutorial": {"recipe_name": "tutorial"},
    "rnn with tanh": {"recipe_name": "default", "architecture": "rnn"},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("hidden", "letters", "categories"), [(1, 1, 1), (5, 3, 2), (64, 58, 4)])
def test_numpy_and_torch_agree_over_whole_sequences(kind, hidden, letters, categories):
    config = training_config(hidden_size=hidden, dropout=0.0, **KINDS[kind])
    network = build_network(config, categories, letters + 1).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)) * 0.05)
    model = make_model(
        config,
        letters="".join(chr(0x4E00 + i) for i in range(letters)),
        categories=tuple(f"c{i}" for i in range(categories)),
    )
    model = replace(model, weights={name: p.detach().numpy() for name, p in network.named_parameters()})
    read = np.random.default_rng(0).integers(0, letters + 1, size=(4, 12))
    if config.sos:
        read[:, 0] = letters  # names begin with SOS
    for category in range(categories):
        with torch.no_grad():
            expected, last = network(torch.full((4,), category), torch.from_numpy(read))
        step = build_steppers(model)(category)
        state = np.repeat(step.start(), 4, axis=0)
        for place in range(12):
            logits, state = step.step(read[:, place], state)
            np.testing.assert_allclose(logits, expected[:, place].numpy(), atol=1e-5)
        np.testing.assert_allclose(state, last.numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_changes_neither_its_arguments_nor_the_model(kind):
    model = make_model(training_config(hidden_size=6, **KINDS[kind]))
    step = build_steppers(model)(0)
    hidden = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
    before, letters = hidden.copy(), np.array([0, 1, 2])
    weights = {name: weight.copy() for name, weight in model.weights.items()}

    logits, after = step.step(letters, hidden)
    kept = logits.copy(), after.copy()
    step.step(letters[::-1].copy(), after, np.array([0, 0, 1]))  # its work memory is not what it gave away

    np.testing.assert_array_equal(hidden, before)
    for array, as_it_was in zip((logits, after), kept, strict=True):
        np.testing.assert_array_equal(array, as_it_was)
    np.testing.assert_array_equal(step.step(letters, hidden)[0], logits)
    for name, weight in model.weights.items():
        np.testing.assert_array_equal(weight, weights[name])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("hidden", "letters"), [(1, 2), (33, 7), (128, 58), (129, 99), (500, 7), (1024, 58)])
def test_a_row_is_the_same_to_the_last_bit_however_many_there_are_and_whichever_share_a_state(kind, hidden, letters):
    model = make_model(training_config(hidden_size=hidden, **KINDS[kind]), letters=LETTERS[:letters])
    step, rng = build_steppers(model)(0), np.random.default_rng(0)
    states, letters = rng.normal(size=(40, hidden)).astype(np.float32), rng.integers(0, letters + 1, 100)
    parents = np.sort(rng.integers(0, 40, 100))
    logits, after = step.step(letters, states, parents)

    for some in (slice(0, 1), slice(99, 100), slice(3, 5), slice(10, 27), slice(0, 99)):
        for given in ((letters[some], states, parents[some]), (letters[some], states[parents[some]])):
            few_logits, few_after = step.step(*given)
            assert_same_rows(few_logits, logits[some])
            assert_same_rows(few_after, after[some])


@pytest.mark.parametrize("kind", KINDS)
def test_a_blend_is_the_mean_of_vectors_and_guidance_goes_away_from_the_mean_of_all(kind):
    config = training_config(hidden_size=5, **KINDS[kind])
    model = make_model(config, letters=LETTERS[:3], categories=("X", "Y", "Z"))
    letters, hidden = np.array([0, 1, 2, 3]), np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    shares = np.array([0.5, 0.0, 0.5], dtype=np.float32)
    # A model with one more category whose vectors are worked out here: what is at each category's place of the tables.
    for category, vector in [
        (shares, lambda table: (table[0] + table[2]) / 2),
        (apply_guidance(1, 3, 0.4), lambda table: table[1] + 0.4 * (table[1] - table.mean(axis=0))),
        (apply_guidance(shares, 3, 1.0), lambda table: table[0] + table[2] - table.mean(axis=0)),
    ]:
        larger = make_model(config, letters=LETTERS[:3], categories=("X", "Y", "Z", "W"))
        larger.weights.update({name: with_category(name, weight, vector) for name, weight in model.weights.items()})
        for ours, expected in zip(
            build_steppers(model)(category).step(letters, hidden),
            build_steppers(larger)(3).step(letters, hidden),
            strict=True,
        ):
            np.testing.assert_allclose(ours, expected, atol=1e-5)


def with_category(name, weight, vector):
    """Add a fourth category to a parameter: a row of an embedding, a column of what reads one-hot vectors."""
    if name.startswith("category_"):
        return np.vstack([weight, vector(weight)])
    if name in ("i2h.weight", "i2o.weight"):
        return np.insert(weight, 3, vector(weight[:, :3].T), axis=1)
    return weight


def test_logits_that_are_not_numbers_are_an_error_but_minus_infinity_is_only_impossible():
    np.testing.assert_array_equal(max_logits(np.array([[-np.inf, 1.0]])), [[1.0]])
    for bad in (np.nan, np.inf):
        with pytest.raises(NamegenError, match="not numbers"):
            max_logits(np.array([[0.0, 1.0], [0.0, bad]], dtype=np.float32))


def test_without_guidance_or_with_a_single_category_nothing_moves():
    assert apply_guidance(1, 3, 0.0) == 1
    np.testing.assert_allclose(apply_guidance(0, 1, 0.7), [1.0])
    np.testing.assert_allclose(apply_guidance(2, 4, 3.0).sum(), 1.0, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1e25, 3e38])
def test_weights_too_large_to_be_multiplied_are_one_error_and_no_warning(kind, size):
    model = make_model(training_config(hidden_size=16, **KINDS[kind]), categories=("X", "Y"))
    for name, weight in model.weights.items():
        model.weights[name] = np.copysign(np.float32(size), weight)
    for use in (
        lambda: sample(model, "X", count=3, seed=1, temperature=1.0),
        lambda: sample(model, "X+Y", count=100, seed=1, guidance=1.0),
        lambda: sample(model, "X", "a", temperature=0.0, seed=1),
        lambda: sample(model, "X", "a", temperature=0.0, dropout=0.5, seed=1),
        lambda: sample(model, "X", "a", temperature=1.0, dropout=0.5, seed=1),
        lambda: score(model, "X", ["ab"]),
        lambda: classify(model, ["ab"]),
        lambda: top(model, "X", count=2),
    ):
        with pytest.raises(NamegenError, match="weights are so large that its outputs are not numbers"):
            use()

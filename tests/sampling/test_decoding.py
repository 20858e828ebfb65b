"""Choosing letters: the probabilities are those that the settings define, and letters are sampled by them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namegen.config import SamplingConfig
from namegen.sampling.decoding import choose_letters, greedy_probabilities, probabilities, sample_categorical
from namegen.sampling.rng import derive_streams


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0]), min_size=1, max_size=6),
    st.sampled_from([0.0, 0.1, 0.5, 0.9]),
)
def test_the_greedy_choice_under_dropout_has_the_probabilities_of_all_masks_added_up(row, dropout):
    expected = np.zeros(len(row))
    for mask in itertools.product([0, 1], repeat=len(row)):
        share = np.prod([1 - dropout if kept else dropout for kept in mask])
        expected[np.argmax(np.where(mask, np.array(row) / (1 - dropout), 0.0))] += share  # argmax takes the first

    np.testing.assert_allclose(greedy_probabilities(np.array([row], np.float32), dropout)[0], expected, atol=1e-7)


def test_greedy_takes_the_most_likely_letter_and_of_equals_the_first():
    logits = np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 2.0], [3.0, 0.0, 1.0]], np.float32)
    rows = np.array([0, 0, 1, 1, 2])
    chosen = choose_letters(logits, rows, derive_streams(1, 0, np.arange(5)), 3, SamplingConfig(temperature=0))

    assert chosen.tolist() == [0, 0, 1, 1, 0]


@pytest.mark.parametrize("temperature", [1.1e-6, 1e-5, 1e-3])
def test_a_very_low_temperature_is_the_greedy_choice_and_never_not_a_number(temperature):
    logits = np.array([[1.0, 1.5, 0.0], [0.0, -2.0, -3.0]], np.float32)
    shares = probabilities(logits, SamplingConfig(temperature=temperature))

    np.testing.assert_allclose(shares, [[0, 1, 0], [1, 0, 0]], atol=1e-12)


def test_a_very_high_temperature_samples_all_letters_alike():
    shares = probabilities(np.array([[30.0, -30.0, 0.0]], np.float32), SamplingConfig(temperature=1e6))

    np.testing.assert_allclose(shares / shares.sum(), [[1 / 3] * 3], rtol=1e-4)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 70), st.integers(1, 20), st.integers(0, 2**32))
def test_a_point_falls_to_the_output_whose_share_of_the_line_it_is_in(outputs, rows, seed):
    rng = np.random.default_rng(seed)
    weights = rng.random((rows, outputs)).astype(np.float32) * (rng.random((rows, outputs)) < 0.6)
    weights[np.arange(rows), rng.integers(0, outputs, rows)] += 0.1
    names = np.sort(rng.integers(0, rows, 50))
    points = np.concatenate([[0.0, 1 - 2.0**-52], rng.random(48)])
    sampled = sample_categorical(weights, names, points)

    for row, point, output in zip(names, points, sampled, strict=True):
        assert weights[row, output] > 0
        line = weights[row].astype(np.float64)
        below, up_to = line[:output].sum() / line.sum(), line[: output + 1].sum() / line.sum()
        assert below - 1e-12 <= point < up_to + 1e-12


def test_a_letter_that_is_cut_off_is_never_sampled_however_many_names_are():
    logits = np.tile(np.array([0.1, 0.2, 0.3, 0.0], np.float32), (20, 1))
    rows = np.repeat(np.arange(20), 10_000)
    config = SamplingConfig(temperature=1.0, top_k=3)

    assert set(choose_letters(logits, rows, derive_streams(0, 0, np.arange(200_000)), 1, config).tolist()) == {0, 1, 2}


@pytest.mark.parametrize(
    ("names", "dropout"), [(0, 0.0), (1, 0.0), (65_536, 0.0), (65_537, 0.0), (200_000, 0.0), (0, 0.4), (5_000, 0.4)]
)
def test_what_a_name_chooses_does_not_depend_on_how_many_choose_with_it(names, dropout):
    logits = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    rows, own = np.sort(np.arange(names) % 3), derive_streams(4, 0, np.arange(names))
    config = SamplingConfig(temperature=1.0, dropout=dropout)
    together = choose_letters(logits, rows, own, 2, config)
    assert together.shape == (names,)

    for name in range(0, names, max(1, names // 50)):
        alone = choose_letters(logits[rows[name] : rows[name] + 1], np.array([0]), own[name : name + 1], 2, config)
        assert alone[0] == together[name]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("top_p", [None, 5e-324, 0.5])
@pytest.mark.parametrize("row", [[1e38, -1e38, 0], [3e38, -3e38, 3e38], [-1e30, 5, 4.9999], [0, 0, 0]])
def test_outputs_far_apart_give_probabilities_at_the_lowest_temperature(row, top_p):
    config = SamplingConfig(temperature=1e-6, top_p=top_p)
    weights = probabilities(np.array([row], np.float32), config)[0]
    best = np.array(row) == max(row)
    assert weights[best].max() > 0
    assert (weights[~best] < 1e-40).all()

"""The names that a run trains on, and their batches."""

from __future__ import annotations

import numpy as np
import pytest

from namegen.datasets.alphabet import ASCII
from namegen.datasets.dataset import Dataset
from namegen.recipes import training_config
from namegen.training.batches import IGNORED, DatasetBatches, build_batch, category_probabilities, iter_stretches

EOS = SOS = ASCII.boundary_id


def letters(text):
    return [ASCII.letters.index(letter) for letter in text]


def dataset(**names):
    return Dataset.from_names(names)


def chi_square(observed, expected):
    return float(((observed - expected) ** 2 / expected).sum())


@pytest.mark.parametrize(
    ("name", "sos", "inputs", "targets"),
    [
        ("Anna", False, letters("Anna"), [*letters("nna"), EOS]),
        ("Anna", True, [SOS, *letters("Anna")], [*letters("Anna"), EOS]),
        ("A", False, letters("A"), [EOS]),
    ],
)
def test_inputs_and_targets_of_a_name_with_and_without_an_sos_token(name, sos, inputs, targets):
    batch = build_batch(dataset(X=[name]), np.array([0]), sos=sos)

    assert (batch.inputs.tolist(), batch.targets.tolist()) == ([inputs], [targets])


def test_shorter_names_are_padded_with_targets_that_do_not_count():
    names = dataset(X=["Anna"], Y=["Bo"])
    batch = build_batch(names, np.array([1, 0]), sos=False)

    assert batch.category.tolist() == [1, 0]
    assert batch.inputs[0, :2].tolist() == letters("Bo")
    assert batch.targets.tolist() == [[*letters("o"), EOS, IGNORED, IGNORED], [*letters("nna"), EOS]]


def test_the_tutorial_samples_categories_and_their_names_uniformly():
    names = dataset(A=["a"], B=["ba", "bb", "bc"], C=[f"c{x}" for x in "abcdefghij"])
    config = training_config("tutorial", iterations=40_960)
    sampled = np.concatenate([DatasetBatches(names, config).sample_block(block) for block in range(10)])
    of_category = np.bincount(names.category_of[sampled], minlength=3)
    of_name = np.bincount(sampled, minlength=14)[4:]

    assert of_category.sum() == 40_960
    assert chi_square(of_category, np.full(3, 40_960 / 3)) < 13.8  # the 99.9 % point with 2 degrees of freedom
    assert chi_square(of_name, np.full(10, of_name.mean())) < 27.9  # and with 9


def test_names_are_sampled_in_proportion_to_their_weights_and_categories_as_without():
    weights = {"A": [1e-3, 3e-3], "B": [5e9, 1e9, 4e9], "C": [7]}
    names = Dataset.from_names({"A": ["aa", "ab"], "B": ["ba", "bb", "bc"], "C": ["c"]}, weights=weights)
    config = training_config(iterations=40_960, category_exponent=0.0)
    source = DatasetBatches(names, config)
    sampled = np.concatenate([source.sample_block(block) for block in range(-(-40_960 // source.block_size))])
    expected = np.array([1 / 4, 3 / 4, 0.5, 0.1, 0.4, 1]) / 3 * 40_960

    assert len(sampled) == 40_960
    assert chi_square(np.bincount(sampled, minlength=6), expected) < 20.5  # the 99.9 % point with 5 degrees of freedom


@pytest.mark.parametrize(("exponent", "expected"), [(0.0, [0.5, 0.5]), (1.0, [0.1, 0.9]), (0.5, [0.25, 0.75])])
def test_the_exponent_says_how_much_the_size_of_a_category_counts(exponent, expected):
    names = dataset(A=["a"], B=[f"b{x}" for x in "abcdefghi"])

    found = category_probabilities(names, training_config(category_exponent=exponent))

    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("batch_size", [1, 32])
def test_a_run_samples_its_names_in_the_same_order_if_it_is_resumed_after_any_stretch(batch_size):
    names = dataset(A=["abc", "d", "ef"], B=["efgh", "i"])
    config = training_config(iterations=9_000, batch_size=batch_size, save_every=1234, history_every=500)
    whole = list(iter_stretches(DatasetBatches(names, config), config, 0, 500))
    assert sum(map(len, whole)) == 9_000
    starts = np.cumsum([0, *(len(stretch) for stretch in whole)])
    for index in (1, 7, len(whole) - 1):
        rest = list(iter_stretches(DatasetBatches(names, config), config, int(starts[index]), 500))
        assert len(rest) == len(whole) - index
        assert all(np.array_equal(a, b) for a, b in zip(rest, whole[index:], strict=True))


def test_with_single_names_stretches_end_exactly_where_points_are_due_and_do_not_depend_on_saves():
    names = dataset(A=["abc", "d"])
    configs = [training_config("tutorial", iterations=5_000, save_every=every) for every in (5_000, 1_200)]
    one, other = ([*map(len, iter_stretches(DatasetBatches(names, each), each, 0, 500))] for each in configs)

    assert set(range(500, 5_001, 500)) <= set(np.cumsum(one).tolist())
    assert one == other


def test_a_batch_holds_names_of_similar_length():
    names = dataset(A=[f"{'x' * n}{c}" for n in range(10) for c in "abcdefghij"])
    config = training_config(iterations=100_000, batch_size=64)
    block = DatasetBatches(names, config).sample_block(0)
    spread = np.ptp(names.lengths[block].reshape(-1, 64), axis=1)

    assert len(block) == DatasetBatches(names, config).block_size
    assert spread.max() <= 1
    assert len(set(names.lengths[block].reshape(-1, 64)[:8, 0].tolist())) > 2  # the batches are in random order

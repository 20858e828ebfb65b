"""Names sampled from a ensemble of teachers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from namegen.config import Distillation
from namegen.datasets.alphabet import Alphabet
from namegen.datasets.dataset import Dataset
from namegen.errors import DivergedError, UsageError
from namegen.models.inference import build_steppers
from namegen.models.networks import build_network
from namegen.models.ngram import NGram
from namegen.recipes import training_config
from namegen.training.batches import IGNORED, category_probabilities, iter_stretches
from namegen.training.distillation import DistillationBatches, Ensemble
from namegen.training.optimize import AutogradLearner
from support import make_bigram_model, make_model

LETTERS = Alphabet(tuple("ab"))
A, B, EDGE = 0, 1, 2
NAMES = Dataset.from_names({"X": ["ab", "aab", "b"], "Y": ["ba", "bb"]}, alphabet=LETTERS)
ONE = [[0.2, 0.5, 0.3], [0.4, 0.1, 0.5], [0.7, 0.3, 0.0]]  # after a, after b, at the start: a, b, the end
OTHER = [[0.1, 0.1, 0.8], [0.3, 0.3, 0.4], [0.2, 0.8, 0.0]]


def teacher(table):
    with np.errstate(divide="ignore"):
        logits = np.maximum(np.log(np.array(table)), -1e4)
    return make_bigram_model(logits, categories=("X", "Y"))


@pytest.fixture
def ensemble():
    return Ensemble([teacher(ONE), teacher(OTHER)], NGram.fit(NAMES, 3), 0.3)


def expected(category, before, *, sampled=False):
    """What the ensemble says after a prefix, by its definition, or how names are sampled."""
    context = [EDGE, *before][:-3:-1]
    context += [EDGE + 1] * (2 - len(context))
    row = before[-1] if before else EDGE
    ngram = NGram.fit(NAMES, 3).select(category)
    by_ngram = ngram.probabilities(ngram.find(np.array([context])))[0]
    shares = [(np.array(ONE[row]), 0.35), (np.array(OTHER[row]), 0.35), (by_ngram, 0.3)]
    if sampled:
        mixed = sum(share * probabilities for probabilities, share in shares)
    else:
        mixed = np.prod([probabilities**share for probabilities, share in shares], axis=0)
    if not before:
        mixed[EDGE] = 0  # no name is empty
    return mixed / mixed.sum()


def make_source(ensemble, **parts):
    small = {"hidden_size": 4, "batch_size": 8, "iterations": 10_000, "distillation": None}
    config = training_config("best", **{**small, **parts})
    return DistillationBatches(
        ensemble, config, category_probabilities(NAMES, config), boundary_id=EDGE, max_length=6
    ), config


def test_the_targets_are_the_ensembles_whole_distributions_after_each_prefix(ensemble):
    source, _ = make_source(ensemble)
    batch = source.build_batch(source.sample_block(0)[:64])

    assert batch.soft_targets is not None
    for category, inputs, targets, probabilities in zip(*map(np.asarray, vars(batch).values()), strict=True):
        length = int((targets != IGNORED).sum())
        assert inputs[0] == EDGE
        assert inputs[1:length].tolist() == targets[: length - 1].tolist()
        for place in range(length):
            np.testing.assert_allclose(
                probabilities[place], expected(category, inputs[1 : place + 1].tolist()), rtol=1e-5
            )
        assert (probabilities[length:] == 0).all()


def test_names_are_sampled_by_the_arithmetic_mean_of_the_teachers(ensemble):
    source, _ = make_source(ensemble, category_exponent=0.0)
    seen = np.zeros((2, 3))
    followers = np.zeros(3)  # of the prefix b in category Y
    for number in range(4):
        batch = source.build_batch(source.sample_block(number))
        np.add.at(seen, (batch.category, batch.targets[:, 0]), 1)
        after_b = (batch.category == 1) & (batch.targets[:, 0] == B)
        np.add.at(followers, batch.targets[after_b, 1], 1)

    count = 4 * source.block_size
    assert seen.sum() == count
    of_category = seen.sum(axis=1)
    assert abs(of_category[0] - count / 2) < 4 * np.sqrt(count / 4)
    for category in (0, 1):
        exact = expected(category, [], sampled=True)[:2] * of_category[category]
        assert ((seen[category, :2] - exact) ** 2 / exact).sum() < 10.8  # the 99.9 % point with 1 degree of freedom
    exact = expected(1, [B], sampled=True) * followers.sum()
    assert ((followers - exact) ** 2 / exact).sum() < 13.8  # and with 2


def test_a_block_is_a_function_of_its_number_and_the_seed(ensemble):
    source, _ = make_source(ensemble)
    first = source.build_batch(source.sample_block(0))
    second = source.build_batch(source.sample_block(1))
    again = source.build_batch(source.sample_block(0))
    other_seed, _ = make_source(ensemble, seed=2)
    other = other_seed.build_batch(other_seed.sample_block(0))

    for one, same in zip(vars(first).values(), vars(again).values(), strict=True):
        np.testing.assert_array_equal(one, same)
    assert not np.array_equal(first.targets[:, 0], second.targets[:, 0])
    assert not np.array_equal(first.targets[:, 0], other.targets[:, 0])


def test_a_training_draws_exactly_as_many_names_as_it_has_iterations(ensemble):
    source, config = make_source(ensemble, iterations=5_003)
    sampled = list(iter_stretches(source, config, 0, 8))

    assert sum(map(len, sampled)) == 5_003
    assert len(set(np.concatenate(sampled).tolist())) == 5_003


def test_a_name_that_does_not_end_is_cut_and_its_last_distribution_learned():
    endless = teacher([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.5, 0.5, 0.0]])
    source, _ = make_source(Ensemble([endless], NGram.fit(NAMES, 1), 0.01))
    batch = source.build_batch(source.sample_block(0))
    limit = 2 * int(NAMES.lengths.max())

    was_cut = (batch.targets != IGNORED).all(axis=1)
    assert batch.targets.shape[1] == limit + 1
    assert was_cut.sum() > 1000
    np.testing.assert_allclose(batch.soft_targets[was_cut, limit].sum(axis=1), 1, atol=1e-5)


def test_a_network_learns_the_ensembles_distributions(ensemble):
    source, config = make_source(
        ensemble, hidden_size=16, iterations=6_000, batch_size=32, averaging=0.9, learning_rate=0.03
    )
    learner = AutogradLearner(build_network(config, 2, 3), source, config, torch.device("cpu"))
    done = 0
    for names in iter_stretches(source, config, 0, 32):
        learner.learn(names, done)
        done += len(names)
    taught = make_model(config, categories=("X", "Y"))
    taught.weights.update(learner.weights())

    for category in (0, 1):
        network = build_steppers(taught)(category)
        for before in ([], [A], [B], [B, A], [A, A, B]):
            hidden = network.start()
            for letter in [EDGE, *before]:
                logits, hidden = network.step(np.array([letter]), hidden)
            probabilities = np.exp(logits[0]) / np.exp(logits[0]).sum()
            np.testing.assert_allclose(probabilities, expected(category, before), atol=0.03)


@pytest.mark.parametrize("parts", [{"teachers": 4, "share": 0.25}, {"ngram_share": 1.0}, {"teachers": 0}])
def test_teachers_that_make_no_sense_are_wrong_usage(parts):
    with pytest.raises(UsageError, match=r"teachers|ngram"):
        Distillation(**parts)


def test_teachers_that_begin_no_name_are_an_error():
    mute = teacher([[0.2, 0.5, 0.3], [0.4, 0.1, 0.5], [0.0, 0.0, 1.0]])
    source, _ = make_source(Ensemble([mute, mute], NGram.fit(NAMES, 3), 0.3))
    with pytest.raises(DivergedError, match="the teachers give every first letter a probability of 0"):
        source.sample_block(0)

"""The plausibility floor: names follow the model's distribution conditioned on what the n-gram finds plausible."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter

import numpy as np
import pytest

from distributions import LOGITS, TABLE, chi_square_fits, name_shares
from namegen.config import SamplingConfig
from namegen.datasets.dataset import Dataset
from namegen.errors import NamegenError, UsageError
from namegen.evaluation.classify import classify, score
from namegen.evaluation.metrics import evaluate
from namegen.models.mixture import Mixture, Weights
from namegen.models.ngram import NGram
from namegen.models.plausibility import Plausibility
from namegen.sampling import prefix_tree, rejection
from namegen.sampling.floor import Floor
from namegen.sampling.generate import iterate, sample
from namegen.sampling.name_filters import Filters
from namegen.sampling.top_names import top
from ngram_definition import count_ngrams, estimate_discounts, predict
from support import knowing, make_bigram_model

NAMES = {"X": ["ab", "aab", "abab", "b", "abb", "ba"], "Y": ["bb", "bbb", "bab", "bba"]}
LIMITS = {"X": (-1.9, -2.0), "Y": (-1.6, -1.8)}  # the scaled total and the weakest, at a floor of 1
ORDER = 3
BLEND = {"X": 0.5, "Y": 0.5}
IMPOSSIBLE = {"X": (1.0, 1.0), "Y": (1.0, 1.0)}


def make_model(limits=LIMITS, *, sos=True, lengths=(0, 0), sampling=None):
    """Make a model that is known exactly, with an n-gram of other names than it generates."""
    begins = [[3, 2], [1, 3]]
    model = make_bigram_model(LOGITS, categories=("X", "Y"), sos=sos, first_letters=begins, sampling=sampling)
    dataset = Dataset.from_names(NAMES, alphabet=model.alphabet)
    rows = [[(-100, -100, 0), (*limits[category], length)] for category, length in zip(NAMES, lengths, strict=True)]
    plausibility = Plausibility(np.array(rows, dtype=np.float32))
    return dataclasses.replace(
        model, mixture=Mixture(NGram.fit(dataset, ORDER), Weights(0.3, 2)), plausibility=plausibility
    )


def without_limits(model):
    return dataclasses.replace(model, plausibility=None)


def is_plausible(name, shares, prefix="", limits=LIMITS):
    """Return whether the letters of a name after its prefix, and its end, reach the limits, by their definition."""
    below, discounts, scores = dict.fromkeys("ab$", 1 / 3), estimate_discounts(NAMES, ORDER), []
    for at, letter in list(enumerate(f"{name}$"))[len(prefix) :]:
        likely = 0.0
        for category, share in shares.items():
            tables = count_ngrams(NAMES[category], ORDER, "kneser-ney")
            likely += share * predict(tables, f"^{name[:at]}", discounts, below=below)[letter]
        scores.append(np.log(likely))
    total, weakest = (sum(share * limits[category][score] for category, share in shares.items()) for score in (0, 1))
    return sum(scores) / len(scores) ** 0.5 >= total and min(scores) >= weakest


def condition_on(shares, holds):
    kept = {name: share for name, share in shares.items() if holds(name)}
    assert 0.05 < sum(kept.values()) < 0.95
    return {name: kept.get(name, 0.0) / sum(kept.values()) for name in shares}


@pytest.mark.parametrize(
    ("category", "shares"), [("X", {"X": 1.0}), ("Y", {"Y": 1.0}), ("X+Y", BLEND)], ids=["X", "Y", "blend"]
)
@pytest.mark.parametrize("sos", [True, False], ids=["sos", "no sos"])
def test_names_have_the_models_probabilities_given_that_they_are_plausible(category, shares, sos):
    rows = TABLE.copy()
    if not sos:
        first = {"X": np.array([0.6, 0.4]), "Y": np.array([0.25, 0.75])}
        rows[2, :2] = sum(share * first[name] for name, share in shares.items())
    sampled = Counter(sample(make_model(sos=sos), category, count=10_000, seed=1, max_length=7, floor=1.0))

    assert chi_square_fits(sampled, condition_on(name_shares(rows, 7), lambda name: is_plausible(name, shares)))


@pytest.mark.parametrize("prefix", ["a", "bb", "aaa"])
def test_only_the_letters_after_a_prefix_are_scored(prefix):
    sampled = Counter(sample(make_model(), "X", [prefix], count=6_000, seed=1, max_length=8, floor=1.0))
    shares = name_shares(TABLE, 8, begin=prefix)

    assert chi_square_fits(sampled, condition_on(shares, lambda name: is_plausible(name, {"X": 1.0}, prefix)))
    assert any(is_plausible(name, {"X": 1.0}, prefix) != is_plausible(name, {"X": 1.0}) for name in shares)


def test_a_floor_in_between_has_the_limits_in_between():
    model = make_model({"X": (96.4, 96.2), "Y": (0.0, 0.0)})  # and -100 for both at a floor of 0
    sampled = Counter(sample(model, "X", count=6_000, seed=1, max_length=7, floor=0.5))
    limits = {"X": (-1.8, -1.9)}
    shares = name_shares(TABLE, 7)

    assert chi_square_fits(sampled, condition_on(shares, lambda name: is_plausible(name, {"X": 1.0}, limits=limits)))


def test_a_floor_and_filters_combine():
    model = knowing(make_model(), "ab")
    sampled = Counter(sample(model, "X", count=6_000, seed=1, max_length=7, floor=1.0, novel=True, match="a.*"))

    def holds(name):
        return is_plausible(name, {"X": 1.0}) and name != "ab" and name.startswith("a")

    assert chi_square_fits(sampled, condition_on(name_shares(TABLE, 7), holds))


def test_a_name_that_is_never_plausible_is_no_longer_rejected_after_64_attempts():
    model = make_model(IMPOSSIBLE)
    config = dataclasses.replace(model.sampling, floor=1.0)
    sampler = rejection.RejectionSampler(model, config, Filters(), None)
    count = 300
    sampled = sampler.sample(["", "a"], np.repeat([0, 1], count // 2), 1, np.arange(count))

    assert sampled.failure is None
    assert (sampled.attempts == 65).all()
    names = Counter(sample(model, "X", count=3000, seed=1, floor=1.0, max_length=6))
    assert chi_square_fits(names, name_shares(TABLE, 6))


def test_the_floor_holds_for_a_rare_match_if_any_of_64_attempts_is_plausible():
    model, options = make_model(), {"seed": 1, "floor": 1.0, "max_length": 7, "match": "ab+a?b?"}
    names = sample(model, "X", count=500, **options)

    assert all(is_plausible(name, {"X": 1.0}) for name in names)


def test_the_floor_is_no_reason_for_failing_once_it_no_longer_applies():
    with pytest.raises(NamegenError, match="samples matches 'c'"):
        sample(make_model(IMPOSSIBLE), "X", floor=1.0, match="c")
    config = dataclasses.replace(make_model().sampling, floor=1.0)
    sampler = rejection.RejectionSampler(make_model(IMPOSSIBLE), config, Filters(), None, max_rejections=50)
    failure = sampler.sample([""], np.array([0]), 1, np.array([0])).failure
    assert "in 50 samples reaches the plausibility floor" in str(failure)


@pytest.mark.parametrize(("category", "shortest"), [("X", 3), ("Y", 2), ("X+Y", 3), ("X:1+Y:9", 3)])
def test_names_must_reach_the_limit_of_the_length(category, shortest):
    model = make_model({"X": (-99, -99), "Y": (-99, -99)}, lengths=(3, 2))  # the blends: 2.5 and 2.1
    sampled = Counter(sample(model, category, count=6_000, seed=1, max_length=7, floor=1.0))

    assert chi_square_fits(sampled, condition_on(name_shares(TABLE, 7), lambda name: len(name) >= shortest))


def test_a_prefix_may_be_a_name_that_is_too_short():
    model = make_model({"X": (-99, -99), "Y": (-99, -99)}, lengths=(4, 4))
    sampled = Counter(sample(model, "X", ["ab"], count=6_000, seed=1, max_length=7, floor=1.0))

    expected = condition_on(name_shares(TABLE, 7, begin="ab"), lambda name: name == "ab" or len(name) >= 4)
    assert chi_square_fits(sampled, expected)


def test_a_floor_that_every_name_reaches_changes_no_name():
    model = make_model({"X": (-99, -99), "Y": (-99, -99)})
    plain = list(iterate(model, prefixes=["", "ab"], count=200, seed=1))

    assert list(iterate(model, prefixes=["", "ab"], count=200, seed=1, floor=1.0)) == plain


@pytest.mark.parametrize("category", ["X", "X+Y", None])
def test_names_do_not_depend_on_how_many_are_sampled_at_once(category):
    model, options = make_model(), {"floor": 1.0, "ngram_share": 0.4, "max_length": 9}
    many = sample(model, category, ["", "b"], count=60, seed=1, **options)
    sampler = rejection.RejectionSampler(
        model,
        dataclasses.replace(model.sampling, **options),
        Filters(),
        None
        if category is None
        else rejection.Blend(category, {"X": 0, "X+Y": np.array([0.5, 0.5], np.float32)}[category]),
    )
    one_by_one = []
    for number in range(120):
        own = sampler.sample([["", "b"][number // 60]], np.array([0]), 1, np.array([number])).names
        one_by_one.append(model.alphabet.decode_lines(own.letters, own.lengths).rstrip("\n"))

    assert many == one_by_one
    shards = [sample(model, category, ["", "b"], count=60, seed=1, shard=(k, 3), **options) for k in (1, 2, 3)]
    assert list(itertools.chain(*shards)) == many


# Where there is no floor


def test_scores_classes_losses_and_the_most_probable_names_have_no_floor():
    model = make_model(IMPOSSIBLE, sampling=SamplingConfig(temperature=1.0, floor=1.0))
    plain, names = without_limits(model), ["ab", "bbb", "aaa"]

    np.testing.assert_array_equal(
        score(model, "X", names).log_probabilities, score(plain, "X", names).log_probabilities
    )
    np.testing.assert_array_equal(classify(model, names).probabilities, classify(plain, names).probabilities)
    assert top(model, "X", count=9) == top(plain, "X", count=9)
    with pytest.raises(UsageError, match="floor affects sampling"):
        top(model, "X", floor=0.5)
    data = Dataset.from_names({"X": ["abba", "aab"], "Y": ["bb", "bab"]}, alphabet=model.alphabet)
    found, expected = (evaluate(knowing(one, "bb"), data, count=200) for one in (model, plain))
    assert found == expected


def test_greedy_sampling_has_no_floor():
    model = make_model(IMPOSSIBLE, sampling=SamplingConfig(temperature=1.0, floor=1.0))

    assert sample(model, "X", "ab", temperature=0.0) == sample(without_limits(model), "X", "ab", temperature=0.0)
    with pytest.raises(UsageError, match="a floor rejects names, but temperature 0 gives only one"):
        sample(model, "X", temperature=0.0, floor=0.5)
    with pytest.raises(UsageError, match="a floor rejects names"):
        SamplingConfig(temperature=0.0, floor=0.5)


def test_a_model_without_an_ngram_has_no_floor_and_refuses_one():
    config = SamplingConfig(temperature=1.0, floor=0.5)
    plain = make_bigram_model(LOGITS)

    assert sample(dataclasses.replace(plain, sampling=config), "X", count=20, seed=1) == sample(
        plain, "X", count=20, seed=1
    )
    assert sample(plain, "X", count=2, seed=1, floor=0.0) == sample(plain, "X", count=2, seed=1)
    with pytest.raises(UsageError, match="this model has no n-gram, so it has no plausibility floor"):
        sample(plain, "X", floor=0.5)


@pytest.mark.parametrize("floor", [-0.1, 1.1, True, "x", None])
def test_a_floor_is_a_number_from_0_to_1(floor):
    with pytest.raises(UsageError, match="floor must be a number from 0 to 1"):
        SamplingConfig(floor=floor)


@pytest.mark.parametrize("floor", [0.9, 0.98, 1.0])
@pytest.mark.parametrize("category", ["X", "Y"])
def test_names_given_up_early_are_below_the_floor(floor, category, monkeypatch):
    model = make_model()
    expected = sample(model, category, ["", "a"], count=200, seed=3, floor=floor)
    looked = []
    look_ahead = Floor.look_ahead
    monkeypatch.setattr(Floor, "look_ahead", lambda self, longest: (looked.append(longest), look_ahead(self, longest)))
    monkeypatch.setattr(prefix_tree, "MIN_NAMES_TO_LOOK_AHEAD", 1)

    assert sample(model, category, ["", "a"], count=200, seed=3, floor=floor) == expected
    assert looked


def test_names_are_given_up_before_their_end(monkeypatch):
    model = make_model({"X": (-1.3, -9.0), "Y": (-1.6, -1.8)})
    read = []
    for least in (1, 10**9):
        monkeypatch.setattr(prefix_tree, "MIN_NAMES_TO_LOOK_AHEAD", least)
        total, attempt = [], rejection.sample_prefix_tree

        def counted(*arguments, total=total, attempt=attempt):
            tree = attempt(*arguments)
            total.append(int(tree.read.sum()))
            return tree

        with monkeypatch.context() as patch:
            patch.setattr(rejection, "sample_prefix_tree", counted)
            sample(model, "X", count=300, seed=3, floor=1.0)
        read.append(sum(total))

    assert read[0] < read[1]


def test_names_without_a_floor_are_attempted_as_often_as_they_need(monkeypatch):
    """Names with a floor that hardly any attempt reaches must not make the others take thousands of attempts."""
    model, attempt = make_model({"X": (-0.93, -9.0), "Y": (-1.6, -1.8)}), rejection.sample_prefix_tree
    attempted = {True: 0, False: 0}  # whether there is a floor: attempts

    def counted(*arguments):
        attempted[arguments[-1] is not None] += len(arguments[5])
        return attempt(*arguments)

    monkeypatch.setattr(rejection, "sample_prefix_tree", counted)
    sampler = rejection.RejectionSampler(model, dataclasses.replace(model.sampling, floor=1.0), Filters(), None)
    attempts = sampler.sample([""], np.zeros(300, dtype=int), 1, np.arange(300)).attempts

    waived = int((attempts > 64).sum())
    assert 30 < waived < 270
    assert attempted[True] <= 64 * 300
    assert waived <= attempted[False] < 2 * waived

"""The limits of a plausibility floor, against cross-validated scores computed name by name."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from namegen.datasets.alphabet import Alphabet
from namegen.datasets.dataset import Dataset
from namegen.models.ngram import NGram
from namegen.models.plausibility import Plausibility

LETTERS = Alphabet(tuple("abcdefgh"))
ORDER = 3
FOLDS = 5


def invent(count, seed, sharpness=0.3):
    """Return distinct names of a random chain of letters."""
    rng = np.random.default_rng(7)
    table = rng.dirichlet(np.full(8, sharpness), size=9)
    rng, names = np.random.default_rng(seed), set()
    while len(names) < count:
        name, last = "", 8
        while len(name) < 2 or rng.random() < 0.85:
            last = rng.choice(8, p=table[last])
            name += LETTERS.letters[last]
        names.add(name)
    return sorted(names)


def score(ngram, category, name):
    """Return the scaled total and the lowest log-probability of a name's letters and its end, and its length."""
    own, scores = ngram.select(category), []
    letters = [*LETTERS.encode(name).tolist(), LETTERS.boundary_id]
    before = [LETTERS.boundary_id + 1] * (ORDER - 2) + [LETTERS.boundary_id]
    for letter in letters:
        scores.append(own.score(own.find(np.array([before[:-ORDER:-1]])), np.array([letter]))[0])
        before.append(letter)
    return sum(scores) / len(scores) ** 0.5, min(scores), len(name)


def cross_validate(names):
    """Return the scores of the names of each category by an n-gram of the names in the other folds."""
    dataset = Dataset.from_names(names, alphabet=LETTERS)
    rank = {key: rank for rank, key in enumerate(sorted(set(dataset.hashes.tolist())))}
    fold_of = [rank[key] % FOLDS for key in dataset.hashes.tolist()]
    found = defaultdict(list)
    for fold in range(FOLDS):
        ngram = NGram.fit(dataset.select(np.array(fold_of) != fold), ORDER)
        for index in range(len(dataset)):
            if fold_of[index] == fold:
                category = int(dataset.category_of[index])
                found[category].append(score(ngram, category, dataset.name(index)))
    return {category: np.array(scores) for category, scores in found.items()}


def rejects(limits, scores):
    """Return which names a floor rejects; a score may differ from a limit by rounding."""
    return (scores < [limits.total - 1e-5, limits.weakest - 1e-5, limits.length]).any(axis=1)


@pytest.fixture(scope="module")
def names():
    return {"X": invent(120, 1), "Y": invent(43, 2, 1.0)}


@pytest.fixture(scope="module")
def plausibility(names):
    return Plausibility.fit(Dataset.from_names(names, alphabet=LETTERS), ORDER)


@pytest.fixture(scope="module")
def scores(names):
    return cross_validate(names)


@pytest.mark.parametrize("floor", [0.0, 0.05, 0.3, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("category", [0, 1])
def test_the_limits_together_reject_the_share_of_the_floor_of_the_real_names(plausibility, scores, category, floor):
    limits, own = plausibility.at(category, floor), scores[category]

    # A limit is the score of a name, which reaches it; at a floor of 1 the best name does.
    assert abs(rejects(limits, own).sum() - min(floor * len(own), len(own) - 1)) <= 1
    for column, share, near in ((1, 0.3, 1e-5), (2, 0.1, 0.5)):  # several names may have the same score
        below, up_to = ((own[:, column] < limits[column] + step).mean() for step in (-near, near))
        assert below <= share * floor + 1e-9
        assert up_to >= share * floor - 1 / len(own)


def test_limits_between_two_floors_are_interpolated(plausibility):
    low, middle, high = (plausibility.at(0, floor) for floor in (0.3, 0.31, 0.35))

    assert middle.total == pytest.approx(low.total + 0.2 * (high.total - low.total))
    assert middle.weakest == pytest.approx(low.weakest + 0.2 * (high.weakest - low.weakest))
    means = [plausibility.at(0, floor).total for floor in np.linspace(0, 1, 41)]
    assert means == sorted(means)


def test_a_blend_has_the_mean_limits_of_its_categories(plausibility):
    one, other = (plausibility.at(category, 0.5) for category in (0, 1))
    blend = plausibility.at(np.array([0.25, 0.75]), 0.5)

    assert blend.total == pytest.approx(0.25 * one.total + 0.75 * other.total)
    assert blend.weakest == pytest.approx(0.25 * one.weakest + 0.75 * other.weakest)
    assert blend.length == pytest.approx(0.25 * one.length + 0.75 * other.length)
    assert plausibility.at(np.array([0.0, 1.0]), 0.5) == pytest.approx(other)


def test_no_floor_accepts_names_shorter_than_all_training_names():
    names = {"One": ["abc", "ab", "b"], "Two": ["abcd", "bcd", "cde"]}
    plausibility = Plausibility.fit(Dataset.from_names(names, alphabet=LETTERS), ORDER)

    assert [plausibility.at(index, 0.01).length for index in (0, 1)] == [1, 3]


def test_new_names_of_the_same_kind_are_rejected_about_as_often(names):
    known, new = invent(1500, 3), invent(1500, 4)
    dataset = Dataset.from_names({"X": known}, alphabet=LETTERS)
    plausibility, ngram = Plausibility.fit(dataset, ORDER), NGram.fit(dataset, ORDER)
    new = np.array([score(ngram, 0, name) for name in new[:600] if name not in set(known)])

    for floor in (0.2, 0.5):
        # An n-gram of all names predicts a little better than those of four fifths.
        assert rejects(plausibility.at(0, floor), new).mean() == pytest.approx(floor, abs=0.1)


def test_names_of_little_information_are_hardly_ever_rejected():
    few = {"X": ["".join(letters) for letters in ("ab", "ba", "aab", "aba", "bab", "abb", "bba", "baa")]}
    dataset = Dataset.from_names(few, alphabet=Alphabet(("a", "b")))
    plausibility = Plausibility.fit(dataset, ORDER)

    # Some 2.5 nats each: no floor rejects any of them.
    assert (plausibility.limits == plausibility.limits[:, :1]).all()
    lowest = plausibility.at(0, 0.0)
    assert plausibility.at(0, 1.0) == lowest


def test_in_between_the_share_to_reject_is_smaller_than_the_floor():
    names = {"X": [name for name in invent(400, 8) if len(name) < 10]}
    own = cross_validate(names)[0]
    nats = -(own[:, 0] * (own[:, 2] + 1) ** 0.5).mean()
    share = (nats - 9.5) / (14 - 9.5)
    plausibility = Plausibility.fit(Dataset.from_names(names, alphabet=LETTERS), ORDER)

    assert 0.2 < share < 0.8
    for floor in (0.3, 0.8):
        assert abs(rejects(plausibility.at(0, floor), own).mean() - floor * share) <= 0.02


def test_repeats_of_a_name_are_never_on_both_sides(monkeypatch):
    names = invent(30, 5)
    dataset = Dataset.from_names({"X": names * 3, "Y": names[:10] * 2}, alphabet=LETTERS, keep_repeats=True)
    fitted, fit = [], NGram.fit
    monkeypatch.setattr(NGram, "fit", lambda others, *given: fitted.append(others) or fit(others, *given))
    Plausibility.fit(dataset, ORDER)

    assert len(fitted) == FOLDS
    for others in fitted:
        kept = dict(zip(*np.unique(others.hashes, return_counts=True), strict=True))
        every = dict(zip(*np.unique(dataset.hashes, return_counts=True), strict=True))
        assert 0 < len(kept) < len(every)
        assert all(every[key] == count for key, count in kept.items())


@pytest.mark.parametrize("names", [{"X": ["ab"]}, {"X": ["ab"], "Y": ["ab"]}, {"X": ["a", "b"], "Y": ["abc"]}])
def test_very_few_names_have_limits_too(names):
    plausibility = Plausibility.fit(Dataset.from_names(names, alphabet=LETTERS), ORDER)

    assert np.isfinite(plausibility.limits).all()
    assert len(plausibility.limits) == len(names)


def test_joined_limits_are_those_of_both(plausibility):
    other = Plausibility.fit(Dataset.from_names({"Z": invent(20, 6)}, alphabet=LETTERS), ORDER)
    joined = plausibility.join(other)

    assert [joined.at(index, 0.4) for index in (0, 1, 2)] == [
        plausibility.at(0, 0.4),
        plausibility.at(1, 0.4),
        other.at(0, 0.4),
    ]

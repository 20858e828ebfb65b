"""The baselines of an evaluation, and its bootstrap intervals."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest

from namegen.datasets.alphabet import Alphabet
from namegen.datasets.dataset import Dataset
from namegen.errors import DataError
from namegen.evaluation.bootstrap import Resampled, find_interval, resample_sums
from namegen.evaluation.metrics import evaluate
from namegen.evaluation.reports import list_measures
from namegen.evaluation.samples import Samples
from ngram_definition import count_ngrams, estimate_discounts, predict
from support import make_bigram_model

ABC = Alphabet(tuple("abc"))
CHAIN = np.array([[0.4, 0.2, 0.1, 0.3], [0.1, 0.3, 0.1, 0.5], [0.2, 0.1, 0.3, 0.4], [0.5, 0.3, 0.1999, 0.0001]])
SEEN = {"X": ["a", "ab", "aab", "ba"], "Y": ["b", "bb", "c"]}
UNSEEN = {"X": ["aaa", "bcb"], "Y": ["cc"]}
BOTH = {category: SEEN[category] + UNSEEN[category] for category in SEEN}


def make_data(names):
    return Dataset.from_names(names, alphabet=ABC, label="letters")


def trained_on(names):
    """A model of a, b and c, as if it had been trained on some names."""
    first = [[1, 1, 1]] * len(names)
    model = make_bigram_model(np.log(CHAIN), letters="abc", categories=tuple(names), first_letters=first)
    return dataclasses.replace(model, name_hashes=np.unique(make_data(names).hashes))


def expected_loss(smoothing, order, category, names):
    """The loss of an n-gram of the seen names of a category, by its definition."""
    tables = count_ngrams(SEEN[category], order, smoothing)
    discounts = estimate_discounts(SEEN, order) if smoothing == "kneser-ney" else None
    marked = [f"^{name}$" for name in names]
    steps = [(text[:at], text[at]) for text in marked for at in range(2, len(text))]
    return -np.mean([np.log(predict(tables, before[-order + 1 :], discounts)[letter]) for before, letter in steps])


def test_baselines_score_unseen_names_as_ngrams_of_the_seen_ones_do():
    found = evaluate(trained_on(SEEN), make_data(BOTH), count=0, baselines=True)

    assert any("too few names to choose" in note for note in found.notes)
    for name, smoothing in (("Witten-Bell, order 3", "witten-bell"), ("Kneser-Ney, order 3", "kneser-ney")):
        losses = found.baselines[name].categories
        for category, names in UNSEEN.items():
            assert losses[category].loss == pytest.approx(expected_loss(smoothing, 3, category, names), rel=1e-5)
    assert found.baselines["namemaker"].macro is None


def test_training_names_may_come_from_elsewhere():
    together = evaluate(trained_on(SEEN), make_data(BOTH), count=20, baselines=True)
    apart = evaluate(trained_on(SEEN), make_data(UNSEEN), training=make_data(SEEN), count=20, baselines=True)

    assert apart.right == together.right is not None
    for name, baseline in together.baselines.items():
        assert apart.baselines[name].macro == baseline.macro
        assert apart.baselines[name].novel == baseline.novel
    only_x = evaluate(trained_on(SEEN), make_data({"X": UNSEEN["X"]}), training=make_data(SEEN), count=20)
    assert only_x.categories["X"].right == together.categories["X"].right


def test_the_names_that_are_scored_teach_the_baselines_nothing():
    model = trained_on(SEEN)
    first = evaluate(model, make_data(BOTH), count=0, baselines=True)
    other = evaluate(model, make_data(UNSEEN), training=make_data(BOTH), count=0, baselines=True)

    for name in ("Witten-Bell, order 3", "Kneser-Ney, order 3"):
        assert first.baselines[name].macro == other.baselines[name].macro


def make_names(rng, *, long):
    """Names of letters that depend on the five letters before, or on nothing."""
    table, names = {}, set()
    while len(names) < 600:
        name = ""
        while len(name) < 12 if long else not name.endswith("c"):
            if not long:
                name += rng.choice("ab") if rng.random() < 0.97 else "c"
            elif rng.random() < 0.9:
                name += table.setdefault(name[-5:], rng.choice("abc"))
            else:
                name += rng.choice("abc")
        names.add(name)
    return sorted(names)


def test_the_orders_are_chosen_on_held_out_names():
    orders = {}
    for long in (True, False):
        names = {"X": make_names(random.Random(1), long=long)}
        found = evaluate(trained_on(names), make_data(names), count=0, everything=True, baselines=True)
        orders[long] = [int(name[-1]) for name in found.baselines if "order" in name]
        assert not found.notes
    assert min(orders[True]) >= 6
    assert max(orders[False]) <= 4


def test_the_ngrams_sample_from_their_distribution():
    found = evaluate(trained_on(SEEN), make_data(BOTH), count=4000, baselines=True)

    for category, names in SEEN.items():
        tables, known = count_ngrams(names, 3, "witten-bell"), 0.0
        for name in {name for seen in SEEN.values() for name in seen}:
            marked = f"^{name}$"
            known += np.prod([predict(tables, marked[:at][-2:])[marked[at]] for at in range(1, len(marked))])
        known /= 1 - predict(tables, "^")["$"]  # an empty name is sampled again
        novel = found.baselines["Witten-Bell, order 3"].categories[category].novel
        assert novel == pytest.approx(1 - known, abs=4 * (known * (1 - known) / 4000) ** 0.5)


def test_namemaker_repeats_no_name_and_gives_up():
    rng = random.Random(1)
    names = {"X": ["".join(rng.choices("abc", k=5)) for _ in range(40)]}
    model, dataset = trained_on(names), make_data(names)
    found = evaluate(model, dataset, count=1000, everything=True, baselines=True).baselines["namemaker"]

    assert (found.novel, found.unique) == (1, 1)
    found = evaluate(trained_on(SEEN), make_data(SEEN), count=9, everything=True, baselines=True).baselines["namemaker"]
    assert (found.novel, found.unique) == (None, 0)  # its chain makes no other names


def test_without_namemaker_a_note_says_how_to_add_it(monkeypatch):
    monkeypatch.setattr("namegen.evaluation.baselines.find_spec", lambda name: None)
    found = evaluate(trained_on(SEEN), make_data(BOTH), count=0, baselines=True)

    assert list(found.baselines) == ["Witten-Bell, order 3", "Kneser-Ney, order 3"]
    assert any("pip install namemaker" in note for note in found.notes)


def test_baselines_without_training_names_are_an_error():
    with pytest.raises(DataError, match="none of the category 'X'"):
        evaluate(trained_on(SEEN), make_data(UNSEEN), count=0, baselines=True)


# Categories


def test_a_single_category_of_another_name_is_that_of_the_model():
    model = trained_on({"train": SEEN["X"]})
    found = evaluate(model, make_data({"test": UNSEEN["X"]}), training=make_data({"old": SEEN["X"]}), count=0)

    assert found.categories["train"].names == 2
    assert found.notes == ("the names of 'test' were measured in the category 'train'",)


def test_categories_match_ignoring_case():
    found = evaluate(trained_on(SEEN), make_data({"x": UNSEEN["X"], "Y": UNSEEN["Y"]}), count=0)
    assert {category: figures.names for category, figures in found.categories.items()} == {"X": 2, "Y": 1}
    with pytest.raises(DataError, match="differ only in case"):
        evaluate(trained_on(SEEN), make_data({"x": UNSEEN["X"], "X": UNSEEN["Y"]}), count=0)


def test_several_unknown_categories_are_an_error_that_lists_the_models():
    with pytest.raises(DataError, match="no category 'Q'; give names of its categories: X, Y"):
        evaluate(trained_on(SEEN), make_data({"Q": ["a"], "X": ["b"]}), count=0)


# Intervals


def test_intervals_have_the_width_that_theory_gives():
    rng = np.random.default_rng(0)
    names = {"".join(rng.choice(list("abc"), size=8)) for _ in range(900)}
    dataset = make_data({"X": names})
    nats = rng.normal(2.0, 0.5, size=len(dataset)) * dataset.lengths
    resampled = Resampled(1)
    resampled.add_losses(dataset, nats)
    samples = Samples(ABC, [["a"] * 300 + ["bbb"] * 100])
    resampled.add_samples("X", samples, 0.25, None)
    intervals = resampled.of_category("X")

    error = np.std(nats / dataset.lengths) / len(dataset) ** 0.5
    for name, value, width in (
        ("loss", nats.sum() / dataset.lengths.sum(), error),
        ("novel", 0.25, (0.25 * 0.75 / 400) ** 0.5),
        ("length", 1.5, 2 * (0.25 * 0.75 / 400) ** 0.5),
    ):
        low, high = intervals[name]
        assert low < value < high
        assert high - low == pytest.approx(2 * 1.96 * width, rel=0.15)
    assert "right" not in intervals
    assert resampled.of_all()["micro"] == resampled.of_all()["macro"]


def test_a_resample_is_as_large_as_the_names_and_the_same_for_both_values():
    letters = np.arange(1.0, 60.0)
    ones, sums, double = resample_sums(np.random.default_rng(1), np.ones(59), letters, 2 * letters)
    np.testing.assert_array_equal(ones, 59)
    np.testing.assert_allclose(double, 2 * sums)
    assert len(np.unique(sums)) > 100
    assert find_interval(np.arange(1001.0)) == (25.0, 975.0)


def test_the_mean_of_categories_varies_less_than_each_of_them():
    rng = np.random.default_rng(0)
    names = {c: {c.lower() + "".join(rng.choice(list("abc"), size=8)) for _ in range(100)} for c in "ABC"}
    found = evaluate(trained_on(names), make_data(names), everything=True, count=100, intervals=True)

    widths = [figures.intervals["loss"][1] - figures.intervals["loss"][0] for figures in found.categories.values()]
    low, high = found.intervals["macro"]
    assert high - low == pytest.approx(np.mean(widths) / 3**0.5, rel=0.25)
    assert low < found.macro < high
    assert set(found.intervals) == {"macro", "micro", "novel", "right", "length"}
    again = evaluate(trained_on(names), make_data(names), everything=True, count=100, intervals=True)
    assert again.as_dict() == found.as_dict()


def test_measures_are_listed_by_system_and_category():
    found = evaluate(trained_on(SEEN), make_data(BOTH), count=30, baselines=True, intervals=True)
    measures = list_measures(found, "mine")
    rows = {(row.system, row.category, row.measure): row for row in measures}

    assert len(rows) == len(measures) == 4 * (2 * 7 + 9)
    assert rows["mine", "X", "loss"].value == found.categories["X"].loss
    assert rows["mine", "", "loss_macro"][3:] == (found.macro, *found.intervals["macro"])
    assert rows["mine", "", "perplexity_micro"].high == pytest.approx(np.exp(found.intervals["micro"][1]))
    assert rows["namemaker", "Y", "loss"][3:] == (None, None, None)
    assert rows["Kneser-Ney, order 3", "", "novel"].value == found.baselines["Kneser-Ney, order 3"].novel
    facts = found.as_dict()
    assert facts["baselines"]["Kneser-Ney, order 3"]["macro"] == found.baselines["Kneser-Ney, order 3"].macro
    assert facts["categories"]["X"]["intervals"]["loss"] == list(found.categories["X"].intervals["loss"])

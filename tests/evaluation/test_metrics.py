"""The loss of a model on names, and the figures of its samples."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from namegen.datasets.alphabet import Alphabet
from namegen.datasets.dataset import Dataset
from namegen.errors import DataError, NamegenError, UsageError
from namegen.evaluation.likelihood import likelihood
from namegen.evaluation.metrics import evaluate
from namegen.recipes import training_config
from namegen.sampling.generate import sample
from ngram_definition import count_ngrams, predict
from support import make_bigram_model, make_model

TABLE = np.array([[0.5, 0.2, 0.3], [0.1, 0.3, 0.6], [0.7, 0.2, 0.1]])
AB = Alphabet(("a", "b"))


@pytest.mark.parametrize("sos", [True, False])
def test_the_loss_counts_every_letter_from_the_second_to_eos(sos):
    model = make_bigram_model(np.log(TABLE), categories=("X", "Y"), first_letters=[[1, 1], [1, 1]], sos=sos)
    loss = likelihood(model, Dataset.from_names({"X": ["ab", "b"], "Y": ["aba", "b"]}, alphabet=AB))

    # ab: b after a, EOS after b; b: EOS after b; aba: b after a, a after b, EOS after a.
    x, y = -np.log([0.2, 0.6, 0.6]).sum(), -np.log([0.2, 0.1, 0.3, 0.6]).sum()
    np.testing.assert_allclose(loss.nats, [x, y], rtol=1e-6)
    assert loss.letters.tolist() == [3, 4]
    assert loss.macro == pytest.approx((x / 3 + y / 4) / 2)
    assert loss.micro == pytest.approx((x + y) / 7)
    assert loss.by_category == pytest.approx({"X": x / 3, "Y": y / 4})


def test_names_in_many_batches_are_scored_as_one_by_one(monkeypatch):
    model = make_model(training_config(hidden_size=6), letters="abc", categories=("X",))
    rng = np.random.default_rng(0)
    names = {"".join(rng.choice(list("abc"), size=rng.integers(1, 9))) for _ in range(60)}
    dataset = Dataset.from_names({"X": names}, alphabet=Alphabet(tuple("abc")))
    whole = likelihood(model, dataset)
    monkeypatch.setattr("namegen.evaluation.systems._NAMES_AT_A_TIME", 1)

    np.testing.assert_allclose(likelihood(model, dataset).nats, whole.nats, rtol=1e-5)


# Evaluation, by a model of a, b and c that has seen some of the names of two categories

ABC = Alphabet(tuple("abc"))
CHAIN = np.array([[0.4, 0.2, 0.1, 0.3], [0.1, 0.3, 0.1, 0.5], [0.2, 0.1, 0.3, 0.4], [0.5, 0.3, 0.1999, 0.0001]])
SEEN = {"X": ["a", "ab", "aab", "ba"], "Y": ["b", "bb", "c"]}
UNSEEN = {"X": ["aaa", "bcb"], "Y": ["cc"]}
LOSS = {
    "X": -np.log([0.4, 0.4, 0.3, 0.1, 0.1, 0.5]).mean(),
    "Y": -np.log([0.3, 0.4]).mean(),
}


def trained_on(names, categories=("X", "Y"), **options):
    """The model, as if it had been trained on some names."""
    model = make_bigram_model(
        np.log(CHAIN), letters="abc", categories=categories, first_letters=[[1, 1, 1]] * len(categories), **options
    )
    return dataclasses.replace(model, name_hashes=np.unique(data(names).hashes))


def data(*parts):
    names = {category: [name for part in parts for name in part.get(category, ())] for category in ("X", "Y")}
    return Dataset.from_names(names, alphabet=ABC, label="letters")


def test_names_that_the_model_was_not_trained_on_are_scored():
    found = evaluate(trained_on(SEEN), data(SEEN, UNSEEN), count=10)

    assert (found.names, found.data_names) == (3, 10)
    assert {c: f.names for c, f in found.categories.items()} == {"X": 2, "Y": 1}
    assert {c: f.loss for c, f in found.categories.items()} == pytest.approx(LOSS, rel=1e-6)
    assert found.macro == pytest.approx((LOSS["X"] + LOSS["Y"]) / 2)
    assert found.micro == pytest.approx((6 * LOSS["X"] + 2 * LOSS["Y"]) / 8)
    assert found.categories["Y"].perplexity == pytest.approx((0.3 * 0.4) ** -0.5)
    assert found.notes == ()


def test_without_unseen_names_there_is_no_loss_but_a_note_or_everything_is_scored():
    model = trained_on(SEEN)
    found = evaluate(model, data(SEEN), count=10)
    (note,) = found.notes

    assert (found.macro, found.micro, found.names) == (None, None, 0)
    assert "--data" in note
    assert "--all" in note
    found = evaluate(model, data(SEEN), count=0, everything=True)
    assert (found.names, found.macro) == (7, likelihood(model, data(SEEN)).macro)
    found = evaluate(model, data(SEEN, {"X": UNSEEN["X"]}), count=10)
    assert found.categories["Y"].loss is None
    assert found.macro == pytest.approx(LOSS["X"])
    assert found.categories["Y"].right is not None


def test_the_share_of_novel_names_is_what_the_models_distribution_says():
    found = evaluate(trained_on(SEEN), data(SEEN), count=4000)

    def share(name):
        places = ["abc".index(letter) for letter in name]
        steps = zip([3, *places], [*places, 3], strict=True)
        return np.prod([CHAIN[before, after] for before, after in steps])

    # Known is what any category has; all categories have the same distribution.
    known = sum(share(name) for names in SEEN.values() for name in names)
    for figures in found.categories.values():
        assert figures.novel == pytest.approx(1 - known, abs=4 * (known * (1 - known) / 4000) ** 0.5)


def test_the_figures_of_samples_are_those_of_counting_them_one_by_one():
    model = trained_on(SEEN)
    found = evaluate(model, data(SEEN, UNSEEN), count=300, seed=7, temperature=0.8)

    for index, (category, figures) in enumerate(found.categories.items()):
        sampled = sample(model, category, count=300, seed=7 + (index << 64), temperature=0.8)
        assert figures.unique == pytest.approx(len(set(sampled)) / 300)
        assert figures.length == pytest.approx(np.mean([len(name) for name in sampled]))
        of_data = SEEN[category] + UNSEEN[category]
        assert figures.data_length == pytest.approx(np.mean([len(name) for name in of_data]))
        right = 0
        for name in sampled:
            probabilities = {}
            for candidate, names in SEEN.items():  # the unseen names teach the judge nothing
                marked = f"^{name}$"
                tables = count_ngrams(names, 3, "witten-bell")
                probabilities[candidate] = np.prod(
                    [predict(tables, marked[:at])[marked[at]] for at in range(1, len(marked))]
                )
            right += max(probabilities, key=probabilities.get) == category
        assert figures.right == pytest.approx(right / 300)
    assert found.right == pytest.approx(np.mean([figures.right for figures in found.categories.values()]))


@pytest.mark.parametrize(
    ("seen", "why"),
    [({"X": ["ccc"]}, "no names"), ({"X": SEEN["X"]}, "only one category")],
)
def test_without_names_to_learn_from_there_is_no_judge_but_a_note(seen, why):
    found = evaluate(trained_on(seen), data(SEEN, UNSEEN), count=10)

    assert found.right is None
    assert found.novel is not None
    (note,) = found.notes
    assert why in note


def test_a_category_that_the_judge_has_no_names_of_is_not_judged_and_never_decided_for():
    three = ("X", "Y", "Z")
    dataset = Dataset.from_names({**SEEN, "Z": ["ccc"]}, alphabet=ABC)
    found = evaluate(trained_on(SEEN, three), dataset, count=100)
    without = evaluate(trained_on(SEEN, three), data(SEEN), count=100)

    assert found.categories["Z"].right is None
    for category in "XY":
        assert found.categories[category].right == without.categories[category].right


def test_without_samples_there_are_no_figures_of_them():
    found = evaluate(trained_on(SEEN), data(SEEN, UNSEEN), count=0)

    assert (found.novel, found.unique, found.right, found.length) == (None, None, None, None)
    assert found.macro is not None
    assert found.notes == ()


def test_only_categories_that_the_data_have_are_measured():
    dataset = data(SEEN, UNSEEN)
    found = evaluate(trained_on(SEEN), dataset.select(dataset.category_of == 1), count=10)

    assert list(found.categories) == ["Y"]


def test_an_evaluation_is_json_with_the_loss_at_its_top():
    found = json.loads(json.dumps(evaluate(trained_on(SEEN), data(SEEN, UNSEEN), count=10).as_dict()))

    assert found["macro"] == pytest.approx((LOSS["X"] + LOSS["Y"]) / 2)
    assert found["perplexity"]["micro"] == pytest.approx(np.exp(found["micro"]))
    assert found["categories"]["X"]["loss"] == pytest.approx(LOSS["X"])
    assert found["drawn"] == 10
    shared = {"names", "perplexity", "novel", "unique", "right", "length", "data_length"}
    assert shared <= set(found)
    assert set(found["categories"]["X"]) == shared | {"loss"}


def test_a_model_whose_training_has_not_finished_cannot_be_evaluated():
    model = dataclasses.replace(trained_on(SEEN), name_hashes=np.zeros(0, np.uint64))

    with pytest.raises(NamegenError, match="--resume"):
        evaluate(model, data(SEEN))


def test_data_of_another_kind_cannot_be_evaluated():
    with pytest.raises(DataError, match="'Q'"):
        evaluate(trained_on(SEEN), Dataset.from_names({"Q": ["a"]}, alphabet=ABC))
    with pytest.raises(DataError, match="alphabet"):
        evaluate(trained_on(SEEN), Dataset.from_names({"X": ["a"]}))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"unique": True},
            "no argument 'unique'; use one of model, dataset, count, .*temperature, ",
        ),
        ({"prefixes": "ABC"}, "no argument 'prefixes'"),
        ({"temperature": -1}, "temperature must be"),
        ({"floor": 0.5}, "an evaluation never applies a floor"),
    ],
)
def test_unknown_settings_are_errors_before_anything_is_scored(parts, message, monkeypatch):
    monkeypatch.setattr("namegen.evaluation.systems.score_each", None)
    with pytest.raises(UsageError, match=message):
        evaluate(trained_on(SEEN), data(SEEN, UNSEEN), count=10, **parts)

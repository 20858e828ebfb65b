"""The loss of a model on names."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import make_bigram_model, make_model
from namegen.alphabet import Alphabet
from namegen.dataset import Dataset
from namegen.errors import DataError
from namegen.evaluation import likelihood
from namegen.recipes import training_config

TABLE = np.array([[0.5, 0.2, 0.3], [0.1, 0.3, 0.6], [0.7, 0.2, 0.1]])
AB = Alphabet(("a", "b"))


@pytest.mark.parametrize("sos", [True, False])
def test_the_loss_counts_every_letter_from_the_second_to_eos(sos):
    model = make_bigram_model(np.log(TABLE), categories=("X", "Y"), first_letters=[[1, 1], [1, 1]], sos=sos)
    score = likelihood(model, Dataset.from_names({"X": ["ab", "b"], "Y": ["aba"]}, alphabet=AB))

    # ab: b after a, EOS after b; b: EOS after b; aba: b after a, a after b, EOS after a.
    x, y = -np.log([0.2, 0.6, 0.6]).sum(), -np.log([0.2, 0.1, 0.3]).sum()
    np.testing.assert_allclose(score.nats, [x, y], rtol=1e-6)
    assert score.letters.tolist() == [3, 3]
    assert score.macro == pytest.approx((x / 3 + y / 3) / 2)
    assert score.micro == pytest.approx((x + y) / 6)
    assert score.by_category == pytest.approx({"X": x / 3, "Y": y / 3})


def test_macro_weighs_categories_and_micro_letters_alike():
    model = make_bigram_model(np.log(TABLE), categories=("X", "Y"), first_letters=[[1, 1], [1, 1]])
    score = likelihood(model, Dataset.from_names({"X": ["b"], "Y": ["aaa", "aaaa", "aaaaa"]}, alphabet=AB))

    x, y, letters = -np.log(0.6), -9 * np.log(0.5) - 3 * np.log(0.3), 12
    assert score.macro == pytest.approx((x + y / letters) / 2)
    assert score.micro == pytest.approx((x + y) / (1 + letters))


def test_names_in_many_batches_are_scored_as_one_by_one(monkeypatch):
    from namegen import evaluation

    model = make_model(training_config(hidden_size=6), letters="abc", categories=("X",))
    rng = np.random.default_rng(0)
    names = {"".join(rng.choice(list("abc"), size=rng.integers(1, 9))) for _ in range(60)}
    dataset = Dataset.from_names({"X": names}, alphabet=Alphabet(tuple("abc")))
    whole = likelihood(model, dataset)
    monkeypatch.setattr(evaluation, "_NAMES_AT_A_TIME", 1)

    np.testing.assert_allclose(likelihood(model, dataset).nats, whole.nats, rtol=1e-5)


def test_a_category_without_names_does_not_count():
    model = make_bigram_model(np.log(TABLE), categories=("X", "Y"), first_letters=[[1, 1], [1, 1]])
    dataset = Dataset.from_names({"X": ["ab"], "Y": ["b"]}, alphabet=AB)

    assert likelihood(model, dataset.select(dataset.category_of == 0)).categories == ("X",)


def test_names_of_a_category_that_the_model_does_not_know_are_an_error():
    with pytest.raises(DataError, match="'Q'"):
        likelihood(make_bigram_model(np.log(TABLE)), Dataset.from_names({"Q": ["ab"]}, alphabet=AB))

"""The probabilities of names, and of categories given names."""

from __future__ import annotations

import dataclasses
import string

import numpy as np
import pytest

from namegen.errors import DataError, UsageError
from namegen.evaluation import classify as classify_module
from namegen.evaluation.classify import classify, fit_names, score
from namegen.recipes import training_config
from support import make_bigram_model, make_model

# Rows: after a, after b, after SOS. Columns: a, b, EOS. Category Y weighs them otherwise.
X = np.array([[0.5, 0.2, 0.3], [0.1, 0.3, 0.6], [0.7, 0.2, 0.1]])
WEIGHTS = np.array([2.0, 1.0, 0.5])
Y = X * WEIGHTS / (X * WEIGHTS).sum(axis=1, keepdims=True)
BEGINS = [[3, 1], [2, 4]]


def model_of_two(*, sos=True, begins=BEGINS):
    model = make_bigram_model(np.log(X), categories=("X", "Y"), sos=sos, first_letters=begins)
    model.weights["i2o.weight"][:, 1] = np.log(WEIGHTS)
    return model


def share(table, name, first=None):
    """The probability of a name, by multiplying those of its letters; without SOS the first one's is given."""
    probability, last = (table[2]["ab".index(name[0])] if first is None else first), "ab".index(name[0])
    for letter in name[1:]:
        probability *= table[last]["ab".index(letter)]
        last = "ab".index(letter)
    return probability * table[last][2]


def latin_model(casing="capitalised"):
    return make_model(training_config(hidden_size=3), letters=string.ascii_letters + " '", casing=casing)


# Scores


def test_a_score_is_the_log_probability_and_the_perplexity_from_the_second_letter_on():
    scores = score(model_of_two(), "y", ["ab", "b", "aba"])

    exact = [np.log(share(Y, name)) for name in ("ab", "b", "aba")]
    np.testing.assert_allclose(scores.log_probabilities, exact, rtol=1e-6)
    rest = [Y[0][1] * Y[1][2], Y[1][2], Y[0][1] * Y[1][0] * Y[0][2]]
    np.testing.assert_allclose(scores.perplexities, [p ** (-1 / n) for p, n in zip(rest, (2, 1, 3), strict=True)])


def test_a_name_with_an_impossible_first_letter_still_has_a_perplexity():
    scores = score(model_of_two(sos=False, begins=[[1, 0], [1, 1]]), "X", ["ab", "ba"])

    assert scores.log_probabilities.tolist()[1] == -np.inf
    assert scores.perplexities[1] == pytest.approx((X[1][0] * X[0][2]) ** -0.5)


@pytest.mark.parametrize("function", [lambda model, names: score(model, "X", names), classify])
def test_the_number_of_names_at_a_time_does_not_change_the_result(function, monkeypatch):
    rng = np.random.default_rng(0)
    names = ["".join(rng.choice(list("ab?"), size=rng.integers(1, 6))) for _ in range(50)]
    whole = function(model_of_two(), names)
    monkeypatch.setattr(classify_module, "_NAMES_AT_A_TIME", 7)

    parts = function(model_of_two(), names)
    for field in ("log_probabilities", "perplexities", "probabilities"):
        if hasattr(whole, field):
            np.testing.assert_array_equal(getattr(parts, field), getattr(whole, field))


# Classification


@pytest.mark.parametrize(("prior", "shares"), [("uniform", (0.5, 0.5)), ("data", (0.4, 0.6))])
@pytest.mark.parametrize("sos", [True, False])
def test_posteriors_are_those_of_bayes_rule(prior, shares, sos):
    names = ["a", "b", "ab", "bb", "aaab"]
    found = classify(model_of_two(sos=sos), names, prior)

    for name, row in zip(names, found.probabilities, strict=True):
        first = [None, None] if sos else [counts["ab".index(name[0])] / sum(counts) for counts in BEGINS]
        joint = np.array([share(X, name, first[0]) * shares[0], share(Y, name, first[1]) * shares[1]])
        np.testing.assert_allclose(row, joint / joint.sum(), rtol=1e-5)


@pytest.mark.parametrize(("prior", "shares"), [("uniform", [0.5, 0.5]), ("data", [0.25, 0.75])])
def test_an_impossible_name_has_probability_0_or_in_all_categories_the_prior(prior, shares):
    found = classify(model_of_two(sos=False, begins=[[1, 0], [3, 0]]), ["ba", "ab"], prior)

    np.testing.assert_allclose(found.probabilities[0], shares)
    assert np.isfinite(found.probabilities).all()
    found = classify(model_of_two(sos=False, begins=[[1, 0], [1, 1]]), ["ba"], prior)
    assert found.probabilities.tolist() == [[0.0, 1.0]]


def test_names_too_improbable_for_a_float_are_told_apart():
    never = np.where(X > 0.25, np.log(X), -1e4)
    model = make_bigram_model(never, categories=("X", "Y"), first_letters=BEGINS)
    model.weights["i2o.weight"][:, 1] = [0, np.log(2), 0]
    found = classify(model, ["abab" * 5])  # its probability is 0 in double precision

    # b is about twice as likely in Y where it is rare, ten times; after b and at the ends the sums differ.
    rows_x, rows_y = np.exp(never), np.exp(never) * [1, 2, 1]
    sums = np.log(rows_y.sum(axis=1)) - np.log(rows_x.sum(axis=1))
    ratio = 10 * np.log(2) - (sums[2] + 10 * sums[0] + 10 * sums[1])
    assert found.probabilities[0, 1] == pytest.approx(1 / (1 + np.exp(-ratio)), rel=1e-3)


def test_the_most_probable_categories_come_first_and_of_equals_the_first():
    model = make_bigram_model(np.log(X), categories=("P", "Q", "R"), first_letters=[[1, 1]] * 3)
    model.weights["i2o.weight"][:, 2] = np.log(WEIGHTS)
    found = classify(model, ["aaaa", "?", "bb"])

    assert found.ranked()[0].tolist() == [2, 0, 1]
    assert found.best == ["R", None, "P"]


def test_no_names_give_empty_arrays():
    assert classify(model_of_two(), []).probabilities.shape == (0, 2)
    assert score(model_of_two(), "X", []).log_probabilities.shape == (0,)


# How names are read


@pytest.mark.parametrize(
    ("casing", "given", "fitted"),
    [
        ("capitalised", "anna", "Anna"),
        ("capitalised", "ANNA", "Anna"),
        ("capitalised", "McDuff", "McDuff"),
        ("capitalised", "Łukasz", "Lukasz"),
        ("capitalised", "  o'  brien ", "O' brien"),
        ("lower", "Anna", "anna"),
        ("upper", "Groß", "GROSS"),
        ("none", "aNNa", "aNNa"),
    ],
)
def test_names_are_transliterated_and_take_the_case_of_the_training_names(casing, given, fitted):
    assert list(fit_names(latin_model(casing), [given]).names) == [fitted]


def test_dropped_characters_and_empty_names_are_counted():
    fitted = fit_names(latin_model(), ["Anna3", "45", "", "Bo"])

    assert list(fitted.names) == ["Anna", "", "", "Bo"]
    assert (fitted.dropped, fitted.left_out) == (3, 2)


def test_empty_names_have_no_score_and_the_others_keep_their_places():
    model = model_of_two()
    scores, found = score(model, "X", ["?", "ab", ""]), classify(model, ["?", "ab", ""])

    assert np.isnan(scores.log_probabilities).tolist() == [True, False, True]
    assert scores.log_probabilities[1] == score(model, "X", ["ab"]).log_probabilities[0]
    assert np.isnan(found.probabilities).all(axis=1).tolist() == [True, False, True]


def test_letters_that_are_not_ascii_are_read_as_they_are():
    model = make_model(training_config(hidden_size=3), letters="жуи", casing="none")
    by_letter = dataclasses.replace(model, alphabet=type(model.alphabet)(tuple("abc")))

    cyrillic, latin = score(model, "X", ["жук", "иу"]), score(by_letter, "X", ["ab", "cb"])
    assert list(cyrillic.fitted.names) == ["жу", "иу"]
    np.testing.assert_array_equal(cyrillic.log_probabilities, latin.log_probabilities)


def test_wrong_arguments_are_errors():
    for function in (classify, lambda model, names: score(model, "X", names)):
        with pytest.raises(UsageError, match="names must be a list of names, not a string"):
            function(model_of_two(), "Bauer")
        with pytest.raises(DataError, match="1,001 letters"):
            function(model_of_two(), ["a" * 1001])
    with pytest.raises(UsageError, match="uniform or data"):
        classify(model_of_two(), ["a"], "flat")

"""Categories and blends: what a category argument stands for."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from distributions import LOGITS, TABLE, chi_square_fits, name_shares
from namegen.errors import UsageError
from namegen.models.categories import find_blend, find_category, suggest_start_letters
from namegen.sampling.generate import iterate, sample
from support import make_bigram_model, make_model

NAMES = ("German", "Italian", "Old+New", "X:2")


def model_of(*categories, **options):
    return make_bigram_model(LOGITS, categories=categories, first_letters=[[1, 1]] * len(categories), **options)


@pytest.mark.parametrize(
    ("text", "label", "shares"),
    [
        ("German+Italian", "German+Italian", [1 / 2, 1 / 2, 0, 0]),
        ("italian+GERMAN", "Italian+German", [1 / 2, 1 / 2, 0, 0]),
        (" German + Italian ", "German+Italian", [1 / 2, 1 / 2, 0, 0]),
        ("German:2+Italian:1", "German:2+Italian", [2 / 3, 1 / 3, 0, 0]),
        ("German:0.5+Italian", "German:0.5+Italian", [1 / 3, 2 / 3, 0, 0]),
        ("German:3+Italian:3", "German+Italian", [1 / 2, 1 / 2, 0, 0]),
        ("German+Italian+German", "German:2+Italian", [2 / 3, 1 / 3, 0, 0]),
        ("German+X:2", "German+X:2", [1 / 2, 0, 0, 1 / 2]),
        ("German:1e308+Italian:1e308+x:2:1e308", "German+Italian+X:2", [1 / 3, 1 / 3, 0, 1 / 3]),
    ],
)
def test_a_blend_has_the_shares_of_its_weights_and_one_label(text, label, shares):
    blend = find_blend(model_of(*NAMES), text)

    assert blend.label == label
    np.testing.assert_allclose(blend.category, shares, rtol=1e-6)
    assert find_blend(model_of(*NAMES), label).label == label


@pytest.mark.parametrize(
    ("text", "index"), [("Old+New", 2), ("old+new", 2), ("X:2", 3), ("German:7", 0), ("German+german", 0)]
)
def test_what_is_one_category_is_no_blend(text, index):
    assert find_blend(model_of(*NAMES), text) == (NAMES[index], index)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Germn+Italian", "no category 'Germn'; did you mean German"),
        ("German+", "a part of the blend 'German[+]' is empty"),
        ("+", "is empty"),
        ("German:0+Italian", "the weight in 'German:0' must be a positive number, not '0'"),
        ("German:-1", "positive number"),
        ("German:inf", "positive number"),
        ("German:nan", "positive number"),
        ("German:", "positive number"),
        ("Germn:2", "did you mean German"),
    ],
)
def test_what_is_no_blend_is_wrong_usage_in_one_line(text, complaint):
    with pytest.raises(UsageError, match=complaint):
        find_blend(model_of(*NAMES), text)


def tilted_model(**options):
    """A model of two categories: in the first, a is more likely by e, in the second the end is by e squared."""
    model = model_of("X", "Y", **options)
    model.weights["i2o.weight"][:, 0] = [1, 0, 0]
    model.weights["i2o.weight"][:, 1] = [0, 0, 2]
    return model


@pytest.mark.parametrize(("blend", "shares"), [("X+Y", (1 / 2, 1 / 2)), ("X:3+Y", (3 / 4, 1 / 4)), ("Y", (0, 1))])
def test_names_of_a_blend_have_the_probabilities_of_the_mixed_vectors(blend, shares):
    rows = TABLE * np.exp([shares[0], 0, 2 * shares[1]])
    rows /= rows.sum(axis=1, keepdims=True)
    sampled = Counter(sample(tilted_model(), blend, count=5_000, seed=1, max_length=8))

    assert chi_square_fits(sampled, name_shares(rows, 8))


def test_without_sos_a_blend_begins_as_its_categories_do_each_with_its_share():
    model = make_bigram_model(LOGITS, sos=False, categories=("X", "Y"), first_letters=[[1, 3], [90, 10]])
    sampled = Counter(name[0] for name in sample(model, "X:3+Y", count=5_000, seed=1))

    share = 0.75 * 0.25 + 0.25 * 0.9
    assert chi_square_fits(sampled, {"a": share, "b": 1 - share})


def test_names_of_a_blend_carry_its_label_and_the_score_of_the_blend():
    names = list(iterate(tilted_model(), "Y+X", "ab", count=3, seed=1, scores=True, max_length=8))
    rows = TABLE * np.exp([0.5, 0, 1])
    rows /= rows.sum(axis=1, keepdims=True)

    assert {generated.category for generated in names} == {"Y+X"}
    for generated in names:
        places = [2, *("ab".index(letter) for letter in generated.name), 2]
        expected = sum(np.log(rows[places[i]][places[i + 1]]) for i in range(len(places) - 1))
        assert generated.score == pytest.approx(expected, abs=1e-5)


def test_start_letters_for_a_first_try_are_such_as_the_model_has():
    begins = [[0, 5, 2, 9], [1, 0, 0, 0]]
    cyrillic = make_model(letters="абвг", categories=("X", "Y"), first_letters=begins)
    assert (suggest_start_letters(cyrillic, "X"), suggest_start_letters(cyrillic, "Y")) == ("гбв", "а")
    assert suggest_start_letters(make_model(letters="ABCabc"), "X") == "ABC"


def test_a_category_is_found_exactly_first_then_ignoring_case_and_the_encoding_of_accents():
    model = make_model(categories=("Elf", "elf", "Orc", "Fran\u00e7ais"))
    names = ("Elf", "elf", "orc", "ORC", "Franc\u0327ais")

    assert [find_category(model, name) for name in names] == [0, 1, 2, 2, 3]
    with pytest.raises(UsageError):
        find_category(model, "ELF")


@pytest.mark.parametrize(("name", "hint"), [("Germn", r"did you mean German\?"), ("zzz", "use one of German, Italian")])
def test_a_misspelt_category_gets_a_suggestion(name, hint):
    with pytest.raises(UsageError, match=hint):
        find_category(make_model(categories=("German", "Italian")), name)

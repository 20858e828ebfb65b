"""Explanations of names: the probabilities of letters, their entropies and the alternatives."""

from __future__ import annotations

import numpy as np
import pytest

import namegen
from namegen.errors import DataError, UsageError
from namegen.evaluation.explain import explain
from namegen.evaluation.plots import plot_explanation
from support import make_bigram_model, make_model

# Rows: after a, after b, after SOS. Columns: a, b, EOS.
TABLE = np.array([[0.5, 0.2, 0.3], [0.1, 0.3, 0.6], [0.7, 0.2, 0.1]])


def bigram(*, sos=True, begins=((3, 1),), categories=("X",)):
    return make_bigram_model(np.log(TABLE), categories=categories, sos=sos, first_letters=[list(row) for row in begins])


def test_each_letter_has_the_distribution_of_the_model_there():
    found = explain(bigram(), "ab")

    assert (found.name, found.category, found.letters) == ("ab", "X", ("a", "b", "EOS"))
    np.testing.assert_allclose(found.distributions, TABLE[[2, 0, 1]], rtol=1e-5)
    np.testing.assert_allclose(found.probabilities, [0.7, 0.2, 0.6], rtol=1e-5)
    np.testing.assert_allclose(found.losses, -np.log([0.7, 0.2, 0.6]), rtol=1e-5)
    assert found.ranks.tolist() == [1, 3, 1]
    expected = [-sum(p * np.log(p) for p in row) for row in TABLE[[2, 0, 1]]]
    np.testing.assert_allclose(found.entropies, expected, rtol=1e-5)


def test_the_alternatives_are_the_most_likely_other_letters():
    first, second, last = explain(bigram(), "ab").alternatives(2)

    assert [letter for letter, _ in first] == ["b", "EOS"]
    assert [letter for letter, _ in second] == ["a", "EOS"]
    assert [letter for letter, _ in last] == ["b", "a"]
    assert first[0][1] == pytest.approx(0.2)
    assert [len(row) for row in explain(bigram(), "ab").alternatives(1)] == [1, 1, 1]


def test_without_an_sos_token_the_first_letter_has_its_share_of_the_training_names():
    found = explain(bigram(sos=False), "ba")

    np.testing.assert_allclose(found.distributions[0], [0.75, 0.25, 0], rtol=1e-6)
    np.testing.assert_allclose(found.probabilities, [0.25, 0.1, 0.3], rtol=1e-5)
    impossible = explain(bigram(sos=False, begins=[(4, 0)]), "ba")
    assert impossible.log_probability == -np.inf
    assert impossible.as_dict()["log_probability"] is None
    assert np.isfinite(impossible.entropies).all()


@pytest.mark.parametrize("category", ["German", "German:2+Italian"])
@pytest.mark.parametrize("name", ["Bauer", "O'Brien Smith", "Müller"])
def test_the_letters_add_up_to_the_score_of_the_name(category, name):
    model = namegen.load_model("pretrained")
    scores, found = namegen.score(model, category, [name]), explain(model, name, category)

    assert found.log_probability == pytest.approx(scores.log_probabilities[0], abs=1e-4)
    assert found.perplexity == pytest.approx(scores.perplexities[0], rel=1e-4)
    assert found.name == scores.fitted.names[0]
    np.testing.assert_allclose(found.distributions.sum(axis=1), 1)


def test_without_a_category_it_is_the_most_probable_one():
    found = explain("pretrained", "Zhukovsky")

    assert found.category == namegen.classify("pretrained", ["Zhukovsky"]).best[0] == "Russian"
    assert next(iter(found.categories)) == "Russian"
    assert len(found.categories) == 3
    assert explain("pretrained", "Zhukovsky", "german").category == "German"


def test_a_space_is_named_and_dropped_characters_are_counted():
    found = explain(make_model(letters="abAB "), "ab 3a")

    assert found.letters == ("A", "b", "space", "a", "EOS")
    assert found.dropped == 1


def test_wrong_names_and_categories_are_errors():
    with pytest.raises(DataError, match="no character of '45'"):
        explain(bigram(), "45")
    with pytest.raises(UsageError, match="name must be text"):
        explain(bigram(), ["ab"])
    with pytest.raises(UsageError, match="no category 'Z'"):
        explain(bigram(), "ab", "Z")


def test_the_picture_frames_the_letters_of_the_name_and_shows_an_unlikely_one_in_the_last_place(tmp_path):
    from namegen.models.model import Model

    letters = "abcdefghij"
    table = np.log(np.tile(np.arange(11, 0, -1) / 66, (11, 1)))  # a is the most likely everywhere, then b, ...
    model = make_bigram_model(table, letters=letters, first_letters=[[1] * 10])
    assert isinstance(model, Model)
    above, below = plot_explanation(explain(model, "aj"), tmp_path / "aj.svg").axes

    texts = [text.get_text() for text in above.texts]
    assert texts[:12:2] == list("abcdef")
    assert texts[12:24:2] == list("abcdej")
    assert texts[23] == "3% (no. 10)"
    framed = [patch.get_y() + patch.get_height() / 2 for patch in above.patches if patch.get_linewidth() == 2.2]
    assert framed == pytest.approx([0, 5, 5])  # a, j and EOS, by their ranks
    assert [label.get_text() for label in below.get_xticklabels()] == ["a", "j", "EOS"]
    assert (tmp_path / "aj.svg").read_bytes().startswith(b"<?xml")


def test_a_picture_needs_an_explanation_of_a_short_name(tmp_path):
    with pytest.raises(UsageError, match="61 letters is too long"):
        plot_explanation(explain(bigram(), "a" * 61), tmp_path / "a.png")
    assert plot_explanation(explain(bigram(), "a" * 60)).axes
    with pytest.raises(UsageError, match="what explain returns"):
        plot_explanation("ab")
    with pytest.raises(UsageError, match=r"\.png, \.svg, \.pdf"):
        plot_explanation(explain(bigram(), "ab"), tmp_path / "a.jpg")

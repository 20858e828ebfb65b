"""The interpolated n-gram."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from namegen.datasets.alphabet import Alphabet
from namegen.datasets.dataset import Dataset
from namegen.models.ngram import NGram
from support import by_definition

LETTERS = Alphabet(tuple("abc"))
NAMES = {"One": ["ab", "abb", "b", "cab"], "Two": ["c"]}


@pytest.fixture
def dataset():
    return Dataset.from_names(NAMES, alphabet=LETTERS)


def context_of(before, order):
    indices = [LETTERS.boundary_id if letter == "^" else LETTERS.letters.index(letter) for letter in reversed(before)]
    return (indices + [-1] * order)[: order - 1]


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_are_those_of_the_definition(dataset, order):
    ngram = NGram.fit(dataset, order)
    befores = ["^", "^a", "^ab", "^c", "^ca", "^abb", "^cc", "^acb"]

    for index, category in enumerate(dataset.categories):
        contexts = np.array([context_of(before, order) for before in befores]).reshape(len(befores), order - 1)
        likely = ngram.probabilities(np.full(len(befores), index), contexts)
        for row, before in zip(likely, befores, strict=True):
            exact = [by_definition(NAMES[category], before, letter, order) for letter in "abc$"]
            assert row == pytest.approx([float(p) for p in exact], rel=1e-12)
            assert sum(exact) == 1


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_the_probability_of_a_name_is_the_product_of_those_of_its_letters_and_its_end(dataset, order):
    names = ["ab", "c", "cabba", "ab", "bb"]
    letters, lengths = LETTERS.encode_lines("".join(f"{name}\n" for name in names).encode())
    scores = NGram.fit(dataset, order).log_probabilities(letters, lengths)

    for name, row in zip(names, scores, strict=True):
        for category, score in zip(dataset.categories, row, strict=True):
            exact = Fraction(1)
            for place, letter in enumerate(f"{name}$"):
                exact *= by_definition(NAMES[category], f"^{name}"[: place + 1], letter, order)
            assert score == pytest.approx(np.log(float(exact)), rel=1e-12)

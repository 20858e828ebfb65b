"""The interpolated n-grams, against a slow implementation of their definition."""

from __future__ import annotations

import numpy as np
import pytest

from namegen.datasets.alphabet import Alphabet
from namegen.datasets.dataset import Dataset
from namegen.datasets.graphemes import is_printable
from namegen.models.category_ngram import ROOT
from namegen.models.ngram import NGram
from ngram_definition import count_ngrams, estimate_discounts, predict

LETTERS = Alphabet(tuple("abc"))
NAMES = {"One": ["ab", "abb", "b", "cab", "cabab", "ca", "bb", "babb"], "Two": ["c", "cca", "a"]}
OTHER = {"Three": ["aab", "bba", "abcabc"], "Four": ["b"]}
BEFORES = ["^", "^a", "^ab", "^c", "^ca", "^abb", "^cc", "^acb", "^caba", "^cabab", "^bbbbbbb"]
SMOOTHINGS = ["kneser-ney", "witten-bell"]


def encode(before, order, alphabet=LETTERS):
    indices = [alphabet.boundary_id if letter == "^" else alphabet.letters.index(letter) for letter in reversed(before)]
    return (indices + [alphabet.boundary_id + 1] * order)[: order - 1]


def find(ngram, category, befores, alphabet=LETTERS, **options):
    """Return the n-gram of a category and the nodes of some contexts."""
    own, contexts = ngram.select(category, **options), [encode(before, ngram.order, alphabet) for before in befores]
    return own, own.find(np.array(contexts).reshape(len(befores), ngram.order - 1))


def fit(names, order, smoothing="kneser-ney", **options):
    return NGram.fit(Dataset.from_names(names, alphabet=LETTERS, **options), order, smoothing)


def in_order(names):
    return dict(sorted(names.items()))


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("order", range(1, 7))
def test_probabilities_are_those_of_the_definition(order, smoothing):
    ngram = fit(NAMES, order, smoothing)
    discounts = estimate_discounts(NAMES, order) if smoothing == "kneser-ney" else None

    for index, names in enumerate(NAMES.values()):
        tables = count_ngrams(names, order, smoothing)
        for shortest in range(order):
            own, nodes = find(ngram, index, BEFORES, min_context=shortest)
            for row, before in zip(own.probabilities(nodes), BEFORES, strict=True):
                assert row == pytest.approx(list(predict(tables, before, discounts, shortest).values()), rel=1e-5)
                assert row.sum() == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("order", range(1, 7))
def test_the_discounts_are_estimated_from_all_categories_together(order):
    expected = [row[1:] for row in estimate_discounts(NAMES, order)]

    np.testing.assert_allclose(fit(NAMES, order).discounts, expected, rtol=1e-12)
    assert fit(NAMES, order, "witten-bell").discounts is None


def test_repeated_names_count_each_time():
    names = {"One": ["ab", "ab", "ab", "b"]}
    own, nodes = find(fit(names, 2, "witten-bell", keep_repeats=True), 0, ["^", "^a", "^b"])

    for row, before in zip(own.probabilities(nodes), ["^", "^a", "^b"], strict=True):
        assert row == pytest.approx(
            list(predict(count_ngrams(names["One"], 2, "witten-bell"), before).values()), rel=1e-5
        )


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_a_name_counts_as_often_as_its_weight_exceeds_the_median_of_its_category(smoothing):
    names = {"One": ["ab", "ba", "c", "ca", "b"], "Two": ["c"]}
    weights = {"One": [0.5, 5, 50, 10, 10], "Two": [1000]}
    repeated = {"One": ["ab", "ba", *["c"] * 5, "ca", "b"], "Two": ["c"]}
    weighted = fit(names, 3, smoothing, weights=weights)
    expected = fit(repeated, 3, smoothing, keep_repeats=True)

    np.testing.assert_array_equal(weighted.letters, expected.letters)
    np.testing.assert_array_equal(weighted.counts, expected.counts)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_the_probability_of_a_name_is_the_product_of_those_of_its_letters_and_its_end(order, smoothing):
    names = ["ab", "c", "cabba", "ab", "bb"]
    letters, lengths = LETTERS.encode_lines("".join(f"{name}\n" for name in names).encode())
    scores = fit(NAMES, order, smoothing).log_probabilities(letters, lengths)
    discounts = estimate_discounts(NAMES, order) if smoothing == "kneser-ney" else None

    for name, row in zip(names, scores, strict=True):
        for known, score in zip(NAMES.values(), row, strict=True):
            tables = count_ngrams(known, order, smoothing)
            shares = [predict(tables, f"^{name}"[: at + 1], discounts)[w] for at, w in enumerate(f"{name}$")]
            assert score == pytest.approx(np.log(shares).sum(), rel=1e-5)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("shortest", [0, 1, 3])
def test_the_parts_of_a_distribution_work_with_any_distribution_below(smoothing, shortest):
    below = {"a": 0.5, "b": 0.1, "c": 0.15, "$": 0.25}
    own, nodes = find(fit(NAMES, 4, smoothing), 0, BEFORES, min_context=shortest)
    discounts = estimate_discounts(NAMES, 4) if smoothing == "kneser-ney" else None
    contributions, weights = own.split(nodes)

    assert weights.shape == (len(BEFORES), 1)
    tables = count_ngrams(NAMES["One"], 4, smoothing)
    for row, before in zip(contributions + weights * list(below.values()), BEFORES, strict=True):
        expected = predict(tables, before, discounts, shortest, below)
        assert row == pytest.approx(list(expected.values()), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("shortest", [0, 2])
@pytest.mark.parametrize("order", [1, 2, 4])
def test_reading_letter_by_letter_leads_to_the_same_contexts(order, shortest):
    own, expected = find(fit(NAMES, order), 0, BEFORES, min_context=shortest)
    found = []
    for before in BEFORES:
        nodes = np.array([ROOT])
        for letter in encode(before, 20)[len(before) - 1 :: -1]:
            nodes = own.advance(nodes, np.array([letter]))
        found += nodes.tolist()

    assert found == expected.tolist()


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize(("order", "other_order"), [(2, 4), (4, 2), (3, 3)])
def test_joined_ngrams_have_all_categories_and_the_discounts_of_the_first(order, other_order, smoothing):
    joined = fit(NAMES, order, smoothing).join(fit(OTHER, other_order, smoothing))
    discounts = None
    if smoothing == "kneser-ney":
        discounts = estimate_discounts(NAMES, order)
        discounts += [discounts[-1]] * (other_order - order)

    assert joined.order == max(order, other_order)
    parts = [(names, order) for names in NAMES.values()] + [(n, other_order) for n in in_order(OTHER).values()]
    for index, (names, its_order) in enumerate(parts):
        own, nodes = find(joined, index, BEFORES)
        for row, before in zip(own.probabilities(nodes), BEFORES, strict=True):
            expected = predict(count_ngrams(names, its_order, smoothing), before, discounts)
            assert row == pytest.approx(list(expected.values()), rel=1e-5)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_in_a_category_without_names_all_letters_are_equally_likely(smoothing):
    dataset = Dataset.from_names(NAMES, alphabet=LETTERS)
    ngram = NGram.fit(dataset.select(dataset.category_of == 1), 3, smoothing)

    own, nodes = find(ngram, 0, BEFORES)
    np.testing.assert_array_equal(own.probabilities(nodes), np.full((len(BEFORES), 4), 0.25, np.float32))
    contributions, weights = own.split(nodes)
    np.testing.assert_array_equal(contributions, np.zeros((len(BEFORES), 4)))
    np.testing.assert_array_equal(weights, np.ones((len(BEFORES), 1)))
    assert ngram.log_probabilities(np.array([0, 1]), np.array([2]))[0, 0] == pytest.approx(3 * np.log(1 / 4))


@pytest.mark.parametrize("size", [253, 254, 255, 256, 65_535])
def test_large_alphabets_give_the_probabilities_of_the_definition(size):
    letters = [chr(code) for code in range(0xA0, 0x20000) if is_printable(chr(code))][: size - 3]
    alphabet = Alphabet((*letters, "a", "b", "c"))
    ngram = NGram.fit(Dataset.from_names(NAMES, alphabet=alphabet), 3)
    own, nodes = find(ngram, 0, BEFORES, alphabet)
    tables, below = count_ngrams(NAMES["One"], 3, "kneser-ney"), dict.fromkeys("abc$", 1 / (size + 1))

    assert ngram.letters.max() == size + 1
    for row, before in zip(own.probabilities(nodes), BEFORES, strict=True):
        expected = list(predict(tables, before, estimate_discounts(NAMES, 3), below=below).values())
        assert row[-4:] == pytest.approx(expected, rel=1e-5)
        assert row[:-4] == pytest.approx((1 - sum(expected)) / (size - 3), rel=1e-2)

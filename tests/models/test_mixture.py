"""The mixture of a network and an n-gram, against its formula."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter

import numpy as np
import pytest

from distributions import chi_square_fits
from namegen.datasets.dataset import Dataset
from namegen.evaluation.classify import classify, score
from namegen.models.inference import build_steppers
from namegen.models.mixture import MixedStepper, Mixture, Opinion, Weights
from namegen.models.ngram import NGram
from namegen.recipes import training_config
from namegen.sampling.generate import iterate, sample
from namegen.sampling.top_names import top
from ngram_definition import count_ngrams, estimate_discounts, predict
from support import make_bigram_model, make_model

NAMES = {"X": ["abca", "abcb", "abc", "ab", "cabc", "babca"], "Y": ["cab", "bca", "cc"]}
ORDER, MIN_CONTEXT = 4, 2
BLEND = np.array([0.25, 0.75], np.float32)
NAME = "abcabc"


@pytest.fixture(params=[True, False], ids=["sos", "no sos"])
def model(request):
    config = training_config("tutorial", hidden_size=16, iterations=1, sos=request.param)
    model = make_model(config, letters="abc", categories=("X", "Y"), first_letters=[[3, 2, 1], [1, 1, 1]])
    for weight in model.weights.values():
        np.multiply(weight, 0.3, out=weight)  # less sure of itself
    names = Dataset.from_names(NAMES, alphabet=model.alphabet)
    return dataclasses.replace(model, mixture=Mixture(NGram.fit(names, ORDER), Weights(0.3, MIN_CONTEXT)))


def mix(model, category, share):
    network = build_steppers(model)(category)
    boundary_id = model.alphabet.boundary_id
    return MixedStepper(network, model.mixture, category, share, boundary_id, sos=model.training.sos)


def read(model, stepper, name):
    """Return the probabilities after each letter of a name, and after SOS if the network reads it, and the states."""
    letters = [*([model.alphabet.boundary_id] if model.training.sos else []), *model.alphabet.encode(name)]
    state, rows, states = stepper.start(), [], []
    for letter in letters:
        logits, state = stepper.step(np.array([letter]), state)
        weights = np.exp(logits[0].astype(np.float64) - logits.max())
        rows.append(weights / weights.sum())
        states.append(state)
    return np.array(rows), states


def prefixes(model, name):
    return [f"^{name[:end]}" for end in range(0 if model.training.sos else 1, len(name) + 1)]


def by_formula(model, category, share, name=NAME):
    """Return the probabilities of the mixture, by the docstring's formula and the definition of the n-gram."""
    network, _ = read(model, build_steppers(model)(category), name)
    shares = {category: 1.0} if isinstance(category, int) else dict(enumerate(category))
    discounts, rows = estimate_discounts(NAMES, ORDER), []
    for before, own in zip(prefixes(model, name), network, strict=True):
        mixed = (1 - share) * own
        for index, part in shares.items():
            tables = count_ngrams(list(NAMES.values())[index], ORDER, "kneser-ney")
            below = dict(zip("abc$", own, strict=True))
            known = predict(tables, before, discounts, MIN_CONTEXT, below)
            mixed = mixed + share * part * np.array(list(known.values()))
        rows.append(mixed)
    return np.array(rows)


def opinions_by_definition(model, category, name):
    """Return the n-gram's own log-probabilities of the letters of a name and its end."""
    shares = {category: 1.0} if isinstance(category, int) else dict(enumerate(category))
    discounts, scores = estimate_discounts(NAMES, ORDER), []
    for at, letter in enumerate(f"{name}$"):
        likely = 0.0
        for index, part in shares.items():
            tables = count_ngrams(list(NAMES.values())[index], ORDER, "kneser-ney")
            likely += part * predict(tables, f"^{name[:at]}", discounts)[letter]
        scores.append(np.log(likely))
    return scores


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("category", [0, 1, BLEND], ids=["X", "Y", "blend"])
def test_probabilities_are_those_of_the_formula(model, category, share):
    rows, _ = read(model, mix(model, category, share), NAME)
    network, _ = read(model, build_steppers(model)(category), NAME)

    np.testing.assert_allclose(rows, by_formula(model, category, share), rtol=1e-4)
    assert np.allclose(rows, network, rtol=1e-6) is (share == 0)


def test_short_and_unknown_contexts_leave_the_network_alone(model):
    rows, _ = read(model, mix(model, 1, 1.0), "aac")
    network, _ = read(model, build_steppers(model)(1), "aac")
    np.testing.assert_allclose(rows, network, rtol=1e-5)  # of contexts of two letters, Y has no "^a", "aa" or "ac"

    rows, _ = read(model, mix(model, 1, 1.0), "cab")
    network, _ = read(model, build_steppers(model)(1), "cab")
    alone = [np.allclose(row, own, rtol=1e-5) for row, own in zip(rows, network, strict=True)]
    assert alone == [len(before) < MIN_CONTEXT for before in prefixes(model, "cab")]


@pytest.mark.parametrize("category", [0, BLEND], ids=["category", "blend"])
def test_the_opinion_is_the_ngrams_own(model, category):
    opinion = Opinion(model.mixture.ngram, category, model.alphabet.boundary_id)
    nodes = [opinion.start()]
    for letter in model.alphabet.encode(NAME):
        nodes.append(opinion.advance(nodes[-1], np.array([letter])))
    letters = [*model.alphabet.encode(NAME), model.alphabet.boundary_id]
    scores = opinion.log_probabilities(np.concatenate(nodes), np.arange(len(nodes)), np.array(letters))

    assert scores == pytest.approx(opinions_by_definition(model, category, NAME), rel=1e-4)


@pytest.mark.parametrize("begun", ["", "c", "ab", "abc", "bb"])
def test_no_ending_is_better_than_its_bound(model, begun):
    opinion = Opinion(model.mixture.ngram, 0, model.alphabet.boundary_id)
    bounds, node = opinion.bound_endings(4), opinion.start()
    for letter in model.alphabet.encode(begun):
        node = opinion.advance(node, np.array([letter]))

    for more in range(5):
        endings = map("".join, itertools.product(model.alphabet.letters, repeat=more))
        best = max(sum(opinions_by_definition(model, 0, begun + ending)[len(begun) :]) for ending in endings)
        assert best - 1e-4 <= bounds[more, node[0, 0]] <= best + 0.5


def test_the_endings_of_a_blend_have_no_bounds(model):
    assert Opinion(model.mixture.ngram, BLEND, model.alphabet.boundary_id).bound_endings(3) is None


@pytest.mark.parametrize("category", [0, BLEND], ids=["category", "blend"])
def test_rows_may_continue_from_any_state(model, category):
    stepper = mix(model, category, 0.5)
    rng = np.random.default_rng(1)
    states = np.concatenate(
        [stepper.start(), *(state for name in NAMES["X"] for state in read(model, stepper, name)[1])]
    )
    parents = np.sort(rng.integers(len(states), size=40))
    letters = rng.integers(3, size=40)
    together, after = stepper.step(letters, states, parents)

    for row, (parent, letter) in enumerate(zip(parents, letters, strict=True)):
        logits, state = stepper.step(np.array([letter]), states[[parent]])
        np.testing.assert_allclose(together[row], logits[0], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(after[row], state[0], rtol=1e-5, atol=1e-6)


def test_impossible_letters_of_the_network_are_possible_to_the_ngram_and_give_no_warning(model):
    table = np.where(np.eye(4, k=1) + np.eye(4, k=-3), 0, -1e4)  # a, b, c and the end, in this order alone
    network = make_bigram_model(table, letters="abc", categories=("X", "Y"), first_letters=model.first_letter_counts)
    model = dataclasses.replace(network, mixture=model.mixture)
    rows, _ = read(model, mix(model, 0, 0.5), "abc")
    expected = by_formula(model, 0, 0.5, "abc")

    assert rows[-1].min() > 0
    np.testing.assert_allclose(rows, expected, rtol=1e-3, atol=1e-30)


def log_share(model, category, name, share=0.3):
    """Return the log-probability of a name by the formula."""
    letters = [*model.alphabet.encode(name).tolist(), model.alphabet.boundary_id]
    rows = by_formula(model, category, share, name)
    if model.training.sos:
        return sum(np.log(row[letter]) for row, letter in zip(rows, letters, strict=True))
    begins = model.first_letter_counts
    shares = begins[category] if isinstance(category, int) else category @ (begins / begins.sum(axis=1)[:, None])
    first = np.log(shares[letters[0]] / shares.sum())
    return first + sum(np.log(row[letter]) for row, letter in zip(rows, letters[1:], strict=True))


def test_names_are_scored_classified_and_ranked_with_the_mixture(model):
    names = ["abc", "cab", "bbb"]
    expected = [[log_share(model, index, name) for index in (0, 1)] for name in names]

    assert score(model, "X", names).log_probabilities.tolist() == pytest.approx([row[0] for row in expected], rel=1e-4)
    blended = [log_share(model, BLEND, name) for name in names]
    assert score(model, "X:1+Y:3", names).log_probabilities.tolist() == pytest.approx(blended, rel=1e-4)
    shares = np.exp(expected) / np.exp(expected).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classify(model, names).probabilities, shares, rtol=1e-3)
    for made in top(model, "X", count=5):
        assert made.score == pytest.approx(log_share(model, 0, made.name), rel=1e-4)
    for made in iterate(model, "X", count=5, seed=1, scores=True):
        assert made.score == pytest.approx(log_share(model, 0, made.name), rel=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_sampling_uses_the_share_of_its_settings_and_not_the_models(model, share):
    names = Counter(sample(model, "X", count=10_000, seed=1, max_length=4, temperature=1.0, ngram_share=share))
    every = ["".join(letters) for length in range(1, 5) for letters in itertools.product("abc", repeat=length)]
    shares = {name: np.exp(log_share(model, 0, name, share)) for name in every}
    total = sum(shares.values())

    assert chi_square_fits(names, {name: own / total for name, own in shares.items()})

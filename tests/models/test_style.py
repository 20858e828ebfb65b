"""Models of a short list: their distribution against its formula, and what they take from the model below."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections import Counter

import numpy as np
import pytest

from distributions import chi_square_fits
from namegen.config import SamplingConfig
from namegen.datasets.dataset import Dataset
from namegen.errors import UsageError
from namegen.evaluation.classify import score
from namegen.models.closed import ClosedNames
from namegen.models.inference import build_steppers
from namegen.models.letters import keep_letters
from namegen.models.plausibility import Plausibility
from namegen.models.serialization import load_model_file
from namegen.models.style import build_style, find_shares
from namegen.recipes import training_config
from namegen.sampling.generate import sample
from ngram_definition import count_ngrams, predict
from support import knowing, make_model

ELVES = ["abba", "abab", "aab", "babba", "ab"]
DWARVES = ["bb", "bbb", "abbb", "bbab"]
LONGEST = 7
BASES = {
    "gru": training_config(hidden_size=4, iterations=1),
    "rnn": training_config("tutorial", hidden_size=16, iterations=1, sos=True),
    "tutorial": training_config("tutorial", hidden_size=16, iterations=1, sos=False),
}


@pytest.fixture(params=list(BASES))
def base(request):
    model = make_model(BASES[request.param], categories=("X", "Y", "Z"), first_letters=[[3, 2], [1, 3], [2, 2]])
    for weight in model.weights.values():
        np.multiply(weight, 0.3, out=weight)  # less sure of itself
    return model


def dataset(model, **lists):
    return Dataset.from_names(lists, alphabet=model.alphabet)


def shares_by_definition(model, names):
    means = [
        score(model, category, names).log_probabilities.sum() / sum(len(name) + 1 for name in names)
        for category in model.categories
    ]
    weights = np.exp(5 * np.array(means))
    return weights / weights.sum()


def decode(likely, config):
    """Return probabilities at the temperature, of the fewest letters that reach top-p together."""
    likely = likely ** (1 / config.temperature)
    order = sorted(range(len(likely)), key=lambda letter: -likely[letter])
    likely = likely / likely.sum()
    kept, total = np.zeros(len(likely)), 0.0
    for letter in order:
        if total < config.top_p:
            kept[letter] = likely[letter]
        total += likely[letter]
    return kept / kept.sum()


class Definition:
    """The distribution of a model of one list, by the formulas of the mixture, for every name up to a length."""

    def __init__(self, base, names, shares, pooled=0.3):
        self.base, self.names, self.pooled = base, names, pooled
        self.letters = functools.cache(self.letters)
        self.tables = count_ngrams(names, 3, "witten-bell")
        self.stepper = build_steppers(base)(np.asarray(shares, np.float32))

    def network(self, before):
        state, letters = self.stepper.start(), [*self.base.alphabet.encode(before)]
        if self.base.training.sos:
            letters.insert(0, self.base.alphabet.boundary_id)
        for letter in letters:
            logits, state = self.stepper.step(np.array([letter]), state)
        weights = np.exp(logits[0].astype(np.float64))
        return weights / weights.sum()

    def letters(self, before):
        """Return the probability of each letter and of the end."""
        if not before and not self.base.training.sos:
            return np.array([*(sum(name.startswith(letter) for name in self.names) for letter in "ab"), 0]) / len(
                self.names
            )
        alone = self.network(before)
        below = dict(zip("ab$", alone, strict=True))
        mixed = np.array(list(predict(self.tables, f"^{before}", shortest=1, below=below).values()))
        pooled = mixed ** (1 - self.pooled) * alone**self.pooled
        return pooled / pooled.sum()

    def names_at(self, config, begin=""):
        """Return the probability of each name, given that it is not too long."""
        shares = {}
        for length in range(len(begin), LONGEST + 1):
            for end in itertools.product("ab", repeat=length - len(begin)):
                name, share = begin + "".join(end), 1.0
                for at, letter in list(enumerate(f"{name}$"))[len(begin) :]:
                    own = self.letters(name[:at])
                    decoded = decode(own, config) if at or self.base.training.sos else own
                    share *= decoded["ab$".index(letter)]
                shares[name] = share if name else 0.0
        return {name: share / sum(shares.values()) for name, share in shares.items()}

    def reaches(self, name, total, weakest, begin=""):
        """Return whether a name reaches limits, by the list's n-gram alone."""
        scores = [
            np.log(predict(self.tables, f"^{name[:at]}", below=dict.fromkeys("ab$", 1 / 3))[letter])
            for at, letter in list(enumerate(f"{name}$"))[len(begin) :]
        ]
        return sum(scores) / len(scores) ** 0.5 >= total and min(scores) >= weakest


def condition_on(shares, holds):
    kept = {name: share for name, share in shares.items() if holds(name)}
    assert 0.05 < sum(kept.values()) < 0.95
    return {name: kept.get(name, 0.0) / sum(kept.values()) for name in shares}


@pytest.mark.parametrize("begin", ["", "ba"])
@pytest.mark.parametrize("settings", [{"temperature": 1.0, "top_p": 1.0}, {}], ids=["plain", "the style's own"])
def test_names_have_the_probabilities_of_the_formula(base, settings, begin):
    style = build_style(base, dataset(base, elf=ELVES))
    config = dataclasses.replace(style.sampling, **settings)
    names = Counter(sample(style, "elf", [begin], count=10_000, seed=1, config=config, floor=0.0, max_length=LONGEST))
    expected = Definition(base, ELVES, shares_by_definition(base, ELVES)).names_at(config, begin)

    assert chi_square_fits(names, expected)


@pytest.mark.parametrize("begin", ["", "ba"])
def test_names_have_these_probabilities_given_that_they_are_plausible(base, begin):
    limits = (-1.8, -1.9)
    plausibility = Plausibility(np.array([[(-99, -99, 0), (*limits, 0)]], np.float32))
    style = dataclasses.replace(build_style(base, dataset(base, elf=ELVES)), plausibility=plausibility)
    config = dataclasses.replace(style.sampling, top_p=1.0, floor=1.0, max_length=LONGEST)
    names = Counter(sample(style, "elf", [begin], count=10_000, seed=1, config=config))
    definition = Definition(base, ELVES, shares_by_definition(base, ELVES))
    expected = definition.names_at(config, begin)

    assert chi_square_fits(names, condition_on(expected, lambda name: definition.reaches(name, *limits, begin)))


def test_scores_are_those_of_the_formula(base):
    style = build_style(base, dataset(base, elf=ELVES))
    definition, names = Definition(base, ELVES, shares_by_definition(base, ELVES), pooled=0.0), ["abba", "bbbab", "b"]
    expected = [
        sum(np.log(definition.letters(name[:at])["ab$".index(letter)]) for at, letter in enumerate(f"{name}$"))
        for name in names
    ]

    assert score(style, "elf", names).log_probabilities.tolist() == pytest.approx(expected, rel=1e-4)


def test_each_list_has_its_own_style(base):
    both = build_style(base, dataset(base, elf=ELVES, dwarf=DWARVES))
    names = ["ab", "bbb"]

    assert both.categories == ("dwarf", "elf")
    for category, listed in {"elf": ELVES, "dwarf": DWARVES}.items():
        one = build_style(base, dataset(base, **{category: listed}))
        np.testing.assert_allclose(
            score(both, category, names).log_probabilities, score(one, category, names).log_probabilities, rtol=1e-4
        )


def test_a_blend_of_categories_makes_up_half_of_a_style(base):
    added = np.array([0.0, 0.25, 0.75], np.float32)
    style = build_style(base, dataset(base, elf=ELVES), added)
    config = dataclasses.replace(style.sampling, floor=0.0, max_length=LONGEST)
    shares = (shares_by_definition(base, ELVES) + added) / 2
    names = Counter(sample(style, "elf", count=10_000, seed=1, config=config))

    assert chi_square_fits(names, Definition(base, ELVES, shares).names_at(config))


def test_shares_grow_exponentially_with_the_likelihood_of_a_letter(base):
    shares = find_shares(base, dataset(base, elf=ELVES, dwarf=DWARVES))

    assert shares.shape == (2, 3)
    np.testing.assert_allclose(shares[0], shares_by_definition(base, DWARVES), rtol=1e-4)
    np.testing.assert_allclose(shares[1], shares_by_definition(base, ELVES), rtol=1e-4)


def test_names_that_no_category_can_begin_have_shares_all_the_same(base):
    counts = np.array([[5, 0]] * 3)
    model = dataclasses.replace(base, first_letter_counts=counts, counts=counts.sum(axis=1))
    shares = find_shares(model, dataset(model, elf=["bab", "abb"]))

    assert np.isfinite(shares).all()
    assert shares.sum() == pytest.approx(1)


def test_a_style_knows_the_names_of_the_list_and_of_the_model_below(base):
    names = dataset(base, elf=ELVES, dwarf=DWARVES)
    style = build_style(knowing(base, "aaa", "bab"), names)

    assert style.counts.tolist() == [len(DWARVES), len(ELVES)]
    assert style.first_letter_counts.sum(axis=1).tolist() == [len(DWARVES), len(ELVES)]
    assert style.longest == 5
    novel = set(sample(style, count=2_000, seed=1, novel=True))
    assert novel
    assert not novel & {*ELVES, *DWARVES, "aaa", "bab"}
    assert {*ELVES} & set(sample(style, count=2_000, seed=1))


def test_names_take_the_case_of_the_models():
    model = make_model(letters="abAB", categories=("X",), first_letters=[[0, 0, 3, 2]], casing="capitalised")
    assert {name[0] for name in sample(build_style(model, dataset(model, elf=["Abba", "Bab"])), count=50)} >= {"A"}
    lower, capitalised = (build_style(model, dataset(model, elf=names)) for names in (["abba", "bab"], ["Abba", "Bab"]))
    assert lower.fingerprint == capitalised.fingerprint


def test_a_saved_style_samples_the_same_names(base, tmp_path):
    style = build_style(base, dataset(base, elf=ELVES, dwarf=DWARVES))
    style.save(tmp_path / "style.safetensors")
    loaded = load_model_file(tmp_path / "style.safetensors")

    for category in (None, "elf", "elf+dwarf"):
        assert sample(loaded, category, count=50, seed=1) == sample(style, category, count=50, seed=1)
    assert loaded.sampling == style.sampling
    np.testing.assert_array_equal(
        score(loaded, "elf", ELVES).log_probabilities, score(style, "elf", ELVES).log_probabilities
    )


def test_a_style_does_not_depend_on_the_order_of_a_long_list(base):
    rng = np.random.default_rng(1)
    names = sorted({"".join(rng.choice(["a", "b"], size=rng.integers(1, 14))) for _ in range(2_000)})
    assert len(names) > 1_000
    shares = [find_shares(base, dataset(base, elf=order)) for order in (names, names[::-1])]

    np.testing.assert_allclose(*shares, rtol=1e-4)


def test_a_style_replaces_the_models_own_sampling_settings(base):
    model = dataclasses.replace(base, sampling=SamplingConfig(temperature=0.1, guidance=2.0))
    style = build_style(model, dataset(model, elf=ELVES))

    assert style.sampling.guidance == 0
    assert style.sampling.floor > 0


def test_a_model_that_cannot_imitate_is_refused(base):
    names = dataset(base, elf=ELVES)
    unfinished = dataclasses.replace(base, iterations=0)
    with pytest.raises(UsageError, match="it is unfinished; give another --model"):
        build_style(unfinished, names)
    if base.training.architecture == "rnn":
        with pytest.raises(UsageError, match="letters that the model lacks"):
            build_style(base, Dataset.from_names({"elf": ["xyz"]}))


@pytest.fixture
def masked():
    """A model of three categories, of which the second has other letters than the others."""
    model = make_model(letters="abcdABCD", categories=("X", "Y", "Z"), first_letters=[[1] * 8] * 3)
    mask = np.array([[1, 1, 0, 0] * 2, [0, 0, 1, 1] * 2, [1, 1, 0, 0] * 2], dtype=np.bool_)
    closed = {"K": ClosedNames(("a",), np.ones(1, np.float32))}
    begins = model.first_letter_counts * mask
    return dataclasses.replace(
        model, letters=mask, first_letter_counts=begins, counts=begins.sum(axis=1), closed=closed
    )


def test_a_style_has_the_letters_of_its_names_in_both_cases_and_of_what_is_added_to_it(masked):
    style = build_style(masked, dataset(masked, elves=["Abba", "abaa"], orcs=["bbb"]))
    assert ["".join(np.array(list("abcdABCD"))[row]) for row in style.letters] == ["abAB", "bB"]
    assert set("".join(sample(style, "orcs", count=50, seed=1))) <= {"b", "B"}
    assert not style.closed
    added = build_style(masked, dataset(masked, orcs=["bbb"]), np.array([0, 1, 0], np.float32))
    assert "".join(np.array(list("abcdABCD"))[added.letters[0]]) == "bcdBCD"


def test_categories_without_the_letters_of_the_names_have_no_share(masked):
    names = ["abba", "abaa", "bab"]
    shares = find_shares(masked, dataset(masked, elves=names))
    restricted = keep_letters(dataclasses.replace(masked, closed={}), np.array([0, 1]), np.array([0, 2]))
    expected = shares_by_definition(restricted, names)[[0, 2]]
    np.testing.assert_allclose(shares, [[expected[0] / expected.sum(), 0, expected[1] / expected.sum()]], rtol=1e-4)

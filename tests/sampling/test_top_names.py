"""The most probable names: exactly those that going through all names would give."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from namegen.models.inference import Source, build_steppers
from namegen.models.networks import build_network
from namegen.recipes import training_config
from namegen.sampling import top_names as top_module
from namegen.sampling.top_names import find_most_probable
from support import make_bigram_model, make_model

# Rows: after a, after b, after SOS. Columns: a, b, EOS.
TABLE = np.array([[0.5, 0.2, 0.3], [0.1, 0.3, 0.6], [0.6, 0.3, 0.1]])
FIRST = {"a": 0.75, "b": 0.25}


def any_name(names):
    return names.lengths > 0


def top(model, count, *, limit=6, prefix="", accepts=any_name):
    """The names and their log-probabilities, and whether the search was complete."""
    source = Source.of(model, build_steppers(model)(0), 0)
    ranking = find_most_probable(source, model.alphabet.encode(prefix), limit, count, accepts)
    lines = model.alphabet.decode_lines(ranking.names.letters, ranking.names.lengths)
    names = lines.split("\n")[:-1]
    return dict(zip(names, ranking.log_probabilities.tolist(), strict=True)), ranking.complete


def all_names(limit):
    for length in range(1, limit + 1):
        yield from map("".join, itertools.product("ab", repeat=length))


def bigram_share(name, first):
    """The probability of a name by the table, its first letter's given."""
    share, follows = first[name[0]], {"a": TABLE[0], "b": TABLE[1]}
    for before, letter in itertools.pairwise(name):
        share *= follows[before]["ab".index(letter)]
    return share * follows[name[-1]][2]


@pytest.fixture(params=["sos", "no sos"])
def known(request):
    """A model, and the probability of each name of up to 6 letters."""
    sos = request.param == "sos"
    model = make_bigram_model(np.log(TABLE), sos=sos, first_letters=[[3, 1]])
    first = {"a": 0.6, "b": 0.3} if sos else FIRST
    return model, {name: bigram_share(name, first) for name in all_names(6)}


def check(found, shares, count):
    """Hold what was found against going through all names."""
    best = sorted(shares, key=lambda name: -shares[name])[:count]
    assert list(found.values()) == pytest.approx([math.log(shares[name]) for name in best], abs=1e-5)
    assert {name: math.log(shares[name]) for name in found} == pytest.approx(found, abs=1e-5)
    assert list(found.values()) == sorted(found.values(), reverse=True)


@pytest.mark.parametrize(
    ("count", "limit", "prefix"),
    [(1, 6, ""), (10, 6, ""), (60, 6, ""), (6, 2, ""), (7, 6, "b"), (7, 6, "bbb"), (1, 2, "ba"), (1000, 6, "")],
)
def test_the_best_names_are_those_of_going_through_all_names(known, count, limit, prefix):
    model, shares = known
    found, complete = top(model, count, limit=limit, prefix=prefix)
    allowed = {name: share for name, share in shares.items() if name.startswith(prefix) and len(name) <= limit}

    check(found, allowed, count)
    assert complete
    assert len(found) == min(count, len(allowed))


def test_equals_come_in_the_order_of_their_letters():
    model = make_bigram_model(np.zeros((4, 4)), letters="abc")  # each letter, and the end, always has a quarter
    found, complete = top(model, 8, limit=3)

    assert list(found) == ["a", "b", "c", "aa", "ab", "ac", "ba", "bb"]
    assert list(found.values()) == pytest.approx([2 * math.log(1 / 4)] * 3 + [3 * math.log(1 / 4)] * 5)
    assert complete


def test_first_letters_that_no_training_name_has_are_left_out_without_a_start_token():
    model = make_bigram_model(np.log(TABLE), sos=False, first_letters=[[2, 0]])
    found, complete = top(model, 1000, limit=4)

    assert complete
    assert len(found) == 1 + 2 + 4 + 8
    assert all(name.startswith("a") for name in found)


def test_a_prefix_that_no_training_name_has_still_has_best_names():
    model = make_bigram_model(np.log(TABLE), sos=False, first_letters=[[2, 0]])
    found, _ = top(model, 3, prefix="b")

    assert list(found) == ["b", "bb", "bbb"]  # 0.6, 0.18 and 0.054 after the b; "ba" has 0.03
    assert set(found.values()) == {-math.inf}


def test_a_long_chain_of_certain_letters_is_followed_to_its_end():
    table = np.array([[1.0, 2e-4, 1e-4], [1e-4, 1e-4, 1.0], [1.0, 1e-4, 1e-4]])
    model = make_bigram_model(np.log(table / table.sum(axis=1, keepdims=True)))
    found, complete = top(model, 1, limit=60, accepts=lambda names: names.lengths >= 40)

    assert list(found) == ["a" * 39 + "b"]
    assert complete


@pytest.mark.parametrize("kind", [{}, {"recipe_name": "tutorial"}, {"architecture": "rnn", "sos": True}])
@pytest.mark.parametrize("rows", [top_module._ROWS, 3])
def test_a_network_gives_what_torch_finds_for_every_name(kind, rows, monkeypatch):
    monkeypatch.setattr(top_module, "_ROWS", rows)
    config = training_config(**{"recipe_name": "default", "hidden_size": 8, "dropout": 0.0, **kind})
    begins = [[4, 2, 1]]
    model = make_model(config, letters="abc", first_letters=begins, seed=3)
    for name in model.weights:
        model.weights[name] *= 0.4  # or a few names would have nearly everything
    network = build_network(config, 1, 4).eval()
    network.load_state_dict({name: torch.from_numpy(weight) for name, weight in model.weights.items()})
    shares = {}
    for length in range(1, 6):
        names = ["".join(letters) for letters in itertools.product("abc", repeat=length)]
        whole = np.array([[3, *model.alphabet.encode(name), 3] for name in names])[:, 0 if config.sos else 1 :]
        with torch.no_grad():
            logits, _ = network(torch.zeros(len(names), dtype=torch.int64), torch.from_numpy(whole[:, :-1].copy()))
        scores_of = torch.log_softmax(logits.double(), dim=2).numpy()
        scores = np.take_along_axis(scores_of, whole[:, 1:, None], axis=2).sum(axis=(1, 2))
        first = 1 if config.sos else np.array(begins[0])[whole[:, 0]] / 7
        shares |= dict(zip(names, (np.exp(scores) * first).tolist(), strict=True))

    found, complete = top(model, 100, limit=5)

    check(found, shares, 100)
    assert complete
    assert len(found) == 100


def test_a_search_that_is_given_up_says_so_and_has_found_the_best_there_are(monkeypatch):
    model = make_bigram_model(np.log(TABLE))
    exact, _ = top(model, 300, limit=10)
    monkeypatch.setattr(top_module, "_MAX_READ", 300)
    monkeypatch.setattr(top_module, "_MAX_READ_PER_NAME", 0)
    found, complete = top(model, 1000, limit=10)

    assert not complete
    assert 10 < len(found) < 300
    assert list(found.items()) == list(exact.items())[: len(found)]

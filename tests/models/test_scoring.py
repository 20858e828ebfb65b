"""The log-probabilities of given names."""

from __future__ import annotations

import numpy as np
import pytest

from namegen.datasets.encoding import EncodedNames
from namegen.models import scoring
from namegen.models.inference import Source, build_steppers
from namegen.models.networks import build_network
from namegen.models.scoring import score_names, score_per_category
from namegen.recipes import training_config
from support import assert_same_rows, make_bigram_model, make_model

# Rows: after a, after b, after SOS. Columns: a, b, EOS.
TABLE = np.array([[0.5, 0.2, 0.3], [0.1, 0.3, 0.6], [0.7, 0.2, 0.1]])


def spelled(model, names):
    return EncodedNames.from_flat(*model.alphabet.encode_lines("".join(f"{name}\n" for name in names).encode()))


def source_of(model, category=0):
    return Source.of(model, build_steppers(model)(category), category)


def made_up(letters, longest, count, seed=0):
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list(letters), size=rng.integers(1, longest + 1))) for _ in range(count)]


def test_a_names_log_probability_is_the_sum_of_its_letters():
    model = make_bigram_model(np.log(TABLE))
    scores = score_names(source_of(model), spelled(model, ["ab", "b", "aba", "ab"]))

    np.testing.assert_allclose(scores.first, np.log([0.7, 0.2, 0.7, 0.7]), rtol=1e-6)
    by_hand = [np.log(0.2) + np.log(0.6), np.log(0.6), np.log(0.2) + np.log(0.1) + np.log(0.3)]
    np.testing.assert_allclose(scores.rest, [*by_hand, by_hand[0]], rtol=1e-6)
    np.testing.assert_array_equal(scores.total, scores.first + scores.rest)


def test_without_sos_the_first_letter_is_as_frequent_as_in_the_training_names():
    model = make_bigram_model(np.log(TABLE), sos=False, first_letters=[[3, 1]])
    scores = score_names(source_of(model), spelled(model, ["ab", "b"]))

    np.testing.assert_allclose(scores.first, np.log([0.75, 0.25]))
    np.testing.assert_allclose(scores.rest, [np.log(0.2) + np.log(0.6), np.log(0.6)], rtol=1e-6)

    never_b = make_bigram_model(np.log(TABLE), sos=False, first_letters=[[3, 0]])  # without a warning
    assert score_names(source_of(never_b), spelled(never_b, ["ab", "b"])).first.tolist() == [0.0, -np.inf]


@pytest.mark.parametrize("recipe", ["default", "tutorial"])
@pytest.mark.parametrize("sos", [True, False])
def test_probabilities_are_those_of_the_torch_network_reading_one_name_after_the_other(recipe, sos):
    import torch

    config = training_config(recipe, hidden_size=12, dropout=0.0, sos=sos)
    begins = [[1, 2, 3, 4], [4, 3, 2, 1]]
    model = make_model(config, letters="abcd", categories=("X", "Y"), first_letters=begins)
    model.weights.update({name: 0.4 * weight for name, weight in model.weights.items()})  # so that none explodes
    network = build_network(config, 2, 5).eval()
    network.load_state_dict({name: torch.from_numpy(weight) for name, weight in model.weights.items()})
    names = made_up("abcd", 7, 40)
    for category in (0, 1):
        scores = score_names(source_of(model, category), spelled(model, names))
        for name, first, rest in zip(names, scores.first, scores.rest, strict=True):
            letters = [4, *model.alphabet.encode(name), 4][0 if sos else 1 :]
            with torch.no_grad():
                logits, _ = network(torch.tensor([category]), torch.tensor([letters[:-1]]))
            each = logits[0].log_softmax(1)[np.arange(len(letters) - 1), letters[1:]].tolist()
            if not sos:
                each = [np.log(begins[category][letters[0]] / 10), *each]
            assert first == pytest.approx(each[0], abs=1e-5)
            assert rest == pytest.approx(sum(each[1:]), abs=1e-4)


def test_several_categories_at_once_are_as_each_by_itself():
    model = make_model(
        training_config(hidden_size=6), letters="abc", categories=("X", "Y", "Z"), first_letters=[[1] * 3] * 3
    )
    names = spelled(model, made_up("abc", 6, 40))
    sources = [source_of(model, category) for category in range(3)]

    for source, together in zip(sources, score_per_category(sources, names, boundary_id=3), strict=True):
        alone = score_names(source, names)
        np.testing.assert_array_equal(alone.first, together.first)
        np.testing.assert_array_equal(alone.rest, together.rest)


@pytest.mark.parametrize("at_a_time", [1, 64])
def test_the_working_chunk_does_not_change_the_scores(at_a_time, monkeypatch):
    model = make_model(training_config(hidden_size=16), letters="abc")
    names = spelled(model, made_up("abc", 8, 200))
    whole = score_names(source_of(model), names)
    monkeypatch.setattr(scoring, "_NAMES_PER_TRIE", at_a_time)

    assert_same_rows(score_names(source_of(model), names).total, whole.total)


def test_the_network_reads_each_distinct_prefix_once():
    model = make_model(training_config(hidden_size=6), letters="abc")
    names, read = made_up("abc", 6, 300), []

    class Counting:
        network = build_steppers(model)(0)
        start = network.start

        def step(self, letters, hidden, parents=None):
            read.append(len(letters))
            return self.network.step(letters, hidden, parents)

    score_names(Source.of(model, Counting(), 0), spelled(model, names))

    assert sum(read) == len({name[:length] for name in names for length in range(len(name) + 1)})


def test_what_stands_past_the_end_of_a_name_does_not_matter():
    model = make_bigram_model(np.log(TABLE))
    one, two = (EncodedNames(np.array([[0, past], [1, 0]], np.uint8), np.array([1, 2])) for past in (0, 1))

    np.testing.assert_array_equal(score_names(source_of(model), one).total, score_names(source_of(model), two).total)


def test_no_names_have_no_scores():
    model = make_bigram_model(np.log(TABLE))

    assert score_names(source_of(model), spelled(model, [])).total.shape == (0,)

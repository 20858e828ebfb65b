"""Walks through the states of an n-gram, against the prefix tree, which samples the same names."""

from __future__ import annotations

import numpy as np
import pytest

import namegen
from namegen.config import SamplingConfig
from namegen.models.inference import Source, build_steppers
from namegen.models.mixture import Opinion
from namegen.sampling import walks
from namegen.sampling.floor import Floor
from namegen.sampling.prefix_tree import UNFINISHED, sample_prefix_tree
from namegen.sampling.rng import derive_streams
from namegen.sampling.walks import Walks

NAMES = {
    "German": ["Abel", "Adler", "Becker", "Berger", "Braun", "Bauer", "Keller", "Kaiser", "Maier", "Mauer", "Sauer"],
    "Welsh": ["Bevan", "Blethyn", "Cadell", "Evans", "Gwynn", "Llewelyn", "Morgan", "Pugh", "Rees", "Vaughan"],
}
BLEND = np.array([0.25, 0.75], np.float32)


@pytest.fixture(scope="module")
def model():
    return namegen.train(NAMES, namegen.training_config("instant"))


def spell(model, sampled):
    """Return each name, or ``None`` if there is none."""
    text = model.alphabet.decode_lines(sampled.distinct.letters, np.maximum(sampled.distinct.lengths, 0)).split("\n")
    return [text[which] if which >= 0 else None for which in sampled.which]


def sample_both(model, category, config, floor, prefixes=("",), count=250, limit=12):
    """Return the names of the walks and those of the tree."""
    source = Source.of(model, build_steppers(model)(category), category)
    encoded = [np.array(model.alphabet.encode(prefix), dtype=np.int64) for prefix in prefixes]
    limits = np.array([limit + index for index in range(len(prefixes))])
    prefix_of = np.arange(count) % len(prefixes)
    streams = derive_streams(1, 0, np.arange(count))
    boundary = model.alphabet.boundary_id

    def make_floor():
        if floor is None:
            return None
        return Floor(Opinion(model.mixture.ngram, category, boundary), model.plausibility.at(category, floor))

    walked = Walks(source, config, make_floor()).sample(encoded, limits, prefix_of, streams)
    grown = sample_prefix_tree(source, config, encoded, limits, prefix_of, streams, make_floor())
    return walked, grown


@pytest.mark.parametrize("category", [0, 1, BLEND], ids=["German", "Welsh", "blend"])
@pytest.mark.parametrize("floor", [None, 0.3, 0.9])
@pytest.mark.parametrize("config", [SamplingConfig(), SamplingConfig(temperature=0.8, top_p=0.9, top_k=5)])
def test_walks_and_the_tree_sample_the_same_names(model, category, floor, config):
    walked, grown = sample_both(model, category, config, floor, ["", "B", "Be", "Ma"])

    assert spell(model, walked) == spell(model, grown)
    np.testing.assert_array_equal(walked.read, grown.read)


@pytest.mark.parametrize("floor", [None, 0.9])
def test_names_that_look_ahead_are_the_same(model, floor, monkeypatch):
    monkeypatch.setattr(walks, "MIN_NAMES_TO_LOOK_AHEAD", 1)

    walked, grown = sample_both(model, 0, SamplingConfig(), floor)

    assert spell(model, walked) == spell(model, grown)
    assert (walked.read <= grown.read).all()
    assert (walked.read < grown.read).any() == (floor is not None)


def test_names_do_not_depend_on_what_is_kept(model, monkeypatch):
    expected, _ = sample_both(model, 0, SamplingConfig(), 0.3, ["", "B"])
    monkeypatch.setattr(walks, "_MAX_STATES", 3)
    monkeypatch.setattr(walks, "_NAMES_AT_A_TIME", 7)
    monkeypatch.setattr(walks, "_STATES_AT_A_TIME", 2)

    forgetful, _ = sample_both(model, 0, SamplingConfig(), 0.3, ["", "B"])

    assert spell(model, forgetful) == spell(model, expected)


def test_names_longer_than_the_limit_are_unfinished(model):
    walked, grown = sample_both(model, 0, SamplingConfig(), None, limit=4)

    assert UNFINISHED in walked.which
    assert spell(model, walked) == spell(model, grown)

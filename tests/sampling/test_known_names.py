"""The known names of a category, found by its n-grams and the hashes of all known names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from namegen.datasets.dataset import Dataset
from namegen.models.store import load_model
from namegen.recipes import training_config
from namegen.sampling.known_names import find_known_names
from namegen.training.train import train

NAMES = {
    "X": ["Anna", "Hanna", "Johanna", "Nana", "Ann", "Jo", "Ana-Jo", "van Jo", "Na"],
    "Y": ["Bob", "Bobby", "Hanna"],
}


@pytest.fixture(scope="module")
def model():
    return train(Dataset.from_names(NAMES), training_config("instant"))


def test_they_are_exactly_the_training_names(model):
    assert set(find_known_names(model, "X")) == set(NAMES["X"])
    assert set(find_known_names(model, "Y")) == set(NAMES["Y"])


def test_offensive_names_are_left_out():
    model = train(Dataset.from_names({"X": ["Anna", "Hitler", "Hanna"]}), training_config("instant"))

    assert set(find_known_names(model, "X")) == {"Anna", "Hanna"}


def test_a_model_without_an_ngram_has_none(model):
    assert find_known_names(replace(model, mixture=None, plausibility=None), "X") == ()


def test_the_included_model_finds_nearly_all_names_of_a_category():
    model = load_model("people")
    for category in ("Turkish/female", "Greek/male", "Portuguese/surname", "Hindi/female", "Japanese/male"):
        count = int(model.counts[model.categories.index(category)])
        # Names of other categories with the same n-grams are found too.
        assert 0.95 * count <= len(find_known_names(model, category)) <= 1.5 * count

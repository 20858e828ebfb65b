"""A model of several scripts: a category has only its own letters, and is otherwise what the whole model says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from namegen.config import SamplingConfig
from namegen.datasets.alphabet import Alphabet
from namegen.datasets.dataset import Dataset
from namegen.errors import ModelFileError, UsageError
from namegen.models.inference import Source, build_steppers
from namegen.models.letters import find_letters, restrict
from namegen.models.mixture import Mixture, Weights
from namegen.models.ngram import NGram
from namegen.models.plausibility import Plausibility
from namegen.models.serialization import load_model_file
from namegen.recipes import training_config
from namegen.sampling.generate import iterate, sample
from namegen.sampling.top_names import top
from namegen.training.train import train

NAMES = {"Greek": ["αβα", "βα", "αβγ", "βγ"], "Latin": ["abb", "ba", "aab", "bab"], "Mixed": ["ab-a", "b-b", "ab"]}


@pytest.fixture(scope="module")
def dataset():
    letters = sorted({letter for names in NAMES.values() for name in names for letter in name})
    return Dataset.from_names(NAMES, alphabet=Alphabet(tuple(letters)))


@pytest.fixture(scope="module")
def model(dataset):
    model = train(dataset, training_config(iterations=2000, hidden_size=16, ngram_order=3, validation=0.0), threads=1)
    return replace(model, letters=find_letters(dataset), sampling=SamplingConfig(temperature=1.0))


def test_the_letters_of_a_category_are_those_of_its_names(dataset):
    letters = find_letters(dataset)

    for index, category in enumerate(dataset.categories):
        own = {letter for letter, has in zip(dataset.alphabet.letters, letters[index], strict=True) if has}
        assert own == {letter for name in NAMES[category] for letter in name}


@pytest.mark.parametrize("category", [*NAMES, "Latin+Mixed", None])
@pytest.mark.parametrize("settings", [{"temperature": 3.0}, {"floor": 0.5}, {"guidance": 2.0}, {"ngram_share": 1.0}])
def test_a_category_never_uses_another_letter(model, category, settings):
    for generated in iterate(model, category, count=300, seed=1, **settings):
        allowed = {letter for part in generated.category.split("+") for name in NAMES[part] for letter in name}
        assert set(generated.name) <= allowed


def test_restricting_a_model_leaves_the_probabilities_among_its_letters(model, dataset):
    category = dataset.categories.index("Latin")
    restricted = restrict(model, category)

    assert restricted.alphabet.letters == ("a", "b")
    assert restricted.categories == model.categories
    assert restrict(restricted, category) is restricted
    kept = [model.alphabet.letters.index(letter) for letter in "ab"]
    whole, part = (Source.of(m, build_steppers(m)(category), category, share=0.3).network for m in (model, restricted))
    logits, state = whole.step(np.array([model.alphabet.boundary_id]), whole.start())
    own, own_state = part.step(np.array([2]), part.start())
    for letter in range(2):  # after the start, a and b
        np.testing.assert_allclose(own, logits[:, [*kept, model.alphabet.boundary_id]], rtol=1e-3, atol=1e-3)
        logits, state = whole.step(np.array([kept[letter]]), state)
        own, own_state = part.step(np.array([letter]), own_state)
    rows = slice(model.mixture.ngram.first[category], model.mixture.ngram.first[category + 1])
    np.testing.assert_array_equal(restricted.mixture.ngram.counts, model.mixture.ngram.counts[rows])


def test_the_most_probable_names_have_only_the_letters_of_the_category(model):
    assert all(set(found.name) <= set("αβγ") for found in top(model, "Greek", count=20))


def test_a_prefix_of_foreign_letters_is_refused_with_the_letters_that_there_are(model):
    with pytest.raises(UsageError, match=r"no name can begin with 'γb?'|the model's letters are a b"):
        sample(model, "Latin", ["γ"])


def test_without_a_category_only_those_with_the_letters_of_the_prefix_are_sampled(model):
    drawn = list(iterate(model, None, ["γ", "a"], count=50, seed=1))

    assert {generated.category for generated in drawn[:50]} == {"Greek"}
    assert {generated.category for generated in drawn[50:]} == {"Latin", "Mixed"}
    with pytest.raises(UsageError, match="no category has all of its letters"):
        sample(model, None, ["γa"])


def test_categories_without_a_common_letter_cannot_be_blended(model):
    with pytest.raises(UsageError, match="Greek and Latin have no letters in common"):
        sample(model, "Greek+Latin")


def test_the_letters_are_read_back_as_they_were_written(model, tmp_path):
    model.save(tmp_path / "m")
    read = load_model_file(tmp_path / "m")

    np.testing.assert_array_equal(read.letters, model.letters)
    assert sample(read, "Greek", count=20, seed=1) == sample(model, "Greek", count=20, seed=1)


def test_a_file_with_a_category_without_letters_is_refused(model, tmp_path):
    replace(model, letters=np.zeros_like(model.letters)).save(tmp_path / "m")

    with pytest.raises(ModelFileError):
        load_model_file(tmp_path / "m")


def test_plausibility_and_mixture_of_a_restricted_category_are_its_own():
    names = {"X": ["ab", "aab", "ba"], "Y": ["γδ", "δγγ"]}
    dataset = Dataset.from_names(names, alphabet=Alphabet(tuple("abγδ")))
    model = train(dataset, training_config("instant"))
    masked = replace(
        model,
        letters=find_letters(dataset),
        mixture=Mixture(NGram.fit(dataset, 3), Weights(1.0, 1, sampled=1.0)),
        plausibility=Plausibility.fit(dataset, 3),
    )

    assert all(set(name) <= set("γδ") for name in sample(masked, "Y", count=200, seed=1))


@pytest.mark.parametrize("added", [-1, 10_000])
def test_a_file_with_more_added_letters_than_letters_is_refused(model, tmp_path, added):
    replace(model, added_letters=added).save(tmp_path / "m")

    with pytest.raises(ModelFileError, match="added letters"):
        load_model_file(tmp_path / "m")

"""Closed categories: known names, as often as each occurs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from distributions import chi_square_fits
from model_files import with_tensors
from namegen.errors import ModelFileError, NamegenError, UsageError
from namegen.models.closed import ClosedNames
from namegen.models.serialization import load_model_file
from namegen.sampling.generate import iterate, sample
from namegen.sampling.top_names import top
from support import make_model

WEIGHTS = {"김": 5.0, "이": 3.0, "남궁": 1.5, "Øst": 0.5}


@pytest.fixture
def model():
    closed = ClosedNames(tuple(WEIGHTS), np.array(list(WEIGHTS.values()), dtype=np.float32))
    return replace(make_model(), closed={"Korean/surname": closed})


def test_names_are_as_frequent_as_their_weights(model):
    counts = Counter(sample(model, "Korean/surname", count=20_000, seed=1))

    assert chi_square_fits(counts, {name: weight / 10 for name, weight in WEIGHTS.items()})


def test_the_category_is_found_in_any_case_and_listed_with_the_others(model):
    assert set(sample(model, "korean/SURNAME", count=20)) <= set(WEIGHTS)
    assert "Korean/surname" in model.all_categories
    assert set(model.all_categories) > set(model.categories)


def test_names_do_not_depend_on_how_many_are_sampled(model):
    assert sample(model, "Korean/surname", count=300, seed=7)[:5] == sample(model, "Korean/surname", count=5, seed=7)


def test_prefixes_filters_and_unique_apply(model):
    assert set(sample(model, "Korean/surname", ["남", "Ø"], count=3)) == {"남궁", "Øst"}
    assert set(sample(model, "Korean/surname", count=30, min_length=2, seed=1)) == {"남궁", "Øst"}
    assert set(sample(model, "Korean/surname", count=30, max_length=1, seed=1)) == {"김", "이"}
    assert set(sample(model, "Korean/surname", count=30, exclude=["김"], seed=1)) == set(WEIGHTS) - {"김"}
    assert sorted(sample(model, "Korean/surname", count=4, unique=True, seed=1)) == sorted(WEIGHTS)
    assert set(sample(model, "Korean/surname", count=40, ascii=True, seed=1)) == {"Gim", "I", "Namgung", "Ost"}


def test_scores_are_the_logarithms_of_the_shares(model):
    for generated in iterate(model, "Korean/surname", count=20, scores=True, seed=1):
        assert generated.score == pytest.approx(np.log(WEIGHTS[generated.name] / 10))
        assert generated.category == "Korean/surname"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"novel": True}, "all names of Korean/surname are known ones"),
        ({"temperature": 2.0}, "leave out --temperature"),
        ({"top_p": 0.5}, "leave out --top-p"),
    ],
)
def test_settings_without_effect_are_refused(model, options, message):
    with pytest.raises(UsageError, match=message):
        sample(model, "Korean/surname", **options)


def test_no_name_with_a_prefix_is_an_error_that_says_so(model):
    with pytest.raises(NamegenError, match="no name of the closed category Korean/surname begins with '이'"):
        sample(model, "Korean/surname", ["이"], exclude=["이"])
    with pytest.raises(UsageError, match="closed category"):
        top(model, "Korean/surname")
    with pytest.raises(NamegenError, match="only 4 different names"):
        sample(model, "Korean/surname", count=5, unique=True)


def test_closed_categories_are_read_back_as_they_were_written(model, tmp_path):
    model.save(tmp_path / "m")
    read = load_model_file(tmp_path / "m")

    assert read.closed["Korean/surname"].names == tuple(WEIGHTS)
    assert sample(read, "Korean/surname", count=9, seed=1) == sample(model, "Korean/surname", count=9, seed=1)


@pytest.mark.parametrize(
    "tensors",
    [
        {"closed.weights": np.array([1, 1, 0, 1], dtype=np.float32)},
        {"closed.weights": np.array([1, 1, np.nan, 1], dtype=np.float32)},
        {"closed.sizes": np.array([3], dtype=np.int64)},
        {"closed.names": np.frombuffer(b"a\nb\n\nc\n", dtype=np.uint8)},
        {"closed.names": np.frombuffer(b"a\nb\x1b[2J\nd\nc\n", dtype=np.uint8)},
    ],
)
def test_malformed_closed_categories_are_refused(model, tmp_path, tensors):
    model.save(tmp_path / "m")
    with_tensors(tmp_path / "m", tensors)

    with pytest.raises(ModelFileError):
        load_model_file(tmp_path / "m")

"""Numbers in arguments: numpy's are accepted, booleans are not."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

import namegen
from namegen.config import Distillation
from namegen.recipes import training_config
from support import make_bigram_model

NAN = float("nan")


def fair_model():
    """A model that gives a and b alike, and the end a little more often."""
    return make_bigram_model(np.log([[0.3, 0.3, 0.4]] * 3))


def kind(value):
    """An id of a value that may have too many digits to be written."""
    return type(value).__name__


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", np.int64(2)),
        ("seed", np.uint32(3)),
        ("temperature", np.float32(0.5)),
        ("top_k", np.int32(2)),
        ("top_p", np.float16(0.5)),
        ("min_length", np.int16(1)),
    ],
)
def test_numbers_of_numpy_are_as_good_as_pythons(name, value):
    model = fair_model()
    given = {"seed": 1, "count": 3, name: value}
    assert namegen.sample(model, **given) == namegen.sample(model, **{**given, name: value.item()})


def test_a_configuration_made_with_numbers_of_numpy_can_be_stored():
    config = training_config(
        iterations=np.int64(10), dropout=np.float32(0.5), distillation=Distillation(teachers=np.int32(1))
    )
    assert json.loads(json.dumps(asdict(config)))["dropout"] == 0.5
    assert type(config.iterations) is int
    assert type(config.distillation.teachers) is int


@pytest.mark.parametrize("value", [True, np.bool_(1), 1.5, NAN, np.inf, "3", -1, -(10**5000)], ids=kind)
@pytest.mark.parametrize("name", ["count", "seed", "top_k", "max_length", "min_length"])
def test_what_is_no_whole_number_is_refused_in_a_few_words(name, value):
    with pytest.raises(namegen.UsageError, match="must be a whole number") as refused:
        namegen.sample(fair_model(), **{name: value})
    assert len(str(refused.value)) < 180


@pytest.mark.parametrize(
    "value", [True, np.bool_(0), NAN, np.float64("nan"), np.inf, -np.inf, "hot", 10**400, -1], ids=kind
)
@pytest.mark.parametrize("name", ["temperature", "top_p", "dropout", "guidance"])
def test_what_is_no_number_or_out_of_range_is_refused_in_a_few_words(name, value):
    with pytest.raises(namegen.UsageError, match="must be") as refused:
        namegen.sample(fair_model(), **{name: value})
    assert len(str(refused.value)) < 180

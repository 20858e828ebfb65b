"""Numbers in arguments: numpy's are accepted, booleans are not."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import product

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


BAD = (True, np.bool_(0), NAN, np.inf, -np.inf, "3", -1, -(10**5000))
INTEGERS = ("count", "seed", "top_k", "max_length", "min_length")
NUMBERS = ("temperature", "top_p", "dropout", "guidance")


@pytest.mark.parametrize(
    ("name", "value"),
    [*product(INTEGERS, (*BAD, 1.5)), *product(NUMBERS, (*BAD, 10**400))],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_value_of_another_type_or_out_of_range_is_a_short_error(name, value):
    with pytest.raises(
        namegen.UsageError, match="must be a whole number" if name in INTEGERS else "must be"
    ) as refused:
        namegen.sample(fair_model(), **{name: value})
    assert len(str(refused.value)) < 180

"""Settings given as text."""

from __future__ import annotations

import pytest

from namegen.config import Distillation
from namegen.errors import UsageError
from namegen.recipes import training_config
from namegen.training.settings import complete_settings, find_ineffective, list_settings, parse_settings


def build(*texts, recipe="default"):
    return training_config(recipe, **complete_settings(parse_settings(texts), training_config(recipe)))


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("weight_decay=0.3", "weight_decay", 0.3),
        ("Weight-Decay = 1".lower(), "weight_decay", 1.0),
        ("iterations=1e4", "iterations", 10_000),
        ("seed=9007199254740993", "seed", 9007199254740993),
        ("keep_repeats=true", "keep_repeats", True),
        ("clip=none", "clip", None),
        ("clip=2.5", "clip", 2.5),
        ("ngram_order=none", "ngram_order", None),
        ("schedule=constant", "schedule", "constant"),
        ("nonlinearity=none", "nonlinearity", "none"),
    ],
)
def test_a_setting_has_the_type_that_it_needs(text, name, value):
    found = getattr(build(text), name)
    assert (found, type(found)) == (value, type(value))


def test_every_setting_can_be_set_to_the_value_it_has():
    config = training_config("best")
    settings = {**vars(config), **{f"distillation.{name}": value for name, value in vars(config.distillation).items()}}
    for name in set(list_settings()) - {"distillation"}:
        value = settings[name]
        assert build(f"{name}={str(value).lower()}", recipe="best") == config
    assert set(settings) - set(list_settings()) == {"recipe", "init"}


def test_settings_of_distillation_are_based_on_those_of_the_recipe():
    assert build("distillation.teachers=3", "distillation.dropout=none").distillation == Distillation(teachers=3)
    best = training_config("best").distillation
    found = build("distillation.share=0.2", recipe="best").distillation
    assert found.share == 0.2
    assert found.hidden_size == best.hidden_size
    assert build("distillation=none", recipe="best").distillation is None


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["weight_decya=0.3"], "'weight_decya' is not a setting; did you mean weight_decay"),
        (["teachers=3"], "did you mean distillation.teachers"),
        (["weight"], "write it as NAME=VALUE"),
        (["=3"], "write it as NAME=VALUE"),
        (["zzz=3"], "use one of iterations, architecture"),
        (["recipe=best"], "use --recipe"),
        (["init=pretrained"], "use --init"),
        (["batch_size=many"], "batch_size must be a whole number, not 'many'"),
        (["iterations=1.5"], "iterations must be a whole number, not '1.5'"),
        (["clip=much"], "clip must be a number, or none, not 'much'"),
        (["sos=yes"], "sos must be true or false, not 'yes'"),
        (["distillation=3"], "distillation must be none"),
        (["seed=1", "seed=2"], "the setting seed is given twice"),
        (["distillation=none", "distillation.teachers=3"], "cannot be combined"),
    ],
)
def test_what_is_not_a_setting_is_one_line_that_says_what_is(texts, message):
    with pytest.raises(UsageError, match=message) as raised:
        parse_settings(texts)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weight_decay=-1", "weight decay must be a number from 0 to 100, not -1"),
        ("weight_decay=nan", "weight decay must be a number from 0 to 100, not nan"),
        ("optimiser=adam", "optimiser must be one of adamw, sgd, not 'adam'"),
        ("distillation.teachers=0", "distillation teachers must be"),
    ],
)
def test_a_value_out_of_range_is_an_error_of_the_configuration(text, message):
    with pytest.raises(UsageError, match=message):
        build(text)


def test_settings_without_effect_are_found():
    parts = {"nonlinearity": "none", "weight_decay": 0.1, "warmup": 0.1, "ngram_share": 0.1, "seed": 2}
    assert find_ineffective(training_config(), parts) == [
        "nonlinearity has no effect, because the architecture is gru",
    ]
    config = training_config("tutorial", ngram_order=None)
    assert len(find_ineffective(config, parts)) == 3

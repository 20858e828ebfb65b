"""The configurations and the named recipes."""

from __future__ import annotations

import math

import pytest

from namegen.config import Distillation, SamplingConfig, TrainingConfig, fit_to_data
from namegen.errors import UsageError
from namegen.recipes import RECIPES, training_config


def test_the_tutorial_recipe_is_the_tutorial():
    training, sampling = RECIPES["tutorial"].training, RECIPES["tutorial"].sampling

    assert (training.architecture, training.nonlinearity, training.sos) == ("rnn", "none", False)
    assert (training.hidden_size, training.dropout) == (128, 0.1)
    assert (training.optimiser, training.learning_rate, training.batch_size) == ("sgd", 0.0005, 1)
    assert (training.iterations, training.history_interval) == (100_000, 500)
    assert (training.category_exponent, training.keep_repeats, training.validation) == (0.0, True, 0.0)
    assert (training.schedule, training.clip, training.averaging, training.weight_decay) == ("constant", None, 0.0, 0.0)
    assert (sampling.greedy, sampling.dropout) == (True, 0.1)


def test_a_part_given_beside_a_recipe_replaces_that_part_alone():
    changed = training_config("tutorial", hidden_size=64)

    assert changed.hidden_size == 64
    assert changed.learning_rate == 0.0005
    assert (changed.recipe, changed.architecture) == ("tutorial", "rnn")


@pytest.mark.parametrize(
    ("iterations", "batch_size", "learning_rate"),
    [(30_000, 32, 0.01), (30_001, 32, 6e-3), (50_000, 32, 6e-3), (50_001, 64, 6e-3)],
)
def test_a_short_run_takes_smaller_batches_and_a_higher_learning_rate(iterations, batch_size, learning_rate):
    config = training_config(iterations=iterations)
    assert (config.batch_size, config.learning_rate) == (batch_size, learning_rate)

    given = training_config(iterations=iterations, batch_size=7, learning_rate=0.5)
    assert (given.batch_size, given.learning_rate) == (7, 0.5)

    tutorial = training_config("tutorial", iterations=iterations)
    assert (tutorial.batch_size, tutorial.learning_rate) == (1, 0.0005)


def test_the_rnn_without_the_tutorial_has_tanh_and_an_sos_token():
    config = training_config(architecture="rnn")

    assert (config.nonlinearity, config.sos, config.dropout) == ("tanh", True, 0.1)
    assert training_config(architecture="rnn", dropout=0.3).dropout == 0.3


@pytest.mark.parametrize(
    ("counts", "dropout", "weight_decay"), [((100, 4_000), 0.6, 0.3), ((30_000,), 0.3, 0.1), ((1_001, 4_000), 0.3, 0.1)]
)
def test_teachers_of_large_categories_are_regularised_less(counts, dropout, weight_decay):
    teacher, *_, taught = fit_to_data(training_config("best"), counts).stages

    assert (teacher.dropout, teacher.weight_decay) == (dropout, weight_decay)
    assert (taught.dropout, taught.weight_decay) == (0.0, 0.01)


def test_explicit_settings_of_teachers_do_not_depend_on_the_data():
    given = training_config("best", distillation=Distillation(dropout=0.1, weight_decay=0.0))

    assert fit_to_data(given, [30_000]) == given
    assert fit_to_data(training_config(), [30_000]) == training_config()


def test_an_unknown_recipe_is_an_error_that_names_the_known_ones():
    with pytest.raises(UsageError, match="default, best, tutorial, instant"):
        training_config("secret")


@pytest.mark.parametrize(("temperature", "greedy"), [(0.0, True), (1e-8, True), (0.01, False), (1.0, False)])
def test_a_temperature_too_small_to_divide_by_is_greedy(temperature, greedy):
    assert SamplingConfig(temperature=temperature).greedy is greedy


@pytest.mark.parametrize(
    ("config", "name", "values"),
    [
        (TrainingConfig, "iterations", [0, 1.5]),
        (TrainingConfig, "architecture", ["perceptron"]),
        (TrainingConfig, "hidden_size", [0]),
        (TrainingConfig, "dropout", [1.0, math.nan]),
        (TrainingConfig, "batch_size", [-1]),
        (TrainingConfig, "learning_rate", [0.0, math.inf, math.nan]),
        (TrainingConfig, "validation", [1.0]),
        (TrainingConfig, "seed", [-1, 10**400]),
        (TrainingConfig, "clip", [10**400]),
        (SamplingConfig, "temperature", [-1.0, math.nan, math.inf]),
        (SamplingConfig, "top_k", [0]),
        (SamplingConfig, "top_p", [0.0, 1.1, math.nan]),
        (SamplingConfig, "max_length", [0]),
    ],
)
def test_a_setting_out_of_range_is_an_error_that_says_which(config, name, values):
    for value in values:
        with pytest.raises(UsageError, match=f"^{name.replace('_', '.')[:5]}.* must be .* not "):
            config(**{name: value})

"""Prefixes: brought into the alphabet and case of a model."""

from __future__ import annotations

import string

import pytest

from namegen.errors import UsageError
from namegen.recipes import training_config
from namegen.sampling.prefixes import fit_prefix
from support import make_model


@pytest.mark.parametrize(
    ("casing", "prefix", "fitted"),
    [
        *[("capitalised", *pair) for pair in [("Ł", "L"), ("Æ", "Ae"), ("s", "S"), ("sch", "Sch"), ("SCH", "Sch")]],
        *[("capitalised", *pair) for pair in [("McD", "McD"), ("O'B", "O'B"), ("", ""), ("van ", "Van ")]],
        *[("lower", *pair) for pair in [("Ł", "l"), ("Æ", "ae"), ("Sch", "sch"), ("SCH", "sch")]],
        *[("upper", *pair) for pair in [("sch", "SCH"), ("AB", "AB")]],
        ("none", "sCh", "sCh"),
    ],
)
def test_a_prefix_is_transliterated_and_takes_the_case_of_the_training_names(casing, prefix, fitted):
    model = make_model(training_config(hidden_size=2), letters=string.ascii_letters + "' ", casing=casing)

    assert fit_prefix(model, prefix) == fitted


@pytest.mark.parametrize("prefix", ["9", "a9", "?", " ", "\u0301"])
def test_an_impossible_prefix_is_an_error_that_shows_the_letters(prefix):
    with pytest.raises(UsageError, match=r"no name can begin with .*: the model's letters are a b"):
        fit_prefix(make_model(), prefix)


@pytest.mark.parametrize(("prefix", "max_length", "limit"), [("abab", 3, "3"), ("a" * 10_001, None, "10,000")])
def test_a_prefix_longer_than_a_name_may_be_is_an_error(prefix, max_length, limit):
    with pytest.raises(UsageError, match=f"longer than the max length of {limit}"):
        fit_prefix(make_model(), prefix, max_length)

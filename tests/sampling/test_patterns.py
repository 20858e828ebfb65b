"""How large regular expressions are: those that no timeout would end are refused, ordinary ones are not."""

from __future__ import annotations

import contextlib
import time

import numpy as np
import pytest

from namegen import Filters, NamegenError, UsageError
from namegen.datasets.encoding import EncodedNames
from namegen.sampling import filters
from namegen.sampling.filters import NameFilter, Verdict
from namegen.sampling.patterns import expanded_size
from support import make_model

NESTED = "(" * 30 + "[a-z]" + ")+" * 30


@pytest.mark.parametrize(
    ("expression", "least"),
    [
        ("abc", 3),
        ("a{1000}", 1000),
        ("a{1000,}", 1000),
        ("[abc]{1000}", 1000),
        (r"\p{L}{1000}", 1000),
        ("(?:a{1000}){1000}", 10**6),
        ("(?:a{1000}b*){1000}", 10**6),
        ("(?:(?:a{1000}){1000}){1000}", 10**9),
        ("(?:a|b){1000000000}", 10**9),
        ("(?:){1000000000}", 10**9),
        ("(?:[)]a{1000}){1000}", 10**6),
        (r"(?:\)a{1000}){1000}", 10**6),
        ("(?:[])]a{1000}){1000}", 10**6),
        ("(?:(?#a comment (of a kind)a{1000}){1000}", 10**6),
        ("(?V1)(?:a{1000}[[x](]){1000}", 10**6),
        ("(?:[[:alpha:](]a{1000}){1000}", 10**6),
        ("a{" + "9" * 6000 + "}", 10**9),
        ("(?:a+)+", 3),
        (NESTED, 10**9),
        ("a" * 300 + ")" * 50 + "{1000000}", 10**8),
    ],
    ids=lambda part: str(part)[:30],
)
def test_repetitions_are_reckoned_at_least_as_large_as_they_are(expression, least):
    assert expanded_size(expression) >= least


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "[A-Z][a-z]+(-[A-Z][a-z]+)+",
        "(?i)(?:mac|mc|o'){1}[a-z]{3,12}",
        "(?V1)[[a-z]--[aeiou]]{3,8}",
        "[[:alpha:]]{5}",
        r"\(?R.*\)?",
        "[(?R)]+",
        r"(?P<x>.)(?P=x).*",
        r".*(.)\1.*",
        "(?:anna){e<=2}",
        "(?=.{5,8}$)(?!.*x).*",
        "|".join(["Anna", "Otto"] * 200),
    ],
    ids=lambda part: part[:30],
)
def test_ordinary_expressions_are_small(expression):
    assert Filters(match=expression).match == expression


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("a{1000000}", "too large"),
        ("(?:a{1000}){1000}", "too large"),
        ("(?:a|bc){1000000,}", "too large"),
        (NESTED, "too large"),
        ("a" * 2**20, "too large"),
        ("(" * 2**20, "too large"),
        ("(?R)", "call itself"),
        ("(?:a(?R)?b|(?R))", "call itself"),
        ("(a(?1))", "call itself"),
        ("(?P<n>a(?&n))", "call itself"),
        ("(?P<n>a(?P>n))", "call itself"),
        ("(a)(?-1)", "call itself"),
        ("(?x)(?:a b) {3}", "flag x"),
        ("(?ix:a)", "flag x"),
        ("(", "no regular expression"),
        ("[", "no regular expression"),
        ("a{2,1}", "no regular expression"),
        (r"\p{nonsense}", "no regular expression"),
        ("(?:" * 900 + ")" * 900, "no regular expression"),
        (3, "must be a regular expression"),
    ],
    ids=lambda part: str(part)[:20],
)
def test_what_cannot_be_bounded_is_refused_at_once(expression, complaint):
    began = time.monotonic()
    with pytest.raises(UsageError, match=complaint) as refused:
        Filters(match=expression)
    assert len(str(refused.value)) < 200
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("expression", ["\x1b[31m(", "(\n\x07", "(\u202e", "(\0"])
def test_control_characters_of_an_expression_are_shown_escaped(expression):
    with pytest.raises(UsageError) as refused:
        Filters(match=expression)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "expression",
    [
        "(a+)+$",
        "(a|a)*b",
        "(?:(?:(?:(?=.*).*)*)*)*!",
        r"(a*)*\1\1\1b",
        "(?=(a+)+b)(?=(a|aa)+c).*",
        "(?<=(a+)+)b!",
        "(?:(?:a|b|ab)+)+!",
        "(?:.*?,){20}P",
        "(?:(?:a+b*)+x){e<=9}!{e<=1}",
        ".*" * 30 + "!",
        "(?:a?){40}a{40}!",
    ],
)
def test_an_expression_that_backtracks_exponentially_ends_in_bounded_time(monkeypatch, expression):
    monkeypatch.setattr(filters, "_SECONDS", 0.3)
    model = make_model(letters="ab")
    for name in ("a" * 60, "ab" * 1000, "a" * 10_000):
        letters = model.alphabet.encode(name)
        began = time.monotonic()
        with contextlib.suppress(NamegenError):  # it takes too long
            verdicts = NameFilter(model, Filters(match=expression)).verdicts(
                EncodedNames.from_flat(letters, np.array([len(letters)]))
            )
            assert verdicts.tolist() in ([Verdict.ACCEPTED], [Verdict.UNMATCHED])
        assert time.monotonic() - began < 5

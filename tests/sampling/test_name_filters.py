"""Filters: names follow the model's distribution conditioned on the filters, and every effort is bounded."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import os
import re
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from distributions import LOGITS, TABLE, chi_square_fits, name_shares
from namegen.config import SamplingConfig
from namegen.datasets.alphabet import Alphabet
from namegen.datasets.encoding import EncodedNames
from namegen.errors import DataError, NamegenError, UsageError
from namegen.sampling.generate import iterate, sample
from namegen.sampling.name_filters import Filters, NameFilter, read_exclusions
from namegen.sampling.top_names import top, top_blocks
from support import knowing, make_bigram_model


def encode(alphabet, names):
    rows = [alphabet.encode(name) for name in names]
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    return EncodedNames.from_flat(np.concatenate(rows).astype(np.uint8), lengths)


def condition_on(shares, holds):
    """Return a distribution conditioned on an event."""
    total = sum(share for name, share in shares.items() if holds(name))
    return {name: share / total if holds(name) else 0.0 for name, share in shares.items()}


@pytest.fixture
def impatient(monkeypatch):
    """Give up after 1,024 rejections."""
    monkeypatch.setattr("namegen.sampling.rejection.MAX_REJECTIONS", 1024)
    monkeypatch.setattr("namegen.sampling.generate.MAX_REJECTIONS", 1024)


KNOWN = ("a", "b", "aa", "aab")
CONDITIONS = {
    "min length": ({"min_length": 3}, lambda name: len(name) >= 3),
    "novel": ({"novel": True}, lambda name: name not in KNOWN),
    "match": ({"match": "a.*b+"}, lambda name: re.fullmatch("a.*b+", name)),
    "exclude": ({"exclude": ["AB", "b"]}, lambda name: name not in {"ab", "b"}),
    "exclude parts": (
        {"exclude_parts": ["BA", "bb", "abbab"]},
        lambda name: "ba" not in name and "bb" not in name,
    ),
    "all": (
        {"min_length": 2, "novel": True, "match": "a.*", "exclude": ["ab"]},
        lambda name: len(name) >= 2 and name not in (*KNOWN, "ab") and name.startswith("a"),
    ),
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_names_have_the_models_probabilities_given_the_condition(condition):
    parts, holds = CONDITIONS[condition]
    model = knowing(make_bigram_model(LOGITS), *KNOWN)
    sampled = Counter(sample(model, "X", count=10_000, seed=1, max_length=8, **parts))

    assert chi_square_fits(sampled, condition_on(name_shares(TABLE, 8), holds))


@pytest.mark.parametrize("parts", [{"novel": True}, {"match": "a.*"}, {"min_length": 4, "unique": True}])
def test_more_names_begin_with_those_of_a_smaller_count(parts):
    model = knowing(make_bigram_model(LOGITS, categories=("X", "Y"), first_letters=[[1, 1]] * 2), *KNOWN)
    many = sample(model, prefixes=["a"], count=150, seed=1, max_length=12, **parts)

    assert sample(model, prefixes=["a"], count=7, seed=1, max_length=12, **parts) == many[:7]
    assert len(many) == 150


def test_filters_that_every_name_passes_change_no_name():
    model = knowing(make_bigram_model(LOGITS, categories=("X", "Y"), first_letters=[[1, 1]] * 2), "zzz")
    plain = list(iterate(model, prefixes=["", "ab"], count=200, seed=1))

    parts = {"novel": True, "match": "[ab]+", "min_length": 1, "exclude": ["c"]}
    assert list(iterate(model, prefixes=["", "ab"], count=200, seed=1, **parts)) == plain


def test_filters_can_be_given_as_an_object_or_by_their_fields():
    model, filters = make_bigram_model(LOGITS), Filters(match="a.*", min_length=3)
    names = sample(model, "X", count=20, seed=1, filters=filters)

    assert names == sample(model, "X", count=20, seed=1, match="a.*", min_length=3)
    assert sample(model, "X", count=20, seed=1, filters=filters, match="b.*") != names


@pytest.mark.parametrize(
    ("name", "hint"), [("tempratur", "did you mean temperature"), ("heat", "temperature.*unique.*min_length")]
)
def test_an_unknown_setting_is_an_error_that_suggests_one_or_lists_all(name, hint):
    with pytest.raises(UsageError, match=rf"no argument '{name}'; .*{hint}"):
        iterate(make_bigram_model(LOGITS), "X", **{name: 1})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"min_length": 0}, "min length"),
        ({"min_length": 2.5}, "min length"),
        ({"min_length": True}, "min length"),
        ({"match": 3}, "must be a regular expression"),
        ({"exclude": "Anna"}, "exclude must be a list of names or words"),
        ({"exclude": None}, "exclude must be a list of names or words"),
        ({"exclude": [None]}, "exclude must be a list of names or words"),
        ({"novel": "yes"}, "novel must be true or false, not yes"),
        ({"unique": None}, "unique must be true or false, not None"),
        ({"ascii": 1}, "ascii must be true or false, not 1"),
    ],
    ids=str,
)
def test_filters_are_checked_when_they_are_built(wrong, message):
    with pytest.raises(UsageError, match=message):
        Filters(**wrong)
    assert Filters(novel=np.True_).novel is True


# Regular expressions


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("(?:a|bc){1000000,}", "too large"),  # would crash the process
        ("(?:(?:a{1000}){1000}){1000}", "too large"),  # would take all memory
        ("(" * 30 + "[a-z]" + ")+" * 30, "too large"),
        ("a" * 2**20, "too large"),
        ("(?:" * 900 + ")" * 900, "not a regular expression"),
        ("a{100000}{1000}", "not a regular expression"),
        ("a{2,1}", "not a regular expression"),
        ("\x1b[31m(\n\0", "not a regular expression"),
    ],
    ids=lambda part: str(part)[:20],
)
def test_an_unusable_expression_is_one_short_printable_error(expression, complaint):
    with pytest.raises(UsageError, match=complaint) as refused:
        Filters(match=expression)
    assert len(str(refused.value)) < 200
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "expression",
    [r"(a*)*\1\1\1b", "(?<=(a+)+)b!", ".*" * 30 + "!", "(?:a?){40}a{40}!", "(?:a(?R)?b|(?R))", "((?1)?)!"],
)
def test_an_expression_that_backtracks_exponentially_ends_in_bounded_time(monkeypatch, expression):
    monkeypatch.setattr("namegen.sampling.name_filters._MATCH_SECONDS", 0.1)
    model = make_bigram_model(LOGITS)
    for name in ("a" * 60, "a" * 10_000):
        with contextlib.suppress(NamegenError):  # it takes too long
            begin = time.monotonic()
            assert not NameFilter(model, Filters(match=expression)).accepts(encode(model.alphabet, [name])).any()
        assert time.monotonic() - begin < 5


def test_an_expression_that_takes_too_long_is_one_clear_error(monkeypatch):
    monkeypatch.setattr("namegen.sampling.name_filters._MATCH_SECONDS", 0.2)
    with pytest.raises(NamegenError, match="takes too long to match"):
        sample(make_bigram_model(LOGITS), "X", ["a" * 60], match="(?:a|aa|ab|b|bb)*(?:aaab|bbba){9}")


@pytest.mark.parametrize("lengths", [{"min_length": 5, "max_length": 4}, {"min_length": 21}])
def test_a_min_length_beyond_what_names_may_have_is_wrong_usage(lengths):
    with pytest.raises(UsageError, match=r"min length of \d+ is more than"):
        iterate(make_bigram_model(LOGITS), "X", **lengths)


# Unique


def test_unique_names_are_the_ordinary_ones_without_repetitions():
    model = make_bigram_model(LOGITS)
    ordinary = sample(model, "X", count=20_000, seed=3)

    assert sample(model, "X", count=300, seed=3, unique=True) == list(dict.fromkeys(ordinary))[:300]


@pytest.mark.parametrize("parts", [{}, {"match": "a.*"}])
def test_unique_names_of_several_prefixes_do_not_repeat_those_of_the_prefixes_before(parts):
    model, expected = make_bigram_model(LOGITS), {}
    for place, prefix in enumerate(["ab", "a", "ab"]):
        ordinary = sample(model, "X", [prefix], count=8_000, seed=4 + (place << 64), **parts)
        fresh = [name for name in dict.fromkeys(ordinary) if name not in expected][:30]
        expected.update(dict.fromkeys(fresh))

    assert sample(model, "X", ["ab", "a", "ab"], count=30, seed=4, unique=True, **parts) == list(expected)


def test_the_first_two_unique_names_have_the_distribution_of_sampling_without_replacement():
    model, shares = make_bigram_model(LOGITS), name_shares(TABLE, 2)
    pairs = Counter(tuple(sample(model, "X", count=2, seed=s, unique=True, max_length=2)) for s in range(800))

    assert chi_square_fits(
        pairs, {(x, y): p * q / (1 - p) for x, p in shares.items() for y, q in shares.items() if x != y}
    )


def test_unique_without_a_category_ignores_the_category():
    model = make_bigram_model(LOGITS, categories=("X", "Y", "Z"), first_letters=[[1, 1]] * 3)
    unique = list(iterate(model, count=400, seed=1, unique=True))
    ordinary = {}
    for generated in iterate(model, count=30_000, seed=1):
        ordinary.setdefault(generated.name, generated)

    assert unique == list(ordinary.values())[:400]
    assert len({generated.category for generated in unique}) == 3


def test_if_names_run_out_the_existing_ones_come_before_the_error(impatient):
    made, names = iterate(make_bigram_model(LOGITS), "X", count=100, seed=1, unique=True, max_length=2), []
    with pytest.raises(NamegenError, match="only 6 different names: 1,024 more samples gave no other"):
        names.extend(generated.name for generated in made)

    assert sorted(names) == ["a", "aa", "ab", "b", "ba", "bb"]


# Errors


def test_names_come_before_the_error_up_to_the_first_that_cannot_be_sampled():
    model, names = make_bigram_model(LOGITS), []
    made = iterate(model, "X", ["a", "a", "b", "a"], count=2, seed=1, match="a.*")
    with pytest.raises(NamegenError, match=r"no name that begins with 'b' in 131,072 samples matches 'a\.\*'"):
        names.extend(generated.name for generated in made)

    assert names == sample(model, "X", ["a", "a"], count=2, seed=1, match="a.*")


def test_without_a_category_names_come_up_to_the_first_impossible_one(impatient):
    model, found = make_bigram_model(LOGITS, categories=("X", "Y"), first_letters=[[1, 1]] * 2), []
    model.weights["i2o.weight"][0, 1] = -1e4  # no a in Y
    made = iterate(model, count=100, seed=3, match=".*a.*")
    with pytest.raises(NamegenError, match="1,024 samples matches"):
        found.extend(generated.category for generated in made)
    plain = [generated.category for generated in iterate(model, count=100, seed=3)]

    assert found == plain[: plain.index("Y")]


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ({"match": "c.*"}, "in 1,024 samples matches 'c.*'"),
        ({"min_length": 3, "max_length": 3, "match": "..?"}, "has at least 3 letters and matches '..[?]'"),
        ({"novel": True, "max_length": 1}, "samples is novel"),
        ({"exclude": ["a", "b"], "max_length": 1}, "samples avoids the excluded words"),
    ],
)
def test_the_error_names_the_condition_that_is_in_the_way(impatient, parts, complaint):
    with pytest.raises(NamegenError, match=complaint) as raised:
        sample(knowing(make_bigram_model(LOGITS), *KNOWN), "X", seed=1, **parts)
    assert raised.value.exit_code == 1
    assert "\n" not in str(raised.value)


def test_greedy_decoding_is_not_repeated():
    model = make_bigram_model(LOGITS)
    with pytest.raises(NamegenError, match="greedy decoding gives only one name"):
        sample(model, "X", "a", temperature=0.0, match="b.*")
    made, names = iterate(model, "X", "a", count=2, temperature=0.0, unique=True), []
    with pytest.raises(NamegenError, match="only 1 different name"):
        names.extend(generated.name for generated in made)
    assert names == sample(model, "X", "a", temperature=0.0)


def test_a_model_without_its_training_names_cannot_sample_novel_ones():
    with pytest.raises(NamegenError, match="finish its training"):
        iterate(make_bigram_model(LOGITS), "X", novel=True)


# Exclusions

EXCLUDING = Alphabet(tuple("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ '-"))


@pytest.mark.parametrize(
    ("excluded", "name", "accepted"),
    [
        ("anna", "Anna", False),
        ("ANNA", "anna", False),
        ("Anna", "Annabel", True),
        ("Anna", "Anna Maria", False),
        ("Anna", "Lisa-Anna", False),
        ("Anna", "O'anna", False),
        ("Müller", "Muller", False),
        ("Straße", "Strasse", False),
        ("de la Cruz", "De La Cruz", False),
        ("de la Cruz", "Cruz", True),
        ("de la Cruz", "Maria de la Cruz", False),
        ("de la Cruz", "Maria de la Cruzada", True),
        ("O'Brien", "Mary O'Brien", False),
        ("O'Brien", "Mary Brien", True),
        ("Jean-Luc", "Jean-Luc Picard", False),
        ("Jean-Luc", "Jean Luc", False),
        ("  Anna ", "Anna", False),
        ("", "Anna", True),
    ],
)
def test_a_name_is_rejected_if_it_or_one_of_its_words_is_excluded(excluded, name, accepted):
    model = make_bigram_model(np.zeros((56, 56)), letters="".join(EXCLUDING.letters), first_letters=[[1] * 55])

    assert NameFilter(model, Filters(exclude=(excluded,))).accepts(encode(EXCLUDING, [name, "Other"])).tolist() == [
        accepted,
        True,
    ]


@pytest.mark.parametrize(
    ("letters", "excluded", "accepted"),
    [
        ("müler ", ("MU\u0308LLER", "re"), {"müller": False, "müre": True, "mü re": False, "mü": True}),
        ("abB1 ", ("B1",), {"a B": True, "a B1": False, "aB1": True}),
    ],
    ids=["compared as given too, and marks do not end words", "digits are part of a word"],
)
def test_exclusions_compare_words(letters, excluded, accepted):
    model = make_bigram_model(np.zeros((len(letters) + 1,) * 2), letters=letters)
    found = NameFilter(model, Filters(exclude=excluded)).accepts(encode(model.alphabet, accepted))

    assert found.tolist() == list(accepted.values())


def test_a_name_without_letters_in_ascii_is_sampled_again(impatient):
    model = make_bigram_model(np.log([[1e-9, 1e-9, 1], [1e-9, 1e-9, 1], [1, 3, 1e-9]]), letters="б\u0640")
    assert sample(model, count=50, seed=1, ascii=True) == ["b"] * 50
    assert set(sample(model, count=50, seed=1)) == {"б", "\u0640"}
    model = make_bigram_model(np.log([[1e-9, 1], [1, 1e-9]]), letters="\u0640")
    with pytest.raises(NamegenError, match="no name in 1,024 samples can be spelt in ASCII"):
        sample(model, ascii=True)


def test_exclusions_are_read_a_line_each(tmp_path):
    file = tmp_path / "list.txt"
    file.write_bytes("\ufeffAnna\r\n\n  de la Cruz \nMüller".encode())

    assert read_exclusions(file) == ("Anna", "de la Cruz", "Müller")


def test_exclusions_that_cannot_be_read_are_one_clear_error(tmp_path):
    (tmp_path / "latin").write_bytes("Anna\nMüller\n".encode("latin-1"))
    (tmp_path / "utf-16").write_bytes("Anna\nBert\n".encode("utf-16-le"))
    (tmp_path / "line").write_bytes(b"x" * 1_000_000)
    for path, complaint in {
        "none": "no file",
        ".": "cannot read",
        "latin": "line 2: not UTF-8",
        "utf-16": "line 1: not UTF-8 but UTF-16",
        "line": "line 1: more than 65,536 bytes",
    }.items():
        with pytest.raises(DataError, match=complaint):
            read_exclusions(tmp_path / path)


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no shell gives a command's output as a file here")
def test_exclusions_may_come_from_a_command(tmp_path):
    reading, writing = os.pipe()
    os.write(writing, b"Anna\nBert\n")
    os.close(writing)
    assert read_exclusions(f"/dev/fd/{reading}") == ("Anna", "Bert")
    os.close(reading)


# Scores and the most probable names


def log_share(name, rows=TABLE):
    """The log-probability of a name, from its letters one after the other."""
    places = [2, *("ab".index(letter) for letter in name), 2]
    with np.errstate(divide="ignore"):
        return float(np.log([rows[before][after] for before, after in itertools.pairwise(places)]).sum())


@pytest.mark.parametrize("parts", [{}, {"temperature": 0.4, "top_k": 2}, {"unique": True, "match": "a.*"}])
def test_scores_are_the_models_own_log_probabilities_whatever_the_settings(parts):
    model = make_bigram_model(LOGITS, categories=("X", "Y"), first_letters=[[1, 1]] * 2)
    names = list(iterate(model, count=40, seed=1, scores=True, **parts))

    assert [generated.score for generated in names] == pytest.approx([log_share(made.name) for made in names], abs=1e-5)
    plain = iterate(model, count=40, seed=1, **parts)
    assert [generated[:2] for generated in names] == [generated[:2] for generated in plain]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_most_probable_names_are_those_of_an_exhaustive_list(condition):
    parts, holds = CONDITIONS[condition]
    model = knowing(make_bigram_model(LOGITS, sampling=SamplingConfig(temperature=0.3)), *KNOWN)
    best = sorted(filter(holds, name_shares(TABLE, 7)), key=lambda name: -log_share(name))[:12]
    found = top(model, "X", count=12, max_length=7, **parts)

    assert [made.score for made in found] == pytest.approx([log_share(name) for name in best], abs=1e-5)
    assert all(holds(made.name) and math.isclose(log_share(made.name), made.score, abs_tol=1e-5) for made in found)
    assert len({made.name for made in found}) == 12


def test_if_there_are_fewer_names_they_come_before_the_error():
    model = make_bigram_model(LOGITS)

    assert len(top(model, "X", "b", count=10, max_length=2)) == 3
    made = top_blocks(model, "X", ["b"], count=10, max_length=2, scores=True)
    assert next(made).names == [generated.name for generated in top(model, "X", "b", count=3, max_length=2)]
    with pytest.raises(NamegenError, match="only 3 of 10 names that begin with 'b': no others exist"):
        next(made)


def test_only_unique_keeps_the_most_probable_names_of_two_prefixes_apart():
    model = make_bigram_model(LOGITS)
    first, again = (block.names for block in top_blocks(model, "X", ["a", "a"], count=3))
    one, other = (block.names for block in top_blocks(model, "X", ["a", "a"], count=3, unique=True))

    assert first == again == one
    assert one + other == [generated.name for generated in top(model, "X", "a", count=6)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"count": 0}, "the number of most probable names must be"),
        ({"count": 10**7}, "the number of most probable names must be"),
        ({"top_k": 3, "temperature": 0.5}, "temperature affects sampling"),
        (
            {"sharp": True},
            "no argument 'sharp'; use one of model, category, prefix, count, filters, max_length, unique, novel",
        ),
        ({"min_length": 5, "max_length": 4}, "more than the max length of 4"),
        ({"prefix": "9"}, "no name can begin with '9'"),
        ({"category": "Q"}, "no category 'Q'"),
    ],
)
def test_top_refuses_wrong_arguments(wrong, message):
    with pytest.raises(UsageError, match=message):
        top(make_bigram_model(LOGITS), **{"category": "X", **wrong})


def test_novel_names_are_not_held_out_names_either():
    model = knowing(make_bigram_model(LOGITS), "a", "ab")
    model = dataclasses.replace(model, held_out_hashes=knowing(model, "b", "ba").name_hashes)

    assert {"a", "b", "ab", "ba"} <= {*sample(model, "X", count=2000, seed=1)}
    assert not {"a", "b", "ab", "ba"} & {*sample(model, "X", count=2000, seed=1, novel=True)}


def test_no_name_comes_twice_even_if_different_letters_give_the_same_text():
    model = make_bigram_model(np.zeros((4, 4)), letters=("a", "b", "ab"))

    assert len({*sample(model, "X", count=200, seed=1, unique=True)}) == 200
    assert len({generated.name for generated in top(model, "X", count=50, max_length=4, unique=True)}) == 50


def test_all_filters_combine():
    model = knowing(make_bigram_model(LOGITS), *KNOWN)
    parts = {"unique": True, "novel": True, "min_length": 4, "match": ".*b", "exclude": ["abab"], "max_length": 9}
    names = sample(model, "X+X", ["a", "", "ba"], count=12, seed=5, **parts)

    assert len(names) == len(set(names)) == 36
    assert all(4 <= len(name) <= 9 and name.endswith("b") and name != "abab" for name in names)
    assert [name[0] for name in names[:12]] == ["a"] * 12
    assert [name[:2] for name in names[24:]] == ["ba"] * 12


def test_a_part_is_excluded_in_any_case_and_without_its_accents():
    model = make_bigram_model(np.zeros((8, 8)), letters="aAoOöÖд")

    def rejects(part, name):
        return not NameFilter(model, Filters(exclude_parts=[part])).accepts(encode(model.alphabet, [name]))[0]

    assert all(rejects("aO", name) for name in ("ao", "AO", "Ooaoo", "oaO"))
    assert not any(rejects("aO", name) for name in ("a", "oa", "aöo"))
    assert rejects(" ÖA ", "oöA")
    assert rejects("Öa", "oOao")
    assert rejects("o\u0308a", "öa")
    assert not rejects("凹", "Aoao")  # its transliteration is ao
    assert not rejects("a1", "Aoao")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ("ab", "must be a list"),
        ([5], "must be a list"),
        (["a", " "], "is empty, and would exclude all names"),
        (["a" * 101], "has 101 characters; shorten it to 100"),
    ],
)
def test_parts_that_cannot_be_excluded_are_wrong_usage(parts, message):
    with pytest.raises(UsageError, match=message):
        Filters(exclude_parts=parts)


def test_thousands_of_excluded_parts_are_as_fast_as_a_few():
    model = make_bigram_model(LOGITS)
    names = encode(model.alphabet, ["".join(name) for name in itertools.product("ab", repeat=12)])
    parts = [f"{'ab' * (number % 4)}{number}" for number in range(50_000)]
    few, many = (NameFilter(model, Filters(exclude_parts=chosen)) for chosen in (["bbbbbb"], [*parts, "bbbbbb"]))
    begin = time.perf_counter()
    accepted = many.accepts(names)

    assert time.perf_counter() - begin < 2
    assert (accepted == few.accepts(names)).all()


def test_if_the_model_repeats_its_list_the_error_names_ways_out(impatient):
    table = [[-1e4, 0.0, -1e4], [-1e4, -1e4, 0.0], [0.0, -1e4, -1e4]]  # always ab
    model = knowing(make_bigram_model(table), "ab")

    with pytest.raises(NamegenError, match=r"the model repeats its list of names.*--init pretrained.*--like"):
        sample(model, "X", novel=True)
    with pytest.raises(NamegenError, match="avoids the excluded words; loosen the filters"):
        sample(knowing(make_bigram_model(table), "b"), "X", novel=True, exclude=["ab"])

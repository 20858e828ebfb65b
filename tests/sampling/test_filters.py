"""Filters: names are the model's own, given that they are what was asked for; and no effort is endless."""

from __future__ import annotations

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
from namegen.datasets.alphabet import Alphabet
from namegen.datasets.encoding import EncodedNames
from namegen.errors import DataError, NamegenError, UsageError
from namegen.sampling import filters
from namegen.sampling import generate as sampling
from namegen.sampling import rejection as sampler
from namegen.sampling.filters import Filters, KeySet, NameFilter, read_exclusions
from namegen.sampling.generate import blocks, iterate, sample
from namegen.sampling.top import top, top_blocks
from support import knowing, make_bigram_model


def spelt(alphabet, names):
    """Names as their letters."""
    rows = [alphabet.encode(name) for name in names]
    return EncodedNames.from_flat(
        np.concatenate(rows).astype(np.uint8), np.array([len(row) for row in rows], dtype=np.int64)
    )


def given_that(shares, holds):
    """A distribution, given that something holds."""
    total = sum(share for name, share in shares.items() if holds(name))
    return {name: share / total if holds(name) else 0.0 for name, share in shares.items()}


@pytest.fixture
def impatient(monkeypatch):
    """Gives up after 1,024 draws in vain."""
    monkeypatch.setattr(sampler, "MAX_REJECTIONS", 1024)
    monkeypatch.setattr(sampling, "MAX_REJECTIONS", 1024)


KNOWN = ("a", "b", "aa", "aab")
CONDITIONS = {
    "min length": ({"min_length": 3}, lambda name: len(name) >= 3),
    "novel": ({"novel": True}, lambda name: name not in KNOWN),
    "match": ({"match": "a.*b+"}, lambda name: re.fullmatch("a.*b+", name)),
    "exclude": ({"exclude": ["AB", "b"]}, lambda name: name not in {"ab", "b"}),
    "all": (
        {"min_length": 2, "novel": True, "match": "a.*", "exclude": ["ab"]},
        lambda name: len(name) >= 2 and name not in (*KNOWN, "ab") and name.startswith("a"),
    ),
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_names_have_the_models_probabilities_given_the_condition(condition):
    parts, holds = CONDITIONS[condition]
    model = knowing(make_bigram_model(LOGITS), *KNOWN)
    drawn = Counter(sample(model, "X", count=10_000, seed=1, max_length=8, **parts))

    assert chi_square_fits(drawn, given_that(name_shares(TABLE, 8), holds))


@pytest.mark.parametrize("parts", [{"novel": True}, {"match": "a.*"}, {"min_length": 4, "unique": True}])
def test_more_names_begin_with_those_that_fewer_are(parts):
    model = knowing(make_bigram_model(LOGITS, categories=("X", "Y"), first_letters=[[1, 1]] * 2), *KNOWN)
    many = sample(model, prefixes=["a"], count=150, seed=1, max_length=12, **parts)

    assert sample(model, prefixes=["a"], count=7, seed=1, max_length=12, **parts) == many[:7]
    assert len(many) == 150


def test_filters_that_every_name_passes_change_no_name():
    model = knowing(make_bigram_model(LOGITS, categories=("X", "Y"), first_letters=[[1, 1]] * 2), "zzz")
    plain = list(iterate(model, prefixes=["", "ab"], count=200, seed=1))

    parts = {"novel": True, "match": "[ab]+", "min_length": 1, "exclude": ["c"]}
    assert list(iterate(model, prefixes=["", "ab"], count=200, seed=1, **parts)) == plain


def test_filters_can_be_given_whole_or_by_their_parts():
    model, given = make_bigram_model(LOGITS), Filters(match="a.*", min_length=3)

    drawn = sample(model, "X", count=20, seed=1, filters=given)
    assert drawn == sample(model, "X", count=20, seed=1, match="a.*", min_length=3)
    assert sample(model, "X", count=20, seed=1, filters=given, match="b.*") != drawn


def test_an_unknown_setting_is_wrong_usage_that_names_those_there_are():
    with pytest.raises(UsageError, match=r"'tempratur'.*min_length.*temperature"):
        iterate(make_bigram_model(LOGITS), "X", tempratur=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_length": 0},
        {"min_length": 2.5},
        {"min_length": True},
        {"match": "("},
        {"match": "(" * 5000 + ")" * 5000},
        {"exclude": "Anna"},
    ],
)
def test_filters_are_checked_where_they_are_built(wrong):
    with pytest.raises(UsageError):
        Filters(**wrong)


@pytest.mark.parametrize("lengths", [{"min_length": 5, "max_length": 4}, {"min_length": 21}])
def test_a_min_length_beyond_what_names_may_have_is_wrong_usage(lengths):
    with pytest.raises(UsageError, match=r"min length of \d+ is more than"):
        iterate(make_bigram_model(LOGITS), "X", **lengths)


# Unique


def test_unique_names_are_the_ordinary_ones_without_those_that_were_there_before():
    model = make_bigram_model(LOGITS)
    ordinary = sample(model, "X", count=20_000, seed=3)

    assert sample(model, "X", count=300, seed=3, unique=True) == list(dict.fromkeys(ordinary))[:300]


@pytest.mark.parametrize("parts", [{}, {"match": "a.*"}])
def test_unique_names_of_several_prefixes_leave_out_those_of_the_prefixes_before(parts):
    model, expected = make_bigram_model(LOGITS), {}
    for place, prefix in enumerate(["ab", "a", "ab"]):
        ordinary = sample(model, "X", [prefix], count=8_000, seed=4 + (place << 64), **parts)
        fresh = [name for name in dict.fromkeys(ordinary) if name not in expected][:30]
        expected.update(dict.fromkeys(fresh))

    assert sample(model, "X", ["ab", "a", "ab"], count=30, seed=4, unique=True, **parts) == list(expected)


def test_the_first_two_unique_names_are_distributed_as_if_the_second_was_drawn_until_it_differed():
    model, shares = make_bigram_model(LOGITS), name_shares(TABLE, 2)
    pairs = Counter(tuple(sample(model, "X", count=2, seed=s, unique=True, max_length=2)) for s in range(1500))

    assert chi_square_fits(
        pairs, {(x, y): p * q / (1 - p) for x, p in shares.items() for y, q in shares.items() if x != y}
    )


def test_unique_without_a_category_counts_the_name_alone():
    model = make_bigram_model(LOGITS, categories=("X", "Y", "Z"), first_letters=[[1, 1]] * 3)
    draws = list(iterate(model, count=400, seed=1, unique=True))

    assert len({draw.name for draw in draws}) == len(draws) == 400
    assert len({draw.category for draw in draws}) == 3
    ordinary = {}
    for draw in iterate(model, count=30_000, seed=1):
        ordinary.setdefault(draw.name, draw)
    assert draws == list(ordinary.values())[:400]


def test_where_names_run_out_those_there_are_come_before_the_error(impatient):
    made, taken = iterate(make_bigram_model(LOGITS), "X", count=100, seed=1, unique=True, max_length=2), []
    with pytest.raises(NamegenError, match="only 6 different names: 1,024 more samples gave no other"):
        taken.extend(draw.name for draw in made)

    assert sorted(taken) == ["a", "aa", "ab", "b", "ba", "bb"]


def test_the_end_of_the_names_does_not_depend_on_how_many_are_drawn_at_once(impatient, monkeypatch):
    model, found = make_bigram_model(LOGITS), []
    for block in (7, 100, 10_000):
        monkeypatch.setattr(sampling, "BLOCK_SIZE", block)
        found.append([])
        with pytest.raises(NamegenError):
            found[-1].extend(draw.name for draw in iterate(model, "X", count=500, seed=1, unique=True, max_length=6))

    assert found[0] == found[1] == found[2]
    assert len(found[0]) == len(set(found[0]))


def test_a_set_of_numbers_knows_what_was_added_in_whatever_portions():
    rng, seen, reference = np.random.default_rng(1), KeySet(), set()
    for size in [1] * 50 + [1000, 3, 1, 5000, 40] + [1] * 50:
        keys = rng.integers(0, 20_000, size).astype(np.uint64)
        new = seen.find_new(keys)
        expected = [place for place, key in enumerate(keys) if key not in reference and key not in keys[:place]]
        assert new.tolist() == expected
        if expected:
            seen.add(keys[new])
            reference.update(keys.tolist())


def test_different_names_have_different_keys_and_equal_ones_the_same_whatever_stands_beside_them():
    alphabet, names = Alphabet(tuple("abc")), []
    for length in range(1, 9):
        names += ["".join("abc"[n // 3**place % 3] for place in range(length)) for n in range(3**length)]
    keys = spelt(alphabet, names).keys()

    assert len(set(keys.tolist())) == len(names)
    assert (spelt(alphabet, names[:20]).keys() == keys[:20]).all()


# What cannot be met


def test_names_found_come_before_the_error_up_to_the_first_that_cannot_be_drawn():
    model, names, begin = make_bigram_model(LOGITS), [], time.monotonic()
    made = iterate(model, "X", ["a", "a", "b", "a"], count=2, seed=1, match="a.*")
    with pytest.raises(NamegenError, match=r"no name that begins with 'b' in 131,072 samples matches 'a\.\*'"):
        names.extend(draw.name for draw in made)

    assert names == sample(model, "X", ["a", "a"], count=2, seed=1, match="a.*")
    assert time.monotonic() - begin < 20


def model_whose_second_category_has_no_a():
    model = make_bigram_model(LOGITS, categories=("X", "Y"), first_letters=[[1, 1]] * 2)
    model.weights["i2o.weight"][0, 1] = -1e4
    return model


def test_without_a_category_the_names_before_the_first_impossible_one_come(impatient):
    model, taken = model_whose_second_category_has_no_a(), []
    made = iterate(model, count=100, seed=3, match=".*a.*")
    with pytest.raises(NamegenError, match="1,024 samples matches"):
        taken.extend(draw.category for draw in made)
    plain = [draw.category for draw in iterate(model, count=100, seed=3)]

    assert taken == plain[: plain.index("Y")]


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ({"match": "c.*"}, "in 1,024 samples matches 'c.*'"),
        ({"min_length": 3, "max_length": 3, "match": "..?"}, "has at least 3 letters and matches '..[?]'"),
        ({"novel": True, "max_length": 1}, "samples is novel"),
        ({"exclude": ["a", "b"], "max_length": 1}, "samples is free of what is excluded"),
    ],
)
def test_the_error_names_the_condition_that_is_in_the_way(impatient, parts, complaint):
    with pytest.raises(NamegenError, match=complaint) as raised:
        sample(knowing(make_bigram_model(LOGITS), *KNOWN), "X", seed=1, **parts)
    assert raised.value.exit_code == 1
    assert "\n" not in str(raised.value)


def test_where_nothing_is_left_to_chance_one_draw_is_enough():
    model = knowing(make_bigram_model(LOGITS), "ab")
    with pytest.raises(NamegenError, match="the greedy choice gives one name"):
        sample(model, "X", "a", temperature=0.0, match="b.*")
    made, names = iterate(model, "X", "a", count=2, temperature=0.0, unique=True), []
    with pytest.raises(NamegenError, match="only 1 different name"):
        names.extend(draw.name for draw in made)
    assert names == sample(model, "X", "a", temperature=0.0)


def test_a_model_that_does_not_know_its_training_names_cannot_call_any_novel():
    with pytest.raises(NamegenError, match="finish its training"):
        iterate(make_bigram_model(LOGITS), "X", novel=True)


def test_an_expression_that_takes_too_long_is_one_clear_error(monkeypatch):
    monkeypatch.setattr(filters, "_MATCH_SECONDS", 0.2)
    model = make_bigram_model(LOGITS)
    begin = time.monotonic()
    with pytest.raises(NamegenError, match="takes too long to match"):
        sample(model, "X", ["a" * 60], match="(?:a|aa|ab|b|bb)*(?:aaab|bbba){9}")
    assert time.monotonic() - begin < 5


# What is excluded

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

    assert NameFilter(model, Filters(exclude=(excluded,))).accepts(spelt(EXCLUDING, [name, "Other"])).tolist() == [
        accepted,
        True,
    ]


def test_what_is_excluded_is_compared_as_given_too_and_marks_are_no_ends_of_words():
    letters = "müler "
    model = make_bigram_model(np.zeros((7, 7)), letters=letters, first_letters=[[1] * 6])
    alphabet = Alphabet(tuple(letters))
    name_filter = NameFilter(model, Filters(exclude=("MU\u0308LLER", "re")))

    assert name_filter.accepts(spelt(alphabet, ["müller", "müre", "mü re", "mü"])).tolist() == [
        False,
        True,
        False,
        True,
    ]


def test_digits_are_part_of_a_word():
    model = make_bigram_model(np.zeros((6, 6)), letters="abB1 ")
    is_accepted = NameFilter(model, Filters(exclude=("B1",))).accepts(spelt(model.alphabet, ["a B", "a B1", "aB1"]))
    assert is_accepted.tolist() == [True, False, True]


def test_a_name_of_which_nothing_remains_in_ascii_is_drawn_again():
    model = make_bigram_model(np.log([[1e-9, 1e-9, 1], [1e-9, 1e-9, 1], [1, 3, 1e-9]]), letters="б\u0640")
    assert sample(model, count=50, seed=1, ascii=True) == ["b"] * 50
    assert set(sample(model, count=50, seed=1)) == {"б", "\u0640"}


def test_where_no_name_can_be_spelt_in_ascii_one_clear_error_says_so(impatient):
    model = make_bigram_model(np.log([[1e-9, 1], [1, 1e-9]]), letters="\u0640")
    with pytest.raises(NamegenError, match="no name in 1,024 samples can be spelt in ASCII"):
        sample(model, ascii=True)


def test_exclusions_are_read_a_line_each(tmp_path):
    file = tmp_path / "list.txt"
    file.write_bytes("\ufeffAnna\r\n\n  de la Cruz \nMüller".encode())

    assert read_exclusions(file) == ("Anna", "de la Cruz", "Müller")


def test_a_list_that_cannot_be_read_is_one_clear_error(tmp_path):
    (tmp_path / "latin").write_bytes("Anna\nMüller\n".encode("latin-1"))
    for path, complaint in [("none", "no file"), (".", "cannot read"), ("latin", "line 2: not UTF-8")]:
        with pytest.raises(DataError, match=complaint):
            read_exclusions(tmp_path / path)


def test_exclusions_in_utf_16_are_refused_rather_than_never_found(tmp_path):
    (tmp_path / "list").write_bytes("Anna\nBert\n".encode("utf-16-le"))
    with pytest.raises(DataError, match="line 1: not UTF-8 but UTF-16"):
        read_exclusions(tmp_path / "list")


def test_of_exclusions_without_an_end_only_a_part_is_read(tmp_path, monkeypatch):
    (tmp_path / "line").write_bytes(b"x" * 10_000_000)
    with pytest.raises(DataError, match="line 1: more than 65,536 bytes without a line end"):
        read_exclusions(tmp_path / "line")
    monkeypatch.setattr("namegen.sampling.filters._MAX_EXCLUDED", 10_000)
    (tmp_path / "many").write_bytes(b"Anna\n" * 2501)
    with pytest.raises(DataError, match="many has more than 10,000 letters to exclude; give fewer"):
        read_exclusions(tmp_path / "many")


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
def test_scores_are_the_models_own_log_probabilities_however_names_are_drawn(parts):
    model = make_bigram_model(LOGITS, categories=("X", "Y"), first_letters=[[1, 1]] * 2)
    draws = list(iterate(model, count=40, seed=1, scores=True, **parts))

    assert [draw.score for draw in draws] == pytest.approx([log_share(draw.name) for draw in draws], abs=1e-5)
    plain = iterate(model, count=40, seed=1, **parts)
    assert [draw[:2] for draw in draws] == [draw[:2] for draw in plain]


def test_without_scores_there_are_none():
    (block,) = blocks(make_bigram_model(LOGITS), "X", seed=1)

    assert block.scores is None
    assert next(iter(block)).score is None


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_most_probable_names_are_those_of_an_exhaustive_list(condition):
    parts, holds = CONDITIONS[condition]
    model = knowing(make_bigram_model(LOGITS, sampling=dataclasses.replace(model_sampling(), temperature=0.3)), *KNOWN)
    listed = sorted(filter(holds, name_shares(TABLE, 7)), key=lambda name: -log_share(name))[:12]
    draws = top(model, "X", count=12, max_length=7, **parts)

    assert [draw.score for draw in draws] == pytest.approx([log_share(name) for name in listed], abs=1e-5)
    assert all(holds(draw.name) and math.isclose(log_share(draw.name), draw.score, abs_tol=1e-5) for draw in draws)
    assert len({draw.name for draw in draws}) == 12


def model_sampling():
    return make_bigram_model(LOGITS).sampling


def test_where_there_are_fewer_names_those_there_are_come_and_then_the_error():
    model = make_bigram_model(LOGITS)

    assert len(top(model, "X", "b", count=10, max_length=2)) == 3
    made = top_blocks(model, "X", ["b"], count=10, max_length=2, scores=True)
    assert next(made).names == [draw.name for draw in top(model, "X", "b", count=3, max_length=2)]
    with pytest.raises(NamegenError, match="only 3 of 10 names that begin with 'b': there are no others"):
        next(made)


def test_only_if_asked_for_are_the_most_probable_names_of_two_prefixes_kept_apart():
    model = make_bigram_model(LOGITS)
    first, again = (block.names for block in top_blocks(model, "X", ["a", "a"], count=3))
    one, other = (block.names for block in top_blocks(model, "X", ["a", "a"], count=3, unique=True))

    assert first == again == one
    assert one + other == [draw.name for draw in top(model, "X", "a", count=6)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"count": 0}, "the number of most probable names must be"),
        ({"count": 10**7}, "the number of most probable names must be"),
        ({"top_k": 3, "temperature": 0.5}, "temperature affects sampling"),
        ({"sharp": True}, "no setting 'sharp'; there are ascii, exclude, match, min_length, novel, unique$"),
        ({"min_length": 5, "max_length": 4}, "more than the max length of 4"),
        ({"prefix": "9"}, "no name can begin with '9'"),
        ({"category": "Q"}, "no category 'Q'"),
    ],
)
def test_the_most_probable_names_are_not_to_be_had_for_wrong_arguments(wrong, message):
    with pytest.raises(UsageError, match=message):
        top(make_bigram_model(LOGITS), **{"category": "X", **wrong})


def test_novel_names_are_none_of_those_that_were_held_out_either():
    model = knowing(make_bigram_model(LOGITS), "a", "ab")
    hashes = knowing(model, "b", "ba").name_hashes
    model = dataclasses.replace(model, held_out_hashes=hashes)
    assert {"a", "b", "ab", "ba"} <= {*sample(model, "X", count=2000, seed=1)}
    assert not {"a", "b", "ab", "ba"} & {*sample(model, "X", count=2000, seed=1, novel=True)}


def test_no_name_comes_twice_although_letters_can_be_put_together_to_the_same_text():
    model = make_bigram_model(np.zeros((4, 4)), letters=("a", "b", "ab"))
    names = sample(model, "X", count=200, seed=1, unique=True)
    find_most_probable = [draw.name for draw in top(model, "X", count=50, max_length=4, unique=True)]
    assert len({*names}) == 200
    assert len({*find_most_probable}) == 50


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"novel": "yes"}, "novel must be true or false, not yes"),
        ({"unique": None}, "unique must be true or false, not None"),
        ({"ascii": 1}, "ascii must be true or false, not 1"),
        ({"exclude": None}, "exclude must be a list of names or words"),
        ({"exclude": [None]}, "exclude must be a list of names or words"),
    ],
)
def test_what_is_no_flag_or_list_is_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        Filters(**wrong)
    assert Filters(novel=np.True_).novel is True


def test_all_controls_combine():
    model = knowing(make_bigram_model(LOGITS), *KNOWN)
    parts = {"unique": True, "novel": True, "min_length": 4, "match": ".*b", "exclude": ["abab"], "max_length": 9}
    draws = list(iterate(model, "X+X", ["a", "", "ba"], count=12, seed=5, scores=True, **parts))

    assert len(draws) == len({draw.name for draw in draws}) == 36
    assert all(4 <= len(draw.name) <= 9 and draw.name.endswith("b") and draw.name != "abab" for draw in draws)
    assert [draw.name[0] for draw in draws[:12]] == ["a"] * 12
    assert [draw.name[:2] for draw in draws[24:]] == ["ba"] * 12

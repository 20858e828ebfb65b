"""Splitting text into letters, and normalizing it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namegen.datasets.alphabet import Alphabet
from namegen.datasets.graphemes import collect_letters, normalize, other_case, split_letters


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Müller", "M ü l l e r"),
        ("Żółć", "Ż ó ł ć"),
        ("Ива\u0301нов", "И в а\u0301 н о в"),
        ("김민수", "김 민 수"),
        ("ngữ", "n g ữ"),
        ("किरण", "कि र ण"),
        ("क्षमा", "क् ष मा"),
        ("กำธร", "กำ ธ ร"),
        ("שָׁלוֹם", "שָׁ ל וֹ ם"),
        ("محمّد", "م ح مّ د"),
        ("می\u200cنا", "م ی\u200c ن ا"),
        ("ნინო", "ნ ი ნ ო"),
    ],
)
def test_a_letter_has_its_marks_with_it(name, letters):
    assert split_letters(name) == letters.split(" ")


def test_letters_are_in_normal_form():
    assert split_letters("u\u0308") == ["ü"]
    assert split_letters("\u1112\u1161\u11ab") == ["한"]


def test_old_hangul_without_a_composed_syllable_is_one_letter():
    assert split_letters("\u1140\u1161\u11ab가") == ["\u1140\u1161\u11ab", "가"]


def test_a_blank_takes_no_marks():
    assert split_letters("a \u0301b") == ["a", " ", "\u0301", "b"]


@pytest.mark.parametrize(
    ("text", "expected", "dropped"),
    [
        ("  Ngô\u00a0\u2003Thanh\u3000", "Ngô Thanh", 0),
        ("Mu\u0308ller", "Müller", 0),
        ("\u202bעמר\u202c", "עמר", 2),
        ("a\u00adb\ufeff", "ab", 2),
        ("\u0301Anna", "Anna", 1),
        ("a \u0301b", "a b", 1),
        ("a\u200e\u0301", "á", 1),
        ("می\u200cنا", "می\u200cنا", 0),
        ("Vitamin B12", "Vitamin B12", 0),
        ("\ud800a", "a", 1),
        ("\x00\u0301", "", 2),
        ("Anna\u200d", "Anna", 1),
        ("an\u200c na\u200d\u200d", "an na", 3),
    ],
)
def test_invisible_characters_and_marks_without_a_letter_are_dropped_and_counted(text, expected, dropped):
    assert normalize(text) == (expected, dropped)


def test_a_letter_has_32_characters_at_most():
    name, dropped = normalize("q" + "\u0323\u0308" * 40)
    assert (len(split_letters(name)), dropped) == (1, 80 - 31)


@settings(deadline=None, max_examples=50)
@given(st.text())
def test_normalized_text_can_be_encoded_by_an_alphabet_of_its_letters(text):
    name, _ = normalize(text)
    letters = collect_letters([f"{name}\n".encode()])
    assert not name or "".join(Alphabet(letters).letters[i] for i in Alphabet(letters).encode(name)) == name
    assert unicodedata.normalize("NFC", name) == name
    assert normalize(name) == (name, 0)


def test_the_letters_of_texts_are_sorted_and_distinct():
    assert collect_letters(["Ива\u0301н\nАнна\n".encode(), b"Al b\n"]) == (
        " ", "A", "b", "l", "А", "И", "а", "а\u0301", "в", "н",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("letter", "other"),
    [("ж", "Ж"), ("Ż", "ż"), ("И\u0301", "и\u0301"), ("ß", None), ("ı", None), ("ΐ", None), ("և", None), ("김", None)],
)
def test_a_letter_has_another_case_only_if_that_is_unique(letter, other):
    assert other_case(letter) == other

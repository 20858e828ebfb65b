"""Letters and their indices, and the way of any text into an alphabet."""

from __future__ import annotations

import itertools
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namegen.datasets.alphabet import ASCII, Alphabet
from namegen.errors import UsageError

RUSSIAN = Alphabet(("а", "и", "и\u0301", "н"))  # the third letter has no composed form


def test_the_tutorials_alphabet_has_58_letters_in_its_order_and_one_edge():
    assert "".join(ASCII.letters) == string.ascii_letters + " .,;'-"
    assert (len(ASCII), ASCII.boundary_id) == (58, 58)


def test_the_index_of_a_letter_is_its_place():
    assert ASCII.encode("aZ -").tolist() == [0, 51, 52, 57]


def test_indices_are_64_bit_integers_also_of_an_empty_name():
    assert ASCII.encode("Anna").dtype == ASCII.encode("").dtype == np.int64


@settings(deadline=None)
@given(st.text(alphabet=ASCII.letters))
def test_decoding_undoes_encoding(name):
    assert ASCII.decode(ASCII.encode(name)) == name


@settings(deadline=None)
@given(st.lists(st.integers(0, 57)))
def test_encoding_undoes_decoding(indices):
    assert ASCII.encode(ASCII.decode(indices)).tolist() == indices


def test_a_letter_of_several_code_points_is_decoded():
    assert RUSSIAN.decode([3, 2, 0]) == "ни\u0301а"


def test_a_letter_of_several_code_points_is_encoded_as_one():
    assert RUSSIAN.encode("ни\u0301на").tolist() == [3, 2, 3, 0]


def test_encoding_names_the_letter_that_is_missing():
    with pytest.raises(UsageError, match="the letter 'é' is not in the alphabet"):
        ASCII.encode("René")


def test_only_letters_are_in_an_alphabet():
    assert "a" in ASCII
    assert "é" not in ASCII
    assert "ab" not in ASCII
    assert 7 not in ASCII


def test_an_alphabet_without_letters_is_refused():
    with pytest.raises(UsageError, match="1 to 65,535 letters, not 0"):
        Alphabet(())


def test_an_alphabet_too_large_for_16_bits_is_refused():
    with pytest.raises(UsageError, match="not 65,536"):
        Alphabet(tuple(map(str, range(65_536))))


@pytest.mark.parametrize("letters", [("a", "b", "a"), ("a", "")])
def test_letters_that_repeat_or_are_empty_are_refused(letters):
    with pytest.raises(UsageError, match="distinct and not empty"):
        Alphabet(letters)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wałęsa", "Walesa"),
        ("Müller", "Muller"),
        ("Groß", "Gross"),
        ("Łukasz", "Lukasz"),
        ("Þórðarson", "Thordarson"),
        ("Nguyễn", "Nguyen"),
        ("Достоевский", "Dostoevskii"),
    ],
)
def test_text_beyond_the_alphabet_is_transliterated(text, expected):
    assert ASCII.transliterate(text) == (expected, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ægir", "Aegir"),
        ("Æ", "Ae"),
        ("ÆGIR", "AEGIR"),
        ("LÆ", "LAE"),
        ("Lægir", "Laegir"),
        ("Þor Þor", "Thor Thor"),
        ("GROẞ", "GROSS"),
        ("Щукин", "Shchukin"),
    ],
)
def test_a_capital_that_becomes_several_letters_keeps_the_case_of_its_surroundings(text, expected):
    assert ASCII.transliterate(text) == (expected, 0)


def test_a_capital_whose_transliteration_is_in_mixed_case_is_all_capitals_among_capitals():
    assert ASCII.transliterate("ЩУКИН") == ("SHCHUKIN", 0)


def test_blanks_that_transliteration_puts_behind_syllables_are_stripped():
    assert ASCII.transliterate("北") == ("Bei", 0)
    assert ASCII.transliterate("北京") == ("Bei Jing", 0)


@pytest.mark.parametrize("text", [" De  La\tCruz ", "De\u00a0La\u2003Cruz", "De La Cruz\r\n"])
def test_blanks_are_stripped_and_runs_of_them_made_one(text):
    assert ASCII.transliterate(text) == ("De La Cruz", 0)


@pytest.mark.parametrize("apostrophe", ["\u2019", "\u2018", "\u02bc", "\u2032"])
def test_apostrophes_of_every_shape_become_the_plain_one(apostrophe):
    assert ASCII.transliterate(f"O{apostrophe}Brien") == ("O'Brien", 0)


@pytest.mark.parametrize("backtick", ["`", "\u02bb"])
def test_backticks_are_dropped_and_counted(backtick):
    assert ASCII.transliterate(f"Sa{backtick}id") == ("Said", 1)


def test_decomposed_text_is_transliterated_like_composed_text():
    assert ASCII.transliterate("Mu\u0308ller") == ("Muller", 0)


def test_a_composed_letter_of_the_alphabet_is_found_in_decomposed_text():
    assert Alphabet(tuple("Mülerk")).transliterate("Mu\u0308ller") == ("Müller", 0)


def test_a_combining_mark_that_goes_while_its_letter_stays_is_not_counted():
    assert ASCII.transliterate("и\u0301") == ("i", 0)


def test_characters_that_cannot_be_expressed_are_dropped_and_counted():
    assert ASCII.transliterate("Maxa/B") == ("MaxaB", 1)
    assert ASCII.transliterate("Ann😀a3\x00") == ("Anna", 3)


def test_text_of_which_nothing_can_be_expressed_becomes_empty():
    assert ASCII.transliterate("1/2") == ("", 3)


def test_what_the_alphabet_has_stays_as_it_is():
    assert Alphabet(tuple("Walęsł")).transliterate("Wałęsa") == ("Wałęsa", 0)


@settings(deadline=None, max_examples=50)
@given(st.text())
def test_transliteration_ends_in_the_alphabet_and_is_stable(text):
    spelt, _ = ASCII.transliterate(text)
    assert set(spelt) <= set(ASCII.letters)
    assert ASCII.transliterate(spelt) == (spelt, 0)


def test_an_alphabet_without_a_blank_gets_none():
    spelt, _ = Alphabet(tuple("ab")).transliterate("a b")
    assert spelt == "ab"


def test_a_letter_of_several_code_points_is_kept_by_transliteration():
    assert RUSSIAN.transliterate("ни\u0301на") == ("ни\u0301на", 0)


@pytest.mark.parametrize(
    ("letters", "ambiguous"),
    [
        (ASCII.letters, False),
        (("a", "b", "ab"), True),
        (("ab", "c", "a", "bc"), True),
        (("a", "ab", "bb"), False),
        (("0", "01", "10"), True),
        (("0", "01", "11"), False),
        (("и", "и\u0301", "а"), False),
        (("🇩", "🇪", "🇩🇪"), True),
        (("a", "abc", "bca", "bcb", "b"), True),
        (("a", "abc", "bcab", "cab", "b"), True),
    ],
)
def test_an_alphabet_is_ambiguous_where_two_rows_of_letters_are_the_same_text(letters, ambiguous):
    alphabet = Alphabet(tuple(letters))
    assert alphabet.is_ambiguous == ambiguous
    if len(letters) < 10:
        texts = ["".join(row) for size in range(1, 6) for row in itertools.product(letters, repeat=size)]
        assert (len(set(texts)) < len(texts)) == ambiguous


@pytest.mark.parametrize(
    ("letters", "words"),
    [
        (ASCII.letters, "a–z, A–Z, . , ; ' - and blank"),
        ("ab", "a b"),
        ("abcd", "a–d"),
        ("abcdefg ", "a–g and blank"),
        (" x", "x and blank"),
        (" ", "blank"),
        (("a", "b", "и́", "ç"), "a b и́ ç"),
        (("ab", "c", "d", "e", "f"), "c–f and ab"),
        ("ЭЮЯабвгд", "а–д and Э Ю Я"),
        ("ЬЭЮЯабвгд", "Ь–Я and а–д"),
        ("ĄąĆćĘę", "Ą ą Ć ć Ę ę"),
        ("김깁깂깃", "김–깃"),
    ],
)
def test_an_alphabet_in_words_shortens_runs(letters, words):
    assert str(Alphabet(tuple(letters))) == words


@pytest.mark.parametrize("letter", ["a ", " a", "  "])
def test_a_blank_is_a_letter_of_its_own(letter):
    with pytest.raises(UsageError, match="a blank is a letter of its own"):
        Alphabet(("a", letter))


@pytest.mark.parametrize("letters", [tuple("ab ç-"), ("a", "и́", " ", "ngữ", "김"), ASCII.letters])
def test_many_names_are_spelt_at_once(letters):
    alphabet = Alphabet(tuple(letters))
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 9, 50)
    names = rng.integers(0, len(alphabet), (50, 8)).astype(np.uint8)

    expected = [alphabet.decode(name[:length]) for name, length in zip(names, lengths, strict=True)]
    assert alphabet.decode_lines(names, lengths) == "".join(f"{name}\n" for name in expected)


@pytest.mark.parametrize("alphabet", [ASCII, RUSSIAN])
def test_lines_are_encoded_as_each_name_by_itself(alphabet):
    names = ["".join(alphabet.letters[:3]), alphabet.letters[3], "", alphabet.letters[0] * 5]
    letters, lengths = alphabet.encode_lines("".join(f"{name}\n" for name in names).encode())

    assert lengths.tolist() == [3, 1, 0, 5]
    assert letters.tolist() == [index for name in names for index in alphabet.encode(name)]


@pytest.mark.parametrize("alphabet", [ASCII, RUSSIAN])
def test_no_lines_are_no_letters(alphabet):
    letters, lengths = alphabet.encode_lines(b"")

    assert (len(letters), len(lengths)) == (0, 0)


def test_a_letter_that_is_there_in_the_other_case_alone_takes_that():
    assert Alphabet(("Ż", "o", "z", "а\u0301")).transliterate("żOА\u0301") == ("Żoа\u0301", 0)


def test_a_letter_that_only_looks_like_another_ones_other_case_is_transliterated():
    assert ASCII.transliterate("Yıldız") == ("Yildiz", 0)


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(RUSSIAN.letters), max_size=6)))
def test_many_names_are_encoded_as_each_is_alone(spelt):
    names = ["".join(letters) for letters in spelt]
    letters, lengths = RUSSIAN.encode_lines("".join(f"{name}\n" for name in names).encode())
    expected = [RUSSIAN.encode(name).tolist() for name in names]
    assert lengths.tolist() == [len(name) for name in expected]
    assert letters.tolist() == [index for name in expected for index in name]


@pytest.mark.parametrize("odd", ["ß", "ΐ", "և", "ŉ"])
def test_letters_whose_other_case_is_several_letters_do_no_harm(odd):
    alphabet = Alphabet((*"ROS", odd, "и\u0301"))
    for name in ("ROSSO", f"R{odd}S", "Sи\u0301", odd.upper()):
        text, _ = alphabet.transliterate(name)
        letters, lengths = alphabet.encode_lines(f"{text}\n".encode())
        assert alphabet.encode(text).tolist() == letters.tolist()
        assert lengths.tolist() == [len(letters)]
    assert alphabet.transliterate("ROSSO") == ("ROSSO", 0)


def test_a_mark_goes_the_way_of_its_letter():
    hindi = Alphabet(("क", "र", "न", "i", "k"))
    assert hindi.transliterate("किरन") == ("करन", 1)  # not half in Latin letters
    assert ASCII.transliterate("किरन") == ("kirn", 0)
    assert Alphabet(tuple("Иван")).transliterate("Ива\u0301н") == ("Иван", 0)

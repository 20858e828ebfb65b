"""Letters, their indices, and the transliteration of any text into an alphabet."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namegen.datasets.alphabet import ASCII, Alphabet
from namegen.errors import UsageError

RUSSIAN = Alphabet(("а", "и", "и\u0301", "н"))  # the third letter has no composed form


def test_the_alphabet_of_the_tutorial_has_58_letters_in_its_order_and_a_boundary():
    assert "".join(ASCII.letters) == string.ascii_letters + " .,;'-"
    assert (len(ASCII), ASCII.boundary_id) == (58, 58)


@pytest.mark.parametrize(
    ("alphabet", "name", "indices"),
    [(ASCII, "aZ -", [0, 51, 52, 57]), (ASCII, "", []), (RUSSIAN, "ни\u0301на", [3, 2, 3, 0])],
)
def test_a_name_is_encoded_and_decoded(alphabet, name, indices):
    encoded = alphabet.encode(name)
    assert (encoded.tolist(), encoded.dtype) == (indices, np.int64)
    assert alphabet.decode(indices) == name


def test_encoding_names_the_missing_letter():
    with pytest.raises(UsageError, match="the letter 'é' is not in the alphabet"):
        ASCII.encode("René")


def test_only_letters_are_in_an_alphabet():
    assert "a" in ASCII
    assert [x for x in ("é", "ab", "", 7) if x in ASCII] == []


@pytest.mark.parametrize(
    ("letters", "complaint"),
    [
        ((), "1 to 65,535 letters, not 0"),
        (tuple(map(str, range(65_536))), "not 65,536"),
        (("a", "b", "a"), "distinct and not empty"),
        (("a", ""), "distinct and not empty"),
        (("a", "b "), "a space is a letter of its own"),
        (("a", "  "), "a space is a letter of its own"),
        (("a", "\x1b"), "it is not printable"),
        (("a", "b" * 33), "it has more than 32 characters"),
    ],
)
def test_invalid_alphabets_are_refused(letters, complaint):
    with pytest.raises(UsageError, match=complaint):
        Alphabet(letters)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wałęsa", "Walesa"),
        ("Müller", "Muller"),
        ("Mu\u0308ller", "Muller"),
        ("Groß", "Gross"),
        ("Þórðarson", "Thordarson"),
        ("Nguyễn", "Nguyen"),
        ("Достоевский", "Dostoevskii"),
        ("Yıldız", "Yildiz"),
        ("и\u0301", "i"),
        ("किरन", "kirn"),
        # A capital that becomes several letters takes the case of its neighbours.
        ("Ægir", "Aegir"),
        ("Æ", "Ae"),
        ("ÆGIR", "AEGIR"),
        ("LÆ", "LAE"),
        ("Lægir", "Laegir"),
        ("Þor Þor", "Thor Thor"),
        ("GROẞ", "GROSS"),
        ("Щукин", "Shchukin"),
        ("ЩУКИН", "SHCHUKIN"),
        # Blanks are stripped, also those that unidecode adds.
        ("北", "Bei"),
        ("北京", "Bei Jing"),
        (" De  La\tCruz ", "De La Cruz"),
        ("De\u00a0La\u2003Cruz\r\n", "De La Cruz"),
        # Apostrophes of every shape become the plain one.
        ("O\u2019Brien", "O'Brien"),
        ("O\u2018Brien", "O'Brien"),
        ("O\u02bcBrien", "O'Brien"),
        ("O\u2032Brien", "O'Brien"),
    ],
)
def test_text_is_transliterated_without_loss(text, expected):
    assert ASCII.transliterate(text) == (expected, 0)


@pytest.mark.parametrize(
    ("text", "expected", "dropped"),
    [
        ("Maxa/B", "MaxaB", 1),
        ("Ann😀a3\x00", "Anna", 3),
        ("1/2", "", 3),
        ("Sa`id", "Said", 1),
        ("Sa\u02bbid", "Said", 1),
        ("An\ud800na", "Anna", 1),
    ],
)
def test_characters_that_cannot_be_transliterated_are_dropped_and_counted(text, expected, dropped):
    assert ASCII.transliterate(text) == (expected, dropped)


@pytest.mark.parametrize(
    ("letters", "text", "expected", "dropped"),
    [
        ("Walęsł", "Wałęsa", "Wałęsa", 0),
        ("Mülerk", "Mu\u0308ller", "Müller", 0),
        ("ab", "a b", "ab", 0),
        (RUSSIAN.letters, "ни\u0301на", "ни\u0301на", 0),
        (("Ż", "o", "z", "а\u0301"), "żOА\u0301", "Żoа\u0301", 0),  # only in the other case
        (("क", "र", "न", "i", "k"), "किरन", "करन", 1),  # not partly in Latin letters
        ("Иван", "Ива\u0301н", "Иван", 0),
    ],
)
def test_letters_of_the_alphabet_are_kept(letters, text, expected, dropped):
    assert Alphabet(tuple(letters)).transliterate(text) == (expected, dropped)


@settings(deadline=None, max_examples=30)
@given(st.text())
def test_transliteration_ends_in_the_alphabet_and_is_stable(text):
    transliterated, _ = ASCII.transliterate(text)
    assert set(transliterated) <= set(ASCII.letters)
    assert ASCII.transliterate(transliterated) == (transliterated, 0)


@pytest.mark.parametrize("odd", ["ß", "ΐ", "և", "ŉ"])
def test_letters_whose_other_case_is_several_letters_are_kept(odd):
    alphabet = Alphabet((*"ROS", odd, "и\u0301"))
    for name in ("ROSSO", f"R{odd}S", "Sи\u0301", odd.upper()):
        text, _ = alphabet.transliterate(name)
        letters, lengths = alphabet.encode_lines(f"{text}\n".encode())
        assert alphabet.encode(text).tolist() == letters.tolist()
        assert lengths.tolist() == [len(letters)]
    assert alphabet.transliterate("ROSSO") == ("ROSSO", 0)


@pytest.mark.parametrize(("letters", "ambiguous"), [(ASCII.letters, False), (("a", "b", "ab"), True)])
def test_an_alphabet_may_be_ambiguous_if_letters_have_several_characters(letters, ambiguous):
    assert Alphabet(letters).may_be_ambiguous == ambiguous


@pytest.mark.parametrize(
    ("letters", "description"),
    [
        (ASCII.letters, "a–z, A–Z, . , ; ' - and space"),
        ("ab", "a b"),
        ("abcd", "a–d"),
        ("abcdefg ", "a–g and space"),
        (" ", "space"),
        (("a", "b", "и́", "ç"), "a b и́ ç"),
        (("ab", "c", "d", "e", "f"), "c–f and ab"),
        ("ЭЮЯабвгд", "а–д and Э Ю Я"),
        ("ЬЭЮЯабвгд", "Ь–Я and а–д"),
        ("ĄąĆćĘę", "Ą ą Ć ć Ę ę"),
        ("김깁깂깃", "김–깃"),
    ],
)
def test_the_description_of_an_alphabet_shortens_runs(letters, description):
    assert str(Alphabet(tuple(letters))) == description


@pytest.mark.parametrize("letters", [tuple("ab ç-"), ("a", "и́", " ", "ngữ", "김"), ASCII.letters, RUSSIAN.letters])
def test_many_names_are_encoded_and_decoded_at_once(letters):
    alphabet = Alphabet(tuple(letters))
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 9, 50)
    encoded = rng.integers(0, len(alphabet), (50, 8)).astype(np.uint8)
    names = [alphabet.decode(row[:length]) for row, length in zip(encoded, lengths, strict=True)]
    text = "".join(f"{name}\n" for name in names)

    assert alphabet.decode_lines(encoded, lengths) == text
    flat, decoded_lengths = alphabet.encode_lines(text.encode())
    expected = [alphabet.encode(name).tolist() for name in names]
    assert decoded_lengths.tolist() == [len(name) for name in expected]
    assert flat.tolist() == [index for name in expected for index in name]


@pytest.mark.parametrize("alphabet", [ASCII, RUSSIAN])
def test_no_lines_have_no_letters(alphabet):
    assert tuple(map(len, alphabet.encode_lines(b""))) == (0, 0)

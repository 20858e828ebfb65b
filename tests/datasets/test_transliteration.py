"""Transliteration of generated names into ASCII."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from namegen.datasets.alphabet import ASCII
from namegen.datasets.transliteration import to_ascii


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Müller", "Muller"),
        ("Groß", "Gross"),
        ("Żółć", "Zolc"),
        ("Ива\u0301нов", "Ivanov"),
        ("Щукин", "Shchukin"),
        ("ЩУКИН", "SHCHUKIN"),
        ("Ж Щ", "Zh Shch"),
        ("Ægir", "Aegir"),
        ("LÆ", "LAE"),
        ("王小明", "Wang Xiao Ming"),
        ("김민수", "Gimminsu"),
        ("Nguyễn Văn An", "Nguyen Van An"),
        ("O’Neill", "O'Neill"),
        ("Vitamin B₁₂", "Vitamin B12"),
        ("Vitamin B12/x", "Vitamin B12/x"),
        ("٣ عمر", "3 Mr"),
    ],
)
def test_a_name_is_transliterated_into_ascii(name, expected):
    assert to_ascii(f"{name}\n") == f"{expected}\n"


def test_every_name_stays_on_its_line():
    assert to_ascii("金\n\u0640\nÉ \n") == "Jin\n\nE\n"


@pytest.mark.parametrize("beside", ["", "é\n"])
def test_a_name_does_not_depend_on_other_lines(beside):
    assert to_ascii(f"a  b\nc@ \n{beside}").split("\n")[:2] == ["a b", "c@"]


@settings(deadline=None, max_examples=50)
@given(st.text(st.sampled_from("aZ Éßжщ金김ữ"), max_size=8))
def test_names_without_punctuation_agree_with_the_ascii_alphabet(name):
    # Words of a script without capitals begin with one only here.
    assert to_ascii(f"é{name}\n").lower() == ASCII.transliterate(f"é{name}")[0].lower() + "\n"


@pytest.mark.parametrize(
    ("name", "expected"), [("Əli", "Eli"), ("Әмила", "Amila"), ("أسامة", "Asam"), ("Şərəf", "Seref")]
)
def test_letters_that_unidecode_drops_are_kept(name, expected):
    assert to_ascii(f"{name}\n") == f"{expected}\n"

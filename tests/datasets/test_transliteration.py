"""Names in ASCII, in whatever script a model writes them."""

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
        ("김민수", "gimminsu"),
        ("Nguyễn Văn An", "Nguyen Van An"),
        ("O’Neill", "O'Neill"),
        ("Vitamin B₁₂", "Vitamin B12"),
        ("Vitamin B12/x", "Vitamin B12/x"),
        ("٣ عمر", "3 mr"),
    ],
)
def test_a_name_is_spelt_in_ascii(name, expected):
    assert to_ascii(f"{name}\n") == f"{expected}\n"


def test_every_name_stays_on_its_line():
    assert to_ascii("金\n\u0640\nÉ \n") == "Jin\n\nE\n"


@pytest.mark.parametrize("beside", ["", "é\n"])
def test_a_name_is_spelt_alike_whatever_stands_beside_it(beside):
    assert to_ascii(f"a  b\nc@ \n{beside}").split("\n")[:2] == ["a b", "c@"]


@settings(deadline=None)
@given(st.text(st.sampled_from("aZ Éßжщ金김ữ"), max_size=8))
def test_names_without_marks_of_punctuation_become_what_the_ascii_alphabet_makes_of_them(name):
    assert to_ascii(f"é{name}\n") == ASCII.transliterate(f"é{name}")[0] + "\n"

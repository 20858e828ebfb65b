"""Reading names in the alphabet of a model that may be extended."""

from __future__ import annotations

import pytest

from namegen.datasets.alphabet import ASCII, ExtendableAlphabet
from namegen.datasets.dataset import Dataset


@pytest.mark.parametrize(
    ("given", "name", "new"),
    [
        ("Åkesson", "Åkesson", "Å"),
        ("O’Brien–Smith", "O'Brien-Smith", ""),
        ("Jörg ☃", "Jörg", "ö"),
        ("amoxicillin/clavulanate", "amoxicillin/clavulanate", "/"),
        ("R2", "R2", "2"),
        ("김민준", "김민준", "김민준"),
    ],
)
def test_letters_are_kept_and_punctuation_and_symbols_transliterated_or_dropped(given, name, new):
    dataset = Dataset.from_names({"A": [given, "Anna"]}, alphabet=ExtendableAlphabet(ASCII.letters))

    assert dataset.names("A") == [name, "Anna"]
    assert dataset.alphabet.letters == (*ASCII.letters, *sorted(new))
    assert any("dropped 1 character" in note for note in dataset.notes) == ("☃" in given)

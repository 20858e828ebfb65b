"""The names included in the package."""

from __future__ import annotations

import hashlib
import unicodedata

import pytest

from namegen.datasets.alphabet import ASCII
from namegen.datasets.catalogue import CATALOGUE
from namegen.datasets.open import open_dataset
from namegen.paths import STARTER_DIR

FILES = sorted(STARTER_DIR.iterdir())

each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def read_names(file):
    return file.read_text(encoding="utf-8").splitlines()


def test_the_categories_are_those_of_the_surnames():
    assert {file.name for file in FILES} == set(CATALOGUE["surnames"].files)


@each_file
def test_a_file_is_well_formed(file):
    raw, names = file.read_bytes(), read_names(file)
    assert raw.decode("utf-8").endswith("\n")
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw
    assert len(names) == 150 or (file.stem in {"Korean", "Vietnamese"} and 100 <= len(names) < 150)
    assert names == sorted(names)


@each_file
def test_every_name_is_composed_latin_text_that_begins_with_a_letter(file):
    names = read_names(file)
    assert [name for name in names if not name or name != " ".join(name.split())] == []
    assert [name for name in names if not unicodedata.is_normalized("NFC", name)] == []
    assert [name for name in names if not name[0].isalpha() and name[0] != "'"] == []
    letters = {letter for name in names for letter in name if letter.isalpha()}
    assert [letter for letter in letters if "LATIN" not in unicodedata.name(letter)] == []


@each_file
def test_transliteration_drops_nothing_and_keeps_the_names_distinct(file):
    transliterated = [ASCII.transliterate(name) for name in read_names(file)]
    assert len({name for name, _ in transliterated}) == len(transliterated)
    assert not any(dropped for _, dropped in transliterated)


def test_the_dataset_has_all_names_and_no_notes():
    dataset = open_dataset("starter")
    assert (dataset.label, dataset.notes) == ("starter", ())
    assert len(dataset) == sum(len(read_names(file)) for file in FILES)


@each_file
def test_no_file_copies_one_of_the_tutorial(file, data_dir):
    assert hashlib.sha256(file.read_bytes()).hexdigest() != CATALOGUE["surnames"].files[file.name]
    real = read_names(data_dir / "surnames" / file.name)
    assert {ASCII.transliterate(name)[0] for name in real} - {ASCII.transliterate(name)[0] for name in read_names(file)}

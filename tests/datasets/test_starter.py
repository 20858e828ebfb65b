"""The names that ship with the package."""

from __future__ import annotations

import hashlib
import unicodedata

import pytest

from namegen.datasets.alphabet import ASCII
from namegen.datasets.catalogue import CATALOGUE
from namegen.datasets.open import open_dataset
from namegen.paths import STARTER_DIR

FILES = sorted(STARTER_DIR.iterdir())


def names_of(file):
    return file.read_text(encoding="utf-8").splitlines()


each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def test_there_are_the_same_18_categories_as_in_the_surnames():
    assert len(FILES) == 18
    assert {file.name for file in FILES} == set(CATALOGUE["surnames"].files)


@each_file
def test_a_category_has_150_names_or_all_in_common_use(file):
    few = {"Korean", "Vietnamese"}
    assert len(names_of(file)) == 150 or (file.stem in few and 100 <= len(names_of(file)) < 150)


@each_file
def test_a_file_is_utf_8_without_a_mark_and_every_line_ends(file):
    raw = file.read_bytes()
    assert raw.decode("utf-8").endswith("\n")
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw


@each_file
def test_every_line_is_a_name_without_blanks_around_it(file):
    assert [name for name in names_of(file) if not name or name != " ".join(name.split())] == []


@each_file
def test_every_name_is_in_composed_form(file):
    assert [name for name in names_of(file) if not unicodedata.is_normalized("NFC", name)] == []


@each_file
def test_the_names_are_sorted(file):
    assert names_of(file) == sorted(names_of(file))


@each_file
def test_every_name_is_in_latin_script(file):
    letters = {letter for name in names_of(file) for letter in name if letter.isalpha()}
    assert [letter for letter in letters if "LATIN" not in unicodedata.name(letter)] == []


@each_file
def test_every_name_begins_with_a_letter(file):
    assert [name for name in names_of(file) if not name[0].isalpha() and name[0] != "'"] == []


@each_file
def test_nothing_is_dropped_from_a_name(file):
    assert [name for name in names_of(file) if ASCII.transliterate(name)[1]] == []


@each_file
def test_the_names_are_distinct_after_transliteration(file):
    spelt = [ASCII.transliterate(name)[0] for name in names_of(file)]
    assert len(set(spelt)) == len(spelt)


@pytest.mark.parametrize(
    ("category", "name"), [("German", "Müller"), ("Irish", "O'Brien"), ("Polish", "Nowak"), ("Czech", "Novák")]
)
def test_names_have_their_proper_spelling(category, name):
    assert name in names_of(STARTER_DIR / f"{category}.txt")


def test_the_reader_has_nothing_to_note_about_them():
    dataset = open_dataset("starter")
    assert dataset.notes == ()
    assert dataset.label == "starter"
    assert len(dataset) == sum(len(names_of(file)) for file in FILES)


@each_file
def test_no_file_is_one_of_the_pinned_ones(file):
    assert hashlib.sha256(file.read_bytes()).hexdigest() != CATALOGUE["surnames"].files[file.name]


@each_file
def test_no_file_contains_the_names_of_the_real_data(file, data_dir):
    lines = (data_dir / "surnames" / file.name).read_text(encoding="utf-8").splitlines()
    real = {ASCII.transliterate(line)[0] for line in lines}
    ours = {ASCII.transliterate(name)[0] for name in names_of(file)}
    assert real - ours

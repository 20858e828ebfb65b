"""Test lists that look like tables, and tables that look like lists."""

from __future__ import annotations

import pytest

from namegen.datasets.options import ReadingOptions
from namegen.datasets.readers import load_dataset
from namegen.errors import DataError

SURNAMES = ["Smith", "Miller", "Brown", "Jones", "Garcia", "Davis", "Wilson", "Moore", "Taylor", "Lee", "King", "Scott"]
GIVEN = ["Olivia", "Emma", "Mia", "Amelia", "Sophia", "Ava", "Emily", "Luna", "Chloe", "Nora", "Zoe", "Ella"]
FULL = [f"{given} {surname}" for given, surname in zip(GIVEN, SURNAMES, strict=True)]


def read(folder, lines, name="x.txt", **options):
    """Read lines as a file."""
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_dataset(path, alphabet="unicode", reading=ReadingOptions(**options))


def names_of(dataset):
    return [name for category in dataset.categories for name in dataset.names(category)]


@pytest.mark.parametrize(
    "form", ["{surname}, {given}", "{n}. {surname}, {given}", "{surname}, {given} ({year}-{year})"]
)
def test_surnames_before_given_names_are_turned_round(tmp_path, form):
    lines = [
        form.format(n=n, year=1900 + n, surname=surname, given=given)
        for n, (surname, given) in enumerate(zip(SURNAMES, GIVEN, strict=True), 1)
    ]
    dataset = read(tmp_path, lines)
    assert names_of(dataset) == FULL
    assert dataset.reports[0].endswith("(--plain reads lines as they are)")


def test_few_given_names_after_surnames_may_be_categories(tmp_path):
    lines = [f"{surname}, {given}" for surname, given in zip(SURNAMES, ["Mary", "Anna", "John"] * 4, strict=True)]
    with pytest.raises(DataError, match=r"--plain .*--category-column"):
        read(tmp_path, lines)
    assert names_of(read(tmp_path, lines, plain=True)) == lines
    dataset = read(tmp_path, lines, name_column="1", category_column="2")
    assert set(dataset.categories) == {"Mary", "Anna", "John"}


@pytest.mark.parametrize("suffixes", [["Jr."], ["MD", "PhD", "Esq."]])
def test_suffixes_are_not_categories(tmp_path, suffixes):
    lines = [f"{name}, {suffixes[n % len(suffixes)]}" for n, name in enumerate(FULL)]
    assert names_of(read(tmp_path, lines)) == lines


def test_more_cells_than_titles_are_refused(tmp_path):
    lines = ["Name", *(f"{surname}, {given}" for surname, given in zip(SURNAMES, GIVEN, strict=True))]
    with pytest.raises(DataError, match=r"one title above 2 columns.*--plain"):
        read(tmp_path, lines, "x.csv")


def test_the_semicolon_of_an_entity_is_no_delimiter(tmp_path):
    lines = ["O&#39;Neil", "Zo&euml;", "Ren&eacute;e", "Anna &amp; Bert"]
    assert names_of(read(tmp_path, lines)) == ["O'Neil", "Zoë", "Renée", "Anna & Bert"]
    assert names_of(read(tmp_path, ["O&#39;Neil", "L&#39;Oreal"], plain=True)) == ["O&#39;Neil", "L&#39;Oreal"]


def test_entities_in_tables_are_decoded(tmp_path):
    dataset = read(tmp_path, ["name;sex", "Zo&euml;;f", "O&#39;Neil;m", "Ren&eacute;e;f"])
    assert dataset.names("f") == ["Zoë", "Renée"]
    assert dataset.names("m") == ["O'Neil"]

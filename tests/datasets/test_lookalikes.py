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


@pytest.mark.parametrize("suffixes", [["Jr."], ["MD", "PhD", "Esq."], ["Inc.", "Ltd"]])
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


@pytest.mark.parametrize(
    "form", ["{n}. {name} - {count}", "{n}. {name} {count}", "{name} - {count}", "{n}) {name} ({count})"]
)
def test_marks_around_numbers_are_no_part_of_a_name(tmp_path, form):
    lines = [form.format(n=n, name=name, count=900 - 7 * n) for n, name in enumerate(GIVEN, 1)]
    dataset = read(tmp_path, lines, weights="count")
    assert names_of(dataset) == GIVEN
    assert dataset.weights[0] == 893


def test_a_dash_may_follow_the_number_of_a_line(tmp_path):
    assert names_of(read(tmp_path, [f"{n} - {name}" for n, name in enumerate(GIVEN, 1)])) == GIVEN


@pytest.mark.parametrize(
    "lines",
    [
        ["Area 51", "District 9", "Sector 7", "Babylon 5", "Deep Space 9", "Fantastic 4"],
        ["Yavin 4", "Alderaan 3", "Hoth 6", "Vega 9", "Sigma 2"],
        ["10 Downing Street", "221 Baker Street", "4 Privet Drive", "12 Grimmauld Place"],
        ["1st Legion, Dark Angels", "3rd Legion, Emperor's Children", "4th Legion, Iron Warriors"],
        ["USS Enterprise, NCC-1701", "USS Defiant, NX-74205", "USS Voyager, NCC-74656"],
        ["Charles, Prince of Wales", "William, Duke of Cambridge", "Diana, Princess of Wales"],
        ["Lake   Huron", "Lake   Erie", "Mount  Doom", "Mount  Everest", "Lake   Tahoe", "Mount  Hood"],
    ],
)
def test_names_with_numbers_commas_and_blanks_stay(tmp_path, lines):
    assert sorted(names_of(read(tmp_path, lines))) == sorted(" ".join(line.split()) for line in lines)


def test_a_report_shows_how_a_line_of_a_table_is_read(tmp_path):
    report = read(tmp_path, ["Legolas  elf", "Gimli    dwarf", "Elrond   elf", "Thorin   dwarf"]).reports[0]
    assert "'Legolas  elf' as 'Legolas'" in report
    assert report.endswith("(--plain reads lines as they are)")


def test_no_mark_stays_where_a_number_is_dropped(tmp_path):
    path = tmp_path / "clubs.txt"
    path.write_text("1. FC Bonn\n1. FC Ulm\nSC Aue\nSV Fulda - 05\nRot. Kassel", encoding="utf-8")
    assert names_of(load_dataset(path)) == ["FC Bonn", "FC Ulm", "SC Aue", "SV Fulda", "Rot. Kassel"]


@pytest.mark.parametrize(
    "lines",
    [
        ["Elves", "=====", "Legolas", "Elrond", "", "Dwarves", "=======", "Gimli", "Thorin"],
        ["Elves", "-----", "Legolas", "Elrond", "", "Dwarves", "-------", "Gimli", "Thorin"],
        ["--- Elves ---", "Legolas", "Elrond", "--- Dwarves ---", "Gimli", "Thorin"],
        ["**Elves**", "- Legolas", "- Elrond", "**Dwarves**", "- Gimli", "- Thorin"],
    ],
)
def test_headings_in_other_markup_are_categories(tmp_path, lines):
    dataset = read(tmp_path, lines)
    assert {category: dataset.names(category) for category in dataset.categories} == {
        "Elves": ["Legolas", "Elrond"],
        "Dwarves": ["Gimli", "Thorin"],
    }


def test_a_single_colon_among_names_is_no_heading(tmp_path):
    assert list(read(tmp_path, [*GIVEN[:3], "Merry:", *GIVEN[3:]]).categories) == ["x"]

"""Finding the columns of tables: kinds of contents, doubts, choices, and the layouts that publishers use."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from namegen.datasets.columns import describe_columns, find_columns
from namegen.datasets.delimiters import find_delimiter, split_aligned
from namegen.errors import DataError

CASES = Path(__file__).parent.parent / "cases"
NAMES = ["Aldo", "Bern", "Cora", "Dana", "Egon", "Fina", "Gero", "Hale", "Ines", "Jory", "Kaya", "Lund"]
VILLAGES = [name[::-1].capitalize() for name in NAMES]


def read_case(name):
    """Return the delimiter and the rows of a file that are not empty."""
    lines = (CASES / name).read_text(encoding="utf-8-sig").splitlines()
    delimiter = find_delimiter(lines)
    rows = (
        [split_aligned(line) for line in lines] if delimiter == " " else csv.reader(lines, delimiter=delimiter or ",")
    )
    return delimiter, [row for row in rows if any(map(str.strip, row))]


def find(rows, **choices):
    """Return the indices of the names, the categories and the counts."""
    columns = find_columns(rows, **choices)
    return columns.name, columns.category, columns.weight


def refused(rows, *parts, **choices):
    with pytest.raises(DataError) as caught:
        find_columns(rows, **choices)
    assert [part for part in parts if part not in str(caught.value)] == [], caught.value
    assert str(caught.value).isprintable()


def table(*columns, header=None):
    return [*([header] if header else []), *zip(*columns, strict=True)]


# The layouts of publishers.

PUBLISHERS = {
    "ssa_yob1987.txt": (",", "names from column 1, categories from column 2 (F, M), counts from column 3"),
    "ssa_state_AK.TXT": (",", "names from column 4, categories from column 2 (F, M), counts from column 5"),
    "us_census_surnames_2010.csv": (",", "names from name, counts from count"),
    "us_census_dist_female_first.txt": (" ", "names from column 1, counts from column 2"),
    "insee_prenoms.csv": (";", "names from preusuel, categories from sexe (1, 2), counts from nombre"),
    "koeln_vornamen.csv": (";", "names from vorname, categories from geschlecht (m, w), counts from anzahl"),
    "destatis_vornamen.csv": (
        ";",
        "names from Vorname, categories from Geschlecht (männlich, weiblich), counts from Anzahl",
    ),
    "ssb_fornavn.csv": (";", "names from fornavn, categories from kjønn (Gutter, Jenter)"),  # a count for each year
    "scb_tilltalsnamn.tsv": (
        "\t",
        "names from tilltalsnamn, categories from kön (kvinnor, män), counts from Antal bärare",
    ),
    "istat_nomi.csv": (";", "names from Nome, counts from Numero"),
    "ine_nombres.csv": (",", "names from Nombre, counts from Frecuencia"),
    "ons_boys_2018.csv": (",", "names from Name, counts from Count"),
    "statcan_17100147.csv": (
        ",",
        "names from First name at birth, categories from Sex at birth (Female, Male), counts from VALUE",
    ),
    "moscow_names.csv": (
        ";",
        "names from Имя, categories from Пол (женский, мужской), counts from КоличествоЧеловек",
    ),
    "wikidata_query.csv": (
        ",",
        "names from itemLabel, categories from genderLabel (female given name, male given name), counts from count",
    ),
    "wikidata_query.tsv": (
        "\t",
        "names from itemLabel, categories from genderLabel (female given name, male given name), counts from count",
    ),
    "pandas_value_counts.csv": (",", "names from first_name, counts from n_people"),
    "excel_column1.csv": (";", "names from Spalte1, categories from Spalte2 (Elf, Zwerg)"),
    "excel_headers_in_second_row.csv": (",", "names from Name, categories from Race (Dwarf, Elf)"),
    "phone_book.csv": (",", "names from Name"),
    "ranked_aligned.txt": (" ", "names from Name, counts from Number"),
}


@pytest.mark.parametrize("name", PUBLISHERS)
def test_the_columns_of_a_publisher_are_found(name):
    delimiter, rows = read_case(name)
    assert (delimiter, describe_columns(find_columns(rows), rows)) == PUBLISHERS[name]


@pytest.mark.parametrize(("name", "first_row"), [("ons_boys_2018.csv", 3), ("destatis_vornamen.csv", 2)])
def test_titles_above_a_table_are_not_rows(name, first_row):
    columns = find_columns(read_case(name)[1])
    assert (columns.first_row, columns.has_header) == (first_row, True)


@pytest.mark.parametrize(
    ("name", "number"),
    [("destatis_vornamen.csv", 4000), ("ine_nombres.csv", 600_000), ("ons_boys_2018.csv", 5000)],
)
def test_thousands_in_counts_are_read_in_the_notation_of_the_country(name, number):
    _, rows = read_case(name)
    columns = find_columns(rows)
    assert number <= columns.get_weight(rows[columns.first_row + 1]) <= number + 40


def test_two_columns_of_names_and_several_of_categories_are_refused_until_the_user_chooses():
    _, rows = read_case("nrs_first_names_2019.csv")
    refused(rows, '2 "Boys\' names" (', '6 "Girls\' names" (', "--name-column 2")
    assert find(rows, name=6)[0] == 5
    _, rows = read_case("geonames_XN.txt")
    refused(rows, "7 (P, T, H)", "--category-column 7, or --category-column none")
    assert find(rows, category="none")[:2] == (1, None)  # not the same names in ASCII
    assert find(rows, category=8)[:2] == (1, 7)
    _, rows = read_case("baby_names_meanings.csv")
    refused(rows, '2 "Gender" (', '3 "Origin" (')
    assert find(rows, category="origin")[:2] == (0, 2)
    _, rows = read_case("baby_names_aligned.txt")
    refused(rows, "--category-column 2")
    assert find(rows, category=2)[:2] == (0, 1)


@pytest.mark.parametrize("name", ["wikidata_query.json", "dnd_list_of_objects.json"])
def test_objects_of_json_are_rows(name):
    objects = json.loads((CASES / name).read_text(encoding="utf-8"))
    rows = [list(objects[0]), *([str(value) for value in entry.values()] for entry in objects)]
    columns = find_columns(rows)
    assert rows[0][columns.name] in ("itemLabel", "name")
    assert rows[0][columns.category] in ("genderLabel", "race")


# What columns contain.

SEXES = ["f", "m"] * 6
COUNTS = ["910", "455", "307", "300", "210", "90", "80", "31", "20", "9", "5", "5"]
OTHER_COLUMNS = {
    "numbers from 0": [str(n) for n in range(12)],
    "numbers from 1": [str(n) for n in range(1, 13)],
    "ranks with ties": ["1", "2", "2", "4", "5", "6", "7", "7", "9", "10", "11", "12"],
    "years": ["1999", "2001", "1987"] * 4,
    "percentages": ["3.5 %", "12.5 %", "1 %"] * 4,
    "codes": [f"Q{n * 7919}" for n in range(12)],
    "links": [f"http://example.org/{name}" for name in NAMES],
    "sentences": [f"{name} means the bright star of the far north" for name in NAMES],
    "empty": [""] * 12,
    "coordinates": [str(60 + n * 37 % 11 / 7) for n in range(12)],
}


@pytest.mark.parametrize("kind", OTHER_COLUMNS)
@pytest.mark.parametrize("position", range(4))
def test_other_columns_are_neither_names_nor_categories_nor_counts(kind, position):
    columns = [NAMES, SEXES, COUNTS]
    columns.insert(position, OTHER_COLUMNS[kind])
    expected = [index + (index >= position) for index in range(3)]
    assert find(table(*columns)) == tuple(expected)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (2, 0, 1)])
@pytest.mark.parametrize(
    "header", [None, ("Keresztnév", "Nem", "Darab"), ("Qqq", "Www", "Eee"), ("Imię", "Płeć", "Liczba")]
)
def test_the_order_of_columns_does_not_matter_with_any_header_or_none(order, header):
    columns = [[NAMES, SEXES, COUNTS][index] for index in order]
    rows = table(*columns, header=header and [header[index] for index in order])
    found = find_columns(rows)
    assert (found.name, found.category, found.weight) == tuple(order.index(index) for index in range(3))
    assert found.has_header == bool(header)


def test_an_unknown_title_above_categories_is_a_header():
    assert find_columns(table(NAMES, SEXES, header=("Qqq", "Www"))).has_header
    assert not find_columns(table(NAMES, SEXES)).has_header


def test_a_column_of_one_table_may_be_all_there_is():
    assert find_columns([["name"], *([name] for name in NAMES)]).has_header
    assert not find_columns([[name] for name in NAMES]).has_header
    assert find([[f"NCC-{n}"] for n in range(1000, 1020)]) == (0, None, None)


@pytest.mark.parametrize("header", [None, ("first_name", "last_name"), ("Vorname", "Nachname"), ("name", "surname")])
def test_two_columns_of_names_are_refused(header):
    rows = table(NAMES, VILLAGES, header=header)
    refused(rows, "cannot tell which column has the names: 1 ", "Aldo, Bern, Cora", "as in --name-column 1")
    assert find(rows, name=2) == (1, None, None) or header is None


def test_a_title_settles_which_column_has_the_names():
    assert find(table(VILLAGES * 4, NAMES * 4, header=("qqq", "Name")), category="none") == (1, None, None)


def test_names_of_some_families_are_not_taken_for_categories():
    given = [f"{a}{b.lower()}" for a in NAMES for b in NAMES]
    families = [VILLAGES[n % 12] + "abcd"[n // 12] for n in range(48)] * 3
    refused(table(given, families), "1 (Aldoaldo, ", "--name-column")


def test_a_table_without_a_column_of_names_is_refused():
    refused(
        table(COUNTS, OTHER_COLUMNS["years"]), "no column looks like names: 1 (910, 455, 307), 2 (1999, 2001, 1987)"
    )
    refused(table([str(n) for n in range(24)], SEXES * 2), "no column looks like names")
    refused([], "the table has no rows")


def test_rows_without_a_category_do_not_matter():
    assert find([["name", "category"], ["Ada", "elf"], ["Bea", ""], ["Cy", "elf"]]) == (0, 1, None)


def test_short_and_long_rows_are_read():
    assert find(
        [["name", "sex"], *([name, sex] for name, sex in zip(NAMES, SEXES, strict=True)), ["Zoe"], ["", "", "x"]]
    )[:2] == (0, 1)


# What the user chooses.


def test_columns_are_chosen_by_title_or_number():
    rows = table(NAMES, VILLAGES, COUNTS, header=("first", "last", "n"))
    assert find(rows, name="last", category="none") == (1, None, 2)
    assert find(rows, name="LAST", category="First", weight=3) == (1, 0, 2)
    assert find(rows, name="2", category="1") == (1, 0, 2)
    assert find(table(NAMES, ["a"] * 12, header=("2", "1")), name="2") == (0, 1, None)  # a title rather than a number


def test_the_user_decides_whether_there_is_a_header():
    rows = table(NAMES, SEXES, header=("Name", "Sex"))
    assert not find_columns(rows, header=False).has_header
    assert find_columns(table(NAMES, SEXES), header=True).has_header
    assert find_columns(table(NAMES, SEXES), name="Aldo").has_header


def test_a_choice_that_does_not_exist_is_refused_with_the_columns():
    rows = table(NAMES, SEXES, header=("Name", "Sex"))
    refused(rows, "no column Nmae for --name-column", '1 "Name" (Aldo, Bern, Cora), 2 "Sex" (f, m)', name="Nmae")
    refused(rows, "no column 3 for --weight-column", weight=3)
    refused(rows, "no column 0", name=0)
    refused(table(NAMES, SEXES, header=("x", "x")), "2 columns are called x", "give the number", name="x")


def test_titles_and_examples_are_shortened_and_printable_in_messages():
    rows = table(NAMES, VILLAGES, header=("\x1b[31m" + "name " * 4, "name" + "x" * 500))
    refused(rows, "\\x1b[31mname", "xxx…", name="x")


# Weights.


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1,234", "999", "12"], [1234, 999, 12]),
        (["1.234", "999", "12"], [1234, 999, 12]),
        (["1 234", "1\u202f000", "12"], [1234, 1000, 12]),
        (["1.500", "0.750", "0.125"], [1.5, 0.75, 0.125]),
        (["12,5", "3,25", "1"], [12.5, 3.25, 1]),
        (["1.234,5", "999", "12"], [1234.5, 999, 12]),
        (["20005.0", "99.0", "98.0"], [20005, 99, 98]),
        (["7", "..", ""], [7, None, None]),
        (["7", "-3", "1e999"], [7, None, None]),
    ],
)
def test_numbers_are_read_in_any_notation(cells, numbers):
    rows = table(["Ada", "Bea", "Cy"], cells)
    columns = find_columns(rows, name=1, weight=2, header=False)
    assert [columns.get_weight(row) for row in rows] == numbers
    assert columns.get_weight(["Ada"]) is None


def test_frequencies_that_fall_are_weights_but_their_sums_are_not():
    shares = ["4.5", "2.25", "1.5", "0.75"]
    sums = ["4.5", "6.75", "8.25", "9"]
    assert find(table(NAMES[:4], sums, shares)) == (0, None, 2)


def test_of_several_counts_a_title_decides():
    others = COUNTS[::-1][:6] + COUNTS[:6]
    assert find(table(NAMES, others, COUNTS)) == (0, None, None)
    assert find(table(NAMES, others, COUNTS, header=("name", "lines", "frequency"))) == (0, None, 2)


# Whether text is a table.


@pytest.mark.parametrize(
    ("lines", "delimiter"),
    [
        (["Ada,F,20", "Bea,M,10"], ","),
        (["Ada;F", "Bea;M"], ";"),
        (["Legolas, elf", "Elrond, elf", "Gimli, dwarf"], ","),
        (["Ada|F", "Bea|M"], "|"),
        (["Ada\t20", "Bea\t10"], "\t"),
        (["SMITH 1.006 1.006 1", "JONES  .5 1.5 2", "LEE .2 1.7 3"], " "),
        (["Mary Ann 500", "Bo 40", "De la Cruz 9"], " "),
        (["ANNA   f", "BERTA  f", "CARL   m", "DORA   f"], " "),
        (["Ada, F", "Bea, F", "Carl, M"], ","),
        (["First Name, Last Name", "Ada, Ames", "Bo, Bell"], ","),
        (["Title", "Source: me", "", "Ada;1", "Bea;7", "Cy;4"], ";"),
        (["Smith, Ann", "Jones, Bo", "Lee, Cy"], None),
        (["Ada, Bea, Cy", "Di, Ed, Flo"], None),
        (["Ada, Bea,", "Di, Ed, Flo,", "Gil"], None),
        (["1. Ada", "2. Bea", "3. Cy"], None),
        (["* Ada", "* Bea", "* Cy", "*  Di"], None),
        (["De  La   Cruz", "Van Dyke"], None),
        (["Apollo 11", "Apollo 12", "Apollo 13", "Gemini 4"], None),
        (NAMES, None),
        (["Ada"], None),
        ([], None),
        (["", " "], None),
    ],
)
def test_tables_are_told_from_lists(lines, delimiter):
    assert find_delimiter(lines) == delimiter


def test_aligned_columns_may_contain_names_of_several_words():
    assert split_aligned("  1  De la Cruz   1,200 0.5%\n") == ["1", "De la Cruz", "1,200", "0.5%"]
    assert split_aligned("Mary Ann 500") == ["Mary Ann", "500"]


def test_too_many_columns_are_refused():
    refused([["Ada"] * 1001], "more than 1,000 columns; check what separates them")
    assert find_delimiter([",".join(["Ada"] * 1001)] * 2) is None

"""JSON, spreadsheets, Parquet files and tables, as people have them."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tracemalloc
import zipfile

import pytest

from namegen.datasets import json_files
from namegen.datasets.options import ReadingOptions
from namegen.datasets.readers import load_dataset
from namegen.errors import DataError, MissingPackageError

WOMEN, MEN = ["Emma", "Olivia", "Ava"], ["Liam", "Noah", "Oliver"]
BOTH = {"f": WOMEN, "m": MEN}
ROWS = [(name, category, 1000 - 7 * n) for n, (category, names) in enumerate(BOTH.items()) for name in names]


def grouped(dataset):
    return {category: dataset.names(category) for category in dataset.categories}


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(path, *parts, reading=None):
    with pytest.raises(DataError) as caught:
        load_dataset(path, reading=reading or ReadingOptions())
    message = str(caught.value)
    assert [part for part in (str(path), *parts) if part not in message] == [], message
    assert message.isprintable()
    return message


def sheet(*sheets):
    """Return a spreadsheet of (title, rows)."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        page = book.create_sheet(title)
        for row in rows:
            page.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


# JSON

OBJECTS = [{"name": name, "sex": sex, "births": births} for name, sex, births in ROWS]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (WOMEN, {"X": WOMEN}),
        ({"description": "Elves", "names": WOMEN}, {"X": WOMEN}),
        ({"Elves": WOMEN}, {"Elves": WOMEN}),
        (BOTH, BOTH),
        ({"elf": BOTH, "orc": {"m": MEN}}, {"elf/f": WOMEN, "elf/m": MEN, "orc/m": MEN}),
        ({"data": {"f": WOMEN, "m": MEN}}, BOTH),
        (OBJECTS, BOTH),
        ({"results": OBJECTS}, BOTH),
        ({"f": [{"name": name} for name in WOMEN], "m": [{"name": name} for name in MEN]}, BOTH),
        ([[name, sex] for name, sex, _ in ROWS * 4], BOTH),
        (dict(zip(WOMEN, [2005, 1005, 671], strict=True)), {"X": WOMEN}),
        (dict(zip(WOMEN, [{"births": 5}, {"births": 4}, {"births": 2}], strict=True)), {"X": WOMEN}),
        (
            {
                "head": {"vars": ["itemLabel"]},
                "results": {"bindings": [{"itemLabel": {"type": "literal", "value": name}} for name in WOMEN]},
            },
            {"X": WOMEN},
        ),
        (
            {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"name": n}} for n in WOMEN]},
            {"X": WOMEN},
        ),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_lists_objects_and_rows_in_json_are_found(tmp_path, value, names, indent):
    text = json.dumps(value, indent=indent)
    assert grouped(load_dataset(write(tmp_path, "X.json", text))) == names
    if text[0] in "[{" and indent is None:
        assert grouped(load_dataset(write(tmp_path, "X", text))) == names


NINE = [chr(ord("A") + n) + "ina" for n in range(9)]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ({"f": dict.fromkeys(WOMEN, 3), "m": dict.fromkeys(MEN, 4)}, BOTH),
        ({"f": dict.fromkeys(WOMEN, "x"), "m": dict.fromkeys(MEN, "y")}, BOTH),
        ({"Emma": {"gender": "f", "rank": 1}, "Liam": {"gender": "m", "rank": 2}}, {"f": ["Emma"], "m": ["Liam"]}),
        ([{"category": c, "names": n} for c, n in BOTH.items()], BOTH),
        ([{category: names} for category, names in BOTH.items()], BOTH),
        ([{name: births} for name, births in zip(WOMEN, [5, 4, 2], strict=True)], {"X": WOMEN}),
        ([{"name": c, "names": n} for c, n in BOTH.items()], BOTH),
        ([{"name": n, "aliases": ["x", "y"]} for n in WOMEN], {"X": WOMEN}),
        ([{"race": "elf", **BOTH}, {"race": "orc", "m": MEN}], {"elf/f": WOMEN, "elf/m": MEN, "orc/m": MEN}),
        ({"name": ["Anna", "Bert", "Carl"], "sex": ["f", "m", "m"]}, {"f": ["Anna"], "m": ["Bert", "Carl"]}),
        ({"elf": ["Ada", "Ada", "Bo"], "orc": ["Cy", "Di", "Ed"]}, {"elf": ["Ada", "Bo"], "orc": ["Cy", "Di", "Ed"]}),
        (
            {"name": NINE + MEN, "kin": ["elf", "orc"] * 6},
            {"elf": [*NINE[::2], "Noah"], "orc": [*NINE[1::2], *MEN[::2]]},
        ),
        ({"name": WOMEN, "count": [5, 3, 2]}, {"X": WOMEN}),
        ({"name": dict(zip("012", WOMEN, strict=True)), "count": {"0": 5, "1": 4, "2": 3}}, {"X": WOMEN}),
        ({"columns": ["name", "count"], "index": [0, 1], "data": [["Anna", 5], ["Bert", 9]]}, {"X": ["Anna", "Bert"]}),
        ({"schema": {"fields": [{"name": "a"}]}, "data": [{"name": n} for n in WOMEN]}, {"X": WOMEN}),
        ({"Anna": "f", "Bert": "m"}, {"f": ["Anna"], "m": ["Bert"]}),
        ({name: "elf" if name < "E" else "orc" for name in NINE}, {"elf": NINE[:4], "orc": NINE[4:]}),
        (dict(zip("012", WOMEN, strict=True)), {"X": WOMEN}),
    ],
)
def test_tables_and_categories_in_json_have_many_shapes(tmp_path, value, names):
    assert grouped(load_dataset(write(tmp_path, "X.json", json.dumps(value)))) == names


def test_a_repeated_key_in_json_loses_no_names(tmp_path):
    path = write(tmp_path, "X.json", '{"elf": ["Ada"], "orc": {"f": ["Bo"]}, "elf": ["Cy"], "orc": {"m": ["Di"]}}')
    assert grouped(load_dataset(path)) == {"elf": ["Ada", "Cy"], "orc/f": ["Bo"], "orc/m": ["Di"]}
    refused(write(tmp_path, "X.json", '{"Ada": 5, "Bo": 6, "Ada": 7}'), "the key 'Ada' occurs twice")


def test_what_is_not_read_in_json_is_reported(tmp_path):
    dataset = load_dataset(write(tmp_path, "X.json", '["Anna", null, "Bert", 5, true]'))
    assert dataset.notes == ("skipped 3 entries of lists that are not text",)
    dataset = load_dataset(write(tmp_path, "X.json", '{"elf": {"Ada": "old"}, "orc": {"Bo": "dark"}}'))
    assert dataset.notes == ("read keys as names, without the texts of 2 names",)
    with pytest.raises(DataError, match="an object of texts; of JSON, namegen reads lists of names"):
        load_dataset(write(tmp_path, "X.json", '{"Ada": "old", "Bo": "dark", "Cy": "tall"}'))
    with pytest.raises(DataError, match="whose keys may be names or facts about names"):
        load_dataset(write(tmp_path, "X.json", '{"elf": {"Ada": 1}, "orc": {"Ada": 2}}'))
    (tmp_path / "folder").mkdir()
    write(tmp_path / "folder", "a.json", "[1, 2]")
    write(tmp_path / "folder", "b.json", '["Ada"]')
    assert any("a list of numbers" in note for note in load_dataset(tmp_path / "folder").notes)


def test_what_json_was_read_as_is_reported(tmp_path):
    lists = load_dataset(write(tmp_path, "X.json", json.dumps({"f": WOMEN, "m": MEN})))
    assert lists.reports == ("X.json: names from f, m, 6 names",)
    (report,) = load_dataset(write(tmp_path, "X.json", json.dumps(OBJECTS))).reports
    assert report == "X.json: names from name, categories from sex (f, m), counts from births, 6 rows"


@pytest.mark.parametrize(
    ("name", "values", "names"),
    [
        ("X.txt", OBJECTS, BOTH),
        *((name, OBJECTS, BOTH) for name in ("X.jsonl", "X.ndjson", "X.jsonl.gz")),
        *((name, WOMEN, {"X": WOMEN}) for name in ("X.jsonl", "X.ndjson", "X.jsonl.gz")),
    ],
)
def test_a_json_value_on_each_line_is_read(tmp_path, name, values, names):
    text = "".join(json.dumps(value) + "\n" for value in values).encode()
    path = write(tmp_path, name, gzip.compress(text) if name.endswith(".gz") else text)
    assert grouped(load_dataset(path)) == names


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("X.json", '["Anna", ]', "line 1: invalid JSON"),
        ("X.json", '["Anna"\n', "invalid JSON"),
        ("X.json", "[" * 100_000, "nested too deeply"),
        ("X.json", '{"a":' * 100_000, "nested too deeply"),
        ("X.jsonl", '{"name": "Anna"}\n{"name": ', "line 2: invalid JSON"),
        ("X.jsonl", '"Anna"\n5\n', "line 2: not a string"),
        ("X.jsonl", '{"category": "elf", "names": ["Ada"]}\n' * 2, "save it as JSON (.json)"),
        ("X.jsonl", "[" * 60_000, "invalid JSON"),
        ("X.json", b'["Bj\xf6rn"]', "not UTF-8; it looks like"),
    ],
)
def test_json_that_cannot_be_read_is_refused(tmp_path, name, content, complaint):
    refused(write(tmp_path, name, content), complaint)


@pytest.mark.parametrize("content", ["{}", "[]", "[1, 2]", '{"a": 5}', "null", '{"a": [[], []]}'])
def test_json_without_names_is_refused(tmp_path, content):
    with pytest.raises(DataError, match=r"^no names in X"):
        load_dataset(write(tmp_path, "X.json", content))


@pytest.mark.parametrize("value", ["[]", "{}", '""', "1", "[[]]", '{"":{}}'])
def test_large_json_is_refused_before_it_takes_up_memory(tmp_path, monkeypatch, value):
    content = f"[{','.join([value] * 40_000)}]"
    path = write(tmp_path, "X.json", content)
    monkeypatch.setattr(json_files, "_MAX_JSON_BYTES", 100_000)
    monkeypatch.setattr(json_files, "_MAX_CONTAINERS", 1_000)
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            load_dataset(path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


# Spreadsheets and Parquet files


def test_a_spreadsheet_is_read(tmp_path):
    path = write(tmp_path, "names.xlsx", sheet(("2001", [("Name", "Sex", "Births"), *ROWS])))
    dataset = load_dataset(path)
    assert grouped(dataset) == BOTH
    assert dataset.reports == (
        "names.xlsx, sheet 2001: names from Name, categories from Sex (f, m), counts from Births, 6 rows",
    )


def test_the_first_sheet_that_is_not_empty_is_read_and_the_others_are_named(tmp_path):
    names = [("Name",), *((name,) for name in WOMEN)]
    book = sheet(("Cover", []), ("Women", names), ("Men", [("Name",), ("Liam",)]))
    dataset = load_dataset(write(tmp_path, "names.xlsx", book))
    assert grouped(dataset) == {"names": WOMEN}
    assert "read only the sheet 'Women', not Men; export the others as CSV" in dataset.notes


def test_a_sheet_with_names_is_chosen_rather_than_a_cover(tmp_path):
    rows = [("Rank", "Name", "Count"), *((n, name, 99 - n) for n, name in enumerate(NINE, 1))]
    cover = [("Baby names 2020",), ("Published by the statistics office in May",), ("Contents",), ("Girls",)]
    dataset = load_dataset(write(tmp_path, "X.xlsx", sheet(("Read me", cover), ("Girls", rows), ("Notes", cover))))
    assert grouped(dataset) == {"X": NINE}
    assert "read only the sheet 'Girls', not Read me, Notes; export the others as CSV" in dataset.notes
    info = ("Info", [("This workbook has data of 2020",)])
    assert grouped(load_dataset(write(tmp_path, "X.xlsx", sheet(info, ("Girls", rows[:4]))))) == {"X": NINE[:3]}


def test_an_old_spreadsheet_is_refused(tmp_path):
    for name in ("X.xls", "X.xlsx", "X"):
        refused(write(tmp_path, name, b"\xd0\xcf\x11\xe0\xa1\xb1" + bytes(600)), "save it as .xlsx")


def test_a_spreadsheet_is_recognized_by_its_contents_and_read_in_a_zip_and_a_folder(tmp_path):
    book = sheet(("A", [("Name", "Sex"), *(row[:2] for row in ROWS)]))
    assert grouped(load_dataset(write(tmp_path, "names", book))) == BOTH
    (tmp_path / "folder").mkdir()
    write(tmp_path / "folder", "names.xlsx", book)
    assert grouped(load_dataset(tmp_path / "folder")) == BOTH
    with zipfile.ZipFile(tmp_path / "names.zip", "w") as archive:
        archive.writestr("names.xlsx", book)
    assert grouped(load_dataset(tmp_path / "names.zip")) == BOTH


def repack(book, changes):
    """Return a spreadsheet with some of its parts replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, changes.get(info.filename, old.read(info)))
    return buffer.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
XML = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}</worksheet>'
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {after} "{f"&{before};" * 20}">' for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMBS = {
    "unpacked size": XML.format("<sheetData>" + "<row/>" * 1_000_000 + "</sheetData>"),
    "dimension": XML.format(
        '<dimension ref="A1:XFD1048576"/><sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData>'
    ),
    "row number": XML.format('<sheetData><row r="999999999"><c r="A999999999"><v>1</v></c></row></sheetData>'),
    "column number": XML.format('<sheetData><row r="1"><c r="ZZZ1"><v>1</v></c></row></sheetData>'),
    "entities": LAUGHS + "]>" + XML.format("<sheetData><row><c><v>&i;</v></c></row></sheetData>"),
    "not xml": "Anna",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_hostile_spreadsheet_is_refused_without_taking_up_memory(tmp_path, bomb):
    path = write(tmp_path, "names.xlsx", repack(sheet(("A", [("Name",), ("Anna",)])), {SHEET: BOMBS[bomb]}))
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            load_dataset(path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"Anna\n", b"PK\x05\x06" + b"\0" * 18])
def test_a_damaged_spreadsheet_is_refused(tmp_path, content):
    refused(write(tmp_path, "names.xlsx", content))


def parquet(**columns):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def test_a_parquet_file_is_read(tmp_path):
    names, sexes, births = zip(*ROWS, strict=True)
    content = parquet(name=names, sex=sexes, births=births, tags=[["a"]] * len(names))
    assert grouped(load_dataset(write(tmp_path, "names.parquet", content))) == BOTH
    assert grouped(load_dataset(write(tmp_path, "names", content))) == BOTH


@pytest.mark.parametrize("cut", [0, 10, 200])
def test_a_damaged_parquet_file_is_refused(tmp_path, cut):
    content = parquet(name=WOMEN)
    refused(write(tmp_path, "names.parquet", content[:cut]), "save it again, or export it as CSV")


@pytest.mark.parametrize(("name", "package"), [("X.xlsx", "openpyxl"), ("X.parquet", "pyarrow")])
def test_a_missing_package_is_named(tmp_path, monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        MissingPackageError, match=f"needs {package}, which is not installed; install it with `pip install {package}`"
    ):
        load_dataset(write(tmp_path, name, b"PAR1" if "parquet" in name else b"PK\x03\x04"))


# Tables


def text_of(rows, delimiter=","):
    return "".join(delimiter.join(map(str, row)) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("name", "content", "names"),
    [
        ("X.csv", text_of([("name", "count"), ("Emma", 63), ("Ava", 10_005)]), {"X": ["Emma", "Ava"]}),
        ("X.csv", text_of([("id", "name"), (1, "Emma"), (2, "Ava"), (3, "Mia")]), {"X": ["Emma", "Ava", "Mia"]}),
        ("X.csv", text_of([("name", "sex", "births"), *ROWS]), BOTH),
        ("X.csv", text_of([("", "name", "sex"), *((n, *row[:2]) for n, row in enumerate(ROWS))]), BOTH),
        ("X.txt", text_of(ROWS * 2), BOTH),
        ("X.csv", "name\nEmma\nAva\n", {"X": ["Emma", "Ava"]}),
        ("X.csv", text_of([("Vorname", "Geschlecht"), *(row[:2] for row in ROWS)], ";"), BOTH),
    ],
)
def test_columns_are_found_by_their_contents(tmp_path, name, content, names):
    assert grouped(load_dataset(write(tmp_path, name, content))) == names


def test_columns_can_be_chosen(tmp_path):
    path = write(tmp_path, "X.csv", text_of([("first", "last", "n"), ("Emma", "Abbas", 3), ("Olivia", "Abbey", 4)]))
    refused(path, "--name-column")
    chosen = ReadingOptions(name_column="last", category_column="none")
    assert grouped(load_dataset(path, reading=chosen)) == {"X": ["Abbas", "Abbey"]}
    chosen = ReadingOptions(name_column=1, category_column="last", weight_column=3, weights="count")
    dataset = load_dataset(path, reading=chosen)
    assert grouped(dataset) == {"Abbas": ["Emma"], "Abbey": ["Olivia"]}
    assert dataset.weights.tolist() == [3, 4]
    chosen = ReadingOptions(name_column=1, category_column="none", header=False)
    assert load_dataset(path, reading=chosen).names("X") == ["first", "Emma", "Olivia"]
    refused(path, "no column middle", reading=ReadingOptions(name_column="middle"))


def test_options_of_tables_need_a_table(tmp_path):
    path = write(tmp_path, "X.txt", "Emma\nAva\n")
    refused(path, "not a table; leave out --name-column", reading=ReadingOptions(name_column=1))


def test_rows_without_a_category_or_name_are_skipped_and_counted(tmp_path):
    rows = [("name", "category"), ("Ada", "elf"), ("Bea", ""), ("Cy", "elf"), ("", "elf"), ("Source",), ("Dee", " ")]
    dataset = load_dataset(write(tmp_path, "X.csv", text_of(rows)))
    assert grouped(dataset) == {"elf": ["Ada", "Cy"]}
    assert set(dataset.notes) == {
        "skipped 2 rows without a category, such as row 3",
        "skipped 1 row without a name, such as row 5",
        "skipped 1 row without all columns, such as row 6",
    }


@pytest.mark.parametrize("last", [False, True])
def test_a_category_in_the_first_row_of_each_group_is_filled_down(tmp_path, last):
    rows = [("race", "name"), *(("elf" if n == 0 else "orc" if n == 5 else "", name) for n, name in enumerate(NINE))]
    rows = [row[::-1] for row in rows] if last else rows
    for name, content in (("X.csv", text_of(rows)), ("X.xlsx", sheet(("A", [[c or None for c in r] for r in rows])))):
        dataset = load_dataset(write(tmp_path, name, content))
        assert grouped(dataset) == {"elf": NINE[:5], "orc": NINE[5:]}
        assert "filled down the categories of 7 rows below the first of each group" in dataset.notes


def test_a_table_without_most_of_its_categories_is_refused(tmp_path):
    rows = [("race", "name"), *(("elf" if n in (1, 5) else "", name) for n, name in enumerate(NINE))]
    path = write(tmp_path, "X.csv", text_of(rows))
    refused(path, "7 of 9 rows have no category", "--category-column none")
    assert grouped(load_dataset(path, reading=ReadingOptions(category_column="none"))) == {"X": NINE}
    assert grouped(load_dataset(path, reading=ReadingOptions(category_column=1))) == {"elf": [NINE[1], NINE[5]]}


def test_counts_can_be_left_out(tmp_path):
    path = write(tmp_path, "X.csv", text_of([("name", "total"), ("Emma", 63), ("Ava", 20)]))
    assert load_dataset(path).hints
    dataset = load_dataset(path, reading=ReadingOptions(weight_column="none"))
    assert (grouped(dataset), dataset.hints, dataset.weights) == ({"X": ["Emma", "Ava"]}, (), None)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("| Name | Sex |\n|---|:---:|\n" + "".join(f"| {n} | {s} |\n" for n, s, _ in ROWS), BOTH),
        ("Name | Sex\n--- | ---\n" + "".join(f"{n} | {s}\n" for n, s, _ in ROWS), BOTH),
        ("| Name |\n| --- |\n" + "".join(f"| {n} |\n" for n in WOMEN), {"X": WOMEN}),
    ],
)
def test_the_line_below_the_titles_of_a_table_in_markdown_is_no_row(tmp_path, content, names):
    assert grouped(load_dataset(write(tmp_path, "X.md", content))) == names


def test_categories_that_differ_in_case_only_are_merged_and_counted(tmp_path):
    rows = [("name", "category"), ("Ada", "Elf"), ("Bo", "elf"), ("Cy", "elf"), ("Di", "ELF"), ("Ed", "orc")]
    dataset = load_dataset(write(tmp_path, "X.csv", text_of(rows)))
    assert grouped(dataset) == {"elf": ["Bo", "Cy", "Ada", "Di"], "orc": ["Ed"]}
    assert "merged 2 categories with others that differ only in case, such as 'Elf' with 'elf'" in dataset.notes


def test_rare_categories_stay_unless_a_minimum_is_given(tmp_path):
    rows = [("name", "category"), ("Ada", "elf"), ("Bo", "elf"), ("Cy", "orc"), ("Di", "ent")]
    path = write(tmp_path, "X.csv", text_of(rows))
    assert load_dataset(path).categories == ("elf", "ent", "orc")
    dataset = load_dataset(path, reading=ReadingOptions(min_count=2))
    assert grouped(dataset) == {"elf": ["Ada", "Bo"]}
    assert dataset.notes == ("left out 2 categories with fewer than 2 names (2 names in all)",)
    refused_all = ReadingOptions(min_count=3)
    with pytest.raises(DataError, match="no category has 3 names; use a lower --min-count"):
        load_dataset(path, reading=refused_all)


def test_a_table_that_is_sorted_by_category_has_all_its_categories(tmp_path):
    names = [f"{a}{b}{c}" for a in "BCDFGHKLMN" for b in "aeiou" for c in ("lin", "ra", "ton", "vik")]
    rows = [(f"{name}{end}", sex, 5) for sex in "FM" for end in ("", "a", "o", "u", "i") for name in names]
    dataset = load_dataset(write(tmp_path, "X.csv", text_of([("name", "sex", "births"), *rows])))
    assert dataset.categories == ("F", "M")
    assert "categories from sex (F, M)" in dataset.reports[0]


# Weights


def test_counts_are_noted_and_used_on_request(tmp_path):
    path = write(tmp_path, "X.csv", text_of([("name", "sex", "births"), ("Emma", "F", 400), ("Ava", "F", 100)]))
    plain = load_dataset(path)
    assert plain.weights is None
    assert plain.hints == ("the column 'births' seems to have counts; use them with --weights sqrt or --weights count",)
    counted = load_dataset(path, reading=ReadingOptions(weights="count"))
    assert (counted.weights.tolist(), counted.notes, counted.hints) == ([400, 100], (), ())
    assert load_dataset(path, reading=ReadingOptions(weights="sqrt")).weights.tolist() == [20, 10]


def test_counts_without_a_title_are_noted_by_their_number(tmp_path):
    rows = [("name", "sex"), *zip(MEN + WOMEN, "mmmfff", (90, 31, 90, 13, 5, 9), strict=True)]
    dataset = load_dataset(write(tmp_path, "X.csv", text_of(rows)))
    assert dataset.hints == ("column 3 seems to have counts; use them with --weights sqrt or --weights count",)


def test_repeated_lines_are_noted_and_used_on_request(tmp_path):
    path = write(tmp_path, "X.txt", "Emma\nAva\nEmma\nEmma\nEmma\n")
    plain = load_dataset(path)
    assert plain.notes == ("left out 3 repeated names",)
    assert plain.hints == ("if repeats are frequencies, use them with --weights sqrt or --weights count",)
    dataset = load_dataset(path, reading=ReadingOptions(weights="sqrt"), keep_repeats=True)
    assert (dataset.names("X"), dataset.weights.tolist()) == (["Emma", "Ava"], [2, 1])


def test_weights_without_any_effect_are_noted(tmp_path):
    path = write(tmp_path, "X.txt", "Emma\nAva\n")
    dataset = load_dataset(path, reading=ReadingOptions(weights="count"))
    assert dataset.notes == ("--weights count has no effect, because all names occur equally often",)


def test_counts_that_are_suppressed_or_zero_are_counted(tmp_path):
    rows = [("name", "births"), ("Emma", "1,400"), ("Ava", "*"), ("Mia", 0), *((f"L{v}n", 7) for v in "aeiou")]
    text = "".join(f'{name},"{births}"\n' for name, births in rows)
    dataset = load_dataset(write(tmp_path, "X.csv", text), reading=ReadingOptions(weights="count"))
    assert dataset.weights.tolist() == [1400, 1, 7, 7, 7, 7, 7]
    assert "skipped 1 row without a count above 0, such as row 4" in dataset.notes
    assert "used the count 1 for 1 row whose count is not a number" in dataset.notes


# Refusing to train on a remnant


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ([f"NCC-{number}" for number in range(1000, 1020)], "57% of the letters would be dropped, as in 'NCC-1000'"),
        ([f"Sector of the Planet {n}" for n in range(20)], "20 names would become 1, as in 'Sector of the Planet 0'"),
    ],
)
def test_a_list_that_the_alphabet_would_ruin_is_refused(tmp_path, names, complaint):
    path = write(tmp_path, "ships.txt", "".join(f"{name}\n" for name in names))
    with pytest.raises(DataError) as caught:
        load_dataset(path, reading=ReadingOptions(plain=True))
    assert str(caught.value).startswith(f"ships: {complaint}")
    assert str(caught.value).endswith("to keep them, use --alphabet unicode")
    assert len(load_dataset(path, alphabet="unicode", reading=ReadingOptions(plain=True))) == 20


def test_transliteration_is_no_loss(tmp_path):
    path = write(tmp_path, "X.txt", "Щукин\nИван\nMüller\nMuller\nŁoś\n")
    assert len(load_dataset(path)) == 4

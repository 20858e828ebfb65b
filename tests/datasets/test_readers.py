"""Every format that names are read from, good and bad."""

from __future__ import annotations

import gzip
import io
import os
import re
import sys
import time
import zipfile
import zlib
from pathlib import Path

import pytest

import namegen.datasets.builder
from namegen.datasets.dataset import Dataset
from namegen.datasets.readers import load_dataset
from namegen.errors import DataError

LISTS = {"Dwarvish": "Gimli\nThorin\n", "Elvish": "Elrond\nArwen\nLúthien\n"}

NAMES = {"Dwarvish": ["Gimli", "Thorin"], "Elvish": ["Elrond", "Arwen", "Luthien"]}

ROWS = [(category, name) for category, text in LISTS.items() for name in text.split()]

MANY = [f"{first}{second}{third}" for first in "ABCDEFGHIJKLMNOPQRST" for second in "aeiou" for third in "lmnrst"]


def grouped(dataset):
    return {category: dataset.names(category) for category in dataset.categories}


def packed(members):
    """The bytes of a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def table(delimiter, rows):
    return "".join(delimiter.join(row) + "\n" for row in rows).encode()


WHOLE = {
    "names.zip": packed({f"{category}.txt": text for category, text in LISTS.items()}),
    "nested.zip": packed({f"data/names/{category}.txt": text for category, text in LISTS.items()}),
    "of-gz.zip": packed({f"{category}.txt.gz": gzip.compress(text.encode()) for category, text in LISTS.items()}),
    "plain.csv": table(",", ROWS),
    "head.csv": table(",", [("category", "name"), *ROWS]),
    "turned.csv": table(",", [(" Name", "CATEGORY "), *((name, category) for category, name in ROWS)]),
    "wide.csv": table(",", [("id", "name", "year", "category"), *(("1", n, "2026", c) for c, n in ROWS)]),
    "quoted.csv": table(",", [(f'"{category}"', f'"{name}"') for category, name in ROWS]),
    "windows.csv": b"\xef\xbb\xbf" + table(",", [("category", "name"), *ROWS]).replace(b"\n", b"\r\n"),
    "marked.csv": b"\xef\xbb\xbf" + table(",", ROWS),
    "blank.csv": b"\n" + table(",", [("category", "name")]) + b" , \n\n" + table(",", ROWS) + b"\n",
    "spaced.csv": table(",", [(f" {category} ", f"  {name} ") for category, name in ROWS]),
    "unended.csv": table(",", ROWS).rstrip(b"\n"),
    "late.csv": b"\n" * 2000 + table(",", ROWS),
    "named.csv": table(",", [("People", "Name"), *ROWS]),
    "named turned.csv": table(",", [("name", "people"), *((name, category) for category, name in ROWS)]),
    "semicolons.csv": table(";", [("category", "name"), *ROWS]),
    "plain semicolons.csv": b"\n" + table(";", ROWS),
    "plain.tsv": table("\t", ROWS),
    "head.tsv": table("\t", [("category", "name"), *ROWS]),
    "CAPITALS.TSV": table("\t", ROWS),
}


@pytest.mark.parametrize(
    ("file", "ending"), [(file, ending) for file in WHOLE for ending in ("", ".gz") if ".zip" not in file or not ending]
)
def test_one_file_of_several_categories_is_read(tmp_path, file, ending):
    path = tmp_path / (file + ending)
    path.write_bytes(gzip.compress(WHOLE[file]) if ending else WHOLE[file])
    assert grouped(load_dataset(path)) == NAMES


@pytest.mark.parametrize("ending", [".txt", ".TXT", ".txt.gz", ".TXT.GZ"])
def test_a_folder_of_lists_is_read(tmp_path, ending):
    for category, text in LISTS.items():
        content = text.encode()
        (tmp_path / f"{category}{ending}").write_bytes(gzip.compress(content) if "gz" in ending.lower() else content)
    assert grouped(load_dataset(tmp_path)) == NAMES


def test_whatever_else_lies_in_the_folder_is_no_category(tmp_path):
    for category, text in LISTS.items():
        (tmp_path / f"{category}.txt").write_text(text, encoding="utf-8")
    (tmp_path / "LICENSE").write_bytes(b"\xff")
    (tmp_path / "dataset.json").write_bytes(b"{}")
    (tmp_path / "._Elvish.txt").write_bytes(b"\xff")
    (tmp_path / "folder.txt").mkdir()
    assert grouped(load_dataset(tmp_path)) == NAMES


def test_whatever_else_lies_in_a_zip_is_no_category(tmp_path):
    lists = {f"{category}.txt": text for category, text in LISTS.items()}
    more = {"__MACOSX/Orcish.txt": b"\xff", "._Elvish.txt": b"\xff", "LICENSE": b"\xff"}
    (tmp_path / "names.zip").write_bytes(packed(lists | more))
    assert grouped(load_dataset(tmp_path / "names.zip")) == NAMES


@pytest.mark.parametrize("name", ["Elvish.txt", "Elvish.txt.gz"])
def test_one_list_is_one_category_named_by_the_file(tmp_path, name):
    content = LISTS["Elvish"].encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert grouped(load_dataset(tmp_path / name)) == {"Elvish": NAMES["Elvish"]}


def test_a_category_may_have_dots_and_blanks_in_its_name(tmp_path):
    (tmp_path / "St. Helena.txt").write_text("Anna\n", encoding="utf-8")
    assert grouped(load_dataset(tmp_path)) == {"St. Helena": ["Anna"]}


def test_a_path_may_be_given_as_text(tmp_path):
    (tmp_path / "Elvish.txt").write_text("Arwen\n", encoding="utf-8")
    assert grouped(load_dataset(str(tmp_path / "Elvish.txt"))) == {"Elvish": ["Arwen"]}


@pytest.mark.parametrize(
    ("what", "content"),
    [
        ("a byte-order mark", b"\xef\xbb\xbfArwen\nElrond\n"),
        ("Windows line ends", b"Arwen\r\nElrond\r\n"),
        ("blank lines", b"\n\nArwen\n\n \t \nElrond\n\n"),
        ("surrounding blanks", b"  Arwen\t\n Elrond  \n"),
        ("no-break blanks around", "\u00a0Arwen\u00a0\nElrond\n".encode()),
        ("no line end at the end", b"Arwen\nElrond"),
        ("all of it", b"\xef\xbb\xbf\r\n Arwen \r\n\r\nElrond \r\n \r\n"),
    ],
)
def test_harmless_things_in_a_list_change_nothing(tmp_path, what, content):
    (tmp_path / "Elvish.txt").write_bytes(content)
    dataset = load_dataset(tmp_path / "Elvish.txt")
    assert grouped(dataset) == {"Elvish": ["Arwen", "Elrond"]}
    assert dataset.notes == ()


def test_blanks_within_a_name_are_made_one(tmp_path):
    (tmp_path / "X.txt").write_text("De  La   Cruz\nVan\u00a0Dyke\n", encoding="utf-8")
    assert load_dataset(tmp_path).names("X") == ["De La Cruz", "Van Dyke"]


def test_a_quoted_cell_may_hold_the_delimiter(tmp_path):
    (tmp_path / "names.csv").write_text('"Isles, British","Smith, Jr."\n', encoding="utf-8")
    assert grouped(load_dataset(tmp_path / "names.csv")) == {"Isles, British": ["Smith, Jr."]}


def test_rows_of_one_category_need_not_stand_together(tmp_path):
    (tmp_path / "names.csv").write_text("A,Anna\nB,Bert\nA,Alf\n", encoding="utf-8")
    assert grouped(load_dataset(tmp_path / "names.csv")) == {"A": ["Anna", "Alf"], "B": ["Bert"]}


@pytest.mark.parametrize(
    ("file", "label"),
    [
        ("elves.txt", "elves"),
        ("elves.csv.gz", "elves"),
        ("elves.zip", "elves"),
    ],
)
def test_a_dataset_is_called_after_its_file(tmp_path, file, label):
    contents = {"elves.txt": b"Arwen\n", "elves.csv.gz": gzip.compress(b"a,b\n"), "elves.zip": WHOLE["names.zip"]}
    (tmp_path / file).write_bytes(contents[file])
    assert load_dataset(tmp_path / file).label == label


@pytest.mark.parametrize("folder", ["elves", "elves.v2"])
def test_a_dataset_is_called_after_its_folder(tmp_path, folder):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "X.txt").write_text("Arwen\n", encoding="utf-8")
    assert load_dataset(tmp_path / folder).label == folder


def test_the_folder_one_is_in_has_a_name_too(tmp_path, monkeypatch):
    (tmp_path / "elves").mkdir()
    (tmp_path / "elves" / "X.txt").write_text("Arwen\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "elves")
    assert load_dataset(".").label == "elves"


def test_a_dataset_can_be_called_something_else(tmp_path):
    (tmp_path / "X.txt").write_text("Arwen\n", encoding="utf-8")
    assert load_dataset(tmp_path, label="mine").label == "mine"


def refused(path, *parts, **options):
    """The message with which a path is refused, which must hold all parts."""
    with pytest.raises(DataError) as caught:
        load_dataset(path, **options)
    message = str(caught.value)
    assert [part for part in parts if part not in message] == [], message
    assert caught.value.exit_code == 1
    return message


def test_a_list_that_is_not_utf_8_is_named_with_the_line(tmp_path):
    file = tmp_path / "X.txt"
    file.write_bytes(b"Anna\n\n" + "René\n".encode("latin-1"))
    refused(file, f"{file}, line 3: not UTF-8; save the file as UTF-8")


def test_of_a_folder_the_list_that_is_not_utf_8_is_named(tmp_path):
    (tmp_path / "A.txt").write_bytes(b"Anna\n")
    (tmp_path / "B.txt").write_bytes(b"Bert\nBj\xf6rn\n")
    refused(tmp_path, f"{tmp_path / 'B.txt'}, line 2: not UTF-8")


def test_of_a_zip_the_list_that_is_not_utf_8_is_named(tmp_path):
    (tmp_path / "names.zip").write_bytes(packed({"data/A.txt": b"Anna\n", "data/B.txt": b"Bert\nBj\xf6rn\n"}))
    refused(tmp_path / "names.zip", "names.zip", "data/B.txt, line 2: not UTF-8")


@pytest.mark.parametrize("name", ["X.txt.gz", "names.csv", "names.tsv.gz"])
def test_any_other_file_that_is_not_utf_8_is_named_with_the_line(tmp_path, name):
    lines = b"A\tAnna\nB\tBj\xf6rn\n" if "tsv" in name else b"A,Anna\nB,Bj\xf6rn\n"
    (tmp_path / name).write_bytes(gzip.compress(lines) if name.endswith("gz") else lines)
    refused(tmp_path / name, f"{tmp_path / name}, line 2: not UTF-8")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_called_by_its_name(tmp_path, encoding):
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    (tmp_path / "X.txt").write_bytes(mark + "Anna\nBert\n".encode(encoding))
    refused(tmp_path / "X.txt", "X.txt, line 1: not UTF-8 but UTF-16")


@pytest.mark.parametrize("content", [b"", b"\n \n\r\n", b"\xef\xbb\xbf\n"])
def test_a_list_without_a_name_is_refused(tmp_path, content):
    (tmp_path / "X.txt").write_bytes(content)
    refused(tmp_path / "X.txt", "no names in X")


@pytest.mark.parametrize("content", [b"", b"category,name\n", b"A, \n"])
def test_a_table_without_a_name_is_refused(tmp_path, content):
    (tmp_path / "names.csv").write_bytes(content)
    refused(tmp_path / "names.csv", "no names in names")


def test_names_of_which_nothing_can_be_transliterated_are_refused(tmp_path):
    (tmp_path / "X.txt").write_text("1\n22\n", encoding="utf-8")
    refused(tmp_path / "X.txt", "no names in X, only characters outside the alphabet")


@pytest.mark.parametrize("name", ["names.txt", "names.csv", "names.zip", "names", "names.json"])
def test_what_is_not_there_is_refused(tmp_path, name):
    refused(tmp_path / name, f"no file or folder {tmp_path / name}")


def test_a_folder_without_lists_is_refused_and_the_formats_named(tmp_path):
    (tmp_path / "names.doc").write_bytes(b"Anna")
    refused(tmp_path, f"no .txt files in the folder {tmp_path}", ".csv or .tsv", ".gz")


def test_a_zip_without_lists_is_refused_and_the_formats_named(tmp_path):
    (tmp_path / "names.zip").write_bytes(packed({"a.csv": b"A,Anna\n"}))
    refused(tmp_path / "names.zip", "no .txt files in ", "names.zip", ".csv or .tsv")


@pytest.mark.parametrize("name", ["names.json", "names", "names.gz", "names.zip.gz"])
def test_a_file_whose_ending_is_unknown_is_refused_and_the_formats_named(tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress(b"Anna\n"))
    refused(tmp_path / name, f"cannot tell the format of {tmp_path / name}", ".csv or .tsv")


DAMAGED_GZIP = {
    "not gzip at all": b"Anna\n",
    "cut short": gzip.compress(table(",", [("X", name) for name in MANY]))[:-20],
    "altered": gzip.compress(b"Anna\n")[:10] + b"\xff\xff" + gzip.compress(b"Anna\n")[12:],
}


@pytest.mark.parametrize("damage", DAMAGED_GZIP)
@pytest.mark.parametrize("name", ["X.txt.gz", "names.csv.gz"])
def test_a_damaged_gzip_is_refused(tmp_path, name, damage):
    (tmp_path / name).write_bytes(DAMAGED_GZIP[damage])
    refused(tmp_path / name, f"cannot read {tmp_path / name}: ")


def test_of_a_folder_the_damaged_gzip_is_named(tmp_path):
    (tmp_path / "A.txt").write_bytes(b"Anna\n")
    (tmp_path / "B.txt.gz").write_bytes(DAMAGED_GZIP["cut short"])
    refused(tmp_path, "cannot read ", "B.txt.gz")


def test_of_a_zip_the_damaged_gzip_is_named(tmp_path):
    (tmp_path / "names.zip").write_bytes(packed({"A.txt": b"Anna\n", "B.txt.gz": DAMAGED_GZIP["cut short"]}))
    refused(tmp_path / "names.zip", "names.zip", "B.txt.gz")


def damaged_zips():
    whole = packed({"A.txt": "\n".join(MANY).encode()})
    body = 30 + len("A.txt")  # where the compressed bytes begin, behind the local header
    with_wrong_sum = packed({"A.txt": b"Anna\n"}).replace(zlib.crc32(b"Anna\n").to_bytes(4, "little"), b"\0\0\0\0")
    encrypted = bytearray(whole)
    encrypted[6] |= 1
    encrypted[whole.rindex(b"PK\x01\x02") + 8] |= 1
    return {
        "not a zip at all": b"Anna\n",
        "empty": b"",
        "cut short": whole[: len(whole) // 2],
        "altered": whole[:body] + b"\xff" * 20 + whole[body + 20 :],
        "wrong checksum": with_wrong_sum,
        "encrypted": bytes(encrypted),
    }


@pytest.mark.parametrize("damage", damaged_zips())
def test_a_damaged_zip_is_refused(tmp_path, damage):
    (tmp_path / "names.zip").write_bytes(damaged_zips()[damage])
    refused(tmp_path / "names.zip", str(tmp_path / "names.zip"))


@pytest.mark.parametrize("members", [("a/X.txt", "b/X.txt"), ("X.txt", "X.txt.gz")])
def test_a_category_that_a_zip_has_twice_is_refused(tmp_path, members):
    (tmp_path / "names.zip").write_bytes(packed(dict.fromkeys(members, b"Anna\n")))
    refused(tmp_path / "names.zip", "the category 'X' is there twice", *members)


@pytest.mark.parametrize("content", [b"Anna\n", b"Anna,A,1\n", b"id,names,country\n1,Anna,A\n"])
def test_a_table_whose_columns_cannot_be_told_is_refused(tmp_path, content):
    (tmp_path / "names.csv").write_bytes(content)
    columns = content.split(b"\n")[0].count(b",") + 1
    refused(tmp_path / "names.csv", "names the columns category and name", "exactly two columns", f"it has {columns}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"A,Anna\n\nB\n", "line 3: columns: 1, where the first line has 2"),
        (b"id,category,name\n1,A,Anna\n2,B\n", "line 3: columns: 2, where the first line has 3"),
    ],
)
def test_a_row_with_too_few_columns_is_named_with_its_line(tmp_path, content, message):
    (tmp_path / "names.csv").write_bytes(content)
    refused(tmp_path / "names.csv", f"{tmp_path / 'names.csv'}, {message}")


def test_a_row_with_more_columns_than_a_table_of_two_has_is_named_with_its_line(tmp_path):
    (tmp_path / "names.csv").write_bytes(b"A,Anna\nB,Smith, Jr.\n")
    refused(tmp_path / "names.csv", "names.csv, line 2", "columns: 3, where the first line has 2")


def test_a_quote_that_never_ends_is_named_with_its_line(tmp_path):
    (tmp_path / "names.csv").write_bytes(b'A,Anna\nB,"Bert\n')
    refused(tmp_path / "names.csv", f"{tmp_path / 'names.csv'}, line 2: ")


@pytest.mark.parametrize("category", ["A\x07", "A\x1b[31m", "\u202eA"])
def test_a_category_with_control_characters_is_refused(tmp_path, category):
    (tmp_path / "names.csv").write_text(f"B,Bert\n{category},Anna\n", encoding="utf-8")
    message = refused(tmp_path / "names.csv", "cannot be a category", "no control characters")
    assert message.isprintable()


@pytest.mark.parametrize("row", ["A\x07,Anna", ",Anna"])
def test_a_row_whose_category_is_refused_is_named_with_its_line(tmp_path, row):
    (tmp_path / "names.csv").write_text(f"B,Bert\n{row}\n", encoding="utf-8")
    refused(tmp_path / "names.csv", f"{tmp_path / 'names.csv'}, line 2", "cannot be a category")


def test_characters_that_cannot_be_transliterated_are_dropped_and_noted(tmp_path):
    (tmp_path / "X.txt").write_text("Maxa/B\nAnna\nB3r7\n", encoding="utf-8")
    dataset = load_dataset(tmp_path)
    assert dataset.names("X") == ["MaxaB", "Anna", "Br"]
    assert dataset.notes == ("dropped 3 characters outside the alphabet, in 2 names: 'Maxa/B', …",)


def test_names_of_which_nothing_remains_are_left_out_and_noted(tmp_path):
    (tmp_path / "X.txt").write_text("12\nAnna\n345\n", encoding="utf-8")
    dataset = load_dataset(tmp_path)
    assert dataset.names("X") == ["Anna"]
    assert "left out 2 lines of which nothing remained" in dataset.notes


def test_repeats_within_a_category_are_dropped_and_noted(tmp_path):
    (tmp_path / "X.txt").write_text("Muller\nAnna\nMüller\nAnna\nMuller \n", encoding="utf-8")
    dataset = load_dataset(tmp_path)
    assert dataset.names("X") == ["Muller", "Anna"]
    assert dataset.notes[1:] == ("left out 3 repeated names",)


def test_repeats_can_be_kept(tmp_path):
    (tmp_path / "X.txt").write_text("Muller\nAnna\nMüller\n", encoding="utf-8")
    dataset = load_dataset(tmp_path, keep_repeats=True)
    assert dataset.names("X") == ["Muller", "Anna", "Muller"]
    assert not any("repeated" in note for note in dataset.notes)


def test_the_same_content_has_the_same_fingerprint_wherever_it_comes_from(tmp_path):
    (tmp_path / "anything.csv").write_bytes(WHOLE["quoted.csv"])
    loaded = load_dataset(tmp_path / "anything.csv")
    assert loaded.fingerprint == Dataset.from_names(NAMES, label="other").fingerprint
    assert re.fullmatch("[0-9a-f]{64}", loaded.fingerprint)


def test_the_real_surnames_have_18_categories(data_dir):
    assert len(load_dataset(data_dir / "surnames").categories) == 18


def test_of_the_2000_arabic_surnames_108_are_distinct(data_dir):
    assert len(load_dataset(data_dir / "surnames").names("Arabic")) == 108
    assert len(load_dataset(data_dir / "surnames", keep_repeats=True).names("Arabic")) == 2_000


def test_every_line_of_the_real_data_is_a_name(data_dir):
    assert len(load_dataset(data_dir / "surnames", keep_repeats=True)) == 20_050
    assert len(load_dataset(data_dir / "makemore" / "names.txt", keep_repeats=True)) == 32_033


def test_the_slash_in_the_real_data_is_noted(data_dir):
    dataset = load_dataset(data_dir / "surnames")
    assert "dropped 1 character outside the alphabet, in 1 name: 'Maxa/B'" in dataset.notes


@pytest.mark.parametrize("content", [b"Anna\rBert\rCarl", b"Anna\r\nBert\rCarl\n"])
def test_line_ends_of_old_macs_are_harmless(tmp_path, content):
    (tmp_path / "X.txt").write_bytes(content)
    assert load_dataset(tmp_path).names("X") == ["Anna", "Bert", "Carl"]


@pytest.mark.parametrize("content", [b"Anna\nB\0o\n", b"Anna\n" + b"x" * 5000 + b"\n"])
def test_a_line_that_can_be_no_name_is_an_error_that_names_it(tmp_path, content):
    (tmp_path / "X.txt").write_bytes(content)
    with pytest.raises(DataError, match=r"X\.txt, line 2: "):
        load_dataset(tmp_path)


def test_a_link_that_leads_nowhere_is_an_error_and_not_left_out(tmp_path):
    (tmp_path / "X.txt").write_text("Anna\n", encoding="utf-8")
    (tmp_path / "Y.txt").symlink_to(tmp_path / "gone.txt")
    with pytest.raises(DataError, match=r"Y\.txt"):
        load_dataset(tmp_path)


def test_what_cannot_be_printed_in_the_name_of_a_folder_is_not_in_its_label(tmp_path):
    folder = tmp_path / "my\u00a0names\x1b"
    folder.mkdir()
    (folder / "X.txt").write_text("Anna\n", encoding="utf-8")
    assert load_dataset(folder).label == "my?names?"


@pytest.mark.parametrize(
    ("names", "notes"),
    [
        ("Dúlinnor Oronwë Aelar", ["wrote 2 names in plain letters, 'Dúlinnor' as 'Dulinnor'"]),
        ("Aelar\u00a0 Belen", []),
        ("Dúlinnor" + " Aelar" * 10, []),
        ("Aelar Belen", []),
    ],
)
def test_names_that_lose_their_accents_are_noted_if_they_are_many(tmp_path, names, notes):
    path = tmp_path / "elves.txt"
    path.write_text(names.replace(" ", "\n"), encoding="utf-8")
    to_ascii, as_written = (load_dataset(path, alphabet=kind, keep_repeats=True).notes for kind in ("ascii", "unicode"))
    assert list(to_ascii) == [f"{note}; with the alphabet unicode they stay as they are written" for note in notes]
    assert as_written == ()


def test_the_first_line_of_a_table_without_a_head_is_noted(tmp_path):
    (tmp_path / "x.csv").write_text("country,surname\nGerman,Bauer\n", encoding="utf-8")
    assert any("(country, surname)" in note for note in load_dataset(tmp_path / "x.csv").notes)


# Files that nobody should trust


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["X.txt", "names.csv", "names.tsv", "X.txt.gz", "names.zip"])
def test_utf_16_is_called_by_its_name_in_every_format(tmp_path, name, encoding):
    content = ("A\tAnna\n" if "tsv" in name else "A,Anna\n" if "csv" in name else "Anna\nBert\n").encode(encoding)
    content = packed({"X.txt": content}) if "zip" in name else gzip.compress(content) if "gz" in name else content
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, name, "line 1: not UTF-8 but UTF-16, or no text at all; save the file as UTF-8")


@pytest.mark.parametrize("name", ["names.csv", "names.csv.gz"])
def test_nul_bytes_in_a_table_are_refused_with_their_line(tmp_path, name):
    content = b"A,Anna\nA,B\0ert\n"
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    refused(tmp_path / name, f"{name}, line 2: not UTF-8 but UTF-16, or no text at all")


def test_a_line_of_ten_megabytes_is_refused_in_every_format(tmp_path):
    line = b"x" * 10_000_000
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("X.txt", b"Anna\n" + line)
    contents = {
        "X.txt": b"Anna\n" + line,
        "X.txt.gz": gzip.compress(b"Anna\n" + line, 0),
        "names.csv": b"A,Anna\nA," + line,
        "names.tsv": b"A\tAnna\n" + line,
        "names.zip": stored.getvalue(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, name, "line 2: more than 65,536 bytes without a line end; give one name a line")


@pytest.mark.parametrize(
    "content",
    [
        b'A,Anna\nB,"' + b"Bert\nB,Carl\n" * 5000,
        b'A,Anna\nB,"' + b'\n","' * 5000,
        b'A,Anna\nB,"' + b"x" * 60_000 + b"\n" + b"x" * 60_000 + b"\n" + b"x" * 60_000,
    ],
)
def test_of_a_row_that_never_ends_only_a_part_is_read(tmp_path, content):
    (tmp_path / "names.csv").write_bytes(content + b"\nZ,Zoe\n")
    message = refused(tmp_path / "names.csv", "names.csv, line ")
    assert re.search(
        r"line 2: a row of more than 1,000 lines; close its quotes|line 2: a row that cannot be read .field larger",
        message,
    )


def test_a_table_with_line_ends_of_old_macs_is_read(tmp_path):
    (tmp_path / "names.csv").write_bytes(b"category,name\rA,Anna\rB,Bert\r\nB,Carl\n")
    assert grouped(load_dataset(tmp_path / "names.csv")) == {"A": ["Anna"], "B": ["Bert", "Carl"]}


@pytest.mark.parametrize("file", ["X.txt", "names.csv"])
def test_lines_are_numbered_as_an_editor_does_whatever_ends_them(tmp_path, file):
    line = b"A," if "csv" in file else b""
    (tmp_path / file).write_bytes(line + b"Anna\r\n" + line + b"Bert\r" + line + b"Carl\n" + line + b"Bj\xf6rn\n")
    refused(tmp_path / file, f"{file}, line 4: not UTF-8")


def table_of_categories(count):
    return "category,name\n" + "".join(f"C{number},Anna\n" for number in range(count))


def test_a_million_categories_are_refused_in_time(tmp_path):
    (tmp_path / "names.csv").write_text(table_of_categories(1_000_000), encoding="utf-8")
    began = time.monotonic()
    refused(tmp_path / "names.csv", "names.csv, line 20,002: more than 20,000 categories", "the right columns")
    assert time.monotonic() - began < 10


def test_twenty_thousand_categories_are_read(tmp_path):
    (tmp_path / "names.csv").write_text(table_of_categories(20_000), encoding="utf-8")
    assert len(load_dataset(tmp_path / "names.csv").categories) == 20_000


def test_more_names_than_there_is_room_for_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(namegen.datasets.builder, "_MAX_NAMES", 3)
    for lines, others in [("A\n" * 4, ""), ("A\n" * 2, "B\n" * 2)]:
        (tmp_path / "X.txt").write_text(lines, encoding="utf-8")
        (tmp_path / "Y.txt").write_text(others, encoding="utf-8")
        refused(tmp_path, "more than 3 names; give a part of them")


CATEGORIES = ["[bold]", "[/]", "../x", "..", "CON", "NUL.txt", "x" * 300, "$\\frac", "a/b", "-n", "Star Trek: Vulcan"]


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_strange_category_is_a_category_and_no_path(tmp_path, category):
    (tmp_path / "names.csv").write_text(f"category,name\n{category},Anna\n", encoding="utf-8")
    assert grouped(load_dataset(tmp_path / "names.csv")) == {category: ["Anna"]}
    assert [path.name for path in tmp_path.rglob("*")] == ["names.csv"]


@pytest.mark.parametrize(
    "category", ["A\x1b[31m", "A\x1b]0;title\x07", "A\x9b2J", "\u202eA", "A\u2066", "A\u200b", "A\u2028B", "x" * 1001]
)
def test_a_category_that_no_terminal_should_see_is_refused(tmp_path, category):
    (tmp_path / "names.csv").write_text(f"category,name\n{category},Anna\n", encoding="utf-8")
    message = refused(tmp_path / "names.csv", "names.csv, line 2: ", "cannot be a category")
    assert message.isprintable()
    assert len(message) < 400


@pytest.mark.parametrize(
    ("line", "name", "dropped"),
    [
        ("\x1b[31mAnna", "mAnna", 4),
        ("A\x07n\x08na\x7f", "Anna", 3),
        ("\u202eAn\u2066na\u2069", "Anna", 3),
        ("An\u2060n\u200da\ufeff", "Anna", 3),
        ("\x9b2JAnna", "JAnna", 2),
    ],
)
def test_what_no_terminal_should_see_is_dropped_from_names_and_counted(tmp_path, line, name, dropped):
    (tmp_path / "X.txt").write_text(f"{line}\n", encoding="utf-8")
    dataset = load_dataset(tmp_path)
    assert dataset.names("X") == [name]
    assert f"dropped {dropped} characters outside the alphabet, in 1 name: " in dataset.notes[0]
    assert dataset.notes[0].isprintable()


def test_names_of_such_characters_alone_are_left_out_and_counted(tmp_path):
    (tmp_path / "X.txt").write_text("\x1b\x07\n\u202e\u200b\nAnna\n", encoding="utf-8")
    dataset = load_dataset(tmp_path)
    assert dataset.names("X") == ["Anna"]
    assert "left out 2 lines of which nothing remained" in dataset.notes


def test_categories_that_differ_in_case_alone_are_two(tmp_path):
    (tmp_path / "names.zip").write_bytes(packed({"German.txt": b"Anna\n", "german.txt": b"Bert\n"}))
    assert grouped(load_dataset(tmp_path / "names.zip")) == {"German": ["Anna"], "german": ["Bert"]}


def link(path, target):
    try:
        path.symlink_to(target)
    except OSError:
        pytest.skip("there are no links here")


def test_links_in_a_loop_are_refused(tmp_path):
    link(tmp_path / "X.txt", tmp_path / "Y.txt")
    link(tmp_path / "Y.txt", tmp_path / "X.txt")
    link(tmp_path / "loop", tmp_path / "loop")
    refused(tmp_path, "cannot read", "X.txt")
    refused(tmp_path / "X.txt", "cannot read", "X.txt")
    refused(tmp_path / "loop", "loop")


def test_a_folder_that_holds_itself_is_read_once(tmp_path):
    (tmp_path / "X.txt").write_bytes(b"Anna\n")
    link(tmp_path / "again", tmp_path)
    link(tmp_path / "again.txt", tmp_path)
    assert grouped(load_dataset(tmp_path / "again" / "again")) == {"X": ["Anna"]}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_or_a_device_does_not_hang_the_training(tmp_path, command):
    os.mkfifo(tmp_path / "X.txt")
    (tmp_path / "zero").mkdir()
    (tmp_path / "zero" / "Z.txt").symlink_to("/dev/zero")
    for data, file in [
        (tmp_path / "X.txt", tmp_path / "X.txt"),
        (tmp_path, tmp_path / "X.txt"),
        (tmp_path / "zero", tmp_path / "zero" / "Z.txt"),
    ]:
        with pytest.raises(DataError, match=f"^{re.escape(str(file))} is not a regular file"):
            load_dataset(data)
    outcome = command("train", "--data", tmp_path / "X.txt", "--iters", 16, timeout=60)
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)


def test_a_list_that_may_not_be_read_is_named(tmp_path, command, forbidden):
    (tmp_path / "X.txt").write_bytes(b"Anna\n")
    (tmp_path / "X.txt").chmod(0)
    outcome = command("train", "--data", tmp_path, before=forbidden)
    assert (outcome.code, outcome.err) == (1, f"Error: cannot read {tmp_path / 'X.txt'}: Permission denied\n")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are always text here")
def test_a_file_whose_name_is_no_text_is_refused_in_one_line(tmp_path, cli):
    folder = tmp_path / "names"
    folder.mkdir()
    (Path(os.fsdecode(os.fsencode(folder) + b"/Fran\xe7ais.txt"))).write_bytes(b"Anna\n")
    refused(folder, "cannot be a category")
    outcome = cli("train", "--data", folder, "--iters", 16)
    assert outcome.code == 1
    assert "Fran\\xe7ais.txt" in outcome.err


@pytest.mark.parametrize("path", ["a\0b.txt", "x" * 5000 + ".txt"])
def test_a_path_that_cannot_be_is_refused(path):
    refused(path, "")

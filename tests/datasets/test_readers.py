"""Every format that names are read from, valid and invalid."""

from __future__ import annotations

import gzip
import io
import os
import re
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

import namegen.datasets.builder
from namegen.datasets.alphabet import ASCII, Alphabet
from namegen.datasets.dataset import Dataset
from namegen.datasets.readers import load_dataset
from namegen.errors import DataError

LISTS = {"Dwarvish": "Gimli\nThorin\n", "Elvish": "Elrond\nArwen\nLúthien\n"}

NAMES = {"Dwarvish": ["Gimli", "Thorin"], "Elvish": ["Elrond", "Arwen", "Luthien"]}

ROWS = [(category, name) for category, text in LISTS.items() for name in text.split()]


def grouped(dataset):
    return {category: dataset.names(category) for category in dataset.categories}


def pack(members, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def table(delimiter, rows):
    return "".join(delimiter.join(row) + "\n" for row in rows).encode()


def write(folder, name, content):
    """Write a file, gzipped if its name says so."""
    content = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(gzip.compress(content) if name.lower().endswith(".gz") else content)
    return folder / name


FILES = {
    "names.zip": pack({f"{category}.txt": text for category, text in LISTS.items()}),
    "nested.zip": pack({f"data/names/{category}.txt": text for category, text in LISTS.items()}),
    "of gzip.zip": pack({f"{category}.txt.gz": gzip.compress(text.encode()) for category, text in LISTS.items()}),
    "from a Mac.zip": pack(
        {"__MACOSX/Orcish.txt": b"\xff", "._Elvish.txt": b"\xff", "LICENSE": b"\xff"}
        | {f"{category}.txt": text for category, text in LISTS.items()}
    ),
    "plain.csv": table(",", ROWS),
    "plain.csv.gz": table(",", ROWS),
    "header.csv": table(",", [("category", "name"), *ROWS]),
    "reversed.csv": table(",", [(" Name", "CATEGORY "), *((name, category) for category, name in ROWS)]),
    "wide.csv": table(",", [("id", "name", "year", "category"), *(("1", n, "2026", c) for c, n in ROWS)]),
    "quoted.csv": table(",", [(f'"{category}"', f'"{name}"') for category, name in ROWS]),
    "windows.csv": b"\xef\xbb\xbf" + table(",", [("category", "name"), *ROWS]).replace(b"\n", b"\r\n"),
    "old mac.csv": table(",", [("category", "name"), *ROWS]).replace(b"\n", b"\r"),
    "byte-order mark.csv": b"\xef\xbb\xbf" + table(",", ROWS),
    "blank lines.csv": b"\n" * 200 + table(",", [("category", "name")]) + b" , \n\n" + table(",", ROWS) + b"\n",
    "spaces.csv": table(",", [(f" {category} ", f"  {name} ") for category, name in ROWS]),
    "no last line end.csv": table(",", ROWS).rstrip(b"\n"),
    "one column named.csv": table(",", [("People", "Name"), *ROWS]),
    "one column named, reversed.csv": table(",", [("name", "people"), *((name, category) for category, name in ROWS)]),
    "semicolons.csv": table(";", [("category", "name"), *ROWS]),
    "semicolons without header.csv": b"\n" + table(";", ROWS),
    "plain.tsv": table("\t", ROWS),
    "header.tsv.gz": table("\t", [("category", "name"), *ROWS]),
    "CAPITALS.TSV": table("\t", ROWS),
}


@pytest.mark.parametrize("name", FILES)
def test_one_file_of_several_categories_is_read(tmp_path, name):
    assert grouped(load_dataset(write(tmp_path, name, FILES[name]))) == NAMES


@pytest.mark.parametrize("extension", [".txt", ".TXT", ".txt.gz", ".TXT.GZ"])
def test_a_folder_of_lists_is_read(tmp_path, extension):
    for category, text in LISTS.items():
        write(tmp_path, category + extension, text)
    assert grouped(load_dataset(str(tmp_path))) == NAMES


def test_other_files_in_the_folder_are_ignored(tmp_path):
    for category, text in LISTS.items():
        write(tmp_path, f"{category}.txt", text)
    for name in ("LICENSE", "dataset.json", "._Elvish.txt"):
        write(tmp_path, name, b"\xff")
    (tmp_path / "folder.txt").mkdir()
    assert grouped(load_dataset(tmp_path)) == NAMES


@pytest.mark.parametrize("name", ["Elvish.txt", "Elvish.txt.gz"])
def test_one_list_is_one_category_named_after_the_file(tmp_path, name):
    assert grouped(load_dataset(write(tmp_path, name, LISTS["Elvish"]))) == {"Elvish": NAMES["Elvish"]}


def test_a_category_may_contain_dots_and_blanks(tmp_path):
    assert grouped(load_dataset(write(tmp_path, "St. Helena.txt", "Anna\n"))) == {"St. Helena": ["Anna"]}


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfArwen\nElrond\n",
        b"Arwen\r\nElrond\r\n",
        b"Arwen\rElrond",
        b"\n\nArwen\n\n \t \nElrond\n\n",
        b"  Arwen\t\n Elrond  \n",
        "\u00a0Arwen\u00a0\nElrond\n".encode(),
        b"\xef\xbb\xbf\r\n Arwen \r\n\r\nElrond \r\n \r\n",
    ],
)
def test_line_ends_marks_and_surrounding_blanks_do_not_matter(tmp_path, content):
    dataset = load_dataset(write(tmp_path, "Elvish.txt", content))
    assert grouped(dataset) == {"Elvish": ["Arwen", "Elrond"]}
    assert dataset.notes == ()


def test_several_blanks_within_a_name_become_one(tmp_path):
    write(tmp_path, "X.txt", "De  La   Cruz\nVan\u00a0Dyke\n")
    assert load_dataset(tmp_path).names("X") == ["De La Cruz", "Van Dyke"]


def test_a_quoted_cell_may_contain_the_delimiter(tmp_path):
    path = write(tmp_path, "names.csv", 'category,name\n"Isles, British","Smith, Jr."\n')
    assert grouped(load_dataset(path)) == {"Isles, British": ["Smith, Jr."]}


@pytest.mark.parametrize(("name", "label"), [("elves.txt", "elves"), ("elves.csv.gz", "elves"), ("a.b.csv", "a.b")])
def test_the_label_is_the_name_of_the_file(tmp_path, name, label):
    path = write(tmp_path, name, b"category,name\na,b\n")
    assert load_dataset(path).label == label
    assert load_dataset(path, label="mine").label == "mine"


def test_the_label_is_the_name_of_the_folder_without_unprintable_characters(tmp_path, monkeypatch):
    folder = tmp_path / "my\u00a0elves\x1b.v2"
    folder.mkdir()
    write(folder, "X.txt", "Arwen\n")
    assert load_dataset(folder).label == "my?elves?.v2"
    monkeypatch.chdir(folder)
    assert load_dataset(".").label == "my?elves?.v2"


def refused(path, *parts):
    """Check that a path is refused with these parts in a printable message, and return the message."""
    with pytest.raises(DataError) as caught:
        load_dataset(path)
    message = str(caught.value)
    assert [part for part in parts if part not in message] == [], message
    return message


BAD_LISTS = {"X.txt": "{}", "X.txt.gz": "{}", "names.csv": "{},1", "names.tsv.gz": "{}\t1"}


@pytest.mark.parametrize("name", BAD_LISTS)
@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"Bj\xf6rn", "not UTF-8; it looks like cp1252, as in '"),
        (b"B\0ert", "not UTF-8 but UTF-16 or binary"),
        (b"x" * 100_000, "more than 65,536 bytes; put each name on its own line"),
        (b"x" * 5000, "5,000 bytes are too long for a name; put each name on its own line"),
    ],
)
def test_a_line_that_cannot_be_a_name_is_refused_with_its_number(tmp_path, name, line, complaint):
    row = BAD_LISTS[name].encode()
    content = b"".join(
        row.replace(b"{}", cell) + end for cell, end in [(b"Anna", b"\r\n"), (b"Bo", b"\r"), (line, b"")]
    )
    path = write(tmp_path, name, content)
    refused(path, f"{path}, line 3: {complaint}")


def test_the_list_with_the_bad_line_is_named_in_a_folder_and_a_zip(tmp_path):
    lists = {"A.txt": b"Anna\n", "B.txt": b"Bert\nBj\xf6rn\n"}
    (tmp_path / "folder").mkdir()
    for name, content in lists.items():
        write(tmp_path / "folder", name, content)
    refused(tmp_path / "folder", f"{tmp_path / 'folder' / 'B.txt'}, line 2: not UTF-8")
    refused(write(tmp_path, "names.zip", pack(lists)), "names.zip: B.txt, line 2: not UTF-8")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("X.txt", b""),
        ("X.txt", b"\xef\xbb\xbf\n \r\n"),
        ("X.csv", b""),
    ],
)
def test_a_file_without_names_is_refused(tmp_path, name, content):
    refused(write(tmp_path, name, content), "no names in X")


def test_names_that_cannot_be_transliterated_are_not_enough(tmp_path):
    refused(write(tmp_path, "X.txt", "1\n22\n"), "no names in X, only characters outside the alphabet")


@pytest.mark.parametrize("name", ["names.txt", "names.csv", "names.zip", "names", "names.json"])
def test_a_missing_path_is_refused(tmp_path, name):
    refused(tmp_path / name, f"no file or folder {tmp_path / name}")


@pytest.mark.parametrize("path", ["a\0b.txt", "x" * 5000 + ".txt"])
def test_an_impossible_path_is_refused(path):
    refused(path)


def test_a_folder_or_zip_without_lists_is_refused_and_the_formats_named(tmp_path):
    write(tmp_path, "names.doc", b"Anna")
    refused(tmp_path, f"no lists of names in the folder {tmp_path}", ".csv and .tsv", ".gz")
    refused(write(tmp_path, "names.zip", pack({"a.doc": b"Anna\n"})), "no lists of names in ", ".csv and .tsv")


@pytest.mark.parametrize("name", ["X", "X.gz", "X.names", "X.2024", "X.dat.gz"])
def test_a_list_may_have_any_extension_or_none(tmp_path, name):
    path = write(tmp_path, name, LISTS["Elvish"])
    assert list(grouped(load_dataset(path)).values()) == [NAMES["Elvish"]]


LONG = table(",", [("X", f"Anna{'abcdefgh'[n % 8]}{'klmnopqr'[n // 8 % 8]}") for n in range(600)])
DAMAGED_GZIP = {
    "not gzip": b"Anna\n",
    "cut": gzip.compress(LONG)[:-20],
    "altered": gzip.compress(LONG)[:10] + b"\xff\xff" + gzip.compress(LONG)[12:],
}


@pytest.mark.parametrize("damage", DAMAGED_GZIP)
@pytest.mark.parametrize("name", ["X.txt.gz", "names.csv.gz", "names.zip"])
def test_a_damaged_gzip_is_refused(tmp_path, name, damage):
    content = DAMAGED_GZIP[damage]
    (tmp_path / name).write_bytes(pack({"A.txt": b"Anna\n", "B.txt.gz": content}) if "zip" in name else content)
    refused(tmp_path / name, f"cannot read {tmp_path / name}: ", "B.txt.gz" if "zip" in name else "")


ZIP = pack({"A.txt": LONG})
DAMAGED_ZIPS = {
    "not a zip": b"Anna\n",
    "empty": b"",
    "cut": ZIP[: len(ZIP) // 2],
    "altered": ZIP[:35] + b"\xff" * 20 + ZIP[55:],
    "wrong checksum": pack({"A.txt": b"Anna\n"}).replace(zlib.crc32(b"Anna\n").to_bytes(4, "little"), b"\0\0\0\0"),
}


@pytest.mark.parametrize("damage", DAMAGED_ZIPS)
def test_a_damaged_zip_is_refused(tmp_path, damage):
    path = write(tmp_path, "names.zip", DAMAGED_ZIPS[damage])
    refused(path, str(path))


@pytest.mark.parametrize("members", [("a/X.txt", "a/X.txt.gz"), ("X.txt", "X.txt.gz")])
def test_a_category_with_two_lists_is_refused(tmp_path, members):
    path = write(tmp_path, "names.zip", pack(dict.fromkeys(members, b"Anna\n")))
    refused(path, "the category 'X' has two files, ", *members)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"category,name\nA,Anna\nB,Smith, Jr.\n", "row 3: 3 columns instead of 2; check its quotes"),
        (b'A,Anna\nB,"Bert\n', "line 2: invalid row (unexpected end of data); check its quotes"),
        (b'A,Anna\nB,"' + b"Bert\nB,Carl\n" * 5000, "line 2: a row of more than 1,000 lines; close its quotes"),
        (b'A,Anna\nB,"' + (b"x" * 60_000 + b"\n") * 3, "line 2: invalid row (field larger than"),
        (b"name,count\n" + b"Anna," + b"1," * 1000, "line 2: more than 1,000 columns; check its delimiters"),
    ],
)
def test_a_table_with_bad_rows_is_refused_with_their_line(tmp_path, content, complaint):
    path = write(tmp_path, "names.csv", content)
    assert refused(path, str(path), complaint).isprintable()


def test_the_numbers_of_categories_and_names_are_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(namegen.datasets.builder, "MAX_CATEGORIES", 3)
    monkeypatch.setattr(namegen.datasets.builder, "_MAX_NAMES", 3)
    head = "category,name\n"
    assert len(load_dataset(write(tmp_path, "names.csv", head + "A,Anna\nB,Anna\nC,Anna\n"))) == 3
    path = write(tmp_path, "names.csv", head + "A,Anna\nB,Anna\nC,Anna\nD,Anna\n")
    refused(path, "names.csv, line 5: more than 3 categories; check which column")
    for rows in ("A,Anna\n" * 4, "A,Anna\n" * 2 + "B,Bert\n" * 2):
        refused(write(tmp_path, "names.csv", head + rows), "more than 3 names; use a part of them")


@pytest.mark.parametrize("category", ["[bold]", "[/]", "../x", "..", "CON", "x" * 300, "$\\frac", "a/b", "-n", "A: B"])
def test_a_strange_category_is_neither_markup_nor_a_path(tmp_path, category):
    path = write(tmp_path, "names.csv", f"category,name\n{category},Anna\n")
    assert grouped(load_dataset(path)) == {category: ["Anna"]}
    assert list(tmp_path.rglob("*")) == [path]


@pytest.mark.parametrize("category", ["A\x07", "A\x1b[31m", "A\x9b2J", "\u202eA", "A\u200b", "A\u2028B", "x" * 1001])
def test_a_category_with_control_characters_is_refused(tmp_path, category):
    path = write(tmp_path, "names.csv", f"category,name\n{category},Anna\n")
    message = refused(path, "names.csv, line 2: ", "cannot be a category; use 1 to 1,000 printable characters")
    assert message.isprintable()
    assert len(message) < 400


# What the dataset says about its names.


@pytest.mark.parametrize(
    ("text", "names", "note"),
    [
        ("Maxa/B\nB3r7\n", ["MaxaB", "Br"], "dropped 3 characters outside the alphabet, in 2 names: 'M"),
        ("12\n345\n", [], "left out 2 lines without any usable character"),
        ("\x1b\x07\n\u202e\u200b\n", [], "left out 2 lines without any usable character"),
        ("Muller\nMüller\nAnna\nMuller \n", ["Muller", "Anna"], "left out 2 repeated names"),
        ("\x1b[31mAnna\n", ["mAnna"], "dropped 4 characters outside the alphabet, in 1 name: '\\x1b[31mAnna'"),
        ("A\x07n\x08na\x7f\n", ["Anna"], "dropped 3 characters outside the alphabet, in 1 name: "),
        ("\u202eAn\u2066na\u2069\n", ["Anna"], "dropped 3 characters outside the alphabet, in 1 name: "),
        ("An\u2060n\u200da\ufeff\n", ["Anna"], "dropped 3 characters outside the alphabet, in 1 name: "),
    ],
)
def test_what_is_dropped_is_noted(tmp_path, text, names, note):
    many = "".join(f"{first}elin{last}\n" for first in "BCDFG" for last in "dghkl")
    dataset = load_dataset(write(tmp_path, "X.txt", text + many))
    assert dataset.names("X")[: len(names)] == names
    assert len(dataset) == len(names) + 25
    assert any(part.startswith(note) for part in dataset.notes)
    assert all(part.isprintable() for part in dataset.notes)


def test_repeats_can_be_kept(tmp_path):
    dataset = load_dataset(write(tmp_path, "X.txt", "Muller\nAnna\nMuller\n"), keep_repeats=True)
    assert (dataset.names("X"), dataset.notes) == (["Muller", "Anna", "Muller"], ())


@pytest.mark.parametrize(
    ("names", "notes"),
    [
        ("Dúlinnor Oronwë Aelar", ["wrote 2 names in ASCII, such as 'Dúlinnor' as 'Dulinnor'"]),
        ("Щукин Иван Aelar", ["transliterated 2 names, such as 'Щукин' into 'Shchukin'"]),
        ("Aelar\u00a0 Belen", []),
        ("Dúlinnor" + " Aelar" * 10, []),
    ],
)
def test_lost_accents_and_scripts_are_noted_if_many_names_have_them(tmp_path, names, notes):
    path = write(tmp_path, "elves.txt", names.replace(" ", "\n"))
    to_ascii, as_written = (load_dataset(path, alphabet=kind, keep_repeats=True).notes for kind in ("ascii", "unicode"))
    assert list(to_ascii) == [f"{note}; use --alphabet unicode to keep them as written" for note in notes]
    assert as_written == ()


@pytest.mark.parametrize(
    ("names", "notes", "rewritten"),
    [
        ("Dúlin Örn", [], 0),
        ("Щукин dÚlin", [], 1),
        ("Щукин Иван Dúlin", ["transliterated 2 names, such as 'Щукин' into 'Shchukin'"], 2),
        ("Dûlin Örn", ["wrote 1 name in other letters, such as 'Dûlin' as 'Dulin'"], 1),
    ],
)
def test_names_outside_another_alphabet_are_noted_and_counted(tmp_path, names, notes, rewritten):
    alphabet = Alphabet((*ASCII.letters, "ú", "Ö"))
    dataset = load_dataset(write(tmp_path, "elves.txt", names.replace(" ", "\n")), alphabet=alphabet)
    assert (list(dataset.notes), dataset.rewritten) == (notes, rewritten)


def test_the_same_names_have_the_same_fingerprint_in_every_format(tmp_path):
    loaded = load_dataset(write(tmp_path, "anything.csv", FILES["quoted.csv"]))
    assert loaded.fingerprint == Dataset.from_names(NAMES, label="other").fingerprint
    assert re.fullmatch("[0-9a-f]{64}", loaded.fingerprint)


def test_the_real_data_are_read_completely(data_dir):
    surnames = load_dataset(data_dir / "surnames")
    assert (len(surnames.categories), len(surnames.names("Arabic"))) == (18, 108)
    assert "dropped 1 character outside the alphabet, in 1 name: 'Maxa/B'" in surnames.notes
    repeated = load_dataset(data_dir / "surnames", keep_repeats=True)
    assert (len(repeated), len(repeated.names("Arabic"))) == (20_050, 2_000)
    assert len(load_dataset(data_dir / "makemore" / "names.txt", keep_repeats=True)) == 32_033


# Files that are not regular.


def link(path, target):
    try:
        path.symlink_to(target)
    except OSError:
        pytest.skip("needs symbolic links")


def test_a_folder_that_contains_a_link_to_itself_is_read_once(tmp_path):
    write(tmp_path, "X.txt", b"Anna\n")
    link(tmp_path / "again", tmp_path)
    link(tmp_path / "again.txt", tmp_path)
    assert grouped(load_dataset(tmp_path / "again" / "again")) == {"X": ["Anna"]}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_and_devices_are_refused(tmp_path):
    os.mkfifo(tmp_path / "X.txt")
    for path in (tmp_path / "X.txt", tmp_path):
        refused(path, f"{tmp_path / 'X.txt'} is not a regular file")
    (tmp_path / "zero").mkdir()
    link(tmp_path / "zero" / "Z.txt", "/dev/zero")
    refused(tmp_path / "zero", "Z.txt is not a regular file")


def test_a_list_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    path = write(tmp_path, "X.txt", b"Anna\n")

    def refuse(*_arguments, **_options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    assert refused(tmp_path) == f"cannot read {path}: Permission denied"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are always text here")
def test_a_file_name_that_is_not_utf_8_is_refused(tmp_path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/Fran\xe7ais.txt")).write_bytes(b"Anna\n")
    refused(tmp_path, "'Fran\\udce7ais' cannot be a category")

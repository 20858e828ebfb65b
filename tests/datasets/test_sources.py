"""Folders, archives, several paths, standard input, and the encodings of text."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zipfile

import pytest

from namegen.datasets import sources
from namegen.datasets.options import ReadingOptions
from namegen.datasets.readers import load_dataset
from namegen.errors import DataError, UsageError

ELVES = ["Arwen", "Elrond"]


def grouped(dataset):
    return {category: dataset.names(category) for category in dataset.categories}


def write(path, content="Arwen\nElrond\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pack(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


FILES = {
    "elf/female.txt": "Arwen\nElrond\n",
    "elf/male.txt.gz": gzip.compress(b"Gimli\n"),
    "humans.csv": "name\nAnna\nBert\n",
    "dwarf/old/all.json": '["Thorin"]',
    "README.txt": "All of these names are invented.\n",
    "elf/LICENSE": "Do as you like.\n",
    ".DS_Store": "x",
    "elf/notes.pdf": "x",
}
NAMES = {"dwarf/old/all": ["Thorin"], "elf/female": ELVES, "elf/male": ["Gimli"], "humans": ["Anna", "Bert"]}
SKIPPED = {"skipped", "README.txt", "elf/LICENSE", "elf/notes.pdf", "1 hidden file"}


@pytest.mark.parametrize("common", ["", "data/", "a/b/c/"])
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_subfolders_are_part_of_the_category_and_other_files_are_reported(tmp_path, kind, common):
    files = {common + name: content for name, content in FILES.items()}
    if kind == "zip":
        path = pack(tmp_path / "names.zip", files)
    else:
        path = tmp_path / "names"
        for name, content in files.items():
            write(path / name, content)
    dataset = load_dataset(path)
    assert grouped(dataset) == NAMES
    note = next(note for note in dataset.notes if note.startswith("skipped"))
    assert all(part.removeprefix(common) in note for part in SKIPPED)


def test_the_tables_in_a_folder_keep_their_categories_apart(tmp_path):
    rows = "name,sex\nAnna,f\nBert,m\nCarla,f\nDirk,m\n"
    for name in ("elf", "orc"):
        write(tmp_path / f"{name}.csv", rows)
    assert load_dataset(tmp_path).categories == ("elf/f", "elf/m", "orc/f", "orc/m")


def test_tables_whose_names_differ_in_numbers_only_are_one_table(tmp_path):
    for year, name in (("1999", "Anna"), ("2000", "Clara")):
        write(tmp_path / "us" / f"yob{year}.csv", f"name,sex\n{name},F\nBert,M\nDora,F\nEmil,M\n")
    write(tmp_path / "us" / "ReadMe.pdf")
    assert grouped(load_dataset(tmp_path)) == {"F": ["Anna", "Dora", "Clara"], "M": ["Bert", "Emil"]}


def test_the_number_of_files_is_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "_MAX_FILES", 3)
    for number in range(4):
        write(tmp_path / f"{number}.txt")
    with pytest.raises(DataError, match=r"more than 3 files; give a smaller folder"):
        load_dataset(tmp_path)


def test_the_names_of_several_paths_are_merged(tmp_path):
    first, second = write(tmp_path / "elf.txt"), write(tmp_path / "more" / "elf.txt", "Arwen\nLegolas\n")
    dataset = load_dataset([first, str(second)])
    assert grouped(dataset) == {"elf": [*ELVES, "Legolas"]}
    assert (dataset.label, dataset.source.paths) == ("elf and 1 more", (str(first), str(second)))


@pytest.mark.parametrize("content", ["Arwen\nElrond\n", "name,count\nArwen,5\nElrond,6\n", gzip.compress(b"x")[:0]])
def test_standard_input_is_read(monkeypatch, content):
    text = content.encode() if isinstance(content, str) else content

    class Stdin:
        buffer = io.BytesIO(text)

    monkeypatch.setattr(sys, "stdin", Stdin)
    if not text:
        with pytest.raises(DataError, match="no names"):
            load_dataset("-")
        return
    assert grouped(load_dataset("-")) == {"names": ELVES}


@pytest.mark.parametrize("kind", ["gzip", "zip"])
def test_compressed_standard_input_is_read(tmp_path, monkeypatch, kind):
    if kind == "gzip":
        content, names = gzip.compress(b"name,count\nArwen,5\nElrond,6\n"), {"names": ELVES}
    else:
        content = pack(tmp_path / "x.zip", {"elf.txt": "Arwen\nElrond\n", "orc.txt": "Azog\n"}).read_bytes()
        names = {"elf": ELVES, "orc": ["Azog"]}

    class Stdin:
        buffer = io.BytesIO(content)

    monkeypatch.setattr(sys, "stdin", Stdin)
    assert grouped(load_dataset("-")) == names


def test_instructions_are_skipped_and_a_single_other_file_is_counted(tmp_path):
    for name in ("elf.txt", "Read me first.txt", "READ_ME.txt", "a.pdf", "b.pdf"):
        write(tmp_path / "names" / name)
    dataset = load_dataset(tmp_path / "names")
    assert dataset.categories == ("elf",)
    assert dataset.notes == ("skipped READ_ME.txt, Read me first.txt, a.pdf, 1 other file",)


# Encodings

GERMAN = ["Müller", "Bäcker", "Jörg"]


def text_of(names):
    return "".join(f"{name}\n" for name in names)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["X.txt", "X.csv", "X.txt.gz", "X.zip", "X.json"])
def test_what_a_byte_order_mark_says_is_read(tmp_path, encoding, name):
    text = {
        "X.csv": "name,n\n" + "".join(f"{n},{i}\n" for i, n in enumerate(GERMAN, 5)),
        "X.json": json.dumps(GERMAN, ensure_ascii=False),
    }
    content = text.get(name, text_of(GERMAN)).encode(encoding)
    path = tmp_path / name
    if name == "X.zip":
        pack(path, {"X.txt": content})
    else:
        write(path, gzip.compress(content) if name.endswith("gz") else content)
    assert load_dataset(path, alphabet="unicode").names("X") == GERMAN


@pytest.mark.parametrize("block", [1, 2, 3, 7, 65_536])
def test_long_text_in_another_encoding_is_read_completely(tmp_path, monkeypatch, block):
    monkeypatch.setattr("namegen.io.lines._BLOCK_BYTES", block)
    names = [f"Ü{a}{b}" for a in "abcdefgh" for b in "äöüß"]
    path = write(tmp_path / "X.txt", text_of(names).encode("utf-16"))
    assert load_dataset(path, alphabet="unicode").names("X") == names


@pytest.mark.parametrize(
    ("encoding", "names", "guess"),
    [
        ("latin-1", GERMAN * 10, "cp1252"),
        ("latin-1", ["Åkesson", "Öberg", "Sjögren"], "cp1252"),
        ("cp1251", ["Иванов", "Петров", "Сидоров", "Кузнецов", "Смирнов"] * 5, "cp1251"),
        ("utf-16-le", GERMAN, "utf-16-le"),
        ("utf-16-be", GERMAN, "utf-16-be"),
    ],
)
def test_the_error_for_another_encoding_suggests_it_and_the_option_reads_it(tmp_path, encoding, names, guess):
    path = write(tmp_path / "X.txt", text_of(["Anna", *names]).encode(encoding))
    with pytest.raises(DataError) as caught:
        load_dataset(path)
    message = str(caught.value)
    assert f"it looks like {guess}, as in" in message
    assert message.endswith(f"use --encoding {guess}")
    read = load_dataset(path, alphabet="unicode", reading=ReadingOptions(encoding=guess))
    assert read.names("X") == list(dict.fromkeys(["Anna", *names]))


def test_text_that_does_not_have_the_given_encoding_is_refused(tmp_path):
    path = write(tmp_path / "X.txt", "Anna\nMüller\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"X.txt: not ascii after line 0; choose another encoding"):
        load_dataset(path, reading=ReadingOptions(encoding="ascii"))


@pytest.mark.parametrize("name", ["latin-99", "", "rot13", "zlib", "a\0b", "../x"])
def test_an_unknown_encoding_is_wrong_usage(name):
    with pytest.raises(UsageError, match=r"no encoding .*; use a name such as utf-8"):
        ReadingOptions(encoding=name)


@pytest.mark.parametrize("damage", ["latin-1", "cp1252"])
def test_text_that_was_encoded_twice_is_noted(tmp_path, damage):
    names = ["Bäcker", "Jörg", "Anna", "Tomáš"]
    path = write(tmp_path / "X.txt", text_of([name.encode().decode(damage, errors="replace") for name in names]))
    (note,) = [note for note in load_dataset(path, alphabet="unicode").notes if "twice" in note]
    assert note.startswith(("2 names seem", "3 names seem"))
    assert "'BÃ¤cker' for 'Bäcker'; repair the file" in note


def test_names_with_accents_are_not_taken_for_text_encoded_twice(tmp_path):
    names = ["Tomáš", "Łukasz", "Ângela", "Åse", "Ærø", "Đorđe", "Îna", "Ãngelo", "Hrdličková", "Œuvre", "Šárka"]
    assert load_dataset(write(tmp_path / "X.txt", text_of(names)), alphabet="unicode").notes == ()


# Options


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"weights": "log"}, "weights must be none, sqrt or count, not 'log'"),
        ({"min_count": 0}, "min_count must be a whole number from 1"),
        ({"name_column": 0}, "name_column must be a title or a number from 1"),
        ({"category_column": ""}, "category_column must be a title or a number from 1"),
        ({"weight_column": 1.5}, "weight_column must be a title or a number from 1"),
        ({"plain": True, "name_column": 1}, "--plain reads no tables, so --name-column does not apply"),
        ({"plain": True, "header": False}, "--plain reads no tables, so --no-header does not apply"),
    ],
)
def test_options_that_make_no_sense_are_wrong_usage(options, complaint):
    with pytest.raises(UsageError) as caught:
        ReadingOptions(**options)
    assert complaint in str(caught.value)


def test_a_plain_list_has_every_line_as_it_stands(tmp_path):
    lines = ["# Elves", "1. Arwen", "- Elrond", "[male]", "Gimli, Thorin", "Baggins, Frodo", "Anna,F,12"]
    path = write(tmp_path / "X.txt", text_of(lines))
    plain = load_dataset(path, alphabet="unicode", reading=ReadingOptions(plain=True))
    assert (plain.names("X"), plain.reports) == (lines, ())


@pytest.mark.parametrize(
    ("text", "names", "report"),
    [
        ("".join(f"{n}. {name}\n" for n, name in enumerate(GERMAN * 3, 1)), {"X": GERMAN}, "numbers"),
        ("[f]\nMüller\nBäcker\n\n[m]\nJörg\n", {"f": GERMAN[:2], "m": GERMAN[2:]}, "headings"),
        ("# Names\n" + text_of(GERMAN), {"X": GERMAN}, "comments"),
    ],
)
def test_the_structure_of_a_list_is_recognized_and_reported(tmp_path, text, names, report):
    dataset = load_dataset(write(tmp_path / "X.txt", text), alphabet="unicode")
    assert grouped(dataset) == names
    assert report in dataset.reports[0]

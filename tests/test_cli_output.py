"""How results and notes reach a terminal: tables that fit, and lines that break between words."""

from __future__ import annotations

import pytest

from namegen.cli import main
from namegen.cli.output import note, table

HEAD = ("name", "iters", "validation", "categories", "recipe", "a long heading", "date", "size")
ROWS = [
    ("default", "100,000", "1.823", "18", "default", "surnames", "2025-01-31", "1.2M"),
    ("elves-of-the-north", "20,000 of 1,000,000", "-", "1", "tutorial", "names", "2025-01-31", "0.9M"),
]


# Tables


@pytest.mark.parametrize("columns", range(60, 121))
def test_a_table_fits_the_terminal_and_folds_no_cell(terminal, columns):
    out, _ = terminal(columns)
    table(HEAD, ROWS, right=("iters", "size"))
    lines = out.text().splitlines()
    assert max(map(len, lines)) <= columns
    assert len(lines) == 2 + len(ROWS)  # the head, the rule, and a line for each row
    shown = [name for name in HEAD if name in lines[0]]
    assert shown == list(HEAD[: len(shown)])
    for line, cells in zip(lines[2:], ROWS, strict=True):
        assert line.split() == " ".join(cells[: len(shown)]).split()


def test_a_table_says_which_columns_the_terminal_has_no_room_for(terminal):
    out, notes = terminal(60)
    table(HEAD, ROWS)
    left_out = [name for name in HEAD if name not in out.text()]
    assert left_out
    assert " ".join(notes.text().split()) == f"Columns left out: {', '.join(left_out)}; see --format json"


def test_a_table_that_fits_says_nothing_more(terminal):
    out, notes = terminal(200)
    table(HEAD, ROWS)
    assert all(name in out.text() for name in HEAD)
    assert notes.text() == ""


def test_a_pipe_gets_every_column_and_no_note(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    table(HEAD, ROWS)
    written = capsys.readouterr()
    assert written.out.splitlines() == ["\t".join(cells) for cells in (HEAD, *ROWS)]
    assert written.err == ""


# Notes


@pytest.mark.parametrize("columns", [40, 80])
def test_a_note_in_a_terminal_breaks_between_words(terminal, columns):
    _, notes = terminal(columns)
    text = "Training on the starter names; `namegen download` gets 20,050 surnames. " * 5
    note(text)
    lines = notes.text().splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= columns
    assert " ".join(lines) == text.strip()


@pytest.mark.parametrize(
    "kept",
    [
        "`namegen train --model elves --resume`",
        "'Old High German'",
        '"two words"',
        "/home/somebody/First Last/names.txt",
        "C:\\Users\\First Last\\names.txt",
        "a/very/long/path/without/any/blanks/in/it/and/longer/than/the/line",
        "not-broken-at-its-hyphens-either",
    ],
)
def test_what_people_will_copy_is_never_broken(terminal, kept):
    _, notes = terminal(20)
    note(f"What is wrong with {kept}, or the like, is said here.")
    assert kept in notes.text()
    assert "What is wrong with\n" in notes.text()


def test_an_apostrophe_is_no_quotation_mark(terminal):
    _, notes = terminal(30)
    note("The catalogue's files are not the category's names, so don't take them.")
    assert max(map(len, notes.text().splitlines())) <= 30


def test_a_note_keeps_whole_what_it_is_told_to(terminal):
    _, notes = terminal(20)
    note("Next: namegen sample German ABC", whole=["namegen sample German ABC", ""])
    assert notes.text() == "Next:\nnamegen sample German ABC\n"


def test_an_error_does_not_break_what_was_typed(terminal):
    _, notes = terminal(30)
    assert main(["train", "--data", "my own elves.txt", "--iters", "16"]) == 1
    assert "my own elves.txt" in notes.text()
    assert len(notes.text().splitlines()) > 1


def test_a_note_in_a_pipe_is_one_line(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    note("What goes into a pipe or a file is one line, however long it may be.")
    assert len(capsys.readouterr().err.splitlines()) == 1

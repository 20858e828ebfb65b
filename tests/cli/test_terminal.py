"""How results and notes reach a terminal: tables that fit, and lines that break between words."""

from __future__ import annotations

import time

import pytest

from namegen.cli import main
from namegen.cli.terminal import make_printable, print_note, print_result, print_table

HEAD = ("name", "iters", "validation", "categories", "recipe", "a long heading", "date", "size")
ROWS = [
    ("default", "100,000", "1.823", "18", "default", "surnames", "2025-01-31", "1.2M"),
    ("elves-of-the-north", "20,000 of 1,000,000", "-", "1", "tutorial", "names", "2025-01-31", "0.9M"),
]


# Tables


@pytest.mark.parametrize("columns", range(60, 121))
def test_a_table_fits_the_terminal_and_folds_no_cell(terminal, columns):
    out, _ = terminal(columns)
    print_table(HEAD, ROWS, right=("iters", "size"))
    lines = out.text().splitlines()
    assert max(map(len, lines)) <= columns
    assert len(lines) == 2 + len(ROWS)  # the head, the rule, and a line for each row
    shown = [name for name in HEAD if name in lines[0]]
    assert shown == list(HEAD[: len(shown)])
    for line, cells in zip(lines[2:], ROWS, strict=True):
        assert line.split() == " ".join(cells[: len(shown)]).split()


def test_a_table_says_which_columns_the_terminal_has_no_room_for(terminal):
    out, notes = terminal(60)
    print_table(HEAD, ROWS)
    left_out = [name for name in HEAD if name not in out.text()]
    assert left_out
    assert " ".join(notes.text().split()) == f"Columns left out: {', '.join(left_out)}; see --format json"


def test_a_table_that_fits_says_nothing_more(terminal):
    out, notes = terminal(200)
    print_table(HEAD, ROWS)
    assert all(name in out.text() for name in HEAD)
    assert notes.text() == ""


def test_a_pipe_gets_every_column_and_no_note(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    print_table(HEAD, ROWS)
    written = capsys.readouterr()
    assert written.out.splitlines() == ["\t".join(cells) for cells in (HEAD, *ROWS)]
    assert written.err == ""


# Notes


@pytest.mark.parametrize("columns", [40, 80])
def test_a_note_in_a_terminal_breaks_between_words(terminal, columns):
    _, notes = terminal(columns)
    text = "Training on the starter names; `namegen download` gets 20,050 surnames. " * 5
    print_note(text)
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
    print_note(f"What is wrong with {kept}, or the like, is said here.")
    assert kept in notes.text()
    assert "What is wrong with\n" in notes.text()


def test_an_apostrophe_is_no_quotation_mark(terminal):
    _, notes = terminal(30)
    print_note("The catalogue's files are not the category's names, so don't take them.")
    assert max(map(len, notes.text().splitlines())) <= 30


def test_a_note_keeps_whole_what_it_is_told_to(terminal):
    _, notes = terminal(20)
    print_note("Next: namegen sample German ABC", whole=["namegen sample German ABC", ""])
    assert notes.text() == "Next:\nnamegen sample German ABC\n"


def test_an_error_does_not_break_what_was_typed(terminal):
    _, notes = terminal(30)
    assert main(["train", "--data", "my own elves.txt", "--iters", "16"]) == 1
    assert "my own elves.txt" in notes.text()
    assert len(notes.text().splitlines()) > 1


def test_a_note_in_a_pipe_is_one_line(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    print_note("What goes into a pipe or a file is one line, however long it may be.")
    assert len(capsys.readouterr().err.splitlines()) == 1


# Nothing of others' reaches a terminal as a command


HOSTILE = "\x1b[2J\x1b]0;owned\x07[bold]x[/bold]\x9b31m\u202eevil\x7f"
SHOWN = "\\x1b[2J\\x1b]0;owned\\x07[bold]x[/bold]\\x9b31m\\u202eevil\\x7f"


def test_what_a_terminal_would_obey_is_made_visible_and_nothing_else():
    assert make_printable(HOSTILE) == SHOWN
    assert make_printable("Łódź 王 [red] می\u200cخواهم é") == "Łódź 王 [red] می\u200cخواهم é"
    assert make_printable("a\tb\nc\r", but="\n\t") == "a\tb\nc\\r"
    assert make_printable("Fran\udce7ais \ud800") == "Fran\\xe7ais \\ud800"


def test_of_all_characters_only_those_that_show_are_left_as_they_are():
    hidden = [chr(code) for code in range(0x110000) if make_printable(chr(code)) != chr(code)]
    assert [c for c in hidden if c.isprintable()] == []
    obeyed = {chr(code) for code in [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]}
    assert obeyed <= set(hidden)


def test_a_note_shows_what_a_terminal_would_obey(terminal, capsys):
    print_note(f"Read {HOSTILE}\n.")
    assert capsys.readouterr().err == f"Read {SHOWN}\\n.\n"
    _, notes = terminal(200)
    print_note(f"Next: namegen {HOSTILE} now", whole=[f"namegen {HOSTILE} now"])
    assert notes.getvalue() == f"Next: namegen {SHOWN} now\n"


def test_a_note_of_any_length_is_written_at_once(terminal):
    _, notes = terminal(40)
    began = time.monotonic()
    print_note("a'" * 100_000)
    assert time.monotonic() - began < 2
    assert notes.getvalue() == "a'" * 100_000 + "\n"


@pytest.mark.parametrize("columns", [40, 200])
def test_a_table_shows_markup_and_escape_codes_as_they_are_written(terminal, columns):
    out, _ = terminal(columns)
    print_table(("category", "names"), [("[bold]x[/bold]", "1"), ("\x1b[2Jy", "2"), ("[/]", "3")], right=("names",))
    text = out.text()
    assert [cell in text for cell in ("[bold]x[/bold]", "\\x1b[2Jy", "[/]")] == [True] * 3
    assert "\x1b[2J" not in out.getvalue()


def test_a_table_in_a_pipe_has_no_line_or_tab_that_is_not_its_own(capsys):
    print_table(("category", "names"), [("a\nb\tc\x1b", "1")])
    assert capsys.readouterr().out == "category\tnames\na\\nb\\tc\\x1b\t1\n"


def test_results_are_shown_in_a_terminal_and_left_alone_in_a_pipe(terminal, capsys):
    print_result(f"{HOSTILE}\t1\n")
    assert capsys.readouterr().out == f"{HOSTILE}\t1\n"
    out, _ = terminal(80)
    print_result(f"{HOSTILE}\t1\n")
    assert out.getvalue() == f"{SHOWN}\t1\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--data", f"{HOSTILE}.txt"],
        ["train", "--data", f"{HOSTILE}.json"],
        ["train", "-o", f"{HOSTILE}.run"],
        ["sample", HOSTILE],
        ["sample", "German", "--match", f"({HOSTILE}"],
        ["sample", "German", "--exclude", HOSTILE],
        ["sample", "--model", HOSTILE],
        [HOSTILE],
        [f"--{HOSTILE}"],
        ["download", HOSTILE],
        ["download", "--from", f"{HOSTILE}.zip"],
        ["plot", HOSTILE],
        ["models", "show", HOSTILE],
        ["sample", "German", "-n", HOSTILE],
        ["--debug", "sample", HOSTILE],
    ],
)
def test_an_error_shows_what_was_typed_and_obeys_none_of_it(cli, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = cli(*arguments)
    assert outcome.code in (1, 2)
    assert outcome.err.replace("\n", "").isprintable()
    assert outcome.err.count("\n") == 1 or "--debug" in arguments
    assert "\\x1b[2J" in outcome.err


def test_names_that_were_given_are_shown_in_a_terminal(terminal, monkeypatch):
    out, _ = terminal(80)
    assert main(["score", "German", f"A{HOSTILE}nna"]) == 0
    assert "\x1b[2J" not in out.getvalue()
    assert "\\x1b[2J" in out.getvalue()


def test_a_training_on_hostile_categories_shows_them_and_names_no_file_by_them(tmp_path, terminal, cache):
    categories = ["[bold]", "../x", "CON", "x" * 300, "[/red]"]
    rows = "".join(f"{category},{name}\n" for category in categories for name in ("Anna\x1b[2J", "Bert", "Carl"))
    (tmp_path / "names\x1b[2J.csv").write_text(f"category,name\n{rows}", encoding="utf-8")
    out, notes = terminal(60)
    assert main(["train", "--data", str(tmp_path / "names\x1b[2J.csv"), "--iters", "64", "--hidden-size", "4"]) == 0
    assert main(["categories"]) == 0
    assert main(["sample", "[bold]", "-n", "2", "--format", "tsv", "--max-length", "100", "--temperature", "2"]) == 0
    assert "\x1b[2J" not in out.getvalue() + notes.getvalue()
    assert [category in out.text() for category in ("[bold]", "../x", "CON", "[/red]")] == [True] * 4
    assert sorted(path.name for path in cache.rglob("*.safetensors")) == ["default.safetensors"]

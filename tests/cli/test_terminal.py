"""Results and notes on a terminal: tables that fit, lines wrapped between words, escaped control characters."""

from __future__ import annotations

import pytest

from namegen.cli import main
from namegen.cli.terminal import make_printable, print_note, print_result, print_table

HEAD = ("name", "iters", "validation", "categories", "recipe", "a long heading", "date", "size")
ROWS = [
    ("default", "100,000", "1.823", "18", "default", "surnames", "2025-01-31", "1.2M"),
    ("elves-of-the-north", "20,000 of 1,000,000", "-", "1", "tutorial", "names", "2025-01-31", "0.9M"),
]
HOSTILE = "\x1b[2J\x1b]0;owned\x07[bold]x[/bold]\x9b31m\u202eevil\x7f"
SHOWN = "\\x1b[2J\\x1b]0;owned\\x07[bold]x[/bold]\\x9b31m\\u202eevil\\x7f"


# Tables


@pytest.mark.parametrize("columns", [60, 80, 97, 98, 120, 200])
def test_a_table_fits_the_terminal_and_a_note_names_the_columns_left_out(terminal, columns):
    out, notes = terminal(columns)
    print_table(HEAD, ROWS, right=("iters", "size"))
    lines = out.text().splitlines()
    assert max(map(len, lines)) <= columns
    assert len(lines) == 2 + len(ROWS)  # the head, the rule, and a line for each row
    shown = [name for name in HEAD if name in lines[0]]
    assert shown == list(HEAD[: len(shown)])
    for line, cells in zip(lines[2:], ROWS, strict=True):
        assert line.split() == " ".join(cells[: len(shown)]).split()
    left_out = ", ".join(HEAD[len(shown) :])
    assert " ".join(notes.text().split()) == (f"Columns left out: {left_out}; see --format json" if left_out else "")
    assert (left_out == "") == (columns >= 120)


def test_a_table_in_a_terminal_of_20_columns_folds_its_cells(terminal):
    out, _ = terminal(20)
    print_table(HEAD, ROWS)
    assert max(map(len, out.text().splitlines())) <= 20


def test_a_pipe_gets_every_column_separated_by_tabs(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    print_table(HEAD, [*ROWS, ("a\nb\tc\x1b", *ROWS[0][1:])])
    written = capsys.readouterr()
    expected = ["\t".join(cells) for cells in (HEAD, *ROWS, ("a\\nb\\tc\\x1b", *ROWS[0][1:]))]
    assert written.out.splitlines() == expected
    assert written.err == ""


# Notes


@pytest.mark.parametrize("columns", [20, 80])
def test_a_note_is_wrapped_between_words_in_a_terminal_only(terminal, capsys, columns):
    text = "Training on the starter names, and the catalogue's others, so there are 20,050 surnames. " * 5
    print_note(text)
    assert capsys.readouterr().err == f"{text}\n"
    _, notes = terminal(columns)
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
        "not-broken-at-its-hyphens-either",
    ],
)
def test_what_users_copy_is_never_wrapped(terminal, kept):
    _, notes = terminal(20)
    print_note(f"What is wrong with {kept}, or the like, is said here.")
    assert kept in notes.text()
    assert "What is wrong with\n" in notes.text()


def test_parts_to_keep_whole_are_never_wrapped(terminal):
    _, notes = terminal(20)
    print_note("Next: namegen sample German ABC", whole=["namegen sample German ABC", ""])
    assert notes.text() == "Next:\nnamegen sample German ABC\n"


# Control characters


def test_control_and_invisible_characters_are_escaped_and_no_others():
    assert make_printable(HOSTILE) == SHOWN
    assert make_printable("Łódź 王 [red] می\u200cخواهم é") == "Łódź 王 [red] می\u200cخواهم é"
    assert make_printable("a\tb\nc\r", but="\n\t") == "a\tb\nc\\r"
    assert make_printable("Fran\udce7ais \ud800") == "Fran\\udce7ais \\ud800"
    escaped = {chr(code) for code in range(0x110000) if make_printable(chr(code)) != chr(code)}
    assert not any(character.isprintable() for character in escaped)
    control = [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
    assert {chr(code) for code in control} <= escaped


def test_results_are_escaped_in_a_terminal_only_and_notes_everywhere(terminal, capsys):
    print_result(f"{HOSTILE}\t1\n")
    print_note(f"Read {HOSTILE}\n.")
    assert capsys.readouterr() == (f"{HOSTILE}\t1\n", f"Read {SHOWN}\\n.\n")
    out, notes = terminal(200)
    print_result(f"{HOSTILE}\t1\n")
    print_note(f"Next: namegen {HOSTILE} now", whole=[f"namegen {HOSTILE} now"])
    assert (out.getvalue(), notes.getvalue()) == (f"{SHOWN}\t1\n", f"Next: namegen {SHOWN} now\n")


def test_a_table_shows_markup_and_escape_codes_as_text(terminal):
    out, _ = terminal(40)
    print_table(("category", "names"), [("[bold]x[/bold]", "1"), ("\x1b[2Jy", "2"), ("[/]", "3")], right=("names",))
    assert all(cell in out.text() for cell in ("[bold]x[/bold]", "\\x1b[2Jy", "[/]"))
    assert "\x1b[2J" not in out.getvalue()


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--data", f"{HOSTILE}.txt"],
        ["sample", HOSTILE],
        ["sample", "German", "--match", f"({HOSTILE}"],
        ["sample", "--model", HOSTILE],
        [f"--{HOSTILE}"],
        ["download", "--from", f"{HOSTILE}.zip"],
        ["--debug", "sample", HOSTILE],
    ],
)
def test_an_error_escapes_what_was_typed(cli, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = cli(*arguments)
    assert outcome.code in (1, 2)
    assert outcome.err.replace("\n", "").isprintable()
    assert outcome.err.count("\n") == 1 or "--debug" in arguments
    assert "\\x1b[2J" in outcome.err


def test_a_training_on_hostile_categories_shows_them_and_names_no_file_by_them(tmp_path, terminal, cache):
    categories = ["[bold]", "../x", "CON", "x" * 300, "[/red]"]
    rows = "".join(f"{category},{name}\n" for category in categories for name in ("Anna\x1b[2J", "Bert", "Carl"))
    (tmp_path / "names\x1b[2J.csv").write_text(f"category,name\n{rows}", encoding="utf-8")
    out, notes = terminal(60)
    assert main(["train", "--data", str(tmp_path / "names\x1b[2J.csv"), "--iters", "64", "--hidden-size", "4"]) == 0
    assert main(["categories"]) == 0
    assert main(["sample", "[bold]", "-n", "2", "--format", "tsv", "--max-length", "100", "--temperature", "2"]) == 0
    assert main(["score", "[bold]", f"A{HOSTILE}nna"]) == 0
    assert "\x1b[2J" not in out.getvalue() + notes.getvalue()
    assert all(category in out.text() for category in ("[bold]", "../x", "CON", "[/red]"))
    assert sorted(path.name for path in cache.rglob("*.safetensors")) == ["default.safetensors"]

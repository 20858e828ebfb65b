"""How results and notes reach a terminal: tables that fit, and lines that break between words."""

from __future__ import annotations

import io
import re
import sys

import pytest

from namegen.cli.output import table

HEAD = ("name", "iters", "validation", "categories", "recipe", "a long heading", "date", "size")
ROWS = [
    ("default", "100,000", "1.823", "18", "default", "surnames", "2025-01-31", "1.2M"),
    ("elves-of-the-north", "20,000 of 1,000,000", "-", "1", "tutorial", "names", "2025-01-31", "0.9M"),
]


class Terminal(io.StringIO):
    """Text that believes to be a terminal."""

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        """What was written, without escape codes."""
        return re.sub(r"\x1b\[[\d;]*m", "", self.getvalue())


@pytest.fixture
def terminal(monkeypatch):
    """Makes the standard streams a terminal of some width, and returns them: results, and notes."""

    def make(columns: int) -> tuple[Terminal, Terminal]:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys, "stdout", Terminal())
        monkeypatch.setattr(sys, "stderr", Terminal())
        return sys.stdout, sys.stderr

    return make


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
    assert notes.text() == f"Columns left out: {', '.join(left_out)}; see --format json\n"


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

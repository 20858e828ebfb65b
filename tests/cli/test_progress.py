"""The progress of a training run on a terminal and in a pipe."""

from __future__ import annotations

import dataclasses
import re

import pytest

from namegen.cli import progress
from namegen.cli.terminal import print_note
from namegen.training import progress as training_progress
from namegen.training.train import Progress

WIDTHS = [40, 60, 80, 120]


def at(iteration: int, *, loss: float | None = 2.0, validation: float | None = 2.5, stage: str = "") -> Progress:
    return Progress(iteration, 1_000_000, loss, validation, None, stage, last_loss=lambda: 1.0, model=lambda: None)


@pytest.fixture
def clock(monkeypatch):
    """A clock that shows what the test sets it to."""
    now = [100.0]
    monkeypatch.setattr(training_progress.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def names(monkeypatch):
    """The fresh names that a display gets to show."""
    given = ["Annabella (Italian)", "Bo (Chinese)", "Clara (German)", "Dorothea-Elisabeth (German)", "Emil (Czech)"]
    monkeypatch.setattr(progress.Preview, "sample", lambda *_: given)
    return given


@pytest.fixture
def live(terminal, clock, names):
    """Shows a run in a terminal of some width, a report a second; returns the lines of the last picture."""

    def show(columns: int, *iterations: int, **losses: float | None) -> list[str]:
        _, err = terminal(columns)
        with progress.LiveDisplay(progress.Preview()) as display:
            for iteration in iterations:
                err.truncate(err.seek(0))
                display.report(at(iteration, **losses))
                clock[0] += 1
            drawn = err.text()
        last = re.split(r"\x1b\[\?25[lh]|\x1b\[2K", drawn)[-1]
        return [line.rstrip() for line in last.splitlines()]

    return show


@pytest.mark.parametrize("columns", WIDTHS)
def test_the_live_display_fits_and_leaves_room_for_the_echo_of_ctrl_c_at_its_end(live, columns):
    lines = live(columns, 500_000, 504_000)
    assert max(map(len, lines)) <= columns
    assert len(lines[-1]) <= columns - len("^C^C")


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_preview_name_is_whole_or_left_out(live, names, columns):
    shown = live(columns, 500_000, 504_000)[-1].split("  ")
    assert shown
    assert set(shown) <= set(names)


def test_the_figures_stand_two_blanks_apart(live):
    figures = "   50%  504,000/1,000,000  0:01 elapsed, 2:04 left  4,000 names/s"
    assert live(120, 500_000, 504_000)[0].endswith(figures)
    assert live(120, 500_000, 504_000, stage="teacher 1 of 2")[0].endswith(f"{figures}  teacher 1 of 2")


def test_nothing_is_said_of_a_rate_that_is_not_known_yet(live):
    first, *_ = live(120, 500_000)  # as after a resume
    assert first.endswith("  50%  500,000/1,000,000  0:00 elapsed")


def test_without_a_loss_the_live_display_says_nothing_of_one(live):
    assert live(120, 1, loss=None, validation=None)[1] == ""


def test_a_plain_line_without_a_loss_has_no_gap(capsys, names, clock):
    from namegen.recipes import training_config

    lines = progress.PlainLines(training_config(iterations=1_000_000), progress.Preview(), print_note)
    lines.report(at(50_000, loss=None, validation=None))
    lines.report(at(100_000, validation=None))
    listed = ", ".join(names)
    assert capsys.readouterr().err.splitlines() == [
        f"  5%  50,000/1,000,000  0:00  {listed}",
        f" 10%  100,000/1,000,000  0:00  loss 2.000  {listed}",
    ]


def test_saves_that_fail_are_told_once_even_where_nothing_else_is_shown_and_so_is_their_end(capsys):
    notes = progress._SaveNotes()
    for iteration, unsaved in ((1, None), (2, "cannot write x"), (3, "cannot write x"), (4, None), (5, None)):
        notes(dataclasses.replace(at(iteration), unsaved=unsaved))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Not saved after 2 iterations: cannot write x. The training continues")
    assert lines[1] == "Saved again after 4 iterations."

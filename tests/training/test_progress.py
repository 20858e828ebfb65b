"""The progress that the library shows: live in a notebook, as lines if asked to, else not at all."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

import namegen
from namegen.errors import UsageError
from namegen.training import progress
from namegen.training.train import Progress

NAMES = {"Elves": ["Aelar", "Caelynn", "Elaria", "Faelyn"], "Dwarves": ["Balin", "Brokk", "Durgin", "Urist"]}
SMALL = {"hidden_size": 8, "batch_size": 8, "iterations": 640, "threads": 1}


class Handle:
    """A display of IPython that keeps all that it was asked to show."""

    def __init__(self, first):
        self.shown = [first]

    def update(self, view):
        self.shown.append(view)


@pytest.fixture
def notebook(monkeypatch):
    """Makes the process a kernel; returns the displays that it shows."""
    handles = []

    def display(view, display_id):
        assert display_id is True
        handles.append(Handle(view))
        return handles[-1]

    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    return handles


def test_a_notebook_shows_one_display_that_ends_with_the_losses_and_names(notebook, capsys):
    reported = []
    namegen.train(NAMES, report=reported.append, **SMALL)

    (handle,) = notebook
    last = repr(handle.shown[-1])
    assert last.startswith("100%  640/640  0:0")
    assert "left" not in last
    assert "nats per letter" in last
    assert '<progress value="640" max="640"' in handle.shown[-1]._repr_html_()
    assert "(Elves)" in last or "(Dwarves)" in last
    assert len(handle.shown) >= progress.PREVIEWS  # one for each preview
    assert reported[-1].iteration == 640
    assert capsys.readouterr() == ("", "")


def test_a_notebook_shows_nothing_if_asked_to(notebook, capsys):
    namegen.train(NAMES, progress=False, **SMALL)

    assert notebook == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "ipython", [None, SimpleNamespace(get_ipython=lambda: None), SimpleNamespace(get_ipython=object)]
)
def test_elsewhere_nothing_is_shown_unless_asked_for(monkeypatch, capsys, ipython):
    """IPython may be imported without a kernel, as in its terminal."""
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    namegen.train(NAMES, **SMALL)
    assert capsys.readouterr() == ("", "")

    namegen.train(NAMES, progress=True, **SMALL)
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 20
    assert err.splitlines()[-1].startswith("100%  640/640  0:0")


def test_fine_tuning_previews_the_categories_that_are_added(notebook):
    namegen.train({"Orcs": ["Ugluk", "Grishnak", "Shagrat", "Gorbag"]}, init="pretrained", iterations=640, threads=1)

    assert "(Orcs)" in repr(notebook[0].shown[-1])
    assert "(German)" not in repr(notebook[0].shown[-1])


def test_categories_cannot_add_markup(notebook):
    namegen.train({"<script>": NAMES["Elves"], "y": NAMES["Dwarves"]}, **SMALL)

    assert all("<script>" not in view._repr_html_() for view in notebook[0].shown)


def test_a_display_is_redrawn_four_times_a_second_and_for_previews(notebook, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(progress.Preview, "sample", lambda *_: ["Bo"])
    display = progress.NotebookDisplay(progress.Preview())
    for iteration in range(1, 101):
        display.report(Progress(iteration, 10_000, 2.0, None, None, "", last_loss=lambda: 1.0, model=lambda: None))
        now[0] += 0.01

    assert 3 <= len(notebook[0].shown) <= 5
    assert "0:01 left" not in repr(notebook[0].shown[0])


def test_progress_must_be_true_or_false():
    with pytest.raises(UsageError, match="progress must be true or false"):
        namegen.train(NAMES, progress="yes", **SMALL)

"""Results in a notebook: short in a console, tables in HTML, and data frames."""

from __future__ import annotations

import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import namegen
from namegen.errors import MissingPackageError
from namegen.evaluation.classify import Classification, FittedNames, Scores
from namegen.models.model import History
from namegen.training.train import Progress

NAMES = {"<b>Elves</b>": ["Aelar", "Caelynn", "Elaria"], "Dwarves": ["Balin", "Brokk", "Urist"]}


class Table(HTMLParser):
    """The cells of a table, row by row, and its tags."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.tags = [], set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.rows and self.rows[-1] and self.lasttag in {"td", "th"}:
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def model():
    return namegen.train(NAMES, recipe="instant")


def progress(loss=2.0, validation=None):
    return Progress(50, 1000, loss, validation, None, "teacher 1", last_loss=lambda: 1.0, model=lambda: None)


def history(points=3):
    iterations = 100 * np.arange(1, points + 1)
    return History(iterations, 3 - iterations / 1e4, iterations[1::2], 3 - iterations[1::2] / 2e4)


@pytest.fixture
def results(model):
    """A result of each class, with its representation, and the rows of its table and data frame."""
    return {
        "evaluation": (namegen.evaluate(model, NAMES, count=5, everything=True), 3, 2),
        "classification": (namegen.classify(model, ["Balin", "Aelar"]), 2, 2),
        "scores": (namegen.score(model, "Dwarves", ["Balin", "4", "Urist"]), 3, 3),
        "explanation": (namegen.explain(model, "Balin"), 6, 6),
        "history": (history(), 3, 3),
        "progress": (progress(), 1, 1),
    }


@pytest.mark.parametrize("kind", ["evaluation", "classification", "scores", "explanation", "history", "progress"])
def test_a_result_is_short_in_a_console_and_a_table_in_a_notebook_and_in_pandas(results, kind):
    result, rows, frame_rows = results[kind]
    table = Table(result._repr_html_())

    assert repr(result).startswith(f"<{type(result).__name__}")
    assert len(repr(result)) < 200
    assert "\n" not in repr(result)
    assert len(table.rows) == 1 + rows
    assert len({len(row) for row in table.rows}) == 1
    assert "b" not in table.tags  # markup in a category is text
    assert isinstance(result.to_pandas(), pd.DataFrame)
    assert len(result.to_pandas()) == frame_rows


def test_the_representations_have_the_figures(model):
    classification = Classification(FittedNames(["Bo", ""], 0), ("X", "Y"), np.array([[0.25, 0.75], [np.nan, np.nan]]))
    assert repr(classification) == "<Classification of 2 names: Bo Y 75.0%, (no letters) –>"
    scores = Scores(FittedNames(["Ann", "", "Bo", "Cy"], 0), np.array([-1.5, np.nan, -np.inf, 0]), np.ones(4))
    assert repr(scores) == "<Scores of 4 names: Ann -1.50, (no letters) –, Bo -inf, …>"
    assert repr(history()) == "<History of 3 points: training 2.970, lowest validation 2.990 after 200 names>"
    assert repr(History()) == "<History of 0 points: no losses>"
    assert repr(progress()) == "<Progress: 50 of 1,000 names, loss 2.000>"
    assert repr(progress(None)) == "<Progress: 50 of 1,000 names>"
    unmeasured = repr(namegen.evaluate(model, NAMES, count=0))
    assert unmeasured == "<Evaluation of 2 categories: loss – macro, – micro; – novel, – unique, – right>"


def test_data_frames_have_the_values_and_nan_for_those_that_are_missing(model):
    found = namegen.evaluate(model, NAMES, count=5)
    frame = found.to_pandas()
    assert frame.loc["Dwarves", "novel"] == found.categories["Dwarves"].novel
    assert frame["loss"].isna().all()

    classification = namegen.classify(model, ["Balin", "4"])
    frame = classification.to_pandas()
    assert list(frame.columns) == list(model.categories)
    np.testing.assert_array_equal(frame.to_numpy(), classification.probabilities)

    frame = history().to_pandas()
    assert frame.index.tolist() == [100, 200, 300]
    assert frame["training"].tolist() == [2.99, 2.98, 2.97]
    assert frame["validation"].isna().tolist() == [True, False, True]

    assert progress(None).to_pandas().to_dict("records")[0] == pytest.approx(
        {"iteration": 50, "iterations": 1000, "loss": np.nan, "validation_loss": np.nan, "stage": "teacher 1"},
        nan_ok=True,
    )


def test_points_of_a_history_with_other_validation_points_are_all_there():
    of_both = History(np.array([100, 200]), np.array([3.0, 2.0]), np.array([150]), np.array([2.5]))

    assert of_both.to_pandas().to_dict("index")[150]["validation"] == 2.5
    assert Table(of_both._repr_html_()).rows[2] == ["150", "–", "2.500"]


def test_long_tables_are_cut_and_say_so():
    names = [f"N{number}" for number in range(1000)]
    scores = Scores(FittedNames(names, 0), np.zeros(1000), np.ones(1000))
    html = scores._repr_html_()

    assert len(Table(html).rows) == 21
    assert "The first 20 of 1,000 rows" in html
    assert len(scores.to_pandas()) == 1000
    classification = Classification(FittedNames(names, 0), ("X",), np.ones((1000, 1)))
    assert len(Table(classification._repr_html_()).rows) == 21
    rows = Table(history(1000)._repr_html_()).rows
    assert len(rows) == 21
    assert (rows[1][0], rows[-1][0]) == ("100", "100,000")


def test_without_pandas_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackageError, match="pip install pandas"):
        history().to_pandas()


def test_names_cannot_add_markup_to_a_notebook():
    evil = "<script>alert(1)</script>\x1b"
    scores = Scores(FittedNames([evil], 0), np.zeros(1), np.ones(1))

    assert "script" not in Table(scores._repr_html_()).tags
    assert "\x1b" not in scores._repr_html_() + repr(scores)

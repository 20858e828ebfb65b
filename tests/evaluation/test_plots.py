"""Plots of the loss history and of evaluations, in files and in the terminal."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from namegen.errors import NamegenError, UsageError
from namegen.evaluation import figures
from namegen.evaluation.metrics import CategoryEvaluation, Evaluation
from namegen.evaluation.plots import plot_evaluation, plot_history, plot_in_terminal
from namegen.models.model import History

MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}


def make_history(*, validation: bool = True, final: float = 2.0) -> History:
    iterations = np.arange(1000, 21_000, 1000)
    losses = final + np.exp(-iterations / 5000)
    return (
        History(iterations, losses, iterations[::5], losses[::5] + 0.1) if validation else History(iterations, losses)
    )


def make_evaluation(*, loss: float | None = 2.0, right: float | None = 0.5, categories: int = 3) -> Evaluation:
    return Evaluation(
        categories={
            f"number {index}": CategoryEvaluation(
                names=10, loss=loss, novel=0.25 * index, unique=0.9, right=right, length=5.0, data_length=6.0
            )
            for index in range(categories)
        },
        macro=loss,
        micro=loss,
        names=10 * categories,
        data_names=50,
        drawn=100,
        novel=0.25,
        unique=0.9,
        right=right,
        length=5.0,
        data_length=6.0,
    )


def texts_of(path) -> list[str]:
    """Return the texts in an SVG file, in which matplotlib puts each as a comment."""
    return re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8").replace("&amp;", "&"))


@pytest.fixture
def svg(tmp_path):
    """Plots histories into an SVG file; returns its texts."""

    def plot(histories):
        plot_history(histories, tmp_path / "loss.svg")
        return texts_of(tmp_path / "loss.svg")

    return plot


@pytest.fixture
def lines(tmp_path, monkeypatch):
    """Plots histories; returns matplotlib's lines in their order."""
    plotted, plot = [], Axes.plot

    def noting(*arguments, **options):
        plotted.extend(new := plot(*arguments, **options))
        return new

    def plot_lines(histories):
        plotted.clear()
        plot_history(histories, tmp_path / "loss.svg")
        return list(plotted)

    monkeypatch.setattr(Axes, "plot", noting)
    return plot_lines


def terminal(histories, *, width: int = 80, height: int = 24, colour: bool = False) -> list[str]:
    return plot_in_terminal(histories, width=width, height=height, colour=colour).splitlines()


# Files


@pytest.mark.parametrize("kind", MAGIC)
@pytest.mark.parametrize("what", ["history", "evaluation"])
def test_a_file_has_the_format_of_its_suffix_and_is_always_the_same(tmp_path, kind, what):
    files = [tmp_path / f"one.{kind}", tmp_path / f"TWO.{kind.upper()}"]
    for file in files:
        if what == "history":
            plot_history({"elves": make_history(), "dwarves": make_history(final=1.9)}, str(file))
        else:
            plot_evaluation(make_evaluation(), str(file), "elves")
    contents = files[0].read_bytes()

    assert contents.startswith(MAGIC[kind])
    assert contents == files[1].read_bytes()
    assert b"dc:date" not in contents
    assert b"CreationDate" not in contents


@pytest.mark.parametrize("name", ["loss.jpg", "loss", ".png"])
def test_another_suffix_is_an_error_that_lists_the_known_ones(tmp_path, name):
    with pytest.raises(UsageError, match=r"\.png, \.svg, \.pdf"):
        plot_history({"elves": make_history()}, tmp_path / name)
    with pytest.raises(UsageError, match=r"\.png, \.svg, \.pdf"):
        plot_evaluation(make_evaluation(), tmp_path / name, "elves")


def test_a_model_without_a_history_is_named_in_the_error(tmp_path):
    histories = {"elves": make_history(), "dwarves": History()}
    with pytest.raises(NamegenError, match="dwarves has no loss history"):
        plot_history(histories, tmp_path / "loss.png")
    with pytest.raises(NamegenError, match="dwarves has no loss history"):
        terminal(histories)
    assert not (tmp_path / "loss.png").exists()


def test_axes_title_legend_and_large_numbers_are_labelled(svg):
    written = svg({"elves": make_history()})

    expected = {"training names (iterations)", "loss (nats per letter)", "Loss of elves", "20,000"}
    assert expected | {"training", "validation", "lowest validation loss"} <= set(written)
    assert not {"validation", "lowest validation loss"} & set(svg({"elves": make_history(validation=False)}))


@pytest.mark.parametrize("names", [("a", "b"), ("_old", "mine & yours", "%s"), ("$\\frac$", "b^2_", "c", "\\x")])
def test_title_and_legend_name_several_models(svg, names):
    histories = dict.fromkeys(names, make_history())
    written, title = svg(histories), f"{', '.join(names[:-1])} and {names[-1]}"

    assert f"Loss of {title}" in written
    assert f"loss (nats per letter), {title}" in "\n".join(terminal(histories))
    assert [text for text in written if text.endswith((": training", ": validation"))] == [
        f"{name}: {curve}" for name in names for curve in ("training", "validation")
    ]


def test_models_differ_in_dashes_and_markers_not_only_in_colour(lines):
    curves = [line for line in lines(dict.fromkeys("abcd", make_history())) if len(line.get_xdata()) > 1]
    styles = [(line.get_linestyle(), line.get_marker()) for line in curves]

    assert styles[::2] == styles[1::2]  # the two curves of a model
    assert [len(set(part)) for part in zip(*styles, strict=True)] == [4, 4]
    assert all((line.get_alpha() or 1) >= 0.7 for line in curves)


def test_the_lowest_validation_loss_has_a_ring(lines):
    points = np.array([100, 200, 300])
    ring = lines({"elves": History(points, np.array([3.0, 2.5, 2.0]), points, np.array([3.0, 2.25, 2.5]))})[-1]

    assert (ring.get_xdata().tolist(), ring.get_ydata().tolist()) == ([200], [2.25])


def test_curves_of_one_point_are_visible(lines):
    single = History(np.array([300]), np.array([3.0]), np.array([300]), np.array([3.1]))
    plotted = lines({"elves": single})

    assert len(plotted) == 3  # training, validation, and the ring
    assert all(line.get_marker() != "None" for line in plotted)


def test_the_callers_settings_of_matplotlib_stay(svg):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    svg({"elves": make_history()})
    assert dict(mpl.rcParams) == before


# Notebooks


def test_a_notebook_shows_the_figure_without_a_file_and_without_pyplot(tmp_path, monkeypatch):
    import sys

    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    for figure in (plot_history({"elves": make_history()}), plot_evaluation(make_evaluation())):
        assert isinstance(figure, Figure)
        assert figure._repr_png_().startswith(MAGIC["png"])
    assert not list(tmp_path.iterdir())
    assert "matplotlib.pyplot" not in sys.modules


def test_the_figure_can_be_changed_and_saved_by_the_caller_in_the_same_style(tmp_path):
    figure = plot_evaluation(make_evaluation(), name="elves $x$")  # not a formula
    figure.axes[0].set_title("mine")
    figure.savefig(tmp_path / "mine.svg")

    assert {"mine", "Evaluation of elves $x$", "number 2"} <= set(texts_of(tmp_path / "mine.svg"))


# The terminal


@pytest.mark.parametrize(("width", "height"), [(60, 12), (80, 24), (120, 24)])
@pytest.mark.parametrize("colour", [False, True])
def test_the_terminal_plot_has_the_size_asked_for_and_labels(width, height, colour):
    lines = terminal({"elves": make_history()}, width=width, height=height, colour=colour)
    plain = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in lines]

    assert (lines != plain) == colour
    assert (len(plain), {len(line) for line in plain}) == (height, {width})
    for label in ("training", "validation", "training names (iterations)", "loss (nats per letter)"):
        assert label in "\n".join(plain)


def test_without_colour_the_curves_differ_in_their_marks():
    lines = terminal({"elves": make_history(), "dwarves": make_history(final=1.0)})
    marks = [re.search(r"(\S+) (?:elves|dwarves): ", line)[1] for line in lines if ": " in line]
    assert len(set(marks)) == 4


def test_a_falling_loss_falls_on_the_screen_and_leaves_nothing_in_the_next_plot():
    terminal({"elves": make_history()})
    lines = terminal({"dwarves": make_history(validation=False)})
    rows = [line.split("│")[1].rstrip() for line in lines if line.count("│") == 2 and "training" not in line]

    assert all(above <= below for above, below in pairwise(len(row) for row in rows if row))
    assert "validation" not in "\n".join(lines)


@pytest.mark.parametrize("losses", [[0.0], [-1e9, 1e9], [1e-300, 0.0], [1e9] * 300])
@pytest.mark.parametrize("first", [1, 10**12 - 300])
def test_extreme_histories_can_be_plotted(losses, first, svg):
    points = first + np.arange(len(losses))
    history = History(points, np.array(losses), points + 1, np.array(losses))  # past the last point, as in a run

    assert terminal({"m": history})
    svg({"m": history})


# Evaluations


def test_an_evaluation_shows_categories_figures_and_their_means(tmp_path, monkeypatch):
    widths, barh = [], Axes.barh

    def noting(axes, places, width, **options):
        widths.append(list(width))
        return barh(axes, places, width, **options)

    monkeypatch.setattr(Axes, "barh", noting)
    plot_evaluation(make_evaluation(), tmp_path / "elves.svg", "elves $x$")
    expected = {"number 0", "number 1", "number 2", "mean 2.000", "mean 25.0%", "mean 50.0%", "Evaluation of elves $x$"}

    assert expected <= set(texts_of(tmp_path / "elves.svg"))
    assert widths == [[2.0] * 3, [0.0, 0.25, 0.5], [0.5] * 3]


def test_an_evaluation_shows_what_was_not_measured_and_fits_many_categories(tmp_path):
    plot_evaluation(make_evaluation(loss=None, right=None, categories=241), tmp_path / "elves.svg", "elves")
    shown = texts_of(tmp_path / "elves.svg")

    assert shown.count("not measured") == 2
    assert "number 240" not in shown


# Fonts


def test_letters_missing_from_the_default_font_use_another_installed_font(monkeypatch):
    from matplotlib import font_manager

    def letters_of(font: str) -> set[int]:
        return set(font_manager.get_font(font_manager.findfont(font)).get_charmap())

    removed = font_manager.FontEntry(fname="/nowhere/removed.ttf", name="AAA")
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [removed, *font_manager.fontManager.ttflist])
    letter = chr(min(letters_of("STIXGeneral") - letters_of("DejaVu Sans")))  # both are included in matplotlib
    default, *others = figures._find_fonts(f"Анна {letter}")

    assert default == "DejaVu Sans"
    assert any(ord(letter) in letters_of(font) for font in others)
    assert figures._find_fonts("Анна") == ["DejaVu Sans"]


def test_a_letter_that_no_font_has_gives_no_warning(svg):
    assert svg({"\U0002fa1d": make_history()})

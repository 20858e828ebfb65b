"""The loss history as a picture, in a file and in the terminal."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from namegen.errors import NamegenError, UsageError
from namegen.evaluation import plots as plotting
from namegen.evaluation.metrics import CategoryEvaluation, Evaluation
from namegen.evaluation.plots import plot_evaluation, plot_history, plot_in_terminal
from namegen.models.model import History

MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}


def a_history(*, validation: bool = True, final: float = 2.0) -> History:
    iterations = np.arange(1000, 21_000, 1000)
    losses = final + np.exp(-iterations / 5000)
    return (
        History(iterations, losses, iterations[::5], losses[::5] + 0.1) if validation else History(iterations, losses)
    )


def texts(svg: str) -> list[str]:
    """What is written in an SVG picture, in which matplotlib gives each text that it draws as a comment."""
    return re.findall(r"<!-- (.*?) -->", svg)


def drawn_svg(histories, tmp_path) -> str:
    plot_history(histories, tmp_path / "loss.svg")
    return (tmp_path / "loss.svg").read_text(encoding="utf-8")


@pytest.fixture
def drawn_lines(tmp_path, monkeypatch):
    """Draws histories, and returns matplotlib's lines in the order they were drawn."""
    from matplotlib.axes import Axes

    lines, plot = [], Axes.plot

    def noting(*arguments, **options):
        drawn = plot(*arguments, **options)
        lines.extend(drawn)
        return drawn

    def draw(histories):
        lines.clear()
        plot_history(histories, tmp_path / "loss.png")
        return list(lines)

    monkeypatch.setattr(Axes, "plot", noting)
    return draw


def terminal(histories, *, width: int = 80, height: int = 24, colour: bool = False) -> list[str]:
    return plot_in_terminal(histories, width=width, height=height, colour=colour).splitlines()


# Files


@pytest.mark.parametrize("kind", MAGIC)
def test_a_file_is_of_the_kind_that_its_ending_says(tmp_path, kind):
    plot_history({"elves": a_history()}, str(tmp_path / f"loss.{kind}"))
    assert (tmp_path / f"loss.{kind}").read_bytes().startswith(MAGIC[kind])


def test_the_case_of_the_ending_does_not_matter(tmp_path):
    plot_history({"elves": a_history()}, tmp_path / "LOSS.PNG")
    assert (tmp_path / "LOSS.PNG").read_bytes().startswith(MAGIC["png"])


@pytest.mark.parametrize("kind", MAGIC)
def test_the_same_histories_give_the_same_bytes(tmp_path, kind):
    for name in ("one", "two"):
        plot_history({"elves": a_history(), "dwarves": a_history(final=1.9)}, tmp_path / f"{name}.{kind}")
    assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()


@pytest.mark.parametrize(("kind", "date"), [("svg", b"dc:date"), ("pdf", b"CreationDate")])
def test_a_file_has_no_date(tmp_path, kind, date):
    plot_history({"elves": a_history()}, tmp_path / f"loss.{kind}")
    assert date not in (tmp_path / f"loss.{kind}").read_bytes()


@pytest.mark.parametrize("name", ["loss.jpg", "loss.txt", "loss", ".png"])
def test_another_ending_is_refused_with_those_there_are(tmp_path, name):
    with pytest.raises(UsageError, match=r"\.png, \.svg, \.pdf"):
        plot_history({"elves": a_history()}, tmp_path / name)


def test_a_model_without_a_history_is_named(tmp_path):
    with pytest.raises(NamegenError, match="dwarves has no loss history"):
        plot_history({"elves": a_history(), "dwarves": History()}, tmp_path / "loss.png")
    assert not (tmp_path / "loss.png").exists()


def test_a_place_that_cannot_be_written_to_is_an_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(NamegenError, match="cannot write"):
        plot_history({"elves": a_history()}, tmp_path / "file" / "loss.png")


def test_the_axes_are_named_with_their_units(tmp_path):
    written = texts(drawn_svg({"elves": a_history()}, tmp_path))
    assert "training names (iterations)" in written
    assert "loss (nats per letter)" in written


def test_the_title_names_the_model(tmp_path):
    assert "Loss of elves" in texts(drawn_svg({"elves": a_history()}, tmp_path))


@pytest.mark.parametrize(
    ("names", "title"), [("ab", "a and b"), ("abc", "a, b and c"), ("abcd", "a, b, c and d")], ids=len
)
def test_the_title_lists_several_models_as_a_sentence_does(tmp_path, names, title):
    histories = dict.fromkeys(names, a_history())
    assert f"Loss of {title}" in texts(drawn_svg(histories, tmp_path))
    assert f"loss (nats per letter), {title}" in "\n".join(terminal(histories))


def test_one_model_has_a_training_and_a_validation_curve(tmp_path):
    written = texts(drawn_svg({"elves": a_history()}, tmp_path))
    assert "training" in written
    assert "validation" in written


def test_a_model_without_a_validation_part_has_the_training_curve_alone(tmp_path):
    written = texts(drawn_svg({"elves": a_history(validation=False)}, tmp_path))
    assert "training" in written
    assert "validation" not in written


@pytest.mark.parametrize("names", [("elves", "dwarves"), ("_old", "mine & yours"), ("$\\frac$", "b^2_"), ("%s", "\\x")])
def test_the_legend_names_each_curve_of_each_model(tmp_path, names):
    svg = drawn_svg(dict.fromkeys(names, a_history()), tmp_path).replace("&amp;", "&")
    written = texts(svg)
    assert [text for text in written if text.endswith((": training", ": validation"))] == [
        f"{name}: {curve}" for name in names for curve in ("training", "validation")
    ]


def test_models_differ_in_their_dashes_not_their_colour_alone(tmp_path):
    one = drawn_svg({"a": a_history()}, tmp_path)
    several = drawn_svg(dict.fromkeys("abcd", a_history()), tmp_path)
    assert "stroke-dasharray" not in one
    assert len(set(re.findall(r"stroke-dasharray: ([\d. ,]+)", several))) >= 3


def test_models_differ_in_the_shape_of_their_markers(drawn_lines):
    lines = drawn_lines(dict.fromkeys("abcd", a_history(validation=False)))
    assert len({line.get_marker() for line in lines}) == 4
    assert "None" not in {line.get_marker() for line in lines}


def test_the_curves_of_one_model_have_the_same_marker(drawn_lines):
    lines = [line for line in drawn_lines({"a": a_history(), "b": a_history()}) if len(line.get_xdata()) > 1]
    markers = [line.get_marker() for line in lines]
    assert markers[0] == markers[1] != markers[2] == markers[3]


def test_no_curve_is_faint(drawn_lines):
    assert all((line.get_alpha() or 1) >= 0.7 for line in drawn_lines({"a": a_history(), "b": a_history()}))


def test_the_lowest_validation_loss_is_ringed_and_the_legend_says_so(drawn_lines, tmp_path):
    points = np.array([100, 200, 300])
    history = History(points, np.array([3.0, 2.5, 2.0]), points, np.array([3.0, 2.25, 2.5]))
    ring = drawn_lines({"elves": history})[-1]
    assert (ring.get_xdata().tolist(), ring.get_ydata().tolist()) == ([200], [2.25])
    assert "lowest validation loss" in texts(drawn_svg({"elves": history}, tmp_path))
    assert "lowest validation loss" not in texts(drawn_svg({"elves": a_history(validation=False)}, tmp_path))


def test_large_numbers_of_iterations_are_grouped(tmp_path):
    assert "20,000" in texts(drawn_svg({"elves": a_history()}, tmp_path))


def test_curves_of_one_point_can_be_seen(drawn_lines):
    single = History(np.array([300]), np.array([3.0]), np.array([300]), np.array([3.1]))
    lines = drawn_lines({"elves": single})
    assert len(lines) == 3  # training, validation, and the ring
    assert all(line.get_marker() != "None" for line in lines)


def test_the_callers_settings_of_matplotlib_stay(tmp_path):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plot_history({"elves": a_history()}, tmp_path / "loss.svg")
    assert dict(mpl.rcParams) == before


# The terminal


def test_the_terminal_shows_both_curves_by_name():
    picture = "\n".join(terminal({"elves": a_history()}))
    assert "training\n" in re.sub(r" *│", "", picture)
    assert "validation\n" in re.sub(r" *│", "", picture)


def test_the_terminal_names_the_curves_of_several_models():
    picture = "\n".join(terminal({"elves": a_history(), "dwarves": a_history(validation=False)}))
    assert "elves: training" in picture
    assert "elves: validation" in picture
    assert "dwarves: training" in picture
    assert "dwarves: validation" not in picture


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_terminal_names_the_axes_with_their_units(width):
    picture = "\n".join(terminal({"elves": a_history()}, width=width))
    assert "training names (iterations)" in picture
    assert "loss (nats per letter)" in picture


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("height", [12, 24])
def test_the_terminal_picture_has_the_size_asked_for(width, height):
    lines = terminal({"elves": a_history()}, width=width, height=height)
    assert len(lines) == height
    assert {len(line) for line in lines} == {width}


def test_a_picture_without_colour_has_no_escape_codes():
    assert "\x1b" not in "".join(terminal({"elves": a_history()}))


def test_a_picture_with_colour_has_them_and_is_no_wider():
    lines = terminal({"elves": a_history()}, width=70, colour=True)
    assert any("\x1b[" in line for line in lines)
    assert max(len(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in lines) == 70


def test_without_colour_the_curves_differ_in_their_marks():
    lines = terminal({"elves": a_history(), "dwarves": a_history(final=1.0)})
    marks = [re.search(r"(\S+) (?:elves|dwarves): ", line)[1] for line in lines if ": " in line]
    assert len(set(marks)) == 4


def test_a_falling_loss_falls_on_the_screen():
    lines = terminal({"elves": a_history(validation=False)})
    rows = [line.split("│")[1] for line in lines if line.count("│") == 2 and "training" not in line]
    rightmost = [row.rstrip() for row in rows]
    reached = [len(row) for row in rightmost if row]
    assert all(above <= below for above, below in pairwise(reached))


def test_one_picture_leaves_nothing_in_the_next():
    terminal({"elves": a_history()})
    assert "validation" not in "\n".join(terminal({"dwarves": a_history(validation=False)}))


def test_the_terminal_refuses_a_model_without_a_history():
    with pytest.raises(NamegenError, match="elves has no loss history"):
        terminal({"elves": History()})


# Evaluations


def an_evaluation(*, loss: float | None = 2.0, right: float | None = 0.5, categories: int = 3) -> Evaluation:
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
    )


@pytest.mark.parametrize("kind", MAGIC)
def test_an_evaluation_is_drawn_into_any_kind_of_file_always_alike(tmp_path, kind):
    for name in ("one", "two"):
        plot_evaluation(an_evaluation(), tmp_path / f"{name}.{kind}", "elves")
    one, two = ((tmp_path / f"{name}.{kind}").read_bytes() for name in ("one", "two"))
    assert one.startswith(MAGIC[kind])
    assert one == two


def test_an_evaluation_shows_categories_figures_and_their_means(tmp_path):
    plot_evaluation(an_evaluation(), tmp_path / "elves.svg", "elves $x$")
    shown = texts((tmp_path / "elves.svg").read_text(encoding="utf-8"))
    assert {"number 0", "number 1", "number 2", "mean 2.000", "mean 25.0%", "mean 50.0%"} <= set(shown)
    assert "Evaluation of elves $x$" in shown


def test_the_bars_of_an_evaluation_are_its_figures(tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    widths, barh = [], Axes.barh

    def noting(axes, places, width, **options):
        widths.append(list(width))
        return barh(axes, places, width, **options)

    monkeypatch.setattr(Axes, "barh", noting)
    plot_evaluation(an_evaluation(), str(tmp_path / "elves.png"), "elves")
    assert widths == [[2.0] * 3, [0.0, 0.25, 0.5], [0.5] * 3]


def test_what_could_not_be_measured_is_said_to_be_so(tmp_path):
    plot_evaluation(an_evaluation(loss=None, right=None), tmp_path / "elves.svg", "elves")
    shown = texts((tmp_path / "elves.svg").read_text(encoding="utf-8"))
    assert shown.count("not measured") == 2


def test_more_categories_than_there_is_room_for_fit_a_picture(tmp_path):
    plot_evaluation(an_evaluation(categories=300), tmp_path / "elves.svg", "elves")
    assert "number 299" not in texts((tmp_path / "elves.svg").read_text(encoding="utf-8"))


def test_an_evaluation_in_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"\.png, \.svg, \.pdf"):
        plot_evaluation(an_evaluation(), tmp_path / "elves.jpg", "elves")


def test_a_validation_point_past_the_last_training_point_is_drawn(tmp_path):
    # An unfinished run has one where a training point waits for the end.
    history = History(np.array([100]), np.array([2.5]), np.array([150]), np.array([2.4]))

    assert "150" in "".join(terminal({"m": history}))
    plot_history({"m": history}, tmp_path / "loss.png")


@pytest.mark.parametrize("losses", [[0.0], [1e9], [-1e9, 1e9], [1e-300, 0.0], [1e9] * 300])
@pytest.mark.parametrize("first", [1, 10**12 - 300])
def test_a_history_at_the_limits_of_what_a_file_may_have_is_drawn(losses, first, tmp_path):
    points = first + np.arange(len(losses))
    history = History(points, np.array(losses), points, np.array(losses))

    assert terminal({"m": history})
    plot_history({"m": history}, tmp_path / "loss.png")


def test_letters_that_the_usual_font_lacks_are_drawn_with_another_that_is_there():
    from matplotlib import font_manager

    def has(font: str) -> set[int]:
        return set(font_manager.get_font(font_manager.findfont(font)).get_charmap())

    letter = chr(min(has("STIXGeneral") - has("DejaVu Sans")))  # both come with matplotlib
    usual, *others = plotting._find_fonts(f"Анна {letter}")
    assert usual == "DejaVu Sans"
    assert any(ord(letter) in has(font) for font in others)
    assert plotting._find_fonts("Анна") == ["DejaVu Sans"]


def test_a_letter_that_no_font_has_is_no_noise(tmp_path):
    plot_history({"\U0002fa1d": a_history()}, tmp_path / "loss.svg")
    assert (tmp_path / "loss.svg").stat().st_size > 1000


def test_a_font_that_is_there_no_more_is_passed_over(monkeypatch):
    from matplotlib import font_manager

    gone = font_manager.FontEntry(fname="/nowhere/gone.ttf", name="AAA")
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [gone, *font_manager.fontManager.ttflist])
    assert "AAA" not in plotting._find_fonts("\U0002fa1d")

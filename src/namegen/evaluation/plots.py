"""The loss history and an evaluation as pictures: in a file, with matplotlib, or in the terminal, with plotext."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namegen.errors import NamegenError, UsageError, shorten
from namegen.io.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from namegen.evaluation.metrics import Evaluation
    from namegen.models.model import History


_X, _Y = "training names (iterations)", "loss (nats per letter)"


_KINDS = (".png", ".svg", ".pdf")


_FONT = "DejaVu Sans"  # which comes with matplotlib


_BOXES = "Last Resort High-Efficiency"  # as this does, which matplotlib falls back on by itself


_DASHES = ("-", "--", "-.", ":")


_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


_HIGHEST = 60  # inches


_MAX_LABELS = 240  # to an axis as high as that


_TRAINING_MARKERS = 8  # to a training curve, where there are several models


def plot_history(histories: Mapping[str, History], path: str | Path) -> None:
    """Draw the loss histories of models, by their names, into a PNG, SVG or PDF file.

    Each model has a colour; its training curve is thin, its validation curve thick with markers, the best one ringed.
    Models differ in their dashes and markers too, so that the picture can be read in black and white. The same
    histories give the same bytes.

    Raises:
        UsageError: the file has another ending.
        NamegenError: there is nothing to draw, or the file cannot be written.
    """
    curves = _curves(histories)
    with _figure(Path(path), (8, 5), "".join(histories)) as figure:
        axes = figure.add_subplot()
        lines, rings = [], []
        for curve in curves:
            look = _look(curve, alone=len(histories) == 1)
            lines += axes.plot(curve.iterations, curve.losses, **look)
            if curve.is_validation:
                best = curve.losses.argmin()
                ring = {"marker": "o", "ms": 12, "mew": 1.5, "mfc": "none", "color": look["color"], "ls": "none"}
                rings += axes.plot(curve.iterations[best], curve.losses[best], **ring, clip_on=False)
        begin = min(int(curve.iterations[0]) for curve in curves)
        end = max(int(curve.iterations[-1]) for curve in curves)
        left = 0 if 4 * begin < end else None  # what was taught by others has no loss before that was done
        axes.set(xlabel=_X, ylabel=_Y, xlim=(left, None), title=f"Loss of {_listed(histories)}")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.grid(visible=True, alpha=0.3)
        ringed = ["lowest validation loss"] if rings else []
        axes.legend([*lines, *rings[:1]], [*(curve.label for curve in curves), *ringed], frameon=False)


def plot_evaluation(evaluation: Evaluation, path: str | Path, name: str) -> None:
    """Draw how good a model is in each category into a PNG, SVG or PDF file, as bars.

    Side by side are the loss, the share of novel names, and the share that the judge takes for names of their category;
    what could not be measured has no bar. A line is at the mean over the categories. The same figures give the same
    bytes.

    Args:
        evaluation: what was measured.
        path: the file.
        name: what to call the model.

    Raises:
        UsageError: the file has another ending.
        NamegenError: the file cannot be written.
    """
    categories = list(evaluation.categories)
    size = 11, min(1.8 + 0.24 * len(categories), _HIGHEST)
    with _figure(Path(path), size, "".join([*categories[:_MAX_LABELS], name])) as figure:
        panels = figure.subplots(1, 3, sharey=True, gridspec_kw={"wspace": 0.08})
        shown = [
            ("loss (nats per letter)", "loss", evaluation.macro),
            ("novel (share of drawn names)", "novel", evaluation.novel),
            ("right (share of drawn names)", "right", evaluation.right),
        ]
        for index, (axes, (label, figure_of, mean)) in enumerate(zip(panels, shown, strict=True)):
            values = [getattr(figures, figure_of) for figures in evaluation.categories.values()]
            axes.barh(range(len(values)), [value or 0.0 for value in values], color=f"C{index}", height=0.7)
            if mean is None:
                axes.text(0.5, 0.5, "not measured", ha="center", va="center", transform=axes.transAxes)
            else:
                axes.axvline(mean, color="black", lw=1, ls="--")
                axes.set_title(f"mean {mean:.3f}" if index == 0 else f"mean {mean:.1%}", fontsize="medium")
            axes.set_xlabel(label)
            axes.grid(visible=True, axis="x", alpha=0.3)
            axes.set_axisbelow(True)
            axes.set_xlim(0, 1 if index or mean is None else None)
            if index:
                axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        panels[0].set(ylim=(len(categories) - 0.4, -0.6))
        if len(categories) <= _MAX_LABELS:
            panels[0].set_yticks(range(len(categories)), map(shorten, categories))
        figure.suptitle(f"Evaluation of {shorten(name)}")


@contextmanager
def _figure(path: Path, size: tuple[float, float], text: str) -> Iterator[Figure]:
    """Give a figure to draw on, with fonts for the letters of a text, and write it into a file afterwards."""
    import io
    import logging
    import warnings

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # where it can keep its cache is no concern of the user's
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    check_image_path(path)
    kind = path.suffix.lower()
    style: dict[Any, Any] = {
        "svg.hashsalt": "namegen",
        "text.parse_math": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.family": _fonts(text),
    }
    with mpl.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from font")  # which leaves a box for the letter
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        buffer = io.BytesIO()
        without_dates = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
        figure.savefig(buffer, format=kind[1:], dpi=150, metadata=without_dates[kind[1:]])
    write_atomically(path, buffer.getvalue())


def _fonts(text: str) -> list[str]:
    """Return matplotlib's own font and those installed here that have the letters of a text which it lacks."""
    from matplotlib import font_manager

    fonts, missing = [_FONT], {ord(letter) for letter in text}
    missing -= set(font_manager.get_font(font_manager.findfont(_FONT)).get_charmap())
    installed = [font for font in font_manager.fontManager.ttflist if font.name != _BOXES]
    for font in sorted(installed, key=lambda font: (font.name, font.fname)):
        if not missing:
            break
        try:
            covered = missing & set(font_manager.get_font(font.fname).get_charmap())
        except (OSError, RuntimeError):  # it is there no more, or damaged
            continue
        if covered:
            fonts.append(font.name)
            missing -= covered
    return fonts


def check_image_path(path: Path) -> None:
    """Raise ``UsageError`` if a file cannot be a picture by its name."""
    if path.suffix.lower() not in _KINDS:
        raise UsageError(f"cannot draw into {path}: its name must end in {', '.join(_KINDS)}")


def plot_in_terminal(histories: Mapping[str, History], *, width: int, height: int, colour: bool) -> str:
    """Draw the loss histories of models, by their names, with characters.

    Args:
        histories: what to draw.
        width: columns.
        height: lines.
        colour: whether to use terminal colours.

    Returns:
        The picture, with a line feed at its end.

    Raises:
        NamegenError: there is nothing to draw.
    """
    import plotext

    curves = _curves(histories)
    plotext.clear_figure()
    plotext.limit_size(*[False] * 2)  # not to the terminal, which need not be where it is shown
    plotext.plotsize(max(30, width), max(10, height))
    markers = iter("•+x*o#") if not colour else None
    for curve in curves:
        marker = "braille" if markers is None else next(markers, "·")
        plotext.plot(curve.iterations.tolist(), curve.losses.tolist(), label=curve.label, marker=marker)
    plotext.title(f"{_Y}, {_listed(histories)}")  # an axis of its own would be cut in a narrow terminal
    plotext.xlabel(_X)
    plotext.xlim(0, max(int(curve.iterations[-1]) for curve in curves))  # it fails if a curve lies outside
    plotext.theme("clear" if not colour else "pro")
    text = str(plotext.build())
    plotext.clear_figure()
    return (text if colour else str(plotext.uncolorize(text))).rstrip("\n") + "\n"


@dataclass(frozen=True, eq=False)
class _Curve:
    """One line of a picture: of the model with this number, how its loss went on the one or the other part."""

    model: int
    label: str
    iterations: NDArray[np.int64]
    losses: NDArray[np.float64]
    is_validation: bool = False


def _curves(histories: Mapping[str, History]) -> list[_Curve]:
    curves = []
    for index, (name, history) in enumerate(histories.items()):
        if not len(history.iterations):
            raise NamegenError(f"{name} has no loss history yet; let its training go on")
        of = f"{name}: " if len(histories) > 1 else ""
        has_validation = len(history.validation) > 0
        curves.append(_Curve(index, f"{of}training", history.iterations, history.training))
        if has_validation:
            iterations, losses = history.validation_iterations, history.validation
            curves.append(_Curve(index, f"{of}validation", iterations, losses, is_validation=True))
    return curves


def _look(curve: _Curve, *, alone: bool) -> dict[str, Any]:
    """Matplotlib's settings for a curve, the only model's or one of several models'."""
    look: dict[str, Any] = {"color": f"C{curve.model}", "ls": _DASHES[curve.model % len(_DASHES)]}
    marker = {"marker": _MARKERS[curve.model % len(_MARKERS)]}
    if curve.is_validation:
        return {**look, **marker, "lw": 2.2, "ms": 5}
    look |= {"lw": 1.2, "alpha": 0.8}
    points = len(curve.losses)
    if alone and points > 1:
        return look
    every = max(1, points // _TRAINING_MARKERS)
    return {**look, **marker, "ms": 4, "mfc": "white", "markevery": every}


def _listed(names: Iterable[str]) -> str:
    """Names as a sentence has them: a, b and c."""
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last

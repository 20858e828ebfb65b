"""Plot loss histories and evaluations: into a file with matplotlib, or in the terminal with plotext."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namegen._validate import check_arguments, check_path, check_text, describe_kind
from namegen.errors import UsageError, quote, shorten
from namegen.evaluation.curves import Curve, Losses, build_curves, needs_log_axis
from namegen.evaluation.metrics import Evaluation
from namegen.evaluation.run_logs import RunLog, is_log, read_log
from namegen.io.files import write_atomically
from namegen.models.model import History, Model
from namegen.models.store import to_model
from namegen.optional_packages import check_installed, required

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.figure import Figure

_X, _Y = "training names (iterations)", "loss (nats per letter)"
_SUFFIXES = (".png", ".svg", ".pdf")
_FONT = "DejaVu Sans"  # included in matplotlib
_FALLBACK_FONT = "Last Resort High-Efficiency"  # of boxes, which matplotlib uses by itself
_DASHES = ("-", "--", "-.", ":")
_SOFT_DASHES = (0, (1, 4))  # wide dots, of losses against teachers
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_MAX_MARKERS = 8  # on a training curve, if there are several models
_MAX_HEIGHT = 60  # inches
_MAX_LABELS = 240  # on an axis of that height


@check_arguments()
def plot_history(histories: Mapping[str, Losses] | Losses | str | os.PathLike[str], path: str | Path) -> None:
    """Plot loss histories to a PNG, SVG or PDF file.

    Validation curves are thick, with a ring around their lowest point. Losses against teachers are dotted. If one run
    is much longer than another, the axis is logarithmic. The same histories give the same bytes.

    Args:
        histories: the histories, models with them or logs of runs, keyed by the models' names; or one of them, or the
            name or path of a model, or the path of a log.
        path: the file.

    Raises:
        UsageError: the file has a different suffix, or an argument is something else.
        MissingPackageError: matplotlib is not installed.
        NamegenError: a model has no history, or the file cannot be written.
    """
    path = check_path("path", path)
    histories = _to_histories(histories)
    curves = build_curves(histories)
    with _open_figure(path, (8, 5), "".join(histories)) as figure:
        axes = figure.add_subplot()
        lines, rings = [], []
        for curve in curves:
            style = _choose_style(curve, alone=curves[-1].group == 0)
            lines += axes.plot(curve.iterations, curve.losses, **style)
            if curve.is_validation:
                best = curve.losses.argmin()
                ring = {"marker": "o", "ms": 12, "mew": 1.5, "mfc": "none", "color": style["color"], "ls": "none"}
                rings += axes.plot(curve.iterations[best], curve.losses[best], **ring, clip_on=False)
        begin = min(int(curve.iterations[0]) for curve in curves)
        end = max(int(curve.iterations[-1]) for curve in curves)
        is_log = needs_log_axis(curves)
        left = 0 if 4 * begin < end and not is_log else None  # that of a distilled network begins after its teachers'
        axes.set(xscale="log" if is_log else "linear")
        axes.set(xlabel=_X, ylabel=_Y, xlim=(left, None), title=f"Loss of {_join_names(histories)}")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.grid(visible=True, alpha=0.3)
        ring_labels = ["lowest validation loss"] if rings else []
        axes.legend([*lines, *rings[:1]], [*(curve.label for curve in curves), *ring_labels], frameon=False)


def _to_histories(given: object) -> dict[str, Losses]:
    """Return histories, models and logs by their names."""
    if isinstance(given, History | Model | RunLog):
        given = {"the model": given}
    elif isinstance(given, str | os.PathLike):
        given = {Path(given).stem: read_log(Path(given)) if is_log(Path(given)) else to_model(given)}
    if not isinstance(given, Mapping) or not given:
        raise UsageError(
            "histories must be a model or histories by name, such as {'mine': model.history}, not "
            + ("empty" if isinstance(given, Mapping) else describe_kind(given))
        )
    for name, history in given.items():
        if not isinstance(history, History | Model | RunLog):
            raise UsageError(
                f"the history of {quote(str(name))} must be a History or a model, not {describe_kind(history)}"
            )
    return {str(name): history for name, history in given.items()}


@check_arguments()
def plot_evaluation(evaluation: Evaluation, path: str | Path, name: str) -> None:
    """Plot an evaluation to a PNG, SVG or PDF file, with the model's name in the title.

    Bars show the loss and the shares of novel and right names of each category; a line shows their mean. The same
    figures give the same bytes.

    Raises:
        UsageError: the file has a different suffix, or an argument is something else.
        MissingPackageError: matplotlib is not installed.
        NamegenError: the file cannot be written.
    """
    path, name = check_path("path", path), check_text("name", name, "'my model'")
    if not isinstance(evaluation, Evaluation):
        raise UsageError(f"plot_evaluation needs what evaluate returns, not {describe_kind(evaluation)}")
    categories = list(evaluation.categories)
    size = 11, min(1.8 + 0.24 * len(categories), _MAX_HEIGHT)
    with _open_figure(path, size, "".join([*categories[:_MAX_LABELS], name])) as figure:
        panels = figure.subplots(1, 3, sharey=True, gridspec_kw={"wspace": 0.08})
        contents = [
            ("loss (nats per letter)", "loss", evaluation.macro),
            ("novel (share of sampled names)", "novel", evaluation.novel),
            ("right (share of sampled names)", "right", evaluation.right),
        ]
        for index, (axes, (label, field, mean)) in enumerate(zip(panels, contents, strict=True)):
            values = [getattr(figures, field) for figures in evaluation.categories.values()]
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
def _open_figure(path: Path, size: tuple[float, float], text: str) -> Iterator[Figure]:
    """Yield a figure with fonts for the letters of a text, and write it to a file afterwards."""
    import io
    import logging
    import warnings

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of an unwritable cache directory
    check_image_path(path)
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.hashsalt": "namegen",
        "text.parse_math": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.family": _find_fonts(text),
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from font")  # a box stands for the letter
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        buffer, kind = io.BytesIO(), path.suffix.lower()[1:]
        without_dates = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
        figure.savefig(buffer, format=kind, dpi=150, metadata=without_dates[kind])
    write_atomically(path, buffer.getvalue())


def _find_fonts(text: str) -> list[str]:
    """Return matplotlib's default font, and installed fonts with the letters of a text that it lacks."""
    from matplotlib import font_manager

    fonts, missing = [_FONT], {ord(letter) for letter in text}
    missing -= set(font_manager.get_font(font_manager.findfont(_FONT)).get_charmap())
    installed = [font for font in font_manager.fontManager.ttflist if font.name != _FALLBACK_FONT]
    for font in sorted(installed, key=lambda font: (font.name, font.fname)):
        if not missing:
            break
        try:
            covered = missing & set(font_manager.get_font(font.fname).get_charmap())
        except (OSError, RuntimeError):  # removed since matplotlib listed it, or damaged
            continue
        if covered:
            fonts.append(font.name)
            missing -= covered
    return fonts


def check_image_path(path: Path) -> None:
    """Check that a picture can be plotted to a file, before a long computation.

    Raises:
        UsageError: the file name does not have the suffix of a supported image format.
        MissingPackageError: matplotlib is not installed.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"cannot plot to {path}; give a file name that ends in {', '.join(_SUFFIXES)}")
    check_installed("matplotlib")


def plot_in_terminal(histories: Mapping[str, Losses], *, width: int, height: int, colour: bool) -> str:
    """Plot histories, models or logs, given by name, as text of at least 30 columns and 10 lines.

    Raises:
        MissingPackageError: plotext is not installed.
        NamegenError: a model has no history.
    """
    with required("plotext"):
        import plotext

    curves = build_curves(histories)
    plotext.clear_figure()
    plotext.limit_size(*[False] * 2)  # not to the size of this terminal
    plotext.plotsize(max(30, width), max(10, height))
    markers = iter("•+x*o#") if not colour else None
    for curve in curves:
        marker = "braille" if markers is None else next(markers, "·")
        plotext.plot(curve.iterations.tolist(), curve.losses.tolist(), label=curve.label, marker=marker)
    plotext.title(f"{_Y}, {_join_names(histories)}")  # a label of the y axis would be cut in a narrow terminal
    plotext.xlabel(_X)
    if needs_log_axis(curves):
        plotext.xscale("log")
    else:
        plotext.xlim(0, max(int(curve.iterations[-1]) for curve in curves))  # it fails if a curve lies outside
    plotext.theme("clear" if not colour else "pro")
    text = str(plotext.build())
    plotext.clear_figure()
    return (text if colour else str(plotext.uncolorize(text))).rstrip("\n") + "\n"


def _choose_style(curve: Curve, *, alone: bool) -> dict[str, Any]:
    """Return matplotlib's settings for a curve of the only model, or of one of several."""
    style: dict[str, Any] = {"color": f"C{curve.group}", "ls": _DASHES[curve.group % len(_DASHES)]}
    marker, points = _MARKERS[curve.group % len(_MARKERS)], len(curve.losses)
    if curve.is_validation:
        return style | {"marker": marker, "lw": 2.2, "ms": 5}
    style |= {"lw": 1.2, "alpha": 0.8, "ls": _SOFT_DASHES if curve.is_soft else style["ls"]}
    if not alone or points == 1:
        style |= {"marker": marker, "ms": 4, "mfc": "white", "markevery": max(1, points // _MAX_MARKERS)}
    return style


def _join_names(names: Iterable[str]) -> str:
    """Join names as in a sentence: a, b and c."""
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last

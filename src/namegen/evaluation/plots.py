"""Plot loss histories, evaluations and explanations with matplotlib, or histories in the terminal with plotext."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namegen._validate import check_arguments, check_path, check_text, describe_kind
from namegen.errors import UsageError, quote, shorten
from namegen.evaluation.curves import Curve, Losses, build_curves, needs_log_axis
from namegen.evaluation.explain import Explanation
from namegen.evaluation.metrics import Evaluation
from namegen.evaluation.run_logs import RunLog, is_log, read_log
from namegen.models.model import History, Model
from namegen.models.store import to_model
from namegen.optional_packages import check_installed, required

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.figure import Figure

    from namegen.evaluation.figures import NotebookFigure

_X, _Y = "training names (iterations)", "loss (nats per letter)"
_SUFFIXES = (".png", ".svg", ".pdf")
_DASHES = ("-", "--", "-.", ":")
_SOFT_DASHES = (0, (1, 4))  # wide dots, of losses against teachers
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_MAX_MARKERS = 8  # on a training curve, if there are several models
_MAX_HEIGHT = 60  # inches
_MAX_LABELS = 240  # on an axis of that height
_MAX_COLUMNS = 61  # of an explanation: 60 letters and the end
_LIKELIEST = 6  # letters in each column
_DARK = 0.55  # the probability above which letters are white


@check_arguments()
def plot_history(
    histories: Mapping[str, Losses] | Losses | str | os.PathLike[str], path: str | Path | None = None
) -> Figure:
    """Plot loss histories, for a notebook or to a PNG, SVG or PDF file.

    Validation curves are thick, with a ring around their lowest point. Losses against teachers are dotted. If one run
    is much longer than another, the axis is logarithmic. The same histories give the same bytes.

    Args:
        histories: the histories, models with them or logs of runs, keyed by the models' names; or one of them, or the
            name or path of a model, or the path of a log.
        path: the file; by default none is written.

    Returns:
        The figure, which a notebook shows if it is the last value of a cell.

    Raises:
        UsageError: the file has a different suffix, or an argument is something else.
        MissingPackageError: matplotlib is not installed.
        NamegenError: a model has no history, or the file cannot be written.
    """
    path = None if path is None else check_path("path", path)
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
    return figure


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
def plot_evaluation(evaluation: Evaluation, path: str | Path | None = None, name: str = "the model") -> Figure:
    """Plot an evaluation, for a notebook or to a PNG, SVG or PDF file.

    Bars show the loss and the shares of novel and right names of each category; a line shows their mean. The same
    figures give the same bytes.

    Args:
        evaluation: what :func:`evaluate` returns.
        path: the file; by default none is written.
        name: the name of the model, for the title.

    Returns:
        The figure, which a notebook shows if it is the last value of a cell.

    Raises:
        UsageError: the file has a different suffix, or an argument is something else.
        MissingPackageError: matplotlib is not installed.
        NamegenError: the file cannot be written.
    """
    path, name = None if path is None else check_path("path", path), check_text("name", name, "'my model'")
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
    return figure


@check_arguments()
def plot_explanation(explanation: Explanation, path: str | Path | None = None) -> Figure:
    """Plot an explanation, for a notebook or to a PNG, SVG or PDF file.

    Each column is a letter of the name. It shows the most likely letters there, darker if they are likelier, with a
    frame around the letter of the name, which takes the last place if it is less likely. Bars below show the entropy,
    dots the loss of the letter.

    Args:
        explanation: what :func:`explain` returns, for a name of at most 60 letters.
        path: the file; by default none is written.

    Returns:
        The figure, which a notebook shows if it is the last value of a cell.

    Raises:
        UsageError: the name is longer, the file has a different suffix, or an argument is something else.
        NamegenError: the file cannot be written.
    """
    path = None if path is None else check_path("path", path)
    if not isinstance(explanation, Explanation):
        raise UsageError(f"plot_explanation needs what explain returns, not {describe_kind(explanation)}")
    places = len(explanation.letters)
    if places > _MAX_COLUMNS:
        raise UsageError(f"a name of {places - 1} letters is too long for a picture; explain one of at most 60")
    shown = min(_LIKELIEST, explanation.distributions.shape[1])
    ranked = explanation.rank_letters()[:, :shown]
    cells = [[*row] if own in row else [*row[:-1], own] for row, own in zip(ranked, explanation.targets, strict=True)]
    spelled = "".join(explanation.labels[index] for row in cells for index in row)
    size = max(6.0, 1.6 + 0.66 * places), 5.6
    with _open_figure(path, size, spelled + explanation.category) as figure:
        above, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1.3]})
        for place, (row, own) in enumerate(zip(cells, explanation.targets, strict=True)):
            for rank, index in enumerate(row):
                probability = explanation.distributions[place, index]
                dark = {"color": "white" if probability > _DARK else "black", "ha": "center"}
                above.barh(rank, 1, 0.94, place - 0.5, color=str(1 - 0.85 * probability), ec="none")
                above.text(place, rank - 0.05, explanation.labels[index], va="bottom", weight="bold", **dark)
                share = "<1%" if probability < 0.005 else f"{probability:.0%}"
                if index not in ranked[place]:
                    share = f"{share} (no. {explanation.ranks[place]})"
                above.text(place, rank + 0.1, share, va="top", fontsize="x-small", **dark)
                if index == own:
                    above.barh(rank, 0.94, 0.9, place - 0.47, color="none", ec="C1", lw=2.2)
        above.set(ylim=(shown - 0.5, -0.5), yticks=[], ylabel="most likely letters, from the top")
        below.bar(
            range(places), explanation.entropies, color="C0", width=0.6, label="entropy, the expected loss (nats)"
        )
        below.plot(
            range(places),
            explanation.losses,
            color="C1",
            marker="o",
            ls="none",
            label="loss of the name's letter (nats)",
        )
        below.set(xlim=(-0.55, places - 0.45), xticks=range(places), xticklabels=explanation.letters)
        below.grid(visible=True, axis="y", alpha=0.3)
        below.set_axisbelow(True)
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
        figure.suptitle(f"{shorten(explanation.name)} as {shorten(explanation.category)}")
    return figure


@contextmanager
def _open_figure(path: Path | None, size: tuple[float, float], text: str) -> Iterator[NotebookFigure]:
    """Yield a figure with fonts for the letters of a text, and afterwards write it to a file, if one is given."""
    if path is not None:
        check_image_path(path)
    import logging

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of an unwritable cache directory
    with required("matplotlib"):
        from namegen.evaluation.figures import NotebookFigure

    figure = NotebookFigure(size, text)
    with figure.style():
        yield figure
    if path is not None:
        figure.write(path)


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

"""The loss history as a picture: in a file, with matplotlib, or in the terminal, with plotext."""

from __future__ import annotations

from typing import TYPE_CHECKING

from namegen.errors import NamegenError, UsageError
from namegen.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from namegen.modelfile import History

_X, _Y = "training names (iterations)", "loss (nats per letter)"
_KINDS = (".png", ".svg", ".pdf")
_DASHES = ("-", "--", "-.", ":")


def plot_history(histories: Mapping[str, History], path: Path) -> None:
    """Draw the loss histories of models, by their names, into a PNG, SVG or PDF file.

    Each model has a colour; its training curve is thin, its validation curve thick with dots, and models differ in
    their dashes too, so that the picture can be read in black and white. The same histories give the same bytes.

    Raises:
        UsageError: the file has another ending.
        NamegenError: there is nothing to draw, or the file cannot be written.
    """
    import io

    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kind = path.suffix.lower()
    if kind not in _KINDS:
        raise UsageError(f"cannot draw into {path}: its name must end in {', '.join(_KINDS)}")
    _check(histories)
    with mpl.rc_context(
        {"svg.hashsalt": "namegen", "font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
    ):
        figure = Figure(figsize=(8, 5), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        for index, (name, history) in enumerate(histories.items()):
            colour, dash = f"C{index}", _DASHES[index % len(_DASHES)]
            of = f"{name}: " if len(histories) > 1 else ""
            alpha = 0.6 if len(history.validation) else 1.0
            axes.plot(
                history.iterations, history.training, dash, color=colour, lw=1.2, alpha=alpha, label=f"{of}training"
            )
            if len(history.validation):
                axes.plot(
                    history.validation_iterations,
                    history.validation,
                    dash,
                    color=colour,
                    lw=2.2,
                    marker="o",
                    ms=4,
                    label=f"{of}validation",
                )
        axes.set(xlabel=_X, ylabel=_Y, xlim=(0, None), title=f"Loss of {' and '.join(histories)}")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.grid(visible=True, alpha=0.3)
        axes.legend(frameon=False)
        buffer = io.BytesIO()
        without_dates = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
        figure.savefig(buffer, format=kind[1:], dpi=150, metadata=without_dates[kind[1:]])
    write_atomically(path, buffer.getvalue())


def draw_in_terminal(histories: Mapping[str, History], *, width: int, height: int, colour: bool) -> str:
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

    _check(histories)
    plotext.clear_figure()
    plotext.plotsize(max(30, width), max(10, height))
    markers = iter("•+x*o#") if not colour else None
    for name, history in histories.items():
        of = f"{name}: " if len(histories) > 1 else ""
        curves = {"training": (history.iterations, history.training)}
        if len(history.validation):
            curves["validation"] = (history.validation_iterations, history.validation)
        for label, (iterations, losses) in curves.items():
            marker = "braille" if markers is None else next(markers, "·")
            plotext.plot(iterations.tolist(), losses.tolist(), label=f"{of}{label}", marker=marker)
    plotext.title(f"Loss of {' and '.join(histories)}")
    plotext.xlabel(_X)
    plotext.ylabel(_Y)
    plotext.theme("clear" if not colour else "pro")
    text = str(plotext.build())
    plotext.clear_figure()
    return (text if colour else str(plotext.uncolorize(text))) + "\n"


def _check(histories: Mapping[str, History]) -> None:
    for name, history in histories.items():
        if not len(history.iterations):
            raise NamegenError(f"{name} has no loss history yet; let its training go on")

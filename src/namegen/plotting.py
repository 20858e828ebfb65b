"""The loss history as a picture: in a file, with matplotlib, or in the terminal, with plotext."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from namegen.errors import NamegenError, UsageError
from namegen.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

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
    import logging

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # where it can keep its cache is no concern of the user's
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kind = path.suffix.lower()
    if kind not in _KINDS:
        raise UsageError(f"cannot draw into {path}: its name must end in {', '.join(_KINDS)}")
    curves = _curves(histories)
    style: dict[Any, Any] = {
        "svg.hashsalt": "namegen",
        "text.parse_math": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(8, 5), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        lines = []
        for curve in curves:
            dash = _DASHES[curve.model % len(_DASHES)]
            look = {"lw": 2.2, "marker": "o", "ms": 4} if curve.is_validation else {"lw": 1.2, "alpha": curve.strength}
            lines += axes.plot(curve.iterations, curve.losses, dash, color=f"C{curve.model}", **look)
        axes.set(xlabel=_X, ylabel=_Y, xlim=(0, None), title=f"Loss of {' and '.join(histories)}")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.grid(visible=True, alpha=0.3)
        axes.legend(lines, [curve.label for curve in curves], frameon=False)
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

    curves = _curves(histories)
    plotext.clear_figure()
    plotext.limit_size(*[False] * 2)  # not to the terminal, which need not be where it is shown
    plotext.plotsize(max(30, width), max(10, height))
    markers = iter("•+x*o#") if not colour else None
    for curve in curves:
        marker = "braille" if markers is None else next(markers, "·")
        plotext.plot(curve.iterations.tolist(), curve.losses.tolist(), label=curve.label, marker=marker)
    plotext.title(f"{_Y}, {' and '.join(histories)}")  # an axis of its own would be cut in a narrow terminal
    plotext.xlabel(_X)
    plotext.xlim(0, max(int(history.iterations[-1]) for history in histories.values()))
    plotext.theme("clear" if not colour else "pro")
    text = str(plotext.build())
    plotext.clear_figure()
    return (text if colour else str(plotext.uncolorize(text))).rstrip("\n") + "\n"


@dataclass(frozen=True)
class _Curve:
    """One line of a picture: of the model with this number, how its loss went on the one or the other part."""

    model: int
    label: str
    iterations: NDArray[np.int64]
    losses: NDArray[np.float64]
    is_validation: bool = False
    strength: float = 1.0


def _curves(histories: Mapping[str, History]) -> list[_Curve]:
    curves = []
    for index, (name, history) in enumerate(histories.items()):
        if not len(history.iterations):
            raise NamegenError(f"{name} has no loss history yet; let its training go on")
        of = f"{name}: " if len(histories) > 1 else ""
        has_validation = len(history.validation) > 0
        strength = 0.6 if has_validation else 1.0
        curves.append(_Curve(index, f"{of}training", history.iterations, history.training, strength=strength))
        if has_validation:
            iterations, losses = history.validation_iterations, history.validation
            curves.append(_Curve(index, f"{of}validation", iterations, losses, is_validation=True))
    return curves

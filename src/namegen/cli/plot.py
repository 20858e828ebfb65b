"""``namegen plot``: plot the loss history."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from namegen.cli.options import complete_model

if TYPE_CHECKING:
    from namegen.evaluation.curves import Losses


def plot(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...",
            autocompletion=complete_model,
            help="Models, or logs of `train --log`.  [default: $NAMEGEN_MODEL, else default, else pretrained]",
        ),
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Plot to this .png, .svg or .pdf file instead of the terminal."
        ),
    ] = None,
) -> None:
    """Plot the loss history of one or more models or logs.

    Losses against teachers, which are not losses on names, are marked. If one run is much longer than another, the axis
    is logarithmic.
    """
    from namegen.cli.terminal import make_printable, print_note, print_result
    from namegen.evaluation.plots import plot_history, plot_in_terminal

    histories = dict(_load_losses(name) for name in models or (None,))
    histories = {make_printable(name): losses for name, losses in histories.items()}
    if output is not None:
        plot_history(histories, output)
        print_note(f"Saved the plot to {output}.", whole=[str(output)])
        return
    columns, lines = shutil.get_terminal_size((80, 24))
    is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    plot = plot_in_terminal(histories, width=columns, height=min(lines - 2, 24), colour=is_coloured)
    print_result(plot, styled=True)


def _load_losses(name: str | None) -> tuple[str, Losses]:
    """Return the name and the losses of a model or a log."""
    from namegen.errors import DataError
    from namegen.evaluation.run_logs import is_log, read_log
    from namegen.models.store import find_model

    if name is not None and is_log(Path(name)):
        return name, read_log(Path(name))
    if name is not None and name.endswith(".jsonl"):
        raise DataError(f"{name} does not exist, or is not a log of `namegen train --log`; give another file")
    location = find_model(name)
    return location.name, location.load()

"""``namegen plot``: plot the loss history."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from namegen.cli.options import complete_model


def plot(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...",
            autocompletion=complete_model,
            help="Model names or files.  [default: $NAMEGEN_MODEL, else default, else pretrained]",
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
    """Plot the loss history of one or more models."""
    from namegen.cli.terminal import make_printable, print_note, print_result
    from namegen.evaluation.plots import plot_history, plot_in_terminal
    from namegen.models.store import find_model

    locations = [find_model(name) for name in models or (None,)]
    histories = {make_printable(location.name): location.load().history for location in locations}
    if output is not None:
        plot_history(histories, output)
        print_note(f"Saved the plot to {output}.", whole=[str(output)])
        return
    columns, lines = shutil.get_terminal_size((80, 24))
    is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    plot = plot_in_terminal(histories, width=columns, height=min(lines - 2, 24), colour=is_coloured)
    print_result(plot, styled=True)

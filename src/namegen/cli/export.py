"""``namegen export``: a model for programs that are not Python."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from namegen.cli.options import complete_model, load_model_to_use


def export(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", autocompletion=complete_model, help="The name of a model, or its file.")
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="The file to write.")],
) -> None:
    """Export a model as ONNX, for programs that are not Python.

    The file holds one step of the network: from a category, a letter and the state so far to the probabilities of the
    next letter and the state after it. docs/export.md says how to draw names with it.
    """
    from namegen.cli.terminal import print_note
    from namegen.models.onnx import export_onnx

    location, loaded = load_model_to_use(model)
    export_onnx(loaded, file)
    print_note(f"Exported {location.name} into {file}.", whole=[str(file)])

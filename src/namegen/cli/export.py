"""``namegen export``: export a model to ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from namegen.cli.inputs import load_model_to_use
from namegen.cli.options import complete_model


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", autocompletion=complete_model, help="Model name or file.")],
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="The file to write.")],
) -> None:
    """Export a model to ONNX, for use without Python.

    The file holds one step of the network, without the n-gram and the plausibility floor. Its inputs are a category, a
    letter and the state; its outputs, the probabilities of the next letter and the new state. docs/export.md shows how
    to sample names with it.
    """
    from namegen.cli.terminal import print_note
    from namegen.models.onnx import export_onnx

    location, loaded = load_model_to_use(model)
    export_onnx(loaded, file)
    print_note(f"Exported {location.name} to {file}.", whole=[str(file)])
    if loaded.mixture:
        print_note("The file has the network alone, without the model's n-gram and plausibility floor.")
    if loaded.letters is not None:
        print_note("It does not say which letters each category has, and leaves out closed categories.")

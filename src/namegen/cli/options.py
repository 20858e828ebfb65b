"""Options that more than one subcommand has, each said once."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        help="The name of a model, or its file.  [default: $NAMEGEN_MODEL, else default, else pretrained]",
    ),
]
TemperatureOption = Annotated[
    float | None,
    typer.Option("--temperature", "-t", help="Below 1: more typical names; above 1: wilder ones; 0: greedy."),
]
TopKOption = Annotated[int | None, typer.Option("--top-k", help="Choose among this many of the most likely letters.")]
TopPOption = Annotated[
    float | None,
    typer.Option("--top-p", help="Choose among the most likely letters that together have this probability."),
]
GuidanceOption = Annotated[
    float | None,
    typer.Option("--guidance", help="How much to exaggerate what is special about the category; 0: not at all."),
]
FormatOption = Annotated[Literal["table", "json"], typer.Option("--format", "-f", help="For people, or programs.")]

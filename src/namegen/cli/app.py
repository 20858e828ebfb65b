"""The command ``namegen`` and its subcommands."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

_COMMANDS = (
    "download",
    "data",
    "train",
    "sample",
    "people",
    "score",
    "classify",
    "explain",
    "evaluate",
    "plot",
    "export",
    "categories",
    "models",
    "completion",
)

app = typer.Typer(
    name="namegen",
    help="Invent names with a small recurrent network trained on lists of names.",
    epilog="Try: namegen sample German ABC",
    invoke_without_command=True,
    add_completion=False,  # the command `completion` prints the scripts
    rich_markup_mode=None,  # help and usage errors are plain text, and start at once
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _find_distributions() -> list[str]:
    """Return the installed distributions that contain this package."""
    from importlib.metadata import PackageNotFoundError, distribution

    installed = []
    for name in ("namegen-rnn", "namegen-rnn-slim"):
        with contextlib.suppress(PackageNotFoundError):
            distribution(name)
            installed.append(name)
    return installed


def _show_version(wanted: bool) -> None:
    if wanted:
        from namegen import __version__

        typer.echo(f"namegen {__version__}")
        if len(installed := _find_distributions()) > 1:
            typer.echo(
                f"{' and '.join(installed)} are both installed and have the same files. "
                f"Uninstall both with `pip uninstall {' '.join(installed)}`, then install one of them.",
                err=True,
            )
        raise typer.Exit


@app.callback()
def namegen(
    context: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Show the help if no command is given; :func:`namegen.cli.main` handles ``--debug`` anywhere in a line."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)


class _Commands(Mapping[str, TyperCommand | TyperGroup]):
    """The subcommands; each is imported when it is used, for a fast start."""

    def __getitem__(self, name: str) -> TyperCommand | TyperGroup:
        if name not in _COMMANDS:
            raise KeyError(name)
        command = getattr(import_module(f"namegen.cli.{name}"), name)
        if not isinstance(command, typer.Typer):
            single = typer.Typer(add_completion=False, rich_markup_mode=None)
            single.command(name)(command)
            command = single
        return cast("TyperCommand | TyperGroup", typer.main.get_command(command))

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


def build() -> TyperGroup:
    """Build the command with Typer."""
    if "_NAMEGEN_COMPLETE" in os.environ:  # a shell asks for completions
        from namegen.cli.completion import register_shells

        register_shells()
    command = cast("TyperGroup", typer.main.get_command(app))
    command.commands = cast("dict[str, Any]", _Commands())  # Typer only reads them
    return command

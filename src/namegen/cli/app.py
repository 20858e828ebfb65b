"""The command ``namegen`` and its subcommands."""

from __future__ import annotations

from typing import Annotated

import typer

from namegen.cli.categories import categories
from namegen.cli.download import download
from namegen.cli.models import models
from namegen.cli.plot import plot
from namegen.cli.sample import sample
from namegen.cli.train import train

app = typer.Typer(
    name="namegen",
    help="Invent names with a small recurrent network, trained on lists of names grouped by category.",
    epilog="Begin with: namegen train, then: namegen sample German ABC",
    invoke_without_command=True,
    rich_markup_mode=None,  # help and usage errors are plain text, and start at once
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from namegen import __version__

        typer.echo(f"namegen {__version__}")
        raise typer.Exit


@app.callback()
def namegen(
    context: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something goes wrong.")] = False,
) -> None:
    """Show the help where no command is given; :func:`namegen.cli.main` looks at ``--debug``, wherever it stands."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)


app.command()(download)
app.command()(train)
app.command()(sample)
app.command()(plot)
app.add_typer(models, name="models")
app.command()(categories)

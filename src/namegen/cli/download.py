"""``namegen download``: download a dataset of the catalogue."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from namegen.cli.options import complete_catalogue
from namegen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def download(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", autocompletion=complete_catalogue, help="Dataset: surnames or makemore."),
    ] = "surnames",
    *,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="PATH_OR_URL", help="Take the files from this folder, .zip or URL."),
    ] = None,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Accept files whose checksums differ.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="List the datasets and their state.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the dataset from the cache.")] = False,
) -> None:
    """Download a dataset of names and verify its checksums."""
    from namegen.cli.terminal import print_note
    from namegen.datasets.catalogue import get_entry
    from namegen.datasets.download import download, remove_downloaded

    if list_:
        _print_catalogue()
        return
    get_entry(name)
    if remove:
        if source is not None:
            raise UsageError("--remove and --from cannot be combined; use one of them")
        print_note(f"Removed {name}." if remove_downloaded(name) else f"{name} is not downloaded.")
        return
    with _progress_bar(name) as report:
        dataset = download(name, source=source, verify=not no_verify, report=report, notice=print_note)
    state = "verified" if dataset.verified else "not verified, as its files differ from the catalogue"
    already = "" if dataset.new else "already "
    print_note(f"{name} is {already}downloaded ({state}): {dataset.path}", whole=[str(dataset.path)])
    if dataset.new:
        following = f"namegen train{'' if name == 'surnames' else f' --data {name} --model {name}'}"
        print_note(f"Next: {following}", whole=[following])


def _print_catalogue() -> None:
    from namegen.cli.terminal import print_table
    from namegen.datasets.catalogue import CATALOGUE
    from namegen.datasets.download import find_downloaded

    rows = []
    for entry in CATALOGUE.values():
        dataset = find_downloaded(entry.name)
        here = "-" if dataset is None else "verified" if dataset.verified else "not verified"
        rows.append((entry.name, here, f"{entry.size / 1e6:.1f} MB", entry.about, entry.origin))
    columns = ("name", "here", "size", "about", "origin")
    print_table(columns, rows, right=("size",), else_see="them in a wider terminal or a pipe")


@contextlib.contextmanager
def _progress_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar of the bytes received, if stderr is a terminal."""
    from namegen.cli.terminal import is_live_terminal

    if not is_live_terminal():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    with Progress(
        "[progress.description]{task.description}",
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task(name, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)

"""The rows of benchmarks/suite.py about the time that commands take to start."""

from __future__ import annotations

import statistics
import sys

from harness import BIN, Bench, Row, in_turn, ratio


def starting(bench: Bench) -> list[Row]:
    """Measure start-up times."""
    ours, faker, help_, python = in_turn(
        25,
        lambda: bench.namegen("sample", "German", "ABC").seconds,
        lambda: bench.run(BIN / "faker", "last_name", quiet=True).seconds,
        lambda: bench.namegen("--help").seconds,
        lambda: bench.run(sys.executable, "-c", "pass").seconds,
    )
    what = "Time of `namegen sample German ABC` relative to `faker last_name`"
    return [
        Row("start and sample three names", what, "s", ours, faker, ratio(ours, faker), 1.15, at_most=True),
        longer("show --help", "`namegen --help`", help_, python),
    ]


def completing(bench: Bench) -> list[Row]:
    """Measure the answer to a TAB, with the default cache folder."""
    home = ("env", "-u", "NAMEGEN_CACHE_DIR", f"XDG_CACHE_HOME={bench.folder / 'home'}")
    asked = (*home, "_NAMEGEN_COMPLETE=complete_fish")
    of_pip = (*home, "PIP_AUTO_COMPLETE=1", "COMP_CWORD=2", "COMP_WORDS=pip show f", BIN / "pip")
    commands, python, categories, packages = in_turn(
        25,
        lambda: bench.run(*asked, "_TYPER_COMPLETE_ARGS=namegen s", BIN / "namegen").seconds,
        lambda: bench.run(sys.executable, "-c", "pass").seconds,
        lambda: bench.run(*asked, "_TYPER_COMPLETE_ARGS=namegen sample G", BIN / "namegen").seconds,
        lambda: bench.run("sh", "-c", '"$@" || [ $? = 1 ]', "sh", *of_pip).seconds,  # pip's exit code here is 1
    )
    what = (
        "Time of completing a category (TAB after `namegen sample G`) relative to pip completing a package "
        "(`pip show f`)"
    )
    beside_pip = ratio(categories, packages)
    return [
        longer("complete a command", "completing a command (TAB after `namegen s`)", commands, python),
        Row("complete a category", what, "s", categories, packages, beside_pip, 0.5, at_most=True),
    ]


def longer(name: str, what: str, figures: list[float], python: list[float]) -> Row:
    """Return the row for the time that a command takes in addition to the start of Python."""
    more = statistics.median(figures) - statistics.median(python)
    return Row(
        name,
        f"Extra time of {what} compared with `python -c pass`, in seconds",
        "s",
        figures,
        python,
        more,
        0.2,
        at_most=True,
    )

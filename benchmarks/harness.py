"""Run commands and time them: what the rows of benchmarks/suite.py share."""

from __future__ import annotations

import compileall
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import namegen

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent


@dataclass
class Run:
    """A process that has ended."""

    seconds: float
    peak_mb: float
    out: str

    @property
    def figures(self) -> dict[str, float]:
        """The JSON that it printed."""
        return json.loads(self.out)


@dataclass
class Row:
    """One comparison.

    Attributes:
        name: a short name.
        what: the comparison in words.
        unit: the unit of the figures.
        ours: namegen's figures, one for each run.
        peer: the peer's figures.
        result: the figure that has the bound.
        bound: the bound.
        at_most: whether the bound is an upper one.
        notes: other measurements.
    """

    name: str
    what: str
    unit: str
    ours: list[float]
    peer: list[float]
    result: float
    bound: float
    at_most: bool = False
    notes: dict[str, object] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the result is within its bound."""
        return self.result <= self.bound if self.at_most else self.result >= self.bound


class Bench:
    """A folder with a cache for namegen and the names of the protocol, in which commands run.

    The modules of namegen are compiled first. pip does that when it installs a package, but not with ``--editable``.
    """

    def __init__(self, surnames: Path, folder: Path) -> None:
        compileall.compile_dir(Path(namegen.__file__).parent, quiet=1)
        self.surnames, self.folder = surnames, folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NAMEGEN_")}
        kept = {name: value for name, value in kept.items() if not name.endswith("_NUM_THREADS")}
        self.environment = kept | {"NAMEGEN_CACHE_DIR": str(folder / "cache")}
        self.script("protocol.py", surnames, folder)

    def run(self, *command: object, quiet: bool = False, out: IO[bytes] | None = None) -> Run:
        """Run a command to its end; ``quiet`` discards its output, which otherwise is read or goes to a file."""
        words = [str(word) for word in command]
        with tempfile.TemporaryFile() as read, tempfile.TemporaryFile() as errors:
            begin = time.perf_counter()
            process = subprocess.Popen(
                words, stdout=subprocess.DEVNULL if quiet else out or read, stderr=errors, env=self.environment
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                errors.seek(0)
                raise SystemExit(f"{' '.join(words)} failed:\n{errors.read().decode()}")
            read.seek(0)
            return Run(seconds, usage.ru_maxrss / 1024, read.read().decode())

    def namegen(self, *words: object, out: IO[bytes] | None = None) -> Run:
        """Run namegen, with its output in a file or discarded."""
        return self.run(BIN / "namegen", *words, quiet=out is None, out=out)

    def script(self, name: str, *words: object, quiet: bool = False) -> Run:
        """Run another script of this folder."""
        return self.run(sys.executable, HERE / name, *words, quiet=quiet)


def in_turn(times: int, *actions: Callable[[], float]) -> list[list[float]]:
    """Call functions in turn, several times, and return the results of each."""
    rounds = [[action() for action in actions] for _ in range(times)]
    return [list(figures) for figures in zip(*rounds, strict=True)]


def ratio(over: list[float], under: list[float]) -> float:
    """Return the ratio of two medians."""
    return statistics.median(over) / statistics.median(under)

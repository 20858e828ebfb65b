"""Compare the speed of namegen with alternatives; each row runs namegen and a peer in turn, in separate processes.

    python benchmarks/suite.py SURNAMES_FOLDER [--only ROW ...] [--output benchmarks/results.json]

prints a line for each row, with medians and the ratio, and writes all measurements, the machine and the versions to a
JSON file, from which benchmarks/report.py writes docs/benchmarks.md. It takes about half an hour. With --only, the
measured rows replace those in the file and get a date. All processes have the same environment, without any variables
that set the number of threads.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
QUICK_ITERATIONS = 5_000  # enough to reach the tutorial's loss; chosen on the validation names
ITERATIONS = 100_000
QUICK, FULL = f"namegen after {QUICK_ITERATIONS:,} iterations", f"namegen after {ITERATIONS:,} iterations"
LOOP_ITERATIONS = 3_000
TUTORIAL_LOSSES = 2.20, 2.30  # macro and micro


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
    """A folder with a cache for namegen and the names of the protocol, in which commands run."""

    def __init__(self, surnames: Path, folder: Path) -> None:
        self.surnames, self.folder = surnames, folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NAMEGEN_")}
        kept = {name: value for name, value in kept.items() if not name.endswith("_NUM_THREADS")}
        self.environment = kept | {"NAMEGEN_CACHE_DIR": str(folder / "cache")}
        self.script("protocol.py", surnames, folder)

    def run(self, *command: object, quiet: bool = False) -> Run:
        """Run a command to its end; ``quiet`` discards its output."""
        words = [str(word) for word in command]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            begin = time.perf_counter()
            process = subprocess.Popen(
                words, stdout=subprocess.DEVNULL if quiet else out, stderr=errors, env=self.environment
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                errors.seek(0)
                raise SystemExit(f"{' '.join(words)} failed:\n{errors.read().decode()}")
            out.seek(0)
            return Run(seconds, usage.ru_maxrss / 1024, out.read().decode())

    def namegen(self, *words: object) -> Run:
        """Run namegen and discard its output."""
        return self.run(BIN / "namegen", *words, quiet=True)

    def train_default(self) -> None:
        """Train the default model unless it exists."""
        if not (self.folder / "cache" / "models" / "default.safetensors").exists():
            self.namegen("train", "--data", self.surnames)

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


def quality(bench: Bench) -> list[Row]:
    """Measure the time to the tutorial's quality, and the default run."""
    training, test = bench.folder / "training", bench.folder / "test"
    tutorial = bench.script("training.py", training, "--recipe", "tutorial", "--score", test).figures
    quick_runs: list[dict[str, float]] = []
    full_runs: list[dict[str, float]] = []
    loop_outside: list[float] = []

    def loop() -> float:
        run = bench.script("tutorial_loop.py", "train", training, "--iterations", LOOP_ITERATIONS)
        loop_outside.append(run.seconds - run.figures["seconds"])
        return run.figures["seconds"] * ITERATIONS / LOOP_ITERATIONS

    def quick() -> float:
        seed = len(quick_runs) + 1
        words = ("--iterations", QUICK_ITERATIONS, "--seed", seed, "--score", test)
        quick_runs.append(bench.script("training.py", training, *words).figures)
        return quick_runs[-1]["train_seconds"]

    def quick_process() -> float:
        words = ("--iters", QUICK_ITERATIONS, "--seed", len(quick_runs))
        return bench.namegen("train", "--data", training, *words, "--output", bench.folder / "quick").seconds

    def full() -> float:
        seed = len(full_runs) + 1
        full_runs.append(bench.script("training.py", training, "--seed", seed, "--score", test).figures)
        return full_runs[-1]["train_seconds"]

    loops, quicks, processes, fulls = in_turn(3, loop, quick, quick_process, full)
    whole_loops = [outside + inside for outside, inside in zip(loop_outside, loops, strict=True)]
    losses: dict[str, object] = {
        f"test loss ({kind}) of {whose}": statistics.mean(run[kind] for run in runs)
        for whose, runs in (("the tutorial recipe", [tutorial]), (QUICK, quick_runs), (FULL, full_runs))
        for kind in ("macro", "micro")
    }
    losses |= {
        f"test loss ({kind}) of {FULL}, by seed": [run[kind] for run in full_runs] for kind in ("macro", "micro")
    }
    reached = all(statistics.mean(run[kind] for run in quick_runs) <= tutorial[kind] for kind in ("macro", "micro"))
    good = all(
        statistics.mean(run[kind] for run in full_runs) <= bound for kind, bound in (("macro", 1.84), ("micro", 1.79))
    )
    return [
        Row(
            "reach the tutorial's loss",
            f"Speed of reaching the tutorial's test loss relative to the tutorial's loop: {QUICK_ITERATIONS:,} "
            f"iterations of namegen, {ITERATIONS:,} of the loop (extrapolated from {LOOP_ITERATIONS:,})",
            "s",
            quicks,
            loops,
            ratio(loops, quicks) if reached else 0.0,
            80,
            notes=losses,
        ),
        Row(
            "reach the tutorial's loss as a process",
            "The same for whole processes, including `import torch`",
            "s",
            processes,
            whole_loops,
            ratio(whole_loops, processes) if reached else 0.0,
            30,
        ),
        Row(
            "train for 100,000 iterations",
            f"Speed of training for {ITERATIONS:,} iterations relative to the tutorial's loop, with a test loss of "
            "at most 1.84 (macro) and 1.79 (micro)",
            "s",
            fulls,
            loops,
            ratio(loops, fulls) if good else 0.0,
            5,
        ),
    ]


def instant(bench: Bench) -> list[Row]:
    """Measure the time to train an n-gram that is better than the tutorial's network."""
    training, test, model = (bench.folder / name for name in ("training", "test", "instant"))
    words = ("train", "--data", training, "--recipe", "instant", "--output", model)
    seconds, python = in_turn(
        9, lambda: bench.namegen(*words).seconds, lambda: bench.run(sys.executable, "-c", "pass").seconds
    )
    score = bench.run(BIN / "namegen", "evaluate", model, "--data", test, "--all", "-n", 0, "--format", "json").figures
    losses: dict[str, object] = {f"test loss ({kind}) of --recipe instant": score[kind] for kind in ("macro", "micro")}
    good = score["macro"] <= TUTORIAL_LOSSES[0] and score["micro"] <= TUTORIAL_LOSSES[1]
    what = (
        "Time of `namegen train --recipe instant`, in seconds, with a test loss below the tutorial's (2.20 macro, 2.30 "
        "micro); the whole process compared with `python -c pass`"
    )
    result = statistics.median(seconds) if good else math.inf
    return [Row("train with --recipe instant", what, "s", seconds, python, result, 0.6, at_most=True, notes=losses)]


def tutorial_recipe(bench: Bench) -> list[Row]:
    """Measure iterations per second of the tutorial recipe."""

    def recipe() -> float:
        words = ("--recipe", "tutorial", "--iterations", 10 * LOOP_ITERATIONS)
        return bench.script("training.py", bench.surnames, *words).figures["names_per_second"]

    def loop() -> float:
        words = ("train", bench.surnames, "--iterations", LOOP_ITERATIONS)
        return LOOP_ITERATIONS / bench.script("tutorial_loop.py", *words).figures["seconds"]

    ours, peer = in_turn(5, recipe, loop)
    what = "Speed of training with `--recipe tutorial` relative to the tutorial's loop; both do the same computation"
    return [Row("train with --recipe tutorial", what, "iterations/s", ours, peer, ratio(ours, peer), 8)]


def sampling(bench: Bench) -> list[Row]:
    """Measure the speed of sampling many names."""
    bench.train_default()
    bench.namegen("train", "--data", bench.surnames, "--recipe", "tutorial", "--model", "tutorial")
    tutorial = bench.folder / "cache" / "models" / "tutorial.safetensors"
    german = bench.surnames / "German.txt"

    def tutorial_rate() -> float:
        run = bench.script("tutorial_loop.py", "sample", tutorial, "German").figures
        return run["names"] / run["seconds"]

    hot, sampler, chain = in_turn(
        3,
        lambda: (
            200_000
            / bench.namegen(
                "sample", "German", "-n", 200_000, "-t", 1, "--top-p", 1, "--guidance", 0, "--floor", 0
            ).seconds
        ),
        tutorial_rate,
        lambda: 200_000 / bench.script("namemaker_names.py", german, 200_000, quiet=True).seconds,
    )
    cool, fastest = in_turn(
        7,
        lambda: 1_000_000 / bench.namegen("sample", "German", "-n", 1_000_000).seconds,
        lambda: 1_000_000 / bench.script("namemaker_names.py", german, 1_000_000, "--fastest", quiet=True).seconds,
    )
    arithmetic = bench.script("arithmetic.py", "German", 1_000_000).figures
    return [
        Row(
            "sample names against the tutorial",
            "Speed of sampling 200,000 German names at temperature 1, start-up included, relative to the tutorial's "
            "sampler, start-up excluded",
            "names/s",
            hot,
            sampler,
            ratio(hot, sampler),
            25,
        ),
        Row(
            "sample names against namemaker",
            "The same relative to namemaker with its defaults, which exclude repeats",
            "names/s",
            hot,
            chain,
            ratio(hot, chain),
            2,
        ),
        Row(
            "sample names against fastest namemaker",
            "Speed of sampling 1,000,000 German names at the default temperature relative to namemaker at its fastest, "
            "start-up included",
            "names/s",
            cool,
            fastest,
            ratio(cool, fastest),
            0.5,
            notes=arithmetic,
        ),
    ]


def starting(bench: Bench) -> list[Row]:
    """Measure start-up times."""
    bench.train_default()
    ours, faker, help_, python = in_turn(
        25,
        lambda: bench.namegen("sample", "German", "ABC").seconds,
        lambda: bench.run(BIN / "faker", "last_name", quiet=True).seconds,
        lambda: bench.namegen("--help").seconds,
        lambda: bench.run(sys.executable, "-c", "pass").seconds,
    )
    what = "Time of `namegen sample German ABC` relative to `faker last_name`"
    return [
        Row("start and sample three names", what, "s", ours, faker, ratio(ours, faker), 1.5, at_most=True),
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


def memory(bench: Bench) -> list[Row]:
    """Measure the memory of sampling many names."""
    bench.train_default()
    many, few = in_turn(
        2,
        lambda: bench.namegen("sample", "German", "-n", 10_000_000).peak_mb,
        lambda: bench.namegen("sample", "German", "-n", 10_000).peak_mb,
    )
    more = statistics.median(many) - statistics.median(few)
    what = "Extra peak memory of sampling 10,000,000 names compared with 10,000, in MB"
    return [Row("memory to sample 10,000,000 names", what, "MB", many, few, more, 100, at_most=True)]


def growing(bench: Bench) -> list[Row]:
    """Measure training on many names."""
    for name, count in (("many", 5_000_000), ("few", 20_000)):
        bench.script("synthetic.py", bench.folder / name, count)
    loads: list[dict[str, float]] = []

    def rate(name: str) -> float:
        figures = bench.script("training.py", bench.folder / name, "--iterations", 100_000).figures
        if name == "many":
            loads.append(figures)
        return figures["names_per_second"]

    many, few = in_turn(3, lambda: rate("many"), lambda: rate("few"))
    rows = [
        Row(
            "train on 5,000,000 names",
            "Speed of training on 5,000,000 names relative to training on 20,000",
            "names/s",
            many,
            few,
            ratio(many, few),
            0.9,
        )
    ]
    for name, what, key, unit, bound in (
        ("read 5,000,000 names", "Time to read 5,000,000 names, in seconds", "load_seconds", "s", 60),
        (
            "memory to train on 5,000,000 names",
            "Peak memory of reading 5,000,000 names and training on them, in MB",
            "peak_mb",
            "MB",
            1500,
        ),
    ):
        figures = [load[key] for load in loads]
        rows.append(Row(name, what, unit, figures, [], statistics.median(figures), bound, at_most=True))
    return rows


ROWS = (quality, instant, tutorial_recipe, sampling, starting, completing, memory, growing)


def machine() -> dict[str, object]:
    """Return the date, machine and versions of the measurement."""
    versions = {name: importlib.metadata.version(name) for name in ("torch", "numpy", "typer", "Faker", "namemaker")}
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "date": dt.datetime.now(dt.timezone.utc).date().isoformat(),
        "processor": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {"namegen": importlib.metadata.version("namegen-rnn"), **versions},
    }


def main() -> None:
    """Run the rows and write the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("surnames", type=Path)
    parser.add_argument("--only", nargs="*", choices=[row.__name__ for row in ROWS])
    parser.add_argument("--output", type=Path, default=HERE / "results.json")
    given = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(given.surnames, Path(folder))
        for measure in ROWS:
            if given.only and measure.__name__ not in given.only:
                continue
            for row in measure(bench):
                rows.append(row)
                medians = [f"{statistics.median(figures):,.4g}" for figures in (row.ours, row.peer) if figures]
                verdict = "holds" if row.holds else "MISSED"
                print(
                    f"{row.name:38} {' against '.join(medians)} {row.unit}: {row.result:.3g} "
                    f"(at {'most' if row.at_most else 'least'} {row.bound:g}) {verdict}",
                    flush=True,
                )
    measured = {"machine": machine(), "rows": [asdict(row) | {"holds": row.holds} for row in rows]}
    results = measured
    if given.only and given.output.exists():
        results = merged(json.loads(given.output.read_text(encoding="utf-8")), measured)
    given.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def merged(results: dict[str, Any], some: dict[str, Any]) -> dict[str, Any]:
    """Return results with new rows instead of the old ones, all at the first old row, else at the end."""
    new = [row | {"date": some["machine"]["date"]} for row in some["rows"]]
    names = [row["name"] for row in new]
    place = next((i for i, row in enumerate(results["rows"]) if row["name"] in names), len(results["rows"]))
    kept = [row for row in results["rows"] if row["name"] not in names]
    return results | {"rows": [*kept[:place], *new, *kept[place:]]}


if __name__ == "__main__":
    main()

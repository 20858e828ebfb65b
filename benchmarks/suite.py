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
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness import BIN, HERE, Bench, Row, in_turn, ratio
from sampling_rows import jobs, memory, sampling
from starting_rows import completing, starting

QUICK_ITERATIONS = 5_000  # enough to reach the tutorial's loss; chosen on the validation names
ITERATIONS = 100_000
QUICK, FULL = f"namegen after {QUICK_ITERATIONS:,} iterations", f"namegen after {ITERATIONS:,} iterations"
LOOP_ITERATIONS = 3_000
TUTORIAL_LOSSES = 2.20, 2.30  # macro and micro


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
            8,
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


ROWS = (quality, instant, tutorial_recipe, sampling, jobs, starting, completing, memory, growing)


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

"""Compare training with two processes to training with one process.

    python benchmarks/processes.py [--rounds 5] [--table]

trains networks of several sizes on the starter names, without validation, for a few steps each: with one thread, with
two threads, and with two processes of one thread, in turn. It writes the measurements to benchmarks/processes.json and
a table of them to docs/many-machines.md; with `--table`, it only writes the table. It takes a quarter of an hour and
needs two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from suite import machine, ratio

HERE = Path(__file__).parent
RESULTS = HERE / "processes.json"
PAGE = HERE.parent / "docs" / "many-machines.md"
BEGIN, END = "<!-- made by benchmarks/processes.py -->\n", "<!-- until here -->\n"
STARTER = HERE.parent / "src" / "namegen" / "data" / "starter"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2)
WAYS: dict[str, tuple[tuple[object, ...], int]] = {
    "one thread": ((), 1),
    "two threads": ((), 2),
    "two processes": (TORCHRUN, 1),
}
SIZES = ((192, 64, 300), (192, 1024, 40), (192, 8192, 10), (512, 512, 20), (1024, 512, 10))  # units, names, steps


def train(*before: object, threads: int, hidden: int, batch: int, steps: int) -> dict[str, float]:
    """Train in one or several processes, and return the figures that the first one prints."""
    words = ["training.py", STARTER, "--validation", 0, "--hidden-size", hidden, "--batch-size", batch]
    words += ["--iterations", batch * (steps + 1), "--threads", threads]
    done = subprocess.run(
        [sys.executable, *map(str, [*before, *words])],
        cwd=HERE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def measure(rounds: int) -> dict[str, Any]:
    """Measure every size."""
    rows, loads = [], [os.getloadavg()[0]]
    for hidden, batch, steps in SIZES:
        row: dict[str, Any] = {"hidden": hidden, "batch": batch, **{way: [] for way in WAYS}}
        work: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way, (before, threads) in WAYS.items():
                figures = train(*before, threads=threads, hidden=hidden, batch=batch, steps=steps)
                row[way].append(figures["names_per_second"])
                work[way].append(figures["processor_seconds"])
        row["work"] = 2 * ratio(work["two processes"], work["one thread"])
        loads.append(os.getloadavg()[0])
        rows.append(row)
        print(row_of_table(row), flush=True)
    return {"machine": machine(), "rows": rows, "load": [min(loads), max(loads)]}


def row_of_table(row: dict[str, Any]) -> str:
    """Return a row of the table."""
    one, threads, processes = (row[way] for way in WAYS)
    cells = [
        f"{row['hidden']:,}",
        f"{row['batch']:,}",
        *(f"{statistics.median(figures):,.0f}" for figures in (one, threads, processes)),
        f"{ratio(processes, one):.2f}",
        f"{ratio(threads, one):.2f}",
        f"{row['work']:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def table(results: dict[str, Any]) -> str:
    """Return the table, followed by the conditions of the measurement."""
    about = results["machine"]
    low, high = results["load"]
    runs = len(results["rows"][0]["one thread"])
    columns = ("hidden units", "names per batch", "one thread", "two threads", "two processes")
    columns += ("two processes / one thread", "two threads / one thread", "processor time")
    lines = [
        f"| {' | '.join(columns)} |",
        f"|{' --- |' * len(columns)}",
        *map(row_of_table, results["rows"]),
        "",
        f"Speeds are medians of {runs} rounds. Each round ran one thread, two threads and two processes in turn.",
        "*Processor time* is the processor time of both processes together, divided by the processor time of one",
        "process with one thread.",
        f"Measured on {about['date']} on an {about['processor']} with {about['cores']}",
        f"cores that other programs also used (load {low:.1f} to {high:.1f}), with Python {about['python']}, torch",
        f"{about['versions']['torch']}, and gloo over the loopback interface.",
    ]
    return "".join(f"{line}\n" for line in lines)


def page(text: str, results: dict[str, Any]) -> str:
    """Return the page with its table replaced."""
    return re.sub(f"(?<={re.escape(BEGIN)}).*(?={re.escape(END)})", lambda _: table(results), text, flags=re.DOTALL)


def main() -> None:
    """Measure unless only the table is wanted, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if not given.table:
        RESULTS.write_text(json.dumps(measure(given.rounds), indent=1) + "\n", encoding="utf-8")
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Measure the cost and the loss of a training, and print them as JSON for benchmarks/suite.py.

    python benchmarks/training.py FOLDER [--recipe default] [--iterations 100000] [--seed 1] [--score FOLDER]
        [--hidden-size H] [--batch-size B] [--validation SHARE] [--threads T]

reads the names and trains with checkpoints, as the command does. It prints the seconds of both, names per second and
processor time after the first report, and the peak memory; with `--score`, also the loss on other names. Under
torchrun, the first process prints its own figures.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import torch  # noqa: F401 - imported here, so that its import is not in the training time

import namegen
from namegen.evaluation.likelihood import likelihood
from namegen.training.distributed import ProcessGroup, joined


def main() -> None:
    """Train and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--iterations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--score")
    parser.add_argument("--hidden-size", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--validation", type=float)
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    with joined() as group:
        figures = measure(given, group)
    if group.is_rank_zero:
        print(json.dumps(figures))


def measure(given: argparse.Namespace, group: ProcessGroup) -> dict[str, float]:
    """Train and return the figures."""
    parts = {name: getattr(given, name) for name in ("hidden_size", "batch_size", "validation")}
    parts = {name: value for name, value in parts.items() if value is not None}
    config = namegen.training_config(given.recipe, iterations=given.iterations, seed=given.seed, **parts)
    begin = time.perf_counter()
    dataset = namegen.load_dataset(given.data, keep_repeats=config.keep_repeats)
    loaded = time.perf_counter()
    reports: list[tuple[float, float, int]] = []
    with tempfile.TemporaryDirectory() as folder:
        model = namegen.train(
            dataset,
            config,
            checkpoint=Path(folder, "checkpoint"),
            report=lambda progress: reports.append((time.perf_counter(), time.process_time(), progress.iteration)),
            threads=given.threads,
            group=group,
        )
    (first_time, first_work, first), (last_time, last_work, last) = reports[0], reports[-1]
    figures = {
        "load_seconds": loaded - begin,
        "train_seconds": time.perf_counter() - loaded,
        "names_per_second": (last - first) / (last_time - first_time),
        "processor_seconds": last_work - first_work,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    if given.score:
        score = likelihood(model, namegen.load_dataset(given.score))
        figures |= {"macro": score.macro, "micro": score.micro}
    return figures


if __name__ == "__main__":
    main()

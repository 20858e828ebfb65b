"""What a training costs and what it reaches, as JSON: a measurement for benchmarks/suite.py.

    python benchmarks/training.py FOLDER [--recipe default] [--iterations 100000] [--seed 1] [--score FOLDER]

reads the names, trains with the product's own function, keeping checkpoints as the command does, and prints the seconds
of each, the names learned a second once it runs, and the peak memory; with `--score`, also the loss on other names.
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
from namegen.evaluation import likelihood


def main() -> None:
    """Train and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--iterations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--score")
    given = parser.parse_args()
    config = namegen.training_config(given.recipe, iterations=given.iterations, seed=given.seed)
    begin = time.perf_counter()
    dataset = namegen.load_dataset(given.data, keep_repeats=config.keep_repeats)
    loaded = time.perf_counter()
    reports: list[tuple[float, int]] = []
    with tempfile.TemporaryDirectory() as folder:
        model = namegen.train(
            dataset,
            config,
            checkpoint=Path(folder, "checkpoint"),
            report=lambda progress: reports.append((time.perf_counter(), progress.iteration)),
        )
    (first_time, first), (last_time, last) = reports[0], reports[-1]
    figures = {
        "load_seconds": loaded - begin,
        "train_seconds": time.perf_counter() - loaded,
        "names_per_second": (last - first) / (last_time - first_time),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    if given.score:
        score = likelihood(model, namegen.load_dataset(given.score))
        figures |= {"macro": score.macro, "micro": score.micro}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

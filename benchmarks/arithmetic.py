"""Compare the sampler's speed with the machine's arithmetic limit, and print it as JSON for benchmarks/suite.py.

    python benchmarks/arithmetic.py CATEGORY COUNT

counts the multiplications and additions of a GRU's matrix products during sampling, and times matrix products of the
same shapes alone. Both use one thread.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as the command does

import argparse
import json
import time
from typing import TYPE_CHECKING

import numpy as np

import namegen
from namegen.models.inference import Stepper, build_steppers
from namegen.sampling import generate as sampling
from namegen.sampling import rejection as sampler

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("category")
    parser.add_argument("count", type=int)
    given = parser.parse_args()
    model = namegen.load_model("pretrained")
    hidden, outputs = model.training.hidden_size, len(model.alphabet) + 1
    rows = states = 0

    class Counting:
        """A network that counts its inputs."""

        def __init__(self, network: Stepper) -> None:
            self._network = network
            self.start = self._network.start

        def step(self, letters: np.ndarray, before: np.ndarray, parents: np.ndarray | None = None) -> object:
            nonlocal rows, states
            rows, states = rows + len(letters), states + len(before)
            return self._network.step(letters, before, parents)

    prepared = build_steppers(model)
    sampler.build_steppers = lambda _: lambda category: Counting(prepared(category))
    begin = time.perf_counter()
    for _ in sampling.blocks(model, given.category, count=given.count, seed=1):
        pass
    seconds = time.perf_counter() - begin
    flop = 2 * hidden * (3 * hidden * states + outputs * rows)

    states_at_once, weights = np.ones((1024, hidden), np.float32), np.ones((hidden, hidden), np.float32)
    best = min(_time(lambda: states_at_once @ weights) for _ in range(200))
    limit = 2 * 1024 * hidden**2 / best
    figures = {
        "steps of the network per sampled name": rows / given.count,
        "products with the recurrent weights per sampled name": states / given.count,
        "speed of sampling, in GFLOP/s": flop / seconds / 1e9,
        "speed of matrix products alone, in GFLOP/s": limit / 1e9,
        "speed of sampling relative to matrix products alone": flop / seconds / limit,
    }
    print(json.dumps(figures))


def _time(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()

"""Measure the held-out loss of a recipe, by the protocol of docs/quality.md.

    python benchmarks/quality.py SURNAMES_FOLDER [--validation] [--seeds 3] [--set hidden_size=256 ...]

splits the names by hash, trains on one part, and scores the other once for each seed. With ``--validation``, to choose
settings, it trains on the first eight tenths and scores the ninth. Without, it trains on nine tenths and scores the
last, the test names.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import time

import namegen
from namegen.evaluation.likelihood import likelihood
from protocol import parts


def main() -> None:
    """Train and score, and print a line for each seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--validation", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    settings = {name: ast.literal_eval(value) for name, value in (part.split("=") for part in given.set)}

    config = namegen.training_config(given.recipe, **settings)
    dataset = namegen.load_dataset(given.data)
    training, held_out = parts(dataset, validation=given.validation)
    if config.keep_repeats:
        repeated = namegen.load_dataset(given.data, keep_repeats=True)
        training, _ = parts(repeated, validation=given.validation)
    print(f"{len(training):,} names to train on, {len(held_out):,} to score; {settings}")
    macro, micro = [], []
    for seed in range(1, given.seeds + 1):
        begin = time.perf_counter()
        model = namegen.train(training, config, seed=seed, threads=given.threads)
        seconds = time.perf_counter() - begin
        score = likelihood(model, held_out)
        macro.append(score.macro)
        micro.append(score.micro)
        print(f"seed {seed}: macro {score.macro:.4f}, micro {score.micro:.4f}, {seconds:.1f} s", flush=True)
    print(f"mean: macro {statistics.mean(macro):.4f}, micro {statistics.mean(micro):.4f}")


if __name__ == "__main__":
    main()

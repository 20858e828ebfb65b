"""The rows of benchmarks/suite.py about sampling, with the included models."""

from __future__ import annotations

import hashlib
import statistics
from pathlib import Path

from harness import Bench, Row, in_turn, ratio

SAMPLE = ("sample", "German", "--model", "pretrained", "--jobs", 1)


def sampling(bench: Bench) -> list[Row]:
    """Measure the speed of sampling many names in one process."""
    bench.namegen("train", "--data", bench.surnames, "--recipe", "tutorial", "--model", "tutorial")
    instant = bench.folder / "cache" / "models" / "instant.safetensors"
    bench.namegen("train", "--data", bench.surnames, "--recipe", "instant", "--output", instant)
    tutorial = bench.folder / "cache" / "models" / "tutorial.safetensors"
    german = bench.surnames / "German.txt"

    def ours(count: int, *options: object) -> float:
        return count / bench.namegen(*SAMPLE, "-n", count, *options).seconds

    def chain(count: int, *options: object) -> float:
        return count / bench.script("namemaker_names.py", german, count, *options, quiet=True).seconds

    def tutorial_rate() -> float:
        run = bench.script("tutorial_loop.py", "sample", tutorial, "German").figures
        return run["names"] / run["seconds"]

    pure = ("-t", 1, "--top-p", 1, "--guidance", 0, "--floor", 0)
    hot, sampler, default_chain, free_chain = in_turn(
        5,
        lambda: ours(200_000, *pure),
        tutorial_rate,
        lambda: chain(20_000),
        lambda: chain(200_000, "--no-history"),
    )
    cool, quick, fastest = in_turn(
        7,
        lambda: ours(1_000_000),
        lambda: ours(1_000_000, "--model", instant),
        lambda: chain(1_000_000, "--fastest"),
    )
    temperature = "200,000 German names at temperature 1, without top-p, guidance and floor"
    fast = "1,000,000 German names"
    return [
        Row(
            "sample against fastest namemaker",
            f"Speed of sampling {fast} at the defaults, the plausibility floor included, relative to namemaker at its "
            "fastest",
            "names/s",
            cool,
            fastest,
            ratio(cool, fastest),
            1.2,
            notes=bench.script("arithmetic.py", "German", 1_000_000).figures,
        ),
        Row(
            "sample at temperature 1 against namemaker",
            f"Speed of sampling {temperature}, relative to namemaker without its history",
            "names/s",
            hot,
            free_chain,
            ratio(hot, free_chain),
            1.2,
        ),
        Row(
            "sample with --recipe instant",
            f"Speed of sampling {fast} from a model of `--recipe instant`, relative to namemaker at its fastest",
            "names/s",
            quick,
            fastest,
            ratio(quick, fastest),
            4,
        ),
        Row(
            "sample against namemaker's defaults",
            f"Speed of sampling {temperature}, relative to namemaker with its defaults (20,000 names)",
            "names/s",
            hot,
            default_chain,
            ratio(hot, default_chain),
            2,
        ),
        Row(
            "sample against the tutorial",
            f"Speed of sampling {temperature}, relative to the tutorial's sampler, without its start-up",
            "names/s",
            hot,
            sampler,
            ratio(hot, sampler),
            25,
        ),
    ]


def jobs(bench: Bench) -> list[Row]:
    """Measure sampling in two processes, whose output must be that of one."""
    names = 4_000_000
    outputs: set[str] = set()

    def rate(count: int) -> float:
        file = bench.folder / "names.txt"
        words = ("sample", "German", "--model", "pretrained", "-n", names, "--seed", 1, "--jobs", count)
        with file.open("wb") as out:
            seconds = bench.namegen(*words, out=out).seconds
        with file.open("rb") as written:
            outputs.add(hashlib.file_digest(written, "sha256").hexdigest())
        return names / seconds

    two, one = in_turn(3, lambda: rate(2), lambda: rate(1))
    rows = Path(bench.folder, "people.csv")

    def people(count: int) -> float:
        with rows.open("wb") as out:
            return bench.namegen("people", "-n", 1_000_000, "--format", "csv", "--jobs", count, out=out).seconds

    both, alone = in_turn(3, lambda: people(2), lambda: people(1))
    return [
        Row(
            "sample with --jobs 2",
            "Speed of sampling 4,000,000 German names with `--jobs 2` relative to `--jobs 1`, with the same output",
            "names/s",
            two,
            one,
            ratio(two, one) if len(outputs) == 1 else 0.0,
            1.7,
        ),
        Row(
            "1,000,000 people as CSV",
            "Time of `namegen people -n 1000000 --format csv --jobs 2`, in seconds; beside it, with `--jobs 1`",
            "s",
            both,
            alone,
            statistics.median(both),
            10,
            at_most=True,
        ),
    ]


def memory(bench: Bench) -> list[Row]:
    """Measure the memory of sampling many names."""
    many, few = in_turn(
        2,
        lambda: bench.namegen(*SAMPLE, "-n", 10_000_000).peak_mb,
        lambda: bench.namegen(*SAMPLE, "-n", 10_000).peak_mb,
    )
    more = statistics.median(many) - statistics.median(few)
    what = "Extra peak memory of sampling 10,000,000 names compared with 10,000, in MB"
    return [Row("memory to sample 10,000,000 names", what, "MB", many, few, more, 80, at_most=True)]

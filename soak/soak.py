"""Cause all faults again and again for some time, and print a table of what was lost.

    python soak/soak.py --minutes 30 --seed 1

The exit code is 1 if anything was lost, and standard error says what. All files are in one temporary folder, which is
removed at the end.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from typing import TYPE_CHECKING

import disks
import faults
from launching import Launcher
from sites import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SAMPLERS = 60  # seconds of eight samplers and a trainer in the first round; a sixth of it in later ones


def parts(launcher: Launcher, rng: random.Random, number: int) -> Iterator[Callable[[], Tally]]:
    """Yield the parts of a round. Kills come first; five minutes contain 200 of them."""
    for training, count in (("default", 80), ("small", 50), ("best", 30), ("tutorial", 25), ("fine-tuning", 20)):
        yield lambda training=training, count=count: faults.kills(launcher, rng, count=count, training=training)
    yield lambda: faults.kills(launcher, rng, count=4, new_interpreter=True)
    yield lambda: faults.samplers_and_trainer(launcher, seconds=_SAMPLERS if number == 0 else _SAMPLERS / 6)
    yield lambda: disks.full_disk(launcher)
    yield lambda: disks.file_too_large(launcher)
    yield lambda: disks.read_only_cache(launcher, mounted=True)
    yield lambda: disks.read_only_cache(launcher, mounted=False)
    yield lambda: disks.no_home_folder(launcher)
    yield lambda: faults.two_trainings(launcher)
    yield lambda: faults.divergence(launcher)
    yield lambda: faults.clock_and_sleep(launcher)
    yield lambda: faults.signals_while_saving(launcher)
    yield lambda: faults.signals_elsewhere(launcher, rng)
    for training in ("default", "best", "tutorial", "fine-tuning"):
        yield lambda training=training: faults.signals(launcher, rng, count=12, training=training)
    yield lambda: faults.signals_at_the_start(launcher, rng, count=6)


def soak(minutes: float, seed: int) -> dict[str, Tally]:
    """Cause every fault at least once, repeat until the time is over, and return the tally of each fault."""
    end, rng = time.monotonic() + 60 * minutes, random.Random(seed)
    tallies: dict[str, Tally] = {}
    impossible: set[str] = set()
    number = 0
    with Launcher() as launcher:
        while not number or time.monotonic() < end:
            for part in parts(launcher, rng, number):
                if number and time.monotonic() > end:
                    break
                try:
                    tally = part()
                except PermissionError as error:
                    impossible.add(str(error))
                    continue
                except TimeoutError as error:
                    tally = Tally("hung run", lost=[str(error)])
                tallies[tally.fault] = tallies.get(tally.fault, Tally(tally.fault)) + tally
                lost = f", LOST {len(tally.lost)}" if tally.lost else ""
                print(f"{tally.fault}: {tally.runs} runs, {tally.faults} faults{lost}", file=sys.stderr, flush=True)
                for what in tally.lost:
                    print(f"  {what}", file=sys.stderr, flush=True)
            number += 1
    for reason in sorted(impossible):
        print(f"Skipped: {reason}", file=sys.stderr)
    return tallies


def show(tallies: dict[str, Tally]) -> None:
    """Print the table in Markdown."""
    total = sum(tallies.values(), Tally("all"))
    total.fault = "all"
    print("| fault | runs | caused | lost |\n| --- | ---: | ---: | ---: |")
    for tally in (*tallies.values(), total):
        print(f"| {tally.fault} | {tally.runs:,} | {tally.faults:,} | {len(tally.lost)} |")


def main() -> int:
    """Run the soak test for the given time."""
    parser = argparse.ArgumentParser(description="Cause faults again and again, and check what is lost.")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long, but at least one round")
    parser.add_argument("--seed", type=int, default=None, help="the seed of the random moments; by default random")
    arguments = parser.parse_args()
    seed = random.randrange(2**32) if arguments.seed is None else arguments.seed
    print(
        f"Seed {seed}; {arguments.minutes:g} minutes, or one round if that takes longer.", file=sys.stderr, flush=True
    )
    tallies = soak(arguments.minutes, seed)
    show(tallies)
    return 1 if any(tally.lost for tally in tallies.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

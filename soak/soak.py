"""Cause every fault again and again until the time is over, and print one table of what was lost: nothing.

    python soak/soak.py --minutes 30 --seed 1

The exit code is 1 if anything was lost, and standard error says what. Whatever is made meanwhile lies in one temporary
folder, which goes at the end.
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

_SAMPLERS = 60  # seconds of eight samplers and a trainer in the first round; later ones have a sixth of it


def parts(launcher: Launcher, rng: random.Random, number: int) -> Iterator[Callable[[], Tally]]:
    """Go through what a round consists of, the kills first: in five minutes there are 200 of them."""
    for training, count in (("default", 80), ("small", 50), ("best", 30), ("tutorial", 25), ("fine-tuning", 20)):
        yield lambda training=training, count=count: faults.kills(launcher, rng, count=count, training=training)
    yield lambda: faults.kills(launcher, rng, count=4, afresh=True)
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
    """Cause every fault at least once, and then until the time is over; returns what came of each."""
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
                    tally = Tally("a run that hangs", lost=[str(error)])
                tallies[tally.fault] = tallies.get(tally.fault, Tally(tally.fault)) + tally
                lost = f", LOST {len(tally.lost)}" if tally.lost else ""
                print(f"{tally.fault}: {tally.runs} runs, {tally.faults} faults{lost}", file=sys.stderr, flush=True)
                for what in tally.lost:
                    print(f"  {what}", file=sys.stderr, flush=True)
            number += 1
    for reason in sorted(impossible):
        print(f"Not tried: {reason}", file=sys.stderr)
    return tallies


def show(tallies: dict[str, Tally]) -> None:
    """Print the table, in Markdown; what was lost has been told when it was."""
    total = sum(tallies.values(), Tally("all"))
    total.fault = "all"
    print("| fault | runs | caused | lost |\n| --- | ---: | ---: | ---: |")
    for tally in (*tallies.values(), total):
        print(f"| {tally.fault} | {tally.runs:,} | {tally.faults:,} | {len(tally.lost)} |")


def main() -> int:
    """Soak for as long as the command line says."""
    parser = argparse.ArgumentParser(description="Cause faults again and again, and see what is lost.")
    parser.add_argument("--minutes", type=float, default=5.0, help="for how long, but for one round at least")
    parser.add_argument(
        "--seed", type=int, default=None, help="where the moments come from; by default others each time"
    )
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

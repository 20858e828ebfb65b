"""Fuzz the readers of lists, tables and archives, guided by coverage: python fuzz/lists.py --minutes 10.

Needs atheris, from the extra ``fuzz``. Each finding is saved in ``fuzz/findings``, and ``python fuzz/lists.py FILE``
tries it again. Findings do not stop the fuzzer. If one ends the process (a hang, too much memory), it is counted, and
the fuzzer restarts with its corpus.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FINDINGS = Path(__file__).parent / "findings"

_MAX_MEMORY = 1024  # megabytes
_LONGEST_CASE = 30  # seconds, also on a busy machine
_FINDING = re.compile(r"(?:finding|ERROR: libFuzzer): (.*)")
_PROGRESS = re.compile(r"cov: \d+ ft: (\d+) corp: (\d+)")
_TRIED = re.compile(r"^(?:#|stat::number_of_executed_units:\s*)(\d+)")


def main() -> int:
    """Fuzz for some time, print the counts, and return 1 if there was a finding."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", help=argparse.SUPPRESS)  # for the processes that fuzz
    parser.add_argument("case", nargs="?", type=Path, help="try only this case")
    given = parser.parse_args()
    if given.case:
        return _try_again(given.case)
    if given.corpus:
        _fuzz(given.corpus, given.seed, round(given.minutes * 60))
    return _lead(given.seed, given.minutes * 60)


@dataclass
class _Tally:
    """The counts and findings of the fuzzing processes so far."""

    tried: int = 0
    paths: int = 0
    features: int = 0
    findings: set[str] = field(default_factory=set)

    def add(self, said: Iterable[str]) -> bool:
        """Add what a process prints until it ends, and return whether it tried any case."""
        before, tried = self.tried, 0
        for line in said:
            if found := _PROGRESS.search(line):
                self.features, self.paths = int(found[1]), int(found[2])
            if found := _TRIED.search(line):
                tried = int(found[1])
            if found := _FINDING.search(line):
                self.findings.add(found[1].strip())
            if found or (not tried and not line.startswith(("#", "INFO", "WARNING", "\t"))):
                sys.stderr.write(line)
            self.tried = before + tried
        return tried > 0


def _lead(seed: int, seconds: float) -> int:
    """Start processes that fuzz until the time is over, and print their total counts."""
    from list_mutations import seeds

    end, tally = time.monotonic() + seconds, _Tally()
    with tempfile.TemporaryDirectory() as corpus:
        for number, case in enumerate(seeds()):
            (Path(corpus) / f"seed-{number}").write_bytes(case)
        while (left := end - time.monotonic()) > 1:
            command = [sys.executable, __file__, "--corpus", corpus, "--seed", str(seed), "--minutes", str(left / 60)]
            with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process:
                if not tally.add(process.stderr or ()):
                    return 1
            seed += 1
    print(
        f"inputs tried: {tally.tried:,}; distinct paths: {tally.paths:,} (features: {tally.features:,}); "
        f"findings: {len(tally.findings):,}"
    )
    return 1 if tally.findings else 0


def _fuzz(corpus: str, seed: int, seconds: int) -> None:
    """Fuzz in this process; this does not return."""
    import atheris

    with atheris.instrument_imports(include=["namegen", "zipfile", "gzip", "openpyxl"]):
        import openpyxl  # noqa: F401 - to be instrumented

        import namegen.datasets.readers  # noqa: F401 - to be instrumented
    from list_mutations import check, mutate_case

    known: set[str] = set()
    folder = Path(tempfile.mkdtemp())

    def one(case: bytes) -> None:
        try:
            check(case, folder)
        except Exception as error:  # noqa: BLE001 - each is a finding
            place = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}: {error}"[:200]
            if said not in known:
                known.add(said)
                FINDINGS.mkdir(exist_ok=True)
                file = FINDINGS / f"lists-{hashlib.sha256(case).hexdigest()[:12]}"
                file.write_bytes(case)
                sys.stderr.write(f"finding: {said!r}, in {file.name}\n")

    def mutate(case: bytes, longest: int, seed: int) -> bytes:
        rng = random.Random(seed)
        changed = atheris.Mutate(case, longest) if rng.random() < 0.2 else mutate_case(case, rng)
        return changed[:longest]

    FINDINGS.mkdir(exist_ok=True)
    options = {
        "max_total_time": seconds,
        "seed": seed,
        "timeout": _LONGEST_CASE,
        "rss_limit_mb": _MAX_MEMORY,
        "max_len": 2**17,
        "print_final_stats": 1,
        "artifact_prefix": f"{FINDINGS}/lists-",
    }
    arguments = [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), corpus]
    atheris.Setup(arguments, one, custom_mutator=mutate)
    atheris.Fuzz()


def _try_again(file: Path) -> int:
    from list_mutations import check

    with tempfile.TemporaryDirectory() as folder:
        print(check(file.read_bytes(), Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

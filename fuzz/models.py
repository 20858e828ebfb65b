"""Fuzz the use of model files, guided by coverage: python fuzz/models.py --minutes 10.

Needs atheris, from the extra ``fuzz``. Files that break the promise of ``model_promise.py`` are saved in
``fuzz/findings`` with their tracebacks; ``python fuzz/models.py FILE`` tries one again. The last line has the counts,
and the exit code is 1 if there was a finding.

The fuzzer (atheris, libFuzzer) runs in one child process after another, with a common corpus. A child ends after some
thousand inputs, when its time is up, or when an input takes too long.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import NamedTuple

FOUND = Path(__file__).parent / "findings"
_MAX_SECONDS = 20  # for an input
_MAX_MEMORY = 2**30  # bytes, in addition to the libraries
_MAX_INPUTS = 6000  # for a child: the fuzzer keeps all mutated inputs in memory
_STARTING = 15  # seconds; with fewer left, no other child starts
_DRAWN = 64  # one of this many inputs has its loss history drawn


class Counts(NamedTuple):
    """The counts of a child.

    Attributes:
        tried: the number of inputs.
        paths: the number of inputs that took a new path through the code.
        features: libFuzzer's count of the features of these paths.
    """

    tried: int
    paths: int
    features: int


def main() -> int:
    """Fuzz for some time, print the counts, and return 1 if there was a finding."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("case", nargs="?", type=Path, help="try only this file")
    given = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    if given.child:
        fuzz(Path(given.child), given.seed, max(1, round(60 * given.minutes)))
    if given.case:
        return _try_again(given.case)
    FOUND.mkdir(parents=True, exist_ok=True)
    before = set(FOUND.iterdir())
    with tempfile.TemporaryDirectory() as corpus:
        counts = _children(Path(corpus), 60 * given.minutes, given.seed)
    found = {path for path in set(FOUND.iterdir()) - before if path.suffix != ".txt"}
    print(
        f"inputs tried: {counts.tried:,}; distinct paths: {counts.paths:,} (features: {counts.features:,}); "
        f"findings: {len(found):,}"
    )
    return 1 if found else 0


def _try_again(case: Path) -> int:
    """Print the outcome of a file."""
    from model_promise import keep_promise

    warnings.simplefilter("error")
    print("a model that works" if keep_promise(case.read_bytes(), draw=True) else "one clear error")
    return 0


def _children(corpus: Path, seconds: float, seed: int) -> Counts:
    """Run children one after another until the time is up."""
    end, counts = time.monotonic() + seconds, Counts(0, 0, 0)
    while (left := end - time.monotonic()) > _STARTING or not counts.tried:
        command = [sys.executable, __file__, "--child", str(corpus), "--seed", str(seed), "--minutes", str(left / 60)]
        log = []
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as child:
            for line in child.stderr or ():
                log.append(line)
                if not line.startswith("#"):
                    sys.stderr.write(line)
        now = _counts(log)
        counts = Counts(counts.tried + now.tried, max(counts.paths, now.paths), max(counts.features, now.features))
        if not now.tried:
            raise SystemExit("the fuzzer tried no input; see its output above")
        seed += 1
    return counts


def _counts(log: list[str]) -> Counts:
    """Parse libFuzzer's output: ``#1234 DONE cov: 5 ft: 6 corp: 7/89b``."""
    tried = paths = features = 0
    for line in log:
        if match := re.match(r"#(\d+)\s+\w+.*?ft: (\d+) corp: (\d+)", line):
            tried, features, paths = map(int, match.groups())
    return Counts(tried, paths, features)


def fuzz(corpus: Path, seed: int, seconds: int) -> None:
    """Fuzz in this process; this does not return."""
    import atheris

    sys.path.insert(0, str(Path(__file__).parent))
    with atheris.instrument_imports(include=["namegen"]):
        import model_promise
    import matplotlib.figure  # noqa: F401 - slow imports must not count as the time of an input
    import plotext  # noqa: F401

    import model_mutations

    files = model_mutations.real_files()
    if not any(corpus.iterdir()):
        for number, content in enumerate(files):
            (corpus / str(number)).write_bytes(content)
    _bound_memory()
    warnings.simplefilter("error")

    def try_one(content: bytes) -> None:
        try:
            model_promise.keep_promise(content, draw=hashlib.sha256(content).digest()[0] % _DRAWN == 0)
        except Exception as error:  # noqa: BLE001 - each is a finding
            _report(error, content)

    def mutate(content: bytes, most: int, number: int) -> bytes:
        return model_mutations.mutate(content, random.Random(number), files)[:most]

    options = {
        "max_total_time": seconds,
        "runs": _MAX_INPUTS,
        "timeout": _MAX_SECONDS,
        "max_len": 2**20,
        "seed": seed,
        "rss_limit_mb": 0,  # the process has its own limit
        "len_control": 0,
        "artifact_prefix": f"{FOUND}/models-",
    }
    given = [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(corpus)]
    atheris.Setup(given, try_one, custom_mutator=mutate)
    atheris.Fuzz()


def _bound_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + _MAX_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _report(error: Exception, content: bytes) -> None:
    """Save an input that broke the promise, unless there is one that broke it at the same place."""
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    where = [frame for frame in frames if "namegen" in frame[0]] or frames
    name = "models-" + hashlib.sha256(repr((type(error).__name__, where[-1])).encode()).hexdigest()[:12]
    if not (FOUND / name).exists():
        (FOUND / name).write_bytes(content)
        (FOUND / f"{name}.txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        sys.stderr.write(f"found {FOUND / name}: {type(error).__name__}: {str(error)[:200]}\n")


if __name__ == "__main__":
    raise SystemExit(main())

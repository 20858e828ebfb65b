"""A place where faults are caused: a cache of its own, names to learn, and what must be true of the files in it."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namegen.errors import NamegenError
from namegen.models.serialization import load_checkpoint, load_model_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from launching import Launcher, Run

NAMES = {
    "Elves": "Aelindra Caelith Elarion Faelar Galadwen Ithilien Lorelai Miriel Nimrodel Silvara Thranduin Vaelis",
    "Dwarves": "Balgrim Dorin Farnok Gimrik Kazrun Murdak Nordin Rurik Thorgan Ulfgar Vondal Brottor",
}


@dataclass
class Tally:
    """What came of a fault that was caused again and again.

    Attributes:
        fault: what it is.
        runs: how many runs were started.
        faults: how often it was caused.
        lost: in words, whatever was lost, or was not as promised.
    """

    fault: str
    runs: int = 0
    faults: int = 0
    lost: list[str] = field(default_factory=list)

    def require(self, holds: bool, otherwise: str) -> None:
        """Take note of what was lost unless something holds."""
        if not holds:
            self.lost.append(otherwise)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.fault, self.runs + other.runs, self.faults + other.faults, self.lost + other.lost)


@dataclass(frozen=True)
class Training:
    """A way to train, with saves as often as they can be.

    Attributes:
        options: those of ``namegen train``.
        seconds: about how long it takes.
    """

    options: tuple[str, ...]
    seconds: float


# The first one's checkpoint is so large that most of the time goes into writing it.
TRAININGS = {
    "default": Training(("--iters", "800", "--batch-size", "16", "--hidden-size", "160"), 1.5),
    "small": Training(("--iters", "800", "--batch-size", "16", "--hidden-size", "48"), 1.0),
    "tutorial": Training(("--recipe", "tutorial", "--iters", "12000"), 2.0),
    "best": Training(("--recipe", "best", "--iters", "1200", "--batch-size", "16", "--hidden-size", "16"), 1.5),
    "fine-tuning": Training(("--init", "pretrained", "--iters", "320", "--batch-size", "16"), 1.5),
}


class Site:
    """A folder with a cache, in which one model, ``names``, is trained.

    Args:
        launcher: what starts the runs.
        tally: where to count them.
        training: how the model is trained.
        folder: where to make the site; by default in a folder of the launcher's.
    """

    def __init__(self, launcher: Launcher, tally: Tally, training: str = "default", folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(dir=launcher.folder))
        self._launcher, self.tally, self.training = launcher, tally, training
        self.cache, self._outside = self.folder / "cache", Path(tempfile.mkdtemp(dir=launcher.folder))
        for made in (self.folder, self._outside):
            made.chmod(0o755)
        self.outputs, self.temporary, self.names = (
            self._outside / name for name in ("outputs", "temporary", "fantasy")
        )
        for folder_ in (self.outputs, self.temporary, self.names):
            folder_.mkdir()
        for category, names in NAMES.items():
            (self.names / f"{category}.txt").write_text("\n".join(names.split()) + "\n", encoding="utf-8")
        self.model = self.cache / "models" / "names.safetensors"
        self.checkpoint = self.cache / "runs" / "names.safetensors"

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._outside)
        shutil.rmtree(self.cache, ignore_errors=True)

    def start(self, *arguments: object, environment: dict[str, str | None] | None = None, **how: Any) -> Run:  # noqa: ANN401
        """Start a run of the command; see :meth:`Launcher.start`."""
        self.tally.runs += 1
        default: dict[str, str | None] = {
            "NAMEGEN_CACHE_DIR": str(self.cache),
            "NAMEGEN_MODEL": None,
            "TMPDIR": str(self.temporary),
        }
        return self._launcher.start(
            *arguments, environment={**default, **(environment or {})}, folder=self.outputs, **how
        )

    def train(self, *options: object, **how: Any) -> Run:  # noqa: ANN401 - those of Launcher.start
        """Start a training of the model, or go on with one."""
        words = ("train", "--model", "names", "--data", str(self.names))
        if not self.checkpoint.is_file():
            words += (*TRAININGS[self.training].options, "--save-every", "1")
        elif "--force" not in options:
            words += ("--resume",)
            if self.training == "fine-tuning":
                words += ("--init", "pretrained")
        return self.start(*words, *options, **how)

    def train_briefly(self, *options: object, **how: Any) -> Run:  # noqa: ANN401 - those of Launcher.start
        """Start a training of the model that takes a moment and saves nothing but the model."""
        brief = ("--iters", "32", "--hidden-size", "8", "--seed", "9")
        return self.start("train", "--model", "names", "--data", self.names, *brief, *options, **how)

    def put_older_model(self) -> bytes:
        """Put a model there that was trained before; returns its bytes."""
        self.check_done(self.train_briefly())
        return self.model.read_bytes()

    def uninterrupted(self) -> bytes:
        """Return the bytes of the model that the training ends in without a fault; it is trained only once."""
        known = self._launcher.references
        if self.training not in known:
            with Site(self._launcher, self.tally, self.training) as other:
                run = other.train()
                self.check_done(run)
                known[self.training] = other.model.read_bytes()
        return known[self.training]

    def temporaries(self) -> list[Path]:
        """Return the files that are being written, or that a killed run left behind."""
        return [file for folder in (self.model.parent, self.checkpoint.parent) for file in folder.glob(".*.tmp")]

    def is_saving(self) -> bool:
        """Whether a file is being written now."""
        return any(name.endswith(".tmp") for f in (self.model.parent, self.checkpoint.parent) for name in _names(f))

    def check_files(self) -> None:
        """Every model and run file that exists must be whole and load."""
        readers: dict[Path, Callable[[Path], object]] = {
            self.model: load_model_file,
            self.checkpoint: load_checkpoint,
        }
        for file, load in readers.items():
            try:
                if file.is_file():
                    load(file)
            except NamegenError as error:
                self.tally.lost.append(f"a file that is not whole: {error}")

    def check_nothing_stray(self, *expected: Path) -> None:
        """Nothing may be in the cache but locks and what is expected."""
        stray = [
            file
            for file in self.cache.rglob("*")
            if not file.is_dir() and file.suffix != ".lock" and file not in expected
        ]
        self.tally.require(not stray, f"left behind: {', '.join(map(str, stray))}")

    def check_model(self, expected: bytes, after: str) -> None:
        """The finished model must be bit for bit that of an uninterrupted run, and nothing else may be there."""
        same = self.model.is_file() and self.model.read_bytes() == expected
        self.tally.require(same, f"{after}: not the model of an uninterrupted run")
        self.check_nothing_stray(self.model)

    def finish(self, expected: bytes, after: str) -> None:
        """Go on with the run to its end, which must be that of an uninterrupted one."""
        run = self.train()
        code = run.wait()
        self.tally.require(code == 0, f"{after}: {run} ended with {code}: {run.err}")
        self.check_model(expected, after)

    def check_error(self, run: Run, *said: str, code: int = 1) -> None:
        """A run must have ended with this code and one clear line at the end that says these things."""
        ended = run.wait()
        lines = run.err.splitlines() or [""]
        errors = [line for line in lines if line.startswith("Error: ")]
        fine = ended == code and errors == lines[-1:] and all(text in errors[0] for text in said)
        fine = fine and "Traceback" not in run.err
        self.tally.require(fine, f"{run} ended with {ended}, not {code}: {run.err}")

    def check_done(self, run: Run, *said: str) -> None:
        """A run must have done what it was to do, and said these things."""
        code = run.wait()
        fine = code == 0 and all(text in run.err for text in said) and "Traceback" not in run.err
        self.tally.require(fine, f"{run} ended with {code}: {run.err}")


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - as fast as can be: somebody waits for a file to appear
    except FileNotFoundError:
        return []

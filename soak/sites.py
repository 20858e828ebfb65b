"""Provide folders in which faults are caused, with a cache and names to learn, and checks of the files there."""

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
    """The results of causing a fault several times.

    Attributes:
        fault: its name.
        runs: the number of runs started.
        faults: the number of faults caused.
        lost: descriptions of what was lost, or not as promised.
    """

    fault: str
    runs: int = 0
    faults: int = 0
    lost: list[str] = field(default_factory=list)

    def require(self, holds: bool, otherwise: str) -> None:
        """Record what was lost unless a condition holds."""
        if not holds:
            self.lost.append(otherwise)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.fault, self.runs + other.runs, self.faults + other.faults, self.lost + other.lost)


@dataclass(frozen=True)
class Training:
    """A kind of training, which saves as often as possible.

    Attributes:
        options: options of ``namegen train``.
        seconds: its approximate duration.
    """

    options: tuple[str, ...]
    seconds: float


# The checkpoint of the first one is so large that most of the time is spent on saves.
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
        launcher: starts the runs.
        tally: counts them.
        training: the kind of training.
        folder: the folder of the site; by default a new one.
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
        """Start or resume a training of the model."""
        words = ("train", "--model", "names", "--data", str(self.names))
        if not self.checkpoint.is_file():
            words += (*TRAININGS[self.training].options, "--save-every", "1")
        elif "--force" not in options:
            words += ("--resume",)
            if self.training == "fine-tuning":
                words += ("--init", "pretrained")
        return self.start(*words, *options, **how)

    def train_briefly(self, *options: object, **how: Any) -> Run:  # noqa: ANN401 - those of Launcher.start
        """Start a very short training, which saves only the model."""
        brief = ("--iters", "32", "--hidden-size", "8", "--seed", "9")
        return self.start("train", "--model", "names", "--data", self.names, *brief, *options, **how)

    def put_older_model(self) -> bytes:
        """Train an older model, and return its bytes."""
        self.check_done(self.train_briefly())
        return self.model.read_bytes()

    def uninterrupted(self) -> bytes:
        """Return the bytes of the model of an uninterrupted training, which runs only once."""
        known = self._launcher.references
        if self.training not in known:
            with Site(self._launcher, self.tally, self.training) as other:
                run = other.train()
                self.check_done(run)
                known[self.training] = other.model.read_bytes()
        return known[self.training]

    def temporaries(self) -> list[Path]:
        """Return the temporary files of saves, in progress or left by a killed run."""
        return [file for folder in (self.model.parent, self.checkpoint.parent) for file in folder.glob(".*.tmp")]

    def is_saving(self) -> bool:
        """Whether a file is being written now."""
        return any(name.endswith(".tmp") for f in (self.model.parent, self.checkpoint.parent) for name in _names(f))

    def check_files(self) -> None:
        """Check that every existing model and checkpoint loads."""
        readers: dict[Path, Callable[[Path], object]] = {
            self.model: load_model_file,
            self.checkpoint: load_checkpoint,
        }
        for file, load in readers.items():
            try:
                if file.is_file():
                    load(file)
            except NamegenError as error:
                self.tally.lost.append(f"a damaged file: {error}")

    def check_nothing_stray(self, *expected: Path) -> None:
        """Check that the cache contains only locks, origins of names and the expected files."""
        stray = [
            file
            for file in self.cache.rglob("*")
            if not file.is_dir()
            and file.suffix != ".lock"
            and file.parent != self.cache / "origins"
            and file not in expected
        ]
        self.tally.require(not stray, f"left behind: {', '.join(map(str, stray))}")

    def check_model(self, expected: bytes, after: str) -> None:
        """Check that the finished model is exactly that of an uninterrupted run, and that no other files are there."""
        same = self.model.is_file() and self.model.read_bytes() == expected
        self.tally.require(same, f"{after}: not the model of an uninterrupted run")
        self.check_nothing_stray(self.model)

    def finish(self, expected: bytes, after: str) -> None:
        """Resume the run until its end, and check the model."""
        run = self.train()
        code = run.wait()
        self.tally.require(code == 0, f"{after}: {run} ended with {code}: {run.err}")
        self.check_model(expected, after)

    def check_error(self, run: Run, *said: str, code: int = 1) -> None:
        """Check that a run ended with an exit code and one error, its last line, which contains some texts."""
        ended = run.wait()
        lines = run.err.splitlines() or [""]
        errors = [line for line in lines if line.startswith("Error: ")]
        fine = ended == code and errors == lines[-1:] and all(text in errors[0] for text in said)
        fine = fine and "Traceback" not in run.err
        self.tally.require(fine, f"{run} ended with {ended}, not {code}: {run.err}")

    def check_done(self, run: Run, *said: str) -> None:
        """Check that a run succeeded and printed some texts."""
        code = run.wait()
        fine = code == 0 and all(text in run.err for text in said) and "Traceback" not in run.err
        self.tally.require(fine, f"{run} ended with {code}: {run.err}")


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - the fastest way to notice a new file
    except FileNotFoundError:
        return []

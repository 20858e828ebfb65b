"""Write the log of a training run: a JSON object for each report of a loss.

:mod:`namegen.evaluation.run_logs` reads it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from namegen._validate import check_path
from namegen.errors import DataError, NamegenError, UsageError, shorten
from namegen.evaluation.run_logs import read_records
from namegen.io.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from namegen.training.train import Progress


class RunLogWriter:
    """A function to report the progress of a run to, which writes its log.

    The file gets a line for each new point of the loss history, at once. An older log is replaced, or continued if the
    run is resumed.

    Args:
        path: the file.
        seed: the seed of the run.
        clock: returns the time in seconds.
        resume: whether the run is resumed.

    Attributes:
        unwritten: why a line could not be written; ``None`` if all were. The training continues without its log.

    Raises:
        UsageError: the file exists, and is not a log.
        NamegenError: the file cannot be written.
    """

    def __init__(self, path: str | Path, seed: int, clock: Callable[[], float], *, resume: bool = False) -> None:
        self._path, self._seed, self._clock = check_path("the log", path), seed, clock
        self._since: tuple[float, int] | None = None
        self._is_resumed = resume
        self.unwritten: str | None = None
        if self._path.exists() and not self._path.is_file():
            raise UsageError(f"{self._path} is not a regular file; give --log the name of a file")
        self._before = self._read_older() if self._path.exists() else []
        self._replace(self._before if resume else [])

    def __call__(self, progress: Progress) -> None:
        """Write a line if the progress has a new loss."""
        now = self._clock()
        if self._since is None:
            if self._is_resumed:
                self._drop_from(progress.iteration)
            self._since = now, progress.iteration
        history = progress.history
        loss = progress.loss if progress.iteration in history.iterations[-1:] else None
        validation = progress.validation_loss if progress.iteration in history.validation_iterations[-1:] else None
        if (loss is None and validation is None) or self.unwritten:
            return
        (then, before), self._since = self._since, (now, progress.iteration)
        record = {
            "iteration": progress.iteration,
            "iterations": progress.iterations,
            "seed": self._seed,
            "stage": progress.stage or None,
            "targets": progress.targets,
            "loss": loss,
            "validation_loss": validation,
            "learning_rate": progress.learning_rate,
            "names_per_second": (progress.iteration - before) / (now - then) if now > then else None,
        }
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_format(record))
        except OSError as error:
            self.unwritten = error.strerror or str(error)

    def _drop_from(self, iteration: int) -> None:
        """Remove the lines that the earlier run wrote after its last checkpoint."""
        try:
            self._replace([record for record in self._before if record["iteration"] < iteration])
        except NamegenError as error:
            self.unwritten = str(error)

    def _read_older(self) -> list[dict[str, Any]]:
        try:
            return read_records(self._path)
        except DataError as error:
            raise UsageError(
                f"{shorten(str(self._path))} exists and is not a log; remove it, or give --log another file"
            ) from error

    def _replace(self, records: list[dict[str, Any]]) -> None:
        write_atomically(self._path, "".join(map(_format, records)).encode())


def _format(record: dict[str, Any]) -> str:
    return json.dumps(record, allow_nan=False) + "\n"

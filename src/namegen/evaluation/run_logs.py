"""Read the logs of training runs: JSON lines, one object for each report of a loss.

docs/research.md describes the fields; :mod:`namegen.training.run_logs` writes them.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from namegen.errors import DataError, shorten
from namegen.io.files import open_regular_file
from namegen.models.model import MAX_LOSS, History

if TYPE_CHECKING:
    from pathlib import Path

MAX_LOG_BYTES = 2**28
_MAX_ITERATIONS = 10**12
_TARGETS = ("names", "teachers", "names and base model")


class LoggedStage(NamedTuple):
    """The losses of one network of a run.

    Attributes:
        name: the network, such as ``teacher 1 of 2``; empty if the run trains only one.
        targets: what the training losses are measured against, as ``Progress.targets``.
        history: the losses.
    """

    name: str
    targets: str
    history: History


@dataclass(frozen=True)
class RunLog:
    """The log of a training run: the losses of each network in turn."""

    stages: tuple[LoggedStage, ...]


def is_log(path: Path) -> bool:
    """Check whether a file exists and begins like a log, with an object of JSON."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            begin = file.read(8)
    except OSError:
        return False
    return begin.startswith(b"{") and b"\0" not in begin  # a model begins with its header's length, whose end is 0


def read_log(path: Path) -> RunLog:
    """Read a log.

    Raises:
        DataError: the file cannot be read, or is not a log.
    """
    stages: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for record in read_records(path):
        stages.setdefault((record["stage"] or "", record["targets"]), []).append(record)
    if not stages:
        raise DataError(f"{shorten(str(path))} has no losses yet; wait for the first report")
    return RunLog(tuple(LoggedStage(*key, _build_history(records)) for key, records in stages.items()))


def read_records(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a log. A last line that is not complete, of a run that was killed, is left out.

    Raises:
        DataError: the file cannot be read, or is not a log.
    """
    where = shorten(str(path))
    try:
        with open_regular_file(path, DataError, "give the log of a training run") as file:
            content = file.read(MAX_LOG_BYTES + 1)
    except OSError as error:
        raise DataError(f"cannot read {where}: {error.strerror or error}") from error
    if len(content) > MAX_LOG_BYTES:
        raise DataError(f"{where} has more than {MAX_LOG_BYTES:,} bytes, too many for a log; give another file")
    *lines, _ = content.split(b"\n")
    records: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(_check_record(json.loads(line)))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise DataError(
                f"{where}, line {number:,}: not a line of a log that `namegen train --log` writes; give another file"
            ) from None
    return records


def _check_record(record: dict[str, Any]) -> dict[str, Any]:
    """Return an object of a log; raise ``ValueError``, ``KeyError`` or ``TypeError`` if it is not one."""
    if not 0 < _check_int(record["iteration"]) <= _MAX_ITERATIONS or record["targets"] not in _TARGETS:
        raise ValueError("out of range")
    if not isinstance(record["stage"], str | None) or not (record["stage"] or "").isprintable():
        raise ValueError("the stage is not text")
    for name in ("loss", "validation_loss"):
        if record[name] is not None and not (math.isfinite(record[name]) and abs(record[name]) <= MAX_LOSS):
            raise ValueError(f"{name} is out of range")
    return record


def _check_int(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not a whole number")
    return value


def _build_history(records: list[dict[str, Any]]) -> History:
    arrays: list[Any] = []
    for name in ("loss", "validation_loss"):
        points = {record["iteration"]: record[name] for record in records if record[name] is not None}
        arrays += [np.array(list(points), np.int64), np.array(list(points.values()), np.float64)]
    return History(*arrays)

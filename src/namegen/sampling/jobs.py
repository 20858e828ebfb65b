"""How many worker processes sample the names of a request; :mod:`namegen.sampling.workers` starts them."""

from __future__ import annotations

import os

from namegen._validate import check_int
from namegen.errors import UsageError

MAX_JOBS = 256
MIN_AUTO = 500_000
"""The number of names from which ``auto`` uses all cores: starting workers takes as long as sampling some 100,000."""


def choose_jobs(jobs: object, names: int, device: str | None = None) -> int:
    """Return the number of worker processes for a request; 1 means none beside this process.

    Args:
        jobs: the number, or ``auto`` for all cores if there are at least ``MIN_AUTO`` names.
        names: the number of names.
        device: the device of the network; ``None`` and ``cpu`` for the CPU.

    Raises:
        UsageError: the number is not valid, or the device is not the CPU.
    """
    on_cpu = device in (None, "cpu")
    if isinstance(jobs, str):
        if jobs != "auto":
            raise UsageError(f"jobs must be a whole number or auto, not {jobs!r}")
        return min(_count_cores(), MAX_JOBS) if on_cpu and names >= MIN_AUTO else 1
    number = check_int("jobs", jobs, 1, MAX_JOBS)
    if number > 1 and not on_cpu:
        raise UsageError(f"several jobs use the CPU, not the device {device}; leave out --device or --jobs")
    return number


def _count_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

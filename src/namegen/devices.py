"""Where the arithmetic of a training runs: the device, and how many threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from namegen.errors import DeviceError, UsageError

if TYPE_CHECKING:
    import torch

    from namegen.recipes import TrainingConfig


_MOST_DIGITS = 9  # of the number of a GPU


def find_device(name: str) -> torch.device:
    """Return the torch device of that name: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    ``auto`` is a GPU if there is one, else the CPU; ``cuda`` is ``cuda:0``.

    Raises:
        UsageError: no device has such a name.
        DeviceError: this machine has no such device.
    """
    import torch

    has_mps = torch.backends.mps.is_available()
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu"
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (
        number and not (kind == "cuda" and number.isdecimal() and len(number) < _MOST_DIGITS)
    ):
        raise UsageError(f"no device is called {name!r}; use auto, cpu, cuda, cuda:N or mps")
    if kind == "mps" and not has_mps:
        raise DeviceError("torch finds no Apple GPU (mps) here; use --device cpu, or auto")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        there = f"only {torch.cuda.device_count()}" if torch.cuda.device_count() else "none"
        raise DeviceError(f"torch finds no device {name} here (CUDA devices: {there}); use --device cpu, or auto")
    return torch.device(f"cuda:{int(number or 0)}" if kind == "cuda" else kind)


def default_threads(config: TrainingConfig) -> int:
    """Return how many threads a run uses by default: a fixed rule, so that a run can be repeated.

    The matrices of a small network are too small to share out. Two threads train the default network a third faster
    where both have a processor to themselves, and several times slower where they have not, because each waits for the
    other at every matrix; so they are for batches of at least 32,768 hidden units, as 64 names and 512 units.
    """
    import os

    return min(2, os.cpu_count() or 1) if config.batch_size * config.hidden_size >= 2**15 else 1

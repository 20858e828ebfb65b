"""The device, memory and threads of a training."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

from namegen.errors import NamegenError, UsageError
from namegen.models.devices import find_device
from namegen.optional_packages import required
from namegen.training.distributed import SINGLE_PROCESS

if TYPE_CHECKING:
    import torch

    from namegen.config import TrainingConfig
    from namegen.training.distributed import ProcessGroup

_FLOATS_PER_UNIT = 8  # kept for each unit and letter of a batch
_FLOATS_PER_WEIGHT = 9  # three matrices, their gradients and the optimiser's moments


def find_training_device(name: str, group: ProcessGroup = SINGLE_PROCESS) -> torch.device:
    """Return a torch device, as :func:`~namegen.models.devices.find_device`; for each process its own GPU.

    Raises:
        UsageError: ``name`` is not the name of a device, or several processes cannot share it.
        DeviceError: this machine does not have the device.
        MissingPackageError: torch is not installed.
    """
    with required("torch"):
        import torch  # noqa: F401
    if group.is_single:
        return find_device(name)
    if name == "mps":
        raise UsageError("several processes cannot share mps; use --device cpu")
    if ":" in name and group.local_world_size > 1:
        raise UsageError(f"each process needs its own GPU, and {name} is only one; use --device cuda")
    device = find_device(name, index=group.local_rank)
    return find_device("cpu") if device.type == "mps" else device


def device_name(device: torch.device, group: ProcessGroup) -> str:
    """Return the name by which :func:`find_training_device` finds a device again, on every rank."""
    return device.type if not group.is_single and device.index == group.local_rank else str(device)


def check_memory(config: TrainingConfig, letters: float, group: ProcessGroup = SINGLE_PROCESS) -> None:
    """Raise ``NamegenError`` if a training on the CPU cannot fit into the memory.

    ``letters`` is the mean number of letters of a name. Training takes more than twice the estimate, by measurement, so
    only impossible trainings are refused.
    """
    available = _find_memory()
    for stage in config.stages:
        batch = stage.batch_size / group.world_size * letters * stage.hidden_size * _FLOATS_PER_UNIT
        weights = stage.hidden_size**2 * _FLOATS_PER_WEIGHT
        needed = 4 * (batch + weights) * group.local_world_size
        if needed > available:
            raise NamegenError(
                f"batches of {stage.batch_size:,} names with {stage.hidden_size:,} hidden units need more than "
                f"{needed / 1e9:.0f} GB of memory, and the machine has {available / 1e9:.0f} GB; "
                "use a smaller --batch-size or --hidden-size"
            )


def _find_memory() -> float:
    """Return the machine's memory in bytes; infinity if the system does not report it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # AttributeError: Windows
        return math.inf


def default_threads(config: TrainingConfig, group: ProcessGroup = SINGLE_PROCESS) -> int:
    """Return the default number of threads: 2 if batch size times hidden units is at least 32,768 per process, else 1.

    The rule depends only on the configuration and the number of processors, so that a run can be repeated. Two threads
    train the default network a third faster if each has its own processor, and several times slower if not.
    """
    is_large = config.batch_size * config.hidden_size >= 2**15 * group.world_size
    return max(1, min(2, (os.cpu_count() or 1) // group.local_world_size)) if is_large else 1

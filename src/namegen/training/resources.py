"""The device, memory and threads of a training run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from namegen.errors import NamegenError, UsageError
from namegen.models.devices import find_device
from namegen.training.distributed import ALONE

if TYPE_CHECKING:
    import torch

    from namegen.config import TrainingConfig
    from namegen.training.distributed import Ranks

_FLOATS_A_UNIT = 8  # kept of a hidden state for each letter of a batch


_FLOATS_A_WEIGHT = 9  # three matrices, of each the gradient and the optimiser's too


def find_training_device(name: str, ranks: Ranks = ALONE) -> torch.device:
    """Return the torch device to train on; of several processes on one machine each gets a GPU of its own.

    Args:
        name: as for :func:`~namegen.models.devices.find_device`.
        ranks: the processes that train together.

    Raises:
        UsageError: ``name`` is not the name of a device, or several processes cannot share it.
        DeviceError: this machine does not have the device.
    """
    if ranks.alone:
        return find_device(name)
    if name == "mps":
        raise UsageError("several processes cannot train together on mps; use --device cpu, or start without torchrun")
    if ":" in name and ranks.local_world > 1:
        raise UsageError(f"each process needs a GPU of its own, and {name} is only one; use --device cuda")
    device = find_device(name, index=ranks.local_rank)
    return find_device("cpu") if device.type == "mps" else device


def device_name(device: torch.device, ranks: Ranks) -> str:
    """Return the name by which :func:`find_training_device` finds a device again, on every rank."""
    return device.type if not ranks.alone and device.index == ranks.local_rank else str(device)


def check_memory(config: TrainingConfig, letters: float, ranks: Ranks = ALONE) -> None:
    """See that a training on the CPU may fit into the machine's memory, rather than have the system end it or others.

    What is reckoned is less than half of what training takes, by measurement: whatever is refused cannot work.

    Args:
        config: what is to be trained.
        letters: the mean number of letters of a name.
        ranks: the processes that share it.

    Raises:
        NamegenError: it cannot fit.
    """
    there = _memory()
    for stage in config.stages:
        learned = stage.batch_size / ranks.world * letters * stage.hidden_size * _FLOATS_A_UNIT
        weights = stage.hidden_size**2 * _FLOATS_A_WEIGHT
        needed = 4 * (learned + weights) * ranks.local_world
        if there is not None and needed > there:
            raise NamegenError(
                f"a batch of {stage.batch_size:,} names and {stage.hidden_size:,} units need more than "
                f"{needed / 1e9:.0f} GB of memory, and there are {there / 1e9:.0f}; "
                "use a smaller --batch-size or --hidden-size"
            )


def _memory() -> int | None:
    """The bytes of memory that the machine has; ``None`` where the system does not say."""
    import os

    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows; or it does not know these
        return None


def default_threads(config: TrainingConfig, ranks: Ranks = ALONE) -> int:
    """Return how many threads a run uses by default: a fixed rule, so that a run can be repeated.

    The matrices of a small network are too small to share out. Two threads train the default network a third faster
    where both have a processor to themselves, and several times slower where they have not, because each waits for the
    other at every matrix; so they are for batches of at least 32,768 hidden units, as 64 names and 512 units. Of
    several processes each has its share of a batch, and of the processors of its machine.
    """
    import os

    large = config.batch_size * config.hidden_size >= 2**15 * ranks.world
    return max(1, min(2, (os.cpu_count() or 1) // ranks.local_world)) if large else 1

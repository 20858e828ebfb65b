"""Where the arithmetic runs: the device, and for a training how many threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from namegen.errors import DeviceError, NamegenError, UsageError, quoted
from namegen.ranks import ALONE

if TYPE_CHECKING:
    import torch

    from namegen.ranks import Ranks
    from namegen.recipes import TrainingConfig


_FLOATS_A_UNIT = 8  # kept of a hidden state for each letter of a batch
_FLOATS_A_WEIGHT = 9  # three matrices, of each the gradient and the optimiser's too
_MOST_DIGITS = 9  # of the number of a GPU


def find_device(name: str, ranks: Ranks = ALONE) -> torch.device:
    """Return the torch device of that name: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    ``auto`` is a GPU if there is one, else the CPU; ``cuda`` is ``cuda:0``, or where several processes of a machine
    train together, for each the GPU of its number among them.

    Raises:
        UsageError: no device has such a name, or several processes cannot share it.
        DeviceError: this machine has no such device.
    """
    kind, _, number = name.partition(":")
    if kind not in ("auto", "cpu", "cuda", "mps") or (
        number and not (kind == "cuda" and number.isdecimal() and len(number) < _MOST_DIGITS)
    ):
        raise UsageError(f"no device is called {quoted(name)}; use auto, cpu, cuda, cuda:N or mps")
    import torch

    has_mps = torch.backends.mps.is_available()
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "mps" if has_mps and ranks.alone else "cpu"
    if kind == "mps" and not ranks.alone:
        raise UsageError("several processes cannot train together on mps; use --device cpu, or start without torchrun")
    if number and ranks.local_world > 1:
        raise UsageError(f"each process needs a GPU of its own, and {name} is only one; use --device cuda")
    if kind == "mps" and not has_mps:
        raise DeviceError("torch finds no Apple GPU (mps) here; use --device cpu, or auto")
    if kind != "cuda":
        return torch.device(kind)
    which = int(number) if number else ranks.local_rank
    if which >= torch.cuda.device_count():
        there = f"only {torch.cuda.device_count()}" if torch.cuda.device_count() else "none"
        wanted = name if ranks.alone else f"cuda:{which}"
        raise DeviceError(f"torch finds no device {wanted} here (CUDA devices: {there}); use --device cpu, or auto")
    return torch.device(f"cuda:{which}")


def drawing_device(name: str | None) -> torch.device | None:
    """Return the torch device to draw names on, by its name as for :func:`find_device`; ``None`` for numpy.

    That is what draws on the processor, and where ``auto`` finds no GPU, or no torch.

    Raises:
        UsageError: no device has such a name.
        DeviceError: this machine has no such device, or no torch.
    """
    if name in (None, "cpu"):
        return None
    try:
        device = find_device(name)
    except ModuleNotFoundError as error:
        if name == "auto":
            return None
        raise DeviceError(f"to draw on {name} takes torch, which is not installed; leave --device out") from error
    return None if device.type == "cpu" else device


def device_name(device: torch.device, ranks: Ranks) -> str:
    """Return by what name :func:`find_device` finds a device again, on every rank."""
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

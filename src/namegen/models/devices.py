"""Find torch devices by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from namegen._validate import check_text
from namegen.errors import DeviceError, MissingPackageError, UsageError, quote
from namegen.optional_packages import required

if TYPE_CHECKING:
    import torch

_NAME = "auto|cpu|cuda(:[0-9]{1,8})?|mps"


def find_device(name: str, *, index: int = 0) -> torch.device:
    """Return a torch device by its name: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Args:
        name: the name; ``auto`` means a GPU if there is one, else the CPU.
        index: the number of the GPU that ``cuda`` means.

    Raises:
        UsageError: ``name`` is not the name of a device.
        DeviceError: this machine does not have the device.
        MissingPackageError: torch is not installed.
    """
    if not re.fullmatch(_NAME, check_text("device", name, "cpu or cuda")):
        raise UsageError(f"no device {quote(name)}; use auto, cpu, cuda, cuda:N or mps")
    with required("torch", f"the device {name}", alternative="or use the device cpu"):
        import torch

    kind, _, number = name.partition(":")
    has_mps = torch.backends.mps.is_available()
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu"
    if kind == "mps" and not has_mps:
        raise DeviceError("torch finds no Apple GPU (mps) here; use --device cpu or auto")
    if kind != "cuda":
        return torch.device(kind)
    wanted = int(number) if number else index
    if wanted >= torch.cuda.device_count():
        raise DeviceError(
            f"torch finds no device cuda:{wanted} here (CUDA devices: {torch.cuda.device_count()}); "
            "use --device cpu or auto"
        )
    return torch.device(f"cuda:{wanted}")


def find_sampling_device(name: str | None) -> torch.device | None:
    """Return the torch device to sample on, or ``None`` for numpy on the CPU.

    Args:
        name: as for :func:`find_device`. ``None``, ``cpu``, and ``auto`` without a GPU or torch mean numpy.

    Raises:
        UsageError: ``name`` is not the name of a device.
        DeviceError: this machine does not have the device.
        MissingPackageError: torch is not installed.
    """
    if name in (None, "cpu"):
        return None
    try:
        device = find_device(name)
    except MissingPackageError:
        if name == "auto":
            return None
        raise
    return None if device.type == "cpu" else device

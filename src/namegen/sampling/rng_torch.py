"""The random numbers of :mod:`namegen.sampling.rng` on a torch device, bit for bit.

torch has no unsigned 64-bit arithmetic on devices. Sums and products of signed numbers have the same bits, and a mask
clears the copies of the sign that a shift to the right brings in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from namegen.sampling.rng import Streams


def _to_signed(number: int) -> int:
    """Return the number of 64 bits, as two's complement, that has the lowest bits of a number."""
    return (number + 2**63) % 2**64 - 2**63


_GAMMA = _to_signed(0x9E3779B97F4A7C15)
_FIRST_FACTOR, _SECOND_FACTOR = _to_signed(0xBF58476D1CE4E5B9), _to_signed(0x94D049BB133111EB)


def streams_to_device(streams: Streams, device: torch.device) -> Tensor:
    """Return streams as signed numbers on a device, (names,) int64."""
    import torch

    return torch.tensor(streams.view(np.int64), device=device)


def uniform(streams: Tensor, place: int) -> Tensor:
    """Return one number of each stream, (names,) float64; see :func:`namegen.sampling.rng.uniform`."""
    return _to_float(_mix(streams + _to_signed(place * _GAMMA)))


def uniform_rows(streams: Tensor, place: int, count: int) -> Tensor:
    """Return ``count`` numbers for one place of each stream, (names, count) float64.

    See :func:`namegen.sampling.rng.uniform_rows`.
    """
    import torch

    starts = _mix(streams + _to_signed(place * _GAMMA))
    steps = torch.arange(1, count + 1, device=streams.device) * _GAMMA
    return _to_float(_mix(starts.unsqueeze(1) + steps))


def _to_float(bits: Tensor) -> Tensor:
    return _shift_right(bits, 12).double() * 2.0**-52


def _mix(bits: Tensor) -> Tensor:
    bits = (bits ^ _shift_right(bits, 30)) * _FIRST_FACTOR
    bits = (bits ^ _shift_right(bits, 27)) * _SECOND_FACTOR
    return bits ^ _shift_right(bits, 31)


def _shift_right(bits: Tensor, places: int) -> Tensor:
    """Shift bits to the right, with zeros from the left."""
    shifted: Tensor = (bits >> places) & (2 ** (64 - places) - 1)
    return shifted

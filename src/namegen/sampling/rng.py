"""Counter-based random numbers: any number of any stream, in any order.

Every generated name has its own stream. The numbers are the same on every machine and do not depend on which names are
sampled together.

The generator is SplitMix64 (Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators", with the
constants of Stafford's variant 13). Its k-th number depends on the start and k alone: the start plus k times an odd
constant, with the bits mixed. A stream is a section of 2**14 numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Streams = NDArray[np.uint64]

STREAM_LENGTH = 2**14
"""The numbers of a stream. The generator repeats itself after 2**50 streams."""

CATEGORY = 0
"""The number of a stream that selects the category."""

FIRST_LETTER = 1
"""The number of a stream that selects the first letter. The numbers of the other letters follow."""

_GAMMA = 0x9E3779B97F4A7C15
_FIRST_FACTOR, _SECOND_FACTOR = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_MASK = 2**64 - 1


def derive_streams(
    seed: int, attempts: int | NDArray[np.integer], numbers: NDArray[np.integer], label: str = ""
) -> Streams:
    """Return the streams of names.

    Args:
        seed: the seed, at least 0.
        attempts: how many samples of these names were rejected before, as one count or an array, (attempts,).
        numbers: the numbers of the names, (names,).
        label: the category or blend; streams of different labels are independent.

    Returns:
        The streams, (names,) uint64, or (attempts, names) if ``attempts`` is an array.
    """
    starts = _mix(np.array(attempts, dtype=np.uint64, ndmin=1) + np.uint64(_GAMMA))
    if label:
        starts = _mix(starts + np.uint64(_hash_label(label)))
    while True:
        starts = _mix(starts + np.uint64((_GAMMA + seed) & _MASK))
        seed >>= 64
        if not seed:
            break
    streams: Streams = numbers.astype(np.uint64) * np.uint64(STREAM_LENGTH * _GAMMA & _MASK) + starts[:, None]
    return streams[0] if isinstance(attempts, int) else streams


def uniform(streams: Streams, place: int) -> NDArray[np.float64]:
    """Return one number of each stream, (names,): uniform in [0, 1), a multiple of 2**-52.

    Args:
        streams: (names,).
        place: the place of the number in its stream, from 0 to ``STREAM_LENGTH - 1`` (not checked).
    """
    return _to_float(_mix(streams + np.uint64(place * _GAMMA & _MASK)))


def uniform_rows(streams: Streams, place: int, count: int) -> NDArray[np.float64]:
    """Return ``count`` numbers for one place of each stream, (names, count).

    They are the first numbers of another SplitMix64 sequence, which starts with the bits of the number at that place.
    """
    starts = _mix(streams + np.uint64(place * _GAMMA & _MASK))
    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GAMMA)
    return _to_float(_mix(starts[:, None] + steps))


def _hash_label(label: str) -> int:
    """Return the 64-bit FNV-1a hash of a text in UTF-8 (Fowler, Noll and Vo)."""
    number = 0xCBF29CE484222325
    for byte in label.encode():
        number = (number ^ byte) * 0x100000001B3 & _MASK
    return number


def _to_float(bits: NDArray[np.uint64]) -> NDArray[np.float64]:
    # 52 bits, not 53, so that the product with a positive total never rounds up to the total.
    scaled: NDArray[np.float64] = (bits >> np.uint64(12)) * 2.0**-52
    return scaled


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix the bits of an array in place and return it."""
    bits ^= bits >> np.uint64(30)
    bits *= np.uint64(_FIRST_FACTOR)
    bits ^= bits >> np.uint64(27)
    bits *= np.uint64(_SECOND_FACTOR)
    bits ^= bits >> np.uint64(31)
    return bits

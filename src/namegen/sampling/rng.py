"""Counter-based random numbers: any number of any stream, at any time.

Every invented name has a stream of its own. The numbers are the same on every machine, and do not depend on which names
are drawn together or in which order.

The numbers are those of SplitMix64 (Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators"; the
constants are Stafford's variant 13). There number k is a function of the start and of k alone: the start plus k times
an odd constant, with its bits mixed. A stream is a stretch of 2**14 numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Streams = NDArray[np.uint64]


STREAM_LENGTH = 2**14
"""How many numbers a stream has; after 2**50 streams they come round again."""


CATEGORY = 0
"""The number of a name's stream by which its category is drawn."""


FIRST_LETTER = 1
"""The number by which its first letter is drawn; those of the other letters follow."""


_GAMMA = 0x9E3779B97F4A7C15


_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


_MASK = 2**64 - 1


def derive_streams(seed: int, attempts: int | NDArray[np.integer], names: NDArray[np.integer]) -> Streams:
    """Return the streams of names, by their numbers.

    Args:
        seed: where all randomness begins, at least 0.
        attempts: how often these names have been drawn in vain; or several such numbers, (attempts,).
        names: the numbers of the names, (names,).

    Returns:
        The streams, (names,) uint64, or for several attempts (attempts, names).
    """
    starts = _mix(np.array(attempts, dtype=np.uint64, ndmin=1) + np.uint64(_GAMMA))
    while True:
        starts = _mix(starts + np.uint64((_GAMMA + seed) & _MASK))
        seed >>= 64
        if not seed:
            break
    own: Streams = names.astype(np.uint64) * np.uint64(STREAM_LENGTH * _GAMMA & _MASK) + starts[:, None]
    return own[0] if isinstance(attempts, int) else own


def uniform(streams: Streams, place: int) -> NDArray[np.float64]:
    """Return one random number of each stream, (names,): uniform in [0, 1), a multiple of 2**-52.

    Args:
        streams: (names,).
        place: which number, from 0 to ``STREAM_LENGTH - 1``, which is not checked.
    """
    return _uniform(_mix(streams + np.uint64(place * _GAMMA & _MASK)))


def uniform_rows(streams: Streams, place: int, count: int) -> NDArray[np.float64]:
    """Return many random numbers in place of one, (names, count).

    They are numbers 1 to ``count`` of a SplitMix64 sequence that begins with the bits of that one.
    """
    begin = _mix(streams + np.uint64(place * _GAMMA & _MASK))
    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GAMMA)
    return _uniform(_mix(begin[:, None] + steps))


def _uniform(bits: NDArray[np.uint64]) -> NDArray[np.float64]:
    # 52 bits, not 53: then no product with a positive total rounds up to that total.
    scaled: NDArray[np.float64] = (bits >> np.uint64(12)) * 2.0**-52
    return scaled


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix the bits of an array in place and return it."""
    bits ^= bits >> np.uint64(30)
    bits *= np.uint64(_FIRST)
    bits ^= bits >> np.uint64(27)
    bits *= np.uint64(_SECOND)
    bits ^= bits >> np.uint64(31)
    return bits

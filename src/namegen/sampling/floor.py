"""The plausibility floor, tested while names grow.

A name below the floor is rejected, so it is given up as soon as it is certain to end there: after a letter that is too
improbable, or when no way to go on and end would still be plausible enough. Most rejected names are given up after a few
letters. The accepted names are the same as if each name had been judged at its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from namegen.models.plausibility import scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen.models.inference import Floats, Integers
    from namegen.models.mixture import Opinion
    from namegen.models.plausibility import Limits

    Flags = NDArray[np.bool_]

_MAX_LETTERS = 64  # of names whose best endings are found
_TOLERANCE = 1e-3  # nats; totals are sums of rounded numbers


class Floor:
    """The plausibility floor of a category or a blend.

    Args:
        opinion: its n-gram.
        limits: what names must reach.
    """

    def __init__(self, opinion: Opinion, limits: Limits) -> None:
        self.opinion, self._limits = opinion, limits
        self._best: Floats | None = None  # by node and by the number of letters that follow
        self._needed = np.zeros((0, 0), dtype=np.float32)  # totals, by the letters chosen and by those that follow

    def look_ahead(self, longest: int) -> None:
        """Find the best endings of names of up to some letters, if that has not been done; worth it for many names."""
        if longest > _MAX_LETTERS or (self._best is not None and self._best.shape[1] > longest):
            return
        best = self.opinion.best_endings(longest)
        if best is not None:
            self._best = np.ascontiguousarray(best.T)
            letters = np.arange(longest + 1, dtype=np.float32)
            self._needed = np.sqrt(letters[:, None] + letters + 1) * np.float32(self._limits.total - _TOLERANCE)

    def is_too_weak(self, scores: Floats) -> Flags:
        """Return which letters are too improbable, given their log-probabilities."""
        return scores < self._limits.weakest

    def is_below(self, totals: Floats, lengths: Integers, chosen: Integers) -> Flags:
        """Return which names that have ended are below the floor.

        Args:
            totals: the sum of the log-probabilities of the chosen letters, ends included, (names,).
            lengths: the number of letters, (names,).
            chosen: how many were chosen after a given prefix, ends included, (names,).
        """
        below: Flags = scale(totals, chosen) < self._limits.total
        below |= (lengths < self._limits.length) & (chosen > 1)
        return below

    def is_hopeless(self, nodes: Integers, totals: Floats, chosen: Integers) -> Flags:
        """Return which unfinished names will be below the floor however they go on.

        Args:
            nodes: the n-gram's nodes, (names, categories).
            totals: the sum of the log-probabilities of the letters chosen so far, (names,).
            chosen: how many these are, (names,).
        """
        if self._best is None:
            return np.zeros(len(totals), dtype=np.bool_)
        totals_at_best = self._best.take(nodes[:, 0], axis=0)
        totals_at_best += totals[:, None]
        hopeless: Flags = (totals_at_best < self._needed.take(chosen, axis=0)).all(axis=1)
        return hopeless

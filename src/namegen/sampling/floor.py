"""The plausibility floor, tested while names grow.

A name below the floor is rejected, so it is given up as soon as it is certain to end there: after a letter that is too
improbable, or when no way to go on and end would still be plausible enough. Most rejected names are given up after a
few letters. The accepted names are the same as if each name had been judged at its end.
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

_MAX_LETTERS = 64  # of names whose endings are bounded
_TOLERANCE = 1e-3  # nats; totals are sums of rounded numbers


class Floor:
    """The plausibility floor of a category or a blend.

    Args:
        opinion: its n-gram.
        limits: what names must reach.

    Attributes:
        weakest: the lowest log-probability of a letter, in nats.
    """

    def __init__(self, opinion: Opinion, limits: Limits) -> None:
        self.opinion, self._limits, self.weakest = opinion, limits, limits.weakest
        self._best: Floats | None = None  # bounds of endings, by the number of letters that follow and by node
        self._needed: dict[int, Floats] = {}

    def look_ahead(self, longest: int) -> None:
        """Bound the endings of names of up to some letters, if that has not been done; worth it for many names."""
        if longest <= _MAX_LETTERS and (self._best is None or len(self._best) <= longest):
            self._best, self._needed = self.opinion.bound_endings(longest), {}

    def is_too_weak(self, scores: Floats) -> Flags:
        """Return which letters are too improbable, given their log-probabilities."""
        return scores < self.weakest

    def is_below(self, totals: Floats, lengths: int | Integers, chosen: int | Integers) -> Flags:
        """Return which names that have ended are below the floor.

        Args:
            totals: the sum of the log-probabilities of the chosen letters, ends included, (names,).
            lengths: the number of letters, of each name or of all.
            chosen: how many letters were chosen after a given prefix, ends included; of each name or of all.
        """
        chosen = np.asarray(chosen)
        below: Flags = scale(totals, chosen) < self._limits.total
        below |= (np.asarray(lengths) < self._limits.length) & (chosen > 1)
        return below

    def find_needed(self, chosen: int) -> Floats | None:
        """Return the lowest total of log-probabilities from which a name can still reach the floor.

        Args:
            chosen: the number of letters chosen so far after a given prefix.

        Returns:
            In nats, by the n-gram's node after these letters, (nodes,); ``None`` if endings have not been bounded.
        """
        if self._best is None:
            return None
        if chosen not in self._needed:
            letters = np.arange(chosen + 1, chosen + 1 + len(self._best), dtype=np.float32)
            needed = np.sqrt(letters)[:, None] * np.float32(self._limits.total) - self._best
            self._needed[chosen] = needed.min(axis=0) - np.float32(_TOLERANCE)
        return self._needed[chosen]

    def is_hopeless(self, nodes: Integers, totals: Floats, chosen: Integers) -> Flags:
        """Return which unfinished names will be below the floor however they go on.

        Args:
            nodes: the n-gram's nodes, (names, categories).
            totals: the sum of the log-probabilities of the letters chosen so far, (names,).
            chosen: how many these are, (names,).
        """
        hopeless = np.zeros(len(totals), dtype=np.bool_)
        for count in np.flatnonzero(np.bincount(chosen)).tolist():
            needed = self.find_needed(count)
            if needed is not None:
                own = np.flatnonzero(chosen == count)
                hopeless[own] = totals[own] < needed[nodes[own, 0]]
        return hopeless

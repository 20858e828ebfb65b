"""Fit the Kneser-Ney n-gram, a baseline.

It is the interpolated "modified Kneser-Ney" with three discounts of Chen and Goodman (1999, "An empirical study of
smoothing techniques for language modeling"). For a context h, and h' without its earliest letter::

    P(w | h) = (n(h w) - D(n(h w)) + d(h) P(w | h')) / n(h)

D is the discount for a count of 1, of 2, or of 3 and more, and d(h) is the sum of all discounts after h. For the
longest contexts, n counts occurrences. For shorter ones it counts the different letters before h w, unless h starts the
name.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from namegen.models.ngram import NGram

if TYPE_CHECKING:
    from numpy.typing import NDArray

    import namegen


def kneser_ney(dataset: namegen.Dataset, order: int) -> NGram:
    """Return the n-gram of a dataset, with the same discounts for all categories.

    The result is an :class:`NGram` whose counts have their discounts subtracted. Its kinds, the weights of the shorter
    contexts, are the sums of the discounts, so that its interpolation is the Kneser-Ney one.
    """
    counted = NGram.fit(dataset, order)
    outputs, levels = counted.outputs, []
    owners = [np.repeat(np.arange(len(level.keys)), np.diff(level.first)) for level in counted.levels]
    counts = [level.counts for level in counted.levels]
    for length, (level, longer) in enumerate(pairwise(counted.levels)):
        pairs = owners[length] * outputs + level.followers
        # Each follower of a longer context also follows the shorter one.
        shorter = longer.keys[owners[length + 1]] // outputs * outputs + longer.followers
        before = np.bincount(np.searchsorted(pairs, shorter), minlength=len(pairs))
        counts[length] = np.where(before > 0, before, level.counts)
    for level, owner, adjusted in zip(counted.levels, owners, counts, strict=True):
        taken = discounts(adjusted)[np.minimum(adjusted, 3)]
        contexts = len(level.keys)
        lost = np.bincount(owner, taken, minlength=contexts)
        kept = np.bincount(owner, adjusted, minlength=contexts) - lost
        levels.append(level._replace(counts=adjusted - taken, kinds=lost, totals=kept))
    return NGram(counted.categories, outputs, tuple(levels))


def discounts(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the discounts for counts of 0 (none), 1, 2, and 3 or more, (4,)."""
    # Adding one to each number keeps discounts from being 0 or the whole count if there are few data.
    kinds = np.bincount(np.minimum(counts, 5), minlength=6)[1:5] + 1.0
    share = kinds[0] / (kinds[0] + 2 * kinds[1])
    ranks = np.arange(1, 4)
    return np.concatenate([[0.0], np.clip(ranks - (ranks + 1) * share * kinds[1:] / kinds[:-1], 0.01, ranks - 0.01)])

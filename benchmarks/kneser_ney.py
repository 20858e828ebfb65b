"""The n-gram of Kneser and Ney, a baseline beside the product's Witten-Bell n-gram.

It is interpolated and has three discounts, as Chen and Goodman write it (1999, "An empirical study of smoothing
techniques for language modeling", their modified Kneser-Ney). For a context h, of which h' is all but the earliest
letter::

    P(w | h) = (n(h w) - D(n(h w)) + d(h) P(w | h')) / n(h)

where D is one of three discounts, for counts of 1, 2, and 3 or more, and d(h) is what they take from h in all. For the
longest contexts n counts occurrences; for shorter ones it counts the different letters that h w occurs after, unless h
begins the name, before which there is nothing.
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
    """Count the n-grams of a dataset, with discounts that all categories share.

    The result is an :class:`NGram` whose counts are those less their discounts, and whose kinds, the weight of the
    shorter context, are what was taken: its interpolation is then that of Kneser and Ney.
    """
    counted = NGram.fit(dataset, order)
    outputs, levels = counted.outputs, []
    owners = [np.repeat(np.arange(len(level.keys)), np.diff(level.first)) for level in counted.levels]
    counts = [level.counts for level in counted.levels]
    for length, (level, longer) in enumerate(pairwise(counted.levels)):
        pairs = owners[length] * outputs + level.followers
        # Whatever occurs after a longer context occurs after the shorter one too.
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
    # One more of each than there are: where data are few, no discount is 0 or the whole count.
    kinds = np.bincount(np.minimum(counts, 5), minlength=6)[1:5] + 1.0
    share = kinds[0] / (kinds[0] + 2 * kinds[1])
    ranks = np.arange(1, 4)
    return np.concatenate([[0.0], np.clip(ranks - (ranks + 1) * share * kinds[1:] / kinds[:-1], 0.01, ranks - 0.01)])

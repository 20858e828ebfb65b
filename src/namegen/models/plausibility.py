"""How plausible real names are to the n-gram of their category: what a plausibility floor is measured against.

A name has two scores: the mean log-probability of its letters and its end, and the lowest one, that of its weakest
letter. The limits for a floor F are chosen so that a name below one of them is less plausible than all but the lowest
share F of real names. The scores of real names are cross-validated: an n-gram of the other names gives them, or a name
would be too plausible to the n-gram that has counted it.

In a category whose names carry little information, the most plausible names are nearly all known. So the share of real
names to reject falls from F for names of 14 nats to 0 for names of 8 nats, some three thousand equally likely names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from namegen.models.ngram import NGram, list_positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen.datasets.dataset import Dataset
    from namegen.models.inference import Category

    Floats = NDArray[np.float64]

_FLOORS = np.linspace(0, 1, 21)
_WEAKEST = 0.3  # of the floor, for the weakest letter alone
_FOLDS = 5
_MAX_NAMES = 20_000  # of a category, to bound the time
_MIN_NATS, _ENOUGH_NATS = 8.0, 14.0


class Limits(NamedTuple):
    """What a name must reach: the mean and the lowest log-probability of its letters, and the number of letters."""

    mean: float
    weakest: float
    length: int


@dataclass(frozen=True, eq=False)
class Plausibility:
    """The limits of each category.

    Attributes:
        limits: the mean and the lowest log-probability of a letter, in nats, that names must reach at floors from 0 to
            1 in equal steps, (categories, floors, 2) float32.
        shortest: the number of letters of the shortest training name of each category, (categories,) int64.
    """

    limits: NDArray[np.float32]
    shortest: NDArray[np.int64]

    @classmethod
    def fit(cls, dataset: Dataset, order: int) -> Plausibility:
        """Cross-validate n-grams of an order on the names of a dataset."""
        dataset = dataset.select(_rank_in_category(dataset) < _MAX_NAMES)
        means, weakest = _cross_validate(dataset, order)
        nats = -means * (dataset.lengths + 1)
        limits, shortest = [], []
        for category in range(len(dataset.categories)):
            own = dataset.category_of == category
            limits.append(_find_limits(means[own], weakest[own], float(nats[own].mean())))
            shortest.append(dataset.lengths[own].min())
        return cls(np.stack(limits).astype(np.float32), np.array(shortest, dtype=np.int64))

    def at(self, category: Category, floor: float) -> Limits:
        """Return the limits of a category at a floor from 0 to 1; for a blend, the mean of its categories' limits."""
        shares = np.zeros(len(self.shortest))
        shares[category if isinstance(category, int) else slice(None)] = 1 if isinstance(category, int) else category
        floors = np.linspace(0, 1, self.limits.shape[1])
        own = np.flatnonzero(shares)
        mean, weakest = (
            float(sum(shares[index] * np.interp(floor, floors, self.limits[index, :, score]) for index in own))
            for score in range(2)
        )
        return Limits(mean, weakest, int(self.shortest[own].min()))

    def join(self, other: Plausibility) -> Plausibility:
        """Return the limits of these categories and, after them, of the other's."""
        return Plausibility(
            np.concatenate([self.limits, other.limits]), np.concatenate([self.shortest, other.shortest])
        )


def _find_limits(means: Floats, weakest: Floats, nats: float) -> Floats:
    """Return the limits at each floor, (floors, 2), from the scores of real names and their mean information."""
    share = min(1.0, max(0.0, (nats - _MIN_NATS) / (_ENOUGH_NATS - _MIN_NATS)))
    limits = []
    for floor in _FLOORS * share:
        weakest_limit = np.quantile(weakest, floor * _WEAKEST)
        ranked = np.sort(means[weakest >= weakest_limit])
        rejected = round(floor * len(means)) - (len(means) - len(ranked))
        limits.append([ranked[min(max(rejected, 0), len(ranked) - 1)], weakest_limit])
    return np.array(limits)


def _cross_validate(dataset: Dataset, order: int) -> tuple[Floats, Floats]:
    """Return the mean and the lowest log-probability of the letters of each name by an n-gram of the others."""
    _, number = np.unique(dataset.hashes, return_inverse=True)  # repeats of a name are in the same fold
    folds = number % min(_FOLDS, len(dataset))
    means, weakest = np.zeros((2, len(dataset)))
    for fold in np.flatnonzero(np.bincount(folds)):
        others = dataset.select(folds != fold)
        ngram = NGram.fit(others if len(others) else dataset, order)
        for category in np.flatnonzero(np.bincount(dataset.category_of[folds == fold])).tolist():
            chosen = (folds == fold) & (dataset.category_of == category)
            names, own = dataset.select(chosen), ngram.select(category)
            contexts, letters, name_of = list_positions(names.letters, names.lengths, ngram.outputs - 1, order - 1)
            scores = own.score(own.find(contexts), letters)
            means[chosen] = np.bincount(name_of, scores) / (names.lengths + 1)
            weakest[chosen] = np.minimum.reduceat(scores, np.flatnonzero(np.diff(name_of, prepend=-1)))
    return means, weakest


def _rank_in_category(dataset: Dataset) -> NDArray[np.int64]:
    """Return the rank of each name among the hashes of its category, (names,)."""
    order = np.lexsort((dataset.hashes, dataset.category_of))
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order)) - np.searchsorted(dataset.category_of[order], dataset.category_of[order])
    return ranks

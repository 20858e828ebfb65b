"""How plausible real names are to the n-gram of their category: what a plausibility floor is measured against.

Three things are judged: the total log-probability of a name's letters and its end, divided by the square root of their
number; the lowest of them; and the number of letters, since names that are too short read as fragments. The limits for
a floor F are such that the share F of real names is below at least one of them. The scores of real names are
cross-validated: an n-gram of the other names gives them, or a name would be too plausible to the n-gram that has
counted it. Weights of names count in the n-grams, but not in the shares of names.

In a category whose names carry little information, the most plausible names are nearly all known. So the share of real
names to reject falls from F for names of 14 nats to 0 for names of 9.5 nats, some 13,000 equally likely names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from namegen.models.category_ngram import list_positions
from namegen.models.inference import to_shares
from namegen.models.ngram import NGram

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen.datasets.dataset import Dataset
    from namegen.models.inference import Category
    from namegen.models.ngram import Smoothing

    Floats = NDArray[np.float64]

_FLOORS = np.linspace(0, 1, 21)
_WEAKEST, _LENGTH = 0.3, 0.1  # of the floor, for the weakest letter alone and for the length alone
_FOLDS = 5
_MAX_NAMES = 20_000  # of a category, to bound the time
_MIN_NATS, _ENOUGH_NATS = 9.5, 14.0


def scale(totals: NDArray[np.floating], letters: NDArray[np.integer]) -> Floats:
    """Divide total log-probabilities by the square root of the numbers of letters, ends included, (names,).

    This predicts better than their mean which names a reader rejects: a long name has more letters that may be odd.
    """
    scaled: Floats = totals / np.sqrt(np.maximum(letters, 1))
    return scaled


class Limits(NamedTuple):
    """Limits for a name: its total log-probability (:func:`scale`), the lowest one, and the number of letters."""

    total: float
    weakest: float
    length: float


@dataclass(frozen=True, eq=False, repr=False)
class Plausibility:
    """The limits of each category.

    Attributes:
        limits: the total log-probability (:func:`scale`), the lowest one of a letter, both in nats, and the number of
            letters that names must reach at floors from 0 to 1 in equal steps, (categories, floors, 3) float32.
    """

    limits: NDArray[np.float32]

    @classmethod
    def fit(
        cls, dataset: Dataset, order: int, smoothing: Smoothing = "kneser-ney", strictness: Floats | None = None
    ) -> Plausibility:
        """Cross-validate n-grams on the names of a dataset.

        Args:
            dataset: the names.
            order: as for :meth:`NGram.fit`.
            smoothing: as for :meth:`NGram.fit`.
            strictness: a factor of the share of real names to reject, for each category, (categories,); 1 by default.
        """
        dataset = dataset.limit(_MAX_NAMES)
        totals, weakest = _cross_validate(dataset, order, smoothing)
        scores = np.column_stack([totals, weakest, dataset.lengths])
        factors = np.ones(len(dataset.categories)) if strictness is None else strictness
        limits = [_find_limits(scores[dataset.category_of == index], factor) for index, factor in enumerate(factors)]
        return cls(np.stack(limits).astype(np.float32))

    def at(self, category: Category, floor: float) -> Limits:
        """Return the limits of a category at a floor from 0 to 1; for a blend, the mean of its categories' limits."""
        shares = to_shares(category, len(self.limits))
        own = np.flatnonzero(shares)
        by_floor = np.tensordot(shares[own], self.limits[own], axes=1)
        floors = np.linspace(0, 1, len(by_floor))
        return Limits(*(float(np.interp(floor, floors, limits)) for limits in by_floor.T))

    def join(self, other: Plausibility) -> Plausibility:
        """Return the limits of these categories and, after them, of the other's."""
        return Plausibility(np.concatenate([self.limits, other.limits]))


def _find_limits(scores: Floats, strictness: float) -> Floats:
    """Return the limits of a category at each floor, (floors, 3), from the scores of its real names, (names, 3)."""
    totals, weakest, lengths = scores.T
    scaled, nats = scale(totals, lengths + 1), float(-totals.mean())
    share = min(1.0, max(0.0, (nats - _MIN_NATS) / (_ENOUGH_NATS - _MIN_NATS)))
    limits = []
    for floor in np.minimum(_FLOORS * share * strictness, 1):
        weakest_limit = np.quantile(weakest, floor * _WEAKEST, method="lower")
        length_limit = np.quantile(lengths, floor * _LENGTH, method="lower")
        ranked = np.sort(scaled[(weakest >= weakest_limit) & (lengths >= length_limit)])
        rejected = round(floor * len(scaled)) - (len(scaled) - len(ranked))
        limits.append([ranked[min(max(rejected, 0), len(ranked) - 1)], weakest_limit, length_limit])
    return np.array(limits)


def _cross_validate(dataset: Dataset, order: int, smoothing: Smoothing) -> tuple[Floats, Floats]:
    """Return the total and the lowest log-probability of the letters of each name by an n-gram of the others."""
    _, number = np.unique(dataset.hashes, return_inverse=True)  # repeats of a name are in the same fold
    folds = number % min(_FOLDS, len(dataset))
    totals, weakest = np.zeros((2, len(dataset)))
    for fold in np.flatnonzero(np.bincount(folds)):
        others = dataset.select(folds != fold)
        ngram = NGram.fit(others if len(others) else dataset, order, smoothing)
        for category in np.flatnonzero(np.bincount(dataset.category_of[folds == fold])).tolist():
            chosen = (folds == fold) & (dataset.category_of == category)
            names, own = dataset.select(chosen), ngram.select(category)
            contexts, letters, name_of = list_positions(names.letters, names.lengths, ngram.outputs - 1, order - 1)
            scores = own.score(own.find(contexts), letters)
            totals[chosen] = np.bincount(name_of, scores)
            weakest[chosen] = np.minimum.reduceat(scores, np.flatnonzero(np.diff(name_of, prepend=-1)))
    return totals, weakest

"""Bootstrap intervals over names (Efron 1979, "Bootstrap Methods: Another Look at the Jackknife").

Names are drawn again, with replacement, as many as there are in each category. The interval has the middle 95 % of the
values that a figure takes. With the same seed, all systems are measured on the same resamples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen.datasets.dataset import Dataset
    from namegen.evaluation.samples import Samples

    Floats = NDArray[np.float64]

Interval: TypeAlias = tuple[float, float]

RESAMPLES = 1000
_TAILS = (2.5, 97.5)  # percent
_INDICES_AT_A_TIME = 2**22  # bounds the memory


class Resampled:
    """The figures of a system in each resample.

    Args:
        seed: the seed of the resamples.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._categories: dict[str, dict[str, Floats]] = {}
        self._micro: Floats | None = None

    def add_losses(self, names: Dataset, nats: Floats) -> None:
        """Resample the losses, from the negative log-probability of each name's letters, (names,)."""
        totals = np.zeros((2, RESAMPLES))
        for index in np.flatnonzero(names.counts).tolist():
            chosen = names.category_of == index
            rng = np.random.default_rng([self._seed, 0, index])
            sums = resample_sums(rng, nats[chosen], names.lengths[chosen].astype(np.float64))
            totals += sums
            self._categories.setdefault(names.categories[index], {})["loss"] = sums[0] / sums[1]
        self._micro = totals[0] / totals[1]

    def add_samples(self, category: str, samples: Samples, novel: float | None, right: float | None) -> None:
        """Resample the figures of sampled names of a category, from their shares that are novel and right."""
        rng, figures = np.random.default_rng([self._seed, 1]), self._categories.setdefault(category, {})
        for name, share in (("novel", novel), ("right", right)):
            if share is not None:
                figures[name] = rng.binomial(len(samples), min(max(share, 0.0), 1.0), size=RESAMPLES) / len(samples)
        if len(samples):
            figures["length"] = resample_mean(rng, samples.lengths, samples.counts)

    def of_category(self, category: str) -> dict[str, Interval]:
        """Return the intervals of the figures of a category."""
        return {name: find_interval(values) for name, values in self._categories[category].items()}

    def of_all(self) -> dict[str, Interval]:
        """Return the intervals of the means over the categories, and of the loss over all letters."""
        intervals = {}
        for name in ("loss", "novel", "right", "length"):
            values = [figures[name] for figures in self._categories.values() if name in figures]
            if values:
                intervals["macro" if name == "loss" else name] = find_interval(np.mean(values, axis=0))
        if self._micro is not None:
            intervals["micro"] = find_interval(self._micro)
        return intervals


def find_interval(values: Floats) -> Interval:
    """Return the interval of the values of a figure in all resamples, (resamples,)."""
    low, high = np.percentile(values, _TAILS)
    return float(low), float(high)


def resample_sums(rng: np.random.Generator, *values: Floats) -> tuple[Floats, ...]:
    """Return the sums of one or more values of each name in each resample, (resamples,) each.

    Args:
        rng: the source of random numbers.
        values: a value of each name, (names,).
    """
    names = len(values[0])
    sums = np.empty((len(values), RESAMPLES))
    rows = max(1, _INDICES_AT_A_TIME // max(1, names))
    for begin in range(0, RESAMPLES, rows):
        chosen = rng.integers(names, size=(min(rows, RESAMPLES - begin), names))
        for of_value, value in zip(sums, values, strict=True):
            of_value[begin : begin + rows] = value[chosen].sum(axis=1)
    return tuple(sums)


def resample_mean(rng: np.random.Generator, values: NDArray[np.int64], counts: NDArray[np.int64]) -> Floats:
    """Return the mean of whole numbers in each resample, (resamples,), of which each occurs a number of times."""
    occurring = np.bincount(values, counts)
    total = int(counts.sum())
    drawn = rng.multinomial(total, occurring / total, size=RESAMPLES)
    means: Floats = drawn @ np.arange(len(occurring)) / total
    return means

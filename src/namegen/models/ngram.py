"""Interpolated n-grams of letters: classical models of names, one for each category.

For a context h, the previous letters, and h', the context without its earliest letter, the probability of a letter is::

    P(w | h) = (c(h w) + b(h) P(w | h')) / (c(h) + b(h))

where c(h) is the sum of c(h w) over all letters w. Below the empty context all letters and the end are equally likely.
Order 3 uses the two previous letters. The smoothing determines c and b:

- ``witten-bell`` (Witten and Bell 1991, "The zero-frequency problem"): c counts occurrences, and b(h) is the number of
  different letters that follow h.
- ``kneser-ney``: the interpolated "modified Kneser-Ney" of Chen and Goodman (1999, "An empirical study of smoothing
  techniques for language modeling"). For the longest contexts, n counts occurrences. For shorter ones it counts the
  different letters before h w, unless h starts the name. c(h w) = n(h w) - D(n(h w)), where D is the discount for a
  count of 1, of 2, or of 3 and more, and b(h) is the sum of all discounts after h.

The n-grams of a category are stored as rows of letters. The probabilities of a context are computed when they are first
needed, and kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from namegen.models.category_ngram import CategoryNGram, Level, list_positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen.datasets.dataset import Dataset

    Integers = NDArray[np.integer]
    Floats = NDArray[np.float64]

Smoothing: TypeAlias = Literal["kneser-ney", "witten-bell"]

MAX_ORDER = 16
_MAX_TIMES = 10_000  # a name counts


@dataclass(frozen=True, eq=False, repr=False)
class NGram:
    """The n-grams of each category of a dataset: those with the longest context that occurs.

    Attributes:
        outputs: the number of letters plus 1; the last index is the end of a name, or in a context its start.
        letters: the n-grams, (n-grams, order): the predicted letter or end, then the letters before it, the last one
            first. The start of a name is ``outputs - 1``, and ``outputs`` comes before it.
        counts: how often each n-gram occurs, (n-grams,).
        first: the first n-gram of each category, and the number of n-grams, (categories + 1,).
        discounts: Kneser and Ney's discounts for counts of 1, 2, and 3 or more, for each length of context,
            (order, 3); ``None`` for Witten and Bell's smoothing.
    """

    outputs: int
    letters: NDArray[np.unsignedinteger]
    counts: NDArray[np.int64]
    first: NDArray[np.int64]
    discounts: Floats | None
    _levels: dict[int, list[Level]] = field(default_factory=dict, init=False)

    @classmethod
    def fit(cls, dataset: Dataset, order: int, smoothing: Smoothing = "kneser-ney") -> NGram:
        """Count the n-grams of a dataset.

        If the names have weights, a name counts as often as its weight is greater than the median of its category,
        rounded, but at least once and at most 10,000 times. So most names count once, as without weights, which
        Kneser and Ney's discounts need.

        Args:
            dataset: the names.
            order: the number of letters of an n-gram, the predicted one included.
            smoothing: ``kneser-ney``, with the same discounts for all categories, or ``witten-bell``.
        """
        outputs = len(dataset.alphabet) + 1
        contexts, targets, names = list_positions(dataset.letters, dataset.lengths, outputs - 1, order - 1)
        rows = np.column_stack([targets, contexts])
        category = dataset.category_of[names].astype(np.int64)
        times = _count_times(dataset)
        rows, counts, category = _count_rows(rows, category, outputs, None if times is None else times[names])
        first = np.searchsorted(category, np.arange(len(dataset.categories) + 1))
        dtype = np.uint8 if outputs < 2**8 else np.uint16 if outputs < 2**16 else np.uint32
        ngram = cls(outputs, rows.astype(dtype), counts, first, None)
        return ngram if smoothing == "witten-bell" else ngram._with_discounts()

    @property
    def order(self) -> int:
        """The number of letters of an n-gram."""
        return int(self.letters.shape[1])

    def select(self, category: int, min_context: int = 0) -> CategoryNGram:
        """Return the n-gram of a category.

        Args:
            category: the index of the category.
            min_context: the number of letters of the shortest context to use. Below it all letters and the end are
                equally likely.
        """
        if category not in self._levels:
            rows = slice(self.first[category], self.first[category + 1])
            is_kneser_ney = self.discounts is not None
            self._levels[category] = _count_levels(
                self.letters[rows], self.counts[rows], self.outputs, is_kneser_ney=is_kneser_ney
            )
        return CategoryNGram(self._levels[category], self.outputs, self.discounts, min_context)

    def log_probabilities(self, letters: Integers, lengths: Integers) -> Floats:
        """Return the log-probability of names in each category, in nats, (names, categories).

        Args:
            letters: the indices of the letters of all names, concatenated, (letters,).
            lengths: the number of letters of each name, (names,).
        """
        categories = range(len(self.first) - 1)
        return np.column_stack([self.select(category).log_probabilities(letters, lengths) for category in categories])

    def pool(self) -> NGram:
        """Return the n-gram of all categories together, as one category."""
        return NGram(self.outputs, self.letters, self.counts, np.array([0, len(self.letters)]), self.discounts)

    def join(self, other: NGram) -> NGram:
        """Return the n-grams of these categories and, after them, of the other's, with the discounts of these."""
        width = max(self.order, other.order)
        letters = np.concatenate([_widen(ngram.letters, width, self.outputs) for ngram in (self, other)])
        first = np.concatenate([self.first, self.first[-1] + other.first[1:]])
        discounts = self.discounts
        if discounts is not None and width > self.order:
            discounts = np.concatenate([discounts, np.repeat(discounts[-1:], width - self.order, axis=0)])
        return NGram(self.outputs, letters, np.concatenate([self.counts, other.counts]), first, discounts)

    def _with_discounts(self) -> NGram:
        """Return the n-gram with Kneser and Ney's discounts, estimated from all categories together."""
        kinds = np.zeros((self.order, 4))
        all_levels = {}
        for category in range(len(self.first) - 1):
            rows = slice(self.first[category], self.first[category + 1])
            levels = _count_levels(self.letters[rows], self.counts[rows], self.outputs, is_kneser_ney=True)
            all_levels[category] = levels
            for length, level in enumerate(levels):
                kinds[length] += np.bincount(np.minimum(level.counts, 5), minlength=6)[1:5]
        # Adding one to each number keeps discounts from being 0 or the whole count if there are few data.
        kinds += 1.0
        share = kinds[:, :1] / (kinds[:, :1] + 2 * kinds[:, 1:2])
        ranks = np.arange(1, 4)
        discounts = np.clip(ranks - (ranks + 1) * share * kinds[:, 1:] / kinds[:, :-1], 0.01, ranks - 0.01)
        ngram = NGram(self.outputs, self.letters, self.counts, self.first, discounts)
        ngram._levels.update(all_levels)  # which do not depend on the discounts
        return ngram


def _count_levels(letters: Integers, counts: NDArray[np.int64], outputs: int, *, is_kneser_ney: bool) -> list[Level]:
    """Count the followers of the contexts of each length in the n-grams of one category.

    Args:
        letters: the distinct n-grams, as in :attr:`NGram.letters`.
        counts: their counts.
        outputs: the number of outputs.
        is_kneser_ney: whether to count, for all but the longest contexts, the different letters before instead of the
            occurrences.
    """
    letters = letters.astype(np.int64)
    targets, order = letters[:, 0], letters.shape[1]
    nodes = [np.zeros(len(letters), dtype=np.int64)]  # of each n-gram's context of each length, -1 if it is shorter
    keys = [np.zeros(1, dtype=np.int64)]
    for length in range(1, order):
        earliest, before = letters[:, length], nodes[-1]
        there = (before >= 0) & (earliest < outputs)
        own_keys, own = np.unique(before[there] * outputs + earliest[there], return_inverse=True)
        node = np.full(len(letters), -1, dtype=np.int64)
        node[there] = own
        nodes.append(node)
        keys.append(own_keys)
    lengths = sum((node >= 0).astype(np.int64) for node in nodes[1:]) + np.zeros(len(letters), dtype=np.int64)
    levels: list[Level] = []
    pairs, weights = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)  # of the longer contexts, shortened
    for length in reversed(range(order)):
        longest = lengths == length
        pairs = np.concatenate([pairs, nodes[length][longest] * outputs + targets[longest]])
        weights = np.concatenate([weights, counts[longest]])
        pairs, which = np.unique(pairs, return_inverse=True)
        weights = np.bincount(which, weights, minlength=len(pairs)).astype(np.int64)
        owners, followers = np.divmod(pairs, outputs)
        levels.append(
            Level(keys[length], np.searchsorted(owners, np.arange(len(keys[length]) + 1)), followers, weights)
        )
        if length:
            pairs = keys[length][owners] // outputs * outputs + followers
            if is_kneser_ney:
                weights = np.ones_like(weights)
    return levels[::-1]


def _count_times(dataset: Dataset) -> NDArray[np.int64] | None:
    """Return how often each name of a dataset counts, (names,), or ``None`` for once."""
    if dataset.weights is None:
        return None
    medians = np.ones(len(dataset.categories))
    for category in np.flatnonzero(dataset.counts).tolist():
        medians[category] = np.median(dataset.weights[dataset.category_of == category])
    times = np.rint(dataset.weights / medians[dataset.category_of])
    return np.clip(times, 1, _MAX_TIMES).astype(np.int64)


def _count_rows(
    rows: NDArray[np.int64], category: NDArray[np.int64], outputs: int, times: NDArray[np.int64] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct rows of each category, their counts and their categories, in order.

    ``times`` says how often each row counts, (rows,); ``None`` for once.
    """
    keys = category
    for column in reversed(range(rows.shape[1])):
        if keys.max(initial=0) >= 2**62 // (outputs + 1):
            keys = np.unique(keys, return_inverse=True)[1]
        keys = keys * (outputs + 1) + rows[:, column]
    if times is None:
        _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    else:
        _, first, which = np.unique(keys, return_index=True, return_inverse=True)
        counts = np.bincount(which, times, minlength=len(first)).astype(np.int64)
    return rows[first], counts, category[first]


def _widen(letters: NDArray[np.unsignedinteger], width: int, outputs: int) -> NDArray[np.unsignedinteger]:
    return np.pad(letters, ((0, 0), (0, width - letters.shape[1])), constant_values=outputs)

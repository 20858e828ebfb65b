"""An interpolated n-gram of letters: a classical model of names.

The probability of a letter is Witten and Bell's (1991, "The zero-frequency problem"), interpolated as in Chen and
Goodman (1999, "An empirical study of smoothing techniques for language modeling"). For a context h, the previous
letters, and h', the context without its earliest letter::

    P(w | h) = (n(h w) + t(h) P(w | h')) / (n(h) + t(h))

where n counts occurrences in the training names of one category, and t(h) is the number of different letters that
follow h. Below the empty context all letters and the end are equally likely. Order 3 uses the two previous letters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen.datasets.dataset import Dataset

    Integers = NDArray[np.integer]
    Floats = NDArray[np.float64]


_ABSENT = -1
_ROWS = 4096  # contexts at a time, to bound the memory


class _Level(NamedTuple):
    """The contexts of one length that occur, numbered by their position in ``keys``.

    Attributes:
        keys: the number of the context without its earliest letter, times the number of outputs, plus that letter;
            ascending, (contexts,). The key of the empty context is the category.
        totals: n(h), (contexts,).
        kinds: t(h), (contexts,).
        first: the index of the first follower of each context, and the number of followers, (contexts + 1,).
        followers: the letters, or the end, that follow each context, (followers,).
        counts: n(h w), (followers,).
    """

    keys: NDArray[np.int64]
    totals: NDArray[np.int64]
    kinds: NDArray[np.int64]
    first: NDArray[np.int64]
    followers: NDArray[np.int64]
    counts: NDArray[np.int64]

    def find(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of contexts by their keys, ``_ABSENT`` for contexts that do not occur."""
        found = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[found] == keys, found, _ABSENT)


@dataclass(frozen=True, eq=False)
class NGram:
    """An n-gram of each category of a dataset.

    Attributes:
        categories: the number of categories.
        outputs: the number of letters plus 1; the last index is the end of a name, or in a context its start.
        levels: the counts for each length of context, from 0.
    """

    categories: int
    outputs: int
    levels: tuple[_Level, ...]

    @classmethod
    def fit(cls, dataset: Dataset, order: int = 3) -> NGram:
        """Count the n-grams of ``order`` letters, including the predicted one, of a dataset."""
        outputs = len(dataset.alphabet) + 1
        contexts, targets, names = positions(dataset.letters, dataset.lengths, outputs - 1, order - 1)
        nodes, levels = dataset.category_of[names].astype(np.int64), []
        for length in range(order):
            if length:
                earliest = contexts[:, length - 1]
                inside = (nodes != _ABSENT) & (earliest != _ABSENT)
                nodes = np.where(inside, nodes * outputs + earliest, _ABSENT)
            there = nodes != _ABSENT
            keys, numbers = np.unique(nodes[there], return_inverse=True)
            nodes[there] = numbers
            pairs, counts = np.unique(nodes[there] * outputs + targets[there], return_counts=True)
            owners = pairs // outputs
            first = np.searchsorted(owners, np.arange(len(keys) + 1))
            totals = np.bincount(owners, counts, minlength=len(keys)).astype(np.int64)
            levels.append(_Level(keys, totals, np.diff(first), first, pairs % outputs, counts))
        return cls(len(dataset.categories), outputs, tuple(levels))

    @property
    def order(self) -> int:
        """The number of letters of an n-gram."""
        return len(self.levels)

    def probabilities(self, category: Integers, contexts: Integers) -> Floats:
        """Return the probability of each letter, and of the end, to be next, (rows, outputs).

        Args:
            category: the index of the category of each row, (rows,).
            contexts: the previous letters, the last one first, (rows, order - 1). The start of a name is the letter
                ``outputs - 1``, and -1 comes before it.
        """
        probabilities = np.full((len(category), self.outputs), 1 / self.outputs)
        nodes = np.asarray(category, dtype=np.int64)
        for length, level in enumerate(self.levels):
            if length:
                earliest = contexts[:, length - 1]
                nodes = np.where((nodes != _ABSENT) & (earliest != _ABSENT), nodes * self.outputs + earliest, _ABSENT)
            nodes = level.find(nodes)
            rows = np.flatnonzero(nodes != _ABSENT)
            here = nodes[rows]
            many = level.first[here + 1] - level.first[here]
            each = np.repeat(np.arange(len(rows)), many)
            at = np.repeat(level.first[here] - np.cumsum(many) + many, many) + np.arange(many.sum())
            updated = probabilities[rows] * level.kinds[here, None]
            updated[each, level.followers[at]] += level.counts[at]
            probabilities[rows] = updated / (level.totals[here] + level.kinds[here])[:, None]
        return probabilities

    def log_probabilities(self, letters: Integers, lengths: Integers) -> Floats:
        """Return the log-probability of names in each category, in nats, (names, categories).

        Args:
            letters: the indices of the letters of all names, concatenated, (letters,).
            lengths: the number of letters of each name, (names,).
        """
        contexts, targets, names = positions(letters, lengths, self.outputs - 1, self.order - 1)
        pair_of = np.zeros(len(targets), dtype=np.int64)  # names share n-grams: each distinct one is looked up once
        first = np.zeros(min(1, len(targets)), dtype=np.int64)
        for column in [targets, *contexts.T]:
            keys = pair_of * (self.outputs + 1) + (column - _ABSENT)
            _, first, pair_of = np.unique(keys, return_index=True, return_inverse=True)
        scores = np.empty((len(lengths), self.categories))
        for category in range(self.categories):
            probabilities = np.empty(len(first))
            for begin in range(0, len(first), _ROWS):
                rows = first[begin : begin + _ROWS]
                table = self.probabilities(np.full(len(rows), category), contexts[rows])
                probabilities[begin : begin + _ROWS] = table[np.arange(len(rows)), targets[rows]]
            scores[:, category] = np.bincount(names, np.log(probabilities)[pair_of], minlength=len(lengths))
        return scores


def positions(
    letters: Integers, lengths: Integers, boundary_id: int, before: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the context, the letter and the index of the name of every position in names, their ends included.

    Args:
        letters: the indices of the letters of all names, concatenated, (letters,).
        lengths: the number of letters of each name, (names,).
        boundary_id: the index of the start and the end of a name.
        before: the number of letters in a context.

    Returns:
        The contexts, as for :meth:`NGram.probabilities`, (positions, before); the letters or ends, (positions,); the
        names' indices, (positions,).
    """
    # All names are concatenated, each with its start and its end.
    begin = np.concatenate([[0], np.cumsum(lengths + 2)])
    padded = np.full(begin[-1], boundary_id, dtype=np.int64)
    is_letter = np.ones(len(padded), dtype=np.bool_)
    is_letter[begin[:-1]] = is_letter[begin[1:] - 1] = False
    padded[is_letter] = letters
    is_letter[begin[1:] - 1] = True
    at = np.flatnonzero(is_letter)
    names = np.repeat(np.arange(len(lengths)), lengths + 1)
    back = at[:, None] - np.arange(1, before + 1)
    contexts = np.where(back >= begin[names][:, None], padded[np.maximum(back, 0)], _ABSENT)
    return contexts, padded[at], names

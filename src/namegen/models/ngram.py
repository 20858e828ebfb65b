"""An interpolated n-gram of letters: the classical model of names, and a judge that owes nothing to any network.

The probability of a letter given the ones before it is that of Witten and Bell (1991, "The zero-frequency problem"),
interpolated as Chen and Goodman (1999, "An empirical study of smoothing techniques for language modeling") write it.
For a context h, the letters before, of which h' is all but the earliest::

    P(w | h) = (n(h w) + t(h) P(w | h')) / (n(h) + t(h))

where n counts occurrences in the training names of one category, and t(h) is how many different letters follow h. Below
the empty context all letters and the end are equally likely. Order 3 looks at the two letters before.
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


_ROWS = 4096  # contexts at a time, which bounds the memory


class _Level(NamedTuple):
    """The contexts of one length that occur, each numbered by its place in ``keys``.

    Attributes:
        keys: the number of the context without its earliest letter, times the letters there are, plus that letter;
            ascending, (contexts,). For the empty context it is the category.
        totals: n(h), (contexts,).
        kinds: t(h), (contexts,).
        first: where the followers of each context begin, and the end, (contexts + 1,).
        followers: the letters that follow, or the end, (followers,).
        counts: n(h w) of each, (followers,).
    """

    keys: NDArray[np.int64]
    totals: NDArray[np.int64]
    kinds: NDArray[np.int64]
    first: NDArray[np.int64]
    followers: NDArray[np.int64]
    counts: NDArray[np.int64]

    def find(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of contexts by their keys, ``_ABSENT`` where they do not occur."""
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[place] == keys, place, _ABSENT)


@dataclass(frozen=True, eq=False)
class NGram:
    """An n-gram of each category of a dataset.

    Attributes:
        categories: how many categories there are.
        outputs: how many letters there are, and the end of a name; its index is that of the start of a name too.
        levels: what was counted, for each length of context from 0 on.
    """

    categories: int
    outputs: int
    levels: tuple[_Level, ...]

    @classmethod
    def fit(cls, dataset: Dataset, order: int = 3) -> NGram:
        """Count the n-grams of a dataset, a name's start and end included.

        Args:
            dataset: the training names.
            order: the letters of an n-gram, at least 1; the last of them is the one to be predicted.
        """
        outputs = len(dataset.alphabet) + 1
        contexts, targets, names = positions(dataset, order - 1)
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
        """The letters of an n-gram."""
        return len(self.levels)

    def probabilities(self, category: Integers, contexts: Integers) -> Floats:
        """Return how likely each letter, or the end, is to come next.

        Args:
            category: the index of the category of each row, (rows,).
            contexts: the letters before, the last one first, (rows, order - 1); before the first letter stands the
                start of the name (the index ``outputs - 1``), and before that -1.

        Returns:
            (rows, outputs); each row adds up to 1.
        """
        likely = np.full((len(category), self.outputs), 1 / self.outputs)
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
            updated = likely[rows] * level.kinds[here, None]
            updated[each, level.followers[at]] += level.counts[at]
            likely[rows] = updated / (level.totals[here] + level.kinds[here])[:, None]
        return likely

    def log_probabilities(self, letters: Integers, lengths: Integers) -> Floats:
        """Return how probable names are in each category, in nats, their first letters and their ends included.

        Args:
            letters: the indices of the letters of all names, one name after the other, (letters,).
            lengths: the number of letters of each name, (names,).

        Returns:
            (names, categories).
        """
        contexts, targets, names = _positions(letters, lengths, self.outputs - 1, self.order - 1)
        pair_of = np.zeros(len(targets), dtype=np.int64)  # names repeat what they are made of
        first = np.zeros(min(1, len(targets)), dtype=np.int64)
        for column in [targets, *contexts.T]:
            keys = pair_of * (self.outputs + 1) + (column - _ABSENT)
            _, first, pair_of = np.unique(keys, return_index=True, return_inverse=True)
        scores = np.empty((len(lengths), self.categories))
        for category in range(self.categories):
            likely = np.empty(len(first))
            for begin in range(0, len(first), _ROWS):
                rows = first[begin : begin + _ROWS]
                next_ones = self.probabilities(np.full(len(rows), category), contexts[rows])
                likely[begin : begin + _ROWS] = next_ones[np.arange(len(rows)), targets[rows]]
            scores[:, category] = np.bincount(names, np.log(likely)[pair_of], minlength=len(lengths))
        return scores


def positions(dataset: Dataset, before: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Go through every letter of every name, and its end.

    Args:
        dataset: the names.
        before: how many letters to look back.

    Returns:
        The letters before, the last one first, (positions, before): the start of the name counts as one, and before
        that stands -1; the letter, or the end, (positions,); which name it is in, (positions,).
    """
    return _positions(dataset.letters, dataset.lengths, dataset.alphabet.boundary_id, before)


def _positions(
    letters: Integers, lengths: Integers, boundary_id: int, before: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    # All names one after the other, each between its start and its end.
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

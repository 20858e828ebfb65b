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
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from namegen.datasets.dataset import Dataset

    Integers = NDArray[np.integer]
    Floats = NDArray[np.float64]

Smoothing: TypeAlias = Literal["kneser-ney", "witten-bell"]

MAX_ORDER = 16
ROOT = 0
"""The node of the empty context."""

_LEAST = np.finfo(np.float32).tiny  # a probability that has been rounded to 0
_NAMES_AT_A_TIME = 8192  # whose letters are scored, to bound the memory


@dataclass(frozen=True, eq=False)
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
    _levels: dict[int, list[_Level]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def fit(cls, dataset: Dataset, order: int, smoothing: Smoothing = "kneser-ney") -> NGram:
        """Count the n-grams of a dataset.

        Args:
            dataset: the names.
            order: the number of letters of an n-gram, the predicted one included.
            smoothing: ``kneser-ney``, with the same discounts for all categories, or ``witten-bell``.
        """
        outputs = len(dataset.alphabet) + 1
        contexts, targets, names = list_positions(dataset.letters, dataset.lengths, outputs - 1, order - 1)
        rows = np.column_stack([targets, contexts])
        category = dataset.category_of[names].astype(np.int64)
        rows, counts, category = _count_rows(rows, category, outputs)
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


class CategoryNGram:
    """The n-gram of one category, which reads names letter by letter.

    A node is the number of a context that occurs in the category, ``ROOT`` for the empty one.
    """

    def __init__(
        self, levels: Sequence[_Level], outputs: int, discounts: Floats | None = None, min_context: int = 0
    ) -> None:
        self._outputs, self._before, self._min_context = outputs, len(levels) - 1, min_context
        self._levels: list[_SmoothedLevel] = []
        sizes = [len(level.keys) for level in levels]
        self._offsets = np.cumsum([0, *sizes])
        nodes = int(self._offsets[-1])
        self._parents = np.zeros(nodes, dtype=np.int64)
        # The letters of each context, the last one first.
        self._letters = np.full((nodes, self._before), outputs, dtype=np.min_scalar_type(outputs))
        for length, level in enumerate(levels):
            if length:
                parents, earliest = np.divmod(level.keys, outputs)
                own = slice(self._offsets[length], self._offsets[length + 1])
                parents += self._offsets[length - 1]
                self._parents[own] = parents
                self._letters[own] = self._letters[parents]
                self._letters[own, length - 1] = earliest
            self._levels.append(_smooth(level, None if discounts is None else discounts[length]))
        # All letters that do not occur in the category have the same probability, which is the last column.
        self._own = np.flatnonzero(np.bincount(np.concatenate([level.followers for level in levels])))
        self._column_of = np.full(outputs, len(self._own), dtype=np.int64)
        self._column_of[self._own] = np.arange(len(self._own))
        self._has_all = len(self._own) == outputs
        # Only the contexts that are needed have a row: a large n-gram would take much memory.
        self._rows = np.empty((0, len(self._own) + 1), dtype=np.float32)
        self._row_of, self._known = np.full(nodes, -1, dtype=np.int32), 0
        self._next = np.empty(self._rows.shape, dtype=np.int32)  # the node after each letter, -1 if not yet known

    def advance(self, nodes: Integers, letters: Integers) -> NDArray[np.int64]:
        """Read a letter after each context; return the nodes of the longest contexts that occur, (rows,)."""
        rows, columns = self._row_of[nodes], self._column_of[letters]
        found = np.full(len(nodes), -1) if not self._known else np.where(rows < 0, -1, self._next[rows, columns])
        unknown = np.flatnonzero(found < 0)
        if len(unknown):
            contexts = np.concatenate([letters[unknown, None], self._letters[nodes[unknown], :-1]], axis=1)
            found[unknown] = self.find(contexts[:, : self._before])
            has_row = unknown[rows[unknown] >= 0]
            self._next[rows[has_row], columns[has_row]] = found[has_row]
        return found.astype(np.int64, copy=False)

    def probabilities(self, nodes: Integers) -> NDArray[np.float32]:
        """Return the probability of each letter, and of the end, to follow each context, (rows, outputs)."""
        rows = self._compute_rows(nodes)
        return rows[:, :-1] if self._has_all else rows[:, self._column_of]

    def split(self, nodes: Integers) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what the contexts that occur contribute to the probabilities, and what the distribution below does.

        The probabilities are the first plus the second times the distribution below the shortest context, which
        :meth:`probabilities` takes to be uniform.

        Returns:
            The contributions to each output, (rows, outputs), and the weight of the distribution below, (rows, 1).
        """
        rows = self._compute_rows(nodes)
        below = rows[:, -1:]
        own = rows[:, :-1] if self._has_all else rows[:, self._column_of]
        return own - below, below * np.float32(self._outputs)

    def log_probabilities(self, letters: Integers, lengths: Integers) -> Floats:
        """Return the log-probability of each name, its end included, in nats, (names,).

        Args:
            letters: the indices of the letters of all names, concatenated, (letters,).
            lengths: the number of letters of each name, (names,).
        """
        scores, begins = np.empty(len(lengths)), np.concatenate([[0], np.cumsum(lengths)])
        for begin in range(0, len(lengths), _NAMES_AT_A_TIME):
            some = slice(begin, begin + _NAMES_AT_A_TIME)
            own = letters[begins[begin] : begins[min(begin + _NAMES_AT_A_TIME, len(lengths))]]
            contexts, targets, names = list_positions(own, lengths[some], self._outputs - 1, self._before)
            scores[some] = np.bincount(names, self.score(self.find(contexts), targets), minlength=len(lengths[some]))
        return scores

    def find(self, contexts: Integers) -> NDArray[np.int64]:
        """Return the node of the longest part of each context that occurs, (rows,).

        Args:
            contexts: the previous letters, the last one first, (rows, order - 1), as in :attr:`NGram.letters`.
        """
        found, positions = np.zeros((2, len(contexts)), dtype=np.int64)
        rows = np.arange(len(contexts))
        for length, keys in enumerate((level.keys for level in self._levels[1:]), 1):
            earliest = contexts[rows, length - 1]
            wanted = positions * self._outputs + earliest
            at = np.searchsorted(keys, wanted)
            at[at == len(keys)] = 0
            is_found = np.zeros(len(rows), dtype=np.bool_) if not len(keys) else keys[at] == wanted
            is_found &= earliest < self._outputs
            rows, positions = rows[is_found], at[is_found]
            if not len(rows):
                break
            found[rows] = positions + self._offsets[length]
        return found

    def score(self, nodes: Integers, letters: Integers, rows: Integers | None = None) -> NDArray[np.float32]:
        """Return the log-probability of letters, or of the end, after some contexts, (letters,).

        Args:
            nodes: the contexts, (contexts,).
            letters: the letters, (letters,).
            rows: the context of each letter, as an index of ``nodes``, (letters,); by default each has its own.
        """
        self._compute_missing(nodes)
        begins = self._row_of[nodes].astype(np.int64) * self._rows.shape[1]
        begins = begins if rows is None else begins.take(rows)
        scores: NDArray[np.float32] = self._rows.ravel().take(begins + self._column_of.take(letters))
        np.maximum(scores, _LEAST, out=scores)
        return np.log(scores, out=scores)

    def _compute_rows(self, nodes: Integers) -> NDArray[np.float32]:
        """Return the probabilities after some contexts, (rows, own letters + 1)."""
        self._compute_missing(nodes)
        return self._rows[self._row_of[nodes]]

    def _compute_missing(self, nodes: Integers) -> None:
        """Compute the probabilities after some contexts that are not yet known."""
        missing = nodes[self._row_of[nodes] < 0]
        if not len(missing):
            return
        missing = _sort_distinct(missing)
        by_length = []
        for length in reversed(range(len(self._levels))):
            shorter, own = np.split(missing, [np.searchsorted(missing, self._offsets[length])])
            by_length.append(own)
            parents = self._parents[own]
            missing = _sort_distinct(np.concatenate([shorter, parents[self._row_of[parents] < 0]]))
        for length, own in enumerate(reversed(by_length)):
            if len(own):
                self._compute_level(length, own)

    def _compute_level(self, length: int, nodes: Integers) -> None:
        """Compute the probabilities after contexts of one length, whose shorter contexts are known."""
        if length < self._min_context:
            self._add_rows(nodes, np.full((len(nodes), self._rows.shape[1]), 1 / self._outputs))
            return
        level, here = self._levels[length], nodes - self._offsets[length]
        if length:
            rows = self._rows[self._row_of[self._parents[nodes]]].astype(np.float64)
        else:
            rows = np.full((1, self._rows.shape[1]), 1 / self._outputs)
        rows *= level.backoff[here, None]
        many = level.first[here + 1] - level.first[here]
        each = np.repeat(np.arange(len(here)), many)
        at = np.repeat(level.first[here] - np.cumsum(many) + many, many) + np.arange(many.sum())
        rows[each, self._column_of[level.followers[at]]] += level.weights[at]
        rows /= (level.totals[here] + level.backoff[here])[:, None]
        self._add_rows(nodes, rows)

    def _add_rows(self, nodes: Integers, rows: Floats) -> None:
        known = self._known + len(nodes)
        if known > len(self._rows):
            shape = (max(known, 2 * len(self._rows)), self._rows.shape[1])
            larger, later = np.empty(shape, dtype=np.float32), np.full(shape, -1, dtype=np.int32)
            larger[: self._known], later[: self._known] = self._rows[: self._known], self._next[: self._known]
            self._rows, self._next = larger, later
        self._rows[self._known : known] = rows
        self._row_of[nodes] = np.arange(self._known, known)
        self._known = known


class _Level(NamedTuple):
    """The contexts of one length that occur, numbered by their position in ``keys``.

    Attributes:
        keys: the number of the context without its earliest letter, times the number of outputs, plus that letter;
            ascending, (contexts,).
        first: the index of the first follower of each context, and the number of followers, (contexts + 1,).
        followers: the letters, or the end, that follow each context, ascending, (followers,).
        counts: n(h w), (followers,).
    """

    keys: NDArray[np.int64]
    first: NDArray[np.int64]
    followers: NDArray[np.int64]
    counts: NDArray[np.int64]


class _SmoothedLevel(NamedTuple):
    """The contexts of one length with c(h w) as ``weights``, c(h) as ``totals`` and b(h) as ``backoff``."""

    keys: NDArray[np.int64]
    first: NDArray[np.int64]
    followers: NDArray[np.int64]
    weights: Floats
    totals: Floats
    backoff: Floats


def _smooth(level: _Level, discounts: Floats | None) -> _SmoothedLevel:
    contexts = len(level.keys)
    many = np.diff(level.first)
    owners = np.repeat(np.arange(contexts), many)
    weights, backoff = level.counts.astype(np.float64), many.astype(np.float64)
    if discounts is not None:
        taken = discounts[np.minimum(level.counts, 3) - 1]
        weights -= taken
        backoff = np.bincount(owners, taken, minlength=contexts).astype(np.float64)
    totals = np.bincount(owners, weights, minlength=contexts).astype(np.float64)
    backoff[many == 0] = 1.0  # the empty context of a category without names
    return _SmoothedLevel(level.keys, level.first, level.followers, weights, totals, backoff)


def _count_levels(letters: Integers, counts: NDArray[np.int64], outputs: int, *, is_kneser_ney: bool) -> list[_Level]:
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
    levels: list[_Level] = []
    pairs, weights = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)  # of the longer contexts, shortened
    for length in reversed(range(order)):
        longest = lengths == length
        pairs = np.concatenate([pairs, nodes[length][longest] * outputs + targets[longest]])
        weights = np.concatenate([weights, counts[longest]])
        pairs, which = np.unique(pairs, return_inverse=True)
        weights = np.bincount(which, weights, minlength=len(pairs)).astype(np.int64)
        owners, followers = np.divmod(pairs, outputs)
        levels.append(
            _Level(keys[length], np.searchsorted(owners, np.arange(len(keys[length]) + 1)), followers, weights)
        )
        if length:
            pairs = keys[length][owners] // outputs * outputs + followers
            if is_kneser_ney:
                weights = np.ones_like(weights)
    return levels[::-1]


def _count_rows(
    rows: NDArray[np.int64], category: NDArray[np.int64], outputs: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct rows of each category, their counts and their categories, in order."""
    keys = category
    for column in reversed(range(rows.shape[1])):
        if keys.max(initial=0) >= 2**62 // (outputs + 1):
            keys = np.unique(keys, return_inverse=True)[1]
        keys = keys * (outputs + 1) + rows[:, column]
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    return rows[first], counts, category[first]


def _sort_distinct(values: Integers) -> Integers:
    """Do the same as ``np.unique``, but without its import of ``numpy.ma``, which takes 10 ms."""
    ordered = np.sort(values)
    distinct: Integers = ordered[np.diff(ordered, prepend=-1) > 0]
    return distinct


def _widen(letters: NDArray[np.unsignedinteger], width: int, outputs: int) -> NDArray[np.unsignedinteger]:
    return np.pad(letters, ((0, 0), (0, width - letters.shape[1])), constant_values=outputs)


def list_positions(
    letters: Integers, lengths: Integers, boundary_id: int, before: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the context, the letter and the index of the name of every position in names, their ends included.

    Args:
        letters: the indices of the letters of all names, concatenated, (letters,).
        lengths: the number of letters of each name, (names,).
        boundary_id: the index of the start and the end of a name.
        before: the number of letters in a context.

    Returns:
        The contexts, the last letter first, as in :attr:`NGram.letters`, (positions, before); the letters or ends,
        (positions,); the names' indices, (positions,).
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
    contexts = np.where(back >= begin[names][:, None], padded[np.maximum(back, 0)], boundary_id + 1)
    return contexts, padded[at], names

"""Read names letter by letter with the n-gram of one category; :mod:`namegen.models.ngram` has the equations."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Integers = NDArray[np.integer]
    Floats = NDArray[np.float64]

ROOT = 0
"""The node of the empty context."""

_LEAST = np.finfo(np.float32).tiny  # a probability that has been rounded to 0
_NAMES_AT_A_TIME = 8192  # whose letters are scored, to bound the memory


class CategoryNGram:
    """The n-gram of one category, which reads names letter by letter.

    A node is the number of a context that occurs in the category, ``ROOT`` for the empty one.
    """

    def __init__(
        self, levels: Sequence[Level], outputs: int, discounts: Floats | None = None, min_context: int = 0
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

    def __len__(self) -> int:
        """Return the number of contexts."""
        return len(self._parents)

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

    def bound_endings(self, longest: int) -> NDArray[np.float32]:
        """Return upper bounds of the log-probabilities with which names can go on after each context and end.

        A letter that has not followed a context is taken to be followed by the best ending after the shorter context.

        Args:
            longest: the most letters that may follow.

        Returns:
            In nats, by the number of letters that follow, (longest + 1, contexts).
        """
        end, nodes = self._outputs - 1, np.arange(len(self._parents))
        rows = np.log(np.maximum(self._compute_rows(nodes), _LEAST))
        follows = [np.repeat(np.arange(len(level.keys)), np.diff(level.first)) for level in self._levels]
        befores = np.concatenate([own + offset for own, offset in zip(follows, self._offsets[:-1], strict=True)])
        letters = np.concatenate([level.followers for level in self._levels])
        befores, letters = befores[letters != end], letters[letters != end]
        afters, scores = self.advance(befores, letters), rows[befores, self._column_of[letters]]
        is_first = np.diff(befores, prepend=-1) > 0
        first, with_letters = np.flatnonzero(is_first), befores[is_first]
        backoffs = [np.log(level.backoff / (level.totals + level.backoff)).astype(np.float32) for level in self._levels]
        best = np.full((longest + 1, len(nodes)), -np.inf, dtype=np.float32)
        best[0] = rows[:, self._column_of[end]]
        for more in range(1, longest + 1):
            own, shorter = best[more], best[more - 1]
            if len(first):
                own[with_letters] = np.maximum.reduceat(scores + shorter.take(afters), first)
            own[ROOT] = max(own[ROOT], rows[ROOT, -1] + shorter[ROOT])  # letters that do not occur in the category
            for length in range(1, len(self._levels)):
                part = slice(self._offsets[length], self._offsets[length + 1])
                np.maximum(own[part], backoffs[length] + own.take(self._parents[part]), out=own[part])
        return best

    def _compute_rows(self, nodes: Integers) -> NDArray[np.float32]:
        """Return the probabilities after some contexts, (rows, own letters + 1)."""
        self._compute_missing(nodes)
        return self._rows[self._row_of[nodes]]

    def _compute_missing(self, nodes: Integers) -> None:
        """Compute the probabilities after some contexts that are not yet known."""
        missing = nodes[self._row_of[nodes] < 0]
        if not len(missing):
            return
        missing = sort_distinct(missing)
        by_length = []
        for length in reversed(range(len(self._levels))):
            shorter, own = np.split(missing, [np.searchsorted(missing, self._offsets[length])])
            by_length.append(own)
            parents = self._parents[own]
            missing = sort_distinct(np.concatenate([shorter, parents[self._row_of[parents] < 0]]))
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


class Level(NamedTuple):
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


def _smooth(level: Level, discounts: Floats | None) -> _SmoothedLevel:
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


def sort_distinct(values: Integers) -> Integers:
    """Do the same as ``np.unique``, but without its import of ``numpy.ma``, which takes 10 ms."""
    ordered = np.sort(values)
    distinct: Integers = ordered[np.diff(ordered, prepend=-1) > 0]
    return distinct


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

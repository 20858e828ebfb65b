"""The most probable names of a category, found exactly: what the greedy choice of letters ought to be.

Names are the leaves of the tree of their prefixes, and a name is never more probable than any of its prefixes. So
whoever knows the probability of the N-th best name can leave out every prefix below it, and with that all the names
that begin so. Nobody knows it beforehand, so the tree is searched above a floor that is lowered until N names lie above
it: the iterative deepening of Korf (1985, "Depth-first iterative-deepening: an optimal admissible tree search"). Once
N names are found, the floor rises with the N-th best of them.

Above a floor the tree is searched depth first, the more probable prefixes first, as many of them to a step of the
network as are cheap. So few hidden states wait at any time, whatever the size of the tree.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from namegen.drawing import Spelling
from namegen.inference import MOST_ARITHMETIC, letters_within, rows_at_once
from namegen.scoring import log_shares, log_softmax

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from namegen.drawing import Source

    Integers = NDArray[np.integer]
    Floats = NDArray[np.float64]
    Accepts = Callable[[Spelling], NDArray[np.bool_]]

_ROWS = 1024  # prefixes to a step of the network: as fast as more, and they fit the processor's cache
_EFFORT = 2**20  # prefixes that are read before the search is given up: some four seconds
_EFFORT_PER_NAME = 64
_OUTPUTS_KEPT = 2**26  # of all prefixes that are read, as all of them may have to wait
_FIRST_FLOOR = 8  # the first guess: the N-th best name has a share of 1 / (8 N) of all names
_LOWERED_BY = math.log(4)  # which makes the tree about four times as large


class Ranking(NamedTuple):
    """The most probable names.

    Attributes:
        spelling: the names, the most probable first, equals by their letters' indices.
        log_probabilities: the natural logarithm of each name's probability given the category, (names,).
        complete: whether these are all that were asked for, or all that there are. If not, the search was given up;
            even so no other name is more probable than these.
    """

    spelling: Spelling
    log_probabilities: Floats
    complete: bool


def most_probable(source: Source, prefix: Integers, limit: int, count: int, accepts: Accepts) -> Ranking:
    """Find the most probable names by the network's own distribution, whatever the way letters are drawn.

    Args:
        source: the network; how letters are chosen (``source.config``) does not matter.
        prefix: what the names begin with, as letters' indices, (given,). Its letters count in the probabilities.
        limit: the most letters of a name, its prefix included; at least those of the prefix.
        count: how many names, at least 1.
        accepts: says which of some names count, (names,).

    Returns:
        ``count`` names, or fewer where there are no more, or where these are too rare to be found: after 2**20
        prefixes, or 64 for each name if these are more, the search is given up; earlier where the network or the
        alphabet is very large.
    """
    root, before = _read(source, prefix)
    floor, effort = -math.log(_FIRST_FLOOR * count), max(_effort(source), _EFFORT_PER_NAME * count)
    names: list[_Names] = []
    complete = False
    while not complete:
        search = _Search(source, limit, count, accepts, floor)
        finished, effort = search.run(root, effort)
        if not finished:  # what this search has found so far need not be the most probable
            break
        names, complete = search.names, search.found >= count or search.below == -math.inf
        floor = min(floor - _LOWERED_BY, search.below)
    spelling, scores = _ranked(names, count)
    return Ranking(spelling, scores + before, complete)


def _effort(source: Source) -> int:
    """Return how many prefixes may be read, whatever the number of names."""
    outputs, units = source.edge + 1, source.network.start().shape[1]
    in_time = letters_within(MOST_ARITHMETIC, units, outputs)
    return min(_EFFORT, in_time, _OUTPUTS_KEPT // outputs)


class _Prefixes(NamedTuple):
    """Distinct prefixes of one length that have been read.

    Attributes:
        letters: their letters, (prefixes, length).
        scores: the log-probability of each, given the first of all prefixes, (prefixes,).
        hidden: the hidden states after their last letters, (prefixes, H).
        following: the log-probability of each letter, or the end, to come next, (prefixes, O).
    """

    letters: NDArray[np.unsignedinteger]
    scores: Floats
    hidden: NDArray[np.float32]
    following: Floats


class _Waiting(NamedTuple):
    """Prefixes whose last letters are yet to be read.

    Attributes:
        known: the prefixes without their last letters.
        parents: which of them each goes on from, (prefixes,).
        last: the last letters, (prefixes,).
        scores: the log-probability of each, descending, (prefixes,).
    """

    known: _Prefixes
    parents: Integers
    last: Integers
    scores: Floats

    def between(self, begin: int, end: int) -> _Waiting:
        """Return some of the prefixes."""
        some = slice(begin, end)
        return _Waiting(self.known, self.parents[some], self.last[some], self.scores[some])


class _Names(NamedTuple):
    """Names of one length.

    Attributes:
        letters: their letters, (names, length).
        scores: the log-probability of each, (names,).
    """

    letters: NDArray[np.unsignedinteger]
    scores: Floats


class _Search:
    """A search of the tree above a floor, which rises once enough names have been found.

    Attributes:
        names: what has been found: the ``count`` best names above the floor, and others.
        found: how many these are, up to ``count``.
        below: the log-probability of the best prefix or name that was left out.
    """

    def __init__(self, source: Source, limit: int, count: int, accepts: Accepts, floor: float) -> None:
        self.names: list[_Names] = []
        self.below = -math.inf
        self._source, self._limit, self._count, self._accepts = source, limit, count, accepts
        self._floor, self._at_once = floor, rows_at_once(source.edge + 1, _ROWS)
        self._best = np.zeros(0)  # the scores of the best names so far, at most `count`
        self._stack: list[_Waiting] = []

    @property
    def found(self) -> int:
        return min(len(self._best), self._count)

    def run(self, root: _Prefixes, effort: int) -> tuple[bool, int]:
        """Search to the end, or until the effort is spent.

        Returns:
            Whether this is the end; and what is left of the effort, less than 0 if the last step took more.
        """
        self._extend(root)
        while self._stack:
            waiting = self._stack.pop()
            many = int(np.searchsorted(-waiting.scores, -self._floor, side="right"))  # the floor may have risen since
            if not many:
                continue
            if effort <= 0:
                return False, effort
            now = min(many, self._at_once)
            if many > now:
                self._stack.append(waiting.between(now, many))
            effort -= now
            self._extend(self._step(waiting.between(0, now)))
        return True, effort

    def _step(self, waiting: _Waiting) -> _Prefixes:
        """Read the last letters."""
        known, states = waiting.known, np.unique(waiting.parents)
        logits, hidden = self._source.network.step(
            waiting.last, known.hidden[states], np.searchsorted(states, waiting.parents)
        )
        letters = np.concatenate([known.letters[waiting.parents], waiting.last[:, None]], axis=1)
        return _Prefixes(letters, waiting.scores, hidden, log_softmax(logits))

    def _extend(self, prefixes: _Prefixes) -> None:
        """Note the names that end here, and put the prefixes that are a letter longer on the stack."""
        edge, length = self._source.edge, prefixes.letters.shape[1]
        totals = prefixes.scores[:, None] + prefixes.following
        if length == self._limit:
            totals[:, :edge] = -np.inf
        above = totals >= self._floor
        if not above.all():
            self.below = max(self.below, float(totals[~above].max()))
        ends = np.flatnonzero(above[:, edge])
        self._note(prefixes.letters[ends], totals[ends, edge])
        above[:, edge] = False
        parents, last = np.nonzero(above)
        scores = totals[parents, last]
        order = np.argsort(-scores, kind="stable")
        if len(order):
            last = last.astype(self._source.dtype)
            self._stack.append(_Waiting(prefixes, parents[order], last[order], scores[order]))

    def _note(self, letters: NDArray[np.unsignedinteger], scores: Floats) -> None:
        """Note names of one length, those that are accepted; raise the floor if there are enough."""
        if not len(letters):
            return
        names = Spelling(_padded(letters, 1), np.full(len(letters), letters.shape[1], dtype=np.int64))
        accepted = self._accepts(names)
        self.names.append(_Names(letters[accepted], scores[accepted]))
        self._best = np.concatenate([self._best, scores[accepted]])
        if self.found == self._count:
            self._best = np.partition(self._best, -self._count)[-self._count :]
            self._floor = float(self._best[0])


def _ranked(names: list[_Names], count: int) -> tuple[Spelling, Floats]:
    """Return the best names, at most ``count``, and the log-probability of each."""
    if not names:
        return Spelling.unended(0), np.zeros(0)
    width = max(1, *(some.letters.shape[1] for some in names))
    letters = np.concatenate([_padded(some.letters, width) for some in names])
    scores = np.concatenate([some.scores for some in names])
    lengths = np.repeat([some.letters.shape[1] for some in names], [len(some.scores) for some in names])
    if len(scores) > count:  # most of them need not be sorted
        good = scores >= np.partition(scores, -count)[-count]
        letters, scores, lengths = letters[good], scores[good], lengths[good]
    order = np.lexsort((lengths, *letters.T[::-1], -scores))[:count]
    return Spelling(letters[order], lengths[order]), scores[order]


def _read(source: Source, prefix: Integers) -> tuple[_Prefixes, float]:
    """Read the prefix that is given; returns it with a score of 0, and its log-probability."""
    letters = np.asarray(prefix, dtype=source.dtype)[None]
    hidden, score = source.network.start(), 0.0
    if source.sos:
        logits, hidden = source.network.step(np.array([source.edge]), hidden)
        following = log_softmax(logits)
    else:
        following = log_shares(source)[None]
    for letter in letters[0]:
        score += float(following[0, letter])
        logits, hidden = source.network.step(np.array([letter]), hidden)
        following = log_softmax(logits)
    return _Prefixes(letters, np.zeros(1), hidden, following), score


def _padded(letters: NDArray[np.unsignedinteger], width: int) -> NDArray[np.unsignedinteger]:
    """Return letters, (names, length), with zeros to a width of at least ``width``."""
    return np.pad(letters, ((0, 0), (0, max(0, width - letters.shape[1]))))

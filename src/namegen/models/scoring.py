"""How probable given names are, letter by letter, in numpy.

Names are read as a trie: sorted, those that begin alike lie side by side, and the network reads each distinct prefix
once, all prefixes of one length together. A trie depends on the names alone, so that one serves for all categories.

The probabilities are the model's own: at temperature 1, without dropout, nothing cut. Those of all letters together
with the end of the name make up the probability of the name given its category.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from namegen.models.inference import max_logits, max_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from namegen.datasets.encoding import EncodedNames
    from namegen.models.inference import Source

    Integers = NDArray[np.integer]
    Floats = NDArray[np.float64]


_NAMES_AT_A_TIME = 2048  # to a trie, which bounds the memory; more share little more


class NameScores(NamedTuple):
    """How probable names are, in nats.

    Attributes:
        first: the log-probability of the first letter given the category, (names,) float64; ``-inf`` where the network
            cannot choose it and no training name of the category begins so.
        rest: that of the letters from the second one to EOS, given the ones before, (names,) float64.
    """

    first: Floats
    rest: Floats

    @property
    def total(self) -> Floats:
        """The log-probability of the whole names given the category, (names,) float64."""
        return self.first + self.rest


def score_names(source: Source, spelling: EncodedNames) -> NameScores:
    """Return how probable names are in one category, or in a blend.

    Args:
        source: the network with its category. How it is to draw, ``source.config``, does not matter.
        spelling: names that have ended, in any order.
    """
    return _score(source, _tries(spelling, source.boundary_id), len(spelling.lengths))


def score_per_category(sources: Iterable[Source], spelling: EncodedNames, boundary_id: int) -> Iterator[NameScores]:
    """Go through several categories of one model; as :func:`score_names`, for each.

    Args:
        sources: the network with each category, taken one at a time.
        spelling: names that have ended, in any order; some ten thousands at most, for all their prefixes are kept.
        boundary_id: the index that ends a name.
    """
    tries = list(_tries(spelling, boundary_id))
    return (_score(source, tries, len(spelling.lengths)) for source in sources)


class _Level(NamedTuple):
    """The distinct prefixes of one length, and the names that begin so.

    Attributes:
        parents: the prefixes of one letter fewer that any of these goes on from, ascending, (states,).
        states: which of those each goes on from, (prefixes,), ascending.
        letters: their last letters, (prefixes,).
        names: the names of at least this length, (names,).
        rows: which prefix each of these begins with, (names,).
        targets: the letter that follows there, or the end, (names,).
    """

    parents: Integers
    states: Integers
    letters: Integers
    names: Integers
    rows: Integers
    targets: Integers


_Trie: TypeAlias = "tuple[Integers, list[_Level]]"
"""Which of the names a trie is of, (names,), and its levels, from the empty prefix on."""


def _tries(spelling: EncodedNames, boundary_id: int) -> Iterator[_Trie]:
    """Sort names and go through their tries, each of a bounded number of names."""
    if not len(spelling.lengths):
        return
    inside = np.arange(spelling.letters.shape[1] + 1) < spelling.lengths[:, None]
    letters = np.full(inside.shape, boundary_id, dtype=np.uint8 if boundary_id < 2**8 else np.uint16)
    letters[inside] = spelling.letters[inside[:, :-1]]
    order = np.lexsort(letters.T[::-1])
    at_a_time = max_rows(boundary_id + 1, _NAMES_AT_A_TIME)
    for begin in range(0, len(order), at_a_time):
        names = order[begin : begin + at_a_time]
        yield names, _levels(letters[names], spelling.lengths[names])


def _levels(letters: Integers, lengths: Integers) -> list[_Level]:
    """Return the distinct prefixes of names, by their length from 0 on.

    Args:
        letters: the letters of each name and the end, filled up with ends, (names, longest + 1); in ascending order.
        lengths: the number of letters of each, (names,).
    """
    count = len(lengths)
    alike = np.full(count, -1)  # how many letters, or more, each name has in common with the one before
    differ = letters[1:] != letters[:-1]
    alike[1:] = np.where(differ.any(axis=1), differ.argmax(axis=1), letters.shape[1])
    row_of, levels = np.zeros(count, dtype=np.int64), []
    for length in range(int(lengths.max()) + 1):
        # Names that begin alike lie side by side, and either all or none of them are this long.
        names = np.flatnonzero(lengths >= length)
        is_first = alike[names] < length
        is_first[0] = True
        first = names[is_first]
        parents = row_of[first]
        is_first_child = np.diff(parents, prepend=-1) > 0
        row_of[names] = np.cumsum(is_first) - 1
        levels.append(
            _Level(
                parents=parents[is_first_child],
                states=np.cumsum(is_first_child) - 1,
                letters=letters[first, length - 1],
                names=names,
                rows=row_of[names],
                targets=letters[names, length],
            )
        )
    return levels


def _score(source: Source, tries: Iterable[_Trie], count: int) -> NameScores:
    """Read the tries of ``count`` names in all."""
    scores = NameScores(np.empty(count), np.empty(count))
    for names, levels in tries:
        scores.first[names], scores.rest[names] = _read(source, levels, len(names))
    return scores


def _read(source: Source, levels: Iterable[_Level], count: int) -> NameScores:
    """Read one trie, of ``count`` names."""
    first, rest = np.empty(count), np.zeros(count)
    hidden = source.network.start()
    for length, level in enumerate(levels):
        if length:
            logits, hidden = source.network.step(level.letters, hidden[level.parents], level.states)
            rest[level.names] += log_softmax(logits)[level.rows, level.targets]
        elif source.sos:
            logits, hidden = source.network.step(np.array([source.boundary_id]), hidden)
            first[:] = log_softmax(logits)[0, level.targets]
        else:
            first[:] = log_first_letter_shares(source)[level.targets]
    return NameScores(first, rest)


def log_softmax(logits: NDArray[np.float32]) -> Floats:
    """Return the log-probabilities of outputs, (rows, outputs) float64.

    Raises:
        NamegenError: outputs are no numbers.
    """
    scores = logits.astype(np.float64)
    scores -= max_logits(scores)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return scores


def log_first_letter_shares(source: Source) -> Floats:
    """Return the log-probability of each first letter, and of no letter at all, as training names have them."""
    counts = np.append(source.first_letters, 0)
    with np.errstate(divide="ignore"):
        shares: Floats = np.log(counts / counts.sum())
    return shares

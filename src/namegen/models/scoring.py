"""Log-probabilities of names: the model's own, at temperature 1 and without dropout, top-k or top-p.

The names form a trie, so the network reads each distinct prefix once, all prefixes of one length in one step. A trie
does not depend on the category.
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


_NAMES_PER_TRIE = 2048  # bounds the memory; larger tries share hardly more prefixes


class NameScores(NamedTuple):
    """Log-probabilities of names, in nats.

    Attributes:
        first: the log-probability of the first letter given the category, (names,) float64; ``-inf`` if the network
            cannot choose it and no training name of the category begins with it.
        rest: the log-probability of the letters from the second to EOS, given the previous ones, (names,) float64.
    """

    first: Floats
    rest: Floats

    @property
    def total(self) -> Floats:
        """The log-probability of each name given the category, (names,) float64."""
        return self.first + self.rest


def score_names(source: Source, names: EncodedNames) -> NameScores:
    """Return the log-probabilities of names in a category or a blend."""
    return _score(source, _build_tries(names, source.boundary_id), len(names.lengths))


def score_per_category(sources: Iterable[Source], names: EncodedNames, boundary_id: int) -> Iterator[NameScores]:
    """Yield the scores of the same names in each of several categories of a model.

    The tries stay in memory, so ``names`` should be at most some ten thousands.
    """
    tries = list(_build_tries(names, boundary_id))
    return (_score(source, tries, len(names.lengths)) for source in sources)


class _Level(NamedTuple):
    """The distinct prefixes of one length, and the names that begin with them.

    Attributes:
        parents: the prefixes of the previous level that continue here, ascending, (states,).
        states: the index in ``parents`` of the prefix that each prefix continues, ascending, (prefixes,).
        letters: the last letter of each prefix, (prefixes,).
        names: the names of at least this length, (names,).
        rows: the prefix of each of these names, (names,).
        targets: the next letter, or the end, of each of these names, (names,).
    """

    parents: Integers
    states: Integers
    letters: Integers
    names: Integers
    rows: Integers
    targets: Integers


_Trie: TypeAlias = "tuple[Integers, list[_Level]]"  # the indices of its names, and its levels from the empty prefix


def _build_tries(names: EncodedNames, boundary_id: int) -> Iterator[_Trie]:
    """Sort names and yield their tries, each of a bounded number of names."""
    if not len(names.lengths):
        return
    inside = np.arange(names.letters.shape[1] + 1) < names.lengths[:, None]
    letters = np.full(inside.shape, boundary_id, dtype=np.int64)
    letters[inside] = names.letters[inside[:, :-1]]
    order = np.lexsort(letters.T[::-1])
    per_trie = max_rows(boundary_id + 1, _NAMES_PER_TRIE)
    for begin in range(0, len(order), per_trie):
        rows = order[begin : begin + per_trie]
        yield rows, list(_levels(letters[rows], names.lengths[rows], boundary_id))


def _levels(letters: Integers, lengths: Integers, boundary_id: int) -> Iterator[_Level]:
    """Yield the levels of a trie from letters padded with ends, (names, longest + 1)."""
    outputs, rows = boundary_id + 1, np.zeros(len(lengths), dtype=np.int64)
    prefixes = np.array([boundary_id])  # the row of the parent and the last letter as one number
    for length in range(int(lengths.max()) + 1):
        names = np.flatnonzero(lengths >= length)
        if length:
            prefixes, rows[names] = np.unique(rows[names] * outputs + letters[names, length - 1], return_inverse=True)
        parent_of, last = np.divmod(prefixes, outputs)
        parents, states = np.unique(parent_of, return_inverse=True)
        yield _Level(parents, states, last, names, rows[names], letters[names, length])


def _score(source: Source, tries: Iterable[_Trie], count: int) -> NameScores:
    scores = NameScores(np.zeros(count), np.zeros(count))
    for trie, levels in tries:
        hidden = source.network.start()
        for length, level in enumerate(levels):
            if length or source.sos:
                logits, hidden = source.network.step(level.letters, hidden[level.parents], level.states)
                log_probabilities = log_softmax(logits)
            else:
                log_probabilities = log_first_letter_shares(source)[None]
            part = scores.rest if length else scores.first
            part[trie[level.names]] += log_probabilities[level.rows, level.targets]
    return scores


def log_softmax(logits: NDArray[np.float32]) -> Floats:
    """Return the log-probabilities of logits, (rows, outputs) float64.

    Raises:
        NamegenError: logits are not finite.
    """
    scores = logits.astype(np.float64)
    scores -= max_logits(scores)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return scores


def log_first_letter_shares(source: Source) -> Floats:
    """Return the log of each first letter's share of the training names; ``-inf`` for the end of a name."""
    counts = np.append(source.first_letters, 0)
    with np.errstate(divide="ignore"):
        shares: Floats = np.log(counts / counts.sum())
    return shares

"""Sampling many names of one category at once, as a tree of their prefixes.

Many names share their prefixes, and the network needs to read each distinct prefix only once. Names are still sampled
independently: each takes its letters by its own random numbers (:mod:`namegen.sampling.rng`), and the tree only groups
those that have taken the same letters. So :func:`sample_prefix_tree` gives exactly the names of
:func:`~namegen.sampling.autoregressive.sample_autoregressive`, in whatever order the tree grows.

That order is chosen for speed and memory. Prefixes wait, by length, until there are enough for an efficient step. The
longest of which there are enough go first, so that few hidden states are kept; if there are enough of none, the
shortest, which feed the longer ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from namegen.datasets.encoding import UNFINISHED, EncodedNames
from namegen.models.inference import max_rows
from namegen.sampling.autoregressive import sample_first_letters
from namegen.sampling.decoding import choose_letters
from namegen.sampling.rng import FIRST_LETTER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from namegen.config import SamplingConfig
    from namegen.models.inference import Source
    from namegen.sampling.rng import Streams

    Integers = NDArray[np.integer]

_ROWS = 1024  # prefixes per step of the network: as fast as more, and they fit the processor's cache


def sample_prefix_tree(
    source: Source, config: SamplingConfig, prefix: Integers, limit: int, streams: Streams
) -> EncodedNames:
    """Sample names that share a prefix, (given,), like :func:`sample_autoregressive` with one maximum length."""
    tree = _Tree(source, config, prefix, limit, streams)
    while tree.levels:
        tree.grow()
    return tree.collect_names()


class _Prefixes(NamedTuple):
    """Distinct prefixes of one length, whose last letters are still to be read, and their names.

    Attributes:
        hidden: hidden states before the last letter, (states, H).
        states: the index of each prefix's hidden state, (prefixes,), ascending.
        letters: the last letters, (prefixes,).
        sizes: the number of names with each prefix, (prefixes,).
        names: the names, grouped by prefix, (names,).
    """

    hidden: NDArray[np.float32]
    states: Integers
    letters: Integers
    sizes: Integers
    names: Integers

    def split(self, count: int) -> tuple[_Prefixes, _Prefixes]:
        """Return the first ``count`` prefixes and the others."""
        hidden, states, letters, sizes, names = self
        cut, last, first = int(sizes[:count].sum()), int(states[count - 1]), int(states[count])
        head = _Prefixes(hidden[: last + 1], states[:count], letters[:count], sizes[:count], names[:cut])
        tail = _Prefixes(hidden[first:], states[count:] - first, letters[count:], sizes[count:], names[cut:])
        return head, tail

    @classmethod
    def join(cls, parts: Sequence[_Prefixes]) -> _Prefixes:
        """Return the prefixes of all parts."""
        hidden, states, letters, sizes, names = zip(*parts, strict=True)
        first_states = np.cumsum([0, *map(len, hidden[:-1])])
        states = tuple(part + first for part, first in zip(states, first_states, strict=True))
        return cls(*map(np.concatenate, (hidden, states, letters, sizes, names)))


class _Tree:
    """A tree of prefixes that grows until every name has ended or reached the maximum length.

    Attributes:
        levels: the waiting prefixes, in several parts, by their length.
    """

    def __init__(self, source: Source, config: SamplingConfig, prefix: Integers, limit: int, streams: Streams) -> None:
        self._source, self._config, self._prefix, self._limit, self._streams = source, config, prefix, limit, streams
        self._rows = max_rows(source.boundary_id + 1, _ROWS)
        self._lengths = np.full(len(streams), UNFINISHED, dtype=np.int64)
        self._letters: list[NDArray[np.unsignedinteger]] = []  # of all names, for each place after the prefix
        self.levels: dict[int, list[_Prefixes]] = {}
        names, root = np.arange(len(streams)), np.array([0])
        hidden = source.network.start()
        read = np.concatenate([[source.boundary_id], prefix]) if source.sos else prefix
        if not len(read):
            self._branch(0, hidden, np.zeros_like(names), sample_first_letters(source, streams), names)
            return
        for letter in read[:-1]:
            _, hidden = source.network.step(np.array([letter]), hidden)
        self.levels[len(prefix)] = [_Prefixes(hidden, root, read[-1:], np.array([len(names)]), names)]

    def grow(self) -> None:
        """Read the last letters of some prefixes of one length, and let their names choose the next ones."""
        full = [length for length, parts in self.levels.items() if sum(map(_count, parts)) >= self._rows]
        length = max(full) if full else min(self.levels)
        prefixes = self._take(length)
        names, config = prefixes.names, self._config
        if length == self._limit and config.greedy:
            self._lengths[names] = length  # truncated, as in the tutorial
            return
        logits, hidden = self._source.network.step(prefixes.letters, prefixes.hidden, prefixes.states)
        rows = np.repeat(np.arange(len(hidden)), prefixes.sizes)
        chosen = choose_letters(logits, rows, self._streams[names], FIRST_LETTER + length, config)
        continues = chosen != self._source.boundary_id
        self._lengths[names[~continues]] = length
        if length < self._limit and continues.any():
            self._branch(length, hidden, rows[continues], chosen[continues], names[continues])

    def collect_names(self) -> EncodedNames:
        """Return the names. This frees the tree's memory, so it works once."""
        count, given = len(self._streams), len(self._prefix)
        letters = np.zeros((count, max(1, given + len(self._letters))), dtype=self._source.dtype)
        letters[:, :given] = self._prefix
        for place in range(given + len(self._letters) - 1, given - 1, -1):
            letters[:, place] = self._letters.pop()
        return EncodedNames(letters, self._lengths)

    def _take(self, length: int) -> _Prefixes:
        """Remove prefixes of one length, as many as a step reads if there are enough, and return them."""
        waiting, taken, wanted = self.levels[length], [], self._rows
        while wanted and waiting:
            part = waiting.pop()
            if _count(part) > wanted:
                part, rest = part.split(wanted)
                waiting.append(rest)
            taken.append(part)
            wanted -= _count(part)
        if not waiting:
            del self.levels[length]
        return _Prefixes.join(taken)

    def _branch(
        self, length: int, hidden: NDArray[np.float32], rows: Integers, chosen: Integers, names: Integers
    ) -> None:
        """Add the prefixes of names, whose former prefixes are ``rows``, that have just chosen a letter."""
        place, boundary_id = length - len(self._prefix), self._source.boundary_id
        if place == len(self._letters):
            self._letters.append(np.zeros(len(self._streams), dtype=self._source.dtype))
        self._letters[place][names] = chosen
        keys = rows * boundary_id + chosen
        if len(hidden) * boundary_id < 2**16:
            keys = keys.astype(np.uint16)  # which numpy sorts by radix
        order = np.argsort(keys, kind="stable")
        keys = keys[order].astype(np.int64)
        first = np.flatnonzero(np.diff(keys, prepend=-1))  # of the names with each prefix
        parents, letters = np.divmod(keys[first], boundary_id)
        first_child = np.diff(parents, prepend=-1) > 0
        sizes, states = np.diff(first, append=len(keys)), np.cumsum(first_child) - 1
        prefixes = _Prefixes(hidden[parents[first_child]], states, letters, sizes, names[order])
        self.levels.setdefault(length + 1, []).append(prefixes)


def _count(prefixes: _Prefixes) -> int:
    return len(prefixes.letters)

"""Drawing many names of one category at once, as a tree of their prefixes.

A prefix here is what a name begins with: the prefix that was given, and the letters drawn since. Many names share their
prefixes, and the network need read each distinct prefix only once, however many names begin so. The names are not drawn
together, though: each takes its letters by random numbers of its own (:mod:`namegen.sampling.rng`), and the tree only
keeps
those together that have taken the same way. So :func:`sample_prefix_tree` gives to the letter what
:func:`~namegen.sampling.autoregressive.sample_autoregressive` gives, and nothing depends on the order in which the
tree is grown.

That order is chosen for speed and memory. Prefixes wait, by their length, until there are enough of them to keep the
processor busy; the longest for which there are enough go first, so that few hidden states are kept at any time, and
where there are enough of none, the shortest, which feed the longer ones.
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


_ROWS = 1024  # prefixes to a step of the network: as fast as more, and they fit the processor's cache


def sample_prefix_tree(
    source: Source, config: SamplingConfig, prefix: Integers, limit: int, streams: Streams
) -> EncodedNames:
    """Sample names that share a prefix, reading each distinct prefix only once.

    Args:
        source: the network and its category.
        config: how letters are chosen.
        prefix: what the names begin with, as letters' indices, (given,).
        limit: the most letters of a name, its prefix included; as for :func:`sample_autoregressive`.
        streams: where each name's random numbers come from, (names,).

    Returns:
        The names, (names, longest).
    """
    tree = _Tree(source, config, prefix, limit, streams)
    while tree.grow():
        pass
    return tree.spelling()


class _Prefixes(NamedTuple):
    """Distinct prefixes of one length, the last letter of each yet to be read, and the names that begin so.

    Attributes:
        hidden: hidden states before that letter, (states, H).
        states: which of them each prefix goes on from, (prefixes,), ascending.
        letters: the last letters, (prefixes,).
        sizes: how many names begin so, (prefixes,).
        names: the names, those that begin alike side by side, (names,).
    """

    hidden: NDArray[np.float32]
    states: Integers
    letters: Integers
    sizes: Integers
    names: Integers

    def split(self, count: int) -> tuple[_Prefixes, _Prefixes]:
        """Return the first ``count`` prefixes and the others."""
        names, last, first = int(self.sizes[:count].sum()), int(self.states[count - 1]), int(self.states[count])
        return (
            _Prefixes(
                self.hidden[: last + 1],
                self.states[:count],
                self.letters[:count],
                self.sizes[:count],
                self.names[:names],
            ),
            _Prefixes(
                self.hidden[first:],
                self.states[count:] - first,
                self.letters[count:],
                self.sizes[count:],
                self.names[names:],
            ),
        )

    @classmethod
    def join(cls, parts: Sequence[_Prefixes]) -> _Prefixes:
        """Return the prefixes of all parts."""
        if len(parts) == 1:
            return parts[0]
        first_states = np.cumsum([0, *(len(part.hidden) for part in parts[:-1])])
        return cls(
            hidden=np.concatenate([part.hidden for part in parts]),
            states=np.concatenate([part.states + first for part, first in zip(parts, first_states, strict=True)]),
            letters=np.concatenate([part.letters for part in parts]),
            sizes=np.concatenate([part.sizes for part in parts]),
            names=np.concatenate([part.names for part in parts]),
        )


class _Level:
    """The prefixes of one length that wait to be read."""

    def __init__(self, at_once: int) -> None:
        self._parts: list[_Prefixes] = []
        self._at_once = at_once
        self.size = 0

    def add(self, prefixes: _Prefixes) -> None:
        """Add prefixes to those that wait."""
        self._parts.append(prefixes)
        self.size += len(prefixes.letters)

    def take(self) -> _Prefixes:
        """Take as many as make a step of the network, or all if there are fewer."""
        taken: list[_Prefixes] = []
        wanted = min(self._at_once, self.size)
        self.size -= wanted
        while wanted:
            part = self._parts.pop()
            if len(part.letters) > wanted:
                part, rest = part.split(wanted)
                self._parts.append(rest)
            taken.append(part)
            wanted -= len(part.letters)
        return _Prefixes.join(taken)


class _Tree:
    """A tree of prefixes that grows, until every name has ended or is as long as names may be."""

    def __init__(self, source: Source, config: SamplingConfig, prefix: Integers, limit: int, streams: Streams) -> None:
        self._source, self._config, self._prefix, self._limit, self._streams = source, config, prefix, limit, streams
        self._at_once = max_rows(source.boundary_id + 1, _ROWS)
        self._lengths = np.full(len(streams), UNFINISHED, dtype=np.int64)
        self._letters: list[NDArray[np.unsignedinteger]] = []  # of all names, for each place after the prefix
        self._levels: dict[int, _Level] = {}  # by the length of the prefixes
        names, root = np.arange(len(streams)), np.array([0])
        hidden = source.network.start()
        read = np.concatenate([[source.boundary_id], prefix]) if source.sos else prefix
        if not len(read):
            self._branch(0, hidden, np.zeros_like(names), sample_first_letters(source, streams), names)
            return
        for letter in read[:-1]:
            _, hidden = source.network.step(np.array([letter]), hidden)
        self._wait(len(prefix), _Prefixes(hidden, root, read[-1:], np.array([len(names)]), names))

    def grow(self) -> bool:
        """Let one step of the network's worth of prefixes grow by a letter; returns whether there were any."""
        if not self._levels:
            return False
        full = [length for length, level in self._levels.items() if level.size >= self._at_once]
        length = max(full) if full else min(self._levels)
        prefixes = self._levels[length].take()
        if not self._levels[length].size:
            del self._levels[length]
        names, config = prefixes.names, self._config
        if length == self._limit and config.greedy:
            self._lengths[names] = length  # cut, as the tutorial does
            return True
        logits, hidden = self._source.network.step(prefixes.letters, prefixes.hidden, prefixes.states)
        rows = np.repeat(np.arange(len(hidden)), prefixes.sizes)
        chosen = choose_letters(logits, rows, self._streams[names], FIRST_LETTER + length, config)
        goes_on = chosen != self._source.boundary_id
        self._lengths[names[~goes_on]] = length
        if length < self._limit and goes_on.any():
            self._branch(length, hidden, rows[goes_on], chosen[goes_on], names[goes_on])
        return True

    def spelling(self) -> EncodedNames:
        """Return the names, once: what the tree had of them is let go on the way."""
        count, given = len(self._streams), len(self._prefix)
        letters = np.zeros((count, max(1, given + len(self._letters))), dtype=self._source.dtype)
        letters[:, :given] = self._prefix
        for place in range(letters.shape[1] - 1, given - 1, -1):
            if self._letters:
                letters[:, place] = self._letters.pop()
        return EncodedNames(letters, self._lengths)

    def _branch(
        self, length: int, hidden: NDArray[np.float32], rows: Integers, chosen: Integers, names: Integers
    ) -> None:
        """Let names branch that have just chosen a letter each.

        Args:
            length: of the prefixes before that letter.
            hidden: the hidden states of these, (rows, H).
            rows: which of them each name has, (names,).
            chosen: the letters, (names,).
            names: the names.
        """
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
        self._wait(
            length + 1,
            _Prefixes(
                hidden=hidden[parents[first_child]],
                states=np.cumsum(first_child) - 1,
                letters=letters,
                sizes=np.diff(first, append=len(keys)),
                names=names[order],
            ),
        )

    def _wait(self, length: int, prefixes: _Prefixes) -> None:
        self._levels.setdefault(length, _Level(self._at_once)).add(prefixes)

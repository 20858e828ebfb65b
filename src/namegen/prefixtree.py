"""Drawing names of one category: one by one, or many at once as a tree of their beginnings.

A beginning is a prefix and the letters drawn since. Many names share their beginnings, and the network need read each
distinct beginning only once, however many names begin so. The names are not drawn together, though: each takes its
letters by random numbers of its own (:mod:`namegen.chance`), and the tree only keeps those together that have taken the
same way. So :func:`grow_tree` gives to the letter what :func:`draw_apart` gives, and nothing depends on the order in
which the tree is grown.

That order is chosen for speed and memory. Beginnings wait, by their length, until there are enough of them to keep the
processor busy; the longest for which there are enough go first, so that few hidden states are kept at any time, and
where there are enough of none, the shortest, which feed the longer ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from namegen.chance import FIRST_LETTER, uniforms
from namegen.choosing import choose, draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from namegen.chance import Streams
    from namegen.inference import Stepper
    from namegen.recipes import SamplingConfig

    Integers = NDArray[np.integer]

UNENDED = -1
_ROWS = 1024  # beginnings to a step of the network: as fast as more, and they fit the processor's cache


class Spelling:
    """Names as their letters.

    Attributes:
        letters: the letters' indices, (names, longest) unsigned; what is past a name's end means nothing.
        lengths: the number of letters of each name, ``UNENDED`` where it did not end in time, (names,) int64.
    """

    def __init__(self, letters: NDArray[np.unsignedinteger], lengths: NDArray[np.int64]) -> None:
        self.letters, self.lengths = letters, lengths

    @classmethod
    def unended(cls, count: int) -> Spelling:
        """Return names of which none has ended."""
        return cls(np.zeros((count, 1), dtype=np.uint8), np.full(count, UNENDED, dtype=np.int64))

    def of(self, names: Integers) -> Spelling:
        """Return some of the names."""
        return Spelling(self.letters[names], self.lengths[names])

    def put(self, names: Integers, other: Spelling) -> None:
        """Put other names in the place of some."""
        width, dtype = other.letters.shape[1], np.result_type(self.letters, other.letters)
        missing = max(0, width - self.letters.shape[1])
        if missing or dtype != self.letters.dtype:
            self.letters = np.pad(self.letters.astype(dtype), ((0, 0), (0, missing)))
        self.letters[names, :width] = other.letters
        self.lengths[names] = other.lengths


class Source(NamedTuple):
    """What names of one category are drawn from, and how.

    Attributes:
        network: the network, its category fixed.
        edge: the index that ends a name as an output, and that begins it as an input.
        sos: whether the network reads an SOS token, and so can choose the first letter.
        first_letters: how many training names begin with each letter, (letters,): what a network that cannot choose
            the first letter gets it from.
        config: how letters are chosen.
    """

    network: Stepper
    edge: int
    sos: bool
    first_letters: NDArray[np.int64]
    config: SamplingConfig

    @property
    def dtype(self) -> type[np.unsignedinteger]:
        """The type for letters' indices."""
        return np.uint8 if self.edge < 2**8 else np.uint16

    def draw_first(self, streams: Streams) -> NDArray[np.int64]:
        """Draw first letters as the training names have them, (names,)."""
        rows = np.zeros(len(streams), dtype=np.int64)
        return draw(self.first_letters[None].astype(np.float32), rows, uniforms(streams, FIRST_LETTER))


def draw_apart(source: Source, prefixes: Sequence[Integers], limits: Integers, streams: Streams) -> Spelling:
    """Draw names one beside the other, with a row of the network for each.

    Args:
        source: what to draw from.
        prefixes: what each name begins with, as letters' indices.
        limits: the most letters of each name, its prefix included, (names,). The greedy choice cuts names there; other
            names end in time, or are ``UNENDED``.
        streams: where each name's chance comes from, (names,).

    Returns:
        The names, (names, longest).
    """
    given = np.array([len(prefix) for prefix in prefixes])
    letters = np.zeros((len(prefixes), max(1, given.max())), dtype=source.dtype)
    for row, prefix in zip(letters, prefixes, strict=True):
        row[: len(prefix)] = prefix
    lengths = np.full(len(prefixes), UNENDED, dtype=np.int64)
    names = np.arange(len(prefixes))
    hidden, length = np.repeat(source.network.start(), len(names), axis=0), 0
    if source.sos:
        last = np.full(len(names), source.edge)
    else:
        free = given == 0
        letters[free, 0] = source.draw_first(streams[free])
        given, last, length = np.maximum(given, 1), letters[:, 0], 1
    while True:
        if source.config.greedy:
            at_limit = limits[names] == length
            lengths[names[at_limit]] = length
            names, last, hidden = names[~at_limit], last[~at_limit], hidden[~at_limit]
        if not len(names):
            return Spelling(letters, lengths)
        logits, hidden = source.network.step(last, hidden)
        chosen = choose(logits, np.arange(len(names)), streams[names], FIRST_LETTER + length, source.config)
        if length == letters.shape[1]:
            letters = np.concatenate([letters, np.zeros_like(letters)], axis=1)
        is_given = given[names] > length
        chosen[is_given] = letters[names[is_given], length]
        ends = chosen == source.edge
        lengths[names[ends]] = length
        goes_on = ~ends & (limits[names] > length)
        names, last, hidden = names[goes_on], chosen[goes_on], hidden[goes_on]
        letters[names, length] = last
        length += 1


def grow_tree(source: Source, prefix: Integers, limit: int, streams: Streams) -> Spelling:
    """Draw names that share a prefix, as :func:`draw_apart` would, the network reading each distinct beginning once.

    Args:
        source: what to draw from.
        prefix: what the names begin with, as letters' indices, (given,).
        limit: the most letters of a name, its prefix included; as for :func:`draw_apart`.
        streams: where each name's chance comes from, (names,).

    Returns:
        The names, (names, longest).
    """
    tree = _Tree(source, prefix, limit, streams)
    while tree.grow():
        pass
    return tree.spelling()


class _Twigs(NamedTuple):
    """Distinct beginnings of one length, the last letter of each yet to be read, and the names that begin so.

    Attributes:
        hidden: hidden states before that letter, (states, H).
        states: which of them each beginning goes on from, (beginnings,), ascending.
        letters: the last letters, (beginnings,).
        sizes: how many names begin so, (beginnings,).
        names: the names, those that begin alike side by side, (names,).
    """

    hidden: NDArray[np.float32]
    states: Integers
    letters: Integers
    sizes: Integers
    names: Integers

    def split(self, count: int) -> tuple[_Twigs, _Twigs]:
        """Return the first ``count`` beginnings and the others."""
        names, last, first = int(self.sizes[:count].sum()), int(self.states[count - 1]), int(self.states[count])
        return (
            _Twigs(
                self.hidden[: last + 1],
                self.states[:count],
                self.letters[:count],
                self.sizes[:count],
                self.names[:names],
            ),
            _Twigs(
                self.hidden[first:],
                self.states[count:] - first,
                self.letters[count:],
                self.sizes[count:],
                self.names[names:],
            ),
        )

    @classmethod
    def join(cls, parts: Sequence[_Twigs]) -> _Twigs:
        """Return the beginnings of all parts."""
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
    """The beginnings of one length that wait to be read."""

    def __init__(self) -> None:
        self._parts: list[_Twigs] = []
        self.size = 0

    def add(self, twigs: _Twigs) -> None:
        """Add beginnings to those that wait."""
        self._parts.append(twigs)
        self.size += len(twigs.letters)

    def take(self) -> _Twigs:
        """Take as many as make a step of the network, or all if there are fewer."""
        taken: list[_Twigs] = []
        wanted = min(_ROWS, self.size)
        self.size -= wanted
        while wanted:
            part = self._parts.pop()
            if len(part.letters) > wanted:
                part, rest = part.split(wanted)
                self._parts.append(rest)
            taken.append(part)
            wanted -= len(part.letters)
        return _Twigs.join(taken)


class _Tree:
    """A tree of beginnings that grows, until every name has ended or is as long as names may be."""

    def __init__(self, source: Source, prefix: Integers, limit: int, streams: Streams) -> None:
        self._source, self._prefix, self._limit, self._streams = source, prefix, limit, streams
        self._lengths = np.full(len(streams), UNENDED, dtype=np.int64)
        self._letters: list[NDArray[np.unsignedinteger]] = []  # of all names, for each place after the prefix
        self._levels: dict[int, _Level] = {}  # by the length of the beginnings
        names, root = np.arange(len(streams)), np.array([0])
        hidden = source.network.start()
        read = np.concatenate([[source.edge], prefix]) if source.sos else prefix
        if not len(read):
            self._branch(0, hidden, np.zeros_like(names), source.draw_first(streams), names)
            return
        for letter in read[:-1]:
            _, hidden = source.network.step(np.array([letter]), hidden)
        self._wait(len(prefix), _Twigs(hidden, root, read[-1:], np.array([len(names)]), names))

    def grow(self) -> bool:
        """Let one step of the network's worth of beginnings grow by a letter; returns whether there were any."""
        if not self._levels:
            return False
        full = [length for length, level in self._levels.items() if level.size >= _ROWS]
        length = max(full) if full else min(self._levels)
        twigs = self._levels[length].take()
        if not self._levels[length].size:
            del self._levels[length]
        names, config = twigs.names, self._source.config
        if length == self._limit and config.greedy:
            self._lengths[names] = length  # cut, as the tutorial does
            return True
        logits, hidden = self._source.network.step(twigs.letters, twigs.hidden, twigs.states)
        rows = np.repeat(np.arange(len(hidden)), twigs.sizes)
        chosen = choose(logits, rows, self._streams[names], FIRST_LETTER + length, config)
        goes_on = chosen != self._source.edge
        self._lengths[names[~goes_on]] = length
        if length < self._limit and goes_on.any():
            self._branch(length, hidden, rows[goes_on], chosen[goes_on], names[goes_on])
        return True

    def spelling(self) -> Spelling:
        """Return the names, once: what the tree had of them is let go on the way."""
        count, given = len(self._streams), len(self._prefix)
        letters = np.zeros((count, max(1, given + len(self._letters))), dtype=self._source.dtype)
        letters[:, :given] = self._prefix
        for place in range(letters.shape[1] - 1, given - 1, -1):
            if self._letters:
                letters[:, place] = self._letters.pop()
        return Spelling(letters, self._lengths)

    def _branch(
        self, length: int, hidden: NDArray[np.float32], rows: Integers, chosen: Integers, names: Integers
    ) -> None:
        """Let names branch that have just chosen a letter each.

        Args:
            length: of the beginnings before that letter.
            hidden: the hidden states of these, (rows, H).
            rows: which of them each name has, (names,).
            chosen: the letters, (names,).
            names: the names.
        """
        place, edge = length - len(self._prefix), self._source.edge
        if place == len(self._letters):
            self._letters.append(np.zeros(len(self._streams), dtype=self._source.dtype))
        self._letters[place][names] = chosen
        keys = rows * edge + chosen
        if len(hidden) * edge < 2**16:
            keys = keys.astype(np.uint16)  # which numpy sorts by radix
        order = np.argsort(keys, kind="stable")
        keys = keys[order].astype(np.int64)
        first = np.flatnonzero(np.diff(keys, prepend=-1))  # of the names with each beginning
        parents, letters = np.divmod(keys[first], edge)
        first_child = np.diff(parents, prepend=-1) > 0
        self._wait(
            length + 1,
            _Twigs(
                hidden=hidden[parents[first_child]],
                states=np.cumsum(first_child) - 1,
                letters=letters,
                sizes=np.diff(first, append=len(keys)),
                names=names[order],
            ),
        )

    def _wait(self, length: int, twigs: _Twigs) -> None:
        self._levels.setdefault(length, _Level()).add(twigs)

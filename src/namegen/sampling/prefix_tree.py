"""Sample many names of one category at once, as a tree of their prefixes.

Many names share their prefixes, and the network needs to read each distinct prefix only once. Names are still sampled
independently: each takes its letters by its own random numbers (:mod:`namegen.sampling.rng`), and the tree only groups
the names that have taken the same letters. So the names do not depend on the order in which the tree grows.

That order is chosen for speed and memory. Prefixes wait, by length, until there are enough for an efficient step. The
longest of which there are enough go first, so that few hidden states are kept; if there are enough of none, the
shortest, which feed the longer ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from namegen.datasets.encoding import UNFINISHED, EncodedNames
from namegen.models.inference import max_rows
from namegen.sampling.decoding import choose_letters, sample_categorical
from namegen.sampling.rng import FIRST_LETTER, uniform

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from namegen.config import SamplingConfig
    from namegen.models.inference import Source
    from namegen.sampling.rng import Streams

    Integers = NDArray[np.integer]

_ROWS = 1024  # prefixes per step of the network: as fast as more, and they fit the processor's cache


def sample_prefix_tree(
    source: Source,
    config: SamplingConfig,
    prefixes: Sequence[Integers],
    limits: Integers,
    prefix_of: Integers,
    streams: Streams,
    weakest: NDArray[np.float32] | None = None,
) -> tuple[EncodedNames, Opinions]:
    """Sample names; return them with the opinions of the n-gram, zeros if the source asks for none.

    Args:
        source: the network and its category.
        config: how letters are chosen.
        prefixes: the prefixes that the names begin with, as letter indices.
        limits: the maximum length of a name with each prefix, the prefix included, (prefixes,). Greedy decoding
            truncates names there; otherwise a name that has not ended by then is ``UNFINISHED``.
        prefix_of: the index of each name's prefix, (names,).
        streams: the random numbers of each name, (names,).
        weakest: the lowest log-probability of a letter by the n-gram's opinion, (names,). A name with a lower one is
            given up, and remains ``UNFINISHED``. By default no name is.
    """
    tree = _Tree(source, config, prefixes, limits, prefix_of, streams, weakest)
    while tree.levels:
        tree.grow()
    return tree.collect_names(), tree.opinions


class Opinions(NamedTuple):
    """What the n-gram thinks of the letters that names have chosen after their prefixes, ends included, in nats.

    Attributes:
        total: the sum of the log-probabilities of a name's letters, (names,) float32.
        is_weak: whether a name has a letter below the limit, and was given up there, (names,).
    """

    total: NDArray[np.float32]
    is_weak: NDArray[np.bool_]

    @classmethod
    def none(cls, count: int) -> Opinions:
        """Return the opinions on names without letters."""
        return cls(np.zeros(count, dtype=np.float32), np.zeros(count, dtype=np.bool_))

    def add(self, names: Integers, scores: NDArray[np.float32], is_weak: NDArray[np.bool_]) -> None:
        """Add one letter to each of some names."""
        self.total[names] += scores
        self.is_weak[names[is_weak]] = True


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
        opinions: the n-gram's opinions on the letters so far.
    """

    def __init__(
        self,
        source: Source,
        config: SamplingConfig,
        prefixes: Sequence[Integers],
        limits: Integers,
        prefix_of: Integers,
        streams: Streams,
        weakest: NDArray[np.float32] | None,
    ) -> None:
        self._source, self._config, self._streams, self._weakest = source, config, streams, weakest
        self._rows = max_rows(source.boundary_id + 1, _ROWS)
        self._lengths = np.full(len(streams), UNFINISHED, dtype=np.int64)
        self._limits, self._min_limit = limits[prefix_of], limits.min()
        given = np.array([len(prefix) for prefix in prefixes])
        self._given, self._max_given = given[prefix_of], given.max()
        letters = np.zeros((self._max_given, len(prefixes)), dtype=source.dtype)
        for index, prefix in enumerate(prefixes):
            letters[: len(prefix), index] = prefix
        self._letters = list(letters[:, prefix_of])  # of all names, for each place
        self.opinions = Opinions.none(len(streams))
        self.levels: dict[int, list[_Prefixes]] = {}
        names, root, hidden = np.arange(len(streams)), np.array([0]), source.network.start()
        if source.sos:
            self.levels[0] = [_Prefixes(hidden, root, np.array([source.boundary_id]), np.array([len(names)]), names)]
        else:
            shares = source.first_letters[None].astype(np.float32)  # as frequent as in the training names
            rows = np.zeros_like(names)
            chosen = self._choose(
                0, names, lambda part: sample_categorical(shares, rows[part], uniform(streams[part], FIRST_LETTER))
            )
            continues = self._ask(0, hidden, rows, chosen, names)
            self._branch(0, hidden, rows[continues], chosen[continues], names[continues])

    def grow(self) -> None:
        """Read the last letters of some prefixes of one length, and let their names choose the next ones."""
        full = [length for length, parts in self.levels.items() if sum(map(_count, parts)) >= self._rows]
        length = max(full) if full else min(self.levels)
        prefixes = self._take(length)
        names, streams = prefixes.names, self._streams
        logits, hidden = self._source.network.step(prefixes.letters, prefixes.hidden, prefixes.states)
        rows, place = np.repeat(np.arange(len(hidden)), prefixes.sizes), FIRST_LETTER + length
        chosen = self._choose(
            length, names, lambda part: choose_letters(logits, rows[part], streams[names[part]], place, self._config)
        )
        goes_on = self._ask(length, hidden, rows, chosen, names)
        is_end = chosen == self._source.boundary_id
        self._lengths[names[is_end & goes_on]] = length
        continues = goes_on & ~is_end
        if length >= self._min_limit:
            continues &= self._limits[names] > length
        if continues.any():
            self._branch(length, hidden, rows[continues], chosen[continues], names[continues])

    def collect_names(self) -> EncodedNames:
        """Return the names. This frees the tree's memory, so it works once."""
        letters = np.zeros((len(self._streams), max(1, len(self._letters))), dtype=self._source.dtype)
        for place in reversed(range(len(self._letters))):
            letters[:, place] = self._letters.pop()
        return EncodedNames(letters, self._lengths)

    def _choose(
        self, length: int, names: Integers, choose: Callable[[Integers | slice], NDArray[np.int64]]
    ) -> NDArray[np.int64]:
        """Return the next letter of names of one length: the one in the name's prefix, or a chosen one after it."""
        if length >= self._max_given:
            return choose(slice(None))
        letters: NDArray[np.int64] = self._letters[length][names].astype(np.int64)
        is_free = np.flatnonzero(self._given[names] <= length)
        letters[is_free] = choose(is_free)
        return letters

    def _ask(
        self, length: int, hidden: NDArray[np.float32], rows: Integers, chosen: Integers, names: Integers
    ) -> NDArray[np.bool_]:
        """Note the n-gram's opinion on the letters that names of one length have chosen, but not on given ones.

        Returns:
            Which of the names are not given up, (names,).
        """
        if self._source.opinion is None:
            return np.ones(len(names), dtype=np.bool_)
        asked = names
        if length < self._max_given:
            is_free = self._given[names] <= length
            rows, chosen, asked = rows[is_free], chosen[is_free], names[is_free]
        scores = self._source.opinion.log_probabilities(hidden, rows, chosen)
        is_weak = np.zeros(len(scores), dtype=np.bool_) if self._weakest is None else scores < self._weakest[asked]
        self.opinions.add(asked, scores, is_weak)
        return ~is_weak if asked is names else ~self.opinions.is_weak[names]

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
        boundary_id = self._source.boundary_id
        if length == len(self._letters):
            self._letters.append(np.zeros(len(self._streams), dtype=self._source.dtype))
        self._letters[length][names] = chosen
        if self._config.greedy and length + 1 >= self._min_limit:
            continues = self._limits[names] > length + 1
            self._lengths[names[~continues]] = length + 1  # truncated, as in the tutorial
            rows, chosen, names = rows[continues], chosen[continues], names[continues]
            if not len(names):
                return
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

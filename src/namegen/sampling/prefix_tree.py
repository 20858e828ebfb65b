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

from namegen.datasets.encoding import EncodedNames
from namegen.models.inference import max_rows
from namegen.sampling.decoding import choose_letters, sample_categorical
from namegen.sampling.rng import FIRST_LETTER, uniform

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from namegen.config import SamplingConfig
    from namegen.models.inference import Floats, Source
    from namegen.sampling.floor import Floor
    from namegen.sampling.rng import Streams

    Integers = NDArray[np.integer]

BELOW_FLOOR, UNFINISHED = -1, -2
"""In place of an index: names below the plausibility floor, and names that had not ended at the maximum length."""

MIN_NAMES_TO_LOOK_AHEAD = 256
"""The number of names from which it is worth bounding the endings by the floor's n-gram."""

_ROWS = 1024  # prefixes per step of the network: as fast as more, and they fit the processor's cache
_GOES_ON = -3


class SampledTree(NamedTuple):
    """Sampled names.

    Attributes:
        distinct: the distinct names that have ended, those with different prefixes apart.
        which: the index of each name among them, ``BELOW_FLOOR`` or ``UNFINISHED``, (names,).
        read: how many letters of each name were read, (names,).
    """

    distinct: EncodedNames
    which: NDArray[np.int32]
    read: NDArray[np.uint16]


def sample_prefix_tree(
    source: Source,
    config: SamplingConfig,
    prefixes: Sequence[Integers],
    limits: Integers,
    prefix_of: Integers,
    streams: Streams,
    floor: Floor | None = None,
) -> SampledTree:
    """Sample names.

    Args:
        source: the network and its category.
        config: how letters are chosen.
        prefixes: the distinct prefixes that the names begin with, as letter indices.
        limits: the maximum length of a name with each prefix, the prefix included, (prefixes,). Greedy decoding
            truncates names there; otherwise a name that has not ended by then is ``UNFINISHED``.
        prefix_of: the index of each name's prefix, (names,).
        streams: the random numbers of each name, (names,).
        floor: the plausibility floor; by default there is none.
    """
    if floor is not None and len(streams) >= MIN_NAMES_TO_LOOK_AHEAD:
        floor.look_ahead(int(limits.max()))
    tree = _Tree(source, config, prefixes, limits, prefix_of, streams, floor)
    while tree.levels:
        tree.grow()
    return tree.collect_names()


class _Ends(NamedTuple):
    """What is known of distinct prefixes, (prefixes,) each.

    Attributes:
        letters: their last letters.
        given: the index of the given prefix that each begins with.
        places: the place of each in the tree's list of all prefixes.
        totals: the sum of the n-gram's log-probabilities of the letters after the given prefix, in nats.
        nodes: the n-gram's nodes after the last letters, (prefixes, categories).
    """

    letters: Integers
    given: Integers
    places: Integers
    totals: Floats
    nodes: Integers

    def select(self, which: Integers | slice) -> _Ends:
        """Return what is known of some of them."""
        letters, given, places, totals, nodes = self
        return _Ends(letters[which], given[which], places[which], totals[which], nodes[which])


class _Prefixes(NamedTuple):
    """Distinct prefixes of one length, whose last letters are still to be read, and their names.

    Attributes:
        hidden: hidden states before the last letter, (states, H).
        states: the index of each prefix's hidden state, (prefixes,), ascending.
        ends: what is known of each prefix.
        sizes: the number of names with each prefix, (prefixes,).
        names: the names, grouped by prefix, (names,).
    """

    hidden: Floats
    states: Integers
    ends: _Ends
    sizes: Integers
    names: Integers

    def split(self, count: int) -> tuple[_Prefixes, _Prefixes]:
        """Return the first ``count`` prefixes and the others."""
        hidden, states, ends, sizes, names = self
        head, tail = slice(count), slice(count, None)
        cut, last, first = int(sizes[head].sum()), int(states[count - 1]), int(states[count])
        return (
            _Prefixes(hidden[: last + 1], states[head], ends.select(head), sizes[head], names[:cut]),
            _Prefixes(hidden[first:], states[tail] - first, ends.select(tail), sizes[tail], names[cut:]),
        )

    @classmethod
    def join(cls, parts: Sequence[_Prefixes]) -> _Prefixes:
        """Return the prefixes of all parts."""
        if len(parts) == 1:
            return parts[0]
        hidden, states, ends, sizes, names = zip(*parts, strict=True)
        first_states = np.cumsum([0, *map(len, hidden[:-1])])
        states = tuple(part + first for part, first in zip(states, first_states, strict=True))
        joined = _Ends(*map(np.concatenate, zip(*ends, strict=True)))
        return cls(np.concatenate(hidden), np.concatenate(states), joined, np.concatenate(sizes), np.concatenate(names))


class _Tree:
    """A tree of prefixes that grows until every name has ended, is given up, or has reached the maximum length.

    Attributes:
        levels: the waiting prefixes, in several parts, by their length.
    """

    def __init__(
        self,
        source: Source,
        config: SamplingConfig,
        prefixes: Sequence[Integers],
        limits: Integers,
        prefix_of: Integers,
        streams: Streams,
        floor: Floor | None,
    ) -> None:
        self._source, self._config, self._streams, self._floor = source, config, streams, floor
        self._outputs = source.boundary_id + 1
        self._rows = max_rows(self._outputs, _ROWS)
        self._limits, self._given = limits, np.array([len(prefix) for prefix in prefixes])
        self._which = np.full(len(streams), UNFINISHED, dtype=np.int32)
        self._read = np.zeros(len(streams), dtype=np.uint16)
        # All prefixes that names may end with: the place of each without its last letter, and that letter.
        self._parents: list[Integers] = [np.zeros(1, dtype=np.int32)]
        self._letters: list[Integers] = [np.zeros(1, dtype=source.dtype)]
        self._places = 1
        # Of the distinct names that have ended: the places of all but their ends, and their lengths.
        self._ended: list[Integers] = []
        self._lengths: list[Integers] = []
        self._distinct = 0
        self.levels: dict[int, list[_Prefixes]] = {}
        self._begin(prefixes, prefix_of)

    def _begin(self, prefixes: Sequence[Integers], prefix_of: Integers) -> None:
        """Read the given prefixes except their last letters, and let the first of them wait."""
        source, count = self._source, len(prefixes)
        if count == 1:
            order = np.arange(len(prefix_of), dtype=np.int32)
        else:
            order = np.argsort(prefix_of, kind="stable").astype(np.int32)
        sizes = np.bincount(prefix_of, minlength=count)
        begins = np.cumsum(sizes) - sizes
        totals, nodes = np.zeros(count, dtype=np.float32), np.zeros((count, 0), dtype=np.int64)
        if self._floor is not None:
            nodes = np.repeat(self._floor.opinion.start(), count, axis=0)
        places = np.zeros(count, dtype=np.int64)
        for place in range(int(self._given.max())):
            longer = np.flatnonzero(self._given > place)
            letters = np.array([prefixes[index][place] for index in longer.tolist()])
            places[longer] = self._add_places(places[longer], letters)
            if self._floor is not None:
                nodes[longer] = self._floor.opinion.advance(nodes[longer], letters)
        is_used = sizes > 0
        if self._config.greedy:
            is_full = is_used & (self._given == self._limits)  # nothing may follow
            which = np.full(count, UNFINISHED)
            for index in np.flatnonzero(is_full):
                which[index] = self._end(places[[index]], int(self._given[index]))[0]
            self._which[:] = which[prefix_of]
            is_used &= ~is_full
        used = np.flatnonzero(is_used).tolist()
        for length, indices, hidden, states in self._read_given(prefixes, used):
            own = indices.tolist()
            names = np.concatenate([order[begins[index] : begins[index] + sizes[index]] for index in own])
            letters = np.array([prefixes[index][-1] if length else source.boundary_id for index in own])
            ends = _Ends(letters, indices, places[indices], totals[indices], nodes[indices])
            begun = _Prefixes(hidden, states, ends, sizes[indices], names)
            if length or source.sos:
                self.levels.setdefault(length, []).append(begun)
            else:
                shares = source.first_letters[None].astype(np.float32)  # as frequent as in the training names
                numbers = uniform(self._streams[names], FIRST_LETTER)
                chosen = sample_categorical(shares, np.zeros_like(names), numbers)
                self._branch(0, begun, hidden, np.repeat(np.arange(len(own), dtype=np.int32), begun.sizes), chosen)

    def _read_given(
        self, prefixes: Sequence[Integers], used: Sequence[int]
    ) -> Iterator[tuple[int, Integers, Floats, Integers]]:
        """Read the given prefixes that are used, except their last letters, or the start of the empty one.

        Yields:
            For each length, the indices of the prefixes that have it, the hidden states before their last letters, and
            the state of each prefix, ascending.
        """
        source = self._source
        hidden = source.network.start()
        texts = [tuple(prefix.tolist()) for prefix in prefixes]
        known: dict[tuple[int, ...], int] = {(): 0}
        for length in range(int(self._given.max()) + 1):
            own = [index for index in used if len(texts[index]) == length]
            if length == 1 and source.sos:
                _, hidden = source.network.step(np.array([source.boundary_id]), hidden)
            if length > 1:
                read = sorted({text[: length - 1] for text in texts if len(text) >= length})
                parents = np.array([known[text[:-1]] for text in read])
                _, hidden = source.network.step(np.array([text[-1] for text in read]), hidden, parents)
                known = {text: state for state, text in enumerate(read)}
            if own:
                states = np.array([known[texts[index][:-1]] for index in own])
                order = np.argsort(states, kind="stable")
                yield length, np.array(own)[order], hidden, states[order]

    def grow(self) -> None:
        """Read the last letters of some prefixes of one length, and let their names choose the next ones."""
        full = [length for length, parts in self.levels.items() if sum(map(_count, parts)) >= self._rows]
        length = max(full) if full else min(self.levels)
        prefixes = self._take(length)
        logits, hidden = self._source.network.step(prefixes.ends.letters, prefixes.hidden, prefixes.states)
        rows = np.repeat(np.arange(len(hidden), dtype=np.int32), prefixes.sizes)
        streams = self._streams[prefixes.names]
        chosen = choose_letters(logits, rows, streams, FIRST_LETTER + length, self._config)
        self._branch(length, prefixes, hidden, rows, chosen)

    def collect_names(self) -> SampledTree:
        """Return the names. This frees the tree's memory, so it works once."""
        parents, letters_of = np.concatenate(self._parents), np.concatenate(self._letters)
        self._parents, self._letters = [], []
        lengths = np.concatenate([np.zeros(0, dtype=np.int64), *self._lengths])
        places = np.concatenate([np.zeros(0, dtype=np.int64), *self._ended])
        longest = int(lengths.max(initial=0))
        letters = np.zeros((len(lengths), max(1, longest)), dtype=self._source.dtype)
        for position in reversed(range(longest)):
            names = np.flatnonzero(lengths > position)
            own = places[names]
            letters[names, position] = letters_of[own]
            places[names] = parents[own]
        return SampledTree(EncodedNames(letters, lengths), self._which, self._read)

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

    def _branch(self, length: int, before: _Prefixes, hidden: Floats, rows: Integers, chosen: Integers) -> None:
        """Group names, which have just chosen a letter or their end, by what they chose.

        Args:
            length: the number of letters before.
            before: the former prefixes of the names.
            hidden: the states after these: one for each, or one for all.
            rows: the former prefix of each name, (names,).
            chosen: what each name chose, (names,).
        """
        keys = rows * np.int32(self._outputs)
        keys += chosen
        if len(before.sizes) * self._outputs < 2**16:
            keys = keys.astype(np.uint16)  # which numpy sorts by radix
        order = np.argsort(keys, kind="stable")
        keys, names = keys[order], before.names[order]
        del order
        first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))  # of the names with each choice
        parents, letters = np.divmod(keys[first].astype(np.int64), self._outputs)
        sizes, known = np.diff(first, append=len(keys)), before.ends.select(parents)
        limits, is_end = self._limits[known.given], letters == self._source.boundary_id
        outcome = np.full(len(first), _GOES_ON, dtype=np.int32)
        outcome[~is_end & (limits <= length)] = UNFINISHED
        if self._floor is not None:
            known = self._judge(self._floor, length, before.ends.nodes, parents, known, letters, outcome)
        has_ended = np.flatnonzero(is_end & (outcome == _GOES_ON))
        outcome[has_ended] = self._end(known.places[has_ended], length)
        going = np.flatnonzero(outcome == _GOES_ON)
        places = self._add_places(known.places[going], letters[going])
        if self._config.greedy:
            is_full = limits[going] == length + 1
            outcome[going[is_full]] = self._end(places[is_full], length + 1)  # truncated, as in the tutorial
            going, places = going[~is_full], places[~is_full]
        by_name = np.repeat(outcome, sizes)
        goes_on = by_name == _GOES_ON
        stopped = names[~goes_on]
        self._which[stopped], self._read[stopped] = by_name[~goes_on], length
        if not len(going):
            return
        owners = parents[going]
        is_first_child = np.diff(owners, prepend=-1) > 0
        if len(hidden) == len(before.sizes):
            hidden, states = hidden[owners[is_first_child]], np.cumsum(is_first_child) - 1
        else:
            states = np.zeros(len(going), dtype=np.int64)
        ends = known.select(going)._replace(letters=letters[going], places=places)
        self.levels.setdefault(length + 1, []).append(_Prefixes(hidden, states, ends, sizes[going], names[goes_on]))

    def _judge(
        self,
        floor: Floor,
        length: int,
        nodes_before: Integers,
        parents: Integers,
        known: _Ends,
        letters: Integers,
        outcome: Integers,
    ) -> _Ends:
        """Set the outcome of choices that are below the floor, and return what is known after all choices.

        Args:
            floor: the floor.
            length: the number of letters before the choices.
            nodes_before: the n-gram's nodes of the former prefixes, (prefixes, categories).
            parents: the former prefix of each choice, (choices,).
            known: what is known of it, (choices,).
            letters: the chosen letters, or ends, (choices,).
            outcome: changed to ``BELOW_FLOOR`` for some choices, (choices,).
        """
        scores = floor.opinion.log_probabilities(nodes_before, parents, letters)
        totals, nodes, chosen = known.totals + scores, known.nodes.copy(), length + 1 - self._given[known.given]
        is_below, is_end = floor.is_too_weak(scores), letters == self._source.boundary_id
        ends, others = np.flatnonzero(is_end & ~is_below), np.flatnonzero(~is_end & ~is_below)
        is_below[ends] = floor.is_below(totals[ends], length, chosen[ends])
        nodes[others] = floor.opinion.advance(nodes[others], letters[others])
        is_below[others] = floor.is_hopeless(nodes[others], totals[others], chosen[others])
        outcome[is_below] = BELOW_FLOOR
        return known._replace(totals=totals, nodes=nodes)

    def _end(self, places: Integers, length: int) -> Integers:
        """Note distinct names that have ended, and return their indices."""
        self._ended.append(places)
        self._lengths.append(np.full(len(places), length, dtype=np.int64))
        self._distinct += len(places)
        return np.arange(self._distinct - len(places), self._distinct)

    def _add_places(self, parents: Integers, letters: Integers) -> Integers:
        """Add prefixes, each one letter longer than another, to the list of all prefixes; return their places."""
        self._parents.append(parents.astype(np.int32))
        self._letters.append(letters.astype(self._source.dtype))
        self._places += len(parents)
        return np.arange(self._places - len(parents), self._places)


def _count(prefixes: _Prefixes) -> int:
    return len(prefixes.sizes)

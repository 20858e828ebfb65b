"""Sample names of an n-gram, which has a limited number of states, as walks through these states.

The names are those of :mod:`namegen.sampling.prefix_tree`, but come faster: what follows a state is computed when a
name first reaches it, and kept for all prefixes that lead there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from namegen.datasets.encoding import UNFINISHED as NOT_ENDED
from namegen.datasets.encoding import EncodedNames
from namegen.sampling.decoding import cumulate, probabilities, search_sums
from namegen.sampling.prefix_tree import BELOW_FLOOR, MIN_NAMES_TO_LOOK_AHEAD, UNFINISHED, SampledTree
from namegen.sampling.rng import FIRST_LETTER, uniform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from namegen.config import SamplingConfig
    from namegen.models.inference import Source
    from namegen.models.mixture import MixedStepper
    from namegen.sampling.floor import Floor
    from namegen.sampling.rng import Streams

    Integers = NDArray[np.integer]

_NAMES_AT_A_TIME = 2**17
_MAX_STATES = 2**16  # that are kept
_STATES_AT_A_TIME = 1024  # that are added
_STEPS = 64  # of the guide
_UNCLEAR = 2**16 - 1


class _Tables(NamedTuple):
    """What is known of states, with room for more.

    Attributes:
        hidden: the states of the source's n-grams, (states, S).
        nodes: the nodes of the floor's opinion, (states, categories).
        sums: the cumulative probabilities of the next letter, then infinity, (states, width).
        guide: the next letter for numbers from 0 to 1 in equal steps, or ``_UNCLEAR`` where one letter ends and another
            begins, (states, _STEPS).
        following: the state after each letter, -1 if not yet known, (states, outputs).
        scores: the opinion's log-probabilities of the next letter, (states, outputs).
    """

    hidden: NDArray[np.float32]
    nodes: Integers
    sums: NDArray[np.float64]
    guide: NDArray[np.uint16]
    following: NDArray[np.int32]
    scores: NDArray[np.float32]


class Walks:
    """Samples names from a source without a network, which reads an SOS token.

    Args:
        source: the n-gram and its category. The first number of its state, the node of the n-gram of all categories,
            determines the others.
        config: how letters are chosen, neither greedily nor with dropout.
        floor: the plausibility floor; by default there is none.
    """

    def __init__(self, source: Source, config: SamplingConfig, floor: Floor | None = None) -> None:
        self._source, self._config, self._floor = source, config, floor
        self._outputs = source.boundary_id + 1
        self._clear()

    def sample(
        self, prefixes: Sequence[Integers], limits: Integers, prefix_of: Integers, streams: Streams
    ) -> SampledTree:
        """Sample names; the arguments are those of :func:`namegen.sampling.prefix_tree.sample_prefix_tree`."""
        if self._floor is not None and len(streams) >= MIN_NAMES_TO_LOOK_AHEAD:
            self._floor.look_ahead(int(limits.max()))
        ended: list[EncodedNames] = []
        count = 0
        which = np.full(len(streams), UNFINISHED, dtype=np.int32)
        read = np.zeros(len(streams), dtype=np.uint16)
        given = np.array([len(prefix) for prefix in prefixes])
        for length in np.flatnonzero(np.bincount(given)).tolist():
            own = np.flatnonzero(given[prefix_of] == length)
            for begin in range(0, len(own), _NAMES_AT_A_TIME):
                part = own[begin : begin + _NAMES_AT_A_TIME]
                used, chosen = np.unique(prefix_of[part], return_inverse=True)
                texts = np.array([prefixes[index] for index in used], dtype=np.int64).reshape(len(used), length)
                names, which[part], read[part] = self._walk(texts, limits[used], chosen, streams[part])
                has_ended = np.flatnonzero(names.lengths != NOT_ENDED)
                which[part[has_ended]] = np.arange(count, count + len(has_ended))
                ended.append(names.select(has_ended))
                count += len(has_ended)
        return SampledTree(EncodedNames.join(ended), which, read)

    def _walk(
        self, texts: Integers, limits: Integers, text_of: Integers, streams: Streams
    ) -> tuple[EncodedNames, Integers, Integers]:
        """Sample names that begin with texts of one length, (texts, letters); return also ``which`` and ``read``."""
        if len(self._state_of) > _MAX_STATES:
            self._clear()
        given = texts.shape[1]
        starts = np.zeros(len(texts), dtype=np.int64)
        for place in range(given):
            starts = self._follow(starts, texts[:, place])
        count, shortest, longest = len(streams), int(limits.min()), int(limits.max())
        columns = [texts[text_of, place].astype(self._source.dtype) for place in range(given)]
        lengths = np.full(count, NOT_ENDED, dtype=np.int64)
        which, read = np.full((2, count), UNFINISHED, dtype=np.int32)
        names, states, totals = np.arange(count), starts[text_of], np.zeros(count, dtype=np.float32)
        for length in range(given, longest + 1):
            letters = self._choose(states, uniform(streams, FIRST_LETTER + length))
            goes_on = letters != self._source.boundary_id
            ends = np.flatnonzero(~goes_on)
            lengths[names[ends]], read[names] = length, length
            if self._floor is not None:
                scores = self._tables.scores.ravel().take(states * self._outputs + letters)
                totals += scores
                is_below = self._floor.is_too_weak(scores)
                is_below[ends] |= self._floor.is_below(totals[ends], length, length - given + 1)
                below = names[is_below]
                lengths[below], which[below] = NOT_ENDED, BELOW_FLOOR
                goes_on &= ~is_below
            if length >= shortest:
                goes_on &= limits[text_of[names]] > length
            kept = np.flatnonzero(goes_on)
            states = self._follow(states[kept], letters[kept])
            if self._floor is not None:
                needed = self._floor.find_needed(length - given + 1)
                if needed is not None:
                    is_hopeful = totals[kept] >= needed.take(self._tables.nodes[:, 0].take(states))
                    which[names[kept[~is_hopeful]]] = BELOW_FLOOR
                    kept, states = kept[is_hopeful], states[is_hopeful]
            if not len(kept):
                break
            names, streams, totals = names[kept], streams[kept], totals[kept]
            column = np.zeros(count, dtype=self._source.dtype)
            column[names] = letters[kept]
            columns.append(column)
        return EncodedNames(np.column_stack(columns or [np.zeros(count, self._source.dtype)]), lengths), which, read

    def _clear(self) -> None:
        """Forget all states but the one after the start of a name, which is state 0."""
        hidden = self._source.network.start()
        nodes = np.zeros((1, 0), dtype=np.int64) if self._floor is None else self._floor.opinion.start()
        width = 1 << (self._outputs - 1).bit_length()
        self._tables = _Tables(
            np.zeros((1, hidden.shape[1]), dtype=np.float32),
            np.zeros(nodes.shape, dtype=np.int64),
            np.zeros((1, width)),
            np.zeros((1, _STEPS), dtype=np.uint16),
            np.zeros((1, self._outputs), dtype=np.int32),
            np.zeros((1, 0 if self._floor is None else self._outputs), dtype=np.float32),
        )
        self._state_of: dict[float, int] = {}
        self._enter(np.array([self._source.boundary_id]), hidden, nodes)

    def _choose(self, states: NDArray[np.int64], numbers: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the next letter in some states for uniform numbers, (rows,)."""
        tables = self._tables
        letters = tables.guide.ravel().take(states * _STEPS + (numbers * _STEPS).astype(np.int64)).astype(np.int64)
        unclear = np.flatnonzero(letters == _UNCLEAR)
        width = tables.sums.shape[1]
        first = states[unclear] * width
        sums = tables.sums.ravel()
        points = numbers[unclear] * sums.take(first + (self._outputs - 1))
        letters[unclear] = search_sums(sums, first, 1, width, points)
        return letters

    def _follow(self, states: NDArray[np.int64], letters: Integers) -> NDArray[np.int64]:
        """Return the state after each letter, (rows,)."""
        keys = states * self._outputs + letters
        following = self._tables.following.ravel().take(keys).astype(np.int64)
        unknown = np.flatnonzero(following < 0)
        if len(unknown):
            new, which = np.unique(keys[unknown], return_inverse=True)
            parents, read = np.divmod(new, self._outputs)
            nodes = self._tables.nodes[parents]
            if self._floor is not None:
                nodes = self._floor.opinion.advance(nodes, read)
            entered = self._enter(read, self._tables.hidden[parents], nodes)
            self._tables.following[parents, read] = entered
            following[unknown] = entered[which]
        return following

    def _enter(self, letters: Integers, before: NDArray[np.float32], nodes: Integers) -> NDArray[np.int64]:
        """Return the states after reading a letter in some states of the source, (rows,); add those that are new."""
        ngrams = cast("MixedStepper", self._source.network)
        hidden, known = ngrams.advance(letters, before), len(self._state_of)
        entered = [self._state_of.setdefault(node, len(self._state_of)) for node in hidden[:, 0].tolist()]
        states = np.array(entered, dtype=np.int64)
        _, new = np.unique(states, return_index=True)
        new = new[states[new] >= known]
        count = known + len(new)
        if count > len(self._tables.hidden):
            room = max(count, 2 * len(self._tables.hidden))
            larger: list[Any] = [np.resize(table, (room, table.shape[1])) for table in self._tables]
            self._tables = _Tables(*larger)
        for begin in range(0, len(new), _STATES_AT_A_TIME):
            part = new[begin : begin + _STATES_AT_A_TIME]
            self._add_states(known + begin, hidden[part], nodes[part], ngrams.predict(hidden[part]))
        return states

    def _add_states(
        self, begin: int, hidden: NDArray[np.float32], nodes: Integers, logits: NDArray[np.float32]
    ) -> None:
        """Fill the tables from one state on."""
        tables, added, outputs = self._tables, slice(begin, begin + len(hidden)), self._outputs
        sums = np.full((tables.sums.shape[1], len(hidden)), np.inf)
        cumulate(probabilities(logits, self._config).T, sums[:outputs])
        tables.hidden[added], tables.nodes[added], tables.sums[added] = hidden, nodes, sums.T
        edges = np.linspace(0, 1, _STEPS + 1)[:, None] * sums[outputs - 1]
        at_edges = np.zeros(edges.shape, dtype=np.uint16)  # the letter at each edge
        for letter in range(outputs):
            at_edges += sums[letter] <= edges
        tables.guide[added] = np.where(at_edges[1:] == at_edges[:-1], at_edges[1:], _UNCLEAR).T
        tables.following[added] = -1
        if self._floor is not None:
            rows, letters = np.repeat(np.arange(len(hidden)), outputs), np.tile(np.arange(outputs), len(hidden))
            scores = self._floor.opinion.log_probabilities(nodes, rows, letters)
            tables.scores[added] = scores.reshape(len(hidden), outputs)

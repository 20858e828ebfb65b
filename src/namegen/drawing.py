"""Drawing names of one category one beside the other: a row of the network for each.

This is plain ancestral sampling, letter by letter. It defines what :mod:`namegen.prefixtree` gives faster where many
names share their prefixes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from namegen.choosing import choose, draw
from namegen.inference import rows_at_once
from namegen.streams import FIRST_LETTER, uniforms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from namegen.inference import Category, Stepper
    from namegen.modelfile import Model
    from namegen.recipes import SamplingConfig
    from namegen.streams import Streams

    Integers = NDArray[np.integer]

UNENDED = -1

_ODD = 0x9E3779B97F4A7C15  # spreads the bits of what it is multiplied by


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

    @classmethod
    def from_flat(cls, letters: NDArray[np.unsignedinteger], lengths: NDArray[np.int64]) -> Spelling:
        """Return names given one after the other.

        Args:
            letters: the indices of the letters of all names, (letters,).
            lengths: the number of letters of each name, (names,).
        """
        padded = np.zeros((len(lengths), max(1, lengths.max(initial=0))), dtype=letters.dtype)
        padded[np.arange(padded.shape[1]) < lengths[:, None]] = letters
        return cls(padded, lengths)

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

    def keys(self) -> NDArray[np.uint64]:
        """Return a number for each name that has ended, the same for the same letters, (names,).

        Of a million different names two have the same number with a probability of less than one in 10 million.
        """
        keys: NDArray[np.uint64] = (self.lengths.astype(np.uint64) + np.uint64(1)) * np.uint64(_ODD >> 1 | 1)
        for place in range(int(self.lengths.max(initial=0))):
            names = np.flatnonzero(self.lengths > place)
            own = (keys[names] + self.letters[names, place].astype(np.uint64) + np.uint64(1)) * np.uint64(_ODD)
            keys[names] = own ^ (own >> np.uint64(32))
        return keys


class Source(NamedTuple):
    """What names of one category are drawn from, and how.

    Attributes:
        network: the network, its category fixed.
        edge: the index that ends a name as an output, and that begins it as an input.
        sos: whether the network reads an SOS token, and so can choose the first letter.
        first_letters: how many training names begin with each letter, or what share of them, (letters,): what a
            network that cannot choose the first letter gets it from.
        config: how letters are chosen.
    """

    network: Stepper
    edge: int
    sos: bool
    first_letters: NDArray[np.int64] | NDArray[np.float64]
    config: SamplingConfig

    @classmethod
    def of(cls, model: Model, network: Stepper, category: Category, config: SamplingConfig | None = None) -> Source:
        """Return what names of one category of a model, or of a blend, are drawn from.

        Where the network cannot choose the first letter, names of a blend begin as those of its categories do, each
        with its share.

        Args:
            model: the model.
            network: its network for the category, as :func:`~namegen.inference.steppers` gives it.
            category: the index of the category, or the share of each, (categories,).
            config: how letters are chosen; by default the model's own way.
        """
        begins: NDArray[np.int64] | NDArray[np.float64]
        if isinstance(category, int):
            begins = model.first_letter_counts[category]
        else:
            begins = category.astype(np.float64) @ (model.first_letter_counts / model.counts[:, None])
        return cls(
            network=network,
            edge=model.alphabet.edge,
            sos=model.training.sos,
            first_letters=begins,
            config=config or model.sampling,
        )

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
        streams: where each name's random numbers come from, (names,).

    Returns:
        The names, (names, longest).
    """
    at_once = rows_at_once(source.edge + 1, len(prefixes))
    if at_once == len(prefixes):
        return _draw_apart(source, prefixes, limits, streams)
    spelling = Spelling.unended(len(prefixes))
    for begin in range(0, len(prefixes), at_once):
        part = slice(begin, begin + at_once)
        names = np.arange(len(prefixes))[part]
        spelling.put(names, _draw_apart(source, prefixes[part], limits[part], streams[part]))
    return spelling


def _draw_apart(source: Source, prefixes: Sequence[Integers], limits: Integers, streams: Streams) -> Spelling:
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

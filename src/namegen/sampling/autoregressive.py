"""Plain ancestral sampling: letter by letter, with a row of the network for each name.

This defines what :mod:`namegen.sampling.prefix_tree` computes faster if many names share their prefixes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from namegen.datasets.encoding import UNFINISHED, EncodedNames
from namegen.models.inference import max_rows
from namegen.sampling.decoding import choose_letters, sample_categorical
from namegen.sampling.rng import FIRST_LETTER, uniform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from namegen.config import SamplingConfig
    from namegen.models.inference import Source
    from namegen.sampling.rng import Streams

    Integers = NDArray[np.integer]


def sample_first_letters(source: Source, streams: Streams) -> NDArray[np.int64]:
    """Sample first letters with their frequencies in the training names, (names,)."""
    rows = np.zeros(len(streams), dtype=np.int64)
    return sample_categorical(source.first_letters[None].astype(np.float32), rows, uniform(streams, FIRST_LETTER))


def sample_autoregressive(
    source: Source, config: SamplingConfig, prefixes: Sequence[Integers], limits: Integers, streams: Streams
) -> EncodedNames:
    """Sample names side by side, with a row of the network for each.

    Args:
        source: the network and its category.
        config: how letters are chosen.
        prefixes: the prefix of each name, as letter indices.
        limits: the maximum length of each name, its prefix included, (names,). Greedy decoding truncates names there;
            otherwise a name that has not ended by then is ``UNFINISHED``.
        streams: the random numbers of each name, (names,).
    """
    names, at_once = EncodedNames.unfinished(len(prefixes)), max_rows(source.boundary_id + 1, len(prefixes))
    for begin in range(0, len(prefixes), at_once):
        part = slice(begin, begin + at_once)
        sampled = _sample_rows(source, config, prefixes[part], limits[part], streams[part])
        names.assign(np.arange(len(prefixes))[part], sampled)
    return names


def _sample_rows(
    source: Source, config: SamplingConfig, prefixes: Sequence[Integers], limits: Integers, streams: Streams
) -> EncodedNames:
    given = np.array([len(prefix) for prefix in prefixes])
    letters = np.zeros((len(prefixes), max(1, given.max())), dtype=source.dtype)
    for row, prefix in zip(letters, prefixes, strict=True):
        row[: len(prefix)] = prefix
    lengths = np.full(len(prefixes), UNFINISHED, dtype=np.int64)
    active = np.arange(len(prefixes))
    hidden, length = np.repeat(source.network.start(), len(active), axis=0), 0
    if source.sos:
        last = np.full(len(active), source.boundary_id)
    else:
        free = given == 0
        letters[free, 0] = sample_first_letters(source, streams[free])
        given, last, length = np.maximum(given, 1), letters[:, 0], 1
    while True:
        if config.greedy:
            at_limit = limits[active] == length
            lengths[active[at_limit]] = length
            active, last, hidden = active[~at_limit], last[~at_limit], hidden[~at_limit]
        if not len(active):
            return EncodedNames(letters, lengths)
        logits, hidden = source.network.step(last, hidden)
        chosen = choose_letters(logits, np.arange(len(active)), streams[active], FIRST_LETTER + length, config)
        if length == letters.shape[1]:
            letters = np.concatenate([letters, np.zeros_like(letters)], axis=1)
        is_given = given[active] > length
        chosen[is_given] = letters[active[is_given], length]
        ends = chosen == source.boundary_id
        lengths[active[ends]] = length
        continues = ~ends & (limits[active] > length)
        active, last, hidden = active[continues], chosen[continues], hidden[continues]
        letters[active, length] = last
        length += 1

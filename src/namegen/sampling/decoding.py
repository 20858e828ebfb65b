"""How the next letter is chosen: from a network's outputs to probabilities, and from these to letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from namegen.models.inference import max_logits, max_rows
from namegen.sampling.rng import uniform, uniform_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen.config import SamplingConfig
    from namegen.sampling.rng import Streams

    Floats = NDArray[np.float32]


_NAMES_AT_A_TIME = 65_536  # bounds the memory, whatever the number of names that begin alike


_MASKS_AT_A_TIME = 4096


def choose_letters(
    logits: Floats, rows: NDArray[np.int64], streams: Streams, place: int, config: SamplingConfig
) -> NDArray[np.int64]:
    """Choose the next letter of each of many names.

    Args:
        logits: the network's outputs for each distinct prefix, (rows, outputs).
        rows: which prefix each name has, (names,).
        streams: where each name's random numbers come from, (names,).
        place: which random number of its stream a name uses.
        config: how to choose.

    Returns:
        The chosen output of each name, (names,).

    Raises:
        NamegenError: outputs are no numbers.
    """
    if config.dropout and not config.greedy:
        return _each_with_a_mask(logits, rows, streams, place, config)
    likely = greedy_probabilities(logits, config.dropout) if config.greedy else probabilities(logits, config)
    return sample_categorical(likely, rows, uniform(streams, place))


def _each_with_a_mask(
    logits: Floats, rows: NDArray[np.int64], streams: Streams, place: int, config: SamplingConfig
) -> NDArray[np.int64]:
    """Choose under dropout, where every name has a mask of its own and so probabilities of its own."""
    outputs = logits.shape[1]
    chosen = np.empty(len(rows), dtype=np.int64)
    at_a_time = max_rows(outputs, _MASKS_AT_A_TIME)
    for begin in range(0, len(rows), at_a_time):
        part = slice(begin, begin + at_a_time)
        chance = uniform_rows(streams[part], place, outputs + 1)
        with np.errstate(over="ignore"):
            kept = logits[rows[part]] / np.float32(1 - config.dropout)
        kept[chance[:, :outputs] < config.dropout] = 0
        each = np.arange(len(kept))
        chosen[part] = sample_categorical(probabilities(kept, config), each, chance[:, outputs])
    return chosen


def sample_categorical(likely: Floats, rows: NDArray[np.int64], points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Draw outputs by inverting cumulative distributions: the first output whose cumulative sum exceeds the point.

    An output of probability 0 is never drawn.

    Args:
        likely: the probabilities up to a factor for each row, (rows, outputs); no row is all zero.
        rows: the row that each name draws from, (names,).
        points: a uniform number for each name, in [0, 1 - 2**-52], as a share of its row's sum, (names,).

    Returns:
        The drawn output of each name, (names,).
    """
    outputs = likely.shape[1]
    width = 1 << (outputs - 1).bit_length()
    sums = np.empty((len(likely), width))
    np.cumsum(likely, axis=1, dtype=np.float64, out=sums[:, :outputs])
    sums[:, outputs:] = np.inf
    totals, flat = sums[:, outputs - 1].copy(), sums.ravel()
    drawn = np.empty(len(rows), dtype=np.int64)
    for begin in range(0, len(rows), _NAMES_AT_A_TIME):
        part = slice(begin, begin + _NAMES_AT_A_TIME)
        row = rows[part]
        point = points[part] * totals[row]
        start = row * width
        before = start - 1  # the last sum that is known not to be more than the point
        step = width >> 1
        while step:  # a binary search in all rows at once
            middle = before + step
            before = np.where(flat.take(middle) <= point, middle, before)
            step >>= 1
        np.subtract(before, start - 1, out=drawn[part])
    return drawn


def probabilities(logits: Floats, config: SamplingConfig) -> Floats:
    """Return how likely each output is: softmax at a temperature, cut to the top k, then to the top p.

    Args:
        logits: (rows, outputs).
        config: temperature (more than 0), top_k and top_p.

    Returns:
        The probabilities up to a factor for each row, (rows, outputs) float32. Of equals at the edge of a cut the
        first stay.
    """
    with np.errstate(over="ignore"):  # an output that is so far behind has no chance, which is what comes out
        likely: Floats = logits - max_logits(logits)
        likely /= np.float32(config.temperature)
        np.exp(likely, out=likely)
    if config.top_k is not None or config.top_p is not None:
        order = np.argsort(-likely, axis=1, kind="stable")
        ranked = np.take_along_axis(likely, order, axis=1).astype(np.float64)
        if config.top_k is not None:
            ranked[:, config.top_k :] = 0
        if config.top_p is not None:
            ranked /= ranked.sum(axis=1, keepdims=True)
            before = np.cumsum(ranked, axis=1) - ranked
            ranked[before >= config.top_p] = 0
        np.put_along_axis(likely, order, ranked.astype(np.float32), axis=1)
    return likely


def greedy_probabilities(logits: Floats, dropout: float) -> Floats:
    """Return the probability that each output is the largest after dropout, of equals the first.

    Dropout sets each output to 0 with probability p, independently. A positive output wins if it stays and all larger
    ones (and earlier equals) go. If all the positive ones have gone, then the first output that is 0 wins: one that
    went, or that was 0 before. If no output is 0, which can only be where none was positive, the largest wins.

    Args:
        logits: (rows, outputs).
        dropout: p.

    Returns:
        (rows, outputs) float32.
    """
    rows, outputs = logits.shape
    max_logits(logits)  # has an error for those that are no numbers
    likely = np.zeros((rows, outputs))
    if not dropout:
        likely[np.arange(rows), logits.argmax(axis=1)] = 1
        return likely.astype(np.float32)
    positive, zero = logits > 0, logits == 0
    order = np.argsort(-logits, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(outputs), order.shape), axis=1)
    likely[positive] = (1 - dropout) * dropout ** rank[positive]
    all_gone = dropout ** positive.sum(axis=1)
    # Given that: the chance that an output is 0 is 1 if it was positive or 0, else p; the first such wins.
    is_zero = np.where(positive | zero, 1.0, dropout)
    none_before = np.cumprod(1 - is_zero, axis=1)
    none_before = np.concatenate([np.ones((rows, 1)), none_before], axis=1)
    likely += all_gone[:, None] * is_zero * none_before[:, :-1]
    likely[np.arange(rows), order[:, 0]] += all_gone * none_before[:, -1]
    return likely.astype(np.float32)

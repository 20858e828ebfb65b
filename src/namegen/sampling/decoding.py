"""Choosing the next letter: from a network's logits to probabilities, and from these to letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from namegen.models.inference import max_logits, max_rows
from namegen.sampling.rng import uniform, uniform_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen.config import SamplingConfig
    from namegen.sampling.rng import Streams

    Floats = NDArray[np.float32]
    Integers = NDArray[np.integer]

_NAMES_AT_A_TIME = 65_536  # bounds the memory
_MASKS_AT_A_TIME = 4096
_FEW_ROWS = 64


def choose_letters(
    logits: Floats, rows: Integers, streams: Streams, place: int, config: SamplingConfig
) -> NDArray[np.int32]:
    """Choose the next letter of each name.

    Args:
        logits: the logits after each distinct prefix, (rows, outputs).
        rows: the prefix of each name, as a row of the logits, (names,).
        streams: the random numbers of each name, (names,).
        place: the place in its stream of the number that a name uses.
        config: how to choose.

    Returns:
        The index of the chosen output for each name, (names,).
    """
    if config.dropout and not config.greedy:
        return _choose_with_dropout(logits, rows, streams, place, config)
    weights = greedy_probabilities(logits, config.dropout) if config.greedy else probabilities(logits, config)
    sums, chosen = _Sums.of(weights), np.empty(len(rows), dtype=np.int32)
    for begin in range(0, len(rows), _NAMES_AT_A_TIME):
        part = slice(begin, begin + _NAMES_AT_A_TIME)
        chosen[part] = sums.sample(rows[part], uniform(streams[part], place))
    return chosen


def _choose_with_dropout(
    logits: Floats, rows: Integers, streams: Streams, place: int, config: SamplingConfig
) -> NDArray[np.int32]:
    """Choose letters with a separate dropout mask, and so separate probabilities, for each name."""
    outputs = logits.shape[1]
    chosen = np.empty(len(rows), dtype=np.int32)
    at_a_time = max_rows(outputs, _MASKS_AT_A_TIME)
    for begin in range(0, len(rows), at_a_time):
        part = slice(begin, begin + at_a_time)
        numbers = uniform_rows(streams[part], place, outputs + 1)
        with np.errstate(over="ignore"):
            masked = logits[rows[part]] / np.float32(1 - config.dropout)
        masked[numbers[:, :outputs] < config.dropout] = 0
        chosen[part] = sample_categorical(probabilities(masked, config), np.arange(len(masked)), numbers[:, outputs])
    return chosen


def sample_categorical(weights: Floats, rows: Integers, points: NDArray[np.float64]) -> NDArray[np.int32]:
    """Sample outputs by inverting cumulative distributions: the first output whose cumulative sum exceeds the point.

    An output of probability 0 is never sampled.

    Args:
        weights: the probabilities in each row up to a factor, (rows, outputs); no row is all zero.
        rows: the row of each name, (names,).
        points: a uniform number for each name, in [0, 1 - 2**-52], as a share of its row's sum, (names,).

    Returns:
        The index of the sampled output for each name, (names,).
    """
    return _Sums.of(weights).sample(rows, points)


class _Sums(NamedTuple):
    """The cumulative probabilities of some rows, up to a factor.

    Attributes:
        sums: of the first output of all rows, then of the second, and so on; after the last output, infinity.
        totals: the sum of each row, (rows,).
        width: the number of sums of each row, a power of 2.
    """

    sums: NDArray[np.float64]
    totals: NDArray[np.float64]
    width: int

    @classmethod
    def of(cls, weights: Floats) -> _Sums:
        """Return the sums of probabilities, (rows, outputs)."""
        rows, outputs = weights.shape
        width = 1 << (outputs - 1).bit_length()
        sums = np.full((width, rows), np.inf)
        cumulate(weights.T, sums[:outputs])
        return cls(sums.ravel(), sums[outputs - 1], width)

    def sample(self, rows: Integers, points: NDArray[np.float64]) -> NDArray[np.int32]:
        """Return an output for each point; see :func:`sample_categorical`."""
        first = rows.astype(np.int64)
        return search_sums(self.sums, first, len(self.totals), self.width, points * self.totals.take(first))


def search_sums(
    sums: NDArray[np.float64], first: NDArray[np.int64], stride: int, width: int, points: NDArray[np.float64]
) -> NDArray[np.int32]:
    """Return the first of ascending sums that exceeds each point: a binary search for all points at once.

    Args:
        sums: many sequences of sums, in one array.
        first: the place of the first sum of each point's sequence, (points,).
        stride: the distance from one sum of a sequence to the next.
        width: the length of the sequences, a power of 2; the last sum exceeds the point.
        points: the points, (points,).

    Returns:
        The index in its sequence, (points,).
    """
    before = first - stride  # the place of the last sum that is known to be at most the point
    step = width >> 1
    while step:
        middle = before + step * stride
        before = np.where(sums.take(middle) <= points, middle, before)
        step >>= 1
    found: NDArray[np.int32] = ((before - first) / stride + 1).astype(np.int32)  # exact
    return found


def cumulate(columns: NDArray[np.floating], out: NDArray[np.float64]) -> None:
    """Write the cumulative sums of each column, (outputs, rows), to ``out``.

    The same as ``np.cumsum`` along the first axis, which is several times slower for many rows, and faster for few.
    """
    if out.shape[1] <= _FEW_ROWS:
        np.cumsum(columns, axis=0, dtype=np.float64, out=out)
        return
    out[:] = columns
    for row in range(1, len(out)):
        out[row] += out[row - 1]


def probabilities(logits: Floats, config: SamplingConfig) -> Floats:
    """Return the probability of each output: softmax at a temperature, cut to the top k, then to the top p.

    Args:
        logits: (rows, outputs).
        config: temperature (more than 0), top_k and top_p.

    Returns:
        The probabilities in each row up to a factor, (rows, outputs) float32. Ties at a cut keep the first outputs.
    """
    with np.errstate(over="ignore"):  # an output that is so far behind gets probability 0
        weights: Floats = logits - max_logits(logits)
        weights /= np.float32(config.temperature)
        np.exp(weights, out=weights)
    if config.top_k is not None or config.top_p is not None:
        _cut(weights, config)
    return weights


def _cut(weights: Floats, config: SamplingConfig) -> None:
    """Set the probabilities of all but the top k or top p outputs to 0, in place; ties keep the first outputs."""
    outputs = weights.shape[1]
    ascending = np.sort(weights, axis=1)
    kept = np.full(len(weights), outputs if config.top_k is None else min(config.top_k, outputs))
    if config.top_p is not None:
        ranked = ascending.T[::-1].astype(np.float64)
        ranked[kept[0] :] = 0
        sums = np.empty_like(ranked)
        cumulate(ranked, sums)
        before = sums - ranked
        kept = np.minimum(kept, (before < config.top_p * sums[-1]).sum(axis=0))
    lowest = ascending[np.arange(len(weights)), outputs - kept]
    is_kept = weights >= lowest[:, None]
    for row in np.flatnonzero(is_kept.sum(axis=1) > kept):  # a tie at the cut
        equal = np.flatnonzero(weights[row] == lowest[row])
        is_kept[row, equal[kept[row] - is_kept[row].sum() :]] = False
    weights *= is_kept


def greedy_probabilities(logits: Floats, dropout: float) -> Floats:
    """Return the probability that each output is the largest after dropout (ties: the first).

    Dropout sets each output to 0 with probability p, independently. A positive output wins if it is kept and all larger
    outputs and earlier equal ones are dropped. If all positive outputs are dropped, the first output that is 0 wins,
    whether dropped or 0 before. If no output is 0, which requires that none was positive, the largest output wins.

    Logits and probabilities are (rows, outputs).
    """
    rows, outputs = logits.shape
    max_logits(logits)  # raises an error if they are not finite
    shares = np.zeros((rows, outputs))
    if not dropout:
        shares[np.arange(rows), logits.argmax(axis=1)] = 1
        return shares.astype(np.float32)
    positive, zero = logits > 0, logits == 0
    order = np.argsort(-logits, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(outputs), order.shape), axis=1)
    shares[positive] = (1 - dropout) * dropout ** rank[positive]
    all_dropped = dropout ** positive.sum(axis=1)
    # Given that: an output is 0 with probability 1 if it was positive or 0, else p. The first such output wins.
    is_zero = np.where(positive | zero, 1.0, dropout)
    none_before = np.cumprod(1 - is_zero, axis=1)
    none_before = np.concatenate([np.ones((rows, 1)), none_before], axis=1)
    shares += all_dropped[:, None] * is_zero * none_before[:, :-1]
    shares[np.arange(rows), order[:, 0]] += all_dropped * none_before[:, -1]
    return shares.astype(np.float32)

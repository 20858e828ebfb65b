"""Choosing the next letter on a torch device, as :mod:`namegen.sampling.decoding` does in numpy.

Cumulative sums are in double precision, as in numpy: their differences, the probabilities of letters, may be small.
Devices may add in another order, so that the last bits of a sum differ. A letter then differs only if its random number
falls between the two sums, which happens about once in 10**13 letters. Rounding in the network matters much more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from namegen.sampling.rng_torch import uniform, uniform_rows

if TYPE_CHECKING:
    from torch import Tensor

    from namegen.config import SamplingConfig


def choose_letters(logits: Tensor, rows: Tensor | None, streams: Tensor, place: int, config: SamplingConfig) -> Tensor:
    """Choose the next letter of each name; see :func:`namegen.sampling.decoding.choose_letters`.

    ``rows`` may be ``None``: each name has its own row. If logits are infinite or NaN, the choice is undefined.
    """
    if config.dropout and not config.greedy:
        numbers = uniform_rows(streams, place, logits.shape[1] + 1)
        own = (logits if rows is None else logits.index_select(0, rows)) / (1 - config.dropout)
        own = own.masked_fill(numbers.narrow(1, 0, logits.shape[1]) < config.dropout, 0)
        return sample_categorical(probabilities(own, config), None, numbers.select(1, -1))
    weights = greedy_probabilities(logits, config.dropout) if config.greedy else probabilities(logits, config)
    return sample_categorical(weights, rows, uniform(streams, place))


def sample_categorical(weights: Tensor, rows: Tensor | None, points: Tensor) -> Tensor:
    """Sample outputs by inverting cumulative sums; see :func:`namegen.sampling.decoding.sample_categorical`."""
    sums = weights.double().cumsum(1)
    if rows is not None:
        sums = sums.index_select(0, rows)
    return (sums <= (points * sums.select(1, -1)).unsqueeze(1)).sum(1)


def probabilities(logits: Tensor, config: SamplingConfig) -> Tensor:
    """Return the probability of each output up to a factor; see :func:`namegen.sampling.decoding.probabilities`."""
    weights = (logits - logits.amax(1, keepdim=True)).div_(config.temperature).exp_()
    if config.top_k is None and config.top_p is None:
        return weights
    ranked, order = weights.sort(dim=1, descending=True, stable=True)
    ranked, outputs = ranked.double(), logits.shape[1]
    if config.top_k is not None and config.top_k < outputs:
        ranked.narrow(1, config.top_k, outputs - config.top_k).zero_()
    if config.top_p is not None:
        ranked /= ranked.sum(1, keepdim=True)
        before = ranked.cumsum(1) - ranked
        ranked = ranked.masked_fill(before >= config.top_p, 0)
    return weights.scatter(1, order, ranked.float())


def greedy_probabilities(logits: Tensor, dropout: float) -> Tensor:
    """Return the probability that each output is the largest after dropout.

    See :func:`namegen.sampling.decoding.greedy_probabilities`.
    """
    shares = torch.zeros_like(logits, dtype=torch.float64)
    ranked, order = logits.sort(dim=1, descending=True, stable=True)
    largest, outputs = order.narrow(1, 0, 1), logits.shape[1]
    if not dropout:
        return shares.scatter(1, largest, 1.0).float()
    positive, zero = logits > 0, logits == 0
    ranks = torch.arange(outputs, device=logits.device, dtype=torch.float64)
    kept = torch.where(ranked > 0, (1 - dropout) * dropout**ranks, 0.0)
    all_dropped = dropout ** positive.sum(1, keepdim=True).double()
    is_zero = torch.where(positive | zero, 1.0, dropout).double()
    none_so_far = (1 - is_zero).cumprod(1)
    none_before = torch.nn.functional.pad(none_so_far.narrow(1, 0, outputs - 1), (1, 0), value=1.0)
    shares = shares.scatter(1, order, kept) + all_dropped * is_zero * none_before
    return shares.scatter_add(1, largest, all_dropped * none_so_far.narrow(1, outputs - 1, 1)).float()

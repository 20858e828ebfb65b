"""The n-grams of :mod:`namegen.models.mixture` on a torch device.

On the CPU, an n-gram finds the next node and computes probabilities when they are first needed. On a device, both are
looked up in tables, which have a row for each node that names can reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namegen.models.category_ngram import ROOT

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    from namegen.models.category_ngram import CategoryNGram
    from namegen.models.inference import Category
    from namegen.models.mixture import Mixture

    Integers = NDArray[np.int64]

_MAX_ENTRIES = 2**25  # of a table: 128 MB, and about a quarter of a minute to fill it
_NODES_AT_A_TIME = 4096  # whose next nodes are found at once, to bound the memory
_LEAST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, eq=False)
class NGramTables:
    """The n-grams of a category or of each category of a blend, as tensors. O outputs, C categories.

    Nodes of all categories are numbered together. A state is a node of each category, (states, C) int64.

    Attributes:
        start: the state before the first letter, (1, C).
        shares: the share of each category, (C,) float32.
        outputs: the number of outputs.
        next_nodes: the node after each output of each node, (nodes * O,) int32.
        opinions: the probability of each output after each node, (nodes, O) float32, for :meth:`log_probabilities`.
        contributions: what the contexts contribute to the probabilities, (nodes, O) float32, and
        below: the weight of the network's probabilities, (nodes, 1) float32, both for :meth:`mix`.
        share: the share of the n-grams in the mixture.
        pooled: the weight of the network alone in the geometric mean.
    """

    start: Tensor
    shares: Tensor
    outputs: int
    next_nodes: Tensor
    opinions: Tensor | None
    contributions: Tensor | None
    below: Tensor | None
    share: float
    pooled: float

    @classmethod
    def build(
        cls,
        mixture: Mixture,
        category: Category,
        device: torch.device,
        outputs: int,
        *,
        sos: bool,
        share: float,
        opinion: bool,
    ) -> NGramTables | None:
        """Build the tables of a category or a blend.

        Args:
            mixture: the n-grams.
            category: the category or blend.
            device: the device.
            outputs: the number of letters plus 1.
            sos: whether the network reads the start of a name as the first letter. If not, the n-gram has read it.
            share: the share of the n-grams in the mixture; with 0, :meth:`mix` is not used.
            opinion: whether :meth:`log_probabilities` is used.

        Returns:
            The tables; ``None`` if they would be very large.
        """
        import torch

        shares = {category: 1.0} if isinstance(category, int) else {int(c): category[c] for c in category.nonzero()[0]}
        starts, next_nodes, tables, first, max_nodes = [], [], [], 0, _MAX_ENTRIES // outputs
        for index in shares:
            ngram = mixture.ngram.select(index)
            found = _find_nodes(ngram, outputs, max_nodes - first)
            if found is None:
                return None
            nodes, after = found
            start = ROOT if sos else ngram.advance(np.array([ROOT]), np.array([outputs - 1]))[0]
            starts.append(first + int(np.searchsorted(nodes, start)))
            next_nodes.append(first + after)
            tables.append(_fill_tables(mixture, index, nodes, share=share, opinion=opinion))
            first += len(nodes)
        opinions, contributions, below = (
            None if part[0] is None else torch.tensor(np.concatenate(part), device=device)
            for part in zip(*tables, strict=True)
        )
        return cls(
            start=torch.tensor([starts], device=device),
            shares=torch.tensor(list(shares.values()), dtype=torch.float32, device=device),
            outputs=outputs,
            next_nodes=torch.tensor(np.concatenate(next_nodes).astype(np.int32), device=device).flatten(),
            opinions=opinions,
            contributions=contributions,
            below=below,
            share=share,
            pooled=mixture.find_weights(category).pooled if share else 0.0,
        )

    def advance(self, nodes: Tensor, letters: Tensor) -> Tensor:
        """Read a letter after each state, (states,); return the states after, (states, C)."""
        return self.next_nodes.take(nodes * self.outputs + letters.unsqueeze(1)).long()

    def mix(self, logits: Tensor, nodes: Tensor) -> Tensor:
        """Return the logarithms of the mixture's probabilities up to a constant, (states, O).

        Args:
            logits: the network's logits, (states, O).
            nodes: the states, (states, C).
        """
        if self.contributions is None or self.below is None:
            return logits
        most = logits.amax(1, keepdim=True)
        weights = (logits - most).exp()
        own, below = self._average(self.contributions, nodes), self._average(self.below, nodes)
        own = own * (weights.sum(1, keepdim=True) * self.share)
        weights = weights * (below * self.share + (1 - self.share)) + own
        mixed = weights.clamp(min=_LEAST).log() + most  # the network's may have been rounded to 0
        return mixed + self.pooled * (logits - mixed) if self.pooled else mixed

    def log_probabilities(self, nodes: Tensor, letters: Tensor) -> Tensor:
        """Return the n-grams' own log-probabilities of letters after states, in nats, (letters,) float32.

        Args:
            nodes: the state before each letter, (letters, C).
            letters: the indices of the letters, (letters,).
        """
        if self.opinions is None:
            raise ValueError("the tables were built without opinions")
        likely = self.opinions.take(nodes * self.outputs + letters.unsqueeze(1))
        return (likely.clamp(min=_LEAST) * self.shares).sum(1).log()

    def _average(self, table: Tensor, nodes: Tensor) -> Tensor:
        """Return the mean of the rows of a table for the nodes of each state, (states, columns)."""
        rows = table.index_select(0, nodes.flatten())
        if nodes.shape[1] == 1:
            return rows
        return (rows.view(*nodes.shape, rows.shape[1]) * self.shares.unsqueeze(1)).sum(1)


def _find_nodes(ngram: CategoryNGram, outputs: int, max_nodes: int) -> tuple[Integers, Integers] | None:
    """Find the nodes that names can reach; return them ascending and, for each output, the index of the next node.

    Returns:
        The nodes, (nodes,), and the indices, (nodes, outputs); ``None`` if there are more than ``max_nodes``.
    """
    known = new = np.array([ROOT])
    found: list[Integers] = []
    after: list[Integers] = []
    while len(new):
        if len(known) > max_nodes:
            return None
        parts = [
            ngram.advance(np.repeat(some, outputs), np.tile(np.arange(outputs), len(some)))
            for some in np.split(new, range(_NODES_AT_A_TIME, len(new), _NODES_AT_A_TIME))
        ]
        found.append(new)
        after.append(np.concatenate(parts).reshape(-1, outputs))
        new = np.setdiff1d(after[-1], known)
        known = np.union1d(known, new)
    order = np.argsort(np.concatenate(found))
    return known, np.searchsorted(known, np.concatenate(after)[order])


def _fill_tables(
    mixture: Mixture, index: int, nodes: Integers, *, share: float, opinion: bool
) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None, NDArray[np.float32] | None]:
    """Return the opinions, the contributions and the weights below of some nodes of a category."""
    opinions = mixture.ngram.select(index).probabilities(nodes) if opinion else None
    if not share:
        return opinions, None, None
    return opinions, *mixture.ngram.select(index, mixture.find_weights(index).min_context).split(nodes)

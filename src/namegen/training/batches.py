"""Sample training names, and arrange them in batches.

Names are sampled in blocks. A block is a function of the seed and its number, so a run that is resumed needs only its
position. A batch holds names of similar length, which saves padding; the batches of a block are in random order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from namegen.config import TrainingConfig
    from namegen.datasets.dataset import Dataset


IGNORED = -1
"""The target after the end of a name."""

_BATCHES_PER_BLOCK = 64
_MIN_BLOCK_SIZE = 4096


@dataclass(frozen=True, eq=False)
class Batch:
    """Names as padded arrays.

    Attributes:
        category: the categories, (names,) int64.
        inputs: the inputs of the network, (names, length) int64: SOS if it has one, then the letters.
        targets: the correct outputs, (names, length) int64: the letters (without SOS: from the second on), then EOS,
            then :data:`IGNORED`.
        soft_targets: the correct probabilities of the outputs, (names, length, outputs) float32, 0 where ignored;
            ``None`` if the correct output has probability 1.
    """

    category: NDArray[np.int64]
    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    soft_targets: NDArray[np.float32] | None = None

    def select(self, names: slice) -> Batch:
        """Return some of the names, or none, with as little padding as possible."""
        targets = self.targets[names]
        longest = int((targets != IGNORED).sum(axis=1).max(initial=1))
        return Batch(
            self.category[names],
            self.inputs[names, :longest],
            targets[:, :longest],
            None if self.soft_targets is None else self.soft_targets[names, :longest],
        )


def build_batch(dataset: Dataset, names: NDArray[np.int64], *, sos: bool) -> Batch:
    """Return names, given by their indices in the dataset, (names,) int64, as a batch."""
    boundary_id = dataset.alphabet.boundary_id
    begin = dataset.offsets[names]
    lengths = dataset.offsets[names + 1] - begin
    position = np.arange(lengths.max() + 1)
    inside = position < lengths[:, None]
    letters = np.full(inside.shape, boundary_id, dtype=np.int64)
    letters[inside] = dataset.letters[(begin[:, None] + position)[inside]]
    inputs, targets = inputs_and_targets(letters, lengths, boundary_id)
    category = dataset.category_of[names].astype(np.int64)
    return Batch(category, inputs, targets) if sos else Batch(category, inputs[:, 1:], targets[:, 1:])


def inputs_and_targets(
    letters: NDArray[np.int64], lengths: NDArray[np.int64], boundary_id: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the inputs and targets of names for a network with an SOS token, (names, longest + 1) each.

    ``letters``, (names, longest + 1), are padded with ``boundary_id``, the index of SOS and EOS.
    """
    inputs = np.concatenate([np.full((len(letters), 1), boundary_id), letters[:, :-1]], axis=1)
    return inputs, np.where(np.arange(letters.shape[1]) > lengths[:, None], IGNORED, letters)


def category_probabilities(dataset: Dataset, config: TrainingConfig) -> NDArray[np.float64]:
    """Return the probability that a training name is sampled from each category, (categories,)."""
    weights = np.float_power(dataset.counts, config.category_exponent) * (dataset.counts > 0)
    probabilities: NDArray[np.float64] = weights / weights.sum()
    return probabilities


class BatchSource(Protocol):
    """A source of training batches: names in blocks, each a function of the seed and its number.

    Attributes:
        block_size: the number of names of a block, a multiple of the batch size.
    """

    block_size: int

    def sample_block(self, number: int) -> NDArray[np.int64]:
        """Return the numbers of a block's names in training order, (names,). The last block ends with the training."""
        ...

    def build_batch(self, names: NDArray[np.int64]) -> Batch:
        """Return names, given by their numbers, as a batch."""
        ...


class DatasetBatches:
    """Names sampled from a dataset; the number of a name is its index there."""

    def __init__(self, dataset: Dataset, config: TrainingConfig) -> None:
        self._dataset, self._config = dataset, config
        self._ends = None if dataset.weights is None else _find_ends(dataset, dataset.weights)
        self.block_size = config.batch_size * max(_BATCHES_PER_BLOCK, -(-_MIN_BLOCK_SIZE // config.batch_size))

    def sample_block(self, number: int) -> NDArray[np.int64]:
        """Sample the names of a block: for each a category, then one of its names in proportion to their weights."""
        dataset, config, size = self._dataset, self._config, self.block_size
        rng = np.random.default_rng([config.seed, 0, number])
        probabilities = category_probabilities(dataset, config)
        counts = dataset.counts
        category = rng.choice(len(probabilities), size=size, p=probabilities)
        first = (np.cumsum(counts) - counts)[category]  # names are sorted by category
        within = rng.random(size)
        if self._ends is None:
            names = first + (within * counts[category]).astype(np.int64)
        else:
            chosen = np.searchsorted(self._ends, category + within, side="right")
            names = np.clip(chosen, first, first + counts[category] - 1)  # the ends are rounded
        names = names[: config.iterations - number * size]
        return names[order_by_batch(dataset.lengths[names], config.batch_size, rng)]

    def build_batch(self, names: NDArray[np.int64]) -> Batch:
        """Return names as a batch."""
        return build_batch(self._dataset, names, sos=self._config.sos)


def _find_ends(dataset: Dataset, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return where the interval of each name ends, (names,).

    Category number c has the numbers from c to c + 1, and each of its names has a part in proportion to its weight.
    """
    totals = np.bincount(dataset.category_of, weights, minlength=len(dataset.categories))
    shares = weights / totals[dataset.category_of]
    sums = np.cumsum(shares)
    before = np.append(0.0, sums)[np.searchsorted(dataset.category_of, np.arange(len(dataset.categories)))]
    ends: NDArray[np.float64] = sums - before[dataset.category_of] + dataset.category_of
    return ends


def order_by_batch(lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the indices of names, given by their lengths, in random order of batches with names of similar length.

    An incomplete batch stays at the end.
    """
    whole = len(lengths) // batch_size * batch_size
    by_length = np.argsort(lengths[:whole], kind="stable")
    batches = rng.permutation(by_length.reshape(-1, batch_size))
    return np.concatenate([batches.ravel(), np.arange(whole, len(lengths))])


def iter_stretches(
    source: BatchSource, config: TrainingConfig, start: int, max_names: int
) -> Iterator[NDArray[np.int64]]:
    """Yield the numbers of the names of a stage in stretches of whole batches, each (names,) int64.

    A stretch has at most ``max_names`` names or one batch. It ends early at the end of a block, and where a point of
    the loss history is due. The first one begins at iteration ``start``, the end of a stretch.
    """
    while start < config.iterations:
        block, position = divmod(start, source.block_size)
        order = source.sample_block(block)
        while position < len(order):
            until_due = config.history_interval - start % config.history_interval
            length = max(config.batch_size, min(max_names, until_due) // config.batch_size * config.batch_size)
            stretch = order[position : position + length]
            yield stretch
            start += len(stretch)
            position += len(stretch)

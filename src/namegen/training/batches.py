"""Which names a training run sees, in which order, and how they are laid out for the network.

Names are drawn ahead in blocks. What a block holds is a function of the seed and the block's number alone, so a run
that is resumed needs nothing but its position. Within a block names of similar length are put into a batch together,
which saves padding, and the batches are put into random order again.
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
"""The target where a name has ended already."""


_BATCHES_PER_BLOCK = 64


_MIN_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Batch:
    """Names side by side, the shorter ones padded.

    Attributes:
        category: the categories, (names,) int64.
        inputs: what the network reads, (names, length) int64: SOS where there is one, then the letters.
        targets: what it should say, (names, length) int64: the letters (without SOS: from the second on), then EOS,
            then :data:`IGNORED`.
        soft_targets: how probable each output should be, (names, length, outputs) float32, 0 where it is ignored;
            ``None`` where the one in ``targets`` should be certain.
    """

    category: NDArray[np.int64]
    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    soft_targets: NDArray[np.float32] | None = None

    def of(self, names: slice) -> Batch:
        """Return some of the names, or none, without padding that none of them needs."""
        targets = self.targets[names]
        longest = int((targets != IGNORED).sum(axis=1).max(initial=1))
        return Batch(
            self.category[names],
            self.inputs[names, :longest],
            targets[:, :longest],
            None if self.soft_targets is None else self.soft_targets[names, :longest],
        )


def build_batch(dataset: Dataset, names: NDArray[np.int64], *, sos: bool) -> Batch:
    """Lay names, given by their indices in the dataset, (names,) int64, out as a batch."""
    boundary_id = dataset.alphabet.boundary_id
    begin = dataset.offsets[names]
    lengths = dataset.offsets[names + 1] - begin
    place = np.arange(lengths.max() + 1)
    inside = place < lengths[:, None]
    letters = np.full(inside.shape, boundary_id, dtype=np.int64)
    letters[inside] = dataset.letters[(begin[:, None] + place)[inside]]
    inputs, targets = inputs_and_targets(letters, lengths, boundary_id)
    category = dataset.category_of[names].astype(np.int64)
    return Batch(category, inputs, targets) if sos else Batch(category, inputs[:, 1:], targets[:, 1:])


def inputs_and_targets(
    letters: NDArray[np.int64], lengths: NDArray[np.int64], boundary_id: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what a network with an SOS token reads of names, and what it should say.

    Args:
        letters: the letters of each name, filled up with ``boundary_id``, (names, longest + 1).
        lengths: the number of letters of each, (names,).
        boundary_id: the index of SOS and EOS.

    Returns:
        (names, longest + 1) each.
    """
    inputs = np.concatenate([np.full((len(letters), 1), boundary_id), letters[:, :-1]], axis=1)
    return inputs, np.where(np.arange(letters.shape[1]) > lengths[:, None], IGNORED, letters)


def category_probabilities(dataset: Dataset, config: TrainingConfig) -> NDArray[np.float64]:
    """Return the probability that a training name is drawn from each category, (categories,)."""
    weights = np.float_power(dataset.counts, config.category_exponent) * (dataset.counts > 0)
    probabilities: NDArray[np.float64] = weights / weights.sum()
    return probabilities


class BatchSource(Protocol):
    """What a network learns from: names in blocks, each a function of the seed and the block's number alone."""

    @property
    def block_size(self) -> int:
        """How many names are drawn ahead at a time: a multiple of the batch size."""
        ...

    def block(self, number: int) -> NDArray[np.int64]:
        """Return the names of a block in training order, by numbers that :meth:`build_batch` understands, (names,).

        The last block of a training ends where the training does.
        """
        ...

    def build_batch(self, names: NDArray[np.int64]) -> Batch:
        """Lay names, given by their numbers, out as a batch."""
        ...


class DatasetBatches:
    """The names of a dataset, drawn at random: a name's number is its index there."""

    def __init__(self, dataset: Dataset, config: TrainingConfig) -> None:
        self._dataset, self._config = dataset, config

    @property
    def block_size(self) -> int:
        """See :attr:`Lessons.block_size`."""
        size = self._config.batch_size
        return size * max(_BATCHES_PER_BLOCK, -(-_MIN_BLOCK // size))

    def block(self, number: int) -> NDArray[np.int64]:
        """Draw the names of a block: for each a category, then a name of it uniformly."""
        dataset, config, size = self._dataset, self._config, self.block_size
        rng = np.random.default_rng([config.seed, 0, number])
        probabilities = category_probabilities(dataset, config)
        counts = dataset.counts
        category = rng.choice(len(probabilities), size=size, p=probabilities)
        within = (rng.random(size) * counts[category]).astype(np.int64)
        names = (np.cumsum(counts) - counts)[category] + within  # the names of a category lie together
        names = names[: config.iterations - number * size]
        return names[iter_batches(dataset.lengths[names], config.batch_size, rng)]

    def build_batch(self, names: NDArray[np.int64]) -> Batch:
        """See :meth:`Lessons.build_batch`."""
        return build_batch(self._dataset, names, sos=self._config.sos)


def iter_batches(lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return an order of names in which those of a batch have similar lengths, and the batches come at random.

    Args:
        lengths: the number of letters of each name, (names,).
        batch_size: names to a batch. Those that are too few for one stay at the end.
        rng: where the order of the batches comes from.

    Returns:
        (names,) indices.
    """
    whole = len(lengths) // batch_size * batch_size
    by_length = np.argsort(lengths[:whole], kind="stable")
    batches = rng.permutation(by_length.reshape(-1, batch_size))
    return np.concatenate([batches.ravel(), np.arange(whole, len(lengths))])


def iter_stretches(lessons: BatchSource, config: TrainingConfig, start: int, most: int) -> Iterator[NDArray[np.int64]]:
    """Go through the names of a run from iteration ``start`` on, a stretch of whole batches at a time.

    Args:
        lessons: where the names come from.
        config: how many, and in which batches.
        start: the number of names already drawn, at the end of a stretch.
        most: the most names to a stretch, at least one batch. A stretch ends early at the end of a block, and with the
            batch before which a point of the loss history is due.

    Yields:
        The numbers of the names of a stretch, (names,) int64.
    """
    size = lessons.block_size
    while start < config.iterations:
        block, position = divmod(start, size)
        order = lessons.block(block)
        while position < len(order):
            until_due = config.history_interval - start % config.history_interval
            length = max(config.batch_size, min(most, until_due) // config.batch_size * config.batch_size)
            stretch = order[position : position + length]
            yield stretch
            start += len(stretch)
            position += len(stretch)

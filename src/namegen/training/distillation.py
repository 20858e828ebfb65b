"""Distil an ensemble of teachers into one network.

See Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network". A network overfits small categories
before it has learned the large ones, and an n-gram makes different errors, so an ensemble of both predicts names better
than either. The targets are the geometric mean of the teachers' distributions, the logarithmic opinion
pool (Genest and Zidek 1986, "Combining Probability Distributions"). The names are sampled from the arithmetic mean, in
which everything is possible that any teacher considers possible. As there are always new names, with whole
distributions as targets, the network needs no regularisation.

Names are sampled as a tree: names with a common prefix share it, and the teachers read each distinct prefix once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from namegen.errors import DivergedError
from namegen.models.category_ngram import ROOT
from namegen.models.inference import build_steppers
from namegen.sampling.decoding import sample_categorical
from namegen.training.batches import Batch, inputs_and_targets, order_by_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from namegen.config import TrainingConfig
    from namegen.models.category_ngram import CategoryNGram
    from namegen.models.inference import Stepper
    from namegen.models.model import Model
    from namegen.models.ngram import NGram

    Floats = NDArray[np.float32]
    Integers = NDArray[np.integer]
    States = list[NDArray[Any]]


_BATCHES_PER_BLOCK = 256
_LETTERS_PER_BLOCK = 2**23  # limits the memory
_OUTPUTS_PER_BLOCK = 2**22  # of one prefix of each name
_ROWS_PER_STEP = 1024  # prefixes that fit into the processor's cache
_STREAM = 2  # the second word of the seeds of blocks; batches.py uses 0 and optimize.py 1


class Ensemble:
    """Networks, which share their weight equally, and perhaps an n-gram with a weight of ``ngram_share``."""

    def __init__(self, networks: Sequence[Model], ngram: NGram | None = None, ngram_share: float = 0.0) -> None:
        self._steppers = [build_steppers(network) for network in networks]
        self._outputs = len(networks[0].alphabet) + 1
        self._ngram, self._ngram_share = ngram, ngram_share

    def select_category(self, category: int) -> Teachers:
        """Return the teachers of a category."""
        return Teachers(
            [stepper(category) for stepper in self._steppers],
            self._ngram.select(category) if self._ngram else None,
            self._ngram_share,
            self._outputs,
        )


class Teachers(NamedTuple):
    """The teachers of one category.

    Their states after distinct prefixes are a list of arrays with a row for each prefix: the state of each network,
    (prefixes, H), and the node of the n-gram, (prefixes,).
    """

    networks: list[Stepper]
    ngram: CategoryNGram | None
    ngram_share: float
    outputs: int

    def start(self) -> States:
        """Return the states after the empty prefix."""
        return [*(network.start() for network in self.networks), np.array([ROOT])]

    def step(self, letters: Integers, states: States) -> tuple[Floats, Floats, States]:
        """Read a letter after each prefix.

        Returns:
            The probabilities of the next letter or the end by the geometric and by the arithmetic mean of the
            teachers, (prefixes, outputs) float32 each, and the states after the longer prefixes.
        """
        *before, nodes = states
        after = [np.empty((len(letters), hidden.shape[1]), dtype=np.float32) for hidden in before]
        scores, arithmetic = np.zeros((2, len(letters), self.outputs), dtype=np.float32)
        if self.ngram:
            nodes = self.ngram.advance(nodes, letters)
            ngram = self.ngram.probabilities(nodes)
            scores += self.ngram_share * np.log(ngram)
            arithmetic += self.ngram_share * ngram
        share = (1 - self.ngram_share) / len(self.networks)
        for network, hidden, longer in zip(self.networks, before, after, strict=True):
            for begin in range(0, len(letters), _ROWS_PER_STEP):
                part = slice(begin, begin + _ROWS_PER_STEP)
                logits, longer[part] = network.step(letters[part], hidden[part])
                scores[part] += share * logits
                arithmetic[part] += share * softmax(logits)
        return softmax(scores), arithmetic, [*after, nodes]


def softmax(scores: Floats) -> Floats:
    """Return the softmax of each row, (rows, outputs) float32."""
    probabilities: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities


class _SampledBlock(NamedTuple):
    """Sampled names, with the distribution of the next letter after each of their prefixes."""

    category: NDArray[np.int64]  # (names,)
    letters: NDArray[np.int64]  # padded with the index of the end, (names, longest)
    lengths: NDArray[np.int64]  # (names,)
    nodes: NDArray[np.int64]  # the numbers of each name's prefixes, (names, longest + 1); 0 past the end
    probabilities: Floats  # by the number of the prefix, (prefixes, outputs); 0 for number 0


class DistillationBatches:
    """Names sampled from an ensemble; the number of a name is its position in the training.

    Categories are sampled by ``probabilities``, (categories,). Names of more than ``max_length`` letters are cut.
    Only the latest block is kept in memory.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        config: TrainingConfig,
        probabilities: NDArray[np.float64],
        *,
        boundary_id: int,
        max_length: int,
    ) -> None:
        self._ensemble, self._config, self._probabilities = ensemble, config, probabilities
        self._boundary_id, self._max_length = boundary_id, max_length
        self._block: tuple[int, _SampledBlock] | None = None
        needed = -(-config.iterations // config.batch_size)
        fit = min(_LETTERS_PER_BLOCK // max_length, _OUTPUTS_PER_BLOCK // (boundary_id + 1)) // config.batch_size
        self.block_size = config.batch_size * min(_BATCHES_PER_BLOCK, needed, max(1, fit))

    def sample_block(self, number: int) -> NDArray[np.int64]:
        """Sample the names of a block."""
        count = min(self.block_size, self._config.iterations - number * self.block_size)
        rng = np.random.default_rng([self._config.seed, _STREAM + 1, number])
        order = order_by_batch(self._load_block(number).lengths[:count], self._config.batch_size, rng)
        return number * self.block_size + order

    def build_batch(self, names: NDArray[np.int64]) -> Batch:
        """Return names as a batch; they must be of one block."""
        number = int(names[0]) // self.block_size
        block, rows = self._load_block(number), names - number * self.block_size
        lengths = block.lengths[rows]
        longest = int(lengths.max())
        letters = np.full((len(rows), longest + 1), self._boundary_id)
        letters[:, :-1] = block.letters[rows, :longest]
        inputs, targets = inputs_and_targets(letters, lengths, self._boundary_id)
        soft_targets = block.probabilities[block.nodes[rows, : longest + 1]]
        return Batch(block.category[rows], inputs, targets, soft_targets)

    def _load_block(self, number: int) -> _SampledBlock:
        """Return a block, sampling it if necessary."""
        if self._block is None or self._block[0] != number:
            self._block = None  # frees the memory before the next block is sampled
            self._block = number, self._sample(np.random.default_rng([self._config.seed, _STREAM, number]))
        return self._block[1]

    def _sample(self, rng: np.random.Generator) -> _SampledBlock:
        count, boundary_id = self.block_size, self._boundary_id
        category = np.sort(rng.choice(len(self._probabilities), size=count, p=self._probabilities))
        letters = np.full((count, self._max_length), boundary_id)
        nodes = np.zeros((count, self._max_length + 1), dtype=np.int64)
        lengths = np.zeros(count, dtype=np.int64)
        tables, nodes_so_far = [np.zeros((1, boundary_id + 1), dtype=np.float32)], 1
        for index in np.unique(category).tolist():
            teachers, names = self._ensemble.select_category(index), np.flatnonzero(category == index)
            states, read, row_of = teachers.start(), np.array([boundary_id]), np.zeros(len(names), dtype=np.int64)
            for length in range(self._max_length + 1):
                geometric, arithmetic, states = teachers.step(read, states)
                if not length:  # no name is empty
                    geometric[:, boundary_id] = arithmetic[:, boundary_id] = 0
                    total = geometric.sum(axis=1, keepdims=True)
                    if not (total > 0).all():
                        raise DivergedError("the teachers give every first letter a probability of 0; train longer")
                    geometric /= total
                tables.append(geometric)
                nodes[names, length] = nodes_so_far + row_of
                nodes_so_far += len(geometric)
                if length == self._max_length:
                    break  # the other names are cut
                chosen = sample_categorical(arithmetic, row_of, rng.random(len(names)) * (1 - 2.0**-52))
                unfinished = chosen != boundary_id
                names, row_of, chosen = names[unfinished], row_of[unfinished], chosen[unfinished]
                if not len(names):
                    break
                letters[names, length] = chosen
                lengths[names] += 1
                branches, row_of = np.unique(row_of * boundary_id + chosen, return_inverse=True)
                parents, read = np.divmod(branches, boundary_id)
                states = [state[parents] for state in states]
        shuffled = rng.permutation(count)  # the last block, of which only a part is used, needs all categories
        return _SampledBlock(
            category[shuffled], letters[shuffled], lengths[shuffled], nodes[shuffled], np.concatenate(tables)
        )

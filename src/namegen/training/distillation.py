"""Teaching a network by others: names drawn from a mixture of teachers, with the mixture's whole distributions.

Alone, a network learns the small categories by heart while the large ones still have much to teach it; an n-gram errs
otherwise than a network, so a mixture of both predicts names better than either. The best is their geometric mean, the
logarithmic opinion pool (Genest and Zidek 1986, "Combining Probability Distributions"): what any of them takes for
impossible is. Distillation (Hinton, Vinyals and Dean
2015, "Distilling the Knowledge in a Neural Network") puts what the mixture knows into one network: the mixture never
runs out of names, and says for each letter how likely all the others were. So the network needs no regularisation.

The names are drawn by the arithmetic mean, where what any teacher takes for possible is possible: so the network sees
more of what there may be, and learns for all of it what the geometric mean says.

They are drawn as a tree: those that begin alike share a prefix, and the teachers read each distinct prefix once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from namegen.errors import DivergedError
from namegen.models.inference import build_steppers
from namegen.sampling.decoding import sample_categorical
from namegen.training.batches import Batch, inputs_and_targets, iter_batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from namegen.config import TrainingConfig
    from namegen.models.inference import Stepper
    from namegen.models.model import Model
    from namegen.models.ngram import NGram

    Floats = NDArray[np.float32]
    Integers = NDArray[np.integer]


_BATCHES_PER_BLOCK = 256


_LETTERS_PER_BLOCK = 2**23  # bounds the memory


_ROWS = 1024  # prefixes to a step of the teachers: they fit the processor's cache


_STREAM = 2  # the second word of the seeds of blocks; batches.py uses 0 and learners.py 1


class Ensemble:
    """Networks and an n-gram, whose probabilities are averaged: the mean is geometric, and scaled to add up to 1.

    Args:
        networks: the networks, of one alphabet and the same categories.
        ngram: the n-gram, of these too; by default there is none.
        ngram_share: its share; the networks share the rest alike.
    """

    def __init__(self, networks: Sequence[Model], ngram: NGram | None = None, ngram_share: float = 0.0) -> None:
        self._steppers = [build_steppers(network) for network in networks]
        self._outputs = len(networks[0].alphabet) + 1
        self._ngram, self._ngram_share = ngram, ngram_share

    def of(self, category: int) -> Teachers:
        """Return the teachers of a category."""
        return Teachers(
            [stepper(category) for stepper in self._steppers], self._ngram, self._ngram_share, category, self._outputs
        )


class Prefixes(NamedTuple):
    """What the teachers remember of distinct prefixes.

    Attributes:
        hidden: each network's hidden states, (prefixes, H).
        contexts: the last letters, the very last one first, (prefixes, order - 1).
    """

    hidden: list[Floats]
    contexts: NDArray[np.int64]

    def of(self, rows: Integers) -> Prefixes:
        """Return some of them."""
        return Prefixes([hidden[rows] for hidden in self.hidden], self.contexts[rows])


class Teachers(NamedTuple):
    """The teachers of one category."""

    networks: list[Stepper]
    ngram: NGram | None
    ngram_share: float
    category: int
    outputs: int

    def start(self) -> Prefixes:
        """Return what is remembered before anything is read."""
        before = self.ngram.order - 1 if self.ngram else 0
        return Prefixes([network.start() for network in self.networks], np.full((1, before), -1))

    def step(self, letters: Integers, before: Prefixes) -> tuple[Floats, Floats, Prefixes]:
        """Read a letter after each prefix.

        Returns:
            How likely each letter, or the end, is to come next, by the geometric and by the arithmetic mean of the
            teachers, (prefixes, outputs) float32 each, and the longer prefixes.
        """
        contexts = np.concatenate([letters[:, None], before.contexts], axis=1)[:, : before.contexts.shape[1]]
        parts = [slice(i, i + _ROWS) for i in range(0, len(letters), _ROWS)]
        after = [np.empty((len(letters), hidden.shape[1]), dtype=np.float32) for hidden in before.hidden]
        scores, drawn_by = np.zeros((2, len(letters), self.outputs), dtype=np.float32)
        if self.ngram:
            by_ngram = self.ngram.probabilities(np.full(len(letters), self.category), contexts)
            scores += self.ngram_share * np.log(by_ngram)
            drawn_by += self.ngram_share * by_ngram
        each = (1 - self.ngram_share) / len(self.networks)
        for network, hidden, longer in zip(self.networks, before.hidden, after, strict=True):
            for part in parts:
                logits, longer[part] = network.step(letters[part], hidden[part])
                scores[part] += each * logits
                drawn_by[part] += each * softmax(logits)
        return softmax(scores), drawn_by, Prefixes(after, contexts)


def softmax(scores: Floats) -> Floats:
    """Return the probabilities whose logarithms these are, up to a constant in each row, (rows, outputs) float32."""
    likely: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    return likely


class _SampledBlock(NamedTuple):
    """Names that were drawn, and how likely each letter was to follow each of their prefixes.

    Attributes:
        category: of each name, (names,).
        letters: their letters' indices, filled up with the index of the end, (names, longest).
        lengths: how many letters each has, (names,).
        nodes: the number of each prefix of each name, from the empty one on, (names, longest + 1); 0 past its end.
        likely: for each number of a prefix the probabilities of what follows, (prefixes, outputs); 0 for number 0.
    """

    category: NDArray[np.int64]
    letters: NDArray[np.int64]
    lengths: NDArray[np.int64]
    nodes: NDArray[np.int64]
    likely: Floats


class DistillationBatches:
    """Names drawn from a mixture of teachers, as lessons: a name's number is its place in the training.

    A block of them is kept, and drawn anew when another one is asked for.

    Args:
        mixture: the teachers.
        config: the training.
        probabilities: how likely each category is to be drawn, (categories,).
        boundary_id: the index that ends a name.
        limit: the most letters of a name; longer ones are cut.
    """

    def __init__(
        self,
        mixture: Ensemble,
        config: TrainingConfig,
        probabilities: NDArray[np.float64],
        *,
        boundary_id: int,
        limit: int,
    ) -> None:
        self._mixture, self._config, self._probabilities = mixture, config, probabilities
        self._boundary_id, self._limit = boundary_id, limit
        self._block: tuple[int, _SampledBlock] | None = None

    @property
    def block_size(self) -> int:
        """How many names are drawn at a time, fewer where the training is short, or names may be very long."""
        size, needed = self._config.batch_size, -(-self._config.iterations // self._config.batch_size)
        fit = max(1, _LETTERS_PER_BLOCK // (size * self._limit))
        return size * min(_BATCHES_PER_BLOCK, needed, fit)

    def block(self, number: int) -> NDArray[np.int64]:
        """See :meth:`namegen.training.batches.BatchSource.block`."""
        count = min(self.block_size, self._config.iterations - number * self.block_size)
        rng = np.random.default_rng([self._config.seed, _STREAM + 1, number])
        order = iter_batches(self._drawn(number).lengths[:count], self._config.batch_size, rng)
        return number * self.block_size + order

    def build_batch(self, names: NDArray[np.int64]) -> Batch:
        """See :meth:`namegen.training.batches.BatchSource.build_batch`; the names must be of one block."""
        number = int(names[0]) // self.block_size
        drawn, rows = self._drawn(number), names - number * self.block_size
        lengths = drawn.lengths[rows]
        longest = int(lengths.max())
        letters = np.full((len(rows), longest + 1), self._boundary_id)
        letters[:, :-1] = drawn.letters[rows, :longest]
        inputs, targets = inputs_and_targets(letters, lengths, self._boundary_id)
        return Batch(drawn.category[rows], inputs, targets, drawn.likely[drawn.nodes[rows, : longest + 1]])

    def _drawn(self, number: int) -> _SampledBlock:
        """Return the names of a block in the order they are drawn: the same whenever it is asked for."""
        if self._block is None or self._block[0] != number:
            self._block = None  # before the next one takes as much memory
            self._block = number, self._draw(np.random.default_rng([self._config.seed, _STREAM, number]))
        return self._block[1]

    def _draw(self, rng: np.random.Generator) -> _SampledBlock:
        count, boundary_id = self.block_size, self._boundary_id
        category = np.sort(rng.choice(len(self._probabilities), size=count, p=self._probabilities))
        letters = np.full((count, self._limit), boundary_id)
        nodes = np.zeros((count, self._limit + 1), dtype=np.int64)
        lengths = np.zeros(count, dtype=np.int64)
        tables, made = [np.zeros((1, boundary_id + 1), dtype=np.float32)], 1
        for index in np.unique(category).tolist():
            teachers, names = self._mixture.of(index), np.flatnonzero(category == index)
            prefixes, read, row_of = teachers.start(), np.array([boundary_id]), np.zeros(len(names), dtype=np.int64)
            for length in range(self._limit + 1):
                likely, drawn_by, prefixes = teachers.step(read, prefixes)
                if not length:  # no name is empty
                    likely[:, boundary_id] = drawn_by[:, boundary_id] = 0
                    total = likely.sum(axis=1, keepdims=True)
                    if not (total > 0).all():
                        raise DivergedError("the teachers give no first letter any probability; train others")
                    likely /= total
                tables.append(likely)
                nodes[names, length] = made + row_of
                made += len(likely)
                if length == self._limit:
                    break  # the names that are left are cut: what follows is learned from the distribution all the same
                chosen = sample_categorical(drawn_by, row_of, rng.random(len(names)) * (1 - 2.0**-52))
                goes_on = chosen != boundary_id
                names, row_of, chosen = names[goes_on], row_of[goes_on], chosen[goes_on]
                if not len(names):
                    break
                letters[names, length] = chosen
                lengths[names] += 1
                branches, row_of = np.unique(row_of * boundary_id + chosen, return_inverse=True)
                parents, read = np.divmod(branches, boundary_id)
                prefixes = prefixes.of(parents)
        shuffled = rng.permutation(count)  # so that the last block, of which not all is used, has all categories
        return _SampledBlock(
            category[shuffled], letters[shuffled], lengths[shuffled], nodes[shuffled], np.concatenate(tables)
        )

"""A network and an n-gram that predict letters together.

Where the context of a letter is long and occurs in the training names, an n-gram knows what follows; everywhere else a
network predicts better. So the n-gram backs off to the network instead of to its own short contexts. For the network's
probability N, the n-gram's contributions c and its backoff weight b (:meth:`CategoryNGram.split`), and the share s::

    P(w | prefix) = (1 - s) N(w | prefix) + s (c(w | h) + b(h) N(w | prefix))

In a model without a network, s is 1, and N is the n-gram of all categories together.

Names like those of a short list are sampled from the geometric mean of this and of N alone: the logarithmic opinion
pool (Genest and Zidek 1986, "Combining Probability Distributions").

The n-gram is also a second opinion on letters that the network generates: see :mod:`namegen.models.plausibility`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from namegen.models.category_ngram import ROOT
from namegen.models.inference import ignore_overflow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from namegen.models.category_ngram import CategoryNGram
    from namegen.models.inference import Category, Floats, Integers, Stepper
    from namegen.models.model import Model
    from namegen.models.ngram import NGram


_LEAST = np.finfo(np.float32).tiny
_MAX_BOUND = 2**16  # nodes whose endings are bounded


class Weights(NamedTuple):
    """The weights of the n-gram of a category.

    Attributes:
        share: its share in the probability of a letter, from 0 to 1.
        min_context: the number of letters of the shortest context that it uses in the mixture.
        pooled: the weight of the network alone in the geometric mean when names are sampled, from 0 to 1.
        sampled: its share when names are sampled; with 0 the network alone chooses the letters.
    """

    share: float
    min_context: int
    pooled: float = 0.0
    sampled: float = 0.0


class Mixture(NamedTuple):
    """The n-grams of a model.

    Attributes:
        ngram: the n-gram of each category.
        weights: the weights of the n-grams.
        own: other weights for some categories, by their index.
    """

    ngram: NGram
    weights: Weights
    own: Mapping[int, Weights] = {}  # not a MappingProxyType, which cannot be sent to a worker process

    def find_weights(self, category: Category) -> Weights:
        """Return the weights of a category, or the mean of those of a blend."""
        if isinstance(category, int):
            return self.own.get(category, self.weights)
        parts = {int(index): float(category[index]) for index in category.nonzero()[0]}
        rows = [[share * weight for weight in self.own.get(index, self.weights)] for index, share in parts.items()]
        share, min_context, pooled, sampled = map(sum, zip(*rows, strict=True))
        return Weights(share, round(min_context), pooled, sampled)


class NGramStepper(NamedTuple):
    """The n-gram of all categories together, as a :class:`~namegen.models.inference.Stepper`. A state is a node."""

    ngram: CategoryNGram

    def start(self) -> Floats:
        """Return the state before the first letter, (1, 1) float32."""
        return np.full((1, 1), ROOT, dtype=np.float32)

    def step(self, letters: Integers, hidden: Floats, parents: Integers | None = None) -> tuple[Floats, Floats]:
        """Read one letter in each row; see :class:`~namegen.models.inference.Stepper`."""
        after = self.advance(letters, hidden if parents is None else hidden[parents])
        return self.predict(after), after

    def advance(self, letters: Integers, hidden: Floats) -> Floats:
        """Return the states after reading one letter in each row, (rows, 1) float32."""
        return self.ngram.advance(hidden[:, 0].astype(np.int64), letters)[:, None].astype(np.float32)

    def predict(self, hidden: Floats) -> Floats:
        """Return the logits of the next letter after some states, (rows, O) float32."""
        logits: Floats = np.log(np.maximum(self.ngram.probabilities(hidden[:, 0].astype(np.int64)), _LEAST))
        return logits


def build_ngram_steppers(model: Model) -> Callable[[Category], Stepper]:
    """Return a function that returns the same :class:`NGramStepper` for every category."""
    if model.mixture is None:
        raise ValueError("a model without a network needs an n-gram")
    stepper = NGramStepper(model.mixture.ngram.pool().select(0))
    return lambda _: stepper


class MixedStepper:
    """A network and the n-gram of its category or blend, as a :class:`~namegen.models.inference.Stepper`.

    A state is the network's state and the n-gram's node of each category of the blend, (states, S + categories).

    Args:
        network: the network, conditioned on the category or blend.
        mixture: the n-gram.
        category: the category or blend.
        share: the n-gram's share in the probabilities.
        boundary_id: the index of the start of a name.
        sos: whether the network reads the start of a name as the first letter. If not, the n-gram has read it.
        pooled: the weight of the network alone in the geometric mean.
    """

    def __init__(
        self,
        network: Stepper,
        mixture: Mixture,
        category: Category,
        share: float,
        boundary_id: int,
        *,
        sos: bool,
        pooled: float = 0.0,
    ) -> None:
        self._network, self._share, self._sos, self._boundary_id = network, np.float32(share), sos, boundary_id
        shares = _list_shares(category)
        self._pooled = np.float32(pooled)
        self._shares = [np.float32(own) for own in shares.values()]
        shortest = {index: mixture.find_weights(index).min_context for index in shares}
        self._parts: Sequence[CategoryNGram] = [mixture.ngram.select(index, shortest[index]) for index in shares]

    def start(self) -> Floats:
        """Return the state before the first letter, (1, S + categories) float32."""
        hidden = self._network.start()
        nodes = np.full((1, len(self._shares)), ROOT)
        return self._join(hidden, nodes if self._sos else self._advance(nodes, np.array([self._boundary_id])))

    def step(self, letters: Integers, hidden: Floats, parents: Integers | None = None) -> tuple[Floats, Floats]:
        """Read one letter in each row; see :class:`~namegen.models.inference.Stepper`.

        The logits are the logarithms of the probabilities up to a constant.
        """
        nodes = self._nodes(hidden)
        logits, after = self._network.step(letters, hidden[:, : -len(self._shares)], parents)
        nodes = self._advance(nodes if parents is None else nodes[parents], letters)
        return self._mix(logits, nodes), self._join(after, nodes)

    def advance(self, letters: Integers, hidden: Floats) -> Floats:
        """Return the states after reading one letter in each row, if the network is an n-gram itself."""
        after = cast("NGramStepper", self._network).advance(letters, hidden[:, : -len(self._shares)])
        return self._join(after, self._advance(self._nodes(hidden), letters))

    def predict(self, hidden: Floats) -> Floats:
        """Return the logits of the next letter after some states, if the network is an n-gram itself."""
        logits = cast("NGramStepper", self._network).predict(hidden[:, : -len(self._shares)])
        return self._mix(logits, self._nodes(hidden))

    @ignore_overflow
    def _mix(self, logits: Floats, nodes: Integers) -> Floats:
        """Return the logits of the mixture, given the network's."""
        most = logits.max(axis=1, keepdims=True)
        weights = np.exp(logits - most)
        own, below = self._split(nodes)
        own *= weights.sum(axis=1, keepdims=True) * self._share
        weights *= below * self._share + (1 - self._share)
        weights += own
        np.maximum(weights, _LEAST, out=weights)  # the network's may have been rounded to 0
        mixed: Floats = np.log(weights, out=weights)
        mixed += most
        if self._pooled:
            mixed += self._pooled * (logits - mixed)
        return mixed

    def _nodes(self, states: Floats) -> Integers:
        return states[:, -len(self._shares) :].astype(np.int64)  # exact: an n-gram has fewer than 2**24 nodes

    def _advance(self, nodes: Integers, letters: Integers) -> Integers:
        return np.column_stack([part.advance(nodes[:, index], letters) for index, part in enumerate(self._parts)])

    def _split(self, nodes: Integers) -> tuple[Floats, Floats]:
        if len(self._parts) == 1:
            return self._parts[0].split(nodes[:, 0])
        splits = [part.split(nodes[:, index]) for index, part in enumerate(self._parts)]
        own, below = (
            sum(share * part for share, part in zip(self._shares, parts, strict=True))
            for parts in zip(*splits, strict=True)
        )
        return own, below

    @staticmethod
    def _join(hidden: Floats, nodes: Integers) -> Floats:
        return np.concatenate([hidden, nodes.astype(np.float32)], axis=1)


class Opinion:
    """The opinion of the n-gram of a category or a blend on letters that the network has chosen.

    A node is the n-gram's node of each category of the blend, (categories,) integers.

    Args:
        ngram: the n-gram.
        category: the category or blend.
        boundary_id: the index of the start of a name.
    """

    def __init__(self, ngram: NGram, category: Category, boundary_id: int) -> None:
        shares = _list_shares(category)
        self._shares = np.array(list(shares.values()), dtype=np.float32)
        self._parts = [ngram.select(index) for index in shares]
        self._boundary_id = boundary_id

    def start(self) -> Integers:
        """Return the node after the start of a name, (1, categories)."""
        return self.advance(np.full((1, len(self._parts)), ROOT), np.array([self._boundary_id]))

    def advance(self, nodes: Integers, letters: Integers) -> Integers:
        """Return the nodes after reading one letter in each row, (rows, categories)."""
        if len(self._parts) == 1:
            return self._parts[0].advance(nodes[:, 0], letters)[:, None]
        return np.column_stack([part.advance(nodes[:, index], letters) for index, part in enumerate(self._parts)])

    def log_probabilities(self, nodes: Integers, rows: Integers, letters: Integers) -> Floats:
        """Return the log-probabilities of letters, or of ends, in nats, (letters,) float32.

        Args:
            nodes: some nodes, (nodes, categories).
            rows: the node that each letter follows, (letters,).
            letters: the indices of the letters, (letters,).
        """
        if len(self._parts) == 1:
            return self._parts[0].score(nodes[:, 0], letters, rows)
        parts = [np.exp(part.score(nodes[:, index], letters, rows)) for index, part in enumerate(self._parts)]
        scores: Floats = np.log(np.tensordot(self._shares, parts, axes=1))
        return scores

    def bound_endings(self, longest: int) -> Floats | None:
        """Return upper bounds of the log-probabilities with which names can go on after each node and end.

        Args:
            longest: the most letters that may follow.

        Returns:
            In nats, by the number of letters that follow, (longest + 1, nodes) float32; ``None`` for a blend and for a
            large n-gram, which would take too long.
        """
        if len(self._parts) > 1 or len(self._parts[0]) > _MAX_BOUND:
            return None
        return self._parts[0].bound_endings(longest)


def _list_shares(category: Category) -> dict[int, float]:
    """Return the share of each category in a category or a blend."""
    return {category: 1.0} if isinstance(category, int) else {int(c): float(category[c]) for c in category.nonzero()[0]}

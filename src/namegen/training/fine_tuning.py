"""Adding categories to a model: what a writer needs who has some dozen names of a people that nobody else has.

The model knows already what names are like; what it must learn is what is special about the new ones. So it goes on
from where it is, with vectors for the new categories that begin as a mixture of those of the others, each weighted by
how well it explains the new names. The vectors learn fast and the rest of the network slowly. And so that it does not
forget, every batch has as many names that the model itself draws in its old categories, with its own distributions as
targets. (Robins 1995, "Catastrophic Forgetting, Rehearsal and Pseudorehearsal"; Li and Hoiem 2016, "Learning without
Forgetting".)
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen.datasets.encoding import EncodedNames
from namegen.errors import DataError, UsageError
from namegen.models.architectures import find_architecture, name_supporting
from namegen.models.inference import Source, build_steppers
from namegen.models.scoring import score_per_category
from namegen.recipes import FINE_TUNING
from namegen.training.batches import IGNORED, Batch, DatasetBatches
from namegen.training.distillation import DistillationBatches, Ensemble

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen.config import TrainingConfig
    from namegen.datasets.dataset import Dataset
    from namegen.models.model import Model
    from namegen.training.batches import BatchSource

    Floats = NDArray[np.float32]


_KEPT = ("architecture", "hidden_size", "nonlinearity", "sos")  # what the weights that there are depend on


_BATCHES_PER_BLOCK = 64


_MAX_SCORED = 1000  # names of a category, to find what they are like


_SHARPNESS = 5.0  # per nat of a letter's loss: how much more the vectors of a better category weigh


def fine_tuning_config(init: Model, **parts: object) -> TrainingConfig:
    """Return the configuration that adds categories to a model, with some of its parts replaced.

    Raises:
        UsageError: the model is none that can be extended, or a part cannot be replaced or is out of its range.
    """
    _check_base(init)
    kept = {name: getattr(init.training, name) for name in _KEPT}
    return check_fine_tuning(init, dataclasses.replace(FINE_TUNING, **{**kept, **parts}))


def check_fine_tuning(init: Model, config: TrainingConfig) -> TrainingConfig:
    """Return a configuration as one that adds categories to a model.

    Raises:
        UsageError: the model is none that can be extended, or the configuration is none to extend it by.
    """
    _check_base(init)
    for name in _KEPT:
        value = getattr(init.training, name)
        if getattr(config, name) != value:
            raise UsageError(f"the model to begin with has {name.replace('_', ' ')} {value}, which cannot be changed")
    if config.batch_size < 2:
        raise UsageError("to add to a model, batches need two names at least: a new one and an old one")
    return dataclasses.replace(config, init=model_digest(init))


def _check_base(init: Model) -> None:
    if not init.finished:
        raise UsageError("the model to begin with has not finished its training; go on with it first")
    if not find_architecture(init.training).fine_tuning or not init.training.sos:
        raise UsageError(
            f"only a {name_supporting('fine_tuning')} that reads an SOS token can be added to; "
            "begin with a model of another recipe"
        )


def model_digest(model: Model) -> str:
    """Return by what a model is known as the beginning of another: 16 hexadecimal digits of a SHA-256."""
    sha = hashlib.sha256(repr((model.alphabet.letters, model.categories, model.training)).encode())
    for name in sorted(model.weights):
        sha.update(model.weights[name].astype("<f4").tobytes())
    return sha.hexdigest()[:16]


def check_new_categories(init: Model, dataset: Dataset) -> None:
    """See that names can be added to a model.

    Raises:
        UsageError: a category is there already.
        DataError: the alphabets differ.
    """
    known = [category for category in dataset.categories if category in init.categories]
    if known:
        raise UsageError(
            f"the model has a category {known[0]!r} already; give the new names another (a file's name is its category)"
        )
    if dataset.alphabet != init.alphabet:
        raise DataError("the new names have another alphabet than the model")


def extend_dataset(init: Model, dataset: Dataset) -> Dataset:
    """Return new names as a dataset of all categories, the old ones first and empty, in the case of the model's names.

    Raises:
        UsageError, DataError: as :func:`check_new_categories`.
    """
    check_new_categories(init, dataset)
    dataset = dataset.in_case(init.casing)
    return dataclasses.replace(
        dataset,
        categories=(*init.categories, *dataset.categories),
        category_of=(dataset.category_of + len(init.categories)).astype(np.int32),
    )


def merge_models(init: Model, added: Model) -> Model:
    """Return a model that knows new names, of all categories, as one that knows the old ones too."""
    new = len(added.categories) - len(init.categories)
    return dataclasses.replace(
        added,
        counts=added.counts + np.pad(init.counts, (0, new)),
        first_letter_counts=added.first_letter_counts + np.pad(init.first_letter_counts, ((0, new), (0, 0))),
        longest=max(init.longest, added.longest),
        casing=init.casing,
        name_hashes=np.union1d(init.name_hashes, added.name_hashes),
        held_out_hashes=np.union1d(init.held_out_hashes, added.held_out_hashes),
        sampling=init.sampling,
    )


def initial_weights(init: Model, training: Dataset) -> dict[str, Floats]:
    """Return the weights to begin with: the model's own, and vectors for the new categories."""
    old = len(init.categories)
    places = np.arange(len(training)) - np.searchsorted(training.category_of, training.category_of)
    some = training.select(places < _MAX_SCORED)
    names = EncodedNames.from_flat(some.letters, some.lengths)
    stepper = build_steppers(init)
    sources = (Source.of(init, stepper(category), category) for category in range(old))
    totals = [scores.total for scores in score_per_category(sources, names, init.alphabet.boundary_id)]
    nats = np.stack([np.bincount(some.category_of, total, minlength=len(some.categories)) for total in totals])
    letters = np.bincount(some.category_of, some.lengths + 1, minlength=len(some.categories))
    closeness = _SHARPNESS * nats[:, old:] / letters[old:]
    shares = np.exp(closeness - closeness.max(axis=0))
    shares /= shares.sum(axis=0)
    vectors = find_architecture(init.training).category_axes
    return {
        name: np.vstack([weight, shares.T.astype(np.float32) @ weight]) if name in vectors else weight
        for name, weight in init.weights.items()
    }


class ReplayBatches:
    """New names and names that the model draws in its old categories, half and half, as lessons.

    A name's number says which batch it is of; the first half of each are new names.

    Args:
        init: the model as it was.
        dataset: the new names, as :func:`extend_dataset` returns them.
        config: the training; its batches have two names at least.
    """

    def __init__(self, init: Model, dataset: Dataset, config: TrainingConfig) -> None:
        self._config, self._boundary_id = config, dataset.alphabet.boundary_id
        batches = -(-config.iterations // config.batch_size)
        halves = (config.batch_size - config.batch_size // 2, config.batch_size // 2)
        new, old = (dataclasses.replace(config, batch_size=size, iterations=batches * size) for size in halves)
        everywhere = np.full(len(init.categories), 1 / len(init.categories))
        self._halves: tuple[BatchSource, BatchSource] = (
            DatasetBatches(dataset, new),
            DistillationBatches(
                Ensemble([init]), old, everywhere, boundary_id=self._boundary_id, limit=2 * init.longest
            ),
        )
        self._sizes = halves
        self._drawn: list[tuple[int, NDArray[np.int64]]] = [(-1, np.zeros(0, np.int64))] * 2

    @property
    def block_size(self) -> int:
        """See :attr:`namegen.training.batches.BatchSource.block_size`."""
        return self._config.batch_size * _BATCHES_PER_BLOCK

    def block(self, number: int) -> NDArray[np.int64]:
        """See :meth:`namegen.training.batches.BatchSource.block`."""
        begin = number * self.block_size
        return np.arange(begin, min(begin + self.block_size, self._config.iterations))

    def build_batch(self, names: NDArray[np.int64]) -> Batch:
        """See :meth:`namegen.training.batches.BatchSource.build_batch`; the names must be those of one batch."""
        number, new = int(names[0]) // self._config.batch_size, len(names) - len(names) // 2
        return _joined(self._half(0, number, new), self._half(1, number, len(names) - new), self._boundary_id + 1)

    def _half(self, half: int, batch: int, count: int) -> Batch | None:
        """Lay the first names of one half of a batch out."""
        if not count:
            return None
        lessons, size = self._halves[half], self._sizes[half]
        block, position = divmod(batch * size, lessons.block_size)
        if self._drawn[half][0] != block:
            self._drawn[half] = block, lessons.block(block)
        return lessons.build_batch(self._drawn[half][1][position : position + count])


def _joined(new: Batch | None, old: Batch | None, outputs: int) -> Batch:
    """Put batches into one, whose targets are distributions: where a batch has none, its targets are certain."""
    parts = [batch for batch in (new, old) if batch is not None]
    length = max(batch.inputs.shape[1] for batch in parts)

    def padded(values: NDArray[Any], with_what: float) -> NDArray[Any]:
        widths = [(0, 0), (0, length - values.shape[1]), (0, 0)][: values.ndim]
        return np.pad(values, widths, constant_values=with_what)

    return Batch(
        np.concatenate([batch.category for batch in parts]),
        np.concatenate([padded(batch.inputs, outputs - 1) for batch in parts]),
        np.concatenate([padded(batch.targets, IGNORED) for batch in parts]),
        np.concatenate([padded(_soft_targets(batch, outputs), 0.0) for batch in parts]),
    )


def _soft_targets(batch: Batch, outputs: int) -> Floats:
    if batch.soft_targets is not None:
        return batch.soft_targets
    certain = np.zeros((*batch.targets.shape, outputs), dtype=np.float32)
    names, places = np.nonzero(batch.targets != IGNORED)
    certain[names, places, batch.targets[names, places]] = 1
    return certain

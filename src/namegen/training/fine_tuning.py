"""Add categories to a model, for a few dozen names.

Training continues from the model's weights. The vectors of the new categories begin as a mixture of the others',
weighted by how well each explains the new names; they learn fast, and the rest of the network slowly. So that the model
does not forget, half of each batch are names that the original model generates in its categories, with its
distributions as targets (Robins 1995, "Catastrophic Forgetting, Rehearsal and Pseudorehearsal"; Li and Hoiem 2016,
"Learning without Forgetting").
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen.architectures import find_architecture
from namegen.errors import UsageError
from namegen.models.extension import extend_letters, fit_dataset, split_letters_by_frequency
from namegen.models.letters import find_new_mask
from namegen.models.style import find_shares
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


_KEPT = ("architecture", "hidden_size", "nonlinearity", "sos")  # the settings that determine the weights' shapes
_BATCHES_PER_BLOCK = 64
_RELUCTANCE = 8.0  # nats by which the model's categories avoid the new letters at first; they learn to leave them out
_ITERATIONS_PER_NAME, _MIN_ITERATIONS = 100, 2500


def fine_tuning_config(init: Model, names: int | None = None, **parts: Any) -> TrainingConfig:  # noqa: ANN401 - the fields of TrainingConfig
    """Return the configuration that adds categories to a model.

    Args:
        init: the model.
        names: the number of names to add. There are 100 iterations for each, but at least 2,500 and at most 20,000:
            more would make the model repeat a short list.
        parts: settings to replace.
    """
    _check_base(init)
    kept: dict[str, Any] = {name: getattr(init.training, name) for name in _KEPT}
    if names is not None:
        kept["iterations"] = min(max(_MIN_ITERATIONS, _ITERATIONS_PER_NAME * names), FINE_TUNING.iterations)
    return check_fine_tuning(init, dataclasses.replace(FINE_TUNING, **{**kept, **parts}))


def check_fine_tuning(init: Model, config: TrainingConfig) -> TrainingConfig:
    """Return a configuration, marked as one that adds categories to a model; raise ``UsageError`` if it cannot."""
    _check_base(init)
    for name in _KEPT:
        value = getattr(init.training, name)
        if getattr(config, name) != value:
            setting = name.replace("_", " ")
            raise UsageError(f"the base model has {setting} {value}, which cannot be changed; leave the option out")
    if config.batch_size < 2:
        raise UsageError("fine-tuning needs a batch size of at least 2, for a new name and an old one")
    return dataclasses.replace(config, init=model_digest(init))


def _check_base(init: Model) -> None:
    if not init.finished:
        raise UsageError("the training of the base model is not finished; finish it first with --resume")
    if not find_architecture(init.training).fine_tuning or not init.training.sos:
        raise UsageError(
            f"categories cannot be added to this {init.training.architecture}; give a model of another recipe"
        )


def model_digest(model: Model) -> str:
    """Return the digest by which a run recognises the model it began with: 16 hexadecimal digits of a SHA-256."""
    sha = hashlib.sha256(repr((model.alphabet.letters, model.categories, model.training)).encode())
    for name in sorted(model.weights):
        sha.update(model.weights[name].astype("<f4").tobytes())
    return sha.hexdigest()[:16]


def check_new_categories(init: Model, dataset: Dataset) -> None:
    """Raise ``UsageError`` if the categories of a dataset cannot be added to a model."""
    known = [category for category in dataset.categories if category in init.all_categories]
    if known:
        raise UsageError(f"the model already has a category {known[0]!r}; rename the file or category of the new names")


def extend_dataset(init: Model, dataset: Dataset) -> Dataset:
    """Return a dataset with the model's categories before its own, empty, and in the model's case and alphabet.

    The alphabet is extended by the new letters of the names.
    """
    check_new_categories(init, dataset)
    dataset = fit_dataset(init, dataset)
    return dataclasses.replace(
        dataset,
        categories=(*init.categories, *dataset.categories),
        category_of=(dataset.category_of + len(init.categories)).astype(np.int32),
    )


def merge_models(init: Model, added: Model, dataset: Dataset) -> Model:
    """Return a model of an extended dataset, with the counts, hashes and settings of the original model added."""
    new = len(added.categories) - len(init.categories)
    init = extend_letters(init, dataset.alphabet)
    mask = find_new_mask(init, dataset)
    letters = None if init.letters is None or mask is None else np.vstack([init.letters, mask[-new:]])
    return dataclasses.replace(
        added,
        counts=added.counts + np.pad(init.counts, (0, new)),
        first_letter_counts=added.first_letter_counts + np.pad(init.first_letter_counts, ((0, new), (0, 0))),
        longest=max(init.longest, added.longest),
        casing=init.casing,
        name_hashes=np.union1d(init.name_hashes, added.name_hashes),
        held_out_hashes=np.union1d(init.held_out_hashes, added.held_out_hashes),
        sampling=init.sampling,
        letters=letters,
        added_letters=init.added_letters,
        closed=init.closed,
    )


def initial_weights(init: Model, training: Dataset) -> dict[str, Floats]:
    """Return the weights of the model, with initial vectors for the new categories and letters."""
    base, init = init.alphabet, extend_letters(init, training.alphabet)
    architecture = find_architecture(init.training)
    shares = find_shares(init, training)[len(init.categories) :]
    weights = dict(init.weights)
    for name in architecture.category_axes:
        old, new = weights[name], shares @ weights[name]
        if name in (architecture.letter_axes or {}) and len(base) < len(training.alphabet):
            old = old.copy()
            old[:, len(base) : -1] -= _RELUCTANCE
            new += split_letters_by_frequency(base, training)[len(init.categories) :]
        weights[name] = np.vstack([old, new])
    return weights


class ReplayBatches:
    """Batches of which half are new names, from an extended dataset, and half are generated by the original model.

    Names are numbered in training order. In a batch the new names come first. The dataset may have more letters than
    the model, which come after the model's.
    """

    def __init__(self, init: Model, dataset: Dataset, config: TrainingConfig) -> None:
        self._config, self._outputs = config, len(dataset.alphabet) + 1
        batches = -(-config.iterations // config.batch_size)
        self._sizes = (config.batch_size - config.batch_size // 2, config.batch_size // 2)
        new, old = (dataclasses.replace(config, batch_size=size, iterations=batches * size) for size in self._sizes)
        uniform = np.full(len(init.categories), 1 / len(init.categories))
        self._letters, max_length = len(init.alphabet), 2 * init.longest  # of the model
        self._halves: tuple[BatchSource, BatchSource] = (
            DatasetBatches(dataset, new),
            DistillationBatches(Ensemble([init]), old, uniform, boundary_id=self._letters, max_length=max_length),
        )
        self._blocks: list[tuple[int, NDArray[np.int64]]] = [(-1, np.zeros(0, np.int64))] * 2
        self.block_size = config.batch_size * _BATCHES_PER_BLOCK

    def sample_block(self, number: int) -> NDArray[np.int64]:
        """Return the names of a block."""
        begin = number * self.block_size
        return np.arange(begin, min(begin + self.block_size, self._config.iterations))

    def build_batch(self, names: NDArray[np.int64]) -> Batch:
        """Return the names of a batch, or the first of them."""
        number, new = int(names[0]) // self._config.batch_size, len(names) - len(names) // 2
        halves = [self._build_half(0, number, new)]
        if len(names) > new:
            halves.append(self._build_half(1, number, len(names) - new))
        length = max(batch.inputs.shape[1] for batch in halves)

        def join(arrays: list[NDArray[Any]], padding: float) -> NDArray[Any]:
            widths = [[(0, 0), (0, length - array.shape[1]), (0, 0)][: array.ndim] for array in arrays]
            padded = [
                np.pad(array, width, constant_values=padding) for array, width in zip(arrays, widths, strict=True)
            ]
            return np.concatenate(padded)

        return Batch(
            np.concatenate([batch.category for batch in halves]),
            join([batch.inputs for batch in halves], self._outputs - 1),
            join([batch.targets for batch in halves], IGNORED),
            join([self._soft_targets(batch) for batch in halves], 0.0),
        )

    def _build_half(self, half: int, number: int, count: int) -> Batch:
        """Return the first names of one half of a batch."""
        source, size = self._halves[half], self._sizes[half]
        block, position = divmod(number * size, source.block_size)
        if self._blocks[half][0] != block:
            self._blocks[half] = block, source.sample_block(block)
        batch = source.build_batch(self._blocks[half][1][position : position + count])
        return batch if half == 0 else self._add_letters(batch)

    def _add_letters(self, batch: Batch) -> Batch:
        """Return a batch of the model as one with the new letters, which have probability 0."""
        added, end = self._outputs - 1 - self._letters, self._letters
        if not added or batch.soft_targets is None:
            return batch
        inputs, targets = (np.where(part == end, end + added, part) for part in (batch.inputs, batch.targets))
        return Batch(batch.category, inputs, targets, np.insert(batch.soft_targets, [end] * added, 0, axis=2))

    def _soft_targets(self, batch: Batch) -> Floats:
        if batch.soft_targets is not None:
            return batch.soft_targets
        one_hot = np.eye(self._outputs, dtype=np.float32)[batch.targets]
        one_hot[batch.targets == IGNORED] = 0
        return one_hot

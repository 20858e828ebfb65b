"""Train a model: the stages of a run, and its state.

A run trains one network or, with distillation, several in turn. Each is a stage of the run.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from namegen.architectures import weight_shapes
from namegen.errors import ModelFileError, NamegenError, RunError, UsageError
from namegen.io.safetensors import describe_error
from namegen.models.extension import extend_letters
from namegen.models.model import Checkpoint, Model, check_categories
from namegen.models.ngram import NGram
from namegen.training.batches import DatasetBatches, category_probabilities
from namegen.training.distillation import DistillationBatches, Ensemble
from namegen.training.distributed import SINGLE_PROCESS
from namegen.training.fine_tuning import ReplayBatches, extend_dataset, initial_weights, merge_models
from namegen.training.ngrams import add_ngram, blank_model
from namegen.training.resources import device_name
from namegen.training.stage import Stage, check_array, select_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import torch
    from numpy.typing import NDArray

    from namegen.config import Distillation, TrainingConfig
    from namegen.datasets.dataset import Dataset
    from namegen.training.batches import BatchSource
    from namegen.training.distributed import ProcessGroup


class Trainer:
    """A training run, new or resumed from a checkpoint: its stages one after the other.

    All but the last stage train teachers. All processes of the group must call the same methods.

    Attributes:
        stage: the present stage.
        reported: the name of the stage that the last names were for, and the stage.
        unsaved: why the last attempt to save the state failed; ``None`` if it did not.
    """

    def __init__(
        self,
        dataset: Dataset,
        config: TrainingConfig,
        device: torch.device,
        *,
        threads: int = 1,
        init: Model | None = None,
        group: ProcessGroup = SINGLE_PROCESS,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.config, self._device, self._init, self._group = config, device, init, group
        fingerprint, self._source = dataset.fingerprint, dataset.source
        if init:
            dataset = extend_dataset(init, dataset)
        check_categories(dataset.alphabet, dataset.categories)
        self._training, self._held_out = dataset.split(config.validation)
        self._blank = dataclasses.replace(
            blank_model(self._training, config),
            casing=dataset.casing,
            fingerprint=fingerprint,
            held_out_hashes=self._held_out.distinct_hashes if self._held_out else np.zeros(0, np.uint64),
            device=device_name(device, group),
            threads=threads,
            processes=group.world_size,
        )
        if init:
            self._blank = merge_models(init, self._blank, dataset)
        self._saved_at = 0
        self.unsaved: str | None = None
        self._teachers: list[dict[str, NDArray[np.float32]]] = []
        if checkpoint:
            self._restore(checkpoint)
        else:
            self.stage = self._build_stage()
        self.reported = self.stage_name, self.stage

    @property
    def iteration(self) -> int:
        """The number of iterations so far."""
        return self.stage.iteration

    @property
    def stage_name(self) -> str:
        """A description of the present stage; empty if the run has only one."""
        by, number = self.config.distillation, len(self._teachers) + 1
        if by is None:
            return ""
        return f"teacher {number} of {by.teachers}" if number <= by.teachers else "taught"

    def _build_stage(self) -> Stage:
        """Return the stage that follows the finished teachers."""
        from namegen.models.networks import build_network, load_weights

        training, number = self._training, len(self._teachers)
        config = self.config.stages[number]
        start = sum(earlier.iterations for earlier in self.config.stages[:number])
        network = build_network(config, len(training.categories), len(training.alphabet) + 1)
        source: BatchSource
        new_letters = len(training.alphabet) - len(self._init.alphabet) if self._init else 0
        if config.distillation:
            source = self._distil(config, config.distillation)
        elif self._init:
            source = ReplayBatches(self._init, training, config)
            load_weights(network, initial_weights(self._init, training))
        else:
            source = DatasetBatches(training, config)
        return Stage(
            config,
            start,
            network,
            source,
            training,
            self._held_out,
            self._device,
            self._group,
            new_letters=new_letters,
        )

    def _distil(self, config: TrainingConfig, distillation: Distillation) -> DistillationBatches:
        """Return the batches that the teachers generate."""
        training = self._training
        networks = [
            dataclasses.replace(self._blank, training=teacher, weights=weights)
            for teacher, weights in zip(self.config.stages, self._teachers, strict=False)
        ]
        return DistillationBatches(
            Ensemble(networks, NGram.fit(training, distillation.ngram_order, "witten-bell"), distillation.ngram_share),
            config,
            category_probabilities(training, config),
            boundary_id=training.alphabet.boundary_id,
            max_length=2 * int(training.lengths.max()),
        )

    def run(self) -> Iterator[int]:
        """Train to the end; yield the number of names of each stretch after it."""
        while self.iteration < self.config.iterations:
            for count in self.stage.run():
                self.reported = self.stage_name, self.stage
                if self.stage.is_finished and self.iteration < self.config.iterations:
                    self._teachers.append(self.stage.weights())
                    self.stage = self._build_stage()
                yield count

    def model(self) -> Model:
        """Return the present model, or the one with the lowest validation loss once the run is finished."""
        weights, history = self.stage.weights(), self.stage.history
        model = dataclasses.replace(self._blank, iterations=self.iteration, weights=weights, history=history)
        if not model.finished or not self.config.ngram_order:
            return model
        init = self._init and extend_letters(self._init, model.alphabet)
        return add_ngram(model, self._training, init)

    def checkpoint(self) -> Checkpoint:
        """Return the state of the run; raise `DivergedError` if it has diverged."""
        state = self.stage.state()
        for number, weights in enumerate(self._teachers):
            state |= {f"teacher{number}.{name}": value for name, value in weights.items()}
        # Without the hashes of the names: the dataset has them, and millions take long to write.
        empty = np.zeros(0, np.uint64)
        return Checkpoint(
            dataclasses.replace(self.model(), name_hashes=empty, held_out_hashes=empty), state, self._source
        )

    def save(self, file: Path, *, is_stopping: bool) -> None:
        """Save the state of the run. If that fails, the older state stays, and :attr:`unsaved` says why.

        A failure to save the state of a run that is stopping raises ``RunError``.
        """
        checkpoint = self.checkpoint()

        def try_to_save() -> str | None:
            try:
                checkpoint.save(file)
            except NamegenError as error:
                return str(error)
            return None

        self.unsaved = self._group.on_rank_zero(try_to_save)
        if not self.unsaved:
            self._saved_at = self.iteration
        elif is_stopping:
            saved = f"use --resume to continue after {self._saved_at:,}" if self._saved_at else "nothing is saved"
            raise RunError(f"stopped after {self.iteration:,} iterations, but {self.unsaved}; {saved}")

    def _restore(self, checkpoint: Checkpoint) -> None:
        model, state, stages = checkpoint.model, checkpoint.state, self.config.stages
        if model.fingerprint != self._blank.fingerprint:
            raise UsageError(
                f"the run began with other names ({model.dataset}); give the same --data, or start over with --force"
            )
        try:
            for number, stage in enumerate(stages[: stages.index(model.stage)]):
                teacher = select_prefix(state, f"teacher{number}.")
                shapes = weight_shapes(stage, len(model.categories), len(model.alphabet) + 1)
                self._teachers.append({name: check_array(teacher, name, shape) for name, shape in shapes.items()})
            self.stage = self._build_stage()
            self.stage.restore(model.iterations, model.history, state)
        except (KeyError, ValueError, RuntimeError) as error:
            raise ModelFileError(
                f"the checkpoint is damaged ({describe_error(error)}); start over with --force"
            ) from error
        self._saved_at = self.iteration

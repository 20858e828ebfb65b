"""A trained model, its loss history, and a checkpoint of an unfinished run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen._tables import MAX_ROWS, build_frame, build_html, format_value
from namegen._validate import check_arguments, check_bool, check_constructor, check_path
from namegen.architectures import find_architecture
from namegen.config import MAX_CATEGORIES, MAX_CATEGORY_LENGTH
from namegen.errors import UsageError, quote
from namegen.io.safetensors import MAX_TEXT, MAX_VALUES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from namegen.config import SamplingConfig, TrainingConfig
    from namegen.datasets.alphabet import Alphabet
    from namegen.datasets.options import DataSource
    from namegen.models.closed import ClosedNames
    from namegen.models.mixture import Mixture
    from namegen.models.network_module import NetworkModule
    from namegen.models.plausibility import Plausibility

MAX_THREADS = 1024
MAX_LOSS = 1e9  # nats per letter
_MAX_CARD = 20_000  # characters


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """The loss history of a training run, in nats per letter. Each point is the mean of the names' mean losses.

    With distillation the history begins after the teachers' training, and training losses are cross-entropies with
    the teachers' distributions. With fine-tuning, half of the names have such losses.

    Attributes:
        iterations: the number of training names before each training point, (points,).
        training: the mean loss of the names since the previous point, (points,).
        validation_iterations: the number of training names before each validation point, (validation points,).
        validation: the loss on the held-out names, (validation points,).
    """

    iterations: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    training: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0, np.float64))
    validation_iterations: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    validation: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0, np.float64))

    @property
    def final_training(self) -> float | None:
        """The last training point, or ``None``."""
        return float(self.training[-1]) if len(self.training) else None

    @property
    def best_validation(self) -> float | None:
        """The lowest validation point, whose weights a finished model has, or ``None``."""
        return float(self.validation.min()) if len(self.validation) else None

    @property
    def best_iteration(self) -> int | None:
        """The number of training names before the first lowest validation point, or ``None``."""
        return int(self.validation_iterations[self.validation.argmin()]) if len(self.validation) else None

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame with a row for each point; ``nan`` where one of the two losses was not measured.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        points = np.union1d(self.iterations, self.validation_iterations)
        return build_frame(self._losses_at(points), index=points.tolist(), name="iterations")

    def _losses_at(self, points: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Return both losses at some points, each (points,)."""
        training, validation = np.full((2, len(points)), np.nan)
        training[np.searchsorted(points, self.iterations)] = self.training
        validation[np.searchsorted(points, self.validation_iterations)] = self.validation
        return {"training": training, "validation": validation}

    def __repr__(self) -> str:
        losses = [f"training {self.training[-1]:.3f}"] if len(self.training) else []
        if self.best_validation is not None:
            losses.append(f"lowest validation {self.best_validation:.3f} after {self.best_iteration:,} names")
        return f"<History of {len(self.iterations):,} points: {', '.join(losses) or 'no losses'}>"

    def _repr_html_(self) -> str:
        points = np.union1d(self.iterations, self.validation_iterations)
        if len(points) > MAX_ROWS:  # evenly spaced, the last one included
            points = points[np.linspace(0, len(points) - 1, MAX_ROWS).round().astype(np.int64)]
        measured = np.isin(self.iterations, points), np.isin(self.validation_iterations, points)
        part = History(
            self.iterations[measured[0]],
            self.training[measured[0]],
            self.validation_iterations[measured[1]],
            self.validation[measured[1]],
        )
        losses = part._losses_at(points)
        rows = [
            (f"{point:,}", format_value(training, ".3f"), format_value(validation, ".3f"))
            for point, training, validation in zip(points.tolist(), *losses.values(), strict=True)
        ]
        return build_html(
            ("training names", "training loss", "validation loss"), rows, total=len(rows), caption=repr(self)[1:-1]
        )


@check_constructor("load_model loads a model")
@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A trained network, or an n-gram, with its alphabet, categories and settings.

    Attributes:
        training: the settings it was trained with.
        sampling: its default sampling settings.
        alphabet: its letters.
        categories: its categories.
        counts: the number of training names of each category, (categories,).
        first_letter_counts: the number of these names that begin with each letter, (categories, letters).
        longest: the number of letters of the longest training name.
        casing: the case of most training names, like ``Dataset.casing``.
        dataset: the name of the training data.
        dataset_verified: whether the training data matched the checksums of the catalogue.
        fingerprint: the SHA-256 of the training data.
        name_hashes: the hashes of all training names, sorted, (distinct names,); empty in a checkpoint.
        device: the device it was trained on.
        threads: the number of threads of each training process.
        iterations: the number of training names sampled so far.
        weights: the network's parameters by name, float32.
        history: the losses during training.
        card: the model card in Markdown.
        processes: the number of processes that trained it.
        held_out_hashes: the hashes of the names held out for validation, like ``name_hashes``.
        mixture: the n-gram that predicts letters together with the network; ``None`` in a checkpoint, and if the
            recipe has none.
        plausibility: how plausible the training names are to the n-gram, for a plausibility floor; ``None`` without an
            n-gram.
        letters: the letters that names of each category may contain, (categories, letters); ``None`` for all.
        added_letters: the number of letters, the last ones, that were added to a trained model.
        closed: the closed categories, which have known names only. They are not among ``categories``.

    Raises:
        UsageError: the card is not printable text, or has more than 20,000 characters.
    """

    training: TrainingConfig
    sampling: SamplingConfig
    alphabet: Alphabet
    categories: tuple[str, ...]
    counts: NDArray[np.int64]
    first_letter_counts: NDArray[np.int64]
    longest: int
    casing: str
    dataset: str
    dataset_verified: bool
    fingerprint: str
    name_hashes: NDArray[np.uint64]
    device: str
    threads: int
    iterations: int
    weights: dict[str, NDArray[np.float32]]
    history: History
    card: str = ""
    processes: int = 1
    held_out_hashes: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    mixture: Mixture | None = None
    plausibility: Plausibility | None = None
    letters: NDArray[np.bool_] | None = None
    added_letters: int = 0
    closed: Mapping[str, ClosedNames] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.card) > _MAX_CARD:
            raise UsageError(f"the card has {len(self.card):,} characters; shorten it to {_MAX_CARD:,}")
        if not all(line.isprintable() for line in self.card.split("\n")):
            raise UsageError("the card must be printable text")

    @property
    def finished(self) -> bool:
        """Whether the training is complete."""
        return self.iterations >= self.training.iterations

    @cached_property
    def stage(self) -> TrainingConfig:
        """The settings of the network that the weights belong to, in an unfinished run perhaps a teacher."""
        return self.training.stage_at(self.iterations)

    @cached_property
    def known_hashes(self) -> NDArray[np.uint64]:
        """The distinct hashes of all names of the training data, held-out ones included, sorted."""
        return np.union1d(self.name_hashes, self.held_out_hashes) if len(self.held_out_hashes) else self.name_hashes

    @property
    def all_categories(self) -> tuple[str, ...]:
        """All categories that can be sampled, the closed ones included, sorted if there are any."""
        return tuple(sorted((*self.categories, *self.closed))) if self.closed else self.categories

    @property
    def weights_after(self) -> int:
        """The number of training names that the weights have seen."""
        best = self.history.best_iteration
        return best if self.finished and best is not None else self.iterations

    @property
    def has_network(self) -> bool:
        """Whether a network predicts letters; if not, the n-gram alone does."""
        return find_architecture(self.training).network is not None

    def __repr__(self) -> str:
        network = describe_architecture(self.training)
        categories = "1 category" if len(self.categories) == 1 else f"{len(self.categories):,} categories"
        unfinished = "" if self.finished else f", after {self.iterations:,} of {self.training.iterations:,} iterations"
        return f"<Model of {self.dataset}: {network}, {categories}{unfinished}>"

    @property
    def parameters(self) -> int:
        """The number of parameters of the network."""
        return sum(weight.size for weight in self.weights.values())

    def to_torch(self) -> NetworkModule:
        """Return the network as a torch module, to train it further or to look at its hidden states.

        Its forward pass takes the indices of categories and of letters, and returns the logits and the hidden states
        after every letter. The model's n-gram is not part of it. The module has copies of the weights.

        Returns:
            The module, in evaluation mode on the CPU. :class:`~namegen.models.network_module.NetworkModule` describes
            its arguments.

        Raises:
            UsageError: the model has no network.
        """
        from namegen.models.network_module import NetworkModule

        return NetworkModule(self)

    @check_arguments()
    def save(self, path: str | Path, *, half: bool = False) -> None:
        """Write the model to a file, atomically.

        Args:
            path: the file.
            half: store the weights in half precision, rounded to 11 bits, which halves the size of the file.

        Raises:
            NamegenError: the file cannot be written, or a weight is too large for half precision.
        """
        from namegen.io.files import write_atomically
        from namegen.models.serialization import pack_model

        write_atomically(check_path("path", path), pack_model(self, half=check_bool("half", half)))


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """An unfinished model with the state needed to resume its training.

    Attributes:
        model: the model so far.
        state: the arrays of the training by name.
        source: where the names were read from, if that is known.
    """

    model: Model
    state: dict[str, NDArray[Any]]
    source: DataSource | None = None

    def save(self, path: Path) -> None:
        """Write the checkpoint to a file, atomically."""
        from namegen.io.files import write_atomically
        from namegen.models.serialization import pack_model

        write_atomically(path, pack_model(self.model, self.state, self.source))


def describe_architecture(training: TrainingConfig) -> str:
    """Return the architecture that a configuration asks for and its size, in words."""
    if find_architecture(training).network is None:
        return f"n-gram of order {training.ngram_order}"
    return f"{training.architecture} of {training.hidden_size} units"


def check_categories(alphabet: Alphabet, categories: Sequence[str]) -> None:
    """Check that a model file can hold these categories and this alphabet.

    Raises:
        UsageError: there are more than 20,000 categories, one has more than 1,000 characters, or the text is too long.
    """
    if len(categories) > MAX_CATEGORIES:
        raise UsageError(f"{len(categories):,} categories are too many; use at most {MAX_CATEGORIES:,}")
    longest = max(categories, key=len)
    if len(longest) > MAX_CATEGORY_LENGTH:
        raise UsageError(
            f"the category {quote(longest)} has {len(longest):,} characters; shorten it to {MAX_CATEGORY_LENGTH:,}"
        )
    text = json.dumps([alphabet.letters, categories], ensure_ascii=False)
    if len(text.encode()) > MAX_TEXT // 2 or text.count(",") > MAX_VALUES // 2:  # a file holds more text
        raise UsageError(f"the names of {len(categories):,} categories are too long together; shorten them")

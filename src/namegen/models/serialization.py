"""The format of model files and checkpoints.

A model file is a safetensors file: the network's weights as ``network.*``, bulky data as other tensors, and everything
else as JSON in the metadata entry ``namegen``; ``docs/model-file.md`` specifies it. A checkpoint of an unfinished run
is a model file with the state of the training as ``state.*``. The reader checks everything that it uses.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from namegen.architectures import find_architecture, weight_shapes
from namegen.config import Distillation, SamplingConfig, TrainingConfig
from namegen.datasets.alphabet import Alphabet
from namegen.datasets.graphemes import is_printable
from namegen.errors import ModelFileError, NamegenError
from namegen.io.safetensors import DTYPES, SafetensorsFile, describe_error, open_safetensors, read_json
from namegen.models.model import MAX_LOSS, MAX_THREADS, Checkpoint, History, Model, check_categories
from namegen.models.sections import (
    check_sections,
    pack_sections,
    read_added_letters,
    read_closed,
    read_letters,
    read_mixture,
    read_plausibility,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from namegen.datasets.options import DataSource

FORMAT_VERSION = 2
_READABLE = (1, 2)

_MAX_ITERATIONS = 10**12
_MAX_NAMES = 10**12  # per category, so that sums fit into int64
_MAX_LONGEST = 10**6
_MAX_PROCESSES = 10**6
_CASINGS = ("lower", "capitalised", "upper", "none")
_STATE = "state."
_TRAINED_ON, _HELD_OUT = "training_names.hashes", "held_out_names.hashes"

Config = TypeVar("Config", TrainingConfig, SamplingConfig, Distillation)


def load_model_file(path: Path) -> Model:
    """Read a model from a model file or a checkpoint.

    Raises:
        ModelFileError: the file is missing, damaged, from a newer version, or not a model.
    """
    with _open(path) as reader:
        return reader.model()


def load_checkpoint(path: Path) -> Checkpoint:
    """Read the checkpoint of an unfinished training run.

    Raises:
        ModelFileError: the file is missing, damaged, from a newer version, or not a checkpoint.
    """
    with _open(path) as reader:
        checkpoint = Checkpoint(reader.model(), reader.state(), reader.source())
    if not checkpoint.state:
        raise ModelFileError(f"{path} is a finished model; there is nothing to resume")
    return checkpoint


def pack_model(
    model: Model,
    state: Mapping[str, NDArray[Any]] | None = None,
    source: DataSource | None = None,
    *,
    half: bool = False,
) -> bytes:
    """Return the contents of a model file, or of a checkpoint with the state of its training.

    Args:
        model: the model.
        state: the arrays of the training by name.
        source: where the names of an unfinished run were read from.
        half: whether to store the weights in half precision.

    Raises:
        NamegenError: a weight is too large for half precision.
    """
    from safetensors.numpy import save

    sections, section_tensors = pack_sections(model)
    tensors: dict[str, NDArray[Any]] = {
        "categories.counts": model.counts,
        "categories.first_letters": model.first_letter_counts,
        "history.iterations": model.history.iterations,
        "history.training": model.history.training,
        "history.validation_iterations": model.history.validation_iterations,
        "history.validation": model.history.validation,
        _TRAINED_ON: model.name_hashes,
        **({_HELD_OUT: model.held_out_hashes} if len(model.held_out_hashes) else {}),
        **{f"network.{name}": _halve(name, weight) if half else weight for name, weight in model.weights.items()},
        **{f"{_STATE}{name}": array for name, array in (state or {}).items()},
        **section_tensors,
    }
    facts: dict[str, Any] = {
        "alphabet": list(model.alphabet.letters),
        "card": model.card,
        "casing": model.casing,
        "categories": list(model.categories),
        "device": model.device,
        "dataset": {"fingerprint": model.fingerprint, "name": model.dataset, "verified": model.dataset_verified},
        "format": FORMAT_VERSION,
        "iterations": model.iterations,
        "longest": model.longest,
        "sampling": dataclasses.asdict(model.sampling),
        "sections": sections,
        "threads": model.threads,
        "training": dataclasses.asdict(model.training),
    }
    if source:
        facts["source"] = source.as_dict()
    if model.processes > 1:
        facts["processes"] = model.processes
    check_categories(model.alphabet, model.categories)
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, allow_nan=False)
    # The writer copies the memory of an array, so it must be in C order.
    return save({name: np.asarray(array, order="C") for name, array in tensors.items()}, metadata={"namegen": text})


def _halve(name: str, weight: NDArray[np.float32]) -> NDArray[np.float16]:
    with np.errstate(over="ignore"):
        halved = weight.astype(np.float16)
    if not np.isfinite(halved).all():
        raise NamegenError(f"the weights {name} are too large for half precision; save in full precision")
    return halved


@contextlib.contextmanager
def _open(path: Path) -> Iterator[_Reader]:
    """Open a model file; turn every error in its contents into a :class:`ModelFileError`."""
    with open_safetensors(path) as tensors:
        try:
            yield _Reader(_read_facts(path, tensors), tensors)
        except ModelFileError:
            raise
        except (NamegenError, KeyError, TypeError, ValueError, RecursionError, OverflowError) as error:
            raise ModelFileError(f"{path} is damaged: {describe_error(error)}; use another copy") from error


def _read_facts(path: Path, tensors: SafetensorsFile) -> dict[str, Any]:
    text = tensors.metadata.get("namegen")
    if text is None:
        raise ModelFileError(f"{path} is a safetensors file, but not a namegen model; use another file")
    facts: dict[str, Any] = read_json(text)
    version = facts["format"]
    if version not in _READABLE:
        raise ModelFileError(f"{path} has format {version!r:.20}, not {FORMAT_VERSION}; update namegen")
    facts["sections"] = check_sections(path, facts.get("sections", {}))
    return facts


class _Reader(NamedTuple):
    """Builds a model from the contents of a file; raises ``ValueError`` if they are inconsistent."""

    facts: dict[str, Any]
    tensors: SafetensorsFile

    def model(self) -> Model:
        alphabet = Alphabet(_check_texts(self.facts["alphabet"]))
        categories = _check_texts(self.facts["categories"])
        if not categories or len(set(categories)) < len(categories):
            raise ValueError("its categories must be distinct")
        training = _build_config(TrainingConfig, self.facts["training"])
        iterations = self.check_int("iterations", 0, _MAX_ITERATIONS)
        shapes = weight_shapes(training.stage_at(iterations), len(categories), len(alphabet) + 1)
        sections = self.facts["sections"]
        dataset, casing, card = self.facts["dataset"], self.facts["casing"], self.facts.get("card", "")
        if casing not in _CASINGS or not isinstance(card, str):
            raise ValueError(f"the casing is {casing!r:.40}, or the card is not text")
        model = Model(
            training=training,
            sampling=_build_config(SamplingConfig, self.facts["sampling"]),
            alphabet=alphabet,
            categories=categories,
            counts=self.counts("categories.counts", len(categories)),
            first_letter_counts=self.counts("categories.first_letters", len(categories), len(alphabet)),
            longest=self.check_int("longest", 1, _MAX_LONGEST),
            casing=casing,
            dataset=_check_text(dataset["name"]),
            dataset_verified=dataset["verified"] is True,
            fingerprint=_check_text(dataset["fingerprint"]),
            name_hashes=self.hashes(_TRAINED_ON),
            device=_check_text(self.facts["device"]),
            threads=self.check_int("threads", 1, MAX_THREADS),
            iterations=iterations,
            weights={name: self.weight(name, shape) for name, shape in shapes.items()},
            history=self.history(),
            card=card,
            processes=self.check_int("processes", 1, _MAX_PROCESSES) if "processes" in self.facts else 1,
            held_out_hashes=self.hashes(_HELD_OUT) if _HELD_OUT in self.tensors.names else np.zeros(0, np.uint64),
            mixture=read_mixture(sections, self.tensors, len(categories), len(alphabet) + 1),
            plausibility=read_plausibility(sections, self.tensors, len(categories)),
            letters=read_letters(sections, self.tensors, len(categories), len(alphabet)),
            added_letters=read_added_letters(sections, len(alphabet)),
            closed=read_closed(sections, self.tensors, categories),
        )
        if model.letters is not None:
            if find_architecture(model.stage).letter_axes is None:
                raise ValueError("its network cannot be restricted to some letters")
            if (model.first_letter_counts > 0)[~model.letters].any():
                raise ValueError("a name begins with a letter that its category does not have")
        if model.plausibility and not model.mixture:
            raise ValueError("it has plausibility limits, but no n-gram")
        if not model.mixture and not model.has_network:
            raise ValueError("it has neither a network nor an n-gram")
        check_categories(alphabet, categories)
        if (model.counts < 1).any() or (model.first_letter_counts.sum(axis=1) != model.counts).any():
            raise ValueError("its counts of names are inconsistent")
        return model

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the state of a training run, which the training checks."""
        names = [name for name in self.tensors.names if name.startswith(_STATE)]
        return {name.removeprefix(_STATE): self.tensors.read(name, DTYPES) for name in names}

    def source(self) -> DataSource | None:
        """Return where the names of an unfinished run were read from."""
        from namegen.datasets.options import DataSource

        return DataSource.from_dict(self.facts["source"]) if "source" in self.facts else None

    def counts(self, tensor: str, *shape: int) -> NDArray[np.int64]:
        counts = self.tensors.read(tensor, ("I64",), shape)
        if (counts < 0).any() or (counts > _MAX_NAMES).any():
            raise ValueError(f"{tensor} is out of range")
        return counts

    def history(self) -> History:
        arrays = []
        for iterations_name, losses_name in (("iterations", "training"), ("validation_iterations", "validation")):
            iterations = self.tensors.read(f"history.{iterations_name}", ("I64",), (None,))
            losses = self.tensors.read(f"history.{losses_name}", ("F64",), (len(iterations),))
            in_range = (iterations > 0).all() and (iterations <= _MAX_ITERATIONS).all()
            if not in_range or (np.diff(iterations) < 1).any() or not (np.abs(losses) <= MAX_LOSS).all():
                raise ValueError("its loss history is out of order or out of range")
            arrays += [iterations, losses]
        return History(*arrays)

    def weight(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return weights in single precision; the file may have them in half precision."""
        weight = self.tensors.read(f"network.{name}", ("F16", "F32"), shape).astype(np.float32, copy=False)
        if not np.isfinite(weight).all():
            raise ValueError(f"the weights {name} are not finite")
        return weight

    def hashes(self, tensor: str) -> NDArray[np.uint64]:
        hashes = self.tensors.read(tensor, ("U64",), (None,))
        if (hashes[1:] <= hashes[:-1]).any():
            raise ValueError("its hashes of names are not sorted")
        return hashes

    def check_int(self, name: str, low: int, high: int) -> int:
        value = self.facts[name]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"{name} is {value!r}")
        return value


def _check_text(value: object) -> str:
    if not isinstance(value, str) or not is_printable(value):
        raise ValueError(f"{value!r:.40} is not text")
    return value


def _check_texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise ValueError(f"{values!r:.40} is not a list")  # noqa: TRY004 - one kind of error for all checks
    return tuple(_check_text(value) for value in values)


def _build_config(kind: type[Config], values: dict[str, Any]) -> Config:
    """Build settings, which check their own values; settings that an older file lacks have their defaults."""
    names = {field.name for field in dataclasses.fields(kind)}
    if not isinstance(values, dict) or not set(values) <= names:
        raise ValueError(f"{values!r:.80} are not settings of this version")
    if values.get("distillation") is not None:
        values = {**values, "distillation": _build_config(Distillation, values["distillation"])}
    return kind(**values)

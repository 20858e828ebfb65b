"""One model, one file.

A model file is a safetensors file: the network's weights under ``network.*``, the bulky facts as tensors of their own,
and one metadata entry, ``namegen``, with everything else as JSON. ``docs/model-file.md`` describes it well enough to
write another reader. No pickle: a model from a stranger cannot run code. No clock, host name or path either: the same
training gives the same bytes.

A *checkpoint* is the same file with more in it: what a training run needs to go on, under ``state.*``. Its weights
are as good as a finished model's, so names can be drawn from it while the run lasts.

The reader trusts nothing: whatever it hands out has been checked against everything else in the file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from namegen.config import Distillation, SamplingConfig, TrainingConfig
from namegen.datasets.alphabet import Alphabet
from namegen.datasets.graphemes import is_printable
from namegen.errors import ModelFileError, NamegenError
from namegen.io.files import write_atomically
from namegen.io.safetensors import (
    DTYPES,
    SafetensorsFile,
    describe_error,
    open_safetensors,
    read_json,
)
from namegen.models.architectures import weight_shapes
from namegen.models.model import (
    CASINGS,
    MAX_LOSS,
    MAX_PROCESSES,
    MAX_THREADS,
    Checkpoint,
    History,
    Model,
    check_categories,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray


FORMAT_VERSION = 1


_MAX_ITERATIONS = 10**12


_MAX_NAMES = 10**12  # of a category


_STATE = "state."


_TRAINED_ON, _HELD_OUT = "training_names.hashes", "held_out_names.hashes"


Config = TypeVar("Config", TrainingConfig, SamplingConfig, Distillation)


def load_model_file(path: Path) -> Model:
    """Read a model, or the model so far from a checkpoint.

    Raises:
        ModelFileError: the file is missing, damaged, from a newer version, or not a model.
    """
    with open_safetensors(path) as tensors, _damage(path):
        return _unpacker(path, tensors).model()


def load_checkpoint(path: Path) -> Checkpoint:
    """Read what an unfinished training run left.

    Raises:
        ModelFileError: the file is missing, damaged, from a newer version, or not a checkpoint.
    """
    with open_safetensors(path) as tensors, _damage(path):
        unpacker = _unpacker(path, tensors)
        checkpoint = Checkpoint(unpacker.model(), unpacker.state())
    if not checkpoint.state:
        raise ModelFileError(f"{path} is a finished model, there is no training run to go on with")
    return checkpoint


def save_model(model: Model, path: Path, *, half: bool = False) -> None:
    """Write a model atomically; see :meth:`Model.save <namegen.models.model.Model.save>`."""
    write_atomically(path, _pack(model, {}, half=half))


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint atomically; see :meth:`Checkpoint.save <namegen.models.model.Checkpoint.save>`."""
    write_atomically(path, _pack(checkpoint.model, checkpoint.state))


def _halved(name: str, weight: NDArray[np.float32]) -> NDArray[np.float16]:
    with np.errstate(over="ignore"):
        halved = weight.astype(np.float16)
    if not np.isfinite(halved).all():
        raise NamegenError(f"the weights {name} do not fit into half precision, which ends at 65,504; save in full")
    return halved


def _pack(model: Model, state: dict[str, NDArray[Any]], *, half: bool = False) -> bytes:
    from safetensors.numpy import save

    tensors: dict[str, NDArray[Any]] = {
        "categories.counts": model.counts,
        "categories.first_letters": model.first_letter_counts,
        "history.iterations": model.history.iterations,
        "history.training": model.history.training,
        "history.validation_iterations": model.history.validation_iterations,
        "history.validation": model.history.validation,
        _TRAINED_ON: model.name_hashes,
        **({_HELD_OUT: model.held_out_hashes} if len(model.held_out_hashes) else {}),
        **{f"network.{name}": _halved(name, weight) if half else weight for name, weight in model.weights.items()},
        **{f"{_STATE}{name}": array for name, array in state.items()},
    }
    facts = {
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
        "threads": model.threads,
        "training": dataclasses.asdict(model.training),
    }
    if model.processes > 1:
        facts["processes"] = model.processes
    check_categories(model.alphabet, model.categories)
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, allow_nan=False)
    # The writer takes an array's memory as it lies, so each must lie in C order.
    return save({name: np.asarray(array, order="C") for name, array in tensors.items()}, metadata={"namegen": text})


def _unpacker(path: Path, tensors: SafetensorsFile) -> _Unpacker:
    """Return what builds the model, if the file is a model in this format."""
    text = tensors.metadata.get("namegen")
    if text is None:
        raise ModelFileError(f"{path} is not a namegen model; it is a safetensors file of something else")
    facts = read_json(text)
    version = facts["format"]
    if version is True or version != FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has format {version!r:.20}, not {FORMAT_VERSION}; a newer namegen may read it, so update"
        )
    return _Unpacker(facts, tensors)


@contextlib.contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Say in one way whatever does not fit in a file."""
    try:
        yield
    except ModelFileError:
        raise
    except (NamegenError, KeyError, TypeError, ValueError, RecursionError, OverflowError) as error:
        raise ModelFileError(
            f"{path} is damaged: {describe_error(error)}; train the model again or take another copy"
        ) from error


class _Unpacker(NamedTuple):
    """Builds a model out of what a file claims, and raises ``ValueError`` at the first thing that does not fit."""

    facts: dict[str, Any]
    tensors: SafetensorsFile

    def model(self) -> Model:
        alphabet = Alphabet(self.texts(self.facts["alphabet"]))
        categories = self.texts(self.facts["categories"])
        if not categories or len(set(categories)) < len(categories):
            raise ValueError("its categories must be distinct")
        training = self.config(TrainingConfig, self.facts["training"])
        iterations = self.whole("iterations", 0, _MAX_ITERATIONS)
        shapes = weight_shapes(training.stage_at(iterations), len(categories), len(alphabet) + 1)
        dataset = self.facts["dataset"]
        model = Model(
            training=training,
            sampling=self.config(SamplingConfig, self.facts["sampling"]),
            alphabet=alphabet,
            categories=categories,
            counts=self.tensors.read("categories.counts", ("I64",), (len(categories),)),
            first_letter_counts=self.tensors.read(
                "categories.first_letters", ("I64",), (len(categories), len(alphabet))
            ),
            longest=self.whole("longest", 1, 10**6),
            casing=self.casing(),
            dataset=self.text(dataset["name"]),
            dataset_verified=dataset["verified"] is True,
            fingerprint=self.text(dataset["fingerprint"]),
            name_hashes=self.hashes(_TRAINED_ON),
            device=self.text(self.facts["device"]),
            threads=self.whole("threads", 1, MAX_THREADS),
            iterations=iterations,
            weights={name: self.weight(name, shape) for name, shape in shapes.items()},
            history=self.history(),
            card=self.card(),
            processes=self.whole("processes", 1, MAX_PROCESSES) if "processes" in self.facts else 1,
            held_out_hashes=self.hashes(_HELD_OUT) if _HELD_OUT in self.tensors.names else np.zeros(0, np.uint64),
        )
        check_categories(alphabet, categories)
        if (model.counts < 1).any() or (model.first_letter_counts < 0).any():
            raise ValueError("a category without names")
        if (model.counts > _MAX_NAMES).any() or (model.first_letter_counts > _MAX_NAMES).any():
            raise ValueError("a category of more names than there can be")  # whose sum might be too large for a number
        if (model.first_letter_counts.sum(axis=1) != model.counts).any():
            raise ValueError("first letters that do not add up to the names")
        return model

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what a training run needs to go on; the training checks what it is."""
        names = [name for name in self.tensors.names if name.startswith(_STATE)]
        return {name.removeprefix(_STATE): self.tensors.read(name, DTYPES) for name in names}

    def history(self) -> History:
        pairs = []
        for name in ("", "validation_"):
            iterations = self.tensors.read(f"history.{name}iterations", ("I64",), (None,))
            losses = self.tensors.read(f"history.{name.rstrip('_') or 'training'}", ("F64",), (len(iterations),))
            if not (np.abs(losses) <= MAX_LOSS).all():
                raise ValueError("a loss history that is not finite, or too large")
            if (
                (iterations[1:] <= iterations[:-1]).any()
                or (iterations < 1).any()
                or (iterations > _MAX_ITERATIONS).any()
            ):
                raise ValueError("a loss history that is out of order")
            pairs += [iterations, losses]
        return History(*pairs)

    def weight(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return weights in single precision, which the file may have in half precision."""
        weight = self.tensors.read(f"network.{name}", ("F16", "F32"), shape)
        if not np.isfinite(weight).all():
            raise ValueError(f"the weights {name} are not finite")
        return weight.astype(np.float32, copy=False)

    def hashes(self, tensor: str) -> NDArray[np.uint64]:
        hashes = self.tensors.read(tensor, ("U64",), (None,))
        if (hashes[1:] <= hashes[:-1]).any():
            raise ValueError("hashes of names that do not ascend")
        return hashes

    def casing(self) -> str:
        casing = self.text(self.facts["casing"])
        if casing not in CASINGS:
            raise ValueError(f"the casing is {casing!r}")
        return casing

    def card(self) -> str:
        """Return the card, which files of earlier versions do not have; the model checks what it says."""
        card = self.facts.get("card", "")
        if not isinstance(card, str):
            raise ValueError("the card is no text")  # noqa: TRY004 - one error for whatever does not fit
        return card

    def whole(self, name: str, low: int, high: int) -> int:
        value = self.facts[name]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"{name} is {value!r}")
        return value

    @staticmethod
    def text(value: object) -> str:
        if not isinstance(value, str) or not is_printable(value):
            raise ValueError(f"{value!r:.40} is no text")
        return value

    @classmethod
    def texts(cls, values: object) -> tuple[str, ...]:
        if not isinstance(values, list):
            raise ValueError(f"{values!r:.40} is no list")  # noqa: TRY004 - one error for whatever does not fit
        return tuple(cls.text(value) for value in values)

    @classmethod
    def config(cls, kind: type[Config], values: dict[str, Any]) -> Config:
        """Build a configuration, which checks its own values. JSON knows no difference between 1 and 1.0.

        What a file of an earlier version does not have yet has its default, by which nothing changes.
        """
        known = {f.name: f.type for f in dataclasses.fields(kind)}
        if not isinstance(values, dict) or not set(values) <= set(known):
            raise ValueError(f"{values!r:.80} are no settings, or others than this version has")
        for name, value in values.items():
            expects_bool = known[name] == "bool"
            if expects_bool is not isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
                raise ValueError(f"the setting {name} is {value!r}")
        if values.get("distillation") is not None:
            values = {**values, "distillation": cls.config(Distillation, values["distillation"])}
        return kind(**values)

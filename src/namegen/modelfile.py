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
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from namegen.alphabet import Alphabet
from namegen.bounds import LONGEST_CATEGORY, MOST_CATEGORIES
from namegen.errors import ModelFileError, NamegenError, UsageError, quoted
from namegen.letters import is_printable
from namegen.recipes import Distillation, SamplingConfig, TrainingConfig
from namegen.tensors import KINDS, MAX_TEXT, MAX_VALUES, TensorFile, in_words, open_tensors, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

FORMAT_VERSION = 1
MAX_THREADS = 1024
MAX_PROCESSES = 10**6
MAX_CARD = 20_000  # characters
MAX_LOSS = 1e9  # nats per letter
CASINGS = ("lower", "capitalised", "upper", "none")
_MAX_ITERATIONS = 10**12
_MAX_NAMES = 10**12  # of a category
_STATE = "state."
_TRAINED_ON, _HELD_OUT = "training_names.hashes", "held_out_names.hashes"

Config = TypeVar("Config", TrainingConfig, SamplingConfig, Distillation)


@dataclass(frozen=True, eq=False)
class History:
    """How the loss went, in nats per letter. Each point is the mean of the names' mean losses.

    That of a network that others taught begins after the teachers, and its training points are the cross-entropy with
    what these say, on names that they drew; where categories are added to a model, half of the names are such.

    Attributes:
        iterations: after how many training names each training point was taken, (points,) int64.
        training: the mean over the names drawn since the point before, (points,) float64.
        validation_iterations: likewise for the validation points, (validation points,) int64.
        validation: the loss on the held-out names at that moment, (validation points,) float64.
    """

    iterations: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    training: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0, np.float64))
    validation_iterations: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    validation: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0, np.float64))

    @property
    def final_training(self) -> float | None:
        """The last training point, if there is one."""
        return float(self.training[-1]) if len(self.training) else None

    @property
    def best_validation(self) -> float | None:
        """The lowest validation point, the one a finished model's weights are from, if there is one."""
        return float(self.validation.min()) if len(self.validation) else None

    @property
    def best_iteration(self) -> int | None:
        """After how many training names the lowest validation point was taken, the first of equals."""
        return int(self.validation_iterations[self.validation.argmin()]) if len(self.validation) else None


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network and all that belongs to it.

    Attributes:
        training: the configuration it was trained with.
        sampling: how it draws names unless told otherwise.
        alphabet: its letters.
        categories: its categories.
        counts: how many training names each category had, (categories,) int64.
        first_letter_counts: how many of these begin with each letter, (categories, letters) int64.
        longest: the number of letters of the longest training name.
        casing: how most training names begin: ``lower``, ``capitalised``, ``upper``, or ``none`` without case.
        dataset: what the training data were called.
        dataset_verified: whether these were, byte for byte, what a catalogue says they are.
        fingerprint: the SHA-256 of the training data.
        name_hashes: the hashes of all training names of all categories, sorted, (distinct names,) uint64; none in a
            checkpoint.
        device: the device it was trained on.
        threads: the number of threads it was trained with, in each process.
        iterations: how many training names had been drawn.
        weights: the network's parameters by name, float32.
        history: the losses along the way.
        card: what people should know of the model, in Markdown: where its data are from, how good it is, its limits.
        processes: how many processes trained it together.
        held_out_hashes: likewise the hashes of the names that were held out from the training, to measure it on.

    Raises:
        UsageError: the card is no printable text, or has more than 20,000 characters.
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

    def __post_init__(self) -> None:
        if len(self.card) > MAX_CARD:
            raise UsageError(f"the card has {len(self.card):,} characters; at most {MAX_CARD:,} are allowed")
        if not all(line.isprintable() for line in self.card.split("\n")):
            raise UsageError("the card must be lines of printable text")

    @property
    def finished(self) -> bool:
        """Whether its training ran to the end."""
        return self.iterations >= self.training.iterations

    @cached_property
    def stage(self) -> TrainingConfig:
        """The configuration of the network that the weights are of: in an unfinished run it may be a teacher's."""
        return self.training.stage_at(self.iterations)

    @cached_property
    def known_hashes(self) -> NDArray[np.uint64]:
        """The hashes of all names of the training data, also of those that were held out: sorted, each once."""
        return np.union1d(self.name_hashes, self.held_out_hashes) if len(self.held_out_hashes) else self.name_hashes

    @property
    def weights_after(self) -> int:
        """After how many training names the weights are: a finished model has those with the best validation loss."""
        best = self.history.best_iteration
        return best if self.finished and best is not None else self.iterations

    def __repr__(self) -> str:
        network = f"{self.training.architecture} of {self.training.hidden_size} units"
        categories = "1 category" if len(self.categories) == 1 else f"{len(self.categories):,} categories"
        unfinished = "" if self.finished else f", after {self.iterations:,} of {self.training.iterations:,} iterations"
        return f"<Model of {self.dataset}: {network}, {categories}{unfinished}>"

    @property
    def parameters(self) -> int:
        """The number of the network's parameters."""
        return sum(weight.size for weight in self.weights.values())

    def save(self, path: str | Path, *, half: bool = False) -> None:
        """Write the model to ``path``, whole or not at all.

        Args:
            path: the file.
            half: write the weights in half precision, which halves the file and rounds them to 11 bits.

        Raises:
            NamegenError: the file cannot be written, or a weight is out of the range of half precision.
        """
        _write(Path(path), _pack(self, {}, half=half))


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A model as it is in the middle of its training, with what the training needs to go on.

    Attributes:
        model: the model so far.
        state: the training's own arrays by name.
    """

    model: Model
    state: dict[str, NDArray[Any]]

    def save(self, path: Path) -> None:
        """Write the checkpoint to ``path``, whole or not at all.

        Raises:
            NamegenError: the file cannot be written.
        """
        _write(path, _pack(self.model, self.state))


def load_model_file(path: Path) -> Model:
    """Read a model, or the model so far from a checkpoint.

    Raises:
        ModelFileError: the file is missing, damaged, from a newer version, or not a model.
    """
    with open_tensors(path) as tensors, _damage(path):
        return _unpacker(path, tensors).model()


def load_checkpoint(path: Path) -> Checkpoint:
    """Read what an unfinished training run left.

    Raises:
        ModelFileError: the file is missing, damaged, from a newer version, or not a checkpoint.
    """
    with open_tensors(path) as tensors, _damage(path):
        unpacker = _unpacker(path, tensors)
        checkpoint = Checkpoint(unpacker.model(), unpacker.state())
    if not checkpoint.state:
        raise ModelFileError(f"{path} is a finished model, there is no training run to go on with")
    return checkpoint


def weight_shapes(training: TrainingConfig, categories: int, outputs: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every parameter of the network that a configuration asks for."""
    hidden = training.hidden_size
    if training.architecture == "rnn":
        read = categories + outputs + hidden
        return {
            "i2h.weight": (hidden, read),
            "i2h.bias": (hidden,),
            "i2o.weight": (outputs, read),
            "i2o.bias": (outputs,),
            "o2o.weight": (outputs, hidden + outputs),
            "o2o.bias": (outputs,),
        }
    return {
        "letter_input.weight": (outputs, hidden),
        "category_input.weight": (categories, hidden),
        "category_state.weight": (categories, hidden),
        "category_output.weight": (categories, outputs),
        "read.weight": (3 * hidden, hidden),
        "read.bias": (3 * hidden,),
        "recurrent.weight": (3 * hidden, hidden),
        "recurrent.bias": (3 * hidden,),
        "head.weight": (outputs, hidden),
        "head.bias": (outputs,),
    }


def check_categories(alphabet: Alphabet, categories: Sequence[str]) -> None:
    """See that a model can have these categories and this alphabet.

    Raises:
        UsageError: there are more than 20,000 categories, one has more than 1,000 characters, or both take too much
            room.
    """
    if len(categories) > MOST_CATEGORIES:
        raise UsageError(f"{len(categories):,} categories are too many for a model; it has {MOST_CATEGORIES:,} at most")
    longest = max(categories, key=len)
    if len(longest) > LONGEST_CATEGORY:
        raise UsageError(
            f"the category {quoted(longest)} has {len(longest):,} characters, more than {LONGEST_CATEGORY:,}"
        )
    text = json.dumps([alphabet.letters, categories], ensure_ascii=False)
    if len(text.encode()) > MAX_TEXT // 2 or text.count(",") > MAX_VALUES // 2:  # there is more in a file
        raise UsageError(f"the names of {len(categories):,} categories take too much room; give them shorter ones")


def _write(path: Path, data: bytes) -> None:
    from namegen.files import write_atomically

    write_atomically(path, data)


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


def _unpacker(path: Path, tensors: TensorFile) -> _Unpacker:
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
            f"{path} is damaged: {in_words(error)}; train the model again or take another copy"
        ) from error


class _Unpacker(NamedTuple):
    """Builds a model out of what a file claims, and raises ``ValueError`` at the first thing that does not fit."""

    facts: dict[str, Any]
    tensors: TensorFile

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
        return {name.removeprefix(_STATE): self.tensors.read(name, KINDS) for name in names}

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

"""Create model files and mutate them.

The files are real models, as small as possible, so that many can be tried. A mutation splits a file into its tensors
and its metadata, changes some of them, and writes them with a matching header, so that most mutations pass the first
checks. Sometimes it changes raw bytes, or writes a header that does not match.

All randomness comes from a generator, so the same seed gives the same files.
"""

from __future__ import annotations

import dataclasses
import json
import math
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen.config import Distillation
from namegen.datasets.alphabet import Alphabet
from namegen.datasets.dataset import Dataset
from namegen.errors import TrainingStopped
from namegen.models.serialization import load_model_file
from namegen.recipes import training_config
from namegen.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from namegen.config import TrainingConfig
    from namegen.training.train import Progress

    Facts = Any  # a JSON value

_SIZES = {
    "F64": 8,
    "I64": 8,
    "U64": 8,
    "F32": 4,
    "I32": 4,
    "F16": 2,
    "BF16": 2,
    "I16": 2,
    "BOOL": 1,
    "U32": 4,
    "U16": 2,
    "U8": 1,
    "F8_E4M3": 1,
}
_MAX_BYTES = 2**20

NAMES = {"X": ["ab", "ba", "abba", "cab", "c"], "[bold]": ["aa", "bac", "cc", "abc"]}
"""The training names of the models."""


def training_names() -> Dataset:
    """Return the dataset that the checkpoints among the files need to resume."""
    return Dataset.from_names(NAMES, alphabet=Alphabet(("a", "b", "c")))


def real_files() -> list[bytes]:
    """Return the files of a model of each kind, and checkpoints of stopped trainings."""
    small = {"hidden_size": 16, "batch_size": 2, "validation": 0.2, "history_every": 4}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model"
        files = []
        for half, config in [
            (False, training_config(iterations=12, **small)),
            (True, training_config(iterations=12, **small)),
            (False, training_config("tutorial", iterations=12, hidden_size=16, history_every=4)),
            (False, training_config("instant")),
            (False, training_config("tutorial", iterations=12, hidden_size=16, nonlinearity="tanh", sos=True)),
        ]:
            train(training_names(), config).save(file, half=half)
            files.append(file.read_bytes())
        for stop_after, config in [
            (8, training_config(iterations=12, **small)),
            (8, training_config("tutorial", iterations=12, hidden_size=16, history_every=4)),
            (
                10,
                training_config(
                    "best", iterations=16, **small, distillation=Distillation(hidden_size=16, batch_size=2)
                ),
            ),
        ]:
            _train_until(stop_after, config, file)
            load_model_file(file)
            files.append(file.read_bytes())
    return files


def _train_until(iterations: int, config: TrainingConfig, checkpoint: Path) -> None:
    reached = 0

    def count(progress: Progress) -> None:
        nonlocal reached
        reached = progress.iteration

    try:
        train(
            training_names(),
            dataclasses.replace(config, save_every=1),
            checkpoint=checkpoint,
            report=count,
            stop=lambda: reached >= iterations,
        )
    except TrainingStopped:
        return


@dataclass
class Tensor:
    """A tensor of a file, valid or not."""

    kind: str
    shape: list[int]
    content: bytes


@dataclass
class Parts:
    """The parts of a model file.

    Attributes:
        facts: its JSON document.
        tensors: its tensors by name.
        metadata: other texts in the metadata.
    """

    facts: Facts
    tensors: dict[str, Tensor]
    metadata: dict[str, str]

    @classmethod
    def of(cls, content: bytes) -> Parts:
        """Split a file into its parts.

        Raises:
            ValueError, TypeError, KeyError, RecursionError: the file is too damaged.
        """
        if len(content) < 8:
            raise ValueError("no header")
        (length,) = struct.unpack("<Q", content[:8])
        header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
        metadata = dict(header.pop("__metadata__"))
        facts = json.loads(metadata.pop("namegen"))
        tensors = {
            name: Tensor(str(about["dtype"]), list(about["shape"]), data[slice(*about["data_offsets"])])
            for name, about in header.items()
        }
        return cls(facts, tensors, metadata)

    def put_together(self, spoil_text: Callable[[str], str] = str, spoil_header: Callable[[str], str] = str) -> bytes:
        """Return a file with a matching header, unless its texts are changed."""
        text = spoil_text(_written(self.facts))
        header: dict[str, Any] = {"__metadata__": {**self.metadata, "namegen": text}}
        end = 0
        for name, tensor in self.tensors.items():
            begin, end = end, end + len(tensor.content)
            header[name] = {"dtype": tensor.kind, "shape": tensor.shape, "data_offsets": [begin, end]}
        raw = spoil_header(_written(header)).encode("utf-8", "surrogatepass")
        return struct.pack("<Q", len(raw)) + raw + b"".join(tensor.content for tensor in self.tensors.values())


class Verbatim(str):
    """Text that is written into JSON verbatim."""

    __slots__ = ()


def _written(value: Facts) -> str:
    """Return a value as JSON, with verbatim parts."""
    if isinstance(value, Verbatim):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_written(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    return json.dumps(value)


HOSTILE_TEXTS = (
    "", " ", "a", "aa", "\x1b[31m", "\x1b]0;owned\x07", "\u202e", "\u2066", "\x00", "\n", "\r", "\ud800",
    "\U0001f468\u200d\U0001f469",
    "[bold]", "[/]", "../x", "CON", "$(x)", "%s%n", "$x^", "\u0301", "\xad", "\ue000", "ﬀ", "İ", "ß", "x" * 300,
    "x" * 5000, "a+b:2", "cpu:1",
    "cuda:99999999999999999999", "mps", "gru", "rnn", "tanh", "none", "capitalised", "upper",
)  # fmt: skip

HOSTILE_VALUES: tuple[Facts, ...] = (
    None, True, False, 0, 1, 2, 3, -1, 16, 255, 4096, 4097, 10**6, 10**12, 10**12 + 1, 2**31, 2**63 - 1, 2**63, 2**64,
    0.0, -0.0, 0.5, 0.999999999999, 1.0, 1e-8, 5e-324, 1e6, 1e308, 10000, 65536,
    Verbatim("NaN"), Verbatim("Infinity"), Verbatim("-Infinity"), Verbatim("1e999"), Verbatim("-1e999"),
    Verbatim("9" * 25), Verbatim("9" * 5000),
    Verbatim("1" + "0" * 400), Verbatim("[" * 500 + "]" * 500), Verbatim("[" * 50_000),
    Verbatim('{"a":' * 3000 + "1" + "}" * 3000), Verbatim("01"), Verbatim("'a'"),
    [], {}, [[]], [0], [None], [""], {"a": 1}, {"": {}}, ["a"] * 70,
    *HOSTILE_TEXTS,
)  # fmt: skip

# Valid values of settings, at their limits.
_LEGAL: dict[tuple[str, ...], tuple[Facts, ...]] = {
    ("sampling", "temperature"): (0, 1e-7, 1e-6, 0.1, 1.0, 1e6),
    ("sampling", "top_k"): (None, 1, 2, 10**6),
    ("sampling", "top_p"): (None, 5e-324, 1e-9, 0.5, 1.0, 1),
    ("sampling", "dropout"): (0, 0.1, 0.5, 0.9999999999999999),
    ("sampling", "guidance"): (0, 0.2, 10.0),
    ("sampling", "max_length"): (None, 1, 2, 10_000),
    ("training", "nonlinearity"): ("tanh", "none"),
    ("training", "sos"): (True, False),
    ("training", "iterations"): (1, 8, 12, 16, 10**12),
    ("training", "batch_size"): (1, 2, 65_536),
    ("training", "hidden_size"): (1, 2, 3, 4096),
    ("training", "learning_rate"): (1e-300, 100),
    ("training", "clip"): (None, 5e-324, 1e308),
    ("training", "averaging"): (0, 0.5, 0.9999999),
    ("training", "optimiser"): ("adamw", "sgd"),
    ("training", "validation"): (0, 0.2, 0.999),
    ("training", "history_every"): (None, 1, 10**12),
    ("training", "seed"): (0, 2**63 - 1),
    ("training", "keep_repeats"): (True, False),
    ("training", "distillation"): (None, {}, {"teachers": 16, "share": 0.01}, {"hidden_size": 4096},
        {"ngram_order": 16}),
    ("longest",): (1, 2, 10**6),
    ("iterations",): (0, 1, 7, 8, 12, 10**12),
    ("threads",): (1, 2),
    ("processes",): (1, 2, 10**6),
    ("casing",): ("lower", "upper", "capitalised", "none"),
    ("device",): ("cpu", "cuda", "mps", "cuda:7", "cpu:3"),
}  # fmt: skip


@np.errstate(all="ignore")
def mutate(content: bytes, rng: Random, others: list[bytes]) -> bytes:
    """Return a file with one to four mutations.

    Args:
        content: the file.
        rng: the random generator.
        others: files to take parts from.
    """
    if rng.random() < 0.08:
        return _spoiled(content, rng)[:_MAX_BYTES]
    try:
        parts = Parts.of(content)
        for _ in range(rng.choice((1, 1, 2, 4))):
            _CHANGES[rng.randrange(len(_CHANGES))](parts, rng, others)
        spoil_text = rng.choice(_SPOILERS) if rng.random() < 0.1 else None
        spoil_header = rng.choice(_SPOILERS) if rng.random() < 0.1 else None
        changed = parts.put_together(
            (lambda text: spoil_text(text, rng)) if spoil_text else str,
            (lambda text: spoil_header(text, rng)) if spoil_header else str,
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError, MemoryError):
        changed = _spoiled(content, rng)
    return changed[:_MAX_BYTES]


def _spoiled(content: bytes, rng: Random) -> bytes:
    """Change raw bytes."""
    spoiled = bytearray(content)
    place = rng.randrange(len(spoiled)) if spoiled else 0
    match rng.randrange(7):
        case 0:
            for _ in range(rng.choice((1, 1, 8))):
                if spoiled:
                    spoiled[rng.randrange(len(spoiled))] ^= 1 << rng.randrange(8)
        case 1:
            del spoiled[place:]
        case 2:
            del spoiled[place : place + rng.choice((1, 8, 64))]
        case 3:
            spoiled[place:place] = rng.choice((b"\0", b"\xff" * 8, bytes(1000), b'"', b"{", b"[" * 2000))
        case 4:
            spoiled[:8] = struct.pack(
                "<Q", rng.choice((0, 1, 7, 2**20, 10**8, 2**31, 2**63, 2**64 - 1, len(content), rng.randrange(10**4)))
            )
        case 5:
            spoiled += bytes(rng.choice((1, 8, 4096)))
        case 6 if spoiled:
            spoiled[place] = rng.randrange(256)
    return bytes(spoiled)


# Texts, as JSON


def _key_twice(text: str, rng: Random) -> str:
    return text.replace("{", '{"format":1,', 1) if rng.random() < 0.5 else text[:-1] + ',"format":1}'


def _cut(text: str, rng: Random) -> str:
    return text[: rng.randrange(len(text) + 1)]


def _other_character(text: str, rng: Random) -> str:
    place = rng.randrange(len(text))
    return (
        text[:place]
        + rng.choice(("", "0", "-", '"', "{", "]", ",", "e9", "\\u0000", "\\", "\ud800", "é"))
        + text[place + 1 :]
    )


def _other_digits(text: str, rng: Random) -> str:
    digits = [place for place, character in enumerate(text) if character.isdigit()]
    place = rng.choice(digits) if digits else 0
    return (
        text[:place]
        + rng.choice(("99999999999999999999", "-1", "1e400", "0", "18446744073709551615", "1.5"))
        + text[place + 1 :]
    )


def _nothing_else(_: str, rng: Random) -> str:
    return rng.choice(
        ("", "null", "[]", "{}", "1", '""', "[" * 100_000, "[1," * 5000, '{"format":1}', '{"__metadata__":{}}')
    )


_SPOILERS = (_key_twice, _cut, _other_character, _other_digits, _nothing_else)


# Facts


def _places(facts: Facts, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values of a JSON document."""
    inner = facts.items() if isinstance(facts, dict) else enumerate(facts) if isinstance(facts, list) else ()
    found = [above] if above else []
    for key, value in list(inner)[:100]:
        found += _places(value, (*above, key))
    return found


def _put(facts: Facts, path: tuple[Any, ...], value: Facts) -> None:
    for key in path[:-1]:
        facts = facts[key]
    facts[path[-1]] = value


def _hostile_value(parts: Parts, rng: Random, _: list[bytes]) -> None:
    _put(parts.facts, rng.choice(_places(parts.facts)), rng.choice(HOSTILE_VALUES))


def _legal_value(parts: Parts, rng: Random, _: list[bytes]) -> None:
    path = rng.choice(list(_LEGAL))
    _put(parts.facts, path, rng.choice(_LEGAL[path]))


def _fact_gone(parts: Parts, rng: Random, _: list[bytes]) -> None:
    *above, key = rng.choice(_places(parts.facts))
    facts = parts.facts
    for part in above:
        facts = facts[part]
    del facts[key]


def _facts_swapped(parts: Parts, rng: Random, _: list[bytes]) -> None:
    places = _places(parts.facts)
    _put(parts.facts, rng.choice(places), rng.choice([parts.facts[place[0]] for place in places]))


def _new_fact(parts: Parts, rng: Random, _: list[bytes]) -> None:
    parts.facts[rng.choice(HOSTILE_TEXTS)] = rng.choice(HOSTILE_VALUES)


def _other_words(parts: Parts, rng: Random, _: list[bytes]) -> None:
    """Replace a letter or a category."""
    words = parts.facts[rng.choice(("alphabet", "categories"))]
    words[rng.randrange(len(words))] = rng.choice(HOSTILE_TEXTS)


def _other_metadata(parts: Parts, rng: Random, _: list[bytes]) -> None:
    parts.metadata[rng.choice(HOSTILE_TEXTS)] = rng.choice(HOSTILE_VALUES)


# Tensors


def _a_tensor(parts: Parts, rng: Random) -> Tensor:
    return parts.tensors[rng.choice(list(parts.tensors))]


def _numbers(tensor: Tensor) -> np.ndarray[Any, Any]:
    """Return a copy of a tensor's numbers, (count,)."""
    code = {"F16": "f2", "F32": "f4", "F64": "f8", "I64": "i8", "U64": "u8"}[tensor.kind]
    return np.frombuffer(tensor.content, f"<{code}").copy()


_FLOATS = (
    math.nan,
    math.inf,
    -math.inf,
    1e38,
    -1e38,
    3.4e38,
    1e30,
    1e19,
    65_504.0,
    1e308,
    1e-45,
    0.0,
    -0.0,
    1.0,
    -1.0,
    100.0,
    -100.0,
)
_INTEGERS = (0, 1, -1, 2, 10**12, 10**12 + 1, 2**62, 2**63 - 1, -(2**63), 5)


def _other_numbers(parts: Parts, rng: Random, _: list[bytes]) -> None:
    """Replace one, some or all numbers of a tensor."""
    tensor = _a_tensor(parts, rng)
    numbers = _numbers(tensor)
    values = _FLOATS if numbers.dtype.kind == "f" else _INTEGERS
    which = rng.choice((slice(None), slice(rng.randrange(len(numbers) + 1), None), rng.randrange(len(numbers))))
    numbers[which] = np.array(rng.choice(values)).astype(numbers.dtype)
    tensor.content = numbers.tobytes()


def _extreme_weights(parts: Parts, rng: Random, _: list[bytes]) -> None:
    """Multiply most weights by a factor."""
    factor = rng.choice((0.0, -1.0, 1e3, 1e10, 1e19, 1e30, 1e37))
    for name, tensor in parts.tensors.items():
        if name.startswith("network.") and rng.random() < 0.7:
            numbers = _numbers(tensor)
            numbers *= numbers.dtype.type(factor)
            tensor.content = np.nan_to_num(numbers).tobytes()


def _never_ends(parts: Parts, rng: Random, _: list[bytes]) -> None:
    """Set the bias of the end of names to an extreme value."""
    tensor = parts.tensors[
        rng.choice([name for name in parts.tensors if name in ("network.head.bias", "network.o2o.bias")])
    ]
    numbers = _numbers(tensor)
    numbers[-1] = rng.choice((-1e4, -1e38, 1e4, 1e38))
    tensor.content = numbers.tobytes()


def _flipped_bits(parts: Parts, rng: Random, _: list[bytes]) -> None:
    tensor = _a_tensor(parts, rng)
    content = bytearray(tensor.content)
    for _i in range(rng.choice((1, 1, 4))):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    tensor.content = bytes(content)


def _other_shape(parts: Parts, rng: Random, _: list[bytes]) -> None:
    tensor = _a_tensor(parts, rng)
    shape = tensor.shape
    count = math.prod(shape)
    tensor.shape = rng.choice(
        (shape[::-1], [*shape, 1], [1, *shape], [count], [], [0], [0, 2**62], [*shape, 0], [-1], [2**63], [1.5],
        ["3"], [True], [[]], [1] * 40, None, shape[1:])
    )  # fmt: skip
    size = math.prod(tensor.shape) * _SIZES[tensor.kind]
    if size < _MAX_BYTES and rng.random() < 0.5:  # with the matching number of bytes
        tensor.content = bytes(size)


def _other_kind(parts: Parts, rng: Random, _: list[bytes]) -> None:
    """Change the type of a tensor, and keep its bytes or its number of values."""
    tensor = _a_tensor(parts, rng)
    count = min(math.prod(tensor.shape), _MAX_BYTES)
    tensor.kind = rng.choice([*_SIZES, "F4", "C64", "f32", "", "U128"])
    if rng.random() < 0.7:
        tensor.content = tensor.content[: count * _SIZES[tensor.kind]].ljust(count * _SIZES[tensor.kind], b"\0")


def _huge_claim(parts: Parts, rng: Random, _: list[bytes]) -> None:
    """Let a tensor claim to be far larger than the file."""
    name = rng.choice(list(parts.tensors))
    parts.tensors[name].shape = rng.choice(([4096, 4096], [2**40], [2**20, 2**20], [10**19], [65_536, 192]))
    parts.facts["training"]["hidden_size"] = rng.choice((3, 4096))


def _tensor_gone(parts: Parts, rng: Random, _: list[bytes]) -> None:
    del parts.tensors[rng.choice(list(parts.tensors))]


def _tensor_renamed(parts: Parts, rng: Random, _: list[bytes]) -> None:
    name = rng.choice(list(parts.tensors))
    parts.tensors[rng.choice(("state.x", "state.", "network.", "x", "", "\x1b[1m", *parts.tensors))] = (
        parts.tensors.pop(name)
    )


def _tensors_swapped(parts: Parts, rng: Random, _: list[bytes]) -> None:
    one, other = rng.choice(list(parts.tensors)), rng.choice(list(parts.tensors))
    parts.tensors[one], parts.tensors[other] = parts.tensors[other], parts.tensors[one]


def _tensors_of_another(parts: Parts, rng: Random, others: list[bytes]) -> None:
    donor = Parts.of(rng.choice(others))
    names = list(donor.tensors)
    for name in rng.sample(names, rng.choice((1, 2, len(names)))):
        parts.tensors[name] = donor.tensors[name]


def _facts_of_another(parts: Parts, rng: Random, others: list[bytes]) -> None:
    donor = Parts.of(rng.choice(others))
    key = rng.choice(list(donor.facts))
    parts.facts[key] = donor.facts[key]


def _large_counts(parts: Parts, rng: Random, _: list[bytes]) -> None:
    """Write counts that add up but are very large, or whose sums overflow."""
    first = parts.tensors["categories.first_letters"]
    categories, letters = first.shape
    if categories * letters > _MAX_BYTES:
        return
    table = np.zeros((categories, letters), np.int64)
    table[:, 0] = rng.choice((1, 10**12, 2**40, 2**62))
    table[:, -1] += rng.choice((0, 1, 10**12, 2**62))
    counts = table.sum(axis=1)
    first.content, parts.tensors["categories.counts"].content = table.tobytes(), counts.tobytes()


def _other_history(parts: Parts, rng: Random, _: list[bytes]) -> None:
    """Write a history of another length, with losses at the limits."""
    points = rng.choice((0, 1, 2, 300))
    part = rng.choice(("training", "validation"))
    where = "history.iterations" if part == "training" else "history.validation_iterations"
    first, step = rng.choice((0, 1, 10**12 - 300, 2**63 - 400)), rng.choice((0, 1, 7))
    iterations = first + step * np.arange(points, dtype=np.int64)
    losses = np.full(points, rng.choice((0.0, 1.0, 1e9, -1e9, 1e-300, 1e308)))
    parts.tensors[where] = Tensor("I64", [points], iterations.tobytes())
    parts.tensors[f"history.{part}"] = Tensor("F64", [points], losses.tobytes())


def _other_hashes(parts: Parts, rng: Random, _: list[bytes]) -> None:
    hashes = np.array(rng.choice(([], [0], [0, 2**64 - 1], [5, 5], [9, 1], range(1000))), dtype=np.uint64)
    which = rng.choice(("training_names.hashes", "held_out_names.hashes"))
    parts.tensors[which] = Tensor("U64", [len(hashes)], hashes.tobytes())


def _more_of_everything(parts: Parts, rng: Random, _: list[bytes]) -> None:
    """Add many categories or letters, with matching tensors."""
    what = rng.choice(("categories", "alphabet"))
    words = parts.facts[what]
    before, more = len(words), rng.choice((1, 20, 200))
    words += [f"{rng.choice(HOSTILE_TEXTS)[:8]}{number}" for number in range(more)]
    at_end = what == "alphabet"
    for name, tensor in parts.tensors.items():
        if not name.startswith(("network.", "categories.", "state.")):
            continue
        numbers = _numbers(tensor).reshape(tensor.shape)
        for axis, size in enumerate(tensor.shape):
            if size in ((before + 1,) if at_end and name.startswith("network.") else (before,)):
                fill = [(0, more if other == axis else 0) for other in range(numbers.ndim)]
                numbers = np.pad(
                    numbers, fill, mode="edge" if name == "categories.counts" or what == "categories" else "constant"
                )
                break
        tensor.shape, tensor.content = list(numbers.shape), numbers.tobytes()


_CHANGES: tuple[Callable[[Parts, Random, list[bytes]], None], ...] = (
    _hostile_value,
    _hostile_value,
    _legal_value,
    _legal_value,
    _legal_value,
    _fact_gone,
    _facts_swapped,
    _new_fact,
    _other_words,
    _other_metadata,
    _other_numbers,
    _other_numbers,
    _extreme_weights,
    _never_ends,
    _flipped_bits,
    _flipped_bits,
    _other_shape,
    _other_kind,
    _huge_claim,
    _tensor_gone,
    _tensor_renamed,
    _tensors_swapped,
    _tensors_of_another,
    _facts_of_another,
    _large_counts,
    _other_history,
    _other_hashes,
    _more_of_everything,
)

"""Models made for tests, and other things that tests share besides fixtures."""

from __future__ import annotations

import dataclasses
import fcntl
import functools
import io
import os
import re
import select
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from namegen.architectures import weight_shapes
from namegen.config import SamplingConfig, TrainingConfig
from namegen.datasets.alphabet import ASCII, Alphabet
from namegen.datasets.dataset import hash_name
from namegen.datasets.open import open_dataset
from namegen.errors import TrainingStopped
from namegen.models.model import History, Model
from namegen.models.store import cached_location
from namegen.recipes import training_config
from namegen.training.jobs import TrainingPlan, run_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray


REPOSITORY = Path(__file__).parent.parent


@dataclass(frozen=True)
class Outcome:
    """The exit code and output of a command."""

    code: int
    out: str
    err: str

    def is_error(self, code: int) -> bool:
        """Return whether the run failed with this exit code and a one-line error."""
        return self.code == code and is_one_error(self.err)


class Terminal(io.StringIO):
    """Text that believes to be a terminal."""

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        """Return the text without escape codes."""
        return re.sub(r"\x1b\[[\d;]*m", "", self.getvalue())


def all_commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Go through all commands: the words that call each, and what Typer made of it."""
    from namegen.cli.app import build

    open_: list[tuple[tuple[str, ...], Any]] = [((), build())]
    while open_:
        words, command = open_.pop()
        yield words, command
        open_ += [((*words, name), child) for name, child in getattr(command, "commands", {}).items()]


@functools.cache
def rows_add_up_alike() -> bool:
    """Return whether a row's product does not depend on its position; with the AVX2 kernels of OpenBLAS it does."""
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.normal(size=(1, 128)).astype(np.float32), 240, axis=0)
    products = rows @ rng.normal(size=(128, 192)).astype(np.float32)
    return bool((products == products[0]).all())


def assert_same_rows(actual: NDArray[np.floating], expected: NDArray[np.floating]) -> None:
    """Assert that rows are the same to the last bit, or where the BLAS here cannot give that, but for rounding."""
    if rows_add_up_alike():
        np.testing.assert_array_equal(actual, expected)
    else:
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def common_casing(letters: str, begins: NDArray[np.int64]) -> str:
    """Return the casing of most names: lower or capitalised."""
    of_letter = dict(zip(letters, begins.sum(axis=0).tolist(), strict=True))
    upper = sum(count for letter, count in of_letter.items() if letter.isupper())
    return "capitalised" if upper > sum(of_letter.values()) / 3 else "lower"


def make_model(
    training: TrainingConfig | None = None,
    *,
    letters: str = "ab",
    categories: tuple[str, ...] = ("X",),
    sampling: SamplingConfig | None = None,
    first_letters: ArrayLike | None = None,
    casing: str | None = None,
    seed: int = 0,
) -> Model:
    """Make a model of random weights, as if it had been trained."""
    training = training or training_config(hidden_size=4, iterations=1)
    rng = np.random.default_rng(seed)
    shapes = weight_shapes(training, len(categories), len(letters) + 1)
    begins = np.ones((len(categories), len(letters)), np.int64) if first_letters is None else np.array(first_letters)
    return Model(
        training=training,
        sampling=sampling or SamplingConfig(temperature=1.0),
        alphabet=Alphabet(tuple(letters)),
        categories=categories,
        counts=begins.sum(axis=1),
        first_letter_counts=begins,
        longest=8,
        casing=casing or common_casing(letters, begins),
        dataset="made up",
        dataset_verified=False,
        fingerprint="0" * 64,
        name_hashes=np.zeros(0, np.uint64),
        device="cpu",
        threads=1,
        iterations=training.iterations,
        weights={name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()},
        history=History(),
    )


def make_bigram_model(
    table: ArrayLike,
    *,
    letters: str = "ab",
    categories: tuple[str, ...] = ("X",),
    sos: bool = True,
    sampling: SamplingConfig | None = None,
    first_letters: ArrayLike | None = None,
) -> Model:
    """Make a model whose distribution is known exactly: its logits depend on the letter before alone.

    Args:
        table: the logits after each letter, and after SOS in the last row, (letters + 1, letters + 1); of the outputs
            the last is EOS. ``numpy.log`` of a table of probabilities makes these the probabilities of the next letter.
        letters: the alphabet.
        categories: the categories; all behave alike.
        sos: whether the network begins with an SOS token.
        sampling: how to draw; by default at temperature 1.
        first_letters: how many training names begin with each letter, (categories, letters).
    """
    hidden = 16  # which are not used; but for such sizes a step of the network in numpy is fast
    config = training_config("tutorial", hidden_size=hidden, iterations=1, sos=sos)
    model = make_model(config, letters=letters, categories=categories, sampling=sampling, first_letters=first_letters)
    outputs = len(letters) + 1
    weights = {name: np.zeros_like(weight) for name, weight in model.weights.items()}
    # i2o copies the table's row of the letter that was read, and o2o hands on what i2o made.
    weights["i2o.weight"][:, len(categories) : len(categories) + outputs] = np.asarray(table, np.float32).T
    weights["o2o.weight"][:, hidden:] = np.eye(outputs, dtype=np.float32)
    model.weights.update(weights)
    return model


NAMEGEN = (sys.executable, "-m", "namegen")


ESCAPES = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


def save_model(name: str = "default") -> None:
    """Save a model whose names begin with A to Z and continue with a to z, and that has a loss history."""
    letters = "".join(ASCII.letters)
    table = np.full((59, 59), -1e4)
    table[:-1, :26], table[:-1, -1] = np.log(0.7 / 26), np.log(0.3)
    table[-1, 26:52] = np.log(1 / 26)
    begins = [[3 * letter.isupper() for letter in letters]] * 2
    model = make_bigram_model(table, letters=letters, categories=("English", "German"), first_letters=begins)
    points = np.arange(100, 2100, 100)
    object.__setattr__(
        model, "history", History(points, 2 + np.exp(-points / 500), points[::5], 2.5 - points[::5] / 1e4)
    )
    model.save(cached_location(name).model)


def in_terminal(*arguments: str, columns: int = 80, lines: int = 24, **environment: str) -> tuple[int, str]:
    """Run the command with a real terminal for its three streams; the exit code, and all it wrote."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "COLORTERM")}
    with subprocess.Popen(
        [*NAMEGEN, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**kept, "TERM": "xterm", **environment},
    ) as process:
        os.close(theirs)
        written = b""
        while select.select([ours], [], [], 120)[0]:
            try:
                some = os.read(ours, 65_536)
            except OSError:  # on Linux, the other end is closed
                break
            if not some:
                break
            written += some
        os.close(ours)
    return process.returncode, written.decode()


def is_one_error(err: str) -> bool:
    return len(err.splitlines()) == 1 and err.startswith("Error: ") and err.endswith("\n")


def leave_unfinished(name: str = "default", **parts: object) -> Path:
    """Begin a training run on the starter names and stop it after its first few names."""
    place = cached_location(name)
    config = training_config(**{"iterations": 640, "hidden_size": 8, **parts})
    with pytest.raises(TrainingStopped):
        run_plan(
            place, TrainingPlan(config, False, ("starter",), "cpu", None), open_dataset("starter"), stop=lambda: True
        )
    return place.checkpoint


def knowing(model, *names):
    """The model, as if it had been trained on these names."""
    hashes = sorted(int.from_bytes(hash_name(name.encode()), "big") for name in names)
    return dataclasses.replace(model, name_hashes=np.array(hashes, dtype=np.uint64))


AWKWARD = (  # categories that shells must quote
    *(
        "Old Elves",
        "O'Brien",
        "rock'",
        'Say "hi"',
        'inch"',
        "a$HOME`x`",
        "back\\slash\\",
        "!event wow!",
        "A+B",
        "two  blanks",
    ),
    *(
        "Elves: High",
        ":colon",
        "=equals",
        "Ägypten 日本 и́мя",
        "~tilde*? [0] {a,b}",
        "#hash 50% x=y @at ^",
        "a;b|c&d(e)<f>1>2",
    ),
)


def save(name, *categories):
    """Put a model of these categories into the cache."""
    make_model(categories=categories).save(cached_location(name).model)


ELVES = [
    "Aerindel",
    "Aldamir",
    "Amarien",
    "Anarion",
    "Arwen",
    "Beleg",
    "Caladwen",
    "Celebrian",
    "Cirdan",
    "Daeron",
    "Earwen",
    "Elanor",
    "Elrohir",
    "Faelwen",
    "Finrod",
    "Galadwen",
    "Galdor",
    "Gildor",
    "Haldir",
    "Idril",
    "Indis",
    "Ithilwen",
    "Legolin",
    "Lorien",
    "Luthien",
    "Maedhros",
    "Mirwen",
    "Nerdanel",
    "Nimloth",
    "Nimroth",
    "Olwe",
    "Orophin",
    "Rumil",
    "Saelin",
    "Silmarien",
    "Tauriel",
    "Thalion",
    "Thingol",
    "Tinuviel",
    "Voronwe",
]

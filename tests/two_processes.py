"""What test_ranks.py does in two processes at once: each writes down what it saw.

    torchrun --standalone --nproc-per-node 2 tests/two_processes.py FOLDER

A test calls :func:`trained` in its own process too, to see whether it comes to the same there.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import pickle
import sys
from pathlib import Path
from unittest import mock

import numpy as np

from namegen.cli import main
from namegen.config import Distillation
from namegen.datasets.dataset import Dataset
from namegen.errors import NamegenError, UsageError
from namegen.io.locks import hold_lock
from namegen.models.model import Checkpoint
from namegen.models.store import cached_location
from namegen.recipes import training_config
from namegen.training.distributed import Ranks, joined
from namegen.training.train import train

BATCH = 15  # of which one rank has 8 names and the other 7
PARTS = {"hidden_size": 16, "dropout": 0.0, "batch_size": BATCH, "seed": 3}
CONFIGS = {
    "gru": training_config(**PARTS, iterations=200 * BATCH),
    "rnn": training_config(**PARTS, iterations=60 * BATCH, architecture="rnn"),
    "sgd": training_config(**PARTS, iterations=60 * BATCH, optimiser="sgd", averaging=0.0, learning_rate=0.1),
    "one name left": training_config(**PARTS, iterations=20 * BATCH + 1, validation=0.0),  # which only one rank has
    "best": training_config(
        "best",
        **PARTS,
        iterations=100 * BATCH,
        distillation=Distillation(hidden_size=12, dropout=0.0, batch_size=BATCH, learning_rate=0.01),
    ),
}
DROPPING = training_config(hidden_size=8, batch_size=15, iterations=900, validation=0.2, save_every=200)


def names() -> Dataset:
    """Return 300 names in two categories, of 1 to 11 letters."""
    rng = np.random.default_rng(0)

    def some(letters: str) -> list[str]:
        return ["".join(rng.choice(list(letters), size=rng.integers(1, 12))) for _ in range(150)]

    return Dataset.from_names({"X": some("abcdef"), "Y": some("defghij")})


def trained(ranks: Ranks) -> dict[str, object]:
    """Train with each configuration; returns weights and losses."""
    models = {kind: train(names(), config, ranks=ranks) for kind, config in CONFIGS.items()}
    return {
        kind: (model.weights, np.concatenate([model.history.training, model.history.validation]), model.processes)
        for kind, model in models.items()
    }


def last_losses(ranks: Ranks) -> list[float]:
    """Train until the last batch has one name only; returns what each report said of the name drawn last."""
    said = []
    train(names(), CONFIGS["one name left"], ranks=ranks, report=lambda progress: said.append(progress.last_loss()))
    return said


def failed(action: object) -> tuple[str, str]:
    """Return the kind and the text of the error that an action ends in."""
    try:
        action()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return type(error).__name__, str(error)
    return "", ""


def failures(ranks: Ranks) -> dict[str, tuple[str, str]]:
    """Fail on one rank or on all, in each of the ways there are."""

    def fail(where: int, error: Exception) -> None:
        if ranks.rank == where:
            raise error

    return {
        "of the first": failed(lambda: ranks.of_first(lambda: fail(0, UsageError("it is so")))),
        "a bug of the first": failed(lambda: ranks.of_first(lambda: fail(0, MemoryError("full")))),
        "of the second": failed(lambda: ranks.together(lambda: fail(1, NamegenError("it is so here")))),
        "memory of the second": failed(lambda: ranks.together(lambda: fail(1, MemoryError("full")))),
        "diverged": failed(
            lambda: train(names(), DROPPING, learning_rate=100.0, optimiser="sgd", clip=None, ranks=ranks)
        ),
    }


def stopped_and_resumed(ranks: Ranks, folder: Path) -> dict[str, object]:
    """Stop a run because the second rank wants it, and go on; the checkpoint that a rank writes has its number."""
    file, reports = folder / f"run{ranks.rank}", itertools.count()

    def save(name: str, **how: object) -> bytes:
        train(names(), ranks=ranks, **how).save(folder / f"{name}{ranks.rank}")
        return (folder / f"{name}{ranks.rank}").read_bytes()

    return {
        "whole": save("whole", config=DROPPING),
        "stopped": failed(
            lambda: train(
                names(), DROPPING, ranks=ranks, checkpoint=file, stop=lambda: ranks.rank == 1 and next(reports) == 20
            )
        ),
        "written": file.exists(),
        "resumed": save("resumed", checkpoint=file, resume=True),
    }


def commands(rank: int, folder: Path) -> dict[str, tuple[int, str]]:
    """Run the command; only the first rank has the names and the cache. Returns exit codes and what is said."""
    own = folder / f"machine{rank}"
    own.mkdir()
    os.chdir(own)
    os.environ["NAMEGEN_CACHE_DIR"] = str(own / "cache")
    if rank == 0:
        Path("elves.txt").write_text("\n".join(names().names("X")), encoding="utf-8")
        Path("bad.txt").write_bytes(b"\xff\n")
    outcomes = {}

    def run(name: str, *words: object) -> None:
        with contextlib.redirect_stderr(io.StringIO()) as said:
            code = main([str(word) for word in ("train", *words)])
        outcomes[name] = code, said.getvalue()

    small = ("--data", "elves.txt", "--iters", 300, "--hidden-size", 8)
    run("tutorial", "--recipe", "tutorial", "--data", "elves.txt")
    run("small batch", *small, "--batch-size", 1)
    run("no number", "--iters", "x")
    run("no such device", "--device", "nonsense")
    run("bad data", "--data", "bad.txt")
    with hold_lock(cached_location("default").lock, "training") if rank == 0 else contextlib.nullcontext():
        run("busy", *small)
    with mock.patch.object(Checkpoint, "save", side_effect=NamegenError("no room; make some")):
        run("unsaved", *small, "--save-every", 100, "--quiet")
    run("trained", *small)
    run("init", "--data", "elves.txt", "--init", "pretrained", "--iters", 64, "-o", "init.safetensors")
    run("unicode", *small, "--alphabet", "unicode", "-o", "unicode.safetensors")
    outcomes["files"] = 0, " ".join(sorted(str(path) for path in Path().rglob("*.safetensors")))
    return outcomes


def main_of_each(folder: Path) -> None:
    """Do everything, and write down what this rank saw."""
    seen: dict[str, object] = {}
    with joined() as ranks:
        seen["trained"] = trained(ranks)
        seen["last losses"] = last_losses(ranks)
        seen["failures"] = failures(ranks)
        seen["stopped"] = stopped_and_resumed(ranks, folder)
    seen["commands"] = commands(ranks.rank, folder)
    (folder / f"seen{ranks.rank}").write_bytes(pickle.dumps(seen))


if __name__ == "__main__":
    main_of_each(Path(sys.argv[1]))

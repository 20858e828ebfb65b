"""What test_distributed.py does in two processes at once. Each writes down what it saw.

    torchrun --standalone --nproc-per-node 2 tests/two_processes.py FOLDER

The test also calls :func:`train_all` in its own process, to compare the models.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import sys
from pathlib import Path

import numpy as np

from namegen.cli import main
from namegen.config import Distillation
from namegen.datasets.dataset import Dataset
from namegen.errors import NamegenError, TrainingStopped, UsageError
from namegen.recipes import training_config
from namegen.training.distributed import ProcessGroup, joined
from namegen.training.train import train

BATCH = 15  # one rank has 8 names, and the other 7
PARTS = {"hidden_size": 8, "dropout": 0.0, "batch_size": BATCH, "seed": 3}
CONFIGS = {
    "gru": training_config(**PARTS, iterations=60 * BATCH),
    "rnn": training_config(**PARTS, iterations=30 * BATCH, architecture="rnn"),
    "one name left": training_config(**PARTS, iterations=20 * BATCH + 1, validation=0.0),  # for one rank only
    "best": training_config(
        "best",
        **PARTS,
        iterations=60 * BATCH,
        distillation=Distillation(hidden_size=6, dropout=0.0, batch_size=BATCH, learning_rate=0.01),
    ),
}
WITH_DROPOUT = training_config(hidden_size=8, batch_size=BATCH, iterations=600, validation=0.2, save_every=200)


def make_names() -> Dataset:
    """Return 300 names in two categories, of 1 to 11 letters."""
    rng = np.random.default_rng(0)

    def make(letters: str) -> list[str]:
        return ["".join(rng.choice(list(letters), size=rng.integers(1, 12))) for _ in range(150)]

    return Dataset.from_names({"X": make("abcdef"), "Y": make("defghij")})


def train_all(group: ProcessGroup) -> dict[str, tuple[dict[str, np.ndarray], np.ndarray]]:
    """Train with each configuration; return weights and losses."""
    models = {kind: train(make_names(), config, group=group) for kind, config in CONFIGS.items()}
    return {
        kind: (model.weights, np.concatenate([model.history.training, model.history.validation]))
        for kind, model in models.items()
    }


def catch(action: object) -> tuple[str, str]:
    """Return the kind and the text of the error that an action raises."""
    try:
        action()
    except Exception as error:  # noqa: BLE001
        return type(error).__name__, str(error)
    return "", ""


def fail(group: ProcessGroup) -> dict[str, tuple[str, str]]:
    """Fail on one rank or on both; return the errors that this rank raises."""

    def raise_on(rank: int, error: Exception) -> None:
        if group.rank == rank:
            raise error

    def diverge() -> None:
        train(make_names(), WITH_DROPOUT, learning_rate=100.0, optimiser="sgd", clip=None, group=group)

    return {
        "rank 0": catch(lambda: group.on_rank_zero(lambda: raise_on(0, UsageError("wrong")))),
        "bug on rank 0": catch(lambda: group.on_rank_zero(lambda: raise_on(0, MemoryError("full")))),
        "rank 1": catch(lambda: group.on_every_rank(lambda: raise_on(1, NamegenError("wrong here")))),
        "both": catch(diverge),
    }


def stop_and_resume(group: ProcessGroup, folder: Path) -> dict[str, object]:
    """Stop a run because rank 1 wants it, and resume it; each rank names a checkpoint of its own."""
    file, reports = folder / f"run{group.rank}", iter(range(20))

    def save(name: str, **how: object) -> bytes:
        train(make_names(), group=group, **how).save(folder / f"{name}{group.rank}")
        return (folder / f"{name}{group.rank}").read_bytes()

    def stop() -> bool:
        return group.rank == 1 and next(reports, None) is None

    with contextlib.suppress(TrainingStopped):
        train(make_names(), WITH_DROPOUT, group=group, checkpoint=file, stop=stop)
    return {
        "written": file.exists(),
        "resumed": save("resumed", checkpoint=file, resume=True),
        "whole": save("whole", config=WITH_DROPOUT),
    }


def run_commands(rank: int, folder: Path) -> dict[str, tuple[int, str]]:
    """Run the command; only rank 0 has the names and a cache. Return exit codes and what is printed."""
    own = folder / f"machine{rank}"
    own.mkdir()
    os.chdir(own)
    os.environ["NAMEGEN_CACHE_DIR"] = str(own / "cache")
    if rank == 0:
        Path("elves.txt").write_text("\n".join(make_names().names("X")), encoding="utf-8")
    outcomes = {}

    def run(name: str, *words: object) -> None:
        with contextlib.redirect_stderr(io.StringIO()) as printed:
            code = main([str(word) for word in ("train", *words)])
        outcomes[name] = code, printed.getvalue()

    run("small batch", "--data", "elves.txt", "--batch-size", 1)
    run("no data", "--data", "nowhere.txt")
    run("trained", "--data", "elves.txt", "--iters", 300, "--hidden-size", 8)
    run("init", "--data", "elves.txt", "--init", "pretrained", "--iters", 64, "-o", "init.safetensors")
    outcomes["files"] = 0, " ".join(sorted(str(path) for path in Path().rglob("*.safetensors")))
    return outcomes


def main_of_rank(folder: Path) -> None:
    """Do everything, and write down what this rank saw."""
    with joined() as group:
        seen = {"trained": train_all(group), "errors": fail(group), "resumed": stop_and_resume(group, folder)}
    seen["commands"] = run_commands(group.rank, folder)
    (folder / f"seen{group.rank}").write_bytes(pickle.dumps(seen))


if __name__ == "__main__":
    main_of_rank(Path(sys.argv[1]))

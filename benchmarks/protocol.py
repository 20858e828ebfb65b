"""Split names into training and test names, by the protocol of docs/quality.md and by makemore's.

    python benchmarks/protocol.py SURNAMES_FOLDER FOLDER

writes the two parts as the folders `training` and `test`, for `namegen train` and `namegen evaluate`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import namegen
from namegen.datasets.encoding import EncodedNames
from namegen.models.inference import Source, build_steppers
from namegen.models.scoring import score_names

MAKEMORE_NAMES = 32_033
MAKEMORE_TEST = 1_000


def parts(dataset: namegen.Dataset, *, validation: bool) -> tuple[namegen.Dataset, namegen.Dataset]:
    """Split a dataset into the names to train on and those to score."""
    unit = dataset.hashes.astype(np.float64) / 2.0**64
    low, high = (0.8, 0.9) if validation else (0.9, 1.1)
    return dataset.select(unit < low), dataset.select((unit >= low) & (unit < high))


def write_parts(surnames: Path, folder: Path) -> None:
    """Write both parts, with repeats, as folders with a file for each category."""
    training, test = parts(namegen.load_dataset(surnames, keep_repeats=True), validation=False)
    for name, part in (("training", training), ("test", test)):
        (folder / name).mkdir()
        for category in part.categories:
            lines = [f"{line}\n" for line in part.names(category)]
            (folder / name / f"{category}.txt").write_text("".join(lines), encoding="utf-8")


def makemore_parts(dataset: namegen.Dataset) -> tuple[namegen.Dataset, namegen.Dataset]:
    """Split makemore's names.txt as makemore does: the last 1,000 of a permutation with seed 3407 are the test names.

    The file contains 2,539 repeated names, so some of the test names are training names too.

    Args:
        dataset: all names of the file, with repeats.

    Returns:
        The 31,033 training names and the 1,000 test names, in the order of the file.
    """
    import torch  # noqa: PLC0415 - the other split does not need it

    if len(dataset) != MAKEMORE_NAMES:
        raise ValueError(f"makemore's names.txt has {MAKEMORE_NAMES:,} names with repeats, not {len(dataset):,}")
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(3407)).numpy()
    is_test = np.zeros(len(dataset), dtype=np.bool_)
    is_test[order[-MAKEMORE_TEST:]] = True
    return dataset.select(~is_test), dataset.select(is_test)


def makemore_loss(model: namegen.Model, test: namegen.Dataset) -> float:
    """Return makemore's loss: the mean over all letters and ends, with the first letter.

    Args:
        model: a model with one category.
        test: names in the model's alphabet.
    """
    source = Source.of(model, build_steppers(model)(0), 0)
    scores = score_names(source, EncodedNames.from_flat(test.letters, test.lengths))
    return float(-scores.total.sum() / (len(test.letters) + len(test)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("surnames", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    write_parts(given.surnames, given.folder)

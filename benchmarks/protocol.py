"""The protocol of docs/quality.md: which names are trained on, and which are scored.

    python benchmarks/protocol.py SURNAMES_FOLDER FOLDER

writes the two parts as the folders `training` and `test`, for the product's own commands.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import namegen


def parts(dataset: namegen.Dataset, *, validation: bool) -> tuple[namegen.Dataset, namegen.Dataset]:
    """Split a dataset into the names to train on and those to score."""
    unit = dataset.hashes.astype(np.float64) / 2.0**64
    low, high = (0.8, 0.9) if validation else (0.9, 1.1)
    return dataset.select(unit < low), dataset.select((unit >= low) & (unit < high))


def write_parts(surnames: Path, folder: Path) -> None:
    """Write both parts, repeats kept, as folders of a file for each category."""
    training, test = parts(namegen.load_dataset(surnames, keep_repeats=True), validation=False)
    for name, part in (("training", training), ("test", test)):
        (folder / name).mkdir()
        for category in part.categories:
            lines = [f"{line}\n" for line in part.names(category)]
            (folder / name / f"{category}.txt").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("surnames", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    write_parts(given.surnames, given.folder)

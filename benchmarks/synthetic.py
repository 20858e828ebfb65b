"""Write distinct artificial names of four syllables, as a folder of 18 categories.

python benchmarks/synthetic.py FOLDER COUNT
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

CATEGORIES = 18
SYLLABLES = np.array([c + v for c in [*"bdfghklmnprstvz", "sh", "ch"] for v in "aeiou"])


def main() -> None:
    """Write the names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    given = parser.parse_args()
    number = np.random.default_rng(1).choice(len(SYLLABLES) ** 4, given.count, replace=False)
    names = SYLLABLES[number % len(SYLLABLES)]
    for _ in range(3):
        number //= len(SYLLABLES)
        names = np.char.add(names, SYLLABLES[number % len(SYLLABLES)])
    given.folder.mkdir(parents=True, exist_ok=True)
    for category, part in enumerate(np.array_split(np.char.capitalize(names), CATEGORIES)):
        (given.folder / f"Made-up {category + 1:02}.txt").write_text("\n".join(part.tolist()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Redraw the pictures of the tutorial, in about two minutes.

python scripts/docs/pictures/draw.py [PICTURE...] [--iterations N] [--folder FOLDER]

The function `draw` of the module NAME.py draws the picture NAME.svg.
"""

from __future__ import annotations

import argparse
import importlib
from functools import partial
from pathlib import Path

from canvas import write
from models import ITERATIONS, Models

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "pictures"
PICTURES = (
    "unrolled",
    "losses",
    "unrolled_gru",
    "changes",
    "states",
    "units",
    "languages",
    "temperature",
    "dropout_trick",
    "overfitting",
)


def main() -> None:
    """Draw pictures."""
    options = argparse.ArgumentParser(description="Redraw the pictures of the tutorial.")
    options.add_argument("pictures", nargs="*", metavar="PICTURE", help=f"by default all: {', '.join(PICTURES)}")
    options.add_argument("--iterations", type=int, default=ITERATIONS, help="training names; fewer for a quick test")
    options.add_argument("--folder", type=Path, default=FOLDER, help="where to write them; by default docs/pictures")
    given = options.parse_args()
    unknown = set(given.pictures) - set(PICTURES)
    if unknown:
        options.error(f"no picture {min(unknown)!r}")
    models = Models(given.iterations)
    for picture in given.pictures or PICTURES:
        module = importlib.import_module(picture)
        write(given.folder / f"{picture}.svg", module.HEIGHT, partial(module.draw, models=models))
        print(f"{picture}.svg", flush=True)


if __name__ == "__main__":
    main()

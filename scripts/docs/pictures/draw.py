"""Make the pictures of the tutorial anew, about two minutes.

python scripts/docs/pictures/draw.py [PICTURE...] [--iterations N] [--folder FOLDER]

Each picture NAME.svg is made by the function `draw` of the module NAME.py beside this one.
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
    """Make pictures."""
    options = argparse.ArgumentParser(description="Make the pictures of the tutorial anew.")
    options.add_argument("pictures", nargs="*", metavar="PICTURE", help=f"by default all: {', '.join(PICTURES)}")
    options.add_argument("--iterations", type=int, default=ITERATIONS, help="training names, fewer only for a trial")
    options.add_argument("--folder", type=Path, default=FOLDER, help="where to put them; by default docs/pictures")
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

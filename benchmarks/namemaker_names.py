"""Generate names with namemaker, a Markov chain of order 3, to compare it with `namegen sample`.

    python benchmarks/namemaker_names.py FILE COUNT [--no-history | --fastest]

trains it on the names in a file and prints names, one per line. By default, namemaker generates two candidates, keeps
the one whose length is closer to the average, and excludes real names and repeats. `--no-history` allows repeats, and
`--fastest` turns all of this off.
"""

from __future__ import annotations

import argparse
import sys

import namemaker


def main() -> None:
    """Generate and print the names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("count", type=int)
    parser.add_argument("--no-history", action="store_true")
    parser.add_argument("--fastest", action="store_true")
    given = parser.parse_args()
    names = namemaker.make_name_set(given.file)
    how = {}
    if given.no_history:
        how = {"exclude_history": False, "add_to_history": False}
    if given.fastest:
        how = {"exclude_real_names": False, "exclude_history": False, "add_to_history": False, "n_candidates": 1}
    for _ in range(given.count):
        sys.stdout.write(names.make_name(**how) + "\n")


if __name__ == "__main__":
    main()

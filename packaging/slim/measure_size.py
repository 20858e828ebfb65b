"""Measure the site-packages folder of this environment, without pip, setuptools and bytecode.

Run it in an environment that contains only namegen-rnn-slim and its dependencies. It fails if they are too large.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path

MAX_MEGABYTES = 130
_NOT_COUNTED = ("pip", "setuptools", "_distutils_hack", "distutils-precedence", "pkg_resources")


def measure(folder: Path) -> dict[str, float]:
    """Return the size in megabytes of each entry of a site-packages folder that counts."""
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(_NOT_COUNTED)]
    return {entry.name: _measure_files(entry) / 1e6 for entry in entries}


def _measure_files(entry: Path) -> int:
    files = [entry] if entry.is_file() else [file for file in entry.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files if "__pycache__" not in file.parts)


if __name__ == "__main__":
    sizes = measure(Path(sysconfig.get_path("purelib")))
    total = sum(sizes.values())
    largest = sorted(sizes.items(), key=lambda entry: -entry[1])[:5]
    parts = ", ".join(f"{name} {size:.1f}" for name, size in largest)
    print(f"site-packages: {total:.1f} MB of at most {MAX_MEGABYTES} MB ({parts})")
    if total > MAX_MEGABYTES:
        raise SystemExit("too large; leave a dependency out, or explain the new limit")

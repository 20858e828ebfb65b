"""Estimate what 10**12 names cost, from the measured speed of sampling.

    python benchmarks/scale.py

samples names to measure their size as text, plain and compressed, writes it to benchmarks/scale.json, and writes the
estimate to docs/many-machines.md. The speed is that in benchmarks/results.json.
"""

from __future__ import annotations

import gzip
import json
import statistics
from pathlib import Path
from typing import Any

import namegen

HERE = Path(__file__).parent
RESULTS, SIZES = HERE / "results.json", HERE / "scale.json"
PAGE = HERE.parent / "docs" / "many-machines.md"
BEGIN, END = "<!-- made by benchmarks/scale.py -->\n", "<!-- until here -->\n"
ROW = "sample against fastest namemaker"
NAMES, SHARDS, CORES = 10**12, 1000, (1, 100, 1000)


def measure(count: int = 200_000) -> dict[str, float]:
    """Return the bytes of a name, line feed included, as text and compressed by ``gzip -1``."""
    text = "".join(f"{name}\n" for name in namegen.sample("pretrained", "German", count=count, seed=1)).encode()
    return {"bytes": len(text) / count, "compressed": len(gzip.compress(text, 1)) / count}


def duration(seconds: float) -> str:
    """Return a time in hours, or in days if it is long."""
    hours = seconds / 3600
    return f"{hours:,.1f} hours" if hours < 100 else f"{hours / 24:,.0f} days"


def size(each: float) -> str:
    """Return the size of all names and of a shard, from the mean size of a name in bytes."""
    return f"{NAMES * each / 1e12:.1f} TB, {NAMES * each / SHARDS / 1e9:.1f} GB per shard"


def table(results: dict[str, Any], sizes: dict[str, float]) -> str:
    """Return the estimate as a table."""
    row = next(row for row in results["rows"] if row["name"] == ROW)
    speed = statistics.median(row["ours"])
    seconds = NAMES / speed
    about = results["machine"]
    lines = [
        "| 10¹² German names | |",
        "| --- | --- |",
        f"| measured speed of one core | {speed:,.0f} names/s |",
        f"| work | {seconds / 3600:,.0f} core hours |",
        *(f"| time on {cores:,} core{'s' * (cores > 1)} | {duration(seconds / cores)} |" for cores in CORES),
        f"| time of one of {SHARDS:,} shards | {duration(seconds / SHARDS)} |",
        f"| text | {size(sizes['bytes'])} |",
        f"| text, compressed by `gzip -1` | {size(sizes['compressed'])} |",
        "",
        f"The speed was measured on one core of an {about['processor']} on {row.get('date', about['date'])},",
        "for 1,000,000 names. It includes the start of the program.",
    ]
    return "".join(f"{line}\n" for line in lines)


def page(text: str, results: dict[str, Any], sizes: dict[str, float]) -> str:
    """Return the page with its table replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table(results, sizes)}{END}{after}"


def main() -> None:
    """Measure the size of names and write the estimate."""
    SIZES.write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
    results, sizes = (json.loads(file.read_text(encoding="utf-8")) for file in (RESULTS, SIZES))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), results, sizes), encoding="utf-8")


if __name__ == "__main__":
    main()

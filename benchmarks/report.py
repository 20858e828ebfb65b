"""Write the table and the picture of docs/benchmarks.md from benchmarks/results.json.

python benchmarks/report.py
"""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "docs" / "benchmarks.md"
PICTURE = HERE.parent / "docs" / "benchmarks.svg"
BEGIN, END = "<!-- made by benchmarks/report.py -->\n", "<!-- until here -->\n"


def figure(value: float) -> str:
    """Return a figure with three significant digits."""
    if value >= 100:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def spread(values: list[float], unit: str) -> str:
    """Return the median and the range of some figures, as text."""
    if not values:
        return ""
    return f"{figure(statistics.median(values))} {unit} ({figure(min(values))} to {figure(max(values))})"


def table(results: dict[str, Any]) -> str:
    """Return the table, followed by the conditions of the measurement."""
    lines = ["| measurement | namegen | compared with | result | bound | |", "| --- | --- | --- | --- | --- | --- |"]
    for row in results["rows"]:
        bound = f"{'≤' if row['at_most'] else '≥'} {row['bound']:g}"
        verdict = "holds" if row["holds"] else "**missed**"
        cells = (row["what"], spread(row["ours"], row["unit"]), spread(row["peer"], row["unit"]), figure(row["result"]))
        lines.append(f"| {' | '.join(cells)} | {bound} | {verdict} |")
    lines += ["", "| other measurements | |", "| --- | --- |"]
    notes = {what: value for row in results["rows"] for what, value in row["notes"].items()}
    for what, value in notes.items():
        shown = ", ".join(f"{v:.3f}" for v in value) if isinstance(value, list) else f"{value:.4g}"
        lines.append(f"| {what} | {shown} |")
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines += [
        "",
        "Medians, with the lowest and highest run in parentheses.",
        f"{machine['date']}, {machine['processor']}, {machine['cores']} cores, {machine['system']}.",
        f"Python {machine['python']}, {versions}.",
    ]
    dates = sorted({row["date"] for row in results["rows"] if "date" in row})
    for date in dates:
        names = ", ".join(row["name"] for row in results["rows"] if row.get("date") == date)
        lines.append(f"Rows measured again on {date}: {names}.")
    return "\n".join(lines) + "\n"


def picture(results: dict[str, Any]) -> None:
    """Draw the distance of each row from its bound."""
    rows = results["rows"][::-1]
    margins = [row["bound"] / row["result"] if row["at_most"] else row["result"] / row["bound"] for row in rows]
    with rc_context({"svg.hashsalt": "namegen", "svg.fonttype": "none", "font.family": "sans-serif"}):
        drawn = Figure(figsize=(8, 0.34 * len(rows) + 1.1), layout="constrained")
        axes = drawn.subplots()
        places = range(len(rows))
        axes.hlines(places, 1, margins, color="#4c72b0", linewidth=2)
        axes.plot(margins, places, "o", color="#4c72b0")
        axes.axvline(1, color="#333333", linewidth=1)
        for place, row, margin in zip(places, rows, margins, strict=True):
            text = f"{figure(row['result'])} (bound {row['bound']:g})"
            axes.annotate(
                text, (max(margin, 1), place), xytext=(7, 0), textcoords="offset points", va="center", fontsize=8
            )
        axes.set_yticks(places, [row["name"] for row in rows], fontsize=9)
        axes.set_xscale("log")
        axes.set_xlim(min(0.8, 0.8 * min(margins)), 3 * max(margins))
        axes.set_xticks([1, 2, 5, 10, 20], ["bound", "2 times as good", "5", "10", "20"], fontsize=8)
        axes.minorticks_off()
        axes.spines[["top", "right"]].set_visible(False)
        drawn.savefig(PICTURE, metadata={"Date": None})


def page(text: str, results: dict[str, Any]) -> str:
    """Return the page with its table replaced."""
    return re.sub(f"(?<={re.escape(BEGIN)}).*(?={re.escape(END)})", lambda _: table(results), text, flags=re.DOTALL)


def main() -> None:
    """Write the table and the picture."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    picture(results)


if __name__ == "__main__":
    main()

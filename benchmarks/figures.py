"""Measure the figures of docs/quality.md and write them there: `make quality`.

    python benchmarks/figures.py SURNAMES_FOLDER MAKEMORE_FOLDER [--only PART ...] [--models FOLDER]

- `default`, `best`: the recipes on the protocol, for three seeds. They train on all names with u below 0.9, and the
  test names are scored once.
- `makemore`: the recipe `best` on makemore's names, with its own split and loss.
- `sampling`: the shares of novel, distinct and right names, sampled from the model of seed 1 with several settings.
- `few`: a new language, learned from 50 names; see few_names.py.

Each part is written to benchmarks/figures.json when it is done, and from there to docs/quality.md. Everything runs on
one thread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import namegen
from few_names import few_names
from namegen.evaluation.classify import classify
from namegen.evaluation.likelihood import likelihood
from namegen.evaluation.metrics import evaluate
from namegen.recipes import RECIPES
from protocol import makemore_loss, makemore_parts, parts

if TYPE_CHECKING:
    from collections.abc import Callable

    Figures = dict[str, Any]

SEEDS = (1, 2, 3)
RESULTS = Path(__file__).parent / "figures.json"
PAGE = Path(__file__).parent.parent / "docs" / "quality.md"
WAYS = tuple(
    {"temperature": temperature, "top_p": top_p, "guidance": guidance}
    for temperature, top_p, guidance in (
        (1.0, 1.0, 0.0),
        (0.8, 1.0, 0.0),
        (0.65, 1.0, 0.0),
        (1.0, 0.95, 0.0),
        (0.9, 0.95, 0.0),
        (0.9, 0.95, 0.2),
        (0.9, 0.95, 0.4),
        (1.0, 0.95, 0.2),
        (1.0, 0.95, 0.4),
        (1.0, 0.85, 0.4),
    )
)


def accuracy(model: namegen.Model, names: namegen.Dataset) -> tuple[float, float]:
    """Return the accuracy: with a uniform prior, the mean over categories; with the data's prior, over all names."""
    spelt = [names.name(index) for index in range(len(names))]
    actual = np.array([names.categories[index] for index in names.category_of])
    uniform, data = (np.array(classify(model, spelt, prior).best) == actual for prior in ("uniform", "data"))
    return statistics.mean(float(uniform[actual == category].mean()) for category in set(actual)), float(data.mean())


def recipe(name: str, surnames: Path, models: Path) -> Figures:
    """Train a recipe for each seed, keep the models, and score the test names."""
    training, test = parts(namegen.load_dataset(surnames), validation=False)
    rows: Figures = {"seconds": [], "macro": [], "micro": [], "right, uniform prior": [], "right, data's prior": []}
    for seed in SEEDS:
        begin = time.perf_counter()
        model = namegen.train(training, namegen.training_config(name, seed=seed), threads=1)
        rows["seconds"].append(time.perf_counter() - begin)
        model.save(models / f"{name}-{seed}.safetensors")
        score, (uniform, data) = likelihood(model, test), accuracy(model, test)
        for figure, value in zip(list(rows)[1:], (score.macro, score.micro, uniform, data), strict=True):
            rows[figure].append(value)
        print(name, seed, {figure: round(values[-1], 4) for figure, values in rows.items()}, flush=True)
    return rows


def makemore(folder: Path) -> Figures:
    """Train the recipe `best` on makemore's training names for each seed, and score its test names."""
    training, test = makemore_parts(namegen.load_dataset(folder / "names.txt", keep_repeats=True))
    rows: Figures = {"seconds": [], "loss": []}
    for seed in SEEDS:
        begin = time.perf_counter()
        config = namegen.training_config("best", seed=seed, keep_repeats=True)
        model = namegen.train(training, config, threads=1)
        rows["seconds"].append(time.perf_counter() - begin)
        rows["loss"].append(makemore_loss(model, test))
        print("makemore", seed, {figure: round(values[-1], 4) for figure, values in rows.items()}, flush=True)
    return rows


def sampling(surnames: Path, models: Path) -> Figures:
    """Sample 1,000 names of each language with each of the settings, from the model of `best` with seed 1."""
    dataset, model = namegen.load_dataset(surnames), namegen.load_model(models / "best-1.safetensors")
    rows: Figures = {}
    for way in WAYS:
        found = evaluate(model, dataset, **way)
        figures = {figure: getattr(found, figure) for figure in ("novel", "unique", "right")}
        figures["by category"] = {
            category: {figure: getattr(own, figure) for figure in ("novel", "unique", "right")}
            for category, own in found.categories.items()
        }
        rows[_way(way)] = figures
        print(way, {name: round(value, 3) for name, value in figures.items() if name != "by category"}, flush=True)
    return rows


def _way(way: Figures) -> str:
    return ", ".join(f"{name.replace('_', '-')} {way[name]:g}" for name in WAYS[0])


def spread(values: list[float], digits: int = 3) -> str:
    """Return the mean, minimum and maximum of some values, as text."""
    return f"{statistics.mean(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def tables(results: Figures) -> dict[str, str]:
    """Return the tables of docs/quality.md by their names there."""
    recipes = [
        "| recipe | training, one thread | macro | micro | accuracy, uniform prior | accuracy, data's prior |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in ("default", "best"):
        if name in results:
            row = results[name]
            seconds = f"{statistics.median(row['seconds']):.0f} s"
            figures = [spread(values) for figure, values in row.items() if figure != "seconds"]
            recipes.append(f"| {' | '.join([f'`{name}`', seconds, *figures])} |")
    made = {"recipes": "\n".join(recipes)}
    if row := results.get("makemore"):
        made["makemore"] = (
            "| recipe | training, one thread | test loss |\n| --- | --- | --- |\n"
            f"| `best` | {statistics.median(row['seconds']):.0f} s | {spread(row['loss'])} |"
        )
    if rows := results.get("sampling"):
        head = "| settings | novel | unique | right |\n| --- | --- | --- | --- |\n"
        made["sampling"] = head + "\n".join(
            f"| {way} | {row['novel']:.1%} | {row['unique']:.1%} | {row['right']:.1%} |" for way, row in rows.items()
        )
        default = rows[_way(asdict(RECIPES["best"].sampling))]["by category"]
        made["languages"] = "| language | novel | unique | right |\n| --- | --- | --- | --- |\n" + "\n".join(
            f"| {name} | {row['novel']:.0%} | {row['unique']:.0%} | {row['right']:.0%} |"
            for name, row in default.items()
        )
    if row := results.get("few"):
        ways = list(next(iter(row["languages"].values())))
        lines = [f"| language | {' | '.join(ways)} |", "| --- |" + " --- |" * len(ways)]
        for language, losses in [*row["languages"].items(), ("mean", row["mean"])]:
            lines.append(f"| {language} | {' | '.join(f'{losses[way]:.3f}' for way in ways)} |")
        lines += ["", f"Fine-tuning took {row['seconds to add']:.0f} s (median, one thread)."]
        made["few"] = "\n".join(lines)
    return made


def write(tables: dict[str, str]) -> None:
    """Write tables into docs/quality.md, each between its two HTML comments."""
    page = PAGE.read_text(encoding="utf-8")
    for name, table in tables.items():
        begin, end = f"<!-- {name}: by make quality -->\n", f"<!-- end of {name} -->"
        before, mark, rest = page.partition(begin)
        if not mark or end not in rest:
            raise ValueError(f"docs/quality.md has no comments around the table {name!r}")
        page = f"{before}{begin}{table}\n{end}{rest.partition(end)[2]}"
    PAGE.write_text(page, encoding="utf-8")


def main() -> None:
    """Measure the chosen parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("surnames", type=Path)
    parser.add_argument("makemore", type=Path)
    parser.add_argument("--only", nargs="*", choices=["default", "best", "makemore", "sampling", "few"])
    parser.add_argument("--models", type=Path, help="keep the models of the recipes in this folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = given.models or Path(folder)
        measurements: dict[str, Callable[[], Figures]] = {
            "default": lambda: recipe("default", given.surnames, models),
            "best": lambda: recipe("best", given.surnames, models),
            "sampling": lambda: sampling(given.surnames, models),
            "makemore": lambda: makemore(given.makemore),
            "few": few_names,
        }
        for part, measure in measurements.items():
            if not given.only or part in given.only:
                results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
                results[part] = measure()
                RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
                write(tables(results))


if __name__ == "__main__":
    main()

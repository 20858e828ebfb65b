"""Measure the baselines of docs/quality.md.

    python benchmarks/baselines.py SURNAMES_FOLDER [MAKEMORE_FOLDER] [--only PART ...] [--json FILE]

- `ngrams`: namegen's Witten-Bell n-gram, and a Kneser-Ney n-gram. Their orders are chosen on the validation names. Then
  they are fitted on all training names, and the test names are scored once.
- `namemaker`: the shares of its names that are novel, distinct and of the right category. It has no loss, because its
  chain gives no probability to most of the test names.
- `tutorial`: the tutorial recipe of `namegen train`; with `--loop`, the tutorial's plain loop instead, which is slow.
- `makemore`: both n-grams on makemore's names, with its own split and loss.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

import namegen
import tutorial_loop
from namegen.datasets.dataset import hash_names
from namegen.evaluation.likelihood import Likelihood, likelihood
from namegen.models.category_ngram import list_positions
from namegen.models.ngram import NGram
from protocol import makemore_parts, parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Figures = dict[str, object]

FITS: dict[str, Callable[[namegen.Dataset, int], NGram]] = {
    "Witten-Bell": partial(NGram.fit, smoothing="witten-bell"),
    "Kneser-Ney": NGram.fit,
}
ORDERS = range(2, 8)
SAMPLED = 1_000
TUTORIAL_ITERATIONS = 100_000


def letter_scores(ngram: NGram, names: namegen.Dataset) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the log-probability of every letter and every end, and the index of its name, (letters,) each."""
    contexts, targets, name_of = list_positions(names.letters, names.lengths, ngram.outputs - 1, ngram.order - 1)
    category, scores = names.category_of[name_of], np.empty(len(targets))
    for index in np.unique(category).tolist():
        own, chosen = ngram.select(index), category == index
        scores[chosen] = own.score(own.find(contexts[chosen]), targets[chosen])
    return scores, name_of


def ngram_likelihood(ngram: NGram, names: namegen.Dataset) -> Likelihood:
    """Return the loss of an n-gram, as :func:`namegen.evaluation.likelihood.likelihood` does for a model."""
    scores, name_of = letter_scores(ngram, names)
    counted = np.diff(name_of, prepend=-1) == 0
    category, size = names.category_of[name_of[counted]], len(names.categories)
    letters = np.bincount(category, minlength=size)
    nats = -np.bincount(category, scores[counted], minlength=size)
    there = np.flatnonzero(letters)
    return Likelihood(tuple(names.categories[index] for index in there), nats[there], letters[there])


def accuracy(ngram: NGram, training: namegen.Dataset, names: namegen.Dataset) -> Figures:
    """Return the accuracy: with a uniform prior, the mean over categories; with the data's prior, over all names."""
    scores = ngram.log_probabilities(names.letters, names.lengths)
    right = scores.argmax(axis=1) == names.category_of
    of_category = np.bincount(names.category_of, right) / np.bincount(names.category_of)
    with_prior = (scores + np.log(training.counts)).argmax(axis=1) == names.category_of
    return {"right, uniform prior, by category": of_category.mean(), "right, data's prior": with_prior.mean()}


def ngrams(dataset: namegen.Dataset) -> Figures:
    """Choose the orders of both n-grams, and measure their losses and accuracies."""
    figures: Figures = {}
    training, test = parts(dataset, validation=False)
    for name, fit in FITS.items():
        low, middle = parts(dataset, validation=True)
        tried = {order: ngram_likelihood(fit(low, order), middle) for order in ORDERS}
        figures[f"{name}, validation"] = {order: (score.macro, score.micro) for order, score in tried.items()}
        by_macro = min(tried, key=lambda order: tried[order].macro)
        by_micro = min(tried, key=lambda order: tried[order].micro)
        for order in dict.fromkeys((by_macro, by_micro)):
            begin = time.perf_counter()
            ngram = fit(training, order)
            seconds = time.perf_counter() - begin
            score = ngram_likelihood(ngram, test)
            best = " and ".join(kind for kind, its in (("macro", by_macro), ("micro", by_micro)) if its == order)
            figures[f"{name} of order {order}, best by {best}"] = {
                "macro": score.macro,
                "micro": score.micro,
                "seconds": seconds,
                **accuracy(ngram, training, test),
            }
    return figures


def sample_figures(judge: NGram, training: namegen.Dataset, names: list[str], category: int) -> Figures:
    """Measure names sampled for one category.

    Returns:
        The share of the requested names that were generated, and of these the shares that are novel, distinct, and
        assigned to the category by the judge, with a uniform prior.
    """
    made = [name for name in names if name]
    letters, lengths = training.alphabet.encode_lines("".join(f"{name}\n" for name in made).encode())
    hashes = hash_names(name.encode() for name in made)
    return {
        "made": len(made) / len(names),
        "novel": float(np.mean(~np.isin(hashes, training.hashes))),
        "unique": len(set(made)) / len(made),
        "right": float(np.mean(judge.log_probabilities(letters, lengths).argmax(axis=1) == category)),
    }


def namemaker_names(dataset: namegen.Dataset) -> Figures:
    """Generate names of each category with namemaker, by its defaults and by its chain alone."""
    import namemaker  # noqa: PLC0415 - the other parts do not need it

    training, _ = parts(dataset, validation=False)
    judge = NGram.fit(training, 3, "witten-bell")
    ways = {
        "defaults": {},
        "chain alone": {
            "exclude_real_names": False,
            "exclude_history": False,
            "add_to_history": False,
            "n_candidates": 1,
        },
    }
    figures: Figures = {}
    for way, how in ways.items():
        namemaker.set_rng(random.Random(1))
        rows = {}
        for index, category in enumerate(training.categories):
            maker = namemaker.make_name_set(training.names(category))
            names: list[str] = []
            while len(names) < SAMPLED and (not names or names[-1]):  # if it gives up, few names are left
                names.append(maker.make_name(**how))
            names += [""] * (SAMPLED - len(names))
            rows[category] = sample_figures(judge, training, names, index)
        mean = {
            key: float(np.mean([row[key] for row in rows.values()])) for key in ("made", "novel", "unique", "right")
        }
        figures[f"namemaker, {way}"] = mean
        figures[f"namemaker, {way}, by category"] = rows
    return figures


def tutorial(surnames: Path, *, loop: bool) -> Figures:
    """Train with the tutorial recipe or with the tutorial's plain loop, with repeats kept."""
    repeated = namegen.load_dataset(surnames, keep_repeats=True)
    training, _ = parts(repeated, validation=False)
    _, test = parts(namegen.load_dataset(surnames), validation=False)
    config = namegen.training_config("tutorial", iterations=1 if loop else TUTORIAL_ITERATIONS)
    begin = time.perf_counter()
    model = namegen.train(training, config, seed=1)
    if loop:
        torch.set_num_threads(1)
        torch.manual_seed(1)
        tutorial_loop.random.seed(1)
        encode = training.alphabet.encode
        names = [[encode(name).tolist() for name in training.names(category)] for category in training.categories]
        begin = time.perf_counter()
        network, _ = tutorial_loop.train(names, training.alphabet.boundary_id, TUTORIAL_ITERATIONS)
        model = replace(model, weights={name: weight.numpy() for name, weight in network.state_dict().items()})
    seconds = time.perf_counter() - begin
    score = likelihood(model, test)
    way = "the plain loop" if loop else "the recipe"
    return {f"tutorial, {way}": {"macro": score.macro, "micro": score.micro, "seconds": seconds}}


def makemore(folder: Path) -> Figures:
    """Measure both n-grams on makemore's split.

    It has no validation names, so a tenth of the training names is held out by hash: all repeats of a name are in the
    same part.
    """
    training, test = makemore_parts(namegen.load_dataset(folder / "names.txt", keep_repeats=True))
    low, middle = training.split(0.1)
    figures: Figures = {"test names among the training names": float(np.mean(np.isin(test.hashes, training.hashes)))}
    for name, fit in FITS.items():
        for order in ORDERS:
            figures[f"makemore, {name} of order {order}"] = {
                "validation": -letter_scores(fit(low, order), middle)[0].mean(),
                "test": -letter_scores(fit(training, order), test)[0].mean(),
            }
    return figures


def main() -> None:
    """Measure the chosen parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("surnames", type=Path)
    parser.add_argument("makemore", type=Path, nargs="?")
    parser.add_argument("--only", nargs="*", choices=["ngrams", "namemaker", "tutorial", "makemore"])
    parser.add_argument("--loop", action="store_true", help="run the tutorial's plain loop (some minutes)")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    dataset = namegen.load_dataset(given.surnames)
    measurements: dict[str, Callable[[], Figures]] = {
        "ngrams": lambda: ngrams(dataset),
        "namemaker": lambda: namemaker_names(dataset),
        "tutorial": lambda: tutorial(given.surnames, loop=given.loop),
    }
    if given.makemore:
        measurements["makemore"] = lambda: makemore(given.makemore)
    figures: Figures = {}
    for part, measure in measurements.items():
        if not given.only or part in given.only:
            measured = measure()
            figures |= measured
            for name, figure in measured.items():
                print(f"{name}: {shown(figure)}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2, default=float) + "\n", encoding="utf-8")


def shown(figure: object) -> str:
    """Return one or several figures as a line of text."""
    if isinstance(figure, dict):
        return "; ".join(f"{name} {shown(part)}" for name, part in figure.items())
    if isinstance(figure, tuple):
        return ", ".join(map(shown, figure))
    return f"{figure:.4f}" if isinstance(figure, float) else str(figure)


if __name__ == "__main__":
    main()

"""Compare ways to learn a new language from 50 names.

    python benchmarks/few_names.py

For several languages of the starter names, a model of the recipe `default` is trained on the 17 others. Each way then
gets 50 names of the language, the first by hash, and is scored on the language's other names:

- fine-tuning the model, as `train --init` does;
- training on the 50 names alone, for the number of iterations that is best on the scored names, an unfair advantage;
- interpolated n-grams of the 50 names, Witten-Bell and Kneser-Ney, also with the best order.

The loss is that of docs/quality.md: per letter, in nats, from the second letter on.
"""

from __future__ import annotations

import json
import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np

import namegen
from namegen.evaluation.likelihood import likelihood
from namegen.models.category_ngram import list_positions
from namegen.models.ngram import NGram

if TYPE_CHECKING:
    from numpy.typing import NDArray

GIVEN = 50
LANGUAGES = ("Czech", "French", "German", "Greek", "Irish", "Italian", "Japanese", "Polish", "Spanish")
ALONE = (500, 1_000, 2_000, 4_000, 8_000)
ORDERS = (2, 3, 4)


def few_names() -> dict[str, Any]:
    """Return the losses of all ways for each language."""
    starter = namegen.open_dataset("starter")
    languages, seconds = {}, []
    for language in LANGUAGES:
        of_it = starter.category_of == starter.categories.index(language)
        ranks = np.argsort(np.argsort(starter.hashes[of_it]))
        given, others = (starter.select(_within(of_it, chosen)) for chosen in (ranks < GIVEN, ranks >= GIVEN))
        few, rest = (_alone(names, language) for names in (given, others))
        init = namegen.train(_without(starter.select(~np.isin(starter.hashes, rest.hashes)), language), threads=1)
        begin = time.perf_counter()
        added = namegen.train(few, init=init, threads=1)
        seconds.append(time.perf_counter() - begin)
        alone = [namegen.train(few, iterations=count, validation=0.0, threads=1) for count in ALONE]
        languages[language] = {
            "fine-tuned": likelihood(added, rest).micro,
            "trained alone, best of five lengths": min(likelihood(model, rest).micro for model in alone),
            "Witten-Bell": min(_ngram_loss(NGram.fit(few, order, "witten-bell"), rest) for order in ORDERS),
            "Kneser-Ney": min(_ngram_loss(NGram.fit(few, order), rest) for order in ORDERS),
        }
        print(language, {way: round(loss, 3) for way, loss in languages[language].items()}, flush=True)
    mean = {way: statistics.mean(losses[way] for losses in languages.values()) for way in languages[LANGUAGES[0]]}
    return {"languages": languages, "mean": mean, "seconds to add": statistics.median(seconds)}


def _within(of_it: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    some = np.zeros_like(of_it)
    some[np.flatnonzero(of_it)[chosen]] = True
    return some


def _alone(names: namegen.Dataset, language: str) -> namegen.Dataset:
    return namegen.Dataset.from_names({language: names.names(language)})


def _without(names: namegen.Dataset, language: str) -> namegen.Dataset:
    return namegen.Dataset.from_names({c: names.names(c) for c in names.categories if c != language})


def _ngram_loss(ngram: NGram, names: namegen.Dataset) -> float:
    contexts, targets, name_of = list_positions(names.letters, names.lengths, ngram.outputs - 1, ngram.order - 1)
    own, counted = ngram.select(0), np.diff(name_of, prepend=-1) == 0
    return float(-own.score(own.find(contexts[counted]), targets[counted]).mean())


if __name__ == "__main__":
    print(json.dumps(few_names(), indent=1))

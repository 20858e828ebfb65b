"""Find the known names of a category: the names that it was trained on.

A model has no list of them, but the n-grams of a category and the hashes of all known names determine them: a name is
known if all its n-grams occur and its hash is among the known ones. A depth-first search finds all such names. The
n-grams of a category of a few thousand names allow only a few times as many names, so the search takes milliseconds.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np

from namegen.datasets.dataset import hash_names
from namegen.datasets.graphemes import normalize
from namegen.sampling.offensive import find_offensive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from namegen.models.model import Model

    Flags = NDArray[np.bool_]

_MAX_STEPS = 1_000_000  # about a second
_CATEGORIES_KEPT = 256


@lru_cache(_CATEGORIES_KEPT)
def find_known_names(model: Model, category: str) -> tuple[str, ...]:
    """Return the known names of an open category, sorted, without offensive names.

    Args:
        model: the model.
        category: the category.

    Returns:
        The names; none if the model has no n-gram, or if the order of its n-gram is so low that it allows too many
        names.
    """
    candidates = _find_candidates(model, category)
    if not candidates:
        return ()
    known = list(compress(candidates, find_known(model, candidates).tolist()))
    is_offensive = find_offensive("".join(f"{name}\n" for name in known)).tolist()
    pairs = zip(known, is_offensive, strict=True)
    return tuple(sorted(name for name, offends in pairs if not offends and normalize(name)[0] == name))


def _find_candidates(model: Model, category: str) -> list[str]:
    """Return all names whose n-grams occur in a category, or none if there are too many."""
    if model.mixture is None:
        return []
    ngram, index = model.mixture.ngram, model.categories.index(category)
    boundary, before = ngram.outputs - 1, ngram.order - 1
    followers = defaultdict[tuple[int, ...], list[int]](list)
    for letter, *context in ngram.letters[ngram.first[index] : ngram.first[index + 1]].tolist():
        followers[tuple(each for each in context if each != ngram.outputs)].append(letter)
    found: list[str] = []
    waiting: list[tuple[int, ...]] = [(boundary,)]  # prefixes, the last letter first
    for _ in range(_MAX_STEPS):
        if not waiting:
            break
        prefix = waiting.pop()
        if len(prefix) > model.longest + 1:
            continue
        for letter in followers[prefix[:before]]:
            if letter == boundary:
                found.append(model.alphabet.decode(reversed(prefix[:-1])))
            else:
                waiting.append((letter, *prefix))
    return [] if waiting else list(filter(None, found))


def find_known(model: Model, names: Sequence[str]) -> Flags:
    """Return which names are known, (names,): in the training data or, in the model people, in the lists behind it."""
    hashes = hash_names(name.encode() for name in names)
    if not len(model.known_hashes):
        return np.zeros(len(hashes), dtype=np.bool_)
    known: Flags = model.known_hashes[np.searchsorted(model.known_hashes[:-1], hashes)] == hashes
    return known

"""Add letters to a model, for names that it could not write.

A new letter starts as a copy of the closest letter that the model has: ``ö`` as ``o``, ``Ж`` as ``Z``. In a category
whose names have the new letter, both share the probability of the old one, in proportion to how often they occur. The
older categories never use the new letters: their mask of letters (:mod:`namegen.models.letters`) leaves them out.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from namegen.architectures import find_architecture
from namegen.datasets.alphabet import ExtendableAlphabet
from namegen.datasets.graphemes import match_case, other_case
from namegen.models.letters import renumber_ngram

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from namegen.datasets.alphabet import Alphabet
    from namegen.datasets.dataset import Dataset
    from namegen.models.model import Model

    Floats = NDArray[np.float32]


def find_names_alphabet(model: Model) -> Alphabet:
    """Return the alphabet for reading names that are added to a model: extendable, if the model can gain letters."""
    is_extendable = find_architecture(model.training).letter_axes is not None
    return ExtendableAlphabet(model.alphabet.letters) if is_extendable else model.alphabet


def fit_dataset(model: Model, dataset: Dataset) -> Dataset:
    """Return a dataset in the case and the alphabet of a model, to which new letters of its names are added."""
    known = model.alphabet
    new = dataset.fit_alphabet(known).alphabet.letters[len(known) :]
    if new:
        known = known.extend([*new, *filter(None, map(other_case, new))])
    return dataset.fit_alphabet(known).in_case(model.casing).fit_alphabet(model.alphabet)


def extend_letters(model: Model, alphabet: Alphabet) -> Model:
    """Add letters to a model, which its categories do not use.

    Args:
        model: the model.
        alphabet: the letters of the model, followed by the new ones.

    Returns:
        The extended model; the same model if no letter is new.
    """
    if len(alphabet) == len(model.alphabet):
        return model
    old, new = len(model.alphabet), len(alphabet) - len(model.alphabet)
    sources = _find_sources(model.alphabet, alphabet)
    weights = dict(model.weights)
    for name, axis in (find_architecture(model.stage).letter_axes or {}).items():
        mean = weights[name].take(range(old), axis).mean(axis, keepdims=True)
        weights[name] = np.concatenate([weights[name], mean], axis).take([*sources, old], axis)
    mask = np.ones((len(model.categories), old), dtype=np.bool_) if model.letters is None else model.letters
    mixture = model.mixture
    if mixture is not None:
        outputs = np.append(np.arange(old), len(alphabet))
        mixture = mixture._replace(ngram=renumber_ngram(mixture.ngram, outputs, len(alphabet) + 1))
    return replace(
        model,
        alphabet=alphabet,
        first_letter_counts=np.pad(model.first_letter_counts, ((0, 0), (0, new))),
        weights=weights,
        mixture=mixture,
        letters=np.pad(mask, ((0, 0), (0, new))),
        added_letters=model.added_letters + new,
    )


def split_letters_by_frequency(base: Alphabet, dataset: Dataset) -> Floats:
    """Return the logarithm of each letter's share in the occurrences of all letters that started as the same letter.

    Args:
        base: the letters before new ones were added.
        dataset: the names, in the alphabet with the new letters.

    Returns:
        The logarithms, (categories, letters + 1) float32, 0 for letters that no new letter started as, and for the end.
    """
    alphabet, size = dataset.alphabet, len(dataset.categories)
    sources = _find_sources(base, alphabet)
    alone = sources > len(base)  # letters that started as the mean of all
    sources[alone] = np.arange(len(alphabet))[alone]
    counts = np.full((size, len(alphabet)), 0.5)
    np.add.at(counts, (np.repeat(dataset.category_of, dataset.lengths), dataset.letters), 1)
    totals = np.stack([np.bincount(sources, own, minlength=len(alphabet)) for own in counts])
    shares: Floats = np.pad(np.log(counts / totals[:, sources]), ((0, 0), (0, 1))).astype(np.float32)
    return shares


def _find_sources(base: Alphabet, extended: Alphabet) -> NDArray[np.int64]:
    """Return what each letter starts as, (letters,): itself, the closest one, or the mean (``len(base) + 1``)."""
    numbers = {letter: index for index, letter in enumerate(base.letters)}
    new = extended.letters[len(base) :]
    closest = [next((numbers[other] for other in _iter_closest(letter) if other in numbers), None) for letter in new]
    return np.array([*range(len(base)), *(len(base) + 1 if index is None else index for index in closest)])


def _iter_closest(letter: str) -> Iterator[str]:
    """Yield letters close to a letter: without accents, transliterated, and each of these in the other case."""
    from unidecode import unidecode

    plain = unicodedata.normalize("NFD", letter)[0]
    similar = [plain, match_case(unidecode(letter, errors="ignore"), letter, "", "")[:1]]
    yield from similar
    yield from filter(None, map(other_case, [letter, *similar]))

"""Build a model of a short list of names without training.

The network is conditioned on the blend of its categories that explains the list best, each with a weight that grows
with the likelihood of the list in it. A Witten-Bell n-gram of the list, with contexts of one and two letters, backs off
to that network, and the geometric mean of both chooses the letters (:mod:`namegen.models.mixture`). docs/quality.md
compares this with training.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from namegen.architectures import find_architecture
from namegen.config import SamplingConfig
from namegen.datasets.encoding import EncodedNames
from namegen.errors import UsageError
from namegen.models.extension import extend_letters, fit_dataset, split_letters_by_frequency
from namegen.models.inference import Source, build_steppers
from namegen.models.letters import find_new_mask, keep_letters
from namegen.models.mixture import Mixture, Weights
from namegen.models.model import History, Model
from namegen.models.ngram import NGram
from namegen.models.plausibility import Plausibility
from namegen.models.scoring import score_per_category

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from namegen.datasets.dataset import Dataset
    from namegen.models.ngram import Smoothing

    Floats = NDArray[np.float32]

_SMOOTHING: Smoothing = "witten-bell"
_ORDER = 3
_WEIGHTS = Weights(share=1.0, min_context=1, pooled=0.3, sampled=1.0)
_SAMPLING = SamplingConfig(temperature=0.85, top_p=0.9, floor=0.7)
_SHARPNESS = 5.0  # of the weights of the categories, per nat of a letter's loss
_MAX_SCORED = 300  # names of a category
_MAX_SCORES = 18 * _MAX_SCORED  # of the names of a category in all categories of the model, unless that is too few
_MIN_SCORED = 40
_MIN_COVERED = 0.9  # share of the letters of a list, relative to the category that has most of them
_LEAST = -1000.0  # nats of a name: it may be impossible in all categories


def build_style(base: Model, names: Dataset, added: Floats | None = None) -> Model:
    """Return a model that generates names in the style of each category of a dataset.

    Args:
        base: a trained model with a network.
        names: the names. Letters that the model lacks are added to it.
        added: a blend of the model's categories that makes up half of each style, (categories,) or ``None``.

    Raises:
        UsageError: the model is unfinished, has no network, or cannot have other letters.
    """
    if not base.finished or not base.has_network:
        problem = "has no network" if base.finished else "is unfinished"
        raise UsageError(f"this model cannot imitate a list, as it {problem}; give another --model")
    known = base.alphabet
    names = fit_dataset(base, names)
    if names.alphabet != known and find_architecture(base.training).letter_axes is None:
        raise UsageError("the names have letters that the model lacks; create the dataset with the model's alphabet")
    base = extend_letters(base, names.alphabet)
    letters = find_new_mask(base, names)
    if base.letters is not None and letters is not None and added is not None:
        letters |= base.letters[added > 0].any(axis=0)
    shares = find_shares(base, names)
    if added is not None:
        shares = (shares + added) / np.float32(2)
    weights = dict(base.weights)
    architecture = find_architecture(base.training)
    for name, axis in architecture.category_axes.items():
        blends, others = np.split(np.moveaxis(weights[name], axis, 0), [len(base.categories)])
        styles = shares @ blends
        if names.alphabet != known and name in (architecture.letter_axes or {}):
            styles += split_letters_by_frequency(known, names)
        weights[name] = np.moveaxis(np.concatenate([styles, others]), 0, axis)
    return dataclasses.replace(
        base,
        sampling=_SAMPLING,
        categories=names.categories,
        counts=names.counts,
        first_letter_counts=names.first_letter_counts,
        longest=int(names.lengths.max()),
        dataset=names.label,
        dataset_verified=False,
        fingerprint=names.fingerprint,
        name_hashes=np.union1d(base.known_hashes, names.hashes),
        held_out_hashes=np.zeros(0, np.uint64),
        weights=weights,
        history=History(),
        card="",
        letters=letters,
        closed={},
        mixture=Mixture(NGram.fit(names, _ORDER, _SMOOTHING), _WEIGHTS),
        plausibility=Plausibility.fit(names, _ORDER, _SMOOTHING),
    )


def find_shares(model: Model, names: Dataset) -> Floats:
    """Return the blend of a model's categories that explains the names of each category of a dataset.

    The share of a category grows exponentially with the mean log-probability of a letter in it. If the model has a mask
    of letters, categories that lack many letters of the names have none.

    Returns:
        The shares, (categories of the dataset, categories of the model) float32, with a sum of 1 in each row.
    """
    size = len(names.categories)
    fits = np.ones((size, len(model.categories)), dtype=np.bool_)
    kept = np.arange(len(model.alphabet))
    if model.letters is not None:
        counts = np.zeros((size, len(kept)))
        np.add.at(counts, (np.repeat(names.category_of, names.lengths), names.letters), 1)
        covered = counts @ model.letters.T
        fits = covered >= _MIN_COVERED * covered.max(axis=1, keepdims=True)
        kept = np.flatnonzero(counts.any(axis=0))
    own = np.flatnonzero(fits[names.counts > 0].any(axis=0))
    if model.letters is not None:
        model = keep_letters(dataclasses.replace(model, mixture=None), kept, own)
    scored = names.limit(min(_MAX_SCORED, max(_MIN_SCORED, _MAX_SCORES // len(own))))
    encoded = EncodedNames.from_flat(np.searchsorted(kept, scored.letters).astype(np.uint16), scored.lengths)
    steppers = build_steppers(model)
    sources = (Source.of(model, steppers(index), index, share=0.0) for index in own.tolist())
    scores = score_per_category(sources, encoded, model.alphabet.boundary_id)
    nats = np.full(fits.shape, -np.inf)
    for index, of in zip(own.tolist(), scores, strict=True):
        nats[:, index] = np.bincount(scored.category_of, np.maximum(of.total, _LEAST), minlength=size)
    nats[~fits] = -np.inf
    nats[names.counts == 0] = 0.0
    letters = np.bincount(scored.category_of, scored.lengths + 1, minlength=size)
    closeness = _SHARPNESS * nats / np.maximum(letters, 1)[:, None]
    weights = np.exp(closeness - closeness.max(axis=1, keepdims=True))
    shares: Floats = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares

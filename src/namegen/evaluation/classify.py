"""Compute the probabilities of names, and of categories given names.

A model gives the probability of a name given its category. By Bayes' rule and a prior over the categories,

    P(category | name) = P(name | category) P(category) / sum over all categories c of P(name | c) P(c)
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np

from namegen._tables import MAX_ROWS, MISSING, build_frame, build_html, format_value, join_first
from namegen._validate import check_arguments
from namegen.datasets.dataset import count_of
from namegen.datasets.encoding import EncodedNames
from namegen.datasets.in_memory import iterate_names
from namegen.errors import DataError, UsageError, quote, shorten
from namegen.models.categories import find_blend
from namegen.models.inference import Source, build_steppers
from namegen.models.scoring import score_names, score_per_category
from namegen.models.store import to_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from os import PathLike

    import pandas as pd
    from numpy.typing import NDArray

    from namegen.models.model import Model

    Floats = NDArray[np.float64]

Prior = Literal["uniform", "data"]

_NAMES_AT_A_TIME = 2**16  # bounds the memory
_MAX_LETTERS = 1000
_EMPTY = "(no letters)"  # instead of an empty name


@dataclass(frozen=True)
class FittedNames:
    """Names in a model's alphabet and case.

    Attributes:
        names: the names; empty if no character of a name can be expressed.
        dropped: the number of characters that cannot be expressed in the alphabet.
    """

    names: Sequence[str]
    dropped: int

    @property
    def left_out(self) -> int:
        """The number of empty names."""
        return sum(not name for name in self.names)


@dataclass(frozen=True, eq=False, repr=False)
class Scores:
    """The probabilities of names in a category; ``nan`` for an empty name.

    Attributes:
        fitted: the names as the model read them.
        log_probabilities: log P(name | category), in nats, (names,) float64.
        perplexities: exp of the loss per letter, from the second letter to EOS, (names,) float64.
    """

    fitted: FittedNames
    log_probabilities: Floats
    perplexities: Floats

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame with a row for each name, as the model read it.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        columns = {"log_probability": self.log_probabilities, "perplexity": self.perplexities}
        return build_frame(columns, index=self.fitted.names, name="name")

    def __repr__(self) -> str:
        first = zip(self.fitted.names, self.log_probabilities[:4].tolist(), strict=False)
        scores = [f"{shorten(name) or _EMPTY} {format_value(score, '.2f')}" for name, score in first]
        return f"<Scores of {count_of(len(self.fitted.names), 'name')}: {join_first(scores)}>"

    def _repr_html_(self) -> str:
        figures = zip(self.fitted.names, self.log_probabilities, self.perplexities, strict=True)
        rows = [
            (name or _EMPTY, format_value(score, ".2f"), format_value(perplexity, ".2f"))
            for name, score, perplexity in islice(figures, MAX_ROWS)
        ]
        return build_html(("name", "log-probability", "perplexity"), rows, total=len(self.fitted.names))


@dataclass(frozen=True, eq=False, repr=False)
class Classification:
    """The probabilities of categories given names; ``nan`` for an empty name.

    Attributes:
        fitted: the names as the model read them.
        categories: the model's categories.
        probabilities: P(category | name), (names, categories) float64; each row sums to 1.
    """

    fitted: FittedNames
    categories: tuple[str, ...]
    probabilities: Floats

    def ranked(self) -> NDArray[np.int64]:
        """Return the indices of the categories, the most probable first, (names, categories)."""
        return np.argsort(-self.probabilities, axis=1, kind="stable")

    @property
    def best(self) -> list[str | None]:
        """The most probable category of each name; ``None`` for an empty name."""
        first = self.ranked()[:, 0].tolist()
        return [self.categories[index] if name else None for name, index in zip(self.fitted.names, first, strict=True)]

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame with a row for each name, as the model read it, and a column for each category.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        columns = dict(zip(self.categories, self.probabilities.T, strict=True))
        return build_frame(columns, index=self.fitted.names, name="name")

    def __repr__(self) -> str:
        found = [f"{name} {', '.join(best[:1]) or MISSING}" for name, best in self._list_best(4, 1)]
        return f"<Classification of {count_of(len(self.fitted.names), 'name')}: {join_first(found)}>"

    def _repr_html_(self) -> str:
        ranks = range(1, min(3, len(self.categories)) + 1)
        rows = [
            (name, *best, *[MISSING] * (len(ranks) - len(best))) for name, best in self._list_best(MAX_ROWS, len(ranks))
        ]
        return build_html(("name", *(f"{rank}." for rank in ranks)), rows, total=len(self.fitted.names))

    def _list_best(self, names: int, categories: int) -> list[tuple[str, list[str]]]:
        """Return the first names with their most probable categories, which an empty name does not have."""
        part = Classification(self.fitted, self.categories, self.probabilities[:names])
        return [
            (
                shorten(name) or _EMPTY,
                [f"{self.categories[index]} {row[index]:.1%}" for index in order[:categories]] if name else [],
            )
            for name, row, order in zip(self.fitted.names, part.probabilities, part.ranked(), strict=False)
        ]


@check_arguments()
def score(model: Model | str | PathLike[str], category: str, names: Iterable[str]) -> Scores:
    """Return the probabilities of names in a category, first letter and end included.

    >>> namegen.score(model, "German", ["Ackermann", "Smirnov"]).log_probabilities     # doctest: +SKIP
    array([-16.3, -24.8])

    Args:
        model: the model, or its name or path, used at temperature 1.
        category: one of its categories, or a blend such as ``German+Italian``.
        names: the names; they are transliterated and converted to the casing of the model.

    Raises:
        UsageError: no such category.
        DataError: a name has more than 1,000 letters.
    """
    model = to_model(model)
    blend = find_blend(model, category).category
    fitted = fit_names(model, names)
    log_probabilities, perplexities = np.full((2, len(fitted.names)), np.nan)
    source = Source.of(model, build_steppers(model)(blend), blend)
    for indices, encoded in _encode(model, fitted):
        scores = score_names(source, encoded)
        log_probabilities[indices] = scores.total
        with np.errstate(over="ignore"):
            perplexities[indices] = np.exp(-scores.rest / encoded.lengths)
    return Scores(fitted, log_probabilities, perplexities)


@check_arguments()
def classify(model: Model | str | PathLike[str], names: Iterable[str], prior: Prior = "uniform") -> Classification:
    """Return the probability of each category given each name, by Bayes' rule.

    A name that is impossible in all categories gets the prior.

    >>> namegen.classify(model, ["Ackermann", "Smirnov"]).best     # doctest: +SKIP
    ['German', 'Russian']

    Args:
        model: the model, or its name or path, used at temperature 1.
        names: the names, treated as by :func:`score`.
        prior: ``uniform``, or ``data`` for the frequencies of the categories in the training data.

    Raises:
        UsageError: no such prior.
        DataError: a name has more than 1,000 letters.
    """
    if not isinstance(prior, str) or prior not in ("uniform", "data"):
        raise UsageError(f"the prior must be uniform or data, not {prior!r}")
    model = to_model(model)
    counts = model.counts if prior == "data" else np.ones(len(model.categories))
    log_prior = np.log(counts / counts.sum())
    fitted, steppers = fit_names(model, names), build_steppers(model)
    probabilities = np.full((len(fitted.names), len(model.categories)), np.nan)
    for indices, encoded in _encode(model, fitted):
        sources = (Source.of(model, steppers(index), index) for index in range(len(model.categories)))
        scores = score_per_category(sources, encoded, model.alphabet.boundary_id)
        joint = np.stack([of_category.total for of_category in scores], axis=1) + log_prior
        joint[np.isneginf(joint).all(axis=1)] = log_prior
        joint = np.exp(joint - joint.max(axis=1, keepdims=True))  # the largest is 1, so the sum is not 0
        probabilities[indices] = joint / joint.sum(axis=1, keepdims=True)
    return Classification(fitted, model.categories, probabilities)


def fit_names(model: Model, names: Iterable[str]) -> FittedNames:
    """Bring names into a model's alphabet and the case in which its training names begin; missing ones become empty.

    Raises:
        UsageError: the names are not a list of text.
        DataError: a name has more than 1,000 letters.
    """
    alphabet = model.alphabet
    known = frozenset(letter for letter in alphabet.letters if len(letter) == 1 and letter.isascii())
    fitted, dropped = [], 0
    for given in iterate_names(names, "the names"):
        name = given or ""
        if len(name) > _MAX_LETTERS:
            raise DataError(f"{quote(name)} has {len(name):,} letters, too many for a name; give one name per line")
        text = name
        if not known.issuperset(name) or " ".join(name.split()) != name:  # else transliteration changes nothing
            text, lost = alphabet.transliterate(name)
            dropped += lost
        fitted.append(alphabet.in_case(text, model.casing) if text else "")
    return FittedNames(fitted, dropped)


def _encode(model: Model, fitted: FittedNames) -> Iterator[tuple[NDArray[np.int64], EncodedNames]]:
    """Yield the names that are not empty with their indices, some at a time."""
    for begin in range(0, len(fitted.names), _NAMES_AT_A_TIME):
        part = fitted.names[begin : begin + _NAMES_AT_A_TIME]
        text = "".join([f"{name}\n" for name in part if name])
        if text:
            indices = begin + np.flatnonzero([bool(name) for name in part])
            yield indices, EncodedNames.from_flat(*model.alphabet.encode_lines(text.encode()))

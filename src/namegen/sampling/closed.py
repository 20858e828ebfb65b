"""Sample the known names of a closed category by frequency."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from namegen.datasets.alphabet import Alphabet
from namegen.datasets.encoding import EncodedNames
from namegen.datasets.graphemes import collect_letters
from namegen.errors import NamegenError, UsageError, quote
from namegen.models.categories import check_category
from namegen.sampling.name_filters import NameFilter
from namegen.sampling.rng import FIRST_LETTER, derive_streams, uniform
from namegen.sampling.sampled_names import SampledNames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from namegen.models.model import Model
    from namegen.sampling.name_filters import Filters

    Integers = NDArray[np.integer]


def find_closed(model: Model, category: str) -> str | None:
    """Return the closed category with this name, or the only one that differs only in case, or ``None``."""
    if check_category(category) in model.closed:
        return category
    close = [label for label in model.closed if label.casefold() == category.casefold()]
    return close[0] if len(close) == 1 and not any(category == known for known in model.categories) else None


def restrict_to_closed(model: Model, label: str) -> Model:
    """Return a model with the letters of a closed category, for filters and prefixes; its network cannot be used."""
    names = model.closed[label].names
    alphabet = Alphabet(collect_letters(["\n".join(names).encode()]))
    return replace(model, alphabet=alphabet, longest=max(map(len, names)), letters=None)


class ClosedSampler:
    """Samples names of a closed category, with the interface of :class:`~namegen.sampling.rejection.RejectionSampler`.

    Args:
        model: the model, restricted to the category (:func:`restrict_to_closed`).
        label: the category.
        filters: the filters; ``unique`` is ignored.
        max_length: the maximum number of letters of a name; by default the length of the longest name.

    Raises:
        UsageError: the filters ask for novel names.
    """

    def __init__(self, model: Model, label: str, filters: Filters, max_length: int | None = None) -> None:
        if filters.novel:
            raise UsageError(f"all names of {label} are known ones, as it is a closed category; leave out --novel")
        self._model, self._label, self._max_length = model, label, max_length
        self._filter = NameFilter(model, filters)
        names, self._weights = model.closed[label]
        letters, lengths = model.alphabet.encode_lines("".join(f"{name}\n" for name in names).encode())
        self._names = EncodedNames.from_flat(letters, lengths)
        self._is_accepted = self._filter.accepts(self._names)
        if max_length is not None:
            self._is_accepted &= lengths <= max_length
        self._texts = names

    def sample(self, prefixes: Sequence[str], prefix_of: Integers, seed: int, numbers: Integers) -> SampledNames:
        """Sample names.

        Args:
            prefixes: the beginnings of names.
            prefix_of: the index of the prefix of each name, (names,).
            seed: the random seed.
            numbers: the number of each name in the random stream of the category, (names,).

        Returns:
            The names. If no known name begins with the prefix of a name, the result ends before it, with the failure.
        """
        chances = uniform(derive_streams(seed, 0, numbers, self._label), FIRST_LETTER)
        chosen = np.empty(len(numbers), dtype=np.int64)
        for index in np.unique(prefix_of).tolist():
            mine = prefix_of == index
            begins = [text.startswith(prefixes[index]) for text in self._texts]
            candidates = np.flatnonzero(self._is_accepted & begins)
            if not len(candidates):
                count = int(mine.argmax())
                failure = self._build_error(prefixes[index])
                return self._select(chosen[:count], failure)
            ends = np.cumsum(self._weights[candidates], dtype=np.float64)
            chosen[mine] = candidates[np.searchsorted(ends, chances[mine] * ends[-1], side="right")]
        return self._select(chosen)

    def score(self, sampled: SampledNames) -> NDArray[np.float64]:
        """Return the logarithm of each name's share of the category, (names,)."""
        scores: NDArray[np.float64] = np.log(self._weights / self._weights.sum(), dtype=np.float64)[sampled.which]
        return scores

    def max_letters(self, given: int) -> int:
        """Return the number of letters of the longest name."""
        return max(given, self._model.longest)

    def is_deterministic(self, given: int) -> bool:  # noqa: ARG002 - part of the interface
        """Return whether the category has a single name."""
        return len(self._texts) == 1

    def _select(self, chosen: NDArray[np.int64], failure: NamegenError | None = None) -> SampledNames:
        return SampledNames(self._names, chosen, np.zeros_like(chosen), np.ones_like(chosen), failure)

    def _build_error(self, prefix: str) -> NamegenError:
        begins = f"begins with {quote(prefix)}" if prefix else ""
        unmet = self._filter.describe_unmet(set(self._filter.judge(self._names).tolist()))
        ends = "" if self._max_length is None else f"has at most {self._max_length:,} letters"
        conditions = " and ".join(filter(None, (begins, unmet, ends)))
        return NamegenError(f"no name of the closed category {self._label} {conditions}; loosen the filters")

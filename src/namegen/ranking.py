"""The most probable names of a category: what a model takes for most typical, in its own order.

Here too names are what filters ask for. The search itself is in :mod:`namegen.search`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen.bounds import whole
from namegen.categories import find_blend
from namegen.distinct import Seen
from namegen.drawing import Source
from namegen.draws import block_of
from namegen.errors import NamegenError, UsageError, quoted
from namegen.filters import Filters, NameFilter
from namegen.inference import steppers
from namegen.letters import split_letters
from namegen.prefixes import checked_prefix
from namegen.recipes import SamplingConfig
from namegen.sampler import most_letters
from namegen.sampling import WAYS, filtered
from namegen.search import most_probable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from namegen.categories import Blend
    from namegen.drawing import Spelling
    from namegen.draws import Block, Draw
    from namegen.modelfile import Model

_MOST = 10**6  # names, which the search keeps in memory


def top(
    model: Model,
    category: str,
    prefix: str = "",
    *,
    count: int = 10,
    filters: Filters | None = None,
    max_length: int | None = None,
    **parts: Any,  # noqa: ANN401 - the fields of Filters
) -> list[Draw]:
    """Find the most probable names of a category, by the model's own distribution: at temperature 1, with nothing cut.

    >>> namegen.top(model, "German", "Sch", count=3, novel=True)     # doctest: +SKIP

    Args:
        model: the model.
        category: one of its categories, or a blend of several, as for :func:`~namegen.sampling.sample`.
        prefix: what the names begin with.
        count: how many names, from 1 to 1,000,000.
        filters: what names must be; by default anything.
        max_length: the most letters of a name, its prefix included.
        parts: parts of the filters to replace, as ``novel=True``.

    Returns:
        The names with their log-probabilities, the most probable first; fewer than ``count`` if there are no more, or
        if the others are too improbable to be found.

    Raises:
        UsageError: no such category, a prefix that cannot be used, or a count or setting out of range.
    """
    made = top_blocks(
        model, category, [prefix], count=count, filters=filters, max_length=max_length, scores=True, **parts
    )
    return list(next(made))


def top_blocks(
    model: Model,
    category: str,
    prefixes: Iterable[str] = ("",),
    *,
    count: int = 10,
    filters: Filters | None = None,
    max_length: int | None = None,
    scores: bool = False,
    **parts: Any,  # noqa: ANN401 - the fields of Filters
) -> Iterator[Block]:
    """Find the most probable names for each of some prefixes, a block for each; as :func:`top`.

    Only with ``unique`` does a name not come again that came for a prefix before. Blocks have scores if asked for.

    Raises:
        UsageError: as :func:`top`; what is wrong with a prefix is raised when its turn has come.
        NamegenError: there are fewer than ``count`` names for a prefix, or no more can be found. Those that there are
            come before.
    """
    count = whole("the number of most probable names", count, 1, _MOST)
    for way in WAYS:
        if way in parts:
            raise UsageError(f"{way} is a way to draw names; the most probable ones are not drawn")
    config = SamplingConfig(temperature=1.0, max_length=max_length)
    filters = filtered(filters or Filters(), parts, config)
    if isinstance(prefixes, str):
        prefixes = split_letters(prefixes)
    fitted: Iterable[str] = (checked_prefix(model, prefix, config, filters) for prefix in prefixes)
    if isinstance(prefixes, Sequence):
        fitted = list(fitted)
    ranking = _Ranking(model, find_blend(model, category), count, config, filters)
    made = ranking.blocks(fitted)
    return made if scores else (replace(block, scores=None) for block in made)


class _Ranking:
    """The search for the ``count`` most probable names of one prefix after the other."""

    def __init__(self, model: Model, blend: Blend, count: int, config: SamplingConfig, filters: Filters) -> None:
        self._model, self._blend, self._count, self._config, self._filters = model, blend, count, config, filters
        self._source = Source.of(model, steppers(model)(blend.category), blend.category)
        self._name_filter, self._seen = NameFilter(model, filters), Seen()

    def blocks(self, prefixes: Iterable[str]) -> Iterator[Block]:
        """Go through the prefixes: a block for each."""
        for prefix in prefixes:
            names, complete = self._names(prefix)
            yield names
            if len(names) < self._count:
                begins = f" that begin with {quoted(prefix)}" if prefix else ""
                none_else = "there are no others" if complete else "the others are too improbable to be found"
                raise NamegenError(
                    f"only {len(names):,} of {self._count:,} names{begins}: {none_else}; "
                    "ask for fewer (--top), or loosen the filters"
                )

    def _names(self, prefix: str) -> tuple[Block, bool]:
        """Return the names of a prefix, and whether there are no more, be it that they are too improbable."""
        given = self._model.alphabet.encode(prefix)
        limit, wanted = most_letters(self._model, self._config, len(given)), self._count
        while True:
            found = most_probable(self._source, given, limit, wanted, self._accepts)
            keys = self._filters.keys(self._model.alphabet, found.spelling)
            # The letters of names differ, but in ASCII several may become alike.
            names = Seen().new(keys)[: self._count] if self._filters.unique else np.arange(len(keys))
            if len(names) == self._count or len(keys) < wanted:
                break
            wanted *= 2
        if len(names):
            self._seen.add(keys[names])
        spelling, scores = found.spelling.of(names), found.log_probabilities[names]
        return block_of(self._model, self._blend, self._filters, spelling, scores=scores), found.complete

    def _accepts(self, spelling: Spelling) -> NDArray[np.bool_]:
        """Return which names are what the filters ask for."""
        accepted = self._name_filter.accepts(spelling)
        if self._filters.unique:
            is_new = np.zeros_like(accepted)
            is_new[self._seen.new(self._filters.keys(self._model.alphabet, spelling))] = True
            accepted &= is_new
        return accepted

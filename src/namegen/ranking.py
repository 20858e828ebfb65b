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
from namegen.prefixes import check_length, fit_prefix
from namegen.recipes import SamplingConfig
from namegen.sampler import most_letters
from namegen.sampling import settings
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
    ways = {"temperature", "top_k", "top_p", "dropout", "guidance"} & set(parts)
    if ways:
        raise UsageError(f"{ways.pop()} is a way to draw names; the most probable ones are not drawn")
    config, filters = settings(SamplingConfig(temperature=1.0, max_length=max_length), filters or Filters(), parts)
    if isinstance(prefixes, str):
        prefixes = split_letters(prefixes)

    def fit(prefix: str) -> str:
        text = fit_prefix(model, prefix, max_length)
        check_length(filters, most_letters(model, config, len(model.alphabet.encode(text))))
        return text

    fitted: Iterable[str] = map(fit, prefixes)
    if isinstance(prefixes, Sequence):
        fitted = list(fitted)
    blend, name_filter = find_blend(model, category), NameFilter(model, filters)
    source = Source.of(model, steppers(model)(blend.category), blend.category)
    made = _top(model, blend, source, fitted, count, config, filters, name_filter)
    return made if scores else (replace(block, scores=None) for block in made)


def _top(
    model: Model,
    blend: Blend,
    source: Source,
    prefixes: Iterable[str],
    count: int,
    config: SamplingConfig,
    filters: Filters,
    name_filter: NameFilter,
) -> Iterator[Block]:
    seen = Seen()

    def accepts(spelling: Spelling) -> NDArray[np.bool_]:
        accepted = name_filter.accepts(spelling)
        if filters.unique:
            is_new = np.zeros_like(accepted)
            is_new[seen.new(filters.keys(model.alphabet, spelling))] = True
            accepted &= is_new
        return accepted

    for prefix in prefixes:
        given = model.alphabet.encode(prefix)
        limit, wanted = most_letters(model, config, len(given)), count
        while True:
            ranking = most_probable(source, given, limit, wanted, accepts)
            keys = filters.keys(model.alphabet, ranking.spelling)
            # The letters of names differ, but in ASCII several may become alike.
            names = Seen().new(keys)[:count] if filters.unique else np.arange(len(keys))
            if len(names) == count or len(keys) < wanted:
                break
            wanted *= 2
        if len(names):
            seen.add(keys[names])
        found = ranking.spelling.of(names)
        yield block_of(model, blend, filters, found, scores=ranking.log_probabilities[names])
        if len(found.lengths) < count:
            begins = f" that begin with {quoted(prefix)}" if prefix else ""
            none_else = "there are no others" if ranking.complete else "the others are too improbable to be found"
            raise NamegenError(
                f"only {len(found.lengths):,} of {count:,} names{begins}: {none_else}; "
                "ask for fewer (--top), or loosen the filters"
            )

"""Find the most probable names of a category exactly.

Names are the leaves of the tree of their prefixes. A name is never more probable than its prefixes, so every prefix
less probable than the N-th best name can be pruned. As that probability is not known in advance, the tree is searched
above a floor that is lowered until N names lie above it: the iterative deepening of Korf (1985, "Depth-first
iterative-deepening: an optimal admissible tree search"). Once N names are found, the floor rises with the N-th best.

Above a floor the search is depth first, more probable prefixes first, in batches, so that few hidden states are kept.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from namegen._validate import check_arguments, check_int
from namegen.config import SamplingConfig
from namegen.datasets.encoding import EncodedNames
from namegen.errors import NamegenError, UsageError, quote
from namegen.models.categories import find_blend
from namegen.models.inference import MAX_OPERATIONS, Source, build_steppers, max_rows, operations_per_letter
from namegen.models.letters import restrict
from namegen.models.scoring import log_first_letter_shares, log_softmax
from namegen.models.store import to_model
from namegen.sampling.closed import find_closed
from namegen.sampling.name_filters import Filters, NameFilter
from namegen.sampling.prefixes import fit_prefixes, split_prefixes
from namegen.sampling.rejection import max_letters
from namegen.sampling.results import build_block
from namegen.sampling.sampled_names import SampledNames
from namegen.sampling.settings import FILTER_FIELDS, SAMPLING_FIELDS, override_filters
from namegen.sampling.unique import KeySet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from os import PathLike

    from numpy.typing import NDArray

    from namegen.models.categories import Blend
    from namegen.models.model import Model
    from namegen.sampling.results import GeneratedName, NameBlocks

    Integers = NDArray[np.integer]
    Letters = NDArray[np.unsignedinteger]
    Floats = NDArray[np.float64]

_MAX_COUNT = 10**6  # names, which are kept in memory
_ROWS = 1024  # prefixes per step of the network: as fast as more, and they fit the processor's cache
_MAX_READ = 2**20  # prefixes, some four seconds, after which the search is given up
_MAX_READ_PER_NAME = 64
_MAX_OUTPUTS = 2**26  # of all prefixes, which may all have to wait
_FIRST_FLOOR = 8  # the first guess: the N-th best name has a probability of 1 / (8 N)
_FLOOR_STEP = math.log(4)  # makes the tree about four times as large


@check_arguments(*FILTER_FIELDS, *SAMPLING_FIELDS)
def top(
    model: Model | str | PathLike[str],
    category: str,
    prefix: str = "",
    *,
    count: int = 10,
    filters: Filters | None = None,
    max_length: int | None = None,
    **parts: Any,  # noqa: ANN401 - the fields of Filters
) -> list[GeneratedName]:
    """Find the most probable names of a category, at temperature 1 without top-k or top-p.

    >>> namegen.top(model, "German", "Sch", count=3, novel=True)     # doctest: +SKIP

    Args:
        model: the model, or its name or path.
        category: one of its categories, or a blend such as ``German+Italian``.
        prefix: what the names begin with.
        count: the number of names, from 1 to 1,000,000.
        filters: conditions on the names; none by default.
        max_length: the maximum length of a name, its prefix included.
        parts: fields of the filters to replace, such as ``novel=True``.

    Returns:
        The names with their log-probabilities, the most probable first; fewer than ``count`` if there are no more or
        the others are too improbable to be found.

    Raises:
        UsageError: no such category, an unusable prefix, or a count or setting out of range.
    """
    made = top_blocks(
        model, category, [prefix], count=count, filters=filters, max_length=max_length, scores=True, **parts
    )
    return list(next(made))


def top_blocks(
    model: Model | str | PathLike[str],
    category: str,
    prefixes: Iterable[str] = ("",),
    *,
    count: int = 10,
    filters: Filters | None = None,
    max_length: int | None = None,
    scores: bool = False,
    notice: Callable[[str], None] = lambda _text: None,
    **parts: Any,  # noqa: ANN401 - the fields of Filters
) -> NameBlocks:
    """Find the most probable names of each of several prefixes, a block for each, as :func:`top` does.

    With ``unique``, a prefix does not repeat names of the prefixes before. ``notice`` is as for
    :func:`~namegen.sampling.generate.blocks`.

    Raises:
        UsageError: as for :func:`top`. Errors in a prefix from an iterator are raised when it is reached.
        NamegenError: fewer than ``count`` names of a prefix were found; raised after their block.
    """
    model = to_model(model)
    count = check_int("the number of most probable names", count, 1, _MAX_COUNT)
    for field in SAMPLING_FIELDS:
        if field in parts:
            raise UsageError(f"{field} affects sampling; the most probable names are not sampled")
    config = SamplingConfig(temperature=1.0, max_length=max_length)
    filters = override_filters(Filters() if filters is None else filters, parts, config)
    prefixes = split_prefixes(model, category, prefixes)
    closed = find_closed(model, category)
    if closed is not None:
        raise UsageError(f"{closed} is a closed category of known names, which are not ranked; sample it instead")
    blend = find_blend(model, category)
    model = restrict(model, blend.category)
    fitted = fit_prefixes(model, prefixes, config, filters, notice)
    return _find_names(model, blend, fitted, count, config, filters, scores=scores)


def _find_names(
    model: Model,
    blend: Blend,
    prefixes: Iterable[str],
    count: int,
    config: SamplingConfig,
    filters: Filters,
    *,
    scores: bool,
) -> NameBlocks:
    """Yield a block for each prefix."""
    source = Source.of(model, build_steppers(model)(blend.category), blend.category)
    name_filter, seen = NameFilter(model, filters), KeySet()

    def accept(names: EncodedNames) -> NDArray[np.bool_]:
        accepted = name_filter.accepts(names)
        if filters.unique:
            is_new = np.zeros_like(accepted)
            is_new[seen.find_new(filters.keys(model.alphabet, names))] = True
            accepted &= is_new
        return accepted

    for prefix in prefixes:
        given, wanted = model.alphabet.encode(prefix), count
        while True:
            found = find_most_probable(source, given, max_letters(model, config, len(given)), wanted, accept)
            keys = filters.keys(model.alphabet, found.names)
            # Names of different letters may have the same text, in ASCII for example.
            chosen = KeySet().find_new(keys)[:count] if filters.unique else np.arange(len(keys))
            if len(chosen) == count or len(keys) < wanted:
                break
            wanted *= 2
        seen.add(keys[chosen])
        category_of = np.full(len(chosen), blend.category if isinstance(blend.category, int) else 0)
        own_scores = found.log_probabilities[chosen] if scores else None
        sampled = SampledNames(found.names, chosen, category_of, np.ones_like(chosen))
        yield build_block(model, blend, filters, sampled, own_scores)
        if len(chosen) < count:
            begins = f" that begin with {quote(prefix)}" if prefix else ""
            why = "no others exist" if found.complete else "the others are too improbable to be found"
            raise NamegenError(
                f"only {len(chosen):,} of {count:,} names{begins}: {why}; ask for fewer (--top), or loosen the filters"
            )


class TopNames(NamedTuple):
    """The most probable names.

    Attributes:
        names: the names, the most probable first, ties by their letter indices.
        log_probabilities: the natural logarithm of each name's probability given the category, (names,).
        complete: false if the search was given up. Even then no other name is more probable than these.
    """

    names: EncodedNames
    log_probabilities: Floats
    complete: bool


def find_most_probable(
    source: Source, prefix: Integers, limit: int, count: int, accepts: Callable[[EncodedNames], NDArray[np.bool_]]
) -> TopNames:
    """Find the most probable names by the network's own distribution.

    The search is given up after 2**20 prefixes, or 64 per name if that is more; earlier if the network or the alphabet
    is very large.

    Args:
        source: the network and its category.
        prefix: what the names begin with, as letter indices, (given,). Its letters count in the probabilities.
        limit: the maximum length of a name, its prefix included, at least ``given``.
        count: the number of names, at least 1.
        accepts: returns which names are accepted, (names,).
    """
    root, prefix_score = _read_prefix(source, prefix)
    outputs, units = source.boundary_id + 1, source.network.start().shape[1]
    max_read = min(_MAX_READ, MAX_OPERATIONS // operations_per_letter(units, outputs), _MAX_OUTPUTS // outputs)
    max_read = max(max_read, _MAX_READ_PER_NAME * count)
    floor = -math.log(_FIRST_FLOOR * count)
    found: list[tuple[EncodedNames, Floats]] = []
    complete = False
    while not complete:
        search = _Search(source, limit, count, accepts, floor)
        max_read = search.run(root, max_read)
        if max_read < 0:  # the names found by this search need not be the most probable
            break
        found, complete = search.found, search.is_full or search.best_below == -math.inf
        floor = min(floor - _FLOOR_STEP, search.best_below)
    names, scores = _rank(found, count)
    return TopNames(names, scores + prefix_score, complete)


class _Prefixes(NamedTuple):
    """Distinct prefixes of one length that have been read.

    Attributes:
        letters: their letters, (prefixes, length).
        scores: the log-probability of each, (prefixes,).
        hidden: the hidden states after their last letters, (prefixes, H).
        next_scores: the log-probability of each next letter or the end, (prefixes, outputs).
    """

    letters: Letters
    scores: Floats
    hidden: NDArray[np.float32]
    next_scores: Floats


class _Search:
    """A search of the tree above a floor, which rises once ``count`` names have been found.

    Attributes:
        found: the names found and their log-probabilities, in parts.
        best_below: the log-probability of the best prefix or name that was left out.
    """

    def __init__(
        self,
        source: Source,
        limit: int,
        count: int,
        accepts: Callable[[EncodedNames], NDArray[np.bool_]],
        floor: float,
    ) -> None:
        self.found: list[tuple[EncodedNames, Floats]] = []
        self.best_below = -math.inf
        self._source, self._limit, self._count, self._accepts, self._floor = source, limit, count, accepts, floor
        self._rows = max_rows(source.boundary_id + 1, _ROWS)
        self._best = np.zeros(0)  # the scores of the best names, at most `count`
        # Known prefixes and their children, which are still to be read: the index of the known prefix, the last letter
        # and the log-probability of each child, (children,). The most probable child comes first.
        self._stack: list[tuple[_Prefixes, Integers, Integers, Floats]] = []

    @property
    def is_full(self) -> bool:
        """True if ``count`` names have been found."""
        return len(self._best) >= self._count

    def run(self, root: _Prefixes, max_read: int) -> int:
        """Search until the end, or until ``max_read`` prefixes have been read.

        Returns:
            The number of prefixes that may still be read; negative if the search was given up.
        """
        self._extend(root)
        while self._stack:
            known, parents, last, scores = self._stack.pop()
            count = int(np.searchsorted(-scores, -self._floor, side="right"))  # the floor may have risen
            if not count:
                continue
            if max_read <= 0:
                return -1
            step = min(count, self._rows)
            if count > step:
                self._stack.append((known, parents[step:count], last[step:count], scores[step:count]))
            max_read = max(0, max_read - step)
            self._extend(self._read(known, parents[:step], last[:step], scores[:step]))
        return max_read

    def _read(self, known: _Prefixes, parents: Integers, last: Integers, scores: Floats) -> _Prefixes:
        """Read the last letters of children."""
        states, own_states = np.unique(parents, return_inverse=True)
        logits, hidden = self._source.network.step(last, known.hidden[states], own_states)
        letters = np.concatenate([known.letters[parents], last[:, None]], axis=1)
        return _Prefixes(letters, scores, hidden, log_softmax(logits))

    def _extend(self, prefixes: _Prefixes) -> None:
        """Add the names that end here, and put the prefixes that are one letter longer on the stack."""
        boundary_id = self._source.boundary_id
        totals = prefixes.scores[:, None] + prefixes.next_scores
        if prefixes.letters.shape[1] == self._limit:
            totals[:, :boundary_id] = -np.inf
        above = totals >= self._floor
        if not above.all():
            self.best_below = max(self.best_below, float(totals[~above].max()))
        ends = np.flatnonzero(above[:, boundary_id])
        if len(ends):
            self._add_names(prefixes.letters[ends], totals[ends, boundary_id])
        above[:, boundary_id] = False
        parents, last = np.nonzero(above)
        scores = totals[parents, last]
        order = np.argsort(-scores, kind="stable")
        if len(order):
            last = last.astype(self._source.dtype)
            self._stack.append((prefixes, parents[order], last[order], scores[order]))

    def _add_names(self, letters: Letters, scores: Floats) -> None:
        """Add accepted names of one length, and raise the floor if there are enough."""
        lengths = np.full(len(letters), letters.shape[1])
        names = EncodedNames(letters if letters.shape[1] else np.zeros((1, 1), dtype=letters.dtype), lengths)
        accepted = self._accepts(names)
        self.found.append((names.select(np.flatnonzero(accepted)), scores[accepted]))
        self._best = np.concatenate([self._best, scores[accepted]])
        if self.is_full:
            self._best = np.partition(self._best, -self._count)[-self._count :]
            self._floor = float(self._best[0])


def _rank(found: list[tuple[EncodedNames, Floats]], count: int) -> tuple[EncodedNames, Floats]:
    """Return the best names, at most ``count``, and the log-probability of each."""
    scores = np.concatenate([np.zeros(0), *(part for _, part in found)])
    names, end = EncodedNames.unfinished(len(scores)), 0
    for part, own_scores in found:
        begin, end = end, end + len(own_scores)
        names.assign(np.arange(begin, end), part)
    if len(scores) > count:  # most of them need not be sorted
        good = np.flatnonzero(scores >= np.partition(scores, -count)[-count])
        names, scores = names.select(good), scores[good]
    order = np.lexsort((names.lengths, *names.letters.T[::-1], -scores))[:count]
    return names.select(order), scores[order]


def _read_prefix(source: Source, prefix: Integers) -> tuple[_Prefixes, float]:
    """Read the given prefix; return it with a score of 0, and its log-probability."""
    letters = np.asarray(prefix, dtype=source.dtype)[None]
    hidden, score = source.network.start(), 0.0
    if source.sos:
        logits, hidden = source.network.step(np.array([source.boundary_id]), hidden)
        next_scores = log_softmax(logits)
    else:
        next_scores = log_first_letter_shares(source)[None]
    for letter in letters[0]:
        score += float(next_scores[0, letter])
        logits, hidden = source.network.step(np.array([letter]), hidden)
        next_scores = log_softmax(logits)
    return _Prefixes(letters, np.zeros(1), hidden, next_scores), score

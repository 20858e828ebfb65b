"""Find the most probable names of a category exactly.

Names are the leaves of the tree of their prefixes, and a name is never more probable than any of its prefixes, so every
prefix less probable than the N-th best name can be pruned. That probability is not known beforehand, so the tree is
searched above a floor that is lowered until N names lie above it: the iterative deepening of Korf (1985, "Depth-first
iterative-deepening: an optimal admissible tree search"). Once N names are found, the floor rises with the N-th best.

Above a floor the search is depth first, more probable prefixes first, in batches as large as is cheap, so that few
hidden
states are kept at any time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from namegen._validate import check_int
from namegen.config import SamplingConfig
from namegen.datasets.encoding import EncodedNames
from namegen.datasets.graphemes import split_letters
from namegen.errors import NamegenError, UsageError, quote
from namegen.models.categories import find_blend
from namegen.models.inference import MAX_OPERATIONS, Source, build_steppers, letters_for_operations, max_rows
from namegen.models.scoring import log_first_letter_shares, log_softmax
from namegen.sampling.filters import Filters, KeySet, NameFilter
from namegen.sampling.generate import SAMPLING_FIELDS, override_filters
from namegen.sampling.prefixes import checked_prefix
from namegen.sampling.rejection import max_letters
from namegen.sampling.results import build_block

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from namegen.models.categories import Blend
    from namegen.models.model import Model
    from namegen.sampling.results import GeneratedName, NameBlock

    Integers = NDArray[np.integer]
    Floats = NDArray[np.float64]
    Accepts = Callable[[EncodedNames], NDArray[np.bool_]]


_MAX_COUNT = 10**6  # names, which the search keeps in memory


def top(
    model: Model,
    category: str,
    prefix: str = "",
    *,
    count: int = 10,
    filters: Filters | None = None,
    max_length: int | None = None,
    **parts: Any,  # noqa: ANN401 - the fields of Filters
) -> list[GeneratedName]:
    """Find the most probable names of a category, by the model's own distribution: at temperature 1, with nothing cut.

    >>> namegen.top(model, "German", "Sch", count=3, novel=True)     # doctest: +SKIP

    Args:
        model: the model.
        category: one of its categories, or a blend of several, as for :func:`~namegen.sampling.generate.sample`.
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
) -> Iterator[NameBlock]:
    """Find the most probable names for each of some prefixes, a block for each; as :func:`top`.

    Only with ``unique`` does a name not come again that came for a prefix before. Blocks have scores if asked for.

    Raises:
        UsageError: as :func:`top`; what is wrong with a prefix is raised when its turn has come.
        NamegenError: there are fewer than ``count`` names for a prefix, or no more can be found. Those that there are
            come before.
    """
    count = check_int("the number of most probable names", count, 1, _MAX_COUNT)
    for way in SAMPLING_FIELDS:
        if way in parts:
            raise UsageError(f"{way} is a way to draw names; the most probable ones are not drawn")
    config = SamplingConfig(temperature=1.0, max_length=max_length)
    filters = override_filters(filters or Filters(), parts, config)
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
        self._source = Source.of(model, build_steppers(model)(blend.category), blend.category)
        self._name_filter, self._seen = NameFilter(model, filters), KeySet()

    def blocks(self, prefixes: Iterable[str]) -> Iterator[NameBlock]:
        """Go through the prefixes: a block for each."""
        for prefix in prefixes:
            names, complete = self._names(prefix)
            yield names
            if len(names) < self._count:
                begins = f" that begin with {quote(prefix)}" if prefix else ""
                none_else = "there are no others" if complete else "the others are too improbable to be found"
                raise NamegenError(
                    f"only {len(names):,} of {self._count:,} names{begins}: {none_else}; "
                    "ask for fewer (--top), or loosen the filters"
                )

    def _names(self, prefix: str) -> tuple[NameBlock, bool]:
        """Return the names of a prefix, and whether there are no more, be it that they are too improbable."""
        given = self._model.alphabet.encode(prefix)
        limit, wanted = max_letters(self._model, self._config, len(given)), self._count
        while True:
            found = find_most_probable(self._source, given, limit, wanted, self._accepts)
            keys = self._filters.keys(self._model.alphabet, found.spelling)
            # The letters of names differ, but in ASCII several may become alike.
            names = KeySet().new(keys)[: self._count] if self._filters.unique else np.arange(len(keys))
            if len(names) == self._count or len(keys) < wanted:
                break
            wanted *= 2
        if len(names):
            self._seen.add(keys[names])
        spelling, scores = found.spelling.select(names), found.log_probabilities[names]
        return build_block(self._model, self._blend, self._filters, spelling, scores=scores), found.complete

    def _accepts(self, spelling: EncodedNames) -> NDArray[np.bool_]:
        """Return which names are what the filters ask for."""
        accepted = self._name_filter.accepts(spelling)
        if self._filters.unique:
            is_new = np.zeros_like(accepted)
            is_new[self._seen.new(self._filters.keys(self._model.alphabet, spelling))] = True
            accepted &= is_new
        return accepted


_ROWS = 1024  # prefixes to a step of the network: as fast as more, and they fit the processor's cache


_EFFORT = 2**20  # prefixes that are read before the search is given up: some four seconds


_EFFORT_PER_NAME = 64


_OUTPUTS_KEPT = 2**26  # of all prefixes that are read, as all of them may have to wait


_FIRST_FLOOR = 8  # the first guess: the N-th best name has a share of 1 / (8 N) of all names


_LOWERED_BY = math.log(4)  # which makes the tree about four times as large


class Ranking(NamedTuple):
    """The most probable names.

    Attributes:
        spelling: the names, the most probable first, equals by their letters' indices.
        log_probabilities: the natural logarithm of each name's probability given the category, (names,).
        complete: whether these are all that were asked for, or all that there are. If not, the search was given up;
            even so no other name is more probable than these.
    """

    spelling: EncodedNames
    log_probabilities: Floats
    complete: bool


def find_most_probable(source: Source, prefix: Integers, limit: int, count: int, accepts: Accepts) -> Ranking:
    """Find the most probable names by the network's own distribution, whatever the way letters are drawn.

    Args:
        source: the network; how letters are chosen (``source.config``) does not matter.
        prefix: what the names begin with, as letters' indices, (given,). Its letters count in the probabilities.
        limit: the most letters of a name, its prefix included; at least those of the prefix.
        count: how many names, at least 1.
        accepts: says which of some names count, (names,).

    Returns:
        ``count`` names, or fewer where there are no more, or where these are too rare to be found: after 2**20
        prefixes, or 64 for each name if these are more, the search is given up; earlier where the network or the
        alphabet is very large.
    """
    root, before = _read(source, prefix)
    floor, effort = -math.log(_FIRST_FLOOR * count), max(_effort(source), _EFFORT_PER_NAME * count)
    names: list[_Names] = []
    complete = False
    while not complete:
        search = _Search(source, limit, count, accepts, floor)
        finished, effort = search.run(root, effort)
        if not finished:  # what this search has found so far need not be the most probable
            break
        names, complete = search.names, search.found >= count or search.below == -math.inf
        floor = min(floor - _LOWERED_BY, search.below)
    spelling, scores = _ranked(names, count)
    return Ranking(spelling, scores + before, complete)


def _effort(source: Source) -> int:
    """Return how many prefixes may be read, whatever the number of names."""
    outputs, units = source.boundary_id + 1, source.network.start().shape[1]
    in_time = letters_for_operations(MAX_OPERATIONS, units, outputs)
    return min(_EFFORT, in_time, _OUTPUTS_KEPT // outputs)


class _Prefixes(NamedTuple):
    """Distinct prefixes of one length that have been read.

    Attributes:
        letters: their letters, (prefixes, length).
        scores: the log-probability of each, given the first of all prefixes, (prefixes,).
        hidden: the hidden states after their last letters, (prefixes, H).
        following: the log-probability of each letter, or the end, to come next, (prefixes, O).
    """

    letters: NDArray[np.unsignedinteger]
    scores: Floats
    hidden: NDArray[np.float32]
    following: Floats


class _Waiting(NamedTuple):
    """Prefixes whose last letters are yet to be read.

    Attributes:
        known: the prefixes without their last letters.
        parents: which of them each goes on from, (prefixes,).
        last: the last letters, (prefixes,).
        scores: the log-probability of each, descending, (prefixes,).
    """

    known: _Prefixes
    parents: Integers
    last: Integers
    scores: Floats

    def between(self, begin: int, end: int) -> _Waiting:
        """Return some of the prefixes."""
        some = slice(begin, end)
        return _Waiting(self.known, self.parents[some], self.last[some], self.scores[some])


class _Names(NamedTuple):
    """Names of one length.

    Attributes:
        letters: their letters, (names, length).
        scores: the log-probability of each, (names,).
    """

    letters: NDArray[np.unsignedinteger]
    scores: Floats


class _Search:
    """A search of the tree above a floor, which rises once enough names have been found.

    Attributes:
        names: what has been found: the ``count`` best names above the floor, and others.
        found: how many these are, up to ``count``.
        below: the log-probability of the best prefix or name that was left out.
    """

    def __init__(self, source: Source, limit: int, count: int, accepts: Accepts, floor: float) -> None:
        self.names: list[_Names] = []
        self.below = -math.inf
        self._source, self._limit, self._count, self._accepts = source, limit, count, accepts
        self._floor, self._at_once = floor, max_rows(source.boundary_id + 1, _ROWS)
        self._best = np.zeros(0)  # the scores of the best names so far, at most `count`
        self._stack: list[_Waiting] = []

    @property
    def found(self) -> int:
        return min(len(self._best), self._count)

    def run(self, root: _Prefixes, effort: int) -> tuple[bool, int]:
        """Search to the end, or until the effort is spent.

        Returns:
            Whether this is the end; and what is left of the effort, less than 0 if the last step took more.
        """
        self._extend(root)
        while self._stack:
            waiting = self._stack.pop()
            many = int(np.searchsorted(-waiting.scores, -self._floor, side="right"))  # the floor may have risen since
            if not many:
                continue
            if effort <= 0:
                return False, effort
            now = min(many, self._at_once)
            if many > now:
                self._stack.append(waiting.between(now, many))
            effort -= now
            self._extend(self._step(waiting.between(0, now)))
        return True, effort

    def _step(self, waiting: _Waiting) -> _Prefixes:
        """Read the last letters."""
        known, states = waiting.known, np.unique(waiting.parents)
        logits, hidden = self._source.network.step(
            waiting.last, known.hidden[states], np.searchsorted(states, waiting.parents)
        )
        letters = np.concatenate([known.letters[waiting.parents], waiting.last[:, None]], axis=1)
        return _Prefixes(letters, waiting.scores, hidden, log_softmax(logits))

    def _extend(self, prefixes: _Prefixes) -> None:
        """Note the names that end here, and put the prefixes that are a letter longer on the stack."""
        boundary_id, length = self._source.boundary_id, prefixes.letters.shape[1]
        totals = prefixes.scores[:, None] + prefixes.following
        if length == self._limit:
            totals[:, :boundary_id] = -np.inf
        above = totals >= self._floor
        if not above.all():
            self.below = max(self.below, float(totals[~above].max()))
        ends = np.flatnonzero(above[:, boundary_id])
        self._note(prefixes.letters[ends], totals[ends, boundary_id])
        above[:, boundary_id] = False
        parents, last = np.nonzero(above)
        scores = totals[parents, last]
        order = np.argsort(-scores, kind="stable")
        if len(order):
            last = last.astype(self._source.dtype)
            self._stack.append(_Waiting(prefixes, parents[order], last[order], scores[order]))

    def _note(self, letters: NDArray[np.unsignedinteger], scores: Floats) -> None:
        """Note names of one length, those that are accepted; raise the floor if there are enough."""
        if not len(letters):
            return
        names = EncodedNames(_padded(letters, 1), np.full(len(letters), letters.shape[1], dtype=np.int64))
        accepted = self._accepts(names)
        self.names.append(_Names(letters[accepted], scores[accepted]))
        self._best = np.concatenate([self._best, scores[accepted]])
        if self.found == self._count:
            self._best = np.partition(self._best, -self._count)[-self._count :]
            self._floor = float(self._best[0])


def _ranked(names: list[_Names], count: int) -> tuple[EncodedNames, Floats]:
    """Return the best names, at most ``count``, and the log-probability of each."""
    if not names:
        return EncodedNames.unfinished(0), np.zeros(0)
    width = max(1, *(some.letters.shape[1] for some in names))
    letters = np.concatenate([_padded(some.letters, width) for some in names])
    scores = np.concatenate([some.scores for some in names])
    lengths = np.repeat([some.letters.shape[1] for some in names], [len(some.scores) for some in names])
    if len(scores) > count:  # most of them need not be sorted
        good = scores >= np.partition(scores, -count)[-count]
        letters, scores, lengths = letters[good], scores[good], lengths[good]
    order = np.lexsort((lengths, *letters.T[::-1], -scores))[:count]
    return EncodedNames(letters[order], lengths[order]), scores[order]


def _read(source: Source, prefix: Integers) -> tuple[_Prefixes, float]:
    """Read the prefix that is given; returns it with a score of 0, and its log-probability."""
    letters = np.asarray(prefix, dtype=source.dtype)[None]
    hidden, score = source.network.start(), 0.0
    if source.sos:
        logits, hidden = source.network.step(np.array([source.boundary_id]), hidden)
        following = log_softmax(logits)
    else:
        following = log_first_letter_shares(source)[None]
    for letter in letters[0]:
        score += float(following[0, letter])
        logits, hidden = source.network.step(np.array([letter]), hidden)
        following = log_softmax(logits)
    return _Prefixes(letters, np.zeros(1), hidden, following), score


def _padded(letters: NDArray[np.unsignedinteger], width: int) -> NDArray[np.unsignedinteger]:
    """Return letters, (names, length), with zeros to a width of at least ``width``."""
    return np.pad(letters, ((0, 0), (0, max(0, width - letters.shape[1]))))

"""Drawing names until they are what is wanted: each by its number, and again as long as it is rejected.

Names come as the model's own, given that they are accepted: a name is what the first of its attempts that is accepted
gives. Every attempt has random numbers of its own, a function of the seed, the name's number and how often it was drawn
before, so it does not matter how many are made at once, nor for how many names. Few names are drawn one beside the
other (:mod:`namegen.sampling.autoregressive`), many at once as a prefix tree (:mod:`namegen.sampling.prefix_tree`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from namegen.datasets.encoding import UNFINISHED, EncodedNames
from namegen.errors import NamegenError, quote
from namegen.models.inference import MAX_OPERATIONS, Source, apply_guidance, build_steppers, count_operations
from namegen.models.inference_torch import build_torch_steppers
from namegen.models.scoring import score_names
from namegen.sampling.autoregressive import sample_autoregressive
from namegen.sampling.filters import NameFilter, Verdict
from namegen.sampling.prefix_tree import sample_prefix_tree
from namegen.sampling.rng import CATEGORY, derive_streams, uniform

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from namegen.config import SamplingConfig
    from namegen.models.inference import Category
    from namegen.models.model import Model
    from namegen.sampling.filters import Filters
    from namegen.sampling.rng import Streams

    Integers = NDArray[np.integer]


MAX_LETTERS = 10_000
"""The most letters of a name that --max-length allows."""


MAX_REJECTIONS = 2**17
"""How many draws in a row may give nothing, after which the names asked for are taken to be out of reach.

Fewer, if they have so many letters, and the network is so large, that they would take longer than minutes.
"""


LETTERS_PER_ROUND = 2**25
"""The most letters that names drawn at once may have, where names may be very long."""


_APART = 48  # up to so many names to a prefix, a tree is slower than its branches


_FURTHER_LETTERS = 20  # the tutorial's limit, past the prefix


_MIN_ATTEMPTS = 8192  # to a round of drawing names again, if there are so many left


_MAX_SOURCES = 64  # networks prepared for a category that are kept


@dataclass(frozen=True, eq=False)
class SampledNames:
    """Names that were drawn, in their order.

    Attributes:
        spelling: their letters.
        category_of: the index of each name's category, or 0 for a blend, (names,).
        attempts: how often each was drawn, (names,).
        failure: why there are fewer names than asked for, if so: the name after them cannot be drawn.
    """

    spelling: EncodedNames
    category_of: NDArray[np.int64]
    attempts: NDArray[np.int64]
    failure: NamegenError | None = None

    def __len__(self) -> int:
        return len(self.attempts)

    def of(self, names: Integers) -> SampledNames:
        """Return some of the names."""
        return SampledNames(self.spelling.select(names), self.category_of[names], self.attempts[names], self.failure)


def max_letters(model: Model, config: SamplingConfig, given: int) -> int:
    """Return the most letters that a name may have whose prefix has ``given`` letters."""
    if config.max_length is not None:
        return config.max_length
    further = _FURTHER_LETTERS if config.greedy else max(_FURTHER_LETTERS, 2 * model.longest)
    return min(given + further, MAX_LETTERS)


class RejectionSampler:
    """Draws names from one model in one way.

    Args:
        model: the model.
        config: how letters are chosen.
        filters: what names must be.
        category: what they are drawn from: a category or a blend; ``None`` draws a category for each name.
        device: the torch device that the network runs on; ``None`` for numpy.
        max_rejections: how many draws in a row may give nothing; by default ``MAX_REJECTIONS``.
    """

    def __init__(
        self,
        model: Model,
        config: SamplingConfig,
        filters: Filters,
        category: Category | None,
        device: torch.device | None = None,
        max_rejections: int | None = None,
    ) -> None:
        self._model, self._config, self._category = model, config, category
        self._in_vain = MAX_REJECTIONS if max_rejections is None else max_rejections
        self._filter = NameFilter(model, filters, greedy=config.greedy)
        self._steppers = build_steppers(model) if device is None else build_torch_steppers(model, device)
        self._sources: dict[int, Source] = {}

    def draw(self, prefixes: Sequence[str], prefix_of: Integers, seed: int, numbers: Integers) -> SampledNames:
        """Draw names.

        Args:
            prefixes: what names begin with.
            prefix_of: which of these each name begins with, (names,).
            seed: where randomness begins.
            numbers: the numbers of the names, (names,).

        Raises:
            NamegenError: no verdict on a name can be had. That a name cannot be drawn is no exception but a part of the
                result, beside the names before it.
        """
        encoded = [self._model.alphabet.encode(prefix) for prefix in prefixes]
        if self._category is not None:
            return self._names(self._category, encoded, prefix_of, seed, numbers)
        category_of = self._categories(seed, numbers)
        spelling, attempts = EncodedNames.unfinished(len(numbers)), np.ones(len(numbers), dtype=np.int64)
        end, failure = len(numbers), None
        present, first = np.unique(category_of, return_index=True)
        # That of the first name comes first: if it fails, the others need not be drawn.
        for index in present[np.argsort(first)].tolist():
            names = np.flatnonzero(category_of[:end] == index)
            if not len(names):
                continue
            own = self._names(index, encoded, prefix_of[names], seed, numbers[names])
            if own.failure:
                end, failure = int(names[len(own)]), own.failure
                names = names[: len(own)]
            spelling.assign(names, own.spelling)
            attempts[names] = own.attempts
        drawn = SampledNames(spelling, category_of, attempts, failure)
        return drawn if failure is None else drawn.of(np.arange(end))

    def scores(self, drawn: SampledNames) -> NDArray[np.float64]:
        """Return the log-probability of each name given its category or blend, (names,): temperature 1, no guidance."""
        if self._category is not None:
            return self._scores(self._category, drawn.spelling)
        scores = np.empty(len(drawn))
        for index in np.unique(drawn.category_of).tolist():
            names = np.flatnonzero(drawn.category_of == index)
            scores[names] = self._scores(index, drawn.spelling.select(names))
        return scores

    def _scores(self, category: Category, spelling: EncodedNames) -> NDArray[np.float64]:
        return score_names(Source.of(self._model, self._steppers(category), category), spelling).total

    def limit(self, given: int) -> int:
        """Return the most letters of a name whose prefix has ``given`` letters."""
        return max_letters(self._model, self._config, given)

    def is_certain(self, given: int) -> bool:
        """Whether a category has one name only that begins with a prefix of ``given`` letters."""
        return self._config.greedy and not self._config.dropout and (self._model.training.sos or given > 0)

    def _categories(self, seed: int, numbers: Integers) -> NDArray[np.int64]:
        """Draw a category for each name, uniformly, (names,)."""
        chances = uniform(derive_streams(seed, 0, numbers), CATEGORY)
        return (chances * len(self._model.categories)).astype(np.int64)

    def _names(
        self, category: Category, prefixes: Sequence[Integers], prefix_of: Integers, seed: int, numbers: Integers
    ) -> SampledNames:
        """Draw names of one category, or of a blend, up to the first that cannot be drawn."""
        spelling = self._attempt(category, prefixes, prefix_of, derive_streams(seed, 0, numbers))
        verdicts = self._filter.verdicts(spelling)
        attempts = np.ones(len(numbers), dtype=np.int64)
        limits = np.array([self.limit(len(prefix)) for prefix in prefixes])[prefix_of]
        spent_on = self._arithmetic(spelling, limits, 1)
        drawn = SampledNames(spelling, np.full(len(numbers), category if isinstance(category, int) else 0), attempts)
        missing = np.flatnonzero(verdicts)
        reasons = 1 << verdicts.astype(np.int64)  # a bit for each verdict that a name ever got
        spent = len(numbers)
        fit = max(1, LETTERS_PER_ROUND // self.limit(max(map(len, prefixes))))
        while len(missing):
            # The first of the missing names have been drawn the most often, so the first of all is the first to fail.
            first = missing[0]
            made = int(attempts[first])
            prefix = prefixes[prefix_of[first]]
            if made >= (1 if self.is_certain(len(prefix)) else self._in_vain) or spent_on[first] >= MAX_OPERATIONS:
                why = {verdict for verdict in Verdict if reasons[first] >> verdict & 1}
                return replace(drawn.of(np.arange(first)), failure=self._failure(prefix, made, why))
            each = min(made, fit)  # each round of a name is as long as all before it
            at_once = max(_MIN_ATTEMPTS, spent // 4)  # the more, the cheaper is each
            names = missing[: max(1, min(at_once, fit) // each)]
            names = names[attempts[names] == made]
            streams = derive_streams(seed, np.arange(made, made + each), numbers[names]).ravel()
            spent += len(streams)
            tried = self._attempt(category, prefixes, np.tile(prefix_of[names], each), streams)
            spent_on[names] += self._arithmetic(tried, limits[names], each)
            verdicts = self._filter.verdicts(tried).reshape(each, len(names))
            reasons[names] |= np.bitwise_or.reduce(1 << verdicts.astype(np.int64), axis=0)
            best = (verdicts == Verdict.ACCEPTED).argmax(axis=0)
            is_found = verdicts[best, np.arange(len(names))] == Verdict.ACCEPTED
            attempts[names] += np.where(is_found, best + 1, each)
            found = np.flatnonzero(is_found)
            spelling.assign(names[found], tried.select(best[found] * len(names) + found))
            missing = np.concatenate([names[~is_found], missing[len(names) :]])
        return drawn

    def _arithmetic(self, spelling: EncodedNames, limits: Integers, each: int) -> NDArray[np.int64]:
        """Return about how many multiplications names took that were drawn ``each`` times, all first, (names,).

        It is what each would have taken alone, whatever else is drawn.
        """
        lengths = spelling.lengths.reshape(each, len(limits))
        read = np.where(lengths == UNFINISHED, limits, lengths)  # one that did not end was as long as it may be
        return count_operations(self._model, read.sum(axis=0), read.max(axis=0))

    def _failure(self, prefix: Integers, draws: int, why: set[Verdict]) -> NamegenError:
        """Return the error for a name that was never accepted."""
        text = self._model.alphabet.decode(prefix)
        begins = f" that begins with {quote(text)}" if text else ""
        unmet = self._filter.wanted(why)
        if not unmet:
            limit = self.limit(len(prefix))
            return NamegenError(
                f"the model hardly ever ends a well-formed name{begins} within {limit:,} letters; "
                + ("allow more with --max-length" if limit < MAX_LETTERS else "train it for longer")
            )
        if draws == 1:
            return NamegenError(
                f"the greedy choice gives one name{begins} only, and it is not one that {unmet}; "
                "draw with a --temperature above 0"
            )
        return NamegenError(
            f"no name{begins} in {draws:,} draws {unmet}; loosen the filters, or draw with a higher --temperature"
        )

    def _attempt(
        self, category: Category, prefixes: Sequence[Integers], prefix_of: Integers, streams: Streams
    ) -> EncodedNames:
        """Draw a name for each stream: few one beside the other, many as trees."""
        source = self._source(category)
        present = np.flatnonzero(np.bincount(prefix_of)).tolist()
        if len(streams) <= _APART * len(present):
            limits = np.array([self.limit(len(prefix)) for prefix in prefixes])
            return sample_autoregressive(
                source, self._config, [prefixes[index] for index in prefix_of], limits[prefix_of], streams
            )
        if len(present) == 1:
            prefix = prefixes[present[0]]
            return sample_prefix_tree(source, self._config, prefix, self.limit(len(prefix)), streams)
        spelling = EncodedNames.unfinished(len(streams))
        for index in present:
            names = np.flatnonzero(prefix_of == index)
            spelling.assign(
                names,
                sample_prefix_tree(
                    source, self._config, prefixes[index], self.limit(len(prefixes[index])), streams[names]
                ),
            )
        return spelling

    def _source(self, category: Category) -> Source:
        """Return what names of a category, or of the blend, are drawn from."""
        key = category if isinstance(category, int) else -1
        if key not in self._sources:
            if len(self._sources) == _MAX_SOURCES:
                self._sources.clear()
            seen_as = apply_guidance(category, len(self._model.categories), self._config.guidance)
            self._sources[key] = Source.of(self._model, self._steppers(seen_as), category)
        return self._sources[key]

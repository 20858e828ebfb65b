"""Rejection sampling: sample a name again until the filters accept it.

A name is the first accepted one of its attempts. Every attempt has its own random numbers, a function of the seed, the
number of the name and the number of the attempt, so the result does not depend on how many attempts or names are
sampled at once (:mod:`namegen.sampling.prefix_tree`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen.datasets.encoding import UNFINISHED, EncodedNames
from namegen.errors import NamegenError, UsageError, quote
from namegen.models.categories import Blend
from namegen.models.inference import MAX_OPERATIONS, Source, apply_guidance, build_steppers, count_operations
from namegen.models.inference_torch import build_torch_steppers
from namegen.models.letters import restrict
from namegen.models.plausibility import scale
from namegen.models.scoring import score_names
from namegen.sampling.device_sampler import DeviceSource, build_source, sample_on_device
from namegen.sampling.name_filters import ACCEPTED, IMPLAUSIBLE, MALFORMED, NameFilter
from namegen.sampling.prefix_tree import sample_prefix_tree
from namegen.sampling.rng import CATEGORY, derive_streams, uniform

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from namegen.config import SamplingConfig
    from namegen.models.inference import Category
    from namegen.models.model import Model
    from namegen.sampling.name_filters import Filters
    from namegen.sampling.prefix_tree import Opinions
    from namegen.sampling.rng import Streams

    Integers = NDArray[np.integer]

MAX_LETTERS = 10_000
"""The largest value of --max-length."""

MAX_REJECTIONS = 2**17
"""The number of consecutive rejections after which sampling fails.

If that would take minutes, with long names or a large network, sampling fails earlier, by ``MAX_OPERATIONS``.
"""

LETTERS_PER_ROUND = 2**25
"""The maximum number of letters of all names that are sampled at once."""

_FURTHER_LETTERS = 20  # past the prefix: the tutorial's limit
_FLOOR_ATTEMPTS = 64  # at a name; if none is plausible, the model is hardly trained, and the floor no longer applies
_MIN_ATTEMPTS = 8192  # per round of sampling rejected names again, unless fewer are left
_MAX_SOURCES = 64  # prepared networks that are kept


@dataclass(frozen=True, eq=False)
class SampledNames:
    """Sampled names, in their order.

    Attributes:
        names: the names.
        category_of: the index of each name's category, or 0 for a blend, (names,).
        attempts: the number of samples that each name took, (names,).
        failure: why the next name could not be sampled, if there are fewer than requested.
    """

    names: EncodedNames
    category_of: NDArray[np.int64]
    attempts: NDArray[np.int64]
    failure: NamegenError | None = None

    def __len__(self) -> int:
        return len(self.attempts)

    def select(self, indices: Integers) -> SampledNames:
        """Return some of the names."""
        return SampledNames(self.names.select(indices), self.category_of[indices], self.attempts[indices], self.failure)


def max_letters(model: Model, config: SamplingConfig, given: int) -> int:
    """Return the maximum length of a name whose prefix has ``given`` letters."""
    if config.max_length is not None:
        return config.max_length
    further = _FURTHER_LETTERS if config.greedy else max(_FURTHER_LETTERS, 2 * model.longest)
    return min(given + further, MAX_LETTERS)


class RejectionSampler:
    """Samples names from one model with one configuration.

    Args:
        model: the model.
        config: how letters are chosen.
        filters: the filters; ``unique`` is ignored.
        blend: the category or blend; ``None`` samples a category for each name. A model with a mask of letters must
            have been restricted to the category or blend.
        device: the torch device of the network; ``None`` for numpy.
        max_rejections: the number of consecutive rejections to allow, ``MAX_REJECTIONS`` by default.
    """

    def __init__(
        self,
        model: Model,
        config: SamplingConfig,
        filters: Filters,
        blend: Blend | None,
        device: torch.device | None = None,
        max_rejections: int | None = None,
    ) -> None:
        self._model, self._config, self._blend = model, config, blend
        self._floor = config.floor if model.plausibility else 0.0
        self._max_rejections = MAX_REJECTIONS if max_rejections is None else max_rejections
        self._filter = NameFilter(model, filters, greedy=config.greedy)
        self._steppers = build_steppers(model) if device is None else build_torch_steppers(model, device)
        self._sources: dict[int, Source | DeviceSource] = {}
        self._device, self._filters = device, filters
        self._restricted: dict[int, tuple[Model, RejectionSampler]] = {}

    def sample(self, prefixes: Sequence[str], prefix_of: Integers, seed: int, numbers: Integers) -> SampledNames:
        """Sample the names with some ``numbers``, (names,), up to the first that cannot be sampled.

        ``prefix_of`` is the index of each name's prefix, (names,).
        """
        encoded = [self._model.alphabet.encode(prefix) for prefix in prefixes]
        if self._blend is not None:
            return self._sample_category(self._blend, encoded, prefix_of, seed, numbers)
        chances = uniform(derive_streams(seed, 0, numbers), CATEGORY)
        category_of = self._choose_categories(chances, encoded, prefix_of)
        names, attempts = EncodedNames.unfinished(len(numbers)), np.ones(len(numbers), dtype=np.int64)
        end, failure = len(numbers), None
        present, first = np.unique(category_of, return_index=True)
        # In the order of their first names: after a failure, fewer of the others are needed.
        for category in present[np.argsort(first)].tolist():
            indices = np.flatnonzero(category_of[:end] == category)
            if not len(indices):
                continue
            if self._model.letters is None:
                blend = Blend(self._model.categories[category], category)
                sampled = self._sample_category(blend, encoded, prefix_of[indices], seed, numbers[indices])
            else:
                sampled = self._sample_restricted(category, prefixes, prefix_of[indices], seed, numbers[indices])
            if sampled.failure:
                end, failure = int(indices[len(sampled)]), sampled.failure
                indices = indices[: len(sampled)]
            names.assign(indices, sampled.names)
            attempts[indices] = sampled.attempts
        result = SampledNames(names, category_of, attempts, failure)
        return result if failure is None else result.select(np.arange(end))

    def score(self, sampled: SampledNames) -> NDArray[np.float64]:
        """Return the log-probability of each name given its category or blend, (names,): temperature 1, no guidance."""
        scores = np.empty(len(sampled))
        for index in np.unique(sampled.category_of).tolist():
            indices = np.flatnonzero(sampled.category_of == index)
            category = index if self._blend is None else self._blend.category
            source = Source.of(self._model, self._steppers(category), category)
            scores[indices] = score_names(source, sampled.names.select(indices)).total
        return scores

    def max_letters(self, given: int) -> int:
        """Return the maximum length of a name whose prefix has ``given`` letters."""
        return max_letters(self._model, self._config, given)

    def is_deterministic(self, given: int) -> bool:
        """Return whether a category has exactly one name with a prefix of ``given`` letters."""
        return self._config.greedy and not self._config.dropout and (self._model.training.sos or given > 0)

    def _choose_categories(
        self, chances: NDArray[np.float64], prefixes: Sequence[Integers], prefix_of: Integers
    ) -> NDArray[np.int64]:
        """Choose a category for each name, all equally likely that have the letters of its prefix, (names,)."""
        letters = self._model.letters
        if letters is None:
            return (chances * len(self._model.categories)).astype(np.int64)
        chosen = np.empty(len(chances), dtype=np.int64)
        for index in np.unique(prefix_of).tolist():
            possible = np.flatnonzero(letters[:, prefixes[index]].all(axis=1))
            if not len(possible):
                text = self._model.alphabet.decode(prefixes[index])
                raise UsageError(f"no name can begin with {quote(text)}: no category has all of its letters")
            mine = prefix_of == index
            chosen[mine] = possible[(chances[mine] * len(possible)).astype(np.int64)]
        return chosen

    def _sample_restricted(
        self, category: int, prefixes: Sequence[str], prefix_of: Integers, seed: int, numbers: Integers
    ) -> SampledNames:
        """Sample names of one category with its own letters only."""
        if category not in self._restricted:
            model = restrict(self._model, category)
            blend = Blend(model.categories[category], category)
            sampler = RejectionSampler(
                model, self._config, self._filters, blend, self._device, max_rejections=self._max_rejections
            )
            self._restricted[category] = model, sampler
        model, sampler = self._restricted[category]
        used, own = np.unique(prefix_of, return_inverse=True)  # it may not have the letters of other prefixes
        sampled = sampler.sample([prefixes[index] for index in used], own, seed, numbers)
        numbers_of = np.array([self._model.alphabet.encode(letter)[0] for letter in model.alphabet.letters])
        letters = numbers_of.astype(np.uint16)[np.minimum(sampled.names.letters, len(numbers_of) - 1)]
        return replace(sampled, names=EncodedNames(letters, sampled.names.lengths))

    def _sample_category(
        self, blend: Blend, prefixes: Sequence[Integers], prefix_of: Integers, seed: int, numbers: Integers
    ) -> SampledNames:
        """Sample names of one category or blend, up to the first that cannot be sampled."""
        label, category = blend
        names, is_implausible = self._attempt(category, prefixes, prefix_of, derive_streams(seed, 0, numbers, label))
        verdicts = self._filter.judge(names, is_implausible)
        attempts = np.ones(len(numbers), dtype=np.int64)
        limits = np.array([self.max_letters(len(prefix)) for prefix in prefixes])[prefix_of]
        operations = self._count_operations(names, limits, 1)
        result = SampledNames(names, np.full(len(numbers), category if isinstance(category, int) else 0), attempts)
        missing = np.flatnonzero(verdicts)
        seen = 1 << verdicts.astype(np.int64)  # a bit for each verdict on a name's attempts
        is_waived = np.zeros(len(numbers), dtype=np.bool_)  # whether the floor no longer applies to a name
        total = len(numbers)
        max_at_once = max(1, LETTERS_PER_ROUND // self.max_letters(max(map(len, prefixes))))
        while len(missing):
            # The first missing name has had the most attempts, so the first name of all is the first to fail.
            first, tried = missing[0], int(attempts[missing[0]])
            prefix = prefixes[prefix_of[first]]
            allowed = 1 if self.is_deterministic(len(prefix)) else self._max_rejections
            if tried >= allowed or operations[first] >= MAX_OPERATIONS:
                unmet = {verdict for verdict in range(16) if seen[first] >> verdict & 1}
                if is_waived[first]:
                    unmet.discard(IMPLAUSIBLE)
                return replace(result.select(np.arange(first)), failure=self._build_error(prefix, tried, unmet))
            left = (min(allowed, _FLOOR_ATTEMPTS) if tried < _FLOOR_ATTEMPTS else allowed) - tried
            # As many as a name is expected to need, or more to fill the round, but at most as many as it has had.
            expected = total // max(1, len(numbers) - len(missing))
            each = min(tried, max_at_once, max(1, expected, _MIN_ATTEMPTS // len(missing)), left)
            round_size = min(max(_MIN_ATTEMPTS, total // 2), max_at_once)
            indices = missing[: max(1, round_size // each)]
            indices = indices[attempts[indices] == tried]
            streams = derive_streams(seed, np.arange(tried, tried + each), numbers[indices], label).ravel()
            total += len(streams)
            candidates, is_implausible = self._attempt(
                category, prefixes, np.tile(prefix_of[indices], each), streams, np.tile(~is_waived[indices], each)
            )
            operations[indices] += self._count_operations(candidates, limits[indices], each)
            verdicts = self._filter.judge(candidates, is_implausible).reshape(each, len(indices))
            seen[indices] |= np.bitwise_or.reduce(1 << verdicts.astype(np.int64), axis=0)
            best = (verdicts == ACCEPTED).argmax(axis=0)
            is_found = verdicts[best, np.arange(len(indices))] == ACCEPTED
            attempts[indices] += np.where(is_found, best + 1, each)
            is_hopeless = (seen[indices] & ~(1 << MALFORMED | 1 << IMPLAUSIBLE)) == 0
            is_waived[indices] |= ~is_found & is_hopeless & (attempts[indices] == _FLOOR_ATTEMPTS)
            found = np.flatnonzero(is_found)
            names.assign(indices[found], candidates.select(best[found] * len(indices) + found))
            missing = np.concatenate([indices[~is_found], missing[len(indices) :]])
        return result

    def _count_operations(self, names: EncodedNames, limits: Integers, each: int) -> NDArray[np.int64]:
        """Return about how many multiplications the ``each`` attempts at each name would take alone, (limits,)."""
        lengths = names.lengths.reshape(each, len(limits))
        read = np.where(lengths == UNFINISHED, limits, lengths)
        return count_operations(self._model, read.sum(axis=0), read.max(axis=0))

    def _build_error(self, prefix: Integers, attempts: int, verdicts: set[int]) -> NamegenError:
        """Return the error for a name that was never accepted."""
        text = self._model.alphabet.decode(prefix)
        begins = f" that begins with {quote(text)}" if text else ""
        unmet = self._filter.describe_unmet(verdicts)
        if not unmet:
            limit = self.max_letters(len(prefix))
            return NamegenError(
                f"the model hardly ever ends a well-formed name{begins} within {limit:,} letters; "
                + ("allow more with --max-length" if limit < MAX_LETTERS else "train it for longer")
            )
        if attempts == 1:
            return NamegenError(
                f"greedy decoding gives only one name{begins}, and it is not one that {unmet}; "
                "sample with a --temperature above 0"
            )
        if self._filter.is_repeating(verdicts):
            return NamegenError(
                f"no name{begins} in {attempts:,} samples {unmet}: the model repeats its list of names; add "
                "the list to a model that knows more (namegen train --init pretrained), or imitate it (namegen sample "
                "--like)"
            )
        return NamegenError(
            f"no name{begins} in {attempts:,} samples {unmet}; loosen the filters, or give a higher --temperature"
        )

    def _attempt(
        self,
        category: Category,
        prefixes: Sequence[Integers],
        prefix_of: Integers,
        streams: Streams,
        has_floor: NDArray[np.bool_] | None = None,
    ) -> tuple[EncodedNames, NDArray[np.bool_] | None]:
        """Sample a name for each stream; return them, and with a floor which of them are below it.

        ``has_floor`` tells to which names the floor applies, (names,); by default to all.
        """
        limits = np.array([self.max_letters(len(prefix)) for prefix in prefixes])
        source, plausibility = self._get_source(category), self._model.plausibility
        if not self._floor or plausibility is None or (has_floor is not None and not has_floor.any()):
            source = source._replace(opinion=None)
            return self._sample(source, prefixes, limits, prefix_of, streams)[0], None
        least = plausibility.at(category, self._floor)
        weakest = np.full(len(streams), least.weakest, dtype=np.float32)
        if has_floor is not None:
            weakest[~has_floor] = -np.inf
        names, opinions = self._sample(source, prefixes, limits, prefix_of, streams, weakest)
        given = np.array([len(prefix) for prefix in prefixes])[prefix_of]
        chosen = names.lengths + 1 - given  # letters, the end included
        is_implausible = opinions.is_weak | (scale(opinions.total, chosen) < least.total)
        is_implausible |= (names.lengths < least.length) & (chosen > 1)
        if has_floor is not None:
            is_implausible &= has_floor
        return names, is_implausible

    def _sample(
        self,
        source: Source | DeviceSource,
        *arguments: Any,  # noqa: ANN401 - those of the samplers
    ) -> tuple[EncodedNames, Opinions]:
        """Sample names on the CPU or on a device."""
        if isinstance(source, DeviceSource):
            return sample_on_device(source, self._config, *arguments)
        return sample_prefix_tree(source, self._config, *arguments)

    def _get_source(self, category: Category) -> Source | DeviceSource:
        """Return the network conditioned on a category or the blend, with guidance."""
        key = category if isinstance(category, int) else 0
        if key not in self._sources:
            if len(self._sources) == _MAX_SOURCES:
                self._sources.clear()
            guided = apply_guidance(category, len(self._model.categories), self._config.guidance)
            self._sources[key] = build_source(
                self._model,
                self._steppers(guided),
                category,
                share=self._find_share(category),
                opinion=self._floor > 0,
            )
        return self._sources[key]

    def _find_share(self, category: Category) -> float:
        """Return the share of the n-gram in the probabilities that letters are sampled with."""
        if self._config.ngram_share is not None or self._model.mixture is None:
            return self._config.ngram_share or 0.0
        return self._model.mixture.find_weights(category).sampled

"""Rejection sampling: sample a name again until the filters accept it.

A name is the first accepted one of its attempts. Every attempt has its own random numbers, a function of the seed, the
number of the name and the number of the attempt, so the result does not depend on how many attempts or names are
sampled at once (:mod:`namegen.sampling.prefix_tree`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from namegen.datasets.encoding import EncodedNames
from namegen.errors import NamegenError, UsageError, quote
from namegen.models.categories import Blend
from namegen.models.inference import MAX_OPERATIONS, Source, apply_guidance, build_steppers, count_operations
from namegen.models.letters import restrict
from namegen.models.mixture import Opinion
from namegen.sampling.floor import Floor
from namegen.sampling.name_filters import ACCEPTED, IMPLAUSIBLE, MALFORMED, NameFilter
from namegen.sampling.prefix_tree import BELOW_FLOOR, UNFINISHED, sample_prefix_tree
from namegen.sampling.rng import CATEGORY, derive_streams, uniform
from namegen.sampling.sampled_names import CollectedNames, SampledNames

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from namegen.config import SamplingConfig
    from namegen.models.inference import Category, Floats
    from namegen.models.model import Model
    from namegen.sampling.device_sampler import DeviceSource
    from namegen.sampling.name_filters import Filters
    from namegen.sampling.prefix_tree import SampledTree
    from namegen.sampling.rng import Streams
    from namegen.sampling.walks import Walks

    Integers = NDArray[np.integer]

MAX_LETTERS = 10_000
"""The largest value of --max-length."""

MAX_REJECTIONS = 2**17
"""The number of consecutive rejections after which sampling fails.

If that would take minutes, with long names or a large network, sampling fails earlier, by ``MAX_OPERATIONS``.
"""

LETTERS_PER_ROUND = 2**26
"""The maximum number of letters of all names that are sampled at once."""

_FURTHER_LETTERS = 20  # past the prefix: the tutorial's limit
_FLOOR_ATTEMPTS = 64  # at a name; if none is plausible, the model is hardly trained, and the floor no longer applies
_MIN_ATTEMPTS = 8192  # per round, unless a name would have many more than it is expected to need
_MAX_FACTOR = 4  # more than that
_ILL_FORMED = np.uint16(1 << MALFORMED | 1 << IMPLAUSIBLE)  # verdicts, as bits
_MAX_SOURCES = 64  # prepared networks that are kept


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
        expected_attempts: the number of attempts that a name is expected to need. It affects the speed alone.
    """

    def __init__(
        self,
        model: Model,
        config: SamplingConfig,
        filters: Filters,
        blend: Blend | None,
        device: torch.device | None = None,
        max_rejections: int | None = None,
        expected_attempts: int = 1,
    ) -> None:
        self._model, self._config, self._blend = model, config, blend
        self._expected_attempts = expected_attempts
        self._floor = config.floor if model.plausibility else 0.0
        self._max_rejections = MAX_REJECTIONS if max_rejections is None else max_rejections
        self._filter = NameFilter(model, filters, greedy=config.greedy)
        if device is None:
            self._steppers = build_steppers(model)
        else:
            from namegen.models.inference_torch import build_torch_steppers

            self._steppers = build_torch_steppers(model, device)
        self._sources: dict[int, Source | DeviceSource] = {}
        self._floors: dict[int, Floor] = {}
        self._walks: dict[tuple[int, bool], Walks] = {}
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
        collected, attempts = CollectedNames(len(numbers)), np.ones(len(numbers), dtype=np.int32)
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
            collected.add(indices, sampled.distinct, sampled.which)
            attempts[indices] = sampled.attempts
        result = SampledNames(collected.join(), collected.which, category_of, attempts, failure)
        return result if failure is None else result.select(np.arange(end))

    def score(self, sampled: SampledNames) -> NDArray[np.float64]:
        """Return the log-probability of each name given its category or blend, (names,): temperature 1, no guidance."""
        from namegen.models.scoring import score_names

        scores = np.empty(len(sampled))
        for index in np.unique(sampled.category_of).tolist():
            indices = np.flatnonzero(sampled.category_of == index)
            category = index if self._blend is None else self._blend.category
            source = Source.of(self._model, self._steppers(category), category)
            used, which = np.unique(sampled.which[indices], return_inverse=True)
            scores[indices] = score_names(source, sampled.distinct.select(used)).total[which]
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
        letters = numbers_of.astype(np.uint16)[np.minimum(sampled.distinct.letters, len(numbers_of) - 1)]
        return replace(sampled, distinct=EncodedNames(letters, sampled.distinct.lengths))

    def _sample_category(
        self, blend: Blend, prefixes: Sequence[Integers], prefix_of: Integers, seed: int, numbers: Integers
    ) -> SampledNames:
        """Sample names of one category or blend, up to the first that cannot be sampled."""
        label, category = blend
        collected, attempts = CollectedNames(len(numbers)), np.zeros(len(numbers), dtype=np.int32)
        operations = np.zeros(len(numbers), dtype=np.float32)
        category_of = np.broadcast_to(np.int64(category if isinstance(category, int) else 0), len(numbers))
        missing = np.arange(len(numbers), dtype=np.int32)
        seen = np.zeros(len(numbers), dtype=np.uint16)  # a bit for each verdict on a name's attempts
        is_waived = np.zeros(len(numbers), dtype=np.bool_)  # whether the floor no longer applies to a name
        counts = np.zeros((2, 2), dtype=np.int64)  # all attempts and the accepted ones, with the floor and without it
        max_at_once = max(1, LETTERS_PER_ROUND // self.max_letters(max(map(len, prefixes))))
        failure = None
        while len(missing):
            # The first missing name has had the most attempts, so the first name of all is the first to fail.
            first, tried = missing[0], int(attempts[missing[0]])
            prefix = prefixes[prefix_of[first]]
            allowed = 1 if self.is_deterministic(len(prefix)) else self._max_rejections
            if tried >= allowed or operations[first] >= MAX_OPERATIONS:
                unmet = {verdict for verdict in range(16) if seen[first] >> verdict & 1}
                if is_waived[first]:
                    unmet.discard(IMPLAUSIBLE)
                failure = self._build_error(prefix, tried, unmet)
                break
            left = (min(allowed, _FLOOR_ATTEMPTS) if tried < _FLOOR_ATTEMPTS else allowed) - tried
            # As many as a name is expected to need, and more in a small round. Without an estimate, as many as before.
            waived = int(is_waived[first])
            had, accepted = counts[waived].tolist()
            expected = had // accepted if accepted else self._expected_attempts
            most = _MAX_FACTOR * expected if accepted else max(expected, tried - waived * _FLOOR_ATTEMPTS)
            each = min(max(expected, min(most, _MIN_ATTEMPTS // len(missing))), max_at_once, left)
            round_size = _MIN_ATTEMPTS + int(counts[:, 0].sum()) // 2 if tried else len(missing) * each
            indices = missing[: max(1, min(round_size, max_at_once) // each)]
            # The floor applies either to all names of a round or to none.
            chosen = np.flatnonzero((attempts[indices] == tried) & (is_waived[indices] == is_waived[first]))
            chosen = chosen.astype(np.int32)
            indices = indices[chosen]
            streams = derive_streams(seed, np.arange(tried, tried + each), numbers[indices], label).ravel()
            # A single prefix takes no memory.
            own = (
                np.tile(prefix_of[indices], each) if len(prefixes) > 1 else np.broadcast_to(prefix_of[0], len(streams))
            )
            sampled = self._attempt(category, prefixes, own, streams, has_floor=not waived)
            operations[indices] += self._count_operations(sampled.read, each)
            verdicts = self._judge(sampled).reshape(each, len(indices))
            seen[indices] |= np.bitwise_or.reduce(np.uint16(1) << verdicts, axis=0)
            best = (verdicts == ACCEPTED).argmax(axis=0)
            is_found = verdicts[best, np.arange(len(indices))] == ACCEPTED
            attempts[indices] += np.where(is_found, best + 1, each)
            is_hopeless = (seen[indices] | _ILL_FORMED) == _ILL_FORMED
            is_waived[indices] |= ~is_found & is_hopeless & (attempts[indices] == _FLOOR_ATTEMPTS)
            found = np.flatnonzero(is_found)
            counts[waived] += len(streams), len(found)
            collected.add(indices[found], sampled.distinct, sampled.which[best[found] * len(indices) + found])
            missing = np.delete(missing, chosen[is_found])
        result = SampledNames(collected.join(), collected.which, category_of, attempts, failure)
        return result if failure is None else result.select(np.arange(missing[0]))

    def _judge(self, sampled: SampledTree) -> NDArray[np.uint8]:
        """Return the verdict on each sampled name, (names,)."""
        verdicts = np.append(self._filter.judge(sampled.distinct), np.zeros(2, dtype=np.uint8))
        verdicts[UNFINISHED], verdicts[BELOW_FLOOR] = MALFORMED, IMPLAUSIBLE  # negative indices count from the end
        judged: NDArray[np.uint8] = verdicts[sampled.which]
        return judged

    def _count_operations(self, read: Integers, each: int) -> Floats:
        """Return about how many multiplications the ``each`` attempts at each name would take alone, (names,)."""
        by_attempt = read.reshape(each, -1)
        letters = by_attempt.sum(axis=0, dtype=np.float32)
        return count_operations(self._model, letters, by_attempt.max(axis=0).astype(np.float32))

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
        *,
        has_floor: bool = True,
    ) -> SampledTree:
        """Sample a name for each stream, with or without the floor."""
        limits = np.array([self.max_letters(len(prefix)) for prefix in prefixes])
        floor = self._get_floor(category) if has_floor and self._floor else None
        source = self._get_source(category)
        if not isinstance(source, Source):
            from namegen.sampling.device_sampler import sample_on_device

            return sample_on_device(source, self._config, prefixes, limits, prefix_of, streams, floor)
        if not self._model.has_network and source.sos and not self._config.greedy and not self._config.dropout:
            key = category if isinstance(category, int) else 0, floor is None
            if key not in self._walks:
                from namegen.sampling.walks import Walks

                self._walks = {key: Walks(source, self._config, floor)}
            return self._walks[key].sample(prefixes, limits, prefix_of, streams)
        return sample_prefix_tree(source, self._config, prefixes, limits, prefix_of, streams, floor)

    def _get_floor(self, category: Category) -> Floor | None:
        """Return the floor of a category or the blend, if the model has one."""
        key = category if isinstance(category, int) else 0
        if key not in self._floors and self._model.plausibility is not None and self._model.mixture is not None:
            if len(self._floors) == _MAX_SOURCES:
                self._floors.clear()
            opinion = Opinion(self._model.mixture.ngram, category, self._model.alphabet.boundary_id)
            self._floors[key] = Floor(opinion, self._model.plausibility.at(category, self._floor))
        return self._floors.get(key)

    def _get_source(self, category: Category) -> Source | DeviceSource:
        """Return the network conditioned on a category or the blend, with guidance."""
        key = category if isinstance(category, int) else 0
        if key not in self._sources:
            if len(self._sources) == _MAX_SOURCES:
                self._sources.clear()
            guided = apply_guidance(category, len(self._model.categories), self._config.guidance)
            network, share = self._steppers(guided), self._find_share(category)
            if self._device is None:
                self._sources[key] = Source.of(self._model, network, category, share=share)
            else:
                from namegen.sampling.device_sampler import build_source

                opinion = self._floor > 0
                self._sources[key] = build_source(self._model, network, category, share=share, opinion=opinion)
        return self._sources[key]

    def _find_share(self, category: Category) -> float:
        """Return the share of the n-gram in the probabilities that letters are sampled with."""
        if self._config.ngram_share is not None or self._model.mixture is None:
            return self._config.ngram_share or 0.0
        return self._model.mixture.find_weights(category).sampled

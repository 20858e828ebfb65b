"""Generate names from a model.

Every name has its own random numbers, so a name does not depend on how many names are generated with it. Names come in
blocks, which bounds the memory.

Names are numbered through all prefixes, ``count`` for each. Shard K of N is the K-th of N ranges of these numbers, so
the shards in order are what a single process would generate. Ranges are cut between blocks: BLAS may sum a row in
a different order at another place of a matrix, which occasionally changes a name.

With ``unique``, the names of a prefix are its ordinary sequence of names without repetitions.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen._validate import check_arguments, check_bool, check_int
from namegen.errors import NamegenError, UsageError, quote
from namegen.models.categories import Blend, find_blend
from namegen.models.devices import find_sampling_device
from namegen.models.letters import restrict
from namegen.models.store import to_model
from namegen.sampling.name_filters import Filters
from namegen.sampling.prefixes import fit_prefixes, split_prefixes
from namegen.sampling.rejection import LETTERS_PER_ROUND, MAX_REJECTIONS, RejectionSampler, max_letters
from namegen.sampling.results import build_block
from namegen.sampling.settings import FILTER_FIELDS, SAMPLING_FIELDS, override_settings
from namegen.sampling.unique import KeySet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from os import PathLike

    from namegen.config import SamplingConfig
    from namegen.models.model import Model
    from namegen.sampling.closed import ClosedSampler
    from namegen.sampling.rejection import SampledNames
    from namegen.sampling.results import GeneratedName, NameBlock

BLOCK_SIZE = 3 * 2**18
"""The maximum number of names sampled at once. More share more prefixes, but take more memory."""

_FIRST_BLOCK = 2**12  # smaller, so that the first names come soon
_FIRST_FILTERED_BLOCK = 8  # smaller still, until the share of rejected names is known
_MAX_GROWTH = 8  # of blocks, if names may be rejected
_PREFIXES_PER_BLOCK = 512
_MAX_NAMES = 10**15  # the number of streams of random numbers
_MAX_SHARDS = 10**6
_MAX_SHARD_PREFIXES = 10**6  # from an iterator; about 100 MB
_MAX_PREVIEW_ATTEMPTS = 256
_MAX_PREVIEW_OUTPUTS = 2**24  # of the network, in all attempts


@check_arguments(*SAMPLING_FIELDS, *FILTER_FIELDS)
def sample(
    model: Model | str | PathLike[str],
    category: str | None = None,
    prefixes: str | Sequence[str] = ("",),
    *,
    count: int = 1,
    config: SamplingConfig | None = None,
    filters: Filters | None = None,
    seed: int | None = None,
    shard: tuple[int, int] | None = None,
    device: str | None = None,
    **parts: Any,  # noqa: ANN401 - the fields of SamplingConfig and Filters
) -> list[str]:
    """Generate names and return them as a list.

    >>> namegen.sample(model, "German", "ABC", seed=1)     # doctest: +SKIP
    ['Ahrens', 'Buscher', 'Crantz']

    Args:
        model: the model, or its name or path. For several calls, load it once with :func:`load_model`.
        category: one of its categories, or a blend such as ``German+Italian``; ``None`` samples a category uniformly
            for each name.
        prefixes: a string of start letters, or a sequence of prefixes. With an empty prefix the model chooses the first
            letter.
        count: the number of names for each prefix.
        config: how to choose letters; by default the model's own configuration.
        filters: conditions on the names; none by default.
        seed: the random seed; by default a different one each time.
        shard: ``(k, n)`` generates only the k-th of n shards, k from 1 to n; requires a seed. The n shards,
            concatenated in order, are the names of a run with the same arguments but without ``shard``. If T names are
            numbered from 0, shard k begins at name ``(k - 1) * T // n`` and ends before name ``k * T // n``. Without
            filters that may reject names, both bounds move to the nearest start of a block, so a shard may be empty.
        device: where the network runs: ``cpu`` (numpy, the default), ``cuda``, ``cuda:N`` or ``mps`` (torch), or
            ``auto`` for a GPU if there is one. Names occasionally differ between devices.
        parts: fields of the configuration or the filters to replace, such as ``temperature=0.5`` or ``unique=True``.
            ``temperature=0`` also resets the model's own top-k, top-p, dropout and floor.

    Returns:
        The names, in the order of the prefixes.

    Raises:
        UsageError: no such category, an unusable prefix, or a count, seed, shard or setting out of range; or a shard
            without a seed, of more than 10**15 names, or combined with ``unique``.
        NamegenError: the model hardly ever generates such a name, or cannot generate enough distinct names.
        DeviceError: the device is not available, or fails.
    """
    parts |= {"config": config, "filters": filters, "seed": seed, "shard": shard, "device": device}
    return [name for block in blocks(model, category, prefixes, count=count, **parts) for name in block.names]


@check_arguments(*SAMPLING_FIELDS, *FILTER_FIELDS)
def iterate(
    model: Model | str | PathLike[str],
    category: str | None = None,
    prefixes: str | Iterable[str] = ("",),
    *,
    count: int = 1,
    config: SamplingConfig | None = None,
    filters: Filters | None = None,
    scores: bool = False,
    seed: int | None = None,
    shard: tuple[int, int] | None = None,
    device: str | None = None,
    **parts: Any,  # noqa: ANN401 - the fields of SamplingConfig and Filters
) -> Iterator[GeneratedName]:
    """Generate names one at a time with their categories, in bounded memory.

    The arguments are those of :func:`sample`. With ``scores``, each name has its log-probability given its category or
    blend, in nats, at temperature 1. This includes the probability that the name ends.

    ``prefixes`` may be any iterable. Prefixes from an iterator are read and checked one at a time, when their names are
    requested; with ``shard``, all prefixes, at most 1,000,000, are read immediately. All other invalid arguments raise
    an error immediately.
    """
    parts |= {"config": config, "filters": filters, "seed": seed, "shard": shard, "device": device}
    made = blocks(model, category, prefixes, count=count, scores=scores, **parts)
    return (generated for block in made for generated in block)


@check_arguments(*SAMPLING_FIELDS, *FILTER_FIELDS)
def blocks(
    model: Model | str | PathLike[str],
    category: str | None = None,
    prefixes: str | Iterable[str] = ("",),
    *,
    count: int = 1,
    config: SamplingConfig | None = None,
    filters: Filters | None = None,
    scores: bool = False,
    seed: int | None = None,
    shard: tuple[int, int] | None = None,
    device: str | None = None,
    notice: Callable[[str], None] = lambda _text: None,
    **parts: Any,  # noqa: ANN401 - the fields of SamplingConfig and Filters
) -> Iterator[NameBlock]:
    """Generate names in blocks, without a Python object for each name.

    The arguments are those of :func:`iterate`. A block has at most ``BLOCK_SIZE`` names; the first block, and blocks of
    names that may be very long or of many prefixes, have fewer.

    ``notice`` is called with a message for each prefix whose letters the model cannot write as given, up to ten.
    """
    model = to_model(model)
    count = check_int("count", count, 0, _MAX_NAMES)
    shard = None if shard is None else _check_shard(shard, seed)
    seed = int.from_bytes(os.urandom(8), "big") if seed is None else check_int("seed", seed, 0, None)
    scores = check_bool("scores", scores)
    config = model.sampling if config is None else config
    config, filters = override_settings(config, Filters() if filters is None else filters, parts)
    for setting in ("guidance", "dropout"):
        if getattr(config, setting) and not model.has_network:
            raise UsageError(f"this model has no network, so {setting} does not apply; leave out --{setting}")
    prefixes = split_prefixes(model, category, prefixes)
    if parts.get("floor") and model.plausibility is None:
        raise UsageError("this model has no n-gram, so it has no plausibility floor; leave out --floor")
    model, blend, sampler = build_sampler(model, category, config, filters, device, given=set(parts))
    generator = _Generator(
        model=model,
        sampler=sampler,
        filters=filters,
        blend=blend,
        count=count,
        seed=seed,
        scores=scores,
        # The caller may wait for the names of a prefix before giving the next one.
        prefixes_per_block=_PREFIXES_PER_BLOCK if isinstance(prefixes, Sequence) else 1,
    )
    if shard is not None and filters.unique:
        raise UsageError(
            "--unique and --shard cannot be combined, as shards do not know each other's names; use one of them"
        )
    fitted = fit_prefixes(model, prefixes, config, filters, notice)
    if isinstance(prefixes, Sequence):
        fitted = list(fitted)
    if shard is not None:
        return generator.generate_shard(fitted if isinstance(fitted, list) else _read_all(fitted), *shard)
    return generator.generate_unique(fitted) if filters.unique else generator.generate(fitted)


def build_sampler(
    model: Model,
    category: str | None,
    config: SamplingConfig,
    filters: Filters,
    device: str | None,
    *,
    given: set[str],
) -> tuple[Model, Blend | None, RejectionSampler | ClosedSampler]:
    """Return a model with the letters of a category or blend, the category or blend, and its sampler.

    Args:
        model: the model.
        category: the category, open or closed, or the blend; ``None`` for any open category.
        config: the sampling settings.
        filters: the filters.
        device: the device of the network; ``None`` for the CPU.
        given: the names of the settings that the caller has chosen.

    Raises:
        UsageError: the model does not have the category, or it is closed and a chosen setting does not apply to it.
    """
    closed = None
    if category is not None and model.closed:
        from namegen.sampling.closed import ClosedSampler, find_closed, restrict_to_closed

        closed = find_closed(model, category)
    if closed is not None:
        for setting in SAMPLING_FIELDS:
            if setting in given - {"max_length"}:
                option = setting.replace("_", "-")
                raise UsageError(f"{closed} is a closed category of known names; leave out --{option}")
        model = restrict_to_closed(model, closed)
        # Like a blend, it has no index among the categories.
        return model, Blend(closed, np.zeros(0, np.float32)), ClosedSampler(model, closed, filters, config.max_length)
    blend = None if category is None else find_blend(model, category)
    if blend is not None:
        model = restrict(model, blend.category)
    return model, blend, RejectionSampler(model, config, filters, blend, find_sampling_device(device))


def sample_preview(model: Model, category: str | None = None, *, count: int, seed: int) -> list[GeneratedName]:
    """Generate up to ``count`` names without a floor, in a moment; fewer if the model is hardly trained."""
    # An untrained network may hardly ever end a name, and noticing that takes long with a large alphabet.
    outputs = count * max_letters(model, model.sampling, 0) * (len(model.alphabet) + 1)
    max_rejections = max(1, min(_MAX_PREVIEW_ATTEMPTS, _MAX_PREVIEW_OUTPUTS // outputs))
    blend = None if category is None else find_blend(model, category)
    config, filters, numbers = replace(model.sampling, floor=0.0), Filters(), np.arange(count)
    model = model if blend is None else restrict(model, blend.category)
    sampler = RejectionSampler(model, config, filters, blend, max_rejections=max_rejections)
    sampled = sampler.sample([""], np.zeros_like(numbers), seed, numbers)
    return list(build_block(model, blend, filters, sampled.names, sampled.category_of))


def _check_shard(shard: object, seed: int | None) -> tuple[int, int]:
    """Return the number of a shard and the number of shards."""
    if not isinstance(shard, Sequence) or len(shard) != 2:
        raise UsageError("a shard is a pair: its number, from 1, and the number of shards")
    shards = check_int("number of shards", shard[1], 1, _MAX_SHARDS)
    number = check_int("shard", shard[0], 1, shards)
    if seed is None:
        raise UsageError("all shards of the same names need the same seed; give --seed with --shard")
    return number, shards


def _read_all(prefixes: Iterable[str]) -> list[str]:
    read = list(islice(prefixes, _MAX_SHARD_PREFIXES + 1))
    if len(read) > _MAX_SHARD_PREFIXES:
        raise UsageError(
            f"--shard takes at most {_MAX_SHARD_PREFIXES:,} prefixes; split them, and sample each part with its own "
            "--seed"
        )
    return read


@dataclass(eq=False, repr=False)
class _Generator:
    """Generates ``count`` names for each prefix, in blocks of at most ``prefixes_per_block`` prefixes."""

    model: Model
    sampler: RejectionSampler | ClosedSampler
    filters: Filters
    blend: Blend | None
    count: int
    seed: int
    scores: bool
    prefixes_per_block: int

    def generate(self, prefixes: Iterable[str], first: int = 0, last: int | None = None) -> Iterator[NameBlock]:
        """Yield the names with the numbers from ``first`` up to but excluding ``last``; no others are sampled.

        Prefixes are taken in groups: a block has all prefixes of a group, or a group is one prefix with many blocks.
        """
        count, group_size = self.count, self._group_size()
        size = _FIRST_FILTERED_BLOCK if self.filters.may_reject else BLOCK_SIZE if first else _FIRST_BLOCK
        skipped = first // max(1, group_size * count) * group_size
        begin, remaining = skipped * count, islice(prefixes, skipped, None)
        while (last is None or begin < last) and (group := list(islice(remaining, group_size))):
            done, max_size = max(0, first - begin), self._max_block(group)
            total = len(group) * count if last is None else min(len(group) * count, last - begin)
            while done < total:
                indices = np.arange(done, min(done + min(size, max_size), total))
                prefix_of = (indices // count).astype(np.int32)
                indices += begin
                sampled = self.sampler.sample(group, prefix_of, self.seed, indices)
                yield from self._build_block(sampled)
                if sampled.failure:
                    raise sampled.failure
                done += len(indices)
                size = _choose_next_size(sampled) if self.filters.may_reject else BLOCK_SIZE
            begin += total

    def generate_shard(self, prefixes: Sequence[str], shard: int, shards: int) -> Iterator[NameBlock]:
        """Yield one of several shards of the names of all prefixes."""
        total = len(prefixes) * self.count
        if total > _MAX_NAMES:
            raise UsageError(f"--shard takes at most {_MAX_NAMES:,} names in all, not {total:,}; ask for fewer")
        first, last = (self._find_cut(prefixes, place * total // shards) for place in (shard - 1, shard))
        return self.generate(prefixes, first, last)

    def _find_cut(self, prefixes: Sequence[str], number: int) -> int:
        """Return the start of a block, or the end of all names, that is nearest to a name's number.

        If names may be rejected, the sizes of blocks depend on the names, so the number itself is returned.
        """
        if self.filters.may_reject or number in (0, len(prefixes) * self.count):
            return number
        group_size = self._group_size()
        index = number // (group_size * self.count)
        group = prefixes[index * group_size : (index + 1) * group_size]
        begin, max_size = index * group_size * self.count, self._max_block(group)
        size = min(BLOCK_SIZE, max_size)
        first = size if index else min(_FIRST_BLOCK, max_size)
        past = number - begin - first
        low = begin if past < 0 else begin + first + past // size * size
        high = min(begin + len(group) * self.count, low + (first if past < 0 else size))
        return low if number - low <= high - number else high

    def _group_size(self) -> int:
        """Return how many prefixes share blocks."""
        return max(1, self.prefixes_per_block // max(1, self.count))

    def generate_unique(self, prefixes: Iterable[str]) -> Iterator[NameBlock]:
        """Yield the names of one prefix after the other, without repetitions."""
        seen = KeySet()
        for place, prefix in enumerate(prefixes):
            yield from self._generate_unique(prefix, self.seed + (place << 64), seen)

    def _generate_unique(self, prefix: str, seed: int, seen: KeySet) -> Iterator[NameBlock]:
        """Yield names of one prefix that have not been seen, and add them to those seen."""
        deterministic = self._is_deterministic(prefix)
        max_rejections = 1 if deterministic else MAX_REJECTIONS
        left, number, rejections = self.count, 0, 0  # rejections since the last new name
        size, max_size = min(self.count, _FIRST_FILTERED_BLOCK), self._max_block([prefix])
        while left:
            size = min(size, max_size)
            numbers = np.arange(number, number + size)
            sampled = self.sampler.sample([prefix], np.zeros(size, dtype=np.int64), seed, numbers)
            number += size
            keys = self.filters.keys(self.model.alphabet, sampled.names)
            new = seen.find_new(keys)
            attempts = rejections + np.cumsum(sampled.attempts)  # since the last new name of the block before
            waits = np.diff(attempts[new], prepend=0)
            new = new[: int((np.append(waits, max_rejections + 1) > max_rejections).argmax())][:left]
            if len(new):
                seen.add(keys[new])
                yield from self._build_block(sampled.select(new))
            left -= len(new)
            rejections = int((attempts[-1] if len(attempts) else rejections) - (attempts[new[-1]] if len(new) else 0))
            if left and (sampled.failure or rejections >= max_rejections):
                raise sampled.failure or _build_exhausted_error(prefix, self.count - left, deterministic=deterministic)
            # An eighth more than seems needed, as new names become rarer, but not more than may be rejected.
            wanted = 1 + left * len(sampled) * 9 // (8 * len(new)) if len(new) else max_rejections - rejections
            size = max(1, min(wanted, _choose_next_size(sampled)))

    def _is_deterministic(self, prefix: str) -> bool:
        """Return whether there is only one name with a prefix."""
        given = len(self.model.alphabet.encode(prefix))
        return self.blend is not None and self.sampler.is_deterministic(given)

    def _max_block(self, prefixes: Iterable[str]) -> int:
        """Return how many names may be sampled at once, if all are as long as they may be."""
        return max(1, LETTERS_PER_ROUND // self.sampler.max_letters(max(map(len, prefixes))))

    def _build_block(self, sampled: SampledNames) -> Iterator[NameBlock]:
        """Yield names as a block, if there are any."""
        if len(sampled):
            scores = self.sampler.score(sampled) if self.scores else None
            yield build_block(self.model, self.blend, self.filters, sampled.names, sampled.category_of, scores)


def _build_exhausted_error(prefix: str, found: int, *, deterministic: bool) -> NamegenError:
    """Return the error for a prefix that has no more different names."""
    names = f"only {found:,} different name{'' if found == 1 else 's'}" if found else "no new name"
    begins = f" that {'begins' if found <= 1 else 'begin'} with {quote(prefix)}" if prefix else ""
    if deterministic:
        return NamegenError(f"{names}{begins}: greedy decoding gives only one; sample with a --temperature above 0")
    return NamegenError(
        f"{names}{begins}: {MAX_REJECTIONS:,} more samples gave no other; ask for fewer, or give a higher --temperature"
    )


def _choose_next_size(sampled: SampledNames) -> int:
    """Return the size of the next block, such that it takes about the attempts of a block without rejections."""
    return max(1, min(_MAX_GROWTH * len(sampled), BLOCK_SIZE * len(sampled) // int(sampled.attempts.sum())))

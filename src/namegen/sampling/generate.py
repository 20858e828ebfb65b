"""Drawing names from a model.

The same seed gives the same names, however many are drawn: name number 7 is name number 7 of any number of names.
Every name is drawn by random numbers of its own, so what has come so far is itself a fair sample. Names come in blocks,
so that memory is bounded.

The numbers go through all prefixes, so many to each. So a job can be dealt out to any number of processes: shard K of N
is the K-th of N stretches of the numbers, and the shards one after the other are what one process would have given.
They are cut between its blocks: many a BLAS adds up a row in another order where it stands elsewhere in a matrix, which
now and then makes another name, so a block must not be torn apart if it is to come out the same to the last bit.

Where no name may come twice, each prefix has an endless sequence of names of its own, drawn in the ordinary way, and
what comes is its names in their order, without those that were there before.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen._validate import check_int
from namegen.config import SamplingConfig
from namegen.datasets.graphemes import split_letters
from namegen.errors import NamegenError, UsageError, quote
from namegen.models.categories import find_blend
from namegen.models.devices import find_sampling_device
from namegen.sampling.filters import Filters, KeySet
from namegen.sampling.prefixes import checked_prefix
from namegen.sampling.rejection import LETTERS_PER_ROUND, MAX_REJECTIONS, RejectionSampler, max_letters
from namegen.sampling.results import build_block

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from namegen.models.categories import Blend
    from namegen.models.model import Model
    from namegen.sampling.rejection import SampledNames
    from namegen.sampling.results import GeneratedName, NameBlock


SAMPLING_FIELDS, FILTER_FIELDS = (tuple(field.name for field in fields(kind)) for kind in (SamplingConfig, Filters))
"""The names of the settings by which letters are chosen, and of those that say what names must be."""


BLOCK_SIZE = 2**18
"""The most names that are drawn at once: the more, the more prefixes they share, and the more memory they take."""


_FIRST_BLOCK = 2**14  # smaller, so that names come soon


_FIRST_WANTED = 8  # smaller still where names may be rejected, as nobody knows yet how many are


_GROWTH = 8


_PREFIXES_AT_ONCE = 512  # names of different prefixes can be drawn one beside the other


_MAX_NAMES = 10**15  # as many as there are streams of random numbers


_MAX_SHARDS = 10**6


_PATIENCE = 256  # attempts at one of a few names


_OUTPUTS_OF_A_FEW = 2**24  # of the network, in all attempts at a few names


_MAX_PREFIXES = 10**6  # that are read from an iterator to know how many there are; they take some 100 MB


_ALL = range(2**63)  # the numbers of all names that there can be


def sample(
    model: Model,
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
    """Invent names.

    >>> namegen.sample(model, "German", "ABC", seed=1)     # doctest: +SKIP
    ['Ahrens', 'Buscher', 'Crantz']

    Args:
        model: the model to draw from.
        category: one of its categories, or a blend as ``German+Italian`` or ``German:2+Italian:1``; ``None`` draws one
            uniformly for each name.
        prefixes: what names begin with: a string of start letters, or a sequence of whole prefixes. An empty prefix
            leaves the first letter to the model.
        count: how many names for each prefix.
        config: how to choose letters; by default the model's own way.
        filters: what names must be; by default anything.
        seed: where randomness begins; by default somewhere new each time.
        shard: ``(k, n)`` draws the k-th of n shards only, k from 1 to n: of the T names of the whole, numbered from 0,
            those from ``(k - 1) * T // n`` up to but not including ``k * T // n``, where each of the two is moved to
            the nearest beginning of a block, so that the few names of one block stay together. Where filters reject
            names, blocks depend on the names, and nothing is moved. With the same seed and all else alike, the n shards
            one after the other are the whole; some may be empty. Needs a seed.
        device: where the network runs: ``cpu``, the default, is numpy; ``cuda``, ``cuda:N`` and ``mps`` are GPUs, by
            way of torch; ``auto`` is a GPU if there is one. The names are the same, but where the last bits of the
            arithmetic make another of one.
        parts: parts of the configuration or of the filters to replace, as ``temperature=0.5`` or ``unique=True``. With
            ``temperature=0`` the model's own top-k, top-p and dropout do not count.

    Returns:
        The names, in the order of the prefixes.

    Raises:
        UsageError: no such category, a prefix that cannot be used, or a count, seed, shard or setting out of range; or
            a shard without a seed, of more than 10**15 names, or of names of which none may come twice.
        NamegenError: the model hardly ever gives such a name; or there are no more of them, if none may come twice.
            Then there is no list: :func:`iterate` gives the names that were found before.
        DeviceError: the device is not there, or fails.
    """
    made = blocks(
        model,
        category,
        prefixes,
        count=count,
        config=config,
        filters=filters,
        seed=seed,
        shard=shard,
        device=device,
        **parts,
    )
    return [name for block in made for name in block.names]


def iterate(
    model: Model,
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
    """Invent names one after the other, with their categories; as :func:`sample`, in bounded memory.

    With ``scores`` each has the logarithm of its probability given its category or blend, whatever the way it was drawn
    in: that of all its letters and of its end, at temperature 1.

    What is wrong with the arguments is raised by this call, not by the first name taken; only prefixes that come from
    an iterator, not a string or sequence, are read and checked one at a time as names are taken. For a shard this call
    reads them all, 1,000,000 at most: what belongs to a shard depends on how many there are.
    """
    made = blocks(
        model,
        category,
        prefixes,
        count=count,
        config=config,
        filters=filters,
        scores=scores,
        seed=seed,
        shard=shard,
        device=device,
        **parts,
    )
    return (draw for block in made for draw in block)


def blocks(
    model: Model,
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
) -> Iterator[NameBlock]:
    """Invent names in bulk; as :func:`iterate`, a block of names at a time and without a Python object for each.

    A block has at most ``BLOCK_SIZE`` names; the first is smaller, so that names come soon, and so are those of names
    that
    may be very long, or of many prefixes. Of a ``shard`` no other names are drawn than its own.
    """
    count = check_int("count", count, 0, _MAX_NAMES)
    shard = None if shard is None else _checked_shard(shard, seed)
    seed = int.from_bytes(os.urandom(8), "big") if seed is None else check_int("seed", seed, 0, None)
    _check_names(parts, SAMPLING_FIELDS + FILTER_FIELDS)
    config = override_sampling(
        config or model.sampling, {name: parts[name] for name in parts if name in SAMPLING_FIELDS}
    )
    filters = override_filters(
        filters or Filters(), {name: parts[name] for name in parts if name in FILTER_FIELDS}, config
    )
    blend = None if category is None else find_blend(model, category)
    if isinstance(prefixes, str):
        prefixes = split_letters(prefixes)
    at_once = _PREFIXES_AT_ONCE if isinstance(prefixes, Sequence) else 1  # who gives an iterator may wait for its names
    drawing = _Generator(
        model=model,
        sampler=RejectionSampler(
            model, config, filters, blend.category if blend else None, find_sampling_device(device)
        ),
        filters=filters,
        blend=blend,
        count=count,
        seed=seed,
        scores=scores,
        at_once=at_once,
    )
    if shard is not None and filters.unique:
        raise UsageError(
            "no shard knows the names of the others, so there is no --unique with --shard; use one of them"
        )
    fitted: Iterable[str] = (checked_prefix(model, prefix, config, filters) for prefix in prefixes)
    if isinstance(prefixes, Sequence):
        fitted = list(fitted)
    if shard is not None:
        return drawing.shard(fitted if isinstance(fitted, list) else _read_all(fitted), *shard)
    return drawing.distinct(fitted) if filters.unique else drawing.all(fitted)


def sample_preview(model: Model, category: str | None = None, *, count: int, seed: int) -> list[GeneratedName]:
    """Invent up to ``count`` names in a fraction of a second: as many as a model can that may be hardly trained.

    An untrained network may not know yet how to end a name, and it takes long to find that out where letters are many.
    """
    letters = count * max_letters(model, model.sampling, 0) * (len(model.alphabet) + 1)
    max_rejections = max(1, min(_PATIENCE, _OUTPUTS_OF_A_FEW // letters))
    blend = None if category is None else find_blend(model, category)
    filters, numbers = Filters(), np.arange(count)
    sampler = RejectionSampler(
        model, model.sampling, filters, blend.category if blend else None, max_rejections=max_rejections
    )
    drawn = sampler.draw([""], np.zeros_like(numbers), seed, numbers)
    return list(build_block(model, blend, filters, drawn.spelling, drawn.category_of)) if len(drawn) else []


def _checked_shard(shard: object, seed: int | None) -> tuple[int, int]:
    """Return which shard of how many.

    Raises:
        UsageError: there is no such shard, or no seed that all shards can have.
    """
    if not isinstance(shard, Sequence) or len(shard) != 2:
        raise UsageError("a shard is a pair: which, from 1, and of how many")
    shards = check_int("number of shards", shard[1], 1, _MAX_SHARDS)
    number = check_int("shard", shard[0], 1, shards)
    if seed is None:
        raise UsageError("a shard needs the seed that all shards of the same names have; give --seed with --shard")
    return number, shards


def _read_all(prefixes: Iterable[str]) -> list[str]:
    """Return all prefixes of an iterator, which need not end.

    Raises:
        UsageError: there are too many to keep.
    """
    read = list(islice(prefixes, _MAX_PREFIXES + 1))
    if len(read) > _MAX_PREFIXES:
        raise UsageError(
            f"more than {_MAX_PREFIXES:,} prefixes cannot be dealt out with --shard; "
            "split them, and draw for each part with a --seed of its own"
        )
    return read


def override_sampling(config: SamplingConfig, parts: dict[str, Any]) -> SamplingConfig:
    """Replace parts of the way letters are chosen.

    Whoever asks for temperature 0 gets the most likely letters: without dropout, unless it is asked for too.

    Raises:
        UsageError: there is no such part, or a value is out of its range.
    """
    _check_names(parts, SAMPLING_FIELDS)
    if "temperature" in parts and SamplingConfig(temperature=parts["temperature"]).greedy:
        config = replace(config, top_k=None, top_p=None, dropout=0.0)  # the model's own, which leave a choice
    return replace(config, **parts)


def override_filters(filters: Filters, parts: dict[str, Any], config: SamplingConfig) -> Filters:
    """Replace parts of what names must be that are drawn in a certain way.

    Raises:
        UsageError: there is no such part, or a value is out of its range.
    """
    _check_names(parts, FILTER_FIELDS)
    filters = replace(filters, **parts)
    if config.max_length is not None and (filters.min_length or 0) > config.max_length:
        raise UsageError(
            f"the min length of {filters.min_length:,} is more than the max length of {config.max_length:,}"
        )
    return filters


def _check_names(parts: Iterable[str], known: tuple[str, ...]) -> None:
    for name in parts:
        if name not in known:
            raise UsageError(f"no setting {name!r}; there are {', '.join(sorted(known))}")


@dataclass(frozen=True)
class _Generator:
    """What is to be drawn: ``count`` names for each prefix, of which a block has names of ``at_once`` at most."""

    model: Model
    sampler: RejectionSampler
    filters: Filters
    blend: Blend | None
    count: int
    seed: int
    scores: bool
    at_once: int

    def all(self, prefixes: Iterable[str], numbers: range = _ALL) -> Iterator[NameBlock]:
        """Go through the prefixes: many prefixes to a block, or many blocks to a prefix.

        Args:
            prefixes: all of them.
            numbers: the numbers of the names to draw, a stretch of those of all names; no other is drawn.
        """
        count, together = self.count, self._together()
        size = _FIRST_WANTED if self.filters.conditions else BLOCK_SIZE if numbers.start else _FIRST_BLOCK
        earlier = numbers.start // max(1, together * count) * together  # prefixes that are none of ours
        number, ours = earlier * count, islice(prefixes, earlier, None)
        while number < numbers.stop and (some := list(islice(ours, together))):
            done, most = max(0, numbers.start - number), self._most(some)
            total = min(len(some) * count, numbers.stop - number)
            while done < total:
                names = np.arange(done, min(done + min(size, most), total))
                drawn = self.sampler.draw(some, names // count, self.seed, number + names)
                yield from self._block(drawn)
                if drawn.failure:
                    raise drawn.failure
                done += len(names)
                size = BLOCK_SIZE if not self.filters.conditions else _next_size(drawn)
            number += total

    def shard(self, prefixes: Sequence[str], shard: int, shards: int) -> Iterator[NameBlock]:
        """Go through one of several shards of the names of all prefixes.

        Raises:
            UsageError: there are more names than numbers.
        """
        total = len(prefixes) * self.count
        if total > _MAX_NAMES:
            raise UsageError(f"no more than {_MAX_NAMES:,} names in all can be dealt out, not {total:,}; ask for fewer")
        first, last = (self._cut(prefixes, place * total // shards) for place in (shard - 1, shard))
        return self.all(prefixes, range(first, last))

    def _cut(self, prefixes: Sequence[str], number: int) -> int:
        """Return the beginning of a block, or the end of all, that is nearest to the name of this number.

        Where names may be rejected, it is the number itself: only who draws the names knows the blocks.
        """
        if self.filters.conditions or number in (0, len(prefixes) * self.count):
            return number
        together = self._together()
        group = number // (together * self.count)
        some = prefixes[group * together : (group + 1) * together]
        begin, most = group * together * self.count, self._most(some)
        size = min(BLOCK_SIZE, most)
        first = size if group else min(_FIRST_BLOCK, most)
        past = number - begin - first
        low = begin if past < 0 else begin + first + past // size * size
        high = min(begin + len(some) * self.count, low + (first if past < 0 else size))
        return low if number - low <= high - number else high

    def _together(self) -> int:
        """Return how many prefixes share blocks."""
        return max(1, self.at_once // max(1, self.count))

    def distinct(self, prefixes: Iterable[str]) -> Iterator[NameBlock]:
        """Go through the prefixes, one at a time, without names that were there before."""
        seen = KeySet()
        for place, prefix in enumerate(prefixes):
            yield from self._distinct(prefix, self.seed + (place << 64), seen)

    def _distinct(self, prefix: str, seed: int, seen: KeySet) -> Iterator[NameBlock]:
        """Draw names of one prefix that have not been seen, and note them."""
        given = len(self.model.alphabet.encode(prefix))
        max_rejections = 1 if self.blend and self.sampler.is_certain(given) else MAX_REJECTIONS
        left, number, vain, size, most = self.count, 0, 0, min(self.count, _FIRST_WANTED), self._most([prefix])
        while left:
            size = min(size, most)
            drawn = self.sampler.draw([prefix], np.zeros(size, dtype=np.int64), seed, np.arange(number, number + size))
            number += size
            keys = self.filters.keys(self.model.alphabet, drawn.spelling)
            new = seen.new(keys)
            draws = vain + np.cumsum(drawn.attempts)  # since the last new name
            waits = np.diff(draws[new], prepend=0)
            new = new[: int((np.append(waits, max_rejections + 1) > max_rejections).argmax())][:left]
            if len(new):
                seen.add(keys[new])
                yield from self._block(drawn.of(new))
            left -= len(new)
            vain = int((draws[-1] if len(draws) else vain) - (draws[new[-1]] if len(new) else 0))
            if left and (drawn.failure or vain >= max_rejections):
                raise drawn.failure or self._exhausted(prefix, self.count - left)
            # An eighth more than seems needed, as new names become rarer; but no more than what would be in vain.
            wanted = 1 + left * len(drawn) * 9 // (8 * len(new)) if len(new) else max_rejections - vain
            size = max(1, min(wanted, _next_size(drawn)))

    def _exhausted(self, prefix: str, found: int) -> NamegenError:
        """Return the error for a prefix of which no further names come."""
        names = f"{found:,} different name{'' if found == 1 else 's'}" if found else "no name that was not there before"
        begins = f" that {'begins' if found <= 1 else 'begin'} with {quote(prefix)}" if prefix else ""
        if self.sampler.is_certain(len(self.model.alphabet.encode(prefix))) and self.blend:
            return NamegenError(
                f"only {names}{begins}, as the greedy choice gives one; draw with a --temperature above 0"
            )
        return NamegenError(
            f"only {names}{begins}: {MAX_REJECTIONS:,} more draws gave no other; ask for fewer, or for a "
            "higher --temperature"
        )

    def _most(self, prefixes: Iterable[str]) -> int:
        """Return how many names may be drawn at once, as many as have room if they are as long as can be."""
        return max(1, LETTERS_PER_ROUND // self.sampler.limit(max(map(len, prefixes))))

    def _block(self, drawn: SampledNames) -> Iterator[NameBlock]:
        """Return names as a block, if there are any."""
        if not len(drawn):
            return
        scores = self.sampler.scores(drawn) if self.scores else None
        yield build_block(self.model, self.blend, self.filters, drawn.spelling, drawn.category_of, scores)


def _next_size(drawn: SampledNames) -> int:
    """Return how many names to draw next, so that it takes about as many draws as a block of plain names."""
    return max(1, min(_GROWTH * len(drawn), BLOCK_SIZE * len(drawn) // int(drawn.attempts.sum())))

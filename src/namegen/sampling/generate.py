"""Generate names from a model.

Every name has its own random numbers, so a name does not depend on how many names are generated with it. Names come in
blocks, which bounds the memory.

Shard K of N is the K-th of N ranges of the names' numbers, so the shards in order are what a single process would
generate. Ranges are cut between blocks (:mod:`namegen.sampling.partition`). With several jobs, worker processes sample
the same blocks.

With ``unique``, the names of a prefix are its ordinary sequence of names without repetitions.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from namegen._validate import check_arguments, check_bool, check_int
from namegen.errors import NamegenError, UsageError, quote
from namegen.models.categories import find_blend
from namegen.models.letters import restrict
from namegen.models.store import to_model
from namegen.sampling.block_sampler import BlockSampler, Request, build_function
from namegen.sampling.jobs import choose_jobs
from namegen.sampling.name_filters import Filters
from namegen.sampling.partition import Partition
from namegen.sampling.prefixes import fit_prefixes, split_prefixes
from namegen.sampling.rejection import MAX_REJECTIONS, RejectionSampler, max_letters
from namegen.sampling.results import build_block
from namegen.sampling.settings import FILTER_FIELDS, SAMPLING_FIELDS, override_settings
from namegen.sampling.unique import KeySet

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from contextlib import AbstractContextManager
    from os import PathLike

    from namegen.config import SamplingConfig
    from namegen.models.model import Model
    from namegen.sampling.results import GeneratedName, NameBlocks
    from namegen.sampling.workers import Workers

    _Workers = Workers[Any, Any, Any]

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

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
    jobs: int | str = 1,
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
            numbered from 0, shard k begins at name ``(k - 1) * T // n`` and ends before name ``k * T // n``. Both
            bounds move to the nearest start of a block, so a shard may be empty.
        device: where the network runs: ``cpu`` (numpy, the default), ``cuda``, ``cuda:N`` or ``mps`` (torch), or
            ``auto`` for a GPU if there is one. Names occasionally differ between devices.
        jobs: the number of worker processes, each on one core, or ``auto``: all cores for 500,000 names or more, else
            this process alone. The names do not depend on it. A script that gives several jobs must start its work
            under ``if __name__ == "__main__":``, as :mod:`multiprocessing` describes.
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
    parts |= {"config": config, "filters": filters, "seed": seed, "shard": shard, "device": device, "jobs": jobs}
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
    jobs: int | str = 1,
    **parts: Any,  # noqa: ANN401 - the fields of SamplingConfig and Filters
) -> Iterator[GeneratedName]:
    """Generate names one at a time with their categories, in bounded memory.

    The arguments are those of :func:`sample`. With ``scores``, each name has its log-probability given its category or
    blend, in nats, at temperature 1. This includes the probability that the name ends.

    ``prefixes`` may be any iterable. Prefixes from an iterator are read and checked one at a time, when their names are
    requested; with ``shard``, all prefixes, at most 1,000,000, are read immediately. All other invalid arguments raise
    an error immediately.
    """
    parts |= {"config": config, "filters": filters, "seed": seed, "shard": shard, "device": device, "jobs": jobs}
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
    jobs: int | str = 1,
    notice: Callable[[str], None] = lambda _text: None,
    **parts: Any,  # noqa: ANN401 - the fields of SamplingConfig and Filters
) -> NameBlocks:
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
    request = Request(model, category, config, filters, device, frozenset(parts), count, seed, scores)
    own = BlockSampler(request)
    # The caller may wait for the names of a prefix before giving the next one.
    one_by_one = not isinstance(prefixes, Sequence)
    names = (len(prefixes) if isinstance(prefixes, Sequence) else 1) * count
    jobs = choose_jobs(jobs, names if shard is None else names // shard[1], device)
    generator = _Generator(own, Partition(count, filters.may_reject, own.max_size, one_by_one), request, jobs)
    if shard is not None and filters.unique:
        raise UsageError(
            "--unique and --shard cannot be combined, as shards do not know each other's names; use one of them"
        )
    fitted = fit_prefixes(own.model, prefixes, config, filters, notice)
    if isinstance(prefixes, Sequence):
        fitted = list(fitted)
    if shard is not None:
        return generator.generate_shard(fitted if isinstance(fitted, list) else _read_all(fitted), *shard)
    return generator.generate_unique(fitted) if filters.unique else generator.generate(fitted)


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
    return list(build_block(model, blend, filters, sampled))


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
    read = list(itertools.islice(prefixes, _MAX_SHARD_PREFIXES + 1))
    if len(read) > _MAX_SHARD_PREFIXES:
        raise UsageError(
            f"--shard takes at most {_MAX_SHARD_PREFIXES:,} prefixes; split them, and sample each part with its own "
            "--seed"
        )
    return read


@dataclass(eq=False, repr=False)
class _Generator:
    """Generates names in blocks, in this process or in worker processes."""

    own: BlockSampler
    partition: Partition
    request: Request
    jobs: int

    def generate(self, prefixes: Iterable[str], first: int = 0, last: int | None = None) -> NameBlocks:
        """Yield the names with the numbers from ``first`` up to but excluding ``last``; no others are sampled."""
        groups = self.partition.split(prefixes, first, last)
        if not self.partition.one_by_one:
            groups = iter([itertools.chain.from_iterable(groups)])
        with self._start_workers() as workers:
            for blocks_of_group in groups:
                for names, failure in self._map(workers, self.own.sample_block, blocks_of_group):
                    if names is not None:
                        yield names
                    if failure:
                        raise failure

    def generate_shard(self, prefixes: Sequence[str], shard: int, shards: int) -> NameBlocks:
        """Yield one of several shards of the names of all prefixes."""
        total = len(prefixes) * self.request.count
        if total > _MAX_NAMES:
            raise UsageError(f"--shard takes at most {_MAX_NAMES:,} names in all, not {total:,}; ask for fewer")
        places = ((shard - 1) * total // shards, shard * total // shards)
        return self.generate(prefixes, *(self.partition.find_cut(prefixes, place) for place in places))

    def generate_unique(self, prefixes: Iterable[str]) -> NameBlocks:
        """Yield the names of one prefix after the other, without repetitions."""
        seen = KeySet()
        with self._start_workers() as workers:
            for place, prefix in enumerate(prefixes):
                yield from self._generate_unique(prefix, self.request.seed + (place << 64), seen, workers)

    def _generate_unique(self, prefix: str, seed: int, seen: KeySet, workers: _Workers | None) -> NameBlocks:
        """Yield names of one prefix that have not been seen, and add them to those seen.

        Workers sample the names, and this process leaves out the repeats.
        """
        deterministic = self.own.is_deterministic(prefix)
        max_rejections = 1 if deterministic else MAX_REJECTIONS
        left, rejections = self.request.count, 0  # rejections since the last new name
        tasks = ((prefix, seed, *ends) for ends in self.partition.split_unique(prefix))
        results = self._map(workers, lambda task: self.own.sample_names(*task), tasks)
        with closing(results):
            while left:
                sampled, keys, scores = next(results)
                new = seen.find_new(keys)
                attempts = rejections + np.cumsum(sampled.attempts)  # since the last new name of the block before
                waits = np.diff(attempts[new], prepend=0)
                new = new[: int((np.append(waits, max_rejections + 1) > max_rejections).argmax())][:left]
                if len(new):
                    seen.add(keys[new])
                    yield self.own.build_block(sampled.select(new), None if scores is None else scores[new])
                left -= len(new)
                last_new = int(attempts[new[-1]]) if len(new) else 0
                rejections = int(attempts[-1] if len(attempts) else rejections) - last_new
                if left and (sampled.failure or rejections >= max_rejections):
                    found = self.request.count - left
                    raise sampled.failure or _build_exhausted_error(prefix, found, deterministic=deterministic)

    def _start_workers(self) -> AbstractContextManager[_Workers | None]:
        if self.jobs == 1:
            return nullcontext()
        from namegen.sampling.workers import Workers

        return Workers(self.jobs, build_function, self.request)

    def _map(
        self, workers: _Workers | None, function: Callable[[_Task], _Result], tasks: Iterable[_Task]
    ) -> Generator[_Result, None, None]:
        """Yield the result of each task, in order; this process computes the first one, and all without workers."""
        tasks = iter(tasks)
        for first in tasks if workers is None else itertools.islice(tasks, 1):
            yield function(first)
        following = list(itertools.islice(tasks, 1))
        if workers is not None and following:
            yield from workers.map(itertools.chain(following, tasks))


def _build_exhausted_error(prefix: str, found: int, *, deterministic: bool) -> NamegenError:
    """Return the error for a prefix that has no more different names."""
    names = f"only {found:,} different name{'' if found == 1 else 's'}" if found else "no new name"
    begins = f" that {'begins' if found <= 1 else 'begin'} with {quote(prefix)}" if prefix else ""
    if deterministic:
        return NamegenError(f"{names}{begins}: greedy decoding gives only one; sample with a --temperature above 0")
    return NamegenError(
        f"{names}{begins}: {MAX_REJECTIONS:,} more samples gave no other; ask for fewer, or give a higher --temperature"
    )

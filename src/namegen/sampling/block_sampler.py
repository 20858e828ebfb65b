"""Sample the blocks of a request, in this process or in a worker process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from namegen.errors import UsageError
from namegen.models.categories import Blend, find_blend
from namegen.models.devices import find_sampling_device
from namegen.models.letters import restrict
from namegen.sampling.partition import Block
from namegen.sampling.prefixes import fit_prefix
from namegen.sampling.rejection import LETTERS_PER_ROUND, RejectionSampler
from namegen.sampling.results import build_block
from namegen.sampling.settings import SAMPLING_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from namegen.config import SamplingConfig
    from namegen.errors import NamegenError
    from namegen.models.model import Model
    from namegen.sampling.closed import ClosedSampler
    from namegen.sampling.name_filters import Filters
    from namegen.sampling.results import NameBlock
    from namegen.sampling.sampled_names import SampledNames


class SampledSequence(NamedTuple):
    """Sampled names of one prefix, of which repeats have not been left out.

    Attributes:
        sampled: the names.
        keys: a number for each name, the same for names with the same text, (names,).
        scores: the log-probability of each name, (names,), if asked for.
    """

    sampled: SampledNames
    keys: NDArray[np.uint64]
    scores: NDArray[np.float64] | None


@dataclass(frozen=True)
class Request:
    """The arguments of a process that samples blocks of names.

    Attributes:
        model: the model.
        category: the category, open or closed, or the blend; ``None`` for any open category.
        config: the sampling settings.
        filters: the filters.
        device: the device of the network; ``None`` for the CPU.
        given: the names of the settings that the caller has chosen.
        count: the number of names for each prefix.
        seed: the random seed.
        scores: whether names have scores.
        expected_attempts: see :class:`RejectionSampler <namegen.sampling.rejection.RejectionSampler>`.
    """

    model: Model
    category: str | None
    config: SamplingConfig
    filters: Filters
    device: str | None = None
    given: frozenset[str] = frozenset()
    count: int = 1
    seed: int = 0
    scores: bool = False
    expected_attempts: int = 1


class BlockSampler:
    """Samples any block of a request."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.model, self.blend, self.sampler = build_sampler(request)

    def sample_block(self, block: Block) -> tuple[NameBlock | None, NamegenError | None]:
        """Return the names of a block, if any can be sampled, and why the next one cannot be."""
        request, numbers = self._request, np.arange(block.first, block.last)
        if len(block.prefixes) == 1:
            prefix_of = np.broadcast_to(np.int32(0), len(numbers))  # which takes no memory
        else:
            prefix_of = (numbers // request.count).astype(np.int32)
        numbers += block.begin
        sampled = self.sampler.sample(block.prefixes, prefix_of, request.seed, numbers)
        return self.build_block(sampled, self._score(sampled)) if len(sampled) else None, sampled.failure

    def sample_names(self, prefix: str, seed: int, first: int, last: int) -> SampledSequence:
        """Return names of one prefix as they are, with repeats."""
        numbers = np.arange(first, last)
        sampled = self.sampler.sample([prefix], np.zeros(len(numbers), dtype=np.int64), seed, numbers)
        keys = self._request.filters.keys(self.model.alphabet, sampled.distinct)[sampled.which]
        return SampledSequence(sampled, keys, self._score(sampled))

    def sample_all(self, prefix: str, first: int, last: int, seed: int) -> list[str]:
        """Return the names of one prefix with the numbers from ``first`` to before ``last``, sampled at once.

        They have another seed than the request.

        Raises:
            NamegenError: the model hardly ever generates such a name.
        """
        numbers = np.arange(first, last)
        fitted = fit_prefix(self.model, prefix, self._request.config.max_length)
        sampled = self.sampler.sample([fitted], np.zeros(len(numbers), dtype=np.int32), seed, numbers)
        if sampled.failure:
            raise sampled.failure
        return self.build_block(sampled, None).names

    def build_block(self, sampled: SampledNames, scores: NDArray[np.float64] | None) -> NameBlock:
        """Return names as a block."""
        return build_block(self.model, self.blend, self._request.filters, sampled, scores)

    def is_deterministic(self, prefix: str) -> bool:
        """Return whether there is only one name with a prefix."""
        given = len(self.model.alphabet.encode(prefix))
        return self.blend is not None and self.sampler.is_deterministic(given)

    def max_size(self, prefixes: Iterable[str]) -> int:
        """Return how many names may be sampled at once, if all are as long as they may be."""
        return max(1, LETTERS_PER_ROUND // self.sampler.max_letters(max(map(len, prefixes))))

    def _score(self, sampled: SampledNames) -> NDArray[np.float64] | None:
        return self.sampler.score(sampled) if self._request.scores and len(sampled) else None


def build_function(request: Request) -> Callable[[tuple[Any, ...]], Any]:
    """Return the function that worker processes compute: of a block, or of the arguments of ``sample_names``."""
    own = BlockSampler(request)
    return lambda task: own.sample_block(task) if isinstance(task, Block) else own.sample_names(*task)


def build_sampler(request: Request) -> tuple[Model, Blend | None, RejectionSampler | ClosedSampler]:
    """Return a model with the letters of the category or blend, the category or blend, and its sampler.

    Raises:
        UsageError: the model does not have the category, or it is closed and a chosen setting does not apply to it.
    """
    model, category, config, filters = request.model, request.category, request.config, request.filters
    closed = None
    if category is not None and model.closed:
        from namegen.sampling.closed import ClosedSampler, find_closed, restrict_to_closed

        closed = find_closed(model, category)
    if closed is not None:
        for setting in SAMPLING_FIELDS:
            if setting in request.given - {"max_length"}:
                option = setting.replace("_", "-")
                raise UsageError(f"{closed} is a closed category of known names; leave out --{option}")
        model = restrict_to_closed(model, closed)
        # Like a blend, it has no index among the categories.
        return model, Blend(closed, np.zeros(0, np.float32)), ClosedSampler(model, closed, filters, config.max_length)
    blend = None if category is None else find_blend(model, category)
    if blend is not None:
        model = restrict(model, blend.category)
    device = find_sampling_device(request.device)
    sampler = RejectionSampler(model, config, filters, blend, device, expected_attempts=request.expected_attempts)
    return model, blend, sampler

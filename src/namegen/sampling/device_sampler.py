"""Sample many names of one category at once on a torch device, such as a GPU.

It has the interface of :func:`namegen.sampling.prefix_tree.sample_prefix_tree`, and gives the same names from the same
random numbers, except where rounding differs. Everything stays on the device until the names are complete: the states,
the random numbers, and the n-gram's opinion.

While there are few possible prefixes, the network reads each of them once, whether or not a name has it. After that,
every name has a state of its own: finding out which names still share a prefix would take longer than reading it twice.
The device does not wait for the CPU, except every few letters, when the names that have ended are removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from namegen.datasets.encoding import UNFINISHED as NOT_ENDED
from namegen.datasets.encoding import EncodedNames
from namegen.errors import DeviceError
from namegen.models.inference import Source, max_logits
from namegen.models.inference_torch import TorchStepper, device_errors
from namegen.sampling.prefix_tree import BELOW_FLOOR, UNFINISHED, SampledTree
from namegen.sampling.rng import FIRST_LETTER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from namegen.config import SamplingConfig
    from namegen.models.inference import Category
    from namegen.models.mixture_torch import NGramTables
    from namegen.models.model import Model
    from namegen.sampling.floor import Floor
    from namegen.sampling.rng import Streams

    Integers = NDArray[np.integer]

_MAX_NUMBERS = 2**28  # of 4 bytes in the largest arrays of all names that are sampled at once
_MIN_NAMES = 256  # that are sampled at once if the device's memory is full
_NAMES_PER_PREFIX = 4  # at least, for the network to read all possible prefixes
_LETTERS_PER_WAIT = 2  # between two removals of the names that have ended


class DeviceSource(NamedTuple):
    """A network on a device, its n-grams, and how names begin.

    Attributes:
        plain: the same for :func:`namegen.sampling.prefix_tree.sample_prefix_tree`.
        network: the network.
        ngrams: the n-grams, if letters are chosen from a mixture with them, or they are asked for their opinion.
    """

    plain: Source
    network: TorchStepper
    ngrams: NGramTables | None


def build_source(
    model: Model, network: object, category: Category, *, share: float, opinion: bool
) -> Source | DeviceSource:
    """Return the source of a category or a blend of a model, for the sampler that its network needs.

    A network on a device gets a :class:`DeviceSource`, with two exceptions. Apple GPUs have no double precision, which
    choosing letters needs. And the tables of a very large n-gram would take longer than they save.

    Args:
        model: the model.
        network: its network, conditioned on the category or blend.
        category: the category or blend.
        share: the share of the model's n-gram.
        opinion: whether the n-gram is asked for its opinion.

    Raises:
        DeviceError: the device cannot hold the n-gram.
    """
    plain = Source.of(model, network, category, share=share)  # type: ignore[arg-type]
    if not isinstance(network, TorchStepper) or network.device.type == "mps":
        return plain
    if model.mixture is None or not (share or opinion):
        return DeviceSource(plain, network, None)
    from namegen.models.mixture_torch import NGramTables

    outputs = plain.boundary_id + 1
    with device_errors(network.device):
        ngrams = NGramTables.build(
            model.mixture, category, network.device, outputs, sos=plain.sos, share=share, opinion=opinion
        )
    return plain if ngrams is None else DeviceSource(plain, network, ngrams)


def sample_on_device(
    source: DeviceSource,
    config: SamplingConfig,
    prefixes: Sequence[Integers],
    limits: Integers,
    prefix_of: Integers,
    streams: Streams,
    floor: Floor | None = None,
) -> SampledTree:
    """Sample names; see :func:`namegen.sampling.prefix_tree.sample_prefix_tree`.

    If the device's memory is full, fewer names are sampled at once.

    Raises:
        NamegenError: the model's weights are too large.
        DeviceError: the device fails.
    """
    import torch

    names, which = EncodedNames.unfinished(len(streams)), np.full(len(streams), UNFINISHED, dtype=np.int32)
    given = np.array([len(prefix) for prefix in prefixes])
    units, outputs = source.network.start().shape[1], source.plain.boundary_id + 1
    at_once, begin = max(_MIN_NAMES, _MAX_NUMBERS // (3 * units + 8 * outputs)), 0
    while begin < len(streams):
        part = np.arange(begin, min(begin + at_once, len(streams)))
        own = prefix_of[part]
        try:
            with device_errors(source.network.device):
                some, totals, is_weak = _Batch(source, config, prefixes, limits, own, streams[part], floor).sample()
        except DeviceError as error:
            if not isinstance(error.__cause__, torch.cuda.OutOfMemoryError) or len(part) <= _MIN_NAMES:
                raise
            at_once = max(_MIN_NAMES, len(part) // 2)
            continue
        has_ended = some.lengths != NOT_ENDED
        which[part[has_ended]] = part[has_ended]
        if floor is not None:
            is_below = has_ended & floor.is_below(totals, some.lengths, some.lengths + 1 - given[own])
            which[part[is_below | is_weak]] = BELOW_FLOOR
        names.assign(part, some)
        begin += len(part)
    read = np.where(names.lengths == NOT_ENDED, limits[prefix_of], names.lengths).astype(np.uint16)
    return SampledTree(names, which, read)


class _Batch:
    """Names that are sampled together."""

    def __init__(
        self,
        source: DeviceSource,
        config: SamplingConfig,
        prefixes: Sequence[Integers],
        limits: Integers,
        prefix_of: Integers,
        streams: Streams,
        floor: Floor | None,
    ) -> None:
        import torch

        from namegen.sampling.rng_torch import streams_to_device

        self._source, self._config, self._device = source, config, source.network.device
        given = np.array([len(prefix) for prefix in prefixes])
        own_given, own_limits = given[prefix_of], limits[prefix_of]
        self._min_given, self._max_given, self._max_limit = int(own_given.min()), int(own_given.max()), own_limits.max()
        letters = np.zeros((len(prefixes), self._max_given), dtype=np.int64)
        for index in np.unique(prefix_of).tolist():
            letters[index, : given[index]] = prefixes[index]
        # Of all names.
        self._prefix_of, self._given, self._limits = map(self._to_device, (prefix_of, own_given, own_limits))
        self._prefixes, self._streams = self._to_device(letters), streams_to_device(streams, self._device)
        self._floor = floor
        self._letters: list[Tensor] = []  # for each place
        self._lengths = torch.full_like(self._given, NOT_ENDED)
        self._total = torch.zeros_like(self._given, dtype=torch.float32)
        self._is_weak = torch.zeros_like(self._given, dtype=torch.bool)
        # Of the names that have not been removed: their numbers, their rows, and whether they still grow.
        self._names = torch.arange(len(streams), device=self._device)
        self._rows: Tensor | None = self._prefix_of  # None: each name has its own row
        self._grows = torch.ones_like(self._is_weak)
        # Of each row: the state, and the letter that is to be read.
        self._hidden = self._to_device(source.network.start()).repeat(len(prefixes), 1)
        self._nodes = None if source.ngrams is None else source.ngrams.start.repeat(len(prefixes), 1)
        self._unread = torch.full((len(prefixes),), source.plain.boundary_id, device=self._device)
        self._sum = torch.zeros((), device=self._device)  # not finite if a logit was not

    def sample(self) -> tuple[EncodedNames, NDArray[np.float32], NDArray[np.bool_]]:
        """Sample all names; return them on the CPU.

        Returns:
            The names; the sums of the n-gram's log-probabilities of their letters, (names,); and whether the n-gram
            finds a letter too improbable, (names,).
        """
        import torch

        with torch.no_grad():
            for length in range(self._max_limit + 1):
                self._grow(length)
                if length % _LETTERS_PER_WAIT == 0 and not self._remove_ended():
                    break
        max_logits(self._sum.cpu().numpy().reshape(1, 1))
        letters = torch.stack(self._letters, 1) if self._letters else torch.zeros_like(self._lengths).unsqueeze(1)
        encoded = letters.cpu().numpy().astype(self._source.plain.dtype, copy=False)
        names = EncodedNames(encoded, self._lengths.cpu().numpy())
        return names, self._total.cpu().numpy(), self._is_weak.cpu().numpy()

    def _grow(self, length: int) -> None:
        """Let all names of a length choose the next letter."""
        import torch

        names, is_asked, boundary_id = self._names, self._grows, self._source.plain.boundary_id
        chosen = self._choose(length)
        if length < self._max_given:
            is_free = self._given.index_select(0, names) <= length
            own_prefixes = self._prefix_of.index_select(0, names)
            chosen = torch.where(is_free, chosen, self._prefixes.select(1, length).index_select(0, own_prefixes))
            is_asked = is_asked & is_free
        grows = self._grows
        if self._floor is not None:
            grows = grows & self._ask(chosen, is_asked, self._floor).logical_not()
        is_end = chosen == boundary_id
        self._end(grows & is_end, length)
        limits = self._limits.index_select(0, names)
        grows = grows & is_end.logical_not() & (limits > length)
        if length < self._max_limit:
            dtype = torch.uint8 if boundary_id < 2**8 else torch.int32
            self._letters.append(torch.zeros_like(self._lengths, dtype=dtype).scatter_(0, names, chosen.to(dtype)))
        if self._config.greedy:
            is_cut = limits == length + 1
            self._end(grows & is_cut, length + 1)  # truncated, as in the tutorial
            grows = grows & is_cut.logical_not()
        self._grows = grows
        self._branch(chosen, length)

    def _choose(self, length: int) -> Tensor:
        """Read the letter before in each row, and return the next letter of each name, (names,)."""
        import torch

        from namegen.sampling.decoding_torch import choose_letters, sample_categorical
        from namegen.sampling.rng_torch import uniform

        source, plain, streams = self._source, self._source.plain, self._streams.index_select(0, self._names)
        if length == 0 and not plain.sos:  # as frequent as in the training names
            shares = self._to_device(plain.first_letters.astype(np.float32)).unsqueeze(0)
            return sample_categorical(shares, torch.zeros_like(streams), uniform(streams, FIRST_LETTER))
        logits, self._hidden = source.network.read(self._unread, self._hidden)
        if source.ngrams is not None and self._nodes is not None:
            self._nodes = source.ngrams.advance(self._nodes, self._unread)
            logits = source.ngrams.mix(logits, self._nodes)
        self._sum = self._sum + 0 * logits.amax(1).sum()
        return choose_letters(logits, self._rows, streams, FIRST_LETTER + length, self._config)

    def _ask(self, chosen: Tensor, is_asked: Tensor, floor: Floor) -> Tensor:
        """Note the n-gram's opinion on chosen letters; return the names that are given up, (names,)."""
        if self._source.ngrams is None or self._nodes is None:
            raise ValueError("there is no n-gram to ask")
        nodes = self._nodes if self._rows is None else self._nodes.index_select(0, self._rows)
        scores = self._source.ngrams.log_probabilities(nodes, chosen)
        self._total.index_add_(0, self._names, scores.masked_fill(is_asked.logical_not(), 0))
        is_weak = is_asked & (scores < floor.weakest)
        was_weak = self._is_weak.index_select(0, self._names)
        self._is_weak.index_copy_(0, self._names, was_weak | is_weak)
        return is_weak

    def _end(self, is_ended: Tensor, length: int) -> None:
        """End some of the names."""
        lengths = self._lengths.index_select(0, self._names)
        self._lengths.index_copy_(0, self._names, lengths.masked_fill(is_ended, length))

    def _branch(self, chosen: Tensor, length: int) -> None:
        """Prepare the next rows: the prefixes that are one letter longer."""
        import torch

        outputs = self._source.plain.boundary_id + 1
        if length < self._min_given:
            self._unread = self._prefixes.select(1, length)
        elif self._rows is None:
            self._unread = chosen
        elif len(self._hidden) * outputs * _NAMES_PER_PREFIX <= len(self._names):  # all that are possible
            self._unread = torch.arange(outputs, device=self._device).repeat(len(self._hidden))
            parents = torch.arange(len(self._hidden), device=self._device).repeat_interleave(outputs)
            self._select_rows(parents, self._rows * outputs + chosen)
        else:
            self._unread = chosen
            self._select_rows(self._rows, None)

    def _select_rows(self, indices: Tensor, rows: Tensor | None) -> None:
        """Replace the states by those at some indices, and the row of each name."""
        self._hidden = self._hidden.index_select(0, indices)
        self._nodes = None if self._nodes is None else self._nodes.index_select(0, indices)
        self._rows = rows

    def _remove_ended(self) -> bool:
        """Remove the names that no longer grow; return whether there are others."""
        kept = self._grows.nonzero().squeeze(1)  # waits for the device
        self._names, self._grows = self._names.index_select(0, kept), self._grows.index_select(0, kept)
        if self._rows is None:
            self._unread = self._unread.index_select(0, kept)
            self._select_rows(kept, None)
        else:
            self._rows = self._rows.index_select(0, kept)
        return len(kept) > 0

    def _to_device(self, array: NDArray[np.generic]) -> Tensor:
        import torch

        return torch.tensor(array, device=self._device)

"""Train one network with several processes, on one machine or several.

torchrun starts the processes and tells each one its rank by environment variables. Every rank samples the same batches
and takes every R-th name of them, from its own rank on. DistributedDataParallel (Li et al. 2020, "PyTorch Distributed:
Experiences on Accelerating Data Parallel Training") averages the gradients. Each rank scales its loss by the number of
ranks, so that the average is the gradient of the whole batch, whatever the lengths of the names.

Rank 0 plans, reads and writes files, and prints. The other ranks receive its results, or its error, through
:meth:`ProcessGroup.on_rank_zero`. These messages are pickles, sent by torch: the processes trust each other. If a
process dies, torchrun ends the others, and the last checkpoint can be resumed.

Without torchrun a training has :data:`SINGLE_PROCESS`, whose methods only call or return their arguments.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from namegen.errors import NamegenError, RankError, UsageError
from namegen.optional_packages import required

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch
    from numpy.typing import NDArray

    from namegen.config import TrainingConfig

    T = TypeVar("T")


_TIMEOUT = dt.timedelta(minutes=10)  # for one rank to wait for another, for example while rank 0 reads the names
_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
_joins = itertools.count()


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that train one network together, as one of them sees them.

    Attributes:
        rank: the number of this process, from 0.
        world_size: the number of processes.
        local_rank: the number of this process on its machine, from 0.
        local_world_size: the number of processes on this machine.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1

    @property
    def is_single(self) -> bool:
        """True for the only process."""
        return self.world_size == 1

    @property
    def is_rank_zero(self) -> bool:
        """True for the process that reads, writes and prints for all of them."""
        return self.rank == 0

    @property
    def share(self) -> slice:
        """The part of a batch that this rank trains on."""
        return slice(self.rank, None, self.world_size)

    @property
    def spawn_key(self) -> tuple[int, ...]:
        """The key for numpy's ``SeedSequence`` that gives each rank its own random numbers."""
        return () if self.is_single else (self.rank,)

    def check(self, config: TrainingConfig) -> None:
        """Raise ``UsageError`` if these processes cannot share a training."""
        if self.is_single:
            return
        if config.recipe in ("tutorial", "instant"):
            raise UsageError(f"the {config.recipe} recipe trains in one process only; start it without torchrun")
        smallest = min(stage.batch_size for stage in config.stages)
        if smallest < self.world_size:
            raise UsageError(
                f"{self.world_size} processes cannot share batches of {smallest}; "
                "use a larger --batch-size or fewer processes"
            )

    def gather(self, shares: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Return whole arrays, in their original order, from the :attr:`share` of each array that every rank has."""
        if self.is_single:
            return list(shares)
        arrays = []
        for parts in zip(*self._gather_objects(shares), strict=True):
            array = np.empty(sum(map(len, parts)), dtype=parts[0].dtype)
            for rank, part in enumerate(parts):
                array[rank :: self.world_size] = part
            arrays.append(array)
        return arrays

    def any(self, flag: bool) -> bool:
        """Return whether a flag is set on any rank."""
        if self.is_single:
            return flag
        import torch

        flags = torch.tensor([int(flag)])
        torch.distributed.all_reduce(flags)
        return bool(flags)

    def on_rank_zero(self, action: Callable[[], T]) -> T:
        """Call a function on rank 0 only; return its result, or raise its error, on every rank."""
        if self.is_single:
            return action()
        import torch

        result, error = _call(action) if self.is_rank_zero else (None, None)
        message = [(result, _shared_error(error))]
        torch.distributed.broadcast_object_list(message)
        result, received = message[0]
        error = error or received
        if error:
            raise error
        return cast("T", result)

    def on_every_rank(self, action: Callable[[], T]) -> T:
        """Call a function on every rank; return this rank's result, or raise the error of any rank."""
        if self.is_single:
            return action()
        result, error = _call(action)
        for rank, received in enumerate(self._gather_objects(_shared_error(error))):
            if error and not isinstance(error, NamegenError):
                raise error
            if received:
                raise type(received)(f"process {rank}: {received}" if rank else str(received)) from error
        return cast("T", result)

    def wrap(self, network: torch.nn.Module, device: torch.device) -> torch.nn.Module:
        """Return a network, on its device, with the weights of rank 0 and gradients averaged over all ranks."""
        if self.is_single:
            return network
        from torch.nn.parallel import DistributedDataParallel

        return DistributedDataParallel(network, device_ids=[device.index] if device.type == "cuda" else None)

    def _gather_objects(self, value: object) -> list[Any]:
        """Return the value of each rank, in the order of the ranks."""
        import torch

        values: list[Any] = [None] * self.world_size
        torch.distributed.all_gather_object(values, value)
        return values


SINGLE_PROCESS = ProcessGroup()
"""The group of a process that was not started by torchrun."""


def find_process_group() -> ProcessGroup:
    """Return the group that this process belongs to, from the environment variables that torchrun sets."""
    environment = os.environ
    if not (environment.get("RANK") and environment.get("WORLD_SIZE")) or environment["WORLD_SIZE"] == "1":
        return SINGLE_PROCESS
    try:
        group = ProcessGroup(*(int(environment[name]) for name in _VARIABLES))
    except (KeyError, ValueError):
        group = None
    if not group or not (0 <= group.rank < group.world_size and 0 <= group.local_rank < group.local_world_size):
        raise UsageError(
            f"the variables of torchrun ({', '.join(_VARIABLES)}) are incomplete or contradict each other; "
            "start with torchrun, or unset RANK"
        )
    return group


def is_follower() -> bool:
    """Return whether rank 0 prints for this process."""
    try:
        return not find_process_group().is_rank_zero
    except UsageError:
        return False


@contextlib.contextmanager
def joined() -> Iterator[ProcessGroup]:
    """Join the other processes of a training, if any; yield the group for :func:`~namegen.training.train.train`.

    Raises:
        RankError: another process has ended.
    """
    group = find_process_group()
    if group.is_single:
        yield group
        return
    with required("torch"):
        import torch
        from torch import distributed

    store, rank, world_size = next(distributed.rendezvous("env://", timeout=_TIMEOUT))  # type: ignore[attr-defined]
    gpus = torch.cuda.is_available() and distributed.is_nccl_available()
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if gpus else "gloo",
        # A second group of the same processes must not find the addresses of the first one in the store.
        store=distributed.PrefixStore(f"namegen/{next(_joins)}", store),  # type: ignore[attr-defined]
        rank=rank,
        world_size=world_size,
        timeout=_TIMEOUT,
    )
    try:
        yield group
    except RuntimeError as error:
        if isinstance(error, distributed.DistError) or "gloo" in str(error) or "NCCL" in str(error):
            raise RankError(
                "another process of this training has ended or cannot be reached; resume from the last checkpoint"
            ) from error
        raise
    finally:
        with contextlib.suppress(RuntimeError):  # if another process has died
            distributed.destroy_process_group()


def _call(action: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """Call a function, and return its result or its exception."""
    try:
        return action(), None
    except Exception as error:  # noqa: BLE001 - the other ranks must learn of any error
        return None, error


def _shared_error(error: Exception | None) -> NamegenError | None:
    """Return the exception that the other ranks raise for one of this rank's."""
    if error is None or isinstance(error, NamegenError):
        return error
    return RankError(f"another process of this training has failed ({type(error).__name__})")

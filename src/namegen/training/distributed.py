"""Several processes that train one network together: on one machine or on many, each on a processor or GPU of its own.

torchrun starts them, and tells each by its environment which one it is, its *rank*, from 0, and how many there are.
Every rank draws the same batches, and deals the names of each out as one deals cards: rank r of R takes every R-th one,
from the r-th on. DistributedDataParallel (Li et al. 2020, "PyTorch Distributed: Experiences on Accelerating Data
Parallel Training") averages their gradients, so that all take the same step; each weighs its names R-fold, and so the
average is the gradient of the whole batch, however many letters each has.

Rank 0 alone reads and writes files. What only it knows, or has to decide, it tells the others
(:meth:`Ranks.of_first`), its errors among them: so all of them do the same, and end alike. These messages are pickles,
by way of torch: ranks trust one another.

A process that nobody has started as one of several is :data:`ALONE`: then all of this is as if it were not there.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import os
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from namegen.errors import NamegenError, RankError, UnmetError, UsageError, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch
    from numpy.typing import NDArray

    from namegen.config import TrainingConfig

    T = TypeVar("T")


_PATIENCE = 600  # seconds that one waits for another, as for names to be read; whoever has ended is noticed at once


_NUMBERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")


_RENDEZVOUS = ("MASTER_ADDR", "MASTER_PORT")


_TRY, _TRIES = "TORCHELASTIC_RESTART_COUNT", "TORCHELASTIC_MAX_RESTARTS"


_MAX_DIGITS = 6


_times = itertools.count()  # that this process has joined others


@dataclass(frozen=True)
class Ranks:
    """Which process this is of those that train one network together.

    Attributes:
        rank: its number, from 0.
        world: how many there are.
        local_rank: its number among those of the same machine.
        local_world: how many there are on the same machine.
        restarted: whether torchrun had to start them anew, as one of them died.
        launch: what those have in common that the same torchrun starts on this machine, one after the other; empty if
            it starts nobody anew.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1
    restarted: bool = False
    launch: str = ""

    @property
    def alone(self) -> bool:
        """Whether there is this process only."""
        return self.world == 1

    @property
    def is_first(self) -> bool:
        """Whether this process reads, writes and speaks for all of them."""
        return self.rank == 0

    @property
    def share(self) -> slice:
        """Which names of a batch, or of whatever else all ranks have alike, are dealt to this one."""
        return slice(self.rank, None, self.world)

    @property
    def spawn_key(self) -> tuple[int, ...]:
        """What keeps its random numbers apart from those of the other ranks, for numpy's ``SeedSequence``."""
        return () if self.alone else (self.rank,)

    def check(self, config: TrainingConfig) -> None:
        """See that a training is one that several processes can share.

        Raises:
            UsageError: it is not.
        """
        if self.alone:
            return
        if config.recipe == "tutorial":
            raise UsageError("the tutorial's recipe learns one name at a time, alone; start it without torchrun")
        least = min(stage.batch_size for stage in config.stages)
        if least < self.world:
            raise UsageError(
                f"{self.world} processes cannot share batches of {least}; use a larger --batch-size or fewer processes"
            )

    def collect(self, shares: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Put together what was dealt out, each array in its order again, on every rank.

        Args:
            shares: of each array what this rank has, by :attr:`share`.
        """
        if self.alone:
            return list(shares)
        wholes = []
        for dealt in zip(*self._from_all(shares), strict=True):
            whole = np.empty(sum(map(len, dealt)), dtype=dealt[0].dtype)
            for rank, share in enumerate(dealt):
                whole[rank :: self.world] = share
            wholes.append(whole)
        return wholes

    def any(self, flag: bool) -> bool:
        """Whether something is so on any rank."""
        if self.alone:
            return flag
        import torch

        flags = torch.tensor([int(flag)])
        with connected():
            torch.distributed.all_reduce(flags)
        return bool(flags)

    def of_first(self, action: Callable[[], T]) -> T:
        """Do something on rank 0 alone, and return its result on every rank.

        Raises:
            NamegenError: the action's own, on every rank.
        """
        if self.alone:
            return action()
        import torch

        result, error = _outcome(action) if self.is_first else (None, None)
        told = [(result, _as_told(error))]
        with connected():
            torch.distributed.broadcast_object_list(told)
        result, told_error = told[0]
        error = error or told_error
        if error:
            raise error
        return cast("T", result)

    def together(self, action: Callable[[], T]) -> T:
        """Do something on every rank, each for a result of its own; where it fails on one, it fails on all.

        Raises:
            NamegenError: the action's own; of several the first rank's.
        """
        if self.alone:
            return action()
        result, error = _outcome(action)
        for rank, told in enumerate(self._from_all(_as_told(error))):
            if error and not isinstance(error, NamegenError):
                raise error
            if told:
                raise type(told)(f"process {rank}: {told}" if rank else str(told)) from error
        return cast("T", result)

    def wrap(self, network: torch.nn.Module, device: torch.device) -> torch.nn.Module:
        """Return a network, which is on a device, as one whose gradients are averaged over all ranks.

        Its weights become those that it has on rank 0.
        """
        if self.alone:
            return network
        from torch.nn.parallel import DistributedDataParallel

        with connected():
            return DistributedDataParallel(network, device_ids=[device.index] if device.type == "cuda" else None)

    def _from_all(self, value: object) -> list[Any]:
        """Return what each rank gives, by their numbers."""
        import torch

        values: list[Any] = [None] * self.world
        with connected():
            torch.distributed.all_gather_object(values, value)
        return values


ALONE = Ranks()
"""A process that nobody has started as one of several."""


def from_environment() -> Ranks:
    """Return which process this is, by what torchrun, or whoever does as it does, has put into the environment.

    Raises:
        UsageError: it says that this is one of several processes, but not how to find the others.
    """
    given = {name: os.environ.get(name, "") for name in (*_NUMBERS, *_RENDEZVOUS)}
    if not (given["RANK"] and given["WORLD_SIZE"]):
        return ALONE
    restarted, launch = os.environ.get(_TRY, "0") != "0", _launch()
    if given["WORLD_SIZE"] == "1":
        return Ranks(restarted=restarted, launch=launch)
    if missing := [name for name, value in given.items() if not value]:
        raise UsageError(
            f"RANK and WORLD_SIZE say that this is one of several processes, but {missing[0]} is not set; "
            "start them with torchrun, or take RANK out of the environment"
        )
    rank, world, local_rank, local_world = (_number(name, given[name]) for name in _NUMBERS)
    if not (rank < world and local_rank < local_world <= world):
        raise UsageError(f"the environment has RANK {rank} of WORLD_SIZE {world}; start with torchrun")
    return Ranks(rank, world, local_rank, local_world, restarted, launch)


def _launch() -> str:
    """Return what tells this torchrun from others: the id of its job, which may recur, its process and its machine."""
    if os.environ.get(_TRIES, "0") == "0":
        return ""
    return f"{os.environ.get('TORCHELASTIC_RUN_ID', '')!r} {os.getppid()} {platform.node()}"


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) <= _MAX_DIGITS):
        raise UsageError(f"the environment has {name} {shorten(value)!r}, which is no number; start with torchrun")
    return int(value)


def is_follower() -> bool:
    """Whether this process is one of several, and not the first, which speaks for all of them."""
    try:
        return not from_environment().is_first
    except UsageError:
        return False


@contextlib.contextmanager
def joined() -> Iterator[Ranks]:
    """Join the other processes of a training, if there are any, while the body runs.

    An exception that leaves the body, and all that it came of, lose the local variables in their tracebacks then.

    Raises:
        UnmetError: they cannot be found.
        RankError: later, when one has ended.
    """
    ranks = from_environment()
    if ranks.alone:
        yield ranks
        return
    _find_the_others(ranks)
    try:
        with connected():
            yield ranks
    except BaseException as error:
        # Whatever these frames hold of the network holds on to the group, which must be gone before Python ends.
        _clear_frames(error)
        with contextlib.suppress(RuntimeError):  # with nobody at the other end, why it ended matters more
            _part()
        raise
    _part()


def _part() -> None:
    """End torch's group of processes, with all that holds on to it."""
    import gc

    from torch import distributed

    gc.collect()
    distributed.destroy_process_group()


def _clear_frames(error: BaseException) -> None:
    """Forget the local variables of where an exception passed, and of where all those did that it came of."""
    import traceback

    reasons: list[BaseException | None] = [error]
    cleared: set[int] = set()
    while reasons:
        reason = reasons.pop()
        if reason is not None and id(reason) not in cleared:
            cleared.add(id(reason))
            traceback.clear_frames(reason.__traceback__)
            reasons += [reason.__cause__, reason.__context__]


def _find_the_others(ranks: Ranks) -> None:
    """Begin torch's group of processes."""
    import torch
    from torch import distributed

    if not distributed.is_available():
        raise UnmetError("this build of torch is for one process only; start without torchrun, or install another")
    # Whoever comes again finds in the store where the processes were before. So each time has a place of its own there;
    # but how often torchrun has started them, several machines may count differently (pytorch/pytorch#135712).
    place, one_machine = f"namegen/{next(_times)}", ranks.local_world == ranks.world
    if one_machine:
        place += f"/{os.environ.get(_TRY, '')}"
    elif ranks.restarted and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
        raise UnmetError(
            "torchrun has started the processes anew, which on several machines works with "
            "TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 in its environment only; start again with --resume"
        )
    patience = dt.timedelta(seconds=_PATIENCE)
    gpus = torch.cuda.is_available() and distributed.is_nccl_available()
    try:
        store, rank, world = next(distributed.rendezvous("env://", timeout=patience))  # type: ignore[attr-defined]
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if gpus else "gloo",
            store=distributed.PrefixStore(place, store),  # type: ignore[attr-defined]
            rank=rank,
            world_size=world,
            timeout=patience,
        )
    except (RuntimeError, ValueError) as error:
        raise UnmetError(f"the processes of the training cannot find each other: {error}") from error


@contextlib.contextmanager
def connected() -> Iterator[None]:
    """Say in one way, while the body runs, that another rank has ended or is out of reach.

    Raises:
        RankError: it is so.
    """
    try:
        yield
    except RuntimeError as error:
        import torch

        of_torch = torch.distributed.is_available() and isinstance(error, torch.distributed.DistError)
        if not (of_torch or "gloo" in str(error) or "NCCL" in str(error)):
            raise
        raise RankError("another process of this training has ended, or cannot be reached any more") from error


def _outcome(action: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """Do something, and return its result, or the exception that it ended in."""
    try:
        return action(), None
    except Exception as error:  # noqa: BLE001 - the others have to hear of any
        return None, error


def _as_told(error: Exception | None) -> NamegenError | None:
    """Return an exception as the other ranks hear of it: what is only of the machine it happened on says itself."""
    if error is None or isinstance(error, NamegenError):
        return error
    return RankError(f"another process of this training has failed ({type(error).__name__})")

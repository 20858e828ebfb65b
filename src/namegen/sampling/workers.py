"""Compute results in worker processes and return them in order.

Workers are started with the method ``spawn``, which is safe if this process has threads and works the same on every
system. A worker has one BLAS thread. It ignores Ctrl-C, which the terminal sends to it too, and ends if this process
does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from namegen.errors import NamegenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from typing_extensions import Self

_Setup = TypeVar("_Setup")
_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Workers(Generic[_Setup, _Task, _Result]):
    """Worker processes that all compute the same function.

    The processes start at the first task. As a context manager, it ends them at once when the body ends.

    Args:
        jobs: the number of processes.
        build: builds the function, in each worker; it must be a function of a module.
        setup: the argument of ``build``.
    """

    def __init__(self, jobs: int, build: Callable[[_Setup], Callable[[_Task], _Result]], setup: _Setup) -> None:
        self._jobs, self._build, self._setup = jobs, build, setup
        self._context = _Context()
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._context.processes:
            process.kill()
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def map(self, tasks: Iterable[_Task]) -> Iterator[_Result]:
        """Yield the result of each task, in order. Few tasks are read ahead, and few results wait.

        Raises:
            NamegenError: a worker has ended unexpectedly.
        """
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                self._jobs, self._context, initializer=_initialize, initargs=(self._build, self._setup)
            )
        waiting: deque[Any] = deque()
        try:
            for task in tasks:
                waiting.append(self._executor.submit(_compute, task))
                if len(waiting) > self._jobs + 1:  # one waits, so that no worker does
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise NamegenError(
                "a worker process ended unexpectedly: it was killed, or there is not enough memory; use fewer --jobs"
            ) from None
        finally:
            for future in waiting:
                future.cancel()


class _Process(SpawnProcess):
    """A worker process, in which Ctrl-C has no effect and BLAS has one thread from the start."""

    def start(self) -> None:
        with _block_interrupt(), _limit_threads():
            super().start()


class _Context(SpawnContext):
    """Starts worker processes and remembers them, for ending them.

    Attributes:
        processes: the processes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[_Process] = []

    def Process(self, *args: Any, **kwargs: Any) -> _Process:  # type: ignore[override] # noqa: ANN401, N802 - as in the base class
        """Return a new process."""
        process = _Process(*args, **kwargs)
        self.processes.append(process)
        return process


@contextmanager
def _block_interrupt() -> Iterator[None]:
    """Delay Ctrl-C in this thread; processes started in the body never get it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _limit_threads() -> Iterator[None]:
    """Give processes started in the body one BLAS thread: libraries read these variables when they are loaded."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_build: Callable[[Any], Callable[[Any], Any]]  # of this worker
_setup: Any
_function: Callable[[Any], Any] | None = None


def _initialize(build: Callable[[Any], Callable[[Any], Any]], setup: object) -> None:
    """Prepare this worker."""
    global _build, _setup
    _build, _setup = build, setup
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _compute(task: object) -> object:
    """Return the result of a task, in this worker."""
    global _function  # noqa: PLW0603 - the state of the process
    if _function is None:  # not in the initializer, whose exceptions do not reach the caller
        _function = _build(_setup)
    return _function(task)


def _end_with_parent() -> None:
    """Wait until the parent process has ended, and end this one."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

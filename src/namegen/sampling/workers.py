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
from contextlib import contextmanager, suppress
from multiprocessing import connection
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast

from namegen.errors import NamegenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from typing_extensions import Self

    _Pipe = Connection

_Setup = TypeVar("_Setup")
_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class _Function(NamedTuple):
    """A function that workers compute: ``build(setup)``."""

    build: Callable[[Any], Callable[[Any], Any]]
    setup: Any


class Workers(Generic[_Setup, _Task, _Result]):
    """Worker processes that all compute the same function.

    The processes start at the first task. As a context manager, it ends them at once when the body ends.

    A pipe leads to each process, and only that process has its other end. So if a process ends at any moment, reading
    from its pipe and writing to it fail. With ``concurrent.futures``, a process that is killed while it starts or
    returns a result can leave the caller waiting forever.

    Args:
        jobs: the number of processes.
        build: builds the function, in each worker; it must be a function of a module.
        setup: the argument of ``build``.
    """

    def __init__(self, jobs: int, build: Callable[[_Setup], Callable[[_Task], _Result]], setup: _Setup) -> None:
        self._jobs, self._function, self._is_sent = jobs, _Function(build, setup), False
        self._processes: list[SpawnProcess] = []
        self._idle: list[_Pipe] = []
        self._busy: dict[_Pipe, int | None] = {}  # the number of the task, None if its result is no longer needed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.join()
        for pipe in (*self._idle, *self._busy):
            pipe.close()

    def rebuild(self, build: Callable[[_Setup], Callable[[_Task], _Result]], setup: _Setup) -> None:
        """Let all processes compute another function from now on; ``build`` and ``setup`` are as for the class."""
        self._function = _Function(build, setup)
        self._is_sent = False

    def map(self, tasks: Iterable[_Task]) -> Iterator[_Result]:
        """Yield the result of each task, in order. Few tasks are read ahead, and few results wait.

        Raises:
            NamegenError: a worker has ended unexpectedly.
        """
        numbered = enumerate(tasks)
        answers: dict[int, tuple[_Result, Exception | None]] = {}
        place, is_done = 0, False  # the next result to yield; whether all tasks have been read
        try:
            self._start()
            self._send_function()
            while True:
                while self._idle and len(self._busy) + len(answers) < 2 * self._jobs:
                    number, task = next(numbered, (-1, None))
                    if number < 0:
                        is_done = True
                        break
                    pipe = self._idle.pop()
                    self._busy[pipe] = number
                    pipe.send(task)
                if place in answers:
                    result, error = answers.pop(place)
                    if error is not None:
                        raise error
                    yield result
                    place += 1
                elif self._is_waiting() or not (is_done or self._idle):
                    answers |= self._receive()
                else:
                    return
        except (EOFError, ConnectionError):
            raise NamegenError(
                "a worker process ended unexpectedly: it was killed, or there is not enough memory; use fewer --jobs"
            ) from None
        finally:
            self._busy = dict.fromkeys(self._busy)

    def _start(self) -> None:
        """Start the processes, unless they have started."""
        if self._processes:
            return
        context = multiprocessing.get_context("spawn")
        with _block_interrupt(), _limit_threads():
            for _ in range(self._jobs):
                ours, theirs = context.Pipe()
                self._idle.append(ours)
                process = context.Process(target=_work, args=(theirs,), daemon=True)
                self._processes.append(process)
                process.start()
                theirs.close()

    def _send_function(self) -> None:
        """Send the function to all processes, unless they have it.

        It is not an argument of the processes, as they may end before they have read it.
        """
        if not self._is_sent:
            for pipe in (*self._idle, *self._busy):
                pipe.send(self._function)
        self._is_sent = True

    def _is_waiting(self) -> bool:
        """Return whether a result is expected."""
        return any(number is not None for number in self._busy.values())

    def _receive(self) -> dict[int, tuple[_Result, Exception | None]]:
        """Wait for answers, and return those still needed, by the numbers of their tasks."""
        answers = {}
        for ready in connection.wait(list(self._busy)):
            pipe = cast("_Pipe", ready)
            try:
                answer = pipe.recv()
            except OSError as error:  # in the middle of an answer
                raise EOFError from error
            number = self._busy.pop(pipe)
            self._idle.append(pipe)
            if number is not None:
                answers[number] = answer
        return answers


@contextmanager
def _block_interrupt() -> Iterator[None]:
    """Delay Ctrl-C in this thread; processes started in the body never get it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # it would start with the first process, and unblock the signal
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


def _work(pipe: _Pipe) -> None:
    """Compute results in this process, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, ConnectionError):
        function: Callable[[Any], Any] | None = None
        while True:
            task = pipe.recv()
            if isinstance(task, _Function):
                (build, setup), function = task, None
                continue
            answer: tuple[Any, Exception | None]
            try:
                function = function or build(setup)
                answer = (function(task), None)
            except Exception as error:  # noqa: BLE001 - the parent process raises it
                answer = (None, error)
            pipe.send(answer)


def _end_with_parent() -> None:
    """Wait until the parent process has ended, and end this one."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

"""How signals end the program: in order, and whichever it is in the same way."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING

from namegen.errors import NamegenError, RankError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from typing_extensions import Self


def stop_signals() -> list[int]:
    """Return the numbers of the signals that ask a program to stop, without those that its caller has it ignore.

    Ignored ones stay so: nohup does that with SIGHUP.
    """
    if threading.current_thread() is not threading.main_thread():
        return []  # only the main thread may have signals
    names = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]


class _Signals:
    """Deals with the signals that ask to stop while the body runs; afterwards they do what they did before."""

    def __init__(self) -> None:
        self._before: dict[int, object] = {}

    def begin(self) -> None:
        """Deal with them from now on, until the process ends unless this is a context."""
        self._before = {number: signal.signal(number, self._hear) for number in stop_signals()}

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        """Deal with a signal."""


class EndedBySignals(_Signals):
    """Has signals that ask to stop end the body by an exception, so that what it has begun is put away.

    People press Ctrl-C twice, and a terminal that closes may send two signals: the second of two is not heard, as the
    body is being left by then, nor is any after :meth:`over`. A third one is: somebody insists.
    """

    def __init__(self) -> None:
        super().__init__()
        self._heard, self._over = False, False

    def over(self) -> None:
        """Let signals do nothing from now on: the program is about to end anyway."""
        self._over = True

    def ignore(self) -> None:
        """Ignore signals for good: the interpreter gives handlers up when it ends, and what is ignored stays so."""
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        first = not self._heard  # asked once: the second of two may come right here, and must not undo the first
        self._heard = first
        if first and not self._over:
            raise SystemExit(128 + number)


class NotedSignals(_Signals):
    """Has the signals that ask to stop only noted, by a body that must not be left in the middle.

    Attributes:
        received: the number of the first signal; 0 until there was one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.received = 0

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            if signal.getsignal(number) == self._hear:  # else the body has them ignored, for its last words
                signal.signal(number, before)  # type: ignore[arg-type]

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        self.received = self.received or number


@contextlib.contextmanager
def last_words(*, aloud: bool) -> Iterator[None]:
    """Let nothing keep the body's error from being said: where one process dies, torchrun sends the others a signal.

    That another process has died is said at once, not when all is put away, which without the other one may go wrong.

    Args:
        aloud: whether this process speaks for all of a training.
    """
    try:
        yield
    except NamegenError as error:
        for number in stop_signals():
            signal.signal(number, signal.SIG_IGN)
        if not isinstance(error, RankError):
            raise
        from namegen.cli.terminal import print_error, show_cursor

        if aloud:
            print_error(str(error))
        else:  # it may be the first one that has died, and it hid the cursor
            show_cursor()
        raise SystemExit(error.exit_code) from error


@contextlib.contextmanager
def heard_within(seconds: float, give_up: Callable[[], None]) -> Iterator[None]:
    """End the process, with exit code 1, if the body goes on for so long after a signal that asks to stop.

    Where another process of a training dies at a bad moment, torch waits for it in vain, and Python runs no handler of
    a signal until it comes back: so a thread listens too.

    Args:
        seconds: how long the body has to end by itself.
        give_up: called in that thread just before the end, for the last words.
    """
    numbers, over = stop_signals(), threading.Event()
    if not numbers:
        yield
        return
    ours, theirs = socket.socketpair()
    theirs.settimeout(0)

    def watch() -> None:
        while number := ours.recv(1):
            if number[0] in numbers and not over.wait(seconds):
                try:
                    give_up()
                finally:
                    os._exit(1)

    with ours, theirs:
        before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            over.set()
            theirs.close()
            watcher.join()


def import_torch() -> None:
    """Import torch, which takes a second or more: an exception by a signal in its C++ code would end the process."""
    with NotedSignals() as signals:
        import torch  # noqa: F401 - for whoever needs it next
    if signals.received:
        raise SystemExit(128 + signals.received)

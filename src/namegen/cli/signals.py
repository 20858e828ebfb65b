"""Stop cleanly on Ctrl-C, SIGTERM and SIGHUP."""

from __future__ import annotations

import signal
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from namegen.optional_packages import required

if TYPE_CHECKING:
    from types import FrameType

    from typing_extensions import Self


class _Signals(ABC):
    """Handles the signals that ask a program to stop while the body runs; then restores the previous handlers.

    Ignored signals stay ignored, such as SIGHUP under nohup.
    """

    def __init__(self) -> None:
        self._previous: dict[int, object] = {}

    def install(self) -> None:
        """Install the handlers until the process or the context ends."""
        if threading.current_thread() is not threading.main_thread():
            return  # only the main thread may have handlers
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._previous[number] = signal.signal(number, self._handle)

    def __enter__(self) -> Self:
        self.install()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    @abstractmethod
    def _handle(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal."""


class ExitOnSignal(_Signals):
    """Makes a signal raise ``SystemExit`` with the code 128 + its number.

    The second signal is ignored, so that Ctrl-C pressed twice does not interrupt the clean-up. The third raises again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_exiting = self._is_done = False

    def finish(self) -> None:
        """Ignore further signals, as the program is about to end."""
        self._is_done = True

    def ignore(self) -> None:
        """Ignore the signals until the process has ended; at exit, the interpreter restores the default handlers."""
        for number in self._previous:
            signal.signal(number, signal.SIG_IGN)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._is_exiting, was_exiting = not self._is_exiting, self._is_exiting
        if not was_exiting and not self._is_done:
            raise SystemExit(128 + number)


class StopOnSignal(_Signals):
    """Records signals, for a body that stops by itself.

    Attributes:
        received: the number of the first signal; 0 before.
    """

    def __init__(self) -> None:
        super().__init__()
        self.received = 0

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.received = self.received or number


def import_torch() -> None:
    """Import torch without interruption: an exception in its C++ code would abort the process."""
    with StopOnSignal() as signals, required("torch"):
        import torch  # noqa: F401
    if signals.received:
        raise SystemExit(128 + signals.received)

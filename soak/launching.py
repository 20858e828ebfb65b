"""Start, watch and end the processes in which faults are caused; a start takes milliseconds."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOO_LONG = 180  # seconds after which a run counts as hung


class Run:
    """A run of the command in its own process.

    Attributes:
        pid: its process id.
        arguments: its arguments.
    """

    def __init__(self, launcher: Launcher, pid: int, arguments: list[str], out: Path, err: Path) -> None:
        self.pid, self.arguments = pid, arguments
        self._launcher, self._out, self._err = launcher, out, err
        self._handle = os.pidfd_open(pid)  # refers to this process even if its number is reused
        self._code: int | None = None

    def send(self, number: int) -> None:
        """Send a signal if the process still runs."""
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def runs(self, seconds: float = 0) -> bool:
        """Wait for the end, for some seconds at most, and return whether the process still runs."""
        return self._code is None and not select.select([self._handle], [], [], seconds)[0]

    def wait(self) -> int:
        """Wait for the end and return the exit code, or minus the number of the signal that killed the process.

        Raises:
            TimeoutError: the process hung and was killed.
        """
        if self._code is None:
            hangs = self.runs(_TOO_LONG)
            if hangs:
                self.send(signal.SIGKILL)
                self.runs(_TOO_LONG)
            self._code = self._launcher.reap(self.pid)
            os.close(self._handle)
            if hangs:
                raise TimeoutError(f"{self} hung")
        return self._code

    def forget(self) -> None:
        """Remove the files with its output."""
        self._out.unlink(missing_ok=True)
        self._err.unlink()

    @property
    def out(self) -> str:
        """The standard output so far."""
        return self._out.read_text(encoding="utf-8") if self._out.is_file() else ""

    @property
    def err(self) -> str:
        """The standard error so far."""
        return self._err.read_text(encoding="utf-8")

    def __str__(self) -> str:
        return f"`namegen {' '.join(self.arguments)}`"


class Launcher:
    """Starts runs of the command.

    Attributes:
        folder: a temporary folder, removed when the launcher is closed.
        references: the models of uninterrupted trainings, by the name of the training.
    """

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="namegen-soak-")
        self.folder = Path(self._temporary.name).resolve()
        self.folder.chmod(0o755)  # runs as other users need access
        self._lock, self._count = threading.Lock(), 0
        self.references: dict[str, bytes] = {}
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C in the terminal must not reach the server
        )
        self._answer()

    def __enter__(self) -> Launcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server and remove the folder."""
        if self._server.stdin and self._server.stdout:
            self._server.stdin.close()
            self._server.wait()
            self._server.stdout.close()
        self._temporary.cleanup()

    def start(
        self,
        *arguments: object,
        environment: dict[str, str | None],
        folder: Path,
        stdout: Path | None = None,
        slow_disk: float = 0.0,
        jumping_clock: bool = False,
        file_size: int | None = None,
        user: int | None = None,
        new_interpreter: bool = False,
    ) -> Run:
        """Start a run; see :class:`server.Request` for the arguments.

        Args:
            arguments: the arguments of the command.
            environment: variables to set; ``None`` unsets one.
            folder: the working directory, which also gets the output.
            stdout: the file for standard output; by default a new file in the folder.
            slow_disk: the time to flush a file to the disk, in seconds.
            jumping_clock: whether the clock jumps back at every call.
            file_size: the maximum size of a file, in bytes.
            user: the number of the user to run as.
            new_interpreter: start a new interpreter, as a shell does, instead of forking the server.
        """
        words = [str(argument) for argument in arguments]
        with self._lock:
            self._count += 1
            out, err = (folder / f"{self._count}.{kind}" for kind in ("out", "err"))
            err.touch()
            out = stdout or out
            if new_interpreter:
                changed = {name: value for name, value in environment.items() if value is not None}
                with out.open("wb") as results, err.open("wb") as notes:
                    process = subprocess.Popen(
                        ["env", "--default-signal=INT,TERM,HUP", sys.executable, "-m", "namegen", *words],
                        stdin=subprocess.DEVNULL,
                        stdout=results,
                        stderr=notes,
                        cwd=folder,
                        env={**{n: v for n, v in os.environ.items() if n not in environment}, **changed},
                        start_new_session=True,
                    )
                self._children[process.pid] = process
                return Run(self, process.pid, words, out, err)
            pid = self._ask(
                {
                    "arguments": words,
                    "environment": environment,
                    "folder": str(folder),
                    "stdout": str(out),
                    "stderr": str(err),
                    "slow_disk": slow_disk,
                    "jumping_clock": jumping_clock,
                    "file_size": file_size,
                    "user": user,
                }
            )
        return Run(self, pid, words, out, err)

    def reap(self, pid: int) -> int:
        """Return the exit code of a run that has ended."""
        with self._lock:
            if pid in self._children:
                return self._children.pop(pid).wait()
            return self._ask({"reap": pid})

    def _ask(self, request: dict[str, Any]) -> int:
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(request).encode() + b"\n")
        self._server.stdin.flush()
        return self._answer()

    def _answer(self) -> int:
        assert self._server.stdout is not None
        return int(self._server.stdout.readline())


@contextlib.contextmanager
def tmpfs(folder: Path, size: int) -> Iterator[None]:
    """Mount a file system of some bytes at ``folder`` while the body runs.

    Raises:
        PermissionError: this user may not mount one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def make_read_only(folder: Path) -> None:
    """Make a file system of :func:`tmpfs` read-only."""
    _mount("-o", "remount,ro", str(folder))


def _mount(*words: str) -> None:
    try:
        subprocess.run(["mount", *words], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", "") or error
        raise PermissionError(f"cannot mount a file system: {reason}".strip()) from error


def wait_until(condition: Any, seconds: float = 60) -> None:  # noqa: ANN401 - a call without arguments
    """Wait until a condition is true, testing it every few hundred microseconds.

    Raises:
        TimeoutError: the condition stayed false.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"the moment for a fault did not come within {seconds:g} s")
        time.sleep(0.0003)

"""Start runs of namegen by forking a process that has imported everything, which takes milliseconds.

The server reads requests from standard input, one JSON object per line, and answers each with a number on standard
output:

- ``{"arguments": [...], ...}``, a :class:`Request`, forks a run of the command; the answer is its process id.
- ``{"reap": pid}`` answers with the exit status of a run that has ended, or minus the number of the signal that killed
  it.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from importlib import import_module
from typing import TypedDict

from namegen.cli import main

_BEFOREHAND = (
    "torch",
    "unidecode",
    "filelock",
    "platformdirs",
    "regex",
    "pooch",
    "safetensors.numpy",
    "namegen.training.jobs",
    "namegen.training.optimize",
    "namegen.models.networks",
    "namegen.training.trainer",
    "namegen.sampling.generate",
    "namegen.evaluation.metrics",
    "namegen.datasets.readers",
    "namegen.cli.app",
    *(f"namegen.cli.{name}" for name in ("train", "sample", "download", "evaluate", "models", "plot", "progress")),
)


class Request(TypedDict):
    """A run to start.

    Attributes:
        arguments: the arguments of the command.
        environment: variables to set; ``None`` unsets one.
        folder: the working directory.
        stdout: the file for standard output.
        stderr: the file for standard error.
        slow_disk: the time to flush a file to the disk, in seconds.
        jumping_clock: whether the clock jumps back by an hour at every call.
        file_size: the maximum size of a file in bytes, if any.
        user: the number of the user to run as; by default this one.
    """

    arguments: list[str]
    environment: dict[str, str | None]
    folder: str
    stdout: str
    stderr: str
    slow_disk: float
    jumping_clock: bool
    file_size: int | None
    user: int | None


def serve() -> None:
    """Answer requests until there are no more."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # nohup and shells may have let it ignore some
        signal.signal(number, signal.SIG_DFL)
    for name in _BEFOREHAND:
        import_module(name)
    print(os.getpid(), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "reap" in request:
            _, status = os.waitpid(request["reap"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        pid = os.fork()
        if not pid:
            _run(request)
        print(pid, flush=True)


def _run(request: Request) -> None:
    """Become the requested run; this does not return."""
    code = 1
    try:
        _arrange(request)
        code = main(request["arguments"])
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _arrange(request: Request) -> None:
    """Set up the environment of the run."""
    for number, (path, flags) in enumerate(
        [
            (os.devnull, os.O_RDONLY),
            (request["stdout"], os.O_WRONLY | os.O_CREAT),
            (request["stderr"], os.O_WRONLY | os.O_CREAT),
        ]
    ):
        file = os.open(path, flags, 0o666)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - the server's own contains more requests
    os.chdir(request["folder"])
    for name, value in request["environment"].items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    tempfile.tempdir = None  # the server may have found another one
    if request["slow_disk"]:
        _slow_the_disk(request["slow_disk"])
    if request["jumping_clock"]:
        _let_the_clock_jump()
    if request["file_size"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["file_size"],) * 2)
    if request["user"] is not None:
        os.setgroups([])
        os.setgid(request["user"])
        os.setuid(request["user"])


def _slow_the_disk(seconds: float) -> None:
    fsync = os.fsync

    def slow(descriptor: int) -> None:
        time.sleep(seconds)
        fsync(descriptor)

    os.fsync = slow


def _let_the_clock_jump() -> None:
    shown = [time.time()]

    def back() -> float:
        shown[0] -= 3600
        return shown[0]

    time.time = back
    time.time_ns = lambda: int(back() * 1e9)


if __name__ == "__main__":
    serve()

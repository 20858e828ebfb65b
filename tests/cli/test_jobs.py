"""The option --jobs in real processes: bytes, signals and pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from support import NAMEGEN

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are listed in /proc")

ENDLESS = ("sample", "German", "-n", "1000000000", "--seed", "1", "--jobs", "2")


def list_workers(parent: int) -> set[int]:
    """Return the worker processes of a process."""
    workers = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            own, words = (folder / "stat").read_text().rpartition(")")[2].split(), (folder / "cmdline").read_text()
        except OSError:
            continue  # it has just ended
        if own[1] == str(parent) and "spawn_main" in words and own[0] != "Z":
            workers.add(int(folder.name))
    return workers


@pytest.fixture
def running():
    """A process with two workers, in a process group of its own."""
    with subprocess.Popen(
        [*NAMEGEN, *ENDLESS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        process.stdout.readline()
        stop = time.monotonic() + 60
        while len(workers := list_workers(process.pid)) < 2:
            os.read(process.stdout.fileno(), 2**16)
            assert time.monotonic() < stop
        yield process, workers
        process.kill()


def are_gone(processes):
    """Return whether processes end in a moment."""
    for _ in range(200):
        if not any(Path(f"/proc/{process}").exists() for process in processes):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    "arguments",
    [
        ("sample", "German", "-n", "17000"),
        ("sample", "-n", "600", "--novel", "--format", "jsonl", "--scores"),
        ("sample", "German", "-p", "Sch", "-p", "B", "-n", "300", "--unique"),
        ("people", "German", "Spanish", "-n", "40", "--format", "csv"),
    ],
    ids=" ".join,
)
def test_the_output_does_not_depend_on_jobs(arguments):
    one, two = (
        subprocess.run([*NAMEGEN, *arguments, "--seed", "7", "--jobs", jobs], capture_output=True, check=True)
        for jobs in "12"
    )

    assert two.stdout == one.stdout
    assert (one.stdout.count(b"\n") > 30, two.stderr) == (True, b"")


@pytest.mark.parametrize("to_group", [False, True])
def test_ctrl_c_ends_workers_too_without_a_traceback(running, to_group):
    process, workers = running
    (os.killpg if to_group else os.kill)(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (130, b"")
    assert are_gone(workers)


def test_a_closed_pipe_ends_workers_too(running):
    process, workers = running
    process.stdout.close()

    assert (process.wait(timeout=60), process.stderr.read()) == (141, b"")
    assert are_gone(workers)


def test_a_killed_worker_is_one_line(running):
    process, workers = running
    os.kill(min(workers), signal.SIGKILL)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 1
    assert err == (
        b"Error: a worker process ended unexpectedly: it was killed, or there is not enough memory; use fewer --jobs\n"
    )
    assert are_gone(workers)


def test_workers_end_if_their_parent_is_killed(running):
    process, workers = running
    process.kill()
    process.wait()

    assert are_gone(workers)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--jobs", "x"), "--jobs must be a number of processes or auto"),
        (("--jobs", "0"), "jobs must be a whole number"),
        (("--jobs", "2", "--top", "3", "German"), "leave out --jobs"),
    ],
    ids=str,
)
def test_wrong_usage_is_one_line(options, message):
    done = subprocess.run([*NAMEGEN, "sample", *options], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr

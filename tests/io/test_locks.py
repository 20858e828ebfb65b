"""Locks that one process holds at a time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from namegen.errors import BusyError, NamegenError
from namegen.io.locks import hold_lock

HOLD = (
    "import sys\n"
    "from pathlib import Path\n"
    "from namegen.io.locks import hold_lock\n"
    "with hold_lock(Path(sys.argv[1]), 'training x'):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds ``tmp_path/locks/x.lock`` until its standard input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "locks" / "x.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        if process.poll() is None:
            process.kill()


@pytest.mark.parametrize("end", ["exit", "kill"])
def test_a_lock_is_held_until_its_process_ends(tmp_path, holder, end):
    lock = tmp_path / "locks" / "x.lock"
    for _ in range(2):  # a refused process does not disturb the holder
        with (
            pytest.raises(BusyError, match=f"^process {holder.pid} is already training x; wait for it to end"),
            hold_lock(lock, "training x"),
        ):
            pytest.fail("two processes hold one lock")
    if end == "kill":
        holder.kill()
    holder.communicate("")
    with hold_lock(lock, "training x"):
        assert (tmp_path / "locks" / "x.pid").read_text() == f"{os.getpid()}\n"


def test_a_lock_is_released_after_an_error_and_the_process_id_removed(tmp_path):
    lock = tmp_path / "x.lock"
    with pytest.raises(ZeroDivisionError), hold_lock(lock, "training x"):
        raise ZeroDivisionError
    assert not (tmp_path / "x.pid").exists()
    with hold_lock(lock, "training x"):
        assert (tmp_path / "x.pid").exists()


def test_a_lock_that_cannot_be_created_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NamegenError, match="cannot lock "), hold_lock(tmp_path / "file" / "x.lock", "training x"):
        pytest.fail("there is no such lock")


def test_a_holder_whose_process_id_cannot_be_read_is_another_process(tmp_path):
    lock = tmp_path / "x.lock"
    with hold_lock(lock, "training x"):
        (tmp_path / "x.pid").unlink()
        with pytest.raises(BusyError, match="another process is already training x"), hold_lock(lock, "training x"):
            pytest.fail("a lock is held twice")

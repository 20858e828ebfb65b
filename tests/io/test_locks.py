"""Locks that one process holds at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from namegen.errors import BusyError, NamegenError
from namegen.io.locks import hold_lock

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")

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


def test_a_second_process_is_told_who_holds_the_lock_and_for_what(tmp_path, holder):
    with (
        pytest.raises(BusyError, match=f"^process {holder.pid} is already training x; wait for its end"),
        hold_lock(tmp_path / "locks" / "x.lock", "training x"),
    ):
        pytest.fail("two processes hold one lock")


def test_being_refused_does_not_disturb_the_holder(tmp_path, holder):
    for _ in range(2):
        with pytest.raises(BusyError, match=f"process {holder.pid} "), hold_lock(tmp_path / "locks" / "x.lock", "x"):
            pytest.fail("two processes hold one lock")


def test_another_lock_is_free(tmp_path, holder):
    with hold_lock(tmp_path / "locks" / "y.lock", "training y"):
        pass


def test_a_lock_is_free_again_when_its_holder_is_done(tmp_path, holder):
    holder.communicate("")
    assert holder.returncode == 0
    with hold_lock(tmp_path / "locks" / "x.lock", "training x"):
        pass


@posix
def test_a_lock_is_free_again_when_its_holder_was_killed(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with hold_lock(tmp_path / "locks" / "x.lock", "training x"):
        assert (tmp_path / "locks" / "x.pid").read_text() == f"{os.getpid()}\n"


def test_a_lock_is_free_again_after_an_error_in_the_body(tmp_path):
    lock = tmp_path / "x.lock"
    with pytest.raises(ZeroDivisionError), hold_lock(lock, "training x"):
        raise ZeroDivisionError
    with hold_lock(lock, "training x"):
        pass


def test_the_process_id_goes_when_the_lock_is_released(tmp_path):
    with hold_lock(tmp_path / "x.lock", "training x"):
        assert (tmp_path / "x.pid").exists()
    assert not (tmp_path / "x.pid").exists()


def test_a_lock_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NamegenError, match="cannot lock "), hold_lock(tmp_path / "file" / "x.lock", "training x"):
        pytest.fail("there is no such lock")


def test_models_whose_names_begin_alike_do_not_share_a_process_id(tmp_path):
    with hold_lock(tmp_path / "model-a.lock", "training a"), hold_lock(tmp_path / "model-a.b.lock", "training a.b"):
        assert {path.name for path in tmp_path.glob("*.pid")} == {"model-a.pid", "model-a.b.pid"}


@pytest.mark.parametrize("written", [b"", None, b"\xff"], ids=["not yet written", "just removed", "damaged"])
def test_a_holder_whose_process_id_cannot_be_read_is_another_process(tmp_path, holder, written):
    pid = tmp_path / "locks" / "x.pid"
    pid.unlink()
    if written is not None:
        pid.write_bytes(written)
    with (
        pytest.raises(BusyError, match=r"^another process is already training x; "),
        hold_lock(tmp_path / "locks" / "x.lock", "training x"),
    ):
        pytest.fail("two processes hold one lock")

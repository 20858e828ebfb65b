"""Files that are whole or unchanged."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from namegen.errors import NamegenError
from namegen.io.files import check_writable, remove_leftovers, write_atomically

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


@pytest.fixture
def file(tmp_path):
    """The path of a file in a folder of its own."""
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder" / "file.bin"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def run_python(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_a_new_file_gets_its_content_and_nothing_else_appears(file):
    write_atomically(file, b"new")
    assert contents(file.parent) == {"file.bin": b"new"}


def test_folders_on_the_way_are_made(tmp_path):
    write_atomically(tmp_path / "a" / "b" / "file.bin", b"new")
    assert contents(tmp_path / "a" / "b") == {"file.bin": b"new"}


def test_an_older_file_is_replaced(file):
    file.write_bytes(b"older and longer")
    write_atomically(file, b"new")
    assert contents(file.parent) == {"file.bin": b"new"}


@posix
def test_a_reader_of_the_older_file_goes_on_reading_it_whole(file):
    file.write_bytes(b"older")
    with file.open("rb") as reader:
        write_atomically(file, b"new")
        assert reader.read() == b"older"


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_the_permissions_of_a_file_that_is_replaced_stay(file, mode):
    file.write_bytes(b"older")
    file.chmod(mode)
    write_atomically(file, b"new")
    assert stat.S_IMODE(file.stat().st_mode) == mode


@posix
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_permissions_of_a_new_file_follow_the_umask(file, umask, mode):
    before = os.umask(umask)
    try:
        write_atomically(file, b"new")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == mode


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.chmod", "pathlib.Path.replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_whatever_fails_leaves_the_older_file_and_nothing_else(file, monkeypatch, step, error):
    file.write_bytes(b"older")

    def fail(*_arguments):
        raise error

    monkeypatch.setattr(step, fail)
    with pytest.raises((NamegenError, KeyboardInterrupt)):
        write_atomically(file, b"new")
    monkeypatch.undo()
    assert contents(file.parent) == {"file.bin": b"older"}


def test_the_content_is_on_the_disk_before_the_file_takes_its_name(file, monkeypatch):
    steps = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (steps.append("flush"), fsync(descriptor)))
    monkeypatch.setattr(Path, "replace", lambda *names: (steps.append("rename"), replace(*names)))
    write_atomically(file, b"new")
    assert steps[:2] == ["flush", "rename"]


@posix
def test_the_folder_is_flushed_after_the_rename(file, monkeypatch):
    flushed = []
    fsync = os.fsync

    def record(descriptor):
        flushed.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), file.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    write_atomically(file, b"new")
    assert flushed == [(False, False), (True, True)]


def test_a_file_system_that_cannot_flush_folders_is_no_error(file, monkeypatch):
    fsync = os.fsync

    def refuse_folders(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    write_atomically(file, b"new")
    assert contents(file.parent) == {"file.bin": b"new"}


@posix
def test_a_disk_that_fills_up_leaves_the_older_file_and_one_clear_error(file):
    file.write_bytes(b"older")
    done = run_python(
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from namegen.errors import NamegenError\n"
        "from namegen.io.files import write_atomically\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    write_atomically(Path(sys.argv[1]), bytes(100_000))\n"
        "except NamegenError as error:\n"
        "    print(error)\n",
        file,
    )
    assert done.stdout.startswith(f"cannot write {file}: File too large; make room"), done.stderr
    assert contents(file.parent) == {"file.bin": b"older"}


def test_a_folder_in_the_place_of_the_file_is_one_clear_error(file):
    file.mkdir()
    with pytest.raises(NamegenError, match=r"cannot write .*file\.bin: "):
        write_atomically(file, b"new")
    assert [path.name for path in file.parent.iterdir()] == ["file.bin"]


def test_a_file_in_the_place_of_the_folder_is_one_clear_error(file):
    file.write_bytes(b"a file")
    with pytest.raises(NamegenError, match=r"cannot write .*; make room or permit it, or choose another place"):
        write_atomically(file / "model", b"new")


def test_checking_a_folder_makes_it_and_leaves_nothing_in_it(tmp_path):
    check_writable(tmp_path / "a" / "b" / "file")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_checking_a_folder_that_cannot_be_made_is_one_clear_error(file):
    file.write_bytes(b"a file")
    with pytest.raises(NamegenError, match=r"cannot write to .*; permit it, or choose another place"):
        check_writable(file / "model")


@posix
@pytest.mark.parametrize("written", ["link.bin", "file.bin"])
def test_what_killed_writers_left_is_found_by_whatever_path_the_file_is_meant(file, tmp_path, written):
    (file.parent / "link.bin").symlink_to(tmp_path / "elsewhere.bin")
    target = tmp_path / "elsewhere.bin" if written == "link.bin" else file
    left = target.with_name(f".{target.name}.abcd_123.tmp")
    of_others = [target.with_name(f".{name}.abcd_123.tmp") for name in (f"other-{target.name}", f"{target.name}.v2")]
    for temporary in (left, *of_others):
        temporary.touch()
    remove_leftovers(file.parent / written)
    assert not left.exists()
    assert all(temporary.exists() for temporary in of_others)


@posix
def test_what_a_check_that_was_killed_leaves_is_among_what_is_removed(file):
    run_python(
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from namegen.io.files import check_writable\n"
        "os.close = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "check_writable(Path(sys.argv[1]))\n",
        file,
    )
    assert len(contents(file.parent)) == 1
    remove_leftovers(file)
    assert not contents(file.parent)


def test_what_is_no_regular_file_cannot_be_written(tmp_path):
    (tmp_path / "m").mkdir()
    for writes in (check_writable, lambda path: write_atomically(path, b"x")):
        with pytest.raises(NamegenError, match=r"cannot write .*m: it is not a regular file; choose another place"):
            writes(tmp_path / "m")

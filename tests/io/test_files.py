"""Files are complete or unchanged, whatever happens while they are written."""

from __future__ import annotations

import os
import stat
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


def test_a_new_file_is_written_and_its_folders_are_created(tmp_path):
    write_atomically(tmp_path / "a" / "b" / "file.bin", b"new")
    assert contents(tmp_path / "a" / "b") == {"file.bin": b"new"}


@posix
def test_a_file_is_replaced_while_a_reader_keeps_the_older_one(file):
    file.write_bytes(b"older")
    with file.open("rb") as reader:
        write_atomically(file, b"new")
        assert reader.read() == b"older"
    assert contents(file.parent) == {"file.bin": b"new"}


@posix
def test_the_target_of_a_link_is_replaced_and_the_link_stays(file, tmp_path):
    file.symlink_to(tmp_path / "target.bin")
    write_atomically(file, b"new")
    assert file.is_symlink()
    assert (tmp_path / "target.bin").read_bytes() == b"new"


@posix
@pytest.mark.parametrize("mode", [0o600, 0o755])
def test_the_permissions_of_a_replaced_file_stay(file, mode):
    file.write_bytes(b"older")
    file.chmod(mode)
    write_atomically(file, b"new")
    assert stat.S_IMODE(file.stat().st_mode) == mode


@posix
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
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
def test_a_failure_leaves_the_older_file_and_nothing_else(file, monkeypatch, step, error):
    file.write_bytes(b"older")

    def fail(*_arguments):
        raise error

    monkeypatch.setattr(step, fail)
    with pytest.raises((NamegenError, KeyboardInterrupt)) as caught:
        write_atomically(file, b"new")
    monkeypatch.undo()
    assert contents(file.parent) == {"file.bin": b"older"}
    if isinstance(error, OSError):
        assert str(caught.value).startswith(
            f"cannot write {file}: No space left on device; free space or fix the permissions"
        )


@posix
def test_the_content_is_flushed_before_the_rename_and_the_folder_after_it(file, monkeypatch):
    flushed = []
    fsync = os.fsync

    def record(descriptor):
        flushed.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), file.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    write_atomically(file, b"new")
    assert flushed == [(False, False), (True, True)]


def test_a_file_system_that_cannot_flush_folders_is_not_an_error(file, monkeypatch):
    fsync = os.fsync

    def refuse_folders(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    write_atomically(file, b"new")
    assert contents(file.parent) == {"file.bin": b"new"}


@pytest.mark.parametrize("write", [check_writable, lambda path: write_atomically(path, b"x")])
def test_what_cannot_be_written_is_one_clear_error(file, write):
    with pytest.raises(NamegenError, match=r"cannot write .*: it is not a regular file; choose another path"):
        write(file.parent)
    file.write_bytes(b"a file")
    with pytest.raises(NamegenError, match=r"cannot write .*fix the permissions, or choose another path"):
        write(file / "model")


def test_checking_a_folder_creates_it_and_leaves_nothing_in_it(tmp_path):
    check_writable(tmp_path / "a" / "b" / "file")
    assert list((tmp_path / "a" / "b").iterdir()) == []


@posix
@pytest.mark.parametrize("name", ["link.bin", "file.bin"])
def test_the_temporary_files_of_killed_writers_are_removed_and_no_others(file, tmp_path, monkeypatch, name):
    (file.parent / "link.bin").symlink_to(tmp_path / "target.bin")
    target = tmp_path / "target.bin" if name == "link.bin" else file
    of_others = [target.with_name(f".{other}.abcd_123.tmp") for other in (f"other-{target.name}", f"{target.name}.v2")]
    for temporary in of_others:
        temporary.touch()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_arguments, **_options: None)  # as if the process had been killed
        check_writable(file.parent / name)
    assert len(list(target.parent.glob(".*.tmp"))) == 3
    remove_leftovers(file.parent / name)
    assert sorted(target.parent.glob(".*.tmp")) == sorted(of_others)

"""Cause faults of disks and folders: full, too small, read-only, owned by another user, or missing."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from launching import make_read_only, tmpfs, wait_until
from namegen.datasets.catalogue import CATALOGUE
from sites import Site, Tally

if TYPE_CHECKING:
    from launching import Launcher, Run

NOBODY = 54_321
"""A user without an entry in the list of users, and so without a home folder."""

_MEGABYTE = 2**20


def full_disk(launcher: Launcher) -> Tally:
    """Fill the disk during a run, when a run is stopped, and when the finished model is saved.

    Raises:
        PermissionError: no file system can be mounted.
    """
    tally, folder = Tally("disk full"), launcher.folder / "small"
    with tmpfs(folder, 16 * _MEGABYTE), Site(launcher, tally, "small", folder) as site:
        expected, older = site.uninterrupted(), site.put_older_model()
        filler = folder / "filler"

        _fill(filler)
        run = site.train()
        wait_until(lambda: "Not saved after" in run.err or not run.runs())
        tally.require(not site.checkpoint.exists(), "a checkpoint was saved to a full disk")
        filler.unlink()
        site.check_done(run, "No space left on device", "Saved again after")
        site.check_model(expected, "a disk that was full for a while")

        site.model.write_bytes(older)
        run = site.train(slow_disk=0.02)
        wait_until(lambda: run.err.count("%") > 1 or not run.runs())
        # Replacing a file frees room for the next save, so fill the disk until a save fails.
        wait_until(lambda: _fill(filler) or "Not saved after" in run.err or not run.runs())
        run.send(signal.SIGINT)
        site.check_error(run, "No space left on device", "use --resume to continue")
        site.check_files()
        _fill(filler)  # the file that it was writing is gone
        run = site.train()
        site.check_error(run, "No space left on device", "the finished model is ")
        kept = list(site.temporary.glob("*/names.safetensors"))
        whole = len(kept) == 1 and kept[0].read_bytes() == expected and str(kept[0]) in run.err
        tally.require(whole, f"the finished model is not where the message says: {kept}: {run.err}")
        tally.require(site.model.read_bytes() == older, "the previous model is gone")
        site.check_files()

        site.check_error(_download(site), "No space left on device")
        site.check_error(site.start("plot", "names", "-o", folder / "loss.png"), "No space left on device")
        tally.require(not (folder / "loss.png").exists(), "an incomplete picture")
        site.check_nothing_stray(site.model, site.checkpoint)
        filler.unlink()
        site.finish(expected, "a full disk")
        tally.faults += 5
    return tally


def file_too_large(launcher: Launcher) -> Tally:
    """Exceed a limit on the file size with a model, a checkpoint, a dataset, a picture and results."""
    tally = Tally("file too large, /dev/full")
    with Site(launcher, tally, "small") as site:
        expected, older = site.uninterrupted(), site.put_older_model()
        limit = {"file_size": 30_000}
        site.check_error(site.train(**limit), "File too large", "then train it again")
        tally.require(site.model.read_bytes() == older, "the previous model is gone")
        site.check_nothing_stray(site.model)
        run = site.train()
        wait_until(lambda: site.checkpoint.is_file() or not run.runs())
        run.send(signal.SIGKILL)
        run.wait()
        site.check_error(site.train(**limit), "File too large", "then use --resume")
        tally.require(site.model.read_bytes() == older, "the previous model is gone")
        site.check_files()
        site.check_error(_download(site, **limit), "File too large")
        site.check_error(site.start("plot", "names", "-o", site.outputs / "x.png", file_size=4000), "File too large")
        site.check_error(site.start("sample", "-n", "20000", **limit), "cannot write the results: File too large")
        full = Path("/dev/full")
        for words in (("sample",), ("models",), ("evaluate", "names", "--data", site.names, "-n", "10")):
            site.check_error(site.start(*words, stdout=full), "cannot write the results: No space left on device")
        site.check_error(site.start("train", "-o", full), "not a regular file", code=2)
        (site.outputs / "full.png").symlink_to(full)
        site.check_error(site.start("plot", "names", "-o", site.outputs / "full.png"), "not a regular file")
        site.check_nothing_stray(site.model, site.checkpoint)
        site.finish(expected, "file too large")
        tally.faults += 10
    return tally


def read_only_cache(launcher: Launcher, *, mounted: bool) -> Tally:
    """Use a read-only cache: reading works, and writing gives one error.

    Args:
        launcher: starts the runs.
        mounted: use a file system that is mounted read-only instead of a folder of another user.

    Raises:
        PermissionError: no file system can be mounted.
    """
    tally, folder = Tally("read-only cache"), launcher.folder / ("read-only" if mounted else "not-ours")
    with contextlib.ExitStack() as stack:
        if mounted:
            stack.enter_context(tmpfs(folder, 4 * _MEGABYTE))
        folder.mkdir(exist_ok=True)
        site = stack.enter_context(Site(launcher, tally, folder=folder))
        older = site.put_older_model()
        how = {} if mounted else _another_user()
        reason = "Read-only file system" if mounted else "Permission denied"
        if mounted:
            make_read_only(folder)
        else:
            stack.callback(_allow, site.cache, 0o755)
            _allow(site.cache, 0o555)
        site.outputs.chmod(0o777)
        for words in (
            ("sample", "--model", "names"),
            ("models",),
            ("evaluate", "names", "--data", site.names, "-n", "10"),
        ):
            site.check_done(site.start(*words, **how))
        if mounted:  # another user may not be permitted to import matplotlib
            site.check_done(site.start("plot", "names", "-o", site.outputs / "loss.png"))
        for words in (("train", "--data", site.names, "--model", "names"), ("models", "rm", "names")):
            site.check_error(site.start(*words, **how), reason, "set NAMEGEN_CACHE_DIR")
        site.check_error(_download(site, **how), reason)
        tally.require(site.model.read_bytes() == older, "the previous model is gone")
        site.check_nothing_stray(site.model)
        tally.faults += 7
    return tally


def no_home_folder(launcher: Launcher) -> Tally:
    """Run without a home folder, with one that does not exist, and with a relative or empty ``XDG_CACHE_HOME``.

    Raises:
        PermissionError: this user is not root.
    """
    if os.geteuid():
        raise PermissionError("only root can run commands as a user without a home folder")
    tally = Tally("no home folder")
    with Site(launcher, tally) as site:
        site.put_older_model()
        site.outputs.chmod(0o777)
        none: dict[str, str | None] = {"NAMEGEN_CACHE_DIR": None, "HOME": None, "XDG_CACHE_HOME": None}
        train = ("train", "--data", site.names, "--iters", "16", "--hidden-size", "8")
        for changed, said in (
            ({}, "set NAMEGEN_CACHE_DIR"),
            ({"HOME": "/nonexistent"}, "/nonexistent"),
            ({"HOME": "/nonexistent", "XDG_CACHE_HOME": ""}, "/nonexistent"),
            ({"XDG_CACHE_HOME": "relative"}, "no usable cache directory; set NAMEGEN_CACHE_DIR"),
        ):
            how = {"environment": {**none, **changed}, "user": NOBODY}
            for words in (("sample", "German", "ABC"), ("sample", "--model", site.model), ("evaluate", site.model)):
                data = ("--data", site.names, "-n", "10") if words[0] == "evaluate" else ()
                run = site.start(*words, *data, **how)
                site.check_done(run)
                tally.require(not run.err or words[0] == "evaluate", f"{run} printed: {run.err}")
            for words in (train, (*train, "-o", site.outputs / "mine"), ("download",)):
                site.check_error(site.start(*words, **how), said)
            tally.faults += 6
        home = site.outputs / "home"
        home.mkdir(mode=0o777)
        home.chmod(0o777)
        how = {"environment": {**none, "HOME": str(home), "XDG_CACHE_HOME": ""}, "user": NOBODY}
        site.check_done(site.start(*train, **how))
        here = (home / ".cache" / "namegen" / "models" / "default.safetensors").is_file()
        tally.require(here, "with an empty XDG_CACHE_HOME, the model was not saved in the home folder")
        unexpected = {"~", "relative", "mine"} & set(os.listdir(site.outputs))  # noqa: PTH208 - the names alone
        tally.require(not unexpected, f"left behind: {unexpected}")
    return tally


def _fill(file: Path) -> None:
    """Let a file grow until its file system is full."""
    with file.open("ab", buffering=0) as open_, contextlib.suppress(OSError):
        for size in (_MEGABYTE, 1024, 1):
            with contextlib.suppress(OSError):
                while open_.write(bytes(size)) == size:
                    pass


def _download(site: Site, **how: Any) -> Run:  # noqa: ANN401 - those of Launcher.start
    """Start a download of a dataset of 18 files, 2 MB."""
    source = site.outputs / "source"
    source.mkdir(exist_ok=True)
    for name in CATALOGUE["surnames"].files:
        (source / name).write_text("Anna\n" * 20_000)
    return site.start("download", "--no-verify", "--from", source, **how)


def _another_user() -> dict[str, int]:
    """Return the options to start a run as a user who is not root."""
    return {"user": NOBODY} if os.geteuid() == 0 else {}


def _allow(folder: Path, mode: int) -> None:
    for inner in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        inner.chmod(mode)

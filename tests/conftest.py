"""Fixtures that tests share: an empty cache, the command line, terminals and devices."""

from __future__ import annotations

import io
import os
import runpy
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from namegen import paths
from support import REPOSITORY, Outcome, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    import torch


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn skipped tests into failures where NAMEGEN_TESTS_SKIP_NOTHING is set, as in CI."""
    report = yield
    return _failed_if_skipped(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for whole files."""
    report = yield
    return _failed_if_skipped(report)


def _failed_if_skipped(report: Any) -> Any:
    if report.skipped and os.environ.get("NAMEGEN_TESTS_SKIP_NOTHING"):
        _, _, reason = report.longrepr
        report.outcome, report.longrepr = "failed", f"NAMEGEN_TESTS_SKIP_NOTHING is set. {reason}"
    return report


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that is empty, and this test's alone."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NAMEGEN_CACHE_DIR", str(folder))
    monkeypatch.delenv("NAMEGEN_MODEL", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return folder


@pytest.fixture(autouse=True, scope="session")
def signals_are_heard() -> None:
    """Handle the signals that tests send, even if the test run itself ignores them, as under nohup."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)


@pytest.fixture
def without_included_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the included models from the installation."""
    monkeypatch.setattr(paths, "PRETRAINED_FILE", tmp_path / "package" / "pretrained.safetensors")
    monkeypatch.setattr(paths, "PEOPLE_FILE", tmp_path / "package" / "people.safetensors")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the real data, which the project does not contain."""
    folder = Path(os.environ.get("NAMEGEN_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "surnames").is_dir():
        pytest.skip(f"the real data are not at {folder}; NAMEGEN_TEST_DATA can name another folder")
    return folder


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Runs the command line within this process."""
    from namegen.cli import main

    def run(*arguments: object, stdin: str | bytes = b"") -> Outcome:
        given = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], tuple[Terminal, Terminal]]:
    """Makes the standard streams a terminal of some width, and returns them: results, and notes."""

    def make(columns: int) -> tuple[Terminal, Terminal]:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys, "stdout", Terminal())
        monkeypatch.setattr(sys, "stderr", Terminal())
        return sys.stdout, sys.stderr  # type: ignore[return-value]

    return make


@pytest.fixture
def command() -> Callable[..., Outcome]:
    """Runs the command as a process of its own, with nothing but pipes around it."""

    def run(*arguments: object, stdin: str = "", timeout: float = 120, before: tuple[str, ...] = ()) -> Outcome:
        done = subprocess.run(
            [*before, sys.executable, "-m", "namegen", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def docs_script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Runs a script of the documentation; returns all that it defines."""
    monkeypatch.syspath_prepend(str(REPOSITORY / "scripts" / "docs"))
    monkeypatch.setenv("COLUMNS", "80")
    return lambda name: runpy.run_path(str(REPOSITORY / "scripts" / "docs" / name))


@pytest.fixture
def forbidden() -> tuple[str, ...]:
    """Return the words before a command that make file permissions apply to it, even for root."""
    if not hasattr(os, "geteuid"):
        pytest.skip("permissions are another matter on this system")
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root ignores file permissions, and setpriv is not installed")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.fixture
def fake_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    """A CUDA device on a machine without one.

    Fake tensors have a shape and a device and no data, and raise when an operation mixes devices. Two things need the
    real device and are replaced: `Module.to` cannot swap fake parameters in place, so it puts new ones into the
    module; and autograd cannot record, so it is off.
    """
    import torch
    from torch._dispatch.python import enable_python_dispatcher
    from torch._subclasses.fake_tensor import FakeTensorMode

    def to(module: torch.nn.Module, device: torch.device) -> torch.nn.Module:
        for part in module.modules():
            for name, parameter in list(part.named_parameters(recurse=False)):
                setattr(part, name, torch.nn.Parameter(parameter.detach().to(device)))
        return module

    monkeypatch.setattr(torch.nn.Module, "to", to)
    with warnings.catch_warnings(), torch.no_grad(), FakeTensorMode(), enable_python_dispatcher():
        warnings.filterwarnings("ignore", "PyTorch was compiled without cuDNN")
        yield torch.device("cuda:0")

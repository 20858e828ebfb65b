"""What the tests share: a cache of their own, small models, and ways to run the command."""

from __future__ import annotations

import functools
import io
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from namegen import paths
from namegen.alphabet import Alphabet
from namegen.modelfile import History, Model, weight_shapes
from namegen.recipes import SamplingConfig, TrainingConfig, training_config

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    import torch
    from numpy.typing import ArrayLike, NDArray

REPOSITORY = Path(__file__).parent.parent


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything is there that the tests need, as in CI, a test that is skipped proves nothing: it fails."""
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
    """Tests send signals, which whoever started the tests may have had ignored, as nohup does."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)


@pytest.fixture
def without_pretrained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation that lacks the model that comes along."""
    monkeypatch.setattr(paths, "PRETRAINED_FILE", tmp_path / "package" / "pretrained.safetensors")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the real data, which the project does not contain."""
    folder = Path(os.environ.get("NAMEGEN_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "surnames").is_dir():
        pytest.skip(f"the real data are not at {folder}; NAMEGEN_TEST_DATA can name another folder")
    return folder


@dataclass(frozen=True)
class Outcome:
    """What a run of the command ended in."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs the command line within this process."""
    from namegen.cli import main

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


class Terminal(io.StringIO):
    """Text that believes to be a terminal."""

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        """What was written, without escape codes."""
        return re.sub(r"\x1b\[[\d;]*m", "", self.getvalue())


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


def all_commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Go through all commands: the words that call each, and what Typer made of it."""
    from namegen.cli.app import build

    open_: list[tuple[tuple[str, ...], Any]] = [((), build())]
    while open_:
        words, command = open_.pop()
        yield words, command
        open_ += [((*words, name), child) for name, child in getattr(command, "commands", {}).items()]


@pytest.fixture
def docs_script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Runs a script of the documentation; returns all that it defines."""
    monkeypatch.syspath_prepend(str(REPOSITORY / "docs"))
    monkeypatch.setenv("COLUMNS", "80")
    return lambda name: runpy.run_path(str(REPOSITORY / "docs" / name))


@pytest.fixture
def forbidden() -> tuple[str, ...]:
    """What a command must be run by, so that it is forbidden what files' permissions forbid, as root is not."""
    if not hasattr(os, "geteuid"):
        pytest.skip("permissions are another matter on this system")
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("nothing is forbidden to root, and there is no setpriv to change that")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.fixture
def fake_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    """A CUDA device on a machine without one.

    Fake tensors have a shape and a device and no data, and raise when an operation mixes devices. Two things need the
    real device and are stood in for: `Module.to` cannot swap fake parameters in place, so it puts new ones into the
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


@functools.cache
def rows_add_up_alike() -> bool:
    """Whether the BLAS here multiplies a row in one way wherever it stands: OpenBLAS's kernels for AVX2 do not."""
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.normal(size=(1, 128)).astype(np.float32), 240, axis=0)
    products = rows @ rng.normal(size=(128, 192)).astype(np.float32)
    return bool((products == products[0]).all())


def assert_same_rows(actual: NDArray[np.floating], expected: NDArray[np.floating]) -> None:
    """Assert that rows are the same to the last bit, or where the BLAS here cannot give that, but for rounding."""
    if rows_add_up_alike():
        np.testing.assert_array_equal(actual, expected)
    else:
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def common_casing(letters: str, begins: NDArray[np.int64]) -> str:
    """How most names begin, where names are all in lower case or begin with a capital."""
    of_letter = dict(zip(letters, begins.sum(axis=0).tolist(), strict=True))
    upper = sum(count for letter, count in of_letter.items() if letter.isupper())
    return "capitalised" if upper > sum(of_letter.values()) / 3 else "lower"


def make_model(
    training: TrainingConfig | None = None,
    *,
    letters: str = "ab",
    categories: tuple[str, ...] = ("X",),
    sampling: SamplingConfig | None = None,
    first_letters: ArrayLike | None = None,
    casing: str | None = None,
    seed: int = 0,
) -> Model:
    """Make a model of random weights, as if it had been trained."""
    training = training or training_config(hidden_size=4, iterations=1)
    rng = np.random.default_rng(seed)
    shapes = weight_shapes(training, len(categories), len(letters) + 1)
    begins = np.ones((len(categories), len(letters)), np.int64) if first_letters is None else np.array(first_letters)
    return Model(
        training=training,
        sampling=sampling or SamplingConfig(temperature=1.0),
        alphabet=Alphabet(tuple(letters)),
        categories=categories,
        counts=begins.sum(axis=1),
        first_letter_counts=begins,
        longest=8,
        casing=casing or common_casing(letters, begins),
        dataset="made up",
        dataset_verified=False,
        fingerprint="0" * 64,
        name_hashes=np.zeros(0, np.uint64),
        device="cpu",
        threads=1,
        iterations=training.iterations,
        weights={name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()},
        history=History(),
    )


def make_bigram_model(
    table: ArrayLike,
    *,
    letters: str = "ab",
    categories: tuple[str, ...] = ("X",),
    sos: bool = True,
    sampling: SamplingConfig | None = None,
    first_letters: ArrayLike | None = None,
) -> Model:
    """Make a model whose distribution is known exactly: its logits depend on the letter before alone.

    Args:
        table: the logits after each letter, and after SOS in the last row, (letters + 1, letters + 1); of the outputs
            the last is EOS. ``numpy.log`` of a table of probabilities makes these the probabilities of the next letter.
        letters: the alphabet.
        categories: the categories; all behave alike.
        sos: whether the network begins with an SOS token.
        sampling: how to draw; by default at temperature 1.
        first_letters: how many training names begin with each letter, (categories, letters).
    """
    hidden = 16  # which are not used; but for such sizes a step of the network in numpy is fast
    config = training_config("tutorial", hidden_size=hidden, iterations=1, sos=sos)
    model = make_model(config, letters=letters, categories=categories, sampling=sampling, first_letters=first_letters)
    outputs = len(letters) + 1
    weights = {name: np.zeros_like(weight) for name, weight in model.weights.items()}
    # i2o copies the table's row of the letter that was read, and o2o hands on what i2o made.
    weights["i2o.weight"][:, len(categories) : len(categories) + outputs] = np.asarray(table, np.float32).T
    weights["o2o.weight"][:, hidden:] = np.eye(outputs, dtype=np.float32)
    model.weights.update(weights)
    return model

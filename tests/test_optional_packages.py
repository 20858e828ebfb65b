"""A package that is not installed is named, with the command that installs it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib.metadata import requires

import pytest

import namegen
from namegen.errors import MissingPackageError
from namegen.optional_packages import check_installed, describe_missing, required

LEFT_OUT = ("matplotlib", "plotext", "pooch", "requests", "torch")


@pytest.fixture
def without(monkeypatch):
    """Hide packages, as if they were not installed."""

    def hide(*packages):
        for package in packages:
            for module in [name for name in sys.modules if name.partition(".")[0] == package]:
                monkeypatch.setitem(sys.modules, module, None)
            monkeypatch.setitem(sys.modules, package, None)

    return hide


def test_the_line_says_what_needs_the_package_and_how_to_install_it(without):
    without("torch")
    with pytest.raises(MissingPackageError) as raised, required("torch"):
        import torch
    line = "needs torch, which is not installed; install it with `pip install torch`"
    assert str(raised.value) == f"training a network {line}, or use the recipe instant"
    with pytest.raises(MissingPackageError, match=f"^the device mps {line}$"), required("torch", "the device mps"):
        import torch.nn  # noqa: F401


def test_another_missing_module_is_not_blamed_on_the_package():
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_module'"), required("torch"):
        import no_such_module  # noqa: F401


def test_a_package_is_looked_for_without_importing_it(without):
    check_installed("matplotlib")
    without("matplotlib")
    with pytest.raises(MissingPackageError, match=r"^plotting to a file needs matplotlib, which is not installed"):
        check_installed("matplotlib")


def test_the_commands_install_versions_that_namegen_works_with():
    declared = {}
    for line in requires("namegen-rnn"):
        requirement = line.partition(";")[0].strip()
        declared[re.match(r"[\w.-]+", requirement)[0].lower()] = requirement
    for package in (*LEFT_OUT, "faker", "onnx", "openpyxl", "pyarrow"):
        command = re.search("`(.*)`", describe_missing(package))[1]
        pip, install, requirement = shlex.split(command)
        assert (pip, install) == ("pip", "install")
        upper = set(re.findall(r"<[\d.]+", declared[package]))
        assert requirement.lower() == package + "".join(upper)


@pytest.mark.parametrize(
    "arguments",
    [
        "train",
        "train --resume",
        "train --recipe best --device cuda",
        "plot pretrained",
        "plot pretrained -o loss.png",
        "evaluate pretrained --data starter -o loss.png",
        "download",
        "sample German --device cuda",
    ],
)
def test_commands_that_slim_lacks_say_what_to_install(cli, without, monkeypatch, arguments):
    without(*LEFT_OUT)
    monkeypatch.delitem(sys.modules, "namegen.io.http", raising=False)
    refused = cli(*arguments.split())
    assert refused.is_error(1)
    assert re.search("needs (?:matplotlib|plotext|pooch|torch), which is not installed; install it with", refused.err)


@pytest.mark.parametrize("module", ["models.networks", "training.losses", "training.optimize", "io.http"])
def test_modules_for_the_missing_packages_raise_the_same_error(module):
    code = f"import sys; sys.modules |= dict.fromkeys({LEFT_OUT}); import namegen.{module}"
    failed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert failed.stderr.splitlines()[-1].startswith("namegen.errors.MissingPackageError: ")


def test_the_library_raises_the_line_before_it_computes(without, tmp_path):
    without(*LEFT_OUT)
    with pytest.raises(MissingPackageError, match=r"^training a network needs torch"):
        namegen.train(["Anna", "Otto"] * 20, iterations=640)
    with pytest.raises(MissingPackageError, match=r"^the device cuda needs torch"):
        namegen.sample("pretrained", "German", "A", device="cuda")
    with pytest.raises(MissingPackageError, match=r"^plotting to a file needs matplotlib"):
        namegen.plot_history("pretrained", tmp_path / "loss.png")
    assert len(namegen.sample("pretrained", "German", "A", device="auto")) == 1
    assert list(tmp_path.glob("*.png")) == []

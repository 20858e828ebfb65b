"""The wheel contains the model and the manual page, and works once it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from namegen import paths
from support import REPOSITORY

MEGABYTE = 2**20
PAGE = REPOSITORY / "docs" / "namegen.1"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, as a build makes it."""
    pytest.importorskip("hatchling", reason="hatchling, which builds the wheel, is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    code = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=REPOSITORY, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_has_the_models_and_is_small(wheel):
    with zipfile.ZipFile(wheel) as members:
        for file, most in ((paths.PRETRAINED_FILE, 4 * MEGABYTE), (paths.PEOPLE_FILE, 10 * MEGABYTE)):
            assert members.read(f"namegen/data/{file.name}") == file.read_bytes()
            assert members.getinfo(f"namegen/data/{file.name}").compress_size <= most


def test_the_wheel_has_the_licences_of_the_names_that_people_was_trained_on(wheel):
    with zipfile.ZipFile(wheel) as members:
        files = {
            name.rpartition("/")[2]: members.read(name).decode() for name in members.namelist() if "/licenses/" in name
        }
    assert {"LICENSE", "Faker.txt", "GeoNames.txt", "mimesis.txt"} <= set(files)
    assert "Daniele Faraglia" in files["Faker.txt"]
    assert "Isaak Uchakaev" in files["mimesis.txt"]
    assert "Creative Commons Attribution 4.0" in files["GeoNames.txt"]


def test_the_wheel_puts_the_manual_page_where_man_looks_for_it(wheel):
    with zipfile.ZipFile(wheel) as members:
        (page,) = [name for name in members.namelist() if name.endswith("share/man/man1/namegen.1")]
        assert members.read(page) == PAGE.read_bytes()


NO_NETWORK = """
import sys
def refuse(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError(f"{event} without a network")
sys.addaudithook(refuse)
"""


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A virtual environment with the wheel and what it needs but for torch, and without a network."""
    home = tmp_path_factory.mktemp("installed") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    python = home / "bin" / "python"
    line = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*line, "--disable-pip-version-check", str(wheel)], check=True, env=plain_environment())
    (packages,) = home.glob("lib/python*/site-packages")
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        ours = re.match(r"(torch|functorch|_?_?editable|namegen|sitecustomize)", entry.name)
        if not ours and entry.suffix != ".pth" and not (packages / entry.name).exists():
            (packages / entry.name).symlink_to(entry)
    (packages / "sitecustomize.py").write_text(NO_NETWORK)
    return home


def state(folder: Path) -> dict[Path, tuple[int, int]]:
    """All that lies in a folder, with its size and when it was written."""
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def plain_environment() -> dict[str, str]:
    """The environment variables, without what leads to this checkout or to the user's own models."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "NAMEGEN_"))}
    return kept | {"PYTHONDONTWRITEBYTECODE": "1"}


@pytest.mark.skipif(os.name == "nt", reason="an environment has other folders on Windows")
def test_once_installed_the_command_draws_names_without_training_network_or_torch(installed, tmp_path):
    environment = plain_environment() | {"NAMEGEN_CACHE_DIR": str(tmp_path / "empty")}

    def run(*line):
        return subprocess.run(line, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    before = state(installed)
    python = installed / "bin" / "python"
    assert "No module named 'torch'" in run(python, "-c", "import torch").stderr
    assert "without a network" in run(python, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))").stderr
    assert str(installed) in run(python, "-c", "import namegen; print(namegen.__file__)").stdout

    sampled = run(installed / "bin" / "namegen", "sample", "German", "ABC")
    assert (sampled.returncode, sampled.stderr) == (0, "")
    assert [name[0] for name in sampled.stdout.splitlines()] == ["A", "B", "C"]
    assert all(re.fullmatch(r"[A-Za-z' -]{2,}", name) for name in sampled.stdout.splitlines())

    where = run(installed / "bin" / "namegen", "models", "path")
    assert Path(where.stdout.strip()).is_relative_to(installed)
    assert not (tmp_path / "empty").exists()
    assert state(installed) == before  # so it works where the package cannot be written to


def test_once_installed_man_finds_the_page_by_the_path_of_the_command(installed):
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    path = os.pathsep.join([str(installed / "bin"), os.environ["PATH"]])  # as `source bin/activate` sets it
    environment = plain_environment() | {"PATH": path, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"}
    environment.pop("MANPATH", None)

    def man(*arguments):
        return subprocess.run(["man", *arguments], env=environment, capture_output=True, text=True, check=True).stdout

    assert man("-w", "namegen").strip() == str(installed / "share" / "man" / "man1" / "namegen.1")
    assert "namegen - invent names" in man("namegen")


@pytest.mark.skipif(os.name == "nt", reason="an environment has other folders on Windows")
def test_once_installed_shells_are_served(installed, tmp_path):
    environment = plain_environment() | {"NAMEGEN_CACHE_DIR": str(tmp_path / "empty")}

    def run(*line):
        line = [installed / "bin" / "namegen", *line]
        return subprocess.run(line, env=environment, capture_output=True, text=True, check=True).stdout

    for shell in ("bash", "zsh", "fish"):
        assert "_NAMEGEN_COMPLETE" in run("completion", shell)
    environment |= {"_NAMEGEN_COMPLETE": "complete_fish", "_TYPER_COMPLETE_ARGS": "namegen sample "}
    assert "German" in run().splitlines()
    assert not (tmp_path / "empty").exists()

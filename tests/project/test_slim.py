"""The distribution namegen-rnn-slim is namegen-rnn without its largest dependencies."""

from __future__ import annotations

import email
import importlib.metadata
import re
import subprocess
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from support import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

SLIM = REPOSITORY / "packaging" / "slim"
LEFT_OUT = {"matplotlib", "plotext", "pooch", "requests", "torch"}
SAME = ("Version", "License-Expression", "License-File", "Requires-Python", "Author", "Keywords", "Classifier")


def build(project: Path, kind: str, folder: Path) -> Path:
    """Build a wheel or an sdist of a project into a new folder."""
    pytest.importorskip("hatchling", reason="hatchling, which builds the wheel, is not installed")
    folder.mkdir()
    code = f"import sys; from hatchling.build import build_{kind}; build_{kind}(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=project, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


def read_wheel(wheel: Path) -> tuple[email.message.Message, dict[str, bytes]]:
    """Return the metadata of a wheel, and the content of its other files, by their path without the wheel's name."""
    with zipfile.ZipFile(wheel) as archive:
        files = {
            re.sub(r"^namegen_rnn\w*-[^/]*\.(data|dist-info)/", "", f): archive.read(f) for f in archive.namelist()
        }
    del files["RECORD"]
    return email.message_from_bytes(files.pop("METADATA")), files


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return read_wheel(build(REPOSITORY, "wheel", tmp_path_factory.mktemp("full") / "wheel"))


@pytest.fixture(scope="module")
def slim(tmp_path_factory):
    return read_wheel(build(SLIM, "wheel", tmp_path_factory.mktemp("slim") / "wheel"))


def find_requirements(metadata, *extras):
    """Return the requirements by distribution, as pip reads them, without those of other extras."""
    found = {}
    for line in metadata.get_all("Requires-Dist"):
        requirement, _, condition = line.partition(";")
        extra = re.search(r"extra == .(\w+)", condition)
        if extra is None or extra[1] in extras:
            found[re.match(r"[\w.-]+", requirement)[0].lower()] = requirement.strip()
    return found


def test_both_wheels_have_the_same_files_and_the_same_metadata(full, slim):
    assert slim[1] == full[1]
    assert {field: slim[0].get_all(field) for field in SAME} == {field: full[0].get_all(field) for field in SAME}
    assert slim[0]["Name"] == "namegen-rnn-slim"


def test_slim_needs_what_the_full_distribution_needs_but_the_large_packages(full, slim):
    everything = find_requirements(full[0])
    assert everything.keys() >= LEFT_OUT
    assert find_requirements(slim[0]) == {name: line for name, line in everything.items() if name not in LEFT_OUT}


def test_slim_has_the_extras_of_users(full, slim):
    extras = ("faker", "onnx", "tables")
    assert set(slim[0].get_all("Provides-Extra")) == set(extras)
    with_extras, wanted = find_requirements(slim[0], *extras), find_requirements(full[0], *extras)
    assert with_extras == {name: line for name, line in wanted.items() if name not in LEFT_OUT}
    assert with_extras.keys() - find_requirements(slim[0]).keys() == {"faker", "onnx", "openpyxl", "pyarrow"}


def test_the_source_distribution_builds_the_same_wheel_without_the_repository(slim, tmp_path):
    with tarfile.open(build(SLIM, "sdist", tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (project,) = (tmp_path / "unpacked").iterdir()
    metadata, files = read_wheel(build(project, "wheel", tmp_path / "wheel"))
    assert files == slim[1]
    assert metadata.items() == slim[0].items()


def test_a_package_to_leave_out_must_be_a_dependency(tmp_path):
    project = tmp_path / "packaging" / "slim"
    project.mkdir(parents=True)
    for file in ("pyproject.toml", "hatch_build.py", "README.md"):
        (project / file).write_bytes((SLIM / file).read_bytes())
    init = tmp_path / "src" / "namegen" / "__init__.py"
    init.parent.mkdir(parents=True)
    init.write_text('__version__ = "1.0"\n')
    root = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(root.replace('    "torch>=', '    "torchvision>='), encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        build(project, "wheel", tmp_path / "wheel")
    assert b"does not depend on torch; correct left-out" in failed.value.stderr


def test_the_version_says_that_both_distributions_are_installed(cli, monkeypatch):
    version = importlib.metadata.version("namegen-rnn")
    alone = cli("--version")
    assert (alone.out, alone.err) == (f"namegen {version}\n", "")

    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: name)
    both = cli("--version")
    assert (both.code, both.out) == (0, alone.out)
    assert both.err == (
        "namegen-rnn and namegen-rnn-slim are both installed and have the same files. "
        "Uninstall both with `pip uninstall namegen-rnn namegen-rnn-slim`, then install one of them.\n"
    )

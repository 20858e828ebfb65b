"""The documentation says what is so: its examples run, its reference is the commands' own, its links lead somewhere."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from conftest import REPOSITORY
from namegen.store import named, open_dataset
from namegen.training import train

if TYPE_CHECKING:
    from namegen.modelfile import Model

PAGES = [REPOSITORY / "README.md", REPOSITORY / "CHANGELOG.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


PYTHON = [pytest.param(code, id=f"{page.name}-{i}") for page in PAGES for i, code in enumerate(blocks(page, "python"))]


@pytest.fixture(scope="module")
def model() -> Model:
    """A model as `namegen train` makes it, but for its size."""
    return train(open_dataset("starter"), iterations=64, hidden_size=4)


@pytest.mark.parametrize("code", PYTHON)
def test_every_python_example_runs(code, model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model.save(named("default").model)
    short = code.replace("iterations=20_000", "iterations=200")
    exec(compile(short, "example", "exec"), {"__name__": "example"})

    for printed, promised in zip(
        capsys.readouterr().out.splitlines(), re.findall(r"print\(.*# (.*)", code), strict=True
    ):
        assert printed == promised


@pytest.mark.parametrize("code", PYTHON)
def test_the_examples_train_for_long_enough_to_draw_names_worth_reading(code):
    assert all(int(number) >= 20_000 for number in re.findall(r"iterations=([\d_]+)", code))


@pytest.mark.parametrize("page", ["README.md", "docs/getting-started.md"])
def test_the_first_example_needs_nothing_but_an_installation(page):
    install, draw, *names = blocks(REPOSITORY / page, "console")[0].splitlines()
    assert (install, draw) == ("$ pip install .", "$ namegen sample German ABC")
    assert [name[0] for name in names] == ["A", "B", "C"]


def test_there_are_examples():
    assert len(PYTHON) >= 5


def test_the_reference_of_the_command_line_is_up_to_date(docs_script):
    page = docs_script("generate_cli.py")["page"]()

    assert (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8") == page, "write it anew with `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_documentation_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_that_the_documentation_names_exists(page):
    reference = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")
    foreign = {"--set", "--only", "--loop", "--json", "--array"}  # of benchmarks/, and of Slurm
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page.read_text(encoding="utf-8"))) - foreign:
        assert re.search(rf"{option}\b", reference), option


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_the_demo_ends_by_saying_how_to_go_on():
    import subprocess

    line = ["make", "--dry-run", "--always-make", "demo", "VENV=.venv"]
    planned = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    *_, activate, train_one, draw = re.findall(r"echo \"(.*)\"", planned)
    assert activate.split() == ["source", ".venv/bin/activate"]
    assert activate.strip() in (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert (train_one.split(), draw.split()) == (["namegen", "train"], ["namegen", "sample", "German", "ABC"])


def test_the_public_names_are_there_and_documented():
    import namegen

    for name in namegen.__all__:
        assert (getattr(namegen, name).__doc__ or "").strip(), name
    assert set(namegen.__all__) <= set(dir(namegen))


def test_importing_the_package_imports_nothing_heavy():
    import subprocess
    import sys

    heavy = {"torch", "numpy", "rich", "typer", "pooch", "matplotlib"}
    code = f"import sys, namegen; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"

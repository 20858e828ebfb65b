"""The documentation says what is so: its examples run, its reference is the commands' own, its links lead somewhere."""

from __future__ import annotations

import re
import runpy
import shutil
from typing import TYPE_CHECKING

import pytest

from conftest import REPOSITORY
from documentation import NO_PROGRAMS, PAGES, PYTHONS, SHELLS, blocks, go_through
from namegen.store import named, open_dataset
from namegen.training import train

if TYPE_CHECKING:
    from namegen.modelfile import Model

PYTHON = [
    pytest.param(block.text, id=f"{block.page.name}-{block.line}")
    for page in [*PAGES, REPOSITORY / "CHANGELOG.md"]
    for block in blocks(page, PYTHONS)
    if block.why_not is None
]
SHELL = [page for page in PAGES if any(block.why_not is None for block in blocks(page, SHELLS))]


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


@pytest.mark.parametrize("page", SHELL, ids=lambda page: page.name)
def test_every_shell_example_runs_and_gives_what_the_page_shows(page, tmp_path):
    wanted = {program for program in ("jq", "make", "parallel") if re.search(rf"\b{program} ", page.read_text("utf-8"))}
    if missing := sorted(program for program in wanted if shutil.which(program) is None):
        pytest.skip(f"there is no {missing[0]}")
    assert not list(go_through(page, tmp_path / "reader"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_run_or_says_why_not(page):
    for block in blocks(page):
        assert block.language in SHELLS | PYTHONS | NO_PROGRAMS, f"{page.name}:{block.line}"
        assert block.why_not is None or block.language in SHELLS | PYTHONS, f"{page.name}:{block.line}: nothing to run"


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_first_example_needs_nothing_but_an_installation(page):
    install, draw, *names = blocks(REPOSITORY / page, {"console"})[0].text.splitlines()
    assert (install, draw) == ("$ pip install .", "$ namegen sample German ABC")
    assert [name[0] for name in names] == ["A", "B", "C"]


def test_there_are_examples():
    assert len(PYTHON) >= 5


def test_the_reference_of_the_command_line_is_up_to_date(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    page = runpy.run_path(str(REPOSITORY / "docs" / "generate_cli.py"))["page"]()

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

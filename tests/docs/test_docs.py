"""The documentation says what is so: its examples run, its reference is the commands' own, its links lead somewhere."""

from __future__ import annotations

import ast
import os
import re
import runpy
import shutil
import socket
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from documentation import PAGES, PYTHONS, blocks
from namegen.datasets.open import open_dataset
from namegen.models.store import cached_location
from namegen.training.train import train
from support import REPOSITORY

if TYPE_CHECKING:
    from namegen.models.model import Model

TEXTS = [*PAGES, REPOSITORY / "CHANGELOG.md"]
PYTHON = [
    pytest.param(
        block.text,
        id=f"{block.page.name}-{block.line}",
        marks=[pytest.mark.slow] * (block.page.name in {"test-data.md", "library.md"}),
    )
    for page in TEXTS
    for block in blocks(page, PYTHONS)
    if block.why_not is None
]


@pytest.fixture(scope="module")
def model() -> Model:
    """A model as `namegen train` makes it, but for its size."""
    return train(open_dataset("starter"), iterations=64, hidden_size=4)


@pytest.mark.parametrize("code", PYTHON)
def test_every_python_example_runs(code, model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model.save(cached_location("default").model)
    short = code.replace("iterations=20_000", "iterations=200")
    exec(compile(short, "example", "exec"), {"__name__": "example"})

    for printed, promised in zip(
        capsys.readouterr().out.splitlines(), re.findall(r"print\(.*# (.*)", code), strict=True
    ):
        assert printed == promised


@pytest.mark.parametrize("code", PYTHON)
def test_the_examples_train_for_long_enough_to_draw_names_worth_reading(code):
    assert all(int(number) >= 20_000 for number in re.findall(r"iterations=([\d_]+)", code))


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_first_example_needs_nothing_but_an_installation(page):
    install, draw, *names, invent = blocks(REPOSITORY / page, {"console"})[0].text.splitlines()[:6]
    assert (install, draw) == ("$ pip install .", "$ namegen sample German ABC")
    assert [name[0] for name in names] == ["A", "B", "C"]
    assert invent.startswith("$ namegen people ")


def test_there_are_examples():
    assert len(PYTHON) >= 5


def test_the_reference_of_the_command_line_is_up_to_date(docs_script):
    page = docs_script("generate_cli.py")["page"]()

    assert (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8") == page, "regenerate it with `make docs`"


@pytest.mark.skipif(find_spec("griffe") is None, reason="griffe is not installed")
def test_the_reference_of_the_library_is_up_to_date():
    page = runpy.run_path(str(REPOSITORY / "scripts" / "docs" / "generate_api.py"))["page"]()

    assert (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8") == page, "regenerate it with `make docs`"
    assert ":func:" not in page
    assert ">>>" not in page


@pytest.mark.skipif(os.name == "nt", reason="Windows has other terminals")
def test_the_recorded_terminal_shows_what_the_commands_print_and_loads_no_font():
    picture = (REPOSITORY / "docs" / "terminal.svg").read_text(encoding="utf-8")

    assert picture == runpy.run_path(str(REPOSITORY / "scripts" / "docs" / "record.py"))["picture"](), (
        "regenerate it with `make docs`"
    )
    assert "@font-face" not in picture


def test_the_badges_say_what_is_true():
    badges = runpy.run_path(str(REPOSITORY / "scripts" / "docs" / "badges.py"))
    drawn = {path.stem: path.read_text(encoding="utf-8") for path in (REPOSITORY / "docs" / "badges").glob("*.svg")}
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")

    assert drawn == {name: badges["badge"](*fact) for name, fact in badges["facts"]().items()}, "`make docs` draws them"
    for name, (subject, fact) in badges["facts"]().items():
        assert f"![{subject}: {fact}](docs/badges/{name}.svg)" in readme

    assert (REPOSITORY / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    assert re.search(r"^strict = true$", (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert (REPOSITORY / "src" / "namegen" / "py.typed").exists()


def test_nothing_in_the_package_can_unpickle():
    unpicklers = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    for path in (REPOSITORY / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not unpicklers & {name.name.partition(".")[0] for name in node.names}, path
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] not in unpicklers, path
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = ast.unparse(node.func)
                assert called not in {"torch.load", "torch.save", "torch.jit.load"}, path
                assert "allow_pickle" not in {keyword.arg for keyword in node.keywords}, path


def test_names_are_drawn_without_any_connection(cli, monkeypatch):
    def connect(*_: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", connect)

    assert cli("sample", "German", "ABC").code == 0


def test_the_readme_and_the_page_of_comparison_have_the_same_table():
    page = (REPOSITORY / "docs" / "comparison.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- the same table as in README.md -->\n(.*?)<!-- until here -->", page, re.DOTALL)[1]

    assert table in (REPOSITORY / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_links_within_the_documentation_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_every_option_that_the_documentation_names_exists(page):
    reference = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")
    # Of benchmarks/, and of other programs.
    foreign = {
        "--set",
        "--only",
        "--loop",
        "--json",
        "--array",
        "--strict",
        "--type",
        "--people",
        "--table",
        "--mem",
        "--time",
        "--cpus-per-task",
    }
    foreign |= {
        "--standalone",
        "--nproc-per-node",
        "--nnodes",
        "--node-rank",
        "--master-addr",
        "--max-restarts",
    }  # torchrun
    foreign |= {"--rdzv", "--rdzv-id", "--rdzv-backend", "--rdzv-endpoint", "--ntasks-per-node"}
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page.read_text(encoding="utf-8"))) - foreign:
        assert re.search(rf"{option}\b", reference), option


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
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

"""The modules keep the order that docs/architecture.md gives them."""

from __future__ import annotations

import ast
import re

import pytest

from support import REPOSITORY

SOURCE = REPOSITORY / "src" / "namegen"
PAGE = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
ORDER = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
PRIVATE = {"__init__", "__main__"}


def imported(file):
    """The modules of the package that a module imports when it runs, anywhere in it, but not for type checking."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    checking = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    ignored = {id(inner) for node in checking for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in ignored or not isinstance(node, ast.ImportFrom):
            continue
        if node.module == "namegen":
            yield from (alias.name for alias in node.names)
        elif node.module and node.module.startswith("namegen."):
            yield node.module.split(".")[1]


def test_the_page_lists_every_module():
    modules = {file.stem for file in SOURCE.glob("*.py")} - PRIVATE | {"cli"}

    assert set(ORDER) == modules
    assert len(ORDER) == len(modules)


@pytest.mark.parametrize("module", [name for name in ORDER if name != "cli"])
def test_a_module_imports_only_modules_above_it(module):
    above = set(ORDER[: ORDER.index(module)])

    assert {name for name in imported(SOURCE / f"{module}.py") if name in ORDER} <= above


def test_the_library_neither_prints_nor_exits():
    for file in SOURCE.glob("*.py"):
        if file.stem != "__main__":
            assert not re.search(r"\b(print|sys\.exit|os\._exit)\(", file.read_text(encoding="utf-8")), file.name

"""A reader who types what the pages tell them to type finds what the pages say."""

from __future__ import annotations

import re
import shutil

import pytest

from documentation import NO_PROGRAMS, PAGES, PYTHONS, SHELLS, blocks, go_through
from support import REPOSITORY

SHELL = [page for page in PAGES if any(block.why_not is None for block in blocks(page, SHELLS))]


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[pytest.mark.slow] * (page.name != "README.md"), id=page.name) for page in SHELL]
)
def test_every_shell_example_runs_and_gives_what_the_page_shows(page, tmp_path):
    typed = "\n".join(block.text for block in blocks(page, SHELLS) if block.why_not is None)
    for program in ("jq", "make", "parallel"):
        if re.search(rf"\b{program}\b", typed) and shutil.which(program) is None:
            pytest.skip(f"there is no {program}")
    assert not list(go_through(page, tmp_path / "reader"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_run_or_says_why_not(page):
    for block in blocks(page):
        assert block.language in SHELLS | PYTHONS | NO_PROGRAMS, f"{page.name}:{block.line}"
        assert block.why_not is None or block.language in SHELLS | PYTHONS, f"{page.name}:{block.line}: nothing to run"


def test_there_are_pages_with_shell_examples():
    assert len(SHELL) >= 10


@pytest.mark.slow
def test_every_line_of_the_workflow_for_ci_runs(tmp_path):
    (workflow,) = blocks(REPOSITORY / "docs" / "ci.md", {"yaml"})
    lines = re.findall(r"^ +- run: (.*)$", workflow.text, re.MULTILINE)
    (tmp_path / "lines.md").write_text("```console\n" + "".join(f"$ {line}\n" for line in lines) + "```\n", "utf-8")

    assert len(lines) >= 4
    assert not list(go_through(tmp_path / "lines.md", tmp_path / "reader"))


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("```console\n$ false\n```", "exit code 1"),
        ("```console\n$ nothing-of-this-name\n```", "exit code 127"),
        ("```console\n$ false | cat\n```", "exit code 1"),
        ("```sh\nexit 3\n```", "the shell ended before"),
        ("```console\n$ echo '\n```", "the shell ended before"),
        ("```console\n$ echo one\ntwo\n```", "output:\none\n"),
        ("```console\n$ echo one\none\ntwo\n```", "output:\none\n"),
        ("```console\n$ false\n$ echo $?\n0\n```", "output:\n1\n"),
        ("```console\n$ pip install numpy\n```", "needs the network"),
        ("```console\n$ namegen sample German ABC --seed 1\nAhrens\nBesser\nChenritz\n```", "output:\nAchald"),
        ("```console\n$ namegen sample German AB\nAhrens\nXanten\n```", "output:\n"),
        ("```console\n$ namegen sample German AB\nAhrens\n```", "output:\n"),
    ],
)
def test_a_page_that_says_what_is_not_so_is_found_out(block, complaint, tmp_path):
    (tmp_path / "page.md").write_text(block + "\n", encoding="utf-8")

    (found,) = go_through(tmp_path / "page.md", tmp_path / "reader")

    assert complaint in found


@pytest.mark.parametrize(
    "block",
    [
        "```console\n$ false\n$ echo $?\n1\n```",
        "```console\n$ cat > x << END\n> one\n> two\n> END\n$ cat x\none\n…\n```",
        "```console\n$ cd /\n$ pwd\n/\n```",
        "```console\n$ seq 100000 | head -1\n1\n```",
        "*Not run by the tests: needs the network.*\n\n```console\n$ false\n```",
    ],
)
def test_a_page_that_says_what_is_so_is_believed(block, tmp_path):
    (tmp_path / "page.md").write_text(block + "\n", encoding="utf-8")

    assert not list(go_through(tmp_path / "page.md", tmp_path / "reader"))


def test_a_mark_counts_only_with_a_reason_and_right_before_its_block(tmp_path):
    page = tmp_path / "page.md"
    block = "```console\n$ false\n```\n"
    for text in (
        f"*Not run by the tests.*\n\n{block}",
        f"*Not run by the tests: because.*\n\n{block}",
        f"*Not run by the tests: needs a GPU.*\n\nMore.\n\n{block}",
    ):
        page.write_text(text, encoding="utf-8")
        assert [block.why_not for block in blocks(page)] == [None]
    page.write_text(f"*Not run by the tests: needs a GPU.*\n\n{block}\n{block}", encoding="utf-8")
    assert [block.why_not for block in blocks(page)] == ["needs a GPU", None]

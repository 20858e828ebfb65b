"""The manual page has all commands and options, and formatters accept it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess

import pytest

from support import REPOSITORY, all_commands

PAGE = REPOSITORY / "docs" / "namegen.1"


@pytest.fixture
def formatted():
    """Formats a page as `man` does, without its styles."""
    if shutil.which("man") is None:
        pytest.skip("man is not installed")

    def run(page) -> str:
        environment = os.environ | {"MANWIDTH": "1000", "LC_ALL": "C.UTF-8"}  # no line breaks within a paragraph
        line = ["man", "--warnings", "--encoding=UTF-8", "--local-file", str(page)]
        done = subprocess.run(line, env=environment, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return done.stdout

    return run


def section(text, *words):
    """The text below a heading: one of the page, or that of a command."""
    heading = "   namegen " + " ".join(words) + r" [\[A-Z].*" if words[0].islower() else words[0]
    (below,) = re.split(f"^{heading}$", text, flags=re.MULTILINE)[1:]
    return re.split(r"^ {0,3}\S", below, maxsplit=1, flags=re.MULTILINE)[0]


def test_the_page_is_up_to_date(docs_script):
    page = docs_script("generate_man.py")["page"]()
    assert PAGE.read_text(encoding="utf-8") == page, "run `make docs`"


@pytest.mark.slow
def test_the_page_has_every_command_with_every_argument_and_option(formatted):
    text = formatted(PAGE)
    commands = list(all_commands())
    assert len(commands) > 10
    for words, command in commands:
        inside = section(text, *(words or ["OPTIONS"]))
        for paragraph in command.help.split("\n\n") if words else ():
            assert " ".join(paragraph.replace("`", "").split()) in re.sub(r"\s+", " ", inside)
        tags = re.findall(r"^ {7}(-.*?|[A-Z][\w.]*)(?: {2,}.*)?$", inside, re.MULTILINE)
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                assert re.sub(r"[^\w.]|\.{3}", "", parameter.metavar) in tags
            else:
                (tag,) = [tag for tag in tags if parameter.opts[0] in re.split(r",? ", tag)]
                assert set(parameter.opts) <= set(re.split(r",? ", tag))
                value = parameter.metavar or "|".join(getattr(parameter.type, "choices", ()))
                assert any(f"{name} {value}".rstrip() in tag for name in parameter.opts)


@pytest.mark.slow
def test_the_page_has_the_sections_that_people_look_for(formatted):
    headings = re.findall(r"^[A-Z][A-Z ]+$", formatted(PAGE), re.MULTILINE)
    assert headings == [
        *("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS"),
        *("ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES", "SEE ALSO"),
    ]


@pytest.mark.slow
def test_what_is_typed_in_a_shell_can_be_copied_from_the_page(formatted, command):
    shown = section(formatted(PAGE), "EXAMPLES")
    line = next(line for line in shown.splitlines() if "printf" in line).strip()
    printed, sampled = line.split(" | ")
    bash = subprocess.run(["sh", "-c", printed], capture_output=True, text=True, check=True)
    names = command(*shlex.split(sampled)[1:], stdin=bash.stdout)

    assert [name[:3] for name in names.out.split("\n")][:1] == ["Mac"]
    assert "\u2010" not in shown
    assert "\u2019" not in shown

"""What Typer completes for a shell, and how each shell gets it."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys

import pytest

from namegen.cli.completion import quote_for_bash
from namegen.datasets.catalogue import CATALOGUE
from namegen.models.model import Checkpoint
from namegen.models.store import cached_location, included_location
from namegen.recipes import training_config
from support import AWKWARD, all_commands, make_model, save

LANGUAGES = list(included_location("pretrained").categories())
PARTS = list(included_location("people").categories())


@pytest.fixture
def answer(cli, monkeypatch):
    """Completes a line in-process; returns the lines that the shell gets."""

    def ask(line, shell="fish", replaced=""):
        monkeypatch.setenv("_NAMEGEN_COMPLETE", f"complete_{shell}")
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
        monkeypatch.setenv("_NAMEGEN_REPLACED", replaced)
        done = cli()
        assert done.code in (0, 1)
        return done.out.splitlines() if done.out.strip() else []

    return ask


@pytest.fixture
def values(answer):
    """Completes a line in-process; returns the values without their descriptions."""
    return lambda line: [row.split("\t")[0] for row in answer(f"namegen {line}")]


@pytest.fixture
def elves(cache):
    save("elves", "Dark Elves", "High Elves")
    training = training_config(hidden_size=4, iterations=100)
    goblins = dataclasses.replace(make_model(training, categories=("Goblins",)), iterations=50)
    Checkpoint(goblins, {}).save(cached_location("goblins").checkpoint)


def test_commands_and_options_are_completed_with_what_they_do(answer):
    commands = dict(row.split("\t") for row in answer("namegen "))
    assert list(commands) == list(dict(all_commands())[()].commands)
    assert commands["sample"] == "Sample names from a model"
    assert [row.split("\t")[0] for row in answer("namegen models ")] == ["show", "card", "path", "rm"]
    assert answer("namegen sample --temp") == ["--temperature\tLow is typical, high is wild, 0 is greedy"]
    assert answer("namegen sample German --format t") == ["text", "tsv"]
    assert answer("namegen train --recipe=t") == ["--recipe=tutorial"]


@pytest.mark.parametrize("words", ["sample -m", "sample German --model", "categories -m", "plot", "models show"])
def test_models_are_completed_finished_or_not(values, elves, words):
    assert values(f"{words} ") == ["elves", "goblins", "pretrained", "people"]


@pytest.mark.parametrize("words", ["train --model", "models rm"])
def test_a_model_to_train_or_remove_is_one_of_the_users(values, elves, words):
    assert values(f"{words} ") == ["elves", "goblins"]


def test_datasets_are_completed(values, cache):
    assert values("download ") == list(CATALOGUE)
    (cache / "datasets" / ".surnames.tmp").mkdir(parents=True)
    (cache / "datasets" / "surnames").mkdir()
    assert values("train --data ") == values("evaluate -d ") == ["starter", "surnames"]


def test_categories_are_those_of_the_chosen_model(values, elves, monkeypatch, tmp_path):
    assert values("sample ") == [*LANGUAGES, *PARTS]
    assert values("score ") == values("sample -m pretrained ") == LANGUAGES
    assert values("score -m people ") == PARTS
    for words in ("sample -m elves", "sample --model=elves", "sample -melves -n 3", "score --model elves"):
        assert values(f"{words} ") == ["Dark Elves", "High Elves"]
    assert values("sample -m goblins ") == ["Goblins"]
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copy(cached_location("elves").model, tmp_path / "mine.safetensors")
    assert values("sample -m ~/mine.safetensors ") == ["Dark Elves", "High Elves"]
    monkeypatch.setenv("NAMEGEN_MODEL", "elves")
    assert values("sample ") == ["Dark Elves", "High Elves"]


def test_a_category_after_a_plus_makes_a_blend(values, elves):
    assert values("sample German:2+It") == ["German:2+Italian"]
    assert set(values("sample Turkish/female+Elven")) == {f"Turkish/female+{part}" for part in PARTS if "Elven" in part}
    assert values("sample -m elves 'Dark Elves+Hi") == ["Dark Elves+High Elves"]


@pytest.mark.parametrize("words", ["sample German ", "sample --count ", "sample -m nosuch ", "sample -m damaged "])
def test_otherwise_and_after_errors_nothing_is_completed(values, elves, words):
    cached_location("damaged").model.write_bytes(b"nonsense")
    assert values(words) == []


def test_each_shell_gets_values_in_its_own_form(answer, cache):
    save("odd", "Elves: High", "New York")
    line = "namegen sample -m odd "
    assert answer(line, "fish") == ["Elves: High", "New York"]
    assert answer(line, "zsh") == ["Elves\\: High", "New York"]
    assert answer(line, "bash") == ["Elves:\\ High", "New\\ York"]
    assert answer(f"{line}Elves:", "bash", ":") == [":\\ High"]
    assert answer(f"{line}'New Y", "bash", "New Y") == ["New York"]
    assert answer("namegen --vers", "zsh") == ["--version:Show the version and exit"]


@pytest.mark.parametrize("line", ["namegen ", "namegen sample Ge", "namegen sample -m "])
def test_an_answer_imports_nothing_slow(line):
    environment = {"_NAMEGEN_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": line, "PYTHONPROFILEIMPORTTIME": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "namegen"], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    imported = set(re.findall(r"\| +([\w.]+)$", done.stderr, re.MULTILINE))
    assert done.stdout.strip()
    assert "typer" in imported
    assert not imported & {"rich", "numpy", "torch", "platformdirs", "safetensors"}


def insert_in_bash(value, quote):
    """The word after bash has inserted an answer: bash keeps the opening mark and adds the closing one."""
    quoted = quote_for_bash(value, quote)
    return quote * (not quoted.startswith(quote)) + quoted + quote * (not quoted.endswith(quote))


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_bash_reads_what_it_inserts_as_the_value(quote):
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    many = [*AWKWARD, *(f"{a}{b}{c}" for a in "a!'\"\\" for b in " !'\"\\$`*~-日" for c in "b!'\"\\")]
    script = "".join([f"printf '%s\\0' {insert_in_bash(value, quote)}\n" for value in many])
    done = subprocess.run(["bash"], input=script.encode(), capture_output=True, check=True, cwd="/")

    assert done.stdout.decode().split("\0")[:-1] == many
    assert done.stderr == b""

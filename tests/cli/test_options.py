"""Every numeric option of every subcommand at its limits and beyond: it works, or one line says what is wrong.

The options are found by walking the command itself, so a new one is tried without anybody remembering it.
"""

from __future__ import annotations

import io
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import namegen.training.jobs
from namegen.cli import main
from namegen.cli.app import build
from namegen.datasets.dataset import hash_name
from namegen.models.store import cached_location
from namegen.training import resources
from support import NAMEGEN, is_one_error, save_model

VALUES = (
    *("-1", "0", "1", "2", "0.5", "-0.0", "0.999999999", "10000", "10001"),
    *("nan", "-nan", "inf", "-inf", "1e308", "-1e308", "1e400", "1e6", "1e-8", "1e-308", "5e-324"),
    *(str(2**31), str(2**32), str(2**63 - 1), str(2**63), str(2**64), str(10**12), str(10**15), str(10**30)),
    *("9" * 400, "9" * 4300, "9" * 5000),
    *("", " 5 ", "1_000", "0x10", "١٢", "1,000", "1\n2", "\x1b[31m", "True", "None"),
)
SECONDS = 20  # that no value may take, on a busy machine too; those that work take some hundredths


def numeric_options(command, path=()):
    """Go through the whole and other numbers that a command and its subcommands take: where, and as what."""
    for name, below in getattr(command, "commands", {}).items():
        yield from numeric_options(below, (*path, name))
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.type.name.split()[0] in ("int", "integer", "float"):
            yield path, parameter.opts[0]


OPTIONS = sorted(numeric_options(build()))


class LeavingReader(io.StringIO):
    """Reads some results, and no more than that."""

    def write(self, text):
        if len(text) > 20_000:
            raise BrokenPipeError
        return super().write(text)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "English.txt").write_text("Anna\nBob\nCarl\n", encoding="utf-8")
    (folder / "German.txt").write_text("Otto\nUwe\nJan\n", encoding="utf-8")
    return folder


@pytest.fixture
def beginnings(cache, data, monkeypatch):
    """What each subcommand needs besides an option, so that it has something small to do."""
    save_model()
    known = sorted(int.from_bytes(hash_name(name), "big") for name in (b"Otto", b"Uwe", b"Anna"))
    place = cached_location("default")
    replace(place.load(), name_hashes=np.array(known, np.uint64)).save(place.model)
    train = namegen.training.jobs.train
    # What a training does between its first step and its last is no matter of its options' limits.
    monkeypatch.setattr(namegen.training.jobs, "train", lambda *a, **k: train(*a, **{**k, "stop": lambda: True}))
    small = ["--data", str(data), "--iters", "64", "--hidden-size", "4"]
    return {
        "sample": ["sample", "German"],
        "classify": ["classify", "Anna"],
        "evaluate": ["evaluate", "--data", str(data), "-n", "3"],
        "train": ["train", *small, "-m", "swept", "--force", "-q"],
    }


def test_the_walk_finds_the_numeric_options():
    assert len(OPTIONS) > 20
    assert {(("sample",), "--temperature"), (("train",), "--learning-rate"), (("classify",), "--count")} < set(OPTIONS)


@pytest.mark.parametrize(
    ("path", "option"), OPTIONS, ids=lambda part: part if isinstance(part, str) else " ".join(part)
)
def test_a_number_at_its_limits_or_beyond_works_or_is_one_clear_line(beginnings, monkeypatch, path, option):
    odd = []
    for value in VALUES:
        out, err = LeavingReader(), io.StringIO()
        began = time.monotonic()
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            code = main([*beginnings[path[0]], *path[1:], option, value])
        said = err.getvalue()
        is_fine = {
            0: "Traceback" not in said and "Warning" not in said and "nan" not in out.getvalue().lower().split(),
            1: is_one_error(said),
            2: is_one_error(said) and out.getvalue() == "",
            143: said.startswith("Stopped after"),  # which `beginnings` sees to
            141: said == "",
        }
        if not is_fine.get(code, False) or time.monotonic() - began > SECONDS:
            odd.append((value[:30], code, said[:200]))
    assert odd == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["sample", "-n", 10**18], "from 0 to"),
        (["sample", "German", "--top", 10**9], "from 1 to 1,000,000"),
        (["sample", "--max-length", 10_001], "from 1 to 10,000"),
        (["sample", "--top-k", 10**6 + 1], "from 1 to 1,000,000"),
        (["evaluate", "-n", 10**6 + 1], "from 0 to 1,000,000"),
        (["train", "--hidden-size", 4097], "from 1 to 4,096"),
        (["train", "--device", f"cuda:{'9' * 5000}"], "no device is called"),
    ],
    ids=str,
)
def test_what_would_take_all_memory_or_time_is_refused(cli, beginnings, arguments, complaint):
    outcome = cli(*beginnings[arguments[0]], *arguments[1:])
    assert outcome.code == 2
    assert is_one_error(outcome.err)
    assert complaint in outcome.err


def test_a_training_that_cannot_fit_into_memory_is_refused_before_it_starts(cli, beginnings, monkeypatch):
    monkeypatch.setattr(resources, "_find_memory", lambda: 16 * 10**9)
    outcome = cli(*beginnings["train"], "--hidden-size", 4096, "--batch-size", 65_536)
    assert outcome.code == 1
    assert is_one_error(outcome.err)
    assert "use a smaller --batch-size or --hidden-size" in outcome.err


def test_where_the_system_does_not_say_how_much_memory_there_is_training_starts(cli, beginnings, monkeypatch):
    monkeypatch.setattr(resources, "_find_memory", lambda: None)
    assert "Stopped after" in cli(*beginnings["train"]).err


def test_very_many_names_begin_at_once_and_stop_with_their_reader(beginnings):
    began = time.monotonic()
    with subprocess.Popen(
        [*NAMEGEN, "sample", "-n", str(10**15)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline().strip().isalpha()
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (141, b"")
    assert time.monotonic() - began < SECONDS


@pytest.mark.parametrize("temperature", ["1e-8", "9.9e-7", "1e-300", "5e-324", "-0.0"])
def test_a_temperature_too_small_to_divide_by_is_greedy(cli, temperature):
    greedy = cli("sample", "German", "ABC", "-m", "pretrained", "--seed", 1, "-n", 5, "--greedy")
    assert greedy.code == 0
    assert cli("sample", "German", "ABC", "-m", "pretrained", "-n", 5, "-t", temperature) == greedy


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("temperature", [1e-6, 1.001e-6, 1e-5, 1e6])
def test_just_above_greedy_and_at_the_top_there_are_names(cli, temperature):
    sampled = cli("sample", "German", "ABC", "-m", "pretrained", "-n", 5, "-t", temperature, "--scores")
    assert (sampled.code, sampled.err) == (0, "")
    assert len(sampled.out.splitlines()) == 15
    assert "nan" not in sampled.out

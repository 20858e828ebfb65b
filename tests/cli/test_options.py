"""Every numeric option of every subcommand at its limits and beyond: it works, or one line says what is wrong.

The options are found by walking the command itself, so a new one is tried too.
"""

from __future__ import annotations

import io
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import namegen.training.jobs
from namegen.cli import main
from namegen.datasets.dataset import hash_name
from namegen.models.store import cached_location
from namegen.training import resources
from support import all_commands, is_one_error, save_model

VALUES = (
    *("-1", "0", "1", "0.5", "-0.0", "0.999999999", "10001", "nan", "-inf", "1e308", "1e400", "1e-8", "5e-324"),
    *(str(2**31), str(2**63), str(10**15), "9" * 4300, "9" * 5000),
    *("", " 5 ", "1_000", "0x10", "١٢", "1\n2", "\x1b[31m"),
)
SECONDS = 20  # that no value may take, even on a busy machine


def is_numeric(parameter):
    return parameter.param_type_name == "option" and parameter.type.name.split()[0] in ("int", "integer", "float")


OPTIONS = sorted(
    (words[0], parameter.opts[0])
    for words, command in all_commands()
    for parameter in command.params
    if is_numeric(parameter)
)


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
    """Return the arguments with which each subcommand does a small task."""
    save_model()
    known = sorted(int.from_bytes(hash_name(name), "big") for name in (b"Otto", b"Uwe", b"Anna"))
    location = cached_location("default")
    replace(location.load(), name_hashes=np.array(known, np.uint64)).save(location.model)
    train = namegen.training.jobs.train
    monkeypatch.setattr(namegen.training.jobs, "train", lambda *a, **k: train(*a, **{**k, "stop": lambda: True}))
    small = ["--data", str(data), "--iters", "64", "--hidden-size", "4"]
    return {
        "sample": ["sample", "German"],
        "classify": ["classify", "Anna"],
        "explain": ["explain", "Anna"],
        "people": ["people", "German", "-n", "3"],
        "evaluate": ["evaluate", "--data", str(data), "-n", "3"],
        "data": ["data", str(data)],
        "train": ["train", *small, "-m", "swept", "--force", "-q"],
    }


def test_the_walk_finds_the_numeric_options():
    assert len(OPTIONS) > 20
    assert {("sample", "--temperature"), ("train", "--learning-rate"), ("classify", "--count")} < set(OPTIONS)


@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_a_number_at_its_limits_or_beyond_works_or_is_one_clear_line(beginnings, monkeypatch, command, option):
    odd = []
    for value in VALUES:
        out, err = LeavingReader(), io.StringIO()
        began = time.monotonic()
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            code = main([*beginnings[command], option, value])
        said = err.getvalue()
        is_fine = {
            0: "Traceback" not in said and "Warning" not in said and "nan" not in out.getvalue().lower().split(),
            1: is_one_error(said),
            2: is_one_error(said) and out.getvalue() == "",
            143: said.startswith("Stopped after"),  # by `beginnings`
            141: said == "",
        }
        if not is_fine.get(code, False) or time.monotonic() - began > SECONDS:
            odd.append((value[:30], code, said[:200]))
    assert odd == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "-n", 10**18], "from 0 to"),
        (["sample", "German", "--top", 10**9], "from 1 to 1,000,000"),
        (["sample", "--max-length", 10_001], "from 1 to 10,000"),
        (["sample", "--top-k", 10**6 + 1], "from 1 to 1,000,000"),
        (["evaluate", "-n", 10**6 + 1], "from 0 to 1,000,000"),
        (["train", "--hidden-size", 4097], "from 1 to 4,096"),
        (["train", "--device", f"cuda:{'9' * 5000}"], "no device"),
    ],
    ids=str,
)
def test_what_would_take_all_memory_or_time_is_refused(cli, beginnings, arguments, message):
    refused = cli(*beginnings[arguments[0]], *arguments[1:])
    assert refused.is_error(2)
    assert message in refused.err


def test_a_training_that_cannot_fit_into_memory_is_refused_before_it_starts(cli, beginnings, monkeypatch):
    monkeypatch.setattr(resources, "_find_memory", lambda: 16 * 10**9)
    refused = cli(*beginnings["train"], "--hidden-size", 4096, "--batch-size", 65_536)
    assert refused.is_error(1)
    assert "use a smaller --batch-size or --hidden-size" in refused.err
    monkeypatch.setattr(resources, "_find_memory", lambda: float("inf"))  # of systems that do not tell
    assert "Stopped after" in cli(*beginnings["train"]).err


@pytest.mark.filterwarnings("error")
def test_temperatures_from_zero_to_the_top_give_names(cli):
    greedy = cli("sample", "German", "ABC", "-m", "pretrained", "-n", 5, "--greedy")
    assert greedy.code == 0
    for temperature in ("1e-8", "9.9e-7", "5e-324", "-0.0"):  # too small to divide by
        assert cli("sample", "German", "ABC", "-m", "pretrained", "-n", 5, "-t", temperature) == greedy
    for temperature in (1e-6, 1.001e-6, 1e6):
        sampled = cli("sample", "German", "ABC", "-m", "pretrained", "-n", 5, "-t", temperature, "--scores")
        assert (sampled.code, sampled.err) == (0, "")
        assert len(sampled.out.splitlines()) == 15
        assert "nan" not in sampled.out

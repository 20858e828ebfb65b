"""Streams, terminals and locales at their worst: every command works or ends quietly, in real processes."""

from __future__ import annotations

import fcntl
import os
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support import ESCAPES, NAMEGEN, in_terminal, is_one_error, save_model

TRAIN = ("train", "--iters", "3200", "--hidden-size", "16", "--force", "--model", "trained")
SECONDS = 60

RESULTS = {
    "sample": ("sample", "-n", "3"),
    "score": ("score", "German", "Anna"),
    "classify": ("classify", "Anna"),
    "evaluate": ("evaluate", "pretrained", "--data", "German.txt", "--all", "-n", "3"),
    "plot": ("plot",),
    "categories": ("categories",),
    "models": ("models",),
    "models show": ("models", "show"),
    "models path": ("models", "path"),
    "download --list": ("download", "--list"),
    "--help": ("--help",),
    "--version": ("--version",),
}
"""A run of each command that writes results."""


@pytest.fixture(autouse=True)
def folder(cache, tmp_path, monkeypatch):
    """A folder with names, where the command runs; and a model in the cache."""
    save_model()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "German.txt").write_text("Otto\nUwe\nJan\n", encoding="utf-8")
    return tmp_path


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash, in which ``namegen`` is the command."""
    whole = f'namegen() {{ {shlex.join(NAMEGEN)} "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", whole],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
        errors="backslashreplace",
        env={**os.environ, **environment},
        timeout=SECONDS,
        check=False,
    )


def several(lines: list[str]) -> list[subprocess.CompletedProcess[str]]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(shell, lines))


# Closed streams


@pytest.mark.parametrize("name", RESULTS)
def test_streams_that_are_closed_from_the_start_are_results_or_one_clear_line(name):
    line = f"namegen {shlex.join(RESULTS[name])}"
    only_output, no_output, nothing = several([f"{line} <&- 2>&-", f"{line} >&-", f"{line} <&- >&- 2>&-"])
    assert only_output.returncode == 0
    assert only_output.stdout
    assert no_output.returncode == 1
    assert no_output.stderr.splitlines()[-1] == "Error: cannot write the results: standard output is closed"
    assert "Traceback" not in no_output.stderr
    assert nothing.returncode == 1


def test_a_training_needs_no_stream_at_all(cache):
    done = shell(f"namegen {shlex.join(TRAIN)} <&- >&- 2>&-")
    assert done.returncode == 0
    assert shell("namegen sample German AB --model trained --greedy").returncode == 0


@pytest.mark.parametrize("command", ["sample German -", "score German", "classify"])
def test_where_there_is_no_input_there_are_no_names(command):
    done = shell(f"namegen {command} <&-")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_error_that_nobody_can_hear_still_has_its_exit_code():
    assert [done.returncode for done in several(["namegen sample Nonsense 2>&-", "namegen models show none 2>&-"])] == [
        2,
        1,
    ]


# Pipes


def test_a_pipe_that_does_not_block_gets_every_name_however_slowly_it_is_read():
    read, write = os.pipe()
    os.set_blocking(write, False)
    with subprocess.Popen([*NAMEGEN, "sample", "-n", "100000"], stdout=write, stderr=subprocess.PIPE) as process:
        os.close(write)
        time.sleep(1.5)  # so that it is full
        got = b""
        while some := os.read(read, 65_536):
            got += some
        os.close(read)
        said = process.stderr.read()
    assert (process.returncode, said) == (0, b"")
    assert got.count(b"\n") == 100_000


def test_notes_in_a_pipe_that_does_not_block_hold_up_no_training(cache):
    read, write = os.pipe()
    os.set_blocking(write, False)
    with subprocess.Popen([*NAMEGEN, *TRAIN], stderr=write) as process:
        os.close(write)
        said = b""
        while some := os.read(read, 65_536):
            said += some
        os.close(read)
    assert process.returncode == 0
    assert said.splitlines()[-1].startswith(b"Next: ")


@pytest.mark.parametrize("command", [("sample", "German", "-"), ("classify",)], ids=" ".join)
def test_an_empty_pipe_that_does_not_block_is_waited_for(command):
    read, write = os.pipe()
    os.set_blocking(read, False)
    with subprocess.Popen([*NAMEGEN, *command], stdin=read, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        os.close(read)
        for name in (b"Anna\n", b"Otto\n"):
            time.sleep(0.4)
            os.write(write, name)
        os.close(write)
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, err) == (0, b"")
    assert [line[:4] for line in out.splitlines()] == [b"Anna", b"Otto"]


@pytest.mark.parametrize("ignored", ["trap '' PIPE; ", ""])
@pytest.mark.parametrize("reader", ["true", "head -2"])
def test_a_pipe_that_closes_anywhere_is_quiet(ignored, reader):
    lines = [
        f"{ignored}namegen sample -n 200000 | {reader} >/dev/null; echo ${{PIPESTATUS[0]}}",
        f"{ignored}(namegen sample -n 200000 2>&1; echo $? >&3) 3>code | {reader} >/dev/null; cat code",
    ]
    assert [(done.stdout, done.stderr) for done in several(lines)] == [("141\n", "")] * 2


# Terminals

NARROW = [
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "cp1252"},
]
"""Locales that cannot show everything."""

BADLY_SIZED = [{"columns": 1}, {"columns": 0, "lines": 0}, {"lines": 1}, {"COLUMNS": "garbage", "LINES": "x"}]
BADLY_SIZED += [{"COLUMNS": size} for size in ("0", "²", "9" * 20)]


@pytest.mark.parametrize("odd", BADLY_SIZED, ids=str)
def test_a_terminal_of_any_size_shows_tables_plots_and_errors(odd):
    commands = [("categories",), ("plot",), ("sample", "Nonsense")]
    with ThreadPoolExecutor(max_workers=2) as pool:
        done = list(pool.map(lambda command: in_terminal(*command, **odd), commands))
    assert [code for code, _ in done] == [0, 0, 2]
    assert [written for _, written in done if "Traceback" in written] == []


ODD = [{"columns": 1, "TERM": "nonsense"}, {"columns": 0, "lines": 1, "COLUMNS": "²", **NARROW[0]}]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_a_training_runs_to_its_end_in_a_terminal_of_any_size_or_kind(odd):
    code, written = in_terminal(*TRAIN, **odd)
    assert code == 0
    assert "Traceback" not in written


def test_a_terminal_that_changes_its_size_is_no_reason_to_stop():
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [*NAMEGEN, *TRAIN[:2], "40000", *TRAIN[3:]],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm"},
    ) as process:
        written, sizes = b"", iter([(24, 80), (1, 1), (0, 0), (50, 200), (10, 20)] * 100)
        os.close(theirs)
        while select.select([ours], [], [], SECONDS)[0]:
            try:
                some = os.read(ours, 65_536)
            except OSError:
                break
            written += some
            if some and process.poll() is None:
                fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", *next(sizes, (24, 80)), 0, 0))
                process.send_signal(signal.SIGWINCH)
        os.close(ours)
    assert process.returncode == 0
    assert b"Traceback" not in written
    assert b"namegen sample --model trained" in written


def test_whoever_types_names_is_told_that_they_are_waited_for():
    for command in (("sample", "German", "-"), ("classify",), ("score", "German")):
        ours, theirs = os.openpty()
        with subprocess.Popen(
            [*NAMEGEN, *command], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            os.close(theirs)
            assert process.stderr.readline().startswith(b"Type ")
            os.write(ours, b"Anna\n\x04")
            out, err = process.communicate(timeout=SECONDS)
            os.close(ours)
        assert (process.returncode, err) == (0, b"")
        assert out.startswith(b"Anna")


# Locales


@pytest.mark.parametrize("environment", NARROW, ids=str)
def test_a_locale_without_utf_8_shows_what_it_can(environment):
    plot, table, error, name = (
        shell(f"namegen {line}", **environment)
        for line in ("plot", "models", "sample Łódź", "classify $'Zo\\xc3\\xab \\xff'")
    )
    assert [done.returncode for done in (plot, table, error, name)] == [0, 0, 2, 0]
    assert is_one_error(error.stderr)
    assert [done.stderr for done in (plot, table, error, name) if "Traceback" in done.stderr] == []
    code, written = in_terminal("plot", **environment)
    assert code == 0
    assert "loss" in ESCAPES.sub("", written)


def test_arguments_and_names_that_are_no_text_are_one_clear_line_or_left_out():
    for command in ("sample $'\\xff'", "sample German $'\\xff'", "models show $'\\xff'", "plot $'a\\nb'"):
        done = shell(f"namegen {command}")
        assert done.returncode in (1, 2)
        assert is_one_error(done.stderr)
    done = shell("printf 'Anna\\n\\xff\\xfe\\n' | namegen classify")
    assert done.returncode == 0
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["Anna"]


# Signals


def wait_until_signals_are_heard(pid):
    """Wait until the command has begun to deal with signals itself; before that, Python does."""
    caught, end = Path(f"/proc/{pid}/status"), time.monotonic() + SECONDS
    bit = 1 << (signal.SIGTERM - 1)
    while caught.exists() and not int(re.search(r"SigCgt:\s*(\w+)", caught.read_text())[1], 16) & bit:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_ctrl_c_ends_a_long_match_quietly():
    # Each of the names is matched in vain, so nothing comes before the match has gone on for seconds.
    slow = "(?=(?:.?){200}x)" * 5 + "!"
    with subprocess.Popen(
        [*NAMEGEN, "sample", "-n", "100000", "-m", "pretrained", "--match", slow],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        wait_until_signals_are_heard(process.pid)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert (out, err) == (b"", b"")


def test_without_a_controlling_terminal_everything_works():
    done = subprocess.run(
        [*NAMEGEN, "sample", "German", "ABC"], start_new_session=True, capture_output=True, check=False, timeout=SECONDS
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert sys.platform == "win32" or len(done.stdout.splitlines()) == 3

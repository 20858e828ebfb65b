"""What every command keeps to: streams, exit codes, pipes, signals, terminals, and what is imported."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from namegen.datasets.dataset import hash_name
from namegen.models.store import cached_location
from support import ESCAPES, NAMEGEN, REPOSITORY, in_terminal, is_one_error, save_model

TRAIN = ("train", "--iters", "640", "--hidden-size", "8")
COLOURS = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;\d+)*m")


@pytest.fixture
def model(cache):
    save_model()


def run(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(
        [*NAMEGEN, *arguments], stdin=subprocess.DEVNULL, text=True, encoding="utf-8", check=False, **options
    )


# Streams and exit codes


def test_results_go_to_stdout_and_nothing_to_stderr(command, model):
    sampled = command("sample", "German", "-n", 1000)
    assert (sampled.code, sampled.err) == (0, "")
    lines = sampled.out.split("\n")
    assert len(lines) == 1001
    assert lines[-1] == ""
    assert all(re.fullmatch("[A-Z][a-z]*", line) for line in lines[:-1])


def test_a_pipeline_of_filters_works(model):
    line = f"{shlex.join(NAMEGEN)} sample German -n 1000 | sort | uniq -c | sort -rn | sed -n 1,3p"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    counts = [int(line.split()[0]) for line in done.stdout.splitlines()]
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--nonsense",),
        ("nonsense",),
        ("sample", "--nonsense"),
        ("sample", "German", "A", "B"),
        ("sample", "-n"),
        ("sample", "-n", "many"),
        ("sample", "--format", "xml"),
        ("train", "extra"),
        ("train", "--iters"),
        ("models", "rm"),
        ("models", "nonsense"),
        ("categories", "--format", "xml"),
        ("download", "nonsense"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_and_exit_code_2(cli, model, arguments):
    outcome = cli(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert is_one_error(outcome.err)


@pytest.mark.parametrize(
    "arguments",
    [
        ("sample", "--model", "none"),
        ("categories", "--model", "none"),
        ("plot", "none"),
        ("models", "show", "none"),
        ("train", "--resume"),
        ("train", "--data", "none.txt"),
    ],
    ids=" ".join,
)
def test_what_could_not_be_done_is_one_line_and_exit_code_1(cli, model, arguments):
    outcome = cli(*arguments)
    assert outcome.code == 1
    assert outcome.out == ""
    assert is_one_error(outcome.err)


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (("--nonsense",), "namegen"),
        (("nonsense",), "namegen"),
        (("sample", "--nonsense"), "namegen sample"),
        (("train", "extra"), "namegen train"),
        (("models", "rm"), "namegen models rm"),
        (("models", "nonsense"), "namegen models"),
        (("categories", "--format", "xml"), "namegen categories"),
    ],
)
def test_wrong_usage_says_which_help_to_see(cli, model, arguments, command):
    assert cli(*arguments).err.endswith(f"; see `{command} --help`\n")
    assert cli(*command.split()[1:], "--help").code == 0


def test_a_misspelt_option_gets_a_suggestion(cli, model):
    assert "--temperature" in cli("sample", "--temprature", "1").err


def test_an_error_in_a_process_is_one_line_without_a_traceback(command, model):
    outcome = command("sample", "Nonsense")
    assert (outcome.code, outcome.out) == (2, "")
    assert is_one_error(outcome.err)


@pytest.mark.parametrize(("arguments", "code"), [(("plot", "none"), 1), (("sample", "Nonsense"), 2)])
def test_debug_shows_a_traceback_and_leaves_the_exit_code(command, model, arguments, code):
    outcome = command("--debug", *arguments)
    assert "Traceback" in outcome.err
    assert outcome.code == code


def test_prefixes_that_are_not_utf_8_are_one_clear_line(model):
    done = subprocess.run([*NAMEGEN, "sample", "German", "-"], input=b"\xff\n", capture_output=True, check=False)
    assert done.returncode in (1, 2)
    assert is_one_error(done.stderr.decode())


@pytest.mark.parametrize("arguments", [("plot",), ("sample", "--help"), ("categories",)], ids=" ".join)
def test_an_encoding_without_the_characters_to_write_makes_no_traceback(model, arguments):
    done = run(*arguments, env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert "Traceback" not in done.stderr
    assert done.returncode == 0 or is_one_error(done.stderr)


# Pipes and full disks


def test_a_closed_pipe_is_quiet_and_ends_as_any_filter(model):
    line = f"{shlex.join(NAMEGEN)} sample -n 200000 | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    name, status = done.stdout.splitlines()
    assert re.fullmatch("[A-Z][a-z]*", name)
    assert status == "141"
    assert done.stderr == ""


@pytest.mark.parametrize(
    "arguments", [("sample", "-n", "3"), ("categories",), ("models",), ("plot",), ("--help",)], ids=" ".join
)
def test_a_pipe_that_was_never_read_is_quiet_and_ends_as_any_filter(model, arguments):
    read, write = os.pipe()
    os.close(read)
    try:
        done = run(*arguments, stdout=write)
    finally:
        os.close(write)
    assert done.stderr == ""
    assert done.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "arguments",
    [("sample", "-n", "3"), ("sample", "-n", "100000"), ("categories",), ("plot",), ("--help",), ("--version",)],
    ids=" ".join,
)
def test_a_full_disk_is_one_line_and_exit_code_1(model, arguments):
    with Path("/dev/full").open("w") as full:
        done = run(*arguments, stdout=full)
    assert is_one_error(done.stderr)
    assert "No space left" in done.stderr
    assert done.returncode == 1


def test_prefixes_are_answered_one_by_one(model):
    with subprocess.Popen(
        [*NAMEGEN, "sample", "German", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        for prefix in ("Sch", "Ba"):
            process.stdin.write(f"{prefix}\n")
            assert process.stdout.readline().startswith(prefix)
        process.stdin.close()
    assert process.returncode == 0


# Signals


def test_ctrl_c_ends_sampling_quietly(model):
    with subprocess.Popen(
        [*NAMEGEN, "sample", "-n", "1000000000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert err == ""


def test_ctrl_c_in_the_terminal_stops_a_training_after_its_display(cache):
    ours, theirs = os.openpty()
    take_control = (
        "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", take_control, *NAMEGEN, "train", "--iters", "100000", "--hidden-size", "8"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
        start_new_session=True,
    ) as process:
        os.close(theirs)
        written = b""
        while b"loss " not in written:
            written += os.read(ours, 65_536)
        os.write(ours, b"\x03")
        while True:
            try:
                written += os.read(ours, 65_536)
            except OSError:
                break
        os.close(ours)
    assert process.returncode == 130
    display, _, after = written.decode().rpartition("\x1b[?25h")
    assert "names/s" in display
    assert re.fullmatch(
        r"\s*Stopped after [\d,]+ of 100,000 iterations.*namegen train --resume", " ".join(after.split())
    )


# Imports

HEAVY = ("torch", "matplotlib", "pooch", "requests", "rich", "plotext")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("sample", "--help"),
        ("train", "--help"),
        ("sample", "German", "ABC"),
        ("sample", "Germn"),
        ("score", "German", "Anna"),
        ("classify", "Anna"),
        ("evaluate", "--help"),
        ("categories",),
        ("models",),
    ],
    ids=" ".join,
)
def test_what_should_start_at_once_imports_nothing_heavy(model, arguments):
    code = (
        "import sys; from namegen.cli import main; main(sys.argv[2:])\n"
        "print(*sorted(set(sys.argv[1].split()) & set(sys.modules)), sep='\\n', file=sys.__stderr__, end='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, " ".join(HEAVY), *arguments], capture_output=True, text=True, check=True
    )
    assert [line for line in done.stderr.splitlines() if not line.startswith("Error: ")] == []


def test_a_sample_imports_only_what_it_uses(model):
    needless = (
        "namegen.cli.train",
        "namegen.cli.download",
        "namegen.io.files",
        "namegen.datasets.dataset",
        "namegen.models.networks",
    )
    needless += ("unidecode", "filelock", "tempfile", "secrets", "numpy.random", "numpy.ma", "numpy.fft")
    code = (
        "import sys; from namegen.cli import main; main(['sample', 'German', 'ABC'])\n"
        "print(*sorted(set(sys.argv[1:]) & set(sys.modules)), file=sys.__stderr__, end='')"
    )
    done = subprocess.run([sys.executable, "-c", code, *needless], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, namegen; print(*set(sys.argv[1].split()) & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code, " ".join((*HEAVY, "numpy", "typer"))], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


@pytest.fixture
def without_torch(tmp_path) -> dict[str, str]:
    """The environment variables of a Python that has everything but torch."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("torch", "functorch")) and entry.suffix != ".pth":
            (packages / entry.name).symlink_to(entry)
    places = os.pathsep.join([str(packages), str(REPOSITORY / "src")])
    return {**os.environ, "PYTHONPATH": places, "PYTHONDONTWRITEBYTECODE": "1"}


def test_sampling_works_where_torch_is_absent(model, without_torch):
    python = (sys.executable, "-S")
    absent = subprocess.run([*python, "-c", "import torch"], env=without_torch, capture_output=True, check=False)
    assert b"No module named 'torch'" in absent.stderr
    sampled = subprocess.run(
        [*python, "-m", "namegen", "sample", "German", "ABC"],
        env=without_torch,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (sampled.returncode, sampled.stderr) == (0, "")
    assert [name[0] for name in sampled.stdout.splitlines()] == ["A", "B", "C"]


@pytest.mark.parametrize(
    "arguments",
    [("score", "German", "Anna"), ("classify", "Anna"), ("evaluate", "trained", "--data", "German.txt", "-n", "1")],
    ids=" ".join,
)
def test_names_and_models_are_measured_where_torch_is_absent(model, without_torch, arguments, tmp_path):
    hashes = np.array([int.from_bytes(hash_name(b"Otto"), "big")], np.uint64)
    replace(cached_location("default").load(), name_hashes=hashes).save(cached_location("trained").model)
    (tmp_path / "German.txt").write_text("Anna\nOtto\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-S", "-m", "namegen", *arguments],
        env=without_torch,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.startswith(("Anna\t", "category\t"))


def test_training_where_torch_is_absent_is_one_clear_line(cache, without_torch):
    trained = subprocess.run(
        [sys.executable, "-S", "-m", "namegen", *TRAIN], env=without_torch, capture_output=True, text=True, check=False
    )
    assert trained.returncode == 1
    assert "Traceback" not in trained.stderr
    assert trained.stderr.splitlines()[-1].startswith("Error: ")
    assert "torch" in trained.stderr.splitlines()[-1]


# Terminals


def displayed(written: str) -> list[str]:
    """The lines that the live display drew, one after the other, without escape codes."""
    display = written.partition("\x1b[?25l")[2].partition("\x1b[?25h")[0]
    return [line.rstrip() for line in re.split(r"[\r\n]+", ESCAPES.sub("", display)) if line.strip()]


@pytest.fixture(scope="module")
def trainings(tmp_path_factory) -> dict[str, tuple[int, str]]:
    """The same training in several terminals: the exit code, and all it wrote."""
    terminals = {
        "80": {},
        "120": {"columns": 120},
        "20": {"columns": 20, "lines": 10},
        "dumb": {"TERM": "dumb"},
        "no colour": {"NO_COLOR": "1"},
    }
    caches = {name: str(tmp_path_factory.mktemp("cache")) for name in terminals}
    with ThreadPoolExecutor(max_workers=2) as pool:
        runs = {
            name: pool.submit(in_terminal, *TRAIN, NAMEGEN_CACHE_DIR=caches[name], **options)
            for name, options in terminals.items()
        }
        return {name: run.result() for name, run in runs.items()}


@pytest.mark.parametrize("columns", [80, 120, 20])
def test_the_live_display_runs_to_the_end_within_the_width_of_the_terminal(trainings, columns):
    code, written = trainings[str(columns)]
    assert code == 0
    assert "Traceback" not in written
    drawn = displayed(written)
    assert max(map(len, drawn)) <= columns
    assert any("loss" in line for line in drawn)
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1


@pytest.mark.parametrize("columns", [80, 20])
def test_a_command_to_type_is_never_broken_into_lines(trainings, columns):
    assert "namegen sample German ABC" in trainings[str(columns)][1]


def test_the_live_display_shows_all_that_one_wants_to_know(trainings):
    _, written = trainings["120"]
    assert "on cpu" in written
    drawn = "\n".join(displayed(written))
    assert "100%  640/640  0:0" in drawn
    assert re.search(r"[\d,]+ names/s", drawn)
    assert re.search(r"\d:\d\d gone, \d:\d\d left", drawn)
    assert re.search(r"loss \d\.\d{3}, validation \d\.\d{3} nats per letter", drawn)
    assert re.search(r"\S+ \((English|German|Russian|Italian|Irish|Czech|Arabic|Polish)\)", drawn)


def test_a_terminal_that_cannot_redraw_gets_plain_lines(trainings):
    code, written = trainings["dumb"]
    assert code == 0
    assert "\x1b" not in written
    assert re.search(r"^100%  640/640 ", written, re.MULTILINE)


def test_no_color_takes_away_colour_and_keeps_the_display(trainings):
    code, written = trainings["no colour"]
    assert code == 0
    assert COLOURS.search(trainings["80"][1])
    assert displayed(written)
    assert not COLOURS.search(written)


def test_a_plot_in_a_terminal_has_colour_and_fits(model):
    code, written = in_terminal("plot", columns=100)
    assert code == 0
    assert COLOURS.search(written)
    assert max(map(len, ESCAPES.sub("", written).splitlines())) == 100


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_plot_in_a_terminal_without_colour_has_no_escape_codes(model, environment):
    assert "\x1b" not in in_terminal("plot", **environment)[1]


def test_a_table_in_a_terminal_of_80_columns_breaks_no_name(cache):
    for name in ("default", "elves-of-the-north"):
        save_model(name)
    code, written = in_terminal("models")
    assert code == 0
    table = ESCAPES.sub("", written)
    assert max(map(len, table.splitlines())) <= 80
    broken = [word for word in ("default", "elves-of-the-north", "default", "training") if word not in table]
    assert broken == []


def test_a_table_in_a_terminal_has_no_tabs(model):
    assert "\t" not in in_terminal("categories")[1]


def test_no_color_takes_colour_from_tables(model):
    assert not COLOURS.search(in_terminal("categories", NO_COLOR="1")[1])


def test_training_goes_on_when_nobody_reads_its_progress(cache):
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m namegen train --iters 640 --hidden-size 8 --data starter 2>&1 | head -1"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.stdout.startswith("Training default")
    assert (cache / "models" / "default.safetensors").is_file()


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-"])
def test_a_stream_that_is_closed_from_the_start_gives_no_traceback(closed):
    save_model("default")
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m namegen sample -n 3 {closed}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "Traceback" not in done.stderr
    if closed == ">&-":
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    else:
        assert (done.returncode, done.stdout.count("\n")) == (0, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sampel", "German"), "Error: No such command 'sampel'. Did you mean 'sample'? See `namegen --help`\n"),
        (("score",), "Error: Missing argument 'CATEGORY'; see `namegen score --help`\n"),
    ],
)
def test_wrong_usage_says_where_the_help_is(cli, arguments, message):
    refused = cli(*arguments)
    assert (refused.code, refused.err) == (2, message)

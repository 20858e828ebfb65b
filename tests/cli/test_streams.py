"""Standard streams in real processes: closed, full, narrow, in other encodings."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support import ESCAPES, NAMEGEN, in_terminal, is_one_error, save_model

TRAIN = ("train", "--iters", "640", "--hidden-size", "8", "--model", "trained")
COLOURS = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;\d+)*m")


@pytest.fixture(autouse=True)
def model(cache):
    """A model in the cache."""
    save_model()


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash, in which ``namegen`` is the command."""
    return subprocess.run(
        ["bash", "-c", f'namegen() {{ {shlex.join(NAMEGEN)} "$@"; }}; {line}'],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
        errors="backslashreplace",
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )


# Results, pipes and full disks


def test_results_go_to_stdout_and_nothing_to_stderr(command):
    sampled = command("sample", "German", "-n", 1000)
    assert (sampled.code, sampled.err) == (0, "")
    assert re.fullmatch(r"([A-Z][a-z]*\n){1000}", sampled.out)


@pytest.mark.parametrize("line", ["categories", "sample -n 3", "plot"])
def test_closed_streams_do_no_harm_but_results_need_standard_output(line):
    only_output = shell(f"namegen {line} <&- 2>&-")
    assert only_output.returncode == 0
    assert only_output.stdout
    no_output = shell(f"namegen {line} >&-")
    assert no_output.returncode == 1
    assert no_output.stderr == "Error: cannot write the results: standard output is closed\n"


@pytest.mark.slow
def test_a_training_needs_no_stream_at_all():
    done = shell(f"namegen {shlex.join(TRAIN)} <&- >&- 2>&-; echo $?; namegen sample German AB --model trained")
    assert done.stdout.startswith("0\nA")
    assert shell("namegen sample Nonsense 2>&-").returncode == 2


@pytest.mark.parametrize("line", ["sample German -", "classify"])
def test_where_there_is_no_input_there_are_no_names(line):
    done = shell(f"namegen {line} <&-")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("line", ["sample -n 3", "sample -n 100000", "plot", "--help"])
def test_a_full_disk_is_one_line_and_exit_code_1(line):
    done = shell(f"namegen {line} >/dev/full")
    assert is_one_error(done.stderr)
    assert "No space left" in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize("line", ["sample -n 200000", "sample -n 1000000000000000", "categories", "--help"])
@pytest.mark.parametrize("reader", ["true", "head -1"])
def test_a_closed_pipe_ends_the_program_quietly(line, reader):
    done = shell(f"namegen {line} | {reader}; echo ${{PIPESTATUS[0]}}")
    assert done.stderr == ""
    is_short = line in ("categories", "--help")
    assert done.stdout.splitlines()[-1] in (("0", "141") if is_short else ("141",))


@pytest.mark.parametrize("line", ["score German", "classify"])
def test_a_filter_ends_quietly_with_its_reader(line):
    done = shell(f"yes Anna | namegen {line} | head -1; echo ${{PIPESTATUS[1]}}")
    assert done.stderr == ""
    assert re.fullmatch("Anna\t.*\n141\n", done.stdout)


@pytest.mark.slow
def test_training_continues_when_nobody_reads_its_progress(cache):
    assert shell(f"namegen {shlex.join(TRAIN)} 2>&1 | head -1").stdout.startswith("Training on the starter")
    assert (cache / "models" / "trained.safetensors").is_file()


@pytest.mark.parametrize("arguments", [("sample", "German", "-"), ("score", "German"), ("classify",)], ids=" ".join)
def test_each_line_of_stdin_is_answered_as_it_comes(arguments):
    with subprocess.Popen(
        [*NAMEGEN, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        for name in ("Ba", "Ab"):
            process.stdin.write(f"{name}\n")
            assert process.stdout.readline().startswith(name)
        process.stdin.close()
    assert process.returncode == 0


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory():
    done = shell("{ echo Sch; yes a | tr -d '\\n'; } | namegen sample German -")
    assert (done.returncode, done.stdout[:3]) == (1, "Sch")
    assert done.stderr == "Error: standard input has a line of more than 65,536 bytes; give one name per line\n"


# Encodings


@pytest.mark.parametrize(
    "environment",
    [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "cp1252"}],
    ids=str,
)
def test_an_encoding_without_utf_8_shows_what_it_can(environment):
    lines = {"plot": 0, "sample Łódź": 2, "classify $'Zo\\xc3\\xab \\xff'": 0}
    for line, code in lines.items():
        done = shell(f"namegen {line}", **environment)
        assert done.returncode == code
        assert done.stderr == "" or is_one_error(done.stderr) or "Dropped" in done.stderr


def test_bytes_that_are_not_text_are_one_clear_line_or_left_out():
    for line in ("sample German $'\\xff'", "models show $'\\xff'", "printf '\\xff\\n' | namegen sample German -"):
        done = shell(f"namegen {line}" if "|" not in line else line)
        assert done.returncode in (1, 2)
        assert is_one_error(done.stderr)
    done = shell("printf 'Anna\\n\\xff\\xfe\\n' | namegen classify")
    assert done.returncode == 0
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["Anna"]


# Terminals


def displayed(written: str) -> list[str]:
    """The lines that the live display wrote, one after the other, without escape codes."""
    display = written.partition("\x1b[?25l")[2].partition("\x1b[?25h")[0]
    return [line.rstrip() for line in re.split(r"[\r\n]+", ESCAPES.sub("", display)) if line.strip()]


@pytest.mark.parametrize("columns", [120, pytest.param(20, marks=pytest.mark.slow)])
def test_the_live_display_fits_the_terminal(columns):
    code, written = in_terminal(*TRAIN, columns=columns, lines=10)
    assert code == 0
    assert max(map(len, displayed(written))) <= columns
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1
    assert COLOURS.search(written)
    assert "namegen sample --model trained German ABC" in written  # on one line, for copying
    if columns == 120:
        shown = "\n".join(displayed(written))
        assert "100%  640/640  0:0" in shown
        assert re.search(r"[\d,]+ names/s", shown)
        assert re.search(r"\d:\d\d elapsed, \d:\d\d left", shown)
        assert re.search(r"loss \d\.\d{3}, validation \d\.\d{3} nats per letter", shown)
        assert re.search(r"\S+ \((English|German|Russian|Italian|Irish|Czech|Arabic|Polish)\)", shown)


def test_no_color_removes_colour_from_plots_and_tables():
    assert "\x1b" not in in_terminal("plot", NO_COLOR="1")[1]
    assert not COLOURS.search(in_terminal("categories", NO_COLOR="1")[1])


@pytest.mark.slow
def test_the_live_display_heeds_no_color_and_a_dumb_terminal():
    code, written = in_terminal(*TRAIN, NO_COLOR="1")
    assert (code, COLOURS.search(written)) == (0, None)
    assert displayed(written)
    code, written = in_terminal(*TRAIN, TERM="dumb")
    assert code == 0
    assert "\x1b" not in written
    assert re.search(r"^100%  640/640 ", written, re.MULTILINE)


@pytest.mark.parametrize("columns", [100, 30])
def test_tables_plots_and_errors_fit_the_terminal(columns):
    for arguments, expected in ((("categories",), 0), (("models",), 0), (("plot",), 0), (("sample", "Nonsense"), 2)):
        code, written = in_terminal(*arguments, columns=columns)
        assert code == expected
        assert "\t" not in written
        assert max(map(len, ESCAPES.sub("", written).splitlines())) <= columns
    assert COLOURS.search(in_terminal("plot", columns=columns)[1])


def test_a_user_who_types_names_is_asked_for_them():
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [*NAMEGEN, "classify"], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        assert process.stderr.readline() == b"Type names, one per line.\n"
        os.write(ours, b"Anna\n\x04")
        out, err = process.communicate(timeout=60)
        os.close(ours)
    assert (process.returncode, err) == (0, b"")
    assert out.startswith(b"Anna")


def test_ctrl_c_ends_sampling_quietly():
    with subprocess.Popen(
        [*NAMEGEN, "sample", "-n", "1000000000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_file_that_may_not_be_so_large_is_an_error_whatever_the_buffer(unbuffered, tmp_path):
    resource = pytest.importorskip("resource")
    with (tmp_path / "names.txt").open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-m", "namegen", "sample", "German", "-n", "3000", "--seed", "1"],
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (1, "Error: cannot write the results: File too large\n")

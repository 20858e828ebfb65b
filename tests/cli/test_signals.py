"""How signals end the program; soak/ sends them at random moments."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from namegen.cli.signals import EndedBySignals, NotedSignals, heard_within, last_words, stop_signals
from namegen.errors import DataError, RankError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


class HeardTwice(EndedBySignals):
    """Gets a second signal in the middle of dealing with the first."""

    sent = False

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "_heard" and value and not self.sent:
            self.sent = True
            signal.raise_signal(signal.SIGTERM)


def test_a_signal_ends_the_body_and_afterwards_signals_do_what_they_did():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, EndedBySignals():
        signal.raise_signal(signal.SIGTERM)

    assert ended.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_second_of_two_signals_does_not_undo_the_first():
    with pytest.raises(SystemExit) as ended, HeardTwice():
        signal.raise_signal(signal.SIGTERM)

    assert ended.value.code == 128 + signal.SIGTERM


def test_a_program_that_is_about_to_end_hears_no_signals():
    with EndedBySignals() as signals:
        signals.over()
        signal.raise_signal(signal.SIGTERM)


def test_of_noted_signals_the_first_one_counts_and_the_body_goes_on():
    with NotedSignals() as signals:
        assert signals.received == 0
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    assert signals.received == signal.SIGTERM


def test_a_signal_on_an_errors_way_out_does_not_take_its_place():
    def end():
        with last_words(aloud=True):
            raise DataError("no names")

    def end_and_hear():
        try:
            end()
        finally:
            signal.raise_signal(signal.SIGTERM)  # as torchrun sends it to those that are left

    with pytest.raises(DataError), EndedBySignals():
        end_and_hear()
    with pytest.raises(SystemExit), EndedBySignals(), last_words(aloud=True):
        signal.raise_signal(signal.SIGTERM)  # without an error it is heard


@pytest.mark.parametrize(("aloud", "said"), [(True, "Error: another process has ended\n"), (False, "")])
def test_that_another_process_has_ended_is_said_before_anything_is_put_away(aloud, said, capsys):
    before = {number: signal.getsignal(number) for number in stop_signals()}
    heard = []

    def end():
        try:
            with last_words(aloud=aloud):
                raise RankError("another process has ended")
        finally:
            heard.append(capsys.readouterr().err)

    try:
        with pytest.raises(SystemExit) as ended:
            end()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

    assert ended.value.code == 1
    assert heard == [said]


@pytest.mark.parametrize("aloud", [True, False])
def test_whoever_is_left_shows_the_cursor_that_the_first_process_may_have_hidden(aloud, terminal, monkeypatch):
    monkeypatch.setattr("namegen.cli.signals.stop_signals", list)
    _, err = terminal(80)
    with pytest.raises(SystemExit), last_words(aloud=aloud):
        raise RankError("another process has ended")
    assert ("\x1b[?25h" in err.text()) == (not aloud)


DEAF = """
import sys, time
from namegen.cli.output import complain
from namegen.cli.signals import NotedSignals, heard_within

with heard_within(float(sys.argv[1]), lambda: complain("it does not end")), NotedSignals() as signals:
    print("there", flush=True)
    sys.stdin.readline()  # which goes on after a signal
time.sleep(float(sys.argv[2]))
print("at the end", flush=True)
"""


@pytest.mark.parametrize(
    ("patience", "afterwards", "code", "out", "err"),
    [(0.2, 0, 1, "", "Error: it does not end\n"), (60, 0, 0, "at the end\n", ""), (4, 6, 0, "at the end\n", "")],
)
def test_a_process_that_does_not_hear_a_signal_gives_up(patience, afterwards, code, out, err):
    with subprocess.Popen(
        [sys.executable, "-c", DEAF, str(patience), str(afterwards)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "there\n"
        process.send_signal(signal.SIGTERM)
        if code:
            assert process.wait(timeout=30) == code
        assert process.communicate("\n", timeout=30) == (out, err)
    assert process.returncode == code


def test_in_a_thread_of_its_own_the_command_hears_no_signals():
    ended = []

    def run():
        with heard_within(0, lambda: None):
            ended.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert ended == [True]


def test_a_signal_while_torch_is_imported_waits_until_it_is(cli, monkeypatch):
    import builtins

    from namegen.models.store import cached_location

    real, imported = builtins.__import__, []

    def importing(name, *arguments):
        module = real(name, *arguments)
        if name == "torch" and not imported:
            signal.raise_signal(signal.SIGHUP)  # torch ends the process where an exception comes now
            imported.append(module)
        return module

    monkeypatch.setattr(builtins, "__import__", importing)
    outcome = cli("train", "--data", "starter", "--iters", 100)

    assert imported
    assert (outcome.code, outcome.err) == (128 + signal.SIGHUP, "")
    assert not cached_location("default").existing


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_process_ends_by_the_first_signal_whenever_a_second_one_comes(number):
    for apart in (0.0, 0.005, 0.01, 0.02, 0.04):
        with subprocess.Popen(
            [sys.executable, "-m", "namegen", "sample", "-n", "1000000000"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            process.stdout.read(1000)
            process.send_signal(number)
            time.sleep(apart)
            process.send_signal(number)
            _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (128 + number, b"")


@pytest.mark.parametrize("error", [DataError, RankError])
def test_an_error_is_said_although_a_signal_comes_as_it_leaves_the_training(error, monkeypatch, cli):
    """Where one process dies, torchrun sends the others a signal, just when they notice the death themselves."""
    from namegen.cli import signals as stopping
    from namegen.training import jobs as runs

    class Late(stopping.NotedSignals):
        def __exit__(self, *raised):
            super().__exit__(*raised)
            if raised[0] in {error, SystemExit}:
                signal.raise_signal(signal.SIGTERM)

    def fail(*_, **__):
        raise error("another process has ended")

    monkeypatch.setattr(runs, "run", fail)
    monkeypatch.setattr("namegen.cli.train.NotedSignals", Late)
    ended = cli("train", "--iters", 64, "--hidden-size", 4)
    assert ended.code == 1
    assert ended.err.splitlines()[-1] == "Error: another process has ended"
    assert ended.err.count("Error: ") == 1

"""Signals end the program in order; soak/ sends them at random moments."""

from __future__ import annotations

import builtins
import signal
import subprocess
import sys
import time

import pytest

from namegen.cli.signals import ExitOnSignal, StopOnSignal
from namegen.models.store import cached_location

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_body_and_afterwards_the_handlers_are_as_before(number):
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as ended, ExitOnSignal():
        signal.raise_signal(number)

    assert ended.value.code == 128 + number
    assert signal.getsignal(number) == before


def test_a_second_signal_does_not_interrupt_the_cleaning_up_and_a_third_one_does():
    cleaned_up = []

    def clean_up():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGINT)
            cleaned_up.append(True)
            signal.raise_signal(signal.SIGHUP)
            cleaned_up.append(True)

    with pytest.raises(SystemExit) as ended, ExitOnSignal():
        clean_up()

    assert cleaned_up == [True]
    assert ended.value.code == 128 + signal.SIGHUP


def test_a_program_that_is_about_to_end_is_not_interrupted():
    with ExitOnSignal() as signals:
        signals.finish()
        signal.raise_signal(signal.SIGTERM)


def test_an_ignored_signal_stays_ignored(monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ExitOnSignal(), StopOnSignal() as signals:
            signal.raise_signal(signal.SIGHUP)
        assert signals.received == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_body_that_stops_by_itself_learns_the_first_signal():
    with StopOnSignal() as signals:
        assert signals.received == 0
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    assert signals.received == signal.SIGTERM


def test_a_signal_while_torch_is_imported_waits_until_it_is(cli, monkeypatch):
    real, imported = builtins.__import__, []

    def importing(name, *arguments):
        module = real(name, *arguments)
        if name == "torch" and not imported:
            signal.raise_signal(signal.SIGHUP)  # an exception in torch's C++ code would abort the process
            imported.append(module)
        return module

    monkeypatch.setattr(builtins, "__import__", importing)
    outcome = cli("train", "--data", "starter", "--iters", 100)

    assert imported
    assert (outcome.code, outcome.err) == (128 + signal.SIGHUP, "")
    assert not cached_location("default").existing


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
def test_a_process_ends_by_the_first_signal_whenever_a_second_one_comes(number):
    for apart in (0.0, 0.01, 0.04):
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

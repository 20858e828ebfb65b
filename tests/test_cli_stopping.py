"""How signals end the program; soak/ sends them at random moments."""

from __future__ import annotations

import signal
import sys

import pytest

from namegen.cli.stopping import EndedBySignals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


class HeardTwice(EndedBySignals):
    """Gets a second signal in the middle of dealing with the first."""

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "_heard" and value:
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

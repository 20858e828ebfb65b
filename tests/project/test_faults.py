"""Faults, each caused for real in real processes; ``soak/`` has them, and causes them for hours."""

from __future__ import annotations

import random
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from support import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "soak"))

import disks
import faults
from launching import Launcher

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the faults are caused by means of Linux"),
]


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    """Start runs of the command."""
    with Launcher() as started:
        yield started


@pytest.fixture
def rng() -> random.Random:
    """Choose different moments for faults on every run."""
    return random.Random()


@pytest.mark.parametrize(("training", "count"), [("default", 14), ("best", 4)])
def test_nothing_is_lost_when_a_training_is_killed_at_random_moments(launcher, rng, training, count):
    tally = faults.kills(launcher, rng, count=count, training=training)
    assert not tally.lost
    assert tally.faults >= count / 2


def test_nothing_is_lost_when_a_process_of_its_own_is_killed(launcher, rng):
    tally = faults.kills(launcher, rng, count=2, new_interpreter=True)
    assert not tally.lost
    assert tally.faults > 0


def test_signals_at_random_moments_once_and_twice_save_the_state(launcher, rng):
    tally = faults.signals(launcher, rng, count=6)
    assert not tally.lost
    assert tally.faults > 0  # the moments are random; how many of them are within a training is chance


def test_signals_while_saving_wait_for_it_and_the_first_one_counts(launcher):
    assert not faults.signals_while_saving(launcher, which=[signal.SIGTERM]).lost


def test_a_signal_while_torch_is_imported_ends_the_training_and_leaves_nothing(launcher, rng):
    assert not faults.signals_at_the_start(launcher, rng, count=2).lost


def test_signals_end_other_commands_quietly_and_leave_nothing(launcher, rng):
    assert not faults.signals_elsewhere(launcher, rng, which=[signal.SIGTERM]).lost


def test_a_second_training_of_a_model_stops_at_once_however_its_file_is_spelt(launcher):
    assert not faults.two_trainings(launcher).lost


def test_a_loss_that_is_not_a_number_stops_the_run_and_the_last_good_model_stays(launcher):
    assert not faults.divergence(launcher).lost


@pytest.fixture
def permitted():
    """Causes a fault that needs permissions, or skips the test with the reason why it cannot be caused here."""

    def cause(fault, *arguments, **size):
        try:
            return fault(*arguments, **size)
        except PermissionError as error:
            pytest.skip(str(error))

    return cause


def test_a_full_disk_leaves_the_last_good_model_and_a_run_to_go_on_with(launcher, permitted):
    assert not permitted(disks.full_disk, launcher).lost


def test_a_file_that_may_not_be_so_large_is_one_clear_line_and_the_last_good_model_stays(launcher):
    assert not disks.file_too_large(launcher).lost


@pytest.mark.parametrize("mounted", [True, False], ids=["mounted so", "not ours"])
def test_a_read_only_cache_can_be_read_and_writing_is_one_clear_line(launcher, permitted, mounted):
    assert not permitted(disks.read_only_cache, launcher, mounted=mounted).lost


def test_without_a_home_folder_names_are_drawn_and_keeping_something_is_one_clear_line(launcher, permitted):
    assert not permitted(disks.no_home_folder, launcher).lost

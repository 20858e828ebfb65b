"""Some hundred of the fuzzer's mutations of lists, tables and archives; `fuzz/lists.py` tries many more."""

from __future__ import annotations

import itertools
import random
import sys

import pytest

from support import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "fuzz"))

import list_mutations


@pytest.mark.parametrize("number", range(len(list_mutations.seeds())))
def test_what_the_fuzzer_begins_with_is_read_or_refused(tmp_path, number):
    list_mutations.check(list_mutations.seeds()[number], tmp_path)


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_are_read_or_refused_in_one_clear_line(tmp_path, seed):
    outcomes = {
        type(list_mutations.check(case, tmp_path))
        for case in itertools.islice(list_mutations.generate_cases(random.Random(seed)), 150)
    }
    assert len(outcomes) == 2  # some of them are datasets still, or nothing much was tried

"""Mutated model files load or give one clear error. fuzz/models.py tries many more."""

from __future__ import annotations

import random
import sys
import time

import pytest

from support import REPOSITORY

FILES = 125  # for each seed
MAX_SECONDS = 20  # for a file, which takes a hundredth of one where nothing hangs
DRAWN = 250  # files for each one whose loss history is plotted


@pytest.fixture(scope="module")
def fuzzer():
    """The modules of the fuzzer that need no more than namegen does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(REPOSITORY / "fuzz"))
        import model_mutations
        import model_promise

        yield model_mutations, model_promise
        for module in (model_mutations, model_promise):
            del sys.modules[module.__name__]


@pytest.fixture(scope="module")
def real_files(fuzzer):
    mutations, _ = fuzzer
    return mutations.real_files()


def test_the_files_to_begin_with_are_models_that_work(fuzzer, real_files):
    _, promise = fuzzer

    assert len(real_files) >= 5
    assert all(promise.keep_promise(content, draw=True) for content in real_files)


def test_the_same_seed_spoils_files_in_the_same_way(fuzzer, real_files):
    mutations, _ = fuzzer
    once, again = (
        [mutations.mutate(real_files[0], random.Random(seed), real_files) for seed in range(30)] for _ in range(2)
    )

    assert once == again
    assert len(set(once)) > 25


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
def test_a_spoiled_model_file_is_a_model_that_works_or_one_clear_error(seed, fuzzer, real_files):
    mutations, promise = fuzzer
    rng = random.Random(seed)
    working = 0
    for number in range(FILES):
        content = mutations.mutate(rng.choice(real_files), rng, real_files)
        began = time.monotonic()
        working += promise.keep_promise(content, draw=number % DRAWN == 0)
        assert time.monotonic() - began < MAX_SECONDS

    # Many must get past the first checks, or there is little to be seen; and some must not.
    assert FILES // 10 < working < FILES


def test_the_fuzzer_sees_a_promise_that_is_broken(fuzzer, real_files, monkeypatch):
    _, promise = fuzzer
    from namegen.errors import NamegenError

    def talkative(path):
        raise NamegenError("two\nlines")

    monkeypatch.setattr(promise, "load_model_file", talkative)
    with pytest.raises(promise.BrokenPromiseError, match="not a clear line"):
        promise.keep_promise(real_files[0])

    def confused(path):
        raise ZeroDivisionError

    monkeypatch.setattr(promise, "load_model_file", confused)
    with pytest.raises(ZeroDivisionError):
        promise.keep_promise(real_files[0])

"""Worker processes: the same names as one process, whatever happens to a process."""

from __future__ import annotations

import itertools
import os
import signal
import time

import pytest

import namegen
from namegen.errors import NamegenError, UsageError
from namegen.sampling import jobs, partition
from namegen.sampling.generate import blocks
from namegen.sampling.jobs import choose_jobs
from namegen.sampling.workers import Workers
from small_people import build_people_model
from support import make_bigram_model


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(partition, "BLOCK_SIZE", 300)
    monkeypatch.setattr(partition, "FILTERED_BLOCK", 100)
    monkeypatch.setattr(partition, "_FIRST_FILTERED_BLOCKS", (8, 64))
    monkeypatch.setattr(partition, "_FIRST_BLOCKS", (90,))


def describe(model, *arguments, **options):
    """Return the blocks of names in full."""
    made = blocks(model, *arguments, seed=5, **options)
    return [(block.text, block.category_of.tolist(), None if block.scores is None else block.scores.tolist())
            for block in made]  # fmt: skip


@pytest.mark.parametrize(
    ("prefixes", "options"),
    [
        (("",), {"count": 1_500}),
        (("B", "Sch", ""), {"count": 400, "scores": True}),
        (("B", "Sch") * 300, {"count": 2, "novel": True}),
        (("",), {"count": 700, "match": ".*[aeiou].*", "min_length": 4, "ascii": True}),
        (("A", ""), {"count": 500, "unique": True, "scores": True}),
    ],
    ids=["plain", "scores", "many prefixes", "filters", "unique"],
)
@pytest.mark.parametrize("category", ["German", None])
def test_blocks_do_not_depend_on_jobs_and_shards(small_blocks, category, prefixes, options):
    model = namegen.load_model("pretrained")
    expected = describe(model, category, prefixes, **options)

    assert len(expected) > 2
    assert describe(model, category, prefixes, jobs=2, **options) == expected
    if "unique" not in options:
        shards = [describe(model, category, prefixes, shard=(k, 3), **options) for k in (1, 2, 3)]
        assert list(itertools.chain(*shards)) == expected


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"known": "none", "start": "AB", "ascii": True},
        {"unique": True, "surname": "Novak", "cultures": ["German", "Czech"]},
        {"known": "allow"},
    ],
    ids=str,
)
def test_people_do_not_depend_on_jobs(options):
    model = build_people_model()
    people = list(namegen.people(count=200, seed=3, model=model, **options))

    assert list(namegen.people(count=200, seed=3, model=model, jobs=2, **options)) == people


def test_people_with_patronymics_and_two_surnames_do_not_depend_on_jobs_either():
    asked = {"cultures": ["Russian", "Spanish:2", "Portuguese", "Icelandic"], "count": 500, "seed": 3}

    assert list(namegen.people(**asked, jobs=2)) == list(namegen.people(**asked))


def test_people_are_rendered_by_workers():
    """As the command does it: blocks of text instead of people."""
    model = build_people_model()
    people = namegen.people(count=500, seed=3, model=model, jobs=2)

    blocks = list(people.render(count_people))
    assert [count for count, _ in blocks] == [64, 256, 180]
    assert os.getpid() not in {process for _, process in blocks}


def count_people(people):
    return len(people), os.getpid()


def test_prefixes_from_an_iterator_are_still_read_one_at_a_time(small_blocks):
    read = []

    def read_prefixes():
        for prefix in "ab":
            read.append(prefix)
            yield prefix

    model = make_bigram_model([[0, 0, 0]] * 3)
    made = blocks(model, "X", read_prefixes(), count=1_000, seed=1, jobs=2)
    names = [name for block in (next(made), next(made), next(made)) for name in block.names]

    assert read == ["a"]
    assert all(name.startswith("a") for name in names)
    made.close()


def test_a_name_that_cannot_be_sampled_is_an_error_after_the_names_before_it(small_blocks):
    model = make_bigram_model([[-1e4, -1e4, 0], [-1e4, 0, -1e4], [0, 0, -1e4]])
    made = blocks(model, "X", ["a", "b"], count=400, seed=1, max_length=9, match="[ab]*", jobs=2)
    names = list(itertools.chain(*(next(made).names for _ in range(6))))

    assert names == ["a"] * 400
    with pytest.raises(NamegenError, match="hardly ever ends"):
        next(made)


def sleep_or_fail(setup):
    """Build the function of workers."""

    def run(task):
        if task < 0:
            raise UsageError(f"{setup} {task}")
        time.sleep(0.01)
        return os.getpid(), signal.getsignal(signal.SIGINT), os.environ["OPENBLAS_NUM_THREADS"]

    return run


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_workers_ignore_ctrl_c_have_one_thread_each_and_end_with_the_body():
    with Workers(2, sleep_or_fail, "") as pool:
        results = list(pool.map(range(50)))

    processes = {process for process, _, _ in results}
    assert len(processes) == 2
    assert os.getpid() not in processes
    assert {result[1:] for result in results} == {(signal.SIG_IGN, "1")}
    assert not any(map(is_alive, processes))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_worker_is_one_error_and_leaves_no_other():
    processes = set()
    with Workers(2, sleep_or_fail, "") as pool:
        results = pool.map(range(10**9))
        while len(processes) < 2:
            processes.add(next(results)[0])
        os.kill(min(processes), signal.SIGKILL)
        with pytest.raises(NamegenError, match="a worker process ended unexpectedly"):
            list(results)

    assert not any(map(is_alive, processes))


def build_large_answers(_setup):
    return lambda task: (os.getpid(), bytes(task))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_worker_killed_in_the_middle_of_an_answer_is_the_same_error():
    with Workers(1, build_large_answers, "") as pool:
        results = pool.map([1, 2**25])
        process, _ = next(results)
        time.sleep(1)  # until the worker waits for its answer to be read
        os.kill(process, signal.SIGKILL)
        with pytest.raises(NamegenError, match="a worker process ended unexpectedly"):
            next(results)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_worker_killed_between_two_functions_is_the_same_error():
    with Workers(1, sleep_or_fail, "") as pool:
        ((process, *_),) = pool.map([0])
        os.kill(process, signal.SIGKILL)
        time.sleep(1)
        pool.rebuild(build_large_answers, "")
        with pytest.raises(NamegenError, match="a worker process ended unexpectedly"):
            list(pool.map([1]))


def test_an_error_of_a_task_is_raised_in_its_place():
    results = []
    with pytest.raises(UsageError, match="the setup -1"), Workers(2, sleep_or_fail, "the setup") as pool:
        results.extend(pool.map([1, 2, 3, 4, -1, 5, 6]))

    assert len(results) == 4
    with Workers(2, sleep_or_fail, "") as pool:
        first = pool.map([1, 2, 3, -1])
        assert len([next(first) for _ in range(3)]) == 3
        first.close()
        assert len(list(pool.map([1, 2]))) == 2  # the error of the former tasks is not theirs


def test_tasks_are_read_as_results_are_taken():
    read = []
    with Workers(2, sleep_or_fail, "") as pool:
        results = pool.map(read.append(number) or number for number in range(10**9))
        for _ in range(20):
            next(results)
        assert len(read) <= 20 + 2 * 2
        results.close()


def test_auto_uses_all_cores_for_many_names_only(monkeypatch):
    monkeypatch.setattr(jobs, "_count_cores", lambda: 6)

    assert [choose_jobs("auto", names) for names in (1, 499_999, 500_000, 10**15)] == [1, 1, 6, 6]
    assert choose_jobs("auto", 10**15, "cuda") == 1
    assert choose_jobs(3, 1) == 3


@pytest.mark.parametrize(
    ("jobs", "message"), [(0, "jobs must be"), (257, "jobs must be"), (1.5, "jobs must be"), ("all", "or auto")]
)
def test_an_invalid_number_of_jobs_is_refused_at_once(jobs, message):
    with pytest.raises(UsageError, match=message):
        blocks(make_bigram_model([[0, 0, 0]] * 3), "X", jobs=jobs)
    with pytest.raises(UsageError, match=message):
        namegen.people(jobs=jobs)

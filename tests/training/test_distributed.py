"""Several processes that train one network together."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

import two_processes
from namegen.datasets.dataset import Dataset
from namegen.errors import DeviceError, ModelFileError, NamegenError, UsageError
from namegen.models.networks import build_network
from namegen.models.serialization import load_checkpoint
from namegen.models.store import cached_location
from namegen.recipes import training_config
from namegen.training.batches import IGNORED, DatasetBatches, build_batch
from namegen.training.distributed import SINGLE_PROCESS, ProcessGroup, find_process_group, joined
from namegen.training.fine_tuning import ReplayBatches, extend_dataset, fine_tuning_config
from namegen.training.optimize import AutogradLearner
from namegen.training.resources import check_memory, default_threads, device_name, find_training_device
from namegen.training.train import train

if TYPE_CHECKING:
    from collections.abc import Iterator

CPU = torch.device("cpu")
NAMES = Dataset.from_names({"X": ["Anna", "Bo", "C"], "Y": ["Dieter", "Elisabeth"]})
VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def as_torchrun(monkeypatch, *values):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in zip(VARIABLES, values, strict=False):
        monkeypatch.setenv(name, str(value))


# Which process this is


@pytest.mark.parametrize(
    ("values", "group"),
    [
        ((), SINGLE_PROCESS),
        (("", 4), SINGLE_PROCESS),  # some clusters set WORLD_SIZE everywhere
        ((0, 1, 0, 1), SINGLE_PROCESS),
        ((5, 8, 1, 4), ProcessGroup(5, 8, 1, 4)),
    ],
)
def test_the_environment_says_which_process_this_is(monkeypatch, values, group):
    as_torchrun(monkeypatch, *values)

    assert find_process_group() == group


@pytest.mark.parametrize("values", [(0, 2), ("x", 2, 0, 2), (-1, 2, 0, 2), (2, 2, 0, 2), (0, 2, 2, 2)])
def test_an_incomplete_or_wrong_environment_is_wrong_usage(monkeypatch, values, cli):
    as_torchrun(monkeypatch, *values)

    with pytest.raises(UsageError, match="start with torchrun, or unset RANK"), joined():
        pass
    assert cli("train").code == 2


@pytest.mark.parametrize("rank", [0, 1])
def test_only_rank_zero_prints_wrong_usage(monkeypatch, rank, cli):
    as_torchrun(monkeypatch, rank, 2, rank, 2)
    outcome = cli("train", "--iters", "x")

    assert outcome.code == 2
    assert bool(outcome.err) == (rank == 0)
    assert cli("sample", "--count", "x").err  # which is not a command of several processes


# What each rank does


@pytest.mark.parametrize("world_size", [1, 2, 7])
@pytest.mark.parametrize("count", [0, 1, 14])
def test_shares_are_gathered_in_their_order(world_size, count, monkeypatch):
    arrays = [np.arange(count), np.arange(count) / 7]
    groups = [ProcessGroup(rank, world_size) for rank in range(world_size)]
    shares = [[array[group.share] for array in arrays] for group in groups]
    monkeypatch.setattr(ProcessGroup, "_gather_objects", lambda _self, _own: shares)

    for group, own in zip(groups, shares, strict=True):
        for array, gathered in zip(arrays, group.gather(own), strict=True):
            np.testing.assert_array_equal(array, gathered)


def test_a_share_of_a_batch_has_its_names_and_no_needless_padding():
    batch = build_batch(NAMES, np.arange(5), sos=True)
    share = batch.select(ProcessGroup(1, 2).share)

    assert share.category.tolist() == [0, 1]
    assert share.inputs.shape == share.targets.shape == (2, 7)  # Bo and Dieter, and SOS or EOS
    assert [NAMES.alphabet.decode(row[row != IGNORED][:-1]) for row in share.targets] == ["Bo", "Dieter"]
    assert batch.select(ProcessGroup(6, 7).share).inputs.shape == (0, 1)


def make_source(kind):
    """A configuration, batches of five names, and the number of categories."""
    parts = {"batch_size": 5, "iterations": 5, "dropout": 0.0, "clip": None}
    if kind == "init":
        old = Dataset.from_names({"Old": ["Xaver", "Yvonne", "Zoe"]})
        init = train(old, iterations=1, hidden_size=8, validation=0.0)
        config, dataset = fine_tuning_config(init, **parts), extend_dataset(init, NAMES)
        return config, ReplayBatches(init, dataset, config), len(dataset.categories)
    config = training_config(architecture=kind, hidden_size=8, validation=0.0, **parts)
    return config, DatasetBatches(NAMES, config), 2


@pytest.fixture
def unwrapped(monkeypatch):
    """Networks are not wrapped by DistributedDataParallel, so that ranks can be tried one after the other."""
    monkeypatch.setattr(ProcessGroup, "wrap", lambda _self, network, _device: network)


@pytest.mark.parametrize("world_size", [2, 7])  # of 7 ranks two have no name
@pytest.mark.parametrize("kind", ["gru", "rnn", "init"])
def test_the_mean_of_the_ranks_gradients_is_the_gradient_of_the_batch(kind, world_size, unwrapped):
    config, source, categories = make_source(kind)

    def gradients(group):
        learner = AutogradLearner(build_network(config, categories, 59), source, config, CPU, group)
        learner._descend = lambda _rate: None
        losses = learner.learn(np.arange(5), 0)
        return [parameter.grad.clone() for parameter in learner._tensors["parameter"]], losses

    groups = [ProcessGroup(rank, world_size) for rank in range(world_size)]
    whole, losses = gradients(SINGLE_PROCESS)
    parts = [gradients(group) for group in groups]

    for expected, *given in zip(whole, *(gradient for gradient, _ in parts), strict=True):
        torch.testing.assert_close(sum(given) / world_size, expected, rtol=1e-5, atol=1e-7)
    assert max(gradient.abs().max() for gradient in whole) > 0.1
    for group, (_, own) in zip(groups, parts, strict=True):
        torch.testing.assert_close(own, losses[group.share])


def test_each_rank_drops_other_units_and_a_single_process_those_of_its_seed(unwrapped, monkeypatch):
    seeds = []
    monkeypatch.setattr(AutogradLearner, "_descend", lambda *_: seeds.append(torch.default_generator.initial_seed()))
    config, source, categories = make_source("gru")
    with torch.random.fork_rng(devices=[]):
        for group in (SINGLE_PROCESS, ProcessGroup(0, 2), ProcessGroup(1, 2)):
            learner = AutogradLearner(build_network(config, categories, 59), source, config, CPU, group)
            learner.learn(np.arange(5), 10)
    words = np.random.SeedSequence([config.seed, 1, 10]).generate_state(1, np.uint64)

    assert len(set(seeds)) == 3
    assert seeds[0] == int(words[0] >> np.uint64(1))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (training_config("tutorial", batch_size=64), "the tutorial recipe"),
        (training_config("best", batch_size=3), "4 processes cannot share batches of 3"),
    ],
)
def test_a_training_that_processes_cannot_share_is_wrong_usage(config, message):
    SINGLE_PROCESS.check(config)
    with pytest.raises(UsageError, match=message):
        train(NAMES, config, group=ProcessGroup(0, 4))


# Devices, threads and memory


def test_each_process_of_a_machine_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    second, only = ProcessGroup(3, 4, 1, 2), ProcessGroup(1, 2, 0, 1)  # of its machine

    assert find_training_device("cuda", second) == find_training_device("auto", second) == torch.device("cuda:1")
    assert device_name(torch.device("cuda:1"), second) == "cuda"  # by which each process finds its own again
    with pytest.raises(UsageError, match="use --device cuda"):
        find_training_device("cuda:1", second)
    with pytest.raises(DeviceError, match="no device cuda:2 here"):
        find_training_device("cuda", ProcessGroup(2, 3, 2, 3))
    assert find_training_device("cuda:1", only) == torch.device("cuda:1")
    assert device_name(torch.device("cuda:0"), only) == "cuda"
    assert device_name(torch.device("cuda:0"), SINGLE_PROCESS) == "cuda:0"


def test_several_processes_cannot_share_an_apple_gpu(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    assert find_training_device("auto", ProcessGroup(0, 2, 0, 2)) == CPU
    with pytest.raises(UsageError, match="use --device cpu"):
        find_training_device("mps", ProcessGroup(0, 2, 0, 2))


def test_processes_share_the_processors_and_the_memory_of_their_machine(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    large = training_config(batch_size=512, hidden_size=512)
    assert default_threads(training_config("tutorial")) == 1
    assert default_threads(large) == default_threads(large, ProcessGroup(0, 4, 0, 4)) == 2
    assert default_threads(large, ProcessGroup(0, 8, 0, 8)) == 1  # processors
    assert default_threads(training_config(batch_size=64, hidden_size=512), ProcessGroup(0, 2, 0, 2)) == 1

    monkeypatch.setattr("namegen.training.resources._find_memory", lambda: 10**9)
    wide = training_config(hidden_size=4096, batch_size=64)  # needs at least 0.6 GB
    check_memory(wide, 7.0)
    check_memory(wide, 7.0, ProcessGroup(0, 2, 0, 1))
    with pytest.raises(NamegenError, match="more than 1 GB"):
        check_memory(wide, 7.0, ProcessGroup(0, 2, 0, 2))


def test_gradients_are_averaged_on_the_device_of_the_network(monkeypatch):
    made = []
    monkeypatch.setattr(torch.nn.parallel, "DistributedDataParallel", lambda network, **how: made.append(how))
    ProcessGroup(1, 2, 1, 2).wrap(torch.nn.Linear(1, 1), torch.device("cuda:1"))
    ProcessGroup(1, 2, 1, 2).wrap(torch.nn.Linear(1, 1), CPU)

    assert made == [{"device_ids": [1]}, {"device_ids": None}]


# Two real processes


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> list[dict[str, object]]:
    """What each of two processes saw, by rank."""
    folder = tmp_path_factory.mktemp("two")
    done = subprocess.run(
        [*TORCHRUN, two_processes.__file__, str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [pickle.loads((folder / f"seen{rank}").read_bytes()) for rank in range(2)]


@pytest.mark.slow
def test_two_processes_train_the_model_that_one_process_trains(seen):
    for kind, (weights, losses) in two_processes.train_all(SINGLE_PROCESS).items():
        first, second = (each["trained"][kind] for each in seen)
        assert len(losses) >= 1
        np.testing.assert_allclose(first[1], losses, rtol=0, atol=1e-5)
        for name, weight in weights.items():
            np.testing.assert_allclose(first[0][name], weight, rtol=0, atol=1e-5)
            np.testing.assert_array_equal(first[0][name], second[0][name])


@pytest.mark.slow
def test_an_error_on_one_rank_is_raised_on_all(seen):
    first, second = (each["errors"] for each in seen)

    assert first["rank 0"] == second["rank 0"] == ("UsageError", "wrong")
    assert first["bug on rank 0"] == ("MemoryError", "full")
    assert second["bug on rank 0"] == ("RankError", "another process of this training has failed (MemoryError)")
    assert first["rank 1"] == second["rank 1"] == ("NamegenError", "process 1: wrong here")
    assert first["both"] == second["both"]
    assert first["both"][0] == "DivergedError"


@pytest.mark.slow
def test_any_rank_can_stop_the_run_and_resuming_gives_the_uninterrupted_model(seen):
    first, second = (each["resumed"] for each in seen)

    assert (first["written"], second["written"]) == (True, False)
    assert first["resumed"] == second["resumed"] == first["whole"] == second["whole"]


@pytest.mark.slow
def test_only_rank_zero_reads_writes_and_prints(seen):
    first, second = (each["commands"] for each in seen)

    message = "Error: 2 processes cannot share batches of 1; use a larger --batch-size or fewer processes\n"
    assert (first["small batch"], second["small batch"]) == ((2, message), (2, ""))
    assert (first["no data"][0], second["no data"]) == (1, (1, ""))
    assert "nowhere.txt" in first["no data"][1]
    assert (first["trained"][0], second["trained"]) == (0, (0, ""))
    assert "on cpu in 2 processes: GRU of 8 units" in first["trained"][1]
    assert "Model default" in first["trained"][1]
    assert (first["init"][0], second["init"]) == (0, (0, ""))
    assert first["files"][1] == "cache/models/default.safetensors init.safetensors"
    assert second["files"][1] == ""


class Torchrun:
    """Two processes that train the model ``default``, and what they print."""

    def __init__(self, folder: Path) -> None:
        self.output = folder / "output"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *words: object) -> None:
        """Start a long training."""
        with self.output.open("w") as stream:
            options = ("--iters", 10**7, "--hidden-size", 8, "--save-every", 500, *words)
            self.process = subprocess.Popen(
                [*TORCHRUN, "-m", "namegen", "train", *map(str, options)],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )

    def wait_for(self, iterations: int) -> None:
        """Wait until the checkpoint has more iterations than that."""
        end = time.monotonic() + 120
        while saved_iterations() <= iterations:
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < end, self.output.read_text()
            time.sleep(0.05)

    def kill(self, rank: int) -> None:
        """Kill the process of a rank, as the system does when there is no memory left."""
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        environments = {int(pid): Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") for pid in pids}
        os.kill(next(pid for pid in environments if b"RANK=%d" % rank in environments[pid]), signal.SIGKILL)


def saved_iterations() -> int:
    try:
        return load_checkpoint(cached_location("default").checkpoint).model.iterations
    except ModelFileError:
        return 0


@pytest.fixture
def torchrun(tmp_path) -> Iterator[Torchrun]:
    run = Torchrun(tmp_path)
    yield run
    if run.process and run.process.poll() is None:
        run.process.terminate()
        run.process.wait(timeout=120)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/thread-self/children").exists(), reason="finds processes through /proc")
def test_a_run_can_be_resumed_after_a_process_was_killed_after_ctrl_c_and_by_one_process(torchrun, cli, monkeypatch):
    torchrun.start()
    torchrun.wait_for(500)
    torchrun.kill(rank=1)
    assert torchrun.process.wait(timeout=120) == 1
    saved = saved_iterations()

    torchrun.start("--resume")
    torchrun.wait_for(saved)
    torchrun.process.send_signal(signal.SIGINT)
    assert torchrun.process.wait(timeout=120) == 1
    stopped = saved_iterations()
    command = "torchrun --standalone --nproc-per-node 2 -m namegen train --resume"
    assert f"Stopped after {stopped:,} of 10,000,000 iterations, and saved. Resume with: {command}\n" in (
        torchrun.output.read_text()
    )

    monkeypatch.setattr("namegen.cli.progress.PlainLines.report", lambda *_: signal.raise_signal(signal.SIGINT))
    resumed = cli("train", "--resume")
    assert resumed.code == 130
    assert "Resuming with 1 process, not 2: the model may differ" in resumed.err
    assert saved_iterations() > stopped

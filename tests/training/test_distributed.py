"""Several processes that train one network together: what each of them does, and what all of them do alike."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

import two_processes
from namegen.datasets.dataset import Dataset
from namegen.errors import DeviceError, ModelFileError, NamegenError, RankError, UsageError
from namegen.models.networks import build_network
from namegen.models.serialization import load_checkpoint, load_model_file
from namegen.models.store import cached_location
from namegen.recipes import training_config
from namegen.training.batches import IGNORED, DatasetBatches, build_batch
from namegen.training.distributed import ALONE, Ranks, connected, from_environment, is_follower, joined
from namegen.training.fine_tuning import ReplayBatches, extend_dataset, fine_tuning_config
from namegen.training.optimize import AutogradLearner
from namegen.training.resources import check_memory, default_threads, device_name, find_training_device
from namegen.training.train import train

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CPU = torch.device("cpu")
NAMES = Dataset.from_names({"X": ["Anna", "Bo", "C"], "Y": ["Dieter", "Elisabeth"]})
VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch):
    for name in (*VARIABLES, *(name for name in os.environ if name.startswith("TORCHELASTIC_"))):
        monkeypatch.delenv(name, raising=False)


def as_torchrun(monkeypatch, *values, **others):
    for name, value in [*zip(VARIABLES, values, strict=False), *others.items()]:
        monkeypatch.setenv(name, str(value))


# Which process this is.


def test_a_process_that_nobody_started_as_one_of_several_is_alone(monkeypatch):
    assert from_environment() == ALONE
    monkeypatch.setenv("WORLD_SIZE", "4")  # as some clusters set everywhere
    assert from_environment() == ALONE
    assert not is_follower()


def test_the_environment_says_which_process_this_is(monkeypatch):
    as_torchrun(monkeypatch, 5, 8, 1, 4, "host", 29500)

    assert from_environment() == Ranks(5, 8, 1, 4)
    assert is_follower()
    as_torchrun(monkeypatch, 0, TORCHELASTIC_RESTART_COUNT=2)
    assert from_environment() == Ranks(0, 8, 1, 4, restarted=True)
    assert not is_follower()


def test_one_process_under_torchrun_is_alone(monkeypatch):
    as_torchrun(monkeypatch, 0, 1, 0, 1, "host", 29_500)

    assert from_environment() == ALONE


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0, 2), "LOCAL_RANK is not set; start them with torchrun"),
        ((0, 2, 0, 2), "MASTER_ADDR is not set"),
        (("x", 2, 0, 2, "host", 1), "RANK 'x', which is no number"),
        (("-1", 2, 0, 2, "host", 1), "which is no number"),
        ((0, "9" * 5000, 0, 2, "host", 1), "which is no number"),
        ((2, 2, 0, 2, "host", 1), "RANK 2 of WORLD_SIZE 2"),
        ((0, 2, 2, 2, "host", 1), "RANK 0 of WORLD_SIZE 2"),
    ],
)
def test_an_environment_that_says_half_of_it_is_wrong_usage(monkeypatch, values, message):
    as_torchrun(monkeypatch, *values)

    with pytest.raises(UsageError, match=message):
        from_environment()
    assert not is_follower()  # so whoever it is says so


# What they share.


@pytest.mark.parametrize("world", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 14])
def test_what_is_dealt_out_comes_together_in_its_order(world, count, monkeypatch):
    wholes = [np.arange(count), np.arange(count) / 7]
    every = [Ranks(rank, world) for rank in range(world)]
    dealt = [[whole[each.share] for whole in wholes] for each in every]
    monkeypatch.setattr(Ranks, "_from_all", lambda _self, _own: dealt)

    for each, own in zip(every, dealt, strict=True):
        for whole, collected in zip(wholes, each.collect(own), strict=True):
            np.testing.assert_array_equal(whole, collected)


def test_a_share_of_a_batch_has_its_names_and_no_needless_padding():
    batch = build_batch(NAMES, np.arange(5), sos=True)
    dealt = batch.of(Ranks(1, 2).share)

    assert dealt.category.tolist() == [0, 1]
    assert dealt.inputs.shape == dealt.targets.shape == (2, 7)  # Bo and Dieter, and SOS or EOS
    assert [NAMES.alphabet.decode(row[row != IGNORED][:-1]) for row in dealt.targets] == ["Bo", "Dieter"]
    assert batch.of(Ranks(6, 7).share).inputs.shape == (0, 1)


def init_lessons():
    init = train(Dataset.from_names({"Old": ["Xaver", "Yvonne", "Zoe"]}), iterations=1, hidden_size=8, validation=0.0)
    config = fine_tuning_config(init, batch_size=5, iterations=5, dropout=0.0, clip=None)
    dataset = extend_dataset(init, NAMES)
    return config, ReplayBatches(init, dataset, config), len(dataset.categories)


def lessons_of(architecture):
    config = training_config(
        architecture=architecture, batch_size=5, iterations=5, dropout=0.0, clip=None, hidden_size=8, validation=0.0
    )
    return config, DatasetBatches(NAMES, config), 2


@pytest.mark.parametrize("world", [2, 3, 7])  # of 7 ranks two have no name
@pytest.mark.parametrize("kind", ["gru", "rnn", "init"])
def test_the_mean_of_the_ranks_gradients_is_the_gradient_of_the_batch_by_letters(kind, world, monkeypatch):
    config, lessons, categories = init_lessons() if kind == "init" else lessons_of(kind)
    monkeypatch.setattr(Ranks, "wrap", lambda _self, network, _device: network)

    def gradients(ranks):
        learner = AutogradLearner(build_network(config, categories, 59), lessons, config, CPU, ranks)
        learner._descend = lambda _rate: None
        losses = learner.learn(np.arange(5), 0)
        return [parameter.grad.clone() for parameter in learner._parameters], losses

    whole, losses = gradients(ALONE)
    parts = [gradients(Ranks(rank, world)) for rank in range(world)]

    for expected, *given in zip(whole, *(gradient for gradient, _ in parts), strict=True):
        torch.testing.assert_close(sum(given) / world, expected, rtol=1e-5, atol=1e-7)
    assert max(gradient.abs().max() for gradient in whole) > 0.1
    for rank, (_, own) in enumerate(parts):
        torch.testing.assert_close(own, losses[Ranks(rank, world).share])


def test_ranks_drop_other_units_and_the_first_process_of_one_drops_those_it_always_did(monkeypatch):
    seeds = []
    monkeypatch.setattr(Ranks, "wrap", lambda _self, network, _device: network)
    monkeypatch.setattr(
        AutogradLearner, "_descend", lambda _self, _rate: seeds.append(torch.default_generator.initial_seed())
    )
    config, lessons, categories = lessons_of("gru")
    with torch.random.fork_rng(devices=[]):
        for ranks in (ALONE, Ranks(0, 3), Ranks(1, 3), Ranks(2, 3)):
            learner = AutogradLearner(build_network(config, categories, 59), lessons, config, CPU, ranks)
            learner.learn(np.arange(5), 10)
    words = np.random.SeedSequence([config.seed, 1, 10]).generate_state(1, np.uint64)

    assert len(set(seeds)) == 4
    assert seeds[0] == int(words[0] >> np.uint64(1))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (training_config("tutorial"), "the tutorial's recipe learns one name at a time"),
        (training_config("tutorial", batch_size=64), "the tutorial's recipe"),
        (training_config(batch_size=3), "4 processes cannot share batches of 3"),
        (training_config("best", batch_size=3), "batches of 3"),
    ],
)
def test_what_several_processes_cannot_share_is_wrong_usage(config, message):
    ALONE.check(config)
    with pytest.raises(UsageError, match=message):
        Ranks(0, 4).check(config)
    with pytest.raises(UsageError, match=message):
        train(NAMES, config, ranks=Ranks(0, 4))


@pytest.mark.parametrize(
    "text",
    [
        "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1234",
        "NCCL communicator was aborted on rank 0.",
    ],
)
def test_a_broken_connection_is_told_in_one_way_and_other_errors_stay_as_they_are(text):
    with pytest.raises(RankError, match="another process of this training has ended"), connected():
        raise RuntimeError(text)
    with pytest.raises(RankError), connected():
        raise torch.distributed.DistNetworkError("timed out")
    with pytest.raises(RuntimeError, match="allocate"), connected():
        raise RuntimeError("you tried to allocate 123 bytes")


def test_processes_that_have_not_met_all_say_why(cli, monkeypatch):
    def nobody(*_args, **_options):
        raise RuntimeError("the server socket has failed to listen")

    monkeypatch.setattr(torch.distributed, "rendezvous", nobody)
    as_torchrun(monkeypatch, 1, 2, 1, 2, "host", 29_500)

    outcome = cli("train")
    assert outcome.code == 1
    assert outcome.err == (
        "Error: the processes of the training cannot find each other: the server socket has failed to listen\n"
    )
    with monkeypatch.context() as one_process_only:
        one_process_only.setattr(torch.distributed, "is_available", lambda: False)
        assert "Error: this build of torch is for one process only" in cli("train").err
    as_torchrun(monkeypatch, 1, 2, 0, 1, TORCHELASTIC_RESTART_COUNT=1, TORCHELASTIC_USE_AGENT_STORE="True")
    assert "Error: torchrun has started the processes anew" in cli("train").err


def test_an_exception_lets_go_of_the_variables_wherever_it_came_from(monkeypatch):
    monkeypatch.setattr("namegen.training.distributed._find_the_others", lambda _ranks: None)
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: None)
    as_torchrun(monkeypatch, 0, 2, 0, 2, "host", 29_500)
    held = []

    def fail(depth: int) -> None:
        network = torch.nn.Linear(1, 1)
        held.append(weakref.ref(network))
        if depth == 0:
            raise OSError("no room")
        try:
            fail(depth - 1)
        except (OSError, NamegenError) as error:
            if depth % 2:
                raise NamegenError("it failed") from error
            raise NamegenError("so did this")  # noqa: B904 - a context without a cause

    with pytest.raises(NamegenError) as raised, joined():
        fail(4)
    assert raised.value.__context__.__context__.__context__.__context__.args == ("no room",)
    assert len(held) == 5
    assert [each() for each in held] == [None] * 5


# What torchrun starts anew.


def restarted(monkeypatch, launch="this"):
    """Be the only process of a torchrun's, which has started it anew."""
    as_torchrun(
        monkeypatch,
        *(0, 1, 0, 1),
        TORCHELASTIC_RUN_ID=launch,
        TORCHELASTIC_RESTART_COUNT=1,
        TORCHELASTIC_MAX_RESTARTS=3,
    )


def started(monkeypatch, launch="this"):
    restarted(monkeypatch, launch)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "0")


@pytest.fixture
def training(cli, monkeypatch):
    """Trains a small model; can be stopped as by Ctrl-C, after its checkpoint has been saved."""

    def run(*words: object, stop: bool = False) -> object:
        with monkeypatch.context() as interrupted:
            if stop:
                interrupted.setattr("namegen.cli.progress._Lines.report", lambda *_: signal.raise_signal(signal.SIGINT))
            return cli("train", "--iters", 1500, "--hidden-size", 8, *words)

    return run


def test_what_tells_one_torchrun_from_another(monkeypatch):
    started(monkeypatch)
    first = from_environment()
    restarted(monkeypatch)
    again = from_environment()
    assert (first.restarted, again.restarted) == (False, True)
    assert first.launch == again.launch != ""

    monkeypatch.setattr(os, "getppid", lambda: 1)  # the same job's id, as that of whoever gives none
    assert from_environment().launch != first.launch
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "0")
    assert from_environment().launch == ""


def test_a_restart_goes_on_with_the_run_that_this_torchrun_began_and_with_no_other(training, monkeypatch):
    place = cached_location("default")
    assert training("--seed", 5, stop=True).code == 130
    old = place.checkpoint.read_bytes()

    started(monkeypatch)
    assert "use --resume to go on, or --force" in training().err
    restarted(monkeypatch)
    refused = training()
    assert refused.code == 1
    assert "use --resume to go on, or --force" in refused.err
    assert place.checkpoint.read_bytes() == old

    assert training("--seed", 6, "--force", stop=True).code == 130  # it had died before it began
    begun = load_checkpoint(place.checkpoint).model
    assert begun.training.seed == 6
    assert training("--force", stop=True).code == 130
    further = load_checkpoint(place.checkpoint).model
    assert further.training.seed == 6
    assert further.iterations > begun.iterations

    restarted(monkeypatch, "another")
    assert "use --resume to go on, or --force" in training().err
    restarted(monkeypatch)
    assert training().code == 0
    assert load_model_file(place.model).training.seed == 6


def test_a_start_that_is_no_restart_makes_the_run_nobodys(training, monkeypatch):
    started(monkeypatch)
    assert training(stop=True).code == 130
    started(monkeypatch)
    assert "use --resume to go on, or --force" in training().err
    restarted(monkeypatch)
    assert "use --resume to go on, or --force" in training().err


def test_a_restart_after_the_model_was_put_into_its_place_ends_well(training, cli, monkeypatch):
    place = cached_location("default")
    started(monkeypatch)
    done = training("--seed", 5)
    model = place.model.stat()
    restarted(monkeypatch)
    again = training("--seed", 5, "--force")

    assert (done.code, again.code) == (0, 0)
    assert again.err == done.err[done.err.index("Model default") :]
    assert (place.model.stat().st_ino, place.model.stat().st_mtime_ns) == (model.st_ino, model.st_mtime_ns)
    assert training("--quiet").err == ""
    restarted(monkeypatch, "another")
    assert "Training on" in training(stop=True).err

    cli("models", "rm", "default")
    assert not place.progress_note.exists()


def test_nothing_is_noted_where_torchrun_starts_nobody_anew(training):
    assert training().code == 0
    assert not cached_location("default").progress_note.exists()


# Where each of them runs.


def test_each_process_of_a_machine_has_the_gpu_of_its_number(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    second = Ranks(3, 4, 1, 2)

    assert find_training_device("cuda", second) == find_training_device("auto", second) == torch.device("cuda:1")
    assert device_name(torch.device("cuda:1"), second) == "cuda"  # by which each finds its own again
    with pytest.raises(UsageError, match="use --device cuda"):
        find_training_device("cuda:1", second)
    with pytest.raises(DeviceError, match="no device cuda:2 here"):
        find_training_device("cuda", Ranks(2, 3, 2, 3))


def test_where_each_machine_has_one_process_a_gpu_can_be_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    lone = Ranks(1, 2, 0, 1)

    assert find_training_device("cuda:1", lone) == torch.device("cuda:1")
    assert device_name(torch.device("cuda:0"), lone) == "cuda"  # which is another GPU where a machine has two processes
    assert device_name(torch.device("cuda:0"), ALONE) == "cuda:0"
    assert device_name(CPU, lone) == device_name(CPU, ALONE) == "cpu"
    assert find_training_device(device_name(torch.device("cuda:1"), lone), lone) == torch.device("cuda:1")


def test_several_processes_cannot_share_an_apple_gpu(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    assert find_training_device("auto", Ranks(0, 2, 0, 2)) == CPU
    with pytest.raises(UsageError, match="use --device cpu"):
        find_training_device("mps", Ranks(0, 2, 0, 2))


def test_processes_share_the_processors_and_the_memory_of_their_machine(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    large = training_config(batch_size=512, hidden_size=512)
    assert default_threads(large) == default_threads(large, Ranks(0, 4, 0, 4)) == 2
    assert default_threads(large, Ranks(0, 8, 0, 8)) == 1  # processors
    assert default_threads(training_config(batch_size=64, hidden_size=512), Ranks(0, 2, 0, 2)) == 1  # a small share

    monkeypatch.setattr("namegen.training.resources._memory", lambda: 10**9)
    wide = training_config(hidden_size=4096, batch_size=64)  # its weights and what belongs to them take 0.6 GB
    check_memory(wide, 7.0)
    check_memory(wide, 7.0, Ranks(0, 2, 0, 1))
    with pytest.raises(NamegenError, match="more than 1 GB"):
        check_memory(wide, 7.0, Ranks(0, 2, 0, 2))


def test_the_gradients_are_averaged_on_the_device_of_the_network(monkeypatch):
    made = []
    monkeypatch.setattr(torch.nn.parallel, "DistributedDataParallel", lambda network, **how: made.append(how))
    Ranks(1, 2, 1, 2).wrap(torch.nn.Linear(1, 1), torch.device("cuda:1"))
    Ranks(1, 2, 1, 2).wrap(torch.nn.Linear(1, 1), CPU)

    assert made == [{"device_ids": [1]}, {"device_ids": None}]


def test_learning_together_keeps_every_tensor_on_the_device_of_the_rank(fake_cuda, monkeypatch):
    second = torch.device("cuda:1")
    monkeypatch.setattr(Ranks, "wrap", lambda _self, network, _device: network)
    config = training_config(hidden_size=8, batch_size=4, iterations=8, clip=None)
    lessons = DatasetBatches(NAMES, config)
    learner = AutogradLearner(build_network(config, 2, 59), lessons, config, second, Ranks(1, 2, 1, 2))

    def backward(_loss):
        for parameter in learner._parameters:
            parameter.grad = torch.ones_like(parameter)

    monkeypatch.setattr(torch.Tensor, "backward", backward)
    losses = learner.learn(np.array([0, 1, 2, 3]), 0)

    kept = [*learner._parameters, *learner._average]
    kept += [value for values in learner._moments or () for value in values]
    assert losses.device == second
    assert losses.shape == (2,)
    assert {tensor.device for tensor in kept} == {second}


# Two processes at once.


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> Iterator[list[dict[str, object]]]:
    """What each of two processes saw, by their ranks."""
    folder = tmp_path_factory.mktemp("two")
    script = Path(two_processes.__file__)
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run(
        [*TORCHRUN, str(script), str(folder)],
        env={**environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [pickle.loads((folder / f"seen{rank}").read_bytes()) for rank in range(2)]


@pytest.fixture(scope="module")
def seen_alone():
    return two_processes.trained(ALONE)


@pytest.mark.parametrize("kind", two_processes.CONFIGS)
def test_two_processes_train_the_model_that_one_trains(kind, seen, seen_alone):
    weights, losses, processes = seen_alone[kind]
    first, second = (each["trained"][kind] for each in seen)

    assert (processes, first[2], second[2]) == (1, 2, 2)
    assert len(losses) > 2
    np.testing.assert_allclose(first[1], losses, rtol=0, atol=1e-5)
    for name, weight in weights.items():
        np.testing.assert_allclose(first[0][name], weight, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(first[0][name], second[0][name])


def test_what_fails_on_one_rank_ends_all_of_them_and_the_first_one_says_why(seen):
    first, second = (each["failures"] for each in seen)

    assert first["of the first"] == second["of the first"] == ("UsageError", "it is so")
    assert first["a bug of the first"] == ("MemoryError", "full")
    assert second["a bug of the first"] == ("RankError", "another process of this training has failed (MemoryError)")
    assert first["of the second"] == second["of the second"] == ("NamegenError", "process 1: it is so here")
    assert first["memory of the second"][0] == "RankError"
    assert second["memory of the second"] == ("MemoryError", "full")
    assert first["diverged"] == second["diverged"]
    assert first["diverged"][0] == "DivergedError"


def test_a_rank_without_a_name_of_the_last_batch_has_no_last_loss(seen):
    first, second = (each["last losses"] for each in seen)

    assert np.isfinite(first).all()
    assert np.isfinite(second[:-1]).all()
    assert np.isnan(second[-1])


def test_any_rank_can_stop_the_run_and_together_they_go_on_exactly(seen):
    first, second = (each["stopped"] for each in seen)

    assert first["stopped"] == second["stopped"] == ("TrainingStopped", "stopped after 315 of 900 iterations")
    assert (first["written"], second["written"]) == (True, False)
    assert first["resumed"] == first["whole"]
    assert second["resumed"] == second["whole"]
    assert first["whole"] == second["whole"]


@pytest.mark.parametrize(
    ("what", "code", "message"),
    [
        ("tutorial", 2, "Error: the tutorial's recipe learns one name at a time, alone; start it without torchrun"),
        (
            "small batch",
            2,
            "Error: 2 processes cannot share batches of 1; use a larger --batch-size or fewer processes",
        ),
        ("no number", 2, "Error: Invalid value for '--iters': 'x' is not a valid int; see `namegen train --help`"),
        ("no such device", 2, "Error: no device is called 'nonsense'; use auto, cpu, cuda, cuda:N or mps"),
    ],
)
def test_an_error_of_the_command_is_said_once_and_ends_all_processes_alike(what, code, message, seen):
    first, second = (each["commands"][what] for each in seen)

    assert first == (code, f"{message}\n")
    assert second == (code, "")


def test_only_the_first_process_needs_the_names_writes_the_model_and_speaks(seen):
    first, second = (each["commands"] for each in seen)

    assert (first["bad data"][0], second["bad data"]) == (1, (1, ""))
    assert "bad.txt" in first["bad data"][1].splitlines()[-1]
    assert (first["busy"][0], second["busy"]) == (1, (1, ""))
    assert "is already training" in first["busy"][1]
    (unsaved,) = first["unsaved"][1].splitlines()
    assert (first["unsaved"][0], second["unsaved"]) == (0, (0, ""))
    assert unsaved.startswith("Not saved after 128 iterations: no room; make some.")
    assert (first["trained"][0], second["trained"]) == (0, (0, ""))
    assert "on cpu in 2 processes: GRU of 8 units" in first["trained"][1]
    assert "Model default" in first["trained"][1]
    for name in ("init", "unicode"):
        assert (first[name][0], second[name]) == (0, (0, "")), first[name]
    assert first["files"][1] == "cache/models/default.safetensors init.safetensors unicode.safetensors"
    assert second["files"][1] == ""


# Faults.


class Torchrun:
    """Two processes that train, as a process of torchrun's, and what they have said so far."""

    def __init__(self, folder: Path, *words: object) -> None:
        self.said = folder / "said"
        with self.said.open("w") as stream:
            self.process = subprocess.Popen(
                [*TORCHRUN, *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )

    @property
    def text(self) -> str:
        return self.said.read_text(encoding="utf-8")

    def wait_until(self, reached: Callable[[], object]) -> None:
        """Wait for something that is to happen while it runs."""
        end = time.monotonic() + 120
        while not reached():
            assert self.process.poll() is None, self.text
            assert time.monotonic() < end, self.text
            time.sleep(0.05)

    def kill_the_second(self, while_busy: float = 0.0) -> None:
        """End the second of the two processes as a machine that has no memory left does.

        Args:
            while_busy: for how many seconds the machine has no time for the first one then: gloo may wait in vain.
        """
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        words = {int(pid): Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") for pid in pids}
        first, second = (next(pid for pid in words if b"RANK=%d" % rank in words[pid]) for rank in range(2))
        if while_busy:
            os.kill(first, signal.SIGSTOP)
            time.sleep(while_busy / 2)
        os.kill(second, signal.SIGKILL)
        time.sleep(while_busy / 2)
        os.kill(first, signal.SIGCONT)

    def end(self) -> int:
        """Wait for the end; returns torchrun's exit code."""
        return self.process.wait(timeout=120)


@pytest.fixture
def torchrun(tmp_path) -> Iterator[Callable[..., Torchrun]]:
    """Starts two processes, and leaves none behind."""
    started = []

    def start(*words: object) -> Torchrun:
        started.append(Torchrun(tmp_path, *words))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.terminate()
            each.end()


@pytest.mark.skipif(not Path("/proc/thread-self/children").exists(), reason="finds processes by way of /proc")
def test_a_training_by_two_processes_survives_the_death_of_one_a_new_start_and_ctrl_c(torchrun, cli, monkeypatch):
    place = cached_location("default")
    training = ("-m", "namegen", "train", "--iters", 10**7, "--hidden-size", 8, "--save-every", 500)

    def iterations() -> int:
        return saved_with(1)

    def saved_with(seed: int) -> int:
        try:
            model = load_checkpoint(place.checkpoint).model
        except ModelFileError:  # there is none
            return 0
        return model.iterations if model.training.seed == seed else 0

    def said(text: str) -> list[str]:
        """Return after how many iterations the first process says that it is saved.

        It notices the death, or hears torchrun's signal before, or gloo hears nothing and it gives up.
        """
        gone = "Error: .* process of (?:this|it) .*; what is saved is the run after (.*), to go on from with --resume\n"
        stopped = r"Stopped after (.*) of .*, and saved\."
        return [noticed or heard for noticed, heard in re.findall(f"{gone}|{stopped}", text)]

    first = torchrun(*training)
    first.wait_until(lambda: iterations() > 500)
    first.kill_the_second(while_busy=0.4)
    assert first.end() == 1
    saved = iterations()
    assert said(first.text) == [f"{saved:,}"], first.text

    unasked = torchrun("--max-restarts", 1, *training)
    assert unasked.end() == 1
    assert unasked.text.count("use --resume to go on, or --force to start over") == 2  # after the restart too
    assert iterations() == saved

    second = torchrun("--max-restarts", 1, *training, "--seed", 2, "--force")
    second.wait_until(lambda: saved_with(2))
    second.kill_the_second()
    second.wait_until(lambda: said(second.text))
    died = saved_with(2)
    second.wait_until(lambda: saved_with(2) != died)
    assert saved_with(2) > died
    second.process.send_signal(signal.SIGINT)
    assert second.end() == 1
    count, how = re.findall(r"Stopped after ([\d,]+) .*, and saved. Go on with: (.*)", second.text)[-1]
    stopped = saved_with(2)
    assert count == f"{stopped:,}"
    assert stopped > died
    assert how == "torchrun --standalone --nproc-per-node 2 -m namegen train --resume"
    assert not place.model.exists()

    monkeypatch.setattr("namegen.cli.progress._Lines.report", lambda *_: signal.raise_signal(signal.SIGINT))
    third = cli("train", "--resume")
    assert third.code == 130
    assert "Going on with 1 process, not 2: the model may not be exactly" in third.err
    assert saved_with(2) > stopped

"""Sampling on a torch device gives the same names as numpy. Most of it is tested on the CPU."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

import namegen
from namegen.errors import DeviceError, MissingPackageError, UsageError
from namegen.models.devices import find_sampling_device
from namegen.models.inference import apply_guidance, build_steppers
from namegen.models.inference_torch import build_torch_steppers
from namegen.models.networks import ConditionalGRU
from namegen.models.scoring import log_softmax
from namegen.recipes import training_config
from support import make_model

if TYPE_CHECKING:
    from collections.abc import Iterator

CPU = torch.device("cpu")
KINDS = {
    "gru": {"recipe_name": "default"},
    "tutorial": {"recipe_name": "tutorial"},
    "rnn with tanh": {"recipe_name": "default", "architecture": "rnn"},
}
SHARES = np.array([0.25, 0.0, 0.75], dtype=np.float32)
CATEGORIES = {
    "category": 2,
    "blend": SHARES,
    "guided": apply_guidance(1, 3, 0.4),
    "guided blend": apply_guidance(SHARES, 3, 1.0),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Use one thread of torch: waiting for others makes these small products many times as slow."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def some_model(kind):
    model = make_model(training_config(hidden_size=24, **KINDS[kind]), letters="abcdef", categories=("X", "Y", "Z"))
    model.weights.update({name: weight * np.float32(0.3) for name, weight in model.weights.items()})
    return model


@pytest.fixture
def by_torch(monkeypatch):
    """Sample on the CPU instead of on a GPU; return the models that were prepared."""
    prepared = []

    def on_cpu(model, device):
        assert device == torch.device("cuda:1")
        prepared.append(model)
        return build_torch_steppers(model, CPU)

    monkeypatch.setattr("namegen.models.inference_torch.build_torch_steppers", on_cpu)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    return prepared


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_step_on_a_device_is_the_step_in_numpy(kind, category):
    model, rng = some_model(kind), np.random.default_rng(0)
    ours, expected = build_torch_steppers(model, CPU)(CATEGORIES[category]), build_steppers(model)(CATEGORIES[category])
    hidden = expected.start()
    np.testing.assert_allclose(ours.start(), hidden, rtol=0, atol=1e-6)
    for rows in (9, 1):
        letters, parents = rng.integers(0, 7, rows), np.sort(rng.integers(0, len(hidden), rows))
        given = (letters.astype(np.uint8), hidden, parents)
        (logits, after), (expected_logits, expected_after) = ours.step(*given), expected.step(*given)

        assert logits.dtype == after.dtype == np.float32
        np.testing.assert_allclose(log_softmax(logits), log_softmax(expected_logits), rtol=0, atol=1e-5)
        np.testing.assert_allclose(after, expected_after, rtol=0, atol=1e-5)
        hidden = expected_after


@pytest.mark.parametrize(
    ("category", "how"),
    [
        ("German:2+Italian", {"count": 100, "temperature": 1.0, "guidance": 0.5, "min_length": 5}),
        (None, {"count": 20, "unique": True}),
        ("Russian", {"prefixes": ["Sch", "A"], "count": 3, "dropout": 0.2}),
    ],
)
def test_a_device_gives_the_names_that_numpy_gives(category, how, by_torch):
    model = namegen.load_model("pretrained")
    ours = namegen.sample(model, category, seed=1, device="cuda:1", **how)
    expected = namegen.sample(model, category, seed=1, **how)

    assert len(by_torch) == 1
    assert len(ours) == len(expected)
    # A random number may fall between two sums that differ in their last bits; that is one in some hundred thousand.
    assert sum(one != other for one, other in zip(ours, expected, strict=True)) <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_tensor_of_a_step_is_on_the_device(kind, fake_cuda):
    ours = build_torch_steppers(some_model(kind), torch.device("cuda:1"))(SHARES)
    device = torch.device("cuda:1")
    letters, before = torch.tensor([1, 2, 3], device=device), torch.zeros((3, 24), device=device)
    logits, hidden = ours.read(letters, before)

    assert logits.shape == (3, 7)
    assert hidden.shape == (3, 24)
    assert logits.device == hidden.device == device


def test_a_device_that_fails_is_one_clear_line(monkeypatch):
    ours = build_torch_steppers(some_model("gru"), CPU)(0)

    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore of it")

    monkeypatch.setattr(ConditionalGRU, "forward", full)
    with pytest.raises(DeviceError) as failed:
        ours.step(np.array([0]), ours.start())
    assert str(failed.value) == (
        "sampling on cpu failed: CUDA out of memory. Tried to allocate 2.00 GiB; leave --device out"
    )


# Which device.


def test_numpy_samples_unless_a_gpu_is_asked_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)

    assert find_sampling_device(None) is find_sampling_device("cpu") is find_sampling_device("auto") is None
    with pytest.raises(DeviceError, match=r"torch finds no device cuda:0 here \(CUDA devices: 0\); use --device cpu"):
        find_sampling_device("cuda")
    with pytest.raises(DeviceError, match="no Apple GPU"):
        find_sampling_device("mps")
    for name in ("gpu", "cuda:x", "cpu:0", "auto:1", ""):
        with pytest.raises(UsageError, match="use auto, cpu, cuda, cuda:N or mps"):
            find_sampling_device(name)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert find_sampling_device("auto") == find_sampling_device("cuda") == torch.device("cuda:0")


def test_without_torch_only_numpy_draws(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)

    assert find_sampling_device("auto") is None
    with pytest.raises(MissingPackageError, match="the device cuda needs torch, which is not installed; install"):
        find_sampling_device("cuda")
    with pytest.raises(UsageError, match="no device 'gpu'"):
        find_sampling_device("gpu")


def test_the_command_samples_where_it_is_told_to(cli, by_torch):
    plain = cli("sample", "German", "ABC", "--seed", 1, "--model", "pretrained")
    ours = cli("sample", "German", "ABC", "--seed", 1, "--model", "pretrained", "--device", "cuda:1", "--verbose")

    assert len(by_torch) == 1
    assert (ours.code, ours.out) == (0, plain.out)
    assert ours.err.endswith("seed 1, on cuda:1\n")

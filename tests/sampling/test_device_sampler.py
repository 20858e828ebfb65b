"""The sampler that stays on a torch device gives the names of the sampler in numpy. It is tested on the CPU."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter

import numpy as np
import pytest
import torch

import namegen
from distributions import LOGITS, TABLE, chi_square_fits, name_shares
from namegen.config import SamplingConfig
from namegen.datasets.dataset import Dataset
from namegen.errors import DeviceError, NamegenError
from namegen.models import inference_torch, mixture_torch
from namegen.models.inference import Source
from namegen.models.inference_torch import TorchStepper, build_torch_steppers
from namegen.models.mixture import Mixture, Opinion, Weights
from namegen.models.mixture_torch import NGramTables
from namegen.models.ngram import NGram
from namegen.models.plausibility import Limits, Plausibility
from namegen.recipes import training_config
from namegen.sampling import decoding, decoding_torch, device_sampler, rejection, rng, rng_torch
from namegen.sampling.device_sampler import DeviceSource, build_source, sample_on_device
from namegen.sampling.floor import Floor
from support import make_bigram_model, make_model

CPU = torch.device("cpu")
NAMES = {"X": ["abcd", "abca", "cabd", "babca", "dada", "abc"], "Y": ["cab", "bca", "cc", "ddd"], "Z": ["a", "dcba"]}
BLEND = np.array([0.25, 0.0, 0.75], np.float32)


@pytest.fixture(autouse=True)
def one_thread():
    """Use one thread of torch: waiting for others makes these small products many times as slow."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def on_device(monkeypatch):
    """Sample names as on a GPU, but on the CPU; the sampler for numpy is out of reach."""
    steppers = build_torch_steppers

    def run(model, *arguments, **settings):
        with monkeypatch.context() as patched:
            patched.setattr(inference_torch, "build_torch_steppers", lambda model, _: steppers(model, CPU))
            patched.setattr(rejection, "sample_prefix_tree", None)
            patched.setattr(torch.cuda, "device_count", lambda: 1)
            return namegen.sample(model, *arguments, device="cuda", **settings)

    return run


def make_mixed_model(kind="gru", *, sos=True, sampled=0.0, pooled=0.0):
    """Make a model of random weights with an n-gram and limits that reject a part of its names."""
    recipe = {"tutorial": ("tutorial", {}), "tanh": ("default", {"architecture": "rnn"})}.get(kind, ("default", {}))
    config = training_config(recipe[0], hidden_size=16, sos=sos, **recipe[1])
    begins = np.arange(1, 13).reshape(3, -1)
    model = make_model(config, letters="abcd", categories=("X", "Y", "Z"), first_letters=begins, seed=3)
    for weight in model.weights.values():
        np.multiply(weight, 0.4, out=weight)
    model.weights["head.bias" if "head.bias" in model.weights else "o2o.bias"][-1] += 1  # so that names end
    names = Dataset.from_names(NAMES, alphabet=model.alphabet)
    mixture = Mixture(NGram.fit(names, 4), Weights(0.3, 2, pooled, sampled), {1: Weights(0.4, 1, pooled, sampled)})
    limits = np.array([[(-100, -100, 0), limit] for limit in ((-3, -4, 2), (-3.5, -4.5, 1), (-4, -5, 1))], np.float32)
    return dataclasses.replace(model, mixture=mixture, plausibility=Plausibility(limits))


def assert_alike(ours, expected):
    """Assert that names are the same, except where a random number falls between sums that differ by rounding."""
    assert len(ours) == len(expected)
    assert len(set(expected)) > 1
    assert sum(one != other for one, other in zip(ours, expected, strict=True)) <= len(expected) // 500


# The names are those of numpy.


@pytest.mark.parametrize("sos", [True, False], ids=["sos", "no sos"])
@pytest.mark.parametrize(
    ("category", "settings"),
    [
        ("Y", {"temperature": 0.7, "top_k": 3}),
        ("X+Z:2", {"top_p": 0.8, "guidance": 0.4}),
        ("Y", {"floor": 1.0, "top_p": 0.95}),
        ("X+Z:2", {"floor": 1.0}),
        ("Z", {"ngram_share": 0.4}),
        ("X+Y", {"ngram_share": 0.3, "floor": 0.7, "guidance": 0.2, "max_length": 6}),
        ("Z", {"dropout": 0.2, "top_p": 0.9, "floor": 0.5}),
        (None, {"temperature": 0.0, "dropout": 0.3, "max_length": 5}),
        ("Z", {"min_length": 3, "match": ".*[ab]", "floor": 0.5}),
        ("X", {"unique": True, "floor": 0.5}),
    ],
)
def test_every_setting_gives_the_names_of_numpy(category, settings, sos, on_device):
    model, count = make_mixed_model(sos=sos), 60 if "unique" in settings else 500
    ours = on_device(model, category, count=count, seed=1, **settings)

    assert_alike(ours, namegen.sample(model, category, count=count, seed=1, **settings))


@pytest.mark.parametrize("kind", ["gru", "tutorial", "tanh"])
def test_every_network_gives_the_names_of_numpy(kind, on_device):
    model = make_mixed_model(kind)
    for settings in ({}, {"dropout": 0.1, "temperature": 0.0}):
        ours = on_device(model, "X", count=1000, seed=2, **settings)
        assert_alike(ours, namegen.sample(model, "X", count=1000, seed=2, **settings))


@pytest.mark.parametrize("pooled", [0.0, 0.4])
@pytest.mark.parametrize("category", ["X", "X+Y"])
def test_letters_from_the_n_gram_are_those_of_numpy(category, pooled, on_device):
    model = make_mixed_model(sampled=0.5, pooled=pooled)
    assert_alike(on_device(model, category, count=1000, seed=1), namegen.sample(model, category, count=1000, seed=1))
    without = namegen.sample(model, category, count=1000, seed=1, ngram_share=0.0)
    assert sum(map(str.__ne__, without, namegen.sample(model, category, count=1000, seed=1))) > 100


@pytest.mark.parametrize(("names_per_prefix", "sos"), [(0, True), (4, True), (4, False), (10**9, False)])
@pytest.mark.parametrize("prefixes", [["abc"], ["", "d", "abcda", "c"], ["da", "dada"]])
def test_names_with_prefixes_are_those_of_numpy_however_many_prefixes_are_shared(
    prefixes, names_per_prefix, sos, on_device, monkeypatch
):
    monkeypatch.setattr(device_sampler, "_NAMES_PER_PREFIX", names_per_prefix)
    model = make_mixed_model(sos=sos)
    for settings in ({"floor": 0.8}, {"temperature": 0.0, "dropout": 0.5}):
        how = {"count": 200, "seed": 4, "max_length": 6, **settings}
        assert_alike(on_device(model, "Z", prefixes, **how), namegen.sample(model, "Z", prefixes, **how))


@pytest.mark.parametrize("count", [1, 3])
def test_few_names_and_truncated_ones_are_those_of_numpy(count, on_device):
    model = make_bigram_model([[5.0, 1, 0]] * 3, sos=False, sampling=SamplingConfig(temperature=0.0, dropout=0.1))

    for max_length in (None, 4):
        expected = namegen.sample(model, "X", "ba", count=count, seed=1, max_length=max_length)
        assert on_device(model, "X", "ba", count=count, seed=1, max_length=max_length) == expected


def test_names_of_a_large_alphabet_are_those_of_numpy(on_device):
    letters = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
    model = make_model(training_config(hidden_size=8), letters=letters, seed=2)
    model.weights["head.bias"][-1] += 6  # so that names end
    ours = on_device(model, "X", count=200, seed=1)

    assert_alike(ours, namegen.sample(model, "X", count=200, seed=1))
    assert max(map(ord, "".join(ours))) > 0x4E00 + 256


def test_names_have_the_models_probabilities(on_device):
    sampled = Counter(on_device(make_bigram_model(LOGITS), "X", count=20_000, seed=1, max_length=7))

    assert chi_square_fits(sampled, name_shares(TABLE, 7))


@pytest.mark.parametrize("floor", [0.5, 0.0])
def test_the_included_model_gives_the_names_of_numpy(floor, on_device):
    ours = on_device("pretrained", "Czech", count=2000, seed=1, floor=floor)

    assert_alike(ours, namegen.sample("pretrained", "Czech", count=2000, seed=1, floor=floor))


# Memory, errors and exceptions.


@pytest.mark.parametrize("most", [150, 1])
def test_a_full_memory_means_fewer_names_at_once(most, on_device, monkeypatch):
    model, read, rows = make_mixed_model(), TorchStepper.read, []

    def limited(stepper, letters, hidden):
        rows.append(len(letters))
        if len(letters) > most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return read(stepper, letters, hidden)

    monkeypatch.setattr(TorchStepper, "read", limited)
    if most > 1:
        assert_alike(on_device(model, "X", count=2000, seed=1), namegen.sample(model, "X", count=2000, seed=1))
        assert max(rows) > most
    else:
        with pytest.raises(DeviceError, match=r"sampling on cpu failed: CUDA out of memory.* leave --device out$"):
            on_device(model, "X", count=2000, seed=1)


def test_weights_that_are_too_large_are_reported_as_by_numpy(on_device):
    model = make_mixed_model()
    model.weights["head.bias"][:] = np.inf
    messages = set()
    for run in (on_device, namegen.sample):
        with pytest.raises(NamegenError, match="outputs are not numbers") as failed:
            run(model, "X", count=10, seed=1)
        messages.add(str(failed.value))
    assert len(messages) == 1


def test_a_very_large_n_gram_is_asked_on_the_cpu(monkeypatch):
    model = make_mixed_model()
    network = build_torch_steppers(model, CPU)(0)
    assert isinstance(build_source(model, network, 0, share=0.0, opinion=True), DeviceSource)
    monkeypatch.setattr(mixture_torch, "_MAX_ENTRIES", 30)
    assert isinstance(build_source(model, network, 0, share=0.0, opinion=True), Source)
    assert isinstance(build_source(model, network, 0, share=0.0, opinion=False), DeviceSource)


def test_letters_are_chosen_on_the_cpu_for_apple_gpus():
    model = make_mixed_model()
    network = build_torch_steppers(model, CPU)(0)
    network.device = torch.device("mps")

    assert isinstance(build_source(model, network, 0, share=0.0, opinion=True), Source)


@pytest.mark.parametrize(
    "settings", [{"top_k": 5, "top_p": 0.9}, {"dropout": 0.2}, {"temperature": 0.0, "dropout": 0.2}]
)
@pytest.mark.parametrize("sos", [True, False], ids=["sos", "no sos"])
def test_every_tensor_is_on_the_device(sos, settings, fake_cuda, monkeypatch):
    model = make_mixed_model(sos=sos)
    network = build_torch_steppers(model, fake_cuda)(BLEND)
    source = build_source(model, network, BLEND, share=0.4, opinion=True)
    # Only data could tell which names have ended.
    monkeypatch.setattr(device_sampler._Batch, "_remove_ended", lambda _: True)
    prefixes, prefix_of = [np.array([1]), np.array([2, 3])], np.arange(600) % 2
    streams = rng.derive_streams(1, 0, np.arange(600))
    floor = Floor(Opinion(model.mixture.ngram, BLEND, model.alphabet.boundary_id), Limits(-9, -3, 0))

    # Operations that mix devices raise another error. Here all letters have been chosen; the result has no data.
    with pytest.raises(DeviceError, match=r"numpy\(\) is not supported for tensor subclasses"):
        sample_on_device(source, SamplingConfig(**settings), prefixes, np.array([9, 9]), prefix_of, streams, floor)


# The parts.


def test_random_numbers_are_those_of_numpy_bit_for_bit():
    streams = np.concatenate([rng.derive_streams(7, 0, np.arange(1000)), np.array([0, 1, 2**63, 2**64 - 1], np.uint64)])
    ours = rng_torch.streams_to_device(streams, CPU)

    for place in (0, 1, 17, rng.STREAM_LENGTH - 1):
        np.testing.assert_array_equal(rng_torch.uniform(ours, place).numpy(), rng.uniform(streams, place))
        np.testing.assert_array_equal(rng_torch.uniform_rows(ours, place, 5), rng.uniform_rows(streams, place, 5))


@pytest.mark.parametrize(("top_k", "top_p"), [*itertools.product((None, 1, 3, 50), (None, 0.01, 0.5, 1.0))])
def test_probabilities_and_their_ties_are_those_of_numpy(top_k, top_p):
    rows = np.random.default_rng(0).integers(-3, 3, (200, 11)).astype(np.float32)  # with many ties
    rows[0], rows[1] = 0, [1e4, *[-1e4] * 10]
    config = SamplingConfig(temperature=0.5, top_k=top_k, top_p=top_p)
    ours, expected = decoding_torch.probabilities(torch.tensor(rows), config), decoding.probabilities(rows, config)

    np.testing.assert_array_equal(ours.numpy() > 0, expected > 0)
    np.testing.assert_allclose(
        ours.numpy() / ours.numpy().sum(1)[:, None], expected / expected.sum(1)[:, None], atol=1e-6
    )


@pytest.mark.parametrize("dropout", [0.0, 0.1, 0.9])
def test_probabilities_of_greedy_decoding_are_those_of_numpy(dropout):
    rows = np.random.default_rng(0).integers(-2, 3, (300, 6)).astype(np.float32)
    rows[0], rows[1], rows[2] = -1, 0, 1
    ours = decoding_torch.greedy_probabilities(torch.tensor(rows), dropout)

    np.testing.assert_allclose(ours.numpy(), decoding.greedy_probabilities(rows, dropout), rtol=0, atol=1e-6)


def test_sampled_outputs_are_those_of_numpy_at_the_ends_of_the_sums_too():
    weights = np.array([[0, 0.25, 0, 0.75, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 2]], np.float32)
    points = np.array([0, 0.25, np.nextafter(0.25, 0), 0.5, 1 - 2.0**-52] * 3)
    rows = np.repeat(np.arange(3), 5)
    ours = decoding_torch.sample_categorical(torch.tensor(weights), torch.tensor(rows), torch.tensor(points))

    assert ours.tolist() == decoding.sample_categorical(weights, rows, points).tolist()
    assert ours.tolist()[:5] == [1, 3, 1, 3, 3]


@pytest.mark.parametrize("sos", [True, False], ids=["sos", "no sos"])
def test_the_tables_of_an_n_gram_are_what_it_says(sos):
    model = make_mixed_model(sos=sos)
    mixture, outputs = model.mixture, 5
    text = model.alphabet.encode("".join(itertools.chain(*NAMES.values())) * 2)  # so that long contexts occur
    tables = NGramTables.build(mixture, BLEND, CPU, outputs, sos=sos, share=0.4, opinion=True)
    ngrams = [mixture.ngram.select(category) for category in (0, 2)]
    nodes, expected = tables.start.repeat(40, 1), [np.zeros(40, dtype=np.int64)] * 2
    if not sos:
        expected = [ngram.advance(own, np.full(40, 4)) for ngram, own in zip(ngrams, expected, strict=True)]
    for place in range(8):
        letters = text[place : place + 40].astype(np.int64)
        letters[::7] = 4  # ends
        nodes = tables.advance(nodes, torch.tensor(letters))
        expected = [ngram.advance(own, letters) for ngram, own in zip(ngrams, expected, strict=True)]
        likely = sum(
            share * ngram.probabilities(own) for share, ngram, own in zip((0.25, 0.75), ngrams, expected, strict=True)
        )
        for letter in range(outputs):
            scores = tables.log_probabilities(nodes, torch.full((40,), letter))
            np.testing.assert_allclose(scores, np.log(likely[:, letter]), rtol=0, atol=1e-5)
    assert min(len(np.unique(own)) for own in expected) > 8

"""The recipe instant: an n-gram as a model of its own."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

import namegen
from namegen.architectures import ARCHITECTURES
from namegen.config import SamplingConfig, TrainingConfig
from namegen.datasets.dataset import Dataset
from namegen.datasets.open import open_dataset
from namegen.errors import ModelFileError, UsageError
from namegen.evaluation.classify import classify, score
from namegen.evaluation.likelihood import likelihood
from namegen.evaluation.metrics import evaluate
from namegen.models.category_ngram import list_positions
from namegen.models.inference import Source, build_steppers
from namegen.models.ngram import NGram
from namegen.models.onnx import export_onnx
from namegen.models.scoring import log_softmax
from namegen.models.serialization import load_model_file
from namegen.recipes import training_config
from namegen.training import ngrams
from namegen.training.train import train

INSTANT = training_config("instant")
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; from namegen.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def starter():
    return open_dataset("starter")


@pytest.fixture(scope="module")
def model(starter):
    return train(starter, INSTANT)


@pytest.fixture
def trained(cli):
    done = cli("train", "--recipe", "instant", "--data", "starter")
    assert done.code == 0
    return done


def test_a_category_backs_off_to_the_ngram_of_all_names(model, starter):
    german = NGram.fit(starter, 6).select(starter.categories.index("German"), 1)
    everything = model.mixture.ngram.pool().select(0)
    letters, lengths = starter.alphabet.encode_lines(b"Schubert\nXyq\n")
    contexts, targets, name_of = list_positions(letters, lengths, starter.alphabet.boundary_id, 5)
    own, below = german.split(german.find(contexts))
    rest = everything.probabilities(everything.find(contexts))
    rows = np.arange(len(targets))
    expected = np.bincount(name_of, np.log(own[rows, targets] + below[:, 0] * rest[rows, targets]))

    np.testing.assert_allclose(score(model, "German", ["Schubert", "Xyq"]).log_probabilities, expected, rtol=1e-4)


def test_the_ngram_of_all_names_is_that_of_one_category(starter):
    one = dataclasses.replace(starter, categories=("all",), category_of=np.zeros_like(starter.category_of))
    whole, pooled = NGram.fit(one, 4), NGram.fit(starter, 4).pool()
    pooled = dataclasses.replace(pooled, discounts=whole.discounts)
    names = starter.letters[:40], np.array([40])

    np.testing.assert_allclose(pooled.log_probabilities(*names), whole.log_probabilities(*names), rtol=1e-6)


def test_a_blend_has_the_mean_of_the_distributions(model):
    steppers = build_steppers(model)
    german, italian = (model.categories.index(name) for name in ("German", "Italian"))
    blend = np.zeros(len(model.categories), np.float32)
    blend[[german, italian]] = 0.75, 0.25
    first = []
    for category in (german, italian, blend):
        source = Source.of(model, steppers(category), category)
        logits, _ = source.network.step(np.array([source.boundary_id]), source.network.start())
        first.append(np.exp(log_softmax(logits))[0])
    np.testing.assert_allclose(first[2], 0.75 * first[0] + 0.25 * first[1], rtol=1e-4)


def test_saving_and_reading_keep_the_model(model, tmp_path):
    model.save(tmp_path / "m")
    read = load_model_file(tmp_path / "m")
    assert (read.weights, read.parameters, read.has_network, len(read.history.training)) == ({}, 0, False, 0)
    assert namegen.sample(read, "German", "ABC", seed=1) == namegen.sample(model, "German", "ABC", seed=1)


def test_a_file_without_its_ngram_is_damaged(model, tmp_path):
    dataclasses.replace(model, mixture=None, plausibility=None).save(tmp_path / "m")
    with pytest.raises(ModelFileError, match="neither a network nor an n-gram"):
        load_model_file(tmp_path / "m")


def test_names_have_the_frequencies_of_the_ngram():
    model = train(Dataset.from_names({"X": ["A", "Ab", "Abb", "B", "Ba"] * 5}), INSTANT)
    names = namegen.sample(model, "X", count=40_000, seed=1, temperature=1, top_p=1, floor=0)
    likely = np.exp(score(model, "X", ["A", "Ab", "Abb", "B", "Ba"]).log_probabilities)
    counts = np.array([names.count(name) for name in ("A", "Ab", "Abb", "B", "Ba")])
    np.testing.assert_allclose(counts / counts.sum(), likely / likely.sum(), atol=0.01)


def test_the_ngram_predicts_letters_whatever_the_sampling_settings_say(model):
    assert namegen.sample(model, "German", count=5, seed=1, config=SamplingConfig(temperature=0.1)) == namegen.sample(
        model, "German", count=5, seed=1, config=SamplingConfig(temperature=0.1, ngram_share=1.0)
    )


def test_filters_and_top_and_blends_work(model, starter):
    known = {starter.name(index) for index in range(len(starter))}
    names = namegen.sample(model, "German+Italian", "M", count=30, seed=1, unique=True, novel=True, min_length=5)
    assert len(set(names)) == 30
    assert all(name.startswith("M") and len(name) >= 5 and name not in known for name in names)
    assert len(namegen.top(model, "German", count=3)) == 3
    assert len(namegen.sample(model, "Greek", temperature=0)) == 1


def test_it_recognises_languages_and_is_evaluated(model, starter):
    assert classify(model, ["Papadopoulos"]).ranked()[0, 0] == starter.categories.index("Greek")
    figures = evaluate(model, starter, count=5, everything=True)
    assert figures.macro < 2
    assert figures.right > 0.4


def test_guidance_and_dropout_do_not_apply(model):
    for setting in ("guidance", "dropout"):
        with pytest.raises(UsageError, match=f"no network, so {setting} does not apply; leave out --{setting}"):
            namegen.sample(model, "German", **{setting: 0.5})


def test_it_cannot_be_fine_tuned_or_exported(model, tmp_path):
    with pytest.raises(UsageError, match="categories cannot be added to this ngram"):
        train(Dataset.from_names({"New": ["Abel", "Bela"]}), init=model)
    with pytest.raises(UsageError, match="cannot be exported"):
        export_onnx(model, tmp_path / "x.onnx")


def test_settings_of_networks_are_refused():
    with pytest.raises(UsageError, match="instant trains no network, so hidden size does not apply"):
        training_config("instant", hidden_size=4)
    for parts in ({"ngram_order": None}, {"ngram_share": 0.5}):
        with pytest.raises(UsageError, match="a model without a network needs"):
            TrainingConfig(architecture="ngram", **{"ngram_order": 6, "ngram_share": 1.0, **parts})


def test_one_name_is_enough():
    model = train(Dataset.from_names({"X": ["Ann"]}), INSTANT)
    assert namegen.sample(model, "X", "A", seed=1)[0].startswith("A")


def test_it_is_much_better_than_the_tutorial_on_unseen_names(data_dir):
    dataset = namegen.load_dataset(data_dir / "surnames")
    unit = dataset.hashes.astype(np.float64) / 2.0**64
    found = likelihood(train(dataset.select(unit < 0.8), INSTANT), dataset.select((unit >= 0.8) & (unit < 0.9)))
    assert found.macro < 1.95  # tutorial: 2.19
    assert found.micro < 1.72  # 2.32


def test_the_command_trains_and_samples_without_torch(cache):
    for arguments in (["train", "--recipe", "instant", "--data", "starter"], ["sample", "German", "ABC"]):
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_TORCH, *arguments], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
    assert [name[0] for name in done.stdout.splitlines()] == ["A", "B", "C"]


def test_the_command_says_what_the_model_is(cli, trained):
    assert "n-grams of order 6 in 2,662 names" in trained.err
    shown = cli("models", "show").out
    assert "architecture\tngram\n" in shown
    assert "hidden_size" not in shown
    assert cli("categories").code == cli("models").code == cli("evaluate", "--all", "-n", 2).code == 0
    assert cli("score", "German", "Bach").code == cli("classify", "Bach").code == 0


def test_options_without_effect_are_noted(cli):
    done = cli("train", "--recipe", "instant", "--data", "starter", "--iters", 500, "--seed", 3)
    assert done.code == 0
    assert "--iters has no effect" in done.err
    assert "--seed has no effect" in done.err


@pytest.mark.parametrize(
    "option",
    [
        *("--resume", "--device=cpu", "--threads=1", "--arch=gru", "--hidden-size=4", "--dropout=0", "--batch-size=4"),
        *("--lr=0.1", "--validation=0.1", "--save-every=5", "--init=pretrained"),
    ],
)
def test_options_of_networks_are_wrong_usage(cli, option, cache):
    refused = cli("train", "--recipe", "instant", "--data", "starter", option)
    assert refused.is_error(2)
    assert {"--lr": "--learning-rate"}.get(option.partition("=")[0], option.partition("=")[0]) in refused.err
    assert not list(cache.rglob("*.safetensors"))


def test_what_needs_a_network_is_wrong_usage(cli, trained, tmp_path):
    assert cli("sample", "German", "--guidance", 0.5).is_error(2)
    assert cli("train", "--init", "default", "--data", "starter", "-m", "other").is_error(2)
    assert cli("export", "default", tmp_path / "x.onnx").is_error(2)
    assert cli("train", "--arch", "ngram").is_error(2)
    assert cli("plot").is_error(1)


def test_networks_alone_can_be_chosen_as_architecture(cli):
    assert [name for name, architecture in ARCHITECTURES.items() if architecture.network] == ["gru", "rnn"]
    assert "--arch <gru|rnn>" in cli("train", "--help").out


def test_of_too_many_names_the_ngram_counts_as_many_of_each_category(monkeypatch):
    monkeypatch.setattr(ngrams, "_MAX_NAMES", 60)
    names = {
        category: [f"{category}{first}{last}" for first in "abcdefghij" for last in "abcdefghij"][:count]
        for category, count in (("A", 10), ("B", 100), ("C", 90))
    }
    ngram = ngrams.fit_ngram(Dataset.from_names(names), 2)

    is_end = ngram.letters[:, 0] == ngram.outputs - 1
    rows = zip(ngram.first, ngram.first[1:], strict=False)
    assert [int(ngram.counts[begin:end][is_end[begin:end]].sum()) for begin, end in rows] == [10, 25, 25]

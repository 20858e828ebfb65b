"""Adding categories to a model."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
import torch

from namegen.datasets.dataset import Dataset
from namegen.datasets.readers import load_dataset
from namegen.errors import RunError, TrainingStopped, UsageError
from namegen.evaluation.likelihood import likelihood
from namegen.evaluation.metrics import evaluate
from namegen.models.closed import ClosedNames
from namegen.models.extension import extend_letters
from namegen.models.inference import build_steppers
from namegen.models.letters import find_letters, restrict
from namegen.models.networks import build_network
from namegen.models.serialization import load_model_file
from namegen.models.store import cached_location
from namegen.recipes import training_config
from namegen.sampling.generate import sample
from namegen.training.batches import IGNORED, build_batch, iter_stretches
from namegen.training.fine_tuning import (
    ReplayBatches,
    extend_dataset,
    fine_tuning_config,
    initial_weights,
    model_digest,
)
from namegen.training.jobs import TrainingRequest, claim_model, command_to_resume, fit_plan, plan_training, run_plan
from namegen.training.optimize import AutogradLearner
from namegen.training.train import train
from support import make_model

RNG = np.random.default_rng(0)


def random_names(letters, count):
    """Names in which letters follow each other in the order of the alphabet, so that there is something to learn."""
    made = set()
    while len(made) < count:
        name = "".join(sorted(RNG.choice(list(letters), size=RNG.integers(3, 8))))
        made.add(name.capitalize())
    return sorted(made)


OLD = Dataset.from_names({"X": random_names("abcdefgh", 300), "Y": random_names("fghijklm", 300)})
NEW = Dataset.from_names({"Z": random_names("efghij", 40)})
MORE = Dataset.from_names({"Z": random_names("efghij", 200)})


@pytest.fixture(scope="module")
def init():
    return train(OLD, hidden_size=32, iterations=10_000, batch_size=32, validation=0.0)


@pytest.fixture(scope="module")
def extended(init):
    return train(NEW, init=init, iterations=4_800)


def test_a_few_names_are_learned_better_than_alone_and_the_old_ones_are_not_forgotten(init, extended):
    alone = min(
        likelihood(train(NEW, hidden_size=32, iterations=iterations, validation=0.0), MORE).micro
        for iterations in (1_000, 3_000)
    )
    assert likelihood(extended, MORE).micro < alone

    before, after = likelihood(init, OLD), likelihood(extended, OLD)
    assert after.macro < before.macro + 0.05


def test_the_model_has_all_categories_and_knows_all_names(init, extended):
    assert extended.categories == ("X", "Y", "Z")
    assert extended.counts.tolist() == [300, 300, 40]
    assert extended.first_letter_counts.sum(axis=1).tolist() == [300, 300, 40]
    assert set(extended.name_hashes) == set(OLD.hashes) | set(NEW.hashes)
    assert extended.longest == max(OLD.lengths.max(), NEW.lengths.max())
    assert extended.training.init == model_digest(init)
    assert extended.sampling == init.sampling
    assert extended.finished


def test_the_new_vectors_begin_as_a_ensemble_of_the_old_the_most_of_what_explains_the_names_best(init):
    like_y = Dataset.from_names({"Z": OLD.names("Y")})
    weights = initial_weights(init, extend_dataset(init, like_y))

    for name, weight in init.weights.items():
        if name.startswith("category_"):
            np.testing.assert_array_equal(weights[name][:2], weight)
            losses = [likelihood(init, Dataset.from_names({c: OLD.names("Y")})).micro for c in "XY"]
            assert losses[1] < losses[0]
            nearer = np.linalg.norm(weights[name][2] - weight, axis=1)
            assert nearer[1] < nearer[0]
        else:
            np.testing.assert_array_equal(weights[name], weight)


def test_half_of_a_batch_are_new_names_and_half_are_sampled_by_the_model_with_its_own_distributions(init):
    dataset = extend_dataset(init, NEW)
    config = fine_tuning_config(init, iterations=1_000, batch_size=9)
    source = ReplayBatches(init, dataset, config)
    batches = [source.build_batch(names) for names in iter_stretches(source, config, 0, 9)]

    assert sum(len(batch.category) for batch in batches) == 1_000
    for batch in batches[:3]:
        assert (batch.category == 2).tolist() == [True] * 5 + [False] * 4
        for category, inputs, targets, probabilities in zip(*map(np.asarray, vars(batch).values()), strict=True):
            places = np.flatnonzero(targets != IGNORED)
            if category == 2:
                np.testing.assert_array_equal(probabilities[places].argmax(axis=1), targets[places])
                assert (probabilities[places].max(axis=1) == 1).all()
            else:
                network = build_steppers(init)(int(category))
                hidden = network.start()
                for place in places:
                    logits, hidden = network.step(inputs[place : place + 1], hidden)
                    own = np.exp(logits[0].astype(np.float64))
                    own[-1] *= place > 0  # no name is empty
                    np.testing.assert_allclose(probabilities[place], own / own.sum(), atol=1e-5)
            assert (probabilities[len(places) :] == 0).all()


def test_what_the_categories_share_learns_at_its_own_rate():
    config = training_config(
        hidden_size=4, optimiser="sgd", weight_decay=0.0, schedule="constant", averaging=0.0, clip=None, dropout=0.0,
        iterations=8, batch_size=8, learning_rate=0.1,
    )  # fmt: skip
    changes = []
    for rate in (1.0, 0.25):
        slower = dataclasses.replace(config, shared_rate=rate)
        network = build_network(slower, 2, 59)
        before = {name: p.detach().clone() for name, p in network.named_parameters()}
        learner = AutogradLearner(network, Fixed(), slower, torch.device("cpu"))
        learner.learn(np.arange(8), 0)
        changes.append({name: weight - before[name].numpy() for name, weight in learner.weights().items()})

    for name, change in changes[0].items():
        share = 1.0 if name.startswith("category_") else 0.25
        np.testing.assert_allclose(changes[1][name], share * change, atol=1e-6)
        assert np.abs(change).max() > 1e-4


class Fixed:
    """The same names over and over."""

    block_size = 8

    def build_batch(self, names):
        return build_batch(OLD, names, sos=True)


def test_a_resumed_run_gives_the_uninterrupted_model(init, tmp_path):
    whole, left = train(NEW, init=init, iterations=480), iter(range(3))
    with pytest.raises(TrainingStopped):
        train(NEW, init=init, iterations=480, checkpoint=tmp_path / "run", stop=lambda: next(left, None) is None)
    resumed = train(NEW, init=init, checkpoint=tmp_path / "run", resume=True)
    for name, model in (("whole", whole), ("resumed", resumed)):
        model.save(tmp_path / name)

    assert (tmp_path / "whole").read_bytes() == (tmp_path / "resumed").read_bytes()
    for other in (None, whole):
        with pytest.raises(UsageError, match="give the same --init"):
            train(NEW, init=other, checkpoint=tmp_path / "run", resume=True)


def test_names_take_the_case_of_the_models_and_an_evaluation_knows_them_in_either(init):
    lower = Dataset.from_names({"Z": [name.lower() for name in NEW.names("Z")]})
    extended = train(lower, init=init, iterations=32)

    assert extend_dataset(init, lower).name(0) == NEW.name(0)
    assert evaluate(extended, lower, count=0).names == evaluate(extended, NEW, count=0).names == 0


def test_a_category_that_is_there_already_is_wrong_usage(init):
    with pytest.raises(UsageError, match="already has a category 'X'"):
        train(Dataset.from_names({"X": ["Anna", "Bo"]}), init=init)


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"hidden_size": 8}, "has hidden size 32"),
        ({"architecture": "rnn"}, "rnn cannot|architecture gru"),
        ({"batch_size": 1}, "batch size of at least 2"),
    ],
)
def test_what_cannot_be_changed_is_wrong_usage(init, parts, says):
    with pytest.raises(UsageError, match=says):
        train(NEW, init=init, **parts)
    with pytest.raises(UsageError, match=says):
        train(NEW, training_config(**{"hidden_size": 32, "iterations": 64, **parts}), init=init)


@pytest.mark.parametrize(("recipe", "parts"), [("tutorial", {}), ("default", {"architecture": "rnn"})])
def test_a_network_that_cannot_be_added_to_is_wrong_usage(recipe, parts):
    config = training_config(recipe, iterations=1, hidden_size=4, **parts)
    for given in (None, config):
        with pytest.raises(UsageError, match="give a model of another recipe"):
            train(NEW, given, init=make_model(config))


def test_an_unfinished_model_cannot_be_added_to(init):
    with pytest.raises(UsageError, match="not finished"):
        train(NEW, init=dataclasses.replace(init, iterations=5))


@pytest.fixture
def elves(tmp_path):
    file = tmp_path / "Elvish.txt"
    file.write_text("".join(f"{name}\n" for name in NEW.names("Z")), encoding="utf-8")
    return file


def test_the_command_adds_the_categories_of_a_file_to_a_model(init, elves, cli, tmp_path):
    init.save(tmp_path / "base.safetensors")
    done = cli("train", "--init", tmp_path / "base.safetensors", "--data", elves, "-m", "mine", "--iters", 128)

    assert done.code == 0, done.err
    assert "namegen sample --model mine Elvish ABC" in done.err
    assert cli("categories", "-m", "mine").out.splitlines()[1:] == ["X\t300", "Y\t300", "Elvish\t40"]
    assert len(cli("sample", "-m", "mine", "Elvish", "EFG").out.split()) == 3
    assert load_model_file(tmp_path / "base.safetensors").categories == ("X", "Y")


@pytest.mark.parametrize(
    ("names", "iterations"), [(1, 2_500), (25, 2_500), (26, 2_600), (200, 20_000), (201, 20_000), (90_000, 20_000)]
)
def test_there_are_100_iterations_for_each_name_within_limits(init, names, iterations):
    assert fine_tuning_config(init, names).iterations == iterations
    assert fine_tuning_config(init, names, iterations=7).iterations == 7


def test_the_iterations_fit_the_list_and_a_resumed_run_keeps_them(init, elves, tmp_path):
    init.save(tmp_path / "base.safetensors")
    location = cached_location("mine")
    request = TrainingRequest(data=(str(elves),), init=str(tmp_path / "base.safetensors"))
    with claim_model(location):
        plan = fit_plan(plan_training(location, request), request, NEW)
        assert plan.config.iterations == 4_000
        with pytest.raises(TrainingStopped):
            run_plan(location, plan, NEW, stop=lambda: True)
        again = dataclasses.replace(request, resume=True)
        assert fit_plan(plan_training(location, again), again, MORE).config.iterations == 4_000
    own = dataclasses.replace(request, parts={"iterations": 64}, force=True)
    with claim_model(location):
        assert fit_plan(plan_training(location, own), own, NEW).config.iterations == 64


def test_without_a_network_to_add_to_the_iterations_do_not_depend_on_the_list(elves):
    location, request = cached_location("mine"), TrainingRequest(data=(str(elves),))
    with claim_model(location):
        plan = plan_training(location, request)
        assert fit_plan(plan, request, NEW) == plan


def test_the_progress_of_the_command_counts_up_to_the_iterations_of_the_list(init, cli, tmp_path):
    init.save(tmp_path / "base.safetensors")
    (tmp_path / "Elvish.txt").write_text("".join(f"{name}\n" for name in NEW.names("Z")[:30]), encoding="utf-8")
    done = cli("train", "--init", tmp_path / "base.safetensors", "--data", tmp_path / "Elvish.txt", "-m", "mine")

    assert done.code == 0, done.err
    assert "3,000" in done.err
    assert "20,000" not in done.err
    assert load_model_file(cached_location("mine").model).iterations == 3_000


def test_the_names_shown_are_of_one_new_category_after_the_other(init, cli, tmp_path):
    init.save(tmp_path / "base.safetensors")
    (tmp_path / "new").mkdir()
    for category, letters in {"Dwarvish": "xyz", "Elvish": "efgh", "Orcish": "qrst"}.items():
        listed = "".join(f"{name}\n" for name in random_names(letters, 30))
        (tmp_path / "new" / f"{category}.txt").write_text(listed, encoding="utf-8")
    line = ("train", "--init", tmp_path / "base.safetensors", "--data", tmp_path / "new", "--iters", 1_280)
    shown = [set(re.findall(r"\((\w+)\)", said)) for said in cli(*line).err.splitlines() if "ish)" in said]

    assert len(shown) > 6
    assert shown[:6] == [{"Dwarvish"}, {"Elvish"}, {"Orcish"}] * 2


def test_a_category_that_the_model_has_already_is_said_before_anything_else(init, cli, tmp_path):
    init.save(tmp_path / "base.safetensors")
    (tmp_path / "X.txt").write_text("abc\ncab\n", encoding="utf-8")
    refused = cli("train", "--init", tmp_path / "base.safetensors", "--data", tmp_path / "X.txt")
    assert refused.code == 2
    assert refused.err == (
        "Error: the model already has a category 'X'; rename the file or category of the new names\n"
    )


def test_a_recipe_beside_a_model_to_begin_with_is_wrong_usage(init, elves, cli, tmp_path):
    init.save(tmp_path / "base.safetensors")
    done = cli("train", "--init", tmp_path / "base.safetensors", "--data", elves, "--recipe", "best")

    assert done.code == 2
    assert "--init and --recipe" in done.err
    assert cli("train", "--init", "nothing", "--data", elves).code == 1


def test_resuming_needs_the_model_again_and_the_command_says_so(init, elves, tmp_path):
    init.save(tmp_path / "base.safetensors")
    other = dataclasses.replace(init, weights={name: -weight for name, weight in init.weights.items()})
    other.save(tmp_path / "other.safetensors")
    base, location = str(tmp_path / "base.safetensors"), cached_location("mine")

    def plan(**request):
        return plan_training(location, TrainingRequest(data=(str(elves),), **request))

    with claim_model(location):
        with pytest.raises(TrainingStopped):
            run_plan(location, plan(init=base, parts={"iterations": 320}), NEW, stop=lambda: True)
        with pytest.raises(UsageError, match="give the same --init"):
            run_plan(location, plan(init=str(tmp_path / "other.safetensors"), resume=True), NEW)
        with pytest.raises(UsageError, match="give that model with --init"):
            plan(resume=True)
        assert run_plan(location, plan(init=base, resume=True), NEW).finished
        with pytest.raises(RunError):
            plan(init=base, resume=True)
    assert command_to_resume(location, TrainingRequest(data=("Elvish.txt",), init="base")) == (
        "namegen train --model mine --init base --resume"
    )


def test_a_mask_of_letters_is_extended_and_closed_categories_are_kept(init, tmp_path):
    closed = {"K": ClosedNames(("Kim", "Park"), np.array([2, 1], np.float32))}
    masked = dataclasses.replace(init, letters=find_letters(OLD), closed=closed)
    train(NEW, init=masked, iterations=64).save(tmp_path / "extended.safetensors")
    model = load_model_file(tmp_path / "extended.safetensors")
    np.testing.assert_array_equal(model.letters[:2], masked.letters)
    letters = {letter for letter, has in zip(model.alphabet.letters, model.letters[2], strict=True) if has}
    assert letters == {case for name in NEW.names("Z") for letter in name for case in (letter.lower(), letter.upper())}
    assert set("".join(sample(model, "Z", count=30, seed=1))) <= letters
    assert set(sample(model, "K", count=30, seed=1)) == {"Kim", "Park"}
    with pytest.raises(UsageError, match="already has a category 'K'"):
        train(Dataset.from_names({"K": ["A"]}), init=masked, iterations=64)


ACCENTED = Dataset.from_names(
    {"Z": [name.replace("e", "é").replace("G", "Ĝ") for name in NEW.names("Z")]}, alphabet="unicode"
)
GREEK = Dataset.from_names({"Γ": ["Αντώνης", "Γιώργος", "Νίκος", "Κώστας"] * 5}, alphabet="unicode")


@pytest.fixture(scope="module")
def accented(init):
    return train(ACCENTED, init=init)


def test_new_letters_are_learned_and_only_the_new_category_uses_them(init, accented, tmp_path):
    accented.save(tmp_path / "accented.safetensors")
    model = load_model_file(tmp_path / "accented.safetensors")
    assert model.alphabet.letters == (*init.alphabet.letters, *sorted(set(ACCENTED.alphabet.letters) & set("éĜ")))
    assert model.added_letters == 2
    names = sample(model, "Z", count=300, seed=1)
    share = sum("é" in name for name in names) / 300
    assert share == pytest.approx(sum("é" in name for name in ACCENTED.names("Z")) / 40, abs=0.25)
    for category in "XY":
        assert "".join(sample(model, category, count=300, seed=1)).isascii()
    loss = likelihood(model, OLD.fit_alphabet(model.alphabet)).macro
    assert loss < likelihood(init, OLD).macro + 0.05


def test_the_categories_of_a_model_keep_their_names_and_probabilities_when_letters_are_added(init):
    dataset = extend_dataset(init, ACCENTED)
    model = extend_letters(init, dataset.alphabet)
    for category in (0, 1):
        old, new = (build_steppers(restrict(base, category))(category) for base in (init, model))
        read = np.array([len(init.alphabet)])
        np.testing.assert_array_equal(old.step(read, old.start())[0], new.step(read, new.start())[0])
    for category in ("X", "Y", "X+Y", None):
        assert sample(model, category, count=50, seed=1) == sample(init, category, count=50, seed=1)


@pytest.mark.parametrize(("letter", "like"), [("é", "e"), ("Ĝ", "G"), ("ø", "o"), ("Ж", "Z"), ("ß", "s")])
def test_a_new_letter_begins_as_the_closest_letter(init, letter, like):
    dataset = Dataset.from_names({"Z": ["Ab" + letter]}, alphabet="unicode").fit_alphabet(init.alphabet)
    model = extend_letters(init, dataset.alphabet)
    new, old = model.alphabet.letters.index(letter), model.alphabet.letters.index(like)
    for name, axis in (("letter_input.weight", 0), ("head.weight", 0), ("head.bias", 0), ("category_output.weight", 1)):
        weight = model.weights[name]
        np.testing.assert_array_equal(weight.take(new, axis), weight.take(old, axis))


def test_a_letter_that_the_model_has_in_the_other_case_only_is_learned(init):
    base = train(
        Dataset.from_names({"A": ["Jörg", "Björn", "Köhler"]}, alphabet="unicode"),
        hidden_size=8, iterations=200, validation=0.0,
    )  # fmt: skip
    dataset = Dataset.from_names({"B": ["Öberg"], "C": ["ÖHMAN"], "D": ["örn"]}, alphabet="unicode")
    extended = extend_dataset(base, dataset)
    assert [extended.names(category) for category in "BCD"] == [["Öberg"], ["Öhman"], ["Örn"]]


def test_guidance_does_not_exaggerate_new_letters(accented):
    names = {guidance: sample(accented, "Z", count=400, seed=1, guidance=guidance, floor=0) for guidance in (0, 0.4)}
    shares = [sum("é" in name or "Ĝ" in name for name in listed) / 400 for listed in names.values()]
    assert shares[1] == pytest.approx(shares[0], abs=0.12)


def test_a_blend_with_a_category_without_the_new_letters_uses_them_less(accented):
    own, blend = (sample(accented, category, count=400, seed=1, floor=0) for category in ("Z", "Y+Z"))
    assert 0 < "".join(blend).count("é") < "".join(own).count("é")


def test_names_in_another_script_have_none_of_the_models_letters(init):
    model = train(GREEK, init=init, iterations=640)
    assert not set("".join(sample(model, "Γ", count=50, seed=1))) & set(init.alphabet.letters)


def test_letters_are_added_to_an_extended_model_again(init, accented):
    model = train(GREEK, init=accented, iterations=64)
    assert model.added_letters == len(model.alphabet) - len(init.alphabet)
    assert model.categories == ("X", "Y", "Z", "Γ")
    assert "".join(sample(model, "X", count=50, seed=1)).isascii()


@pytest.mark.parametrize("at", [100, 2000])
def test_a_resumed_run_with_new_letters_gives_the_uninterrupted_model(init, accented, tmp_path, at):
    checkpoint = tmp_path / "run"
    stops = iter([False] * (at // 64) + [True])
    with pytest.raises(TrainingStopped):
        train(ACCENTED, init=init, checkpoint=checkpoint, stop=lambda: next(stops))
    model = train(ACCENTED, init=init, checkpoint=checkpoint, resume=True)
    for name, weight in accented.weights.items():
        np.testing.assert_array_equal(model.weights[name], weight)


@pytest.mark.parametrize(("alphabet", "letters"), [(None, {"É"}), ("unicode", {"É"}), ("ascii", set())])
def test_the_command_resumes_a_run_with_new_letters_or_without(init, cli, tmp_path, alphabet, letters):
    init.save(cached_location("base").model)
    file, run = tmp_path / "Z.txt", cached_location("mine")
    file.write_text("\n".join(name.replace("E", "É") for name in NEW.names("Z")), encoding="utf-8")
    request = TrainingRequest({"iterations": 640}, init="base", data=(str(file),), alphabet=alphabet)
    stops = iter([False, False, True])
    with claim_model(run):
        plan = plan_training(run, request)
        with pytest.raises(TrainingStopped):
            run_plan(run, plan, load_dataset(file, alphabet=plan.alphabet), stop=lambda: next(stops))

    line = ("train", "--init", "base", "--data", file, "--model", "mine", "--resume")
    other = cli(*line, "--alphabet", "ascii" if letters else "unicode")
    assert other.is_error(2)
    assert "leave out --alphabet" in other.err
    done = cli(*line)
    assert done.code == 0, done.err
    assert set(load_model_file(run.model).alphabet.letters) - set(init.alphabet.letters) == letters


def test_weights_change_what_is_trained_and_a_resumed_run_is_the_same(tmp_path):
    names = ["abc", "abd", "xyz"] * 10
    weighted = Dataset.from_names({"A": names}, weights={"A": [1, 1, 50] * 10})
    settings = {"hidden_size": 16, "iterations": 3_200, "validation": 0.0}
    model = train(weighted, **settings)
    assert model.fingerprint != train(Dataset.from_names({"A": names}), **settings).fingerprint
    drawn = sample(model, "A", count=300, seed=1, temperature=1, top_p=1.0, floor=0, guidance=0)
    assert sum(name == "xyz" for name in drawn) > 240

    stops = iter([False] * 20 + [True])
    with pytest.raises(TrainingStopped):
        train(weighted, **settings, checkpoint=tmp_path / "run", stop=lambda: next(stops))
    resumed = train(weighted, **settings, checkpoint=tmp_path / "run", resume=True)
    for name, weight in model.weights.items():
        np.testing.assert_array_equal(resumed.weights[name], weight)
    with pytest.raises(TrainingStopped):
        train(weighted, **settings, checkpoint=tmp_path / "run", stop=lambda: True)
    with pytest.raises(UsageError, match="other names"):
        train(Dataset.from_names({"A": names}), **settings, checkpoint=tmp_path / "run", resume=True)

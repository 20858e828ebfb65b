"""Training runs as a whole: what they report and save, and the model they end in."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch

from namegen.config import Distillation, fit_to_data
from namegen.datasets.dataset import Dataset
from namegen.datasets.open import open_dataset
from namegen.errors import (
    DataError,
    DivergedError,
    ModelFileError,
    NamegenError,
    RunError,
    TrainingStopped,
    UsageError,
)
from namegen.evaluation.likelihood import likelihood
from namegen.models import networks
from namegen.models.model import Checkpoint
from namegen.models.serialization import load_checkpoint, load_model_file
from namegen.recipes import training_config
from namegen.sampling.generate import sample
from namegen.training import optimize, stage
from namegen.training.batches import build_batch
from namegen.training.train import train

RNG = np.random.default_rng(0)
NAMES = Dataset.from_names(
    {
        category: {"".join(RNG.choice(list(letters), size=RNG.integers(2, 8))) for _ in range(150)}
        for category, letters in {"X": "abcdef", "Y": "defghij"}.items()
    }
)
TINY = {"hidden_size": 4, "iterations": 480, "batch_size": 16}
SMALL = training_config(hidden_size=4, iterations=1_000, batch_size=16, save_every=200)
CONFIGS = {
    "default": training_config(**TINY, save_every=100),
    "rnn": training_config(**TINY, architecture="rnn", validation=0.0),
    "tutorial": training_config("tutorial", iterations=2_100, hidden_size=4, save_every=350),
    "best": training_config("best", **TINY, save_every=130, distillation=Distillation(hidden_size=6)),
}


def save(model, path):
    model.save(path)
    return path.read_bytes()


def stop_at(iterations, checkpoint, config=None, names=NAMES, **how):
    """Train until a number of iterations is reached, and stop; return the iterations that were reached."""
    reached = [0]
    with pytest.raises(TrainingStopped):
        train(
            names,
            config,
            checkpoint=checkpoint,
            report=lambda progress: reached.append(progress.iteration),
            stop=lambda: reached[-1] >= iterations,
            **how,
        )
    return reached[-1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the file of the model of an uninterrupted run, by the name of its configuration."""
    folder, files = tmp_path_factory.mktemp("whole"), {}

    def get(kind):
        if kind not in files:
            files[kind] = save(train(NAMES, CONFIGS[kind]), folder / "model")
        return files[kind]

    return get


# The same bytes


@pytest.mark.parametrize("kind", CONFIGS)
def test_the_same_training_gives_the_same_file_and_another_seed_another(kind, whole, tmp_path):
    assert save(train(NAMES, CONFIGS[kind]), tmp_path / "again") == whole(kind)
    assert save(train(NAMES, CONFIGS[kind], seed=2), tmp_path / "other") != whole(kind)


@pytest.mark.parametrize(
    ("kind", "stops"),
    [
        ("default", [1, 200]),
        ("rnn", [300]),
        ("tutorial", [1, 1_000]),  # the second time after 2,000, where a point of the history waits for the end
        *(("best", [iterations]) for iterations in (50, 104, 200, 330)),  # in teachers, and later
    ],
)
def test_an_interrupted_run_gives_byte_for_byte_the_uninterrupted_model(kind, stops, whole, tmp_path):
    checkpoint = tmp_path / "run"
    for number, iterations in enumerate(stops):
        stop_at(iterations, checkpoint, None if number else CONFIGS[kind], resume=number > 0)
        assert len(sample(load_model_file(checkpoint), "X", count=3)) == 3

    assert save(train(NAMES, checkpoint=str(checkpoint), resume=True), tmp_path / "resumed") == whole(kind)


def test_a_run_can_be_resumed_from_a_periodic_save(whole, tmp_path):
    checkpoint, early = tmp_path / "run", tmp_path / "early"

    def copy(_progress):
        if checkpoint.exists() and not early.exists():
            early.write_bytes(checkpoint.read_bytes())

    assert save(train(NAMES, CONFIGS["default"], checkpoint=checkpoint, report=copy), tmp_path / "m") == whole(
        "default"
    )
    assert load_checkpoint(early).model.iterations == 112
    assert save(train(NAMES, checkpoint=early, resume=True), tmp_path / "resumed") == whole("default")


def test_saving_more_often_does_not_change_the_weights():
    config = CONFIGS["tutorial"]
    often, seldom = (train(NAMES, config, save_every=every).weights for every in (130, 5_000))
    assert all(np.array_equal(weight, seldom[name]) for name, weight in often.items())


def test_training_leaves_torchs_thread_count_and_generator_as_they_were():
    threads = torch.get_num_threads()
    torch.manual_seed(11)
    before = torch.get_rng_state()
    train(NAMES, SMALL, iterations=32, threads=threads + 1)

    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), before)


# The loss history


@pytest.fixture
def counted_losses(monkeypatch):
    """The loss of the tutorial's n-th name is n / 1000."""
    given = iter(range(10_000))
    monkeypatch.setattr(
        optimize.TutorialLearner,
        "learn",
        lambda _self, names, _start: torch.tensor([next(given) / 1000 for _ in names], dtype=torch.float64),
    )


@pytest.mark.parametrize(
    ("iterations", "points"), [(200, [200]), (749, [749]), (750, [500, 750]), (1_249, [500, 1_249])]
)
def test_a_point_of_the_history_is_the_mean_of_half_an_interval_of_names_at_least(counted_losses, iterations, points):
    progress = []
    config = training_config("tutorial", iterations=iterations, hidden_size=2, save_every=130)
    history = train(NAMES, config, report=progress.append).history

    assert history.iterations.tolist() == points
    means = [np.mean(range(*part)) / 1000 for part in zip([0, *points], points, strict=False)]
    assert history.training.tolist() == pytest.approx(means)
    assert len(history.validation) == 0
    assert progress[-1].loss == history.training[-1]


def test_the_model_has_the_weights_with_the_lowest_validation_loss(monkeypatch):
    seen = []

    def loss(_self, weights):
        seen.append(weights)
        return 1.0 if len(seen) == 2 else 2.0

    monkeypatch.setattr(stage.Validation, "loss", loss)
    model = train(NAMES, CONFIGS["default"])

    assert len(seen) > 2
    assert all(np.array_equal(model.weights[name], weight) for name, weight in seen[1].items())
    assert model.history.best_validation == 1.0
    assert model.weights_after == model.history.best_iteration == model.history.validation_iterations[1]


def test_the_validation_loss_is_the_mean_of_the_held_out_names():
    # With one category: the mean over the names of their mean letter losses, from the second letter on.
    names = Dataset.from_names({"X": [f"{a}{b}{c}" for a in "abcdefg" for b in "abcdefg" for c in ("", "x", "yz")]})
    config = training_config(hidden_size=4, iterations=16, batch_size=16, learning_rate=1e-9, validation=0.3)
    model = train(names, config)
    _, held_out = names.split(0.3)
    network = networks.build_network(config, 1, 59).eval()
    means = []
    with torch.no_grad():
        for index in range(len(held_out)):
            batch = build_batch(held_out, np.array([index]), sos=True)
            scores = network(torch.from_numpy(batch.category), torch.from_numpy(batch.inputs))[0].log_softmax(-1)
            targets = torch.from_numpy(batch.targets).unsqueeze(-1)
            means.append(-float(scores.gather(-1, targets)[0, 1:].mean()))

    assert model.history.validation[0] == pytest.approx(np.mean(means), rel=1e-4)


def test_training_lowers_the_loss_on_held_out_names():
    history = train(NAMES, SMALL, hidden_size=8, iterations=3_000, learning_rate=0.02).history

    assert history.validation[-1] < history.validation[0] - 0.1
    assert history.validation[-1] < 2.4  # a guess among ten letters and EOS costs log(11) = 2.40


@pytest.mark.slow
def test_the_starter_names_train_to_a_model_that_tells_languages_apart():
    dataset = open_dataset("starter")
    model = train(dataset, iterations=12_000, hidden_size=64)
    italian = dataset.names("Italian")
    losses = {c: likelihood(model, Dataset.from_names({c: italian})).micro for c in ("Italian", "German", "Polish")}

    assert losses["Italian"] < math.log(27) - 0.5  # a guess among the lower-case letters and EOS
    assert losses["Italian"] + 0.1 < min(losses["German"], losses["Polish"])


@pytest.mark.slow
def test_the_tutorials_losses_are_the_published_ones(data_dir):
    # Its own figures: the means of the first four 5,000s are about 3.21, 2.87, 2.75 and 2.65.
    from namegen.datasets.readers import load_dataset

    names = load_dataset(data_dir / "surnames", keep_repeats=True)
    losses = train(names, training_config("tutorial", iterations=20_000)).history.training

    assert losses.reshape(4, 10).mean(axis=1) == pytest.approx([3.21, 2.87, 2.75, 2.65], rel=0.03)


# What the model and the progress say


def test_a_run_with_teachers_trains_each_from_other_weights_and_says_which():
    stages, models = [], {}

    def report(progress):
        if progress.stage not in stages:
            stages.append(progress.stage)
            models[progress.stage] = progress.model()

    config = dataclasses.replace(CONFIGS["best"], distillation=Distillation(hidden_size=4))
    model = train(NAMES, config, report=report)

    assert stages == ["teacher 1 of 2", "teacher 2 of 2", "taught"]
    assert [part.iterations for part in config.stages] == [120, 120, 240]
    weights = [each.weights["recurrent.weight"] for each in models.values()]
    assert not any(np.array_equal(one, other) for one, other in itertools.combinations(weights, 2))
    assert model.history.iterations[0] > 240
    assert model.history.iterations[-1] == model.iterations == 480


def test_held_out_names_are_known_but_not_counted_as_training_names(tmp_path):
    config = dataclasses.replace(CONFIGS["default"], iterations=64, validation=0.5)
    training, held_out = NAMES.split(0.5)
    model = train(NAMES, config)
    model.save(tmp_path / "model")
    stop_at(16, tmp_path / "run", config)
    resumed = train(NAMES, checkpoint=tmp_path / "run", resume=True)

    for each in (model, load_model_file(tmp_path / "model"), resumed):
        assert each.counts.sum() == len(training) == len(NAMES) - len(held_out)
        np.testing.assert_array_equal(each.name_hashes, np.unique(training.hashes))
        np.testing.assert_array_equal(each.held_out_hashes, np.unique(held_out.hashes))


def test_progress_gives_the_model_so_far():
    seen = []
    train(NAMES, SMALL, iterations=64, report=lambda progress: seen.append((progress, progress.model())))
    progress, model = seen[1]

    assert (progress.iteration, progress.iterations) == (32, 64)
    assert (model.iterations, model.finished, model.weights_after) == (32, False, 32)
    assert np.isfinite(progress.last_loss())


@pytest.mark.parametrize(
    "names", [{"X": ["Ann", "Bo", "Cy", "Di", "Ed"]}, {"X": ["A"]}, {"X": ["A"], "Y": ["Bartholomew"]}], ids=len
)
@pytest.mark.parametrize("recipe", ["default", "tutorial"])
def test_a_few_names_are_enough(names, recipe):
    model = train(Dataset.from_names(names), training_config(recipe, iterations=70, hidden_size=4))

    assert model.finished
    assert len(model.history.validation) == 0
    assert np.isfinite(model.history.training).all()


def test_the_number_of_threads_is_recorded_and_used_again(tmp_path):
    stop_at(16, tmp_path / "run", SMALL, threads=3)

    assert train(NAMES, checkpoint=tmp_path / "run", resume=True).threads == 3


# Errors


def test_a_category_without_names_is_an_error_that_names_it():
    with pytest.raises(DataError, match="'Y' has no names"):
        train(NAMES.select(NAMES.category_of == 0), SMALL)


def test_a_run_that_cannot_start_leaves_the_unfinished_one(tmp_path):
    stop_at(16, tmp_path / "run", SMALL)
    before = (tmp_path / "run").read_bytes()
    with pytest.raises(UsageError):
        train(NAMES, SMALL, checkpoint=tmp_path / "run", threads=0)

    assert (tmp_path / "run").read_bytes() == before


@pytest.mark.parametrize("parts", [{"learning_rate": 0.5}, {"hidden_size": 9}, {"config": training_config()}])
def test_resuming_with_another_configuration_is_an_error(parts, tmp_path):
    stop_at(16, tmp_path / "run", SMALL)
    with pytest.raises(UsageError, match=r"the run began with .*, not "):
        train(NAMES, checkpoint=tmp_path / "run", resume=True, **parts)


def test_resuming_with_other_names_or_without_a_checkpoint_is_an_error(tmp_path):
    stop_at(16, tmp_path / "run", SMALL)
    with pytest.raises(UsageError, match="began with other names"):
        train(Dataset.from_names({"Z": ["Zoe"]}), checkpoint=tmp_path / "run", resume=True)
    with pytest.raises(UsageError, match="resume needs a checkpoint"):
        train(NAMES, resume=True)


@pytest.mark.parametrize("kind", ["default", "tutorial"])
def test_a_checkpoint_whose_state_is_damaged_anywhere_is_one_clear_error(kind, tmp_path):
    stop_at(16, tmp_path / "run", CONFIGS[kind])
    checkpoint = load_checkpoint(tmp_path / "run")
    cases = itertools.cycle([None, lambda a: np.zeros((3, 1, 2)), lambda a: a * np.nan, lambda a: a.astype(np.int64)])
    for (name, array), damage in zip(checkpoint.state.items(), cases, strict=False):
        if array.size:
            state = {key: value for key, value in checkpoint.state.items() if key != name}
            Checkpoint(checkpoint.model, state | ({name: damage(array)} if damage else {})).save(tmp_path / "damaged")
            with pytest.raises(ModelFileError, match="the checkpoint is damaged"):
                train(NAMES, checkpoint=tmp_path / "damaged", resume=True)


def test_a_checkpoint_that_lacks_huge_teachers_is_an_error_before_any_network_is_made(tmp_path, monkeypatch):
    config = training_config("best", hidden_size=4, iterations=100, distillation=Distillation(hidden_size=4096))
    config = fit_to_data(config, NAMES.counts.tolist())
    taught = train(NAMES, dataclasses.replace(config, distillation=None))
    taught = dataclasses.replace(taught, training=config, iterations=99)
    Checkpoint(taught, {"losses": np.zeros(0)}).save(tmp_path / "run")
    monkeypatch.setattr(networks, "build_network", lambda *_: pytest.fail("a network of 4,096 units was made"))

    with pytest.raises(ModelFileError, match="the checkpoint is damaged"):
        train(NAMES, checkpoint=tmp_path / "run", resume=True)


# Saves that fail, and trainings that diverge


@pytest.fixture
def disk(monkeypatch):
    """A set that is empty while there is room on the disk."""
    full, save_checkpoint = set(), Checkpoint.save

    def save_if_there_is_room(checkpoint, path):
        if full:
            raise NamegenError(f"cannot write {path}: No space left on device")
        save_checkpoint(checkpoint, path)

    monkeypatch.setattr(Checkpoint, "save", save_if_there_is_room)
    return full


def test_a_periodic_save_that_fails_is_reported_and_tried_again(disk, tmp_path):
    seen = {}

    def report(progress):
        seen[progress.iteration] = progress.unsaved
        if progress.iteration >= 500:
            disk.clear()

    disk.add("full")
    model = train(NAMES, SMALL, checkpoint=tmp_path / "run", report=report)

    assert model.finished
    failing = [iteration for iteration, unsaved in seen.items() if unsaved]
    assert (failing[0], failing[-1]) == (208, 592)  # saves are due after 200 and 600, and batches are of 16
    assert "No space left on device" in seen[208]
    assert load_checkpoint(tmp_path / "run").model.iterations == 800


@pytest.mark.parametrize(("full_from", "kept"), [(0, "nothing is saved"), (300, "use --resume to continue after 208")])
def test_a_run_that_is_stopped_and_cannot_be_saved_says_what_is_saved(disk, tmp_path, full_from, kept):
    reached = [0]

    def report(progress):
        reached.append(progress.iteration)
        if progress.iteration >= full_from:
            disk.add("full")

    with pytest.raises(RunError, match=f"stopped after 512 iterations, but cannot write .*{kept}"):
        train(NAMES, SMALL, checkpoint=tmp_path / "run", report=report, stop=lambda: reached[-1] >= 490)


@pytest.fixture
def diverge(monkeypatch):
    """Makes a training diverge in some way after a number of names."""
    learn = optimize.AutogradLearner.learn

    def arrange(after, *, loss=None, weight=None, moment=None):
        def broken(self, names, start):
            losses = learn(self, names, start)
            if start + len(names) > after:
                with torch.no_grad():
                    if weight is not None:
                        self._tensors["parameter"][0][0, 0] = weight
                        self._tensors["average"][0][0, 0] = weight
                    if moment is not None:
                        self._tensors["optimiser.exp_avg_sq"][0][0, 0] = moment
                if loss is not None:
                    losses = losses * 0 + loss
            return losses

        monkeypatch.setattr(optimize.AutogradLearner, "learn", broken)

    return arrange


@pytest.mark.parametrize("how", [{"loss": -math.inf}, {"weight": math.nan}, {"moment": math.inf}], ids=str)
def test_a_save_of_what_has_diverged_does_not_replace_a_good_one(diverge, tmp_path, how):
    diverge(390, **how)  # the next point of the history is due after 500 names, the next save after 400
    config = dataclasses.replace(SMALL, history_every=500, validation=0.0)
    with pytest.raises(DivergedError, match="lower --learning-rate than"):
        train(NAMES, config, checkpoint=tmp_path / "run")

    kept = load_checkpoint(tmp_path / "run").model
    assert kept.iterations == 208
    assert len(sample(kept, "X", count=3)) == 3


@pytest.mark.parametrize(("validation", "how"), [(0.0, {}), (0.1, {"loss": math.nan})])  # 0.1: has earlier weights
def test_a_run_that_has_diverged_does_not_end_in_a_model(diverge, validation, how):
    diverge(470, weight=math.nan, **how)
    with pytest.raises(DivergedError, match="after 480 iterations"):
        train(NAMES, CONFIGS["default"], validation=validation)


def test_a_diverging_training_says_what_to_lower():
    with pytest.raises(DivergedError, match="lower --learning-rate than 50"):
        train(NAMES, training_config("tutorial", iterations=600, learning_rate=50.0))

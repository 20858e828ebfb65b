"""Training runs as a whole: what they report, save, and end in."""

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
    DeviceError,
    DivergedError,
    ModelFileError,
    NamegenError,
    RunError,
    TrainingStopped,
    UsageError,
)
from namegen.evaluation.metrics import likelihood
from namegen.models.devices import find_device
from namegen.models.serialization import load_checkpoint, load_model_file
from namegen.paths import STARTER_DIR
from namegen.recipes import training_config
from namegen.sampling.generate import sample
from namegen.training.resources import default_threads
from namegen.training.train import train

RNG = np.random.default_rng(0)
NAMES = Dataset.from_names(
    {
        category: {"".join(RNG.choice(list(letters), size=RNG.integers(2, 8))) for _ in range(150)}
        for category, letters in {"X": "abcdef", "Y": "defghij"}.items()
    }
)
SMALL = training_config(hidden_size=8, iterations=1_000, batch_size=16, save_every=200)
DTYPES = {
    "default": SMALL,
    "rnn": training_config(hidden_size=8, iterations=1_000, batch_size=16, architecture="rnn"),
    "tutorial": training_config("tutorial", iterations=5_000, hidden_size=8, save_every=350),
    "best": training_config(
        "best", hidden_size=8, iterations=1_000, batch_size=16, save_every=130, distillation=Distillation(hidden_size=6)
    ),
    "without validation": training_config(hidden_size=8, iterations=1_000, batch_size=16, validation=0.0),
}


def saved(model, path):
    model.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("kind", DTYPES)
def test_the_same_training_twice_gives_the_same_file(kind, tmp_path):
    assert saved(train(NAMES, DTYPES[kind]), tmp_path / "a") == saved(train(NAMES, DTYPES[kind]), tmp_path / "b")


def test_another_seed_gives_another_model(tmp_path):
    assert saved(train(NAMES, SMALL), tmp_path / "a") != saved(train(NAMES, SMALL, seed=2), tmp_path / "b")


@pytest.mark.parametrize("kind", DTYPES)
def test_a_run_interrupted_anywhere_and_resumed_gives_byte_for_byte_the_uninterrupted_model(kind, tmp_path):
    config = DTYPES[kind]
    expected = saved(train(NAMES, config), tmp_path / "whole")
    for stop_after in ([1], [3, 2], [2, 1, 4]):  # the reports after which it is stopped, one run after the other
        checkpoint = tmp_path / "run"
        checkpoint.unlink(missing_ok=True)
        for reports in stop_after:
            left = iter(range(reports))
            with pytest.raises(TrainingStopped):
                train(
                    NAMES,
                    None if checkpoint.exists() else config,
                    checkpoint=checkpoint,
                    resume=checkpoint.exists(),
                    stop=lambda left=left: next(left, None) is None,
                )
        resumed = train(NAMES, checkpoint=str(checkpoint), resume=True)

        assert saved(resumed, tmp_path / "resumed") == expected


@pytest.mark.parametrize(
    "iterations", [100, 250, 300, 499, 500, 700]
)  # in either teacher, at their ends, and past them
def test_a_run_with_teachers_goes_on_exactly_from_any_stage(iterations, tmp_path):
    config = training_config(
        "best", hidden_size=8, iterations=1_000, batch_size=16, validation=0.2, distillation=Distillation(hidden_size=6)
    )
    expected = saved(train(NAMES, config), tmp_path / "whole")
    reached = [0]
    with pytest.raises(TrainingStopped):
        train(
            NAMES,
            config,
            checkpoint=tmp_path / "run",
            report=lambda progress: reached.append(progress.iteration),
            stop=lambda: reached[-1] >= iterations,
        )
    so_far = load_model_file(tmp_path / "run")
    resumed = train(NAMES, checkpoint=tmp_path / "run", resume=True)

    assert so_far.iterations >= iterations
    assert so_far.weights["recurrent.bias"].shape == (18 if so_far.iterations < 500 else 24,)
    assert len(sample(so_far, "X", count=3)) == 3
    assert saved(resumed, tmp_path / "resumed") == expected


def test_a_checkpoint_that_claims_huge_teachers_and_has_none_is_an_error_before_any_network_is_made(
    tmp_path, monkeypatch
):
    from dataclasses import replace

    from namegen.models import networks
    from namegen.models.model import Checkpoint

    config = training_config("best", hidden_size=8, iterations=100, distillation=Distillation(hidden_size=4096))
    config = fit_to_data(config, NAMES.counts.tolist())
    taught = replace(train(NAMES, replace(config, distillation=None)), training=config, iterations=99)
    Checkpoint(taught, {"losses": np.zeros(0)}).save(tmp_path / "run")

    def never(*_):
        raise AssertionError("a network of 4,096 units was made")

    monkeypatch.setattr(networks, "build_network", never)
    with pytest.raises(ModelFileError, match="the checkpoint is damaged"):
        train(NAMES, checkpoint=tmp_path / "run", resume=True)


def test_a_run_with_teachers_trains_each_from_another_start_and_says_what_it_is_at():
    config = training_config(
        "best", hidden_size=8, iterations=1_000, batch_size=16, distillation=Distillation(hidden_size=8)
    )
    stages, models = [], {}

    def report(progress):
        if progress.stage not in stages:
            stages.append(progress.stage)
            models[progress.stage] = progress.model()

    model = train(NAMES, config, report=report)

    assert stages == ["teacher 1 of 2", "teacher 2 of 2", "taught"]
    assert [stage.iterations for stage in config.stages] == [250, 250, 500]
    weights = [made.weights["recurrent.weight"] for made in models.values()]
    assert not any(np.array_equal(one, other) for one, other in itertools.combinations(weights, 2))
    assert model.history.iterations[0] > 500
    assert model.history.iterations[-1] == model.iterations == 1_000


def test_a_run_stopped_where_a_point_of_the_history_waits_for_the_end_goes_on_exactly(tmp_path):
    config = training_config("tutorial", iterations=1_100, hidden_size=8)
    expected = saved(train(NAMES, config), tmp_path / "whole")
    reached = []
    with pytest.raises(TrainingStopped, match="after 1,000 of"):
        train(
            NAMES,
            config,
            checkpoint=tmp_path / "run",
            report=lambda progress: reached.append(progress.iteration),
            stop=lambda: len(reached) == 1,
        )
    resumed = train(NAMES, checkpoint=tmp_path / "run", resume=True)

    assert resumed.history.iterations.tolist() == [500, 1_100]
    assert saved(resumed, tmp_path / "resumed") == expected


def test_a_run_can_go_on_from_a_periodic_save_too(tmp_path):
    checkpoint, seen = tmp_path / "run", []

    def copy(progress):
        if checkpoint.exists() and not seen:
            seen.append(progress.iteration)
            (tmp_path / "early").write_bytes(checkpoint.read_bytes())

    expected = saved(train(NAMES, SMALL, checkpoint=checkpoint, report=copy), tmp_path / "whole")
    resumed = train(NAMES, checkpoint=tmp_path / "early", resume=True)

    assert 200 <= seen[0] < 216
    assert saved(resumed, tmp_path / "resumed") == expected


def test_history_points_of_the_tutorial_are_means_over_500_names_mean_losses():
    losses = []
    model = train(
        NAMES,
        training_config("tutorial", iterations=1_250, hidden_size=8),
        report=lambda progress: losses.append((progress.iteration, progress.loss)),
    )

    assert model.history.iterations.tolist() == [500, 1000, 1250]
    assert [loss for _, loss in losses] == model.history.training.tolist()
    assert len(model.history.validation) == 0


@pytest.mark.parametrize(
    ("iterations", "points"),
    [
        (200, [200]),
        (500, [500]),
        (749, [749]),
        (750, [500, 750]),
        (1_000, [500, 1_000]),
        (1_001, [500, 1_001]),
        (1_249, [500, 1_249]),
    ],
)
def test_no_point_of_the_history_is_the_mean_of_a_few_names_left_over(monkeypatch, iterations, points):
    from namegen.training import optimize as learners

    given = iter(range(10_000))
    monkeypatch.setattr(
        learners.TutorialLearner,
        "learn",
        lambda _self, names, _start: torch.tensor([next(given) / 1000 for _ in names], dtype=torch.float64),
    )
    history = train(NAMES, training_config("tutorial", iterations=iterations, hidden_size=2)).history

    assert history.iterations.tolist() == points
    means = [np.mean(range(*part)) / 1000 for part in zip([0, *points], points, strict=False)]
    assert history.training.tolist() == pytest.approx(means)


@pytest.mark.parametrize("iterations", [640, 1_000, 5_000, 20_000])
def test_points_of_the_default_history_are_means_of_half_an_interval_at_least(monkeypatch, iterations):
    from namegen.training import optimize as learners

    monkeypatch.setattr(learners.AutogradLearner, "learn", lambda _self, names, _start: torch.zeros(len(names)))
    config = training_config(iterations=iterations, hidden_size=2, validation=0.0)
    points = train(NAMES, config).history.iterations

    assert points[-1] == iterations
    assert np.diff(points, prepend=0).min() >= config.history_interval / 2


def test_a_history_point_is_the_mean_of_the_losses_since_the_one_before(monkeypatch):
    from namegen.training import optimize as learners

    given = iter(range(10_000))
    monkeypatch.setattr(
        learners.TutorialLearner,
        "learn",
        lambda _self, names, _start: torch.tensor([next(given) / 1000 for _ in names], dtype=torch.float64),
    )
    model = train(NAMES, training_config("tutorial", iterations=1_000, hidden_size=2, save_every=130))

    assert model.history.training.tolist() == pytest.approx([249.5 / 1000, 749.5 / 1000])


def test_the_model_has_the_weights_with_the_lowest_validation_loss(monkeypatch):
    from namegen.training import trainer as validation

    seen = []

    def loss(_self, weights):
        seen.append(weights)
        return {2: 1.0}.get(len(seen), 2.0)

    monkeypatch.setattr(validation.Validation, "loss", loss)
    model = train(NAMES, SMALL)

    assert len(seen) > 3
    assert all(np.array_equal(model.weights[name], weight) for name, weight in seen[1].items())
    assert model.history.best_validation == 1.0
    assert model.weights_after == model.history.best_iteration == model.history.validation_iterations[1]


def test_training_lowers_the_loss_on_names_it_never_saw():
    model = train(NAMES, SMALL, iterations=4_000, learning_rate=0.02)

    assert model.history.validation[-1] < model.history.validation[0] - 0.1
    assert model.history.validation[-1] < 2.4  # a guess among ten letters and EOS costs log(11) = 2.40


def test_the_validation_loss_is_the_mean_that_training_estimates():
    # With one category, the mean over the held-out names of their mean letter losses, from the second letter on.
    from namegen.models.networks import build_network
    from namegen.training.batches import build_batch

    names = Dataset.from_names({"X": [f"{a}{b}{c}" for a in "abcdefg" for b in "abcdefg" for c in ("", "x", "yz")]})
    config = training_config(hidden_size=4, iterations=16, batch_size=16, learning_rate=1e-9, validation=0.3)
    model = train(names, config)
    _, held_out = names.split(0.3)
    network = build_network(config, 1, 59).eval()
    means = []
    with torch.no_grad():
        for index in range(len(held_out)):
            batch = build_batch(held_out, np.array([index]), sos=True)
            scores = network(torch.from_numpy(batch.category), torch.from_numpy(batch.inputs))[0].log_softmax(-1)
            wanted = torch.from_numpy(batch.targets).unsqueeze(-1)
            means.append(-float(scores.gather(-1, wanted)[0, 1:].mean()))

    assert model.history.validation[0] == pytest.approx(np.mean(means), rel=1e-4)


def test_held_out_names_are_not_counted_as_training_names():
    model = train(NAMES, SMALL, iterations=16)
    training, held_out = NAMES.split(0.1)

    assert held_out is not None
    assert model.counts.sum() == len(training) == len(NAMES) - len(held_out)
    assert set(model.name_hashes.tolist()) == set(training.hashes.tolist())


@pytest.mark.parametrize(
    "names",
    [{"X": ["Ann", "Bo", "Cy", "Di", "Ed"]}, {"X": ["A"]}, {"X": ["A"], "Y": ["Bartholomew"]}],
    ids=["5 names", "a name of a letter", "two names"],
)
@pytest.mark.parametrize("recipe", ["default", "tutorial"])
def test_data_of_any_size_works(names, recipe):
    model = train(Dataset.from_names(names), training_config(recipe, iterations=300, hidden_size=8))

    assert model.finished
    assert len(model.history.validation) == 0
    assert np.isfinite(model.history.training).all()


def test_a_loss_beyond_all_bounds_stops_the_run_and_says_what_to_lower():
    with pytest.raises(DivergedError, match="lower --learning-rate than 50"):
        train(NAMES, training_config("tutorial", iterations=2_000, learning_rate=50.0))


def test_progress_gives_the_model_so_far():
    seen = []
    train(NAMES, SMALL, iterations=64, report=lambda progress: seen.append((progress, progress.model())))
    progress, model = seen[1]

    assert (progress.iteration, progress.iterations) == (32, 64)
    assert (model.iterations, model.finished, model.weights_after) == (32, False, 32)
    assert np.isfinite(progress.last_loss())


def test_a_stopped_run_has_saved_its_state(tmp_path):
    with pytest.raises(TrainingStopped, match="16 of 1,000"):
        train(NAMES, SMALL, checkpoint=tmp_path / "run", stop=lambda: True)

    assert load_checkpoint(tmp_path / "run").model.iterations == 16
    assert not load_model_file(tmp_path / "run").finished


def test_a_checkpoint_leaves_the_hashes_of_the_training_names_to_the_names(tmp_path):
    assert len(load_checkpoint(stopped(tmp_path)).model.name_hashes) == 0

    resumed = train(NAMES, checkpoint=tmp_path / "run", resume=True)
    np.testing.assert_array_equal(resumed.name_hashes, train(NAMES, SMALL).name_hashes)
    assert len(resumed.name_hashes) > 0


def test_going_on_with_other_names_is_an_error(tmp_path):
    with pytest.raises(TrainingStopped):
        train(NAMES, SMALL, checkpoint=tmp_path / "run", stop=lambda: True)

    with pytest.raises(UsageError, match="not the names"):
        train(Dataset.from_names({"Z": ["Zoe"]}), checkpoint=tmp_path / "run", resume=True)


def test_training_leaves_torchs_thread_count_and_generator_as_they_were():
    threads = torch.get_num_threads()
    torch.manual_seed(11)
    before = torch.get_rng_state()
    train(NAMES, SMALL, iterations=32, threads=threads + 1)

    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), before)


def test_the_number_of_threads_is_recorded_and_taken_up_again(tmp_path):
    with pytest.raises(TrainingStopped):
        train(NAMES, SMALL, threads=3, checkpoint=tmp_path / "run", stop=lambda: True)

    assert train(NAMES, checkpoint=tmp_path / "run", resume=True).threads == 3


def test_the_tutorial_has_one_thread_by_default():
    assert default_threads(training_config("tutorial")) == 1


def test_a_device_that_is_not_there_is_an_error_that_says_what_to_use(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for name in ("cuda", "cuda:1", "mps"):
        with pytest.raises(DeviceError, match="use --device cpu"):
            find_device(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cpu:1", "", "mps:0"])
def test_a_device_that_nothing_is_called_is_wrong_usage(name):
    with pytest.raises(UsageError, match="use auto, cpu, cuda, cuda:N or mps"):
        find_device(name)


def test_auto_takes_a_gpu_if_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert find_device("auto") == find_device("cuda") == torch.device("cuda:0")
    assert find_device("cuda:1") == torch.device("cuda:1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device("auto") == torch.device("cpu")


def test_the_starter_names_train_to_a_model_that_tells_languages_apart():

    dataset = open_dataset("starter")
    assert STARTER_DIR.is_dir()
    model = train(dataset, iterations=12_000, hidden_size=64)
    own = likelihood(model, dataset.select(dataset.category_of == dataset.categories.index("Italian")))
    foreign = {category: Dataset.from_names({category: dataset.names("Italian")}) for category in ("German", "Polish")}

    assert own.micro < math.log(27) - 0.5  # what a guess among the lower-case letters and EOS costs, and well below
    assert all(likelihood(model, names).micro > own.micro + 0.1 for names in foreign.values())


def test_the_tutorials_losses_are_the_published_ones(data_dir):
    # Its own figures: the means of the first four 5,000s are about 3.21, 2.87, 2.75 and 2.65.
    from namegen.datasets.readers import load_dataset

    names = load_dataset(data_dir / "surnames", keep_repeats=True)
    losses = train(names, training_config("tutorial", iterations=20_000)).history.training

    assert losses.reshape(4, 10).mean(axis=1) == pytest.approx([3.21, 2.87, 2.75, 2.65], rel=0.03)


def stopped(tmp_path, config=SMALL):
    with pytest.raises(TrainingStopped):
        train(NAMES, config, checkpoint=tmp_path / "run", stop=lambda: True)
    return tmp_path / "run"


@pytest.mark.parametrize("parts", [{"learning_rate": 0.5}, {"hidden_size": 9}, {"config": training_config()}])
def test_going_on_with_another_configuration_is_an_error(parts, tmp_path):
    checkpoint = stopped(tmp_path)

    with pytest.raises(UsageError, match=r"the run began with .*, not "):
        train(NAMES, checkpoint=checkpoint, resume=True, **parts)


def test_going_on_without_a_checkpoint_is_an_error():
    with pytest.raises(UsageError, match="say where its checkpoint is"):
        train(NAMES, resume=True)


@pytest.mark.parametrize("kind", ["default", "tutorial"])
def test_a_checkpoint_whose_state_is_damaged_anywhere_is_one_clear_error(kind, tmp_path):
    from namegen.models.model import Checkpoint

    checkpoint = load_checkpoint(stopped(tmp_path, DTYPES[kind]))
    for name, array in checkpoint.state.items():
        if array.size == 0:
            continue
        for damaged in (None, np.zeros((3, 1, 2)), np.full_like(array, np.nan), np.zeros(array.shape, np.int64)):
            state = {key: value for key, value in checkpoint.state.items() if key != name}
            if damaged is not None:
                state[name] = damaged
            Checkpoint(checkpoint.model, state).save(tmp_path / "damaged")
            with pytest.raises(ModelFileError, match="the checkpoint is damaged"):
                train(NAMES, checkpoint=tmp_path / "damaged", resume=True)


def test_a_run_that_cannot_begin_leaves_the_unfinished_one_before_it_alone(tmp_path):
    checkpoint = stopped(tmp_path)
    before = checkpoint.read_bytes()
    with pytest.raises(UsageError):
        train(NAMES, SMALL, checkpoint=checkpoint, threads=0)

    assert checkpoint.read_bytes() == before


def test_saving_more_often_does_not_change_the_model():
    often, seldom = (
        train(NAMES, training_config("tutorial", iterations=1_500, hidden_size=8, save_every=every))
        for every in (130, 5_000)
    )

    assert all(np.array_equal(weight, seldom.weights[name]) for name, weight in often.weights.items())


def test_a_category_without_names_is_an_error_that_names_it():
    with pytest.raises(DataError, match="'Y' has no names"):
        train(NAMES.select(NAMES.category_of == 0), SMALL)


@pytest.mark.parametrize(
    ("names", "casing"),
    [(["Anna", "Bo"], "capitalised"), (["anna", "bo"], "lower"), (["ANNA", "BO"], "upper"), (["'"], "none")],
)
def test_a_model_knows_the_casing_of_its_training_names(names, casing):
    assert train(Dataset.from_names({"X": names}), SMALL, iterations=16).casing == casing


# Saves that fail, and networks that diverge


class Disk:
    """Makes saves fail while it is full; counts those that do not."""

    def __init__(self, monkeypatch):
        from namegen.io import files

        self.full, self.saves = False, 0
        write = files.write_atomically

        def write_if_there_is_room(path, content):
            if self.full:
                raise NamegenError(f"cannot write {path}: No space left on device")
            self.saves += 1
            write(path, content)

        monkeypatch.setattr(files, "write_atomically", write_if_there_is_room)


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch)


def test_a_periodic_save_that_fails_is_reported_and_tried_again_and_the_run_goes_on(disk, tmp_path):
    seen = []

    def report(progress):
        seen.append((progress.iteration, progress.unsaved))
        disk.full = progress.iteration < 500

    disk.full = True
    model = train(NAMES, SMALL, checkpoint=tmp_path / "run", report=report)

    assert model.finished
    failing = [iteration for iteration, unsaved in seen if unsaved]
    assert failing[0] == 208  # the first save is due after 200, and batches are of 16
    assert failing[-1] == 592  # the save after 600 works
    assert "No space left on device" in dict(seen)[208]
    assert load_checkpoint(tmp_path / "run").model.iterations == 800


def test_a_save_that_fails_leaves_the_one_before(disk, tmp_path):
    def report(progress):
        disk.full = progress.iteration > 300

    train(NAMES, SMALL, checkpoint=tmp_path / "run", report=report)
    assert load_checkpoint(tmp_path / "run").model.iterations == 208


@pytest.mark.parametrize(("full_from", "kept"), [(0, "what is saved is nothing"), (300, "the run after 208, to go on")])
def test_a_run_that_is_stopped_and_cannot_be_saved_says_so_and_what_is(disk, tmp_path, full_from, kept):
    reached = [0]

    def report(progress):
        reached.append(progress.iteration)
        disk.full = progress.iteration >= full_from

    disk.full = full_from == 0
    with pytest.raises(RunError, match=f"stopped after 512 iterations, but cannot write .*{kept}"):
        train(NAMES, SMALL, checkpoint=tmp_path / "run", report=report, stop=lambda: reached[-1] >= 490)


@pytest.fixture
def breaking(monkeypatch):
    """Makes a network diverge in some way after a number of names."""
    from namegen.training import optimize as learners

    learn = learners.AutogradLearner.learn

    def arrange(after, *, loss=None, weight=None, moment=None):
        def broken(self, names, start):
            losses = learn(self, names, start)
            if start + len(names) > after:
                with torch.no_grad():
                    if weight is not None:
                        self._parameters[0][0, 0] = weight
                        self._average[0][0, 0] = weight
                    if moment is not None:
                        self._moments.exp_avg_sq[0][0, 0] = moment
                if loss is not None:
                    losses = losses * 0 + loss
            return losses

        monkeypatch.setattr(learners.AutogradLearner, "learn", broken)

    return arrange


@pytest.mark.parametrize("how", ["loss", "weight", "moment"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_save_of_what_has_diverged_takes_the_place_of_a_good_one(breaking, tmp_path, how, value):
    breaking(390, **{how: value})  # the next point of the history is due after 500 names, the next save after 400
    config = dataclasses.replace(SMALL, history_every=500, validation=0.0)
    with pytest.raises(DivergedError, match="lower --learning-rate than"):
        train(NAMES, config, checkpoint=tmp_path / "run")

    kept = load_checkpoint(tmp_path / "run").model
    assert kept.iterations == 208
    assert len(sample(kept, "X", count=3)) == 3


def test_weights_that_are_no_numbers_after_the_last_step_are_no_model(breaking):
    breaking(990, weight=math.nan)
    with pytest.raises(DivergedError, match="after 1,000 iterations"):
        train(NAMES, dataclasses.replace(SMALL, validation=0.0))


def test_the_best_weights_by_validation_are_no_model_of_a_run_that_has_diverged_since(breaking):
    breaking(500, loss=math.nan, weight=math.nan)
    with pytest.raises(DivergedError):
        train(NAMES, SMALL)


def test_the_model_knows_the_names_that_were_held_out_and_a_checkpoint_does_not(tmp_path):
    config = training_config(hidden_size=4, batch_size=16, iterations=64, validation=0.5)
    model = train(NAMES, config)
    learned, held_out = NAMES.split(0.5)
    np.testing.assert_array_equal(model.held_out_hashes, np.unique(held_out.hashes))
    np.testing.assert_array_equal(model.name_hashes, np.unique(learned.hashes))
    model.save(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(load_model_file(tmp_path / "m.safetensors").held_out_hashes, model.held_out_hashes)

    with pytest.raises(TrainingStopped):
        train(NAMES, config, checkpoint=tmp_path / "run", stop=lambda: True)
    assert len(load_model_file(tmp_path / "run").held_out_hashes) == 0
    assert train(NAMES, config, checkpoint=tmp_path / "run", resume=True).held_out_hashes.tobytes() == (
        model.held_out_hashes.tobytes()
    )
    assert not len(train(NAMES, config, validation=0.0).held_out_hashes)

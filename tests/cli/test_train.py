"""``namegen train``: what it makes, what it says, and what it refuses."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from namegen import paths
from namegen.cli import progress
from namegen.datasets.open import open_dataset
from namegen.models.store import cached_location, load_model
from support import leave_unfinished

if TYPE_CHECKING:
    from pathlib import Path

TINY = ("--iters", 300, "--hidden-size", 8)
LONG = ("--iters", 10_000, "--hidden-size", 8)  # long enough to be stopped in the middle, at a second or so
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def write_names(folder: Path, file: str = "Elves.txt", names: str = "Anna Berta Clara Dora Emil") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file
    path.write_text("\n".join(names.split()) + "\n", encoding="utf-8")
    return path


def begin_training(*arguments: object, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Begin a training run as a process of its own, and return when it is in the middle."""
    process = subprocess.Popen(
        [*before, sys.executable, "-m", "namegen", "train", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert any("%" in line for line in process.stderr)
    return process


def stop_at_the_first_report(monkeypatch, number=signal.SIGINT):
    monkeypatch.setattr(progress._Lines, "report", lambda *_: signal.raise_signal(number))


def command_after(text: str, words: str) -> list[str]:
    """The arguments of the command that a text tells the user to type."""
    program, *arguments = shlex.split(re.search(rf"{words} (.*)", text)[1])
    assert program == "namegen"
    return arguments


def is_one_error(outcome, code):
    """Whether a run ended in one line that begins with Error, whatever notes came before it."""
    *before, last = outcome.err.splitlines()
    return outcome.code == code and last.startswith("Error: ") and not any("Error" in line for line in before)


def shown(cli, name="default"):
    return json.loads(cli("models", "show", name, "--format", "json").out)


# What it makes


def test_a_model_trained_on_the_starter_names_invents_names_of_the_letters_asked_for(cli):
    assert cli("train", *TINY).code == 0
    sampled = cli("sample", "German", "ABC")
    assert sampled.code == 0
    assert [name[0] for name in sampled.out.splitlines()] == ["A", "B", "C"]


def test_training_leaves_the_model_under_its_name_and_no_run(cli, cache):
    cli("train", *TINY)
    assert [file.name for file in (cache / "models").iterdir()] == ["default.safetensors"]
    assert not list((cache / "runs").iterdir())


def test_training_writes_nothing_to_stdout(cli):
    assert cli("train", *TINY).out == ""


def test_without_a_download_it_says_that_it_trains_on_the_starter_names_and_how_to_get_more(cli):
    first = cli("train", *TINY).err.splitlines()[0]
    assert "starter names" in first
    assert "namegen download" in first
    assert shown(cli)["data"] == "starter"


def test_the_surnames_are_the_default_once_downloaded_and_it_says_so(cli, data_dir):
    assert cli("download", "--from", data_dir / "surnames").code == 0
    trained = cli("train", *TINY)
    assert "downloaded surnames" in trained.err.splitlines()[0]
    assert "--data" in trained.err.splitlines()[0]
    facts = shown(cli)
    assert (facts["data"], facts["verified"]) == ("surnames", True)


def test_a_dataset_asked_for_is_used_without_a_line_about_the_default(cli, tmp_path):
    trained = cli("train", *TINY, "--data", write_names(tmp_path))
    assert "starter" not in trained.err
    assert "5 names in 1 category" in trained.err


def test_output_option_puts_the_model_into_that_file_and_none_into_the_cache(cli, cache, tmp_path):
    file = tmp_path / "mine.safetensors"
    assert cli("train", *TINY, "-o", file).code == 0
    assert file.is_file()
    assert not list(cache.rglob("*.safetensors"))


def test_output_option_leaves_nothing_beside_the_model(cli, tmp_path):
    cli("train", *TINY, "-o", tmp_path / "out" / "mine.safetensors")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine.safetensors"]


def test_model_option_names_the_model(cli, cache):
    assert cli("train", *TINY, "--model", "elves").code == 0
    assert [file.name for file in (cache / "models").iterdir()] == ["elves.safetensors"]


def test_two_equal_trainings_give_the_same_bytes(cli, tmp_path):
    for file in ("one", "two"):
        cli("train", *TINY, "-o", tmp_path / file)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_another_seed_gives_another_model(cli, tmp_path):
    for seed in (1, 2):
        cli("train", *TINY, "--seed", seed, "-o", tmp_path / str(seed))
    assert (tmp_path / "1").read_bytes() != (tmp_path / "2").read_bytes()


def test_five_names_of_one_category_make_a_model_without_a_validation_loss(cli, tmp_path):
    trained = cli("train", *TINY, "--data", write_names(tmp_path))
    assert trained.code == 0
    assert "validation" not in trained.err
    facts = shown(cli)
    assert (facts["names"], facts["categories"], facts["validation_loss"]) == (5, 1, None)


def test_a_model_that_will_be_replaced_is_named(cli):
    said = "The model default that is there stays in use until the end, and is replaced then."
    assert said not in cli("train", *TINY).err
    assert said in cli("train", *TINY).err.splitlines()


REPEATS = "the model will repeat many of them, and fewer with --init pretrained"


@pytest.mark.parametrize(
    ("count", "options", "said"),
    [
        (1, (), f"1 name is few: {REPEATS}; no names are held out to measure on."),
        (12, (), f"12 names are few: {REPEATS}; no names are held out to measure on."),
        (12, ("--validation", 0), f"12 names are few: {REPEATS}."),
        (199, ("--validation", 0.5), f"199 names are few: {REPEATS}."),
        (250, ("--validation", 0.01), "250 names are few: no names are held out to measure on."),
        (400, (), None),
        (400, ("--validation", 0), None),
    ],
)
def test_a_small_list_is_told_what_to_expect(cli, tmp_path, count, options, said):
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = " ".join(f"A{a}{b}" for a in letters for b in letters[: -(-count // 26)])
    data = write_names(tmp_path, names=" ".join(names.split()[:count]))
    trained = cli("train", "--iters", 64, "--hidden-size", 4, "--data", data, *options)
    assert trained.code == 0
    assert [line for line in trained.err.splitlines() if "few" in line] == ([said] if said else [])


def test_the_names_that_come_along_are_not_few(cli):
    assert "few" not in cli("train", *TINY).err


def test_quiet_training_on_a_small_list_says_nothing(cli, tmp_path):
    assert cli("train", *TINY, "--quiet", "--data", write_names(tmp_path)).err == ""


def test_one_name_is_enough(cli, tmp_path):
    assert cli("train", *TINY, "--data", write_names(tmp_path, names="Anna")).code == 0
    assert cli("sample", "Elves", "A").out.startswith("A")


def test_a_validation_share_of_zero_holds_nothing_out(cli):
    cli("train", *TINY, "--validation", 0)
    facts = shown(cli)
    assert facts["validation_loss"] is None
    assert facts["names"] == len(open_dataset("starter"))


def test_one_iteration_makes_a_model(cli):
    assert cli("train", "--iters", 1, "--hidden-size", 8).code == 0
    assert cli("sample", "German", "A").out.startswith("A")


def test_the_tutorial_recipe_keeps_its_other_parts_when_one_is_replaced(cli):
    assert cli("train", "--recipe", "tutorial", "--learning-rate", "0.002", "--iters", 20).code == 0
    training = shown(cli)["training"]
    assert training["learning_rate"] == 0.002
    published = {
        "recipe": "tutorial",
        "architecture": "rnn",
        "nonlinearity": "none",
        "sos": False,
        "hidden_size": 128,
        "dropout": 0.1,
        "batch_size": 1,
        "optimiser": "sgd",
        "schedule": "constant",
        "averaging": 0.0,
        "category_exponent": 0.0,
        "keep_repeats": True,
        "validation": 0.0,
        "history_every": 500,
    }
    assert {part: training[part] for part in published} == published


def test_a_model_of_the_tutorial_recipe_draws_as_the_tutorial_does(cli):
    cli("train", "--recipe", "tutorial", "--iters", 20)
    sampling = shown(cli)["sampling"]
    assert (sampling["temperature"], sampling["dropout"]) == (0.0, 0.1)


def test_the_rnn_without_the_tutorial_recipe_has_tanh_and_sos(cli):
    assert cli("train", "--arch", "rnn", *TINY).code == 0
    training = shown(cli)["training"]
    assert (training["architecture"], training["nonlinearity"], training["sos"]) == ("rnn", "tanh", True)


def test_every_setting_given_is_in_the_model(cli):
    options = ("--dropout", "0.25", "--batch-size", 32, "--lr", "0.001", "--validation", "0.2", "--save-every", 77)
    cli("train", *TINY, *options, "--seed", 5, "--threads", 2)
    facts = shown(cli)
    training = facts["training"]
    assert facts["threads"] == 2
    assert [training[part] for part in ("iterations", "hidden_size", "dropout", "batch_size")] == [300, 8, 0.25, 32]
    assert [training[part] for part in ("learning_rate", "validation", "save_every", "seed")] == [0.001, 0.2, 77, 5]


# What it says


def test_plain_lines_come_every_five_percent(cli):
    trained = cli("train", "--iters", 2000, "--batch-size", 10, "--hidden-size", 4)
    percents = [int(percent) for percent in re.findall(r"^ *(\d+)%", trained.err, re.MULTILINE)]
    assert len(percents) == 20
    assert all(due <= percent < due + 5 for percent, due in zip(percents, range(5, 101, 5), strict=True))


def test_plain_lines_show_iterations_losses_and_fresh_names(cli):
    last = [line for line in cli("train", *TINY).err.splitlines() if line.startswith("100%")]
    assert len(last) == 1
    assert re.match(r"100%  300/300  0:\d\d  loss \d\.\d{3}  validation \d\.\d{3}  .*\(\w+\)", last[0])


def test_plain_lines_have_no_escape_codes(cli):
    assert "\x1b" not in cli("train", *TINY).err


def test_the_tutorial_recipe_has_a_line_every_5000_iterations_with_the_loss_of_the_last_name(cli):
    trained = cli("train", "--recipe", "tutorial", "--iters", 12_000, "--hidden-size", 4)
    lines = [line for line in trained.err.splitlines() if "%" in line]
    assert [line.split()[1] for line in lines] == ["5,000/12,000", "10,000/12,000", "12,000/12,000"]
    assert all(re.search(r"loss of the last name \d+\.\d{4}$", line) for line in lines)


def test_quiet_training_says_nothing(cli):
    trained = cli("train", *TINY, "--quiet")
    assert (trained.code, trained.out, trained.err) == (0, "", "")


def test_quiet_training_still_says_what_is_wrong(cli):
    assert is_one_error(cli("train", "--iters", 0, "--quiet"), 2)


def test_the_end_says_where_the_model_is_its_losses_and_the_next_command(cli, cache):
    *_, where, losses, kept, following = cli("train", *TINY).err.splitlines()
    assert where == f"Model default: {cache / 'models' / 'default.safetensors'}"
    facts, history = shown(cli), load_model("default").history
    figures = f"training {history.training[-1]:.3f}, validation {history.validation[-1]:.3f}"
    assert losses == f"Loss at the end, in nats per letter: {figures}"
    assert re.fullmatch(rf"Kept the model .*, the best by validation: {facts['validation_loss']:.3f}", kept)
    assert following == "Next: namegen sample German ABC"


def test_the_end_says_which_iteration_the_weights_are_from_where_that_is_not_the_last(cli, monkeypatch):
    from namegen.training import trainer as validation

    measured = iter([3.0, 2.0] + [2.5] * 20)
    monkeypatch.setattr(validation.Validation, "loss", lambda *_: next(measured))
    trained = cli("train", "--iters", 2_000, "--hidden-size", 8)
    second = load_model("default").history.validation_iterations[1]
    assert 0 < second < 2_000
    assert "validation 2.500" in trained.err
    assert f"Kept the model after {second:,} iterations, the best by validation: 2.000\n" in trained.err
    assert shown(cli)["weights_after"] == second
    assert cli("models", "show").out.split("weights_after\t")[1].startswith(f"{second:,}\n")


def test_without_held_out_names_the_end_says_nothing_about_validation(cli):
    trained = cli("train", *TINY, "--validation", 0)
    assert "Loss at the end, in nats per letter: training " in trained.err
    assert "validation" not in trained.err
    assert shown(cli)["weights_after"] == 300


@pytest.mark.parametrize(
    "where",
    [(), ("--model", "elves"), ("-o", "mine.safetensors"), ("-o", "mine"), ("-o", "my names"), ("-o", "a/my names")],
    ids=" ".join,
)
def test_the_next_command_works_as_it_is_printed(cli, tmp_path, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    trained = cli("train", *TINY, *where)
    sampled = cli(*command_after(trained.err, "Next:"))
    assert (sampled.code, sampled.err) == (0, "")
    assert [name[0] for name in sampled.out.splitlines()] == ["A", "B", "C"]


@pytest.mark.parametrize("file", ["Elves.txt", "Dark Elves.txt"])
def test_the_next_command_works_with_one_category(cli, tmp_path, file):
    trained = cli("train", *TINY, "--data", write_names(tmp_path, file))
    sampled = cli(*command_after(trained.err, "Next:"))
    assert [name[0] for name in sampled.out.splitlines()] == ["A", "B", "C"]


def test_the_next_command_works_with_categories_of_several_words(cli, tmp_path):
    folder = write_names(tmp_path / "names", "Dark Elves.txt").parent
    write_names(folder, "High Elves.txt")
    sampled = cli(*command_after(cli("train", *TINY, "--data", folder).err, "Next:"))
    assert [name[0] for name in sampled.out.splitlines()] == ["A", "B", "C"]


# What it refuses


@pytest.mark.parametrize("device", ["cuda", "cuda:7", "mps"])
def test_a_device_that_is_not_there_is_one_clear_line(cli, cache, device):
    import torch

    if torch.backends.mps.is_available() if device == "mps" else torch.cuda.device_count() > 7:
        pytest.skip(f"{device} is there")
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("cuda is there")
    trained = cli("train", *TINY, "--device", device)
    assert is_one_error(trained, 1)
    assert device in trained.err
    assert "--device cpu" in trained.err
    assert not list(cache.rglob("*.safetensors"))


@pytest.mark.parametrize("device", ["nonsense", "cpu:1", "cuda:x", "cuda:-1", ""])
def test_a_device_that_cannot_be_is_wrong_usage(cli, device):
    trained = cli("train", *TINY, "--device", device)
    assert is_one_error(trained, 2)
    assert repr(device) in trained.err


@pytest.mark.parametrize(
    "option", ["--iters", "--hidden-size", "--batch-size", "--save-every", "--threads", "--learning-rate", "--lr"]
)
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "-inf", "x"])
def test_what_must_be_positive_is_refused_otherwise(cli, option, value):
    assert is_one_error(cli("train", f"{option}={value}"), 2)


@pytest.mark.parametrize("option", ["--dropout", "--validation"])
@pytest.mark.parametrize("value", ["-0.1", "1", "1.5", "nan", "inf", "x"])
def test_what_must_be_a_share_is_refused_otherwise(cli, option, value):
    assert is_one_error(cli("train", f"{option}={value}"), 2)


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "1.5", str(2**64)])
def test_a_seed_that_is_no_whole_number_from_zero_on_is_refused(cli, value):
    assert is_one_error(cli("train", f"--seed={value}"), 2)


@pytest.mark.parametrize("options", [("--recipe", "secret"), ("--arch", "lstm")])
def test_an_unknown_recipe_or_architecture_is_refused(cli, options):
    assert is_one_error(cli("train", *options), 2)


def test_a_model_name_that_is_a_path_is_refused_with_the_option_to_use(cli):
    trained = cli("train", *TINY, "--model", "folder/mine")
    assert is_one_error(trained, 2)
    assert "-o folder/mine" in trained.err


@pytest.mark.parametrize("name", ["two words", "..", ".hidden", "-", "ä"])
def test_a_model_name_that_cannot_be_a_file_name_everywhere_is_refused(cli, name):
    assert is_one_error(cli("train", *TINY, "--model", name), 2)


@pytest.mark.parametrize("option", [(), ("--resume",), ("--force",)])
def test_the_name_of_the_model_that_comes_along_is_refused(cli, option):
    before = paths.PRETRAINED_FILE.read_bytes()
    refused = cli("train", *TINY, "--model", "pretrained", *option)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == "Error: pretrained is the model that comes with namegen; give yours another name\n"
    assert paths.PRETRAINED_FILE.read_bytes() == before


def test_a_name_and_a_file_for_one_model_is_refused(cli, tmp_path):
    assert is_one_error(cli("train", *TINY, "--model", "elves", "-o", tmp_path / "elves"), 2)


def test_an_output_that_is_a_folder_is_refused(cli, tmp_path):
    trained = cli("train", *TINY, "-o", tmp_path)
    assert is_one_error(trained, 2)
    assert "folder" in trained.err


def test_an_output_below_a_file_is_refused_before_the_training(cli, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    trained = cli("train", *TINY, "-o", tmp_path / "file" / "mine.safetensors")
    assert is_one_error(trained, 1)
    assert "cannot write" in trained.err
    assert "%" not in trained.err


def test_an_output_folder_without_permission_is_refused(command, forbidden, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    output = tmp_path / "closed" / "mine.safetensors"
    assert is_one_error(command("train", *TINY, "-o", output, before=forbidden), 1)


def test_data_that_are_not_there_are_one_clear_line(cli, tmp_path):
    trained = cli("train", *TINY, "--data", tmp_path / "nowhere")
    assert is_one_error(trained, 1)
    assert "nowhere" in trained.err


def test_a_training_that_diverges_is_one_clear_line(cli):
    trained = cli("train", "--recipe", "tutorial", "--learning-rate", 50, "--iters", 1000)
    assert is_one_error(trained, 1)
    assert "--learning-rate" in trained.err


# Starting again


def test_an_unfinished_run_needs_resume_or_force(cli):
    checkpoint = leave_unfinished()
    before = checkpoint.read_bytes()
    trained = cli("train", *TINY)
    assert is_one_error(trained, 1)
    assert "--resume" in trained.err
    assert "--force" in trained.err
    assert checkpoint.read_bytes() == before


def test_an_unfinished_run_of_another_model_is_no_hindrance(cli):
    leave_unfinished("elves")
    assert cli("train", *TINY).code == 0


def test_force_starts_over(cli, tmp_path):
    checkpoint = leave_unfinished()
    assert cli("train", *TINY, "--force").code == 0
    assert not checkpoint.exists()
    cli("train", *TINY, "-o", tmp_path / "fresh")
    assert cached_location("default").model.read_bytes() == (tmp_path / "fresh").read_bytes()


def test_resume_ends_in_the_model_of_an_uninterrupted_run(cli, tmp_path):
    leave_unfinished()
    assert cli("train", "--resume").code == 0
    cli("train", "--iters", 640, "--hidden-size", 8, "-o", tmp_path / "whole")
    assert cached_location("default").model.read_bytes() == (tmp_path / "whole").read_bytes()


def test_resume_takes_options_that_agree(cli):
    leave_unfinished()
    assert cli("train", "--resume", "--iters", 640, "--hidden-size", 8, "--recipe", "default").code == 0


@pytest.mark.parametrize(
    "options",
    [
        ("--iters", 641),
        ("--hidden-size", 16),
        ("--arch", "rnn"),
        ("--recipe", "tutorial"),
        ("--dropout", "0.1"),
        ("--batch-size", 1),
        ("--learning-rate", "0.1"),
        ("--validation", 0),
        ("--save-every", 5),
        ("--seed", 9),
    ],
    ids=lambda options: options[0],
)
def test_resume_refuses_an_option_that_disagrees(cli, options):
    checkpoint = leave_unfinished()
    trained = cli("train", "--resume", *options)
    assert is_one_error(trained, 2)
    assert f"not {options[1]}" in trained.err
    assert checkpoint.is_file()


def test_resume_refuses_other_names(cli, tmp_path):
    checkpoint = leave_unfinished()
    trained = cli("train", "--resume", "--data", write_names(tmp_path))
    assert is_one_error(trained, 2)
    assert "starter" in trained.err
    assert checkpoint.is_file()


@pytest.mark.parametrize("where", [(), ("--model", "elves"), ("-o", "my elves"), ("-o", "default")], ids=" ".join)
def test_resume_without_the_path_of_its_names_gives_the_command_that_has_it(cli, tmp_path, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    names = write_names(tmp_path)
    with monkeypatch.context() as patch:
        stop_at_the_first_report(patch)
        cli("train", *TINY, *where, "--data", names)
    trained = cli("train", *where, "--resume")
    assert is_one_error(trained, 2)
    assert "names of your own, 'Elves'" in trained.err
    program, *arguments = shlex.split(re.search("`(.*)`", trained.err)[1])
    assert (program, arguments.count("PATH")) == ("namegen", 1)
    assert cli(*(str(names) if argument == "PATH" else argument for argument in arguments)).code == 0


def test_resume_without_a_run_is_refused(cli):
    trained = cli("train", "--resume")
    assert is_one_error(trained, 1)
    assert "no unfinished" in trained.err


def test_resume_and_force_exclude_each_other(cli):
    leave_unfinished()
    assert is_one_error(cli("train", "--resume", "--force"), 2)


def test_resume_with_another_number_of_threads_says_that_it_costs_exactness(cli):
    leave_unfinished()
    trained = cli("train", "--resume", "--threads", 2)
    assert trained.code == 0
    assert any("threads" in line and "exact" in line for line in trained.err.splitlines())


def test_resume_from_a_damaged_run_is_one_clear_line(cli):
    checkpoint = leave_unfinished()
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    trained = cli("train", "--resume")
    assert is_one_error(trained, 1)
    assert str(checkpoint) in trained.err


def test_an_older_model_stays_until_the_run_ends(cli, monkeypatch):
    cli("train", *TINY)
    before = cached_location("default").model.read_bytes()
    stop_at_the_first_report(monkeypatch)
    assert cli("train", *TINY, "--seed", 2).code == 130
    assert cached_location("default").model.read_bytes() == before


# One at a time


@pytest.fixture
def other_training():
    """A process that holds the lock of the model ``default``, as a training run of it does."""
    code = (
        "import sys; from namegen.io.locks import exclusive; from namegen.models.store import named\n"
        "with exclusive(named('default').lock, 'training default'): print('ready', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    yield process
    process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize("options", [(), ("--force",)], ids=["plain", "force"])
def test_a_second_training_of_a_model_is_refused_and_says_who_is_first(cli, other_training, options):
    trained = cli("train", *TINY, *options)
    assert is_one_error(trained, 1)
    assert f"process {other_training.pid} is already training default" in trained.err


@pytest.mark.parametrize("options", [(), ("--force",), ("--resume",)], ids=["plain", "force", "resume"])
def test_a_second_training_is_refused_as_such_once_the_first_has_saved_its_state(cli, other_training, options):
    checkpoint = leave_unfinished("other")
    here = checkpoint.replace(cached_location("default").checkpoint)
    before = here.read_bytes()
    trained = cli("train", *options)
    assert is_one_error(trained, 1)
    assert f"process {other_training.pid} is already training default" in trained.err
    assert here.read_bytes() == before


def test_another_model_can_be_trained_at_the_same_time(cli, other_training):
    assert cli("train", *TINY, "--model", "elves").code == 0


# Stopped by a signal


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> bytes:
    """The model of a run that nobody stopped."""
    from namegen.cli import main

    folder = tmp_path_factory.mktemp("uninterrupted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAMEGEN_CACHE_DIR", str(folder / "cache"))
        assert main(["train", *map(str, LONG), "--quiet", "-o", str(folder / "whole")]) == 0
    return (folder / "whole").read_bytes()


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_stops_it_with_the_state_saved_and_resume_gives_the_uninterrupted_model(
    cli, tmp_path, uninterrupted, number
):
    file = tmp_path / "mine.safetensors"
    process = begin_training(*LONG, "-o", file)
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == 128 + number
    assert out == ""
    *_, last = err.splitlines()
    assert re.match(r"Stopped after [\d,]+ of 10,000 iterations, and saved\. Go on with: namegen train ", last)
    assert not file.exists()
    assert cli(*command_after(last, "Go on with:")).code == 0
    assert file.read_bytes() == uninterrupted


def test_a_run_that_was_told_to_outlive_its_terminal_does(tmp_path):
    process = begin_training(*LONG, "-o", tmp_path / "mine", before=("nohup",))
    process.send_signal(signal.SIGHUP)
    process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_after_a_run_was_stopped_signals_do_again_what_they_did(cli, monkeypatch, number):
    before = signal.getsignal(number)
    stop_at_the_first_report(monkeypatch, number)
    assert cli("train", *TINY).code == 128 + number
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    "where",
    [(), ("--model", "elves"), ("-o", "mine"), ("-o", "my names"), ("--data", "Elves.txt"), ("--data", "my elves.txt")],
    ids=" ".join,
)
def test_the_command_to_go_on_works_as_it_is_printed(cli, tmp_path, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    write_names(tmp_path)
    write_names(tmp_path, "my elves.txt")
    with monkeypatch.context() as patch:
        stop_at_the_first_report(patch)
        stopped = cli("train", *TINY, *where)
    assert stopped.code == 130
    resumed = cli(*command_after(stopped.err, "Go on with:"))
    assert resumed.code == 0
    assert "Next:" in resumed.err


def test_quiet_training_that_was_stopped_still_says_how_to_go_on(cli, monkeypatch):
    monkeypatch.setattr(progress._Nothing, "report", lambda *_: signal.raise_signal(signal.SIGTERM))
    stopped = cli("train", *TINY, "--quiet")
    assert stopped.code == 143
    assert len(stopped.err.splitlines()) == 1
    assert "--resume" in stopped.err


def test_a_stopped_run_is_kept_apart_from_finished_models(cli, cache, monkeypatch):
    stop_at_the_first_report(monkeypatch)
    cli("train", *TINY)
    assert (paths.runs_dir() / "default.safetensors").is_file()
    assert not list((cache / "models").iterdir())


@pytest.mark.parametrize("option", ["--model", "--data"])
def test_an_empty_name_is_wrong_usage_and_not_the_default(cli, option):
    assert cli("train", "--iters", "16", option, "").code == 2


def test_a_device_file_is_not_replaced_by_a_model(cli):
    refused = cli("train", "--iters", "16", "-o", "/dev/null")
    assert refused.code == 2
    assert "no regular file" in refused.err


def test_a_model_cannot_take_the_name_of_an_unfinished_run(cli, tmp_path):
    assert cli("train", "--iters", "16", "-o", tmp_path / "elves.run").code == 2


def test_a_link_to_a_model_stays_a_link(cli, tmp_path):
    (tmp_path / "link.safetensors").symlink_to(tmp_path / "real.safetensors")
    options = ("--data", write_names(tmp_path), "--iters", "64", "--hidden-size", "4")
    assert cli("train", *options, "-o", tmp_path / "link.safetensors").code == 0
    assert (tmp_path / "link.safetensors").is_symlink()
    assert (tmp_path / "real.safetensors").is_file()


def test_what_a_killed_training_left_behind_is_removed_by_the_next(cli, cache, tmp_path):
    (cache / "runs").mkdir(parents=True)
    left = cache / "runs" / ".default.safetensors.abcd_123.tmp"
    of_another = cache / "runs" / ".elves.safetensors.abcd_123.tmp"
    left.touch()
    of_another.touch()
    assert cli("train", "--data", write_names(tmp_path), "--iters", "64", "--hidden-size", "4").code == 0
    assert not left.exists()
    assert of_another.exists()


def test_running_out_of_memory_says_what_to_lower(cli, monkeypatch, tmp_path):
    from namegen.models import networks

    def greedy_network(*_):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")

    monkeypatch.setattr(networks, "build_network", greedy_network)
    failed = cli("train", "--data", write_names(tmp_path), "--iters", "64")
    assert failed.code == 1
    assert failed.err.splitlines()[-1].startswith("Error: not enough memory; for training, use a smaller --hidden-size")


def test_the_best_recipe_says_what_it_is_at_and_ends_in_a_model(cli):
    done = cli("train", "--recipe", "best", "--iters", 1200, "--hidden-size", 8, "--data", "starter")

    assert done.code == 0, done.err
    assert "GRU of 8 units, taught by 2 others and an n-gram" in done.err
    for stage in ("teacher 1 of 2", "teacher 2 of 2", "taught"):
        assert f"  {stage}  " in done.err
    assert "(against its teachers)" in done.err
    assert len(cli("sample", "German", "ABC").out.splitlines()) == 3
    settings = cli("models", "show").out
    assert "training.distillation.teachers\t2" in settings


def test_too_few_iterations_for_the_best_recipe_are_one_clear_line(cli):
    done = cli("train", "--recipe", "best", "--iters", 2, "--data", "starter")

    assert done.code == 2
    assert "2 iterations are too few for 2 teachers and their pupil" in done.err

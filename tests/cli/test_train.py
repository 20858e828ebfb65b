"""``namegen train``: what it makes, what it prints, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from namegen.cli import progress
from namegen.io.locks import hold_lock
from namegen.models import networks
from namegen.models.store import cached_location, included_location, load_model
from namegen.recipes import training_config
from support import Outcome, leave_unfinished

if TYPE_CHECKING:
    from pathlib import Path

TINY = ("--iters", 300, "--hidden-size", 8)
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def write_names(folder: Path, file: str = "Elves.txt", names: str = "Anna Berta Clara Dora Emil") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file
    path.write_text("\n".join(names.split()) + "\n", encoding="utf-8")
    return path


def stop_at_first_report(monkeypatch, number=signal.SIGINT):
    monkeypatch.setattr(progress.PlainLines, "report", lambda *_: signal.raise_signal(number))


def command_after(text: str, words: str) -> list[str]:
    """The arguments of the command that a text tells the user to type."""
    program, *arguments = shlex.split(re.search(rf"{words} (.*)", text)[1])
    assert program == "namegen"
    return arguments


def is_one_error(outcome, code):
    """Whether a run ended in one line that begins with Error, whatever notes came before it."""
    *before, last = outcome.err.splitlines()
    return outcome.code == code and last.startswith("Error: ") and not any("Error" in line for line in before)


def show(cli, name="default"):
    return json.loads(cli("models", "show", name, "--format", "json").out)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A cache with a model trained on the starter names, and what the training printed."""
    folder = tmp_path_factory.mktemp("finished")
    done = subprocess.run(
        [sys.executable, "-m", "namegen", "train", *map(str, TINY)],
        env={**os.environ, "NAMEGEN_CACHE_DIR": str(folder)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return folder, done


@pytest.fixture
def trained(finished, monkeypatch) -> Outcome:
    """What a training on the starter names printed, in whose cache the test runs; it must not change that."""
    folder, done = finished
    monkeypatch.setenv("NAMEGEN_CACHE_DIR", str(folder))
    return Outcome(done.returncode, done.stdout, done.stderr)


# What it makes


def test_a_training_on_the_starter_names_leaves_a_model_that_invents_names_and_nothing_else(trained, finished, cli):
    assert [name[0] for name in cli("sample", "German", "ABC").out.splitlines()] == ["A", "B", "C"]
    assert show(cli)["data"] == "starter"
    assert [file.name for file in (finished[0] / "models").iterdir()] == ["default.safetensors"]
    assert not list((finished[0] / "runs").iterdir())


def test_the_surnames_are_the_default_once_downloaded_and_it_says_so(cli, data_dir):
    assert cli("download", "--from", data_dir / "surnames").code == 0
    trained = cli("train", *TINY)
    assert "downloaded surnames" in trained.err.splitlines()[0]
    assert "--data" in trained.err.splitlines()[0]
    facts = show(cli)
    assert (facts["data"], facts["verified"]) == ("surnames", True)


def test_five_names_of_one_category_make_a_model_without_a_validation_loss(cli, tmp_path):
    trained = cli("train", *TINY, "--data", write_names(tmp_path))
    assert "5 names in 1 category" in trained.err
    assert "starter" not in trained.err
    assert "validation" not in trained.err
    facts = show(cli)
    assert (facts["names"], facts["categories"], facts["validation_loss"], facts["weights_after"]) == (5, 1, None, 300)


def test_output_option_puts_the_model_into_that_file_and_nothing_elsewhere(cli, cache, tmp_path):
    assert cli("train", *TINY, "-o", tmp_path / "out" / "mine.safetensors").code == 0
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine.safetensors"]
    assert not list(cache.rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ("--recipe tutorial --lr 0.002", {"recipe_name": "tutorial", "learning_rate": 0.002}),
        (
            "--arch rnn --hidden-size 4 --dropout 0.25 --batch-size 16 --validation 0.2 --save-every 77 --seed 5",
            {
                "architecture": "rnn",
                "hidden_size": 4,
                "dropout": 0.25,
                "batch_size": 16,
                "validation": 0.2,
                "save_every": 77,
                "seed": 5,
            },
        ),
    ],
)
def test_the_model_has_the_settings_given_and_the_others_of_the_recipe(cli, options, settings):
    assert cli("train", "--iters", 64, "--threads", 2, *options.split()).code == 0
    facts = show(cli)
    assert facts["training"] == vars(training_config(iterations=64, **settings))
    assert facts["threads"] == 2


def test_the_temporary_files_of_a_killed_training_are_removed_by_the_next(cli, cache):
    (cache / "runs").mkdir(parents=True)
    left, other = (cache / "runs" / f".{name}.safetensors.abcd_123.tmp" for name in ("default", "elves"))
    left.touch()
    other.touch()
    assert cli("train", "--iters", 1, "--hidden-size", 4).code == 0
    assert not left.exists()
    assert other.exists()


# What it prints


def test_it_prints_to_stderr_what_it_trains_on_its_progress_and_the_result(trained, finished, cli):
    first, *_, where, losses, kept, following = trained.err.splitlines()
    facts, history = show(cli), load_model("default").history

    assert trained.out == ""
    assert "\x1b" not in trained.err
    assert first == "Training on the starter names; `namegen download` gets 20,050 surnames."
    assert where == f"Model default: {finished[0] / 'models' / 'default.safetensors'}"
    figures = f"training {history.training[-1]:.3f}, validation {history.validation[-1]:.3f}"
    assert losses == f"Final loss in nats per letter: {figures}"
    assert re.fullmatch(
        rf"Kept the model .*, which has the lowest validation loss: {facts['validation_loss']:.3f}", kept
    )
    assert following == "Next: namegen sample German ABC"
    (last,) = [line for line in trained.err.splitlines() if line.startswith("100%")]
    assert re.match(r"100%  300/300  0:\d\d  loss \d\.\d{3}  validation \d\.\d{3}  .*\(\w+\)", last)
    assert "few" not in trained.err


REPEATS = "the model will repeat many of them (fewer with --init pretrained)"


@pytest.mark.parametrize(
    ("count", "options", "warning"),
    [
        (1, (), f"1 name is few: {REPEATS}; no names are held out to measure the loss."),
        (12, ("--validation", 0), f"12 names are few: {REPEATS}."),
        (199, ("--validation", 0.5), f"199 names are few: {REPEATS}."),
        (250, ("--validation", 0.01), "250 names are few: no names are held out to measure the loss."),
        (400, (), None),
    ],
)
def test_a_small_list_gets_a_warning(cli, tmp_path, count, options, warning):
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [f"A{a}{b}" for a in letters for b in letters][:count]
    data = write_names(tmp_path, names=" ".join(names))
    trained = cli("train", "--iters", 16, "--hidden-size", 4, "--data", data, *options)
    assert trained.code == 0
    assert [line for line in trained.err.splitlines() if "few" in line] == ([warning] if warning else [])


def test_plain_lines_come_every_five_percent(cli):
    trained = cli("train", "--iters", 400, "--batch-size", 5, "--hidden-size", 4, "--validation", 0)
    percents = [int(percent) for percent in re.findall(r"^ *(\d+)%", trained.err, re.MULTILINE)]
    assert len(percents) == 20
    assert all(due <= percent < due + 5 for percent, due in zip(percents, range(5, 101, 5), strict=True))
    assert "validation" not in trained.err


def test_the_tutorial_recipe_has_a_line_every_5000_iterations_with_the_loss_of_the_last_name(cli):
    trained = cli("train", "--recipe", "tutorial", "--iters", 11_000, "--hidden-size", 2)
    lines = [line for line in trained.err.splitlines() if "%" in line]
    assert [line.split()[1] for line in lines] == ["5,000/11,000", "10,000/11,000", "11,000/11,000"]
    assert all(re.search(r"loss of the last name \d+\.\d{4}$", line) for line in lines)


def test_the_best_recipe_says_which_network_it_trains_and_ends_in_a_model(cli):
    done = cli("train", "--recipe", "best", "--iters", 1_200, "--hidden-size", 8)

    assert done.code == 0, done.err
    assert "GRU of 8 units, taught by 2 others and an n-gram" in done.err
    for name in ("teacher 1 of 2", "teacher 2 of 2", "taught"):
        assert f"  {name}  " in done.err
    assert "(against its teachers)" in done.err
    assert len(cli("sample", "German", "ABC").out.splitlines()) == 3
    assert "training.distillation.teachers\t2" in cli("models", "show").out


def test_quiet_training_prints_errors_only(cli, tmp_path):
    trained = cli("train", *TINY, "--quiet", "--data", write_names(tmp_path))
    assert (trained.code, trained.out, trained.err) == (0, "", "")
    assert is_one_error(cli("train", "--iters", 0, "--quiet"), 2)


@pytest.mark.parametrize(
    ("files", "where"),
    [
        (["Elves.txt"], ("--model", "elves")),
        (["Dark Elves.txt", "High Elves.txt"], ("-o", "my names")),
        (["Dark Elves.txt"], ("-o", "a/mine")),
    ],
    ids=str,
)
def test_the_next_command_works_as_it_is_printed(cli, tmp_path, monkeypatch, files, where):
    monkeypatch.chdir(tmp_path)
    for file in files:
        write_names(tmp_path / "names", file)
    trained = cli("train", "--iters", 64, "--hidden-size", 4, "--data", "names", *where)
    sampled = cli(*command_after(trained.err, "Next:"))
    assert (sampled.code, sampled.err) == (0, "")
    assert [name[0] for name in sampled.out.splitlines()] == ["A", "B", "C"]


# What it refuses


@pytest.mark.parametrize("device", ["cuda:7", "mps"])
def test_a_device_that_does_not_exist_is_one_clear_line(cli, cache, device, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    trained = cli("train", *TINY, "--device", device)
    assert is_one_error(trained, 1)
    assert device in trained.err
    assert "--device cpu" in trained.err
    assert not list(cache.rglob("*.safetensors"))


@pytest.mark.parametrize(
    "options",
    [
        *(f"{name}={value}" for name in ("--iters", "--threads", "--lr") for value in ("0", "-1", "nan", "inf", "x")),
        *(f"{name}={value}" for name in ("--dropout", "--validation") for value in ("-0.1", "1", "nan", "x")),
        *(f"--seed={value}" for value in ("-1", "1.5", str(2**64))),
        *("--hidden-size=0", "--batch-size=0", "--save-every=0", "--recipe=secret", "--arch=secret"),
        *(f"--device={value}" for value in ("nonsense", "cpu:1", "cuda:x", "")),
        *(f"--model={value}" for value in ("two words", "..", ".hidden", "-", "ä", "")),
        "--data=",
    ],
)
def test_an_invalid_value_is_wrong_usage(cli, options):
    assert is_one_error(cli("train", *TINY, options), 2)


@pytest.mark.parametrize("option", [(), ("--resume",), ("--force",)])
@pytest.mark.parametrize("name", ["pretrained", "people"])
def test_the_name_of_an_included_model_is_refused(cli, name, option):
    before = included_location(name).model.read_bytes()
    refused = cli("train", *TINY, "--model", name, *option)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == f"Error: {name} is an included model; use another name\n"
    assert included_location(name).model.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--model", "folder/mine"), "-o folder/mine"),
        (("--model", "elves", "-o", "elves"), "use one of them"),
        (("-o", "."), "folder"),
        (("-o", "/dev/null"), "not a regular file"),
        (("-o", "elves.run"), "unfinished run"),
        (("--recipe", "best", "--iters", 2), "2 iterations are too few for 2 teachers and their pupil"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_wrong_usage(cli, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    refused = cli("train", *TINY, *options)
    assert is_one_error(refused, 2)
    assert message in refused.err


def test_an_output_that_cannot_be_written_is_refused_before_the_training(cli, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    trained = cli("train", *TINY, "-o", tmp_path / "file" / "mine.safetensors")
    assert is_one_error(trained, 1)
    assert "cannot write" in trained.err
    assert "%" not in trained.err


def test_running_out_of_memory_says_what_to_lower(cli, monkeypatch):
    def build_network(*_):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")

    monkeypatch.setattr(networks, "build_network", build_network)
    failed = cli("train", *TINY)
    assert is_one_error(failed, 1)
    assert "not enough memory; for training, use a smaller --hidden-size" in failed.err


# Unfinished runs


def test_an_unfinished_run_needs_resume_or_force_and_hinders_no_other_model(cli):
    checkpoint = leave_unfinished(iterations=128)
    before = checkpoint.read_bytes()
    trained = cli("train", *TINY)
    assert is_one_error(trained, 1)
    assert "--resume" in trained.err
    assert "--force" in trained.err
    assert checkpoint.read_bytes() == before
    assert is_one_error(cli("train", "--resume", "--force"), 2)
    assert cli("train", "--iters", 1, "--hidden-size", 4, "-m", "elves").code == 0


@pytest.mark.parametrize("options", [("--force", "--iters", 128, "--hidden-size", 8), ("--resume", "--iters", 128)])
def test_force_and_resume_end_in_the_model_of_an_uninterrupted_run(cli, tmp_path, options):
    checkpoint = leave_unfinished(iterations=128)
    assert cli("train", *options).code == 0
    assert not checkpoint.exists()
    cli("train", "--iters", 128, "--hidden-size", 8, "-o", tmp_path / "whole")
    assert cached_location("default").model.read_bytes() == (tmp_path / "whole").read_bytes()


def test_resume_refuses_options_that_disagree_and_other_names(cli, tmp_path):
    checkpoint = leave_unfinished(iterations=128)
    options = [
        *[("--iters", 641), ("--hidden-size", 16), ("--arch", "rnn"), ("--recipe", "tutorial"), ("--dropout", "0.1")],
        *[("--batch-size", 1), ("--learning-rate", "0.1"), ("--validation", 0), ("--save-every", 5), ("--seed", 9)],
    ]
    for option, value in options:
        trained = cli("train", "--resume", option, value)
        assert is_one_error(trained, 2)
        assert f"not {value}" in trained.err
    trained = cli("train", "--resume", "--data", write_names(tmp_path))
    assert is_one_error(trained, 2)
    assert "starter" in trained.err
    assert checkpoint.is_file()


def test_resume_with_another_number_of_threads_says_that_the_model_is_not_exactly_the_same(cli):
    leave_unfinished(iterations=128)
    trained = cli("train", "--resume", "--threads", 2)
    assert trained.code == 0
    assert any("threads" in line and "may differ" in line for line in trained.err.splitlines())


def test_resume_without_a_run_or_from_a_damaged_one_is_one_clear_line(cli):
    missing = cli("train", "--resume")
    assert is_one_error(missing, 1)
    assert "no unfinished training run" in missing.err
    checkpoint = leave_unfinished(iterations=128)
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    damaged = cli("train", "--resume")
    assert is_one_error(damaged, 1)
    assert str(checkpoint) in damaged.err


def test_an_older_model_stays_until_the_run_ends_and_a_note_says_so(cli, monkeypatch):
    cli("train", *TINY)
    before = cached_location("default").model.read_bytes()
    stop_at_first_report(monkeypatch)
    stopped = cli("train", *TINY, "--seed", 2)
    assert stopped.code == 130
    assert "The existing model default stays in use until the training ends.\n" in stopped.err
    assert cached_location("default").model.read_bytes() == before
    assert cached_location("default").checkpoint.is_file()


@pytest.mark.parametrize("option", ["--iters=16", "--force", "--resume"])
def test_a_second_training_of_a_model_is_refused_and_says_which_process_is_first(cli, option):
    checkpoint = leave_unfinished(iterations=128)
    before = checkpoint.read_bytes()
    with hold_lock(cached_location("default").lock, "training default"):
        trained = cli("train", option)
        assert cli("train", "--iters", 1, "--hidden-size", 4, "--model", "elves").code == 0
    assert is_one_error(trained, 1)
    assert f"process {os.getpid()} is already training default" in trained.err
    assert checkpoint.read_bytes() == before


# Stopped by a signal


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_stops_it_with_the_state_saved_and_resume_gives_the_uninterrupted_model(
    cli, trained, tmp_path, monkeypatch, number
):
    whole = cached_location("default").model.read_bytes()
    handler = signal.getsignal(number)
    with monkeypatch.context() as patch:
        stop_at_first_report(patch, number)
        stopped = cli("train", *TINY, "-o", tmp_path / "mine")
    assert (stopped.code, stopped.out) == (128 + number, "")
    assert signal.getsignal(number) is handler
    last = stopped.err.splitlines()[-1]
    assert re.match(r"Stopped after 64 of 300 iterations, and saved\. Resume with: namegen train ", last)
    assert not (tmp_path / "mine").exists()
    assert cli(*command_after(last, "Resume with:")).code == 0
    assert (tmp_path / "mine").read_bytes() == whole


@pytest.mark.slow
@pytest.mark.parametrize(("before", "code"), [((), 129), (("nohup",), 0)])
def test_a_training_ends_with_its_terminal_unless_it_was_started_with_nohup(tmp_path, before, code):
    process = subprocess.Popen(
        [*before, sys.executable, "-m", "namegen", "train", "--iters", "10000", "--hidden-size", "8", "-o", "mine"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert any("%" in line for line in process.stderr)
    process.send_signal(signal.SIGHUP)
    process.communicate()
    assert process.returncode == code
    assert (tmp_path / ("mine" if code == 0 else "mine.run")).is_file()


@pytest.mark.parametrize(
    "where",
    [(), ("--model", "elves"), ("-o", "my names"), ("--data", "Elves.txt"), ("--data", "my elves.txt")],
    ids=str,
)
def test_the_command_to_resume_works_as_it_is_printed(cli, tmp_path, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    write_names(tmp_path)
    write_names(tmp_path, "my elves.txt")
    with monkeypatch.context() as patch:
        stop_at_first_report(patch)
        stopped = cli("train", "--iters", 96, "--hidden-size", 4, *where)
    assert stopped.code == 130
    resumed = cli(*command_after(stopped.err, "Resume with:"))
    assert resumed.code == 0
    assert "Next:" in resumed.err


@pytest.mark.parametrize("where", [(), ("--model", "elves"), ("-o", "my elves"), ("-o", "default")], ids=str)
def test_resume_finds_the_names_again_from_another_folder(cli, tmp_path, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    write_names(tmp_path / "names")
    with monkeypatch.context() as patch:
        stop_at_first_report(patch)
        cli("train", "--iters", 96, "--hidden-size", 4, *where, "--data", "names")
    if where[:1] != ("-o",):
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
    assert cli("train", *where, "--resume").code == 0


@pytest.mark.parametrize("where", [(), ("--model", "elves"), ("-o", "my elves"), ("-o", "default")], ids=str)
def test_resume_without_the_moved_names_prints_the_command_that_has_their_path(cli, tmp_path, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    names = write_names(tmp_path)
    with monkeypatch.context() as patch:
        stop_at_first_report(patch)
        cli("train", "--iters", 96, "--hidden-size", 4, *where, "--data", names)
    moved = names.rename(tmp_path / "moved.txt")
    trained = cli("train", *where, "--resume")
    assert is_one_error(trained, 2)
    assert f"the run began with names from {names}, which does not exist; give their path" in trained.err
    program, *arguments = shlex.split(re.search("`(.*)`", trained.err)[1])
    assert (program, arguments.count("PATH")) == ("namegen", 1)
    moved.rename(tmp_path / "Elves.txt.bak")
    renamed = write_names(tmp_path / "new")
    assert cli(*(str(renamed) if argument == "PATH" else argument for argument in arguments)).code == 0


def test_quiet_training_that_was_stopped_still_prints_how_to_resume(cli, monkeypatch):
    monkeypatch.setattr(progress._SaveNotes, "__call__", lambda *_: signal.raise_signal(signal.SIGTERM))
    stopped = cli("train", *TINY, "--quiet")
    assert stopped.code == 143
    assert len(stopped.err.splitlines()) == 1
    assert "--resume" in stopped.err

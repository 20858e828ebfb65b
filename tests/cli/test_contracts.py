"""The contracts of every command: usage, help, exit codes and imports."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import namegen
from namegen.datasets.dataset import hash_name
from namegen.models.store import cached_location, load_model
from namegen.recipes import FINE_TUNING, training_config
from support import REPOSITORY, all_commands, save_model

COMMANDS = dict(all_commands())


@pytest.fixture
def model(cache):
    save_model()


# Usage and help


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["--nonsense"], "namegen"),
        (["nonsense"], "namegen"),
        (["sample", "--nonsense"], "namegen sample"),
        (["sample", "German", "A", "B"], "namegen sample"),
        (["sample", "-n"], "namegen"),
        (["sample", "-n", "many"], "namegen sample"),
        (["train", "extra"], "namegen train"),
        (["models", "rm"], "namegen models rm"),
        (["models", "nonsense"], "namegen models"),
        (["categories", "--format", "xml"], "namegen categories"),
    ],
    ids=str,
)
def test_wrong_usage_is_one_line_that_says_which_help_to_see(cli, model, arguments, command):
    refused = cli(*arguments)
    assert refused.is_error(2)
    assert refused.out == ""
    assert refused.err.endswith(f"; see `{command} --help`\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sampel", "German"], "Error: No such command 'sampel'. Did you mean 'sample'? See `namegen --help`\n"),
        (["score"], "Error: Missing argument 'CATEGORY'; see `namegen score --help`\n"),
    ],
)
def test_usage_errors_have_suggestions(cli, arguments, message):
    assert cli(*arguments).err == message
    assert "--temperature" in cli("sample", "--temprature", "1").err


@pytest.mark.parametrize(
    "arguments",
    [
        *(["sample", "--model", "none"], ["categories", "--model", "none"], ["plot", "none"], ["train", "--resume"]),
        *(["models", "show", "none"], ["models", "path", "none"], ["models", "rm", "none"], ["evaluate", "none"]),
        ["train", "--data", "none.txt"],
    ],
    ids=" ".join,
)
def test_a_failure_is_one_line_and_exit_code_1(cli, model, arguments):
    failed = cli(*arguments)
    assert failed.is_error(1)
    assert failed.out == ""


@pytest.mark.parametrize(("arguments", "code"), [(["plot", "none"], 1), (["sample", "Nonsense"], 2)])
def test_debug_shows_a_traceback_and_keeps_the_exit_code(cli, model, arguments, code):
    failed = cli("--debug", *arguments)
    assert "Traceback" in failed.err
    assert failed.err.splitlines()[-1].startswith("Error: ")
    assert failed.code == code


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_goes_to_stdout_within_80_columns(cli, words):
    shown = cli(*words, "--help")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith(f"Usage: {' '.join(['namegen', *words])} ")
    assert max(map(len, shown.out.splitlines())) <= 80
    assert cli(*words, "-h").out == shown.out


RECIPES = {
    "short runs": training_config(iterations=30_000),
    "best": training_config("best"),
    "tutorial": training_config("tutorial"),
    "--init": FINE_TUNING,
}


@pytest.mark.parametrize(
    "field",
    [
        *("iterations", "architecture", "hidden_size", "dropout", "batch_size", "learning_rate"),
        *("validation", "save_every", "seed"),
    ],
)
def test_the_help_of_train_has_the_defaults_of_every_recipe(field):
    name = {"iterations": "iters", "architecture": "arch"}.get(field, field)
    (text,) = [option.help for option in COMMANDS["train",].params if option.name == name]
    default, *others = text.partition("[default: ")[2].removesuffix("]").split(", ")
    stated = dict(other.split(": ") for other in others)
    kind = type(getattr(training_config(), field))
    assert kind(default) == getattr(training_config(), field)
    for recipe, config in RECIPES.items():
        # The tutorial's dropout is the rnn's, and the other two depend on the names and the iterations.
        if (recipe, field) not in {("short runs", "iterations"), ("--init", "iterations"), ("tutorial", "dropout")}:
            assert kind(stated.get(recipe, default)) == getattr(config, field)


def test_the_help_of_sample_has_the_defaults_of_the_included_model():
    text = {option.name: option.help for option in COMMANDS["sample",].params}
    sampling = load_model("pretrained").sampling
    for name in ("temperature", "top_p", "dropout", "guidance", "floor"):
        assert f"[default: the model's, usually {getattr(sampling, name):g}]" in text[name]


def test_the_help_lists_every_command_with_a_whole_sentence(cli):
    listed = cli("--help").out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert {line.split()[0] for line in listed} == {words[0] for words in COMMANDS if words}
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)
    alone = cli()
    assert alone.code == 2
    assert "\nCommands:\n" in alone.err


def test_version_is_that_of_the_package(cli):
    shown = cli("--version")
    assert (shown.code, shown.out, shown.err) == (0, f"namegen {namegen.__version__}\n", "")


# Imports

SLOW = ("torch", "matplotlib", "pooch", "requests", "rich", "plotext")
NEEDLESS = ("namegen.cli.train", "namegen.cli.download", "namegen.datasets.dataset")
NEEDLESS += ("namegen.models.networks", "unidecode", "filelock", "tempfile", "secrets")
NEEDLESS += ("numpy.random", "numpy.ma", "numpy.fft")
NEEDLESS += ("namegen.datasets.options", "namegen.datasets.transliteration", "namegen.sampling.closed")
NEEDLESS += ("namegen.models.inference_torch", "namegen.models.scoring", "namegen.sampling.top_names")


def imported_by(statement: str, modules: tuple[str, ...]) -> list[str]:
    """Those of the modules that a statement imports in a new interpreter."""
    code = f"import sys; {statement}\nprint('\\n', *set(sys.argv[1:]) & set(sys.modules), file=sys.__stdout__)"
    done = subprocess.run([sys.executable, "-c", code, *modules], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()[-1].split()


def test_importing_the_package_imports_nothing_slow():
    assert imported_by("import namegen", (*SLOW, "numpy", "typer")) == []


@pytest.mark.parametrize(
    ("arguments", "modules"),
    [
        (["train", "--help"], (*SLOW, "numpy")),
        (["sample", "German", "ABC"], (*SLOW, *NEEDLESS, "typer")),
        (["sample", "Germn"], (*SLOW, "typer")),
        (["sample", "German", "--count", "3"], (*SLOW, *NEEDLESS)),
        (["train", "--recipe", "instant", "--data", "starter"], SLOW),
        (["score", "German", "Anna"], SLOW),
        (["classify", "Anna"], SLOW),
        (["models"], SLOW),
    ],
    ids=str,
)
def test_what_should_start_at_once_imports_nothing_slow(model, arguments, modules):
    assert imported_by(f"from namegen.cli import main; main({arguments})", modules) == []


@pytest.mark.parametrize(
    "words", [[], ["German"], ["German", "ABC"], ["ABC"], ["german"], ["Germn", "A"], [""], ["German", ""]], ids=str
)
def test_a_command_without_options_does_what_it_does_with_them(cli, model, monkeypatch, words):
    monkeypatch.setattr(os, "urandom", bytes)  # which makes the seed 0
    without, parsed = cli("sample", *words), cli("sample", *words, "--format", "text")
    assert without == parsed
    assert without.out or without.is_error(2)


def test_too_many_arguments_are_wrong_usage(cli, model):
    assert cli("sample", "German", "ABC", "DEF").is_error(2)


def test_everything_written_before_the_exit_arrives():
    code = "import atexit, sys; atexit.register(print, 'last'); from namegen.cli import command; sys.exit(command())"
    done = subprocess.run(
        [sys.executable, "-c", code, "sample", "German", "ABC", "-m", "pretrained"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [line[0] for line in done.stdout.splitlines()] == ["A", "B", "C", "l"]


def test_everything_but_training_works_without_torch(model, tmp_path):
    packages = tmp_path / "packages"
    packages.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("torch", "functorch")) and entry.suffix != ".pth":
            (packages / entry.name).symlink_to(entry)
    places = os.pathsep.join([str(packages), str(REPOSITORY / "src")])

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-S", *arguments],
            env={**os.environ, "PYTHONPATH": places, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    hashes = np.array([int.from_bytes(hash_name(b"Otto"), "big")], np.uint64)
    replace(cached_location("default").load(), name_hashes=hashes).save(cached_location("trained").model)
    (tmp_path / "German.txt").write_text("Anna\nOtto\n", encoding="utf-8")
    assert "No module named 'torch'" in run("-c", "import torch").stderr
    sampled = run("-m", "namegen", "sample", "German", "ABC")
    assert (sampled.returncode, sampled.stderr) == (0, "")
    assert [name[0] for name in sampled.stdout.splitlines()] == ["A", "B", "C"]
    assert run("-m", "namegen", "score", "German", "Anna").stdout.startswith("Anna\t")
    assert run("-m", "namegen", "classify", "Anna").stdout.startswith("Anna\t")
    evaluated = run("-m", "namegen", "evaluate", "trained", "--data", "German.txt", "-n", "1")
    assert evaluated.stdout.startswith("category\t")
    trained = run("-m", "namegen", "train", "--iters", "640", "--hidden-size", "8")
    assert trained.returncode == 1
    assert "Traceback" not in trained.stderr
    assert "torch" in trained.stderr.splitlines()[-1]

"""Test namegen-rnn-slim in an environment that contains it, pytest and Faker, and not the packages it leaves out.

``make test-slim`` creates the environment. The tests of the repository's own folder need torch and do not run there.
"""

from __future__ import annotations

import subprocess
import sysconfig
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

import pytest

LEFT_OUT = ("matplotlib", "plotext", "pooch", "requests", "torch")
NETWORK = "training a network needs torch, which is not installed; install it with `pip install torch`, or use the "
NETWORK += "recipe instant"
DOWNLOAD = "downloading needs pooch, which is not installed; install it with `pip install pooch`"
FILE_PLOT = "plotting to a file needs matplotlib, which is not installed; install it with `pip install matplotlib`"
TERMINAL_PLOT = "plotting in the terminal needs plotext, which is not installed; install it with "
TERMINAL_PLOT += "`pip install 'plotext<6'`, or plot to a file"
DEVICE = "the device cuda needs torch, which is not installed; install it with `pip install torch`, or use the "
DEVICE += "device cpu"
COMMAND = Path(sysconfig.get_path("scripts")) / "namegen"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working directory and a cache of the test's own."""
    for name in ("PYTHONPATH", "NAMEGEN_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NAMEGEN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("elves.txt").write_text("Aelrindel Caladwen Elarian Faelivrin Ilrenneth Laewyn Orlindir".replace(" ", "\n"))
    return tmp_path


def run(*arguments):
    """Run the command; return its results, its notes and its exit code."""
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False)
    return done.stdout.splitlines(), done.stderr.splitlines(), done.returncode


def succeed(*arguments):
    out, err, code = run(*arguments)
    assert code == 0, err
    return out


def test_the_environment_lacks_what_slim_leaves_out():
    assert [name for name in LEFT_OUT if find_spec(name)] == []
    assert distribution("namegen-rnn-slim").locate_file("namegen") == Path(sysconfig.get_path("purelib")) / "namegen"
    with pytest.raises(PackageNotFoundError):
        distribution("namegen-rnn")
    assert run("--version") == ([f"namegen {distribution('namegen-rnn-slim').version}"], [], 0)


def test_it_samples_names_and_people():
    assert [name[0] for name in succeed("sample", "German", "ABC", "--device", "auto")] == ["A", "B", "C"]
    people = succeed("people", "Hungarian", "Icelandic", "-n", "2", "--seed", "1")
    assert len(people) == 2
    assert all(" " in name for name in people)
    assert len(succeed("sample", "--like", "elves.txt", "-n", "3", "--seed", "1")) == 3
    assert len(succeed("sample", "Polish", "--top", "3")) == 3


def test_it_trains_an_ngram_and_evaluates_it():
    succeed("train", "--recipe", "instant", "--model", "quick")
    assert [name[0] for name in succeed("sample", "--model", "quick", "Irish", "MO")] == ["M", "O"]
    assert succeed("evaluate", "quick", "-n", "20", "--all")[-1].startswith("micro\t")
    assert [line.split("\t")[0] for line in succeed("models")] == ["name", "quick", "pretrained", "people"]


def test_it_scores_and_classifies():
    probable, improbable = succeed("score", "Russian", "Ivanov", "Xqzzyk")[-2:]
    assert float(probable.split("\t")[1]) > float(improbable.split("\t")[1])
    assert succeed("classify", "Ivanov")[-1].split("\t")[:2] == ["Ivanov", "Russian"]


def test_the_provider_for_faker_invents_people():
    from faker import Faker

    import namegen.faker

    fake = Faker("hu_HU")
    fake.add_provider(namegen.faker.Provider)
    fake.seed_instance(1)
    assert " " in fake.invented_full_name()
    assert fake.invented_last_name("Kov").startswith("Kov")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train", NETWORK),
        ("train --recipe tutorial --device cuda", NETWORK),
        ("train --init pretrained --data elves.txt --model elves", NETWORK),
        ("train --resume", NETWORK),
        ("plot pretrained", TERMINAL_PLOT),
        ("plot pretrained -o loss.png", FILE_PLOT),
        ("evaluate pretrained --data elves.txt -o picture.png", FILE_PLOT),
        ("download", DOWNLOAD),
        (
            "sample German ABC --device cuda",
            DEVICE,
        ),
        (
            "export pretrained model.onnx",
            "exporting to ONNX needs onnx, which is not installed; install it with `pip install onnx`",
        ),
    ],
)
def test_what_it_cannot_do_says_what_to_install(folder, arguments, message):
    assert run(*arguments.split()) == ([], [f"Error: {message}"], 1)
    left = [path for path in (folder / "cache").rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert left == []
    assert [path.name for path in folder.iterdir() if path.name not in ("cache", "elves.txt")] == []


def test_options_are_checked_before_packages():
    assert run("plot", "pretrained", "-o", "loss.txt")[2] == 2
    assert run("train", "--recipe", "slow")[2] == 2
    assert run("sample", "German", "--device", "gpu")[2] == 2


def test_the_library_raises_the_same_lines():
    import namegen

    cases = [
        (lambda: namegen.train(["Anna", "Otto"] * 20, iterations=640), NETWORK),
        (lambda: namegen.plot_history("pretrained", "loss.png"), FILE_PLOT),
        (lambda: namegen.download("surnames"), DOWNLOAD),
    ]
    for call, message in cases:
        with pytest.raises(namegen.NamegenError) as raised:
            call()
        assert str(raised.value) == message
        assert isinstance(raised.value, ImportError)

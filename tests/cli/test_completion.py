"""What shells complete: the right words, quoted as bash wants it, at once, and not a word about what is wrong."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from namegen import paths
from namegen.cli.bash import read_line
from namegen.cli.completing import answer
from namegen.datasets.catalogue import CATALOGUE
from namegen.models.model import Checkpoint
from namegen.models.store import cached_location, pretrained_location
from namegen.recipes import training_config
from support import AWKWARD, all_commands, make_model, save

COMMANDS = dict(all_commands())
OPTIONS = [
    pytest.param(words, option, id=" ".join([*words, option.opts[0]]))
    for words, command in COMMANDS.items()
    for option in command.params
    if option.param_type_name == "option"
]
LANGUAGES = pretrained_location().load().categories


def save_run(name, *categories):
    """Put an unfinished training run into the cache."""
    model = make_model(training_config(hidden_size=4, iterations=100), categories=categories)
    Checkpoint(dataclasses.replace(model, iterations=50), {}).save(cached_location(name).checkpoint)


@pytest.fixture
def elves(cache):
    save("elves", "Dark Elves", "High Elves")


def values(before, word="", after=()):
    return [candidate.value for candidate in answer(before.split(), word, after).candidates]


# What may stand where.


def test_commands_are_completed_with_what_they_do():
    found = {candidate.value: candidate.about for candidate in answer([], "").candidates}
    below = COMMANDS[()].commands

    assert list(found) == list(below)
    for name, about in found.items():
        assert below[name].help.startswith(f"{about}.")
    assert values("models") == ["show", "card", "path", "rm"]
    assert values("--debug models --format json") == ["show", "card", "path", "rm"]


@pytest.mark.parametrize(("words", "option"), OPTIONS)
def test_every_option_is_completed_with_what_it_does_until_it_is_given(words, option):
    def offered(*more, word="-"):
        return {candidate.value: candidate.about for candidate in answer([*words, *more], word).candidates}

    assert {option.opts[0], *option.opts} <= offered().keys()
    for name in option.opts:
        assert option.help.startswith(offered()[name])
        assert len(offered()[name]) > 5
        assert (name in offered(word="--")) == name.startswith("--")
        given = [name] if option.is_flag else [name, "1"]
        assert (name in offered(*given)) == option.multiple
    assert not any(candidate.value.startswith("-") for candidate in answer([*words, "--"], "-").candidates)


CHOICES = [param for param in OPTIONS if hasattr(param.values[1].type, "choices")]


@pytest.mark.parametrize(("words", "option"), CHOICES)
def test_every_fixed_choice_is_completed(words, option):
    choices = list(option.type.choices)
    long = next(name for name in option.opts if name.startswith("--"))

    assert len(choices) > 1
    assert values(" ".join([*words, long])) == choices
    assert values(" ".join(words), f"{long}=") == [f"{long}={choice}" for choice in choices]


def test_there_are_options_with_choices_and_without():
    assert 6 <= len(CHOICES) < len(OPTIONS) / 2


@pytest.mark.parametrize(
    "before",
    [
        "sample --exclude",
        "sample -v --exclude",
        "train --output",
        "train -o",
        "plot -o",
        "evaluate -qo",
        "download --from",
    ],
)
def test_files_are_completed_where_a_file_is_wanted(before):
    assert answer(before.split(), "") == ([], True)


@pytest.mark.parametrize(
    "before",
    ["sample --count", "sample -vn", "sample --match", "sample German", "score German", "classify", "sample --shard"],
)
def test_nothing_is_completed_where_anything_may_stand(before):
    assert answer(before.split(), "") == ([], False)


def test_the_model_may_be_any_that_there_is(elves):
    save_run("goblins", "Goblins")
    for before in (
        "sample -m",
        "sample German --model",
        "categories -m",
        "evaluate",
        "plot",
        "plot elves",
        "models show",
    ):
        assert values(before) == ["elves", "goblins", "pretrained"]
        assert not answer(before.split(), "").files
        assert answer(before.split(), "./").files  # or a file, where no name begins so
    assert values("train --init") == ["elves", "goblins", "pretrained"]
    assert values("sample", "--model=") == ["--model=elves", "--model=goblins", "--model=pretrained"]


def test_to_be_trained_or_removed_it_must_be_one_of_ones_own(elves):
    save_run("goblins", "Goblins")
    for before in ("train --model", "models rm"):
        assert values(before) == ["elves", "goblins"]
        assert not answer(before.split(), "").files


def test_a_dataset_to_be_fetched_is_one_of_the_catalogue():
    assert values("download") == list(CATALOGUE)
    assert not answer(["download"], "").files


def test_names_to_train_on_are_a_dataset_that_is_here_or_a_path(cache):
    assert values("train --data") == ["starter"]
    (cache / "datasets" / ".surnames.tmp").mkdir(parents=True)
    (cache / "datasets" / "surnames").mkdir()

    for before in ("train --data", "train -d", "evaluate -d"):
        assert values(before) == ["starter", "surnames"]
        assert answer(before.split(), "").files


def test_categories_are_those_of_the_chosen_model(elves, monkeypatch, tmp_path):
    assert values("sample") == list(LANGUAGES)
    assert values("score") == list(LANGUAGES)
    for before in ("sample -m elves", "sample --model=elves", "sample -melves -n 3", "score --model elves"):
        assert values(before) == ["Dark Elves", "High Elves"]
    assert values("sample", "", ["-n", "3", "--model", "elves"]) == ["Dark Elves", "High Elves"]  # behind the cursor

    monkeypatch.setenv("NAMEGEN_MODEL", "elves")
    assert values("sample") == ["Dark Elves", "High Elves"]
    assert values("sample -m pretrained") == list(LANGUAGES)

    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copy(cached_location("elves").model, tmp_path / "mine.safetensors")
    assert values(f"sample -m {tmp_path}/mine.safetensors") == ["Dark Elves", "High Elves"]
    assert values("sample -m ~/mine.safetensors") == ["Dark Elves", "High Elves"]


def test_categories_are_those_of_the_default_model_finished_or_not(cache):
    save_run("default", "Goblins")
    assert values("sample") == ["Goblins"]
    save("default", "Orcs")
    assert values("sample") == ["Orcs"]


def test_behind_a_plus_categories_make_a_blend():
    save("elves", "Dark Elves", "High Elves", "A+B")

    assert values("sample -m elves", "Dark Elves:2+Hi") == [
        f"Dark Elves:2+{category}" for category in ("Dark Elves", "High Elves", "A+B")
    ]
    assert "A+B" in values("sample -m elves", "A+")


def test_what_would_pass_for_an_option_is_completed_behind_two_hyphens():
    save("odd", "-n", "X")

    assert values("sample -m odd") == ["X"]
    assert values("sample -m odd --") == ["-n", "X"]


def test_where_only_an_option_can_follow_options_are_completed():
    assert "--iters" in values("train")
    assert "--format" in values("sample German ABC")
    assert values("train", "x") == []
    assert values("nosuch") == []


# Speed, and what can go wrong.


def ask(*words, **environment):
    """Ask the command, as a process of its own, what may stand behind these words."""
    return subprocess.run(
        [sys.executable, "-m", "namegen", "__complete", "words", str(len(words) + 1), "namegen", *words, ""],
        env=os.environ | environment,
        capture_output=True,
        encoding=environment.get("PYTHONIOENCODING", "utf-8"),
        check=True,
    )


@pytest.mark.parametrize(
    ("words", "expected"), [((), "sample"), (("train", "--recipe"), "best"), (("sample",), "German")]
)
def test_an_answer_waits_for_nothing_heavy(words, expected):
    done = ask(*words, PYTHONPROFILEIMPORTTIME="1")
    imported = set(re.findall(r"\| +([\w.]+)$", done.stderr, re.MULTILINE))

    assert expected in [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert "json" in imported
    assert not imported & {"typer", "click", "rich", "shellingham", "numpy", "torch", "platformdirs"}
    if expected != "German":
        assert not imported & {"pathlib", "dataclasses", "inspect", "traceback", "threading"}


def test_what_is_wrong_with_a_model_is_no_matter_of_completion(cache):
    save("damaged", "X")
    file = cached_location("damaged").model
    file.write_bytes(file.read_bytes()[:100])
    os.mkfifo(file.with_name("pipe.safetensors"))
    for model in ("damaged", "pipe", "nosuch", "./no/such.safetensors", "", "~nobody/x", "\udcff", "x" * 9000):
        done = ask("sample", "-m", model)
        assert (done.stdout, done.stderr) == ("", "")


def header_of(categories):
    """A file that has no more than these categories."""
    metadata = {"namegen": json.dumps({"categories": categories})}
    header = json.dumps({"__metadata__": metadata}).encode()
    return len(header).to_bytes(8, "little") + header


@pytest.mark.parametrize("categories", [["\x1b[31mred"], ["a\nb"], ["a\tb"], "German", [1], None, {"German": 1}])
def test_categories_that_no_terminal_should_see_are_not_shown(categories, cache):
    file = cached_location("odd").model
    file.parent.mkdir(parents=True)
    file.write_bytes(header_of(categories))
    assert ask("sample", "-m", "odd").stdout == ""

    file.write_bytes(header_of(["Fine"]))
    assert ask("sample", "-m", "odd").stdout == "words\nFine\n"


def test_names_of_files_that_no_terminal_should_see_are_not_shown(elves):
    cached_location("elves").model.with_name("\x1b[31mred.safetensors").write_bytes(b"")
    cached_location("elves").model.with_name("a b.safetensors").write_bytes(b"")
    assert ask("sample", "-m").stdout == "words\nelves\npretrained\n"


@pytest.mark.parametrize("request_", [[], ["words"], ["words", "9", "a"], ["words", "x", "a"], ["zsh"], ["bash", "a"]])
def test_a_request_that_makes_no_sense_gets_no_answer(request_):
    line = [sys.executable, "-m", "namegen", "__complete", *request_]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_where_nobody_takes_the_answer_nothing_is_said():
    line = [sys.executable, "-m", "namegen", "__complete", "words", "1", "namegen", ""]
    for out in ("/dev/full", "&-"):
        done = subprocess.run(["sh", "-c", f'"$@" >{out}', "sh", *line], capture_output=True, text=True, check=True)
        assert done.stderr == ""


def test_letters_that_the_terminal_does_not_have_are_left_out():
    save("mixed", "Ägypten", "Plain", "日本")
    done = ask("sample", "-m", "mixed", PYTHONIOENCODING="latin-1")
    assert done.stdout == "words\nÄgypten\nPlain\n"


def test_in_a_cache_that_cannot_be_there_the_rest_is_completed(monkeypatch):
    monkeypatch.setenv("NAMEGEN_CACHE_DIR", "~nobody-of-this-name")
    assert ask("sample", "-m").stdout == ""
    assert "German" in ask("sample", "-m", "pretrained").stdout


def test_the_file_of_what_is_completed_is_up_to_date(docs_script):
    script = docs_script("generate_completion.py")
    written = (paths.DATA_DIR / "commands.json").read_text(encoding="utf-8")
    assert script["table"]() == written, "write it anew with `make docs`"


def test_nothing_is_said_of_values_that_do_not_exist(docs_script):
    script = docs_script("generate_completion.py")
    called = {
        (words, re.sub(r"^\W+|\W+$", "", parameter.metavar))
        for words, command in COMMANDS.items()
        for parameter in command.params
        if parameter.metavar
    }
    needed = {value for _, value in called} | {" ".join([*words, value]) for words, value in called}
    assert script["TAKES"].keys() <= needed, "this is not called so any more"


# Lines as bash has them.


@pytest.mark.parametrize(
    ("text", "replaced", "before", "word", "kept", "quote"),
    [
        ("namegen sa", "sa", [], "sa", "", ""),
        ("namegen sample ", "", ["sample"], "", "", ""),
        ("namegen sample -m 'my elves' Da", "Da", ["sample", "-m", "my elves"], "Da", "", ""),
        (r"namegen sample Dark\ El", r"Dark\ El", ["sample"], "Dark El", "", ""),
        ('namegen sample "Dark El', "Dark El", ["sample"], "Dark El", "", '"'),
        (r'namegen sample "a\$\"b\c', r"a\$\"b\c", ["sample"], 'a$"b\\c', "", '"'),
        ("namegen sample 'Dark El", "Dark El", ["sample"], "Dark El", "", "'"),
        ('namegen sample "Dark Elves"+Hi', '"Dark Elves"+Hi', ["sample"], "Dark Elves+Hi", "", ""),
        ("namegen sample German:2+It", "2+It", ["sample"], "German:2+It", "German:", ""),
        ("namegen sample --format=js", "js", ["sample"], "--format=js", "--format=", ""),
        ("namegen sample German+'It", "It", ["sample"], "German+It", "German+", "'"),
        ("namegen sample 2>log -n 5 Ge", "Ge", ["sample", "-n", "5"], "Ge", "", ""),
        ("namegen models | namegen sample Ge", "Ge", ["sample"], "Ge", "", ""),
        ("a; b && namegen sample Ge", "Ge", ["sample"], "Ge", "", ""),
        ("namegen sample Ge\\", "Ge\\", ["sample"], "Ge", "", ""),
        ("namegen sample '' Ge", "Ge", ["sample", ""], "Ge", "", ""),
    ],
)
def test_a_line_is_read_as_bash_reads_it(text, replaced, before, word, kept, quote):
    line = read_line(text, "", replaced)
    assert (line.before, line.word, line.kept, line.quote, line.redirects) == (before, word, kept, quote, False)


@pytest.mark.parametrize(
    "text", ["namegen sample > na", "namegen sample 2>na", "namegen sample >>na", "namegen x < na"]
)
def test_what_a_line_redirects_to_is_a_file(text):
    assert read_line(text, "", "na").redirects
    assert reply_to("bash", text, "", "na") == "files\n"


def test_words_behind_the_cursor_count_up_to_the_end_of_the_command():
    assert read_line("namegen sample Ge", "rm -m elves | sort -n", "Ge").after == ["-m", "elves"]
    assert read_line("namegen sample ", " -m elves", "").after == ["-m", "elves"]
    assert read_line("namegen sample ", "Ge -m elves", "").after == ["-m", "elves"]
    assert read_line("namegen sample ", "", "").after == []


def reply_to(*request):
    """What the command answers to a request."""
    line = [sys.executable, "-m", "namegen", "__complete", *request]
    return subprocess.run(line, capture_output=True, encoding="utf-8", check=True).stdout


def written_in_bash(value, quote):
    """What bash makes of the answer: it keeps the mark that is open and adds another, unless the answer has them."""
    written = read_line(f"namegen sample {quote}", "", "").written(value)
    return quote * (not written.startswith(quote)) + written + quote * (not written.endswith(quote))


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_bash_reads_what_it_is_to_write_as_the_value(quote):
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    many = [*AWKWARD, *(f"{a}{b}{c}" for a in "a!'\"\\" for b in " !'\"\\$`*~-日" for c in "b!'\"\\")]
    script = "".join([f"printf '%s\\0' {written_in_bash(value, quote)}\n" for value in many])
    done = subprocess.run(["bash"], input=script.encode(), capture_output=True, check=True, cwd="/")

    assert done.stdout.decode().split("\0")[:-1] == many
    assert done.stderr == b""


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1), st.sampled_from(["", "'", '"']))
@example("!", '"')
def test_what_bash_is_to_write_is_read_back_as_the_value(value, quote):
    line = f"namegen sample {written_in_bash(value, quote)} "
    assert read_line(line, "", "").before == ["sample", value]


def test_a_word_of_which_some_stays_in_place_can_become_only_what_begins_so():
    line = read_line("namegen sample German:2+It", "", "2+It")
    assert line.written("German:2+Italian") == "2+Italian"
    assert line.written("Greek") is None


def test_bash_gets_what_begins_with_the_word_or_else_what_differs_in_case():
    assert reply_to("bash", "namegen sample Ge", "", "Ge").split() == ["words", "German"]
    assert reply_to("bash", "namegen sample ge", "", "ge").split() == ["words", "German"]
    assert reply_to("bash", "namegen sample x", "", "x").split() == ["words"]

"""Completion in real shells: keys are typed in a terminal, TAB among them, and the completed line is run."""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from support import AWKWARD, REPOSITORY, save

pytestmark = pytest.mark.slow

SETTINGS = {
    "bash": (".bashrc", "PS1='$ '\nbind 'set enable-bracketed-paste off'\n"),
    "zsh": (".zshrc", "PS1='$ '\nunset zle_bracketed_paste\n"),
    "fish": (".config/fish/config.fish", "set fish_greeting\n"),
}
INSTALLED = {  # as in docs/completion.md
    "bash": 'eval "$(namegen completion bash)"',
    "zsh": 'autoload -Uz compinit\ncompinit -u\neval "$(namegen completion zsh)"',
    "fish": "namegen completion fish | source",
}
FROM_A_FILE = {
    "bash": (".namegen.bash", "source ~/.namegen.bash"),
    "zsh": ("functions/_namegen", "fpath=(~/functions $fpath)\nautoload -Uz compinit\ncompinit -u"),
    "fish": (".config/fish/completions/namegen.fish", ""),
}
STAND_IN = f"""#!/bin/sh
if [ -n "$_NAMEGEN_COMPLETE" ] || [ "$1" = completion ]; then
    exec {shlex.quote(sys.executable)} -m namegen "$@"
fi
printf '<given>'
printf '%s\\037' "$@"
printf '</given>\\n'
"""
"""Stands in for the command: it completes like the command, and otherwise prints the words that it was given."""

ESCAPES = re.compile(r"\x1b(\[[\d;?]*[A-Za-z]|[=>]|\([B0]|\]\d;[^\x07]*\x07)|\x0f")


class Terminal:
    """A shell in a terminal.

    Attributes:
        name: which shell.
        home: its home folder.
        seen: all that was printed in the terminal.
    """

    def __init__(self, shell, home, setup):
        pexpect = pytest.importorskip("pexpect", reason="pexpect, which types, is not installed")
        if shutil.which(shell) is None:
            pytest.skip(f"there is no {shell}")
        file, settings = SETTINGS[shell]
        for path, text in {file: f"{settings}{setup}\n", "bin/namegen": STAND_IN}.items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text(text, encoding="utf-8")
        (home / "bin" / "namegen").chmod(0o755)
        (home / "folder").mkdir()
        kept = {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}
        environment = kept | {
            "PATH": os.pathsep.join([str(home / "bin"), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(REPOSITORY / "src"), os.environ.get("PYTHONPATH")])),
            "HOME": str(home),
            "ZDOTDIR": str(home),
            "NAMEGEN_CACHE_DIR": str(home / "cache"),
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
        }
        self._shell = pexpect.spawn(
            shell, ["-i"], env=environment, cwd=str(home / "folder"), encoding="utf-8", dimensions=(50, 200)
        )
        self._shell.delaybeforesend = None
        self.name, self.home, self.seen, self._new = shell, home, "", ""
        self._shell.send("echo ready | tr a-z A-Z\r")
        self.wait("READY")

    def type(self, keys):
        """Press keys."""
        self._shell.send(keys)

    def wait(self, expected):
        """Wait for a text; returns what matched, without its colours."""
        while not (found := re.search(expected, ESCAPES.sub("", self._new))):
            if not select.select([self._shell], [], [], 30)[0]:
                pytest.fail(f"did not find {expected!r} in {self._new!r}")
            self._new += self._shell.read_nonblocking(size=10_000)
        self.seen += self._new
        self._new = ""
        return found[0]

    def given(self, keys):
        """Type a line for the stand-in; returns the words that it was given."""
        self.type(f"{keys}\r")
        return self.wait(r"<given>.*</given>")[7:-8].split("\037")[:-1]

    def close(self):
        """Hang up."""
        self._shell.close(force=True)


@pytest.fixture(scope="module", params=INSTALLED)
def shell(request, tmp_path_factory):
    """A shell that completes, for several tests."""
    opened = Terminal(request.param, tmp_path_factory.mktemp("home"), INSTALLED[request.param])
    yield opened
    opened.close()


@pytest.fixture
def at(shell, monkeypatch):
    """The same, with models of this test alone."""
    cache = shell.home / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    monkeypatch.setenv("NAMEGEN_CACHE_DIR", str(cache))
    return shell


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_every_category_is_quoted_for_the_shell(quote, at):
    chosen = [category for category in AWKWARD if not quote or set(category) & set("'\"\\$!`")]
    for number, category in enumerate(chosen):
        save(f"m{number}", category)

    for number, category in enumerate(chosen):
        assert at.given(f"namegen sample -m m{number} {quote}\tA") == ["sample", "-m", f"m{number}", category, "A"]


def test_a_word_that_has_begun_is_completed_within_quotes_or_without(at):
    save("places", "New York", "Côte d'Ivoire", "Elves: High")
    words = ["sample", "-m", "places"]

    assert at.given("namegen sample -m places Ne\tA") == [*words, "New York", "A"]
    assert at.given("namegen sample -m places New\\ Y\tA") == [*words, "New York", "A"]
    assert at.given('namegen sample -m places "New \tA') == [*words, "New York", "A"]
    assert at.given("namegen sample -m places Côt\tA") == [*words, "Côte d'Ivoire", "A"]
    assert at.given('namegen sample -m places "Côt\tA') == [*words, "Côte d'Ivoire", "A"]
    assert at.given("namegen sample -m places 'Elves: High'+Ne\t") == [*words, "Elves: High+New York"]
    assert at.given("namegen sample German:2+It\tA") == ["sample", "German:2+Italian", "A"]


def test_commands_choices_files_and_datasets_are_completed(at):
    (at.home / "folder" / "my names.txt").touch()

    assert at.given("namegen sam\t--form\ttsv") == ["sample", "--format", "tsv"]
    assert at.given("namegen train --recipe=tu\t-q") == ["train", "--recipe=tutorial", "-q"]
    assert at.given("namegen train --data my\t-q") == ["train", "--data", "my names.txt", "-q"]
    assert at.given("namegen sample --exclude=my\tA") == ["sample", "--exclude=my names.txt", "A"]
    assert at.given("namegen plot -o ~/folder/my\t") == ["plot", "-o", f"{at.home}/folder/my names.txt"]
    assert at.given("namegen train --data sta\t-q") == ["train", "--data", "starter", "-q"]
    assert at.given("namegen download mak\t") == ["download", "makemore"]
    assert at.given("~/bin/namegen download mak\t") == ["download", "makemore"]


def test_errors_stay_out_of_the_terminal(at):
    at.seen = ""
    assert at.given("namegen sample -m nosuch Ge\tX") == ["sample", "-m", "nosuch", "GeX"]
    assert at.given("namegen nosuch Ge\tX") == ["nosuch", "GeX"]
    assert not re.search(r"Traceback|[Ee]rror|not found|warning", at.seen, re.ASCII)


def test_what_an_option_does_is_shown_where_the_shell_can(at):
    shown = {
        "bash": r"--recipe +--resume",
        "zsh": r"--recipe +-- An n-gram.*--resume +-- Resume an unfinished run",
        "fish": r"--recipe +\(An n-gram.*--resume +\(Resume an unfinished run",
    }
    at.type("namegen train --re\t\t")
    at.wait(re.compile(shown[at.name], re.DOTALL))
    at.type("\x03")


@pytest.mark.parametrize("shell_name", FROM_A_FILE)
def test_the_script_can_be_installed_as_a_file(cli, shell_name, tmp_path):
    file, setup = FROM_A_FILE[shell_name]
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(cli("completion", shell_name).out, encoding="utf-8")
    at = Terminal(shell_name, tmp_path, setup)

    assert at.given("namegen sample Sco\tA") == ["sample", "Scottish", "A"]
    assert at.given("NAMEGEN_MODEL=pretrained namegen sample Sco\tA") == [
        "sample",
        "Scottish",
        "A",
    ]  # once it is loaded
    at.close()


def test_zsh_without_its_completion_system_starts_it(tmp_path):
    at = Terminal("zsh", tmp_path, 'eval "$(namegen completion zsh)"')
    assert at.given("namegen sample Sco\tA") == ["sample", "Scottish", "A"]
    at.close()


def test_the_package_bash_completion_does_not_interfere(tmp_path):
    package = Path("/usr/share/bash-completion/bash_completion")
    if not package.is_file():
        pytest.skip("the package bash-completion is not installed")
    at = Terminal("bash", tmp_path, f"source {package}\n{INSTALLED['bash']}")
    save("places", "New York", "Côte d'Ivoire")
    assert at.given("namegen sample -m places Ne\tA") == ["sample", "-m", "places", "New York", "A"]
    assert at.given('namegen sample -m places "Côt\tA') == ["sample", "-m", "places", "Côte d'Ivoire", "A"]
    assert at.given("namegen sample German:2+It\tA") == ["sample", "German:2+Italian", "A"]
    at.close()

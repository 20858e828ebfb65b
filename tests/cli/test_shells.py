"""Completion in real shells: somebody types in a terminal and presses TAB, and the line that comes of it is run."""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import sys

import pytest

from namegen import paths
from namegen.models.store import cached_location
from support import AWKWARD, REPOSITORY, save

SETTINGS = {
    "bash": (".bashrc", "PS1='$ '\nbind 'set enable-bracketed-paste off'\n"),
    "zsh": (".zshrc", "PS1='$ '\nunset zle_bracketed_paste\n"),
    "fish": (".config/fish/config.fish", "set fish_greeting\n"),
}
INSTALLED = {  # as docs/shells.md says
    "bash": 'eval "$(namegen completion bash)"',
    "zsh": 'autoload -Uz compinit\ncompinit -u\neval "$(namegen completion zsh)"',
    "fish": "namegen completion fish | source",
}
FROM_A_FILE = {
    "bash": (".namegen.bash", "source ~/.namegen.bash"),
    "zsh": ("functions/_namegen", "fpath=(~/functions $fpath)\nautoload -Uz compinit\ncompinit -u"),
    "fish": (".config/fish/completions/namegen.fish", ""),
}
COMMAND = f"#!{sys.executable}\nimport sys\nfrom namegen.cli import command\nsys.exit(command())\n"
STAND_IN = f"""#!/bin/sh
case $1 in
    __complete | completion) exec {shlex.quote(sys.executable)} -m namegen "$@" ;;
esac
printf '<given>'
printf '%s\\037' "$@"
printf '</given>\\n'
"""
"""Stands in for the command: it completes as that does, but of a line it only says which words it was given."""

ESCAPES = re.compile(r"\x1b(\[[\d;?]*[A-Za-z]|[=>]|\([B0]|\]\d;[^\x07]*\x07)|\x0f")
COMPLAINT = re.compile(r"Traceback|Error|error|not found|warning", re.ASCII)


class Terminal:
    """A shell in a terminal, at which somebody types.

    Attributes:
        name: which shell.
        home: its home folder.
        seen: all that stood in the terminal.
    """

    def __init__(self, shell, home, setup, program):
        pexpect = pytest.importorskip("pexpect", reason="pexpect, which types, is not installed")
        if shutil.which(shell) is None:
            pytest.skip(f"there is no {shell}")
        file, settings = SETTINGS[shell]
        for path, text in {file: f"{settings}{setup}\n", "bin/namegen": program}.items():
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
        self.run("echo ready | tr a-z A-Z", "READY")

    def type(self, keys):
        """Press keys."""
        self._shell.send(keys)

    def wait(self, expected):
        """Wait for a text; returns what matched, without its colours."""
        while not (found := re.search(expected, ESCAPES.sub("", self._new))):
            if not select.select([self._shell], [], [], 30)[0]:
                pytest.fail(f"waited in vain for {expected!r} in {self._new!r}")
            self._new += self._shell.read_nonblocking(size=10_000)
        self.seen += self._new
        self._new = ""
        return found[0]

    def run(self, line, expected):
        """Type a line, let the shell run it, and wait for a text; returns what matched."""
        self.type(f"{line}\r")
        return self.wait(expected)

    def given(self, keys):
        """Type a line for the stand-in; returns the words that it was given."""
        return self.run(keys, r"<given>.*</given>")[7:-8].split("\037")[:-1]

    def close(self):
        """Hang up."""
        self._shell.close(force=True)


@pytest.fixture
def terminal(monkeypatch, tmp_path):
    """Opens a terminal with a shell; what it completes are the models of this test."""
    opened = []

    def open_(shell, setup, program=STAND_IN):
        monkeypatch.setenv("NAMEGEN_CACHE_DIR", str(tmp_path / "home" / "cache"))
        opened.append(Terminal(shell, tmp_path / "home", setup, program))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


@pytest.fixture(scope="module", params=INSTALLED)
def shell(request, tmp_path_factory):
    """A shell that completes, for several tests, with the stand-in for the command."""
    opened = Terminal(request.param, tmp_path_factory.mktemp("home"), INSTALLED[request.param], STAND_IN)
    yield opened
    opened.close()


@pytest.fixture
def at(shell, monkeypatch):
    """The same, with models of this test alone."""
    cache = shell.home / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    monkeypatch.setenv("NAMEGEN_CACHE_DIR", str(cache))
    return shell


@pytest.mark.parametrize("shell", INSTALLED)
def test_a_line_that_was_completed_draws_names_of_the_category(shell, terminal):
    at = terminal(shell, INSTALLED[shell], COMMAND)
    save("elves", "Dark Elves", "High Elves")

    assert at.run("namegen sam\t--mod\tel\tHi\t--form\ttsv", r"High Elves\t[ab]*\r")
    assert at.run("namegen sample --model el\t'Da\t--format=ts\t", r"Dark Elves\t[ab]*\r")
    assert at.run("namegen sample -m elves Da\t-n 1 --format tsv", r"Dark Elves\t[ab]*\r")
    assert not COMPLAINT.search(at.seen)


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_every_category_is_quoted_as_the_shell_wants_it(quote, at):
    chosen = [category for category in AWKWARD if not quote or set(category) & set("'\"\\$!`")]
    for number, category in enumerate(chosen):
        save(f"m{number}", category)

    for number, category in enumerate(chosen):
        assert at.given(f"namegen sample -m m{number} {quote}\tA") == ["sample", "-m", f"m{number}", category, "A"]


def test_blends_choices_files_and_datasets_are_completed(at):
    save("elves", "Dark Elves", "Elves: High", "Ägypten")
    (at.home / "folder" / "my names.txt").touch()

    assert at.given("namegen sample German:2+It\tA") == ["sample", "German:2+Italian", "A"]
    assert at.given("namegen sample -m elves 'Elves: High'+Da\t") == ["sample", "-m", "elves", "Elves: High+Dark Elves"]
    assert at.given("namegen sample -m elves dark\t") == ["sample", "-m", "elves", "Dark Elves"]  # whatever the case
    assert at.given("namegen train --recipe=tu\t-q") == ["train", "--recipe=tutorial", "-q"]
    assert at.given("namegen train --data my\t-q") == ["train", "--data", "my names.txt", "-q"]
    assert at.given("namegen sample --exclude=my\tA") == ["sample", "--exclude=my names.txt", "A"]
    assert at.given("namegen plot -o ~/folder/my\t") == ["plot", "-o", f"{at.home}/folder/my names.txt"]
    assert at.given("namegen train --data sta\t-q") == ["train", "--data", "starter", "-q"]
    assert at.given("namegen download mak\t") == ["download", "makemore"]
    assert at.given("~/bin/namegen download mak\t") == ["download", "makemore"]


def test_behind_the_category_no_files_are_completed(at):
    (at.home / "folder" / "ABC.txt").touch()

    assert at.given("namegen sample German A\tX") == ["sample", "German", "AX"]
    assert at.given("namegen nosuch A\tX") == ["nosuch", "AX"]


def test_what_goes_wrong_stays_out_of_the_terminal(at):
    save("damaged", "X")
    cached_location("damaged").model.write_bytes(b"nonsense")

    at.seen = ""
    assert at.given("namegen sample -m damaged Ge\tX") == ["sample", "-m", "damaged", "GeX"]
    assert at.given("namegen sample -m nosuch Ge\tX") == ["sample", "-m", "nosuch", "GeX"]
    broken = at.home / "folder" / "namegen"
    broken.write_text("#!/bin/sh\n[ $1 = sample ] && echo '<given>[]</given>' || { echo Error: broken >&2; exit 1; }\n")
    broken.chmod(0o755)
    assert at.given("./namegen sample Ge\tX") == []
    assert not COMPLAINT.search(at.seen)


def test_what_an_option_does_is_shown_where_the_shell_can(at):
    shown = {
        "bash": r"--recipe +--resume",
        "zsh": r"--recipe +-- All settings at once.*--resume +-- Go on with an unfinished run",
        "fish": r"--recipe +\(All settings at once.*--resume +\(Go on with an unfinished run",
    }
    at.type("namegen train --re\t\t")
    at.wait(re.compile(shown[at.name], re.DOTALL))
    at.type("\x03")


@pytest.mark.parametrize("shell", ["bash", "zsh"])  # fish says nothing of what is behind the cursor
def test_the_model_may_stand_behind_the_cursor(shell, terminal):
    at = terminal(shell, INSTALLED[shell])
    save("elves", "Dark Elves", "Elves: High")
    back = "\x02" * len(" -m elves")

    assert at.given(f"namegen sample  -m elves{back}El\t") == ["sample", "Elves: High", "-m", "elves"]


def test_fish_takes_the_model_from_before_the_command(terminal):
    at = terminal("fish", INSTALLED["fish"])
    save("elves", "Dark Elves", "Elves: High")

    assert at.given("NAMEGEN_MODEL=elves namegen sample El\t") == ["sample", "Elves: High"]


@pytest.mark.parametrize("shell", FROM_A_FILE)
def test_it_can_be_installed_as_a_file(shell, terminal, tmp_path):
    file, setup = FROM_A_FILE[shell]
    (tmp_path / "home" / file).parent.mkdir(parents=True)
    shutil.copy(paths.DATA_DIR / f"completion.{shell}", tmp_path / "home" / file)
    at = terminal(shell, setup)

    assert at.given("namegen sample Ge\tA") == ["sample", "German", "A"]
    assert at.given("namegen sample It\tA") == ["sample", "Italian", "A"]  # once it is loaded


def test_zsh_without_its_completion_system_starts_it(terminal):
    at = terminal("zsh", 'eval "$(namegen completion zsh)"')
    assert at.given("namegen sample Ge\tA") == ["sample", "German", "A"]

"""Find the code blocks of the documentation, and run those of a page in a shell as a reader would.

Blocks of the language ``console`` show a session: lines after ``$ `` are typed, lines after ``> `` continue them, and
all other lines are output, in which a line ``…`` matches any number of lines. Blocks of ``sh`` and ``bash`` are typed
unchanged. A block that the tests cannot run says so, in a line right before it::

    *Not run by the tests: needs the network.*

The blocks of a page run in order, in one shell, with a working directory, a home and a cache of their own.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from support import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAGES = [
    *(REPOSITORY / f"{name}.md" for name in ("README", "SECURITY", "CONTRIBUTING")),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
SHELLS = {"console", "sh", "bash"}
PYTHONS = {"python"}
NO_PROGRAMS = {"text", "json", "yaml", "toml", "csv", "css", "html", "javascript", "make", "xml"}
"""Other languages of blocks, which a reader does not type."""

ANY_LINES = "…"
CLOSED_PIPE = 141  # the exit code of a filter whose reader has ended
CAUSES = r"(?:needs|takes|uses) \S.*"
"""Reasons not to run a block: something that the tests do not have, or the time or room that it takes."""

_MARK = re.compile(rf"\*Not run by the tests: ({CAUSES})\.\*\s*\Z")
_FENCE = re.compile(r"^( *)(```+)([^\n`]*)\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
_TRAINS = re.compile(r"namegen train\b")
_SEEDED = re.compile(r"--(?:seed|greedy|top|temperature 0)\b(?!\.)")
_STATUS = re.compile(r"\$\?|PIPESTATUS")

WRAPPER = """#!/bin/sh
# The command under test. The tests have less time than a reader, so trainings get few iterations, and millions of
# names or people are fewer. If an option is given twice, the last one counts. A resumed run has its own number of
# iterations.
if [ "$1" = train ]; then
    case " $* " in
        *" --resume "* | *" --help "*) ;;
        *) set -- "$@" --iters 1000 ;;
    esac
elif [ "$1" = sample ] || [ "$1" = people ]; then
    case " $* " in
        *" -n "[0-9][0-9][0-9][0-9][0-9][0-9][0-9]*) set -- "$@" -n 50000 ;;
    esac
fi
exec {python} -m namegen "$@"
"""
PIP = """#!{python}
# Instead of installing, check that the environment of the tests contains all packages that pip would install.
import re
import sys
from importlib.metadata import requires, version

asked = re.fullmatch(
    r"install (?:-c constraints\\.txt )?\\.(?:/packaging/slim)?(?:\\[(\\w+)\\])?", " ".join(sys.argv[1:])
)
if asked is None:
    sys.exit("pip " + " ".join(sys.argv[1:]) + " needs the network: mark the block")
for requirement in requires("namegen-rnn"):
    package, extra = re.fullmatch(r"([\\w.-]+)[^;]*(?:;.*extra == .(\\w+).)?.*", requirement).groups()
    if extra in (None, asked[1]):
        version(package)
"""


@dataclass(frozen=True)
class Block:
    """A block of code on a page.

    Attributes:
        page: the page.
        line: the line of the page where it begins.
        language: its language.
        text: its content.
        why_not: the reason on the page not to run it; ``None`` to run it.
    """

    page: Path
    line: int
    language: str
    text: str
    why_not: str | None

    @cached_property
    def typed(self) -> list[Typed]:
        """The commands with their output; a command that tests an exit code is joined with the one before it."""
        if self.language != "console":
            return [Typed(self.line, self.text, ())]
        found: list[Typed] = []
        for number, line in enumerate(self.text.splitlines(), self.line + 1):
            if line.startswith("$ "):
                found.append(Typed(number, line[2:], ()))
            elif not found:
                raise AssertionError(f"{self.page.name}:{number}: a session must begin with a command after `$ `")
            elif line == ">" or (line.startswith("> ") and not found[-1].shown):
                found[-1] = Typed(found[-1].line, f"{found[-1].command}\n{line[2:]}", ())
            else:
                found[-1] = Typed(found[-1].line, found[-1].command, (*found[-1].shown, line))
        joined: list[Typed] = []
        for typed in found:
            if joined and _STATUS.search(typed.command):
                before = joined.pop()
                command = f"{before.command}\n{typed.command}"
                joined.append(Typed(before.line, command, (*before.shown, *typed.shown)))
            else:
                joined.append(typed)
        return joined


@dataclass(frozen=True)
class Typed:
    """A command of a page.

    Attributes:
        line: its line on the page.
        command: the command.
        shown: the lines of output on the page.
    """

    line: int
    command: str
    shown: tuple[str, ...]

    def is_random(self, trained: bool) -> bool:
        """Return whether its names differ between runs or machines: without a seed, or from a model trained here."""
        if "namegen " not in self.command:
            return False
        sampled = re.search(r"namegen sample\b", self.command) is not None
        elsewhere = "--model pretrained" not in self.command and (trained or "--model " in self.command)
        return elsewhere or (sampled and not _SEEDED.search(self.command))

    def find_difference(self, out: str, err: str, trained: bool) -> str | None:
        """Describe the difference from the output on the page, if there is one.

        Args:
            out: the standard output.
            err: the standard error.
            trained: whether the default model was trained on this page.
        """
        if not self.shown:
            return None
        if self.is_random(trained):  # compare the number of lines and the requested start letters
            kept = 1 if re.search(r" [A-Z]{2,}(?= |$)", self.command, re.MULTILINE) else 0
            pattern = _pattern([line if line == ANY_LINES else line[:kept] for line in self.shown], ".*")
        else:
            pattern = _pattern(self.shown, "")
        if any(re.fullmatch(pattern, text) for text in (out, err, err + out, out + err)):
            return None
        return f"output:\n{out}{err}\nthe page shows:\n" + "\n".join(self.shown)


def _pattern(lines: Iterable[str], rest: str) -> str:
    """Return a regular expression for lines with these beginnings, each followed by the expression ``rest``."""
    return "".join(r"(?:.*\n)*" if line == ANY_LINES else f"{re.escape(line)}{rest}\n" for line in lines)


def blocks(page: Path, languages: set[str] | None = None) -> list[Block]:
    """Return the blocks of a page in some languages, by default in all."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, fence.start()) + 1, fence[3].strip(), fence[4], mark and mark[1])
        for fence in _FENCE.finditer(text)
        for mark in [_MARK.search(text, 0, fence.start())]
        if languages is None or fence[3].strip() in languages
    ]


def go_through(page: Path, folder: Path) -> Iterator[str]:
    """Run the commands of a page, and yield a message for each one that fails or differs from the page.

    Args:
        page: the page.
        folder: an empty folder.
    """
    typed = [typed for block in blocks(page, SHELLS) if block.why_not is None for typed in block.typed]
    if not typed:
        return
    here, records = folder / "here", folder / "records"
    for each in (here, records, folder / "home", folder / "bin"):
        each.mkdir(parents=True)
    for name, text in {
        "namegen": WRAPPER.format(python=shlex.quote(sys.executable)),
        "pip": PIP.format(python=sys.executable),
    }.items():
        (folder / "bin" / name).write_text(text, encoding="utf-8")
        (folder / "bin" / name).chmod(0o755)
    script = ["exec </dev/null", "set -o pipefail"]
    for number, each in enumerate(typed):
        script += [
            f'exec >"$RECORDS/{number}.out" 2>"$RECORDS/{number}.err"',
            each.command,
            f'echo $? >"$RECORDS/{number}.code"',
        ]
    (folder / "script").write_text("\n".join(script) + "\n", encoding="utf-8")
    subprocess.run(
        ["bash", "--norc", "--noprofile", folder / "script"], cwd=here, env=_environment(folder), check=False
    )
    trained = False
    for number, each in enumerate(typed):
        where = f"{page.name}:{each.line}: {each.command.strip()}"
        texts = {
            kind: (records / f"{number}.{kind}").read_text(encoding="utf-8")
            for kind in ("out", "err", "code")
            if (records / f"{number}.{kind}").exists()
        }
        if "code" not in texts:
            yield f"{where}\nthe shell ended before: {(texts or {'err': 'not started'}).get('err')}"
        elif texts["code"] != "0\n" and not (texts["code"] == f"{CLOSED_PIPE}\n" and "| head" in each.command):
            yield f"{where}\nexit code {texts['code'].strip()}: {texts['out'][-500:]}{texts['err'][-500:]}"
        elif difference := each.find_difference(texts["out"], texts["err"], trained):
            yield f"{where}\n{difference}"
        trained |= bool(_TRAINS.search(each.command)) and not re.search(r"(?:--model|-o) ", each.command)


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment of a reader, which has only a few variables of the tests' own environment."""
    kept = {
        name: os.environ[name] for name in ("PYTHONPATH", "OPENBLAS_CORETYPE", "LANG", "TMPDIR") if name in os.environ
    }
    path = [str(folder / "bin"), str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    own = {"HOME": str(folder / "home"), "NAMEGEN_CACHE_DIR": str(folder / "cache"), "RECORDS": str(folder / "records")}
    return {"LANG": "C.UTF-8", "TERM": "dumb", "PATH": os.pathsep.join(path), **kept, **own}

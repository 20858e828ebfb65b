"""What a shell is told that asks what may stand at the cursor: commands, options, and what these take.

The scripts in ``data`` run ``namegen __complete`` at every press of TAB, so all that counts here is time: neither Typer
nor numpy is imported. What there is to complete stands in ``data/commands.json``, which `make docs` makes from the
commands themselves; of a model no more than the header is read. Whatever goes wrong, the answer is that there is
nothing: a shell has no use for an error, and a line half typed is no place to show one.

A request is ``words BEFORE WORD...``, where ``BEFORE`` of the words stand before the one at the cursor, the program's
name among them; or ``bash TEXT REST REPLACED``, see :func:`namegen.cli.bash.read_line`. The first line of the answer
is ``files`` if the names of files will do, too, else ``words``; each that follows has a candidate and, after a tab,
what it is about.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, NamedTuple, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Parameter(TypedDict):
    """An option or an argument.

    Attributes:
        names: what an option is called; an argument has no name.
        takes: what its value may be: candidates, each with what it is about; or ``models``, ``own models``,
            ``categories``, ``names`` (lists of names), ``files``, or ``anything``; ``None`` for a flag.
        many: whether it may be given several times.
        help: what it is about.
    """

    names: list[str]
    takes: list[list[str]] | str | None
    many: bool
    help: str


class Command(TypedDict):
    """A command, as ``data/commands.json`` has it."""

    help: str
    options: list[Parameter]
    arguments: list[Parameter]
    commands: dict[str, Command]


class Candidate(NamedTuple):
    """What may stand at the cursor, as a whole word, and what it is about."""

    value: str
    about: str = ""


class Answer(NamedTuple):
    """All that may stand at the cursor: the candidates, and files if ``files``."""

    candidates: list[Candidate]
    files: bool = False


NOTHING = Answer([])


def reply(request: Sequence[str]) -> int:
    """Write the answer to a request to standard output; returns the exit code, which is 0 whatever happens."""
    try:
        sys.stdout.write(_reply(request))
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - of whatever went wrong, nobody wants to hear now
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nor when the interpreter flushes what is left
    return 0


def _reply(request: Sequence[str]) -> str:
    how, *about = request
    if how == "bash":
        from namegen.cli.bash import read_line

        line = read_line(*about)
        found = Answer([], files=True) if line.redirects else answer(line.before, line.word, line.after)
        values = [line.written(candidate.value) for candidate in _beginning(found.candidates, line.word)]
        lines = [value for value in values if value is not None]
    else:
        count, *words = about
        before, word, after = words[1 : int(count)], words[int(count)], words[int(count) + 1 :]
        found = answer(before, word, after)
        lines = ["\t".join(filter(None, candidate)) for candidate in found.candidates]
    return "".join([f"{line}\n" for line in ("files" if found.files else "words", *filter(_can_be_written, lines))])


def _can_be_written(line: str) -> bool:
    """Whether the terminal has all the letters of a line."""
    encoding = sys.stdout.encoding
    return line.encode(encoding, "ignore").decode(encoding) == line


def answer(before: Sequence[str], word: str, after: Sequence[str] = ()) -> Answer:
    """Return what may stand in the place of a word.

    The candidates are all that may stand there, whether they begin with the word or not: what matches is for the shell
    and its user to say. But where the word tells what it is, such as an option, they are of that kind.

    Args:
        before: the words before it, without the name of the program.
        word: what there is of it so far.
        after: the words behind it; one of them may be the model.
    """
    commands = _commands()
    reading, whole = Reading(commands), Reading(commands)
    for each in before:
        reading.read(each)
    for each in (*before, word, *after):
        whole.read(each)
    if reading.lost:
        return NOTHING
    if reading.waiting:
        return _values(reading.waiting, "", word, whole)
    if word.startswith("-") and not reading.literal:
        return _options(reading, word, whole)
    if reading.command["commands"]:
        return Answer([Candidate(name, command["help"]) for name, command in reading.command["commands"].items()])
    if reading.argument:
        found = _values(reading.argument, "", word, whole)
        if not reading.literal:  # where a hyphen at the beginning makes an option
            found = found._replace(candidates=[c for c in found.candidates if not c.value.startswith("-")])
        return found
    return NOTHING if word or reading.literal else _options(reading, "--", whole)  # nothing else can follow


class Reading:
    """Reads the words of a line as the command itself would.

    Attributes:
        command: the command that was reached.
        waiting: the option whose value is next, if any.
        literal: whether there was ``--``, behind which nothing is an option.
        lost: whether there was a word that makes no sense.
        given: the options so far, and their values.
    """

    def __init__(self, commands: Command) -> None:
        self.command = commands
        self.waiting: Parameter | None = None
        self.literal = self.lost = False
        self.given: list[tuple[Parameter, str]] = []
        self._arguments = 0

    @property
    def argument(self) -> Parameter | None:
        """The argument that is next, if any."""
        arguments = self.command["arguments"]
        if self._arguments < len(arguments):
            return arguments[self._arguments]
        return arguments[-1] if arguments and arguments[-1]["many"] else None

    def option(self, name: str) -> Parameter | None:
        """Return the option of this name, if there is one."""
        return next((option for option in self.command["options"] if name in option["names"]), None)

    def read(self, word: str) -> None:
        """Read the next word."""
        if self.waiting:
            self.given.append((self.waiting, word))
            self.waiting = None
        elif self.literal or word == "-" or not word.startswith("-"):
            self._read_argument(word)
        elif word == "--":
            self.literal = True
        elif word.startswith("--"):
            name, attached, value = word.partition("=")
            self._read_option(name, value if attached else None)
        else:
            self._read_short(word[1:])

    def _read_argument(self, word: str) -> None:
        if not self.command["commands"]:
            self._arguments += 1
        elif word in self.command["commands"]:
            self.command = self.command["commands"][word]
        else:
            self.lost = True

    def _read_option(self, name: str, value: str | None) -> None:
        option = self.option(name)
        if option is None:  # --debug, which may stand anywhere, or a mistake
            return
        if value is None and option["takes"] is not None:
            self.waiting = option
        else:
            self.given.append((option, value or ""))

    def _read_short(self, letters: str) -> None:
        """Read what stands behind one hyphen: flags, and perhaps an option with its value."""
        for place, letter in enumerate(letters, 1):
            option = self.option(f"-{letter}")
            if option and option["takes"] is not None:
                self._read_option(f"-{letter}", letters[place:] or None)
                return
            self._read_option(f"-{letter}", None)


def _options(reading: Reading, word: str, whole: Reading) -> Answer:
    """Return the options, but for those that are given already, or the values of the one that the word names."""
    name, attached, value = word.partition("=")
    option = reading.option(name) if attached else None
    if option and option["takes"] is not None:
        return _values(option, f"{name}=", value, whole)
    given = [parameter for parameter, _ in reading.given if not parameter["many"]]
    return Answer(
        [
            Candidate(name, option["help"])
            for option in reading.command["options"]
            if option not in given
            for name in option["names"]
            if name.startswith("--") or not word.startswith("--")
        ]
    )


def _values(parameter: Parameter, attached: str, word: str, whole: Reading) -> Answer:
    """Return what a parameter may take.

    Args:
        parameter: the parameter.
        attached: what stands before the value in the same word.
        word: what there is of the value so far.
        whole: the whole line.
    """
    takes = parameter["takes"]
    if isinstance(takes, list):
        return Answer([Candidate(attached + value, about) for value, about in takes])
    if takes == "files":
        return Answer([], files=True)
    from namegen.datasets.graphemes import is_printable

    found = list(_LOOK_UP[takes](word, whole)) if takes in _LOOK_UP else []
    shown = [value for value in found if is_printable(value)]  # others would do things to the terminal
    # A model or a list of names may be a file, too; of models those with a name come first.
    files = takes == "names" or (takes == "models" and not any(_begins(value, word) for value in shown))
    return Answer([Candidate(attached + value) for value in shown], files)


def _models(_word: str, _whole: Reading) -> Iterator[str]:
    from namegen.models.store import list_models

    return (place.name for place in list_models())


def _own_models(word: str, whole: Reading) -> Iterator[str]:
    from namegen.models.store import PRETRAINED
    from namegen.paths import is_name

    return (name for name in _models(word, whole) if is_name(name) and name != PRETRAINED)


def _categories(word: str, whole: Reading) -> Iterator[str]:
    """Go through the categories of the model that the line names; behind ``German+`` each makes a blend."""
    from namegen.models.store import find_model

    model = None
    for option, value in whole.given:
        if option["takes"] == "models":
            model = os.path.expanduser(value)  # noqa: PTH111 - as the shell will have done by then
    categories = find_model(model).categories()
    blended = word[: word.rfind("+") + 1]
    yield from (category for category in categories if not blended or category.startswith(blended))
    if blended:
        yield from (blended + category for category in categories)


def _lists(_word: str, _whole: Reading) -> Iterator[str]:
    """Go through the datasets that can be opened by name: the one that comes along, and those that are here."""
    from namegen.datasets.open import STARTER
    from namegen.paths import cache_dir

    yield STARTER
    yield from sorted(folder.name for folder in cache_dir().glob("datasets/[!.]*") if folder.is_dir())


_LOOK_UP = {"models": _models, "own models": _own_models, "categories": _categories, "names": _lists}


def _commands() -> Command:
    path = os.path.join(os.path.dirname(__file__), os.pardir, "data", "commands.json")  # noqa: PTH118, PTH120
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes longer to import than all the rest
        commands: Command = json.load(file)
    return commands


def _beginning(candidates: Iterable[Candidate], word: str) -> list[Candidate]:
    """Return the candidates that begin with a word, or if there are none, those that differ in case alone."""
    exact = [candidate for candidate in candidates if candidate.value.startswith(word)]
    return exact or [candidate for candidate in candidates if _begins(candidate.value, word)]


def _begins(value: str, word: str) -> bool:
    return value.casefold().startswith(word.casefold())

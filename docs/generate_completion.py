"""Write what shells complete, src/namegen/data/commands.json, from the commands themselves.

What a parameter may take follows from its choices, or from what its value is called in the help.
"""

from __future__ import annotations

import json
import re
from typing import Any

from commands import Command, Parameter, called, commands

from namegen.datasets.catalogue import CATALOGUE

TAKES: dict[str, Any] = {
    "CATEGORY": "categories",
    "DEVICE": [["auto", ""], ["cpu", ""], ["cuda", ""], ["mps", ""]],
    "FILE": "files",
    "FILE.onnx": "files",
    "K/N": "anything",
    "LETTERS": "anything",
    "MODEL": "models",
    "N": "anything",
    "NAME": "anything",
    "PATH_OR_NAME": "names",
    "PATH_OR_URL": "files",
    "REGEX": "anything",
    # The same word can mean something more in one command.
    "download NAME": [[entry.name, entry.about] for entry in CATALOGUE.values()],
    "models rm NAME": "own models",
    "train NAME": "own models",
}
"""What is completed by what a value is called, as ``namegen.cli.completing.Parameter`` has it."""


def table() -> str:
    """Return the file's text."""
    described = {command.words: _command(command) for command in commands()}
    for words, command in described.items():
        if words:
            described[words[:-1]]["commands"][words[-1]] = command
    return json.dumps(described[()], ensure_ascii=False, indent=1) + "\n"


def _command(command: Command) -> dict[str, Any]:
    return {
        "help": command.summary.rstrip("."),
        "options": [_parameter(command, option) for option in command.options],
        "arguments": [_parameter(command, argument) for argument in command.arguments],
        "commands": {},
    }


def _parameter(command: Command, parameter: Parameter) -> dict[str, Any]:
    return {
        "names": parameter.names,
        "takes": _takes(command, parameter),
        "many": parameter.many,
        "help": re.sub(r"(\.\s|\.$|\s+\[default: ).*", "", parameter.help, flags=re.DOTALL),
    }


def _takes(command: Command, parameter: Parameter) -> list[list[str]] | str | None:
    if not parameter.value:
        return None
    if parameter.choices:
        return [[choice, ""] for choice in parameter.choices]
    value = called(parameter.value)
    if value.startswith("<"):  # a number, or any text
        return "anything"
    for name in (" ".join([*command.words, value]), value):
        if name in TAKES:
            return TAKES[name]
    raise SystemExit(f"`{' '.join(['namegen', *command.words])}` takes {value}; say in {__file__} what completes it")


if __name__ == "__main__":
    print(table(), end="")

"""Describe all commands, for the generated reference and manual page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import typer

from namegen.cli.app import build

if TYPE_CHECKING:
    from collections.abc import Iterator


class Parameter(NamedTuple):
    """An option or an argument.

    Attributes:
        names: the names of an option; empty for an argument.
        value: the name of its value in the help; empty for a flag.
        choices: the possible values, if they are a fixed set.
        help: its help text, with its default.
    """

    names: tuple[str, ...]
    value: str
    choices: tuple[str, ...]
    help: str


class Command(NamedTuple):
    """A command.

    Attributes:
        words: the words that call it, without the name of the program.
        usage: what may follow these words.
        help: its full help, in paragraphs.
        arguments: its arguments.
        options: its options.
    """

    words: tuple[str, ...]
    usage: str
    help: str
    arguments: tuple[Parameter, ...]
    options: tuple[Parameter, ...]


def commands() -> Iterator[Command]:
    """Yield all commands, each before its subcommands."""
    root = build()
    open_ = [((), root, typer.Context(root, info_name="namegen", **root.context_settings))]
    while open_:
        words, command, context = open_.pop(0)
        below = getattr(command, "commands", {})
        parameters = [
            (parameter.param_type_name, _parameter(parameter, context))
            for parameter in command.get_params(context)
            if not getattr(parameter, "hidden", False)
        ]
        yield Command(
            words=words,
            usage=" ".join(command.collect_usage_pieces(context)),
            help=command.help or "",
            arguments=tuple(parameter for kind, parameter in parameters if kind == "argument"),
            options=tuple(parameter for kind, parameter in parameters if kind == "option"),
        )
        open_[:0] = [
            ((*words, name), child, typer.Context(child, info_name=name, parent=context))
            for name, child in below.items()
        ]


def _parameter(parameter: typer.CallbackParam, context: typer.Context) -> Parameter:
    _, text = parameter.get_help_record(context)
    is_flag = getattr(parameter, "is_flag", False)
    is_option = parameter.param_type_name == "option"
    return Parameter(
        names=tuple(sorted([*parameter.opts, *parameter.secondary_opts], key=_is_long)) if is_option else (),
        value="" if is_flag else parameter.make_metavar(context),
        choices=tuple(map(str, getattr(parameter.type, "choices", ()))),
        help=text,
    )


def _is_long(name: str) -> bool:
    return name.startswith("--")


def called(value: str) -> str:
    """Return the name of a value without the brackets and dots that mark it as optional or repeatable."""
    return re.sub(r"^\[|\]?(\.\.\.)?$", "", value)

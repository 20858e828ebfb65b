r"""Write the manual page, docs/namegen.1, from the commands themselves and what else there is to know.

It is one page for all commands, so that one search finds an option. A character that the formatter would obey, or show
as another one than a shell wants, is written as an escape: a hyphen is ``\-``, a backslash ``\e``.
"""

from __future__ import annotations

import re
import textwrap

from commands import Command, Parameter, called, commands
from namegen import __version__

SUMMARY = "invent names with a small recurrent network"

DESCRIPTION = """\
A small character-level recurrent network learns from lists of names grouped by category (languages, or elves and
dwarves, drug names, street names) and invents new names in the style of a category.

A model of the surnames of 18 languages comes along, so `namegen sample German ABC` works at once; `namegen train` makes
a model of names of your own. Names go to standard output, one a line, and nothing else does; progress, notes and errors
go to standard error.
"""

ENVIRONMENT = {
    "NAMEGEN_MODEL": "The name or the file of the model to use where none is given.",
    "NAMEGEN_CACHE_DIR": "The folder of models, datasets and unfinished runs, in place of the user's cache folder.",
    "XDG_CACHE_HOME": "Where the user's cache folder is, if not at ~/.cache (on Linux).",
    "NO_COLOR": "If it is set and not empty, nothing is coloured.",
    "TERM": "If it is `dumb`, there is no progress bar, but a plain line now and then.",
    "COLUMNS": "The width of the terminal, in place of what the terminal says.",
    "HTTPS_PROXY, NO_PROXY": "The proxy for `namegen download`, and which hosts are reached without it.",
    "OPENBLAS_NUM_THREADS": "Threads for drawing names; 1 unless it is set.",
}

FILES = {
    "~/.cache/namegen/models/NAME.safetensors": "Finished models; on macOS and Windows in the cache folder that is "
    "usual there. `namegen models path` says where one is.",
    "~/.cache/namegen/runs/NAME.safetensors": "Training runs that are under way, or wait to be resumed.",
    "~/.cache/namegen/datasets/NAME/": "What `namegen download` fetched.",
    "~/.cache/namegen/locks/": "Who is training what.",
}

EXIT_STATUS = {
    "0": "Done.",
    "1": "It could not be done; one line says what is wrong, and what to do.",
    "2": "Wrong usage.",
    "141": "Nobody reads the results any more.",
    "128 + N": "Stopped by signal N, 130 by Ctrl-C; a training run was saved before.",
}

EXAMPLES = {
    "namegen sample German ABC": "Three German names, which begin with A, B and C.",
    "namegen sample Italian -n 1000 --unique": "A thousand Italian names, none twice.",
    "namegen sample German:2+Italian -n 5": "Names between two languages, more German than Italian.",
    "printf 'Mac\\nO\\n' | namegen sample Irish -": "A name for each prefix in a pipe.",
    "namegen train --data elves.txt --model elves": "Train a model on names of your own, one a line.",
    "namegen train --init pretrained --data elves.txt --model elves": "The same with only 30 to 200 of them.",
    "namegen train --resume": "Go on with a run that was stopped.",
    "namegen classify Sato Ivanov": "Which languages these names are likely to be of.",
    'eval "$(namegen completion bash)"': "Let bash complete commands, options, models and categories.",
}

SEE_ALSO = """\
`namegen COMMAND --help` shows the help of one command. README.md and the folder docs of the source have more: a guide
for beginners, the library, completion in shells, and how good and how fast all this is.
"""

_ESCAPES = {
    "\\": r"\e",
    "-": r"\-",
    "'": r"\(aq",
    "`": r"\(ga",
    '"': r"\(dq",
    "^": r"\(ha",
    "~": r"\(ti",
}
_TYPED = re.compile(r"`([^`]+)`|(?<![\w-])(--?[a-z][\w-]*)")  # what is to be typed as it stands


def page() -> str:
    """Return the page."""
    root, *others = commands()
    parts = [
        r".\" Written by `make docs` from the commands themselves; change those, or scripts/docs/generate_man.py.",
        f'.TH NAMEGEN 1 "" "namegen {__version__}" "User Commands"',
        ".nh",  # no hyphens where a line ends: they would pass for part of a command
        ".ad l",
        ".SH NAME",
        rf"namegen \- {escaped(SUMMARY)}",
        ".SH SYNOPSIS",
        *(line for command in [root, *others] for line in (rf"{_bold(_name(command))} {_usage(command)}", ".br")),
        ".SH DESCRIPTION",
        *_paragraphs(DESCRIPTION),
        ".SH OPTIONS",
        *_paragraphs("These stand before any command; `--help` and `--debug` may stand behind one, too."),
        *(line for option in root.options for line in _tagged(_option(option), option.help)),
        ".SH COMMANDS",
        *(line for command in others for line in _command(command)),
    ]
    for heading, entries in {
        "ENVIRONMENT": {_bold(name): text for name, text in ENVIRONMENT.items()},
        "FILES": {_italic(name): text for name, text in FILES.items()},
        "EXIT STATUS": {_bold(code): text for code, text in EXIT_STATUS.items()},
        "EXAMPLES": {_bold(example): text for example, text in EXAMPLES.items()},
    }.items():
        parts += [f".SH {heading}", *(line for tag, text in entries.items() for line in _tagged(tag, text))]
    parts += [".SH SEE ALSO", *_paragraphs(SEE_ALSO)]
    return "\n".join(parts).replace("\n.br\n.SH", "\n.SH") + "\n"


def escaped(text: str) -> str:
    """Return a text as the formatter is to read it, to show it as it stands."""
    return "".join([_ESCAPES.get(c, c) if c.isascii() else f"\\[u{ord(c):04X}]" for c in text])


def _command(command: Command) -> list[str]:
    """Return the section of a command."""
    lines = [f".SS {_bold(_name(command))} {_usage(command)}", *_paragraphs(command.help)]
    for argument in command.arguments:
        lines += _tagged(_italic(called(argument.value)), argument.help)
    for option in command.options:
        if "--help" not in option.names:  # which every command has
            lines += _tagged(_option(option), option.help)
    return lines


def _name(command: Command) -> str:
    return " ".join(["namegen", *command.words])


def _usage(command: Command) -> str:
    return _italic(re.sub(r"\{(\w+)\}", r"\1", command.usage))


def _option(option: Parameter) -> str:
    """Return the names of an option and what it takes."""
    names = ", ".join(_bold(name) for name in option.names)
    if not option.value:
        return names
    if option.choices:
        return f"{names} {'|'.join(_bold(choice) for choice in option.choices)}"
    return f"{names} {_italic(option.value.strip('<>'))}"


def _bold(text: str) -> str:
    return rf"\fB{escaped(text)}\fR"


def _italic(text: str) -> str:
    return rf"\fI{escaped(text)}\fR"


def _tagged(tag: str, text: str) -> list[str]:
    """Return a paragraph that hangs on a tag."""
    return [".TP", tag, *_lines(text)]


def _paragraphs(text: str) -> list[str]:
    """Return the first paragraphs of a section, which are separated by blank lines."""
    return [line for paragraph in text.strip().split("\n\n") for line in (".PP", *_lines(paragraph))][1:]


def _lines(text: str) -> list[str]:
    """Return a paragraph in short lines, a new one for each sentence, as the formatter wants it."""
    plain = " ".join(text.split())
    pieces, end = [], 0
    for typed in _TYPED.finditer(plain):
        pieces += [escaped(plain[end : typed.start()]), _bold(typed[1] or typed[2])]
        end = typed.end()
    styled = "".join([*pieces, escaped(plain[end:])])
    sentences = re.split(r"(?<=[.?!]) +", styled)
    lines = [line for sentence in sentences for line in textwrap.wrap(sentence, 78, break_on_hyphens=False)]
    return [rf"\&{line}" if line.startswith(".") else line for line in lines]


if __name__ == "__main__":
    print(page(), end="")

"""``namegen completion``: completion in bash, zsh and fish.

Typer finds the values. The classes here format them for each shell: Typer's own do not quote spaces or quotation marks.
"""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer
from typer._click.shell_completion import CompletionItem, ShellComplete, add_completion_class

if TYPE_CHECKING:
    from typing import Any

_BASH = r"""
# Completion of namegen in bash 4 or newer: eval "$(namegen completion bash)"
%(complete_func)s() {
    mapfile -t COMPREPLY < <(%(autocomplete_var)s=complete_bash _TYPER_COMPLETE_ARGS="${COMP_LINE:0:COMP_POINT}" \
        _NAMEGEN_REPLACED="$2" "${1/#\~\//$HOME/}" 2>/dev/null </dev/null)
    [[ ${COMPREPLY[0]} ]] || COMPREPLY=()
}
complete -o default -F %(complete_func)s %(prog_name)s
"""

_ZSH = r"""
#compdef %(prog_name)s
# Completion of namegen in zsh: eval "$(namegen completion zsh)", after compinit
_%(prog_name)s() {
    local -a candidates
    candidates=("${(@f)$(%(autocomplete_var)s=complete_zsh _TYPER_COMPLETE_ARGS="${words[1,CURRENT]}" \
        ${(Q)~words[1]} 2>/dev/null </dev/null)}")
    if [[ -n $candidates[1] ]]; then
        _describe -t values %(prog_name)s candidates
    else
        [[ $PREFIX == --*=* ]] && compset -P '*='
        _files
    fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _%(prog_name)s "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
    compdef _%(prog_name)s %(prog_name)s
fi
"""

_FISH = r"""
# Completion of namegen in fish 3.4 or newer: namegen completion fish > ~/.config/fish/completions/namegen.fish
function %(complete_func)s
    set -l candidates (%(autocomplete_var)s=complete_fish _TYPER_COMPLETE_ARGS="$(commandline -cp)" \
        %(prog_name)s 2>/dev/null </dev/null)
    if test -n "$candidates"
        printf '%%s\n' $candidates
    else
        set -l option (string match -r -- '^--[^=]*=' (commandline -ct))
        printf '%%s\n' "$option"(complete -C "'' $(string replace -- "$option" '' (commandline -ct))")
    end
end
complete -c %(prog_name)s -f -a '(%(complete_func)s)'
"""


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """Print a completion script for bash, zsh or fish.

    It completes commands, options, models, datasets, and the categories of the chosen model.

    bash: add `eval "$(namegen completion bash)"` to ~/.bashrc.

    zsh: add `eval "$(namegen completion zsh)"` to ~/.zshrc, after compinit.

    fish: run `namegen completion fish > ~/.config/fish/completions/namegen.fish`.
    """
    from namegen.cli.app import build
    from namegen.cli.terminal import print_result

    print_result(_SHELLS[shell](build(), {}, "namegen", "_NAMEGEN_COMPLETE").source().lstrip())


def register_shells() -> None:
    """Register the shells with Typer, so that it answers the scripts of :func:`completion`."""
    for name, shell in _SHELLS.items():
        add_completion_class(shell, name)


class _Completer(ShellComplete):
    """Completes a command line that is passed as typed, up to the cursor."""

    def source_vars(self) -> dict[str, Any]:
        """Return the variables of the script."""
        return {"complete_func": self.func_name, "autocomplete_var": self.complete_var, "prog_name": self.prog_name}

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor and the word at the cursor."""
        words, _ = split_line(os.environ.get("_TYPER_COMPLETE_ARGS", ""))
        while len(words) > 1 and re.match(r"\w+=", words[0]):  # NAMEGEN_MODEL=elves namegen sample
            name, _, value = words.pop(0).partition("=")
            os.environ[name] = value
        return [os.path.expanduser(word) for word in words[1:-1]], words[-1]  # noqa: PTH111 - not all are paths

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return the values that can replace the word at the cursor."""
        items = super().get_completions(args, incomplete)
        if incomplete.startswith("--") and "=" in incomplete:  # Typer returns values without the option's name
            attached = incomplete[: incomplete.index("=") + 1]
            items = [CompletionItem(attached + item.value, help=item.help) for item in items]
        return items


class _Bash(_Completer):
    """Bash replaces only the part of a word after a colon or an equals sign, and does not quote what it inserts."""

    name = "bash"
    source_template: ClassVar[str] = _BASH

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return only values that begin with the part of the word that bash keeps."""
        line = os.environ["_TYPER_COMPLETE_ARGS"]
        self.quote = split_line(line)[1]
        self.kept = split_line(line.removesuffix(os.environ.get("_NAMEGEN_REPLACED", "")))[0][-1]
        return [item for item in super().get_completions(args, incomplete) if item.value.startswith(self.kept)]

    def format_completion(self, item: CompletionItem) -> str:
        """Return the end of a value, quoted."""
        return quote_for_bash(item.value.removeprefix(self.kept), self.quote)


class _Zsh(_Completer):
    name = "zsh"
    source_template: ClassVar[str] = _ZSH

    def format_completion(self, item: CompletionItem) -> str:
        """Return a value and its description, as ``_describe`` expects them."""
        value = item.value.replace("\\", "\\\\").replace(":", "\\:")
        return f"{value}:{_describe(item)}" if item.help else value


class _Fish(_Completer):
    name = "fish"
    source_template: ClassVar[str] = _FISH

    def format_completion(self, item: CompletionItem) -> str:
        """Return a value and, after a tab, its description."""
        return f"{item.value}\t{_describe(item)}" if item.help else str(item.value)


_SHELLS: dict[str, type[_Completer]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def _describe(item: CompletionItem) -> str:
    """Return the first sentence of the help."""
    first, *_ = re.split(r"(?<=\w)\.(?:\s|$)|\s+\[default: ", item.help or "")
    return " ".join(first.split())


def split_line(line: str) -> tuple[list[str], str]:
    """Return the unquoted words up to the cursor, at the end of the line, and the quotation mark still open, or ""."""
    lexer = shlex.shlex(f"{line}_", posix=True)  # the added letter keeps a space or an empty word at the end
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    quote = ""
    try:
        words.extend(lexer)
    except ValueError:  # a quotation mark is open
        words.append(lexer.token)
        quote = str(lexer.state)  # type: ignore[attr-defined]
    words[-1] = words[-1][:-1]
    return words, quote


def quote_for_bash(text: str, quote: str) -> str:
    """Quote a text for bash, after an open quotation mark or ``""``."""
    if quote == "'":
        quoted = text.replace("'", r"'\''")
    elif quote == '"':
        quoted = re.sub(r'[$`"\\]', r"\\\g<0>", text).replace("!", r'"\!"')  # bash expands !, even after a backslash
    else:
        return re.sub(r"[^\w@%+:=./,-]", r"\\\g<0>", text)
    # Bash keeps the opening mark and adds the closing one, unless the text has such a mark at that end.
    opening = quote if quoted.startswith(quote) else ""
    closing = quote if quoted.endswith(quote) else ""
    return opening + quoted + closing

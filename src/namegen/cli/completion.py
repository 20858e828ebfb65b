"""``namegen completion``: let a shell complete commands, options, models and categories."""

from __future__ import annotations

from typing import Annotated, Literal

import typer


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """Print a script that lets a shell complete what you type.

    It completes commands, options and their values, models, datasets, and the categories of the chosen model.

    For bash, put `eval "$(namegen completion bash)"` into ~/.bashrc.

    For zsh, put `eval "$(namegen completion zsh)"` into ~/.zshrc, behind compinit.

    For fish, write it into a file: `namegen completion fish > ~/.config/fish/completions/namegen.fish`.
    """
    from namegen import paths
    from namegen.cli.terminal import print_result

    print_result((paths.DATA_DIR / f"completion.{shell}").read_text(encoding="utf-8"))

"""The command line: one module for each subcommand, each a thin layer over one function of the library.

:func:`main` owns what all of them share: how errors look, exit codes, and pipes that are closed at the other end.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import TYPE_CHECKING

from namegen.errors import NamegenError, UnmetError

if TYPE_CHECKING:
    from typer import TyperException

    from namegen.cli.signals import EndedBySignals

_CLOSED_PIPE = 141  # 128 and SIGPIPE, as a shell reports any filter that nobody reads any more


def command() -> int:
    """Run the command ``namegen`` as this process, which ends as soon as the command has ended."""
    from namegen.cli.signals import EndedBySignals

    signals = EndedBySignals()
    signals.begin()
    code = _carry_out(sys.argv[1:], signals)
    signals.ignore()
    return code


def main(arguments: list[str] | None = None) -> int:
    """Run the command ``namegen`` within this process, whose signals do afterwards what they did before.

    Args:
        arguments: what stands behind the command's name; by default what the process was given.

    Returns:
        The exit code: 0 done; 1 it could not be done; 2 wrong usage; 141 nobody reads the results any more; 128 and the
        signal's number when stopped by one.
    """
    from namegen.cli.signals import EndedBySignals

    with EndedBySignals() as signals:
        return _carry_out(sys.argv[1:] if arguments is None else arguments, signals)


def _carry_out(given: list[str], signals: EndedBySignals) -> int:
    """Carry out a command and say what is wrong if it cannot be done; returns the exit code."""
    # For numpy, when it is imported: on matrices as small as ours more threads gain little, and where other programs
    # keep the processors busy they wait for each other, which takes many times as long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from namegen.cli.terminal import forget_odd_sizes, prepare_streams

        prepare_streams()
        forget_odd_sizes()
        code = _run([argument for argument in given if argument != "--debug"])
        signals.over()
    except BaseException as error:
        signals.over()
        message, code = _verdict(error)
        if message is None:
            raise
        from namegen.cli.terminal import make_printable, print_error

        if "--debug" in given:
            import traceback

            with contextlib.suppress(OSError, AttributeError):
                sys.stderr.write(make_printable(traceback.format_exc(), but="\n"))
        if message and not _is_anothers_to_say(error, given):
            print_error(message, whole=given)
    _silence_stdout()
    return code


def _run(arguments: list[str]) -> int:
    from namegen.cli.app import build
    from namegen.cli.terminal import print_result

    code = build()(arguments, prog_name="namegen", standalone_mode=False)
    print_result("", flush=True)
    return code if isinstance(code, int) else 0


def _verdict(error: BaseException) -> tuple[str | None, int]:
    """Return what to say of an exception and the exit code: ``""`` for nothing, ``None`` for a bug of ours."""
    from typer import TyperException

    if isinstance(error, NamegenError):
        return str(error), error.exit_code
    if isinstance(error, TyperException):
        message = getattr(error, "format_message", error.__str__)()
        message = f"{message} See" if message.endswith("?") else f"{message.rstrip('.')}; see"
        return f"{message} {_help(error)}", getattr(error, "exit_code", 2)
    ended = _ended(error)
    return ("", ended) if ended is not None else (_of_the_system(error), 1)


def _is_anothers_to_say(error: BaseException, given: list[str]) -> bool:
    """Whether an error is that of all processes of one training, for which the first one speaks once they have met."""
    from typer import TyperException

    if "train" not in given or not isinstance(error, NamegenError | TyperException) or isinstance(error, UnmetError):
        return False
    from namegen.training.distributed import is_follower

    return is_follower()


def _ended(error: BaseException) -> int | None:
    """Return the exit code where an exception says only that it is over; nobody needs to be told."""
    if isinstance(error, BrokenPipeError) or (
        isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError)  # Typer's own way to end
    ):
        return _CLOSED_PIPE
    if isinstance(error, KeyboardInterrupt):
        return 130
    return error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else None


def _of_the_system(error: BaseException) -> str | None:
    """Return what to say where the machine or the installation lacks something."""
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("namegen"):
        return f"this needs {error.name}, which is not installed; install it, or namegen anew"
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "allocate" in str(error)):
        return "not enough memory; for training, use a smaller --hidden-size or --batch-size"
    if isinstance(error, OSError):
        if error.errno == errno.EBADF and not error.filename:
            return "cannot write the results: standard output is closed"
        return f"{error.filename or 'cannot go on'}: {error.strerror or error}"
    return None


def _help(error: TyperException) -> str:
    """Say where the help is that tells what was wrong about the usage."""
    context = getattr(error, "ctx", None)
    return f"`{context.command_path if context else 'namegen'} --help`"


def _silence_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter's own flush at the end cannot fail."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

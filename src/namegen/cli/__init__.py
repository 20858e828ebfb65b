"""The command line, with one module per subcommand; :func:`main` handles errors and exit codes."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import sys
from typing import TYPE_CHECKING

from namegen.errors import NamegenError

if TYPE_CHECKING:
    from namegen.cli.signals import ExitOnSignal

_CLOSED_PIPE = 141  # 128 + SIGPIPE, as shells report it
_GARBAGE_THRESHOLD = 10_000  # objects; imports create many, and hardly any of them become garbage


def command() -> int:
    """Run the command ``namegen`` as this process, which then exits."""
    from namegen.cli.signals import ExitOnSignal

    gc.set_threshold(_GARBAGE_THRESHOLD)
    signals = ExitOnSignal()
    signals.install()
    code = _run_safely(sys.argv[1:], signals)
    signals.ignore()
    gc.freeze()  # or the interpreter would search everything for garbage again before it exits
    return code


def main(arguments: list[str] | None = None) -> int:
    """Run the command ``namegen`` within this process and restore its signal handlers.

    Args:
        arguments: the arguments after the name of the command; by default those of the process.

    Returns:
        The exit code: 0 success; 1 failure; 2 wrong usage; 141 closed pipe; 128 + N stopped by signal N.
    """
    from namegen.cli.signals import ExitOnSignal

    with ExitOnSignal() as signals:
        return _run_safely(sys.argv[1:] if arguments is None else arguments, signals)


def _run_safely(given: list[str], signals: ExitOnSignal) -> int:
    """Run a command, print its error if it fails, and return the exit code."""
    # For numpy: more threads gain little on matrices this small, and on a busy machine they take many times as long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from namegen.cli.terminal import make_printable, prepare_streams, print_error, print_result

    try:
        prepare_streams()
        code = _run([argument for argument in given if argument != "--debug"])
        print_result("", flush=True)
        signals.finish()
    except BaseException as error:
        signals.finish()
        message, code = _describe_error(error)
        if message is None:
            raise
        if "--debug" in given:
            import traceback

            with contextlib.suppress(OSError):
                sys.stderr.write(make_printable(traceback.format_exc(), but="\n"))
        if message and not _is_printed_by_rank_zero(error, given):
            print_error(message, whole=given)
    _silence_stdout()
    return code


def _run(arguments: list[str]) -> int:
    """Run a command and return its exit code.

    ``namegen sample`` without options needs no parser, and without Typer it takes a fifth less time.
    """
    is_completing = "_NAMEGEN_COMPLETE" in os.environ  # for a shell
    has_options = any(argument.startswith("-") for argument in arguments)
    if arguments[:1] == ["sample"] and len(arguments) <= 3 and not has_options and not is_completing:
        from namegen.cli.print_names import print_names

        print_names(*arguments[1:])
        return 0
    from namegen.cli.app import build

    returned = build()(arguments, prog_name="namegen", standalone_mode=False)
    return returned if isinstance(returned, int) else 0


def _describe_error(error: BaseException) -> tuple[str | None, int]:
    """Return the message for an exception, ``""`` for none or ``None`` for a bug, and the exit code."""
    if isinstance(error, NamegenError):
        return str(error), error.exit_code
    from typer import TyperException

    if isinstance(error, TyperException):
        context = getattr(error, "ctx", None)
        message = getattr(error, "format_message", error.__str__)()
        message = f"{message} See" if message.endswith("?") else f"{message.rstrip('.')}; see"
        path = context.command_path if context else "namegen"
        return f"{message} `{path} --help`", getattr(error, "exit_code", 2)
    if isinstance(error, BrokenPipeError) or (
        isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError)  # as Typer ends
    ):
        return "", _CLOSED_PIPE
    if isinstance(error, KeyboardInterrupt):
        return "", 130
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return "", error.code
    return _describe_system_error(error), 1


def _is_printed_by_rank_zero(error: BaseException, given: list[str]) -> bool:
    """Return whether this process takes part in a training whose rank 0 prints the error."""
    if "train" not in given:
        return False
    from typer import TyperException

    if not isinstance(error, NamegenError | TyperException):
        return False
    from namegen.training.distributed import is_follower

    return is_follower()


def _describe_system_error(error: BaseException) -> str | None:
    """Return the message for a problem of the system or the installation, or ``None``."""
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("namegen"):
        from namegen.optional_packages import describe_missing

        return describe_missing((error.name or "a module").partition(".")[0])
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "allocate" in str(error)):
        return "not enough memory; for training, use a smaller --hidden-size or --batch-size"
    if isinstance(error, OSError):
        if error.errno == errno.EBADF and not error.filename:
            return "cannot write the results: standard output is closed"
        return f"{error.filename or 'system error'}: {error.strerror or error}"
    return None


def _silence_stdout() -> None:
    """Discard buffered output, so that the interpreter's flush at exit cannot fail."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

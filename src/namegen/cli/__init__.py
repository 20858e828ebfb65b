"""The command line: one module for each subcommand, each a thin layer over one function of the library.

:func:`main` owns what all of them share: how errors look, exit codes, and pipes that are closed at the other end.
"""

from __future__ import annotations

import contextlib
import os
import sys

from namegen.errors import NamegenError


def main(arguments: list[str] | None = None) -> int:
    """Run the command ``namegen``.

    Args:
        arguments: what stands behind the command's name; by default what the process was given.

    Returns:
        The exit code: 0 done; 1 it could not be done; 2 wrong usage; 141 nobody reads the results any more; 128 and the
        signal's number when stopped by one.
    """
    from typer import TyperException

    from namegen.cli.app import app

    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(given, prog_name="namegen", standalone_mode=False)
        _flush()
    except NamegenError as error:
        if "--debug" in given:
            raise
        return _fail(str(error), error.exit_code)
    except TyperException as error:
        return _fail(getattr(error, "format_message", error.__str__)(), getattr(error, "exit_code", 2))
    except BrokenPipeError:
        _silence_stdout()
        return 141
    except KeyboardInterrupt:
        _silence_stdout()
        return 130
    return code if isinstance(code, int) else 0


def _fail(message: str, code: int) -> int:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"Error: {' '.join(message.split())}\n")
    _silence_stdout()
    return code


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise NamegenError(f"cannot write the results: {error.strerror or error}") from error


def _silence_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter's own flush at the end cannot fail."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

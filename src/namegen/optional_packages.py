"""Say what to install if a package is missing that namegen needs only for some tasks.

The distribution ``namegen-rnn-slim`` has the same code as ``namegen-rnn``, but does not install torch, matplotlib,
plotext, pooch and requests. Other packages are in extras. Every import of such a package is within :func:`required`::

    with required("torch"):
        import torch
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from namegen.errors import MissingPackageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TASKS = {
    "faker": "the Faker provider",
    "matplotlib": "plotting to a file",
    "onnx": "exporting to ONNX",
    "plotext": "plotting in the terminal",
    "pooch": "downloading",
    "requests": "downloading",
    "torch": "training a network",
}
_REQUIREMENTS = {"faker": "Faker", "plotext": "'plotext<6'"}  # for pip in a shell, if not the module's name
_ALTERNATIVES = {"torch": "or use the recipe instant", "plotext": "or plot to a file"}


@contextmanager
def required(package: str, task: str | None = None, *, alternative: str | None = None) -> Iterator[None]:
    """Import a package in the body; if it is not installed, say so.

    Args:
        package: the name that the package is imported by.
        task: what needs the package, as the subject of a sentence; by default what namegen uses it for.
        alternative: what the user can do instead of installing the package, as in "or use --device cpu".

    Raises:
        MissingPackageError: the package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise MissingPackageError(describe_missing(package, task, alternative=alternative)) from error


def check_installed(package: str) -> None:
    """Raise ``MissingPackageError`` if a package is not installed, without importing it."""
    with required(package):
        if find_spec(package) is None:
            raise ModuleNotFoundError(name=package)


def describe_missing(package: str, task: str | None = None, *, alternative: str | None = None) -> str:
    """Return a line that says what needs a package that is not installed, and how to install it."""
    if alternative is None and task is None:
        alternative = _ALTERNATIVES.get(package)
    task = task or _TASKS.get(package, "this command")
    advice = f"install it with `pip install {_REQUIREMENTS.get(package, package)}`"
    return f"{task} needs {package}, which is not installed; {advice}" + (f", {alternative}" if alternative else "")

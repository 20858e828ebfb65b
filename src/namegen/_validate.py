"""Checks of arguments.

Each raises :class:`~namegen.errors.UsageError` if a value has the wrong type or is out of range. Numbers of numpy and
other libraries are accepted; booleans are not numbers.

:func:`check_arguments` makes a public function, and :func:`check_constructor` a public class, raise ``UsageError``
instead of ``TypeError`` if an argument is unknown or missing.
"""

from __future__ import annotations

import math
import os
import sys
from functools import wraps
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from namegen.errors import UsageError, quote, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    _Class = TypeVar("_Class", bound=type)

_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")

# Names of arguments in other libraries, and their names here; the first one that a function has is suggested.
_SYNONYMS = {
    "n": ("count",),
    "num": ("count",),
    "number": ("count",),
    "size": ("count", "hidden_size"),
    "k": ("top_k", "count"),
    "p": ("top_p",),
    "t": ("temperature",),
    "letters": ("prefixes", "prefix", "start"),
    "starts_with": ("prefixes", "prefix", "start"),
    "start": ("prefixes", "prefix"),
    "begin": ("prefixes", "prefix", "start"),
    "regex": ("match",),
    "pattern": ("match",),
    "distinct": ("unique",),
    "blocklist": ("exclude",),
    "length": ("max_length",),
    "maxlen": ("max_length",),
    "minlen": ("min_length",),
    "random_state": ("seed",),
    "lr": ("learning_rate",),
    "epochs": ("iterations",),
    "steps": ("iterations",),
    "optimizer": ("optimiser",),
    "units": ("hidden_size",),
    "data": ("dataset", "names"),
    "names": ("dataset",),
    "dataset": ("names",),
    "language": ("category", "cultures"),
    "category": ("cultures",),
    "culture": ("cultures", "category"),
    "file": ("path",),
    "base": ("init",),
    "pretrained": ("init", "model"),
}


def to_builtin(value: object) -> object:
    """Convert a number or boolean of another library to Python's own type; return anything else unchanged."""
    if type(value) in (int, float, bool):
        return value
    if type(value).__name__ in ("bool", "bool_"):  # in numpy 2 and 1
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


def check_int(what: str, value: object, low: int, high: int | None) -> int:
    """Return an integer from ``low`` to ``high``; ``None`` means no limit."""
    value = to_builtin(value)
    if isinstance(value, int) and not isinstance(value, bool) and low <= value and (high is None or value <= high):
        return value
    bounds = f"from {low:,} to {high:,}" if high is not None else f"of at least {low:,}"
    raise UsageError(f"{what} must be a whole number {bounds}, not {_describe(value)}")


def check_bool(what: str, value: object) -> bool:
    """Return a boolean."""
    value = to_builtin(value)
    if not isinstance(value, bool):
        raise UsageError(f"{what} must be true or false, not {_describe(value)}")
    return value


def check_number(what: str, value: object, low: float, high: float) -> None:
    """Check that a number is from ``low`` to ``high``."""
    if not low <= _to_float(value) <= high:
        raise UsageError(f"{what} must be a number from {low:g} to {high:g}, not {_describe(value)}")


def check_positive(what: str, value: object, high: float) -> None:
    """Check that a number is finite, above 0 and at most ``high``."""
    if not 0 < _to_float(value) <= min(high, sys.float_info.max):
        limit = "" if math.isinf(high) else f" and at most {high:g}"
        raise UsageError(f"{what} must be more than 0{limit}, not {_describe(value)}")


def check_fraction(what: str, value: object) -> None:
    """Check that a number is at least 0 and less than 1."""
    if not 0 <= _to_float(value) < 1:
        raise UsageError(f"{what} must be at least 0 and less than 1, not {_describe(value)}")


def _to_float(value: object) -> float:
    """Return a number, or NaN, which is out of every range."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _describe(value: object) -> str:
    try:
        return shorten(str(value)) or "empty"
    except ValueError:  # Python does not convert integers of more than 4,300 digits
        return "a number with thousands of digits"


def check_text(what: str, value: object, such_as: str) -> str:
    """Return a string; the error gives an example."""
    if isinstance(value, str):
        return value
    raise UsageError(f"{what} must be text such as {such_as}, not {describe_kind(value)}")


def check_path(what: str, value: object, advice: str = "") -> Path:
    """Return a path, given as text or as a path."""
    if isinstance(value, str | os.PathLike) and isinstance(path := os.fspath(value), str):
        return Path(path)
    raise UsageError(f"{what} must be a path, not {describe_kind(value)}{advice}")


def check_callable(what: str, value: object) -> None:
    """Check that a value can be called."""
    if not callable(value):
        raise UsageError(f"{what} must be a function, not {describe_kind(value)}")


def describe_kind(value: object) -> str:
    """Return the kind of a value in words: ``a list``, ``None``, ``the number 5``."""
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, Real):
        return f"the number {_describe(value)}"
    name = "string" if isinstance(value, str) else type(value).__name__
    return f"a{'n' if name[0].lower() in 'aeio' else ''} {name}"


def check_arguments(*parts: str) -> Callable[[Callable[_Params, _Result]], Callable[_Params, _Result]]:
    """Return a decorator of a public function; unknown and missing arguments raise ``UsageError``.

    ``parts`` are the arguments that a function with ``**parts`` takes.
    """

    def decorate(function: Callable[_Params, _Result]) -> Callable[_Params, _Result]:
        return _check_call(function, function.__name__, parts)

    return decorate


def check_constructor(advice: str = "") -> Callable[[_Class], _Class]:
    """Return a decorator of a public class whose constructor checks its arguments like :func:`check_arguments`."""

    def decorate(cls: _Class) -> _Class:
        cls.__init__ = _check_call(cls.__init__, cls.__name__, (), advice)  # type: ignore[misc]
        return cls

    return decorate


def check_names(what: str, given: Iterable[str], known: Collection[str], advice: str = "") -> None:
    """Check the names of arguments; the error suggests the one that was probably meant."""
    for name in given:
        if name not in known:
            suggestion = _suggest(name, known)
            hint = f"did you mean {suggestion}?" if suggestion else f"use one of {', '.join(known)}"
            raise UsageError(f"{what} has no argument {quote(name)}; {advice or hint}")


def _check_call(
    function: Callable[_Params, _Result], name: str, parts: tuple[str, ...], advice: str = ""
) -> Callable[_Params, _Result]:
    # `inspect.signature` finds the same, but takes long enough to delay every command.
    code, defaults = function.__code__, function.__defaults__ or ()
    with_default = {*(function.__kwdefaults__ or {})}
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    with_default.update(arguments[code.co_argcount - len(defaults) : code.co_argcount])
    bound = int(arguments[:1] in (("self",), ("cls",)))  # arguments that the caller does not see
    by_place = arguments[bound : code.co_argcount]
    required = [key for key in arguments[bound:] if key not in with_default]
    known = (*arguments[bound:], *parts)

    @wraps(function)
    def call(*args: _Params.args, **kwargs: _Params.kwargs) -> _Result:
        check_names(f"{name}()", kwargs, known, advice)
        places = len(args) - bound
        if places > len(by_place):
            others = ", ".join(f"{key}=" for key in known[len(by_place) :])
            raise UsageError(
                f"{name}() takes at most {len(by_place)} positional argument{'s'[: len(by_place) != 1]}, not {places}; "
                + (advice or (f"name the others: {others}" if others else "leave the others out"))
            )
        for key in by_place[:places]:
            if key in kwargs:
                raise UsageError(f"{name}() has {key} twice; give it once")
        for key in required:
            if key not in kwargs and key not in by_place[:places]:
                raise UsageError(f"{name}() needs the argument {key}" + (f"; {advice}" if advice else ""))
        return function(*args, **kwargs)

    return call


def _suggest(name: str, known: Collection[str]) -> str | None:
    """Return the argument that was probably meant."""
    import difflib

    folded = name.strip("_").lower()
    candidates = [*_SYNONYMS.get(folded, ()), *_SYNONYMS.get(folded.replace("_", ""), ())]
    begins = [key for key in known if len(folded) > 2 and key.startswith(folded)]
    close = difflib.get_close_matches(folded, known, n=1)
    return next((key for key in (*candidates, *begins, *close) if key in known), None)

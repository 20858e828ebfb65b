"""Checks of arguments.

Each raises :class:`~namegen.errors.UsageError` if a value has the wrong type or is out of range. Numbers of numpy and
other libraries are accepted; booleans are not numbers.
"""

from __future__ import annotations

import math
import sys
from numbers import Integral, Real

from namegen.errors import UsageError, shorten


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
        return shorten(str(value))
    except ValueError:  # Python does not convert integers of more than 4,300 digits
        return "a number with thousands of digits"

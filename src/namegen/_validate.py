"""Numbers that somebody gives, checked against their bounds, numpy's made Python's, and any of them in words."""

from __future__ import annotations

import math
import sys
from numbers import Integral, Real

from namegen.errors import UsageError, shorten


def to_builtin(value: object) -> object:
    """Return a number of numpy's or another library's as Python's own, which files can have; all else as it is."""
    if type(value) in (int, float, bool):
        return value
    if type(value).__name__ in ("bool", "bool_"):  # numpy's, of either of its versions
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


def check_int(what: str, value: object, low: int, high: int | None) -> int:
    """Return a whole number that is within its bounds; ``high`` may be ``None`` for any.

    Raises:
        UsageError: it is not, or is none, or is true or false.
    """
    value = to_builtin(value)
    if isinstance(value, int) and not isinstance(value, bool) and low <= value and (high is None or value <= high):
        return value
    bounds = f"from {low:,} to {high:,}" if high is not None else f"of at least {low:,}"
    raise UsageError(f"{what} must be a whole number {bounds}, not {_shown(value)}")


def check_bool(what: str, value: object) -> bool:
    """Return a truth value.

    Raises:
        UsageError: it is something else, as a text or nothing.
    """
    value = to_builtin(value)
    if not isinstance(value, bool):
        raise UsageError(f"{what} must be true or false, not {_shown(value)}")
    return value


def check_number(what: str, value: object, low: float, high: float) -> None:
    """See that a number is within its bounds.

    Raises:
        UsageError: it is not, or is none.
    """
    if not _is_number(value) or not low <= value <= high:  # type: ignore[operator]
        raise UsageError(f"{what} must be a number from {low:g} to {high:g}, not {_shown(value)}")


def check_positive(what: str, value: object, high: float) -> None:
    """See that a number is more than 0 and at most ``high``, and if that is infinite, finite.

    Raises:
        UsageError: it is not, or is none.
    """
    if not _is_number(value) or not 0 < value <= high:  # type: ignore[operator]
        limit = "" if math.isinf(high) else f" and at most {high:g}"
        raise UsageError(f"{what} must be more than 0{limit}, not {_shown(value)}")


def check_fraction(what: str, value: object) -> None:
    """See that a number is at least 0 and less than 1.

    Raises:
        UsageError: it is not, or is none.
    """
    if not _is_number(value) or not 0 <= value < 1:  # type: ignore[operator]
        raise UsageError(f"{what} must be at least 0 and less than 1, not {_shown(value)}")


def _is_number(value: object) -> bool:
    # Compared, not asked whether it is finite: what asks that fails on whole numbers too large to be made a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _shown(value: object) -> str:
    """Say what was given in place of a number, in a few words, however many digits it has."""
    try:
        text = str(value)
    except ValueError:  # Python does not write whole numbers of more than 4,300 digits
        return "a number of thousands of digits"
    return shorten(text)

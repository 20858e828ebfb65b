"""How large a regular expression is once it is compiled, told before that is done.

The library ``regex`` writes the least repetitions out when it compiles: ``(?:(?:a{1000}){1000}){1000}`` becomes a
billion items, and so do thirty ``+`` within each other. That takes all memory, or overflows the stack, and no timeout
ends it. Nor does one end an expression that calls itself without reading a letter. So an expression is read here first,
as roughly as will do: what is reckoned is never less than what there will be.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from namegen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


_TOKEN = re.compile(
    r"(?P<comment>\(\?#[^)]*\)?)"
    r"|(?P<call>\(\?(?:R|[+-]?[0-9]|&|P>))"
    r"|(?P<flag>\(\?[a-wyzA-Z0-9]*x)"
    r"|(?P<open>\()"
    r"|(?P<close>\))"
    r"|(?P<repeat>\+|\{(?P<least>[0-9]+)(?:,[0-9]*)?\})"
    r"|(?P<optional>[*?]|\{,[0-9]*\})"  # what is written out once whatever it is, and what is lazy
    r"|(?P<set>\[)"
    r"|(?P<item>\\.?|.)",
    re.DOTALL,
)


_IN_SET = re.compile(r"\\.?|\[:\^?[a-z]+:\]|.", re.DOTALL)


_ENDLESS = 10**9


def expanded_size(expression: str) -> int:
    """Return how many items a regular expression has with its least repetitions written out, or more, up to a billion.

    Raises:
        UsageError: it calls itself or one of its groups, or has the flag ``x``: that cannot be bounded.
    """
    # In version 1 of their language sets have sets within, and only the flags, wherever they are, tell which it is.
    return max(_size(expression, nested=nested) for nested in (False, True))


def _size(expression: str, *, nested: bool) -> int:
    groups, last = [1], 0  # the sizes of the groups that are open, and of what a repetition would repeat
    for kind, least in _tokens(expression, nested=nested):
        if kind == "call":
            raise UsageError("a regular expression must not call itself or its groups here; do without (?R) and (?1)")
        if kind == "flag":
            raise UsageError("a regular expression must be written without blanks and comments here, and the flag x")
        if kind == "open":
            groups.append(1)
            last = 0
            continue
        if kind == "close":  # one too many makes no sense; let what is behind it repeat everything
            last = groups.pop() if len(groups) > 1 else groups[0]
            more = last
        elif kind == "repeat":
            more = min(_ENDLESS, last * least)
            last = min(_ENDLESS, last + more)
        else:
            last = more = 1
        groups[-1] = min(_ENDLESS, groups[-1] + more)
    return min(_ENDLESS, sum(groups))


def _tokens(expression: str, *, nested: bool) -> Iterator[tuple[str, int]]:
    """Go through what a regular expression consists of: the kind of each part, and how often it repeats the one before.

    Comments, and what repeats nothing, are left out.
    """
    place = 0
    while found := _TOKEN.match(expression, place):
        kind, place = str(found.lastgroup), found.end()
        if kind == "set":
            place = _end_of_set(expression, place, nested=nested)
        if kind == "repeat":
            digits = found["least"] or "1"
            yield kind, int(digits) if len(digits) < len(str(_ENDLESS)) else _ENDLESS
        elif kind not in ("comment", "optional"):
            yield kind, 0


def _end_of_set(expression: str, place: int, *, nested: bool) -> int:
    """Return where a set ends whose bracket is before ``place``."""
    depth, first = 1, True
    while depth and (found := _IN_SET.match(expression, place)):
        place, character = found.end(), found[0]
        if first and character == "^":
            continue
        if character == "]" and not first:
            depth -= 1
        elif character == "[" and nested:
            depth += 1
            first = True
            continue
        first = False
    return place

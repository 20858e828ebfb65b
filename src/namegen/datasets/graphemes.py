"""The letters that a text is written with.

A letter is a character with the combining marks and invisible joiners behind it, in the normal form NFC (Unicode
Standard Annex 15): ``ữ``, ``и́``, ``कि``, ``กำ``. That is a grapheme cluster of Unicode Standard Annex 29 without the
rules that make one of several characters (conjuncts, flags, families of emoji), which would give an alphabet thousands
of letters with few examples of each.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


MAX_CHARACTERS = 32
"""The most characters that a letter may have; tables are as wide as the longest."""


JOINERS = {0x200C: None, 0x200D: None}
"""What cannot be seen but is part of the spelling, in Persian and many Indian scripts: a table that removes it."""


_JOINS_NOTHING = re.compile("[\u200c\u200d]+(?= |$)")


_BYTES_AT_A_TIME = 2**22


# Vowels and finals of Hangul that compose with what comes before are marks of it where NFC has no syllable for them.
_MARK = r"[\p{M}\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}\p{GCB=V}\p{GCB=T}]"


def split_letters(text: str) -> list[str]:
    """Split a text into its letters."""
    text = unicodedata.normalize("NFC", text)
    return list(text) if text.isascii() else _marked_letter().findall(text)


def is_printable(text: str) -> bool:
    """Whether all of a text can be shown, or is a joiner between what can."""
    return text.translate(JOINERS).isprintable()


def other_case(letter: str) -> str | None:
    """Return a letter in its other case, if that is its alone: ``ж`` for ``Ж``, but none for ``ß`` or ``ı``."""
    other = letter.swapcase()
    return other if other != letter and other.swapcase() == letter else None


def match_case(spelling: str, letter: str, before: str, behind: str) -> str:
    """Return what stands for a letter, in lower case, in the letter's own case.

    Where a capital becomes several letters, only the first is a capital, unless one of its neighbours is one too.

    Args:
        spelling: what stands for it.
        letter: the letter.
        before: the letter before it, or nothing.
        behind: the letter behind it, or nothing.
    """
    if len(spelling) < 2 or not letter.isupper():
        return spelling
    return spelling.upper() if before.isupper() or behind.isupper() else spelling.capitalize()


def normalize(text: str) -> tuple[str, int]:
    """Bring a text into the form in which its own letters can be an alphabet's: NFC, and nothing that cannot be seen.

    Blanks of any kind become one blank, at the ends none.

    Returns:
        The text, and how many of its characters were dropped: those that cannot be printed, marks without a letter, and
        joiners that join nothing.
    """
    text = " ".join(text.split())
    if text.isascii() and text.isprintable():
        return text, 0
    visible = "".join([character for character in text if character.isprintable() or ord(character) in JOINERS])
    kept = "".join([letter for letter in split_letters(visible) if not _is_mark(letter[0])])
    kept = _JOINS_NOTHING.sub("", kept)
    dropped = len(text) - len(visible) + len(unicodedata.normalize("NFC", visible)) - len(kept)
    return " ".join(kept.split()), dropped


def collect_letters(texts: Iterable[bytes | bytearray]) -> tuple[str, ...]:
    """Return the letters that texts are written with, such as :func:`written` gives, sorted, without line feeds."""
    letters: set[str] = set()
    for text in texts:
        for part in iter_chunks(text):
            characters = set(part)
            letters |= set(split_letters(part)) if any(map(_is_mark, characters)) else characters
    return tuple(sorted(letters - {"\n"}))


def iter_chunks(text: bytes | bytearray) -> Iterator[str]:
    """Go through a text of whole lines some lines at a time, which bounds the memory."""
    begin = 0
    while begin < len(text):
        end = text.find(b"\n", begin + _BYTES_AT_A_TIME) + 1 or len(text)
        yield text[begin:end].decode()
        begin = end


@cache
def _marked_letter() -> Any:  # noqa: ANN401 - a pattern; regex has no types
    """Matches a letter: a character and what extends it, but 32 characters at most; a blank is never extended."""
    import regex

    return regex.compile(rf"\s|.{_MARK}{{0,{MAX_CHARACTERS - 1}}}", regex.DOTALL)


@cache
def _is_mark(character: str) -> bool:
    import regex

    return not character.isascii() and regex.match(_MARK, character) is not None

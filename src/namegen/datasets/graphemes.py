"""Split text into letters.

A letter is a character with the combining marks and joiners after it, in normalization form NFC (Unicode Standard
Annex 15): ``ữ``, ``и́``, ``कि``, ``กำ``. It is a grapheme cluster of Unicode Standard Annex 29, but without the rules
that join several characters (conjuncts, flags, families of emoji), which would make alphabets of thousands of letters.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


MAX_CHARACTERS = 32
"""The most characters of a letter."""

JOINERS = {0x200C: None, 0x200D: None}
"""A translation table that removes the invisible joiners, which belong to the spelling of Persian and Indian names."""

_DANGLING_JOINERS = re.compile("[\u200c\u200d]+(?= |$)")
_BYTES_PER_CHUNK = 2**22

# Vowels and finals of Hangul that NFC does not compose with what precedes them count as marks.
_MARK = r"[\p{M}\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}\p{GCB=V}\p{GCB=T}]"


def split_letters(text: str) -> list[str]:
    """Split a text into its letters."""
    text = unicodedata.normalize("NFC", text)
    return list(text) if text.isascii() else _compile_letter().findall(text)


def is_printable(text: str) -> bool:
    """Return whether all characters of a text are printable or joiners."""
    return text.translate(JOINERS).isprintable()


def other_case(letter: str) -> str | None:
    """Return a letter in its other case if that is unique: ``ж`` for ``Ж``, but ``None`` for ``ß`` or ``ı``."""
    other = letter.swapcase()
    return other if other != letter and other.swapcase() == letter else None


def match_case(replacement: str, letter: str, before: str, after: str) -> str:
    """Return the lower-case replacement of a letter in that letter's case, given its neighbours, if it has any.

    If a capital becomes several letters, only the first is a capital, unless a neighbour is a capital too.
    """
    if len(replacement) < 2 or not letter.isupper():
        return replacement
    return replacement.upper() if before.isupper() or after.isupper() else replacement.capitalize()


def normalize(text: str) -> tuple[str, int]:
    """Normalize a text such that an alphabet can have its letters: NFC, without invisible characters.

    White space becomes one space; surrounding white space is stripped.

    Returns:
        The text, and the number of characters dropped: unprintable ones, marks without a letter, and joiners that
        join nothing.
    """
    text = " ".join(text.split())
    if text.isascii() and text.isprintable():
        return text, 0
    visible = "".join([character for character in text if character.isprintable() or ord(character) in JOINERS])
    kept = "".join([letter for letter in split_letters(visible) if not _is_mark(letter[0])])
    kept = _DANGLING_JOINERS.sub("", kept)
    dropped = len(text) - len(visible) + len(unicodedata.normalize("NFC", visible)) - len(kept)
    return " ".join(kept.split()), dropped


def collect_letters(texts: Iterable[bytes | bytearray]) -> tuple[str, ...]:
    """Return the letters of normalized texts, sorted, without line feeds."""
    letters: set[str] = set()
    for text in texts:
        for chunk in iter_chunks(text):
            characters = set(chunk)
            letters |= set(split_letters(chunk)) if any(map(_is_mark, characters)) else characters
    return tuple(sorted(letters - {"\n"}))


def iter_chunks(text: bytes | bytearray) -> Iterator[str]:
    """Yield a text in chunks of complete lines, which limits the memory."""
    begin = 0
    while begin < len(text):
        end = text.find(b"\n", begin + _BYTES_PER_CHUNK) + 1 or len(text)
        yield text[begin:end].decode()
        begin = end


@cache
def _compile_letter() -> Any:  # noqa: ANN401 - a pattern; regex has no types
    """Return the pattern of a letter: white space, or a character with its marks, ``MAX_CHARACTERS`` at most."""
    import regex

    return regex.compile(rf"\s|.{_MARK}{{0,{MAX_CHARACTERS - 1}}}", regex.DOTALL)


@cache
def _is_mark(character: str) -> bool:
    import regex

    return not character.isascii() and regex.match(_MARK, character) is not None

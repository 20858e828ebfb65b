"""Transliterate generated names into ASCII.

:meth:`Alphabet.transliterate <namegen.datasets.alphabet.Alphabet.transliterate>` differs: here digits and punctuation
stay.
"""

from __future__ import annotations

import re
import unicodedata

from namegen.datasets.alphabet import ASCII
from namegen.datasets.graphemes import match_case

_SPACES = re.compile(r" +")
_OUTER_SPACES = re.compile(r"(?m)^ | $")
_NOT_ASCII = re.compile(r"(?<![^\W\d_])[^\x00-\x7f]+")  # from the beginning of a word
_WORD = re.compile("[A-Za-z']+")
_GEORGIAN = re.compile("[\u10d0-\u10ff]")  # Unicode has capitals for it, but names are written without
_ADJACENT_LETTERS = re.compile(r"[^\W\d_a-z]{2,}")  # except lower-case ASCII letters, which never change


def to_ascii(lines: str) -> str:
    """Transliterate names, each ended by a line feed, with unidecode: ``Щукин`` into ``Shchukin``.

    If a capital becomes several letters, only the first stays in upper case unless a neighbour is a capital:
    ``ЩУКИН`` into ``SHCHUKIN``. Words of a script without capitals begin with one: ``김`` becomes ``Gim``. Characters
    without a letter or digit in unidecode are dropped, so a line may become empty.
    """
    uncased = _NOT_ASCII.sub(lambda match: _capitalise(match[0]), lines)
    cased = _ADJACENT_LETTERS.sub(lambda match: _transliterate_capitals(match[0]), uncased)
    return _OUTER_SPACES.sub("", _SPACES.sub(" ", cased.translate(_REPLACEMENTS)))


def _capitalise(text: str) -> str:
    """Transliterate text in a script without capitals, and begin its words with one; return other text unchanged."""
    if unicodedata.category(text[0]) != "Lo" and not _GEORGIAN.match(text):
        return text
    return _WORD.sub(lambda word: word[0].capitalize(), text.translate(_REPLACEMENTS))


def _transliterate_capitals(letters: str) -> str:
    """Transliterate the capitals among adjacent letters."""
    return "".join(
        [
            match_case(_REPLACEMENTS[ord(letter)], letter, before, after) if letter.isupper() else letter
            for before, letter, after in zip("\n" + letters, letters, letters[1:] + "\n", strict=False)
        ]
    )


_MISSING = {"ə": "e", "ә": "a", "ا": "a", "أ": "a", "إ": "i", "آ": "a", "ى": "a"}  # letters that unidecode drops


class _Replacements(dict[int, str]):
    """The replacement of each character, by code point, computed on first use."""

    def __missing__(self, point: int) -> str:
        from unidecode import unidecode

        character = replacement = chr(point)
        if not character.isascii():
            known = _MISSING.get(character.lower())
            text = unidecode(character, errors="ignore") if known is None else known
            kept = [c for c in (text.upper() if known and character.isupper() else text) if c in ASCII or c.isdigit()]
            replacement = match_case("".join(kept), character, "", "")
        self[point] = replacement
        return replacement


_REPLACEMENTS = _Replacements()

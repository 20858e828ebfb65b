"""Names in ASCII, in whatever script a model writes them.

Here the result is for readers, not for a network, so it has every ASCII letter, digit and mark that a name is written
with; :meth:`Alphabet.transliterate <namegen.alphabet.Alphabet.transliterate>` brings text into an alphabet.
"""

from __future__ import annotations

import re
from functools import cache

from namegen.alphabet import ASCII

_BLANKS = re.compile(r" +")
_BLANKS_AT_ENDS = re.compile(r"(?m)^ | $")
_BESIDE_EACH_OTHER = re.compile(r"[^\W\d_a-z]{2,}")  # letters, of which those of ASCII in lower case need no look


def in_ascii(lines: str) -> str:
    """Transliterate names, each ended by a line feed, with unidecode: ``Щукин`` into ``Shchukin``.

    A capital that becomes several letters keeps only its first in upper case unless a capital stands beside it:
    ``ЩУКИН`` into ``SHCHUKIN``. What unidecode has no letter or digit for is dropped, so that a line may become empty.
    """
    if lines.isascii():
        return lines
    shouted = _BESIDE_EACH_OTHER.sub(lambda run: _shouted(run[0]), lines)
    spelt = shouted.translate(_SPELLINGS)
    return _BLANKS_AT_ENDS.sub("", _BLANKS.sub(" ", spelt))


def _shouted(run: str) -> str:
    """Return a run of letters with those capitals spelt out in capitals that have another beside them."""
    return "".join(
        [
            _SPELLINGS[ord(letter)].upper() if letter.isupper() and _is_among_capitals(run, place) else letter
            for place, letter in enumerate(run)
        ]
    )


def _is_among_capitals(run: str, place: int) -> bool:
    return any(neighbour.isupper() for neighbour in (*run[max(0, place - 1) : place], *run[place + 1 : place + 2]))


class _Spellings(dict[int, str]):
    """What each character becomes, by code point: found when it is first met."""

    def __missing__(self, point: int) -> str:
        from unidecode import unidecode

        character = chr(point)
        if character.isascii():
            spelling = character
        else:
            spelling = "".join(letter for letter in unidecode(character, errors="ignore") if _is_kept(letter))
            if len(spelling) > 1 and character.isupper():
                spelling = spelling.capitalize()
        self[point] = spelling
        return spelling


@cache
def _is_kept(letter: str) -> bool:
    return letter in ASCII or letter.isdigit()


_SPELLINGS = _Spellings()

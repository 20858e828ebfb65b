"""Names in ASCII, in whatever script a model writes them.

Here the result is for readers, not for a network, so it has every ASCII letter, digit and mark that a name is written
with; :meth:`Alphabet.transliterate <namegen.datasets.alphabet.Alphabet.transliterate>` brings text into an alphabet.
"""

from __future__ import annotations

import re
from functools import cache

from namegen.datasets.alphabet import ASCII
from namegen.datasets.graphemes import match_case

_BLANKS = re.compile(r" +")


_BLANKS_AT_ENDS = re.compile(r"(?m)^ | $")


_BESIDE_EACH_OTHER = re.compile(r"[^\W\d_a-z]{2,}")  # letters, of which those of ASCII in lower case need no look


def to_ascii(lines: str) -> str:
    """Transliterate names, each ended by a line feed, with unidecode: ``Щукин`` into ``Shchukin``.

    A capital that becomes several letters keeps only its first in upper case unless a capital stands beside it:
    ``ЩУКИН`` into ``SHCHUKIN``. What unidecode has no letter or digit for is dropped, so that a line may become empty.
    """
    in_their_case = _BESIDE_EACH_OTHER.sub(lambda run: _capitals_spelt(run[0]), lines)
    spelt = in_their_case.translate(_SPELLINGS)
    return _BLANKS_AT_ENDS.sub("", _BLANKS.sub(" ", spelt))


def _capitals_spelt(run: str) -> str:
    """Return letters that stand beside each other with the capitals among them spelt in ASCII."""
    return "".join(
        [
            match_case(_SPELLINGS[ord(letter)], letter, before, behind) if letter.isupper() else letter
            for before, letter, behind in zip("\n" + run, run, run[1:] + "\n", strict=False)
        ]
    )


class _Spellings(dict[int, str]):
    """What each character becomes, by code point: found when it is first met."""

    def __missing__(self, point: int) -> str:
        from unidecode import unidecode

        character = chr(point)
        if character.isascii():
            spelling = character
        else:
            kept = "".join(letter for letter in unidecode(character, errors="ignore") if _is_kept(letter))
            spelling = match_case(kept, character, "", "")
        self[point] = spelling
        return spelling


@cache
def _is_kept(letter: str) -> bool:
    return letter in ASCII or letter.isdigit()


_SPELLINGS = _Spellings()

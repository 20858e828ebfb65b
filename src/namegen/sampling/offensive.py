"""Find names with slurs, obscenities or the names of notorious persons, in many languages.

Names are compared without case and transliterated to ASCII. ``data/offensive.txt`` lists hashes of words and, after
``*``, parts of words in ROT13, so that it does not display them. In a part, ``_`` stands for the beginning or end of a
word. ``scripts/add_offensive.py`` adds entries.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from namegen.datasets.encoding import EncodedNames
from namegen.paths import DATA_DIR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Codes = NDArray[np.uint8]
    Places = NDArray[np.int64]

OFFENSIVE_FILE = DATA_DIR / "offensive.txt"
MIN_PART = 4
"""The minimum number of characters of a part."""
MAX_WORD = 16
"""The maximum number of letters of a word."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# The number of each letter from 1; everything else separates words and is 0.
_ROT13 = str.maketrans("abcdefghijklmnopqrstuvwxyz", "nopqrstuvwxyzabcdefghijklm")
_CODES = bytes(_LETTERS.find(chr(point).lower()) + 1 if point < 128 else 0 for point in range(256))


class _Entries(NamedTuple):
    """The list.

    Attributes:
        words: the hashes of the words, ascending.
        parts: the parts, in codes.
        begins: whether a part begins with four codes, by :func:`_number_windows`.
    """

    words: NDArray[np.uint64]
    parts: tuple[bytes, ...]
    begins: NDArray[np.bool_]


def find_offensive(lines: str) -> NDArray[np.bool_]:
    """Return which names are offensive, (names,).

    Args:
        lines: the names, each ended by a line feed.
    """
    entries = _read_entries()
    text = b"\n" + (lines if lines.isascii() else _transliterate(lines)).encode()
    coded = text.translate(_CODES) + bytes(MAX_WORD)
    codes = np.frombuffer(coded, dtype=np.uint8)
    ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord("\n"))[1:]
    begins, hashes = _hash_words(codes)
    found = entries.words[np.searchsorted(entries.words[:-1], hashes)] == hashes
    windows = np.flatnonzero(entries.begins.take(_number_windows(codes))).tolist()
    # A part may begin with the end of the line before.
    parts = [place + 1 for place in windows if coded.startswith(entries.parts, place)]
    offensive = np.zeros(len(ends), dtype=np.bool_)
    offensive[np.searchsorted(ends, np.concatenate([begins[found], np.array(parts, dtype=np.int64)]))] = True
    return offensive


def _transliterate(lines: str) -> str:
    """Transliterate each character by itself, which is faster; the case does not matter here."""
    from namegen.datasets.transliteration import to_ascii

    return lines.translate({ord(letter): to_ascii(letter) for letter in {*lines} if letter > "\x7f"})


def encode_entries(entries: Iterable[str]) -> list[str]:
    """Return lines for ``data/offensive.txt``: of ``*part``, the part in ROT13; of a word, its hash."""
    lines = []
    for entry in entries:
        if entry.startswith("*"):
            lines.append(entry.translate(_ROT13))
        else:
            _, hashes = _hash_words(np.frombuffer(b"\0" + entry.encode().translate(_CODES) + bytes(MAX_WORD), np.uint8))
            lines += [f"{value:016x}" for value in hashes.tolist()]
    return lines


@lru_cache(1)
def _read_entries() -> _Entries:
    lines = OFFENSIVE_FILE.read_text("utf-8").split()
    words = np.array(sorted(int(line, 16) for line in lines if line[0] != "*"), dtype=np.uint64)
    decoded = [line[1:].translate(_ROT13) for line in lines if line[0] == "*"]
    parts = tuple(part.encode().translate(_CODES) for part in decoded)
    begins = np.zeros(32**MIN_PART, dtype=np.bool_)
    # Of the windows in the concatenated beginnings, every fourth is the beginning of a part.
    beginnings = b"".join([part[:MIN_PART] for part in parts])
    begins[_number_windows(np.frombuffer(beginnings, dtype=np.uint8))[::MIN_PART]] = True
    return _Entries(words, parts, begins)


def _hash_words(codes: Codes) -> tuple[Places, NDArray[np.uint64]]:
    """Return the place and the hash of each word of up to ``MAX_WORD`` letters; (words,) each.

    The codes begin with 0 and end with ``MAX_WORD`` zeros.
    """
    separators = np.flatnonzero(codes == 0)
    begins, lengths = separators[:-1] + 1, np.diff(separators) - 1
    is_word = (lengths > 0) & (lengths <= MAX_WORD)
    begins, lengths = begins[is_word], lengths[is_word]
    return begins, EncodedNames(codes[begins[:, None] + np.arange(MAX_WORD)], lengths).keys()


def _number_windows(codes: Codes) -> NDArray[np.int32]:
    """Return a number for each sequence of ``MIN_PART`` adjacent codes, (windows,)."""
    pairs = codes[:-1].astype(np.int32) << 5 | codes[1:]
    return pairs[:-2] << 10 | pairs[2:]

"""Alphabets: letters, their indices, and the transliteration of any text.

An alphabet is a tuple of letters. One index past the last letter stands for the boundary of a name: the end-of-sequence
(EOS) token as an output of the network, the start-of-sequence (SOS) token as an input. So a network over the 58 letters
of ``ASCII`` has 59 inputs and 59 outputs.

Transliteration keeps the letters of the alphabet and converts the others with unidecode (``Wałęsa`` to ``Walesa``,
``Groß`` to ``Gross``). Characters that unidecode cannot express are dropped and counted.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from namegen._validate import check_constructor, describe_kind
from namegen.datasets.graphemes import MAX_CHARACTERS, is_printable, iter_chunks, match_case, normalize, other_case
from namegen.errors import UsageError, quote

if TYPE_CHECKING:
    from numpy.typing import NDArray


_NAMES_AT_A_TIME = 65_536  # that are decoded; bounds the memory
_MAX_SHOWN = 30  # letters or runs of letters in the description of an alphabet
_PRIVATE_USE = 0xF0000  # first of the code points that stand for letters of several characters


@check_constructor()
@dataclass(frozen=True)
class Alphabet:
    """An ordered set of letters, each a string of one or more code points.

    Attributes:
        letters: the letters, in the order of their indices.

    Raises:
        UsageError: the number of letters is not from 1 to 65,535, or a letter is empty, not printable, longer than 32
            characters, repeated, or contains a space and something else.
    """

    letters: tuple[str, ...]

    def __post_init__(self) -> None:
        letters: object = self.letters
        if not isinstance(letters, Iterable) or not all(isinstance(letter, str) for letter in letters):
            raise UsageError(f"the letters of an alphabet must be a list of strings, not {describe_kind(letters)}")
        object.__setattr__(self, "letters", tuple(self.letters))
        if not 0 < len(self.letters) < 2**16:
            raise UsageError(f"an alphabet has 1 to 65,535 letters, not {len(self.letters):,}")
        if len(set(self.letters)) < len(self.letters) or not all(self.letters):
            raise UsageError("the letters of an alphabet must be distinct and not empty")
        for letter in self.letters:
            if len(letter) > MAX_CHARACTERS:
                raise UsageError(f"{quote(letter)} cannot be a letter: it has more than {MAX_CHARACTERS} characters")
            if not is_printable(letter):
                raise UsageError(f"{quote(letter)} cannot be a letter: it is not printable")
            if " " in letter and letter != " ":
                raise UsageError(f"{letter!r} cannot be a letter: a space is a letter of its own")

    def __len__(self) -> int:
        return len(self.letters)

    def __contains__(self, letter: object) -> bool:
        return letter in self._index

    def __str__(self) -> str:
        """Return a description, runs first and the space last: ``a–z, A–Z, . , ; ' - and space``."""
        runs: list[list[str]] = []
        for letter in self.letters:
            if runs and _is_successor(letter, runs[-1][-1]):
                runs[-1].append(letter)
            elif letter != " ":
                runs.append([letter])
        single = [letter for run in runs if len(run) <= 3 for letter in run]
        parts = [f"{run[0]}–{run[-1]}" for run in runs if len(run) > 3][:_MAX_SHOWN]
        parts += [" ".join(single[:_MAX_SHOWN])] * bool(single)
        parts += ["space"] * (" " in self)
        parts += [f"others, {len(self):,} letters in all"] * (max(len(single), len(runs)) > _MAX_SHOWN)
        return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]

    @cached_property
    def may_be_ambiguous(self) -> bool:
        """True if letters may have several characters, so that ``ab, c`` and ``a, bc`` may be the same text."""
        return any(len(letter) > 1 for letter in self.letters)

    @property
    def boundary_id(self) -> int:
        """The index past the last letter: SOS as an input, EOS as an output."""
        return len(self.letters)

    @property
    def dtype(self) -> type[np.unsignedinteger]:
        """The type of the indices of letters: the smallest that can hold ``boundary_id``."""
        return np.uint8 if len(self) < 2**8 else np.uint16

    def extend(self, letters: Iterable[str]) -> Alphabet:
        """Return an alphabet with more letters after these, sorted, or this alphabet if it has them all."""
        return Alphabet((*self.letters, *sorted({*letters} - {*self.letters})))

    @cached_property
    def _index(self) -> dict[str, int]:
        return {letter: index for index, letter in enumerate(self.letters)}

    def _split(self, text: str) -> list[str]:
        """Split a text into letters, preferring longer ones, and into the characters between them."""
        return list(text) if self._pattern is None else self._pattern.findall(text)

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        """Matches a letter, in either case, or any character; ``None`` if all letters are single characters."""
        if not self.may_be_ambiguous:
            return None
        either_case = {*self.letters, *filter(None, map(other_case, self.letters))}
        longest_first = sorted(either_case, key=len, reverse=True)
        return re.compile("|".join([*map(re.escape, longest_first), "."]), re.DOTALL)

    def encode(self, name: str) -> NDArray[np.int64]:
        """Return the indices of a name's letters, (length,).

        Raises:
            UsageError: a letter is not in the alphabet.
        """
        try:
            return np.array([self._index[letter] for letter in self._split(name)], dtype=np.int64)
        except KeyError as missing:
            raise UsageError(f"the letter {missing.args[0]!r} is not in the alphabet") from None

    def encode_lines(self, text: bytes | bytearray) -> tuple[NDArray[np.unsignedinteger], NDArray[np.int64]]:
        """Encode many names, given in UTF-8, each ended by a line feed. All their letters must be in the alphabet.

        Returns:
            The concatenated indices of all letters, (letters,), of an unsigned type that can hold ``boundary_id``, and
            the number of letters of each name, (names,).
        """
        table = self._index_of_code_point
        encoding, dtype = ("latin-1", "u1") if len(table) <= 256 else ("utf-32-le", "<u4")
        blocks = [np.zeros(0, dtype=table.dtype)]
        for block in iter_chunks(text):
            encodable = block
            if self._multi_character is not None:
                encodable = self._multi_character.sub(lambda match: chr(_PRIVATE_USE + self._index[match[0]]), block)
            blocks.append(table[np.frombuffer(encodable.encode(encoding), dtype=dtype)])
        indices = np.concatenate(blocks)
        is_end = indices == self.boundary_id
        return indices[~is_end], np.diff(np.flatnonzero(is_end), prepend=-1) - 1

    @cached_property
    def _multi_character(self) -> re.Pattern[str] | None:
        """Matches the letters of several characters, if there are any."""
        longest_first = sorted((letter for letter in self.letters if len(letter) > 1), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    @cached_property
    def _index_of_code_point(self) -> NDArray[np.unsignedinteger]:
        """The index of each letter, and ``boundary_id`` for a line feed, by code point.

        A private code point stands for a letter of several characters.
        """
        points = [ord(x) if len(x) == 1 else _PRIVATE_USE + index for index, x in enumerate([*self.letters, "\n"])]
        table = np.zeros(max(points) + 1, dtype=self.dtype)
        table[points] = np.arange(len(points))
        return table

    def has(self, name: str) -> bool:
        """Return whether all letters of a name are in the alphabet."""
        return all(letter in self._index for letter in self._split(name))

    def decode(self, indices: Iterable[int]) -> str:
        """Return the name whose letters have these indices."""
        return "".join(self.letters[index] for index in indices)

    def in_case(self, name: str, casing: str) -> str:
        """Return a name, which is not empty, in another case, or unchanged if that would leave the alphabet.

        The case is one of those of :attr:`Dataset.casing <namegen.datasets.dataset.Dataset.casing>`. ``capitalised``
        turns both ``anna`` and ``ANNA`` into ``Anna``, and keeps ``McDuff``.
        """
        match casing:
            case "lower":
                cased = name.lower()
            case "upper":
                cased = name.upper()
            case "capitalised":
                shouted = len(name) > 1 and name.isalpha() and name.isupper()
                cased = name.capitalize() if shouted else name[0].upper() + name[1:]
            case _:
                cased = name
        return cased if cased == name or self.has(cased) else name

    def decode_lines(self, letters: NDArray[np.unsignedinteger], lengths: NDArray[np.integer]) -> str:
        """Decode many names, each ended by a line feed.

        Args:
            letters: the letters' indices, (names, longest), of a type that can hold ``boundary_id``.
            lengths: the number of letters of each name, 0 to ``longest``, (names,).
        """
        starts = range(0, len(letters), _NAMES_AT_A_TIME)
        parts = [slice(start, start + _NAMES_AT_A_TIME) for start in starts]
        return "".join([self._decode_some(letters[part], lengths[part]) for part in parts])

    def _decode_some(self, letters: NDArray[np.unsignedinteger], lengths: NDArray[np.integer]) -> str:
        table, places = self._code_points, np.arange(letters.shape[1] + 1)
        indices = np.empty((len(letters), len(places)), dtype=letters.dtype)
        indices[:, :-1] = letters
        indices[np.arange(len(letters)), lengths] = self.boundary_id
        points = table[indices[places <= lengths[:, None]]].ravel()
        if table.shape[1] > 1:
            points = points[points > 0]
        return points.tobytes().decode("ascii" if table.dtype == np.uint8 else "utf-32-le")

    @cached_property
    def _code_points(self) -> NDArray[np.unsignedinteger]:
        """The code points of each letter and of a line feed, padded with 0; (letters + 1, longest)."""
        texts = [*self.letters, "\n"]
        table = np.zeros((len(texts), max(map(len, texts))), dtype=np.uint8 if "".join(texts).isascii() else "<u4")
        for row, text in zip(table, texts, strict=True):
            row[: len(text)] = [ord(character) for character in text]
        return table

    def transliterate(self, text: str) -> tuple[str, int]:
        """Transliterate any text into the alphabet.

        Surrounding spaces are stripped, and several spaces become one. A letter that the alphabet has only in the
        other case takes that case.

        Returns:
            The text, and the number of dropped characters, not counting accents whose letter is kept.
        """
        characters = self._split(unicodedata.normalize("NFC", text))
        if all(character in self._index for character in characters):
            return " ".join("".join(characters).split()), 0
        from unidecode import unidecode

        parts: list[str] = []
        dropped, is_kept = 0, False  # is_kept: the letter before is in the alphabet
        neighbours = zip(["", *characters], characters, [*characters[1:], ""], strict=False)
        for before, character, after in neighbours:
            kind = unicodedata.category(character[0])
            if kind[0] == "M" and is_kept and character not in self._index:
                dropped += kind != "Mn"  # a vowel sign must not become a Latin letter after other letters
                continue
            known = character if character in self._index else other_case(character)
            is_kept = known in self._index
            if is_kept and known:
                parts.append(known)
            elif character.isspace():
                parts.append(" " if " " in self._index else "")
            elif kind == "Cs":  # half of a surrogate pair, from text that was not UTF-8
                dropped += 1
            else:
                replacement = match_case(unidecode(character, errors="ignore"), character, before, after)
                part = "".join(letter for letter in self._split(replacement) if letter in self._index)
                dropped += not (part or kind == "Mn")
                parts.append(part)
        return " ".join("".join(parts).split()), dropped


class ExtendableAlphabet(Alphabet):
    """An alphabet that is extended by the letters of the names that are read in it.

    Punctuation is transliterated if the alphabet has its replacement, such as ``'`` for ``’``, and symbols otherwise
    dropped.
    """

    def transliterate(self, text: str) -> tuple[str, int]:
        """Normalize a text as :func:`~namegen.datasets.graphemes.normalize` does; transliterate no letters.

        Returns:
            The text, and the number of dropped characters.
        """
        name, dropped = normalize(text)
        if self.has(name):
            return name, dropped
        parts = [self._replace(letter) for letter in self._split(name)]
        return " ".join("".join(parts).split()), dropped + parts.count("")

    def _replace(self, letter: str) -> str:
        """Return what stands for a letter; nothing if it is dropped."""
        kind = unicodedata.category(letter[0])[0]
        if letter in self or kind in "LMNZ":
            return letter
        from unidecode import unidecode

        replacement = unidecode(letter, errors="ignore")
        if replacement and self.has(replacement):
            return replacement
        return letter if kind == "P" else ""


def _is_successor(letter: str, last: str) -> bool:
    """Return whether a letter follows another in Unicode and has the same case, as ``b`` follows ``a``."""
    is_next = len(letter) == len(last) == 1 and ord(letter) == ord(last) + 1
    return is_next and (letter.isupper(), letter.islower()) == (last.isupper(), last.islower())


ASCII = Alphabet(tuple(string.ascii_letters + " .,;'-"))
"""The tutorial's alphabet: the ASCII letters, space, full stop, comma, semicolon, apostrophe and hyphen."""

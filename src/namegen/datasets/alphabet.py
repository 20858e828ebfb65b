"""Letters and their indices, and how any text is brought into an alphabet.

An alphabet is a tuple of letters, and the index of a letter is its place in it. One index more stands for the
edge of a name: as an output of the network it is the end-of-sequence (EOS) token, as an input the
start-of-sequence (SOS) token. So a network over the 58 letters of ``ASCII`` has 59 inputs and 59 outputs.

Text is *transliterated*: what the alphabet has stays as it is, everything else goes through unidecode
(``Wałęsa`` becomes ``Walesa``, ``Groß`` ``Gross``), and what even that cannot express is dropped and counted.
"""

from __future__ import annotations

import re
import string
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from namegen.datasets.graphemes import MAX_CHARACTERS, is_printable, iter_chunks, match_case, other_case
from namegen.errors import UsageError, quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


_MAX_SHOWN = 30  # letters or runs of letters, in words


_NAMES_AT_A_TIME = 2**16  # bounds the memory


_STAND_INS = 0xF0000  # private characters, which no letter has, one for each letter of several


@dataclass(frozen=True)
class Alphabet:
    """An ordered set of letters. A letter is a string, not always of one code point.

    Attributes:
        letters: the letters; the index of a letter is its place here.

    Raises:
        UsageError: a letter is empty, unprintable, has more than 32 characters or a blank beside something else, or
            stands there twice, or there are none or more than 65,535.
    """

    letters: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.letters) < 2**16:
            raise UsageError(f"an alphabet has 1 to 65,535 letters, not {len(self.letters):,}")
        if len(set(self.letters)) < len(self.letters) or not all(self.letters):
            raise UsageError("the letters of an alphabet must be distinct and not empty")
        for letter in self.letters:
            if len(letter) > MAX_CHARACTERS:
                raise UsageError(f"{quote(letter)} has {len(letter):,} characters, too many for a letter")
            if not is_printable(letter):
                raise UsageError(f"{quote(letter)} cannot be a letter: it has characters that cannot be printed")
            if " " in letter and letter != " ":
                raise UsageError(f"{letter!r} cannot be a letter: a blank is a letter of its own")

    def __len__(self) -> int:
        return len(self.letters)

    def __str__(self) -> str:
        """Return the letters in words, runs first and the blank last: ``a–z, A–Z, . , ; ' - and blank``."""
        runs: list[list[str]] = []
        for letter in self.letters:
            if letter == " ":
                continue
            if runs and _follows(letter, runs[-1][-1]):
                runs[-1].append(letter)
            else:
                runs.append([letter])
        single = [letter for run in runs if len(run) <= 3 for letter in run]
        parts = [f"{run[0]}–{run[-1]}" for run in runs if len(run) > 3][:_MAX_SHOWN]
        parts += [" ".join(single[:_MAX_SHOWN])] * bool(single)
        parts += ["blank"] * (" " in self)
        parts += [f"others, {len(self):,} letters in all"] * (max(len(single), len(runs)) > _MAX_SHOWN)
        return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]

    @cached_property
    def is_ambiguous(self) -> bool:
        """Whether several rows of letters can be the same text, as ``ab, c`` and ``a, bc``.

        By the test of Sardinas and Patterson (1953), "A necessary and sufficient condition for unique decomposition of
        coded messages": what remains of a letter, or of what remains, without a beginning must never be a letter.
        """
        rests: dict[str, list[str]] = {}
        for letter in self.letters:
            for cut in range(1, len(letter)):
                rests.setdefault(letter[:cut], []).append(letter[cut:])
        left = {rest for beginning in rests.keys() & self._index.keys() for rest in rests[beginning]}
        seen: set[str] = set()
        while left:
            if left & self._index.keys():
                return True
            seen |= left
            without = {rest[cut:] for rest in left for cut in range(1, len(rest)) if rest[:cut] in self._index}
            left = without.union(*(rests.get(rest, ()) for rest in left)) - seen
        return False

    def __contains__(self, letter: object) -> bool:
        return letter in self._index

    @property
    def boundary_id(self) -> int:
        """The index past the last letter: SOS as an input, EOS as an output."""
        return len(self.letters)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {letter: index for index, letter in enumerate(self.letters)}

    def _split(self, text: str) -> list[str]:
        """Split a text into letters, of those that fit the longest, and what is between them into characters."""
        if self._letter is None:
            return list(text)
        return self._letter.findall(text)

    @cached_property
    def _letter(self) -> re.Pattern[str] | None:
        """Matches a letter, in either case, or any character; ``None`` where all letters are single characters."""
        if all(len(letter) == 1 for letter in self.letters):
            return None
        in_either_case = {*self.letters, *filter(None, map(other_case, self.letters))}
        longest_first = sorted(in_either_case, key=len, reverse=True)
        return re.compile("|".join([*map(re.escape, longest_first), "."]), re.DOTALL)

    @cached_property
    def code_of_byte(self) -> NDArray[np.uint16] | None:
        """For each byte the index of the letter it spells (``boundary_id``: none), shape (256,).

        ``None`` where some letter is not a single ASCII character, so that bytes are not letters.
        """
        if not all(len(letter) == 1 and letter.isascii() for letter in self.letters):
            return None
        table = np.full(256, self.boundary_id, dtype=np.uint16)
        for index, letter in enumerate(self.letters):
            table[ord(letter)] = index
        return table

    def encode(self, name: str) -> NDArray[np.int64]:
        """Return the indices of a name's letters, shape (length,) int64.

        Raises:
            UsageError: a letter is not in the alphabet (see :meth:`transliterate`).
        """
        try:
            return np.array([self._index[letter] for letter in self._split(name)], dtype=np.int64)
        except KeyError as missing:
            raise UsageError(f"the letter {missing.args[0]!r} is not in the alphabet") from None

    def encode_lines(self, text: bytes | bytearray) -> tuple[NDArray[np.unsignedinteger], NDArray[np.int64]]:
        """Encode many names at once.

        Args:
            text: names in UTF-8 whose letters are all in the alphabet, each ended by a line feed.

        Returns:
            The letters' indices, one name after the other, (letters,) of an unsigned type that can hold
            ``boundary_id``, and
            the number of letters of each name, (names,).
        """
        dtype = np.uint8 if len(self) < 2**8 else np.uint16
        code_of_byte = self.code_of_byte
        if code_of_byte is not None:
            raw = np.frombuffer(text, dtype=np.uint8)
            ends = np.flatnonzero(raw == ord("\n"))
            codes = code_of_byte[raw[raw != ord("\n")]]
            return codes.astype(dtype), np.diff(ends, prepend=-1) - 1
        indices = [self._encode_text(part).astype(dtype) for part in iter_chunks(text)]
        codes = np.concatenate([np.zeros(0, dtype=dtype), *indices])
        ends = np.flatnonzero(codes == self.boundary_id)
        return codes[codes != self.boundary_id], np.diff(ends, prepend=-1) - 1

    def _encode_text(self, text: str) -> NDArray[np.int64]:
        """Return the index of each letter of a text, and ``boundary_id`` for each line feed."""
        points, indices = self._points
        if self._several is not None:
            pattern, stand_ins = self._several
            text = pattern.sub(lambda letter: stand_ins[letter[0]], text)
        return indices[np.searchsorted(points, np.frombuffer(text.encode("utf-32-le"), dtype="<u4"))]

    @cached_property
    def _several(self) -> tuple[re.Pattern[str], dict[str, str]] | None:
        """Matches the letters of several characters, and what each is replaced by, if there are any."""
        stand_ins = {letter: chr(_STAND_INS + index) for letter, index in self._index.items() if len(letter) > 1}
        longest_first = sorted(stand_ins, key=len, reverse=True)
        return (re.compile("|".join(map(re.escape, longest_first))), stand_ins) if stand_ins else None

    @cached_property
    def _points(self) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The code points of letters and of a line feed, of a letter of several that of its stand-in; and the indices.

        Both (boundary_id + 1,), ascending by code point.
        """
        points = [ord(x) if len(x) == 1 else _STAND_INS + index for index, x in enumerate([*self.letters, "\n"])]
        order = np.argsort(points)
        return np.array(points, dtype=np.uint32)[order], order

    def has(self, name: str) -> bool:
        """Whether all letters of a name are in the alphabet."""
        return all(letter in self._index for letter in self._split(name))

    def decode(self, indices: Iterable[int]) -> str:
        """Return the name that the indices of letters spell."""
        return "".join(self.letters[index] for index in indices)

    def in_case(self, name: str, casing: str) -> str:
        """Return a name, of one letter at least, in the case that names begin with.

        With ``capitalised`` both ``anna`` and ``ANNA`` become ``Anna``, and ``McDuff`` stays. What would leave the
        alphabet stays as it is.

        Args:
            name: the name.
            casing: as :attr:`~namegen.datasets.dataset.Dataset.casing`.
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

    @cached_property
    def _characters(self) -> NDArray[np.unsignedinteger]:
        """The code points of each letter and of a line feed, padded with 0; (letters + 1, longest)."""
        spelt = [*self.letters, "\n"]
        table = np.zeros((len(spelt), max(map(len, spelt))), dtype=np.uint8 if "".join(spelt).isascii() else "<u4")
        for row, text in zip(table, spelt, strict=True):
            row[: len(text)] = [ord(character) for character in text]
        return table

    def decode_lines(self, letters: NDArray[np.unsignedinteger], lengths: NDArray[np.int64]) -> str:
        """Return many names as text, each ended by a line feed.

        Args:
            letters: the letters' indices, (names, longest), of a type that can hold ``boundary_id``.
            lengths: the number of letters of each name, 0 to ``longest``, (names,).
        """
        parts = [slice(i, i + _NAMES_AT_A_TIME) for i in range(0, len(letters), _NAMES_AT_A_TIME)]
        return "".join([self._decode_lines(letters[part], lengths[part]) for part in parts])

    def _decode_lines(self, letters: NDArray[np.unsignedinteger], lengths: NDArray[np.int64]) -> str:
        table, places = self._characters, np.arange(letters.shape[1] + 1)
        indices = np.empty((len(letters), len(places)), dtype=letters.dtype)
        indices[:, :-1] = letters
        indices[np.arange(len(letters)), lengths] = self.boundary_id
        characters = table[indices[places <= lengths[:, None]]].ravel()
        if table.shape[1] > 1:
            characters = characters[characters > 0]
        return characters.tobytes().decode("ascii" if table.dtype == np.uint8 else "utf-32-le")

    def transliterate(self, text: str) -> tuple[str, int]:
        """Bring any text into the alphabet.

        Blanks at the ends are stripped and runs of them made one. A letter that the alphabet has in the other case
        alone takes that. An upper-case letter that becomes several keeps only its first in upper case unless its
        neighbour is in upper case too (``Æ``: ``Ae``).

        Returns:
            The text, and how many of its characters could be expressed in no way and were dropped. An accent
            that goes while its letter stays does not count.
        """
        characters = self._split(unicodedata.normalize("NFC", text))
        if all(character in self._index for character in characters):
            return " ".join("".join(characters).split()), 0
        from unidecode import unidecode

        spelt: list[str] = []
        dropped, is_whole = 0, False
        for place, character in enumerate(characters):
            kind = unicodedata.category(character[0])
            if kind[0] == "M" and is_whole and character not in self._index:
                dropped += kind != "Mn"  # of a letter that is written without it, not half in other letters
                continue
            is_whole = character in self._index
            if is_whole:
                spelt.append(character)
                continue
            other = other_case(character)  # of a start letter, where names have it in one case alone
            if other in self._index:
                is_whole = True
                spelt.append(other)
                continue
            if character.isspace():
                spelt.append(" " if " " in self._index else "")
                continue
            if kind == "Cs":  # half of a character, from text that was not UTF-8
                dropped += 1
                continue
            before, behind = "".join(characters[max(0, place - 1) : place]), "".join(characters[place + 1 : place + 2])
            replacement = match_case(unidecode(character, errors="ignore"), character, before, behind)
            kept = "".join(letter for letter in self._split(replacement) if letter in self._index)
            dropped += not (kept or kind == "Mn")
            spelt.append(kept)
        return " ".join("".join(spelt).split()), dropped


def _follows(letter: str, last: str) -> bool:
    """Whether a letter stands behind another in Unicode, and is in the same case: ``b`` behind ``a``."""
    if len(letter) != 1 or len(last) != 1 or ord(letter) != ord(last) + 1:
        return False
    return letter.isupper() == last.isupper() and letter.islower() == last.islower()


ASCII = Alphabet(tuple(string.ascii_letters + " .,;'-"))
"""The tutorial's alphabet: the ASCII letters, blank, full stop, comma, semicolon, apostrophe and hyphen."""

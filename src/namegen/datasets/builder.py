"""Build a dataset from lines of text: normalise or transliterate each name, hash it, and count what was dropped."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from namegen.datasets.alphabet import ASCII, Alphabet
from namegen.datasets.dataset import MAX_CATEGORIES, MAX_CATEGORY_LENGTH, Dataset, count_of, hash_name
from namegen.datasets.graphemes import collect_letters, is_printable, normalize
from namegen.errors import DataError, UsageError, quote
from namegen.io.lines import decode_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    AlphabetChoice = Alphabet | Literal["ascii", "unicode"]


_MAX_NAME_BYTES = 1000


_MAX_NAMES = 30_000_000  # takes about a gigabyte


_MAX_HASHES = 8 * _MAX_NAMES  # bytes


_LATIN = re.compile(rb"[A-Za-z]")


@dataclass
class DatasetBuilder:
    """Gathers names as they are read: for each category one text, a name a line, and the names' hashes."""

    alphabet: AlphabetChoice
    texts: dict[str, bytearray] = field(default_factory=dict)
    hashes: dict[str, bytearray] = field(default_factory=dict)
    dropped: int = 0
    dropped_from: int = 0
    example: str = ""
    in_other_scripts: int = 0
    respelling: str = ""
    in_plain_letters: int = 0
    plain: str = ""
    emptied: int = 0
    notes: list[str] = field(default_factory=list)

    def add_lines(self, category: str, lines: Iterable[bytes], source: str) -> None:
        """Add a name for each line of UTF-8 that is not blank."""
        add = self.adder(category, source)
        for number, line in enumerate(lines, 1):
            add(line, source, number)

    def adder(self, category: str, where: str) -> NameAdder:
        """Return the function that adds one line to a category."""
        category = unicodedata.normalize("NFC", category)
        if not category or not is_printable(category) or len(category) > MAX_CATEGORY_LENGTH:
            raise DataError(
                f"{where}: {quote(category)} cannot be a category: it needs at least one letter, at most "
                f"{MAX_CATEGORY_LENGTH:,}, and no control characters"
            )
        if len(self.texts) == MAX_CATEGORIES and category not in self.texts:
            raise DataError(
                f"{where}: more than {MAX_CATEGORIES:,} categories; give fewer, and make sure that the category and "
                "the name stand in the right columns"
            )
        return NameAdder(
            self, self.texts.setdefault(category, bytearray()), self.hashes.setdefault(category, bytearray())
        )

    @cached_property
    def target(self) -> Alphabet | None:
        """What names are transliterated into, if they are."""
        if isinstance(self.alphabet, Alphabet):
            return self.alphabet
        if self.alphabet not in ("ascii", "unicode"):
            raise UsageError(f"an alphabet is ascii, unicode or an Alphabet, not {self.alphabet!r}")
        return ASCII if self.alphabet == "ascii" else None

    def finish(self, label: str, *, keep_repeats: bool) -> Dataset:
        """Encode everything that was gathered."""
        categories = tuple(sorted(category for category, text in self.texts.items() if text))
        if not categories:
            raise DataError(f"no names in {label}" + (", only characters outside the alphabet" if self.emptied else ""))
        if sum(map(len, self.hashes.values())) > _MAX_HASHES:
            raise _too_many(label)
        alphabet = self.target or _own_alphabet(self.texts.values(), label)
        encoded = [alphabet.encode_lines(self.texts.pop(category)) for category in categories]
        sizes = [len(lengths) for _, lengths in encoded]
        dataset = Dataset(
            alphabet=alphabet,
            categories=categories,
            letters=np.concatenate([letters for letters, _ in encoded]),
            offsets=np.concatenate([[0], np.cumsum(np.concatenate([lengths for _, lengths in encoded]))]),
            category_of=np.repeat(np.arange(len(categories), dtype=np.int32), sizes),
            hashes=np.concatenate([np.frombuffer(self.hashes[c], dtype=">u8") for c in categories]).astype(np.uint64),
            label=label,
        )
        notes = [*self.notes, *self._spelling_notes(len(dataset))]
        if not keep_repeats:
            distinct = np.zeros(len(dataset), dtype=np.bool_)
            for start, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
                _, first = np.unique(dataset.hashes[start : start + size], return_index=True)
                distinct[start + first] = True
            repeats = len(dataset) - np.count_nonzero(distinct)
            if repeats:
                dataset = dataset.select(distinct)
                notes.append(f"left out {count_of(repeats, 'repeated name')}")
        return replace(dataset, notes=tuple(notes))

    def _spelling_notes(self, names: int) -> Iterator[str]:
        how_not_to = "; with the alphabet unicode they stay as they are written" * (self.alphabet == "ascii")
        if self.target == ASCII and 2 * self.in_other_scripts > names:
            yield f"transliterated {count_of(self.in_other_scripts, 'name')}, as {self.respelling}{how_not_to}"
        elif self.target == ASCII and 10 * self.in_plain_letters > names:
            yield f"wrote {count_of(self.in_plain_letters, 'name')} in plain letters, {self.plain}{how_not_to}"
        if self.dropped:
            outside = "outside the alphabet" if self.target else "that cannot be printed or belong to no letter"
            yield (
                f"dropped {count_of(self.dropped, 'character')} {outside}, in "
                f"{count_of(self.dropped_from, 'name')}: {self.example}{', …' if self.dropped_from > 1 else ''}"
            )
        if self.emptied:
            yield f"left out {count_of(self.emptied, 'line')} of which nothing remained"


class NameAdder:
    """Adds lines to one category. Called once a line, so it does as little as it can."""

    __slots__ = ("_builder", "_hashes", "_known", "_text")

    def __init__(self, builder: DatasetBuilder, text: bytearray, hashes: bytearray) -> None:
        self._builder, self._text, self._hashes = builder, text, hashes
        letters = builder.target.letters if builder.target else map(chr, range(ord(" "), 0x7F))
        self._known = "".join(letter for letter in letters if len(letter) == 1 and letter.isascii()).encode()

    def __call__(self, line: bytes, source: str, number: int) -> None:
        """Add the name in a line, if there is one; ``source`` and ``number`` are for errors."""
        name = line.strip()
        if not name:
            return
        if len(name) > _MAX_NAME_BYTES:
            raise DataError(f"{source}, line {number:,}: {len(name):,} bytes are too long for a name; give one a line")
        if name.translate(None, self._known) or b"  " in name:
            name = self._spelt(name, source, number)
            if not name:
                return
        self._text += name + b"\n"
        self._hashes += hash_name(name)
        if len(self._hashes) > _MAX_HASHES:
            raise _too_many(source)

    def _spelt(self, line: bytes, source: str, number: int) -> bytes:
        builder = self._builder
        text = decode_line(line, source, number)
        name, dropped = builder.target.transliterate(text) if builder.target else normalize(text)
        if dropped:
            builder.example = builder.example or quote(text.strip())
            builder.dropped += dropped
            builder.dropped_from += 1
        builder.emptied += not name
        if name and not _LATIN.search(line):
            builder.respelling = builder.respelling or f"{quote(text.strip())} into {quote(name)}"
            builder.in_other_scripts += 1
        elif name and not dropped and name.split() != text.split():
            builder.plain = builder.plain or f"{quote(text.strip())} as {quote(name)}"
            builder.in_plain_letters += 1
        return name.encode()


def _own_alphabet(texts: Iterable[bytes | bytearray], label: str) -> Alphabet:
    try:
        return Alphabet(collect_letters(texts))
    except UsageError as error:
        raise DataError(f"{label}: {error}") from None


def _too_many(source: str) -> DataError:
    return DataError(f"{source}: more than {_MAX_NAMES:,} names; give a part of them")

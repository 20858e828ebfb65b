"""Build a dataset from lines of text: normalize or transliterate each name, hash it, and count what was dropped."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from namegen.config import MAX_CATEGORIES, MAX_CATEGORY_LENGTH
from namegen.datasets.alphabet import ASCII, Alphabet
from namegen.datasets.dataset import Dataset, count_of, hash_name
from namegen.datasets.graphemes import collect_letters, is_printable, normalize
from namegen.errors import DataError, UsageError, quote
from namegen.io.lines import decode_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from namegen.datasets.dataset import AlphabetChoice


_MAX_NAME_BYTES = 1000
_MAX_NAMES = 30_000_000  # which take about a gigabyte
_HASH_BYTES = 8
_LATIN = re.compile(rb"[A-Za-z]")


@dataclass
class DatasetBuilder:
    """Collects names as they are read: for each category one text, with a name per line, and the names' hashes.

    Attributes:
        alphabet: what names are transliterated into.
        texts: the names of each category.
        hashes: the hashes of each category's names.
        dropped: the number of characters dropped, from ``dropped_from`` names, with one of them as ``example``.
        in_other_scripts: the number of names transliterated from other scripts, with ``script_example``.
        without_accents: the number of Latin names that lost accents, with ``accent_example``.
        emptied: the number of lines of which no character was left.
        notes: what users should know about the input.
    """

    alphabet: AlphabetChoice
    texts: dict[str, bytearray] = field(default_factory=dict)
    hashes: dict[str, bytearray] = field(default_factory=dict)
    dropped: int = 0
    dropped_from: int = 0
    example: str = ""
    in_other_scripts: int = 0
    script_example: str = ""
    without_accents: int = 0
    accent_example: str = ""
    emptied: int = 0
    notes: list[str] = field(default_factory=list)

    def add_lines(self, category: str, lines: Iterable[bytes], source: str) -> None:
        """Add a name for each line of UTF-8 that is not blank."""
        add = self.make_adder(category, source)
        for number, line in enumerate(lines, 1):
            add(line, source, number)

    def make_adder(self, category: str, where: str) -> NameAdder:
        """Return the function that adds a line to a category."""
        category = unicodedata.normalize("NFC", category)
        if not category or not is_printable(category) or len(category) > MAX_CATEGORY_LENGTH:
            raise DataError(
                f"{where}: {quote(category)} cannot be a category: it needs at least one letter, at most "
                f"{MAX_CATEGORY_LENGTH:,}, and no control characters"
            )
        if len(self.texts) == MAX_CATEGORIES and category not in self.texts:
            raise DataError(
                f"{where}: more than {MAX_CATEGORIES:,} categories; give fewer, and make sure that the category and "
                "the name are in the right columns"
            )
        return NameAdder(
            self, self.texts.setdefault(category, bytearray()), self.hashes.setdefault(category, bytearray())
        )

    @cached_property
    def target(self) -> Alphabet | None:
        """The alphabet that names are transliterated into, ``None`` if they keep their letters."""
        if isinstance(self.alphabet, Alphabet):
            return self.alphabet
        if self.alphabet not in ("ascii", "unicode"):
            raise UsageError(f"an alphabet is ascii, unicode or an Alphabet, not {self.alphabet!r}")
        return ASCII if self.alphabet == "ascii" else None

    def finish(self, label: str, *, keep_repeats: bool) -> Dataset:
        """Return the dataset of all names that were added."""
        categories = tuple(sorted(category for category, text in self.texts.items() if text))
        if not categories:
            raise DataError(f"no names in {label}" + (", only characters outside the alphabet" if self.emptied else ""))
        if sum(map(len, self.hashes.values())) > _MAX_NAMES * _HASH_BYTES:
            raise _make_size_error(label)
        alphabet = self.target or _collect_alphabet(self.texts.values(), label)
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
        notes = [*self.notes, *self._describe_changes(len(dataset))]
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

    def _describe_changes(self, names: int) -> Iterator[str]:
        advice = "; with the alphabet unicode they stay as they are written" * (self.alphabet == "ascii")
        if self.target == ASCII and 2 * self.in_other_scripts > names:
            yield f"transliterated {count_of(self.in_other_scripts, 'name')}, as {self.script_example}{advice}"
        elif self.target == ASCII and 10 * self.without_accents > names:
            yield f"wrote {count_of(self.without_accents, 'name')} in plain letters, {self.accent_example}{advice}"
        if self.dropped:
            outside = "outside the alphabet" if self.target else "that cannot be printed or belong to no letter"
            yield (
                f"dropped {count_of(self.dropped, 'character')} {outside}, in "
                f"{count_of(self.dropped_from, 'name')}: {self.example}{', …' if self.dropped_from > 1 else ''}"
            )
        if self.emptied:
            yield f"left out {count_of(self.emptied, 'line')} of which nothing remained"


class NameAdder:
    """Adds lines to one category. It is called for every line, so it is optimized for names that need no change."""

    __slots__ = ("_builder", "_hashes", "_known", "_text")

    def __init__(self, builder: DatasetBuilder, text: bytearray, hashes: bytearray) -> None:
        self._builder, self._text, self._hashes = builder, text, hashes
        letters = builder.target.letters if builder.target else map(chr, range(ord(" "), 0x7F))
        self._known = "".join(letter for letter in letters if len(letter) == 1 and letter.isascii()).encode()

    def __call__(self, line: bytes, source: str, number: int) -> None:
        """Add the name in a line unless it is blank; ``source`` and ``number`` are for errors."""
        name = line.strip()
        if not name:
            return
        if len(name) > _MAX_NAME_BYTES:
            raise DataError(f"{source}, line {number:,}: {len(name):,} bytes are too long for a name; give one a line")
        if name.translate(None, self._known) or b"  " in name:
            name = self._convert(name, source, number)
            if not name:
                return
        self._text += name + b"\n"
        self._hashes += hash_name(name)
        if len(self._hashes) > _MAX_NAMES * _HASH_BYTES:
            raise _make_size_error(source)

    def _convert(self, line: bytes, source: str, number: int) -> bytes:
        """Normalize or transliterate a name, and count what changed."""
        builder = self._builder
        text = decode_line(line, source, number)
        name, dropped = builder.target.transliterate(text) if builder.target else normalize(text)
        if dropped:
            builder.example = builder.example or quote(text.strip())
            builder.dropped += dropped
            builder.dropped_from += 1
        builder.emptied += not name
        if name and not _LATIN.search(line):
            builder.script_example = builder.script_example or f"{quote(text.strip())} into {quote(name)}"
            builder.in_other_scripts += 1
        elif name and not dropped and name.split() != text.split():
            builder.accent_example = builder.accent_example or f"{quote(text.strip())} as {quote(name)}"
            builder.without_accents += 1
        return name.encode()


def _collect_alphabet(texts: Iterable[bytes | bytearray], label: str) -> Alphabet:
    try:
        return Alphabet(collect_letters(texts))
    except UsageError as error:
        raise DataError(f"{label}: {error}") from None


def _make_size_error(source: str) -> DataError:
    return DataError(f"{source}: more than {_MAX_NAMES:,} names; give a part of them")

"""Build a dataset from lines of text: normalize or transliterate each name, hash it, and count what was dropped."""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections import Counter
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING, Protocol

import numpy as np

from namegen.config import MAX_CATEGORIES, MAX_CATEGORY_LENGTH
from namegen.datasets.alphabet import ASCII, Alphabet, ExtendableAlphabet
from namegen.datasets.dataset import MAX_WEIGHT, Dataset, count_of, hash_name
from namegen.datasets.graphemes import collect_letters, is_printable, normalize
from namegen.errors import DataError, UsageError, quote
from namegen.io.lines import decode_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from namegen.datasets.dataset import AlphabetChoice, Weighting

    class NameAdder(Protocol):
        """Adds a line to a category, given its source and its number there, for errors, and how often it occurs."""

        def __call__(self, line: bytes, source: str, number: int, count: float = 1) -> None:
            """Add a line."""


_MAX_NAME_BYTES = 1000
_MAX_NAMES = 30_000_000  # which take about a gigabyte
_HASH_BYTES = 8
_LATIN = re.compile(rb"[A-Za-z]")


class DatasetBuilder:
    """Collects names as they are read: for each category one text, with a name per line, and the names' hashes.

    Attributes:
        notes: what users should know about the input.
    """

    def __init__(self, alphabet: AlphabetChoice) -> None:
        """Create a builder of a dataset whose names are transliterated into an alphabet, unless it is ``unicode``.

        An :class:`~namegen.datasets.alphabet.ExtendableAlphabet` gains the letters of the names.
        """
        if not isinstance(alphabet, Alphabet) and alphabet not in ("ascii", "unicode"):
            raise UsageError(f"no alphabet {alphabet!r}; choose ascii or unicode, or give an Alphabet")
        self.notes: list[str] = []
        self._advice = "; use --alphabet unicode to keep them as written" if alphabet == "ascii" else ""
        self._target = alphabet if isinstance(alphabet, Alphabet) else ASCII if alphabet == "ascii" else None
        letters = self._target.letters if self._target else map(chr, range(ord(" "), 0x7F))
        self._known = "".join(letter for letter in letters if len(letter) == 1 and letter.isascii()).encode()
        self._texts: dict[str, bytearray] = {}
        self._hashes: dict[str, bytearray] = {}
        self._counts: dict[str, array[float]] = {}  # of each name, up to the last one whose count is not 1
        self._dropped = 0  # characters
        self._changed: Counter[str] = Counter()  # names, by kind of change
        self._examples: dict[str, str] = {}  # the first of each kind

    def add_lines(self, category: str, lines: Iterable[bytes], source: str) -> None:
        """Add a name for each line of UTF-8 that is not empty."""
        add = self.make_adder(category, source)
        for number, line in enumerate(lines, 1):
            add(line, source, number)

    def make_adder(self, category: str, where: str) -> NameAdder:
        """Return the function that adds lines to a category; ``where`` is for errors in the category."""
        category = unicodedata.normalize("NFC", category)
        if not category or not is_printable(category) or len(category) > MAX_CATEGORY_LENGTH:
            raise DataError(
                f"{where}: {quote(category)} cannot be a category; use 1 to {MAX_CATEGORY_LENGTH:,} printable "
                "characters"
            )
        if len(self._texts) == MAX_CATEGORIES and category not in self._texts:
            raise DataError(
                f"{where}: more than {MAX_CATEGORIES:,} categories; check which column contains the categories"
            )
        text, hashes = self._texts.setdefault(category, bytearray()), self._hashes.setdefault(category, bytearray())
        known, counts = self._known, self._counts.setdefault(category, array("d"))

        def add(line: bytes, source: str, number: int, count: float = 1) -> None:
            # Called for every line, so it is fast for names that need no change.
            name = line.strip()
            if not name:
                return
            if len(name) > _MAX_NAME_BYTES:
                raise DataError(
                    f"{source}, line {number:,}: {len(name):,} bytes are too long for a name; put each name on its own "
                    "line"
                )
            if name.translate(None, known) or b"  " in name:
                name = self._convert(name, source, number)
                if not name:
                    return
            if count != 1:
                _add_count(counts, len(hashes) // _HASH_BYTES, count, f"{source}, line {number:,}")
            text.extend(name + b"\n")
            hashes.extend(hash_name(name))
            if len(hashes) > _MAX_NAMES * _HASH_BYTES:
                raise _make_size_error(source)

        return add

    def finish(self, label: str, *, keep_repeats: bool, weights: Weighting = "none") -> Dataset:
        """Return the dataset of all names that were added.

        Args:
            label: the name of the dataset.
            keep_repeats: keep names that occur more than once in a category, if they have no weights.
            weights: the weight of a name that occurs n times, also with repeats: 1, the square root of n, or n.
        """
        categories = tuple(sorted(category for category, text in self._texts.items() if text))
        if not categories:
            raise DataError(
                f"no names in {label}" + (", only characters outside the alphabet" if self._changed["emptied"] else "")
            )
        if sum(map(len, self._hashes.values())) > _MAX_NAMES * _HASH_BYTES:
            raise _make_size_error(label)
        alphabet = self._collect_alphabet(label)
        encoded = [alphabet.encode_lines(self._texts.pop(category)) for category in categories]
        sizes = [len(lengths) for _, lengths in encoded]
        dataset = Dataset(
            alphabet=alphabet,
            categories=categories,
            letters=np.concatenate([letters for letters, _ in encoded]),
            offsets=np.concatenate([[0], np.cumsum(np.concatenate([lengths for _, lengths in encoded]))]),
            category_of=np.repeat(np.arange(len(categories), dtype=np.int32), sizes),
            hashes=np.concatenate([np.frombuffer(self._hashes[c], dtype=">u8") for c in categories]).astype(np.uint64),
            label=label,
        )
        notes = [*self.notes, *self._describe_changes(len(dataset))]
        if weights != "none":
            dataset = self._weigh(dataset, sizes, weights)
        elif not keep_repeats:
            distinct = np.zeros(len(dataset), dtype=np.bool_)
            for start, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
                _, first = np.unique(dataset.hashes[start : start + size], return_index=True)
                distinct[start + first] = True
            repeats = len(dataset) - np.count_nonzero(distinct)
            if repeats:
                dataset = dataset.select(distinct)
                notes.append(f"left out {count_of(repeats, 'repeated name')}")
        rewritten = self._changed["transliterated"] + self._changed["unaccented"]
        return replace(dataset, notes=tuple(notes), rewritten=rewritten)

    def _collect_alphabet(self, label: str) -> Alphabet:
        """Return the alphabet of the names."""
        if self._target and not isinstance(self._target, ExtendableAlphabet):
            return self._target
        try:
            letters = collect_letters(self._texts.values())
            return self._target.extend(letters) if self._target else Alphabet(letters)
        except UsageError as error:
            raise DataError(f"{label}: {error}") from None

    def _weigh(self, dataset: Dataset, sizes: list[int], weights: Weighting) -> Dataset:
        """Return a dataset without repeats, with weights unless all are the same.

        ``sizes`` are the numbers of names of its categories.
        """
        counts = np.ones(len(dataset))
        for start, category in zip(np.cumsum([0, *sizes]).tolist(), dataset.categories, strict=False):
            own = self._counts[category]
            counts[start : start + len(own)] = own
        order = np.lexsort((dataset.hashes, dataset.category_of))  # stable: repeats stay in order
        keys = np.column_stack([dataset.category_of[order].astype(np.uint64), dataset.hashes[order]])
        begins = np.flatnonzero(np.append(True, (keys[1:] != keys[:-1]).any(axis=1)))
        counts[order[begins]] = np.add.reduceat(counts[order], begins)
        distinct = np.zeros(len(dataset), dtype=np.bool_)
        distinct[order[begins]] = True
        counts = np.minimum(counts[distinct], MAX_WEIGHT)
        counts = np.sqrt(counts) if weights == "sqrt" else counts
        kept = dataset if distinct.all() else dataset.select(distinct)
        return replace(kept, weights=None if (counts == counts[0]).all() else counts.astype(np.float32))

    def _describe_changes(self, names: int) -> Iterator[str]:
        count, examples = self._changed, self._examples
        if self._target and 2 * count["transliterated"] > names:
            shown = f"{count_of(count['transliterated'], 'name')}, such as {examples['transliterated']}"
            yield f"transliterated {shown}{self._advice}"
        elif self._target and 10 * count["unaccented"] > names:
            letters = "ASCII" if self._target == ASCII else "other letters"
            shown = f"{count_of(count['unaccented'], 'name')} in {letters}, such as {examples['unaccented']}"
            yield f"wrote {shown}{self._advice}"
        if self._dropped:
            is_fixed = self._target and not isinstance(self._target, ExtendableAlphabet)
            outside = "outside the alphabet" if is_fixed else "that cannot be printed or belong to no letter"
            yield (
                f"dropped {count_of(self._dropped, 'character')} {outside}, in "
                f"{count_of(count['dropped'], 'name')}: {examples['dropped']}{', …' if count['dropped'] > 1 else ''}"
            )
        if count["emptied"]:
            yield f"left out {count_of(count['emptied'], 'line')} without any usable character"

    def _convert(self, line: bytes, source: str, number: int) -> bytes:
        """Normalize or transliterate a name, and count what changed."""
        text = decode_line(line, source, number)
        name, dropped = self._target.transliterate(text) if self._target else normalize(text)
        shown = quote(text.strip())
        if dropped:
            self._dropped += dropped
            self._count("dropped", shown)
        if not name:
            self._count("emptied", shown)
        elif not self._target or name.lower().split() == unicodedata.normalize("NFC", text).lower().split():
            pass  # in the letters as given
        elif not _LATIN.search(line):
            self._count("transliterated", f"{shown} into {quote(name)}")
        elif not dropped:
            self._count("unaccented", f"{shown} as {quote(name)}")
        return name.encode()

    def _count(self, change: str, example: str) -> None:
        self._changed[change] += 1
        self._examples.setdefault(change, example)


def _add_count(counts: array[float], index: int, count: float, where: str) -> None:
    """Note how often the name at an index occurs; the names before it that have no count occur once."""
    if not 0 < count <= MAX_WEIGHT:
        raise DataError(f"{where}: the count {count:g} is not above 0 and at most {MAX_WEIGHT:g}")
    counts.extend(repeat(1.0, index - len(counts)))
    counts.append(count)


def _make_size_error(source: str) -> DataError:
    return DataError(f"{source}: more than {_MAX_NAMES:,} names; use a part of them")

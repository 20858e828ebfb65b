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
from namegen.io.encodings import repair_mojibake
from namegen.io.lines import decode_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from namegen.datasets.dataset import AlphabetChoice, Weighting

    class NameAdder(Protocol):
        """A function that adds a name to a category; the source and number of its line are for errors."""

        def __call__(self, line: bytes, source: str, number: int, count: float = 1) -> None:
            """Add the name on a line, which occurs ``count`` times."""


_MARKS = " .,:;)(-–—/"
_MAX_NAME_BYTES = 1000
_MAX_NAMES = 30_000_000  # which take about a gigabyte
_HASH_BYTES = 8
_MAX_LOST = 0.2  # of the letters, or of the names: the rest would not be useful
_MANY_REPEATS = 0.2  # of the lines: they may be frequencies
_LATIN = re.compile(rb"[A-Za-z]")


class DatasetBuilder:
    """Collects names as they are read: for each category one text, with a name per line, and the names' hashes.

    Attributes:
        notes: what users should know about the input.
        unread: the files in which no names were found, and why.
        hints: advice about options of training for this input.
    """

    def __init__(self, alphabet: AlphabetChoice) -> None:
        """Create a builder of a dataset.

        Args:
            alphabet: the alphabet into which names are transliterated, or ``unicode`` to keep them as written. An
                :class:`~namegen.datasets.alphabet.ExtendableAlphabet` gains the letters of the names.

        Raises:
            UsageError: the alphabet is not known.
        """
        if not isinstance(alphabet, Alphabet) and alphabet not in ("ascii", "unicode"):
            raise UsageError(f"no alphabet {alphabet!r}; choose ascii or unicode, or give an Alphabet")
        self.notes: list[str] = []
        self.unread: list[str] = []
        self.hints: list[str] = []
        self._advice = "; use --alphabet unicode to keep them as written" if alphabet == "ascii" else ""
        self._target = alphabet if isinstance(alphabet, Alphabet) else ASCII if alphabet == "ascii" else None
        letters = self._target.letters if self._target else map(chr, range(ord(" "), 0x7F))
        self._known = "".join(letter for letter in letters if len(letter) == 1 and letter.isascii()).encode()
        self._texts: dict[str, bytearray] = {}
        self._hashes: dict[str, bytearray] = {}
        self._counts: dict[str, array[float]] = {}  # of each name, up to the last one whose count is not 1
        self._dropped = 0  # characters
        self._damaged: tuple[bytearray, bytearray] = bytearray(), bytearray()  # hashes of names before and after drops
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

    def merge_similar_categories(self) -> None:
        """Merge categories whose names differ only in case, into the one with the most names."""
        spellings: dict[str, list[str]] = {}
        for category, text in self._texts.items():
            if text:
                spellings.setdefault(category.casefold(), []).append(category)
        merged = {}
        for same in spellings.values():
            kept = max(same, key=lambda category: len(self._hashes[category]))  # the first of equals
            for other in same:
                if other != kept:
                    merged[other] = kept
                    self._append_category(other, kept)
        if merged:
            other, kept = next(iter(merged.items()))
            self.notes.append(
                f"merged {count_of(len(merged), 'category')} with others that differ only in case, such as "
                f"{quote(other)} with {quote(kept)}"
            )

    def _append_category(self, other: str, kept: str) -> None:
        """Move the names of a category to the end of another one."""
        if counts := self._counts.pop(other):
            own = self._counts[kept]
            own.extend(repeat(1.0, len(self._hashes[kept]) // _HASH_BYTES - len(own)))
            own.extend(counts)
        self._texts[kept] += self._texts.pop(other)
        self._hashes[kept] += self._hashes.pop(other)

    def finish(self, label: str, *, keep_repeats: bool, weights: Weighting = "none", min_count: int = 1) -> Dataset:
        """Return the dataset of all names that were added.

        Args:
            label: the name of the dataset.
            keep_repeats: keep names that occur more than once in a category, if they have no weights.
            weights: the weight of a name that occurs n times, also with repeats: 1, the square root of n, or n.
            min_count: leave out categories with fewer names than this.

        Raises:
            DataError: no name is left, there are too many names, or too many letters would be lost.
        """
        categories = tuple(sorted(category for category, text in self._texts.items() if text))
        if not categories:
            raise DataError(
                f"no names in {label}"
                + (", only characters outside the alphabet" if self._changed["emptied"] else "")
                + "".join(f": {reason}" for reason in self.unread[:1])
            )
        if sum(map(len, self._hashes.values())) > _MAX_NAMES * _HASH_BYTES:
            raise _make_size_error(label)
        self._refuse_remnants(label)
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
        unread = [f"found no names: {reason}" for reason in self.unread]
        notes = [*self.notes, *unread, *self._describe_changes(len(dataset))]
        if weights != "none":
            dataset = self._weigh(dataset, sizes, weights)
        elif not keep_repeats:
            distinct = np.zeros(len(dataset), dtype=np.bool_)
            for start, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
                _, first = np.unique(dataset.hashes[start : start + size], return_index=True)
                distinct[start + first] = True
            repeats = len(dataset) - np.count_nonzero(distinct)
            if repeats:
                notes.append(f"left out {count_of(repeats, 'repeated name')}")
                if repeats > _MANY_REPEATS * len(dataset):
                    self.hints.append("if repeats are frequencies, use them with --weights sqrt or --weights count")
                dataset = dataset.select(distinct)
        if min_count > 1:
            dataset, note = _drop_rare_categories(dataset, min_count)
            notes += note
        rewritten = self._changed["transliterated"] + self._changed["unaccented"]
        return replace(dataset, notes=tuple(notes), hints=tuple(dict.fromkeys(self.hints)), rewritten=rewritten)

    def _refuse_remnants(self, label: str) -> None:
        """Raise ``DataError`` if too many letters were dropped, or dropping them made too many names equal."""
        if not self._dropped:
            return
        names = sum(map(len, self._hashes.values())) // _HASH_BYTES
        letters = sum(map(_count_characters, self._texts.values())) - names  # without the line feeds
        share = self._dropped / (self._dropped + letters)
        before, after = (len(np.unique(np.frombuffer(hashes, dtype=np.uint64))) for hashes in self._damaged)
        if share > _MAX_LOST:
            loss = f"{share:.0%} of the letters would be dropped"
        elif before - after > _MAX_LOST * names:
            loss = f"{before:,} names would become {after:,}"
        else:
            return
        loss = f"{label}: {loss}, as in {self._examples['dropped']}"
        if self._target is None or isinstance(self._target, ExtendableAlphabet):
            raise DataError(f"{loss}, because they cannot be printed; check that the file is a list of names")
        advice = "use --alphabet unicode" if self._advice else "train a model of them alone with --alphabet unicode"
        raise DataError(f"{loss}, because they are outside the alphabet; to keep them, {advice}")

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
        if count["double-encoded"]:
            seems = "seems" if count["double-encoded"] == 1 else "seem"
            yield (
                f"{count_of(count['double-encoded'], 'name')} {seems} to have been encoded twice, such as "
                f"{examples['double-encoded']}; repair the file, or get it again"
            )

    def _convert(self, line: bytes, source: str, number: int) -> bytes:
        """Normalize or transliterate a name, and count what changed."""
        text = decode_line(line, source, number)
        name, dropped = self._target.transliterate(text) if self._target else normalize(text)
        shown = quote(text.strip())
        if dropped:
            name = _trim_marks(name, text.strip())
            self._dropped += dropped
            self._count("dropped", shown)
            for hashes, version in zip(self._damaged, (text.strip(), name), strict=True):
                hashes.extend(hash_name(version.encode()))
        if (meant := repair_mojibake(text.strip())) is not None:
            self._count("double-encoded", f"{shown} for {quote(meant)}")
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


def _count_characters(text: bytearray) -> int:
    """Return the number of characters of a text in UTF-8, which are the bytes that do not continue a character."""
    return int(np.count_nonzero(np.frombuffer(text, dtype=np.uint8) & 0xC0 != 0x80))


def _trim_marks(name: str, text: str) -> str:
    """Return a name without the marks left where characters were dropped at its ends: the point of ``1. FC Bonn``."""
    if not text.startswith(name[:1]):
        name = name.lstrip(_MARKS)
    return name if text.endswith(name[-1:]) else name.rstrip(_MARKS)


def _drop_rare_categories(dataset: Dataset, min_count: int) -> tuple[Dataset, list[str]]:
    """Return a dataset without the categories that have too few names, and a note if it lacks any."""
    is_kept = dataset.counts >= min_count
    if is_kept.all():
        return dataset, []
    if not is_kept.any():
        raise DataError(f"{dataset.label}: no category has {count_of(min_count, 'name')}; use a lower --min-count")
    kept = dataset.select(is_kept[dataset.category_of])
    index = (np.cumsum(is_kept) - 1).astype(np.int32)
    kept = replace(
        kept,
        categories=tuple(name for name, its in zip(dataset.categories, is_kept, strict=True) if its),
        category_of=index[kept.category_of],
    )
    left_out = count_of(int(np.count_nonzero(~is_kept)), "category")
    names = count_of(len(dataset) - len(kept), "name")
    return kept, [f"left out {left_out} with fewer than {min_count:,} names ({names} in all)"]


def _make_size_error(source: str) -> DataError:
    return DataError(f"{source}: more than {_MAX_NAMES:,} names; use a part of them")

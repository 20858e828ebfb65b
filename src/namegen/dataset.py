"""Names grouped by category.

A :class:`Dataset` keeps its names as a few flat arrays, not as a list of strings, so that millions of them fit
and a training batch is one indexing operation. Names are transliterated into the alphabet, or the alphabet is what they
are written with; repeats within a category are dropped unless asked for.

Every name has a hash, the first eight bytes of its SHA-256. By it repeats are found, a validation part is set
apart (the same names on every machine), and a model can tell whether a name that it invented is new.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from namegen.alphabet import ASCII, Alphabet
from namegen.bounds import LONGEST_CATEGORY, MOST_CATEGORIES
from namegen.errors import DataError, UsageError, quoted
from namegen.letters import is_printable, letters_of, written
from namegen.lines import decoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    AlphabetChoice = Alphabet | Literal["ascii", "unicode"]
    """What names are transliterated into: an alphabet, or ``ascii``; or ``unicode``, the letters of the names."""

_MAX_NAME_BYTES = 1000
_MOST_NAMES = 30_000_000  # takes about a gigabyte
_MOST_HASHES = 8 * _MOST_NAMES  # bytes
_LATIN = re.compile(rb"[A-Za-z]")
_MIN_VALIDATION = 20  # fewer held-out names measure nothing, and the training needs them more


def hash_name(name: bytes) -> bytes:
    """Return the hash of a transliterated name: the first 8 bytes of the SHA-256 of its UTF-8 text."""
    return hashlib.sha256(name).digest()[:8]


def hash_names(names: Iterable[bytes]) -> NDArray[np.uint64]:
    """Return the hash of each of some transliterated names as a number, (names,) uint64."""
    return np.frombuffer(b"".join(map(hash_name, names)), dtype=">u8").astype(np.uint64)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Names grouped by category.

    Attributes:
        alphabet: the alphabet of the names.
        categories: the categories, sorted.
        letters: the letters of all names one after the other, (letters,) unsigned indices into the alphabet.
        offsets: where each name begins in ``letters``, and the end, (names + 1,) int64.
        category_of: the index of each name's category, ascending, (names,) int32.
        hashes: the hash of each name, (names,) uint64.
        label: what the dataset is called.
        verified: whether every file is, byte for byte, what a catalogue says it is.
        notes: what a user should know about the reading: characters dropped, names repeated.
    """

    alphabet: Alphabet
    categories: tuple[str, ...]
    letters: NDArray[np.unsignedinteger]
    offsets: NDArray[np.int64]
    category_of: NDArray[np.int32]
    hashes: NDArray[np.uint64]
    label: str = "names"
    verified: bool = False
    notes: tuple[str, ...] = ()

    @classmethod
    def from_names(
        cls,
        names: Mapping[str, Iterable[str]],
        *,
        alphabet: AlphabetChoice = "ascii",
        keep_repeats: bool = False,
        label: str = "names",
    ) -> Dataset:
        """Build a dataset from names in memory, as ``{category: names}``.

        Args:
            names: the names of each category.
            alphabet: what they are transliterated into, ``ascii`` being :data:`~namegen.alphabet.ASCII`; or
                ``unicode``: all letters that they are written with (:func:`~namegen.letters.split_letters`), sorted.
            keep_repeats: keep names that occur more than once in a category.
            label: what to call the dataset.

        Raises:
            DataError: there is no name at all, or more letters than an alphabet can have.
        """
        builder = DatasetBuilder(alphabet)
        for category, given in names.items():
            lines = (name.encode(errors="surrogatepass") for name in given)
            builder.add_lines(category, lines, f"the category {quoted(category)}")
        return builder.finish(label, keep_repeats=keep_repeats)

    def __len__(self) -> int:
        return len(self.category_of)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """The number of names of each category, (categories,)."""
        return np.bincount(self.category_of, minlength=len(self.categories)).astype(np.int64)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """The number of letters of each name, (names,)."""
        return np.diff(self.offsets)

    @property
    def distinct_hashes(self) -> NDArray[np.uint64]:
        """The hashes of all names, sorted, each once: as ``np.unique``, but in a tenth of its time for millions."""
        ordered = np.sort(self.hashes)
        distinct: NDArray[np.uint64] = ordered[np.append(True, ordered[1:] != ordered[:-1])]
        return distinct

    @property
    def casing(self) -> str:
        """How most names begin: ``lower`` (anna), ``capitalised`` (Anna) or ``upper`` (ANNA); ``none`` without case."""
        letters = np.array(self.alphabet.letters)
        is_upper, is_lower = np.char.isupper(letters), np.char.islower(letters)
        first = self.letters[self.offsets[:-1]]
        second = self.letters[self.offsets[:-1][self.lengths > 1] + 1]
        if not (is_upper[first].any() or is_lower[first].any()):
            return "none"
        if is_lower[first].sum() > is_upper[first].sum():
            return "lower"
        return "upper" if is_upper[second].sum() > is_lower[second].sum() else "capitalised"

    @property
    def first_letter_counts(self) -> NDArray[np.int64]:
        """How many names of each category begin with each letter, (categories, letters)."""
        counts = np.zeros((len(self.categories), len(self.alphabet)), dtype=np.int64)
        np.add.at(counts, (self.category_of, self.letters[self.offsets[:-1]]), 1)
        return counts

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of all categories and names in their order, in hexadecimal."""
        digest = hashlib.sha256(repr((self.alphabet.letters, self.categories)).encode())
        for array in (self.letters.astype("<u2"), self.offsets.astype("<i8"), self.category_of.astype("<i4")):
            digest.update(array.tobytes())
        return digest.hexdigest()

    def names(self, category: str) -> list[str]:
        """Return the names of one category, in the order they were read.

        Raises:
            UsageError: there is no such category.
        """
        if category not in self.categories:
            raise UsageError(f"no category {category!r}; there are {', '.join(self.categories)}")
        of_category = np.flatnonzero(self.category_of == self.categories.index(category))
        return [self.name(int(index)) for index in of_category]

    def name(self, index: int) -> str:
        """Return the name at ``index``."""
        return self.alphabet.decode(self.letters[self.offsets[index] : self.offsets[index + 1]])

    def in_case(self, casing: str) -> Dataset:
        """Return the names in another case, see :meth:`Alphabet.in_case`.

        A category stays as it is where most of its names are in it already, or have no case.
        """
        own = [self.select(self.category_of == index).casing for index in range(len(self.categories))]
        others = {category for category, its in zip(self.categories, own, strict=True) if its not in (casing, "none")}
        if casing == "none" or not others:
            return self
        names = {
            category: [
                self.alphabet.in_case(name, casing) if category in others else name for name in self.names(category)
            ]
            for category in self.categories
        }
        cased = Dataset.from_names(names, alphabet=self.alphabet, keep_repeats=True, label=self.label)
        return replace(cased, verified=self.verified, notes=self.notes)

    def __repr__(self) -> str:
        return f"<Dataset {self.label}: {so_many(len(self), 'name')}, {so_many(len(self.categories), 'category')}>"

    def select(self, chosen: NDArray[np.bool_]) -> Dataset:
        """Return the dataset of the names where ``chosen`` (names,) is true. The categories stay as they are."""
        lengths = self.lengths
        return Dataset(
            alphabet=self.alphabet,
            categories=self.categories,
            letters=self.letters[np.repeat(chosen, lengths)],
            offsets=np.concatenate([[0], np.cumsum(lengths[chosen])]).astype(np.int64),
            category_of=self.category_of[chosen],
            hashes=self.hashes[chosen],
            label=self.label,
            verified=self.verified,
        )

    def split(self, fraction: float) -> tuple[Dataset, Dataset | None]:
        """Set about ``fraction`` of the names apart for validation, chosen by hash.

        The choice depends on a name's letters alone, so a name that two categories share never stands on both
        sides. A category that would be left without a training name keeps all of its own.

        Returns:
            The training and the validation part. There is no validation part (``None``) where it would have
            fewer than 20 names; the training part is then everything.
        """
        scrambled = self.hashes * np.uint64(0x9E3779B97F4A7C15)  # independent of any split by the hash itself
        held_out = (scrambled >> np.uint64(11)).astype(np.float64) / 2.0**53 < fraction
        left = np.bincount(self.category_of[~held_out], minlength=len(self.categories))
        kept = held_out & (left[self.category_of] == 0)
        held_out &= ~np.isin(self.hashes, self.hashes[kept])  # a name that one category keeps, all keep
        if np.count_nonzero(held_out) < _MIN_VALIDATION:
            return self, None
        return self.select(~held_out), self.select(held_out)


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
        if not category or not is_printable(category) or len(category) > LONGEST_CATEGORY:
            raise DataError(
                f"{where}: {quoted(category)} cannot be a category: it needs at least one letter, at most "
                f"{LONGEST_CATEGORY:,}, and no control characters"
            )
        if len(self.texts) == MOST_CATEGORIES and category not in self.texts:
            raise DataError(
                f"{where}: more than {MOST_CATEGORIES:,} categories; give fewer, and make sure that the category and "
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
        if sum(map(len, self.hashes.values())) > _MOST_HASHES:
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
                notes.append(f"left out {so_many(repeats, 'repeated name')}")
        return replace(dataset, notes=tuple(notes))

    def _spelling_notes(self, names: int) -> Iterator[str]:
        how_not_to = "; with the alphabet unicode they stay as they are written" * (self.alphabet == "ascii")
        if self.target == ASCII and 2 * self.in_other_scripts > names:
            yield f"transliterated {so_many(self.in_other_scripts, 'name')}, as {self.respelling}{how_not_to}"
        elif self.target == ASCII and 10 * self.in_plain_letters > names:
            yield f"wrote {so_many(self.in_plain_letters, 'name')} in plain letters, {self.plain}{how_not_to}"
        if self.dropped:
            outside = "outside the alphabet" if self.target else "that cannot be printed or belong to no letter"
            yield (
                f"dropped {so_many(self.dropped, 'character')} {outside}, in "
                f"{so_many(self.dropped_from, 'name')}: {self.example}{', …' if self.dropped_from > 1 else ''}"
            )
        if self.emptied:
            yield f"left out {so_many(self.emptied, 'line')} of which nothing remained"


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
        if len(self._hashes) > _MOST_HASHES:
            raise _too_many(source)

    def _spelt(self, line: bytes, source: str, number: int) -> bytes:
        builder = self._builder
        text = decoded(line, source, number)
        name, dropped = builder.target.transliterate(text) if builder.target else written(text)
        if dropped:
            builder.example = builder.example or quoted(text.strip())
            builder.dropped += dropped
            builder.dropped_from += 1
        builder.emptied += not name
        if name and not _LATIN.search(line):
            builder.respelling = builder.respelling or f"{quoted(text.strip())} into {quoted(name)}"
            builder.in_other_scripts += 1
        elif name and not dropped and name.split() != text.split():
            builder.plain = builder.plain or f"{quoted(text.strip())} as {quoted(name)}"
            builder.in_plain_letters += 1
        return name.encode()


def _own_alphabet(texts: Iterable[bytes | bytearray], label: str) -> Alphabet:
    try:
        return Alphabet(letters_of(texts))
    except UsageError as error:
        raise DataError(f"{label}: {error}") from None


def so_many(count: int, what: str) -> str:
    """Return a number of things in words: ``1 name``, ``1,000 names``, ``2 categories``."""
    if count != 1:
        what = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{count:,} {what}"


def _too_many(source: str) -> DataError:
    return DataError(f"{source}: more than {_MOST_NAMES:,} names; give a part of them")

"""Names grouped by category.

A :class:`Dataset` keeps its names as a few flat arrays, not as a list of strings, so that millions of them fit in
memory
and a training batch is one indexing operation.

Every name has a hash, the first eight bytes of its SHA-256. Hashes find repeated names, choose the validation part (the
same names on every machine), and tell whether a generated name is new.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from namegen.errors import UsageError, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from namegen.datasets.alphabet import Alphabet

    AlphabetChoice = Alphabet | Literal["ascii", "unicode"]


MAX_CATEGORIES = 20_000
"""Of a dataset, and of a model. More of them, and something else than a category stands in the categories' place."""


MAX_CATEGORY_LENGTH = 1000
"""Characters of a category's name."""


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
            alphabet: what they are transliterated into, ``ascii`` being :data:`~namegen.datasets.alphabet.ASCII`; or
                ``unicode``: all letters that they are written with
                (:func:`~namegen.datasets.graphemes.split_letters`), sorted.
            keep_repeats: keep names that occur more than once in a category.
            label: what to call the dataset.

        Raises:
            DataError: there is no name at all, or more letters than an alphabet can have.
        """
        from namegen.datasets.builder import DatasetBuilder

        builder = DatasetBuilder(alphabet)
        for category, given in names.items():
            lines = (name.encode(errors="surrogatepass") for name in given)
            builder.add_lines(category, lines, f"the category {quote(category)}")
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
        return f"<Dataset {self.label}: {count_of(len(self), 'name')}, {count_of(len(self.categories), 'category')}>"

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


def count_of(count: int, what: str) -> str:
    """Return a number of things in words: ``1 name``, ``1,000 names``, ``2 categories``."""
    if count != 1:
        what = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{count:,} {what}"

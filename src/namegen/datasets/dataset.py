"""Names grouped by category.

A :class:`Dataset` stores names in a few flat arrays instead of a list of strings: millions of names fit in memory, and
a training batch is one indexing operation.

Every name has a hash, the first eight bytes of its SHA-256. Hashes identify repeated names, choose the validation part
(the same names on every machine), and tell whether a generated name is new.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import repeat, zip_longest
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import numpy as np

from namegen._validate import check_arguments, check_constructor, check_int, check_positive, to_builtin
from namegen.errors import UsageError, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from namegen.datasets.alphabet import Alphabet
    from namegen.datasets.options import DataSource

    AlphabetChoice = Alphabet | Literal["ascii", "unicode"]

Weighting: TypeAlias = Literal["none", "sqrt", "count"]
"""How a name's number of occurrences becomes its weight."""


MAX_WEIGHT = 1e12
"""The largest weight of a name."""

_MIN_VALIDATION = 20  # names; a loss on fewer would be too noisy


def hash_name(name: bytes) -> bytes:
    """Return the hash of a name: the first 8 bytes of the SHA-256 of its UTF-8 text."""
    return hashlib.sha256(name).digest()[:8]


def hash_names(names: Iterable[bytes]) -> NDArray[np.uint64]:
    """Return the hashes of names as numbers, (names,) uint64."""
    return np.frombuffer(b"".join(map(hash_name, names)), dtype=">u8").astype(np.uint64)


@check_constructor("use Dataset.from_names or open_dataset")
@dataclass(frozen=True, eq=False)
class Dataset:
    """Names grouped by category.

    Attributes:
        alphabet: the alphabet of the names.
        categories: the categories, sorted.
        letters: the letters of all names, as indices into the alphabet, (letters,).
        offsets: where each name begins in ``letters``, and the end of the last one, (names + 1,).
        category_of: the index of each name's category, ascending, (names,).
        hashes: the hash of each name, (names,).
        label: the name of the dataset.
        verified: whether every file matches its hash in the catalogue.
        notes: warnings about the input, such as dropped characters.
        rewritten: the number of names given in letters that the alphabet does not have.
        weights: how often each name occurs, or another positive number, (names,); ``None`` if all names count alike.
            In training, a name of a category is sampled with a probability proportional to its weight.
        hints: options of training that may fit the names, such as frequencies that are not used.
        reports: how the files were read whose columns or structure had to be recognized.
        source: where the names were read from; ``None`` for names in memory.
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
    rewritten: int = 0
    weights: NDArray[np.float32] | None = None
    hints: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    source: DataSource | None = None

    @classmethod
    @check_arguments()
    def from_names(
        cls,
        names: Mapping[str, Iterable[str]],
        *,
        alphabet: AlphabetChoice = "ascii",
        keep_repeats: bool = False,
        label: str = "names",
        weights: Mapping[str, Iterable[float]] | None = None,
    ) -> Dataset:
        """Create a dataset from names in memory.

        Args:
            names: the names of each category, by category: lists, columns of a table or other iterables. Missing names,
                ``None`` or ``nan``, are left out.
            alphabet: the alphabet that names are transliterated into: ``ascii`` for
                :data:`~namegen.datasets.alphabet.ASCII`, or ``unicode`` to keep the names' own letters.
            keep_repeats: keep names that occur more than once in a category.
            label: the name of the dataset.
            weights: how often each name occurs, in the order of ``names``, by category: positive numbers. The weights
                of repeated names are added, also if ``keep_repeats`` is true. By default all names count alike.

        Raises:
            UsageError: the names are not lists of text by category.
            DataError: ``names`` is empty, or has more letters than an alphabet can have.
            UsageError: the categories or numbers of ``weights`` are not those of ``names``, or a weight is not a
                positive number.
        """
        from namegen.datasets.builder import DatasetBuilder
        from namegen.datasets.in_memory import check_lists, iterate_names

        builder = DatasetBuilder(alphabet)
        lists, missing = check_lists(names), 0
        if weights is not None and weights.keys() != lists.keys():
            raise UsageError("the categories of weights must be those of names")
        for category, given in lists.items():
            where = f"the category {quote(category)}"
            add = builder.make_adder(category, where)
            listed = iterate_names(given, "names" if category == label else f"the names of {quote(category)}")
            paired = zip(listed, repeat(1.0)) if weights is None else _pair_weights(listed, weights[category], where)
            for number, (name, weight) in enumerate(paired, 1):
                missing += name is None
                add((name or "").encode(errors="surrogatepass"), where, number, weight)
        if missing:
            builder.notes.append(f"left out {count_of(missing, 'missing name')}")
        return builder.finish(label, keep_repeats=keep_repeats, weights="none" if weights is None else "count")

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
        """The hashes of all names, sorted and without repeats. For millions, ten times as fast as ``np.unique``."""
        ordered = np.sort(self.hashes)
        distinct: NDArray[np.uint64] = ordered[np.append(True, ordered[1:] != ordered[:-1])]
        return distinct

    @property
    def casing(self) -> str:
        """The case of most names: ``lower`` (anna), ``capitalised`` (Anna), ``upper`` (ANNA) or ``none``."""
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
        """The number of names of each category that begin with each letter, (categories, letters)."""
        counts = np.zeros((len(self.categories), len(self.alphabet)), dtype=np.int64)
        np.add.at(counts, (self.category_of, self.letters[self.offsets[:-1]]), 1)
        return counts

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the alphabet, categories, names and weights, in hexadecimal."""
        digest = hashlib.sha256(repr((self.alphabet.letters, self.categories)).encode())
        for array in (self.letters.astype("<u2"), self.offsets.astype("<i8"), self.category_of.astype("<i4")):
            digest.update(array.tobytes())
        if self.weights is not None:
            digest.update(self.weights.astype("<f4").tobytes())
        return digest.hexdigest()

    def names(self, category: str) -> list[str]:
        """Return the names of one category, in order.

        Raises:
            UsageError: there is no such category.
        """
        if category not in self.categories:
            raise UsageError(f"no category {category!r}; choose from {', '.join(self.categories)}")
        of_category = np.flatnonzero(self.category_of == self.categories.index(category))
        return [self.name(int(index)) for index in of_category]

    def name(self, index: int) -> str:
        """Return the name at an index.

        Raises:
            UsageError: there is no such index.
        """
        index = check_int("index", index, 0, len(self) - 1)
        return self.alphabet.decode(self.letters[self.offsets[index] : self.offsets[index + 1]])

    def in_case(self, casing: str) -> Dataset:
        """Return the dataset with its names in another case, see :meth:`Alphabet.in_case`.

        Categories whose names mostly have that case, or none, do not change.
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
        return replace(cased, verified=self.verified, notes=self.notes, weights=self.weights, source=self.source)

    def fit_alphabet(self, alphabet: Alphabet) -> Dataset:
        """Return the dataset in an alphabet, extended by the letters of the names that it lacks."""
        if self.alphabet == alphabet:
            return self
        used = [self.alphabet.letters[index] for index in np.flatnonzero(np.bincount(self.letters)).tolist()]
        extended = alphabet.extend(used)
        numbers = {letter: index for index, letter in enumerate(extended.letters)}
        table = np.array([numbers.get(letter, 0) for letter in self.alphabet.letters], dtype=extended.dtype)
        return replace(self, alphabet=extended, letters=table[self.letters])

    def __repr__(self) -> str:
        return f"<Dataset {self.label}: {count_of(len(self), 'name')}, {count_of(len(self.categories), 'category')}>"

    def select(self, chosen: NDArray[np.bool_]) -> Dataset:
        """Return the names for which ``chosen`` (names,) is true, with all categories."""
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
            weights=None if self.weights is None else self.weights[chosen],
            source=self.source,
        )

    def limit(self, count: int) -> Dataset:
        """Return at most ``count`` names of each category, chosen by hash."""
        order = np.lexsort((self.hashes, self.category_of))
        ranks = np.empty(len(order), dtype=np.int64)
        ranks[order] = np.arange(len(order)) - np.searchsorted(self.category_of, self.category_of)
        return self.select(ranks < count)

    def split(self, fraction: float) -> tuple[Dataset, Dataset | None]:
        """Split off about ``fraction`` of the names for validation, chosen by hash.

        A name in two categories is never in both parts. No category loses all of its names.

        Returns:
            The training and validation parts, or all names and ``None`` if the validation part would have fewer than 20
            names.
        """
        scrambled = self.hashes * np.uint64(0x9E3779B97F4A7C15)  # independent of any split by the hash itself
        held_out = (scrambled >> np.uint64(11)).astype(np.float64) / 2.0**53 < fraction
        left = np.bincount(self.category_of[~held_out], minlength=len(self.categories))
        kept = held_out & (left[self.category_of] == 0)
        held_out &= ~np.isin(self.hashes, self.hashes[kept])  # if one category keeps a name, all keep it
        if np.count_nonzero(held_out) < _MIN_VALIDATION:
            return self, None
        return self.select(~held_out), self.select(held_out)


def _pair_weights(
    names: Iterable[str | None], weights: Iterable[float], where: str
) -> Iterator[tuple[str | None, float]]:
    """Yield names with their weights, which are checked."""
    end = object()
    for name, weight in zip_longest(names, weights, fillvalue=end):
        if name is end or weight is end:
            raise UsageError(f"{where} needs one weight for each name")
        check_positive(f"a weight of {where}", to_builtin(weight), MAX_WEIGHT)
        yield cast("str | None", name), float(cast("float", weight))


def count_of(count: int, what: str) -> str:
    """Return a count with its noun: ``1 name``, ``1,000 names``, ``2 categories``."""
    if count != 1:
        what = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{count:,} {what}"

"""Filters: what a user asks of generated names, and the verdict on each sampled name.

A rejected name is sampled again, so the accepted names follow the model's distribution conditioned on acceptance. Tests
on letter indices run on all names at once; tests that need a name's text run once per distinct name.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen._validate import check_bool, check_int
from namegen.datasets.alphabet import ASCII
from namegen.datasets.encoding import UNFINISHED
from namegen.datasets.transliteration import to_ascii
from namegen.errors import DataError, NamegenError, UsageError, quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from namegen.datasets.alphabet import Alphabet
    from namegen.datasets.encoding import EncodedNames
    from namegen.models.model import Model

    Keys = NDArray[np.uint64]


_SECONDS = 2.0  # that matching a regular expression may take in all, however few the names


_SECONDS_A_NAME = 1e-4  # and for each name besides; an ordinary expression takes some microseconds


_MIN_SECONDS = 1e-3  # a timeout must be positive


_MAX_EXCLUDED = 2**25  # letters in all, so that a pipe without an end has one


_MAX_PATTERN = 5_000  # characters, or items: each takes `regex` some time, and some of the stack


@dataclass(frozen=True)
class Filters:
    """What names must be, besides ending in time. All conditions hold together.

    Attributes:
        unique: no name twice, as if those that were there before were drawn again.
        novel: no name of the data that the model was trained on, in whatever category, be it that it was held out.
        min_length: the fewest letters of a name, its prefix included; ``None`` for any.
        match: a regular expression that the whole name must match, as the library ``regex`` reads it.
        exclude: names and words that must not occur, whatever their case: a name is rejected if it is one of them, or
            if one of its words is, or several side by side. Words end where letters and digits do, so ``Jean-Luc`` are
            two. What is not in a model's alphabet is compared transliterated, too.
        ascii: names come transliterated into ASCII (:mod:`namegen.datasets.transliteration`). They are distinct,
        match and are
            excluded as they come; novelty, lengths and probabilities are those of what the model wrote.

    Raises:
        UsageError: a value is out of its range, or the expression is none.
    """

    unique: bool = False
    novel: bool = False
    min_length: int | None = None
    match: str | None = None
    exclude: tuple[str, ...] = ()
    ascii: bool = False

    def __post_init__(self) -> None:
        if self.min_length is not None:
            object.__setattr__(self, "min_length", check_int("min length", self.min_length, 1, 10_000))
        if self.match is not None:
            if not isinstance(self.match, str):
                raise UsageError(f"match must be a regular expression, not {self.match!r}")
            _compile(self.match)
        for name in ("unique", "novel", "ascii"):
            object.__setattr__(self, name, check_bool(name, getattr(self, name)))
        exclude: object = self.exclude
        if isinstance(exclude, str) or not isinstance(exclude, Iterable):
            raise UsageError("exclude must be a list of names or words")
        object.__setattr__(self, "exclude", tuple(exclude))
        if not all(isinstance(name, str) for name in self.exclude):
            raise UsageError("exclude must be a list of names or words")

    @property
    def conditions(self) -> bool:
        """Whether there is a condition that a name meets or does not meet by itself."""
        on_text = self.match is not None or bool(self.exclude) or self.ascii
        return self.novel or self.min_length is not None or on_text

    def spell(self, alphabet: Alphabet, spelling: EncodedNames) -> str:
        """Return names in the form in which they come, each ended by a line feed."""
        lines = alphabet.decode_lines(spelling.letters, spelling.lengths)
        return to_ascii(lines) if self.ascii else lines

    def keys(self, alphabet: Alphabet, spelling: EncodedNames) -> NDArray[np.uint64]:
        """Return a number for each name, the same for those that come in the same form, (names,)."""
        if self.ascii or alphabet.is_ambiguous:
            return _hashes(self.spell(alphabet, spelling))
        return spelling.keys()


def read_exclusions(path: str | Path) -> tuple[str, ...]:
    """Read names or words to exclude from a UTF-8 file, one a line; blank lines do not count.

    Raises:
        DataError: the file cannot be read, or is not UTF-8.
    """
    from namegen.io.lines import decode_line, read_lines

    excluded: list[str] = []
    letters = 0
    try:
        with Path(path).open("rb") as file:  # which may be a pipe, as `<(command)` is one
            for number, line in enumerate(read_lines(file, str(path)), 1):
                if text := decode_line(line, str(path), number).strip():
                    excluded.append(text)
                    letters += len(text)
                if letters > _MAX_EXCLUDED:
                    raise DataError(f"{path} has more than {_MAX_EXCLUDED:,} letters to exclude; give fewer names")
    except FileNotFoundError:
        raise DataError(f"no file {path}") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    return tuple(excluded)


class Verdict(IntEnum):
    """What is said of a name that was drawn: the first condition that it does not meet, if any."""

    ACCEPTED = 0
    MALFORMED = 1
    SHORT = 2
    KNOWN = 3
    UNSPELT = 4
    UNMATCHED = 5
    EXCLUDED = 6


class NameFilter:
    """Says which names of one model are accepted.

    Args:
        model: the model.
        filters: what names must be; ``unique`` is not looked at, since it is no matter of a name by itself.
        greedy: whether names are what a greedy choice gives, which need not be well-formed.

    Raises:
        NamegenError: names must be novel, and the model does not know what it was trained on.
    """

    def __init__(self, model: Model, filters: Filters, *, greedy: bool = False) -> None:
        if filters.novel and not len(model.name_hashes):
            raise NamegenError(
                "this model does not know yet which names it was trained on, so none can be called novel; finish its "
                "training with `namegen train --resume`"
            )
        self._alphabet, self._filters, self._greedy = model.alphabet, filters, greedy
        self._model, self._seconds = model, _SECONDS
        self._excluded = frozenset(_spellings(model, filters.exclude))
        # What stands between the words of a name; a combining mark, or an invisible joiner, is part of its letter.
        self._separators = {
            ord(letter): " "
            for letter in (*self._alphabet.letters, *(ASCII.letters if filters.ascii else ()))
            if len(letter) == 1 and unicodedata.category(letter)[0] not in "LMN" and letter not in "\u200c\u200d"
        }
        # As words alone too: the names are taken apart by the same marks.
        as_words = {" ".join(excluded.translate(self._separators).split()) for excluded in self._excluded}
        self._excluded |= as_words - {""}
        self._most_words = max((len(words.split()) for words in as_words), default=0)
        # Each on those names alone that have met all before it.
        self._conditions: list[tuple[Verdict, Callable[[EncodedNames], NDArray[np.bool_]]]] = [
            *[(Verdict.KNOWN, self._known)] * filters.novel,
            *[(Verdict.UNSPELT, self._unspelt)] * filters.ascii,
            *[(Verdict.UNMATCHED, self._unmatched)] * (filters.match is not None),
            *[(Verdict.EXCLUDED, self._has_excluded)] * bool(self._excluded),
        ]

    def verdicts(self, spelling: EncodedNames) -> NDArray[np.uint8]:
        """Return the :class:`Verdict` on each of some names, (names,).

        Raises:
            NamegenError: to match the regular expression takes too long.
        """
        verdicts = np.full(len(spelling.lengths), Verdict.MALFORMED, dtype=np.uint8)
        verdicts[self._well_formed(spelling)] = Verdict.ACCEPTED
        if self._filters.min_length is not None:
            verdicts[(verdicts == Verdict.ACCEPTED) & (spelling.lengths < self._filters.min_length)] = Verdict.SHORT
        if self._conditions:
            names = np.flatnonzero(verdicts == Verdict.ACCEPTED)
            _, first, which = np.unique(spelling.select(names).keys(), return_index=True, return_inverse=True)
            verdicts[names] = self._text_verdicts(spelling.select(names[first]))[which]
        return verdicts

    def accepts(self, spelling: EncodedNames) -> NDArray[np.bool_]:
        """Return which of some names are accepted, (names,)."""
        accepted: NDArray[np.bool_] = self.verdicts(spelling) == Verdict.ACCEPTED
        return accepted

    def wanted(self, verdicts: Iterable[Verdict]) -> str:
        """Say in words what names that got some of the verdicts do not do: ``is novel and matches '…'``."""
        filters, said = self._filters, set(verdicts)
        words = {
            Verdict.SHORT: f"has at least {filters.min_length or 0:,} letters",
            Verdict.KNOWN: "is novel",
            Verdict.UNSPELT: "can be spelt in ASCII",
            Verdict.UNMATCHED: f"matches {quote(filters.match or '')}",
            Verdict.EXCLUDED: "is free of what is excluded",
        }
        return " and ".join(said_so for verdict, said_so in words.items() if verdict in said)

    def _well_formed(self, spelling: EncodedNames) -> NDArray[np.bool_]:
        """Return which names have ended in time and are such as a list of names can have, (names,).

        No list has an empty name, or one with blanks at its ends or two in a row; but a greedy model has its way.
        """
        letters, lengths = spelling.letters, spelling.lengths
        accepted: NDArray[np.bool_] = lengths != UNFINISHED
        if self._greedy:
            return accepted
        accepted &= lengths > 0
        if " " in self._alphabet:
            blank = letters == self._alphabet.letters.index(" ")
            names = np.flatnonzero(accepted & blank.any(axis=1))
            blank, lengths = blank[names], lengths[names]
            blank &= np.arange(blank.shape[1]) < lengths[:, None]
            at_an_end = blank[:, 0] | blank[np.arange(len(names)), lengths - 1]
            accepted[names] = ~(at_an_end | (blank[:, 1:] & blank[:, :-1]).any(axis=1))
        return accepted

    def _text_verdicts(self, spelling: EncodedNames) -> NDArray[np.uint8]:
        """Return the verdicts on distinct names, from the conditions on their text, (names,)."""
        verdicts = np.full(len(spelling.lengths), Verdict.ACCEPTED, dtype=np.uint8)
        names = np.arange(len(verdicts))  # those that are not rejected yet
        for verdict, rejects in self._conditions:
            rejected = rejects(spelling.select(names))
            verdicts[names[rejected]] = verdict
            names = names[~rejected]
        return verdicts

    def _lines(self, spelling: EncodedNames) -> list[str]:
        """Return names as they come."""
        return self._filters.spell(self._alphabet, spelling).split("\n")[:-1]

    def _unspelt(self, spelling: EncodedNames) -> NDArray[np.bool_]:
        """Return of which names nothing remains in ASCII, (names,)."""
        return np.array([not name for name in self._lines(spelling)], dtype=np.bool_)

    def _known(self, spelling: EncodedNames) -> NDArray[np.bool_]:
        """Return which names are in the training data, those that were held out too, (names,)."""
        hashes = _hashes(self._alphabet.decode_lines(spelling.letters, spelling.lengths))
        # `np.isin` would sort those of the training names too, which takes longer than drawing a name.
        place = np.searchsorted(self._model.known_hashes[:-1], hashes)  # at most the last
        known: NDArray[np.bool_] = self._model.known_hashes[place] == hashes
        return known

    def _unmatched(self, spelling: EncodedNames) -> NDArray[np.bool_]:
        """Return which names the expression does not match from end to end, (names,)."""
        names, expression = self._lines(spelling), self._filters.match or ""
        pattern, clock = _compile(expression), time.monotonic
        end = clock() + self._seconds + len(names) * _SECONDS_A_NAME
        try:
            unmatched = [pattern.fullmatch(name, timeout=max(_MIN_SECONDS, end - clock())) is None for name in names]
        except TimeoutError:
            raise NamegenError(
                f"the regular expression {quote(expression)} takes too long to match; simplify it, repetitions "
                "within repetitions above all"
            ) from None
        self._seconds = min(_SECONDS, end - clock())  # what is left, so that many small portions have no more than one
        return np.array(unmatched, dtype=np.bool_)

    def _has_excluded(self, spelling: EncodedNames) -> NDArray[np.bool_]:
        """Return which names are excluded or have a word that is, (names,)."""
        folded, excluded = self._filters.spell(self._alphabet, spelling).casefold(), self._excluded
        return np.array(
            [
                name in excluded or not excluded.isdisjoint(_runs(words.split(), self._most_words))
                for name, words in zip(
                    folded.split("\n")[:-1], folded.translate(self._separators).split("\n")[:-1], strict=True
                )
            ],
            dtype=np.bool_,
        )


def _hashes(lines: str) -> NDArray[np.uint64]:
    """Return the hash of each name, a line each, (names,)."""
    from namegen.datasets.dataset import hash_names

    return hash_names(lines.encode().split(b"\n")[:-1])


def _runs(words: list[str], most: int) -> Iterable[str]:
    """Return the words, and up to ``most`` side by side with blanks between them."""
    if len(words) == 1 or most == 1:
        return words
    ends = range(1, len(words) + 1)
    return [" ".join(words[begin:end]) for end in ends for begin in range(max(0, end - most), end)]


def _spellings(model: Model, excluded: Iterable[str]) -> Iterable[str]:
    """Go through what is excluded, as given, as the model spells it, and in ASCII, all in lower case."""
    for name in excluded:
        spellings = unicodedata.normalize("NFC", name), model.alphabet.transliterate(name)[0], to_ascii(name)
        for spelt in spellings:
            if spelt.strip():
                yield spelt.strip().casefold()


def _compile(expression: str) -> Any:  # noqa: ANN401 - a pattern; regex has no types
    import regex

    from namegen.sampling.patterns import expanded_size

    try:
        if len(expression) > _MAX_PATTERN or expanded_size(expression) > _MAX_PATTERN:
            raise UsageError(
                f"the regular expression {quote(expression)} is too large, repetitions written out; repeat less"
            )
        return regex.compile(expression)
    except (regex.error, RecursionError, OverflowError, MemoryError, ValueError, TypeError) as error:
        raise UsageError(f"{quote(expression)} is no regular expression: {error}") from None


class KeySet:
    """A growing set of numbers.

    It is kept as a few sorted arrays, each more than twice as long as the next. So adding a number costs, on average,
    the logarithm of how many there are, whether they come one by one or by the thousand.
    """

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def add(self, keys: Keys) -> None:
        """Add numbers, at least one."""
        run = np.sort(keys)
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")  # which merges what is sorted
        self._runs.append(run)

    def new(self, keys: Keys) -> NDArray[np.int64]:
        """Return the places of numbers that are not in the set, each of its first occurrence, ascending."""
        distinct, first = np.unique(keys, return_index=True)
        is_new = np.ones(len(distinct), dtype=np.bool_)
        for run in self._runs:
            place = np.minimum(np.searchsorted(run, distinct), len(run) - 1)
            is_new &= run[place] != distinct
        return np.sort(first[is_new])

"""Filters: what generated names must satisfy, and which sampled names are accepted.

A rejected name is sampled again, so the accepted names follow the model's distribution conditioned on acceptance.
Conditions on letter indices are tested for all names at once, conditions on text once per distinct name.
"""

from __future__ import annotations

import math
import re
import time
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen._validate import check_bool, check_constructor, check_int
from namegen.datasets.alphabet import ASCII
from namegen.datasets.encoding import UNFINISHED
from namegen.errors import DataError, NamegenError, UsageError, quote
from namegen.sampling.offensive import find_offensive

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from namegen.datasets.alphabet import Alphabet
    from namegen.datasets.encoding import EncodedNames
    from namegen.models.model import Model

    Flags = NDArray[np.bool_]
    Keys = NDArray[np.uint64]

_MATCH_SECONDS = 2.0  # for matching a regular expression in total, whatever the number of names
_MATCH_SECONDS_PER_NAME = 1e-4  # in addition; an ordinary expression takes some microseconds
_MIN_TIMEOUT = 1e-3  # `regex` requires a positive one
_MAX_PATTERN = 5_000  # characters
_MAX_PART = 100  # characters
_MAX_REPEATS = 100_000  # of groups within groups
_GROUP_REPEAT = r"\)\s*(?:\{([0-9]+)|\+)"

ACCEPTED = 0
"""The verdict on an accepted name. Every other verdict stands for the first condition that a name does not meet."""

_NOVEL = "is novel"
MALFORMED, _SHORT, IMPLAUSIBLE, _FIRST_TEXT_VERDICT = 1, 2, 3, 4


@check_constructor()
@dataclass(frozen=True)
class Filters:
    """Conditions on generated names, all of which must hold.

    Attributes:
        unique: generate no name twice.
        novel: generate no name of the training data of any category, held-out names included.
        min_length: the minimum number of letters of a name, its prefix included; ``None`` for no minimum.
        match: a regular expression that must match the whole name, in the syntax of the ``regex`` library.
        exclude: names and words that must not occur, ignoring case. A name is rejected if the whole name, one of its
            words or a sequence of its words is excluded; ``Jean-Luc`` has two words. The transliteration of each
            exclusion is excluded too.
        exclude_parts: text of up to 100 characters that must not occur anywhere in a name, ignoring case. If its
            letters have upper and lower case, as in the Latin, Greek and Cyrillic scripts, its transliteration is
            excluded too.
        ascii: transliterate names to ASCII. ``unique``, ``match`` and the exclusions then apply to the transliterated
            names; novelty, lengths and probabilities to the model's own.
        allow_offensive: do not reject slurs, obscenities and the names of notorious persons. Models of the recipe
            ``tutorial`` always allow them.

    Raises:
        UsageError: a value is out of range, or ``match`` is not a regular expression.
    """

    unique: bool = False
    novel: bool = False
    min_length: int | None = None
    match: str | None = None
    exclude: tuple[str, ...] = ()
    exclude_parts: tuple[str, ...] = ()
    ascii: bool = False
    allow_offensive: bool = False

    def __post_init__(self) -> None:
        if self.min_length is not None:
            object.__setattr__(self, "min_length", check_int("min length", self.min_length, 1, 10_000))
        if self.match is not None:
            if not isinstance(self.match, str):
                raise UsageError(f"match must be a regular expression, not {self.match!r}")
            _compile(self.match)
        for name in ("unique", "novel", "ascii", "allow_offensive"):
            object.__setattr__(self, name, check_bool(name, getattr(self, name)))
        object.__setattr__(self, "exclude", _check_texts("exclude must be a list of names or words", self.exclude))
        parts = _check_texts("exclude parts must be a list of parts of names", self.exclude_parts)
        object.__setattr__(self, "exclude_parts", parts)
        for part in parts:
            if not part.strip():
                raise UsageError("an excluded part is empty, and would exclude all names; leave it out")
            if len(part) > _MAX_PART:
                raise UsageError(
                    f"the excluded part {quote(part)} has {len(part):,} characters; shorten it to {_MAX_PART}, or "
                    "exclude it as a name"
                )

    @property
    def may_reject(self) -> bool:
        """True if a name can be rejected for itself alone, unlike with ``unique``, and not only if it is offensive."""
        has_exclusions = bool(self.exclude or self.exclude_parts)
        return self.novel or self.min_length is not None or self.match is not None or has_exclusions or self.ascii

    def spell(self, alphabet: Alphabet, names: EncodedNames) -> str:
        """Return names as text, transliterated if asked for, each ended by a line feed."""
        lines = alphabet.decode_lines(names.letters, names.lengths)
        if not self.ascii:
            return lines
        from namegen.datasets.transliteration import to_ascii

        return to_ascii(lines)

    def keys(self, alphabet: Alphabet, names: EncodedNames) -> Keys:
        """Return a number for each name, the same for names with the same text, (names,)."""
        if self.ascii or alphabet.may_be_ambiguous:
            return _hash_lines(self.spell(alphabet, names))
        return names.keys()


def read_exclusions(path: str | Path) -> tuple[str, ...]:
    """Read names or words to exclude from a UTF-8 file, one per line; empty lines are skipped.

    Raises:
        DataError: the file cannot be read or is not UTF-8.
    """
    from namegen.io.lines import decode_line, read_lines

    try:
        with Path(path).open("rb") as file:  # which may be a pipe, as with `<(command)`
            lines = [decode_line(line, str(path), i).strip() for i, line in enumerate(read_lines(file, str(path)), 1)]
    except FileNotFoundError:
        raise DataError(f"no file {path}") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    return tuple(filter(None, lines))


class NameFilter:
    """Decides which names of one model are accepted.

    Args:
        model: the model.
        filters: the conditions; ``unique`` is ignored.
        greedy: whether names come from greedy decoding, which need not give well-formed ones.
    """

    def __init__(self, model: Model, filters: Filters, *, greedy: bool = False) -> None:
        if filters.novel and not len(model.name_hashes):
            raise NamegenError(
                "the model's training has not finished, so it cannot tell which names are novel; "
                "finish its training with `namegen train --resume`"
            )
        self._model, self._alphabet, self._filters, self._greedy = model, model.alphabet, filters, greedy
        self._seconds = _MATCH_SECONDS
        # The separators of words. A combining mark or an invisible joiner is part of its letter.
        self._separators = {
            ord(letter): " "
            for letter in (*self._alphabet.letters, *(ASCII.letters if filters.ascii else ()))
            if len(letter) == 1 and unicodedata.category(letter)[0] not in "LMN" and letter not in "\u200c\u200d"
        }
        excluded = frozenset(_exclusion_spellings(model, filters.exclude))
        as_words = {" ".join(name.translate(self._separators).split()) for name in excluded}
        self._excluded = excluded | (as_words - {""})
        self._max_words = max((len(words.split()) for words in as_words), default=0)
        # A part that contains another one changes nothing.
        self._excluded_parts = _without_superstrings(_part_spellings(model, filters.exclude_parts))
        self._part_lengths = sorted({len(part) for part in self._excluded_parts})
        avoids_offensive = not filters.allow_offensive and model.training.recipe != "tutorial"
        # Each applies to the names that have met all conditions before it.
        self._text_conditions: list[tuple[str, Callable[[EncodedNames], Flags]]] = [
            *[(_NOVEL, self._is_known)] * filters.novel,
            *[("can be spelt in ASCII", self._is_unspelt)] * filters.ascii,
            *[(f"matches {quote(filters.match or '')}", self._is_unmatched)] * (filters.match is not None),
            *[("avoids the excluded words", self._is_excluded)] * bool(self._excluded),
            *[("avoids the excluded parts", self._has_excluded_part)] * bool(self._excluded_parts),
            *[("avoids offensive words (unless --allow-offensive is given)", self._is_offensive)] * avoids_offensive,
        ]

    def judge(self, names: EncodedNames) -> NDArray[np.uint8]:
        """Return the verdict on each name, (names,): ``ACCEPTED`` or another number.

        Args:
            names: the names.

        Raises:
            NamegenError: matching the regular expression takes too long.
        """
        verdicts = np.full(len(names.lengths), MALFORMED, dtype=np.uint8)
        verdicts[self._is_well_formed(names)] = ACCEPTED
        if self._filters.min_length is not None:
            verdicts[(verdicts == ACCEPTED) & (names.lengths < self._filters.min_length)] = _SHORT
        if self._text_conditions:
            candidates = np.flatnonzero(verdicts == ACCEPTED)
            if [rejects for _, rejects in self._text_conditions] == [self._is_offensive]:
                # That is faster than finding the distinct names.
                verdicts[candidates] = self._judge_text(names.select(candidates))
                return verdicts
            _, first, which = np.unique(names.select(candidates).keys(), return_index=True, return_inverse=True)
            verdicts[candidates] = self._judge_text(names.select(candidates[first]))[which]
        return verdicts

    def accepts(self, names: EncodedNames) -> Flags:
        """Return which names are accepted, (names,)."""
        accepted: Flags = self.judge(names) == ACCEPTED
        return accepted

    def is_repeating(self, verdicts: set[int]) -> bool:
        """Return whether names with these verdicts are well-formed, and only not novel or not plausible."""
        novel = next(
            (v for v, (text, _) in enumerate(self._text_conditions, _FIRST_TEXT_VERDICT) if text == _NOVEL), -1
        )
        return novel in verdicts and verdicts <= {ACCEPTED, MALFORMED, IMPLAUSIBLE, novel}

    def describe_unmet(self, verdicts: set[int]) -> str:
        """Describe the conditions that names with these verdicts do not meet: ``is novel and matches '…'``."""
        texts = [text for text, _ in self._text_conditions]
        least = f"has at least {self._filters.min_length or 0:,} letters"
        descriptions = enumerate([least, "reaches the plausibility floor", *texts], _SHORT)
        return " and ".join(description for verdict, description in descriptions if verdict in verdicts)

    def _is_well_formed(self, names: EncodedNames) -> Flags:
        """Return which names have ended in time and could be in a list of names, (names,).

        A list has no empty names and no spaces at an end or two in a row. Greedy decoding may give such names.
        """
        letters, lengths = names.letters, names.lengths
        accepted: Flags = lengths != UNFINISHED
        if self._greedy:
            return accepted
        accepted &= lengths > 0
        if " " in self._alphabet:
            is_space = letters == self._alphabet.letters.index(" ")
            with_spaces = np.flatnonzero(accepted & is_space.any(axis=1))
            is_space, lengths = is_space[with_spaces], lengths[with_spaces]
            is_space &= np.arange(is_space.shape[1]) < lengths[:, None]
            at_an_end = is_space[:, 0] | is_space[np.arange(len(is_space)), lengths - 1]
            accepted[with_spaces] = ~(at_an_end | (is_space[:, 1:] & is_space[:, :-1]).any(axis=1))
        return accepted

    def _judge_text(self, names: EncodedNames) -> NDArray[np.uint8]:
        """Return the verdicts on distinct names by the conditions on their text, (names,)."""
        verdicts = np.full(len(names.lengths), ACCEPTED, dtype=np.uint8)
        remaining = np.arange(len(verdicts))
        for verdict, (_, rejects) in enumerate(self._text_conditions, _FIRST_TEXT_VERDICT):
            rejected = rejects(names.select(remaining))
            verdicts[remaining[rejected]] = verdict
            remaining = remaining[~rejected]
        return verdicts

    def _spell(self, names: EncodedNames) -> list[str]:
        return self._filters.spell(self._alphabet, names).split("\n")[:-1]

    def _is_unspelt(self, names: EncodedNames) -> Flags:
        """Return which names have no letter left in ASCII, (names,)."""
        return np.array([not name for name in self._spell(names)], dtype=np.bool_)

    def _is_known(self, names: EncodedNames) -> Flags:
        """Return which names are in the training data, held-out names included, (names,)."""
        hashes = _hash_lines(self._alphabet.decode_lines(names.letters, names.lengths))
        # `np.isin` would sort the hashes of the training names too, which takes longer than sampling a name.
        place = np.searchsorted(self._model.known_hashes[:-1], hashes)  # at most the last
        known: Flags = self._model.known_hashes[place] == hashes
        return known

    def _is_unmatched(self, names: EncodedNames) -> Flags:
        """Return which names the regular expression does not match from end to end, (names,)."""
        expression, clock = self._filters.match or "", time.monotonic
        pattern, lines = _compile(expression), self._spell(names)
        end = clock() + self._seconds + len(lines) * _MATCH_SECONDS_PER_NAME
        try:
            unmatched = [pattern.fullmatch(name, timeout=max(_MIN_TIMEOUT, end - clock())) is None for name in lines]
        except TimeoutError:
            raise NamegenError(
                f"the regular expression {quote(expression)} takes too long to match; avoid repetitions within "
                "repetitions"
            ) from None
        self._seconds = min(_MATCH_SECONDS, end - clock())  # many small calls share one allowance
        return np.array(unmatched, dtype=np.bool_)

    def _is_excluded(self, names: EncodedNames) -> Flags:
        """Return which names are excluded or contain an excluded word, (names,)."""
        folded, excluded = self._filters.spell(self._alphabet, names).casefold(), self._excluded
        lines, lines_of_words = (text.split("\n")[:-1] for text in (folded, folded.translate(self._separators)))
        rejected = [
            name in excluded or not excluded.isdisjoint(_word_sequences(words.split(), self._max_words))
            for name, words in zip(lines, lines_of_words, strict=True)
        ]
        return np.array(rejected, dtype=np.bool_)

    def _has_excluded_part(self, names: EncodedNames) -> Flags:
        """Return which names contain an excluded part, (names,)."""
        lines = self._filters.spell(self._alphabet, names).casefold().split("\n")[:-1]
        parts, lengths = self._excluded_parts, self._part_lengths
        rejected = [
            not parts.isdisjoint(
                [name[begin : begin + length] for length in lengths for begin in range(len(name) - length + 1)]
            )
            for name in lines
        ]
        return np.array(rejected, dtype=np.bool_)

    def _is_offensive(self, names: EncodedNames) -> Flags:
        """Return which names are offensive, (names,)."""
        return find_offensive(self._alphabet.decode_lines(names.letters, names.lengths))


def _hash_lines(lines: str) -> Keys:
    """Return the hash of each name, one per line, (names,)."""
    from namegen.datasets.dataset import hash_names

    return hash_names(lines.encode().split(b"\n")[:-1])


def _word_sequences(words: list[str], longest: int) -> Iterable[str]:
    """Return all sequences of up to ``longest`` adjacent words, joined by spaces."""
    ends = range(1, len(words) + 1)
    return [" ".join(words[begin:end]) for end in ends for begin in range(max(0, end - longest), end)]


def _exclusion_spellings(model: Model, excluded: Iterable[str]) -> Iterable[str]:
    """Yield each exclusion as given, as the model spells it, and in ASCII, all casefolded."""
    for name in excluded:
        from namegen.datasets.transliteration import to_ascii

        for spelling in (unicodedata.normalize("NFC", name), model.alphabet.transliterate(name)[0], to_ascii(name)):
            if spelling.strip():
                yield spelling.strip().casefold()


def _check_texts(message: str, texts: object) -> tuple[str, ...]:
    """Return a list of texts as a tuple."""
    if isinstance(texts, str) or not isinstance(texts, Iterable):
        raise UsageError(message)
    given = tuple(texts)
    if not all(isinstance(text, str) for text in given):
        raise UsageError(message)
    return given


def _part_spellings(model: Model, parts: Iterable[str]) -> set[str]:
    """Return each part as given, as the model spells it, and in ASCII, all casefolded.

    A part is transliterated only if its letters have a case, and if no character is dropped. Otherwise, the result may
    be a short text that has nothing to do with the part, such as han for 漢, or a for a1.
    """
    spellings: set[str] = set()
    for part in parts:
        given = unicodedata.normalize("NFC", part).strip()
        spellings.add(given.casefold())
        if not any(unicodedata.category(character) == "Lo" for character in given):
            for alphabet in (model.alphabet, ASCII):
                text, dropped = alphabet.transliterate(given)
                spellings.update({text.casefold()} if text and not dropped else ())
    return spellings


def _without_superstrings(parts: set[str]) -> frozenset[str]:
    """Return the parts that do not contain another part."""
    kept: set[str] = set()
    lengths: list[int] = []
    for part in sorted(parts, key=len):
        pieces = [part[i : i + length] for length in lengths for i in range(len(part) - length + 1)]
        if kept.isdisjoint(pieces):
            kept.add(part)
            if not lengths or len(part) > lengths[-1]:
                lengths.append(len(part))
    return frozenset(kept)


def _compile(expression: str) -> Any:  # noqa: ANN401 - a pattern; regex has no types
    import regex

    try:
        # `regex` writes repeated groups out when it compiles; very many crash the process or exhaust its memory.
        repeats = math.prod(int(count or 1) + 1 for count in re.findall(_GROUP_REPEAT, expression))
        if len(expression) > _MAX_PATTERN or repeats > _MAX_REPEATS:
            raise UsageError(f"the regular expression {quote(expression)} is too large; use fewer repetitions")
        return regex.compile(expression)
    except (regex.error, RecursionError, OverflowError, MemoryError, ValueError, TypeError) as error:
        raise UsageError(f"{quote(expression)} is not a regular expression: {error}") from None

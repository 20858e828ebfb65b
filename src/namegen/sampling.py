"""Drawing names from a model.

The same seed gives the same names, however many are drawn: name number 7 is name number 7 of any number of names.
Every name is drawn by random numbers of its own, so what has come so far is itself a fair sample. Few names are drawn
one beside the other (:mod:`namegen.drawing`), many at once as a prefix tree (:mod:`namegen.prefixtree`), a block at a
time, so that memory is bounded.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from namegen.drawing import UNENDED, Source, Spelling, draw_apart
from namegen.errors import NamegenError, UsageError
from namegen.inference import steppers
from namegen.prefixtree import grow_tree
from namegen.streams import CATEGORY, streams_of, uniforms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from namegen.modelfile import Model
    from namegen.recipes import SamplingConfig
    from namegen.streams import Streams

    Integers = NDArray[np.integer]

BLOCK = 3 * 2**17
"""The most names that are drawn at once: the more, the more prefixes they share, and the more memory they take."""

_BLOCK_LETTERS = 2**25  # the most letters that a block may have, where names may be very long
_FIRST_BLOCK = 2**14  # smaller, so that names come soon
_APART = 48  # up to so many names to a prefix, a tree is slower than its branches
_PREFIXES_AT_ONCE = 512  # names of different prefixes can be drawn one beside the other
_MOST_NAMES = 10**15  # as many as there are streams of random numbers
_FURTHER_LETTERS = 20  # the tutorial's limit, past the prefix
_MOST_LETTERS = 10_000  # the most that --max-length allows
_MOST_ATTEMPTS = 8192  # to a round of drawing names again, or one for each if these are more
_FRUITLESS_ROUNDS = 20  # in a row, after which a model is taken to be unable to end a name in time
_MOST_SOURCES = 64  # networks prepared for a category that are kept


class Draw(NamedTuple):
    """An invented name and its category."""

    category: str
    name: str


@dataclass(frozen=True, eq=False)
class Block:
    """Invented names in bulk.

    Attributes:
        text: the names in their order, each ended by a line feed.
        categories: the model's categories.
        category_of: the index of each name's category, (names,).
    """

    text: str
    categories: tuple[str, ...]
    category_of: NDArray[np.int64]

    @property
    def names(self) -> list[str]:
        """The names."""
        return self.text.split("\n")[:-1]

    def __iter__(self) -> Iterator[Draw]:
        for category, name in zip(self.category_of.tolist(), self.names, strict=True):
            yield Draw(self.categories[category], name)


def sample(
    model: Model,
    category: str | None = None,
    prefixes: str | Sequence[str] = ("",),
    *,
    count: int = 1,
    config: SamplingConfig | None = None,
    seed: int | None = None,
    **parts: Any,  # noqa: ANN401 - the fields of SamplingConfig
) -> list[str]:
    """Invent names.

    >>> namegen.sample(model, "German", "ABC", seed=1)     # doctest: +SKIP
    ['Ahrens', 'Buscher', 'Crantz']

    Args:
        model: the model to draw from.
        category: one of its categories; ``None`` draws one uniformly for each name.
        prefixes: what names begin with: a string of start letters, or a sequence of whole prefixes. An empty prefix
            leaves the first letter to the model.
        count: how many names for each prefix.
        config: how to choose letters; by default the model's own way.
        seed: where randomness begins; by default somewhere new each time.
        parts: parts of the configuration to replace, as ``temperature=0.5``.

    Returns:
        The names, in the order of the prefixes.

    Raises:
        UsageError: no such category, a prefix that cannot be used, or a count, seed or setting out of range.
        NamegenError: the model hardly ever ends its names within the length allowed.
    """
    made = blocks(model, category, prefixes, count=count, config=config, seed=seed, **parts)
    return [name for block in made for name in block.names]


def iterate(
    model: Model,
    category: str | None = None,
    prefixes: str | Iterable[str] = ("",),
    *,
    count: int = 1,
    config: SamplingConfig | None = None,
    seed: int | None = None,
    **parts: Any,  # noqa: ANN401 - the fields of SamplingConfig
) -> Iterator[Draw]:
    """Invent names one after the other, with their categories; as :func:`sample`, in bounded memory.

    What is wrong with the arguments is raised by this call, not by the first name taken; only prefixes that come from
    an iterator, not a string or sequence, are read and checked one at a time as names are taken.
    """
    made = blocks(model, category, prefixes, count=count, config=config, seed=seed, **parts)
    return (draw for block in made for draw in block)


def blocks(
    model: Model,
    category: str | None = None,
    prefixes: str | Iterable[str] = ("",),
    *,
    count: int = 1,
    config: SamplingConfig | None = None,
    seed: int | None = None,
    **parts: Any,  # noqa: ANN401 - the fields of SamplingConfig
) -> Iterator[Block]:
    """Invent names in bulk; as :func:`iterate`, a block of names at a time and without a Python object for each.

    A block has at most ``BLOCK`` names; the first is smaller, so that names come soon, and so are those of names that
    may be very long, or of many prefixes.
    """
    if not 0 <= count <= _MOST_NAMES:
        raise UsageError(f"count must be from 0 to {_MOST_NAMES:,}, not {count}")
    if seed is not None and seed < 0:
        raise UsageError(f"seed must be at least 0, not {seed}")
    chosen = None if category is None else find_category(model, category)
    config = replace(config or model.sampling, **parts)
    if isinstance(prefixes, str):
        prefixes = unicodedata.normalize("NFC", prefixes)
    fitted: Iterable[str] = (fit_prefix(model, prefix, config.max_length) for prefix in prefixes)
    at_once = 1  # prefixes that come from an iterator: whoever gives one may wait for its names
    if isinstance(prefixes, Sequence):
        fitted, at_once = list(fitted), _PREFIXES_AT_ONCE
    seed = int.from_bytes(os.urandom(8), "big") if seed is None else int(seed)
    return _blocks(_Sampler(model, config, seed), chosen, iter(fitted), count, at_once)


def find_category(model: Model, name: str) -> int:
    """Return the index of a category: one of exactly this name, else one that differs in case alone.

    Raises:
        UsageError: there is none, or several that differ in case alone.
    """
    name = unicodedata.normalize("NFC", name)
    if name in model.categories:
        return model.categories.index(name)
    folded = [category.casefold() for category in model.categories]
    if folded.count(name.casefold()) == 1:
        return folded.index(name.casefold())
    import difflib

    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    if close:
        hint = f"did you mean {model.categories[folded.index(close[0])]}?"
    elif len(model.categories) <= 20:
        hint = f"this model has {', '.join(model.categories)}"
    else:
        hint = f"this model has {len(model.categories):,} categories; `namegen categories` lists them"
    raise UsageError(f"no category {name!r}; {hint}")


def fit_prefix(model: Model, prefix: str, max_length: int | None = None) -> str:
    """Bring a prefix into the model's alphabet, and into the case that its training names begin with.

    ``Łu`` becomes ``Lu``, and with capitalised training names ``sch`` and ``SCH`` both become ``Sch``.

    Raises:
        UsageError: no name can begin like this, or it is longer than ``max_length``, or than 10,000 letters.
    """
    text, dropped = model.alphabet.transliterate(prefix)
    if text and prefix[-1] == " " and " " in model.alphabet:
        text += " "  # "van " is another prefix than "van"
    if prefix and (dropped or not text):
        raise UsageError(f"no name can begin with {prefix[:40]!r}: the model's letters are {model.alphabet}")
    if not text:
        return ""
    fitted = fit_case(model, text)
    most = _MOST_LETTERS if max_length is None else max_length
    if len(model.alphabet.encode(fitted)) > most:
        raise UsageError(f"the prefix {fitted[:40]!r} is longer than the max length of {most:,}")
    return fitted


def fit_case(model: Model, text: str) -> str:
    """Bring the letters that a name begins with, at least one, into the case of the model's training names.

    With capitalised training names ``anna`` and ``ANNA`` become ``Anna``, and ``McDuff`` stays. What would leave the
    model's alphabet stays as it is.
    """
    match model.casing:
        case "lower":
            cased = text.lower()
        case "upper":
            cased = text.upper()
        case "capitalised":
            shouted = len(text) > 1 and text.isalpha() and text.isupper()
            cased = text.capitalize() if shouted else text[0].upper() + text[1:]
        case _:
            cased = text
    return cased if cased == text or model.alphabet.has(cased) else text


def _blocks(
    sampler: _Sampler, category: int | None, prefixes: Iterator[str], count: int, at_once: int
) -> Iterator[Block]:
    """Go through the prefixes, with ``count`` names for each: many prefixes to a block, or many blocks to a prefix."""
    number, size = 0, _FIRST_BLOCK
    while some := list(islice(prefixes, max(1, at_once // max(1, count)))):
        done, total = 0, len(some) * count
        most = max(1, _BLOCK_LETTERS // sampler.limit(max(map(len, some))))
        while done < total:
            names = np.arange(done, min(done + min(size, most), total))
            yield sampler.block(category, some, names // count, number + names)
            done, size = done + len(names), BLOCK
        number += total


class _Sampler:
    """Draws names from one model in one way, each by its number."""

    def __init__(self, model: Model, config: SamplingConfig, seed: int) -> None:
        self._model, self._config, self._seed = model, config, seed
        self._steppers = steppers(model)
        self._sources: dict[int, Source] = {}

    def block(self, category: int | None, prefixes: Sequence[str], prefix_of: Integers, numbers: Integers) -> Block:
        """Draw names, of one category or each of any.

        Args:
            category: the category.
            prefixes: what names begin with.
            prefix_of: which of these each name begins with, (names,).
            numbers: the numbers of the names, (names,).
        """
        model, encoded = self._model, [self._model.alphabet.encode(prefix) for prefix in prefixes]
        if category is not None:
            category_of = np.full(len(numbers), category)
            spelling = self._names(category, encoded, prefix_of, numbers)
        else:
            chances = uniforms(streams_of(self._seed, 0, numbers), CATEGORY)
            category_of = (chances * len(model.categories)).astype(np.int64)
            spelling = Spelling.unended(len(numbers))
            for index in np.unique(category_of).tolist():
                names = np.flatnonzero(category_of == index)
                spelling.put(names, self._names(index, encoded, prefix_of[names], numbers[names]))
        return Block(model.alphabet.spell_lines(spelling.letters, spelling.lengths), model.categories, category_of)

    def _names(self, category: int, prefixes: Sequence[Integers], prefix_of: Integers, numbers: Integers) -> Spelling:
        """Draw names of one category until they are well-formed and have ended in time.

        That is the distribution of names given that they are both. A name is what the first of its attempts that
        succeeds gives. An attempt has random numbers of its own, so it does not matter how many are made at once.
        """
        spelling = self._attempt(category, prefixes, prefix_of, streams_of(self._seed, 0, numbers))
        missing = np.flatnonzero(~self._accepted(spelling))
        made, each, fruitless = 1, 1, 0
        while len(missing):
            each = max(1, min(2 * each, _MOST_ATTEMPTS // len(missing)))
            streams = [streams_of(self._seed, attempt, numbers[missing]) for attempt in range(made, made + each)]
            made += each
            attempts = self._attempt(category, prefixes, np.tile(prefix_of[missing], each), np.concatenate(streams))
            accepted = self._accepted(attempts).reshape(each, len(missing))
            found = np.flatnonzero(accepted.any(axis=0))
            spelling.put(missing[found], attempts.of(accepted.argmax(axis=0)[found] * len(missing) + found))
            missing = np.delete(missing, found)
            fruitless = 0 if len(found) else fruitless + 1
            if fruitless == _FRUITLESS_ROUNDS:
                limit = self.limit(len(prefixes[prefix_of[missing[0]]]))
                raise NamegenError(
                    f"the model hardly ever ends a well-formed name within {limit:,} letters; "
                    + ("allow more with --max-length" if limit < _MOST_LETTERS else "train it for longer")
                )
        return spelling

    def _attempt(self, category: int, prefixes: Sequence[Integers], prefix_of: Integers, streams: Streams) -> Spelling:
        """Draw a name for each stream: few one beside the other, many as trees."""
        source = self._source(category)
        limits = np.array([self.limit(len(prefix)) for prefix in prefixes])
        if len(streams) <= _APART * len(prefixes):
            return draw_apart(source, [prefixes[index] for index in prefix_of], limits[prefix_of], streams)
        if len(prefixes) == 1:
            return grow_tree(source, prefixes[0], int(limits[0]), streams)
        spelling = Spelling.unended(len(streams))
        for index in np.unique(prefix_of).tolist():
            names = np.flatnonzero(prefix_of == index)
            spelling.put(names, grow_tree(source, prefixes[index], int(limits[index]), streams[names]))
        return spelling

    def _accepted(self, spelling: Spelling) -> NDArray[np.bool_]:
        """Return which names have ended in time and are such as a list of names can have, (names,).

        No list has an empty name, or one with blanks at its ends or two in a row; but a greedy model has its way.
        """
        letters, lengths = spelling.letters, spelling.lengths
        accepted: NDArray[np.bool_] = lengths != UNENDED
        if self._config.greedy:
            return accepted
        accepted &= lengths > 0
        alphabet = self._model.alphabet
        if " " in alphabet:
            blank = letters == alphabet.letters.index(" ")
            names = np.flatnonzero(accepted & blank.any(axis=1))
            blank, lengths = blank[names], lengths[names]
            blank &= np.arange(blank.shape[1]) < lengths[:, None]
            at_an_end = blank[:, 0] | blank[np.arange(len(names)), lengths - 1]
            accepted[names] = ~(at_an_end | (blank[:, 1:] & blank[:, :-1]).any(axis=1))
        return accepted

    def limit(self, given: int) -> int:
        """Return the most letters of a name whose prefix has ``given`` letters."""
        if self._config.max_length is not None:
            return self._config.max_length
        further = _FURTHER_LETTERS if self._config.greedy else max(_FURTHER_LETTERS, 2 * self._model.longest)
        return min(given + further, _MOST_LETTERS)

    def _source(self, category: int) -> Source:
        """Return what names of a category are drawn from."""
        if category not in self._sources:
            if len(self._sources) == _MOST_SOURCES:
                self._sources.clear()
            self._sources[category] = Source.of(self._model, self._steppers(category), category, self._config)
        return self._sources[category]

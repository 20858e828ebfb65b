"""Drawing names from a model.

Many names share their beginnings, so they are not drawn one by one. For a category and a prefix the sampler keeps a
tree of the distinct beginnings so far, each with the *number* of names that begin so. One step of the network for each
beginning gives the distribution of its next letter; one multinomial draw deals its number out among the letters. That
is exactly the distribution of as many separate draws, at a cost of one network step for each distinct beginning.

Names are drawn in blocks of at most 65,536, each with a random generator of its own made from the seed and the block's
number, and come in random order within the block; so what has come so far is itself a fair sample, and memory is
bounded.
"""

from __future__ import annotations

import difflib
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from namegen.errors import NamegenError, UsageError
from namegen.inference import Stepper, stepper

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from namegen.modelfile import Model
    from namegen.recipes import SamplingConfig

    Floats = NDArray[np.float64]
    Integers = NDArray[np.integer]

BLOCK = 65_536
"""The most names that share a random generator."""

_ROWS = 4096  # network rows at a time: few enough for the processor's cache, many enough to keep it busy
_FURTHER_LETTERS = 20  # the tutorial's limit, past the prefix
_MOST_ATTEMPTS = 8192  # to a round of drawing overlong names again
_FRUITLESS_ROUNDS = 20  # in a row, after which a model is taken to be unable to end a name in time


class Draw(NamedTuple):
    """An invented name and its category."""

    category: str
    name: str


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
        UsageError: no such category, or a prefix that cannot be used.
        NamegenError: the model does not end its names within the length allowed.
    """
    return [draw.name for draw in iterate(model, category, prefixes, count=count, config=config, seed=seed, **parts)]


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
    if count < 0:
        raise UsageError(f"count must be at least 0, not {count}")
    if seed is not None and seed < 0:
        raise UsageError(f"seed must be at least 0, not {seed}")
    chosen = None if category is None else find_category(model, category)
    config = replace(config or model.sampling, **parts)
    if isinstance(prefixes, str):
        prefixes = unicodedata.normalize("NFC", prefixes)
    fitted: Iterable[str] = (fit_prefix(model, prefix, config.max_length) for prefix in prefixes)
    if isinstance(prefixes, Sequence):
        fitted = list(fitted)
    seed = secrets.randbits(63) if seed is None else seed
    return _draws(_Sampler(model, config), chosen, fitted, count, seed)


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
        UsageError: no name can begin like this, or it is longer than a name may be.
    """
    text, dropped = model.alphabet.transliterate(prefix)
    if text and prefix[-1] == " " and " " in model.alphabet:
        text += " "  # "van " is another prefix than "van"
    if prefix and (dropped or not text):
        raise UsageError(
            f"no name can begin with {prefix[:40]!r}: the model's letters are {' '.join(model.alphabet.letters)}"
        )
    if not text:
        return ""
    if max_length is not None and len(text) > max_length:
        raise UsageError(f"the prefix {text[:40]!r} is longer than the max length of {max_length}")
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
    return cased if model.alphabet.has(cased) else text


def _draws(sampler: _Sampler, category: int | None, prefixes: Iterable[str], count: int, seed: int) -> Iterator[Draw]:
    """Go through the blocks: for each prefix its count of names, at most ``BLOCK`` at a time."""
    number = 0
    for prefix in prefixes:
        for begin in range(0, count, BLOCK):
            rng = np.random.default_rng([seed, number])
            yield from sampler.block(category, prefix, min(BLOCK, count - begin), rng)
            number += 1


class _Sampler:
    """Draws blocks of names from one model in one way."""

    def __init__(self, model: Model, config: SamplingConfig) -> None:
        self._model, self._config = model, config
        self._steppers: dict[int, Stepper] = {}

    def block(self, category: int | None, prefix: str, count: int, rng: np.random.Generator) -> list[Draw]:
        """Draw names of one category, or of as many as uniform chance says, in random order."""
        categories = self._model.categories
        if category is None:
            shares = rng.multinomial(count, np.full(len(categories), 1 / len(categories)))
        else:
            shares = np.bincount([category], weights=[count], minlength=len(categories)).astype(np.int64)
        draws: list[Draw] = []
        for index in np.flatnonzero(shares):
            for name, times in self._names(int(index), prefix, int(shares[index]), rng):
                draws += [Draw(categories[index], name)] * times
        return [draws[i] for i in rng.permutation(len(draws))]

    def _names(self, category: int, prefix: str, count: int, rng: np.random.Generator) -> Iterator[tuple[str, int]]:
        """Draw names of one category: distinct names, each with how often it was drawn.

        Names that are too long or malformed count as not drawn, and others are drawn in their place, which is the
        distribution of names given that they are neither. From a round of more attempts than are needed a random part
        is taken.
        """
        attempts, fruitless = count, 0
        while fruitless < _FRUITLESS_ROUNDS:
            names, times = self._round(category, prefix, attempts, rng)
            if times.sum() > count:
                times = rng.multivariate_hypergeometric(times, count, method="marginals")
            yield from zip(names, times.tolist(), strict=True)
            count -= int(times.sum())
            if not count:
                return
            fruitless = 0 if len(names) else fruitless + 1
            attempts = max(count, min(2 * attempts, _MOST_ATTEMPTS))
        raise NamegenError(
            f"the model hardly ever ends a name within {self._limit(len(prefix))} letters; allow more with --max-length"
        )

    def _limit(self, given: int) -> int:
        """The most letters that a name may have of which so many are given."""
        if self._config.max_length is not None:
            return self._config.max_length
        return given + (_FURTHER_LETTERS if self._config.greedy else max(_FURTHER_LETTERS, 2 * self._model.longest))

    def _roots(
        self, category: int, prefix: str, count: int, rng: np.random.Generator
    ) -> tuple[Integers, Integers, NDArray[np.int64]]:
        """Return where the tree begins.

        That is one root, the prefix; or where there is none and the network cannot choose a first letter, a root for
        each first letter, drawn as often as the category's training names begin with it.

        Returns:
            The beginnings, (roots, length); the index that each has yet to be read, (roots,); the counts, (roots,).
        """
        alphabet, sos = self._model.alphabet, self._model.training.sos
        if prefix or sos:
            letters = alphabet.encode(prefix)
            return letters[None], letters[-1:] if prefix else np.array([alphabet.edge]), np.array([count])
        begins = self._model.first_letter_counts[category]
        counts = rng.multinomial(count, begins / begins.sum())
        letters = np.flatnonzero(counts)
        return letters[:, None], letters, counts[letters]

    def _round(
        self, category: int, prefix: str, count: int, rng: np.random.Generator
    ) -> tuple[list[str], NDArray[np.int64]]:
        """Grow the tree of ``count`` names level by level.

        Returns:
            The distinct well-formed names that ended in time, and how often each was drawn, (names,).
        """
        alphabet, config = self._model.alphabet, self._config
        if category not in self._steppers:
            self._steppers[category] = stepper(self._model, category)
        network = self._steppers[category]
        beginnings, last, counts = self._roots(category, prefix, count, rng)
        hidden = network.start()
        read = beginnings[0, :-1]  # all roots have the same letters but for the last
        if self._model.training.sos and beginnings.shape[1]:
            read = np.concatenate([[alphabet.edge], read])
        for letter in read:
            _, hidden = network.step(np.array([letter]), hidden)
        hidden = np.repeat(hidden, len(counts), axis=0)
        names: list[str] = []
        times: list[NDArray[np.int64]] = []
        limit = self._limit(beginnings.shape[1])
        while len(counts):
            at_limit = beginnings.shape[1] == limit
            if at_limit and config.greedy:  # cut, as the tutorial does
                names += _spell(alphabet.letters, beginnings)
                times.append(counts)
                break
            logits, hidden = _step(network, last, hidden)
            row, letter, chosen = choose(logits, counts, config, rng)
            ends = letter == alphabet.edge
            names += _spell(alphabet.letters, beginnings[row[ends]])
            times.append(chosen[ends])
            if at_limit:
                break
            row, last, counts = row[~ends], letter[~ends], chosen[~ends]
            beginnings = np.concatenate([beginnings[row], last[:, None]], axis=1)
            hidden = hidden[row]
        all_times = np.concatenate(times)
        if config.greedy:
            return names, all_times
        # No list of names has an empty one, or one with blanks at its ends or two in a row: they are drawn again too.
        well_formed = [bool(name) and name == " ".join(name.split()) for name in names]
        return list(compress(names, well_formed)), all_times[well_formed]


def _step(
    network: Stepper, letters: Integers, hidden: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Step the network for any number of rows, in chunks that fit the processor's cache."""
    if len(letters) <= _ROWS:
        return network.step(letters, hidden)
    chunks = [network.step(letters[i : i + _ROWS], hidden[i : i + _ROWS]) for i in range(0, len(letters), _ROWS)]
    return np.concatenate([logits for logits, _ in chunks]), np.concatenate([after for _, after in chunks])


def _spell(letters: tuple[str, ...], beginnings: Integers) -> list[str]:
    return ["".join([letters[index] for index in row]) for row in beginnings.tolist()]


def choose(
    logits: NDArray[np.float32], numbers: NDArray[np.int64], config: SamplingConfig, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Choose next letters for many names at once.

    Args:
        logits: the network's outputs for each distinct beginning, (rows, outputs).
        numbers: how many names begin so, (rows,), all positive.
        config: how to choose.
        rng: where chance comes from.

    Returns:
        Three arrays side by side: a row, an output, and how many of the row's names chose it, all positive; ordered by
        row, then output.
    """
    if config.greedy and not config.dropout:
        return np.arange(len(logits)), logits.argmax(axis=1), numbers
    if config.dropout and not config.greedy:
        # Every name has a dropout mask of its own, so the names of a row part here.
        owner = np.repeat(np.arange(len(numbers)), numbers)
        keep = rng.random((len(owner), logits.shape[1]), dtype=np.float32) >= config.dropout
        masked = np.where(keep, logits[owner] / np.float32(1 - config.dropout), np.float32(0))
        each = _draw_one(probabilities(masked, config), rng)
        pairs, number = np.unique(owner * logits.shape[1] + each, return_counts=True)
        return pairs // logits.shape[1], pairs % logits.shape[1], number
    likely = greedy_probabilities(logits, config.dropout) if config.greedy else probabilities(logits, config)
    single = numbers == 1
    counts = np.zeros(likely.shape, dtype=np.int64)
    counts[np.flatnonzero(single), _draw_one(likely[single], rng)] = 1
    counts[~single] = rng.multinomial(numbers[~single], likely[~single])
    strays = np.where(likely > 0, 0, counts)  # numpy gives what rounding leaves over to the last output
    if strays.any():
        counts -= strays
        counts[np.arange(len(counts)), likely.argmax(axis=1)] += strays.sum(axis=1)
    row, output = np.nonzero(counts)
    return row, output, counts[row, output]


def _draw_one(likely: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw one output for each row of probabilities, (rows, outputs), by inverting the cumulative distribution."""
    reached = np.cumsum(likely, axis=1)
    # Never a point at or past the sum, which rounding may put below 1; an output of probability 0 is never met.
    points = rng.random(len(likely))[:, None] * reached[:, -1:]
    drawn: NDArray[np.int64] = np.minimum((reached <= points).sum(axis=1), likely.shape[1] - 1)
    return drawn


def probabilities(logits: NDArray[np.float32], config: SamplingConfig) -> Floats:
    """Return the probability of each output: softmax at a temperature, cut to the top k, then to the top p.

    Args:
        logits: (rows, outputs).
        config: temperature (more than 0), top_k and top_p.

    Returns:
        Rows that add up to 1, (rows, outputs) float64. Of equals at the edge of a cut the first stay.
    """
    scaled = logits.astype(np.float64)
    scaled -= scaled.max(axis=1, keepdims=True)
    scaled /= config.temperature
    likely: Floats = np.exp(scaled)
    if config.top_k is not None or config.top_p is not None:
        order = np.argsort(-likely, axis=1, kind="stable")
        ranked = np.take_along_axis(likely, order, axis=1)
        if config.top_k is not None:
            ranked[:, config.top_k :] = 0
        if config.top_p is not None:
            ranked /= ranked.sum(axis=1, keepdims=True)
            before = np.cumsum(ranked, axis=1) - ranked
            ranked[before >= config.top_p] = 0
        np.put_along_axis(likely, order, ranked, axis=1)
    likely /= likely.sum(axis=1, keepdims=True)
    return likely


def greedy_probabilities(logits: NDArray[np.float32], dropout: float) -> Floats:
    """Return the probability that each output is the largest after dropout, of equals the first.

    Dropout sets each output to 0 with probability p, independently. A positive output wins if it stays and all larger
    ones (and earlier equals) go. If all the positive ones have gone, then the first output that is 0 wins: one that
    went, or that was 0 before. If there is none such, which takes that none was positive, the largest wins.

    Args:
        logits: (rows, outputs).
        dropout: p.

    Returns:
        (rows, outputs) float64.
    """
    rows, outputs = logits.shape
    positive, zero = logits > 0, logits == 0
    likely: Floats = np.zeros((rows, outputs))
    order = np.argsort(-logits, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(outputs), order.shape), axis=1)
    likely[positive] = (1 - dropout) * dropout ** rank[positive]
    all_gone = dropout ** positive.sum(axis=1)
    # Given that: the chance that an output is 0 is 1 if it was positive or 0, else p; the first such wins.
    is_zero = np.where(positive | zero, 1.0, dropout)
    none_before = np.cumprod(1 - is_zero, axis=1)
    none_before = np.concatenate([np.ones((rows, 1)), none_before], axis=1)
    likely += all_gone[:, None] * is_zero * none_before[:, :-1]
    likely[np.arange(rows), order[:, 0]] += all_gone * none_before[:, -1]
    likely /= likely.sum(axis=1, keepdims=True)
    return likely

"""How good a model is: how well it predicts names that it has not seen, and what the names are like that it draws.

The loss counts every letter from the second one to EOS, given the category and the letters before, so that networks
with and without a start-of-sequence token can be compared.

Of names that were drawn it is told how many are novel, how many are distinct, how long they are, and whether a judge
that is not the model takes them for names of their category. The judge is an n-gram of order 3 on the training names.
All categories are equally probable to it, and it decides for the one that gives a name the highest probability.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen._validate import check_int
from namegen.datasets.dataset import hash_names
from namegen.datasets.encoding import EncodedNames
from namegen.errors import DataError, NamegenError
from namegen.models.inference import Source, build_steppers
from namegen.models.ngram import NGram
from namegen.models.scoring import score_names
from namegen.sampling.generate import blocks
from namegen.sampling.settings import override_sampling

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from namegen.config import SamplingConfig
    from namegen.datasets.dataset import Dataset
    from namegen.models.model import Model
    from namegen.sampling.results import NameBlock


_NAMES_AT_A_TIME = 2**16  # bounds the memory


_MAX_DRAWN = 10**6  # for each category, whose distinct names are kept in memory


@dataclass(frozen=True, eq=False)
class Likelihood:
    """How well names are predicted, by category.

    Attributes:
        categories: the categories that have names.
        nats: the negative log-likelihood of all letters of each category, (categories,) float64.
        letters: the number of these letters, (categories,) int64.
    """

    categories: tuple[str, ...]
    nats: NDArray[np.float64]
    letters: NDArray[np.int64]

    @property
    def by_category(self) -> dict[str, float]:
        """The loss of each category, in nats per letter."""
        return dict(zip(self.categories, (self.nats / self.letters).tolist(), strict=True))

    @property
    def macro(self) -> float:
        """The mean of the categories' losses."""
        return float((self.nats / self.letters).mean())

    @property
    def micro(self) -> float:
        """The mean over all letters."""
        return float(self.nats.sum() / self.letters.sum())


def likelihood(model: Model, dataset: Dataset) -> Likelihood:
    """Measure the loss of a model on names.

    Args:
        model: the model; its alphabet must be the dataset's.
        dataset: the names; all their categories must be the model's.

    Raises:
        DataError: the categories or alphabets differ.
    """
    _check(model, dataset)
    prepared, nats, letters = build_steppers(model), [], []
    for index, category in enumerate(dataset.categories):
        own = model.categories.index(category)
        of_category = dataset.select(dataset.category_of == index)
        nats.append(_nats(Source.of(model, prepared(own), own), of_category))
        letters.append(len(of_category.letters))
    has_names = np.array(letters) > 0
    return Likelihood(
        tuple(c for c, has in zip(dataset.categories, has_names, strict=True) if has),
        np.array(nats)[has_names],
        np.array(letters)[has_names],
    )


def _nats(source: Source, names: Dataset) -> float:
    """Return the negative log-likelihood of names of one category, from the second letter on."""
    total = 0.0
    for begin in range(0, len(names), _NAMES_AT_A_TIME):
        offsets = names.offsets[begin : begin + _NAMES_AT_A_TIME + 1]
        spelling = EncodedNames.from_flat(names.letters[offsets[0] : offsets[-1]], np.diff(offsets))
        total -= float(score_names(source, spelling).rest.sum())
    return total


def perplexity_of(loss: float | None) -> float | None:
    """Return how many letters a uniform choice would be among: exp of the loss, ``None`` if that is not known."""
    return None if loss is None else float(np.exp(loss))


@dataclass(frozen=True)
class CategoryEvaluation:
    """How good a model is in one category; ``None`` stands for what could not be measured.

    Attributes:
        names: how many names were scored.
        loss: in nats per letter.
        novel: the share of the drawn names that are not among the training names of any category.
        unique: the number of distinct drawn names, as a share of all drawn ones.
        right: the share of the drawn names that the judge takes for names of this category.
        length: the mean number of letters of the drawn names.
        data_length: that of the names in the data.
    """

    names: int
    loss: float | None
    novel: float | None
    unique: float | None
    right: float | None
    length: float | None
    data_length: float

    @property
    def perplexity(self) -> float | None:
        """That of the loss, as :func:`perplexity_of` has it."""
        return perplexity_of(self.loss)


@dataclass(frozen=True)
class Evaluation:
    """How good a model is; ``None`` stands for what could not be measured.

    Attributes:
        categories: by category; those of the data that have names.
        macro: the mean of the categories' losses, in nats per letter.
        micro: the mean loss over all letters.
        names: how many names were scored.
        data_names: how many names the data have.
        drawn: how many names were drawn for each category.
        notes: why something could not be measured, and what to do.
    """

    categories: dict[str, CategoryEvaluation]
    macro: float | None
    micro: float | None
    names: int
    data_names: int
    drawn: int
    notes: tuple[str, ...] = ()

    @property
    def novel(self) -> float | None:
        """The share of novel names, the mean over the categories."""
        return self._mean("novel")

    @property
    def unique(self) -> float | None:
        """The share of distinct names, the mean over the categories."""
        return self._mean("unique")

    @property
    def right(self) -> float | None:
        """The share of names that the judge takes for names of their category, the mean over the categories."""
        return self._mean("right")

    @property
    def length(self) -> float | None:
        """The length of the drawn names, the mean over the categories."""
        return self._mean("length")

    @property
    def data_length(self) -> float | None:
        """The length of the names in the data, the mean over the categories."""
        return self._mean("data_length")

    def _mean(self, figure: str) -> float | None:
        values = [getattr(category, figure) for category in self.categories.values()]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known else None

    def as_dict(self) -> dict[str, Any]:
        """Return all figures as JSON has them."""
        shared = ("novel", "unique", "right", "length", "data_length")
        return {
            "macro": self.macro,
            "micro": self.micro,
            "perplexity": {"macro": perplexity_of(self.macro), "micro": perplexity_of(self.micro)},
            "names": self.names,
            "data_names": self.data_names,
            "drawn": self.drawn,
            **{figure: getattr(self, figure) for figure in shared},
            "categories": {
                category: {
                    "names": figures.names,
                    "loss": figures.loss,
                    "perplexity": figures.perplexity,
                    **{figure: getattr(figures, figure) for figure in shared},
                }
                for category, figures in self.categories.items()
            },
            "notes": list(self.notes),
        }


def evaluate(
    model: Model,
    dataset: Dataset,
    *,
    count: int = 1000,
    seed: int = 1,
    everything: bool = False,
    config: SamplingConfig | None = None,
    **parts: Any,  # noqa: ANN401 - the fields of SamplingConfig
) -> Evaluation:
    """Measure how good a model is.

    >>> namegen.evaluate(model, namegen.open_dataset("surnames")).macro     # doctest: +SKIP
    1.83

    Args:
        model: the model; its training must have finished.
        dataset: names, as they are: of the categories that are to be measured, and with the model's alphabet. Those
            that the model was trained on, which it knows by their hashes, teach the judge; the others are scored.
        count: how many names to draw for each category, up to 1,000,000; none with 0.
        seed: where the randomness of these begins; that of a category's is ``seed + (index << 64)``.
        everything: score all names, those that the model was trained on too.
        config: how to draw names; by default the model's own way.
        parts: parts of that to replace, as ``temperature=0.5``.

    Raises:
        UsageError: the count, seed or a setting is out of range.
        DataError: the categories or alphabets differ.
        NamegenError: the training has not finished, or names cannot be drawn.
    """
    count, seed = check_int("count", count, 0, _MAX_DRAWN), check_int("seed", seed, 0, None)
    config = override_sampling(config or model.sampling, parts)
    _check(model, dataset)
    if not len(model.name_hashes):
        raise NamegenError(
            "the model does not tell which names it was trained on, for its training has not finished; "
            "finish it with `namegen train --resume`"
        )
    dataset = dataset.in_case(model.casing)  # as training that adds to a model does
    known = np.isin(dataset.hashes, model.name_hashes)
    scored = dataset if everything else dataset.select(~known)
    trained_on = dataset.select(known)
    notes, measured, judge = [], None, None
    if len(scored):
        measured = likelihood(model, scored)
    else:
        notes.append(
            f"no loss: the model was trained on all names of {dataset.label}; "
            "give others with --data, or score these with --all"
        )
    if np.count_nonzero(trained_on.counts) > 1:
        judge = _Judge(trained_on)
    elif count:
        which = "names of one category only" if len(trained_on) else "no names"
        notes.append(f"no judge: in {dataset.label} are {which} that the model was trained on")
    categories = {}
    for index, category in enumerate(dataset.categories):
        if dataset.counts[index]:
            own_seed = seed + (index << 64)  # with one for all, their names would be drawn by the same numbers
            drawn = _SampleStatistics(model, blocks(model, category, count=count, seed=own_seed, config=config))
            categories[category] = CategoryEvaluation(
                names=int(scored.counts[index]),
                loss=measured.by_category.get(category) if measured else None,
                novel=drawn.mean(~np.isin(drawn.hashes, model.name_hashes)),
                unique=drawn.mean(1 / drawn.counts),
                right=drawn.mean(judge.decide(drawn) == index) if judge and trained_on.counts[index] else None,
                length=drawn.mean(drawn.lengths),
                data_length=float(dataset.lengths[dataset.category_of == index].mean()),
            )
    return Evaluation(
        categories=categories,
        macro=measured.macro if measured else None,
        micro=measured.micro if measured else None,
        names=len(scored),
        data_names=len(dataset),
        drawn=count,
        notes=tuple(notes),
    )


class _SampleStatistics:
    """The distinct names among some that were drawn.

    Attributes:
        counts: how often each was drawn, (names,).
        hashes: their hashes, (names,).
        letters: their letters, one name after the other, (letters,).
        lengths: the number of letters of each, (names,).
    """

    def __init__(self, model: Model, drawn: Iterable[NameBlock]) -> None:
        times = Counter[str]()
        for block in drawn:
            times.update(block.names)
        lines = [name.encode() for name in times]
        self.counts = np.array(list(times.values()), dtype=np.int64)
        self.hashes = hash_names(lines)
        self.letters, self.lengths = model.alphabet.encode_lines(b"".join(line + b"\n" for line in lines))

    def mean(self, values: NDArray[Any]) -> float | None:
        """Return the mean of what each distinct name has, (names,), over all drawn ones; ``None`` if none were."""
        return float(np.average(values, weights=self.counts)) if len(values) else None


class _Judge:
    """Tells which category a name is of."""

    def __init__(self, trained_on: Dataset) -> None:
        self._ngram = NGram.fit(trained_on, order=3)
        self._has_names = trained_on.counts > 0

    def decide(self, drawn: _SampleStatistics) -> NDArray[np.int64]:
        """Return the index of the category that each distinct name is most probable in, (names,)."""
        likely = self._ngram.log_probabilities(drawn.letters, drawn.lengths)
        decided: NDArray[np.int64] = np.where(self._has_names, likely, -np.inf).argmax(axis=1)
        return decided


def _check(model: Model, dataset: Dataset) -> None:
    unknown = [category for category in dataset.categories if category not in model.categories]
    if unknown or dataset.alphabet != model.alphabet:
        what = f"the category {unknown[0]!r}" if unknown else "this alphabet"
        raise DataError(f"the model does not know {what}; give names of the kind it was trained on")

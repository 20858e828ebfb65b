"""Measure the quality of a model: its loss, and how novel, diverse and typical its samples are.

The loss counts every letter from the second one to EOS, given the category and the letters before, so that networks
with and without a start-of-sequence token can be compared.

A judge that is not the model rates how typical a sample is: an n-gram of order 3 of the training names, with a uniform
prior, assigns it to the category in which it is most probable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen._tables import MAX_ROWS, build_frame, build_html, format_value
from namegen._validate import check_arguments, check_bool, check_int, describe_kind
from namegen.datasets.dataset import Dataset, hash_names
from namegen.datasets.encoding import EncodedNames
from namegen.datasets.in_memory import to_dataset
from namegen.errors import DataError, NamegenError, UsageError
from namegen.models.inference import Source, build_steppers
from namegen.models.ngram import NGram
from namegen.models.scoring import score_names
from namegen.models.store import to_model
from namegen.sampling.generate import blocks
from namegen.sampling.settings import SAMPLING_FIELDS, override_sampling

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    import pandas as pd
    from numpy.typing import NDArray

    from namegen.config import SamplingConfig
    from namegen.datasets.in_memory import Names
    from namegen.models.model import Model
    from namegen.sampling.results import NameBlock

_NAMES_AT_A_TIME = 2**16  # bounds the memory
_MAX_COUNT = 10**6  # samples of a category, whose distinct names are kept in memory
_SHARED = ("novel", "unique", "right", "length", "data_length")  # figures of a category and their means


@dataclass(frozen=True, eq=False)
class Likelihood:
    """The loss of a model by category.

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
    """Measure the loss of a model on names of its categories, in its alphabet.

    Raises:
        DataError: the categories or alphabets differ.
    """
    _check_compatible(model, dataset)
    steppers = build_steppers(model)
    nats, letters = np.zeros(len(dataset.categories)), np.zeros(len(dataset.categories), dtype=np.int64)
    for index, category in enumerate(dataset.categories):
        own = model.categories.index(category)
        source, names = Source.of(model, steppers(own), own), dataset.select(dataset.category_of == index)
        for begin in range(0, len(names), _NAMES_AT_A_TIME):
            offsets = names.offsets[begin : begin + _NAMES_AT_A_TIME + 1]
            encoded = EncodedNames.from_flat(names.letters[offsets[0] : offsets[-1]], np.diff(offsets))
            nats[index] -= float(score_names(source, encoded).rest.sum())
        letters[index] = len(names.letters)
    measured = letters > 0
    categories = tuple(np.array(dataset.categories, dtype=object)[measured])
    return Likelihood(categories, nats[measured], letters[measured])


def perplexity_of(loss: float | None) -> float | None:
    """Return exp of a loss; ``None`` if the loss is ``None``."""
    return None if loss is None else float(np.exp(loss))


@dataclass(frozen=True)
class CategoryEvaluation:
    """The quality of a model in one category; ``None`` for what could not be measured.

    Attributes:
        names: the number of names scored.
        loss: in nats per letter.
        novel: the share of sampled names that are not training names of any category.
        unique: the number of distinct sampled names, as a share of all sampled names.
        right: the share of sampled names that the judge assigns to this category.
        length: the mean number of letters of sampled names.
        data_length: the mean number of letters of the names in the data.
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
        """Exp of the loss."""
        return perplexity_of(self.loss)


@dataclass(frozen=True, repr=False)
class Evaluation:
    """The quality of a model; ``None`` for what could not be measured.

    Attributes:
        macro: the mean of the categories' losses, in nats per letter.
        micro: the mean loss over all letters.
        names: the number of names scored.
        data_names: the number of names in the data.
        drawn: the number of names sampled for each category.
        novel: the share of sampled names that are not training names. This and the next four are means over categories.
        unique: the share of distinct names among the sampled names.
        right: the share of sampled names that the judge, an n-gram of the training names, assigns to their category.
        length: the number of letters of a sampled name.
        data_length: the number of letters of a name in the data.
        categories: the quality in each category that has names in the data.
        notes: why something could not be measured, and what to do.
    """

    macro: float | None
    micro: float | None
    names: int
    data_names: int
    drawn: int
    novel: float | None
    unique: float | None
    right: float | None
    length: float | None
    data_length: float | None
    categories: dict[str, CategoryEvaluation]
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return all figures for JSON."""
        perplexity = {"macro": perplexity_of(self.macro), "micro": perplexity_of(self.micro)}
        categories = {
            category: {"names": figures.names, "loss": figures.loss, "perplexity": figures.perplexity, **vars(figures)}
            for category, figures in self.categories.items()
        }
        head = {"macro": self.macro, "micro": self.micro, "perplexity": perplexity}
        return {**head, **vars(self), "categories": categories, "notes": list(self.notes)}

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame with a row for each category; ``nan`` for what could not be measured.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        rows = [{"perplexity": figures.perplexity, **vars(figures)} for figures in self.categories.values()]
        columns = ("names", "loss", "perplexity", *_SHARED)
        values = {name: [np.nan if row[name] is None else row[name] for row in rows] for name in columns}
        return build_frame(values, index=list(self.categories), name="category")

    def __repr__(self) -> str:
        losses = f"loss {format_value(self.macro, '.3f')} macro, {format_value(self.micro, '.3f')} micro"
        shares = ", ".join(
            f"{format_value(getattr(self, name), '.1%')} {name}" for name in ("novel", "unique", "right")
        )
        categories = "1 category" if len(self.categories) == 1 else f"{len(self.categories):,} categories"
        return f"<Evaluation of {categories}: {losses}; {shares}>"

    def _repr_html_(self) -> str:
        rows = [self._format_row("all (macro)", self, self.macro)]
        rows += [self._format_row(name, row, row.loss) for name, row in islice(self.categories.items(), 2 * MAX_ROWS)]
        head = ("category", "names", "loss", "perplexity", "novel", "unique", "right", "length", "length in the data")
        caption = "".join(f"{note[0].upper()}{note[1:]}. " for note in self.notes).strip()
        return build_html(head, rows, total=1 + len(self.categories), caption=caption)

    @staticmethod
    def _format_row(label: str, figures: CategoryEvaluation | Evaluation, loss: float | None) -> tuple[str, ...]:
        values = {
            ".3f": [loss],
            ".2f": [perplexity_of(loss)],
            ".1%": [figures.novel, figures.unique, figures.right],
            ".1f": [figures.length, figures.data_length],
        }
        cells = [format_value(value, form) for form, group in values.items() for value in group]
        return (label, f"{figures.names:,}", *cells)


@check_arguments(*SAMPLING_FIELDS)
def evaluate(
    model: Model | str | PathLike[str],
    dataset: Names,
    *,
    count: int = 1000,
    seed: int = 1,
    everything: bool = False,
    config: SamplingConfig | None = None,
    **parts: Any,  # noqa: ANN401 - the fields of SamplingConfig
) -> Evaluation:
    """Measure the quality of a model.

    >>> namegen.evaluate(model, namegen.open_dataset("surnames")).macro     # doctest: +SKIP
    1.83

    Args:
        model: the model, or its name or path; its training must have finished.
        dataset: names of the categories to measure: a dataset in the model's alphabet, lists of names by category, or
            for a model of one category a list. Names that the model was trained on,
            recognised by their hashes, train the judge (see :attr:`Evaluation.right`); the other names are scored.
        count: the number of names to sample for each category, from 0 to 1,000,000.
        seed: the random seed.
        everything: score the training names too.
        config: how to choose letters; by default the model's own configuration.
        parts: fields of the configuration to replace, such as ``temperature=0.5``.

    Raises:
        UsageError: the count, seed or a setting is out of range.
        DataError: the categories or alphabets differ.
        NamegenError: the training has not finished, or names cannot be sampled.
    """
    count, seed = check_int("count", count, 0, _MAX_COUNT), check_int("seed", seed, 0, None)
    if parts.get("floor"):
        raise UsageError("an evaluation never applies a floor; leave floor out")
    model, everything = to_model(model), check_bool("everything", everything)
    config = replace(override_sampling(model.sampling if config is None else config, parts), floor=0.0)
    if not isinstance(dataset, Dataset | Mapping) and len(model.categories) > 1:
        raise UsageError(
            "evaluate needs a dataset or lists of names by category, such as "
            f"{{{model.categories[0]!r}: [...]}}, not {describe_kind(dataset)}"
        )
    dataset = to_dataset(dataset, alphabet=model.alphabet, category=model.categories[0])
    _check_compatible(model, dataset)
    if not len(model.name_hashes):
        raise NamegenError(
            "a model whose training has not finished cannot be evaluated; finish it with `namegen train --resume`"
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
            "give other names with --data, or score these with --all"
        )
    if np.count_nonzero(trained_on.counts) > 1:
        judge = NGram.fit(trained_on, 3, "witten-bell")
    elif count:
        which = "only one category" if len(trained_on) else "no names"
        notes.append(f"no share of right names: {dataset.label} contains {which} that the model was trained on")
    categories = {}
    for index, category in enumerate(dataset.categories):
        if dataset.counts[index]:
            own_seed = seed + (index << 64)  # or all categories would use the same random numbers
            samples = _Samples(
                model, blocks(model, category, count=count, seed=own_seed, config=config, allow_offensive=True)
            )
            right = None
            if judge and trained_on.counts[index]:
                scores = judge.log_probabilities(samples.letters, samples.lengths)
                assigned = np.where(trained_on.counts > 0, scores, -np.inf).argmax(axis=1)
                right = samples.mean(assigned == index)
            categories[category] = CategoryEvaluation(
                names=int(scored.counts[index]),
                loss=measured.by_category.get(category) if measured else None,
                novel=samples.mean(~np.isin(samples.hashes, model.name_hashes)),
                unique=samples.mean(1 / samples.counts),
                right=right,
                length=samples.mean(samples.lengths),
                data_length=float(dataset.lengths[dataset.category_of == index].mean()),
            )
    means = {figure: _mean(getattr(of_category, figure) for of_category in categories.values()) for figure in _SHARED}
    return Evaluation(
        categories=categories,
        macro=measured.macro if measured else None,
        micro=measured.micro if measured else None,
        names=len(scored),
        data_names=len(dataset),
        drawn=count,
        notes=tuple(notes),
        **means,
    )


def _mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of the values that are known."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


class _Samples:
    """The distinct names among sampled ones: how often each was sampled, its hash, its letters and their number."""

    def __init__(self, model: Model, sampled: Iterable[NameBlock]) -> None:
        counter = Counter[str]()
        for block in sampled:
            counter.update(block.names)
        lines = [name.encode() for name in counter]
        self.counts = np.array(list(counter.values()), dtype=np.int64)
        self.hashes = hash_names(lines)
        self.letters, self.lengths = model.alphabet.encode_lines(b"".join(line + b"\n" for line in lines))

    def mean(self, values: NDArray[Any]) -> float | None:
        """Return the mean over all sampled names of a value for each distinct one; ``None`` if there are none."""
        return float(np.average(values, weights=self.counts)) if len(values) else None


def _check_compatible(model: Model, dataset: Dataset) -> None:
    for category in dataset.categories:
        if category not in model.categories:
            raise DataError(f"the model has no category {category!r}; give names of its categories")
    if dataset.alphabet != model.alphabet:
        raise DataError("the names are not in the model's alphabet; open them with alphabet=model.alphabet")

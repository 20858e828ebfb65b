"""Measure the quality of a model: its loss, and how novel, diverse and typical its samples are.

The loss is that of :mod:`namegen.evaluation.likelihood`.

A judge that is not the model rates how typical a sample is: an n-gram of order 3 of the training names, with a uniform
prior, assigns it to the category in which it is most probable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from namegen._tables import MAX_ROWS, build_frame, build_html, format_value
from namegen._validate import check_arguments, check_bool, check_int, describe_kind
from namegen.datasets.dataset import Dataset
from namegen.datasets.in_memory import to_dataset
from namegen.errors import NamegenError, UsageError
from namegen.evaluation.baselines import fit_baselines
from namegen.evaluation.bootstrap import Resampled
from namegen.evaluation.likelihood import perplexity_of, sum_losses
from namegen.evaluation.matching import drop_empty, join_categories, match_categories
from namegen.evaluation.samples import Samples
from namegen.evaluation.systems import ModelSystem
from namegen.models.ngram import NGram
from namegen.models.store import to_model
from namegen.sampling.settings import SAMPLING_FIELDS, override_sampling

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    import pandas as pd
    from numpy.typing import NDArray

    from namegen.config import SamplingConfig
    from namegen.datasets.in_memory import Names
    from namegen.evaluation.bootstrap import Interval
    from namegen.evaluation.systems import System
    from namegen.models.model import Model

_MAX_COUNT = 10**6  # samples of a category, whose distinct names are kept in memory
_SHARED = ("novel", "unique", "right", "length", "data_length")  # figures of a category and their means


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
        intervals: the bootstrap intervals of ``loss``, ``novel``, ``right`` and ``length``, if asked for.
    """

    names: int
    loss: float | None
    novel: float | None
    unique: float | None
    right: float | None
    length: float | None
    data_length: float
    intervals: Mapping[str, Interval] = field(default_factory=dict)

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
        intervals: the bootstrap intervals of ``macro``, ``micro``, ``novel``, ``right`` and ``length``, if asked for:
            95 % of the values in resamples of the names.
        baselines: the quality of each baseline, by name, if asked for.
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
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    baselines: Mapping[str, Evaluation] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return all figures for JSON; intervals and baselines only if they were measured."""
        perplexity = {"macro": perplexity_of(self.macro), "micro": perplexity_of(self.micro)}
        categories = {
            category: _without_empty(
                {
                    "names": figures.names,
                    "loss": figures.loss,
                    "perplexity": figures.perplexity,
                    **vars(figures),
                    "intervals": _to_lists(figures.intervals),
                }
            )
            for category, figures in self.categories.items()
        }
        parts = {
            "categories": categories,
            "notes": list(self.notes),
            "intervals": _to_lists(self.intervals),
            "baselines": {name: baseline.as_dict() for name, baseline in self.baselines.items()},
        }
        head = {"macro": self.macro, "micro": self.micro, "perplexity": perplexity}
        return _without_empty({**head, **vars(self), **parts})

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
    training: Names | None = None,
    baselines: bool = False,
    intervals: bool = False,
    config: SamplingConfig | None = None,
    **parts: Any,  # noqa: ANN401 - the fields of SamplingConfig
) -> Evaluation:
    """Measure the quality of a model.

    >>> namegen.evaluate(model, namegen.open_dataset("surnames")).macro     # doctest: +SKIP
    1.83

    Args:
        model: the model, or its name or path; its training must have finished.
        dataset: names of the categories to measure: a dataset in the model's alphabet, lists of names by category, or
            for a model of one category a list. Names that the model was trained on, recognised by their hashes, are
            not scored.
        count: the number of names to sample for each category, from 0 to 1,000,000.
        seed: the random seed.
        everything: score the training names too.
        training: the names of the training data, for the judge (see :attr:`Evaluation.right`) and the baselines; by
            default those of ``dataset``.
        baselines: also measure n-grams, with Witten and Bell's smoothing and with Kneser and Ney's, and namemaker if it
            is installed. They learn from all names of the training data that are not scored as unseen. The orders of
            the n-grams are chosen on a tenth of these names. The n-grams sample at temperature 1, unless ``parts`` has
            other settings.
        intervals: also compute bootstrap intervals.
        config: how to choose letters; by default the model's own configuration.
        parts: fields of the configuration to replace, such as ``temperature=0.5``.

    Raises:
        UsageError: the count, seed or a setting is out of range.
        DataError: the categories or alphabets differ, or a category lacks names for the baselines to learn from.
        NamegenError: the training has not finished, or names cannot be sampled.
    """
    count, seed = check_int("count", count, 0, _MAX_COUNT), check_int("seed", seed, 0, None)
    if parts.get("floor"):
        raise UsageError("an evaluation never applies a floor; leave floor out")
    model, everything = to_model(model), check_bool("everything", everything)
    config = replace(override_sampling(model.sampling if config is None else config, parts), floor=0.0)
    if not len(model.name_hashes):
        raise NamegenError(
            "a model whose training has not finished cannot be evaluated; finish it with `namegen train --resume`"
        )
    dataset, notes = _prepare_names(model, dataset)
    source = dataset
    if training is not None:
        dataset, source = join_categories(dataset, _prepare_names(model, training)[0])
    known = np.isin(dataset.hashes, model.name_hashes)
    scored = dataset if everything else dataset.select(~known)
    unseen = dataset.hashes[~known]
    if not len(scored):
        notes.append(
            f"no loss: the model was trained on all names of {dataset.label}; "
            "give other names with --data, or score these with --all"
        )
    judge = _build_judge(source.select(np.isin(source.hashes, model.name_hashes)))
    if judge is None and count and len(model.categories) > 1:
        which = "only one category" if np.isin(source.hashes, model.name_hashes).any() else "no names"
        notes.append(f"no share of right names: {source.label} contains {which} that the model was trained on")
    systems: dict[str, System] = {}
    if check_bool("baselines", baselines):
        # Only the categories that are measured, in which a baseline must have names to learn from.
        learned = source.select(~np.isin(source.hashes, unseen) & (dataset.counts > 0)[source.category_of])
        systems, more = fit_baselines(model, drop_empty(learned, dataset), parts)
        notes += more
    measure = partial(
        _measure,
        dataset=dataset,
        scored=scored,
        judge=judge,
        known=model.name_hashes,
        count=count,
        seed=seed,
        intervals=check_bool("intervals", intervals),
    )
    own = measure(ModelSystem(model, config))
    return replace(own, notes=tuple(notes), baselines={name: measure(system) for name, system in systems.items()})


def _prepare_names(model: Model, names: Names) -> tuple[Dataset, list[str]]:
    """Return names as a dataset of the model's categories in its case, and notes."""
    if not isinstance(names, Dataset | Mapping) and len(model.categories) > 1:
        raise UsageError(
            "evaluate needs a dataset or lists of names by category, such as "
            f"{{{model.categories[0]!r}: [...]}}, not {describe_kind(names)}"
        )
    dataset, notes = match_categories(model, to_dataset(names, alphabet=model.alphabet, category=model.categories[0]))
    return dataset.in_case(model.casing), notes  # as training that adds to a model does


class _Judge(NamedTuple):
    """An n-gram that assigns names to the categories that it was trained on."""

    ngram: NGram
    has_names: NDArray[np.bool_]

    def assign(self, samples: Samples) -> NDArray[np.int64]:
        """Return the index of the category of each distinct name, (distinct names,)."""
        scores = self.ngram.log_probabilities(samples.letters, samples.lengths)
        assigned: NDArray[np.int64] = np.where(self.has_names, scores, -np.inf).argmax(axis=1)
        return assigned


def _build_judge(trained_on: Dataset) -> _Judge | None:
    """Return the judge, or ``None`` if there are not several categories."""
    if np.count_nonzero(trained_on.counts) < 2:
        return None
    return _Judge(NGram.fit(trained_on, 3, "witten-bell"), trained_on.counts > 0)


def _measure(
    system: System,
    *,
    dataset: Dataset,
    scored: Dataset,
    judge: _Judge | None,
    known: NDArray[np.uint64],
    count: int,
    seed: int,
    intervals: bool,
) -> Evaluation:
    """Measure one system.

    Args:
        system: the system.
        dataset: all names of the data.
        scored: the names to score.
        judge: the judge, if there is one.
        known: the hashes of the training names, sorted.
        count: the number of names to sample for each category.
        seed: the random seed.
        intervals: whether to compute intervals.
    """
    nats = system.score(scored) if len(scored) else None
    measured = None if nats is None else sum_losses(scored, nats)
    resampled = Resampled(seed) if intervals else None
    if resampled and nats is not None:
        resampled.add_losses(scored, nats)
    categories = {}
    for index in np.flatnonzero(dataset.counts).tolist():
        category = dataset.categories[index]
        own_seed = seed + (index << 64)  # or all categories would use the same random numbers
        samples = Samples(dataset.alphabet, system.sample(category, count, own_seed) if count else ())
        figures = CategoryEvaluation(
            names=int(scored.counts[index]),
            loss=measured.by_category.get(category) if measured else None,
            novel=samples.mean(~np.isin(samples.hashes, known)),
            unique=len(samples.counts) / count if count else None,
            right=samples.mean(judge.assign(samples) == index) if judge and judge.has_names[index] else None,
            length=samples.mean(samples.lengths),
            data_length=float(dataset.lengths[dataset.category_of == index].mean()),
        )
        if resampled:
            resampled.add_samples(category, samples, figures.novel, figures.right)
            figures = replace(figures, intervals=resampled.of_category(category))
        categories[category] = figures
    means: dict[str, Any] = {
        figure: _mean(getattr(of_category, figure) for of_category in categories.values()) for figure in _SHARED
    }
    return Evaluation(
        categories=categories,
        macro=measured.macro if measured else None,
        micro=measured.micro if measured else None,
        names=len(scored),
        data_names=len(dataset),
        drawn=count,
        intervals=resampled.of_all() if resampled else {},
        **means,
    )


def _to_lists(intervals: Mapping[str, Interval]) -> dict[str, list[float]]:
    return {name: list(interval) for name, interval in intervals.items()}


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in ("intervals", "baselines") or value}


def _mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of the values that are known."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None

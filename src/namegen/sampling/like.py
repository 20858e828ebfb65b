"""Generate names in the style of a list, without training."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from namegen._validate import check_arguments
from namegen.datasets.in_memory import to_dataset
from namegen.models.categories import find_blend
from namegen.models.extension import find_names_alphabet
from namegen.models.inference import to_shares
from namegen.models.store import PRETRAINED, to_model
from namegen.models.style import build_style
from namegen.sampling.generate import sample
from namegen.sampling.settings import FILTER_FIELDS, SAMPLING_FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from namegen.config import SamplingConfig
    from namegen.datasets.in_memory import Names
    from namegen.models.model import Model
    from namegen.sampling.name_filters import Filters

MIN_NAMES = 20
"""The number of names below which a list hardly shows its style."""


@check_arguments(*SAMPLING_FIELDS, *FILTER_FIELDS)
def like(
    names: Names,
    category: str | None = None,
    prefixes: str | Sequence[str] = ("",),
    *,
    count: int = 1,
    model: Model | str | PathLike[str] | None = None,
    config: SamplingConfig | None = None,
    filters: Filters | None = None,
    seed: int | None = None,
    **parts: Any,  # noqa: ANN401 - the fields of SamplingConfig and Filters
) -> list[str]:
    """Generate names in the style of a list, without training.

    >>> namegen.like(["Galadwen", "Thalion", "Nimroth"], count=5, seed=1)     # doctest: +SKIP

    A list of at least 20 names shows its style; 40 are better. For several calls with one list, build the model once
    with :func:`like_model`.

    Args:
        names: the names; lists of several categories, or a dataset, are imitated together, each name with a category
            at random.
        category: a category of the model, or a blend, to add to the style; by default none.
        prefixes: as for :func:`sample`.
        count: as for :func:`sample`.
        model: the model to build on, or its name or path; by default the included one.
        config: how to choose letters; by default settings that suit a list.
        filters: as for :func:`sample`. ``novel`` leaves out the names of the list and those of the model.
        seed: as for :func:`sample`.
        parts: fields of the configuration or the filters to replace.

    Returns:
        The names, in the order of the prefixes.

    Raises:
        DataError: the list is empty.
        UsageError: the names are not a list, the model cannot imitate one or has no such category, or an argument is
            out of range.
        NamegenError: hardly any names satisfy the filters.
    """
    style = like_model(names, category, model=model)
    own = style.categories[0] if len(style.categories) == 1 else None
    return sample(style, own, prefixes, count=count, config=config, filters=filters, seed=seed, **parts)


@check_arguments()
def like_model(
    names: Names,
    category: str | None = None,
    *,
    model: Model | str | PathLike[str] | None = None,
) -> Model:
    """Build a model of one or several lists of names, without training.

    The result can be sampled, scored and saved like a trained model.

    Args:
        names: the names of one list, of several lists by category, or a dataset.
        category: a category of the model, or a blend, to add to the style of each list; by default none.
        model: the model to build on, or its name or path; by default the included one.

    Raises:
        DataError: the list is empty.
        UsageError: the model cannot imitate a list, or has no such category.
    """
    base = to_model(PRETRAINED if model is None else model)
    names = to_dataset(names, alphabet=find_names_alphabet(base))
    if category is None:
        return build_style(base, names)
    blend = find_blend(base, category)
    style = build_style(base, names, to_shares(blend.category, len(base.categories)))
    return replace(style, categories=tuple(f"{own}+{blend.label}" for own in style.categories))

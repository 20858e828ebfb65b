"""Prefixes, brought into a model's alphabet and case."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from namegen._validate import check_text, describe_kind
from namegen.datasets.graphemes import split_letters
from namegen.errors import UsageError, quote
from namegen.models.categories import is_category
from namegen.sampling.rejection import MAX_LETTERS, max_letters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from namegen.config import SamplingConfig
    from namegen.models.model import Model
    from namegen.sampling.name_filters import Filters

_MAX_NOTICES = 10


def fit_prefix(model: Model, prefix: str, max_length: int | None = None) -> str:
    """Bring a prefix into the model's alphabet and the case in which its training names begin.

    ``Łu`` becomes ``Lu``. If training names are capitalised, ``sch`` and ``SCH`` become ``Sch``.

    Raises:
        UsageError: no name can begin with it, or it is too long.
    """
    prefix = check_text("a prefix", prefix, "'Sch'")
    text, dropped = model.alphabet.transliterate(prefix)
    if text and prefix[-1] == " " and " " in model.alphabet:
        text += " "  # "van " is a different prefix from "van"
    if prefix and (dropped or not text):
        raise UsageError(f"no name can begin with {quote(prefix)}: the model's letters are {model.alphabet}")
    if not text:
        return ""
    fitted = model.alphabet.in_case(text, model.casing)
    longest = MAX_LETTERS if max_length is None else max_length
    if len(model.alphabet.encode(fitted)) > longest:
        raise UsageError(f"the prefix {quote(fitted)} is longer than the max length of {longest:,}")
    return fitted


def check_prefix(model: Model, prefix: str, config: SamplingConfig, filters: Filters) -> str:
    """Fit a prefix as :func:`fit_prefix` does, and check that names with it can reach the minimum length."""
    fitted = fit_prefix(model, prefix, config.max_length)
    limit = max_letters(model, config, len(model.alphabet.encode(fitted)))
    if filters.min_length is not None and filters.min_length > limit:
        raise UsageError(
            f"the min length of {filters.min_length:,} is more than the {limit:,} letters that a name may have; "
            "allow more with --max-length"
        )
    return fitted


def split_prefixes(model: Model, category: str | None, prefixes: str | Iterable[str]) -> Iterable[str]:
    """Return prefixes; a string of start letters is split into its letters.

    Raises:
        UsageError: the prefixes are neither text nor a list, or the start letters are rather a second category.
    """
    if isinstance(prefixes, str):
        letters = split_letters(prefixes)
        if len(letters) > 1 and not prefixes.isupper() and is_category(model, prefixes):
            raise UsageError(describe_second_category(category, prefixes))
        return letters
    if isinstance(prefixes, Mapping | bytes) or not isinstance(prefixes, Iterable):
        hint = f"; did you mean count={prefixes}?" if isinstance(prefixes, int) else ""
        raise UsageError(f"prefixes must be start letters or a list of prefixes, not {describe_kind(prefixes)}{hint}")
    return prefixes


def describe_second_category(category: str | None, other: str, model: str | None = None) -> str:
    """Return the message for a category that was given as start letters.

    Args:
        category: the category before it.
        other: the other category.
        model: the name of the model that has it, if that is another one.
    """
    where = "" if model is None else f" of the model {model}"
    if model is not None:
        advice = "sample one category at a time"
    elif category is None:
        advice = "give it as the category"
    else:
        advice = f"for a blend of both, use {category}+{other}"
    return f"{quote(other)} is a category{where}, not start letters; {advice}"


def fit_prefixes(
    model: Model, prefixes: Iterable[str], config: SamplingConfig, filters: Filters, notice: Callable[[str], None]
) -> Iterable[str]:
    """Fit and check prefixes as :func:`check_prefix` does: a list, or one after another if they come from an iterator.

    ``notice`` is called with a message for each of the first ten whose letters change.
    """
    fitted = _iterate_fitted(model, prefixes, config, filters, notice)
    return list(fitted) if isinstance(prefixes, Sequence) else fitted


def _iterate_fitted(
    model: Model, prefixes: Iterable[str], config: SamplingConfig, filters: Filters, notice: Callable[[str], None]
) -> Iterator[str]:
    changed = 0
    for prefix in prefixes:
        fitted = check_prefix(model, prefix, config, filters)
        if _have_other_letters(prefix, fitted):
            changed += 1
            if changed <= _MAX_NOTICES:
                more = "; further prefixes are not reported" if changed == _MAX_NOTICES else ""
                notice(f"the model cannot write {quote(prefix)}; names begin with {quote(fitted)}{more}")
        yield fitted


def _have_other_letters(prefix: str, fitted: str) -> bool:
    """Return whether a prefix differs from the one given in more than its case and spaces."""
    given = " ".join(unicodedata.normalize("NFC", prefix).split())
    return given.lower() != unicodedata.normalize("NFC", fitted).strip().lower()

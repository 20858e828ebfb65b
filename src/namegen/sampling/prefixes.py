"""Prefixes, brought into a model's alphabet and case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from namegen.errors import UsageError, quote
from namegen.sampling.rejection import MAX_LETTERS, max_letters

if TYPE_CHECKING:
    from namegen.config import SamplingConfig
    from namegen.models.model import Model
    from namegen.sampling.name_filters import Filters


def fit_prefix(model: Model, prefix: str, max_length: int | None = None) -> str:
    """Bring a prefix into the model's alphabet and the case in which its training names begin.

    ``Łu`` becomes ``Lu``. If training names are capitalised, ``sch`` and ``SCH`` become ``Sch``.

    Raises:
        UsageError: no name can begin with it, or it is too long.
    """
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

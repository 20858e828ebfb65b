"""Overriding single fields of a sampling configuration and of filters."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from namegen._validate import check_names, describe_kind
from namegen.config import SamplingConfig
from namegen.errors import UsageError
from namegen.sampling.name_filters import Filters

SAMPLING_FIELDS, FILTER_FIELDS = (tuple(field.name for field in fields(kind)) for kind in (SamplingConfig, Filters))


def override_settings(
    config: SamplingConfig, filters: Filters, parts: dict[str, Any]
) -> tuple[SamplingConfig, Filters]:
    """Replace fields of a configuration and of filters, as :func:`override_sampling` and :func:`override_filters`."""
    check_names("sampling", parts, SAMPLING_FIELDS + FILTER_FIELDS)
    config = override_sampling(config, {name: parts[name] for name in parts if name in SAMPLING_FIELDS})
    return config, override_filters(filters, {name: parts[name] for name in parts if name in FILTER_FIELDS}, config)


def override_sampling(config: SamplingConfig, parts: dict[str, Any]) -> SamplingConfig:
    """Replace fields of a sampling configuration.

    Temperature 0 is purely greedy: it resets the model's own top-k, top-p, dropout and floor, unless they are given
    too.
    """
    check_names("a sampling configuration", parts, SAMPLING_FIELDS)
    _check_kind("config", config, SamplingConfig)
    if "temperature" in parts and SamplingConfig(temperature=parts["temperature"]).greedy:
        config = replace(config, top_k=None, top_p=None, dropout=0.0, floor=0.0)
    return replace(config, **parts)


def override_filters(filters: Filters, parts: dict[str, Any], config: SamplingConfig) -> Filters:
    """Replace fields of the filters of names that are sampled with a configuration."""
    check_names("a filter", parts, FILTER_FIELDS)
    _check_kind("filters", filters, Filters)
    filters = replace(filters, **parts)
    if config.max_length is not None and (filters.min_length or 0) > config.max_length:
        raise UsageError(
            f"the min length of {filters.min_length:,} is more than the max length of {config.max_length:,}"
        )
    return filters


def _check_kind(what: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise UsageError(
            f"{what} must be a {kind.__name__}, not {describe_kind(value)}; single settings can be given by name, such "
            f"as {fields(kind)[0].name}="
        )

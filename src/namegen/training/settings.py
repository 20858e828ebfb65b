"""Read training settings from text such as ``weight_decay=0.3``."""

from __future__ import annotations

import dataclasses
import difflib
from typing import TYPE_CHECKING, Any

from namegen.config import Distillation, TrainingConfig
from namegen.errors import UsageError, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_GROUP = "distillation"
_OTHER_OPTIONS = {"recipe": "--recipe", "init": "--init"}  # more than a setting: they choose the others


def parse_settings(texts: Iterable[str]) -> dict[str, Any]:
    """Return training settings by name from texts such as ``weight_decay=0.3`` or ``distillation.teachers=3``.

    The settings of distillation are a dict of their own; :func:`complete_settings` makes a ``Distillation`` of them.

    Raises:
        UsageError: a text has another form, a setting does not exist or is given twice, or a value has the wrong type.
            Whether a value is in range is checked when a configuration is built.
    """
    settings: dict[str, Any] = {}
    for text in texts:
        given, equals, value = text.partition("=")
        name = given.strip().replace("-", "_")
        if not equals or not name:
            raise UsageError(f"{quote(text)} is not a setting; write it as NAME=VALUE, such as weight_decay=0.3")
        _check_name(name)
        group, dot, member = name.partition(".")
        target = settings
        if dot:
            if not isinstance(settings.setdefault(_GROUP, {}), dict):
                raise UsageError(f"{_GROUP}=none and {name} cannot be combined; leave out one of them")
            target = settings[_GROUP]
        key = member or group
        if key in target:
            raise UsageError(f"the setting {name} is given twice; give it once")
        target[key] = _parse_value(name, value.strip())
    return settings


def complete_settings(parts: Mapping[str, Any], base: TrainingConfig) -> dict[str, Any]:
    """Return settings in which a dict of those of distillation has become a ``Distillation``, based on ``base``."""
    if not isinstance(parts.get(_GROUP), dict):
        return dict(parts)
    return {**parts, _GROUP: dataclasses.replace(base.distillation or Distillation(), **parts[_GROUP])}


def find_ineffective(config: TrainingConfig, parts: Iterable[str]) -> list[str]:
    """Return notes about settings that have no effect on a network together with the others."""
    why = {
        "nonlinearity": config.architecture != "rnn" and f"the architecture is {config.architecture}",
        "weight_decay": config.optimiser == "sgd" and "the optimiser is sgd",
        "warmup": config.schedule == "constant" and "the schedule is constant",
        "ngram_share": config.ngram_order is None and "the n-gram order is none",
    }
    return [f"{name} has no effect, because {why[name]}" for name in parts if why.get(name)]


def list_settings() -> dict[str, str]:
    """Return the names of all settings that :func:`parse_settings` reads, and their types."""
    own = {field.name: str(field.type) for field in dataclasses.fields(TrainingConfig)}
    of_group = {f"{_GROUP}.{field.name}": str(field.type) for field in dataclasses.fields(Distillation)}
    return {name: kind for name, kind in {**own, **of_group}.items() if name not in _OTHER_OPTIONS}


def _check_name(name: str) -> None:
    known = list_settings()
    if name in known:
        return
    if name in _OTHER_OPTIONS:
        raise UsageError(f"{name} is not set with --set; use {_OTHER_OPTIONS[name]}")
    close = difflib.get_close_matches(name.lower(), known, n=1) or [key for key in known if key.endswith(f".{name}")]
    begins = [key for key in known if key.startswith(name.lower())]
    meant = (begins if len(begins) == 1 else close) or close
    hint = f"did you mean {meant[0]}?" if meant else f"use one of {', '.join(known)}"
    raise UsageError(f"{quote(name)} is not a setting; {hint}")


def _parse_value(name: str, text: str) -> object:
    """Return the value of a setting, of the setting's type."""
    kind = list_settings()[name]
    words = [word.strip() for word in kind.split("|")]
    if "None" in words and text.lower() == "none":
        return None
    if name == _GROUP:
        raise UsageError(f"{_GROUP} must be none; to set a part of it, write for example {_GROUP}.teachers=3")
    if words[0] == "bool":
        if text.lower() not in ("true", "false"):
            raise UsageError(f"{name} must be true or false, not {quote(text)}")
        return text.lower() == "true"
    if words[0] in ("int", "float"):
        try:
            return int(text) if words[0] == "int" else float(text)
        except ValueError:
            pass
        try:
            if (number := float(text)).is_integer():  # such as 1e5
                return int(number)
        except ValueError:
            pass
        optional = ", or none" if "None" in words else ""
        kind = "a whole number" if words[0] == "int" else "a number"
        raise UsageError(f"{name} must be {kind}{optional}, not {quote(text)}")
    return text

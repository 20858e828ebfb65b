"""Generating names: decoding, the samplers, filters, top-N search."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from namegen.sampling.generate import blocks

__all__ = ["blocks"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from namegen.sampling import generate  # here, as it imports numpy

    return getattr(generate, name)

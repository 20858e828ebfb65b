"""Closed categories: known names to which none can be added, such as Korean surnames."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ClosedNames(NamedTuple):
    """The names of a closed category.

    Attributes:
        names: the distinct names.
        weights: the frequency of each name, (names,), positive and in any unit; all 1 if unknown.
    """

    names: tuple[str, ...]
    weights: NDArray[np.float32]

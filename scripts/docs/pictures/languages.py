"""Draw a map of the category vectors in the input of the default network.

The axes are the two directions in which the 18 vectors vary most. A line connects each language to the most similar
one, by cosine in all 192 dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from canvas import BLUE, GREY, WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from models import Models

HEIGHT = 4.8


def draw(figure: Figure, models: Models) -> None:
    """Draw the picture."""
    model = models.default
    vectors = model.weights["category_input.weight"].astype(np.float64)
    vectors -= vectors.mean(axis=0)
    left, spread, right = np.linalg.svd(vectors, full_matrices=False)
    signs = np.sign(right[np.arange(2), np.abs(right[:2]).argmax(axis=1)])  # so that rounding cannot flip the map
    at = left[:, :2] * spread[:2] * signs
    shares = spread**2 / np.sum(spread**2)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = (vectors / length) @ (vectors / length).T
    np.fill_diagonal(alike, -1)

    axes = figure.add_subplot()
    for index, nearest in enumerate(alike.argmax(axis=1)):
        axes.plot(*at[[index, nearest]].T, color=GREY, lw=0.9, alpha=0.6, zorder=1)
    axes.plot(*at.T, ls="none", marker="o", ms=5, color=BLUE)
    axes.margins(0.16)
    _label(axes, list(model.categories), at)
    axes.set(
        xlabel=f"first direction ({shares[0]:.0%} of all variance)",
        ylabel=f"second direction ({shares[1]:.0%})",
        xticks=[],
        yticks=[],
    )


def _label(axes: Axes, categories: list[str], at: NDArray[np.float64]) -> None:
    """Label each point with its category, farther away if another label is in the way."""
    low, high = at.min(axis=0), at.max(axis=0)
    points = (at - low) / (high - low) * (WIDTH * 72 * 0.68, HEIGHT * 72 * 0.62)  # the approximate positions, in points
    taken = [(x - 3, y - 3, x + 3, y + 3) for x, y in points]
    for index in np.argsort(-points[:, 1]):
        (x, y), wide = points[index], 6.0 * len(categories[index])
        for away in range(6, 90, 6):
            sides = ((away, 0), (-away - wide, 0), (-wide / 2, away), (-wide / 2, -away), (away, away), (away, -away))
            free = [side for side in sides if _free((x + side[0], y + side[1]), wide, taken)]
            if free:
                break
        right, up = free[0] if free else (6, 0)
        taken.append((x + right, y + up - 6, x + right + wide, y + up + 6))
        line = {"arrowstyle": "-", "color": GREY, "lw": 0.5, "shrinkA": 0, "shrinkB": 2} if away > 10 else None
        text = {"ha": "left", "va": "center", "size": 10}
        axes.annotate(
            categories[index], at[index], xytext=(right, up), textcoords="offset points", arrowprops=line, **text
        )


def _free(corner: tuple[float, float], wide: float, taken: list[tuple[float, float, float, float]]) -> bool:
    left, middle = corner
    return not any(
        left < right and left + wide > begin and middle - 6 < top and middle + 6 > bottom
        for begin, bottom, right, top in taken
    )

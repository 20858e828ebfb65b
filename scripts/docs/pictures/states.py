"""Draw the hidden states of the default network after all letters of all names, by principal component analysis.

The axes are the two directions in which the states vary most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from canvas import BLUE, GREY, INK, RED
from namegen.models.inference import build_steppers
from reading import read

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from models import Models
    from namegen import Dataset, Model

HEIGHT = 5.2

_SHOWN = 500  # of all states, chosen at random
_PATHS = {"Italian": "Romano", "Polish": "Nowak"}


class States(NamedTuple):
    """The hidden states after each letter of names.

    Attributes:
        states: (letters, H).
        vowel: whether the letter is one of a, e, i, o, u, (letters,).
        place: its position in the name, from 1, (letters,).
        left: the number of letters after it, (letters,).
    """

    states: NDArray[np.float32]
    vowel: NDArray[np.bool_]
    place: NDArray[np.int64]
    left: NDArray[np.int64]


def states_of(model: Model, names: Dataset) -> States:
    """Return the states of a model with an SOS token for names, each read as its own category, in no fixed order."""
    network_for, edge = build_steppers(model), model.alphabet.boundary_id
    is_vowel = np.array([letter.lower() in "aeiou" for letter in model.alphabet.letters])
    parts = []
    for index, category in enumerate(names.categories):
        network = network_for(model.categories.index(category))
        lengths = names.lengths[names.category_of == index]
        begin = names.offsets[:-1][names.category_of == index]
        _, state = network.step(np.full(len(begin), edge), np.repeat(network.start(), len(begin), axis=0))
        for place in range(int(lengths.max(initial=0))):  # all names of a category at once
            on = lengths > place
            begin, lengths, state = begin[on], lengths[on], state[on]
            letters = names.letters[begin + place].astype(np.int64)
            _, state = network.step(letters, state)
            parts.append(States(state, is_vowel[letters], np.full(len(letters), place + 1), lengths - place - 1))
    return States(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def draw(figure: Figure, models: Models) -> None:
    """Draw the picture."""
    model = models.default
    found = states_of(model, models.names)
    centre = found.states.mean(axis=0)
    _, spread, directions = np.linalg.svd(found.states - centre, full_matrices=False)
    shares = spread**2 / np.sum(spread**2)
    signs = [np.sign(np.corrcoef((found.states - centre) @ directions[0], found.place)[0, 1])]
    signs += [np.sign(np.corrcoef((found.states - centre) @ directions[1], found.vowel)[0, 1])]
    plane = directions[:2].T * signs  # the end of a name is to the right, and vowels are at the top
    at = (found.states - centre) @ plane

    axes = figure.add_subplot()
    some = np.random.default_rng(1).permutation(len(at))[:_SHOWN]
    for is_vowel, colour, label in ((False, BLUE, "after a consonant"), (True, RED, "after a vowel")):
        points = at[some[found.vowel[some] == is_vowel]].round(2)
        axes.plot(*points.T, ls="none", marker="o", ms=3.4, mew=0, color=colour, alpha=0.6, label=label)
    for (category, name), dashes in zip(_PATHS.items(), ("-", (0, (4, 2))), strict=True):
        reading = read(model, category, name)
        path = (reading.states[2:] - centre) @ plane
        axes.plot(*path.T, color=INK, lw=1.2, ls=dashes, label=f"{name}, letter by letter")
        for letter, point in zip(reading.inputs[1:], path, strict=True):
            round_box = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": GREY, "lw": 0.6}
            axes.text(*point, letter, ha="center", va="center", bbox=round_box)
    axes.set(
        xlabel=f"first direction ({shares[0]:.0%} of all variance)",
        ylabel=f"second direction ({shares[1]:.0%})",
        xticks=[],
        yticks=[],
    )
    figure.legend(loc="outside upper left", ncols=2)

"""Explain how a model reads a name: what it expects at each letter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from namegen._tables import MAX_ROWS, build_frame, build_html
from namegen._validate import check_arguments, check_text
from namegen.errors import DataError, quote
from namegen.evaluation.classify import classify, fit_names
from namegen.models.categories import find_blend
from namegen.models.inference import Source, build_steppers
from namegen.models.scoring import log_first_letter_shares, log_softmax
from namegen.models.store import to_model

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    from numpy.typing import NDArray

    from namegen.models.model import Model

    Floats = NDArray[np.float64]

EOS = "EOS"
_SPACE = "space"  # the label of a letter that would not be visible


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """The probabilities of the letters at each place of a name, and at its end. L letters of the name, O outputs.

    Attributes:
        name: the name as the model read it.
        category: the category or blend.
        categories: the most probable categories of the name with their probabilities, if the category was not given.
        letters: the letters of the name, then EOS, (L + 1).
        labels: the letters of the model's alphabet, then EOS, (O,). A space is called ``space``.
        targets: the index in ``labels`` of each letter of the name and of EOS, (L + 1,) int64.
        distributions: P(letter | category, previous letters) of each letter, (L + 1, O) float64; each row sums to 1.
        dropped: the number of characters of the name that cannot be expressed in the model's alphabet.
    """

    name: str
    category: str
    categories: dict[str, float]
    letters: tuple[str, ...]
    labels: tuple[str, ...]
    targets: NDArray[np.int64]
    distributions: Floats
    dropped: int

    @property
    def probabilities(self) -> Floats:
        """The probability of each letter of the name and of EOS, (L + 1,)."""
        probabilities: Floats = np.take_along_axis(self.distributions, self.targets[:, None], axis=1)[:, 0]
        return probabilities

    @property
    def losses(self) -> Floats:
        """The loss of each letter and of EOS, its negative log-probability in nats, (L + 1,)."""
        with np.errstate(divide="ignore"):
            losses: Floats = -np.log(self.probabilities)
        return losses

    @property
    def entropies(self) -> Floats:
        """The entropy of the distribution of each letter, in nats: the loss that the model expects, (L + 1,)."""
        logs = np.log(self.distributions, out=np.zeros_like(self.distributions), where=self.distributions > 0)
        entropies: Floats = -(self.distributions * logs).sum(axis=1)
        return entropies

    @property
    def ranks(self) -> NDArray[np.int64]:
        """The rank of each letter of the name among all letters, 1 for the most likely, (L + 1,)."""
        ranks: NDArray[np.int64] = 1 + np.argmax(self.rank_letters() == self.targets[:, None], axis=1)
        return ranks

    @property
    def log_probability(self) -> float:
        """Log P(name | category), in nats, as :func:`score` gives it."""
        return -float(self.losses.sum())

    @property
    def perplexity(self) -> float:
        """Exp of the loss per letter, from the second letter to EOS, as :func:`score` gives it."""
        return float(np.exp(self.losses[1:].mean()))

    def rank_letters(self) -> NDArray[np.int64]:
        """Return the indices of the letters at each place, the most likely first, (L + 1, O)."""
        return np.argsort(-self.distributions, axis=1, kind="stable")

    def alternatives(self, count: int = 3) -> list[list[tuple[str, float]]]:
        """Return the most likely other letters at each place, with their probabilities."""
        return [
            [
                (self.labels[index], float(self.distributions[place, index]))
                for index in row[: count + 1].tolist()
                if index != own
            ][:count]
            for place, (row, own) in enumerate(zip(self.rank_letters(), self.targets, strict=True))
        ]

    def as_dict(self, count: int = 3) -> dict[str, Any]:
        """Return all figures and ``count`` alternatives of each letter, for JSON."""
        columns = zip(self.letters, *self._columns().values(), self.alternatives(count), strict=True)
        fields = ("letter", *self._columns(), "alternatives")
        return {
            "name": self.name,
            "category": self.category,
            "categories": self.categories,
            "log_probability": _finite(self.log_probability),
            "perplexity": _finite(self.perplexity),
            "letters": [
                dict(zip(fields, (letter, *map(_finite, figures), dict(others)), strict=True))
                for letter, *figures, others in columns
            ],
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame with a row for each letter, and columns for its figures and for three alternatives.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        others = [format_alternatives(row) for row in self.alternatives()]
        return build_frame({**self._columns(), "alternatives": others}, index=self.letters, name="letter")

    def _columns(self) -> dict[str, list[Any]]:
        return {
            "probability": self.probabilities.tolist(),
            "rank": self.ranks.tolist(),
            "loss": self.losses.tolist(),
            "entropy": self.entropies.tolist(),
        }

    def __repr__(self) -> str:
        likely = ", ".join(f"{letter} {p:.1%}" for letter, p in zip(self.letters, self.probabilities, strict=True))
        return f"<Explanation of {self.name} as {self.category}: {likely}>"

    def _repr_html_(self) -> str:
        head = ("letter", *self._columns(), "alternatives")
        columns = zip(self.letters, *self._columns().values(), self.alternatives(), strict=True)
        rows = [
            (letter, f"{p:.1%}", rank, f"{loss:.2f}", f"{entropy:.2f}", format_alternatives(others, gap=", "))
            for letter, p, rank, loss, entropy, others in columns
        ]
        caption = f"{self.name} as {self.category}: log-probability {self.log_probability:.2f} nats"
        return build_html(head, rows[:MAX_ROWS], total=len(rows), caption=caption)


def _finite(value: float) -> float | None:
    """Return a number, or ``None`` instead of an infinite one, which JSON does not have."""
    return value if math.isfinite(value) else None


def format_alternatives(alternatives: list[tuple[str, float]], gap: str = "  ") -> str:
    """Return letters and their probabilities as text."""
    return gap.join(f"{letter} {probability:.1%}" for letter, probability in alternatives)


@check_arguments()
def explain(model: Model | str | PathLike[str], name: str, category: str | None = None) -> Explanation:
    """Explain how a model reads a name: the probability of each letter, how certain the model was, and alternatives.

    >>> namegen.explain(model, "Bauer", "German")     # doctest: +SKIP
    <Explanation of Bauer as German: B 10.9%, a 20.4%, u 43.7%, e 16.3%, r 89.8%, EOS 84.6%>

    Args:
        model: the model, or its name or path, used at temperature 1.
        name: the name; it is transliterated and converted to the casing of the model.
        category: one of its categories, or a blend such as ``German+Italian``. By default, the most probable category
            of the name (see :func:`classify`), or the only one.

    Raises:
        UsageError: no such category, or the name is not text.
        DataError: no letter of the name is in the model's alphabet, or it has more than 1,000 letters.
    """
    model = to_model(model)
    fitted = fit_names(model, [check_text("name", name, "'Bauer'")])
    (read,) = fitted.names
    if not read:
        raise DataError(f"no character of {quote(name)} is in the model's alphabet; give another name or model")
    categories = {}
    if category is None:
        found = classify(model, [read])
        best = found.ranked()[0, :3].tolist()
        categories = {found.categories[index]: float(found.probabilities[0, index]) for index in best}
        category = next(iter(categories))
    blend = find_blend(model, category)
    source = Source.of(model, build_steppers(model)(blend.category), blend.category)
    targets = np.append(model.alphabet.encode(read), model.alphabet.boundary_id).astype(np.int64)
    labels = (*(_SPACE if letter.isspace() else letter for letter in model.alphabet.letters), EOS)
    return Explanation(
        name=read,
        category=blend.label,
        categories=categories,
        letters=tuple(labels[index] for index in targets),
        labels=labels,
        targets=targets,
        distributions=_read(source, targets),
        dropped=fitted.dropped,
    )


def _read(source: Source, targets: NDArray[np.int64]) -> Floats:
    """Return the probabilities of all letters at each letter of a name and at its end, (targets, outputs)."""
    rows, hidden = [], source.network.start()
    if not source.sos:
        rows.append(log_first_letter_shares(source)[None])
    inputs = [source.boundary_id, *targets[:-1]] if source.sos else targets[:-1]
    for letter in inputs:
        logits, hidden = source.network.step(np.array([letter]), hidden)
        rows.append(log_softmax(logits))
    probabilities: Floats = np.exp(np.concatenate(rows))
    return probabilities

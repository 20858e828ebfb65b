"""The optional sections of a model file: what some models have and others lack.

A file lists its sections by name, each with its settings and whether a reader must know it.
``docs/model-file.md`` specifies them. To add a section, add a function that packs it and one that reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from namegen._validate import check_int, check_number
from namegen.datasets.graphemes import is_printable
from namegen.errors import ModelFileError
from namegen.models.closed import ClosedNames
from namegen.models.mixture import Mixture, Weights
from namegen.models.ngram import MAX_ORDER, NGram
from namegen.models.plausibility import Plausibility

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from namegen.io.safetensors import SafetensorsFile
    from namegen.models.model import Model

    Tensors: TypeAlias = dict[str, NDArray[Any]]

_NGRAM, _PLAUSIBILITY, _LETTERS, _CLOSED = "ngram", "plausibility", "letters", "closed"
_KNOWN = (_NGRAM, _PLAUSIBILITY, _LETTERS, _CLOSED)
_MAX_LETTERS = 2**24  # of all n-grams, so that the number of a node is exact in single precision
_MAX_COUNT = 10**12
_MAX_FLOORS = 1001
_MAX_CLOSED = 1000  # categories
_INTEGERS = ("U8", "U16", "U32")


def pack_sections(model: Model) -> tuple[dict[str, dict[str, Any]], Tensors]:
    """Return the sections of a model with their settings, and their tensors."""
    sections: dict[str, dict[str, Any]] = {}
    tensors: Tensors = {}
    if model.mixture:
        ngram, weights, own = model.mixture
        others = {str(index): other._asdict() for index, other in own.items()}
        sections[_NGRAM] = {"required": True, "weights": weights._asdict(), "own": others}
        tensors[f"{_NGRAM}.letters"] = ngram.letters
        tensors[f"{_NGRAM}.counts"] = _shrink(ngram.counts)
        tensors[f"{_NGRAM}.first"] = ngram.first
        if ngram.discounts is not None:
            tensors[f"{_NGRAM}.discounts"] = ngram.discounts
    if model.plausibility:
        sections[_PLAUSIBILITY] = {"required": False}
        tensors[f"{_PLAUSIBILITY}.limits"] = model.plausibility.limits
    if model.letters is not None:
        sections[_LETTERS] = {"required": True}
        if model.added_letters:
            sections[_LETTERS]["added"] = model.added_letters
        tensors[f"{_LETTERS}.mask"] = np.packbits(model.letters, axis=1)
    if model.closed:
        sections[_CLOSED] = {"required": True, "categories": list(model.closed)}
        names = ["".join(f"{name}\n" for name in part.names) for part in model.closed.values()]
        tensors[f"{_CLOSED}.names"] = np.frombuffer("".join(names).encode(), dtype=np.uint8)
        tensors[f"{_CLOSED}.sizes"] = np.array([len(part.names) for part in model.closed.values()], dtype=np.int64)
        tensors[f"{_CLOSED}.weights"] = np.concatenate([part.weights for part in model.closed.values()])
    return sections, tensors


def check_sections(path: Path, sections: object) -> dict[str, dict[str, Any]]:
    """Return the sections of a file that this version knows.

    Raises:
        ValueError: the sections are malformed.
        ModelFileError: a required section is unknown.
    """
    if not isinstance(sections, dict) or not all(isinstance(section, dict) for section in sections.values()):
        raise ValueError("its sections are malformed")
    for name, section in sections.items():
        if name not in _KNOWN and section.get("required") is not False:
            raise ModelFileError(f"{path} has a section {name!r:.40} that this version does not know; update namegen")
    return {name: section for name, section in sections.items() if name in _KNOWN}


def read_mixture(
    sections: dict[str, dict[str, Any]], tensors: SafetensorsFile, categories: int, outputs: int
) -> Mixture | None:
    """Return the n-gram of a model file, or ``None``; raise ``ValueError`` if it is malformed."""
    if _NGRAM not in sections:
        return None
    weights = _read_weights(sections[_NGRAM]["weights"])
    own = {
        check_int("category", int(i), 0, categories - 1): _read_weights(w) for i, w in sections[_NGRAM]["own"].items()
    }
    letters = tensors.read(f"{_NGRAM}.letters", _INTEGERS, (None, None))
    counts = tensors.read(f"{_NGRAM}.counts", (*_INTEGERS, "U64"), (len(letters),)).astype(np.int64)
    first = tensors.read(f"{_NGRAM}.first", ("I64",), (categories + 1,))
    order, discounts = letters.shape[1], None
    if f"{_NGRAM}.discounts" in tensors.names:
        discounts = tensors.read(f"{_NGRAM}.discounts", ("F64",), (order, 3))
        if not ((discounts >= 0.01) & (discounts <= np.arange(1, 4) - 0.01)).all():
            raise ValueError("the discounts of its n-gram are out of range")
    if not 1 <= order <= MAX_ORDER or letters.size > _MAX_LETTERS:
        raise ValueError(f"its n-gram has order {order} and {len(letters):,} rows")
    if (letters > outputs).any() or (letters[:, 0] == outputs).any() or ((counts < 1) | (counts > _MAX_COUNT)).any():
        raise ValueError("its n-gram has letters or counts that are out of range")
    if first[0] != 0 or first[-1] != len(letters) or (np.diff(first) < 1).any():
        raise ValueError("the categories of its n-gram are inconsistent")
    return Mixture(NGram(outputs, letters, counts, first, discounts), weights, own)


def _read_weights(values: dict[str, Any]) -> Weights:
    weights = Weights(**values)
    for name in ("share", "pooled", "sampled"):
        check_number(f"{name} of its n-gram", getattr(weights, name), 0, 1)
    check_int("shortest context of its n-gram", weights.min_context, 0, MAX_ORDER - 1)
    return weights


def read_plausibility(
    sections: dict[str, dict[str, Any]], tensors: SafetensorsFile, categories: int
) -> Plausibility | None:
    """Return the limits of a model file, or ``None``; raise ``ValueError`` if they are malformed."""
    if _PLAUSIBILITY not in sections:
        return None
    limits = tensors.read(f"{_PLAUSIBILITY}.limits", ("F32",), (categories, None, 3))
    if not 2 <= limits.shape[1] <= _MAX_FLOORS or not np.isfinite(limits).all():
        raise ValueError("its plausibility limits are out of range")
    return Plausibility(limits)


def read_letters(
    sections: dict[str, dict[str, Any]], tensors: SafetensorsFile, categories: int, letters: int
) -> NDArray[np.bool_] | None:
    """Return the letters of each category of a model file, or ``None``; raise ``ValueError`` if one has none."""
    if _LETTERS not in sections:
        return None
    packed = tensors.read(f"{_LETTERS}.mask", ("U8",), (categories, -(-letters // 8)))
    mask = np.unpackbits(packed, axis=1, count=letters).astype(np.bool_)
    if not mask.any(axis=1).all():
        raise ValueError("a category has no letters")
    return mask


def read_added_letters(sections: dict[str, dict[str, Any]], letters: int) -> int:
    """Return the number of letters of a model file that were added to a trained model."""
    return check_int("number of added letters", sections.get(_LETTERS, {}).get("added", 0), 0, letters - 1)


def read_closed(
    sections: dict[str, dict[str, Any]], tensors: SafetensorsFile, categories: tuple[str, ...]
) -> dict[str, ClosedNames]:
    """Return the closed categories of a model file; raise ``ValueError`` if they are malformed."""
    if _CLOSED not in sections:
        return {}
    labels = sections[_CLOSED]["categories"]
    if not isinstance(labels, list) or not 0 < len(labels) <= _MAX_CLOSED:
        raise ValueError("its closed categories are malformed")
    if not all(isinstance(label, str) and label and is_printable(label) for label in labels):
        raise ValueError("its closed categories are malformed")
    if len({*labels, *categories}) < len(labels) + len(categories):
        raise ValueError("a closed category occurs twice")
    names = tensors.read(f"{_CLOSED}.names", ("U8",), (None,)).tobytes().decode().split("\n")[:-1]
    sizes = tensors.read(f"{_CLOSED}.sizes", ("I64",), (len(labels),))
    weights = tensors.read(f"{_CLOSED}.weights", ("F32",), (len(names),))
    if (sizes < 1).any() or sizes.sum() != len(names) or not ((weights > 0) & (weights < np.inf)).all():
        raise ValueError("the names of its closed categories are inconsistent")
    if not all(name == name.strip() and name and is_printable(name) for name in names):
        raise ValueError("a name of a closed category is malformed")
    ends = np.cumsum(sizes).tolist()
    spans = [slice(end - size, end) for end, size in zip(ends, sizes.tolist(), strict=True)]
    return {label: ClosedNames(tuple(names[span]), weights[span]) for label, span in zip(labels, spans, strict=True)}


def _shrink(counts: NDArray[np.int64]) -> NDArray[np.unsignedinteger]:
    """Return counts in the smallest type that holds them."""
    most = int(counts.max(initial=0))
    return counts.astype(
        next(kind for kind in (np.uint8, np.uint16, np.uint32, np.uint64) if most <= np.iinfo(kind).max)
    )

"""Read untrusted safetensors files. The safetensors library writes them.

Only the header is read at first, and checked against the length of the file. A caller reads a tensor by giving the
types and the shape it may have, so the memory used does not depend on what a file claims. The bytes are copied, not
mapped: if a mapped file is truncated, the process crashes.

numpy is imported only when a tensor is read, which keeps reading the metadata fast.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from namegen.errors import ModelFileError, shorten
from namegen.io.files import open_regular_file

if TYPE_CHECKING:
    import io
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray


MAX_TEXT = 2**23
"""The most bytes of a text in the metadata, which escapes in the header can at most double."""

MAX_VALUES = 2**20
"""The most commas in JSON, and so about the most values; each value takes some 100 bytes of memory."""

_MAX_HEADER = 2 * MAX_TEXT + 2**20  # bytes
_MAX_DIMENSIONS = 8
_MAX_DIGITS = 20
_LENGTH_BYTES = 8  # of the header's length, at the start of the file

_Buffer = TypeVar("_Buffer", bytearray, memoryview)

_NUMPY_TYPES = {
    "F16": "f2",
    "F32": "f4",
    "F64": "f8",
    "I64": "i8",
    "U8": "u1",
    "U16": "u2",
    "U32": "u4",
    "U64": "u8",
}

DTYPES = tuple(_NUMPY_TYPES)
"""The tensor types that can be read."""


class _Entry(NamedTuple):
    """A tensor's entry in the header: its type, its shape, and where its bytes begin and end after the header."""

    kind: str
    shape: tuple[int, ...]
    begin: int
    end: int


class SafetensorsFile:
    """An open safetensors file with a valid header. Its ``metadata`` are the texts in the header."""

    def __init__(self, file: io.FileIO, size: int) -> None:
        """Read the header; raise ``ValueError`` if it is invalid or does not fit the file."""
        length = int.from_bytes(_read(file, bytearray(_LENGTH_BYTES)), "little")
        if length > size - _LENGTH_BYTES:
            raise ValueError("its header is longer than the file")
        if length > _MAX_HEADER:
            raise ValueError(f"its header has {length:,} bytes, more than {_MAX_HEADER:,}")
        try:
            text = _read(file, bytearray(length)).decode()
        except UnicodeDecodeError:
            raise ValueError("its header is not UTF-8") from None
        header = read_json(text)
        metadata = header.pop("__metadata__", {}) if isinstance(header, dict) else None
        if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
            raise ValueError("its header is not valid")
        self._file, self._data_start = file, _LENGTH_BYTES + length
        self.metadata: dict[str, str] = metadata
        self._entries = {name: _parse_entry(name, fields) for name, fields in header.items()}
        _check_layout(self._entries.values(), size - self._data_start)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tensors."""
        return tuple(self._entries)

    def read(self, name: str, kinds: tuple[str, ...], shape: tuple[int | None, ...] | None = None) -> NDArray[Any]:
        """Read a tensor.

        Args:
            name: its name.
            kinds: the types it may have, from ``DTYPES``.
            shape: the shape it must have, with ``None`` for any length; by default any shape.

        Raises:
            KeyError: there is no such tensor.
            ValueError: its type or shape is not allowed, or the file has become shorter.
        """
        import numpy as np

        entry = self._entries[name]
        fits = shape is None or (
            len(shape) == len(entry.shape)
            and all(expected in (None, actual) for expected, actual in zip(shape, entry.shape, strict=True))
        )
        if entry.kind not in kinds or not fits:
            raise ValueError(f"the tensor {name} is {entry.kind} {list(entry.shape)}")
        self._file.seek(self._data_start + entry.begin)
        content = np.empty(entry.end - entry.begin, dtype=np.uint8)
        _read(self._file, content.data)
        array: NDArray[Any] = content.view(f"<{_NUMPY_TYPES[entry.kind]}").reshape(entry.shape)
        return array.astype(_NUMPY_TYPES[entry.kind], copy=False)


@contextlib.contextmanager
def open_safetensors(path: Path) -> Iterator[SafetensorsFile]:
    """Open a safetensors file; raise ``ModelFileError`` if it cannot be read or is not a safetensors file."""
    try:
        with open_regular_file(path, ModelFileError, "copy the model into a file") as file:
            try:
                tensors = SafetensorsFile(file, os.fstat(file.fileno()).st_size)
            except (ValueError, RecursionError) as error:
                raise ModelFileError(
                    f"{path} is not a model file, or it is damaged: {describe_error(error)}; use another copy"
                ) from error
            yield tensors
    except FileNotFoundError:
        raise ModelFileError(f"no model file {path}; list your models with `namegen models`") from None
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from error
    except MemoryError as error:
        raise ModelFileError(f"{path} needs more memory than is available") from error


def read_json(text: str) -> Any:  # noqa: ANN401 - JSON can be any type
    """Parse JSON strictly and with bounded memory; raise ``ValueError`` or ``RecursionError`` if that is impossible."""
    if text.count(",") > MAX_VALUES:
        raise ValueError(f"it has more than {MAX_VALUES:,} values")
    return json.loads(text, object_pairs_hook=_parse_object, parse_int=_parse_int, parse_constant=_refuse_constant)


def describe_error(error: Exception) -> str:
    """Return an error's message, short and printable, to be part of another message."""
    is_missing_key = isinstance(error, KeyError) and error.args
    return shorten(f"{error.args[0]!r} is missing" if is_missing_key else str(error))


def _read(file: io.FileIO, buffer: _Buffer) -> _Buffer:
    """Fill a buffer with the next bytes, and return it."""
    rest = memoryview(buffer)
    while rest:
        count = file.readinto(rest)
        if not count:
            raise ValueError("it is truncated")
        rest = rest[count:]
    return buffer


def _parse_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    parsed = dict(pairs)
    if len(parsed) < len(pairs):
        raise ValueError("a key appears twice")
    return parsed


def _parse_int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:  # int() takes time quadratic in their number
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _parse_entry(name: str, fields: object) -> _Entry:
    """Return a tensor's entry in the header if it is consistent in itself."""
    match fields:
        case {"dtype": str(kind), "shape": [*shape], "data_offsets": [begin, end], **others} if (
            not others and len(shape) <= _MAX_DIMENSIONS and _are_sizes([*shape, begin, end])
        ):
            size = math.prod(shape) * int(_NUMPY_TYPES[kind][1:]) if kind in _NUMPY_TYPES else end - begin
            if 0 <= size == end - begin:
                return _Entry(kind[:20], tuple(shape), begin, end)
    raise ValueError(f"the entry of the tensor {name[:80]!r} is not valid")


def _are_sizes(values: list[object]) -> bool:
    return all(type(value) is int and 0 <= value < 2**48 for value in values)


def _check_layout(entries: Iterable[_Entry], size: int) -> None:
    """Check that the tensors fill the rest of the file without gaps or overlaps."""
    end = 0
    for entry in sorted(entries, key=lambda entry: (entry.begin, entry.end)):
        if entry.begin != end:
            raise ValueError("its tensors overlap, or have gaps between them")
        end = entry.end
    if end != size:
        raise ValueError(f"its tensors take {end:,} bytes, but it has {size:,}")

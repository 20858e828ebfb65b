"""Reading safetensors files that nobody vouches for.

Only the header is read at first, and checked against the length of the file. A tensor is read when it is asked for, by
somebody who says which types and which shape it may have: so what a file claims takes no memory, and what nobody needs
is never read. The bytes are copied, not mapped: a file that is cut while it is mapped ends the process.

numpy is imported when a tensor is read, so that who wants no more than the metadata need not wait for it.

Writing is left to the safetensors library.
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
"""The most bytes of a text in the metadata. Written into the header, none becomes twice as long."""


MAX_VALUES = 2**20
"""The most commas of a text that is read as JSON, and with that about the most values: each takes some 100 bytes."""


_MAX_HEADER = 2 * MAX_TEXT + 2**20  # bytes


_MAX_DIMENSIONS = 8


_MAX_DIGITS = 20


_LENGTH = 8  # bytes, of the header's length at the beginning of the file


_Buffer = TypeVar("_Buffer", bytearray, memoryview)


_TYPES = {"F16": "f2", "F32": "f4", "F64": "f8", "I64": "i8", "U64": "u8"}  # as numpy calls them


DTYPES = tuple(_TYPES)
"""The types of tensors that can be read."""


class _Entry(NamedTuple):
    """What the header says of a tensor.

    Attributes:
        kind: its type, as the format calls it.
        shape: its shape.
        begin: where its bytes begin, after the header.
        end: where they end.
    """

    kind: str
    shape: tuple[int, ...]
    begin: int
    end: int


class SafetensorsFile:
    """An open file, its header checked.

    Attributes:
        metadata: the texts in the header.
    """

    def __init__(self, file: io.FileIO, size: int) -> None:
        """Read the header.

        Raises:
            ValueError: it is none, or does not fit the file.
        """
        length = int.from_bytes(_read(file, bytearray(_LENGTH)), "little")
        if length > size - _LENGTH:
            raise ValueError("its header is longer than the file")
        if length > _MAX_HEADER:
            raise ValueError(f"its header has {length:,} bytes, more than {_MAX_HEADER:,}")
        header = read_json(_decoded(_read(file, bytearray(length))))
        if not isinstance(header, dict):
            raise ValueError("its header is no object")  # noqa: TRY004 - one error for whatever does not fit
        self._file, self._data = file, _LENGTH + length
        self.metadata = _metadata(header.pop("__metadata__", {}))
        self._entries = {name: _entry(name, about) for name, about in header.items()}
        _check_layout(self._entries.values(), size - self._data)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tensors."""
        return tuple(self._entries)

    def read(self, name: str, kinds: tuple[str, ...], shape: tuple[int | None, ...] | None = None) -> NDArray[Any]:
        """Read a tensor.

        Args:
            name: its name.
            kinds: the types that it may have, of ``DTYPES``.
            shape: the shape that it must have, ``None`` for any length; by default any shape.

        Raises:
            KeyError: there is none of that name.
            ValueError: it is another one, or the file has become shorter.
        """
        import numpy as np

        entry = self._entries[name]
        fits = shape is None or (
            len(shape) == len(entry.shape)
            and all(want in (None, have) for want, have in zip(shape, entry.shape, strict=True))
        )
        if entry.kind not in kinds or not fits:
            raise ValueError(f"the tensor {name} is {entry.kind} {list(entry.shape)}")
        self._file.seek(self._data + entry.begin)
        content = np.empty(entry.end - entry.begin, dtype=np.uint8)
        _read(self._file, content.data)
        array: NDArray[Any] = content.view(f"<{_TYPES[entry.kind]}").reshape(entry.shape)
        return array.astype(_TYPES[entry.kind], copy=False)


@contextlib.contextmanager
def open_safetensors(path: Path) -> Iterator[SafetensorsFile]:
    """Open a safetensors file while the body reads tensors.

    Raises:
        ModelFileError: it cannot be read, or is no such file.
    """
    try:
        with open_regular_file(path, ModelFileError, ", and so no model; copy the model into a file") as file:
            try:
                tensors = SafetensorsFile(file, os.fstat(file.fileno()).st_size)
            except (ValueError, RecursionError) as error:
                raise ModelFileError(
                    f"{path} is not a model file, or it is damaged: {describe_error(error)}; take another copy"
                ) from error
            yield tensors
    except FileNotFoundError:
        raise ModelFileError(f"no model file {path}; `namegen models` lists those there are") from None
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror or error}") from error
    except MemoryError as error:
        raise ModelFileError(f"{path} needs more memory than there is") from error


def read_json(text: str) -> Any:  # noqa: ANN401 - whatever it says
    """Read JSON as its standard has it, of moderate size.

    Raises:
        ValueError: it is not JSON, has a key twice or a number of many digits, or has too many values.
        RecursionError: it is too deep.
    """
    if text.count(",") > MAX_VALUES:
        raise ValueError(f"it has more than {MAX_VALUES:,} values")
    return json.loads(text, object_pairs_hook=_object, parse_int=_whole, parse_constant=_no_constant)


def describe_error(error: Exception) -> str:
    """Return what an error says as part of a line, whatever the file made it say: short, and printable."""
    said = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) and error.args else str(error)
    return shorten(said)


def _read(file: io.FileIO, into: _Buffer) -> _Buffer:
    """Fill ``into`` with the next bytes, and return it.

    Raises:
        ValueError: there are fewer.
    """
    rest = memoryview(into)
    while rest:
        read = file.readinto(rest)
        if not read:
            raise ValueError("it is cut short")
        rest = rest[read:]
    return into


def _decoded(text: bytearray) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise ValueError("its header is not UTF-8") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands there twice")
    return made


def _whole(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:  # the time that int() takes grows with the square of their number
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _metadata(texts: object) -> dict[str, str]:
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("its metadata are no texts")
    return texts


def _entry(name: str, about: object) -> _Entry:
    """Return what the header says of a tensor, if it makes sense by itself."""
    wrong = ValueError(f"what it says of the tensor {name[:80]!r} makes no sense")
    if not isinstance(about, dict) or about.keys() != {"dtype", "shape", "data_offsets"}:
        raise wrong
    kind, shape, offsets = about["dtype"], about["shape"], about["data_offsets"]
    if not (isinstance(kind, str) and _are_sizes(shape) and _are_sizes(offsets) and len(offsets) == 2):
        raise wrong
    begin, end = offsets
    if len(shape) > _MAX_DIMENSIONS or begin > end:
        raise wrong
    if kind in _TYPES and math.prod(shape) * int(_TYPES[kind][1:]) != end - begin:
        raise wrong
    return _Entry(kind[:20], tuple(shape), begin, end)


def _are_sizes(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**48 for value in values)


def _check_layout(entries: Iterable[_Entry], size: int) -> None:
    """See that tensors lie one behind the other, from the end of the header to that of the file."""
    end = 0
    for entry in sorted(entries, key=lambda entry: (entry.begin, entry.end)):
        if entry.begin != end:
            raise ValueError("its tensors overlap, or have gaps between them")
        end = entry.end
    if end != size:
        raise ValueError(f"its tensors take {end:,} bytes, but there are {size:,}")

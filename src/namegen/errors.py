"""The exceptions of namegen: :class:`NamegenError` and its subclasses.

A message is one line: what failed, and what to do about it. The command exits with the exception's ``exit_code``.
"""

from __future__ import annotations

_MAX_SHOWN = 100  # characters


def shorten(text: str) -> str:
    """Return a user's text for a message: printable, and if it is long, only its beginning and end."""
    return escape_unprintable(_truncate(text))


def quote(text: str) -> str:
    """Return a user's text as :func:`shorten` does, in quotation marks."""
    return repr(_truncate(text))


def escape_unprintable(text: str) -> str:
    """Replace unprintable characters, such as terminal control codes, by escapes."""
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode() for c in text])


def _truncate(text: str) -> str:
    half = _MAX_SHOWN // 2
    return text if len(text) <= _MAX_SHOWN else f"{text[:half]}…{text[1 - half :]}"


class NamegenError(Exception):
    """The base class of namegen's errors."""

    exit_code = 1


class UsageError(NamegenError):
    """The request is not valid: an unknown category, a setting out of range."""

    exit_code = 2


class CacheError(NamegenError):
    """The cache directory cannot be located."""


class DataError(NamegenError):
    """A list of names cannot be read, or has no names to learn from."""


class DownloadError(NamegenError):
    """A dataset cannot be downloaded, or its checksum is wrong."""


class ModelFileError(NamegenError):
    """A model file is missing, damaged, from a newer version, or not a model."""


class DeviceError(NamegenError):
    """The requested device does not exist, or fails."""


class BusyError(NamegenError):
    """Another process is using the same file."""


class RunError(NamegenError):
    """A training run cannot start: an unfinished run exists, or there is none to resume."""


class RankError(NamegenError):
    """Another process of distributed training has ended, or cannot be reached."""


class DivergedError(NamegenError):
    """The training loss became infinite or NaN."""


class TrainingStopped(NamegenError):  # noqa: N818 - not an error: the user asked for it
    """Training stopped on request, after saving its state."""


class MissingPackageError(NamegenError, ImportError):
    """An optional package is not installed."""

"""What can go wrong, as one family of exceptions.

A message is one line that says what is wrong and what to do about it, and it is made where the fact is
known. The command line prints it behind ``Error:`` and ends with the exception's ``exit_code``.
"""

from __future__ import annotations

_MAX_SHOWN = 100  # characters


def shorten(text: str) -> str:
    """Return text that somebody gave as a message has it: printable, and if long, its beginning and its end."""
    return escape_unprintable(_ends(text))


def escape_unprintable(text: str) -> str:
    """Return text with escapes in the place of what a terminal might obey, or could not show."""
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode() for c in text])


def quote(text: str) -> str:
    """Return text that somebody gave as :func:`shorten` does, between quotation marks."""
    return repr(_ends(text))


def _ends(text: str) -> str:
    half = _MAX_SHOWN // 2
    return text if len(text) <= _MAX_SHOWN else f"{text[:half]}…{text[1 - half :]}"


class NamegenError(Exception):
    """Something could not be done. The base of every error that namegen raises on purpose."""

    exit_code = 1


class UsageError(NamegenError):
    """The request itself makes no sense: an unknown category, a setting out of range."""

    exit_code = 2


class CacheError(NamegenError):
    """There is no folder to keep things in."""


class DataError(NamegenError):
    """A list of names could not be read, or holds nothing to learn from."""


class DownloadError(NamegenError):
    """A dataset could not be fetched or is not what it should be."""


class ModelFileError(NamegenError):
    """A model file is missing, damaged, from a newer version, or not a model at all."""


class DeviceError(NamegenError):
    """The device asked for is not there, or fails."""


class BusyError(NamegenError):
    """Another process is at work on the same thing."""


class RunError(NamegenError):
    """A training run cannot start: an unfinished one is in the way, or there is none to go on with."""


class RankError(NamegenError):
    """Of several processes that train together one has ended, or cannot be reached."""


class UnmetError(RankError):
    """Several processes that are to train together have not found each other, so none can speak for all."""


class DivergedError(NamegenError):
    """The training loss became infinite or not a number."""


class TrainingStopped(NamegenError):  # noqa: N818 - nothing went wrong: somebody asked for it
    """Training was asked to stop, and its state is saved."""


class MissingPackageError(NamegenError, ImportError):
    """A package is not installed that only some people need."""

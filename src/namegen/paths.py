"""Locations of files.

namegen stores its files in one directory, the user's cache directory for ``namegen`` or ``NAMEGEN_CACHE_DIR``::

    datasets/NAME/             downloaded datasets
    models/NAME.safetensors    finished models
    runs/NAME.safetensors      unfinished training runs
    locks/                     locks of running trainings
    origins/                   where the names of finished trainings were read from

Paths given by the user are used as given. The package's own files are in its directory ``data``, which may be
read-only.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from namegen.errors import CacheError, UsageError

SUFFIX = ".safetensors"
DATA_DIR = Path(__file__).parent / "data"
STARTER_DIR = DATA_DIR / "starter"
PRETRAINED_FILE = DATA_DIR / f"pretrained{SUFFIX}"
PEOPLE_FILE = DATA_DIR / f"people{SUFFIX}"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def cache_dir() -> Path:
    """Return the cache directory, which may not exist yet.

    Raises:
        UsageError: ``NAMEGEN_CACHE_DIR`` is in the home directory of an unknown user.
        CacheError: the home directory cannot be determined, or ``XDG_CACHE_HOME`` is not an absolute path.
    """
    override = os.environ.get("NAMEGEN_CACHE_DIR")
    if override:
        try:
            return Path(override).expanduser()
        except RuntimeError as error:
            raise UsageError(f"NAMEGEN_CACHE_DIR is {override}, but {error}".rstrip(".")) from None
    from platformdirs import user_cache_path

    try:
        folder = user_cache_path("namegen", appauthor=False)
    except RuntimeError:  # older versions return ~ instead
        folder = Path("~")
    if not folder.is_absolute():
        raise CacheError("no usable cache directory; set NAMEGEN_CACHE_DIR to a directory")
    return folder


def dataset_dir(name: str) -> Path:
    """Return the directory of a downloaded dataset."""
    return cache_dir() / "datasets" / check_name(name)


def models_dir() -> Path:
    """Return the directory of finished models."""
    return cache_dir() / "models"


def runs_dir() -> Path:
    """Return the directory of unfinished training runs."""
    return cache_dir() / "runs"


def locks_dir() -> Path:
    """Return the directory of locks."""
    return cache_dir() / "locks"


def origins_dir() -> Path:
    """Return the directory of the origins of training names."""
    return cache_dir() / "origins"


def check_name(name: str) -> str:
    """Return the name of a model or dataset in the cache if it is valid.

    Raises:
        UsageError: the name has other characters than letters, digits, dots, hyphens and underscores.
    """
    if is_name(name):
        return name
    raise UsageError(
        f"{name!r} cannot be a name; use letters, digits, '.', '-' and '_', starting with a letter or digit"
    )


def is_name(name: str) -> bool:
    """Check whether a name is valid for a model or dataset in the cache."""
    return _NAME.fullmatch(name) is not None


def looks_like_path(name_or_path: str) -> bool:
    """Check whether a user's argument means a file rather than a name in the cache."""
    has_separator = os.sep in name_or_path or (os.altsep is not None and os.altsep in name_or_path)
    return has_separator or name_or_path.lower().endswith(SUFFIX)

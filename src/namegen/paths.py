"""Where things live.

Everything that namegen keeps lies below one folder, the user's cache folder for ``namegen`` or the one that
``NAMEGEN_CACHE_DIR`` names::

    datasets/NAME/             what `namegen download` fetched
    models/NAME.safetensors    finished models
    runs/NAME.safetensors      training runs under way, or waiting to be resumed
    locks/                     who is training what

A path that the user gives is used as given and never lands in the cache. What comes along with the package lies in its
own folder ``data``, which may be read-only.
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

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def cache_dir() -> Path:
    """The folder everything lives in; it need not exist yet.

    Raises:
        UsageError: ``NAMEGEN_CACHE_DIR`` begins with the home folder of nobody.
        CacheError: there is no home folder, or ``XDG_CACHE_HOME`` is no absolute path, so that what lies in it would
            be found from one folder only.
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
    except RuntimeError:  # newer versions refuse what older ones call ~
        folder = Path("~")
    if not folder.is_absolute():
        raise CacheError(
            "there is no home folder to keep things in, or XDG_CACHE_HOME is no absolute path; "
            "set NAMEGEN_CACHE_DIR to a folder"
        )
    return folder


def dataset_dir(name: str) -> Path:
    """The folder of a downloaded dataset."""
    return cache_dir() / "datasets" / check_name(name)


def models_dir() -> Path:
    """The folder of the finished models."""
    return cache_dir() / "models"


def runs_dir() -> Path:
    """The folder of the training runs that are not finished."""
    return cache_dir() / "runs"


def locks_dir() -> Path:
    """The folder of the locks, one for each model that is or was being trained."""
    return cache_dir() / "locks"


def check_name(name: str) -> str:
    """Return ``name`` if it can name a model or dataset in the cache.

    Raises:
        UsageError: it has other characters than letters, digits, dots, hyphens and underscores.
    """
    if is_name(name):
        return name
    raise UsageError(
        f"{name!r} cannot be a name: use letters, digits, '.', '-' and '_', starting with a letter or digit"
    )


def is_name(name: str) -> bool:
    """Whether this can name a model or dataset in the cache."""
    return _NAME.fullmatch(name) is not None


def looks_like_path(name_or_path: str) -> bool:
    """Whether a user who typed this meant a file rather than a name in the cache."""
    separators = (os.sep, os.altsep or os.sep)
    return any(s in name_or_path for s in separators) or name_or_path.lower().endswith(SUFFIX)

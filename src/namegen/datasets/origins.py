"""Remember where training names were read from, to find them again for an evaluation.

A model file has no paths, so that the same training gives the same file. The origin of the names is a small file in the
cache directory, under the fingerprint of the dataset.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING

from namegen import paths
from namegen.datasets.options import DataSource
from namegen.errors import NamegenError
from namegen.io.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from namegen.datasets.dataset import Dataset

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def remember_origin(dataset: Dataset) -> None:
    """Write where the names of a dataset were read from. Without a usable cache, nothing is written."""
    if dataset.source:
        content = json.dumps(dataset.source.as_dict(), ensure_ascii=False)
        with contextlib.suppress(NamegenError):
            write_atomically(_origin_file(dataset.fingerprint), content.encode(errors="surrogatepass"))


def find_origin(fingerprint: str) -> DataSource | None:
    """Return where the names with a fingerprint were read from; ``None`` if that is not known on this machine."""
    if not _FINGERPRINT.fullmatch(fingerprint):
        return None
    try:
        content = _origin_file(fingerprint).read_bytes()
        return DataSource.from_dict(json.loads(content.decode(errors="surrogatepass")))
    except (OSError, ValueError, KeyError, TypeError, RecursionError, NamegenError):
        return None


def _origin_file(fingerprint: str) -> Path:
    return paths.origins_dir() / f"{fingerprint}.json"

"""Write the data files that the playground loads: ``python scripts/docs/playground_files.py FOLDER``.

The models are compressed, so that little is transferred whatever the server does. ``catalogue.json`` has their
categories. ``spellings.txt`` has Unidecode's transliterations of the characters of the Basic Multilingual Plane.
``version.js`` has the hashes of all files, by which the service worker knows a new version of the page.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from unidecode import unidecode

from namegen import load_model

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA = Path(__file__).resolve().parents[2] / "src" / "namegen" / "data"
MODELS = ("pretrained", "people")
FILES = (*(f"{name}.safetensors.gz" for name in MODELS), "catalogue.json", "spellings.txt.gz", "offensive.txt")
"""The names of the files, except :data:`VERSION`."""
VERSION = "version.js"

_NOT_VERSIONED = (VERSION, "sw.js")  # the browser itself looks for new ones

_BLOCK = 256  # characters on a line


@lru_cache
def build_file(name: str, data: Path = DATA) -> bytes:
    """Return the content of one of the files.

    Args:
        name: one of :data:`FILES`.
        data: the folder of the models.

    Raises:
        OSError, ModelFileError: a model is missing.
    """
    if name == "spellings.txt.gz":
        return _compress(build_spellings().encode())
    if name == "catalogue.json":
        return json.dumps(
            {model: load_model(data / f"{model}.safetensors").all_categories for model in MODELS}
        ).encode()
    if name.endswith(".gz"):
        return _compress((data / name.removesuffix(".gz")).read_bytes())
    return (data / name).read_bytes()


def build_version(files: Mapping[str, bytes]) -> bytes:
    """Return the content of ``version.js``.

    Args:
        files: the content of each file of the page, by name. A compressed file has the hash of its content, since a
            server may decompress it.
    """
    hashes = {
        name: hashlib.sha256(gzip.decompress(content) if name.endswith(".gz") else content).hexdigest()
        for name, content in sorted(files.items())
        if name not in _NOT_VERSIONED
    }
    return f"self.NAMEGEN_FILES = {json.dumps(hashes, indent=2)};\n".encode()


def read_page(folder: Path) -> dict[str, bytes]:
    """Return the content of each file in a folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def build_spellings() -> str:
    """Return a line for each 256 characters: the number of the block, and their spellings, each after a tab."""
    lines = []
    for begin in range(0, 2**16, _BLOCK):
        spellings = [_spell(point) for point in range(begin, begin + _BLOCK)]
        while spellings and not spellings[-1]:
            spellings.pop()
        if spellings:
            lines.append("\t".join([f"{begin // _BLOCK:x}", *spellings]))
    return "\n".join(lines) + "\n"


def _spell(point: int) -> str:
    if point < 0x80 or 0xD800 <= point < 0xE000:
        return ""  # ASCII stays as it is; half of a surrogate pair is not a character
    spelling: str = unidecode(chr(point), errors="ignore")
    return "" if "\n" in spelling or "\t" in spelling else spelling


def _compress(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)  # the same bytes at any time


def main() -> None:
    """Write the files to a folder."""
    parser = argparse.ArgumentParser(description="Write the data files that the playground loads.")
    parser.add_argument("folder", type=Path, help="the folder of the page")
    folder = parser.parse_args().folder
    try:
        for name in FILES:
            (folder / name).write_bytes(build_file(name))
        (folder / VERSION).write_bytes(build_version(read_page(folder)))
    except OSError as error:
        sys.exit(f"Error: {error.filename}: {error.strerror}; give the folder of the page")


if __name__ == "__main__":
    main()

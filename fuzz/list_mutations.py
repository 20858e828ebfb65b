"""Mutate lists, tables, JSON, spreadsheets and archives like an attacker, and check what must hold for each.

A case is one file: its first byte selects one of ``NAMES`` and one of ``OPTIONS``, and the rest is its content.
Mutations know the formats: they change text within its gzip or zip and pack it again, so that not all cases fail at a
checksum.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import time
import unicodedata
import warnings
import zipfile
import zlib
from typing import TYPE_CHECKING

from namegen.datasets.graphemes import is_printable
from namegen.datasets.options import ReadingOptions
from namegen.datasets.readers import load_dataset
from namegen.errors import NamegenError

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from namegen.datasets.dataset import Dataset

NAMES = (
    "X.txt",
    "X.txt.gz",
    "names.csv",
    "names.csv.gz",
    "names.tsv",
    "names.tsv.gz",
    "names.zip",
    "[bold].TXT",
    "CON.txt",
    "names.json",
    "names.jsonl",
    "names.xlsx",
    "names.parquet",
    "names",
)
OPTIONS = (
    *[ReadingOptions()] * 8,  # as people use it
    ReadingOptions(weights="count", min_count=2),
    ReadingOptions(weights="sqrt", name_column=1, header=False),
    ReadingOptions(name_column="name", category_column=1),
    ReadingOptions(category_column="none", weight_column="count", weights="count"),
    ReadingOptions(plain=True),
    ReadingOptions(encoding="latin-1"),
    ReadingOptions(encoding="utf-16"),
    ReadingOptions(encoding="utf-7"),
)
SLOWEST = 5.0
"""The maximum processor time of a case in seconds, under instrumentation; cases are small."""

_LARGEST = 2**16  # bytes of a mutated case, apart from bombs
_MAX_NAMES = 2**17  # in a case; a permitted bomb contains no more
_TEXT = "Anna\nBert\nLúthien\nVan der Berg\nO'Neill\nGroß\nŁukasz\nСергей\n王\n".encode()
_TABLE = 'category,name\nElvish,Arwen\nElvish,Lúthien\nDwarvish,Gimli\n"Isles, British","Smith, Jr."\n'.encode()
_COUNTS = b"name;sex;births\nEmma;F;20.005\nOlivia;F;10.005\nLiam;M;*\nNoah;M;0\n"
_ALIGNED = b"ABBAS    1.000  1.000  1\nABBEY    0.500  1.500  2\nDE LA CRUZ  0.333  1.833  3\n"
_SECTIONS = (
    b"# names\n[male]\n1. Liam\n2. Noah\n\n[female]\n- Emma &amp; Ava\n- Smith, Anna\n"
    b"Mia, Zoe, Ida\nB\xc3\x83\xc2\xa4cker\n"
)
_JSON = (
    ["Anna", "Bert"],
    {"description": "Elves", "names": ["Arwen", "Elrond"]},
    {"elf": {"f": ["Arwen"], "m": ["Elrond"]}, "orc": ["Azog"]},
    [{"name": "Emma", "sex": "F", "births": 20005}, {"name": "Liam", "sex": "M", "births": 18}],
    {"Emma": 20005, "Ava": 1.5},
    {"results": {"bindings": [{"itemLabel": {"type": "literal", "value": "Emma"}}]}},
    [["Emma", "F", 5], ["Liam", "M", 4]],
)
_PARTS = (
    b"1. ",
    b"- ",
    b"# ",
    b"[x]\n",
    b"Elves:\n",
    b"&eacute;",
    b"&#x1b;",
    b", ",
    b";",
    b"|",
    b"   ",
    b"1.234,5",
    b"[",
    b"{",
    b"]" * 100,
    b"[" * 5_000,
    b'{"a":' * 5_000,
    b'"\\ud800"',
    b"1e999",
    b"9" * 5_000,
    b"NaN",
    b"\0",
    b"\r",
    b"\r\n",
    b"\n",
    b"\t",
    b",",
    b'"',
    b'""',
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\x1b[31m",
    b"\x1b]0;owned\x07",
    b"\xc2\x9b2J",
    b"[bold]",
    b"[/]",
    b"../x",
    b"CON",
    b"x" * 300,
    b"x" * 70_000,
    b'"\n' * 2000,
    b"\xed\xb3\xbf",
    b"\xf4\x90\x80\x80",
    b"category",
    b"name",
    *(
        character.encode()
        for character in "\u202e\u2066\u200b\u200d\u2028\u0085\u00a0\ufeff\U000e0001\u0301ﷺ𝔸Ǆᾳ\x7f\x0b\x1c"
    ),
)
_MEMBERS = (
    "A.txt",
    "b/A.txt",
    "a.TXT",
    "A.txt.gz",
    "../A.txt",
    "/A.txt",
    "C:\\A.txt",
    "d\\A.txt",
    "A.txt/",
    ".txt",
    "\x1b[31m.txt",
    "\u202e.txt",
    "[bold].txt",
    "CON.txt",
    "names.zip",
    "x" * 300 + ".txt",
    "__MACOSX/A.txt",
    "",
    ".hidden/A.txt",
    "elf/female.txt",
    "README.txt",
    "A.csv",
    "A.json",
    "A.xlsx",
    "xl/workbook.xml",
)


def seeds() -> list[bytes]:
    """Return small cases of every format, most of them valid."""
    archive = packed([("data/Elvish.txt", b"Arwen\n"), ("data/Dwarvish.txt.gz", gzip.compress(b"Gimli\n", mtime=0))])
    contents = {
        "X.txt": [_TEXT, b"", "Anna\nBert\n".encode("utf-16")],
        "X.txt.gz": [gzip.compress(_TEXT, mtime=0), gzip.compress(b"A\n" * 5_000, mtime=0)],
        "names.csv": [_TABLE, b"A,Anna\r\nB,Bert\r\n"],
        "names.csv.gz": [gzip.compress(_TABLE, mtime=0)],
        "names.tsv": [_TABLE.replace(b",", b"\t")],
        "names.tsv.gz": [gzip.compress(_TABLE.replace(b",", b"\t"), mtime=0)],
        "names.zip": [archive, packed([("A.txt", _TEXT)], zipfile.ZIP_STORED), b"#!/bin/sh\n" + archive],
        "[bold].TXT": [_TEXT],
        "CON.txt": [_TEXT],
        "names.json": [json.dumps(value).encode() for value in _JSON],
        "names.jsonl": [b"\n".join(json.dumps(value).encode() for value in _JSON[3]), b'"Anna"\n"Bert"\n'],
        "names.xlsx": [_build_workbook()],
        "names.parquet": [_build_parquet()],
        "names": [_COUNTS, _ALIGNED, _SECTIONS, json.dumps(_JSON[0]).encode()],
    }
    return [bytes([NAMES.index(name)]) + content for name, some in contents.items() for content in some]


def mutate_case(case: bytes, rng: random.Random) -> bytes:
    """Return a case with one to four mutations that fit its format."""
    first = case[0] if case else 0
    which, options = first % len(NAMES), first // len(NAMES)
    if rng.random() < 0.02:
        which = rng.randrange(len(NAMES))
    if rng.random() < 0.1:
        options = rng.randrange(len(OPTIONS))
    content = case[1:]
    for _ in range(rng.randint(1, 4)):
        content = _of_format(NAMES[which].lower(), content, rng)
    return bytes([which + options * len(NAMES)]) + content


def generate_cases(rng: random.Random) -> Iterator[bytes]:
    """Yield cases without end, each a mutation of a seed or, as often, of an earlier case."""
    made = seeds()
    while True:
        case = mutate_case(rng.choice(seeds() if rng.random() < 0.5 else made[-100:]), rng)
        yield case
        made = [*made[-100:], case]


def check(case: bytes, folder: Path) -> Dataset | str:
    """Read a case as a dataset, in its own folder, and check what must hold.

    Returns:
        The dataset, or the error message.

    Raises:
        Exception: reading failed with anything but a clear error.
        AssertionError: a check failed.
    """
    name = NAMES[case[0] % len(NAMES)] if case else NAMES[0]
    reading = OPTIONS[case[0] // len(NAMES) % len(OPTIONS)] if case else OPTIONS[0]
    path = folder / name
    path.write_bytes(case[1:])
    began = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            dataset = load_dataset(path, reading=reading)
    except NamegenError as error:
        message = str(error)
        _must(name.split(".")[0] in message, f"the error does not name the file: {message!r}")
        _must(len(message) < 2000, "the error is too long")
        return message
    finally:
        seconds, there = time.process_time() - began, [file.name for file in folder.iterdir()]
        path.unlink()
        _must(seconds < SLOWEST, "too slow")
        _must(there == [name], f"other files were written: {there}")
    _must(0 < len(dataset) <= _MAX_NAMES or len(case) > _LARGEST, f"{len(dataset):,} names")
    _must(len(dataset.categories) == len(set(dataset.categories)), "a category twice")
    for category in dataset.categories:
        _must(is_printable(category) and unicodedata.is_normalized("NFC", category), f"the category {category!r}")
    _must(int(dataset.counts.min()) > 0, "a category without names")
    _must(dataset.weights is None or (len(dataset.weights) == len(dataset) and dataset.weights.min() > 0), "weights")
    _must(all(map(str.isprintable, (*dataset.notes, *dataset.reports))), f"{dataset.notes} {dataset.reports}")
    for index in (0, len(dataset) - 1):
        spelt = dataset.name(index)
        _must(bool(spelt) and spelt == " ".join(spelt.split()), f"the name {spelt!r}")
        _must(dataset.alphabet.transliterate(spelt) == (spelt, 0), f"the name {spelt!r}")
    return dataset


def packed(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED, link: str | None = None) -> bytes:
    """Return a zip of some members; the one named ``link`` is a symbolic link."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as archive:
        warnings.simplefilter("ignore")  # about duplicate members
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            info.create_system = 3
            info.external_attr = (0o120777 if name == link else 0o100644) << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def _build_workbook() -> bytes:
    """Return a small spreadsheet, the same each time apart from its dates."""
    import openpyxl

    book = openpyxl.Workbook()
    for row in (("name", "sex", "births"), ("Emma", "F", 20005), ("Liam", "M", 18), ("Noah", "M", 1.5)):
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _build_parquet() -> bytes:
    """Return a small Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    columns = {"name": ["Emma", "Liam", None], "sex": ["F", "M", "M"], "births": [5, 4, 3], "tags": [["a"], [], None]}
    pq.write_table(pa.table(columns), buffer, compression="none")
    return buffer.getvalue()


def _must(holds: bool, complaint: str) -> None:
    if not holds:
        raise AssertionError(complaint)


def _of_format(name: str, content: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.15:
        return _bytes(content, rng)
    if name.endswith(".gz"):
        return _gzip(name.removesuffix(".gz"), content, rng)
    if name.endswith(".parquet"):
        return _bytes(content, rng)
    return _zip(content, rng) if name.endswith((".zip", ".xlsx")) else _text(content, rng)


def _text(content: bytes, rng: random.Random) -> bytes:
    """Insert something hostile, or shuffle, repeat, cut or recode lines."""
    at = rng.randrange(len(content) + 1)
    lines = content.split(b"\n")
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: content[:at] + rng.choice(_PARTS) + content[at:],
        lambda: content[:at] + rng.choice(_PARTS) + content[at:],
        lambda: content[:at] + content[at + rng.randint(1, 4) :],
        lambda: content[:at],
        lambda: b"\n".join(rng.sample(lines, len(lines))),
        lambda: content * rng.randint(2, 3),
        lambda: content.replace(b"\n", rng.choice([b"\r", b"\r\n", b"\n\n", b"\x0b"])),
        lambda: content.decode(errors="replace").encode(rng.choice(["utf-16", "utf-16-le", "utf-8-sig", "utf-32"])),
        lambda: _bytes(content, rng),
    )
    return rng.choice(ways)()[:_LARGEST]


def _gzip(inner: str, content: bytes, rng: random.Random) -> bytes:
    try:
        plain = zlib.decompressobj(31).decompress(content, 2**21)
    except zlib.error:
        return _bytes(content, rng)
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: gzip.compress(_of_format(inner, plain, rng), rng.choice([0, 1, 9]), mtime=0),
        lambda: gzip.compress(_of_format(inner, plain, rng), rng.choice([0, 1, 9]), mtime=0),
        lambda: content + rng.choice([content[:_LARGEST], b"\0" * 100, b"more", gzip.compress(b"")]),
        lambda: content[:3] + bytes([rng.randrange(256)]) + content[4:],  # its flags
        lambda: content[:-8] + rng.randbytes(8),
        lambda: gzip.compress(rng.choice([b"Anna\n", b"\0", b"A", b"\n", b"A,A\n"]) * 100_000, mtime=0),
        lambda: gzip.compress(content, mtime=0),
    )
    return rng.choice(ways)()


def _zip(content: bytes, rng: random.Random) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(info.filename, archive.read(info)[: 2**21]) for info in archive.infolist()[:20]]
    except Exception:  # noqa: BLE001 - other functions test for these
        return _bytes(content, rng)
    if not members:
        return packed([(rng.choice(_MEMBERS), _TEXT)])
    which = rng.randrange(len(members))
    name, inner = members[which]
    others = members[:which] + members[which + 1 :]
    link = name if rng.random() < 0.05 else None
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: packed([*others, (name, _of_format(name.lower(), inner, rng))]),
        lambda: packed([*others, (rng.choice(_MEMBERS), inner)], link=link),
        lambda: packed([*members, (rng.choice(_MEMBERS), inner)], rng.choice([0, 8, 8, 12, 14])),
        lambda: packed([*members, members[which]]),
        lambda: packed([*others, ("A.txt", rng.choice([b"Anna\n", b"\0", b"A"]) * 100_000)]),
        lambda: _field(content, rng),
        lambda: _field(content, rng),
        lambda: rng.choice([b"MZ", b"#!", b"\0" * 30]) + content,
        lambda: content + rng.choice([b"\0", b"PK\x05\x06", content[:_LARGEST]]),
    )
    return rng.choice(ways)()


def _field(content: bytes, rng: random.Random) -> bytes:
    """Falsify a field of a zip header: a size, offset, flag, method or length of a name."""
    marks = (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06")
    places = [place for place in range(len(content)) if content[place : place + 4] in marks]
    if not places:
        return _bytes(content, rng)
    at = rng.choice(places) + 4 + 2 * rng.randrange(21)
    value = rng.choice([0, 1, 8, 9, 12, 99, 0x800, 0x7FFF, 0xFFFF, rng.randrange(2**16)])
    return content[:at] + struct.pack("<H", value) + content[at + 2 :]


def _bytes(content: bytes, rng: random.Random) -> bytes:
    """Change a few bytes, regardless of their meaning."""
    changed = bytearray(content or b"\n")
    for _ in range(rng.randint(1, 4)):
        if changed:
            at = rng.randrange(len(changed))
            change = rng.randrange(4)
            if change == 0:
                changed[at] ^= 1 << rng.randrange(8)
            elif change == 1:
                changed[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
            elif change == 2:
                del changed[at : at + rng.randint(1, 8)]
            else:
                changed[at:at] = rng.choice(_PARTS)
    return bytes(changed[: 2 * _LARGEST])

"""Hostile archives: each is refused in one clear line, or read without side effects."""

from __future__ import annotations

import contextlib
import gzip
import io
import random
import string
import struct
import tracemalloc
import warnings
import zipfile
import zlib

import pytest

from namegen.datasets.readers import load_dataset
from namegen.errors import DataError
from namegen.io import archives

LINK = 0o120777

LONG_LINES = (b"x" * 999 + b"\n") * 10_000  # 10 MB in few lines


def pack(*members, method=zipfile.ZIP_DEFLATED, mode=0o100644, comment=b""):
    """Return the bytes of a zip of (path, content), each path as it is given."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as archive:
        warnings.simplefilter("ignore")  # of duplicate members
        archive.comment = comment
        for path, content in members:
            info = zipfile.ZipInfo("placeholder")
            info.filename = path  # which the constructor would change on Windows
            info.compress_type, info.create_system, info.external_attr = method, 3, mode << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def pack_by_hand(entries):
    """Return a zip of (path, offset of its bytes, packed size, declared size, checksum, its bytes or ``None``)."""
    body, directory = b"", b""
    for path, shared, size, declared, crc, content in entries:
        name = path.encode()
        fields = struct.pack("<HHHHHIIIHH", 20, 0x800, 8, 0, 0x21, crc, size, declared, len(name), 0)
        offset = shared if content is None else len(body)
        if content is not None:
            body += b"PK\x03\x04" + fields + name + content
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, offset) + name
    count = len(entries) % 2**16
    return body + directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(body), 0)


def deflate(content):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def refused(tmp_path, content, *parts, name="names.zip"):
    """Check that an archive is refused with these parts in the message, and nothing appears beside it."""
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_dataset(file)
    message = str(caught.value)
    assert [part for part in (str(file), *parts) if part not in message] == [], message
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]


@contextlib.contextmanager
def peak_below(limit):
    """Check that the body takes less than so many bytes of memory."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    """Run where an escaping relative path would lead to."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("path", ["../X.txt", "a/../../X.txt", "/X.txt", "..\\X.txt", "C:X.txt", "//host/share/X.txt"])
def test_a_path_that_leads_out_of_the_archive_is_refused(tmp_path, path):
    refused(tmp_path, pack(("Y.txt", b"Anna\n"), (path, b"Anna\n")), "has a path that leads out of it", repr(path))


def test_a_link_is_refused(tmp_path):
    refused(tmp_path, pack(("X.txt", b"/etc/passwd"), mode=LINK), "X.txt is a link")


@pytest.mark.parametrize(("first", "second"), [("X.txt", "X.txt"), ("a/X.txt", "a\\X.txt")])
def test_a_duplicate_file_is_refused(tmp_path, first, second):
    refused(tmp_path, pack((first, b"Anna\n"), (second, b"Bert\n")), f"has two files named '{first}'")


BOMBS = {
    "gzip": ("X.txt.gz", gzip.compress(LONG_LINES)),
    "zip": ("names.zip", pack(("X.txt", LONG_LINES))),
    "gzip in a zip": ("names.zip", pack(("X.txt.gz", gzip.compress(LONG_LINES)))),
    "many members": ("names.zip", pack(*((f"{number}.txt", LONG_LINES[:200_000]) for number in range(50)))),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_before_it_takes_up_memory(tmp_path, bomb):
    name, content = BOMBS[bomb]
    with peak_below(5_000_000):
        refused(tmp_path, content, "unpacks to more than 100 times its size", "unpack it yourself", name=name)


def test_the_unpacked_size_of_all_members_is_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_BYTES", 1000)
    refused(tmp_path, pack(("X.txt", b"Anna\n" * 100), ("Y.txt", b"Bert\n" * 101)), "or to more than 1,000 bytes")
    (tmp_path / "names.zip").write_bytes(pack(("X.txt", b"Anna\n" * 100), ("Y.txt", b"Bert\n" * 100)))
    assert len(load_dataset(tmp_path / "names.zip")) == 2


def test_a_small_repetitive_list_is_not_a_bomb(tmp_path):
    (tmp_path / "X.txt.gz").write_bytes(gzip.compress(b"Anna\n" * 20_000))
    assert len(load_dataset(tmp_path / "X.txt.gz", keep_repeats=True)) == 20_000


@pytest.mark.parametrize("declared", [0, 1, 2**32 - 2])
def test_a_wrong_declared_size_is_not_believed(tmp_path, declared):
    bomb = deflate(LONG_LINES)
    refused(tmp_path, pack_by_hand([("X.txt", 0, len(bomb), declared, zlib.crc32(LONG_LINES), bomb)]))


def test_members_that_share_their_bytes_are_refused(tmp_path):
    rng = random.Random(0)
    content = "".join("".join(rng.choices(string.ascii_letters, k=999)) + "\n" for _ in range(10)).encode()
    shared = deflate(content)
    fields = 0, len(shared), len(content), zlib.crc32(content)
    copies = [(f"{number}.txt", *fields, None) for number in range(1000)]
    refused(tmp_path, pack_by_hand([("X.txt", *fields, shared), *copies]))


def test_too_many_members_are_refused_before_they_take_up_memory(tmp_path):
    directory = pack_by_hand([("x", 0, 0, 0, 0, None)])[:-22] * 200_000
    count = 200_000 % 2**16
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), 0, 0)
    (tmp_path / "names.zip").write_bytes(directory + end)
    with peak_below(1_000_000), pytest.raises(DataError, match="has too many files"):
        load_dataset(tmp_path / "names.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_unusual_compression_is_refused(tmp_path, method):
    refused(tmp_path, pack(("X.txt", b"Anna\n"), method=method), "X.txt has an unsupported compression")


def test_an_encrypted_member_is_refused(tmp_path):
    content = bytearray(pack(("X.txt", b"Anna\n")))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    refused(tmp_path, bytes(content), "cannot read ", "X.txt", "is encrypted, password required")


def test_a_zip_in_a_zip_is_not_a_list(tmp_path):
    refused(tmp_path, pack(("names.zip", pack(("X.txt", b"Anna\n")))), "no lists of names in")


@pytest.mark.parametrize("path", ["", "X.txt/", "\x00.txt", ".txt", "/"])
def test_strange_paths_are_refused(tmp_path, path):
    refused(tmp_path, pack((path, b"" if path.endswith("/") else b"Anna\n")))


def test_a_path_that_is_not_utf_8_is_refused(tmp_path):
    content = pack(("Ä.txt", b"Anna\n")).replace("Ä".encode(), b"\xff\xfe")
    refused(tmp_path, content, "is not a valid zip archive")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_comment_and_a_program_before_the_archive_are_harmless(tmp_path, method):
    content = b"#!/bin/sh\nexit 0\n" * 100 + pack(("data/X.txt", b"Anna\n"), method=method, comment=b"Hello. " * 1000)
    (tmp_path / "names.zip").write_bytes(content)
    assert load_dataset(tmp_path / "names.zip").names("X") == ["Anna"]


def test_backslashes_of_windows_separate_folders(tmp_path):
    (tmp_path / "names.zip").write_bytes(pack(("data\\names\\X.txt", b"Anna\n"), ("__MACOSX\\Y.txt", b"\xff")))
    assert load_dataset(tmp_path / "names.zip").categories == ("X",)

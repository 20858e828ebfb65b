"""Archives as an enemy would make them: each is refused in one clear line, or read and nothing else happens."""

from __future__ import annotations

import contextlib
import gzip
import io
import struct
import tracemalloc
import warnings
import zipfile
import zlib

import pytest

from namegen.datasets.catalogue import CATALOGUE
from namegen.datasets.download import download
from namegen.datasets.readers import load_dataset
from namegen.errors import DataError, DownloadError
from namegen.io import archives

LINK = 0o120777


def packed(*members, method=zipfile.ZIP_DEFLATED, mode=0o100644, comment=b""):
    """The bytes of a zip of (path, content), each path as it is given."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as archive:
        warnings.simplefilter("ignore")  # of members that are there twice
        archive.comment = comment
        for path, content in members:
            info = zipfile.ZipInfo("placeholder")
            info.filename = path  # which the constructor would change on Windows
            info.compress_type, info.create_system, info.external_attr = method, 3, mode << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def raw_zip(entries, count=None):
    """A zip made by hand of (path, where its bytes begin, packed size, declared size, checksum, its bytes or none)."""
    body, directory = b"", b""
    for path, shared, size, declared, crc, content in entries:
        name = path.encode()
        fields = struct.pack("<HHHHHIIIHH", 20, 0x800, 8, 0, 0x21, crc, size, declared, len(name), 0)
        offset = shared if content is None else len(body)
        if content is not None:
            body += b"PK\x03\x04" + fields + name + content
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, offset) + name
    count = len(entries) if count is None else count
    end = struct.pack("<HHHHIIH", 0, 0, count % 2**16, count % 2**16, len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + end


def deflated(content):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def refused(tmp_path, content, *parts, name="names.zip"):
    """Check that an archive is refused as a dataset in one line that names it, and return that line."""
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_dataset(file)
    message = str(caught.value)
    assert [part for part in (str(file), *parts) if part not in message] == [], message
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
    return message


@contextlib.contextmanager
def peak_below(most):
    """Check that the body takes no more than so many bytes of memory."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Where a path that escapes would lead to is looked at too."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "path",
    ["../X.txt", "a/../../X.txt", "/X.txt", "\\X.txt", "..\\X.txt", "C:\\X.txt", "C:X.txt", "//host/share/X.txt"],
)
def test_a_path_that_leads_out_of_the_archive_is_refused(tmp_path, path):
    refused(tmp_path, packed(("Y.txt", b"Anna\n"), (path, b"Anna\n")), "has a path that leads out of it", repr(path))


def test_a_link_is_refused(tmp_path):
    refused(tmp_path, packed(("X.txt", b"/etc/passwd"), mode=LINK), "X.txt is a link")


def test_a_file_that_is_there_twice_is_refused(tmp_path):
    refused(tmp_path, packed(("X.txt", b"Anna\n"), ("X.txt", b"Bert\n")), "has two files 'X.txt'")
    refused(tmp_path, packed(("a/X.txt", b"Anna\n"), ("a\\X.txt", b"Bert\n")), "has two files 'a/X.txt'")


@pytest.mark.parametrize("content", [b"A\n" * 1_500_000, b"Anna Maria\n" * 300_000, b"\n" * 4_000_000])
def test_a_bomb_is_refused_before_it_takes_up_memory(tmp_path, content):
    for name, bomb in [
        ("X.txt.gz", gzip.compress(content)),
        ("names.zip", packed(("X.txt", content))),
        ("names.zip", packed(("X.txt.gz", gzip.compress(content)))),
    ]:
        with peak_below(6_000_000):
            refused(tmp_path, bomb, "unpacks to more than 100 times its size", "unpack it yourself", name=name)
        (tmp_path / name).unlink()


def test_a_bomb_of_many_members_is_refused_by_what_all_of_them_hold(tmp_path):
    content = packed(*((f"{number}.txt", b"Anna\n" * 10_000) for number in range(50)))
    refused(tmp_path, content, "unpacks to more than 100 times its size")


def test_what_may_come_out_in_all_is_bounded_too(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_BYTES", 1000)
    refused(tmp_path, packed(("X.txt", b"Anna\n" * 100), ("Y.txt", b"Bert\n" * 101)), "or to more than 1,000 bytes")
    (tmp_path / "names.zip").write_bytes(packed(("X.txt", b"Anna\n" * 100), ("Y.txt", b"Bert\n" * 100)))
    assert len(load_dataset(tmp_path / "names.zip")) == 2


def test_a_small_list_of_repeats_is_no_bomb(tmp_path):
    (tmp_path / "X.txt.gz").write_bytes(gzip.compress(b"Anna\n" * 20_000))
    assert len(load_dataset(tmp_path / "X.txt.gz", keep_repeats=True)) == 20_000


@pytest.mark.parametrize("declared", [0, 1, 2**32 - 2])
def test_a_declared_size_that_lies_is_not_believed(tmp_path, declared):
    content = b"Anna\n" * 1_000_000
    bomb = deflated(content)
    refused(tmp_path, raw_zip([("X.txt", 0, len(bomb), declared, zlib.crc32(content), bomb)]))


def test_members_that_share_their_bytes_are_refused(tmp_path):
    content = "".join(f"Anna{'abcdefgh'[n % 8]}{'klmnopqr'[n // 8 % 8]}\n" for n in range(60_000)).encode()
    shared = deflated(content)
    first = ("X.txt", 0, len(shared), len(content), zlib.crc32(content), shared)
    more = [("X.txt", 0, len(shared), len(content), zlib.crc32(content), None)]
    renamed = [(f"{number}.txt", *more[0][1:]) for number in range(500)]
    refused(tmp_path, raw_zip([first, *renamed]))


def test_a_million_members_are_refused_in_time_and_memory(tmp_path):
    entry = raw_zip([("x", 0, 0, 0, 0, None)])[:-22]
    directory = entry * 1_000_000
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 16960, 16960, len(directory), 0, 0)
    (tmp_path / "names.zip").write_bytes(directory + end)
    with peak_below(20_000_000), pytest.raises(DataError, match="has too many files"):
        load_dataset(tmp_path / "names.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_unusual_compression_is_refused(tmp_path, method):
    refused(tmp_path, packed(("X.txt", b"Anna\n"), method=method), "X.txt is compressed in an unusual way")


def test_an_encrypted_member_is_refused_by_that_name(tmp_path):
    content = bytearray(packed(("X.txt", b"Anna\n")))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    refused(tmp_path, bytes(content), "X.txt is encrypted; unpack it yourself")


def test_a_zip_in_a_zip_is_no_list(tmp_path):
    refused(tmp_path, packed(("names.zip", packed(("X.txt", b"Anna\n")))), "no .txt files in")


@pytest.mark.parametrize("path", ["", "X.txt/", "\x00.txt", ".txt", "/"])
def test_strange_paths_make_no_traceback(tmp_path, path):
    (tmp_path / "names.zip").write_bytes(packed((path, b"" if path.endswith("/") else b"Anna\n")))
    with pytest.raises(DataError):
        load_dataset(tmp_path / "names.zip")


def test_a_path_that_is_not_the_utf_8_it_claims_to_be_is_refused(tmp_path):
    content = packed(("Ä.txt", b"Anna\n")).replace("Ä".encode(), b"\xff\xfe")
    refused(tmp_path, content, "is not a zip archive that can be read")


@pytest.mark.parametrize("before", [b"", b"#!/bin/sh\nexit 0\n" * 100])
@pytest.mark.parametrize("comment", [b"", b"Made by nobody. " * 1000])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_comment_or_something_in_front_is_harmless(tmp_path, before, comment, method):
    content = before + packed(("data/X.txt", b"Anna\n"), method=method, comment=comment)
    (tmp_path / "names.zip").write_bytes(content)
    assert load_dataset(tmp_path / "names.zip").names("X") == ["Anna"]


def test_folders_of_a_zip_from_windows_are_folders(tmp_path):
    (tmp_path / "names.zip").write_bytes(packed(("data\\names\\X.txt", b"Anna\n"), ("__MACOSX\\Y.txt", b"\xff")))
    assert load_dataset(tmp_path / "names.zip").categories == ("X",)


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ([("Arabic.txt", b"Anna\n" * 2_000_000)], "unpacks to more than 100 times its size"),
        ([("Arabic.txt", b"Anna\n"), ("Arabic.txt", b"Bert\n")], "has two files 'Arabic.txt'"),
        ([("Arabic.txt", b"Anna\n"), ("../Arabic.txt", b"Bert\n")], "has a path that leads out of it"),
    ],
)
def test_download_takes_nothing_out_of_an_archive_that_is_refused(tmp_path, cache, members, complaint):
    others = [name for name in CATALOGUE["surnames"].files if name != "Arabic.txt"]
    content = packed(*members, *((name, b"Anna\n") for name in others))
    (tmp_path / "names.zip").write_bytes(content)
    with pytest.raises(DownloadError) as caught:
        download(source=str(tmp_path / "names.zip"), verify=False)
    assert complaint in str(caught.value)
    assert str(tmp_path / "names.zip") in str(caught.value)
    assert [path for path in tmp_path.rglob("*") if path.suffix == ".txt"] == []


def test_download_takes_no_link_out_of_an_archive(tmp_path, cache):
    names = CATALOGUE["surnames"].files
    (tmp_path / "names.zip").write_bytes(packed(*((name, b"/etc/passwd") for name in names), mode=LINK))
    with pytest.raises(DownloadError, match="is a link"):
        download(source=str(tmp_path / "names.zip"), verify=False)

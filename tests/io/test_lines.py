"""Lines of untrusted files: every line end, and only a bounded part in memory."""

from __future__ import annotations

import io
import os
import threading

import pytest

from namegen.errors import DataError
from namegen.io.lines import MAX_LINE_BYTES, open_list, read_lines


def lines(content):
    return list(read_lines(io.BytesIO(content), "X.txt"))


class Endless:
    """A stream that repeats one byte forever, and counts what was read."""

    def __init__(self, before, byte):
        self.before, self.byte, self.count = io.BytesIO(before), byte, 0

    def read(self, size):
        self.count += size
        return self.before.read(size) or self.byte * size


def test_every_kind_of_line_end_ends_a_line_and_so_does_the_end_of_the_file():
    assert lines(b"a\nb\r\nc\rd\n\ne\r\r\nf") == [b"a", b"b", b"c", b"d", b"", b"e", b"", b"f"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("before", range(3))
def test_a_line_end_may_lie_across_two_blocks(end, before):
    content = (b"a" * 999 + b"\n") * 263
    content = content[: 2**18 - before - 1] + end + b"b" + end
    assert lines(content) == content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")[:-1]


def test_a_byte_order_mark_is_removed_only_at_the_beginning():
    assert lines(b"\xef\xbb\xbfa\n\xef\xbb\xbfb") == [b"a", b"\xef\xbb\xbfb"]


@pytest.mark.parametrize("before", [b"", b"Anna\n" * 20_000])
@pytest.mark.parametrize(
    ("byte", "complaint"),
    [(b"x", "more than 65,536 bytes; put each"), (b"\0", "not UTF-8 but UTF-16 or binary")],
)
def test_of_an_endless_line_only_a_part_is_read(before, byte, complaint):
    stream = Endless(before, byte)
    with pytest.raises(DataError, match=f"^X.txt, line {before.count(b'Anna') + 1:,}: {complaint}"):
        list(read_lines(stream, "X.txt"))
    assert stream.count < 20 * MAX_LINE_BYTES


@pytest.mark.parametrize("before", [0, 100_000, 250_000])
def test_whether_a_line_is_too_long_does_not_depend_on_its_position(before):
    assert lines(b"\n" * before + b"x" * MAX_LINE_BYTES + b"\n")[-1] == b"x" * MAX_LINE_BYTES
    with pytest.raises(DataError, match=f"line {before + 1:,}: more than"):
        lines(b"\n" * before + b"x" * (MAX_LINE_BYTES + 1) + b"\nAnna\n")


def test_nul_bytes_are_refused_with_their_line():
    with pytest.raises(DataError, match=r"^X.txt, line 3: not UTF-8 but UTF-16 or binary; save"):
        lines(b"Anna\nBert\nC\0arl\nDora\n")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "X.txt")
    refused = []

    def read():
        with pytest.raises(DataError, match=r"X\.txt is not a regular file; save its contents to one first") as caught:
            open_list(tmp_path / "X.txt")
        refused.append(caught)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(10)
    assert refused

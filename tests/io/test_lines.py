"""Lines of files that nobody vouches for: every line end, and never more in memory than a part of it."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest

from namegen.errors import DataError
from namegen.io.lines import MAX_LINE_BYTES, open_list, read_lines


def lines(content):
    return list(read_lines(io.BytesIO(content), "X.txt"))


class Endless:
    """A file without an end, which counts what was read of it."""

    def __init__(self, content):
        self.content, self.read_so_far = content, 0

    def read(self, most):
        self.read_so_far += most
        return (self.content * (most // len(self.content) + 1))[:most]


def test_every_kind_of_line_end_ends_a_line_and_so_does_the_end_of_the_file():
    assert lines(b"a\nb\r\nc\rd\n\ne\r\r\nf") == [b"a", b"b", b"c", b"d", b"", b"e", b"", b"f"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("before", range(3))
def test_a_line_end_may_lie_across_two_portions(end, before):
    content = (b"a" * 999 + b"\n") * 263
    content = content[: 2**18 - before - 1] + end + b"b" + end
    assert lines(content) == content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")[:-1]


def test_a_byte_order_mark_is_left_out_at_the_beginning_alone():
    assert lines(b"\xef\xbb\xbfa\n\xef\xbb\xbfb") == [b"a", b"\xef\xbb\xbfb"]


@pytest.mark.parametrize("before", [b"", b"Anna\n" * 60_000])
def test_of_a_line_without_an_end_only_a_part_is_read(before):
    stream = Endless(b"x")
    first = io.BytesIO(before)
    stream.read, endless = lambda most: first.read(most) or endless(most), stream.read
    number = before.count(b"\n") + 1
    with pytest.raises(
        DataError, match=f"^X.txt, line {number:,}: more than 65,536 bytes without a line end; give one"
    ):
        list(read_lines(stream, "X.txt"))
    assert stream.read_so_far < 20 * MAX_LINE_BYTES


def test_whether_a_line_is_too_long_does_not_depend_on_where_it_stands():
    for before in (0, 100_000, 250_000):
        assert lines(b"\n" * before + b"x" * MAX_LINE_BYTES + b"\n")[-1] == b"x" * MAX_LINE_BYTES
        with pytest.raises(DataError, match=f"line {before + 1:,}: more than"):
            lines(b"\n" * before + b"x" * (MAX_LINE_BYTES + 1) + b"\nAnna\n")


def test_nul_bytes_are_refused_with_their_line_before_the_next_portion_is_read():
    with pytest.raises(DataError, match=r"^X.txt, line 3: not UTF-8 but UTF-16, or no text at all; save"):
        lines(b"Anna\nBert\nC\0arl\nDora\n")
    stream = Endless(b"\0")
    with pytest.raises(DataError, match="line 1: "):
        list(read_lines(stream, "/dev/zero"))
    assert stream.read_so_far < 20 * MAX_LINE_BYTES


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_a_byte_order_mark_tells_utf_16_even_where_there_is_nothing_else(encoding):
    with pytest.raises(DataError, match="line 1: not UTF-8 but UTF-16"):
        lines("\ufeff".encode(encoding))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_refused_without_waiting_for_somebody_to_write_into_it(tmp_path):
    os.mkfifo(tmp_path / "X.txt")
    refused = []

    def read():
        with pytest.raises(
            DataError, match=r"X\.txt is not a regular file; put what it gives into one first"
        ) as caught:
            open_list(tmp_path / "X.txt")
        refused.append(caught)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(10)
    assert refused


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_that_takes_the_place_of_a_list_just_before_it_is_opened_is_refused_too(tmp_path, monkeypatch):
    (tmp_path / "X.txt").write_text("a\n")
    as_it_was = (tmp_path / "X.txt").stat()
    (tmp_path / "X.txt").unlink()
    os.mkfifo(tmp_path / "X.txt")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", lambda _: as_it_was)
        with pytest.raises(DataError, match=r"X\.txt is not a regular file; put what it gives into one first"):
            open_list(tmp_path / "X.txt")

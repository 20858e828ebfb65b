"""Recognize the encoding of untrusted text, and read text in any encoding as UTF-8."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from namegen.errors import DataError, UsageError, quote

if TYPE_CHECKING:
    from namegen.io.lines import Readable


_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark is its beginning
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LATIN_1 = "cp1252"  # as Windows extends it
# A lead byte of UTF-8 and a continuation byte, read as Latin-1 or as Windows' extension of it.
_MOJIBAKE = re.compile("[\u00c2-\u00f4][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")


def check_encoding(name: str) -> str:
    """Return the name of an encoding of text that Python knows.

    Raises:
        UsageError: Python does not know the encoding.
    """
    try:
        "Anna".encode(name).decode(name)
        codecs.getincrementaldecoder(name)
    except (LookupError, UnicodeError, TypeError, ValueError):
        raise UsageError(f"no encoding {quote(str(name))}; use a name such as utf-8, latin-1 or cp1252") from None
    return name


def find_mark(head: bytes) -> str | None:
    """Return the encoding that the byte-order mark of a text denotes, ``None`` without a mark."""
    return next((encoding for mark, encoding in _MARKS.items() if head.startswith(mark)), None)


class RecodedStream:
    """A stream that recodes text in any encoding as UTF-8; ``source`` is its name, for errors."""

    def __init__(self, stream: Readable, encoding: str, source: str) -> None:
        self._stream, self._encoding, self._source = stream, encoding, source
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._lines, self._rest, self._is_at_end = 0, b"", False

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes of UTF-8; raise ``DataError`` if the text does not have the encoding."""
        while not self._rest and not self._is_at_end:
            block = self._stream.read(size)
            self._is_at_end = not block
            try:
                text = self._decoder.decode(block, final=not block)
                self._rest = text.encode()
            except UnicodeError:
                raise DataError(
                    f"{self._source}: not {self._encoding} after line {self._lines:,}; choose another encoding"
                ) from None
            self._lines += text.count("\n")
        block, self._rest = self._rest[:size], self._rest[size:]
        return block


def guess_encoding(sample: bytes) -> tuple[str, str] | None:
    """Return the most probable encoding of a sample that is not UTF-8, and the decoded sample; ``None`` if none fits.

    Guesses from a few names are often wrong, so show the decoded text to the user.
    """
    if b"\0" in sample:
        return _guess_utf_16(sample)
    from charset_normalizer import from_bytes

    matches = from_bytes(sample)
    best = matches.best()
    if best is None:
        return None
    # Of the encodings that fit equally well, choose the most common one.
    known = {name for match in matches if match.chaos <= best.chaos for name in match.could_be_from_charset}
    encoding = _LATIN_1 if known & {_LATIN_1, "latin_1", "iso8859_1"} else best.encoding
    return encoding, sample.decode(encoding, errors="replace")


def _guess_utf_16(sample: bytes) -> tuple[str, str] | None:
    encoding = "utf-16-be" if sample[::2].count(0) > sample[1::2].count(0) else "utf-16-le"
    text = sample[: len(sample) // 2 * 2].decode(encoding, errors="replace")
    return None if "\0" in text or "\ufffd" in text else (encoding, text)


def repair_mojibake(text: str) -> str | None:
    """Return the original of UTF-8 text that was wrongly decoded as Latin-1; ``None`` for other text."""
    if not _MOJIBAKE.search(text):
        return None
    for encoding in ("latin-1", _LATIN_1):
        try:
            return text.encode(encoding).decode()
        except UnicodeError:
            continue
    return None

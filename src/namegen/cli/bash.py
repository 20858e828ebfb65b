"""Lines as bash reads them, and words as it is to write them.

bash has no way to complete words that need quoting: it splits a line at colons and equals signs too, hands the pieces
over as they were typed, and inserts an answer as it is. So we take the line, read it ourselves, and answer with what is
to stand in the place of the piece that bash is about to replace, quoted.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_PIECE = re.compile(
    r"""
      (?P<blank>[ \t]+)
    | (?P<end>[|&;()\n]+ (?![<>]))                      # of a command
    | (?P<redirection>&?[<>]+[|&]?)
    | \\(?P<escaped>.|\n|$)
    | '(?P<single>[^']*) (?P<single_end>'|$)
    | "(?P<double>(?:\\.|\\\n|[^"\\])*\\?) (?P<double_end>"|$)
    | (?P<plain>[^ \t|&;()\n<>\\'"]+)
    """,
    re.VERBOSE,
)
_SAFE = re.compile(r"[\w@%+:=./,-]")  # \w: letters of all scripts, too
_OBEYED = re.compile(r'[$`"\\]')  # within double quotes


class Line(NamedTuple):
    """A command on a line, as far as it was typed.

    Attributes:
        before: the words before the one at the cursor, without the name of the program.
        word: that word up to the cursor.
        after: the words behind it.
        kept: how much of the word bash leaves where it is, without quotes.
        quote: the quotation mark that is open at the cursor, if any.
        redirects: whether the word is a file that the command's input or output goes to.
    """

    before: list[str]
    word: str
    after: list[str]
    kept: str
    quote: str
    redirects: bool

    def written(self, value: str) -> str | None:
        """Return what bash is to write in the place of the piece that it replaces, so that the word is ``value``.

        It is ``None`` where the word cannot become that, as some of it stays where it is.
        """
        if not value.startswith(self.kept):
            return None
        rest = value.removeprefix(self.kept)
        if self.quote == "'":
            written = rest.replace("'", r"'\''")
        elif self.quote:
            # A ! would be taken for one of the history even here, and a backslash would stay before it.
            written = _OBEYED.sub(r"\\\g<0>", rest).replace("!", r'"\!"')
        else:
            written = "".join([letter if _SAFE.match(letter) else f"\\{letter}" for letter in rest])
        # bash keeps the mark that opens and adds the one that closes, unless it finds such a mark at that end.
        opening = self.quote if self.quote and written.startswith(self.quote) else ""
        closing = self.quote if self.quote and written.endswith(self.quote) else ""
        return opening + written + closing


class _Words:
    """The words of the last command on a line.

    Attributes:
        whole: those that have ended.
        last: the one at the end, which may be empty.
        raw: the same as it was typed.
        quote: the quotation mark that is open in it, if any.
        redirects: whether it is a file that the command's input or output goes to.
    """

    def __init__(self, text: str, cursor: int | None = None) -> None:
        """Read a text; of what stands behind the cursor only what belongs to the same command."""
        self.whole: list[str] = []
        self.last = self.raw = self.quote = ""
        self.redirects = False
        for piece in _PIECE.finditer(text):
            if piece.lastgroup == "end":
                if cursor is not None and piece.start() >= cursor:
                    break
                self.whole, self.redirects = [], False
                self.last = self.raw = ""
            elif piece.lastgroup in ("blank", "redirection"):
                self._end_word(redirection=piece.lastgroup == "redirection")
            else:
                self.last += _unquoted(piece)
                self.raw += piece[0]
                self.quote = (
                    piece[0][0]
                    if piece.lastgroup in ("single_end", "double_end") and not piece[piece.lastgroup]
                    else ""
                )

    def _end_word(self, *, redirection: bool) -> None:
        if self.raw and not (redirection and self.raw.isdecimal()):  # 2> has the number of a stream
            if not self.redirects:
                self.whole.append(self.last)
            self.redirects = False
        self.redirects = self.redirects or redirection
        self.last = self.raw = ""


def _unquoted(piece: re.Match[str]) -> str:
    """Return what a piece of a word stands for; at the end of a line, a backslash stands for nothing."""
    if piece["single"] is not None:
        return piece["single"]
    if piece["double"] is not None:
        return re.sub(r'\\([$`"\\\n])', r"\1", piece["double"]).replace("\n", "")
    return (piece["plain"] or piece["escaped"]).replace("\n", "")


def read_line(text: str, rest: str, replaced: str) -> Line:
    """Read a line.

    Args:
        text: the line up to the cursor.
        rest: what stands behind it.
        replaced: the end of the text, as it was typed, that bash is going to replace.
    """
    words = _Words(text)
    whole = _Words(f"{text}{rest} ", len(text)).whole
    at_cursor = 1 if words.raw or rest[:1].strip() else 0  # how many words
    return Line(
        before=words.whole[1:],
        word=words.last,
        after=whole[len(words.whole) + at_cursor :],
        kept=_Words(words.raw.removesuffix(replaced)).last,
        quote=words.quote,
        redirects=words.redirects,
    )

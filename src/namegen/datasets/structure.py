"""Recognize the structure of a list: numbering, bullets, comments, headings, and several names on a line.

A mark that a name may have, such as a hyphen or a comma, is read as structure only if most lines have it. A mark that
no name has, such as ``[elves]``, is always structure.
"""

from __future__ import annotations

import html
import itertools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from namegen.datasets.delimiters import SUFFIX, has_marks
from namegen.errors import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


_COMMENT = re.compile(r"#(?!\d|#+ *[^\W_])|//|<!--.*-->$")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_MARKS_OF_TABLES = frozenset('",;|\t\r\n')
_SECTION = re.compile(r"\[([^\[\]|]+)\]:?")
_MARKUP = re.compile(r"(={2,6}|#{2,6})(?=[^=#])")
_RULE = re.compile(r"={3,}|-{3,}")
_BETWEEN_RULES = re.compile(r"([-~*_])\1{2,} *([^\W_][^*=#]*?) *\1{3,}")  # --- Elves ---
_BOLD = re.compile(r"(\*\*|__)([^\W_][^*_=#]*)\1:?")
_EDIT_HEADING = re.compile(r"(.+?) ?\[ ?edit ?\]$")  # copied from a page of a wiki
_COLON_HEADING = re.compile(r"([^:]{1,60}?) *:$")
_INLINE_HEADING = re.compile(r"([^:,]{1,60}?) *: +(?=\S)")
_NUMBERING = re.compile(r"\(?#?(\d{1,9})(?:\s*[.):\]–—-]+\s*|\s+)(?=\S)")
_BULLET = re.compile(r"(?:[*•‣◦▪●○■►▸⁃∙]+\s*|[-–—+·]\s+)(?=\S)")
_LINK = re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]")
_FOOTNOTE = re.compile(r"(?<=\w)(?:\[\d{1,3}\])+$")
_QUOTED = re.compile(r"""["“„«'](.+)["”“»']""")
_SUFFIX_PART = re.compile(rf", *({SUFFIX.pattern})(?=,|$)")
_LIFESPAN = re.compile(r" *\((?:\D{0,4}\d{3,4}\b[^()]*|\d{1,9})\)$")
_AND = re.compile(r"(?:and|or|&) +(?=\S)")
_FULL_STOP = re.compile(r"(?<=\w{4})\.$")
_NOT_INVERTED = re.compile(r"(?i)[\d/]| (?:of|the|and|und|et|y|e|och|og|en|i|ja|&) ")
_MAX_HEADING = 100  # characters
_MOST = 0.8  # of the lines, to take commas or quotes for structure
_MARKED = 0.6  # of the lines, to take bullets or numbers for structure; the others may be headings
_OUTER_LEVEL, _INNER_LEVEL = 7, 8  # of headings without a level, below those of markup


@dataclass(frozen=True)
class Structure:
    """The structure of a list, which decides how its lines are read.

    Attributes:
        notes: what was recognized, for users; empty for a plain list.
    """

    notes: tuple[str, ...] = ()
    has_entities: bool = False
    has_comments: bool = False
    has_links: bool = False
    has_underlines: bool = False  # below headings
    has_rules: bool = False  # around headings, as in --- Male ---
    has_bold_headings: bool = False  # **Male**
    has_headings: bool = False  # such as [male] and == Male ==
    has_colon_headings: bool = False
    has_inline_headings: bool = False  # Male: Aldo, Bern
    mark: re.Pattern[str] | None = None
    has_plain_headings: bool = False  # lines without the mark of the others
    separator: str = ""
    is_inverted: bool = False
    is_guess: bool = False  # the report then names --plain
    has_quotes: bool = False

    @property
    def is_plain(self) -> bool:
        """True if each line is a name, so that :meth:`parse` only removes empty lines and surrounding blanks."""
        return not self.notes

    def parse(self, lines: Iterable[str]) -> Iterator[tuple[str | None, str]]:
        """Yield each name in the lines, after its category (``None`` before the first heading)."""
        titles: dict[int, str] = {}  # of the headings above a line, by level
        for line, after, is_apart in _with_neighbours(self.clean_lines(lines)):
            heading, text = self._find_heading(line, after, is_apart=is_apart), self.remove_mark(line)
            if not heading and self.has_inline_headings and (inline := _INLINE_HEADING.match(text)):
                heading, text = (_INNER_LEVEL, inline[1]), text[inline.end() :]
            elif heading:
                text = ""
            if heading:
                titles = {level: title for level, title in titles.items() if level < heading[0]}
                titles[heading[0]] = heading[1]
            category = "/".join(titles.values()) or None
            for name in self._split(text):
                yield category, name

    def clean_lines(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield the lines without comments, markup and surrounding blanks; empty lines stay.

        Headings in other markup become ``## Heading``.
        """
        texts = self._clean(lines)
        if self.has_underlines:
            texts = _mark_underlined(texts)
        for text in texts:
            between = self.has_rules and _BETWEEN_RULES.fullmatch(text)
            bold = self.has_bold_headings and _BOLD.fullmatch(text)
            yield f"## {heading[2].strip()}" if (heading := between or bold) else text

    def _clean(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            text = line.strip()
            if self.has_comments and _COMMENT.match(text):
                continue
            if self.has_entities:
                text = html.unescape(text).strip()
            if self.has_links:
                text = _FOOTNOTE.sub("", _LINK.sub(r"\1", text))
            yield text

    def _find_heading(self, line: str, after: str, *, is_apart: bool) -> tuple[int, str] | None:
        """Return the level and the title of a heading; ``None`` for other lines."""
        if self.has_headings and (heading := _read_heading(line)):
            return heading
        if self.has_colon_headings and (colon := _COLON_HEADING.fullmatch(self.remove_mark(line))):
            is_outer = bool(_COLON_HEADING.fullmatch(self.remove_mark(after)))
            return (_OUTER_LEVEL if is_outer else _INNER_LEVEL), colon[1]
        if self.mark and (is_apart or self.has_plain_headings) and not self.mark.match(line):
            return (_INNER_LEVEL, line) if self.mark.match(after) else None
        return None

    def remove_mark(self, line: str) -> str:
        """Return a line without its bullet or number."""
        return self.mark.sub("", line, count=1) if self.mark and self.mark.match(line) else line

    def _split(self, text: str) -> Iterator[str]:
        """Yield the names on a line."""
        if self.is_inverted:
            text = _revert(text)
        parts = text.split(self.separator) if self.separator else [text]
        for part in parts:
            name = part.strip()
            if self.has_quotes and (quoted := _QUOTED.fullmatch(name)):
                name = quoted[1].strip()
            if len(parts) > 1:
                name = _FULL_STOP.sub("", _AND.sub("", name, count=1))
            if name:
                yield name


def find_structure(lines: Sequence[str]) -> Structure:
    """Find the structure of a list.

    Args:
        lines: the first lines of the list, up to 1,000.
    """
    notes: list[str] = []
    found = Structure()
    if not has_marks(lines):
        return found
    if example := find_entity(lines):
        found = replace(found, has_entities=True)
        notes.append(f"decoded HTML entities, such as {example}")
    texts = [text for text in found.clean_lines(lines) if text]
    comments = [text for text in texts if _COMMENT.match(text)]
    if comments and (2 * len(comments) <= len(texts) or all(text[1:2] in ("", " ") for text in comments)):
        found = replace(found, has_comments=True)
        notes.append(f"skipped comments, such as {quote(comments[0])}")
    if any(_LINK.search(text) or _FOOTNOTE.search(text) for text in texts):
        found = replace(found, has_links=True)
        notes.append("removed the markup of links and footnotes")
    found = _find_other_markup(found, lines)
    found = _find_marks(found, lines, notes)
    found = _find_headings(found, lines, notes)
    found = _find_layout(found, lines, notes)
    return replace(found, notes=tuple(notes))


def find_entity(lines: Iterable[str]) -> str:
    """Return the first HTML entity, such as ``&uuml;``; an empty string if there is none."""
    entities = (match[0] for line in lines for match in _ENTITY.finditer(line))
    return next((entity for entity in entities if html.unescape(entity) != entity), "")


def decode_entities(line: str) -> str:
    """Decode the HTML entities in a line, except those of marks that separate or quote the cells of tables."""
    return _ENTITY.sub(_decode_entity, line)


def _decode_entity(match: re.Match[str]) -> str:
    decoded = html.unescape(match[0])
    return match[0] if decoded in _MARKS_OF_TABLES else decoded


def _find_other_markup(found: Structure, lines: Sequence[str]) -> Structure:
    """Find headings that are underlined, between rules, or bold before bullets."""
    texts = [text for text in found.clean_lines(lines) if text]
    underlined = [_is_underlined(text, after) for text, after in itertools.pairwise(texts)]
    bold = [after for text, after in itertools.pairwise(texts) if _BOLD.fullmatch(text)]
    return replace(
        found,
        has_underlines=bool(underlined) and underlined[0] and _is_minority(3 * sum(underlined), 2 * len(texts)),
        has_rules=_is_minority(sum(bool(_BETWEEN_RULES.fullmatch(text)) for text in texts), len(texts)),
        has_bold_headings=_is_minority(len(bold), len(texts))
        and all(_BULLET.match(after) and not _BOLD.fullmatch(after) for after in bold),
    )


def _is_underlined(text: str, after: str) -> bool:
    is_title = any(map(str.isalpha, text)) and not re.search("[=#]", text)
    return is_title and bool(_RULE.fullmatch(after)) and len(after) >= len(text)


def _mark_underlined(texts: Iterable[str]) -> Iterator[str]:
    """Yield underlined headings as ``## Heading``, and one below ``---`` a level lower."""
    text = ""
    for after in itertools.chain(texts, [""]):
        if _is_underlined(text, after):
            yield f"{'##' if after[0] == '=' else '###'} {text}"
            text = ""
            continue
        yield text
        text = after


def _find_marks(found: Structure, lines: Sequence[str], notes: list[str]) -> Structure:
    """Find bullets or numbers at the beginning of most lines."""
    texts = [text for text in found.clean_lines(lines) if text and not _read_heading(text)]
    for mark, what in ((_BULLET, "bullets"), (_NUMBERING, "the numbers of the lines")):
        marks = [match for text in texts if (match := mark.match(text))]
        if not marks or len(marks) < _MARKED * len(texts) or (mark is _NUMBERING and not _is_numbering(marks)):
            continue
        notes.append(f"removed {what}, such as {quote(marks[0][0].strip())}")
        starts_with_heading = len(texts) > 1 and not mark.match(texts[0]) and bool(mark.match(texts[1]))
        return replace(found, mark=mark, has_plain_headings=starts_with_heading)
    return found


def _find_headings(found: Structure, lines: Sequence[str], notes: list[str]) -> Structure:
    texts = [found.remove_mark(text) for text in found.clean_lines(lines) if text]
    colons = [bool(_COLON_HEADING.fullmatch(text)) for text in texts]
    found = replace(
        found,
        has_headings=_is_minority(sum(bool(_read_heading(text)) for text in texts), len(texts)),
        has_colon_headings=_is_minority(sum(colons), len(texts)) and (colons[0] or sum(colons) > 1),
        has_inline_headings=any("," in text and _INLINE_HEADING.match(text) for text in texts),
    )
    categories = list(dict.fromkeys(category for category, _ in found.parse(lines) if category))
    if categories:
        shown = ", ".join(map(quote, categories[:3])) + (", …" if len(categories) > 3 else "")
        notes.append(f"read headings as categories: {shown}")
    return found


def _find_layout(found: Structure, lines: Sequence[str], notes: list[str]) -> Structure:
    """Find quotes, several names on a line, and surnames before given names."""
    texts = [name for _, name in found.parse(lines)]
    for separator in ",;":
        counts = [len(_SUFFIX_PART.sub("", text).rstrip(separator).split(separator)) for text in texts]
        trailing = sum(text.endswith(separator) for text in texts)
        separated = [text for text in texts if separator in text]
        last = 1 if trailing else 0  # the last line ends without a separator
        is_split = found.has_inline_headings and separator == ","
        if not separated or (len(separated) < _MOST * (len(texts) - last) and not is_split):
            continue
        if separator == "," and counts.count(2) >= _MOST * len(texts) and not trailing and not is_split:
            if len(texts) > 1 and _are_inverted(separated):
                found = replace(found, is_inverted=True, is_guess=True)
                notes.append(f"read {quote(separated[0])} as {quote(_revert(separated[0]))}")
        elif trailing or max(counts) > 2 or is_split:
            found = replace(found, separator=separator)
            notes.append(f"read several names on a line, as in {quote(separated[0])}")
        break
    names = [name for _, name in found.parse(lines)]
    quoted = [name for name in names if _QUOTED.fullmatch(name)]
    if quoted and len(quoted) >= _MOST * len(names):
        found = replace(found, has_quotes=True)
        notes.append(f"removed quotation marks, as in {quote(quoted[0])}")
    return found


def _with_neighbours(lines: Iterable[str]) -> Iterator[tuple[str, str, bool]]:
    """Yield each line that is not empty, the next such line, and whether the line follows an empty line or is first."""
    line, is_apart, is_next_apart = "", True, True
    for after in itertools.chain(lines, ["\0"]):
        if not after:
            is_next_apart = True
            continue
        if line:
            yield line, after.rstrip("\0"), is_apart
        line, is_apart, is_next_apart = after, is_next_apart, False


def _read_heading(line: str) -> tuple[int, str] | None:
    """Return the level and the title of a heading with markup."""
    if len(line) > _MAX_HEADING:
        return None
    if (section := _SECTION.fullmatch(line)) and any(map(str.isalpha, section[1])):
        return 1, section[1].strip()
    if markup := _MARKUP.match(line):
        title = line[markup.end() :].strip()
        if title.endswith(markup[1]) or markup[1].startswith("#"):
            title = title.removesuffix(markup[1]).strip()
            return (len(markup[1]), title) if title and not re.search("[=#]", title) else None
    if heading := _EDIT_HEADING.fullmatch(line):
        return 2, heading[1]
    return None


def _is_numbering(marks: Sequence[re.Match[str]]) -> bool:
    """Return whether numbers count up or down by one, or restart, as below a heading."""
    pairs = list(itertools.pairwise(int(mark[1]) for mark in marks))
    counted = sum(abs(after - before) == 1 or before > after == 1 for before, after in pairs)
    return bool(pairs) and counted >= _MARKED * len(pairs)


def _is_minority(count: int, total: int) -> bool:
    return 0 < count <= total / 2


def _are_inverted(texts: Sequence[str]) -> bool:
    """Return whether texts with a comma are names, not companies such as ``Smith, Jones and Brown``."""
    texts = [_LIFESPAN.sub("", text) for text in texts]
    return sum(", " in text and not _NOT_INVERTED.search(text) for text in texts) > len(texts) / 2


def _revert(text: str) -> str:
    """Return ``Lastname, Firstname (1901-1971)`` as ``Firstname Lastname``; other text unchanged."""
    name = _LIFESPAN.sub("", text)
    suffix = _SUFFIX_PART.search(name)
    parts = [part.strip() for part in _SUFFIX_PART.sub("", name).split(",")]
    if len(parts) != 2:
        return text
    return " ".join(filter(None, [parts[1], parts[0], suffix[1] if suffix else ""]))

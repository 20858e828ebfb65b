"""Read names from JSON of many shapes, with bounded memory."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from namegen.datasets.columns import MAX_FIELDS
from namegen.datasets.titles import SEXES, read_title
from namegen.errors import DataError, quote
from namegen.io.lines import decode_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from namegen.io.lines import Readable

    Rows = list[list[str]]


_MAX_JSON_BYTES = 2**25  # which may take 20 times as much memory
_MAX_CONTAINERS = 2_000_000  # lists and objects in JSON, of 100 bytes each
_MAX_DEPTH = 20  # of the lists in JSON
_SAMPLED_OBJECTS = 1000
_MIN_TABLE_ROWS = 10  # of lists of equal lengths without known titles, to take them for columns
_MOST = 0.8  # of the keys in objects, to take them for titles

_JSON = re.compile(r'\s*(?:\[\s*["\[{\]]|\{\s*["}])')
JSON_SHAPES = (
    "lists of names, lists of objects or rows, objects of lists, objects with the count or category of each name, and "
    "tables by columns"
)
"""The shapes of JSON that are read, for messages."""
_GENERIC = {"data", "entries", "features", "items", "list", "names", "name", "records", "results", "rows", "values"}


def looks_like_json(beginning: str) -> bool:
    """Return whether a text is JSON rather than lines, judging by its beginning: ``{"``, ``["``, ``[{`` or ``[[``."""
    return _JSON.match(beginning) is not None


def looks_like_json_lines(beginning: str) -> bool:
    """Return whether a text that looks like JSON is JSON lines, with a value on each line."""
    first, end, rest = beginning.lstrip().partition("\n")
    if not end or not rest.strip():
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return True


class JsonContents:
    """The lists and tables in JSON, by the keys that lead to them.

    Attributes:
        lists: the lists of names.
        tables: the tables.
        has_titles: whether the first row of each table has titles.
        skipped: the number of entries of lists that are not texts.
        ignored: the number of names whose text, such as a meaning, is not used.
        unclear: what was found but not understood; empty otherwise.
    """

    def __init__(self) -> None:
        self.lists: dict[tuple[str, ...], list[str]] = {}
        self.tables: dict[tuple[str, ...], Rows] = {}
        self.has_titles: dict[tuple[str, ...], bool] = {}
        self.skipped = self.ignored = 0
        self.unclear = ""

    def add_names(self, keys: tuple[str, ...], names: Iterable[str]) -> None:
        """Add the names of a list."""
        self.lists.setdefault(keys, []).extend(names)

    def add_table(self, keys: tuple[str, ...], rows: Rows, *, has_titles: bool) -> None:
        """Add a table."""
        self.tables[keys], self.has_titles[keys] = rows, has_titles


def read_json(stream: Readable, source: str) -> JsonContents:
    """Find the names in JSON: lists of texts, lists of objects or rows, and objects that contain them.

    Raises:
        DataError: the text is not JSON, is too large, or is nested too deeply.
    """
    blocks, size = [], 0
    while block := stream.read(2**16):
        blocks.append(block)
        size += len(block)
        if size > _MAX_JSON_BYTES:
            raise DataError(
                f"{source}: more than {_MAX_JSON_BYTES:,} bytes of JSON; save it as JSON lines (.jsonl) or CSV"
            )
    text = b"".join(blocks).removeprefix(b"\xef\xbb\xbf")
    if text.count(b"[") + text.count(b"{") > _MAX_CONTAINERS:
        raise DataError(
            f"{source}: more than {_MAX_CONTAINERS:,} lists and objects; save it as JSON lines (.jsonl) or CSV"
        )
    value = _parse_json(decode_line(text, source, 1), source)
    found = JsonContents()
    _find_names(value, (), found)
    if not found.lists and not found.tables:
        found.unclear = found.unclear or _describe_shape(value)
    return found


def _parse_json(text: str, source: str) -> Any:  # noqa: ANN401 - anything
    try:
        return json.loads(text, object_pairs_hook=_make_object)
    except (ValueError, RecursionError) as error:
        where = f", line {error.lineno:,}" if isinstance(error, json.JSONDecodeError) else ""
        raise DataError(f"{source}{where}: invalid JSON ({_describe(error)}); correct it") from None


class _RepeatedKeyError(ValueError):
    """A key that occurs twice in an object, with values that cannot be merged."""


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; the lists and objects of a repeated key are merged."""
    merged = dict(pairs)
    if len(merged) == len(pairs):
        return merged
    merged = {}
    for key, value in pairs:
        merged[key] = _merge(key, merged[key], value) if key in merged else value
    return merged


def _merge(key: str, first: Any, second: Any) -> Any:  # noqa: ANN401 - anything
    if isinstance(first, list) and isinstance(second, list):
        return first + second
    if isinstance(first, dict) and isinstance(second, dict):
        return _make_object([*first.items(), *second.items()])
    raise _RepeatedKeyError(f"the key {quote(key)} occurs twice in an object")


def _describe(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    if isinstance(error, _RepeatedKeyError):
        return str(error)
    return "nested too deeply" if isinstance(error, RecursionError) else "a number that is too long"


def _find_names(value: Any, keys: tuple[str, ...], found: JsonContents) -> None:  # noqa: ANN401 - anything
    """Find the lists and tables in a JSON value; ``keys`` lead to it."""
    if isinstance(value, list):
        _find_in_list(value, keys, found)
    elif isinstance(value, dict) and not _find_in_object(value, keys, found) and len(keys) < _MAX_DEPTH:
        for key, item in value.items():
            _find_names(item, (*keys, key), found)


def _find_in_object(value: dict[str, Any], keys: tuple[str, ...], found: JsonContents) -> bool:
    """Find names in an object as a whole; return whether it was understood as such."""
    results = value.get("results")
    if isinstance(results, dict) and isinstance(results.get("bindings"), list):  # of a SPARQL query
        _find_in_list(results["bindings"], keys, found)
    elif isinstance(value.get("schema"), dict) and isinstance(value.get("data"), list):  # pandas, orient="table"
        _find_in_list(value["data"], keys, found)
    elif columns := _find_columns(value):
        found.add_table(keys, columns, has_titles=True)
    elif len(value) < 2:
        return False
    elif all(map(_is_number, value.values())):  # how often each name occurs
        _add_counts(value, keys, found)
    elif all(isinstance(item, str) for item in value.values()):
        _find_in_texts(value, keys, found)
    elif all(map(_is_flat, value.values())):
        _find_in_flat(value, keys, found)
    else:
        return False
    return True


def _add_counts(counts: Mapping[str, Any], keys: tuple[str, ...], found: JsonContents) -> None:
    rows = [["name", "count"], *([name, str(count)] for name, count in counts.items())]
    found.add_table(keys, rows, has_titles=True)


def _find_columns(value: dict[str, Any]) -> Rows | None:
    """Return the rows of a table that is stored by columns, or with its titles apart; ``None`` for other objects."""
    titles, data = value.get("columns"), value.get("data")
    if isinstance(titles, list) and isinstance(data, list) and data and all(isinstance(row, list) for row in data):
        return [[_to_text(cell) for cell in row[:MAX_FIELDS]] for row in (titles, *data)]  # pandas, orient="split"
    if value and all(isinstance(item, dict) for item in value.values()):  # pandas, without orient
        first = next(iter(value.values()))
        if (
            not first
            or not all(map(str.isdecimal, first))
            or any(item.keys() != first.keys() for item in value.values())
        ):
            return None
        lists = {key: list(item.values()) for key, item in value.items()}
    else:
        lists = {key: item for key, item in value.items() if isinstance(item, list)}
        if any(isinstance(item, dict) for item in value.values()) or not _are_columns(lists):
            return None
    lists = dict(itertools.islice(lists.items(), MAX_FIELDS))
    return [list(lists), *([_to_text(cell) for cell in row] for row in zip(*lists.values(), strict=True))]


def _are_columns(lists: Mapping[str, list[Any]]) -> bool:
    """Return whether lists are the columns of a table: of equal length, and one of numbers or of few values."""
    lengths = set(map(len, lists.values()))
    if len(lists) < 2 or len(lengths) > 1 or max(lengths) < 2:
        return False
    if any(isinstance(cell, list | dict) for cells in lists.values() for cell in cells):
        return False
    numbers = [cells for cells in lists.values() if all(cell is None or _is_number(cell) for cell in cells)]
    texts = [len(set(map(str, cells))) for cells in lists.values() if cells not in numbers]
    length, fewest = max(lengths), min(texts, default=0)
    if not texts or numbers:
        return bool(texts)
    is_small = fewest < length and fewest <= 1.5 * math.sqrt(length)
    return is_small and (2 * fewest <= length >= _MIN_TABLE_ROWS or any(map(read_title, lists)))


def _find_in_texts(value: dict[str, str], keys: tuple[str, ...], found: JsonContents) -> None:
    """Find names in an object of texts: a numbered list, or the category of each name."""
    categories = set(value.values())
    if all(map(str.isdecimal, value)):
        found.add_names(keys, value.values())
    elif any(map(read_title, value)):
        return  # facts about the file
    elif {category.casefold() for category in categories} <= SEXES or (
        len(value) >= 4 and 2 * len(categories) <= len(value)
    ):
        found.add_table(keys, [["name", "category"], *map(list, value.items())], has_titles=True)


def _find_in_flat(value: dict[str, dict[str, Any]], keys: tuple[str, ...], found: JsonContents) -> None:
    """Find names in an object of objects, which are facts about each name, or the names of each category."""
    occurrences = Counter(key for item in value.values() for key in item)
    common = {key: count for key, count in occurrences.items() if 2 * count > len(value)}
    share = sum(common.values()) / max(1, occurrences.total())
    are_many = len(occurrences) > max(20, 4 * len(value))
    have_titles = any(map(read_title, common)) or not any(map(str.isalpha, "".join(occurrences)))
    if have_titles or (share > _MOST and not are_many and len(value) > max(2, len(occurrences))):
        objects = ({"name": key, **item} for key, item in value.items())
        found.add_table(keys, list(tabulate(objects)), has_titles=True)
    elif share <= 1 - _MOST or are_many or (share <= 0.5 and len(occurrences) > len(value)):
        for category, names in value.items():
            if names and all(map(_is_number, names.values())):
                _add_counts(names, (*keys, category), found)
            elif names:
                found.add_names((*keys, category), names)
                found.ignored += len(names)
    else:
        found.unclear = "an object of objects, whose keys may be names or facts about names"


def _find_in_list(items: list[Any], keys: tuple[str, ...], found: JsonContents) -> None:
    """Add the names, objects and rows in a list."""
    texts = [item for item in items if isinstance(item, str)]
    objects = [item for item in items if isinstance(item, dict)]
    if texts:
        found.add_names(keys, texts)
    if len(objects) > 1 and all(len(item) == 1 for item in objects):
        merged = {key: inner for item in objects for key, inner in item.items()}
        if len(merged) == len(objects) == len(items):  # such as [{"elf": ["Ada"]}, {"orc": ["Bo"]}]
            _find_names(merged, keys, found)
            return
    if objects and not _find_categories(objects, keys, found):
        found.add_table(keys, list(tabulate(objects)), has_titles=True)
    rows = [[_to_text(cell) for cell in item[:MAX_FIELDS]] for item in items if isinstance(item, list)]
    if any(rows):
        found.add_table(keys, rows, has_titles=False)
    if texts or objects:
        found.skipped += sum(not isinstance(item, str | dict | list) for item in items)


def _find_categories(objects: list[dict[str, Any]], keys: tuple[str, ...], found: JsonContents) -> bool:
    """Add the names of objects with a category and its lists of names; return whether these are such objects."""
    lists = list(dict.fromkeys(key for item in objects for key, inner in item.items() if _is_list_of_texts(inner)))
    texts = [key for key in objects[0] if all(isinstance(item.get(key), str) and item[key] for item in objects)]
    titles = [key for key in texts if "category" in read_title(key)]
    if not titles and len(lists) == 1 and (lists[0].casefold() in _GENERIC or "name" in read_title(lists[0])):
        titles = texts
    if not lists or len(titles) != 1 or any(key != titles[0] and "name" in read_title(key) for key in texts):
        return False
    for item in objects:
        for key in lists:
            if _is_list_of_texts(item.get(key)):
                found.add_names((*keys, item[titles[0]], *([key] if len(lists) > 1 else [])), item[key])
    return True


def has_lists_by_category(item: dict[str, Any]) -> bool:
    """Return whether an object has a category and lists of names, rather than being the row of a table."""
    return _find_categories([item], (), JsonContents())


def _is_list_of_texts(item: object) -> bool:
    return isinstance(item, list) and bool(item) and all(isinstance(inner, str) for inner in item)


def _is_number(item: object) -> bool:
    return isinstance(item, int | float) and not isinstance(item, bool)


def _is_flat(item: object) -> bool:
    """Return whether a value is an object without lists and objects in it."""
    return isinstance(item, dict) and not any(isinstance(inner, list | dict) for inner in item.values())


def _describe_shape(value: Any) -> str:  # noqa: ANN401 - anything
    """Describe a JSON value to users."""
    if not isinstance(value, list | dict):
        return "a single value"
    items = value if isinstance(value, list) else list(value.values())
    what = "a list" if isinstance(value, list) else "an object"
    kinds = {
        "texts": str,
        "numbers": int | float,
        "lists": list,
        "objects": dict,
    }
    shown = [kind for kind, type_ in kinds.items() if any(isinstance(item, type_) for item in items)]
    return f"{what} of {' and '.join(shown)}" if shown else f"{what} without entries"


def tabulate(objects: Iterable[Mapping[str, Any]]) -> Iterator[list[str]]:
    """Yield objects as the rows of a table, after a row with their keys.

    The keys are those of the first thousand objects. Objects within objects have keys such as ``properties.name``.
    """
    iterator = iter(objects)
    first = [_flatten(item) for _, item in zip(range(_SAMPLED_OBJECTS), iterator, strict=False)]
    keys = list(dict.fromkeys(key for item in first for key in item))[:MAX_FIELDS]
    yield keys
    for flat in itertools.chain(first, map(_flatten, iterator)):
        yield [flat.get(key, "") for key in keys]


def _flatten(item: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, str]:
    flat: dict[str, str] = {}
    if item.get("type") == "Feature" and isinstance(item.get("properties"), dict):  # of GeoJSON
        item = item["properties"]
    for key, value in item.items():
        if isinstance(value, dict):
            if "value" in value and "type" in value:  # of a SPARQL query
                flat[prefix + key] = _to_text(value["value"])
            elif depth < 3:
                flat |= _flatten(value, f"{prefix}{key}.", depth + 1)
        elif not isinstance(value, list):
            flat[prefix + key] = _to_text(value)
        if len(flat) > MAX_FIELDS:
            break
    return flat


def _to_text(value: object) -> str:
    return "" if value is None or isinstance(value, list | dict) else str(value)


def read_json_lines(lines: Iterable[bytes], source: str) -> Iterator[Any]:
    """Yield the JSON value of each line that is not empty.

    Raises:
        DataError: a line is not JSON.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            text = decode_line(line, source, number)
            try:
                yield json.loads(text, object_pairs_hook=_make_object)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{source}, line {number:,}: invalid JSON ({_describe(error)}); correct it") from None


def name_categories(keys: Sequence[tuple[str, ...]], category: str) -> list[str]:
    """Return the category of each list and table in JSON, named after the keys that lead to it.

    A single list with generic keys, such as ``names``, has the category of the file.

    Args:
        keys: the keys that lead to each list and table.
        category: the category of the file.
    """
    if len(keys) == 1:
        telling = [key for key in keys[0] if key.strip() and key.casefold() not in _GENERIC]
        return ["/".join(telling) if telling else category]
    common = 0
    while all(len(path) > common + 1 for path in keys) and len({path[common] for path in keys}) == 1:
        common += 1
    return ["/".join(path[common:]).strip() or category for path in keys]

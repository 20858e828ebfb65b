"""Read tables from spreadsheets (.xlsx) and Parquet files, with bounded memory."""

from __future__ import annotations

import itertools
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO

from namegen.datasets.columns import MAX_FIELDS, find_columns
from namegen.errors import DataError, shorten
from namegen.io.archives import Archive, UnpackLimit
from namegen.optional_packages import required

if TYPE_CHECKING:
    from collections.abc import Iterator

    Rows = list[list[str]]

_MAX_ROWS, _MAX_EMPTY_ROWS = 2**20, 10_000  # of a sheet; .xlsx allows 2**20 rows
_MIN_ROWS, _MAX_WORDS = 10, 4  # of a sheet with names, not a cover
_MAX_SHEETS = 50  # to look at
_MAX_CELLS = 10_000_000
_XML_BYTES = 1024  # which include a document type declaration, if there is one
_BATCH_ROWS = 4096
_SAMPLED_ROWS = 1000


def read_workbook(stream: BinaryIO, source: str) -> tuple[str, list[str], Rows]:
    """Return the name of the sheet with names, the names of the others, and the rows of the first.

    It is the first sheet with names in at least ten rows, rather than a cover; without one, the first with names, or
    the first that is not empty.

    Raises:
        MissingPackageError: openpyxl is not installed.
        DataError: the file is not a spreadsheet, is damaged, or unpacks to far more than its size.
    """
    with required("openpyxl", f"{source}: reading spreadsheets"):
        import openpyxl
    _check_workbook(stream, source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about parts that are not read
            workbook = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            sheets = [(sheet, _measure_sheet(sheet)) for sheet in workbook.worksheets]
            filled = [(sheet, width) for sheet, width in sheets if width]
            if len(filled) > 1:
                samples = [list(itertools.islice(_read_sheet(*one), _SAMPLED_ROWS)) for one in filled[:_MAX_SHEETS]]
                likely = [number for number, sample in enumerate(samples) if _has_names(sample)]
                large = [number for number in likely if len(samples[number]) >= _MIN_ROWS]
                filled.insert(0, filled.pop([*large, *likely, 0][0]))
            rows = list(_read_sheet(*filled[0])) if filled else []
            titles = [shorten(sheet.title) for sheet, _ in filled]
    except DataError as error:
        raise DataError(f"{source}: {error}") from None
    except Exception as error:  # noqa: BLE001 - openpyxl raises anything for damaged files
        reason = shorten(str(error) or type(error).__name__)
        raise DataError(f"cannot read {source}: {reason}; save it again, or export the sheet as CSV") from None
    return (titles[0], titles[1:], rows) if titles else ("", [], [])


def _check_workbook(stream: BinaryIO, source: str) -> None:
    """Raise ``DataError`` if a spreadsheet unpacks to far more than its size, or may define entities."""
    limit = UnpackLimit(stream, source)
    archive = Archive(stream, limit, source)
    for path, member in archive.members.items():
        limit.count(member.file_size)  # zipfile unpacks no more than this
        beginning = archive.open(path).read(_XML_BYTES)
        if b"<!DOCTYPE" in beginning or beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise DataError(f"{source}: {shorten(path)} is not the XML of a spreadsheet; export the sheet as CSV")
    stream.seek(0)


def _measure_sheet(sheet: Any) -> int:  # noqa: ANN401 - of a library without types
    """Return the number of columns in the first rows of a sheet; 0 if they are empty."""
    sheet.reset_dimensions()  # the file may declare any size
    rows = sheet.iter_rows(max_row=_SAMPLED_ROWS, max_col=MAX_FIELDS, values_only=True)
    return max((n for row in rows for n, cell in enumerate(row, 1) if cell is not None), default=0)


def _has_names(rows: Rows) -> bool:
    """Return whether the first rows of a sheet have names, perhaps in several columns."""
    if not any(sum(map(bool, row)) > 1 for row in rows):  # a list
        return 2 * sum(len(cell.split()) > _MAX_WORDS for row in rows for cell in row) <= len(rows)
    try:
        find_columns(rows)
    except DataError as error:
        return "cannot tell" in str(error)
    return True


def _read_sheet(sheet: Any, width: int) -> Iterator[list[str]]:  # noqa: ANN401 - of a library without types
    """Yield the rows of a sheet that are not empty."""
    cells = empty = 0
    for row in sheet.iter_rows(max_row=_MAX_ROWS, max_col=width, values_only=True):
        if any(cell is not None for cell in row):
            empty, cells = 0, cells + width
            if cells > _MAX_CELLS:
                raise DataError(f"more than {_MAX_CELLS:,} cells; export the sheet as CSV")
            yield [_cell_to_text(cell) for cell in row]
        else:
            empty += 1
            if empty > _MAX_EMPTY_ROWS:
                return


def _cell_to_text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell)


def open_parquet(stream: BinaryIO, source: str) -> Iterator[list[str]]:
    """Yield the rows of a Parquet file, after a row with the columns' names.

    Raises:
        MissingPackageError: pyarrow is not installed.
        DataError: the file is not a Parquet file, is damaged, or is too large.
    """
    with required("pyarrow", f"{source}: reading Parquet files"):
        import pyarrow as pa
        import pyarrow.parquet as pq
    stream.seek(0)
    limit = UnpackLimit(stream, source)
    try:
        with pq.ParquetFile(stream, memory_map=False, thrift_container_size_limit=2**20) as file:
            for group in range(file.metadata.num_row_groups):
                limit.count(max(0, file.metadata.row_group(group).total_byte_size))
            schema = file.schema_arrow
            columns = [field.name for field in schema if not pa.types.is_nested(field.type)][:MAX_FIELDS]
            yield columns
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=columns, use_threads=False):
                texts = [[_cell_to_text(cell) for cell in column.to_pylist()] for column in batch.columns]
                yield from map(list, zip(*texts, strict=True))
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        reason = shorten(str(error).partition("\n")[0] or type(error).__name__)
        raise DataError(f"cannot read {source}: {reason}; save it again, or export it as CSV") from None

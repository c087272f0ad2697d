"""Writes rows as an Excel workbook, with the extra `excel`."""

import math
from datetime import UTC, date, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, BinaryIO

from followsuit.cli.app import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

MAX_ROWS, MAX_COLUMNS, MAX_TEXT = 1_048_575, 16_384, 32_767
"""Rows below the header, columns, and characters of a cell that a sheet of Excel holds."""
_EXACT = 2**53
"""Excel keeps numbers as floats: larger integers would change, so they are written as text."""
_FIRST_YEAR = 1901
"""Earlier dates are written as text: Excel has none before 1900, and a wrong leap day in it."""
_ROWS = 10_000
"""Rows to convert at a time."""


def require_excel() -> None:
    """Raise OutputError unless the extra `excel` is installed."""
    if find_spec("xlsxwriter") is None:
        raise OutputError(
            "Writing .xlsx needs XlsxWriter: pip install 'followsuit[excel]'. Or write .csv."
        )


def check_fits(rows: "pa.Table") -> None:
    """Raise OutputError if a sheet of Excel can't hold the rows."""
    if rows.num_rows > MAX_ROWS or rows.num_columns > MAX_COLUMNS:
        raise OutputError(
            f"The answer has {rows.num_rows:,} rows and {rows.num_columns:,} columns; a sheet of "
            f"Excel holds {MAX_ROWS:,} and {MAX_COLUMNS:,}. Write .parquet or .csv, or ask for "
            "fewer rows."
        )


def write_excel(rows: "pa.Table", file: BinaryIO, text: "Callable[[object], str]") -> None:
    """Write rows to the only sheet of a workbook, below a header.

    Text stays text, so that ids keep their zeros. Times are UTC, since Excel has no time zones.

    Args:
        rows: the rows; `check_fits` has accepted them.
        file: the file to write.
        text: converts a value that Excel has no type for, such as a list.
    """
    import xlsxwriter

    # Without these options, text that looks like a formula or a link would become one.
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        book.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001 - same bytes each day
        formats = {
            datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            date: book.add_format({"num_format": "yyyy-mm-dd"}),
        }
        bold = book.add_format({"bold": True})
        sheet = book.add_worksheet("rows")
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(rows.column_names):
            sheet.write_string(0, column, name, bold)
        for i, row in enumerate(_rows(rows), start=1):
            for column, value in enumerate(row):
                if value is not None:
                    cell = _cell(value, text)
                    if isinstance(cell, str):
                        _check_length(cell, i, rows.column_names[column])
                        sheet.write_string(i, column, cell)
                    else:
                        sheet.write(i, column, cell, formats.get(type(cell)))


def _rows(rows: "pa.Table") -> "Iterator[tuple[Any, ...]]":
    for batch in rows.to_batches(max_chunksize=_ROWS):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _cell(value: Any, text: "Callable[[object], str]") -> Any:
    """A value as Excel keeps it: text, a number, a boolean, a date, or a time without a zone."""
    match value:
        case str() | bool():
            return value
        case int():
            return value if abs(value) <= _EXACT else str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime() if value.year >= _FIRST_YEAR:
            plain = value.astimezone(UTC) if value.tzinfo else value
            return datetime(*plain.timetuple()[:6], plain.microsecond)  # noqa: DTZ001
        case date() if value.year >= _FIRST_YEAR:
            return value
    return text(value)


def _check_length(cell: str, row: int, column: str) -> None:
    if len(cell) > MAX_TEXT:
        raise OutputError(
            f"Row {row:,} has {len(cell):,} characters in {column}; a cell of Excel holds "
            f"{MAX_TEXT:,}. Write .parquet or .csv."
        )

"""Prints and writes rows: as a table for people, Parquet, CSV, JSON or Excel."""

import csv
import io
import json
import math
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from followsuit.cli.app import OutputError, to_write
from followsuit.cli.excel import check_fits, require_excel, write_excel
from followsuit.cli.fitting import ENDLESS, NARROWEST, fit

if TYPE_CHECKING:
    import pyarrow as pa


class Format(StrEnum):
    """The format of rows."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    XLSX = "xlsx"


_FILES = (Format.PARQUET, Format.CSV, Format.JSON, Format.XLSX)
_BINARY = (Format.PARQUET, Format.XLSX)
ENDINGS = ".parquet, .csv, .json or .xlsx"
"""The endings of files for rows, in words."""
_OTHER = ("xls", "ods")
"""Endings of formats that can't be written, whatever --format says."""
_ROWS = 10_000
"""Rows to write at a time."""
_DRAWN_BYTES = 4 * 2**20
_DRAWN = 50_000
"""Answers with more values aren't drawn as a table, because that takes minutes."""


def format_of(path: Path | None, chosen: Format | None = None) -> Format:
    """The format to write: `--format` if it is given, else by the file's ending.

    Raises:
        OutputError: the two contradict each other, neither names a format, or the format needs an
            extra that isn't installed.
    """
    named = _format_of(path, chosen)
    if named is Format.XLSX:
        require_excel()
    return named


def _format_of(path: Path | None, chosen: Format | None) -> Format:
    ending = "" if path is None else path.suffix.removeprefix(".").lower()
    if path is None:
        return chosen or Format.TABLE
    if chosen is None:
        if ending not in _FILES:
            raise OutputError(f"{path} doesn't end in {ENDINGS}. Name such a file.")
        return Format(ending)
    if ending != chosen and ending in (*_FILES, *_OTHER):
        raise OutputError(
            f"{path} ends in .{ending}, but --format says {chosen}. Change one of the two."
        )
    return chosen


BY_ENDING = "FILE.parquet|csv|json|xlsx"
"""The metavar of options that take a file for rows."""


def to_write_rows(path: Path | None) -> Path | None:
    """Check that rows can be written to a path, before the work starts."""
    if path is not None:
        to_write(path)
        format_of(path)
    return path


def write_rows(rows: "pa.Table", file_format: Format | None, out: Path | None) -> None:
    """Write rows to a file or the screen; see `format_of` for the format."""
    chosen = format_of(out, file_format)
    large = rows.num_rows * rows.num_columns > _DRAWN or rows.nbytes > _DRAWN_BYTES
    if chosen is Format.TABLE and large:
        raise OutputError(
            f"The answer has {rows.num_rows:,} rows of {rows.nbytes:,} bytes, too many for a "
            "table. Choose --format csv, json or parquet, or ask for fewer rows."
        )
    if chosen is Format.XLSX:
        check_fits(rows)
    if out is not None:
        with out.open("wb") as file:
            _write(rows, chosen, file)
        return
    if chosen in _BINARY and sys.stdout.isatty():
        raise OutputError(f"{chosen} can't be printed. Name a file with --out.")
    _write(rows, chosen, sys.stdout.buffer)
    sys.stdout.buffer.flush()


@contextmanager
def parquet_for(out: Path | None) -> Iterator[Path | None]:
    """Yield a path for a Parquet file that is then converted to `out`, by its ending."""
    if out is None or format_of(out) is Format.PARQUET:
        yield out
        return
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory(prefix="followsuit-") as folder:
        path = Path(folder) / "rows.parquet"
        yield path
        write_rows(pq.read_table(path), None, out)


def _write(rows: "pa.Table", file_format: Format, file: BinaryIO) -> None:
    match file_format:
        case Format.PARQUET:
            import pyarrow as pa
            import pyarrow.parquet as pq

            pq.write_table(rows, pa.PythonFile(file, mode="w"))
        case Format.JSON:
            between = "["
            for batch in rows.to_batches(max_chunksize=_ROWS):
                for row in batch.to_pylist():
                    text = json.dumps(_jsonable(row), ensure_ascii=False)
                    file.write(f"{between}{text}".encode())
                    between = ", "
            file.write(b"[]\n" if between == "[" else b"]\n")
        case Format.XLSX:
            write_excel(rows, file, _text)
        case Format.CSV:
            file.write(_lines([rows.column_names]))
            for batch in rows.to_batches(max_chunksize=_ROWS):
                file.write(_lines(zip(*map(_cells, batch.columns), strict=True)))
        case Format.TABLE:
            file.write(drawn(rows).encode())


def _cells(column: "pa.Array") -> list[object]:
    """A column's values as CSV cells: numbers and text unchanged, null as an empty cell."""
    import pyarrow.types as pt

    plain = any(is_so(column.type) for is_so in (pt.is_integer, pt.is_floating, pt.is_string))
    values: list[object] = column.to_pylist()
    return values if plain else [_text(value) for value in values]


def _lines(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _jsonable(value: object) -> object:
    """Convert a value for JSON: times to ISO 8601, NaN and infinity to null."""
    match value:
        case dict():
            return {str(k): _jsonable(v) for k, v in value.items()}
        case list() | tuple():
            return [_jsonable(v) for v in value]
        case float() if not math.isfinite(value):
            return None
        case None | bool() | int() | float() | str():
            return value
        case date():
            return value.isoformat()
    return str(value)


def _text(value: object) -> str:
    """Convert a value to a cell's text: null to an empty cell, lists and maps to JSON."""
    if value is None:
        return ""
    if isinstance(value, bool | list | dict):
        return json.dumps(_jsonable(value), ensure_ascii=False)
    return value.isoformat() if isinstance(value, date) else str(value)


def drawn(rows: "pa.Table") -> str:
    """Draw rows as a table that fits the terminal or, without one, as wide as needed.

    Amounts are in major units: 1216 hundredths are 12.16.
    """
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from followsuit.graph.schema import is_amount

    table = Table(box=SIMPLE, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    columns = [
        [(_major if is_amount(field) else _text)(value) for value in column.to_pylist()]
        for field, column in zip(rows.schema, rows.columns, strict=True)
    ]
    for name, cells in zip(rows.column_names, columns, strict=True):
        table.add_column(name, no_wrap=max(map(len, cells), default=0) <= NARROWEST)
    for row in zip(*columns, strict=True):
        table.add_row(*row)
    seen = sys.stdout.isatty()
    fitted = fit(table, Console(file=sys.stdout).width if seen else _WIDE, stack=seen)
    console = Console(file=io.StringIO(), width=ENDLESS, highlight=False, emoji=False)
    with console.capture() as captured:
        console.print(fitted, markup=False)
        console.print(f"{rows.num_rows:,} row{'' if rows.num_rows == 1 else 's'}", markup=False)
    return captured.get()


def _major(value: float | None) -> str:
    """An amount of minor units in major units, exactly."""
    if value is None or not math.isfinite(value):
        return _text(value)
    return f"{Decimal(value).scaleb(-2):.2f}"


_WIDE = 200

"""Writes tables as the files that a retailer would deliver."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from followsuit.core.progress import Advance
from followsuit.graph.tables import TABLES, Kind
from followsuit.simulator.columns import Chunks, Column, joined, pc, take, words
from followsuit.simulator.draw import DAY

FORMATS = ("csv", "parquet")

_ROWS = 500_000
_SPECIAL = '[,"\r\n]'


def write(name: str, table: pa.Table, path: Path, advance: Advance) -> None:
    """Write a table as a retailer would: money in major units, times as ISO 8601 text or typed.

    Args:
        name: the table's name in the contract.
        table: its rows in the contract's types; times, dates and booleans may be text already.
        path: ends in .csv or .parquet.
        advance: called with the number of rows written.
    """
    text = path.suffix == ".csv"
    convert = _for_csv if text else _for_parquet
    with path.open("wb") as file, _writer(file, name, table, text) as writer:
        for low in range(0, table.num_rows, _ROWS):
            part = convert(name, table.slice(low, _ROWS))
            writer.write_table(part)
            advance(part.num_rows)


def _writer(
    file: BinaryIO, name: str, table: pa.Table, text: bool
) -> pacsv.CSVWriter | pq.ParquetWriter:
    if not text:
        return pq.ParquetWriter(file, _for_parquet(name, table.slice(0, 0)).schema)
    free = [f.name for f in TABLES[name].fields if f.kind is Kind.TEXT]
    special = any(pc.any(pc.match_substring_regex(table[c], _SPECIAL)).as_py() for c in free)
    quoting: dict[str, Any] = {"quoting_header": "none"}  # The stubs don't know it.
    options = pacsv.WriteOptions(quoting_style="needed" if special else "none", **quoting)
    schema = _for_csv(name, table.slice(0, 0)).schema
    return pacsv.CSVWriter(file, schema, write_options=options)


def _for_csv(name: str, table: pa.Table) -> pa.Table:
    table = _convert(name, table, Kind.MONEY, _decimal)
    return _convert(name, table, Kind.TIME, iso)


def _for_parquet(name: str, table: pa.Table) -> pa.Table:
    return _convert(name, table, Kind.MONEY, _major)


def _convert(name: str, table: pa.Table, kind: Kind, how: Callable[[Column], Column]) -> pa.Table:
    """Convert the columns of a kind that are not text already."""
    for i, field in enumerate(TABLES[name].fields):
        if field.kind is kind and not pa.types.is_string(table.schema.types[i]):
            table = table.set_column(i, field.name, how(_whole(table[field.name])))
    return table


def _whole(column: Chunks) -> Column:
    none: list[Column] = [pa.nulls(0, column.type)]
    whole: Column = pa.concat_arrays(column.chunks or none)
    return whole


def _major(cents: Column) -> Column:
    major: Column = pc.divide(cents.cast(pa.float64()), 100.0)
    return major


def _decimal(cents: Column) -> Column:
    """Cents as a decimal with two places."""
    digits = cents.cast(pa.decimal128(19, 0))
    buffers, offset = digits.buffers(), digits.offset
    return pa.Array.from_buffers(pa.decimal128(19, 2), len(digits), buffers, offset=offset)


def iso(instants: Column) -> Column:
    """Instants as text like `2025-03-30T01:00:00Z` (Arrow's own cast is ten times slower)."""
    seconds = instants.cast(pa.int64()).to_numpy(zero_copy_only=False) // 1_000_000
    missing = instants.is_null().to_numpy(zero_copy_only=False)
    seconds = np.where(missing, 0, seconds).astype(np.int64)
    day, second = np.divmod(seconds, DAY)
    first = int(day.min(initial=0))
    days = np.arange(first, day.max(initial=0) + 1).astype("datetime64[D]")
    dates = words([str(date) for date in days])
    return joined([take(dates, np.where(missing, -1, day - first)), take(_clock(), second)], "T")


@cache
def _clock() -> Column:
    """The text of every second of a day."""
    return words([str(second)[11:] + "Z" for second in np.arange(DAY).astype("datetime64[s]")])

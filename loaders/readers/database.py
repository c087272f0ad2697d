"""Tables of a database, by SQLAlchemy."""

import math
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy

from followsuit.loaders.readers.batches import BULK, Batches, Reader, number_text, with_rows
from followsuit.loaders.sources import Source


def open_table(source: Source) -> Reader:
    """Open a database table; rows are numbered in the order of the query's result."""
    assert source.database is not None
    engine = source.database
    schema, _, name = source.names[0].rpartition(".")
    table = sqlalchemy.Table(
        name, sqlalchemy.MetaData(), schema=schema or None, autoload_with=engine
    )

    def batches(chosen: Sequence[str], _nested: Collection[str]) -> Batches:
        # Use the driver's values: SQLAlchemy's types fail on a value that doesn't suit its
        # column, which SQLite allows.
        raw = [sqlalchemy.type_coerce(table.c[c], sqlalchemy.types.NullType()) for c in chosen]
        done = 0
        with engine.connect() as connection:
            rows = connection.execution_options(stream_results=True).execute(
                sqlalchemy.select(*raw)
            )
            while bulk := rows.fetchmany(BULK):
                # Convert to text, so that a column has the same type in every batch.
                columns = [pa.array(map(_text, column), pa.string()) for column in zip(*bulk)]  # noqa: B905
                numbers = range(done + 1, done + len(bulk) + 1)
                yield with_rows(pa.RecordBatch.from_arrays(columns, list(chosen)), numbers)
                done += len(bulk)

    return Reader([c.name for c in table.columns], batches)


def _text(value: Any) -> str | None:
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            # A column of whole numbers with gaps comes as floats.
            return None if math.isnan(value) else number_text(value)
        case bytes() | memoryview():
            return bytes(value).decode()
        case datetime() | date():
            return value.isoformat()
    return str(value)

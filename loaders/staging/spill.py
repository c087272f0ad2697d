"""Writes rows to Parquet files with bounded memory."""

from pathlib import Path

import duckdb

_ROW_GROUP = "8MB"
"""The size of a row group; a reader of the file holds one per thread."""


def write_parquet(db: duckdb.DuckDBPyConnection, sql: str, path: Path) -> None:
    """Write the rows of a query, in no particular order, to a Parquet file."""
    db.execute("SET preserve_insertion_order = false")  # saves memory
    db.sql(sql).write_parquet(str(path), row_group_size_bytes=_ROW_GROUP)

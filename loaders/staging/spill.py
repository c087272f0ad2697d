"""Writing sets of rows to disk so that memory stays bounded, however many and wide they are."""

from pathlib import Path

import duckdb

_ROW_GROUP = "8MB"
"""Whoever reads a Parquet file holds a row group for each thread."""


def write_parquet(db: duckdb.DuckDBPyConnection, sql: str, path: Path) -> None:
    """Write the rows of a query, in no particular order, to a Parquet file."""
    db.execute("SET preserve_insertion_order = false")  # to keep it takes memory
    db.sql(sql).write_parquet(str(path), row_group_size_bytes=_ROW_GROUP)

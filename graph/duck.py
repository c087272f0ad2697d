"""DuckDB connections for sets of rows on disk, with bounded memory and times in UTC."""

import glob
from pathlib import Path

import duckdb

from followsuit.graph import schema as g

TYPES = {
    g.TEXT: "VARCHAR",
    g.TIME: "TIMESTAMPTZ",
    g.DATE: "DATE",
    g.NUMBER: "DOUBLE",
    g.WHOLE: "BIGINT",
    g.BOOLEAN: "BOOLEAN",
    g.VECTOR: "FLOAT[]",
    g.TEXTS: "VARCHAR[]",
}
"""The SQL name of each type of the schema."""


def open_duck(memory: int, spill: Path, **parquet: Path) -> duckdb.DuckDBPyConnection:
    """Open DuckDB in memory.

    Args:
        memory: limit in bytes; beyond it, DuckDB spills to disk.
        spill: the folder to spill to.
        parquet: Parquet files by the name of their view.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory}B",
        "temp_directory": str(spill / "spill"),
    }
    db = duckdb.connect(config=config)
    db.execute("SET TimeZone = 'UTC'")
    for name, path in parquet.items():
        db.read_parquet(glob.escape(str(path))).create_view(name)
    return db

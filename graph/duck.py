"""DuckDB connections for sets of rows on disk, with bounded memory and times in UTC."""

import glob
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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

_SETTINGS = {
    "TimeZone": "UTC",
    "preserve_insertion_order": True,
    # What was read of a file is forgotten: another file may have its name later.
    "enable_external_file_cache": False,
}
_idle: list[duckdb.DuckDBPyConnection] = []
"""Databases that nobody uses, with nothing in them. Making one takes longer than most queries on
the tables of a small shop."""


@contextmanager
def open_duck(memory: int, spill: Path, **parquet: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open DuckDB in memory.

    Args:
        memory: limit in bytes; beyond it, DuckDB spills to disk.
        spill: the folder to spill to.
        parquet: Parquet files by the name of their view.

    Yields:
        A connection whose tables and views last as long as the context.
    """
    folder = spill / "spill"
    try:
        database = _idle.pop()
    except IndexError:
        database = duckdb.connect()
    clean = False
    try:
        settings = _SETTINGS | {"memory_limit": f"{memory}B", "temp_directory": str(folder)}
        for name, value in settings.items():
            database.execute(f"SET GLOBAL {name} = $value", {"value": value})
        database.execute("ATTACH ':memory:' AS rows_of_one")
        with database.cursor() as db:
            db.execute("USE rows_of_one")
            for name, path in parquet.items():
                db.read_parquet(glob.escape(str(path))).create_view(name)
            yield db
        with suppress(duckdb.Error):
            database.execute("DETACH rows_of_one")
            clean = not folder.exists()  # What has spilled can't spill to another folder.
    finally:
        if clean:
            _idle.append(database)
        else:
            database.close()

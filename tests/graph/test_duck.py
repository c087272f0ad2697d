"""A DuckDB that one use leaves behind is empty for the next, whose settings it takes."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from followsuit.graph.duck import open_duck

MEMORY = 2**28
SETTINGS = ("TimeZone", "memory_limit", "temp_directory", "preserve_insertion_order")


def rows_of(value: int, path: Path) -> Path:
    pq.write_table(pa.table({"n": [value]}), path)
    return path


def settings(db: duckdb.DuckDBPyConnection) -> tuple[object, ...]:
    texts = ", ".join(f"current_setting('{name}')" for name in SETTINGS)
    return db.sql(f"SELECT {texts}").fetchall()[0]


def test_nothing_of_one_use_is_left_for_the_next(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    for value in (1, 2, 3):
        with open_duck(MEMORY, tmp_path, rows=rows_of(value, path)) as db:
            assert db.sql("FROM rows").fetchall() == [(value,)]
            db.execute("CREATE TABLE made AS FROM rows")
            db.execute("CREATE TEMP TABLE passing AS FROM rows")
            db.execute("CREATE VIEW seen AS FROM rows")


def test_each_use_has_its_own_settings(tmp_path: Path) -> None:
    values = []
    for memory in (2**28, 2**29, 2**28):
        with open_duck(memory, tmp_path / str(memory)) as db:
            values.append(settings(db))
            db.execute("SET preserve_insertion_order = false")
            db.execute("SET TimeZone = 'Asia/Tokyo'")
    assert values[0] == values[2]
    zone, limit, folder, ordered = values[1]
    assert (zone, limit, ordered) == ("UTC", "512.0 MiB", True)
    assert folder == str(tmp_path / str(2**29) / "spill")


def test_two_uses_at_a_time_see_nothing_of_each_other(tmp_path: Path) -> None:
    with open_duck(MEMORY, tmp_path) as one, open_duck(MEMORY, tmp_path) as other:
        one.execute("CREATE TABLE made AS SELECT 1 AS n")
        with pytest.raises(duckdb.CatalogException):
            other.sql("FROM made")


def test_what_has_spilled_can_spill_elsewhere_the_next_time(tmp_path: Path) -> None:
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        with open_duck(2**25, folder) as db:
            db.execute(
                "CREATE TABLE made AS SELECT n, repeat('x', 100) || n AS x FROM range(600_000) t(n)"
            )
            assert (folder / "spill").exists()


def test_after_a_fault_the_next_use_works(tmp_path: Path) -> None:
    def fail() -> None:
        with open_duck(MEMORY, tmp_path) as db:
            db.execute("CREATE TABLE made AS SELECT 1 AS n")
            db.execute("FROM missing")

    with pytest.raises(duckdb.CatalogException):
        fail()
    with open_duck(MEMORY, tmp_path) as db:
        db.execute("CREATE TABLE made AS SELECT 1 AS n")

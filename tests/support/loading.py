"""Loads deliveries into a store, and reads the result."""

import tempfile
from collections.abc import Mapping as AbstractMapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from support.deliveries import Rows, deliver

from followsuit.graph.store import GraphStore
from followsuit.graph.tables import TABLES
from followsuit.graph.views.snapshot import export_table, take_snapshot
from followsuit.loaders.load import load
from followsuit.loaders.load_report import LoadReport
from followsuit.loaders.mapping import Mapping
from followsuit.testing.places import Place

MEMORY = 2**28


def load_from(
    place: Place,
    source: str | Path,
    mapping: AbstractMapping[str, Any] | None = None,
    **options: Any,
) -> LoadReport:
    """Load a delivery; `mapping` is what the TOML file of one would hold under `tables`."""
    understood = Mapping.model_validate({"tables": mapping}) if mapping else None
    with place.open() as store:
        return load(store, str(source), understood, **{"memory": MEMORY} | options)


def counts(report: LoadReport) -> dict[str, tuple[int, int, int, int]]:
    """Read, loaded, duplicates and rejected of every table."""
    return {n: (c.read, c.loaded, c.duplicates, c.rejected) for n, c in report.tables.items()}


def load_rows(
    place: Place, folder: Path, replace: tuple[str, ...] = (), **tables: Rows
) -> dict[str, tuple[int, int, int, int]]:
    """Deliver tables in a folder of their own and load them; see `counts`."""
    nth = sum(1 for _ in folder.glob("delivery-*"))
    delivered = deliver(folder / f"delivery-{nth}", **tables)
    return counts(load_from(place, delivered, replace=replace, yes=True))


def rejects(report: LoadReport) -> list[tuple[Any, ...]]:
    """Table, file, row, column, reason and value of every reject."""
    return [tuple(row.values()) for row in pq.read_table(report.rejects).to_pylist()]


def rows(place: Place, table: str) -> list[dict[str, Any]]:
    """All rows of a table, by key, what is empty left out."""
    with place.open() as store, store.reading():
        return rows_in(store, table)


def rows_in(store: GraphStore, table: str) -> list[dict[str, Any]]:
    """The same of a store that is open."""
    with tempfile.TemporaryDirectory() as folder:
        # As a snapshot reads it, without the other tables.
        export_table(store, TABLES[table], Path(folder), MEMORY)
        records = pq.read_table(Path(folder) / f"{table}.parquet").to_pylist()
    return [{k: v for k, v in row.items() if v is not None} for row in records]


def values(place: Place, table: str, column: str) -> list[Any]:
    """One column of a table, by key."""
    return [row.get(column) for row in rows(place, table)]


def content(place: Place) -> str:
    """A digest of all that the store holds of the tables."""
    with place.open() as store:
        return take_snapshot(store).content


def meta(place: Place) -> dict[str, Any]:
    """What the store notes about itself."""
    with place.open() as store:
        return store.meta.entries

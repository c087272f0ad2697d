"""Views of a few hand-written rows, without a store."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.graph.tables import NODE_TABLES, TABLES
from followsuit.graph.views.snapshot import Snapshot
from followsuit.graph.views.view import View

Rows = Sequence[Mapping[str, Any]]


def day(number: int, hour: float = 0) -> datetime:
    """An instant of January 2025: `day(1)` is the first's 00:00 UTC."""
    return datetime.fromtimestamp(
        datetime(2025, 1, 1, tzinfo=UTC).timestamp() + (number - 1) * 86_400 + hour * 3600, UTC
    )


def view_from(
    folder: Path,
    as_of: datetime,
    *,
    assume_consent: bool = False,
    delivered: Sequence[str] | None = None,
    **rows: Rows,
) -> View:
    """A view of these rows; columns that a row leaves out are empty.

    Events without an id get one. `delivered` defaults to the node tables that have rows.
    """
    tables = {name: _typed(name, rows.get(name, ())) for name in TABLES}
    if delivered is None:
        delivered = [name for name in NODE_TABLES if rows.get(name)]
    return View(write_snapshot(folder, tables, delivered, assume_consent), as_of)


def write_snapshot(
    folder: Path, tables: Mapping[str, pa.Table], delivered: Sequence[str], assume_consent: bool
) -> Snapshot:
    """Write tables, in the contract's columns, as a snapshot's files; missing ones are empty."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, contract in TABLES.items():
        rows = tables.get(name, contract.arrow_schema().empty_table())
        order = [(key, "ascending") for key in TABLES[name].key]
        pq.write_table(rows.sort_by(order), folder / f"{name}.parquet")
    meta = {
        "store_id": "hand",
        "revision": 1,
        "delivered": list(delivered),
        "assume_consent": assume_consent,
    }
    entries = {key: json.dumps(value) for key, value in meta.items()}
    (folder / "notes.json").write_text(json.dumps({"content": "hand", "meta": entries}))
    return Snapshot(folder, memory=2**30)


def _typed(name: str, rows: Rows) -> pa.Table:
    table = TABLES[name]
    filled = [dict(row) for row in rows]
    if table.derived:
        for number, row in enumerate(filled):
            row.setdefault(table.derived, f"{name}-{number:05}")
    return pa.Table.from_pylist(filled, schema=table.arrow_schema())

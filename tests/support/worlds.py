"""Simulated worlds as views, without a store."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from support.snapshots import write_snapshot

from followsuit.graph import schema as g
from followsuit.graph.tables import NODE_TABLES, TABLES, Kind
from followsuit.graph.views.view import View
from followsuit.simulator import World, tables


def view_of_world(world: World, folder: Path, assume_consent: bool = False) -> View:
    """The view, as of the end of a world, of the snapshot that a load of its delivery leads to."""
    typed = {}
    for name, rows in tables(world).tables.items():
        table = TABLES[name]
        columns = [_typed(rows[f.name], f.kind, f.type) for f in table.fields]
        typed[name] = pa.Table.from_arrays(columns, schema=table.arrow_schema())
    return View(write_snapshot(folder, typed, NODE_TABLES, assume_consent), end_of(world))


def end_of(world: World) -> datetime:
    """The instant at which a world's period ends."""
    start = datetime.combine(world.start, datetime.min.time(), tzinfo=UTC)
    return start + timedelta(days=world.days)


def _typed(column: pa.ChunkedArray, kind: Kind, arrow: pa.DataType) -> pa.ChunkedArray:
    if kind is Kind.MONEY and column.type != g.MONEY:
        return pc.round(pc.multiply(column.cast(pa.float64()), 100)).cast(pa.int64())
    return column.cast(arrow)

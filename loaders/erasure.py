"""Erases customers from the rejects and the staging of loads."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from followsuit.core.files import read_parquet, replacing
from followsuit.graph.erasure.search import Searched, Wanted
from followsuit.graph.store import GraphStore
from followsuit.graph.tables import TABLES
from followsuit.loaders.staging.forgotten_rows import naming
from followsuit.loaders.staging.rejects import SCHEMA

PERSONAL = tuple(table.name for table in TABLES.values() if naming(table))
"""The tables with rows of customers."""


def erase(store: GraphStore) -> None:
    """Delete the values of rejected rows, and the staging of loads that have failed.

    A rejected row doesn't say whose it is, so the values of all rows of customers go; where they
    were, and why they were rejected, stays. Repeating it does no harm.

    Args:
        store: the store of the loads, none of which is unfinished.
    """
    shutil.rmtree(store.state.staging, ignore_errors=True)
    for path in _rejects(store):
        rows = read_parquet(path)
        if rows is None:
            path.unlink()
        elif pc.any(pc.and_(_personal(rows), rows["value"].is_valid())).as_py():
            values = pc.if_else(_personal(rows), pa.scalar(None, pa.string()), rows["value"])
            with replacing(path) as part:
                place = SCHEMA.get_field_index("value")
                pq.write_table(rows.set_column(place, SCHEMA.field(place), values), part)


def mentions(store: GraphStore, wanted: Wanted) -> list[Searched]:
    """Search the rejects and the staging.

    Args:
        store: the store of the loads.
        wanted: the customers.
    """
    files = wanted.files("rejects", [store.state.rejects])
    n = sum(_named(path, wanted) for path in _rejects(store))
    return [
        Searched(files.place, files.files, files.hits + n),
        wanted.files("staging", [store.state.staging]),
    ]


def _rejects(store: GraphStore) -> Iterator[Path]:
    yield from sorted(store.state.rejects.glob("*.parquet"))


def _personal(rows: pa.Table) -> pa.ChunkedArray:
    return pc.is_in(rows["table"], pa.array(PERSONAL))


def _named(path: Path, wanted: Wanted) -> int:
    """How many rejected rows of customers name one of them."""
    rows = read_parquet(path)
    if rows is None:
        return 0
    named = pc.is_in(rows["value"], pa.array(wanted.ids, pa.string()))
    return pc.sum(pc.and_(named, _personal(rows))).as_py() or 0

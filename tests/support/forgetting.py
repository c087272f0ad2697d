"""What a store holds of some customers, and of all others."""

from pathlib import Path
from typing import Any

from support.loading import rows_in

from followsuit.graph.erasure.search import Wanted
from followsuit.graph.store import GraphStore
from followsuit.graph.tables import TABLES
from followsuit.loaders.staging.forgotten_rows import naming
from followsuit.privacy import places
from followsuit.testing.places import Place


def open_store(folder: Path) -> GraphStore:
    """The store of a folder."""
    return Place(str(folder / "store.lbug")).open()


def others(store: GraphStore, *gone: str) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables that don't name some customers."""
    with store.reading():
        tables = {name: rows_in(store, name) for name in TABLES}
    return {
        name: [row for row in rows if not {*gone} & {row.get(c) for c in naming(TABLES[name])}]
        for name, rows in tables.items()
    }


def hits(store: GraphStore, *customers: str) -> int:
    """How often anything names one of some customers."""
    searched = places.mentions(store, Wanted.of(store, customers))
    return sum(place.hits for place in searched)

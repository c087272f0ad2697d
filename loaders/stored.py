"""The rows that a store already has, and which of them a load deletes."""

import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from followsuit.graph.duck import open_duck
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore
from followsuit.graph.tables import NODE_TABLES, TABLES, Table
from followsuit.graph.views.snapshot import export_table


class Stored:
    """The rows of a store by table, read on first use.

    Args:
        store: the store, open for writing.
        folder: the folder for the rows; its old content is deleted.
        memory: limit for reading, in bytes.
    """

    def __init__(self, store: GraphStore, folder: Path, memory: int) -> None:
        self._store = store
        self._folder = folder
        self._memory = memory
        # A killed process may have left an incomplete file.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

    def rows(self, table: Table) -> Path | None:
        """A Parquet file of a table's rows; None if the store has none."""
        path = self._folder / f"{table.name}.parquet"
        if not path.exists():
            first, *others = table.parts
            hold_rows = [first, *(part for part in others if part.split is not None)]
            if not any(self._store.count(part.element) for part in hold_rows):
                return None
            export_table(self._store, table, self._folder, self._memory)
        return path


def known_view(table: str) -> str:
    """The name of the view, with a column `key`, of a table's known keys."""
    return f"known_{table}"


def is_lost(table: Table, known: Collection[str]) -> str:
    """The SQL condition that a stored row refers to an unknown node.

    Args:
        table: the table of the row.
        known: the tables that have a `known_view`.
    """
    lost = ["FALSE"]
    for part in table.parts if table.node is None else ():
        ends = (part.columns.get(end) for end in (Col.SOURCE, Col.TARGET))
        refers = {f.name: f.refers for f in table.fields if f.refers in known}
        within = {None: "TRUE", True: table.split, False: f"NOT {table.split}"}[part.split]
        lost += [
            f'("{end}" NOT IN (SELECT key FROM {known_view(str(refers[end]))}) AND {within})'
            for end in ends
            if end in refers
        ]
    return f"coalesce({' OR '.join(lost)}, FALSE)"


@dataclass(frozen=True)
class Deleted:
    """How many of a table's stored rows a load deletes."""

    rows: int
    of: int

    @property
    def share(self) -> float:
        """The deleted share of the stored rows."""
        return self.rows / self.of


def deletions(
    replace: Iterable[str],
    staged: dict[str, Path],
    known: dict[str, Path],
    stored: Stored,
    memory: int,
) -> dict[str, Deleted]:
    """Count what `--replace` deletes: undelivered rows, and rows that refer to their nodes.

    Args:
        replace: the tables that the delivery contains in full.
        staged: the staged rows of every delivered table.
        known: by table, a Parquet file whose column `key` lists the keys after the load.
        stored: the rows of the store.
        memory: limit in bytes.
    """
    deleted: dict[str, Deleted] = {}
    for table in TABLES.values():
        shrunk = {name: known[name] for name in deleted if name in replace and name in NODE_TABLES}
        whole = table.name in replace
        if not whole and not any(field.refers in shrunk for field in table.fields):
            continue
        if (rows := stored.rows(table)) is not None:
            again = {"staged": staged[table.name]} if table.name in staged else {}
            views = {known_view(name): keys for name, keys in shrunk.items()}
            with open_duck(memory, rows.parent, stored=rows, **again, **views) as db:
                where = "TRUE" if whole else is_lost(table, shrunk)
                gone = f"FROM (FROM stored WHERE {where}) AS stored"
                if again:
                    gone += f" ANTI JOIN staged ON {_same_key(table)}"
                counts = [_count(db, gone), _count(db, "FROM stored")]
            if counts[0]:
                deleted[table.name] = Deleted(*counts)
    return deleted


def _same_key(table: Table) -> str:
    return " AND ".join(f'stored."{c}" IS NOT DISTINCT FROM staged."{c}"' for c in table.key)


def _count(db: duckdb.DuckDBPyConnection, rows: str) -> int:
    return int(db.execute(f"SELECT count(*) {rows}").fetchall()[0][0])

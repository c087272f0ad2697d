"""What a store has already of the tables, and what of it goes with nodes that are replaced."""

import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from followsuit.graph.duck import open_duck
from followsuit.graph.schema import Col
from followsuit.graph.snapshot import export_table
from followsuit.graph.store import GraphStore
from followsuit.graph.tables import NODE_TABLES, TABLES, Table
from followsuit.loaders.to_graph import IS_VIEW


class Stored:
    """The rows of a store by table, read when they are first asked for.

    Args:
        store: held for writing.
        folder: for the rows; whatever is in it is deleted.
        memory: bytes that reading them may use.
    """

    def __init__(self, store: GraphStore, folder: Path, memory: int) -> None:
        self._store = store
        self._folder = folder
        self._memory = memory
        # A process that was killed may have left half of a file.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

    def rows(self, table: Table) -> Path | None:
        """A Parquet file in the contract's columns; None where the store has no row of a table."""
        path = self._folder / f"{table.name}.parquet"
        if not path.exists():
            first, *others = table.parts
            hold_rows = [first, *(part for part in others if part.views)]
            if not any(self._store.count(part.element) for part in hold_rows):
                return None
            export_table(self._store, table, self._folder, self._memory)
        return path


def known_view(table: str) -> str:
    """The view, with a column `key`, of what is known of a table that others refer to."""
    return f"known_{table}"


def is_lost(table: Table, known: Collection[str]) -> str:
    """The SQL that says of a table's stored row that it goes with a node that is not known.

    Args:
        table: of the contract.
        known: the tables for which there is a `known_view`.
    """
    lost = ["FALSE"]
    for part in table.parts if table.node is None else ():
        ends = (part.columns.get(end) for end in (Col.SOURCE, Col.TARGET))
        refers = {f.name: f.refers for f in table.fields if f.refers in known}
        within = {None: "TRUE", True: IS_VIEW, False: f"NOT {IS_VIEW}"}[part.views]
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
        """Of the stored rows."""
        return self.rows / self.of


def deletions(
    replace: Iterable[str],
    staged: dict[str, Path],
    known: dict[str, Path],
    stored: Stored,
    memory: int,
) -> dict[str, Deleted]:
    """Count what `--replace` deletes: rows that are not delivered, and what goes with their nodes.

    Args:
        replace: the tables that are delivered whole.
        staged: the staged rows of every table that is delivered.
        known: by table, a Parquet file whose column `key` lists the keys that there will be.
        stored: what the store has.
        memory: bytes that this may use.
    """
    found: dict[str, Deleted] = {}
    for table in TABLES.values():
        shrunk = {name: known[name] for name in found if name in replace and name in NODE_TABLES}
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
                found[table.name] = Deleted(*counts)
    return found


def _same_key(table: Table) -> str:
    return " AND ".join(f'stored."{c}" IS NOT DISTINCT FROM staged."{c}"' for c in table.key)


def _count(db: duckdb.DuckDBPyConnection, rows: str) -> int:
    return int(db.execute(f"SELECT count(*) {rows}").fetchall()[0][0])

"""Snapshots: the tables of a store as Parquet files, read lazily.

Each revision of a store has one snapshot: one Parquet file per table of the contract, sorted by
key. The same data gives the same bytes on either engine.
"""

import glob
import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Self

import duckdb
import ibis
import ibis.expr.types as ir
from ibis.expr.operations import DatabaseTable

from followsuit.core.files import make_private, private_folder, read_json, save_json
from followsuit.core.progress import Progress, silent
from followsuit.graph import tables as t
from followsuit.graph.duck import TYPES, open_duck
from followsuit.graph.meta import Meta
from followsuit.graph.schema import Col, NodeType
from followsuit.graph.state import WorkFolder
from followsuit.graph.store import GraphStore, StoreBusy
from followsuit.graph.tables import VIEW, Part, Table
from followsuit.graph.views.compiled_once import CompiledOnce

_NOTES = "notes.json"
_STORED: dict[ibis.Schema, ibis.Schema] = {}
"""The types in which DuckDB stores rows of a schema."""
_KEPT = 2
"""How many revisions to keep: the newest, and one that another process may still read."""


class Snapshot:
    """The tables of a store at one revision, with rows of any time.

    Computations read a `View` of it, which holds only what was known at an instant.

    Attributes:
        meta: the store's notes about itself when the snapshot was made.
        content: a digest of all tables, the same for the same data on either engine.
        connection: the Ibis backend, with a view for each table.
    """

    def __init__(self, folder: Path, memory: int) -> None:
        self.folder = folder
        notes = json.loads((folder / _NOTES).read_text())
        self.meta = Meta(notes["meta"])
        self.content = str(notes["content"])
        self.connection = self._connect(memory)

    def _connect(self, memory: int) -> CompiledOnce:
        # DuckDB spills to a private folder on the snapshot's disk, deleted with this object.
        self._spill = WorkFolder(self.folder.parent.parent)
        connection: CompiledOnce = CompiledOnce().connect(
            self._spill.path / "kept.duckdb",
            memory_limit=f"{memory}B",
            temp_directory=self._spill.path,
        )
        connection.raw_sql("SET TimeZone = 'UTC'")
        for table in t.TABLES.values():
            path = glob.escape(str(self.folder / f"{table.name}.parquet"))
            connection.con.read_parquet(path).create_view(table.name)
        return connection

    def rows(self, table: Table) -> ir.Table:
        """All rows of a table, as an Ibis table in the contract's columns."""
        schema = ibis.Schema.from_pyarrow(table.arrow_schema())
        return self._table(table.name, schema)

    def without_older(self, oldest: Mapping[str, datetime]) -> Self:
        """This snapshot without the rows of some tables up to an instant each.

        Args:
            oldest: the instant, by the name of a table with a clock.
        """
        for name, instant in oldest.items():
            clock = str(t.TABLES[name].clock)
            path = glob.escape(str(self.folder / f"{name}.parquet"))
            rows = self.connection.con.read_parquet(path)
            later = duckdb.ColumnExpression(clock) > duckdb.ConstantExpression(instant)
            rows.filter(later).create_view(name)
        self.content = f"{self.content}-{json.dumps(oldest, default=str, sort_keys=True)}"
        return self

    def keep(self, rows: ir.Table, *more: ir.Table) -> ir.Table:
        """Compute rows once, and return the temporary table that holds them.

        Args:
            rows: the rows.
            more: rows in the same columns to add, one table after the other: a union of many
                tables takes long to compile.
        """
        name = ibis.util.gen_name("kept")
        self.connection.create(name, rows)
        for table in more:
            self.connection.add(name, table.select(rows.columns))
        return self._table(name, self._stored(name, rows.schema()))

    def _stored(self, name: str, schema: ibis.Schema) -> ibis.Schema:
        """The types in which DuckDB stores rows; asked once for each schema."""
        if schema not in _STORED:
            _STORED[schema] = self.connection.get_schema(name)
        return _STORED[schema]

    def _table(self, name: str, schema: ibis.Schema) -> ir.Table:
        return DatabaseTable(name, schema=schema, source=self.connection).to_expr()

    def drop(self, rows: ir.Table) -> None:
        """Drop a temporary table that `keep` returned."""
        self.connection.raw_sql(f'DROP TABLE "{rows.op().name}"')

    def undated(self) -> list[str]:
        """Tables with rows without a date, and columns without dates (`customers.city`).

        A view of the past shows these as they are today.
        """
        rows = self.rows(t.CUSTOMERS)
        undated = ["customers.city"] if rows.city.count().execute() else []
        for table in (t.FRIENDSHIPS, t.LIKES, t.MEMBERSHIPS):
            clock = self.rows(table)[table.clock]
            if clock.isnull().any().execute():
                undated.append(table.name)
        return undated


def take_snapshot(
    store: GraphStore,
    *,
    refresh: bool = False,
    memory: int = 2**30,
    progress: Progress = silent,
) -> Snapshot:
    """The snapshot of a store's revision; makes its files if they are missing or damaged.

    Args:
        store: a store whose last load has finished.
        refresh: start a new revision, for a server that programs other than followsuit write to.
        memory: limit of the snapshot's DuckDB, in bytes.
        progress: progress callback, one unit per table.

    Raises:
        StoreIncomplete: a load is under way or was interrupted.
        StoreBusy: a load ran while the store was read.
    """
    if refresh:
        store.require_complete()
        with store.writing():
            store.changed()
    with store.reading():
        store.require_complete()
        meta = store.meta
        folder = store.state.snapshots / f"{meta.store_id}-{meta.revision:08d}"
        if not _is_whole(folder):
            _make(store, meta, folder, memory, progress)
    return Snapshot(folder, memory)


def _make(store: GraphStore, meta: Meta, folder: Path, memory: int, progress: Progress) -> None:
    """Make the files of a revision, inside `reading()`."""
    home = private_folder(folder.parent)
    part = Path(tempfile.mkdtemp(dir=home, prefix="part-"))
    try:
        _export(store, part, memory, progress)
        # A server lets other processes write during a read.
        store.require_complete()
        if store.meta.revision != meta.revision:
            raise StoreBusy(f"Another load finished while {store.name} was read. Run this again.")
        make_private(part)
        _move(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    forget_snapshots(store, keep=_KEPT)


def snapshot_ahead(
    store: GraphStore, notes: Mapping[str, object], *, memory: int, progress: Progress = silent
) -> Snapshot:
    """The snapshot of the revision that a load is about to write.

    The next reader finds its files.

    Args:
        store: open for writing, its data complete.
        notes: the notes that the load is about to write, `revision` among them.
        memory: limit of the snapshot's DuckDB, in bytes.
        progress: progress callback, one unit per table.
    """
    entries = store.meta.entries | dict(notes)
    home = private_folder(store.state.snapshots)
    folder = home / f"{entries['store_id']}-{entries['revision']:08d}"
    part = Path(tempfile.mkdtemp(dir=home, prefix="part-"))
    try:
        _export(store, part, memory, progress)
        written = read_json(part / _NOTES)
        written["meta"] = {key: json.dumps(value) for key, value in entries.items()}
        save_json(part / _NOTES, written)
        make_private(part)
        # A load that was interrupted here may have left other files for this revision.
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    forget_snapshots(store, keep=_KEPT)
    return Snapshot(folder, memory)


def forget_snapshots(store: GraphStore, keep: int = 0) -> None:
    """Delete a store's snapshots, except those of the newest `keep` revisions."""
    home = store.state.snapshots
    if home.exists():
        by_age = sorted(home.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        for folder in by_age[: max(0, len(by_age) - keep)]:
            shutil.rmtree(folder, ignore_errors=True)


def _is_whole(folder: Path) -> bool:
    """Whether a snapshot's files are complete and unchanged.

    Reads the files only if their size or time has changed.
    """
    notes = read_json(folder / _NOTES)
    if not isinstance(notes, dict) or not isinstance(notes.get("meta"), dict):
        return False
    try:
        return notes.get("marks") == _marks(folder) or notes.get("content") == _content(folder)
    except OSError:
        return False


def _files(folder: Path) -> list[Path]:
    return [folder / f"{table.name}.parquet" for table in t.TABLES.values()]


def _marks(folder: Path) -> list[list[int]]:
    """Size and modification time of each file."""
    stats = [file.stat() for file in _files(folder)]
    return [[stat.st_size, stat.st_mtime_ns] for stat in stats]


def _content(folder: Path) -> str:
    """The digest of all tables."""
    content = hashlib.sha256()
    for path in _files(folder):
        with path.open("rb") as file:
            content.update(hashlib.file_digest(file, "sha256").digest())
    return content.hexdigest()


def _move(part: Path, folder: Path) -> None:
    """Move the files into place, unless another process has already put the same files there."""
    if _is_whole(folder):
        return
    if folder.exists():
        damaged = Path(tempfile.mkdtemp(dir=folder.parent, prefix="part-"))
        folder.rename(damaged / folder.name)
        shutil.rmtree(damaged, ignore_errors=True)
    try:
        part.rename(folder)
    except OSError:
        if not _is_whole(folder):
            raise


def _export(store: GraphStore, folder: Path, memory: int, progress: Progress) -> None:
    with (
        progress("taking a snapshot", len(t.TABLES)) as advance,
        tempfile.TemporaryDirectory(dir=folder, prefix="rows-") as rows,
        open_duck(memory, Path(rows)) as db,
    ):
        for table in t.TABLES.values():
            _export_table(store, table, folder, Path(rows), db)
            advance(1)
    entries = {key: json.dumps(value) for key, value in store.meta.entries.items()}
    notes = {"content": _content(folder), "meta": entries, "marks": _marks(folder)}
    save_json(folder / _NOTES, notes)


def export_table(store: GraphStore, table: Table, folder: Path, memory: int) -> None:
    """Join a table's parts and write the table, sorted by key, as `folder/TABLE.parquet`.

    Args:
        store: the store to read.
        table: the table of the contract.
        folder: the folder for the file, and for temporary files.
        memory: limit in bytes.
    """
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix="rows-") as rows,
        open_duck(memory, Path(rows)) as db,
    ):
        _export_table(store, table, folder, Path(rows), db)


def _export_table(
    store: GraphStore, table: Table, folder: Path, rows: Path, db: duckdb.DuckDBPyConnection
) -> None:
    """Export a table by a DuckDB that one export opens for all: opening takes a while.

    Args:
        store: the store to read.
        table: the table of the contract.
        folder: the folder for the file.
        rows: the folder for the rows of parts.
        db: the DuckDB that joins them.
    """
    views: dict[Part, str] = {}
    for part in table.parts:
        if not _is_redundant(part):
            # No two files have one name: DuckDB keeps what it has read of a file.
            views[part] = f"{table.name}_part{len(views)}"
            path = rows / f"{views[part]}.parquet"
            store.export(part.element, path)
            db.read_parquet(str(path)).create_view(views[part])
    # This text contains only names from the schema.
    selects = [
        _select(table, {p: v for p, v in views.items() if bool(p.split) is side})
        for side in sorted({bool(p.split) for p in views})
    ]
    fields = ", ".join(f'CAST("{f.name}" AS {TYPES[f.type]}) AS "{f.name}"' for f in table.fields)
    order = ", ".join(f'"{name}"' for name in table.key)
    db.sql(
        f"SELECT {fields} FROM ({' UNION ALL BY NAME '.join(selects)}) ORDER BY {order}"
    ).write_parquet(str(folder / f"{table.name}.parquet"))
    for name in views.values():
        (rows / f"{name}.parquet").unlink()


def _is_redundant(part: Part) -> bool:
    """Whether a part only lists values that the table's relationships name too, such as cities."""
    return isinstance(part.element, NodeType) and len(part.columns) == 1


def _select(table: Table, views: dict[Part, str]) -> str:
    """The query for the first part's rows, joined with the other parts by key."""
    (base, view), *links = views.items()
    columns = {name: f'{view}."{own}"' for own, name in base.columns.items()}
    joins = ""
    for link, linked in links:
        own_key = next(own for own, name in link.columns.items() if name == table.key[0])
        joins += f' LEFT JOIN {linked} ON {columns[table.key[0]]} = {linked}."{own_key}"'
        columns |= {
            name: f'{linked}."{own}"' for own, name in link.columns.items() if own != own_key
        }
    if table is t.EVENTS and base.split:
        columns[Col.KIND] = f"'{VIEW}'"
    values = ", ".join(f'{value} AS "{name}"' for name, value in columns.items())
    marked = f' WHERE {view}."{table.marks}" IS NOT NULL' if table.marks else ""
    return f"SELECT {values} FROM {view}{joins}{marked}"

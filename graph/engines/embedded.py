"""The embedded engine: LadybugDB, a store in a file without a server."""

import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import filelock
import ladybug
import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.core.files import make_private
from followsuit.core.progress import Progress, silent
from followsuit.graph import schema as g
from followsuit.graph.engines.differences import differences, without
from followsuit.graph.engines.embedded_rows import (
    TYPES,
    copy_in,
    copy_out,
    create_node,
    create_relationship,
    of_type,
    pattern,
    quoted_source,
    run,
    spare_name,
    split_rows,
    update_nodes,
    widened,
)
from followsuit.graph.engines.hints import embedded_refusal
from followsuit.graph.engines.query_process import (
    INTERRUPTED,
    Bounds,
    Refused,
    Unopened,
    ask,
    past_limit,
)
from followsuit.graph.schema import Col, Element, NodeType, RelationshipType
from followsuit.graph.store import (
    GraphStore,
    Meta,
    QueryError,
    QueryTooLarge,
    Rows,
    StoreBusy,
    StoreDamaged,
    StoreError,
    as_parquet,
    first_line,
    missing,
)

_BYTES_PER_ROW = 370
"""Buffer pool bytes per row that is copied into an empty table (measured)."""
_BYTES_PER_ADDED_ROW = 1_200
"""Buffer pool bytes per row that is copied into a table with rows (measured)."""
_LEAST = 10_000
"""Bulks of fewer rows are not split further."""
_WAIT = 5.0
"""Seconds to wait for another process to release the store."""
_POOL, _HEAP = 5 / 6, 5 / 12
"""Shares of the memory for a user's query: the engine's buffer pool, and the heap beside it. The
heap briefly holds the answer twice, and the calling process needs memory too."""
_LOG, _SHADOW = ".wal", ".shadow"
"""Endings of the files that the engine writes beside its own."""
_NEW = ".new"
"""Ending of a file that replaces the store's own when it is whole."""


class _RecoveryPending(Exception):
    """A writer was killed during a checkpoint; opening the file for writing recovers it."""


class EmbeddedStore(GraphStore):
    """A LadybugDB file and, beside it, a folder `<file>.state` for locks, snapshots and staging.

    LadybugDB lets a process read a file while another writes to it, with undefined results; so our
    own lock keeps readers and the writer apart. Each `reading()` or `writing()` opens the file and
    closes it at the end.

    Links are resolved, so that a file has one lock and one state folder whatever path leads to it.
    All files are private to their owner.

    Args:
        path: the file; it may be missing for writing.
        memory: limit of the engine, and of the comparison of old and new rows, in bytes.
    """

    def __init__(self, path: Path, memory: int) -> None:
        self._path = Path(os.path.realpath(path))
        super().__init__(str(path), self._beside(".state"))
        self._memory = memory
        self._database: ladybug.Database | None = None
        self._connection: ladybug.Connection | None = None
        self._writable = False

    # Sessions.

    @contextmanager
    def reading(self) -> Iterator[None]:  # noqa: D102
        if self._connection is not None:
            yield
            return
        self._check_there()
        with ExitStack() as held:
            held.enter_context(self._locked(write=False))
            try:
                held.enter_context(self._opened(write=False))
                ready = not self._check_readable().outdated
            except _RecoveryPending:
                ready = False
            if not ready:
                held.close()
                with self._locked(write=True):
                    self._recover()
                held.enter_context(self._locked(write=False))
                held.enter_context(self._opened(write=False))
                self._check_readable()
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:  # noqa: D102
        if self._connection is not None:
            if not self._writable:
                raise RuntimeError("writing() inside reading()")
            yield
            return
        known = self.state.exists()
        with self._locked(write=True):
            if self._is_empty() and known:
                raise self._emptied()
            if self._is_empty() or not self._path.exists():
                self._create()
            else:
                # LadybugDB changes a file by opening it for writing.
                try:
                    with self._opened(write=False):
                        self._check_writable()
                except _RecoveryPending:
                    self._recover()
                    with self._opened(write=False):
                        self._check_writable()
            with self._opened(write=True):
                self._upgrade_older()
                self._make_schema()
                self._begin()
                try:
                    yield
                finally:
                    self.state.make_private()

    def _beside(self, ending: str) -> Path:
        return self._path.with_name(self._path.name + ending)

    def _check_there(self) -> None:
        """Raise StoreMissing or StoreDamaged unless the file exists and isn't empty."""
        if not self._path.is_file() or (self._is_empty() and not self.state.exists()):
            raise missing(self.name)
        if self._is_empty():
            raise self._emptied()

    def _is_empty(self) -> bool:
        return self._path.is_file() and self._path.stat().st_size == 0

    def _emptied(self) -> StoreDamaged:
        return StoreDamaged(
            f"{self.name} is empty, and {self.state} beside it is not: the store has lost its "
            "content. Restore the file from a backup, or delete both and load again."
        )

    def _create(self) -> None:
        """Create the file of a new store atomically, so that a kill leaves no empty file.

        Files beside it belong to a deleted store, and are deleted too.
        """
        if self._path.is_symlink():
            raise StoreError(
                f"{self.name} is a link that leads back to itself. Name another store with --store."
            )
        for ending in (_LOG, _SHADOW):
            self._beside(ending).unlink(missing_ok=True)
        self.state.clear()
        with self._replacing() as new:
            pass
        new.replace(self._path)

    @contextmanager
    def _replacing(self) -> Iterator[Path]:
        """Make a new file beside the store's and open it for writing; returns its path."""
        new = self._beside(_NEW)
        for ending in ("", _LOG, _SHADOW):
            new.with_name(new.name + ending).unlink(missing_ok=True)
        with self._opened(write=True, path=new):
            yield new

    @contextmanager
    def _locked(self, write: bool) -> Iterator[None]:
        try:
            self.state.create()
        except OSError as error:
            raise StoreError(
                f"{self.name} can't be used: {error.strerror}: {error.filename}. Name another "
                "store with --store."
            ) from error
        lock = filelock.ReadWriteLock(self.state.lock, timeout=_WAIT, is_singleton=False)
        try:
            held = lock.write_lock(_WAIT) if write else lock.read_lock(_WAIT)
            held.__enter__()
        except filelock.Timeout:
            raise self._busy("using" if write else "writing to") from None
        try:
            yield
        finally:
            held.__exit__(None, None, None)

    @contextmanager
    def _opened(self, write: bool, path: Path | None = None) -> Iterator[None]:
        path = path or self._path
        try:
            database = ladybug.Database(path, read_only=not write, buffer_pool_size=self._memory)
        except RuntimeError as error:
            raise self._unopened(str(error)) from error
        if write:
            make_private(path)
        self._database, self._writable = database, write
        self._connection = ladybug.Connection(database)
        try:
            yield
        finally:
            self._connection.close()
            database.close()
            self._database, self._connection, self._writable = None, None, False

    def _unopened(self, message: str) -> Exception:
        if "set lock" in message:
            return self._busy("using")
        if "recovery is pending" in message:
            return _RecoveryPending()
        return StoreError(
            f"{self.name} can't be opened as a LadybugDB file: {first_line(message)} Name another "
            f"store with --store; or, if it was a store, restore it from a backup, or delete it "
            f"and {self.state} and load again."
        )

    def _recover(self) -> None:
        """Let the engine finish the checkpoint of a killed writer, and upgrade an older store."""
        with self._opened(write=True):
            self._check_writable()
            self._upgrade_older()

    def _busy(self, doing: str) -> StoreBusy:
        return StoreBusy(
            f"Another process is {doing} {self.name}. Wait until it is done, then run this again."
        )

    def close(self) -> None:
        """Do nothing: nothing is open between sessions."""

    # Rows.

    def write(self, element: Element, rows: Rows, progress: Progress = silent) -> None:  # noqa: D102
        with as_parquet(rows) as new, progress(f"writing {element.name}") as advance:
            total = pq.read_metadata(new).num_rows
            with self._named(element, "written to"):
                if self.count(element) == 0:
                    self._copy(element, [new])
                else:
                    self._upsert(element, new)
            advance(total)

    @contextmanager
    def _named(self, element: Element, done: str) -> Iterator[None]:
        """Say what can't be `done` to which element where an engine fails."""
        try:
            yield
        except (RuntimeError, duckdb.Error) as error:
            hint = " Raise FOLLOWSUIT_MEMORY." if "memory" in str(error).lower() else ""
            raise StoreError(
                f"{element.name} can't be {done} {self.name}: {first_line(error)}{hint}"
            ) from error

    def _upsert(self, element: Element, new: Path) -> None:
        with self.state.work_folder() as folder:
            old = folder / "old.parquet"
            self.export(element, old)
            changes = differences(element, new, old, folder, self._memory // 2)
            if changes.changed and isinstance(element, NodeType):
                self._run(update_nodes(element, changes.changed_rows))
            if changes.changed and isinstance(element, RelationshipType):
                # Changing relationships in place may take more memory than there is. Making the
                # table again takes no longer than adding to it.
                self._rebuild(
                    element, [changes.kept_rows, changes.changed_rows, changes.fresh_rows], folder
                )
            elif changes.fresh:
                self._copy(element, [changes.fresh_rows], empty=False)

    def _copy(
        self, element: Element, files: list[Path], *, table: str = "", empty: bool = True
    ) -> None:
        """Append the rows of Parquet files, in bulks that fit into the buffer pool.

        Args:
            element: the element of the rows.
            files: at least one file.
            table: the table to append to; by default the element's own.
            empty: whether the table has no rows yet.
        """
        added = self._memory // _BYTES_PER_ADDED_ROW
        first = self._memory // _BYTES_PER_ROW if empty else added
        copy = copy_in(element, table or element.name)
        self._copy_bulks(copy, files, element.arrow_schema(), first, added)

    def _copy_bulks(
        self, copy: str, files: list[Path], schema: pa.Schema, first: int, rest: int
    ) -> None:
        """Run `copy` on all files if they have at most `first` rows, else part by part."""
        rows = sum(pq.read_metadata(file).num_rows for file in files)
        if rows <= first:
            try:
                self._run(copy % ", ".join(map(quoted_source, files)))
                return
            except RuntimeError as error:
                if "Buffer manager" not in str(error) or rows < _LEAST:
                    raise
                # Wide rows take more memory than was measured.
                first = rest = rows // 2
        with self.state.work_folder() as folder:
            for part in split_rows(files, schema, first, rest, folder):
                self._copy_bulks(copy, [part], schema, first, rest)

    def _rebuild(self, element: RelationshipType, files: list[Path], folder: Path) -> None:
        """Replace all rows of the type by these, in one transaction.

        The engine holds a transaction in memory. So the rows go into a spare table first, which
        then replaces the old one.
        """
        files_of = {element: files}
        for number, sibling in enumerate(of_type(element.name)):
            if sibling is not element:
                files_of[sibling] = [folder / f"sibling-{number}.parquet"]
                self.export(sibling, files_of[sibling][0])
        self._fill_spare(element.name, files_of)
        with self._transaction():
            self._use_spare(element.name)

    def _fill_spare(self, name: str, files_of: Mapping[RelationshipType, list[Path]]) -> None:
        """Make a spare table for the relationships of a name, with the rows of these files."""
        # LadybugDB 0.22 crashed here, where it spilled millions of wide rows to disk. Without that
        # it says that memory is full, and rows are copied in smaller bulks.
        self._run("CALL spill_to_disk=false")
        spare = spare_name(name)
        self._run(create_relationship(name, spare))
        try:
            for element, files in files_of.items():
                if files:
                    self._copy(element, files, table=spare)
        except RuntimeError:
            self._run(f"DROP TABLE `{spare}`")
            raise

    def _use_spare(self, name: str) -> None:
        """Replace the table for the relationships of a name by its spare."""
        self._run(f"DROP TABLE `{name}`")
        self._run(f"ALTER TABLE `{spare_name(name)}` RENAME TO `{name}`")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._run("BEGIN TRANSACTION")
        yield
        self._run("COMMIT")

    def export(self, element: Element, path: Path, progress: Progress = silent) -> None:  # noqa: D102
        with self.reading(), progress(f"reading {element.name}"):
            self._run(copy_out(element, path))

    def count(self, element: Element) -> int:  # noqa: D102
        counted = "n" if isinstance(element, NodeType) else "r"
        table = self.query(f"MATCH {pattern(element)} RETURN count({counted}) AS n")
        return int(table["n"][0].as_py())

    def delete(self, element: Element, column: str, values: Sequence[str]) -> None:  # noqa: D102
        if not values:
            return
        if isinstance(element, NodeType):
            match = f"MATCH {pattern(element)} WHERE n.`{column}` IN $values"
            if column == element.key:  # The engine has an index of the keys.
                label = f"`{element.label}` {{`{column}`: value}}"
                match = f"UNWIND $values AS value MATCH (n:{label})"
            self._run(f"{match} DETACH DELETE n", {"values": list(values)})
            return
        self.delete_rows(element, pa.table({column: pa.array(values, pa.string())}))

    def delete_rows(self, element: RelationshipType, keys: pa.Table) -> None:  # noqa: D102
        if not keys.num_rows:
            return
        with self.state.work_folder() as folder, self._named(element, "deleted from"):
            old, deleted, remaining = (
                folder / f"{name}.parquet" for name in ("old", "deleted", "kept")
            )
            self.export(element, old)
            schema = element.arrow_schema()
            pq.write_table(
                keys.cast(pa.schema([schema.field(c) for c in keys.column_names])), deleted
            )
            without(old, deleted, keys.column_names, remaining, self._memory // 2)
            self._rebuild(element, [remaining], folder)

    def clear(self, element: RelationshipType) -> None:  # noqa: D102
        with self.state.work_folder() as folder:
            self._rebuild(element, [], folder)

    @property
    def files(self) -> list[Path]:  # noqa: D102
        beside = [self._beside(ending) for ending in ("", _LOG, _SHADOW, _NEW)]
        return [path for path in beside if path.is_file()]

    def rewrite(self, progress: Progress = silent) -> list[Path]:  # noqa: D102
        with self.writing():
            pass  # The file is whole, and has all that the schema has.
        with self._locked(write=True), self.state.work_folder() as folder:
            files = {element: folder / f"{i}.parquet" for i, element in enumerate(g.EVERYTHING)}
            with progress("rewriting the store", len(files)) as advance:
                with self._opened(write=False):
                    for element, path in files.items():
                        self._run(copy_out(element, path))
                with self._replacing() as new:
                    self._make_schema()
                    for element, path in files.items():
                        self._copy(element, [path])
                        advance(1)
                    self._check_counts(files)
            new.replace(self._path)
        return self.files

    def _check_counts(self, files: Mapping[Element, Path]) -> None:
        """Raise StoreError unless the open file has as many rows as the files of each element."""
        for element, path in files.items():
            rows, written = pq.read_metadata(path).num_rows, self.count(element)
            if rows != written:
                raise StoreError(
                    f"{self.name} can't be rewritten: of {rows:,} {element.name}, {written:,} were "
                    "written. The store is unchanged."
                )

    # Queries.

    def _query(
        self, cypher: str, parameters: dict[str, Any], timeout: float | None = None
    ) -> pa.Table:
        assert self._database is not None
        # Use a separate read-only connection, so that a query can't write inside `writing()`.
        connection = ladybug.Connection(self._database)
        started = time.monotonic()
        try:
            run(connection, "BEGIN TRANSACTION READ ONLY")
            connection.set_query_timeout(max(1, round((timeout or 0) * 1000)) if timeout else 0)
            return widened(run(connection, cypher, parameters))
        except RuntimeError as error:
            if first_line(error) == INTERRUPTED:
                if not timeout or time.monotonic() - started < timeout:
                    raise KeyboardInterrupt from error  # the engine got Ctrl-C before Python did
                raise past_limit(timeout) from error
            if str(error).startswith("Buffer manager exception"):
                raise QueryTooLarge(
                    "The query needs more memory than the engine has. Narrow it, or raise "
                    "FOLLOWSUIT_MEMORY."
                ) from error
            raise QueryError(embedded_refusal(first_line(error), cypher)) from error
        finally:
            connection.close()

    def _query_apart(
        self, cypher: str, parameters: dict[str, Any], timeout: float | None
    ) -> pa.Table:
        if self._writable:
            return self._query(cypher, parameters, timeout)  # no other process can open the file
        self._check_there()
        bounds = Bounds(int(self._memory * _POOL), int(self._memory * _HEAP), timeout)
        while True:
            try:
                with self._locked(write=False):
                    return ask(self._path, cypher, parameters, bounds)
            except Refused as refused:
                raise QueryError(embedded_refusal(str(refused), cypher)) from None
            except Unopened as unopened:
                error = self._unopened(str(unopened))
                if not isinstance(error, _RecoveryPending):
                    raise error from None
            with self.reading():
                pass  # `reading` recovers the store

    def activate(self, run_id: str, results: Mapping[RelationshipType, Rows]) -> None:  # noqa: D102
        with ExitStack() as held:
            tables: dict[str, dict[RelationshipType, list[Path]]] = {}
            for element, rows in results.items():
                held.enter_context(self._named(element, "written to"))
                files = tables.setdefault(element.name, {})
                files[element] = [held.enter_context(as_parquet(rows))]
            for name, of_table in tables.items():
                self._fill_spare(name, of_table)
            with self._transaction():
                for name in tables:
                    self._use_spare(name)
                self._run(
                    f"MATCH (r:`{g.RUN.label}` {{`{g.RUN.key}`: $run}}), (n:`{g.RUN.label}`) "
                    f"WHERE n.`{Col.KIND}` = r.`{Col.KIND}` "
                    f"SET n.`{Col.ACTIVE}` = (n.`{g.RUN.key}` = $run)",
                    {"run": run_id},
                )

    def _run(self, cypher: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        assert self._connection is not None, "outside reading() and writing()"
        try:
            return run(self._connection, cypher, parameters)
        finally:
            if self._writable and (log := self._beside(_LOG)).exists():
                make_private(log)

    # Schema and notes.

    def _tables(self) -> list[str]:
        return [str(name) for name in self._run("CALL show_tables() RETURN name")["name"]]

    def _has(self, table: str) -> bool:
        return table in self._tables()

    def _holds_others(self) -> bool:
        return bool(self._tables()) and not self._has(g.META.label)

    def _make_schema(self) -> None:
        existing = set(self._tables())
        for node in (g.META, *g.NODES):
            if node.label not in existing:
                self._run(create_node(node))
        for node in g.RESULTS:
            for column, kind in node.columns.items():
                self._run(f"ALTER TABLE `{node.label}` ADD IF NOT EXISTS `{column}` {TYPES[kind]}")
        if Meta(self._get_meta()).outdated:
            self._add_later_columns(existing)
        for name in dict.fromkeys(r.name for r in g.RELATIONSHIPS):
            if spare_name(name) in existing:  # left by an interrupted writer
                self._run(f"DROP TABLE `{spare_name(name)}`")
            if name not in existing:
                self._run(create_relationship(name, name))

    def _rename(self, old: str, new: str) -> None:
        existing = self._tables()
        if spare_name(old) in existing:
            self._run(f"DROP TABLE `{spare_name(old)}`")
        if old in existing:
            self._run(f"ALTER TABLE `{old}` RENAME TO `{new}`")

    def _rename_column(self, kind: str, old: str, new: str) -> None:
        if kind not in self._tables():
            return
        columns = self._run(f"CALL table_info('{kind}') RETURN name")["name"].to_pylist()
        if old in columns:
            self._run(f"ALTER TABLE `{kind}` RENAME `{old}` TO `{new}`")

    def _add_later_columns(self, existing: Collection[str]) -> None:
        for element, columns in g.LATER_COLUMNS:
            for column in columns if element.name in existing else ():
                kind = TYPES[element.columns[column]]
                self._run(f"ALTER TABLE `{element.name}` ADD IF NOT EXISTS `{column}` {kind}")

    def _get_meta(self) -> dict[str, str]:
        if not self._has(g.META.label):
            return {}
        rows = self._run(
            f"MATCH (n:{g.META.label}) RETURN n.`{Col.KEY}` AS key, n.`{Col.VALUE}` AS value"
        )
        return dict(zip(rows["key"].to_pylist(), rows["value"].to_pylist(), strict=True))

    def _put_meta(self, entries: Mapping[str, str]) -> None:
        rows = pa.table({Col.KEY: list(entries), Col.VALUE: list(entries.values())})
        self._run(
            f"LOAD FROM $rows MERGE (n:{g.META.label} {{{Col.KEY}: key}}) "
            f"ON CREATE SET n.{Col.VALUE} = value ON MATCH SET n.{Col.VALUE} = value",
            {"rows": rows},
        )

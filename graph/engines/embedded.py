"""The embedded engine: LadybugDB, a store in a file without a server."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import ladybug
import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.core.progress import Progress, silent
from followsuit.graph import schema as g
from followsuit.graph.engines.embedded_file import EmbeddedFile, RecoveryPending
from followsuit.graph.engines.embedded_rows import (
    TYPES,
    copy_out,
    create_node,
    create_relationship,
    pattern,
    run,
    spare_name,
    widened,
)
from followsuit.graph.engines.embedded_tables import EmbeddedTables
from followsuit.graph.engines.hints import embedded_refusal
from followsuit.graph.engines.query_process import (
    INTERRUPTED,
    Bounds,
    Refused,
    Unopened,
    ask,
    past_limit,
)
from followsuit.graph.meta import Meta
from followsuit.graph.query import QueryError, QueryTooLarge
from followsuit.graph.schema import Col, Element, NodeType, RelationshipType
from followsuit.graph.store import GraphStore, Rows, StoreError, as_parquet, first_line

_POOL, _HEAP = 5 / 6, 5 / 12
"""Shares of the memory for a user's query: the engine's buffer pool, and the heap beside it. The
heap briefly holds the answer twice, and the calling process needs memory too."""


class EmbeddedStore(GraphStore):
    """A store in a LadybugDB file, and a folder beside it; see `EmbeddedFile`.

    Each `reading()` or `writing()` opens the file and closes it at the end.

    Args:
        path: the file; it may be missing for writing.
        memory: limit of the engine, and of the comparison of old and new rows, in bytes.
    """

    def __init__(self, path: Path, memory: int) -> None:
        self._file = EmbeddedFile(path, memory)
        self._tables = EmbeddedTables(self._file, memory)
        self._memory = memory
        super().__init__(self._file.name, self._file.state)

    # Sessions.

    @contextmanager
    def reading(self) -> Iterator[None]:  # noqa: D102
        if self._file.is_open:
            yield
            return
        self._file.check_there()
        with ExitStack() as held:
            held.enter_context(self._file.locked(write=False))
            try:
                held.enter_context(self._file.opened(write=False))
                ready = not self._check_readable().outdated
            except RecoveryPending:
                ready = False
            if not ready:
                held.close()
                with self._file.locked(write=True):
                    self._recover()
                held.enter_context(self._file.locked(write=False))
                held.enter_context(self._file.opened(write=False))
                self._check_readable()
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:  # noqa: D102
        if self._file.is_open:
            if not self._file.writable:
                raise RuntimeError("writing() inside reading()")
            yield
            return
        known = self.state.exists()
        with self._file.locked(write=True):
            if self._file.is_empty() and known:
                raise self._file.emptied()
            if self._file.is_empty() or not self._file.path.exists():
                self._file.create()
            else:
                # LadybugDB changes a file by opening it for writing.
                try:
                    with self._file.opened(write=False):
                        self._check_writable()
                except RecoveryPending:
                    self._recover()
                    with self._file.opened(write=False):
                        self._check_writable()
            with self._file.opened(write=True):
                self._upgrade_older()
                self._make_schema()
                self._begin()
                try:
                    yield
                finally:
                    self.state.make_private()

    def _recover(self) -> None:
        """Let the engine finish the checkpoint of a killed writer, and upgrade an older store."""
        with self._file.opened(write=True):
            self._check_writable()
            self._upgrade_older()

    def close(self) -> None:
        """Do nothing: nothing is open between sessions."""

    # Rows.

    def write(self, element: Element, rows: Rows, progress: Progress = silent) -> None:  # noqa: D102
        with as_parquet(rows) as new, progress(f"writing {element.name}") as advance:
            total = pq.read_metadata(new).num_rows
            with self._named(element, "written to"):
                if self.count(element) == 0:
                    self._tables.copy(element, [new])
                else:
                    self._tables.upsert(element, new)
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

    def export(self, element: Element, path: Path, progress: Progress = silent) -> None:  # noqa: D102
        with self.reading(), progress(f"reading {element.name}"):
            self._file.run(copy_out(element, path))

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
            self._file.run(f"{match} DETACH DELETE n", {"values": list(values)})
            return
        self.delete_rows(element, pa.table({column: pa.array(values, pa.string())}))

    def delete_rows(self, element: RelationshipType, keys: pa.Table) -> None:  # noqa: D102
        if keys.num_rows:
            with self._named(element, "deleted from"):
                self._tables.delete(element, keys)

    def clear(self, element: RelationshipType) -> None:  # noqa: D102
        self._tables.clear(element)

    @property
    def files(self) -> list[Path]:  # noqa: D102
        return self._file.files

    def rewrite(self, progress: Progress = silent) -> list[Path]:  # noqa: D102
        with self.writing():
            pass  # The file is whole, and has all that the schema has.
        with self._file.locked(write=True), self.state.work_folder() as folder:
            files = {element: folder / f"{i}.parquet" for i, element in enumerate(g.EVERYTHING)}
            with progress("rewriting the store", len(files)) as advance:
                with self._file.opened(write=False):
                    for element, path in files.items():
                        self._file.run(copy_out(element, path))
                with self._file.replacing() as new:
                    self._make_schema()
                    for element, path in files.items():
                        self._tables.copy(element, [path])
                        advance(1)
                    self._check_counts(files)
            new.replace(self._file.path)
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
        assert self._file.database is not None
        # Use a separate read-only connection, so that a query can't write inside `writing()`.
        connection = ladybug.Connection(self._file.database)
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
        if self._file.writable:
            return self._query(cypher, parameters, timeout)  # no other process can open the file
        self._file.check_there()
        bounds = Bounds(int(self._memory * _POOL), int(self._memory * _HEAP), timeout)
        while True:
            try:
                with self._file.locked(write=False):
                    return ask(self._file.path, cypher, parameters, bounds)
            except Refused as refused:
                raise QueryError(embedded_refusal(str(refused), cypher)) from None
            except Unopened as unopened:
                error = self._file.unopened(str(unopened))
                if not isinstance(error, RecoveryPending):
                    raise error from None
            with self.reading():
                pass  # `reading` recovers the store

    def activate(self, run_id: str, results: Mapping[RelationshipType, Rows]) -> None:  # noqa: D102
        with ExitStack() as held:
            files = {}
            for element, rows in results.items():
                held.enter_context(self._named(element, "written to"))
                files[element] = held.enter_context(as_parquet(rows))
            held.enter_context(self._tables.replaced(files))
            self._file.run(
                f"MATCH (r:`{g.RUN.label}` {{`{g.RUN.key}`: $run}}), (n:`{g.RUN.label}`) "
                f"WHERE n.`{Col.KIND}` = r.`{Col.KIND}` "
                f"SET n.`{Col.ACTIVE}` = (n.`{g.RUN.key}` = $run)",
                {"run": run_id},
            )

    # Schema and notes.

    def _table_names(self) -> list[str]:
        return [str(name) for name in self._file.run("CALL show_tables() RETURN name")["name"]]

    def _has(self, table: str) -> bool:
        return table in self._table_names()

    def _holds_others(self) -> bool:
        return bool(self._table_names()) and not self._has(g.META.label)

    def _make_schema(self) -> None:
        existing = set(self._table_names())
        for node in (g.META, *g.NODES):
            if node.label not in existing:
                self._file.run(create_node(node))
        for node in g.RESULTS:
            for column, kind in node.columns.items():
                self._file.run(
                    f"ALTER TABLE `{node.label}` ADD IF NOT EXISTS `{column}` {TYPES[kind]}"
                )
        if Meta(self._get_meta()).outdated:
            self._add_later_columns(existing)
        for name in dict.fromkeys(r.name for r in g.RELATIONSHIPS):
            if spare_name(name) in existing:  # left by an interrupted writer
                self._file.run(f"DROP TABLE `{spare_name(name)}`")
            if name not in existing:
                self._file.run(create_relationship(name, name))

    def _rename(self, old: str, new: str) -> None:
        existing = self._table_names()
        if spare_name(old) in existing:
            self._file.run(f"DROP TABLE `{spare_name(old)}`")
        if old in existing:
            self._file.run(f"ALTER TABLE `{old}` RENAME TO `{new}`")

    def _rename_column(self, kind: str, old: str, new: str) -> None:
        if kind not in self._table_names():
            return
        columns = self._file.run(f"CALL table_info('{kind}') RETURN name")["name"].to_pylist()
        if old in columns:
            self._file.run(f"ALTER TABLE `{kind}` RENAME `{old}` TO `{new}`")

    def _add_later_columns(self, existing: Collection[str]) -> None:
        for element, columns in g.LATER_COLUMNS:
            for column in columns if element.name in existing else ():
                kind = TYPES[element.columns[column]]
                self._file.run(f"ALTER TABLE `{element.name}` ADD IF NOT EXISTS `{column}` {kind}")

    def _get_meta(self) -> dict[str, str]:
        if not self._has(g.META.label):
            return {}
        rows = self._file.run(
            f"MATCH (n:{g.META.label}) RETURN n.`{Col.KEY}` AS key, n.`{Col.VALUE}` AS value"
        )
        return dict(zip(rows["key"].to_pylist(), rows["value"].to_pylist(), strict=True))

    def _put_meta(self, entries: Mapping[str, str]) -> None:
        rows = pa.table({Col.KEY: list(entries), Col.VALUE: list(entries.values())})
        self._file.run(
            f"LOAD FROM $rows MERGE (n:{g.META.label} {{{Col.KEY}: key}}) "
            f"ON CREATE SET n.{Col.VALUE} = value ON MATCH SET n.{Col.VALUE} = value",
            {"rows": rows},
        )

"""The server engine: Neo4j 5.26 LTS and later, through the official driver."""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import neo4j
import pyarrow as pa
import pyarrow.parquet as pq
from neo4j import exceptions

from followsuit.core.files import private_folder
from followsuit.core.progress import Advance, Progress, silent
from followsuit.graph import schema as g
from followsuit.graph.engines.cells import WRITERS, Cell, rounds, split_into_cells
from followsuit.graph.engines.hints import neo4j_refusal, silent_mistake
from followsuit.graph.engines.neo4j_offline import (
    EMPTY,
    commands,
    notes_after_import,
    write_arguments,
    write_csv,
)
from followsuit.graph.engines.neo4j_rows import (
    equal,
    own_key,
    pattern,
    read_value,
    rows_of,
    table_of,
    write_batch,
)
from followsuit.graph.engines.neo4j_server import Neo4jServer
from followsuit.graph.meta import Meta
from followsuit.graph.query import QueryError, QueryTimeout
from followsuit.graph.schema import Col, Element, NodeType, RelationshipType
from followsuit.graph.state import StateFolder
from followsuit.graph.store import (
    GraphStore,
    Rows,
    StoreBusy,
    as_parquet,
    first_line,
)

_BATCH = 5_000
_FETCH = 10_000
_DELETE = "CALL (x) { DELETE x } IN TRANSACTIONS OF 10000 ROWS"
_LOCK = "lock"
_WRITER = {"app": "followsuit", "role": "writer"}
_UNKNOWN = ("01N50", "01N51", "01N52")
"""The states of a query with a label, relationship type or property that the database lacks."""

_UNREAD = [
    kind
    for kind in neo4j.NotificationDisabledClassification
    if kind is not neo4j.NotificationDisabledClassification.UNRECOGNIZED
]
"""Notifications that the server needn't send."""


class Neo4jStore(GraphStore):
    """A database of a Neo4j server.

    Writing looks up existing rows only if the database has rows of the element.

    Args:
        uri: `bolt://`, `neo4j://`, or with `+s` or `+ssc` for TLS.
        state: the state folder.
        username: the login, with `password`; None for a server without authentication.
        database: the database's name; None for the server's default.
        memory: limit for sorting rows, in bytes.

    Raises:
        StoreUnreachable: the URI isn't valid or contains a login.
    """

    def __init__(
        self,
        uri: str,
        state: Path,
        memory: int,
        username: str | None = None,
        password: str | None = None,
        database: str | None = None,
    ) -> None:
        self._server = Neo4jServer(uri, username, password, database)
        super().__init__(uri, StateFolder(state))
        self._memory = memory
        self._reading = False
        self._writing = False

    # Sessions.

    @contextmanager
    def reading(self) -> Iterator[None]:  # noqa: D102
        if self._reading:
            yield
            return
        self._server.reach()
        if not self._writing and self._check_readable().outdated:
            with self._server.translated():
                self._make_schema()
                with self._locked():
                    self._upgrade_older()
        self._reading = True
        try:
            yield
        finally:
            self._reading = False

    @contextmanager
    def writing(self) -> Iterator[None]:  # noqa: D102
        if self._writing:
            yield
            return
        self._server.reach()
        with self._server.translated():
            self._check_writable()
            self._make_schema()
            with self._locked():
                self._upgrade_older()
                self._begin()
                # An import of older files would undo what is written now.
                shutil.rmtree(self.state.offline_import, ignore_errors=True)
                self._writing = True
                try:
                    yield
                finally:
                    self._writing = False
                    self.state.make_private()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold a lock on a node of ours; the server releases it when this process dies."""
        database = self._server.read("CALL db.info() YIELD name RETURN name")[0][0]
        others = self._server.read(
            "SHOW TRANSACTIONS YIELD database AS d, metaData AS m "
            "WHERE d = $database AND m.app = $app AND m.role = $role RETURN count(*)",
            {"database": database, **_WRITER},
        )
        if others[0][0]:
            raise StoreBusy(
                f"Another process is writing to {self.name}. Wait until it is done, then run this "
                "again."
            )
        with self._server.session() as session, session.begin_transaction(metadata=_WRITER) as held:
            held.run(
                f"MATCH (n:{g.META.label} {{{Col.KEY}: $key}}) SET n.{Col.VALUE} = 'held'",
                {"key": _LOCK},
            ).consume()
            yield
            held.commit()

    def close(self) -> None:  # noqa: D102
        self._server.close()

    # Rows.

    def write(self, element: Element, rows: Rows, progress: Progress = silent) -> None:  # noqa: D102
        known = self.count(element) > 0
        with (
            self._server.translated(),
            as_parquet(rows) as path,
            progress(f"writing {element.name}", pq.read_metadata(path).num_rows) as advance,
            tempfile.TemporaryDirectory(prefix="followsuit-") as folder,
            ThreadPoolExecutor(WRITERS) as writers,
        ):
            for disjoint in rounds(split_into_cells(element, path, Path(folder), self._memory)):
                for done in [
                    writers.submit(self._write_cell, element, cell, known, advance)
                    for cell in disjoint
                ]:
                    done.result()

    def _write_cell(self, element: Element, cell: Cell, known: bool, advance: Advance) -> None:
        with self._server.session() as session:
            for batch in cell.batches(_BATCH):
                rows = rows_of(element, batch)
                session.execute_write(write_batch, element, rows, known)
                advance(len(rows))

    def export(self, element: Element, path: Path, progress: Progress = silent) -> None:  # noqa: D102
        schema = element.arrow_schema()
        returns = ", ".join(
            read_value(element, c, t) for c, t in zip(schema.names, schema.types, strict=True)
        )
        cypher = f"MATCH {pattern(element)} RETURN {returns}"
        total = self.count(element)
        with (
            self.reading(),
            self._server.translated(),
            self._server.session(
                default_access_mode=neo4j.READ_ACCESS, fetch_size=_FETCH
            ) as session,
            progress(f"reading {element.name}", total) as advance,
            pq.ParquetWriter(path, schema) as writer,
        ):
            result = session.run(cypher)
            while rows := [record.values() for record in result.fetch(_FETCH)]:
                writer.write_table(table_of(rows, schema))
                advance(len(rows))

    def count(self, element: Element) -> int:  # noqa: D102
        with self.reading():
            return int(self._server.read(f"MATCH {pattern(element)} RETURN count(x)")[0][0])

    def delete(self, element: Element, column: str, values: Sequence[str]) -> None:  # noqa: D102
        value = read_value(element, column, g.TEXT)
        match = f"MATCH {pattern(element)} WHERE {value} IN $values "
        if isinstance(element, NodeType):
            # A node with many relationships doesn't fit into one transaction with them.
            self._server.in_batches(
                f"{match} MATCH (x)-[r]-() WITH DISTINCT r AS x {_DELETE}", {"values": list(values)}
            )
        self._server.in_batches(match + _DELETE, {"values": list(values)})

    def delete_rows(self, element: RelationshipType, keys: pa.Table) -> None:  # noqa: D102
        names = keys.column_names
        match = f"UNWIND $rows AS row MATCH {pattern(element)} WHERE {equal(element, names)}"
        for batch in keys.to_batches(_BATCH):
            rows = rows_of(element, batch, names)
            self._server.in_batches(f"{match} WITH DISTINCT x {_DELETE}", {"rows": rows})

    def clear(self, element: RelationshipType) -> None:  # noqa: D102
        self._server.in_batches(f"MATCH {pattern(element)} {_DELETE}", {})

    def rewrite(self, progress: Progress = silent) -> list[Path]:  # noqa: D102
        with (
            self.writing(),
            tempfile.TemporaryDirectory(prefix="followsuit-") as rows,
            progress("writing the files of the offline import", len(g.EVERYTHING)) as advance,
        ):
            self.note(unrewritten=True)
            folder, path = private_folder(self.state.offline_import), Path(rows) / "rows.parquet"
            arguments = []
            for element in g.EVERYTHING:
                self.export(element, path)
                if element is g.META:
                    pq.write_table(notes_after_import(pq.read_table(path, memory_map=False)), path)
                arguments.append(write_csv(element, path, folder, self._memory))
                advance(1)
            write_arguments(arguments, folder)
        return sorted(folder.iterdir())

    def offline_step(self) -> list[str]:  # noqa: D102
        with self.reading():
            database = self._server.read("CALL db.info() YIELD name RETURN name")[0][0]
        return commands(str(database), self.state.offline_import)

    # Queries.

    def _query(
        self, cypher: str, parameters: dict[str, Any], timeout: float | None = None
    ) -> pa.Table:
        text = neo4j.Query(cypher, timeout=timeout)
        with (
            self._server.translated(),
            self._server.session(
                default_access_mode=neo4j.READ_ACCESS,
                notifications_min_severity=neo4j.NotificationMinimumSeverity.WARNING,
                notifications_disabled_classifications=_UNREAD,
            ) as session,
        ):
            try:
                result = session.run(text, parameters)
                names = result.keys()
                rows = [[_plain(v) for v in record.values()] for record in result]
                _check_names(cypher, result.consume())
            except exceptions.Neo4jError as error:
                if error.code and "TransactionTimedOut" in error.code:
                    raise QueryTimeout(
                        f"The query ran past its limit of {timeout:g} seconds. Narrow it, or raise "
                        "the limit."
                    ) from error
                raise QueryError(neo4j_refusal(first_line(error.message), cypher)) from error
        columns = zip(*rows, strict=True) if rows else ([] for _ in names)
        return pa.table({n: _array(list(c)) for n, c in zip(names, columns, strict=True)})

    def activate(self, run_id: str, results: Mapping[RelationshipType, Rows]) -> None:  # noqa: D102
        for element, rows in results.items():
            self.write(element, rows)
        self._server.write(
            f"MATCH (r:{g.RUN.label} {{{g.RUN.key}: $run}}), (n:{g.RUN.label}) "
            f"WHERE n.{Col.KIND} = r.{Col.KIND} SET n.{Col.ACTIVE} = (n.{g.RUN.key} = $run)",
            {"run": run_id},
        )
        for element in results:
            others = f"MATCH {pattern(element)} WHERE x.{Col.RUN_ID} <> $run {_DELETE}"
            self._server.in_batches(others, {"run": run_id})

    def index_vectors(self, node: NodeType, column: str) -> None:  # noqa: D102
        with self._server.translated(), self._server.session() as session:
            session.run(
                f"CREATE VECTOR INDEX `{_vector_index(node, column)}` IF NOT EXISTS "
                f"FOR (n:`{node.label}`) ON (n.`{column}`) "
                "OPTIONS {indexConfig: {`vector.similarity_function`: 'cosine'}}"
            ).consume()
            session.run("CALL db.awaitIndexes(300)").consume()

    def nearest_by_index(  # noqa: D102
        self, node: NodeType, column: str, vector: Sequence[float], k: int
    ) -> list[str] | None:
        index = _vector_index(node, column)
        with self.reading():
            if not self._server.read("SHOW INDEXES YIELD name WHERE name = $name", {"name": index}):
                return None
            rows = self._server.read(
                f"CALL db.index.vector.queryNodes($index, $k, $vector) YIELD node AS n, score "
                f"RETURN n.`{node.key}` ORDER BY score DESC, n.`{node.key}`",
                {"index": index, "k": k, "vector": list(vector)},
            )
        return [str(row[0]) for row in rows]

    # Schema and notes.

    def _holds_others(self) -> bool:
        return bool(self._server.read(f"MATCH (n) WHERE NOT n:{g.META.label} RETURN 1 LIMIT 1"))

    def _make_schema(self) -> None:
        statements = [
            f"CREATE CONSTRAINT `{n.label}_{n.key}` IF NOT EXISTS "
            f"FOR (n:`{n.label}`) REQUIRE n.`{n.key}` IS UNIQUE"
            for n in (g.META, *g.NODES)
        ] + [
            f"CREATE CONSTRAINT `{r.name}_{r.key[0]}` IF NOT EXISTS "
            f"FOR ()-[r:`{r.name}`]-() REQUIRE r.`{r.key[0]}` IS UNIQUE"
            for r in g.RELATIONSHIPS
            if own_key(r)
        ]
        with self._server.session() as session:
            for statement in statements:
                session.run(statement).consume()
            session.run("CALL db.awaitIndexes(300)").consume()
            session.run(f"MERGE (:{g.META.label} {{{Col.KEY}: $key}})", {"key": _LOCK}).consume()

    def _upgrade_older(self) -> None:
        if Meta(self._get_meta()).imported:
            for element in g.EVERYTHING:
                for column in (c for c, kind in element.columns.items() if kind == g.TEXTS):
                    self._server.in_batches(
                        f"MATCH {pattern(element)} WHERE x.`{column}` = $empty "
                        f"CALL (x) {{ SET x.`{column}` = [] }} IN TRANSACTIONS OF 10000 ROWS",
                        {"empty": [EMPTY]},
                    )
            self.note(imported=False)
        super()._upgrade_older()

    def _rename(self, old: str, new: str) -> None:
        # Each transaction creates and deletes the same relationships, so none is lost or doubled.
        for kind in g.RELATIONSHIPS:
            if kind.name == new:
                self._server.in_batches(
                    f"MATCH (s:`{kind.source.label}`)-[x:`{old}`]->(t:`{kind.target.label}`) "
                    f"CALL (s, x, t) {{ CREATE (s)-[r:`{new}`]->(t) SET r = properties(x) "
                    "DELETE x } IN TRANSACTIONS OF 10000 ROWS",
                    {},
                )

    def _rename_column(self, kind: str, old: str, new: str) -> None:
        self._server.in_batches(
            f"MATCH ()-[x:`{kind}`]->() WHERE x.`{old}` IS NOT NULL "
            f"CALL (x) {{ SET x.`{new}` = x.`{old}` REMOVE x.`{old}` }} "
            "IN TRANSACTIONS OF 10000 ROWS",
            {},
        )

    def _get_meta(self) -> dict[str, str]:
        rows = self._server.read(
            f"MATCH (n:{g.META.label}) WHERE n.{Col.KEY} <> $lock "
            f"RETURN n.{Col.KEY}, n.{Col.VALUE}",
            {"lock": _LOCK},
        )
        return {str(key): str(value) for key, value in rows}

    def _put_meta(self, entries: Mapping[str, str]) -> None:
        self._server.write(
            f"UNWIND $entries AS e MERGE (n:{g.META.label} {{{Col.KEY}: e[0]}}) "
            f"SET n.{Col.VALUE} = e[1]",
            {"entries": [list(e) for e in entries.items()]},
        )


def _vector_index(node: NodeType, column: str) -> str:
    return f"{node.label}_{column}"


def _check_names(cypher: str, summary: neo4j.ResultSummary) -> None:
    """Raise QueryError if a query names what the graph doesn't have, and so finds nothing."""
    unknown = [
        name
        for status in summary.gql_status_objects
        if status.gql_status in _UNKNOWN
        for name in re.findall(r"`(\w+)`", status.status_description)
    ]
    if message := silent_mistake(unknown, cypher):
        raise QueryError(message)


def _plain(value: Any) -> Any:
    """Convert a value from the driver to a type that Arrow knows."""
    if isinstance(value, neo4j.time.DateTime | neo4j.time.Date | neo4j.time.Time):
        return value.to_native()
    if isinstance(value, neo4j.graph.Node | neo4j.graph.Relationship):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, neo4j.graph.Path):
        return [_plain(n) for n in value.nodes]
    if isinstance(value, neo4j.time.Duration):
        return str(value)
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value


def _array(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        # Cypher's columns may mix types; Arrow's may not.
        return pa.array([None if v is None else str(v) for v in values])

"""The store on a server: Neo4j 5.26 LTS and later, by the official driver."""

import logging
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

from followsuit.graph import schema as g
from followsuit.graph.cells import WRITERS, Cell, deal, rounds
from followsuit.graph.progress import Advance, Progress, silent
from followsuit.graph.schema import Col, Element, NodeType, RelationshipType
from followsuit.graph.store import (
    GraphStore,
    QueryError,
    QueryTimeout,
    Rows,
    StoreBusy,
    StoreLogin,
    StoreMissing,
    StoreNotOurs,
    StoreUnreachable,
    as_parquet,
    check_version,
)

SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")

_BATCH = 5_000
_FETCH = 10_000
_DELETE = "CALL (x) { DELETE x } IN TRANSACTIONS OF 10000 ROWS"
_LOCK = "lock"
_WRITER = {"app": "followsuit", "role": "writer"}

Row = Sequence[Any]

# What the driver has to say reaches the user as an error of ours.
logging.getLogger("neo4j").addHandler(logging.NullHandler())


class Neo4jStore(GraphStore):
    """A database of a Neo4j server.

    Times travel as whole microseconds, which the driver packs many times faster than its own time
    type. New rows are created, known ones updated; what is known is looked up only where the
    database has rows of the element at all.

    Args:
        uri: `bolt://`, `neo4j://`, or with `+s` or `+ssc` for TLS.
        state: the folder for snapshots and staging.
        username: with `password`, the login; None for a server without authentication.
        database: its name; None for the server's default.
        memory: bytes that sorting the rows may use.
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
        super().__init__(uri, state)
        self._memory = memory
        self._database = database
        self._reached = False
        self._writing = False
        auth = (username, password or "") if username else None
        try:
            self._driver = neo4j.GraphDatabase.driver(
                uri, auth=auth, notifications_min_severity=neo4j.NotificationMinimumSeverity.OFF
            )
        except (exceptions.ConfigurationError, ValueError) as error:
            raise StoreUnreachable(
                f"{uri} is no address of a Neo4j server ({error}). Write bolt://HOST:7687 or "
                "neo4j://HOST:7687, with +s for TLS."
            ) from error

    # Sessions.

    @contextmanager
    def reading(self) -> Iterator[None]:  # noqa: D102
        self._reach()
        if not self._writing:
            meta = self._get_meta()
            if not meta and self._is_empty():
                raise StoreMissing(
                    f"There is nothing at {self.name} yet. Run `followsuit load FOLDER --store "
                    f"{self.name}` first."
                )
            check_version(self.name, meta)
        yield

    @contextmanager
    def writing(self) -> Iterator[None]:  # noqa: D102
        if self._writing:
            yield
            return
        self._reach()
        with self._translated():
            if not self._get_meta() and not self._is_empty():
                raise StoreNotOurs(
                    f"The database at {self.name} holds data that followsuit did not write. Name "
                    "an empty database (NEO4J_DATABASE), or empty this one first."
                )
            self._make_schema()
            with self._locked():
                self._begin()
                self._writing = True
                try:
                    yield
                finally:
                    self._writing = False

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold a lock on a node of ours; the server lets go of it when this process dies."""
        others = self._read(
            "SHOW TRANSACTIONS YIELD metaData WHERE metaData.app = $app AND metaData.role = $role "
            "RETURN count(*) AS n",
            _WRITER,
        )
        if others[0][0]:
            raise StoreBusy(
                f"Another process is writing to {self.name}. Wait until it is done, then run this "
                "again."
            )
        with self._session() as session, session.begin_transaction(metadata=_WRITER) as held:
            held.run(
                f"MATCH (n:{g.META.label} {{{Col.KEY}: $key}}) SET n.{Col.VALUE} = 'held'",
                {"key": _LOCK},
            ).consume()
            yield
            held.commit()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the driver's errors that the user can mend into ours."""
        try:
            yield
        except exceptions.AuthError as error:
            raise StoreLogin(
                f"{self.name} refuses the login. Set NEO4J_USERNAME and NEO4J_PASSWORD."
            ) from error
        except (exceptions.ServiceUnavailable, exceptions.SessionExpired) as error:
            raise StoreUnreachable(
                f"{self.name} does not answer. See that the server runs and the address is right, "
                "then run this again."
            ) from error
        except exceptions.ClientError as error:
            if error.code and error.code.endswith("DatabaseNotFound"):
                raise StoreUnreachable(
                    f"{self.name} has no database of that name. Set NEO4J_DATABASE to one that it "
                    "has."
                ) from error
            raise

    def _reach(self) -> None:
        """Ask the server once, without the driver's patient retries."""
        if not self._reached:
            with self._translated():
                self._driver.verify_connectivity()
            self._reached = True

    def _session(self, **options: Any) -> neo4j.Session:
        return self._driver.session(database=self._database, **options)

    def close(self) -> None:  # noqa: D102
        self._driver.close()

    # Rows.

    def write(self, element: Element, rows: Rows, progress: Progress = silent) -> None:  # noqa: D102
        known = self.count(element) > 0
        with (
            self._translated(),
            as_parquet(rows) as path,
            progress(element.name, pq.read_metadata(path).num_rows) as advance,
            tempfile.TemporaryDirectory(prefix="followsuit-") as folder,
            ThreadPoolExecutor(WRITERS) as writers,
        ):
            for disjoint in rounds(deal(element, path, Path(folder), self._memory)):
                for done in [
                    writers.submit(self._write_cell, element, cell, known, advance)
                    for cell in disjoint
                ]:
                    done.result()

    def _write_cell(self, element: Element, cell: Cell, known: bool, advance: Advance) -> None:
        with self._session() as session:
            for batch in cell.batches(_BATCH):
                rows = _rows_of(element, batch)
                session.execute_write(_write_batch, element, rows, known)
                advance(len(rows))

    def export(self, element: Element, path: Path, progress: Progress = silent) -> None:  # noqa: D102
        schema = element.arrow_schema()
        returns = ", ".join(
            _read_value(element, c, t) for c, t in zip(schema.names, schema.types, strict=True)
        )
        cypher = f"MATCH {_pattern(element)} RETURN {returns}"
        total = self.count(element)
        with (
            self._translated(),
            self._session(default_access_mode=neo4j.READ_ACCESS, fetch_size=_FETCH) as session,
            progress(element.name, total) as advance,
            pq.ParquetWriter(path, schema) as writer,
        ):
            result = session.run(cypher)
            while rows := [record.values() for record in result.fetch(_FETCH)]:
                writer.write_table(_table_of(rows, schema))
                advance(len(rows))

    def count(self, element: Element) -> int:  # noqa: D102
        return int(self._read(f"MATCH {_pattern(element)} RETURN count(x)")[0][0])

    def delete(self, element: Element, column: str, values: Sequence[str]) -> None:  # noqa: D102
        match = f"MATCH {_pattern(element)} WHERE x.`{column}` IN $values "
        if isinstance(element, NodeType):
            # A node of many relationships would not fit into one transaction with them.
            self._in_batches(
                f"{match} MATCH (x)-[r]-() WITH DISTINCT r AS x {_DELETE}", {"values": list(values)}
            )
        self._in_batches(match + _DELETE, {"values": list(values)})

    def clear(self, element: RelationshipType) -> None:  # noqa: D102
        self._in_batches(f"MATCH {_pattern(element)} {_DELETE}", {})

    def _in_batches(self, cypher: str, parameters: dict[str, Any]) -> None:
        with self._translated(), self._session() as session:
            session.run(cypher, parameters).consume()

    # Queries.

    def query(  # noqa: D102
        self, cypher: str, parameters: Mapping[str, Any] | None = None, timeout: float | None = None
    ) -> pa.Table:
        text = neo4j.Query(cypher, timeout=timeout)
        try:
            with (
                self.reading(),
                self._translated(),
                self._session(default_access_mode=neo4j.READ_ACCESS) as session,
            ):
                result = session.run(text, dict(parameters or {}))
                names = result.keys()
                rows = [[_plain(v) for v in record.values()] for record in result]
        except exceptions.Neo4jError as error:
            if error.code and "TransactionTimedOut" in error.code:
                raise QueryTimeout(
                    f"The query ran past its limit of {timeout:g} seconds. Narrow it, or raise the "
                    "limit."
                ) from error
            raise QueryError(f"The query was refused: {error.message}") from error
        columns = zip(*rows, strict=True) if rows else ([] for _ in names)
        return pa.table({n: _array(list(c)) for n, c in zip(names, columns, strict=True)})

    def activate(self, run_id: str) -> None:  # noqa: D102
        self._write(
            f"MATCH (n:{g.RUN.label}) SET n.{Col.ACTIVE} = (n.{g.RUN.key} = $run)", {"run": run_id}
        )

    def _read(self, cypher: str, parameters: Mapping[str, Any] | None = None) -> list[list[Any]]:
        with self._translated(), self._session(default_access_mode=neo4j.READ_ACCESS) as session:
            return session.execute_read(
                lambda tx: [r.values() for r in tx.run(cypher, dict(parameters or {}))]
            )

    def _write(self, cypher: str, parameters: Mapping[str, Any]) -> None:
        with self._translated(), self._session() as session:
            session.execute_write(lambda tx: tx.run(cypher, dict(parameters)).consume())

    # Schema and notes.

    def _is_empty(self) -> bool:
        return not self._read("MATCH (n) RETURN 1 LIMIT 1")

    def _make_schema(self) -> None:
        statements = [
            f"CREATE CONSTRAINT `{n.label}_{n.key}` IF NOT EXISTS "
            f"FOR (n:`{n.label}`) REQUIRE n.`{n.key}` IS UNIQUE"
            for n in (g.META, *g.NODES)
        ] + [
            f"CREATE CONSTRAINT `{r.name}_{r.key[0]}` IF NOT EXISTS "
            f"FOR ()-[r:`{r.name}`]-() REQUIRE r.`{r.key[0]}` IS UNIQUE"
            for r in g.RELATIONSHIPS
            if _own_key(r)
        ]
        with self._session() as session:
            for statement in statements:
                session.run(statement).consume()
            session.run("CALL db.awaitIndexes(300)").consume()
            session.run(f"MERGE (:{g.META.label} {{{Col.KEY}: $key}})", {"key": _LOCK}).consume()

    def _get_meta(self) -> dict[str, str]:
        rows = self._read(
            f"MATCH (n:{g.META.label}) WHERE n.{Col.KEY} <> $lock "
            f"RETURN n.{Col.KEY}, n.{Col.VALUE}",
            {"lock": _LOCK},
        )
        return {str(key): str(value) for key, value in rows}

    def _put_meta(self, entries: Mapping[str, str]) -> None:
        self._write(
            f"UNWIND $entries AS e MERGE (n:{g.META.label} {{{Col.KEY}: e[0]}}) "
            f"SET n.{Col.VALUE} = e[1]",
            {"entries": [list(e) for e in entries.items()]},
        )


def _pattern(element: Element) -> str:
    """What matches an element: `x` is it, `s` and `t` are a relationship's ends."""
    if isinstance(element, NodeType):
        return f"(x:`{element.label}`)"
    return f"(s:`{element.source.label}`)-[x:`{element.name}`]->(t:`{element.target.label}`)"


def _own_key(element: RelationshipType) -> bool:
    """Whether a column of its own identifies a relationship, whatever its ends."""
    return len(element.key) == 1 and element.key[0] in element.columns


# From Arrow to what is sent, and back.


def _rows_of(element: Element, batch: pa.RecordBatch) -> list[Row]:
    """Rows in the order of `arrow_schema()`: times as microseconds, dates as text."""
    columns = []
    for column, kind in zip(batch.columns, element.arrow_schema().types, strict=True):
        sent = column.cast(kind)
        if kind == g.TIME:
            sent = sent.cast(pa.int64())
        elif kind == g.DATE:
            sent = sent.cast(pa.string())
        columns.append(sent.to_pylist())
    return list(zip(*columns, strict=True))


def _sent_value(element: Element, name: str) -> str:
    """The Cypher that makes a column's value from the row `row`."""
    schema = element.arrow_schema()
    value = f"row[{schema.get_field_index(name)}]"
    if schema.field(name).type == g.TIME:
        epoch = f"datetime({{epochSeconds: 0}}) + duration({{microseconds: {value}}})"
        return f"CASE WHEN {value} IS NULL THEN NULL ELSE {epoch} END"
    return f"date({value})" if schema.field(name).type == g.DATE else value


def _properties(element: Element) -> str:
    return ", ".join(f"`{c}`: {_sent_value(element, c)}" for c in element.columns)


def _read_value(element: Element, name: str, kind: pa.DataType) -> str:
    if isinstance(element, RelationshipType) and name == Col.SOURCE:
        return f"s.`{element.source.key}`"
    if isinstance(element, RelationshipType) and name == Col.TARGET:
        return f"t.`{element.target.key}`"
    if kind == g.TIME:
        return f"x.`{name}`.epochSeconds * 1000000 + x.`{name}`.microsecond"
    return f"toString(x.`{name}`)" if kind == g.DATE else f"x.`{name}`"


def _table_of(rows: list[list[Any]], schema: pa.Schema) -> pa.Table:
    arrays = []
    for values, kind in zip(zip(*rows, strict=True), schema.types, strict=True):
        sent = pa.int64() if kind == g.TIME else pa.string() if kind == g.DATE else kind
        arrays.append(pa.array(values, sent).cast(kind))
    return pa.Table.from_arrays(arrays, schema=schema)


def _plain(value: Any) -> Any:
    """A value of the driver as one that Arrow knows."""
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


# One batch in one transaction.


def _write_batch(
    tx: neo4j.ManagedTransaction, element: Element, rows: list[Row], known: bool
) -> None:
    if isinstance(element, NodeType):
        _write_nodes(tx, element, rows, known)
    else:
        _write_relationships(tx, element, rows, known)


def _write_nodes(
    tx: neo4j.ManagedTransaction, node: NodeType, rows: list[Row], known: bool
) -> None:
    found: set[str] = set()
    if known:
        result = tx.run(
            f"UNWIND $keys AS key MATCH (n:`{node.label}` {{`{node.key}`: key}}) "
            f"RETURN n.`{node.key}`",
            {"keys": [row[0] for row in rows]},
        )
        found = {record[0] for record in result}
    _run(
        tx,
        f"UNWIND $rows AS row CREATE (:`{node.label}` {{{_properties(node)}}})",
        [row for row in rows if row[0] not in found],
    )
    _run(
        tx,
        f"UNWIND $rows AS row MATCH (n:`{node.label}` {{`{node.key}`: row[0]}}) "
        f"SET n = {{{_properties(node)}}}",
        [row for row in rows if row[0] in found],
    )


def _write_relationships(
    tx: neo4j.ManagedTransaction, element: RelationshipType, rows: list[Row], known: bool
) -> None:
    found = _find(tx, element, rows) if known else {}
    positions = [element.arrow_schema().get_field_index(c) for c in element.key]
    fresh, same, gone = [], [], []
    for row in rows:
        old = found.get(tuple(row[p] for p in positions))
        if old is None or old[1:] != (row[0], row[1]):
            if row[1] is not None:
                fresh.append(row)
            if old is not None:
                gone.append(old[0])
        else:
            same.append((*row, old[0]))
    _run(
        tx,
        f"UNWIND $rows AS id MATCH ()-[r:`{element.name}`]->() WHERE elementId(r) = id DELETE r",
        gone,
    )
    ends = (
        f"MATCH (s:`{element.source.label}` {{`{element.source.key}`: row[0]}}) "
        f"MATCH (t:`{element.target.label}` {{`{element.target.key}`: row[1]}}) "
    )
    properties = f" {{{_properties(element)}}}" if element.columns else ""
    _run(tx, f"UNWIND $rows AS row {ends} CREATE (s)-[:`{element.name}`{properties}]->(t)", fresh)
    if element.columns:
        _run(
            tx,
            f"UNWIND $rows AS row MATCH ()-[r:`{element.name}`]->() WHERE elementId(r) = row[-1] "
            f"SET r = {{{_properties(element)}}}",
            same,
        )


def _find(
    tx: neo4j.ManagedTransaction, element: RelationshipType, rows: list[Row]
) -> dict[tuple[Any, ...], tuple[str, str, str]]:
    """The known relationships among these rows: key (as sent) -> its id and its ends' keys."""
    if _own_key(element):
        column = element.key[0]
        match = f"MATCH (s)-[x:`{element.name}` {{`{column}`: value}}]->(t)"
        position = element.arrow_schema().get_field_index(column)
        values = [row[position] for row in rows]
    else:
        end, position = ("s", 0) if Col.SOURCE in element.key else ("t", 1)
        node = element.source if end == "s" else element.target
        match = f"MATCH ({end}:`{node.label}` {{`{node.key}`: value}}) MATCH {_pattern(element)}"
        values = list(dict.fromkeys(row[position] for row in rows))
    schema = element.arrow_schema()
    own = ", ".join(
        f"{_read_value(element, c, schema.field(c).type)} AS key{i}"
        for i, c in enumerate(element.key)
    )
    result = tx.run(
        f"UNWIND $values AS value {match} RETURN elementId(x), s.`{element.source.key}`, "
        f"t.`{element.target.key}`, {own}",
        {"values": values},
    )
    return {tuple(key): (id_, s, t) for id_, s, t, *key in (r.values() for r in result)}


def _run(tx: neo4j.ManagedTransaction, cypher: str, rows: Sequence[Any]) -> None:
    if rows:
        tx.run(cypher, {"rows": rows}).consume()

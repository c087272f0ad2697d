"""Queries that access more than the graph: the raw engines run them, and the guard refuses them.

Each disguise is first shown to work on the engine without the guard, so that refusing it matters.
"""

import http.server
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ladybug
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.deliveries import deliver
from support.hand_made import MAPPING, hand_made

from followsuit.graph.query import QueryError
from followsuit.graph.store import GraphStore
from followsuit.loaders.load import load
from followsuit.loaders.mapping import read_mapping
from followsuit.queries.runner import run_cypher, run_query
from followsuit.testing.places import Place

SECRET = "s3cret-of-the-machine"


@pytest.fixture(scope="module")
def loaded(store: GraphStore, tmp_path_factory: pytest.TempPathFactory) -> GraphStore:
    folder = tmp_path_factory.mktemp("delivery")
    (folder / "mapping.toml").write_text(MAPPING)
    load(store, str(hand_made(folder / "shop")), read_mapping(str(folder / "mapping.toml")))
    return store


@dataclass
class Outside:
    """Things outside the graph: a file to read, a file to write, a web server."""

    folder: Path
    address: str = ""
    asked: list[str] = field(default_factory=list)

    def filled(self, query: str) -> str:
        names = {
            "SECRET_FILE": self.folder / "secret.csv",
            "OUT": self.folder / "out",
            "ADDRESS": self.address,
        }
        return re.sub("|".join(names), lambda match: str(names[match[0]]), query)

    def reached(self, answer: Callable[[], Any]) -> bool:
        """Whether something was read or written, whatever was answered."""
        self.asked.clear()
        said = ""
        with suppress(QueryError):
            said = str(answer().to_pylist())
        written = list(self.folder.glob("out*"))
        for path in written:
            path.unlink()
        return SECRET in said or bool(written) or bool(self.asked)


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    outside = Outside(tmp_path_factory.mktemp("outside"))
    (outside.folder / "secret.csv").write_text(f"{SECRET}\n")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            outside.asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"{SECRET}\n".encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        outside.address = f"http://127.0.0.1:{server.server_port}/secret.csv"
        yield outside
        server.shutdown()
        thread.join()


FROM_FILE = [
    "LOAD FROM 'SECRET_FILE' RETURN *",
    "lOaD\n\tfRoM\r\n'SECRET_FILE' RETURN *",
    'LOAD FROM "SECRET_FILE" RETURN *',
    "LOAD/**/FROM/* ' */'SECRET_FILE' RETURN * /* ' */",
    "/* ' */ LOAD FROM 'SECRET_FILE' RETURN * /* ' */",
    "/* \" ` */ LOAD FROM 'SECRET_FILE' RETURN *",
    "// it's\nLOAD // \"\n FROM 'SECRET_FILE' RETURN * // '",
    "/* /* */ LOAD FROM 'SECRET_FILE' RETURN *",
    "/***/ ' */ LOAD FROM 'SECRET_FILE' RETURN * // '",
    "LOAD\u00a0FROM 'SECRET_FILE' RETURN *",
    "LOAD\x0bFROM\x1c'SECRET_FILE' RETURN *",
    "RETURN 1 AS x; LOAD FROM 'SECRET_FILE' RETURN *",
    "RETURN ';' AS x;;LOAD FROM 'SECRET_FILE' RETURN *",
    "RETURN 'it\\'s' AS x; LOAD FROM 'SECRET_FILE' RETURN *",
    "RETURN '\\\\' AS x; LOAD FROM 'SECRET_FILE' RETURN * // '",
    "RETURN \"'\" AS x; LOAD FROM 'SECRET_FILE' RETURN *",
    "RETURN 1 AS `'`; LOAD FROM 'SECRET_FILE' RETURN *",
    "RETURN 1 AS `a``'`; LOAD FROM 'SECRET_FILE' RETURN *",
    "UNWIND [0] AS x WITH x WHERE x = 0LOAD FROM 'SECRET_FILE' RETURN *",
    "UNWIND [0] AS x WITH x WHERE x = 0.0e0LOAD FROM 'SECRET_FILE' RETURN *",
    "WITH 'a' AS x WHERE x = 'a'LOAD FROM 'SECRET_FILE' RETURN *",
    "WITH 1 AS as WITH as LOAD FROM 'SECRET_FILE' RETURN *",
    "WITH 1 AS `x`LOAD FROM 'SECRET_FILE' RETURN *",
    "MATCH (c:Customer) LOAD FROM 'SECRET_FILE' RETURN c.name, column0",
    "COPY (MATCH (c:Customer) RETURN c.customer_id) TO 'OUT.csv'",
    "copy/**/(RETURN 1 AS x)/**/TO 'OUT.parquet'",
    "RETURN 1 AS x; COPY (RETURN 1 AS x) TO 'OUT.csv'",
    "PROFILE COPY (RETURN 1 AS x) TO 'OUT.csv'",
]
"""What a read-only LadybugDB does all the same."""

FROM_NETWORK = [
    "LOAD CSV FROM 'ADDRESS' AS row RETURN row",
    "lOaD\n\tcSv\r\nFROM 'ADDRESS' AS row RETURN row",
    "LOAD/**/CSV/* ' */FROM 'ADDRESS' AS row RETURN row /* ' */",
    "/***/ LOAD CSV FROM 'ADDRESS' AS row RETURN row",
    "// it's\rLOAD CSV FROM 'ADDRESS' AS row RETURN row // '",
    "LO\\u0041D CSV FROM 'ADDRESS' AS row RETURN row",
    "RETURN '\\u0027 AS x UNION LOAD CSV FROM 'ADDRESS' AS row RETURN row AS x // '",
    "LOAD\u2003CSV\x0bFROM 'ADDRESS' AS row RETURN row",
    "LOAD CSV WITH HEADERS FROM 'ADDRESS' AS row RETURN row",
    "PROFILE LOAD CSV FROM 'ADDRESS' AS row RETURN row",
    "CYPHER 5 LOAD CSV FROM 'ADDRESS' AS row RETURN row",
    "CALL { LOAD CSV FROM 'ADDRESS' AS row RETURN row } RETURN row",
    "CALL () { LOAD CSV FROM 'ADDRESS' AS row RETURN row } RETURN row",
    "RETURN COLLECT { LOAD CSV FROM 'ADDRESS' AS row RETURN row } AS x",
    "RETURN EXISTS{LOAD CSV FROM 'ADDRESS' AS row RETURN row} AS x",
    "RETURN 1 AS row UNION LOAD CSV FROM 'ADDRESS' AS row RETURN row",
    "MATCH (c:Customer) LOAD CSV FROM 'ADDRESS' AS row RETURN c.name, row",
    "WITH 'a' AS x WHERE x = 'a'LOAD CSV FROM 'ADDRESS' AS row RETURN row",
    "UNWIND [1] AS as WITH as LOAD CSV FROM 'ADDRESS' AS row RETURN row",
    "WITH 1 AS `x`LOAD CSV FROM 'ADDRESS' AS row RETURN row",
]
"""What a Neo4j does in a session for reading."""


def disguises(store: GraphStore, outside: Outside) -> list[str]:
    chosen = FROM_NETWORK if "://" in store.name else FROM_FILE
    return [outside.filled(query) for query in chosen]


def test_the_raw_engine_reaches_out_in_read_mode(loaded: GraphStore, outside: Outside) -> None:
    for query in disguises(loaded, outside):
        assert outside.reached(lambda q=query: loaded.query(q)), query


def test_the_guard_stops_what_the_raw_engine_would_do(loaded: GraphStore, outside: Outside) -> None:
    for query in disguises(loaded, outside):
        assert not outside.reached(lambda q=query: run_cypher(loaded, q)), query
        with pytest.raises(QueryError) as refused:
            run_cypher(loaded, query)
        assert "The query was refused" not in str(refused.value), "it was the engine: " + query


def test_a_read_only_ladybug_exports_a_whole_database(tmp_path: Path) -> None:
    path = tmp_path / "plain.lbug"
    with ladybug.Database(path) as database, ladybug.Connection(database) as connection:
        connection.execute("CREATE NODE TABLE T(a INT64 PRIMARY KEY)")
    with (
        ladybug.Database(path, read_only=True) as database,
        ladybug.Connection(database) as connection,
    ):
        connection.execute(f"EXPORT DATABASE '{tmp_path}/exported'")
    assert (tmp_path / "exported").is_dir()


@pytest.mark.parametrize(
    "query",
    [
        "EXPORT DATABASE 'OUT'",
        "IMPORT DATABASE 'OUT'",
        "ATTACH 'OUT' AS other (dbtype lbug)",
        "INSTALL httpfs",
        "FORCE INSTALL httpfs",
        "UNINSTALL httpfs",
        "UPDATE httpfs",
        "LOAD EXTENSION httpfs",
        "LOAD 'OUT.so'",
        "EXPLAIN LOAD FROM 'SECRET_FILE' RETURN *",
        "PROFILE LOAD FROM 'SECRET_FILE' RETURN *",
        "EXPLAIN LOAD CSV FROM 'ADDRESS' AS row RETURN row",
        "USING PERIODIC COMMIT 500 LOAD CSV FROM 'ADDRESS' AS row RETURN row",
        "CALL threads = 1",
        "CALL project_graph('G', ['Customer'], ['FRIEND_OF'])",
        "CALL file_info('SECRET_FILE') RETURN *",
        "RETURN 1 AS x; CALL threads = 1",
        "CALL apoc.load.json('ADDRESS')",
        "CALL/**/apoc.export.csv.all('OUT', {})",
        "CALL { CALL apoc.load.json('ADDRESS') YIELD value RETURN value } RETURN value",
        "OPTIONAL CALL dbms.listConfig()",
        "CALL dbms.killConnection('x')",
        "call dbms.listConfig() YIELD name RETURN name",
        "CALL db.createLabel('X')",
        "CALL db.index.fulltext.queryNodes('x', 'y')",
        "CALL `dbms`.`listConfig`()",
        "CALL dbms.`listConfig`()",
        "CALL db.labels .evil()",
        "CALL\ndbms\n.\nlistConfig()",
        "MATCH (n) WHERE n.x = 0CALL dbms.listConfig() RETURN n",
        "SHOW TRANSACTIONS YIELD transactionId AS id TERMINATE TRANSACTION id",
        "TERMINATE TRANSACTION 'neo4j-transaction-1'",
        "BEGIN TRANSACTION",
        "CHECKPOINT",
        "ANALYZE",
        "USE system RETURN 1 AS x",
        "",
        " /* nothing */ ",
        ";",
    ],
)
def test_a_query_that_does_more_than_read_the_graph_is_refused_first(
    query: str, loaded: GraphStore, outside: Outside
) -> None:
    filled = outside.filled(query)
    assert not outside.reached(lambda: run_cypher(loaded, filled))
    with pytest.raises(QueryError) as refused:
        run_cypher(loaded, filled)
    assert "The query was refused" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_query_makes_an_embedded_store_unreadable(embedded: Place, tmp_path: Path) -> None:
    # A CHECKPOINT in read mode leaves a file that no reader can open until somebody writes.
    store = embedded.open()
    load(store, str(deliver(tmp_path / "shop", customers=[{"customer_id": "ana"}])))
    for query in ("CHECKPOINT", "FORCE CHECKPOINT", "RETURN 1 AS x; CHECKPOINT"):
        with pytest.raises(QueryError):
            run_cypher(store, query)
    assert run_query(store, "counts").num_rows == 35


WRITES = [
    "CREATE (:Customer {customer_id: 'new'})",
    "CREATE (c:Customer {customer_id: 'new'}) RETURN c.customer_id",
    "MATCH (c:Customer) SET c.name = 'changed' RETURN count(*) AS n",
    "MATCH (c:Customer) REMOVE c.name RETURN count(*) AS n",
    "MATCH (c:Customer) DETACH DELETE c",
    "MATCH ()-[r:PURCHASED]->() DELETE r RETURN count(*) AS n",
    "MERGE (c:Customer {customer_id: 'new'}) RETURN c.customer_id",
    "WITH 1 AS x MERGE (c:Customer {customer_id: 'new'}) RETURN c.customer_id",
    "MATCH (c:Customer) FOREACH (x IN [1] | SET c.name = 'changed')",
    "CALL { CREATE (:Customer {customer_id: 'new'}) }",
    "MATCH (c:Customer) CALL (c) { SET c.name = 'changed' } IN TRANSACTIONS",
    "INSERT (:Customer {customer_id: 'new'})",
    "DROP TABLE VIEWED",
    "DROP CONSTRAINT Customer_customer_id",
    "ALTER TABLE Customer ADD new INT64",
    "CREATE NODE TABLE New(a INT64 PRIMARY KEY)",
    "CREATE INDEX new FOR (c:Customer) ON (c.name)",
    "CREATE CONSTRAINT new FOR (c:Customer) REQUIRE c.name IS UNIQUE",
    "CREATE MACRO new(x) AS x + 1",
    "CREATE USER new SET PASSWORD 'longenough'",
    "COMMENT ON TABLE Customer IS 'changed'",
    "EXPLAIN CREATE (:Customer {customer_id: 'new'})",
]


def test_writes_are_refused_and_change_nothing(loaded: GraphStore) -> None:
    def held() -> tuple[pa.Table, pa.Table]:
        record = {"customer_id": "ana"}
        return run_query(loaded, "counts"), run_query(loaded, "customer-record", record)

    before = held()
    for query in WRITES:
        with pytest.raises(QueryError):
            run_cypher(loaded, query)
    assert held() == before


HARMLESS = [
    ("RETURN 'LOAD CSV FROM' AS x", "LOAD CSV FROM"),
    ("RETURN \"COPY (x) TO 'file'\" AS x", "COPY (x) TO 'file'"),
    ("RETURN 'it\\'s LOAD FROM' AS x", "it's LOAD FROM"),
    ("RETURN '; EXPORT DATABASE' AS x;", "; EXPORT DATABASE"),
    ("RETURN 1 AS x // LOAD CSV FROM 'x'", 1),
    ("RETURN 1 AS x /* EXPORT DATABASE 'x' */", 1),
    ("/* CALL dbms.x() */ RETURN 1 AS x", 1),
    ("RETURN 1 AS load", 1),
    ("RETURN 1 AS `COPY`", 1),
    ("WITH 1 AS copy WHERE copy > 0 RETURN copy", 1),
    ("UNWIND [1] AS import RETURN import AS x", 1),
    ("UNWIND [true] AS load RETURN load AND load IS NOT NULL AS x", True),
    ("UNWIND [1] AS load RETURN load ORDER BY load", 1),
    ("UNWIND [1] AS export RETURN export + 1 AS call", 2),
    ("WITH {copy: 1, load: 2} AS export RETURN export.copy + export.load AS x", 3),
    ("RETURN $load AS x", 7),
    ("MATCH (attach:Customer {customer_id: 'ana'}) RETURN attach.name AS x", "Ana"),
    ("MATCH (c:Customer) WHERE c.name = 'CALL apoc.load' RETURN count(*) AS x", 0),
    ("UNWIND [1] AS download RETURN download AS recall", 1),
]


@pytest.mark.parametrize(("query", "value"), HARMLESS)
def test_harmless_uses_of_the_words_are_answered(
    query: str, value: Any, loaded: GraphStore
) -> None:
    answer = run_cypher(loaded, query, {"load": 7})
    assert answer.to_pylist() == [{answer.column_names[0]: value}]


def test_procedures_that_describe_the_graph_and_subqueries_are_answered(loaded: GraphStore) -> None:
    queries = (
        [
            "CALL db.labels() YIELD label WHERE label = 'Customer' RETURN label",
            "CALL db . labels() YIELD label WHERE label = 'Customer' RETURN label",
            "CALL { MATCH (c:Customer {customer_id: 'ana'}) RETURN labels(c)[0] AS x } RETURN x",
            "MATCH (c:Customer) WITH c LIMIT 1 CALL (c) { RETURN labels(c)[0] AS x } RETURN x",
        ]
        if "://" in loaded.name
        else ["CALL show_tables() WHERE name = 'Customer' RETURN name"]
    )
    for query in queries:
        answer = run_cypher(loaded, query)
        assert answer.to_pylist() == [{answer.column_names[0]: "Customer"}]


BITS = [
    "'",
    '"',
    "`",
    "\\",
    "\\\\",
    "\\'",
    "/*",
    "*/",
    "**",
    "*",
    "/",
    "//",
    "\n",
    "\r",
    " ",
    "x",
    "$",
    "0",
    "1.",
    ".",
    ":",
    ";",
    ",",
    "(",
    ")",
    "{",
    "}",
    "\u2028",
    "\x0b",
    "é",
    "\u00a0",
    "RETURN 1 AS x",
    "UNWIND [0] AS x WITH x",
    "WITH 1 AS as",
    "WHERE x=",
    "EXPLAIN ",
]
some_bits = st.lists(st.sampled_from(BITS), max_size=4).map("".join)


@given(some_bits, some_bits, some_bits)
@settings(max_examples=200, deadline=None)
def test_no_scramble_of_quotes_and_comments_reaches_out(
    loaded: GraphStore, outside: Outside, head: str, middle: str, tail: str
) -> None:
    rest = (
        "CSV FROM 'ADDRESS' AS r RETURN r"
        if "://" in loaded.name
        else "FROM 'SECRET_FILE' RETURN *"
    )
    query = outside.filled(f"{head}LOAD{middle} {rest}{tail}")
    assert not outside.reached(lambda: run_cypher(loaded, query))

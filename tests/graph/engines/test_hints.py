"""A query that an engine refuses ends with one line that says what to write instead."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from followsuit.graph.query import QueryError
from followsuit.graph.store import GraphStore
from followsuit.testing.places import Place, empty_database

SEE = " `followsuit schema` lists all."
ON_BOTH = {
    "MATCH (c:Custmer) RETURN c.name AS x": "there is no label Custmer. Did you mean Customer?"
    + SEE,
    "MATCH (c:Costumer) RETURN c.name AS x": "there is no label Costumer. Did you mean Customer?"
    + SEE,
    "MATCH (x:Zebra) RETURN count(*) AS n": "there is no label Zebra." + SEE,
    "MATCH (:Customer)-[r:FREINDOF]->() RETURN count(*) AS n": "there is no relationship type "
    "FREINDOF. Did you mean FRIEND_OF?" + SEE,
    "MATCH (:Customer)-[:BOUGHT]->(p) RETURN count(*) AS n": "there is no relationship type "
    "BOUGHT. Did you mean PURCHASED?" + SEE,
    "MATCH (:Offer)-[:FOR]->(p) RETURN count(*) AS n": "the relationship type FOR is now COVERS."
    + SEE,
    "MATCH (:Offer)-[:`FOR`]->(p) RETURN count(*) AS n": "the relationship type FOR is now COVERS."
    + SEE,
    "MATCH (c:Customer) RETURN c.nmae AS x": "c (Customer) has no property nmae. Did you mean "
    "name?" + SEE,
    "MATCH (:Customer)-[r:PURCHASED]->(p:Product) RETURN r.quantety AS x": "r (PURCHASED) has no "
    "property quantety. Did you mean quantity?" + SEE,
    "MATCH (:Customer)-[:PURCHASED]->(p:Product) RETURN p.productid AS x": "p (Product) has no "
    "property productid. Did you mean product_id?" + SEE,
}
REUSED = " is already the name of something else. Give one of the two another name, such as AS "
ON_BOTH |= {
    "MATCH (c:Customer) WITH c.customer_id AS c MATCH (c)-[:LIKES]->(i) RETURN i.interest AS x": "c"
    f"{REUSED}c_name.",
    "MATCH (c:Customer)-[c:PURCHASED]->() RETURN count(*) AS n": f"c{REUSED}c_name.",
}
ON_EMBEDDED = {
    "RETURN datetime('2025-06-01') AS x": "the embedded engine has no function datetime. A time: "
    "write `timestamp('2025-06-01')`, not `datetime('2025-06-01')`.",
    "RETURN datetime() AS x": "the embedded engine has no function datetime. The present: write "
    "`current_timestamp()`, not `datetime()`.",
    "MATCH ()-[r:PURCHASED]->() RETURN month(r.at) AS x": "the embedded engine has no function "
    "month. A part of a time: write `date_part('month', b.at)`.",
    "MATCH (:Customer)-[r:VISITED]->() RETURN duration.between(r.at, r.at) AS x": "Days between "
    "two times: write `date_part('day', b.at - a.at)` here, not "
    "`duration.inDays(a.at, b.at).days`.",
    "MATCH (:Customer)-[r:VISITED]->() RETURN duration.between(r.at, datetime()).days AS x": "Days "
    "between two times: write `date_part('day', b.at - a.at)` here, not "
    "`duration.inDays(a.at, b.at).days`.",
    "MATCH (c:Customer) WITH c.name AS c ORDER BY c RETURN c": "A name for a result that a "
    "variable has already: write `RETURN n.name AS c ORDER BY c` here, not `RETURN c.name AS c "
    "ORDER BY c`.",
    "MATCH (c:Customer)-[b:PURCHASED]->(p) RETURN p.name AS p, b.at AS b ORDER BY b DESC, p": "A "
    "name for a result that a variable has already: write `RETURN n.name AS c ORDER BY c` here, "
    "not `RETURN c.name AS c ORDER BY c`.",
    "MATCH (c:Customer) WITH c ORDER BY c.name RETURN collect(c.name) AS x": "A list in order: "
    "write `list_sort(collect(c.customer_id))` here, not `WITH c ORDER BY c.customer_id, then "
    "collect(c.customer_id)`.",
    "MATCH (c:Customer) WHERE c.customer_id IN [7] RETURN c.name AS x": "Implicit cast is not "
    "supported. The query compares text with a number. Ids are text: write '7' for 7, and --param "
    "id:text=7.",
    "MATCH (c:Customer) RETURN c.name AS c ORDER BY c": "A name for a result that a variable has "
    "already: write `RETURN n.name AS c ORDER BY c` here, not `RETURN c.name AS c ORDER BY c`.",
    "MATCH (c:Customer) RETURN nosuch(c) AS x": "the embedded engine has no function nosuch.",
    "MATCH (c:Customer) WHERE c.name = ':FOR]' RETURN d.name AS x": "Variable d is not in scope.",
}
ON_NEO4J = {
    "MATCH (c:customer) RETURN c.name AS x": "there is no label customer. Did you mean Customer?"
    + SEE,
    "MATCH (c:Customer) RETURN date_part('month', c.joined_at) AS x": "Neo4j has no function "
    "date_part. A part of a time: write `b.at.month`, not `date_part('month', b.at)`.",
    "MATCH ()-[r:PURCHASED]->() RETURN month(r.at) AS x": "Neo4j has no function month. A part of "
    "a time: write `b.at.month`.",
    "RETURN current_timestamp() AS x": "Neo4j has no function current_timestamp. The present: "
    "write `datetime()`, not `current_timestamp()`.",
    "RETURN string_split('a', ',') AS x": "Neo4j has no function string_split. The parts of a "
    "text: write `split(text, ';')`, not `string_split(text, ';')`.",
    "MATCH (a)-[:FRIEND_OF* SHORTEST 1..4]-(b) RETURN count(*) AS n": "The shortest path: write "
    "`shortestPath((a)-[:FRIEND_OF*..4]-(b))` here, not `(a)-[:FRIEND_OF* SHORTEST 1..4]-(b)`.",
    "RETURN nosuch(1) AS x": "Neo4j has no function nosuch.",
}
VALID = (
    "MATCH (c:Customer) WITH {strange: 1} AS m RETURN m.strange AS x",
    "MATCH (e:Embedding) RETURN e.vector AS x",
    "MATCH (c:Customer) RETURN c.pagerank AS x",
    "RETURN ':FOR]' AS x",
)


@pytest.fixture(scope="module")
def embedded_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    yield from ready(Place(str(tmp_path_factory.mktemp("hints") / "store.lbug")))


@pytest.fixture(scope="module")
def server_store(neo4j_server_place: Place, tmp_path_factory: pytest.TempPathFactory) -> object:
    empty_database(neo4j_server_place)
    place = neo4j_server_place
    state: Path = tmp_path_factory.mktemp("state")
    yield from ready(Place(place.name, state, place.username, place.password))


def ready(place: Place) -> Iterator[GraphStore]:
    with place.open() as store:
        with store.writing():
            pass
        yield store


def refusal(store: GraphStore, query: str) -> str:
    with pytest.raises(QueryError) as refused:
        store.query_apart(query)
    message = str(refused.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("query", [*ON_BOTH, *ON_EMBEDDED])
def test_the_embedded_engine_says_what_to_write(query: str, embedded_store: GraphStore) -> None:
    expected = (ON_BOTH | ON_EMBEDDED)[query]
    message = refusal(embedded_store, query)
    assert message.startswith("The query was refused: ")
    assert message.endswith(expected)
    assert "exception" not in message


@pytest.mark.parametrize("query", [*ON_BOTH, *ON_NEO4J])
def test_neo4j_says_what_to_write(query: str, server_store: GraphStore) -> None:
    message = refusal(server_store, query)
    assert message.startswith("The query was refused: ")
    assert message.endswith((ON_BOTH | ON_NEO4J)[query])


@pytest.mark.parametrize("query", VALID)
def test_valid_names_without_rows_are_no_mistakes(
    query: str, embedded_store: GraphStore, server_store: GraphStore
) -> None:
    for store in (embedded_store, server_store):
        if "strange" not in query or store is server_store:
            store.query_apart(query)

"""The same graph as followsuit's, written by hand with the Neo4j driver: one writer, batches of
10,000 rows, `UNWIND ... MERGE`, with a uniqueness constraint for each label.
"""

from pathlib import Path

from measure import Took, timed

BATCH = 10_000

_KEYS = {
    "Customer": "customer_id",
    "Product": "product_id",
    "Store": "store_id",
    "Offer": "offer_id",
    "Event": "event_id",
    "Category": "category",
    "Brand": "brand",
    "City": "city",
    "Interest": "interest",
    "Program": "program",
    "Purpose": "purpose",
}

_VIEW = "row.kind = 'view' AND row.product_id IS NOT NULL"


def _node(label: str, *columns: str) -> str:
    key = _KEYS[label]
    sets = ", ".join(f"n.{c} = row.{c}" for c in columns)
    return f"MERGE (n:{label} {{{key}: row.{key}}})" + (f" SET {sets}" if sets else "")


def _some(label: str) -> str:
    """Nodes that are a value which rows may leave out."""
    return f"WITH row WHERE row.{_KEYS[label]} IS NOT NULL {_node(label)}"


def _link(
    source: str,
    name: str,
    target: str,
    *columns: str,
    end: str = "",
    key: str = "",
    where: str = "",
) -> str:
    """`end`: the column of the target's key; `key`: properties that tell relationships apart."""
    sets = ", ".join(f"r.{c} = row.{c}" for c in columns)
    return (
        (f"WITH row WHERE {where} " if where else "")
        + f"MATCH (s:{source} {{{_KEYS[source]}: row.{_KEYS[source]}}}) "
        f"MATCH (t:{target} {{{_KEYS[target]}: row.{end or _KEYS[target]}}}) "
        f"MERGE (s)-[r:{name}{key}]->(t)" + (f" SET {sets}" if sets else "")
    )


_WRITES = [
    (
        "customers",
        _node("Customer", "name", "birth_date", "joined_at", "email", "phone", "timezone"),
    ),
    ("customers", _some("City")),
    ("products", _node("Product", "name", "price", "margin", "sensitive")),
    ("products", _some("Category")),
    ("products", _some("Brand")),
    ("stores", _node("Store", "name", "latitude", "longitude")),
    ("stores", _some("Category")),
    ("stores", _some("City")),
    ("offers", _node("Offer", "name", "valid_from", "valid_until", "cost", "value")),
    ("offers", _some("Category")),
    ("offers", _some("Brand")),
    ("offers", _some("Program")),
    ("offers", _some("Interest")),
    (
        "events",
        f"WITH row WHERE NOT ({_VIEW}) "
        + _node("Event", "kind", "at", "product_id", "store_id", "city", "value"),
    ),
    ("likes", _some("Interest")),
    ("memberships", _some("Program")),
    ("consents", _some("Purpose")),
    ("customers", _link("Customer", "LIVES_IN", "City")),
    ("products", _link("Product", "IN_CATEGORY", "Category")),
    ("products", _link("Product", "OF_BRAND", "Brand")),
    ("stores", _link("Store", "IN_CATEGORY", "Category")),
    ("stores", _link("Store", "IN_CITY", "City")),
    ("offers", _link("Offer", "COVERS", "Product")),
    ("offers", _link("Offer", "COVERS", "Category")),
    ("offers", _link("Offer", "COVERS", "Brand")),
    ("offers", _link("Offer", "COVERS", "Program")),
    ("offers", _link("Offer", "COVERS", "Interest")),
    ("offers", _link("Offer", "REDEEMABLE_AT", "Store")),
    (
        "friendships",
        _link(
            "Customer",
            "FRIEND_OF",
            "Customer",
            "since",
            "interactions",
            "directed",
            end="friend_id",
        ),
    ),
    (
        "purchases",
        _link(
            "Customer",
            "PURCHASED",
            "Product",
            "at",
            "quantity",
            "amount",
            "currency",
            "channel",
            "store_id",
            key=" {purchase_id: row.purchase_id}",
        ),
    ),
    ("visits", _link("Customer", "VISITED", "Store", "at", key=" {event_id: row.visit_id}")),
    ("events", _link("Customer", "DID", "Event", where=f"NOT ({_VIEW})")),
    (
        "events",
        _link(
            "Customer",
            "VIEWED",
            "Product",
            "at",
            "store_id",
            "city",
            "value",
            key=" {event_id: row.event_id}",
            where=_VIEW,
        ),
    ),
    ("likes", _link("Customer", "LIKES", "Interest", "at")),
    ("memberships", _link("Customer", "HOLDS", "Program", "until", key=" {since: row.since}")),
    (
        "contacts",
        _link(
            "Customer",
            "CONTACTED",
            "Offer",
            "channel",
            "at",
            "arm",
            "outcome",
            "outcome_at",
            key=" {contact_id: row.contact_id}",
        ),
    ),
    (
        "consents",
        _link("Customer", "CONSENTED", "Purpose", key=" {at: row.at, granted: row.granted}"),
    ),
]


def merge(world: Path) -> Took:
    """Write the graph into a server of its own; the result is what that holds."""
    import neo4j
    import neo4j_server
    import pyarrow.parquet as pq

    with neo4j_server.running() as (uri, _), neo4j.GraphDatabase.driver(uri) as driver:
        driver.verify_connectivity()
        with timed() as took:
            for label, key in _KEYS.items():
                driver.execute_query(f"CREATE CONSTRAINT FOR (n:{label}) REQUIRE n.{key} IS UNIQUE")
            for table, write in _WRITES:
                for batch in pq.ParquetFile(world / f"{table}.parquet").iter_batches(BATCH):
                    driver.execute_query(f"UNWIND $rows AS row {write}", rows=batch.to_pylist())
        took.result = contents(driver)
    return took


def contents(driver) -> dict[str, int]:  # type: ignore[no-untyped-def]
    """How many nodes of each label and relationships of each type a server holds."""
    found = {}
    for cypher in (
        "MATCH (n) RETURN labels(n)[0] AS name, count(*) AS n",
        "MATCH ()-[r]->() RETURN type(r) AS name, count(*) AS n",
    ):
        found |= {row["name"]: row["n"] for row in driver.execute_query(cypher).records}
    found.pop("FollowsuitMeta", None)
    return dict(sorted(found.items()))

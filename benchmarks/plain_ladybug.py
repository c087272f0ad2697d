"""The same graph as followsuit's, written by hand with LadybugDB's own COPY of the delivered files.

Nothing is checked, mapped or deduplicated. An unknown key would stop the COPY.
"""

from pathlib import Path

from measure import Took, timed

POOL = 8 * 2**30
"""Bytes: what a COPY of five million relationships in one go takes, and room to spare."""

_TABLES = [
    """CREATE NODE TABLE Customer(customer_id STRING PRIMARY KEY, name STRING, birth_date DATE,
        joined_at TIMESTAMP_TZ, email STRING, phone STRING, timezone STRING)""",
    """CREATE NODE TABLE Product(product_id STRING PRIMARY KEY, name STRING, price DOUBLE,
        margin DOUBLE, sensitive BOOLEAN)""",
    """CREATE NODE TABLE Store(store_id STRING PRIMARY KEY, name STRING, latitude DOUBLE,
        longitude DOUBLE)""",
    """CREATE NODE TABLE Offer(offer_id STRING PRIMARY KEY, name STRING, valid_from TIMESTAMP_TZ,
        valid_until TIMESTAMP_TZ, cost DOUBLE, value DOUBLE)""",
    """CREATE NODE TABLE Event(event_id STRING PRIMARY KEY, kind STRING, at TIMESTAMP_TZ,
        product_id STRING, store_id STRING, city STRING, value DOUBLE)""",
    "CREATE NODE TABLE Category(category STRING PRIMARY KEY)",
    "CREATE NODE TABLE Brand(brand STRING PRIMARY KEY)",
    "CREATE NODE TABLE City(city STRING PRIMARY KEY)",
    "CREATE NODE TABLE Interest(interest STRING PRIMARY KEY)",
    "CREATE NODE TABLE Program(program STRING PRIMARY KEY)",
    "CREATE NODE TABLE Purpose(purpose STRING PRIMARY KEY)",
    """CREATE REL TABLE FRIEND_OF(FROM Customer TO Customer, since TIMESTAMP_TZ,
        interactions DOUBLE, directed BOOLEAN)""",
    """CREATE REL TABLE PURCHASED(FROM Customer TO Product, purchase_id STRING, at TIMESTAMP_TZ,
        quantity DOUBLE, amount DOUBLE, currency STRING, channel STRING, store_id STRING)""",
    "CREATE REL TABLE VISITED(FROM Customer TO Store, event_id STRING, at TIMESTAMP_TZ)",
    """CREATE REL TABLE VIEWED(FROM Customer TO Product, event_id STRING, at TIMESTAMP_TZ,
        store_id STRING, city STRING, value DOUBLE)""",
    "CREATE REL TABLE DID(FROM Customer TO Event)",
    "CREATE REL TABLE LIKES(FROM Customer TO Interest, at TIMESTAMP_TZ)",
    "CREATE REL TABLE HOLDS(FROM Customer TO Program, since TIMESTAMP_TZ, until TIMESTAMP_TZ)",
    "CREATE REL TABLE LIVES_IN(FROM Customer TO City)",
    "CREATE REL TABLE CONSENTED(FROM Customer TO Purpose, granted BOOLEAN, at TIMESTAMP_TZ)",
    "CREATE REL TABLE IN_CATEGORY(FROM Product TO Category, FROM Store TO Category)",
    "CREATE REL TABLE OF_BRAND(FROM Product TO Brand)",
    "CREATE REL TABLE IN_CITY(FROM Store TO City)",
    """CREATE REL TABLE COVERS(FROM Offer TO Product, FROM Offer TO Category, FROM Offer TO Brand,
        FROM Offer TO Program, FROM Offer TO Interest)""",
    "CREATE REL TABLE REDEEMABLE_AT(FROM Offer TO Store)",
    """CREATE REL TABLE CONTACTED(FROM Customer TO Offer, contact_id STRING, channel STRING,
        at TIMESTAMP_TZ, arm STRING, outcome STRING, outcome_at TIMESTAMP_TZ)""",
]

_VIEW = "kind = 'view' AND product_id IS NOT NULL"

_COPIES = [
    # What is copied, from which table, its columns (relationships: the two ends first), and rows.
    ("Customer", "customers", "customer_id, name, birth_date, joined_at, email, phone, timezone"),
    ("Product", "products", "product_id, name, price, margin, sensitive"),
    ("Store", "stores", "store_id, name, latitude, longitude"),
    ("Offer", "offers", "offer_id, name, valid_from, valid_until, cost, value"),
    (
        "Event",
        "events",
        "event_id, kind, at, product_id, store_id, city, value",
        f"NOT ({_VIEW})",
    ),
    ("LIVES_IN", "customers", "customer_id, city", "city IS NOT NULL"),
    (
        "IN_CATEGORY",
        "products",
        "product_id, category",
        "category IS NOT NULL",
        "Product",
        "Category",
    ),
    ("IN_CATEGORY", "stores", "store_id, category", "category IS NOT NULL", "Store", "Category"),
    ("OF_BRAND", "products", "product_id, brand", "brand IS NOT NULL"),
    ("IN_CITY", "stores", "store_id, city", "city IS NOT NULL"),
    ("COVERS", "offers", "offer_id, product_id", "product_id IS NOT NULL", "Offer", "Product"),
    ("COVERS", "offers", "offer_id, category", "category IS NOT NULL", "Offer", "Category"),
    ("COVERS", "offers", "offer_id, brand", "brand IS NOT NULL", "Offer", "Brand"),
    ("COVERS", "offers", "offer_id, program", "program IS NOT NULL", "Offer", "Program"),
    ("COVERS", "offers", "offer_id, interest", "interest IS NOT NULL", "Offer", "Interest"),
    ("REDEEMABLE_AT", "offers", "offer_id, store_id", "store_id IS NOT NULL"),
    ("FRIEND_OF", "friendships", "customer_id, friend_id, since, interactions, directed"),
    (
        "PURCHASED",
        "purchases",
        "customer_id, product_id, purchase_id, at, quantity, amount, currency, channel, store_id",
    ),
    ("VISITED", "visits", "customer_id, store_id, visit_id, at"),
    ("DID", "events", "customer_id, event_id", f"NOT ({_VIEW})"),
    ("VIEWED", "events", "customer_id, product_id, event_id, at, store_id, city, value", _VIEW),
    ("LIKES", "likes", "customer_id, interest, at"),
    ("HOLDS", "memberships", "customer_id, program, since, until"),
    (
        "CONTACTED",
        "contacts",
        "customer_id, offer_id, contact_id, channel, at, arm, outcome, outcome_at",
    ),
    ("CONSENTED", "consents", "customer_id, purpose, granted, at"),
]

_VALUES = [
    # Nodes that are a value which other tables mention.
    ("City", "city", ("customers", "stores")),
    ("Category", "category", ("products", "stores", "offers")),
    ("Brand", "brand", ("products", "offers")),
    ("Interest", "interest", ("likes", "offers")),
    ("Program", "program", ("memberships", "offers")),
    ("Purpose", "purpose", ("consents",)),
]


def copy(world: Path, store: Path) -> Took:
    """Write the graph; the result is what it holds."""
    import ladybug

    with timed() as took:
        database = ladybug.Database(store, buffer_pool_size=POOL)
        connection = ladybug.Connection(database)
        for statement in [*_TABLES, *_nodes_of_values(world), *_copies(world)]:
            connection.execute(statement)
        connection.close()
        database.close()
    took.result = contents(store)
    return took


def contents(store: Path) -> dict[str, int]:
    """How many nodes and relationships of each table a store holds, where it holds any."""
    import ladybug

    database = ladybug.Database(store, read_only=True, buffer_pool_size=2**30)
    connection = ladybug.Connection(database)

    def rows(cypher: str) -> list[list[object]]:
        return list(connection.execute(cypher))

    found = {}
    for name, kind in rows("CALL show_tables() RETURN name, type"):
        pattern = f"(x:`{name}`)" if kind == "NODE" else f"()-[x:`{name}`]->()"
        found[str(name)] = rows(f"MATCH {pattern} RETURN count(x)")[0][0]
    connection.close()
    database.close()
    found.pop("FollowsuitMeta", None)
    return {name: n for name, n in sorted(found.items()) if n}


def _nodes_of_values(world: Path) -> list[str]:
    statements = []
    for label, column, tables in _VALUES:
        first, *others = [_file(world, table) for table in tables]
        load = f"LOAD FROM '{{}}' WHERE {column} IS NOT NULL"
        distinct = f"{load.format(first)} RETURN DISTINCT {column}"
        statements.append(f"COPY {label} FROM ({distinct})")
        for other in others:
            distinct = f"{load.format(other)} WITH DISTINCT {column} AS value"
            statements.append(f"{distinct} MERGE (:{label} {{{column}: value}})")
    return statements


def _copies(world: Path) -> list[str]:
    statements = []
    for name, table, columns, *rest in _COPIES:
        where, *ends = rest or ["TRUE"]
        pair = f" (from='{ends[0]}', to='{ends[1]}')" if ends else ""
        load = f"LOAD FROM '{_file(world, table)}' WHERE {where} RETURN {columns}"
        statements.append(f"COPY `{name}` FROM ({load}){pair}")
    return statements


def _file(world: Path, table: str) -> Path:
    return world / f"{table}.parquet"

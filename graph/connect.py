"""Opens a store by its name."""

import hashlib
from pathlib import Path

import platformdirs

from followsuit.graph.engines.embedded import EmbeddedStore
from followsuit.graph.store import GraphStore, StoreUnreachable

SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
"""Schemes of a Neo4j server's URI."""

MEMORY = 3 * 2**30
"""Default limit of followsuit's memory, in bytes."""


def connect(
    store: str | Path,
    *,
    username: str | None = None,
    password: str | None = None,
    database: str | None = None,
    state: Path | None = None,
    memory: int = MEMORY,
) -> GraphStore:
    """Open a store by its name.

    Args:
        store: the path of an embedded store's file, or the URI of a Neo4j server (`bolt://`,
            `neo4j://`, and with `+s` or `+ssc`).
        username: the server's user name; None if the server needs no login.
        password: the server's password.
        database: the server's database; None for its default.
        state: a server's folder for snapshots and staging; None for the user's cache folder. An
            embedded store keeps its state folder beside its file.
        memory: limit of memory in bytes, at least 1 GiB.

    Raises:
        StoreUnreachable: the URI's scheme isn't one of Neo4j's.
    """
    name = str(store)
    scheme, separator, _ = name.partition("://")
    if not separator:
        return EmbeddedStore(Path(store).absolute(), int(memory * 0.6))
    if scheme not in SCHEMES:
        raise StoreUnreachable(
            f"{scheme}:// isn't a store. Name a file for the embedded engine, or a Neo4j server as "
            "bolt://HOST:7687 or neo4j://HOST:7687."
        )
    # The driver is slow to import.
    from followsuit.graph.engines.neo4j import Neo4jStore

    digest = hashlib.sha256(f"{name} {database or ''}".encode()).hexdigest()[:16]
    folder = (state or platformdirs.user_cache_path("followsuit")) / digest
    return Neo4jStore(name, folder, memory // 3, username, password, database)

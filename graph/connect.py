"""From the name of a store to the store."""

import hashlib
from pathlib import Path

import platformdirs

from followsuit.graph.engines.embedded import EmbeddedStore
from followsuit.graph.store import GraphStore, StoreUnreachable

SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
"""Of the URIs of a Neo4j server."""

MEMORY = 3 * 2**30
"""Bytes that followsuit keeps below, unless told otherwise."""


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
        username: of the server; None where it asks for none.
        password: of the server.
        database: of the server; None for its default.
        state: for a server, the folder for snapshots and staging (an embedded store has its own
            beside it); None for the user's cache folder.
        memory: bytes to keep below, at the least 1 GiB.

    Raises:
        StoreUnreachable: the URI has a scheme that is not Neo4j's.
    """
    name = str(store)
    scheme, found, _ = name.partition("://")
    if not found:
        return EmbeddedStore(Path(store).absolute(), int(memory * 0.6))
    if scheme not in SCHEMES:
        raise StoreUnreachable(
            f"{scheme}:// is no store. Name a file for the embedded engine, or a Neo4j server as "
            "bolt://HOST:7687 or neo4j://HOST:7687."
        )
    # The driver is slow to import.
    from followsuit.graph.engines.neo4j import Neo4jStore

    digest = hashlib.sha256(f"{name} {database or ''}".encode()).hexdigest()[:16]
    folder = (state or platformdirs.user_cache_path("followsuit")) / digest
    return Neo4jStore(name, folder, memory // 3, username, password, database)

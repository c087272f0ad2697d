"""Nearest neighbours by the server's vector index, for graphs too large to compare all nodes."""

import numpy as np
import pyarrow as pa

from followsuit.core.threads import one_thread
from followsuit.graph import schema as g
from followsuit.graph.results.runs import EMBEDDING
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore

EVERY = "*"
"""Neighbours of all kinds."""
_LEAST = 100
"""Smallest number of neighbours to request. The index stores vectors in eight bits, so its order
isn't exact."""
_SPARE = 4
"""Factor of neighbours to request, since some are of other kinds and runs."""
_MOST = 20_000
"""Largest number of neighbours to request."""

NEAREST = pa.schema([(Col.NODE_KIND, g.TEXT), (Col.NODE_ID, g.TEXT), ("similarity", g.NUMBER)])

_LINKED = f"()-[:{g.CUSTOMER_EMBEDDED.name}]->(e:{g.EMBEDDING.label})"
_OWN = (
    f"MATCH (run:{g.RUN.label} {{{Col.KIND}: '{EMBEDDING}', {Col.ACTIVE}: true}}) MATCH {_LINKED} "
    f"WHERE e.{Col.EMBEDDING_ID} = run.{Col.RUN_ID} + '/' + $kind + '/' + $id "
    f"RETURN run.{Col.RUN_ID} AS run, e.{Col.EMBEDDING_ID} AS own, e.{Col.VECTOR} AS vector"
)
_VECTORS = (
    f"MATCH {_LINKED} WHERE e.{Col.EMBEDDING_ID} IN $keys RETURN e.{Col.NODE_KIND} AS kind, "
    f"e.{Col.NODE_ID} AS id, e.{Col.VECTOR} AS vector"
)


def nearest_by_index(
    store: GraphStore, kind: str, node: str, *, among: str = EVERY, limit: int = 10
) -> pa.Table | None:
    """Find the nodes nearest to a node by the index, in the active run of embeddings.

    The index may miss a neighbour. The similarities are exact.

    Args:
        store: the store with the embeddings.
        kind: kind of the node: `customer`, `product` or `store`.
        node: id of the node.
        among: kind of the neighbours; `*` for all.
        limit: largest number of rows.

    Returns:
        `node_kind, node_id, similarity` (cosine, six decimal places), as from the library's query
        `nearest`. Without rows if the node has no embedding. None if the engine has no index or
        finds too few neighbours: use the query instead.
    """
    store.require_complete()
    rows = store.query(_OWN, {"kind": kind, "id": node}).to_pylist()
    if not rows:
        return NEAREST.empty_table()
    (own,) = rows
    within = own["run"] + "/" + ("" if among == EVERY else among + "/")
    asked = max(_LEAST, _SPARE * (limit + 1))
    while asked <= _MOST:
        keys = store.nearest_by_index(g.EMBEDDING, Col.VECTOR, own["vector"], asked)
        if keys is None:
            return None
        kept = [key for key in keys if key.startswith(within) and key != own["own"]]
        if len(kept) >= limit or len(keys) < asked:
            return _ranked(store, kept, np.array(own["vector"]), limit)
        asked *= _SPARE
    return None


@one_thread()
def _ranked(store: GraphStore, keys: list[str], vector: np.ndarray, limit: int) -> pa.Table:
    rows = store.query(_VECTORS, {"keys": keys}).to_pylist() if keys else []
    if not rows:
        return NEAREST.empty_table()
    others = np.array([row["vector"] for row in rows], dtype=np.float64)
    lengths = np.sqrt((others**2).sum(axis=1) * (vector**2).sum())
    columns = [
        pa.array([row["kind"] for row in rows], g.TEXT),
        pa.array([row["id"] for row in rows], g.TEXT),
        pa.array(np.round(others @ vector / lengths, 6), g.NUMBER),
    ]
    order = [("similarity", "descending"), (Col.NODE_KIND, "ascending"), (Col.NODE_ID, "ascending")]
    return pa.Table.from_arrays(columns, schema=NEAREST).sort_by(order).slice(0, limit)

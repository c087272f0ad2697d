"""Single nodes of the graph."""

from followsuit.graph.schema import NodeType
from followsuit.graph.store import GraphStore


def exists(store: GraphStore, node: NodeType, value: str) -> bool:
    """Whether the graph has a node with this key."""
    rows = store.query(
        f"MATCH (n:{node.label} {{{node.key}: $id}}) RETURN count(n) AS n", {"id": value}
    )
    return bool(rows["n"][0].as_py())

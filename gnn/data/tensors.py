"""Builds PyG tensors from a view: all kinds of nodes, and relationships with time and weight.

Needs the extra `gnn` (torch, torch-geometric).
"""

from collections.abc import Iterator

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch_geometric.data import HeteroData

from followsuit.core.codes import Codes
from followsuit.core.progress import Progress, silent
from followsuit.graph import schema as g
from followsuit.graph import tables as t
from followsuit.graph.items import PRODUCT, STORE
from followsuit.graph.schema import Col, NodeType, RelationshipType
from followsuit.graph.views.view import SharedView

UNDATED = int(np.iinfo(np.int64).min)
"""The time of edges without a date. It is before all others, so they count as always known."""

NODES = (
    g.CUSTOMER,
    g.PRODUCT,
    g.STORE,
    g.CATEGORY,
    g.BRAND,
    g.INTEREST,
    g.CITY,
    g.PROGRAM,
)


def tensors(view: SharedView, progress: Progress = silent) -> HeteroData:
    """The graph as of a view's instant.

    Node types are the labels of `NODES`. Each has `num_nodes` and `id`, the ids (or values) by
    position. Customers who don't share their activity or haven't joined yet, and sensitive
    products, are left out.

    Edge types are `(label, relationship type, label)`, as in the graph. Each has

    - `edge_index`: (2, edges) int64
    - `time`: (edges) int64, seconds since 1970 (UTC), rounded up; `UNDATED` without a date
    - `weight`: (edges) float32, finite: the `quantity` of a purchase (1 if unknown or 0), else 1

    Edges are sorted by source, target and time. Each purchase (without returns), visit and view is
    its own edge. `FRIEND_OF` goes from the friend to the customer who may follow, so an undirected
    friendship has two edges. Memberships that have ended are left out.

    For messages against the direction of the edges, use PyG's `ToUndirected(merge=False)`.
    """
    rows = dict(_relationships(view))
    codes = {node: Codes(ids) for node, ids in _nodes(view, rows).items()}
    data = HeteroData()
    for node, known in codes.items():
        data[node.label].id = known.ids
        data[node.label].num_nodes = len(known)
    with progress("making tensors", len(rows)) as advance:
        for kind, table in rows.items():
            edges = data[kind.source.label, kind.name, kind.target.label]
            ends, times, weights = _edges(table, codes[kind.source], codes[kind.target])
            edges.edge_index = torch.from_numpy(ends)
            edges.time = torch.from_numpy(times)
            edges.weight = torch.from_numpy(weights)
            advance(1)
    return data


def _relationships(view: SharedView) -> Iterator[tuple[RelationshipType, ir.Table]]:
    """Each relationship type with its rows: `source` and `target` ids, `at`, `weight`."""
    bought, viewed = view.purchase_rows, view.event_rows
    viewed = viewed.filter((viewed[Col.KIND] == t.VIEW) & viewed.product_id.notnull())
    interactions, friendships = view.interactions, view.friendships
    visited = interactions.filter(interactions.item_kind == STORE)
    products = view.items.filter(view.items.item_kind == PRODUCT)
    stores = view.items.filter(view.items.item_kind == STORE)
    quantity = (bought.quantity > 0).ifelse(bought.quantity, 1.0).fill_null(1.0)
    likes, held, customers = view.likes, view.memberships, view.customers
    yield g.FRIEND_OF, _rows(friendships, "friend_id", Col.CUSTOMER_ID, friendships.since)
    yield g.PURCHASED, _rows(bought, Col.CUSTOMER_ID, Col.PRODUCT_ID, bought["at"], quantity)
    yield g.VISITED, _rows(visited, Col.CUSTOMER_ID, "item_id", visited["at"])
    yield g.VIEWED, _rows(viewed, Col.CUSTOMER_ID, Col.PRODUCT_ID, viewed["at"])
    yield g.LIKES, _rows(likes, Col.CUSTOMER_ID, Col.INTEREST, likes["at"])
    yield g.HOLDS, _rows(held, Col.CUSTOMER_ID, Col.PROGRAM, held.since)
    yield g.LIVES_IN, _rows(customers, Col.CUSTOMER_ID, Col.CITY)
    yield g.PRODUCT_IN_CATEGORY, _rows(products, "item_id", Col.CATEGORY)
    yield g.OF_BRAND, _rows(products, "item_id", Col.BRAND)
    yield g.STORE_IN_CATEGORY, _rows(stores, "item_id", Col.CATEGORY)
    yield g.IN_CITY, _rows(stores, "item_id", Col.CITY)


def _rows(
    table: ir.Table,
    source: str,
    target: str,
    at: ir.Value | None = None,
    weight: ir.Value | None = None,
) -> ir.Table:
    rows = table.select(
        source=table[source],
        target=table[target],
        at=ibis.null("timestamp('UTC')") if at is None else at,
        weight=ibis.literal(1.0) if weight is None else weight.cast("float64"),
    )
    return rows.filter(rows.source.notnull() & rows.target.notnull())


def _nodes(view: SharedView, rows: dict[RelationshipType, ir.Table]) -> dict[NodeType, np.ndarray]:
    """The ids of each type's nodes: all customers, products and stores, and the values in use."""
    items = view.item_list
    nodes = {
        g.CUSTOMER: view.customer_codes.ids,
        g.PRODUCT: items.id[items.kind == PRODUCT],
        g.STORE: items.id[items.kind == STORE],
    }
    for node in NODES[len(nodes) :]:
        ids = ibis.union(*[r.select(id=r.target) for k, r in rows.items() if k.target == node])
        nodes[node] = ids.distinct().order_by("id").execute().id.to_numpy(dtype=object)
    return nodes


def _edges(
    rows: ir.Table, sources: Codes, targets: Codes
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The edges between nodes that exist: (2, edges) ends, (edges) times and weights."""
    table = rows.select("source", "target", "at", "weight").to_pyarrow()
    ends = np.stack([sources.of(table["source"]), targets.of(table["target"])])
    times, weights = _seconds(table["at"]), table["weight"].to_numpy().astype(np.float32)
    known = np.flatnonzero((ends >= 0).all(axis=0))
    order = known[np.lexsort((weights[known], times[known], ends[1, known], ends[0, known]))]
    return ends[:, order], times[order], weights[order]


def _seconds(at: pa.ChunkedArray) -> np.ndarray:
    """Whole seconds since 1970, rounded up; `UNDATED` if missing."""
    micros = at.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    dated = pc.is_valid(micros).to_numpy()
    up = -(-micros.fill_null(0).to_numpy() // 1_000_000)
    return np.where(dated, up, UNDATED)

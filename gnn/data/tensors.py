"""From a snapshot to PyG's tensors: every kind of node, every relationship with time and weight.

Needs the extra `gnn` (torch, torch-geometric).
"""

from collections.abc import Iterator
from datetime import datetime

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch_geometric.data import HeteroData

from followsuit.core.progress import Progress, silent
from followsuit.graph import schema as g
from followsuit.graph import tables as t
from followsuit.graph.facts import PRODUCT, STORE, SharedFacts, without_returns
from followsuit.graph.schema import Col, NodeType, RelationshipType
from followsuit.graph.snapshot import Snapshot

UNDATED = int(np.iinfo(np.int64).min)
"""The time of what carries no date: before every other, so that it counts as always known."""

NODES = (
    g.CUSTOMER, g.PRODUCT, g.STORE, g.CATEGORY, g.BRAND, g.INTEREST, g.CITY, g.PROGRAM,
)  # fmt: skip


def tensors(facts: SharedFacts, as_of: datetime, progress: Progress = silent) -> HeteroData:
    """The graph as of an instant.

    Node types are the labels of `NODES`; each has `num_nodes` and `id`, the ids (or values) by
    position. Customers who don't share their activity or had not joined, and sensitive
    products, are not nodes.

    Edge types are `(label, relationship type, label)`, as in the graph, each with

    - `edge_index`: (2, edges) int64
    - `time`: (edges) int64, seconds since 1970 (UTC) rounded up, `UNDATED` where there is no date
    - `weight`: (edges) float32, finite: the `quantity` of a purchase (1 where unknown or 0), the
      strength of a tie, else 1

    sorted by source, target and time. Each purchase (returns left out), visit and view is an edge
    of its own. `FRIEND_OF` runs to a customer from the friend whose acts may reach them, so a
    friendship that is not directed has two edges. Memberships that had ended are left out.

    For messages against the direction of the graph use PyG's `ToUndirected(merge=False)`.
    """
    then = facts.snapshot.at(as_of)
    rows = {
        kind: table.semi_join(facts.codes, table.source == facts.codes.id)
        if kind.source is g.CUSTOMER
        else table
        for kind, table in _relationships(facts, then, as_of)
    }
    nodes = _nodes(facts, then, rows)
    data = HeteroData()
    for node, ids in nodes.items():
        data[node.label].id = ids
        data[node.label].num_nodes = len(ids)
    codes = {node: _table(then, ids) for node, ids in nodes.items()}
    with progress("tensors", len(rows)) as advance:
        for kind, table in rows.items():
            edges = data[kind.source.label, kind.name, kind.target.label]
            found = _coded(table, codes[kind.source], codes[kind.target])
            ends = np.stack([found[end].to_numpy() for end in ("a", "b")]).astype(np.int64)
            edges.edge_index = torch.from_numpy(ends)
            edges.time = torch.from_numpy(_seconds(found["at"]))
            edges.weight = torch.from_numpy(found["weight"].to_numpy().astype(np.float32))
            advance(1)
    return data


def _relationships(
    facts: SharedFacts, then: Snapshot, as_of: datetime
) -> Iterator[tuple[RelationshipType, ir.Table]]:
    """Each type with its rows: ids `source` and `target`, `at`, `weight`."""
    bought, held = then.table(t.PURCHASES), then.table(t.MEMBERSHIPS)
    bought = without_returns(bought)
    viewed, likes = then.table(t.EVENTS), then.table(t.LIKES)
    viewed = viewed.filter((viewed[Col.KIND] == t.VIEW) & viewed.product_id.notnull())
    held = held.filter(held.until.isnull() | (held.until > as_of))
    visited, customers = then.table(t.VISITS), then.table(t.CUSTOMERS)
    products, stores = then.table(t.PRODUCTS), then.table(t.STORES)
    products = products.filter(~products.sensitive.fill_null(False))
    quantity = (bought.quantity > 0).ifelse(bought.quantity, 1.0).fill_null(1.0)
    yield g.FRIEND_OF, _ties(facts, as_of)
    yield g.PURCHASED, _rows(bought, Col.CUSTOMER_ID, Col.PRODUCT_ID, bought["at"], quantity)
    yield g.VISITED, _rows(visited, Col.CUSTOMER_ID, Col.STORE_ID, visited["at"])
    yield g.VIEWED, _rows(viewed, Col.CUSTOMER_ID, Col.PRODUCT_ID, viewed["at"])
    yield g.LIKES, _rows(likes, Col.CUSTOMER_ID, Col.INTEREST, likes["at"])
    yield g.HOLDS, _rows(held, Col.CUSTOMER_ID, Col.PROGRAM, held.since)
    yield g.LIVES_IN, _rows(customers, Col.CUSTOMER_ID, Col.CITY)
    yield g.PRODUCT_IN_CATEGORY, _rows(products, Col.PRODUCT_ID, Col.CATEGORY)
    yield g.OF_BRAND, _rows(products, Col.PRODUCT_ID, Col.BRAND)
    yield g.STORE_IN_CATEGORY, _rows(stores, Col.STORE_ID, Col.CATEGORY)
    yield g.IN_CITY, _rows(stores, Col.STORE_ID, Col.CITY)


def _rows(
    table: ir.Table, source: str, target: str, at: ir.Value | None = None,
    weight: ir.Value | None = None,
) -> ir.Table:  # fmt: skip
    rows = table.select(
        source=table[source],
        target=table[target],
        at=ibis.null("timestamp('UTC')") if at is None else at,
        weight=ibis.literal(1.0) if weight is None else weight.cast("float64"),
    )
    return rows.filter(rows.source.notnull() & rows.target.notnull())


def _ties(facts: SharedFacts, as_of: datetime) -> ir.Table:
    ties = facts.ties
    ties = ties.filter(ties.since.isnull() | (ties.since <= as_of), ties.customer != ties.friend)
    mine, friends = (
        facts.codes.rename(target="id"),
        facts.codes.rename(source="id", friend="customer"),
    )
    ties = ties.inner_join(mine, "customer").inner_join(friends, "friend")
    return ties.select("source", "target", at=ties.since, weight=ties.strength)


def _nodes(
    facts: SharedFacts, then: Snapshot, rows: dict[RelationshipType, ir.Table]
) -> dict[NodeType, np.ndarray]:
    """The ids of each type's nodes: customers, all products and stores; values that are named."""
    customers = then.table(t.CUSTOMERS)
    joined = customers.select(id=customers.customer_id).semi_join(facts.codes, "id")
    nodes = {
        g.CUSTOMER: joined.order_by("id").execute().id.to_numpy(dtype=object),
        g.PRODUCT: facts.items.id[facts.items.kind == PRODUCT],
        g.STORE: facts.items.id[facts.items.kind == STORE],
    }
    for node in NODES[len(nodes) :]:
        ids = ibis.union(*[r.select(id=r.target) for k, r in rows.items() if k.target == node])
        nodes[node] = ids.distinct().order_by("id").execute().id.to_numpy(dtype=object)
    return nodes


def _table(then: Snapshot, ids: np.ndarray) -> ir.Table:
    """The ids with their positions, kept in the snapshot's engine."""
    rows = pa.table({"code": np.arange(len(ids)), "id": pa.array(ids, type=g.TEXT)})
    return then.connection.create_table(ibis.util.gen_name("nodes"), ibis.memtable(rows), temp=True)


def _coded(rows: ir.Table, sources: ir.Table, targets: ir.Table) -> pa.Table:
    """The rows between nodes that there are: positions `a` and `b`, `at`, `weight`."""
    rows = rows.inner_join(sources.select(a="code", source="id"), "source")
    rows = rows.inner_join(targets.select(b="code", target="id"), "target")
    ordered: pa.Table = (
        rows.select("a", "b", "at", "weight").order_by("a", "b", "at", "weight").to_pyarrow()
    )
    return ordered


def _seconds(at: pa.ChunkedArray) -> np.ndarray:
    """Whole seconds since 1970, rounded up; `UNDATED` where there is none."""
    micros = at.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    dated = pc.is_valid(micros).to_numpy()
    up = -(-micros.fill_null(0).to_numpy() // 1_000_000)
    return np.where(dated, up, UNDATED)

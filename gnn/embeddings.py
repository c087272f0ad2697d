"""Embeddings: learns them as of an instant, writes them to the graph as a run, and reads them."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from followsuit.core.errors import FollowsuitError
from followsuit.core.progress import Progress, silent
from followsuit.gnn.data.dataset import Floats
from followsuit.gnn.data.from_view import dataset
from followsuit.gnn.models.recommender import Recommender
from followsuit.graph import schema as g
from followsuit.graph.items import PRODUCT, STORE
from followsuit.graph.results.run_writer import write_run
from followsuit.graph.results.runs import EMBEDDING, Run, active, new_run_id, runs
from followsuit.graph.schema import Col, RelationshipType
from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import SharedView

CUSTOMER = "customer"

LINKS: dict[str, RelationshipType] = {
    CUSTOMER: g.CUSTOMER_EMBEDDED,
    PRODUCT: g.PRODUCT_EMBEDDED,
    STORE: g.STORE_EMBEDDED,
}
"""The relationship type from a node to its embedding, by the node's kind."""

OUT = pa.schema([(Col.NODE_KIND, g.TEXT), (Col.NODE_ID, g.TEXT), ("embedding", g.VECTOR)])
"""Columns of `gnn embed --out`."""
_ORDER = [(Col.NODE_KIND, "ascending"), (Col.NODE_ID, "ascending")]


class NoEmbeddings(FollowsuitError):
    """The model has no embeddings, or the store has no run of embeddings."""


@dataclass(frozen=True)
class Embedded:
    """The embeddings of a graph's nodes.

    Attributes:
        model: name of the model.
        settings: settings of the model.
        as_of: the instant of the data; nothing later was used.
        kind: (nodes) `customer`, `product` or `store`.
        id: (nodes) id of the customer, product or store.
        vectors: (nodes, width) float32, finite, never all zero.
        unknown: number of nodes without an embedding, since nothing is known of them.
    """

    model: str
    settings: dict[str, Any]
    as_of: datetime
    kind: np.ndarray
    id: np.ndarray
    vectors: Floats
    unknown: int

    def table(self) -> pa.Table:
        """`node_kind, node_id, embedding` (list of float32), by kind and id."""
        columns = [pa.array(self.kind), pa.array(self.id), _lists(self.vectors)]
        table = pa.Table.from_arrays(columns, schema=OUT)
        return table.sort_by(_ORDER)


def embed(
    model: Recommender,
    view: SharedView,
    *,
    folder: Path | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Embedded:
    """Learn embeddings from a view.

    Customers who don't share their activity or haven't joined yet, sensitive products, and nodes of
    which nothing is known get no embedding.

    Args:
        model: the model to fit.
        view: the view to learn from.
        folder: folder of a saved model. If it is of the same kind and graph, it is used, and
            `model` isn't fitted.
        seed: random seed.
        progress: progress callback.

    Raises:
        NoEmbeddings: the model has no embeddings or did not converge, or there is nothing to learn
            from.
    """
    data = dataset(view)
    if not data.seen.nnz:
        raise NoEmbeddings(
            f"There are no purchases or visits up to {view.as_of:%Y-%m-%d} to learn from. Choose "
            "a later --as-of, or load more."
        )
    trained = None if folder is None else type(model).kept(folder, data)
    model = trained or model.fit(data, seed=seed, progress=progress)
    learned = model.embed()
    if learned is None:
        raise NoEmbeddings(f"The model {model.name} has no embeddings: choose another by --model.")
    vectors = np.concatenate([learned.users, learned.items]).astype(np.float32)
    if not np.isfinite(vectors).all():
        raise NoEmbeddings(f"The model {model.name} did not converge: its embeddings contain NaN.")
    kept = vectors.any(axis=1)
    customers, items = view.customer_codes.ids, view.item_list
    kinds = np.concatenate([np.full(len(customers), CUSTOMER, dtype=object), items.kind])
    ids = np.concatenate([customers, items.id])
    return Embedded(
        model.name,
        model.settings(),
        view.as_of,
        kinds[kept],
        ids[kept],
        vectors[kept],
        int((~kept).sum()),
    )


def write_embeddings(
    store: GraphStore,
    embedded: Embedded,
    content: str,
    created_at: datetime,
    progress: Progress = silent,
    revision: int | None = None,
) -> str:
    """Write embeddings as `Embedding` nodes, linked from their nodes, and activate their run.

    The previous run stays active until all rows are written, and is deleted with the next run.

    Args:
        store: the store that they were learned from.
        embedded: the embeddings.
        content: digest of the data that they were learned from, see `Snapshot.content`.
        created_at: time at which the run was made.
        progress: progress callback, in rows.
        revision: the store's revision that they were learned from, see `write_run`.

    Returns:
        The id of the run.
    """
    parameters = {
        "as_of": embedded.as_of.isoformat(),
        "model": embedded.model,
        "settings": embedded.settings,
        "width": embedded.vectors.shape[1],
    }
    # Another machine may compute slightly different numbers. These are another run.
    data = np.ascontiguousarray(embedded.vectors).tobytes()
    run_id = new_run_id(EMBEDDING, embedded.as_of, parameters, content, data=data)
    customers = int((embedded.kind == CUSTOMER).sum())
    run = Run(run_id, EMBEDDING, embedded.as_of, created_at, False, customers, 0, parameters)
    table = embedded.table()
    with store.writing():
        store.write(g.EMBEDDING, _nodes(table, run_id), progress)
        for kind, link in LINKS.items():
            store.write(link, _links(table, kind, run_id), progress)
        store.index_vectors(g.EMBEDDING, Col.VECTOR)
        write_run(store, run, {}, revision=revision)
    return run_id


def _key(run_id: str, kind: str, ids: Any) -> Any:
    return pc.binary_join_element_wise(run_id, kind, ids, "/")


def _nodes(table: pa.Table, run_id: str) -> pa.Table:
    kind, node = table[Col.NODE_KIND], table[Col.NODE_ID]
    columns = [_key(run_id, kind, node), pa.repeat(run_id, len(table)), kind, node, table[2]]
    return pa.Table.from_arrays(columns, schema=g.EMBEDDING.arrow_schema())


def _links(table: pa.Table, kind: str, run_id: str) -> pa.Table:
    node = table.filter(pc.equal(table[Col.NODE_KIND], kind))[Col.NODE_ID]
    return pa.Table.from_arrays([node, _key(run_id, kind, node)], schema=LINKS[kind].arrow_schema())


def read_embeddings(store: GraphStore) -> pa.Table:
    """The embeddings of the active run: `node_kind, node_id, embedding`, by kind and id.

    Raises:
        NoEmbeddings: there is no active run of embeddings.
    """
    run = active(runs(store, EMBEDDING))
    if run is None:
        raise NoEmbeddings(
            f"{store.name} has no embeddings yet. Run `followsuit gnn embed --as-of DATE` first."
        )
    rows = store.read(g.EMBEDDING)
    rows = rows.filter(pc.equal(rows[Col.RUN_ID], run.run_id))
    rows = rows.select([Col.NODE_KIND, Col.NODE_ID, Col.VECTOR]).rename_columns(OUT.names)
    return rows.cast(OUT).sort_by(_ORDER)


def _lists(vectors: Floats) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).ravel())
    ends = np.arange(len(vectors) + 1, dtype=np.int32) * vectors.shape[1]
    return pa.ListArray.from_arrays(pa.array(ends), flat)

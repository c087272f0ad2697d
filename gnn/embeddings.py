"""Embeddings in the graph: learned as of an instant, written as a run, asked for neighbours."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from followsuit.core.errors import FollowsuitError
from followsuit.core.progress import Progress, silent
from followsuit.gnn.data.dataset import Floats
from followsuit.gnn.data.from_snapshot import dataset
from followsuit.gnn.models.recommender import Recommender
from followsuit.graph import schema as g
from followsuit.graph.facts import PRODUCT, STORE, SharedFacts
from followsuit.graph.run_writer import write_run
from followsuit.graph.runs import Run, active, runs
from followsuit.graph.schema import Col, RelationshipType
from followsuit.graph.store import GraphStore

EMBED = "embed"
KEPT = 2
"""Runs that are kept: the one in force, and the one before for whoever still reads it."""
CUSTOMER = "customer"

LINKS: dict[str, RelationshipType] = {
    CUSTOMER: g.CUSTOMER_EMBEDDED,
    PRODUCT: g.PRODUCT_EMBEDDED,
    STORE: g.STORE_EMBEDDED,
}
"""What ties an embedding to its node, by the node's kind."""

OUT = pa.schema([(Col.NODE_KIND, g.TEXT), (Col.NODE_ID, g.TEXT), ("embedding", g.VECTOR)])
"""Columns of `gnn embed --out`."""
_ORDER = [(Col.NODE_KIND, "ascending"), (Col.NODE_ID, "ascending")]


class NoEmbeddings(FollowsuitError):
    """A model that has none, or a store without a run of them."""


@dataclass(frozen=True)
class Embedded:
    """What a model has learned of the nodes of a graph.

    Attributes:
        model: its name.
        settings: what it was made with.
        as_of: nothing later was seen.
        kind: (nodes) `customer`, `product` or `store`.
        id: (nodes) of the customer, product or store.
        vectors: (nodes, width) float32, finite, none of them zero.
        unknown: how many nodes have none, since nothing is known of them.
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
    model: Recommender, facts: SharedFacts, as_of: datetime, *, folder: Path | None = None,
    seed: int = 0, progress: Progress = silent,
) -> Embedded:  # fmt: skip
    """Learn embeddings from what was known at an instant.

    Where `folder` holds a model of that kind and of this very graph (see `trained`), it is taken as
    it is; otherwise `model` is fitted. Only customers who share their activity and had joined have
    one; nodes of which nothing is known have none, and sensitive products are not in `facts`.

    Raises:
        NoEmbeddings: the model has none, or there is nothing to learn from.
    """
    data = dataset(facts, as_of)
    if not data.seen.nnz:
        raise NoEmbeddings(
            f"There are no purchases and visits up to {as_of:%Y-%m-%d} to learn from. Choose a "
            "later --as-of, or load more."
        )
    found = None if folder is None else type(model).kept(folder, data)
    model = found or model.fit(data, seed=seed, progress=progress)
    learned = model.embed()
    if learned is None:
        raise NoEmbeddings(f"The model {model.name} has no embeddings: choose another by --model.")
    may = facts.among(facts.people(as_of))
    vectors = np.concatenate([learned.users, learned.items]).astype(np.float32)
    if not np.isfinite(vectors).all():
        raise NoEmbeddings(f"The model {model.name} did not converge: its embeddings hold NaN.")
    known = vectors.any(axis=1)
    kept = known & np.concatenate([may, np.ones(len(data.items), dtype=bool)])
    kinds = np.concatenate([np.repeat(np.array([CUSTOMER], object), len(may)), facts.items.kind])
    ids = np.concatenate([facts.customers, facts.items.id])
    return Embedded(
        model.name, model.settings(), as_of, kinds[kept], ids[kept], vectors[kept],
        int((~known).sum()),
    )  # fmt: skip


def write_embeddings(
    store: GraphStore, found: Embedded, content: str, created_at: datetime,
    progress: Progress = silent, revision: int | None = None,
) -> str:  # fmt: skip
    """Put embeddings into force as `Embedding` nodes, which their customers and items point to.

    The run before stays in force until all is written; older ones are deleted then.

    Args:
        store: that they were learned from.
        found: what was learned.
        content: the digest of the data it was learned from, see `Snapshot.content`.
        created_at: the time that the run is noted with.
        progress: told of rows written.
        revision: of the store that it was learned from, see `write_run`.

    Returns:
        The id of the run.
    """
    parameters = {
        "as_of": found.as_of.isoformat(), "model": found.model, "settings": found.settings,
        "width": found.vectors.shape[1],
    }  # fmt: skip
    made_of = json.dumps([version("followsuit"), parameters, content], sort_keys=True, default=str)
    # Another machine may come to slightly other numbers: they are another run.
    digest = hashlib.sha256(made_of.encode() + np.ascontiguousarray(found.vectors).tobytes())
    run_id = f"{EMBED}-{found.as_of:%Y-%m-%d}-{digest.hexdigest()[:8]}"
    customers = int((found.kind == CUSTOMER).sum())
    run = Run(run_id, EMBED, found.as_of, created_at, False, customers, 0, parameters)
    table = found.table()
    with store.writing():
        # What a run that was killed has left behind.
        _keep_only(store, [r.run_id for r in runs(store, EMBED)] + [run_id])
        store.write(g.EMBEDDING, _nodes(table, run_id), progress)
        for kind, link in LINKS.items():
            store.write(link, _links(table, kind, run_id), progress)
        store.index_vectors(g.EMBEDDING, Col.VECTOR)
        write_run(store, run, {}, revision=revision)
        old = [r.run_id for r in runs(store, EMBED) if not r.active][KEPT - 1 :]
        store.delete(g.RUN, Col.RUN_ID, old)
        _keep_only(store, [r.run_id for r in runs(store, EMBED)])
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


def _keep_only(store: GraphStore, run_ids: list[str]) -> None:
    """Delete the embeddings of all other runs, also of those that were never ended."""
    found = store.query(f"MATCH (e:{g.EMBEDDING.label}) RETURN DISTINCT e.{Col.RUN_ID} AS run")
    gone = [run for run in found["run"].to_pylist() if run not in run_ids]
    if gone:
        store.delete(g.EMBEDDING, Col.RUN_ID, gone)


def read_embeddings(store: GraphStore) -> pa.Table:
    """Those of the run in force: `node_kind, node_id, embedding`, by kind and id.

    Raises:
        NoEmbeddings: there is no run.
    """
    run = active(runs(store, EMBED))
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

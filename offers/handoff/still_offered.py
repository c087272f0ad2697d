"""The offers of a run that are still in the graph, with what only their decisions say."""

from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.graph.results.run_offers import RECOMMENDED, rows_of_parts
from followsuit.graph.results.runs import DECISIONS, Run
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore
from followsuit.graph.views.snapshot import Snapshot
from followsuit.policy.decision import OFFERED

_KEY = ("customer_id", "offer_id", "item_kind", "item_id")
_OF_GRAPH = ("rank", "channel", "until", "store_ids", "reason")


def still_offered(store: GraphStore, snapshot: Snapshot, run: Run) -> ir.Table:
    """The offers of a run, of all its parts. Those that a load has withdrawn aren't among them.

    Args:
        store: the store of the run, open for reading.
        snapshot: a snapshot of the store, which keeps the result as a temporary table.
        run: the run.

    Returns:
        `customer_id, offer_id, item_kind, item_id, rank, channel, until, store_ids, reason` and
        `send_after`; see `decision_rows.SCHEMA`. Customer and rank name a row.

    Raises:
        DamagedRun: the decisions of a part are missing or damaged.
    """
    offered = [("decision", "=", OFFERED)]
    decided = rows_of_parts(store, run, DECISIONS, [*_KEY, "send_after"], offered)
    decisions = ibis.memtable(pa.concat_tables(decided))
    with store.state.work_folder() as folder:
        in_graph = [_in_graph(store, snapshot, run, e, folder) for e in RECOMMENDED.values()]
        rows = ibis.union(*in_graph).inner_join(decisions, list(_KEY))
        return snapshot.keep(rows.select(*_KEY, *_OF_GRAPH, "send_after"))


def _in_graph(
    store: GraphStore, snapshot: Snapshot, run: Run, element: g.RelationshipType, folder: Path
) -> ir.Table:
    """The run's relationships of a type."""
    path = folder / f"{element.target.label}.parquet"
    store.export(element, path)
    rows = snapshot.connection.read_parquet(path)
    rows = rows.filter(rows[Col.RUN_ID] == run.run_id)
    named = rows.rename(customer_id=Col.SOURCE.value, item_id=Col.TARGET.value)
    return named.select(*_KEY, *_OF_GRAPH)

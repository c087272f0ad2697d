"""The offers of a run that are still in the graph, with what only their decisions say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.graph import schema as g
from followsuit.graph.results.runs import DECISIONS, Run, parts, run_folder
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore
from followsuit.graph.views.snapshot import Snapshot
from followsuit.offers.explanation.not_offered import NoDecisions
from followsuit.offers.run.activation import RECOMMENDED
from followsuit.offers.run_parameters import CUSTOMERS
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
        NoDecisions: the decisions of a part are missing or damaged.
    """
    decisions = ibis.union(*_decisions(store, run))
    with store.state.work_folder() as folder:
        in_graph = [_in_graph(store, snapshot, run, e, folder) for e in RECOMMENDED]
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


def _decisions(store: GraphStore, run: Run) -> list[ir.Table]:
    """The offered decisions of each part about its own customers."""
    made_by = parts(run)
    listed = sorted({c for part in made_by for c in part.parameters.get(CUSTOMERS) or ()})
    tables = []
    for part in made_by:
        rows = _offered(store, part)
        own: Sequence[str] | None = part.parameters.get(CUSTOMERS)
        if own is not None:
            rows = rows.semi_join(_ids(own), "customer_id")
        elif listed:
            rows = rows.anti_join(_ids(listed), "customer_id")
        tables.append(rows)
    return tables


def _offered(store: GraphStore, part: Run) -> ir.Table:
    path = run_folder(store, part.run_id) / DECISIONS
    try:
        rows = pq.read_table(
            path,
            columns=[*_KEY, "send_after"],
            filters=[("decision", "=", OFFERED)],
            memory_map=False,
        )
    except (OSError, pa.ArrowInvalid) as error:
        raise NoDecisions(
            f"The decisions of the run {part.run_id} are missing or damaged. Score again."
        ) from error
    return ibis.memtable(rows)


def _ids(customers: Sequence[Any]) -> ir.Table:
    return ibis.memtable({"customer_id": list(customers)}, schema={"customer_id": "string"})

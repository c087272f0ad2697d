"""Writes a batch's results as a run, activates it, and deletes the runs that are too old."""

import json

import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.graph.runs import Run, active, prune_runs, runs
from followsuit.graph.snapshot import take_snapshot
from followsuit.graph.store import GraphStore
from followsuit.graph.withdrawals import withdraw_results


def write_run(
    store: GraphStore,
    run: Run,
    rows: dict[g.RelationshipType, pa.Table],
    *,
    revision: int | None = None,
    activate: bool = True,
) -> None:
    """Write a run's results, then activate it unless `activate` is False.

    Until then, readers see the run before. Writing a run again replaces it. Runs of its kind that
    are too old are deleted then.

    Args:
        store: to write to.
        run: its `active` is ignored.
        rows: of each relationship type.
        revision: of the store that the results were computed from. Where a load has changed the
            store since, what that load withdrew is taken out before the run is activated. None for
            results that name no customers.
        activate: whether to activate it.
    """
    now_active = active(runs(store, run.kind))
    node = {
        "run_id": run.run_id,
        "kind": run.kind,
        "as_of": run.as_of,
        "created_at": run.created_at,
        "active": now_active is not None and now_active.run_id == run.run_id,
        "customers": run.customers,
        "offers": run.offers,
        "parameters": json.dumps(run.parameters, sort_keys=True),
    }
    with store.writing():
        for element, table in rows.items():
            store.write(element, table)
        store.write(g.RUN, pa.Table.from_pylist([node], schema=g.RUN.arrow_schema()))
        if revision is not None and store.meta.revision != revision:
            withdraw_results(store, take_snapshot(store))
        if activate:
            store.activate(run.run_id)
        prune_runs(store, kind=run.kind)

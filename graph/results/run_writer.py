"""Writes a batch's results as a run, activates the run, and deletes old runs."""

import json
from collections.abc import Mapping

import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.graph.results.run_offers import offers_of
from followsuit.graph.results.runs import SCORE, Run, active, prune_runs, run_named, runs
from followsuit.graph.results.withdrawals import withdraw_results
from followsuit.graph.store import GraphStore
from followsuit.graph.views.snapshot import take_snapshot


def write_run(
    store: GraphStore,
    run: Run,
    rows: Mapping[g.RelationshipType, pa.Table],
    *,
    revision: int | None = None,
    activate: bool = True,
) -> None:
    """Write a run's results, then activate it unless `activate` is False.

    Readers see the previous run until this one is active. Writing a run again replaces it. At the
    end, old runs of the same kind are deleted.

    Args:
        store: the store to write to.
        run: the run; its `active` is ignored.
        rows: the results of each relationship type; none for `score`, whose files have them.
        revision: the store's revision that the results were computed from. If a load has changed
            the store since, its withdrawals apply to the results before the run is activated.
            None for results that name no customers.
        activate: whether to activate the run.

    Raises:
        DamagedRun: the files of a run of `score` to activate are missing or damaged.
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
            _activate(store, run)
        prune_runs(store, kind=run.kind)


def use_run(store: GraphStore, run_id: str, kind: str = SCORE) -> None:
    """Activate another run.

    Args:
        store: the store of the runs.
        run_id: the run to activate.
        kind: the kind of the run.

    Raises:
        UnknownRun: there is no such run.
        DamagedRun: the files of a run of `score` are missing or damaged.
    """
    run = run_named(store, run_id, kind)
    with store.writing():
        _activate(store, run)


def _activate(store: GraphStore, run: Run) -> None:
    """Activate a run; the graph has the offers of the active run only."""
    store.activate(run.run_id, offers_of(store, run) if run.kind == SCORE else {})

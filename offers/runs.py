"""Runs: the results of each batch, of which one at a time is in force."""

import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.graph.errors import FollowsuitError
from followsuit.graph.store import GraphStore

KEPT = 7
"""Runs that are kept, the latest ones."""

SCORE = "score"


class UnknownRun(FollowsuitError):
    """There is no run of that id, or none at all."""


@dataclass(frozen=True)
class Run:
    """One batch of results."""

    run_id: str
    as_of: datetime
    created_at: datetime
    active: bool
    customers: int
    offers: int
    parameters: dict[str, Any]
    """What the results were made with: window, weights, whether consent was assumed, ..."""


def runs(store: GraphStore) -> list[Run]:
    """All finished runs, the latest first.

    Raises:
        StoreIncomplete: a load is under way or was interrupted.
    """
    store.require_complete()
    rows = store.read(g.RUN).to_pylist()
    found = [
        Run(
            r["run_id"], r["as_of"], r["created_at"], bool(r["active"]), r["customers"],
            r["offers"], json.loads(r["parameters"]),
        )
        for r in rows
    ]  # fmt: skip
    return sorted(found, key=lambda run: (run.created_at, run.run_id), reverse=True)


def active_run(store: GraphStore) -> Run:
    """The run in force.

    Raises:
        UnknownRun: nothing has been scored.
    """
    for run in runs(store):
        if run.active:
            return run
    raise UnknownRun(f"{store.name} has no offers yet. Run `followsuit score --as-of DATE` first.")


def use_run(store: GraphStore, run_id: str) -> None:
    """Put another run into force.

    Raises:
        UnknownRun: there is none of that id.
    """
    known = [run.run_id for run in runs(store)]
    if run_id not in known:
        raise UnknownRun(f"There is no run {run_id}; there are {', '.join(known) or 'none'}.")
    with store.writing():
        store.activate(run_id)


def prune_runs(store: GraphStore, keep: int = KEPT) -> list[str]:
    """Delete all but the latest runs and the one in force; returns the ids of those deleted."""
    old = [run.run_id for run in runs(store)[keep:] if not run.active]
    if old:
        with store.writing():
            for element in (g.RECOMMENDED_PRODUCT, g.RECOMMENDED_STORE):
                store.delete(element, g.Col.RUN_ID, old)
            store.delete(g.RUN, g.Col.RUN_ID, old)
        for run_id in old:
            shutil.rmtree(store.state / "runs" / run_id, ignore_errors=True)
    return old


def write_run(store: GraphStore, run: Run, rows: dict[g.RelationshipType, pa.Table]) -> None:
    """Write a run's results and, as the last act, put it into force.

    Whoever reads in the meantime sees the run before. Writing a run again replaces it.
    """
    again = any(other.active and other.run_id == run.run_id for other in runs(store))
    node = {
        "run_id": run.run_id,
        "kind": SCORE,
        "as_of": run.as_of,
        "created_at": run.created_at,
        "active": again,
        "customers": run.customers,
        "offers": run.offers,
        "parameters": json.dumps(run.parameters, sort_keys=True),
    }
    with store.writing():
        for element, table in rows.items():
            store.write(element, table)
        store.write(g.RUN, pa.Table.from_pylist([node], schema=g.RUN.arrow_schema()))
        store.activate(run.run_id)

"""Runs: the results of each batch, of which one of each kind at a time is in force."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from followsuit.graph import schema as g
from followsuit.graph.store import GraphStore


@dataclass(frozen=True)
class Run:
    """One batch of results."""

    run_id: str
    kind: str
    as_of: datetime
    created_at: datetime
    active: bool
    customers: int
    offers: int
    parameters: dict[str, Any]
    """What the results were made with: window, weights, whether consent was assumed, ..."""


def runs(store: GraphStore, kind: str) -> list[Run]:
    """All finished runs of a kind, the latest first.

    Raises:
        StoreIncomplete: a load is under way or was interrupted.
    """
    store.require_complete()
    rows = [row for row in store.read(g.RUN).to_pylist() if row["kind"] == kind]
    found = [
        Run(
            r["run_id"], kind, r["as_of"], r["created_at"], bool(r["active"]), r["customers"],
            r["offers"], json.loads(r["parameters"]),
        )
        for r in rows
    ]  # fmt: skip
    return sorted(found, key=lambda run: (run.created_at, run.run_id), reverse=True)


def active(found: list[Run]) -> Run | None:
    """The one in force."""
    return next((run for run in found if run.active), None)


def write_run(
    store: GraphStore, run: Run, rows: dict[g.RelationshipType, pa.Table], *, activate: bool = True
) -> None:
    """Write a run's results and, as the last act, activate it unless told not to.

    Whoever reads in the meantime sees the run before. Writing a run again replaces it.
    """
    in_force = active(runs(store, run.kind))
    node = {
        "run_id": run.run_id,
        "kind": run.kind,
        "as_of": run.as_of,
        "created_at": run.created_at,
        "active": in_force is not None and in_force.run_id == run.run_id,
        "customers": run.customers,
        "offers": run.offers,
        "parameters": json.dumps(run.parameters, sort_keys=True),
    }
    with store.writing():
        for element, table in rows.items():
            store.write(element, table)
        store.write(g.RUN, pa.Table.from_pylist([node], schema=g.RUN.arrow_schema()))
        if activate:
            store.activate(run.run_id)

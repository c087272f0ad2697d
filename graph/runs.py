"""Runs: the results of each batch, of which one of each kind at a time is in force."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from followsuit.graph import schema as g
from followsuit.graph.store import GraphStore

OFFERS = "offers.parquet"
"""In a run's folder: the offers, with `customer_id, rank, item_kind, item_id` and more."""
SHARING = "sharing.parquet"
"""In a run's folder: `customer_id` of those who shared their activity."""
ACTORS = "actors.parquet"
"""In a run's folder: `item_kind, item_id, customer_id`, who interacted with what in the window."""
DRIVERS = "drivers.parquet"
"""In a run's folder: `customer_id, item_kind, item_id, friend_id`, the friends whose interactions
brought an item up for a customer."""
DECISIONS = "decisions.parquet"
"""In a run's folder: what was decided on each candidate, see `offers.decisions.SCHEMA`."""
FILES = (OFFERS, SHARING, ACTORS, DRIVERS, DECISIONS)
"""All Parquet files of a run's folder."""
KEPT = "kept"
"""Parameter of a run: the parameters, `run_id` among them, of the runs whose offers it keeps."""


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


def run_folder(store: GraphStore, run_id: str) -> Path:
    """Where the files of a run of `score` are."""
    return store.state / "runs" / run_id


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

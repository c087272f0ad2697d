"""Runs: the results of batches; one run of each kind is active.

This module owns the kinds of runs, their ids and folders, and pruning. `run_writer` writes and
activates runs.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from followsuit.core.errors import FollowsuitError
from followsuit.graph import schema as g
from followsuit.graph.results.models import ModelStore
from followsuit.graph.store import GraphStore

SCORE, INFLUENCE, EMBEDDING, FRIEND_ABLATION = "score", "influence", "embed", "audit"
"""The kinds of runs."""
RESULTS: dict[str, tuple[g.Element, ...]] = {
    SCORE: (g.RECOMMENDED_PRODUCT, g.RECOMMENDED_STORE),
    INFLUENCE: (g.INFLUENCES,),
    EMBEDDING: (g.EMBEDDING,),
    FRIEND_ABLATION: (),
}
"""The labels and relationship types that hold the results of each kind, by `run_id`. Those of
`score` hold only the active run's; each run's folder has its own, see `run_offers`."""
KEEP: dict[str, int] = {SCORE: 7, INFLUENCE: 1, EMBEDDING: 2}
"""How many of the latest runs of a kind to keep besides the active one; other kinds keep all."""

OFFERS = "offers.parquet"
"""In a run's folder: the offers, with `customer_id, rank, item_kind, item_id` and more."""
SHARING = "sharing.parquet"
"""In a run's folder: `customer_id` of those who shared their activity."""
ACTORS = "actors.parquet"
"""In a run's folder: `item_kind, item_id, customer_id`, the interactions within the window."""
DRIVERS = "drivers.parquet"
"""In a run's folder: `customer_id, item_kind, item_id, friend_id`, the friends whose interactions
are a reason for an item, or for any item if it is null; `friend_id` is null for other reasons."""
DECISIONS = "decisions.parquet"
"""In a run's folder: the decision on each candidate, see `offers.decision_rows.SCHEMA`."""
FILES = (OFFERS, SHARING, ACTORS, DRIVERS, DECISIONS)
"""All Parquet files of a run's folder."""
KEPT = "kept"
"""Parameter of a run: the parameters, `run_id` among them, of the runs whose offers it keeps."""


CUSTOMERS = "customers"
"""Parameter of a run of `score`: ids of the customers that it is for; None for all others."""


class UnknownRun(FollowsuitError):
    """There is no such run, or no run at all."""


class DamagedRun(FollowsuitError):
    """Files of a run are missing or damaged."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"Files of the run {run_id} are missing or damaged. Score again.")


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
    """The settings of the run: window, weights, whether consent was assumed, ..."""


def new_run_id(kind: str, as_of: datetime, *inputs: object, data: bytes = b"") -> str:
    """The id of a run: the same for the same version of followsuit and the same inputs.

    Args:
        kind: the kind of run.
        as_of: the instant of the run.
        inputs: what the results depend on: parameters, the digest of the data, and so on.
        data: further data that the results depend on.
    """
    text = json.dumps([version("followsuit"), *inputs], sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode() + data).hexdigest()
    prefix = "" if kind == SCORE else f"{kind}-"
    return f"{prefix}{as_of:%Y-%m-%d}-{digest[:8]}"


def run_folder(store: GraphStore, run_id: str) -> Path:
    """The folder of a `score` run's files."""
    return store.state.runs / run_id


def runs(store: GraphStore, kind: str) -> list[Run]:
    """All finished runs of a kind, the latest first.

    Raises:
        StoreIncomplete: a load is under way or was interrupted.
    """
    with store.reading():
        store.require_complete()
        rows = store.read(g.RUN).to_pylist()
    of_kind = [read_run(row) for row in rows if row["kind"] == kind]
    return sorted(of_kind, key=lambda run: (run.created_at, run.run_id), reverse=True)


def read_run(row: dict[str, Any]) -> Run:
    """A run from its row in the graph."""
    return Run(
        row["run_id"],
        row["kind"],
        row["as_of"],
        row["created_at"],
        bool(row["active"]),
        row["customers"],
        row["offers"],
        json.loads(row["parameters"]),
    )


def active(listed: Sequence[Run]) -> Run | None:
    """The active run among the runs of a kind."""
    return next((run for run in listed if run.active), None)


def active_run(store: GraphStore) -> Run:
    """The active run of `score`.

    Raises:
        UnknownRun: nothing has been scored.
    """
    run = active(runs(store, SCORE))
    if run is None:
        raise UnknownRun(
            f"{store.name} has no offers yet. Run `followsuit score --as-of DATE` first."
        )
    return run


def parts(run: Run) -> list[Run]:
    """The runs that a run's offers come from, itself first; each customer is in only one."""
    own = {name: value for name, value in run.parameters.items() if name != KEPT}
    earlier = [
        replace(
            run, run_id=part["run_id"], as_of=datetime.fromisoformat(part["as_of"]), parameters=part
        )
        for part in run.parameters.get(KEPT, ())
    ]
    return [replace(run, parameters=own), *earlier]


def run_folders(store: GraphStore) -> dict[str, datetime]:
    """The runs that have a folder, unfinished ones too, and their instants.

    If a run isn't in the graph, its instant is the end of the day that its id begins with.
    """
    recorded = [read_run(row) for row in store.read(g.RUN).to_pylist()]
    as_of = {part.run_id: part.as_of for run in recorded for part in parts(run)}
    home = store.state.runs
    for folder in home.iterdir() if home.exists() else ():
        with suppress(ValueError):
            day = datetime.fromisoformat(folder.name[:10]).replace(tzinfo=UTC)
            as_of.setdefault(folder.name, day + timedelta(days=1))
    return {run_id: at for run_id, at in as_of.items() if (home / run_id).is_dir()}


def run_named(store: GraphStore, run_id: str, kind: str = SCORE) -> Run:
    """The run with an id.

    Raises:
        UnknownRun: there is no such run.
    """
    known = {run.run_id: run for run in runs(store, kind)}
    if run_id not in known:
        raise UnknownRun(f"There is no run {run_id}; there are {', '.join(known) or 'none'}.")
    return known[run_id]


def prune_runs(store: GraphStore, keep: int | None = None, kind: str = SCORE) -> list[str]:
    """Delete old runs of a kind, and results and files that belong to no run.

    The latest runs and the active one stay. The folder of a deleted run stays while another run
    uses offers from it. The latest folders of unfinished or refused runs stay, so that those runs
    can continue.

    Args:
        store: the store of the runs.
        keep: how many of the latest runs to keep; None for the number in `KEEP`.
        kind: the kind of the runs.

    Returns:
        The ids of the deleted runs.
    """
    keep = KEEP.get(kind) if keep is None else keep
    store.require_complete()
    with store.writing():
        listed = runs(store, kind)
        old = [] if keep is None else [run.run_id for run in listed[keep:] if not run.active]
        remaining = [run for run in listed if run.run_id not in old]
        held = [run for run in remaining if run.active] if kind == SCORE else remaining
        _delete_results(store, kind, {run.run_id for run in held})
        store.delete(g.RUN, g.Col.RUN_ID, old)
    if kind == SCORE and keep is not None:
        _delete_folders(store, listed, remaining, keep)
    return old


def _delete_results(store: GraphStore, kind: str, held: set[str]) -> None:
    """Delete the results of all other runs of a kind from the graph, interrupted ones too."""
    for element in RESULTS[kind]:
        pattern = f"(r:{element.name})"
        if isinstance(element, g.RelationshipType):
            pattern = f"(:{element.source.label})-[r:{element.name}]->(:{element.target.label})"
        rows = store.query(f"MATCH {pattern} RETURN DISTINCT r.{g.Col.RUN_ID} AS run")
        deleted = sorted(set(rows["run"].to_pylist()) - held)
        if deleted:
            store.delete(element, g.Col.RUN_ID, deleted)


def _delete_folders(store: GraphStore, listed: list[Run], remaining: list[Run], keep: int) -> None:
    needed = {part.run_id for run in remaining for part in parts(run)}
    for run_id in {run.run_id for run in listed} - needed:
        shutil.rmtree(run_folder(store, run_id), ignore_errors=True)
    unfinished = [path for path in store.state.runs.glob("*") if path.name not in needed]
    by_age = sorted(unfinished, key=lambda path: path.stat().st_mtime_ns)
    for folder in by_age[: max(0, len(by_age) - keep)]:
        shutil.rmtree(folder, ignore_errors=True)
    ModelStore(store.state).prune()

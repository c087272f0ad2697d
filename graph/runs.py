"""Runs: the results of each batch, of which one of each kind at a time is active.

This module owns the kinds of runs, their ids and folders, which run is active, and which runs are
deleted; `run_writer` writes them.
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
from followsuit.graph.models import ModelStore
from followsuit.graph.store import GraphStore

SCORE, INFLUENCE, EMBEDDING, FRIEND_ABLATION = "score", "influence", "embed", "audit"
"""The kinds of runs."""
RESULTS: dict[str, tuple[g.Element, ...]] = {
    SCORE: (g.RECOMMENDED_PRODUCT, g.RECOMMENDED_STORE),
    INFLUENCE: (g.INFLUENCES,),
    EMBEDDING: (g.EMBEDDING,),
    FRIEND_ABLATION: (),
}
"""What holds the results of a kind in the graph, by the id of their run."""
KEEP: dict[str, int] = {SCORE: 7, INFLUENCE: 1, EMBEDDING: 2}
"""How many of the latest runs of a kind are kept, beside the active one; all of other kinds."""

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


class UnknownRun(FollowsuitError):
    """There is no run of that id, or none at all."""


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


def new_run_id(kind: str, as_of: datetime, *made_of: object, data: bytes = b"") -> str:
    """The id of a run: the same for the same version of followsuit and the same inputs.

    Args:
        kind: of the run.
        as_of: the instant of the run.
        made_of: parameters, the digest of the content, and so on.
        data: more of what it was made from.
    """
    text = json.dumps([version("followsuit"), *made_of], sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode() + data).hexdigest()
    prefix = "" if kind == SCORE else f"{kind}-"
    return f"{prefix}{as_of:%Y-%m-%d}-{digest[:8]}"


def run_folder(store: GraphStore, run_id: str) -> Path:
    """Where the files of a run of `score` are."""
    return store.state.runs / run_id


def runs(store: GraphStore, kind: str) -> list[Run]:
    """All finished runs of a kind, the latest first.

    Raises:
        StoreIncomplete: a load is under way or was interrupted.
    """
    store.require_complete()
    of_kind = [read_run(row) for row in store.read(g.RUN).to_pylist() if row["kind"] == kind]
    return sorted(of_kind, key=lambda run: (run.created_at, run.run_id), reverse=True)


def read_run(row: dict[str, Any]) -> Run:
    """A run from its row in the graph."""
    return Run(
        row["run_id"], row["kind"], row["as_of"], row["created_at"], bool(row["active"]),
        row["customers"], row["offers"], json.loads(row["parameters"]),
    )  # fmt: skip


def active(listed: Sequence[Run]) -> Run | None:
    """The active one of the runs of a kind."""
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
    """The runs that a run's offers come from, itself first; no customer is in two of them."""
    own = {name: value for name, value in run.parameters.items() if name != KEPT}
    kept = [
        replace(run, run_id=part["run_id"], as_of=datetime.fromisoformat(part["as_of"]),
                parameters=part)
        for part in run.parameters.get(KEPT, ())
    ]  # fmt: skip
    return [replace(run, parameters=own), *kept]


def run_folders(store: GraphStore) -> dict[str, datetime]:
    """The runs that have a folder, also those that were never finished, and their instants.

    The instant of one that isn't in the graph is the end of the day that its id begins with.
    """
    recorded = [read_run(row) for row in store.read(g.RUN).to_pylist()]
    as_of = {part.run_id: part.as_of for run in recorded for part in parts(run)}
    home = store.state.runs
    for folder in home.iterdir() if home.exists() else ():
        with suppress(ValueError):
            day = datetime.fromisoformat(folder.name[:10]).replace(tzinfo=UTC)
            as_of.setdefault(folder.name, day + timedelta(days=1))
    return {run_id: at for run_id, at in as_of.items() if (home / run_id).is_dir()}


def use_run(store: GraphStore, run_id: str, kind: str = SCORE) -> None:
    """Activate another run.

    Raises:
        UnknownRun: there is none of that id.
    """
    known = [run.run_id for run in runs(store, kind)]
    if run_id not in known:
        raise UnknownRun(f"There is no run {run_id}; there are {', '.join(known) or 'none'}.")
    with store.writing():
        store.activate(run_id)


def prune_runs(store: GraphStore, keep: int | None = None, kind: str = SCORE) -> list[str]:
    """Delete all but the latest runs of a kind and the active one, and what no run owns.

    The folder of a deleted run stays as long as another run keeps offers of it. Of the folders of
    runs that never ended or were refused, the latest stay, so that they can go on.

    Args:
        store: with the runs.
        keep: how many of the latest to keep; as many as `KEEP` says where it isn't given.
        kind: of the runs.

    Returns:
        The ids of the runs deleted.
    """
    keep = KEEP.get(kind) if keep is None else keep
    store.require_complete()
    with store.writing():
        listed = runs(store, kind)
        old = [] if keep is None else [run.run_id for run in listed[keep:] if not run.active]
        kept = [run for run in listed if run.run_id not in old]
        _delete_results(store, kind, {run.run_id for run in kept})
        store.delete(g.RUN, g.Col.RUN_ID, old)
    if kind == SCORE and keep is not None:
        _delete_folders(store, listed, kept, keep)
    return old


def _delete_results(store: GraphStore, kind: str, kept: set[str]) -> None:
    """Delete the results of all other runs of a kind, also of those that were interrupted."""
    for element in RESULTS[kind]:
        pattern = f"(r:{element.name})"
        if isinstance(element, g.RelationshipType):
            pattern = f"(:{element.source.label})-[r:{element.name}]->(:{element.target.label})"
        rows = store.query(f"MATCH {pattern} RETURN DISTINCT r.{g.Col.RUN_ID} AS run")
        gone = sorted(set(rows["run"].to_pylist()) - kept)
        if gone:
            store.delete(element, g.Col.RUN_ID, gone)


def _delete_folders(store: GraphStore, listed: list[Run], kept: list[Run], keep: int) -> None:
    needed = {part.run_id for run in kept for part in parts(run)}
    for run_id in {run.run_id for run in listed} - needed:
        shutil.rmtree(run_folder(store, run_id), ignore_errors=True)
    unfinished = [path for path in store.state.runs.glob("*") if path.name not in needed]
    by_age = sorted(unfinished, key=lambda path: path.stat().st_mtime_ns)
    for folder in by_age[: max(0, len(by_age) - keep)]:
        shutil.rmtree(folder, ignore_errors=True)
    ModelStore(store.state).prune()

"""The runs of `score`: which is in force, and which are deleted."""

import shutil

from followsuit.graph import schema as g
from followsuit.graph.errors import FollowsuitError
from followsuit.graph.runs import Run, active, runs
from followsuit.graph.store import GraphStore

KEPT = 7
"""Runs that are kept, the latest ones."""

SCORE = "score"


class UnknownRun(FollowsuitError):
    """There is no run of that id, or none at all."""


def active_run(store: GraphStore) -> Run:
    """The run in force.

    Raises:
        UnknownRun: nothing has been scored.
    """
    run = active(runs(store, SCORE))
    if run is None:
        raise UnknownRun(
            f"{store.name} has no offers yet. Run `followsuit score --as-of DATE` first."
        )
    return run


def use_run(store: GraphStore, run_id: str) -> None:
    """Put another run into force.

    Raises:
        UnknownRun: there is none of that id.
    """
    known = [run.run_id for run in runs(store, SCORE)]
    if run_id not in known:
        raise UnknownRun(f"There is no run {run_id}; there are {', '.join(known) or 'none'}.")
    with store.writing():
        store.activate(run_id)


def prune_runs(store: GraphStore, keep: int = KEPT) -> list[str]:
    """Delete all but the latest runs and the one in force; returns the ids of those deleted."""
    old = [run.run_id for run in runs(store, SCORE)[keep:] if not run.active]
    if old:
        with store.writing():
            for element in (g.RECOMMENDED_PRODUCT, g.RECOMMENDED_STORE):
                store.delete(element, g.Col.RUN_ID, old)
            store.delete(g.RUN, g.Col.RUN_ID, old)
        for run_id in old:
            shutil.rmtree(store.state / "runs" / run_id, ignore_errors=True)
    return old

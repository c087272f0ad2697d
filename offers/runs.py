"""The runs of `score`: which is in force, and which are deleted."""

import shutil

from followsuit.core.errors import FollowsuitError
from followsuit.graph import schema as g
from followsuit.graph.runs import Run, active, run_folder, runs
from followsuit.graph.store import GraphStore
from followsuit.offers.activation import parts

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
    """Delete all but the latest runs and the active one; returns the ids of those deleted.

    The folder of a deleted run stays as long as another run keeps offers of it. Of the folders of
    runs that never ended or were refused, the latest stay, so that they can go on.
    """
    found = runs(store, SCORE)
    old = [run.run_id for run in found[keep:] if not run.active]
    if old:
        with store.writing():
            for element in (g.RECOMMENDED_PRODUCT, g.RECOMMENDED_STORE):
                store.delete(element, g.Col.RUN_ID, old)
            store.delete(g.RUN, g.Col.RUN_ID, old)
    needed = {part.run_id for run in found if run.run_id not in old for part in parts(run)}
    for run_id in {run.run_id for run in found} - needed:
        shutil.rmtree(run_folder(store, run_id), ignore_errors=True)
    _delete_unfinished(store, needed, keep)
    return old


def _delete_unfinished(store: GraphStore, needed: set[str], keep: int) -> None:
    """Delete the folders that no run needs, but for the latest."""
    home = store.state / "runs"
    folders = [path for path in home.glob("*") if path.name not in needed]
    by_age = sorted(folders, key=lambda path: path.stat().st_mtime_ns)
    for folder in by_age[: max(0, len(folders) - keep)]:
        shutil.rmtree(folder, ignore_errors=True)

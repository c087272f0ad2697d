"""Stores results of friend ablations, which the ranking applies."""

from datetime import datetime

from followsuit.gnn.evaluation.friend_ablation import FriendAblation
from followsuit.graph.results.run_writer import write_run
from followsuit.graph.results.runs import FRIEND_ABLATION, Run, new_run_id, runs
from followsuit.graph.store import GraphStore


def write_ablation(
    store: GraphStore, ablation: FriendAblation, as_of: datetime, created_at: datetime
) -> str:
    """Write the result of a friend ablation as a run without rows.

    Args:
        store: the store whose data the ablation used.
        ablation: the result.
        as_of: the last instant that the ablation used: the end of its test part.
        created_at: time at which the run was made.

    Returns:
        The run's id, the same for the same result.
    """
    parameters = {
        "friends_help": ablation.friends_help,
        "gain": ablation.gain.as_dict(),
        "sentence": ablation.sentence,
        "seeds": ablation.seeds,
    }
    run_id = new_run_id(FRIEND_ABLATION, as_of, ablation.as_dict())
    run = Run(run_id, FRIEND_ABLATION, as_of, created_at, False, ablation.users, 0, parameters)
    write_run(store, run, {})
    return run_id


def friends_help(store: GraphStore, as_of: datetime) -> bool | None:
    """Whether friends help, by the latest ablation with no data after `as_of`; None if missing."""
    ablations = runs(store, FRIEND_ABLATION)
    run = next((run for run in ablations if run.as_of <= as_of), None)
    return None if run is None else bool(run.parameters["friends_help"])

"""The result of a friend ablation in the store, which the ranking applies."""

from datetime import datetime

from followsuit.gnn.evaluation.friend_ablation import FriendAblation
from followsuit.graph.run_writer import write_run
from followsuit.graph.runs import Run, runs
from followsuit.graph.store import GraphStore

AUDIT = "audit"


def write_ablation(
    store: GraphStore, ablation: FriendAblation, as_of: datetime, created_at: datetime
) -> str:
    """Write the result of a friend ablation as a run without rows.

    Args:
        store: whose data the ablation used.
        ablation: the result.
        as_of: the last instant that the ablation used: the end of its test part.
        created_at: the time to write with the run.

    Returns:
        The run's id.
    """
    run_id = f"{AUDIT}-{as_of:%Y-%m-%d}"
    result = {
        "friends_help": ablation.friends_help, "gain": ablation.gain.as_dict(),
        "sentence": ablation.sentence, "seeds": ablation.seeds,
    }  # fmt: skip
    write_run(store, Run(run_id, AUDIT, as_of, created_at, False, ablation.users, 0, result), {})
    return run_id


def friends_help(store: GraphStore, as_of: datetime) -> bool | None:
    """The latest result that used nothing after `as_of`; None where there is none."""
    run = next((run for run in runs(store, AUDIT) if run.as_of <= as_of), None)
    return None if run is None else bool(run.parameters["friends_help"])

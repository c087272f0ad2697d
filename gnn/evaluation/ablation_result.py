"""The social gate in the store: what the last audit has found, for the ranking to obey."""

from datetime import datetime

from followsuit.gnn.evaluation.friend_ablation import Audit
from followsuit.graph.run_writer import write_run
from followsuit.graph.runs import Run, runs
from followsuit.graph.store import GraphStore

AUDIT = "audit"


def write_finding(store: GraphStore, found: Audit, as_of: datetime, created_at: datetime) -> str:
    """Note an audit's finding as a run without rows.

    Args:
        store: that was audited.
        found: what was found.
        as_of: the last instant that the audit saw: the end of what it judged on.
        created_at: the time that the run is noted with.

    Returns:
        The run's id.
    """
    run_id = f"{AUDIT}-{as_of:%Y-%m-%d}"
    finding = {
        "friends_help": found.friends_help, "gain": found.gain.as_dict(),
        "sentence": found.sentence, "seeds": found.seeds,
    }  # fmt: skip
    write_run(store, Run(run_id, AUDIT, as_of, created_at, False, found.users, 0, finding), {})
    return run_id


def friends_help(store: GraphStore, as_of: datetime) -> bool | None:
    """What the latest audit has found that saw nothing after `as_of`; None where there is none."""
    run = next((run for run in runs(store, AUDIT) if run.as_of <= as_of), None)
    return None if run is None else bool(run.parameters["friends_help"])

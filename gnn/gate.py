"""The social gate in the store: what the last audit has found, for the ranking to obey."""

from datetime import datetime

from followsuit.gnn.audit import Audit
from followsuit.graph.runs import Run, active, runs, write_run
from followsuit.graph.store import GraphStore

AUDIT = "audit"


def write_finding(store: GraphStore, found: Audit, as_of: datetime, created_at: datetime) -> str:
    """Put an audit's finding into force as a run without rows; returns its id."""
    run_id = f"{AUDIT}-{as_of:%Y-%m-%d}"
    finding = {
        "friends_help": found.friends_help, "gain": found.gain.as_dict(),
        "sentence": found.sentence, "seeds": found.seeds,
    }  # fmt: skip
    write_run(store, Run(run_id, AUDIT, as_of, created_at, False, found.users, 0, finding), {})
    return run_id


def friends_help(store: GraphStore, as_of: datetime) -> bool | None:
    """What the audit in force has found; None where there is none, or it saw later days."""
    run = active(runs(store, AUDIT))
    if run is None or run.as_of > as_of:
        return None
    return bool(run.parameters["friends_help"])

"""Activates an earlier run, as `runs use` does, unless it may exceed the policy's limits by now."""

from followsuit.core.errors import FollowsuitError
from followsuit.core.files import read_parquet
from followsuit.graph.results.run_writer import use_run
from followsuit.graph.results.runs import OFFERS, DamagedRun, Run, run_folder, run_named
from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import view_of
from followsuit.policy.contact.sent import history, note_activated, noted
from followsuit.policy.declared.policy import Policy
from followsuit.policy.declared.run_parameters import HISTORY, INPUTS, POLICY


class OutdatedRun(FollowsuitError):
    """A run was decided before other runs were activated, so it may exceed the policy's limits."""


def activate(store: GraphStore, run_id: str) -> None:
    """Activate another run, and note that its offers may be on their way.

    Args:
        store: the store of the runs.
        run_id: the run to activate.

    Raises:
        UnknownRun: there is no such run.
        DamagedRun: files of the run are missing or damaged.
        OutdatedRun: the run has a policy, was never activated, and other runs were meanwhile.
    """
    run = run_named(store, run_id)
    with store.writing():
        offers = read_parquet(run_folder(store, run_id) / OFFERS)
        if offers is None:
            raise DamagedRun(run_id)
        inputs = run.parameters.get(INPUTS, run_id)
        if run_id not in noted(store.state)["run_id"].unique().to_pylist():
            _check_history(store, run, inputs)
        note_activated(store.state, run_id, inputs, run.as_of, offers)
        use_run(store, run_id)


def _check_history(store: GraphStore, run: Run, inputs: str) -> None:
    if run.parameters.get(POLICY) is None:
        return
    contact = Policy.model_validate(run.parameters[POLICY]).contact
    view = view_of(store, run.as_of)
    others = history(view, store.state, contact.assume_sent, inputs)
    if new := sorted(set(others) - set(run.parameters.get(HISTORY, ()))):
        raise OutdatedRun(
            f"The run {run.run_id} was decided before {', '.join(new)} became active. Both "
            "together may exceed the policy's limits. Score again."
        )

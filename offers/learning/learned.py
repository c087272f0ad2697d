"""Settings and weights of earlier runs, and whether a run may use them again."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from followsuit.core.errors import FollowsuitError
from followsuit.graph.results.runs import INFLUENCE, SCORE, Run, new_run_id, runs
from followsuit.graph.schema import Col
from followsuit.graph.store import GraphStore
from followsuit.graph.views.view import View
from followsuit.influence.probabilities.edges import learned_run, read_edges
from followsuit.influence.probabilities.learn import ALL
from followsuit.offers.features.declared import OWN
from followsuit.offers.learning.learn import Learn
from followsuit.offers.run_parameters import LEARNED
from followsuit.offers.selection import Selection
from followsuit.triggers.tie_weights import relative_weights

KEEP = timedelta(days=7)
"""Settings of taste and weights of features are used again until they are this old."""
CHOSEN = ("taste", "taste_as_of")
"""Parameters of a run: the `TasteConfig`, and the instant that it was searched as of."""
_SAME = (
    "affinity",
    "friends_help",
    "seed",
    "assume_consent",
    "window_days",
    "definitions",
    *Selection().as_dict(),
)
"""Parameters in which two runs must agree for one to use what the other learned."""
LEARNED_FROM = "learned_from"
"""Parameter of a run that learned for itself: see `learned_from`."""


class NothingLearned(FollowsuitError):
    """`--learn never` is given, but no earlier run has settings and weights to use again."""


def learned_before(
    store: GraphStore, parameters: dict[str, Any], as_of: datetime, learn: Learn
) -> dict[str, Any]:
    """The parameters that a run takes from an earlier run; empty if it fits everything itself.

    Args:
        store: the store with the runs.
        parameters: the parameters of the new run.
        as_of: the instant of the new run. Only what was learned as of an earlier instant is used
            again, so that repeating a run gives the same run.
        learn: what to fit again.

    Raises:
        NothingLearned: `learn` is `never`, and no run before `as_of` has the same options.
    """
    if learn is Learn.ALWAYS:
        return {}
    run = next((run for run in runs(store, SCORE) if _fits(run, parameters, as_of)), None)
    if run is None and learn is Learn.NEVER:
        raise NothingLearned(
            f"No run before {as_of:%Y-%m-%d} with these options has learned anything yet. "
            "Score with --learn auto first."
        )
    if run is None or (learn is Learn.AUTO and as_of - _chosen_at(run) >= KEEP):
        return {}
    return _learned_by(run)


def learned_from(view: View, parameters: dict[str, Any]) -> str:
    """A digest of everything that learning depends on. Runs with equal digests learn the same.

    Args:
        view: the view as of the run's instant.
        parameters: the parameters of the run.
    """
    same = {name: parameters[name] for name in _SAME}
    snapshot = view.snapshot
    data = (snapshot.content, snapshot.meta.delivered, snapshot.meta.blocked_customers)
    return new_run_id(LEARNED, view.as_of, same, *data)


def learned_already(store: GraphStore, digest: str, learn: Learn) -> dict[str, Any]:
    """What another run has learned from the same data by the same options; empty if none has.

    Repeating a run, for some customers or by another policy, needn't learn again.

    Args:
        store: the store with the runs.
        digest: see `learned_from`.
        learn: what to fit again.
    """
    if learn is Learn.ALWAYS:
        return {}
    same = (run for run in runs(store, SCORE) if run.parameters.get(LEARNED_FROM) == digest)
    run = next(same, None)
    return {} if run is None else _learned_by(run)


def _learned_by(run: Run) -> dict[str, Any]:
    return {name: run.parameters[name] for name in (*CHOSEN, LEARNED)}


def _fits(run: Run, parameters: dict[str, Any], as_of: datetime) -> bool:
    given = run.parameters
    if not {*CHOSEN, LEARNED} <= set(given) or any(given.get(n) != parameters[n] for n in _SAME):
        return False
    if not set(OWN) <= set(given[LEARNED]["logistic"]["weights"]):
        return False  # The model was fitted with other features.
    return _chosen_at(run) < as_of


def _chosen_at(run: Run) -> datetime:
    return datetime.fromisoformat(run.parameters["taste_as_of"])


def learned_tie_weights(store: GraphStore, view: View, window: timedelta) -> pd.DataFrame | None:
    """The tie weights of the active run of `influence learn`, if it has the same data and day.

    Args:
        store: the store with the runs.
        view: the view that scoring uses.
        window: the window that scoring uses.

    Returns:
        See `learn_tie_weights`; None if there is no such run.
    """
    run = learned_run(store, view.as_of)
    if run is None or run.parameters.get("window_seconds") != int(window.total_seconds()):
        return None
    if run.run_id != new_run_id(INFLUENCE, view.as_of, run.parameters, view.snapshot.content):
        return None
    edges = read_edges(store, run)
    edges = edges.filter(pc.equal(edges[Col.CATEGORY], ALL))
    return relative_weights(edges)

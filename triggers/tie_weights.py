"""How much a friend counts: as learned from the log where there is evidence, else as recorded.

What is learned is the probability that an interaction is followed (`influence/`), relative to its
mean over all exposures, so that a learned tie counts as much on average as a recorded one. Only
ties between customers who share are learned, and only they set the scale.
"""

from datetime import timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from followsuit.core.progress import Progress, silent
from followsuit.graph.view import SharedView, View
from followsuit.influence.log.action_log import read_log
from followsuit.influence.log.arrays import Log
from followsuit.influence.probabilities.learn import LEAST, learn_means

_GROWTH = 2.0
"""A backtest learns anew once the log has doubled."""
_TYPES = {"customer_id": "string", "friend_id": "string", "relative": "float64"}


def learn_tie_weights(log: Log, window: timedelta, progress: Progress = silent) -> pd.DataFrame:
    """Learn tie weights: `customer_id, friend_id, relative` (1 is the mean), where there is
    evidence.
    """
    exposures, mean = learn_means(log, window, progress=progress)
    known = np.flatnonzero(exposures >= LEAST)
    return _relative(
        log.customers[log.network.target[known]],
        log.customers[log.network.source[known]],
        mean[known],
        exposures[known],
    )


def relative_weights(edges: pa.Table) -> pd.DataFrame:
    """The same from edges that were learned before.

    Args:
        edges: `source, target, probability, evidence`, see `Influences.table`.
    """
    columns = edges.select(["target", "source", "probability", "evidence"]).to_pandas()
    return _relative(*(columns[name].to_numpy() for name in columns))


def _relative(
    customer: np.ndarray, friend: np.ndarray, probability: np.ndarray, evidence: np.ndarray
) -> pd.DataFrame:
    mean = float((probability * evidence).sum() / max(evidence.sum(), 1.0))
    relative = np.round(probability / max(mean, 1e-12), 9)
    rows = {"customer_id": customer, "friend_id": friend, "relative": relative}
    return pd.DataFrame(rows if mean > 0 else {name: column[:0] for name, column in rows.items()})


def tie_weights(
    view: View, learned: pd.DataFrame | None = None, *, counts: bool = True
) -> ir.Table:
    """The weight of each friendship: `customer_id, friend_id, weight, recorded`.

    Args:
        view: with the friendships.
        learned: see `learn_tie_weights`; None for the recorded weights alone.
        counts: whether a tie counts more for more `interactions`, which carry no date and so must
            be left out where the past is judged. The recorded weight is then 1 + ln(1 + count).
    """
    ties = _recorded(view, counts)
    if learned is None or not len(learned):
        return ties.mutate(weight=ties.recorded)
    known = ibis.memtable(learned, schema=_TYPES)
    shared = _recorded(view.shared, counts).recorded
    # Sums of decimals are exact, in whichever order the rows come.
    total = shared.cast("decimal(38, 9)").sum().cast("float64")
    mean = float((total / shared.count()).execute())
    rows = ties.left_join(known, ["customer_id", "friend_id"])
    weight = (rows.relative * mean).fill_null(rows.recorded)
    return view.snapshot.keep(rows.select("customer_id", "friend_id", "recorded", weight=weight))


def _recorded(view: View, counts: bool) -> ir.Table:
    rows = view.friendships
    count = (1 + rows.interactions.fill_null(0)).ln()
    recorded = (1 + count if counts else ibis.literal(1.0)).cast("float64")
    return rows.select("customer_id", "friend_id", recorded=recorded)


class GrowingTies:
    """Tie weights at one instant after the other, each learned from the log up to then at most."""

    def __init__(self, view: SharedView, window: timedelta) -> None:
        self._window = window
        self._log = read_log(view)
        self._interactions = 0
        self._learned: pd.DataFrame | None = None

    def at(self, view: SharedView) -> ir.Table:
        """See `tie_weights`; views are asked for in order of time."""
        earlier = self._log.until(int((self._log.as_of - view.as_of).total_seconds()))
        interactions = len(earlier.actions.customer)
        if self._learned is None or interactions >= self._interactions * _GROWTH:
            self._interactions = interactions
            # Of `earlier`, the customers who join later would be part.
            self._learned = learn_tie_weights(read_log(view), self._window)
        return tie_weights(view, self._learned, counts=False)

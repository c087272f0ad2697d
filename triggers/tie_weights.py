"""Tie weights: how much a friend counts.

A weight is learned from the action log if there is enough evidence; else the recorded weight
counts. A learned weight is the probability that the customer follows the friend (`influence/`),
relative to its mean over all exposures, so that learned and recorded weights have the same mean.
Only ties between customers who share activity are learned, and only they set the scale.
"""

from collections.abc import Sequence
from datetime import timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from followsuit.core.progress import Progress, silent
from followsuit.graph.views.view import SharedView, View, of_customers
from followsuit.influence.log.action_log import read_log
from followsuit.influence.log.arrays import Log
from followsuit.influence.probabilities.learn import LEAST, learn_means

_GROWTH = 2.0
"""A backtest learns the weights again when the log has grown by this factor."""
_TYPES = {"customer_id": "string", "friend_id": "string", "relative": "float64"}


def learn_tie_weights(log: Log, window: timedelta, progress: Progress = silent) -> pd.DataFrame:
    """Learn relative tie weights.

    Args:
        log: the action log.
        window: an interaction follows a friend's within this time.
        progress: progress callback.

    Returns:
        `customer_id, friend_id, relative` for ties with enough evidence; 1 is the mean.
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
    """Convert the edges that `influence learn` wrote to relative tie weights.

    Args:
        edges: `source, target, probability, evidence`, see `Influences.table`.

    Returns:
        See `learn_tie_weights`.
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
    view: View,
    learned: pd.DataFrame | None = None,
    *,
    counts: bool = True,
    only: Sequence[str] | None = None,
) -> ir.Table:
    """The weight of each friendship.

    Args:
        view: the view with the friendships.
        learned: see `learn_tie_weights`; None to use only recorded weights.
        counts: if True, the recorded weight is 1 + ln(1 + `interactions`), else 1. Backtests pass
            False, because `interactions` has no date and may reveal the future.
        only: ids of the customers whose friends' weights are wanted; None for all.

    Returns:
        `customer_id, friend_id, weight, recorded`.
    """
    ties = of_customers(_recorded(view, counts), only)
    if learned is None or not len(learned):
        return ties.mutate(weight=ties.recorded)
    known = ibis.memtable(learned, schema=_TYPES)
    shared = _recorded(view.shared, counts).recorded
    # The sum of decimals is exact, so it doesn't depend on the order of the rows.
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
    """Tie weights at successive cutoffs, learned again as the log grows.

    Args:
        view: the view as of the last instant.
        window: an interaction follows a friend's within this time.
    """

    def __init__(self, view: SharedView, window: timedelta) -> None:
        self._window = window
        self._log = read_log(view)
        self._interactions = 0
        self._learned: pd.DataFrame | None = None

    def at(self, view: SharedView) -> ir.Table:
        """The tie weights as of a view, see `tie_weights`; call it in order of time."""
        earlier = self._log.until(int((self._log.as_of - view.as_of).total_seconds()))
        interactions = len(earlier.actions.customer)
        if self._learned is None or interactions >= self._interactions * _GROWTH:
            self._interactions = interactions
            # `earlier` also has customers who join later.
            self._learned = learn_tie_weights(read_log(view), self._window)
        return tie_weights(view, self._learned, counts=False)

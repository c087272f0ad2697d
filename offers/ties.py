"""How strong a tie is: as learned from the log where there is evidence, else as recorded.

What is learned is the probability that an act is followed (`influence/`), relative to its mean over
all exposures, so that a learned tie is as strong on average as a recorded one. Only ties between
customers who share are learned, and only they set the scale.
"""

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from followsuit.core.progress import Progress, silent
from followsuit.graph.facts import Facts, SharedFacts
from followsuit.influence.log.action_log import read_log
from followsuit.influence.log.arrays import Log
from followsuit.influence.probabilities.learn import LEAST, learn
from followsuit.offers.triggers import ties_at

_GROWTH = 2.0
"""A backtest learns anew once the log has doubled."""
_TYPES = {"customer_id": "string", "friend_id": "string", "relative": "float64"}


def learn_ties(log: Log, window: timedelta, progress: Progress = silent) -> pd.DataFrame:
    """What a log says of ties: `customer_id, friend_id, relative`, where it has evidence."""
    learned = learn(log, window, progress=progress)
    told = np.flatnonzero(learned.exposures >= LEAST)
    weight = learned.exposures[told]
    mean = float((learned.edges.mean[told] * weight).sum() / max(weight.sum(), 1.0))
    if mean <= 0:
        told = told[:0]
    return pd.DataFrame(
        {
            "customer_id": log.customers[log.network.target[told]],
            "friend_id": log.customers[log.network.source[told]],
            "relative": np.round(learned.edges.mean[told] / max(mean, 1e-12), 9),
        }
    )


def learned_ties(facts: Facts, as_of: datetime, learned: pd.DataFrame) -> ir.Table:
    """The ties that exist at an instant: `customer, friend, since, strength, plain`.

    Args:
        facts: with the ties.
        as_of: the instant.
        learned: see `learn_ties`; rows of customers who aren't in `facts` are ignored.
    """
    name = ibis.util.gen_name("learned")
    known = facts.snapshot.connection.create_table(
        name, ibis.memtable(learned, schema=_TYPES), temp=True
    )
    known = known.inner_join(facts.codes.rename(customer_id="id"), "customer_id")
    friends = facts.codes.rename(friend_id="id", friend="customer")
    known = known.inner_join(friends, "friend_id").select("customer", "friend", "relative")
    ties = ties_at(facts, as_of)
    rows = ties.left_join(known, ["customer", "friend"])
    strength = rows.strength
    if len(learned):
        recorded = ties_at(facts.shared, as_of).strength
        # Sums of decimals are exact, in whichever order the rows come.
        total = recorded.cast("decimal(38, 9)").sum().cast("float64")
        plain = (total / recorded.count()).execute()
        strength = (rows.relative * float(plain)).fill_null(rows.strength)
    return rows.select("customer", "friend", "since", strength=strength, plain=rows.strength)


class GrowingTies:
    """Learned ties at one instant after the other, each from the log up to it at the latest."""

    def __init__(self, facts: SharedFacts, window: timedelta) -> None:
        self._facts = facts
        self._window = window
        self._log = read_log(facts, facts.snapshot.as_of)
        self._acts = 0
        self._learned: pd.DataFrame | None = None

    def at(self, as_of: datetime) -> ir.Table:
        """See `learned_ties`; instants are asked for in order of time."""
        earlier = self._log.until(int((self._log.as_of - as_of).total_seconds()))
        acts = len(earlier.actions.customer)
        if self._learned is None or acts >= self._acts * _GROWTH:
            self._acts = acts
            self._learned = learn_ties(earlier, self._window)
        return learned_ties(self._facts, as_of, self._learned)

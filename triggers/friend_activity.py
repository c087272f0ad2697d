"""Friends recently bought a product (`friend_bought`) or visited a store (`friend_visited`)."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from followsuit.graph.items import ITEM, PAIR, STORE
from followsuit.graph.view import View, whole_seconds
from followsuit.triggers.trigger import EVIDENCE, REASONS

FRIEND_BOUGHT = "friend_bought"
FRIEND_VISITED = "friend_visited"

HALF_LIFE = timedelta(days=3.5)
"""A friend's interaction of this age counts half."""

FEWEST = 3
"""A reason states the number of friends only if there are at least this many."""
KNOWN_PEOPLE = "popular with people you know"

_EXACT = 10**9
"""Scale that turns weights into whole numbers."""


@dataclass(frozen=True)
class FriendActivity:
    """Finds what friends who share activity recently bought or visited.

    Attributes:
        ties: `customer_id, friend_id, weight, recorded`, see `tie_weights`.
    """

    ties: ir.Table
    names: ClassVar[tuple[str, ...]] = (FRIEND_BOUGHT, FRIEND_VISITED)

    def reasons(self, view: View, window: timedelta) -> ir.Table:
        """See `Trigger.reasons`: a row for each customer and item, with all of `EVIDENCE`.

        `strength` is the sum over friends of tie weight x 2^(-age / half-life).
        """
        exposed = self.drivers(view, window)
        now = int(view.as_of.timestamp())
        age = (now - whole_seconds(exposed["at"])).cast("float64") / HALF_LIFE.total_seconds()
        # The sum of whole numbers doesn't depend on their order.
        decay = (-age * math.log(2)).exp() * _EXACT
        weight = (exposed.weight * decay).round().cast("int64")
        recorded = (exposed.recorded * decay).round().cast("int64")
        rows = exposed.group_by(*PAIR).aggregate(
            strength=weight.sum() / float(_EXACT),
            recorded_strength=recorded.sum() / float(_EXACT),
            friends=exposed.friend_id.count(),
            first_at=exposed["at"].min(),
            fired_at=exposed["at"].max(),
        )
        rows = rows.mutate(
            trigger=(rows.item_kind == STORE).ifelse(FRIEND_VISITED, FRIEND_BOUGHT),
            until=rows.fired_at + ibis.interval(seconds=int(window.total_seconds())),
            category=ibis.null(str),
            brand=ibis.null(str),
            store_ids=ibis.null("array<string>"),
        )
        return rows.select(*REASONS, *EVIDENCE)

    def words(self, reasons: pd.DataFrame, as_of: datetime) -> np.ndarray:
        """See `Trigger.words`: they state the number of friends only if there are at least 3."""
        days = (as_of - reasons.first_at).dt.total_seconds().to_numpy() / 86_400
        whole = np.maximum(np.ceil(days), 1).astype(int)
        when = np.select(
            [whole <= 7, whole <= 14],
            ["week", "two weeks"],
            np.char.add(whole.astype(str), " days"),
        ).astype(object)
        friends = reasons.friends.to_numpy()
        verbs = np.where(reasons.item_kind == STORE, "visited", "bought").astype(object)
        counted = friends.astype(int).astype(str).astype(object) + " friends " + verbs
        return np.where(friends >= FEWEST, counted + " this in the last " + when, KNOWN_PEOPLE)

    def drivers(self, view: View, window: timedelta) -> ir.Table:
        """See `Trigger.drivers`.

        Returns:
            `customer_id, friend_id, item_kind, item_id, at, weight, recorded`; `at` is the friend's
            last interaction with the item.
        """
        of_friends = recent_shared(view, window).rename(friend_id="customer_id")
        return self.ties.inner_join(of_friends, "friend_id").select(
            "customer_id", "friend_id", *ITEM, "at", "weight", "recorded"
        )


def recent_shared(view: View, window: timedelta) -> ir.Table:
    """The last interaction in the window of each customer who shares activity with each item.

    Returns:
        `customer_id, item_kind, item_id, at`.
    """
    rows = view.recent(window)
    last = rows.group_by(*PAIR).aggregate(at=rows["at"].max())
    return last.semi_join(view.people.filter(view.people.shares), "customer_id")

"""The first trigger: a friend has just bought something, or visited a store."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis.expr.types as ir

from followsuit.graph.facts import Facts, whole_seconds

FRIEND_BOUGHT = "friend_bought"
FRIEND_VISITED = "friend_visited"

HALF_LIFE = timedelta(days=3.5)
"""After this time a friend's act counts half."""

_EXACT = 10**9


@dataclass(frozen=True)
class Window:
    """What counts as just now: (as_of - length, as_of]."""

    as_of: datetime
    length: timedelta

    def of(self, rows: ir.Table) -> ir.Table:
        """The rows whose `at` lies in the window."""
        return rows.filter(rows["at"] > self.as_of - self.length, rows["at"] <= self.as_of)


def recent_acts(facts: Facts, window: Window, people: ir.Table) -> ir.Table:
    """The last act on each item in the window of those who share: `customer, item, at`."""
    acts = window.of(facts.acts)
    last = acts.group_by("customer", "item").aggregate(at=acts["at"].max())
    return last.semi_join(people.filter(people.shares), "customer")


def ties_at(facts: Facts, as_of: datetime) -> ir.Table:
    """The ties that exist at an instant, plainly: `customer, friend, since, strength, plain`.

    Those without a date always do. `plain` is the strength that nothing was learned for.
    """
    ties = facts.ties.mutate(plain=facts.ties.strength)
    return ties.filter(ties.since.isnull() | (ties.since <= as_of))


def friend_acted(
    ties: ir.Table, recent: ir.Table, people: ir.Table, taken: ir.Table, window: Window
) -> ir.Table:
    """What friends of each customer have just done and the customer has not.

    Args:
        ties: `customer, friend, strength, plain`.
        recent: `customer, item, at`, see `recent_acts`.
        people: `customer, barrier`; those without a barrier are eligible.
        taken: `customer, item` acted on before.
        window: decides how long ago an act is.

    Returns:
        `customer, item`; `exposure` = sum over the friends who share of tie strength x
        2^(-age / half-life); `plain_exposure`, the same of plain strengths; `friends`, how many
        they are; `oldest` and `latest`, when the first and the last of them acted.
    """
    theirs = recent.select("item", "at", friend="customer")
    eligible = people.filter(people.barrier.isnull())
    seen = ties.inner_join(theirs, "friend").semi_join(eligible, "customer")
    seen = seen.anti_join(taken, ["customer", "item"])
    now = int(window.as_of.timestamp())
    age = (now - whole_seconds(seen["at"])).cast("float64") / HALF_LIFE.total_seconds()
    # Whole numbers add up to the same in any order.
    decay = (-age * math.log(2)).exp() * _EXACT
    weight = (seen.strength * decay).round().cast("int64")
    plain = (seen.plain * decay).round().cast("int64")
    return seen.group_by("customer", "item").aggregate(
        exposure=weight.sum() / float(_EXACT),
        plain_exposure=plain.sum() / float(_EXACT),
        friends=seen.friend.count(),
        oldest=seen["at"].min(),
        latest=seen["at"].max(),
    )

"""Compiles each condition on interactions to the customers for whom it holds, as of a view."""

import math
from datetime import timedelta

import ibis
import ibis.expr.types as ir

from followsuit.graph import tables as t
from followsuit.graph.schema import Col
from followsuit.graph.views.as_of import whole_seconds
from followsuit.graph.views.view import View
from followsuit.triggers.compiler.interactions import (
    ABOUT,
    Interactions,
    minor_units,
    shop_currency,
)
from followsuit.triggers.compiler.nearby import near
from followsuit.triggers.definitions.definition import Did, FriendDid, NthLast
from followsuit.triggers.definitions.kinds import Same, fields_of, table_of

HALF_LIFE = timedelta(days=3.5)
"""A friend's interaction of this age counts half."""

_EXACT = 10**9
"""Scale that turns weights into whole numbers."""


def key_of(about: Same | None) -> list[str]:
    """The columns that a condition is counted by: with or without what the reason is about."""
    return ["customer_id"] if about is None else ["customer_id", ABOUT]


def matching(view: View, condition: Did, about: Same | None, *, city: bool = False) -> ir.Table:
    """The interactions that a condition counts.

    Args:
        view: the view as of the day.
        condition: the condition.
        about: what the reason is about; None if the condition isn't about it.
        city: whether to add the city of each interaction.

    Returns:
        `customer_id, at` and `about` if it is given; `city`; `event_id, latitude, longitude` for
        `near_store_km`; `value, returned` for a sum.
    """
    interactions = Interactions(view, condition.did, returns=condition.sum is not None)
    _cut(interactions, condition.within, condition.since)
    interactions.filter(condition.where)
    wanted = ["customer_id", "at"]
    if condition.sum is not None:
        _add_number(interactions, condition.sum)
        wanted += ["value", "returned"]
    if _is_in_currencies(condition):
        interactions.rows = interactions.rows.filter(~_foreign(view, interactions.rows))
    if condition.away:
        interactions.rows = _away(view, interactions)
    if condition.near_store_km is not None:
        near_ones = near(interactions.rows, view.stores, float(condition.near_store_km))
        interactions.rows = interactions.rows.semi_join(near_ones, Col.EVENT_ID)
        wanted += [Col.EVENT_ID, Col.LATITUDE, Col.LONGITUDE]
    if about is not None:
        interactions.add(**{ABOUT: interactions.about(about)})
        interactions.rows = interactions.rows.filter(interactions.rows[ABOUT].notnull())
        wanted.append(ABOUT)
    if city:
        interactions.add(city=interactions.city())
        wanted.append("city")
    return interactions.rows.select(wanted)


def held(view: View, condition: Did, about: Same | None) -> ir.Table:
    """Where a condition holds that needs an interaction.

    Returns:
        The columns of `key_of(about)`; `last_at`, the time of the latest interaction; `strength`,
        the number of interactions.
    """
    counts = _counted(matching(view, condition, about), condition, key_of(about))
    return counts.filter(_in_bounds(counts, condition), counts.last_at.notnull()).drop("n")


def violated(view: View, condition: Did, about: Same | None) -> ir.Table:
    """Where a condition that needs no interaction doesn't hold, in the columns of `key_of`."""
    counts = _counted(matching(view, condition, about), condition, key_of(about))
    broken = counts if condition.none else counts.filter(~_in_bounds(counts, condition))
    return broken.select(key_of(about))


def known_throughout(view: View, condition: Did) -> ir.Table:
    """`customer_id` of the customers who were known for the whole window of a condition."""
    if condition.within is not None:
        return view.known_for(condition.within)
    rows = view.known_since
    if condition.since is not None:
        rows = rows.inner_join(starts(view, condition.since), "customer_id")
        rows = rows.filter(rows.known_since <= rows.start_at)
    return rows.select("customer_id")


def quiet_since(view: View, condition: Did) -> ir.Table:
    """Since when a condition holds that needs no interaction.

    Returns:
        `customer_id, quiet_since` of all customers who are known since some day: the time of the
        latest interaction that the condition counts. Without any, it is when the one before left
        the window, or when the customer had been known for the whole window.
    """
    ever = matching(view, condition.model_copy(update={"within": None}), None)
    if condition.sum is not None:
        ever = ever.filter(~ever.returned)
    last = ever.group_by("customer_id").aggregate(at=ever["at"].max())
    rows = _left(view.known_since, last)
    if condition.since is not None:
        rows = _left(rows, starts(view, condition.since))
        return rows.select("customer_id", quiet_since=ibis.coalesce(rows["at"], rows.start_at))
    if condition.within is None:
        return rows.select("customer_id", quiet_since=rows["at"].fill_null(rows.known_since))
    counted = view.within(last, condition.within).select("customer_id", counted_at="at")
    rows = _left(rows, counted)
    left = ibis.greatest(rows["at"], rows.known_since) + interval(condition.within)
    return rows.select("customer_id", quiet_since=rows.counted_at.fill_null(left))


def friends_did(view: View, ties: ir.Table, condition: FriendDid, about: Same | None) -> ir.Table:
    """Where enough friends who share activity did something.

    Args:
        view: the view as of the day.
        ties: see `tie_weights`.
        condition: the condition.
        about: what the reason is about; None if the condition isn't about it.

    Returns:
        The columns of `key_of(about)` and of `EVIDENCE`; `last_at`, the time of the latest
        interaction; `strength`, the sum over friends of tie weight x 2^(-age / half-life).
    """
    exposed = exposures(view, ties, condition, about)
    # The sum of whole numbers doesn't depend on their order.
    weight = (exposed.weight * exposed.decay).round().cast("int64")
    recorded = (exposed.recorded * exposed.decay).round().cast("int64")
    rows = exposed.group_by(key_of(about)).aggregate(
        strength=weight.sum() / float(_EXACT),
        recorded_strength=recorded.sum() / float(_EXACT),
        friends=exposed.friend_id.count(),
        first_at=exposed["at"].min(),
        last_at=exposed["at"].max(),
    )
    return rows.filter(rows.friends >= condition.at_least)


def exposures(view: View, ties: ir.Table, condition: FriendDid, about: Same | None) -> ir.Table:
    """Which friends' interactions a condition counts.

    Returns:
        `customer_id, friend_id, at, decay, weight, recorded`, and `about` if it is given; `at` is
        the friend's last such interaction, and `decay` says how much it still counts, times 1e9.
    """
    interactions = Interactions(view, condition.friend_did)
    _cut(interactions, condition.within, None)
    interactions.filter(condition.where)
    if about is not None:
        interactions.add(**{ABOUT: interactions.about(about)})
        interactions.rows = interactions.rows.filter(interactions.rows[ABOUT].notnull())
    rows = interactions.rows
    last = rows.group_by(key_of(about)).aggregate(at=rows["at"].max())
    last = last.semi_join(view.people.filter(view.people.shares), "customer_id")
    last = last.mutate(decay=_decay(view, last["at"]))
    if condition.interactions is not None:
        friendships = view.friendships
        close = friendships.filter(friendships.interactions >= condition.interactions)
        ties = ties.semi_join(close, ["customer_id", "friend_id"])
    columns = [*key_of(about), "friend_id", "at", "decay", "weight", "recorded"]
    return ties.inner_join(last.rename(friend_id="customer_id"), "friend_id").select(columns)


def _decay(view: View, at: ir.TimestampValue) -> ir.FloatingValue:
    """How much interactions still count, times 1e9: half with each half-life."""
    now = int(view.as_of.timestamp())
    age = (now - whole_seconds(at)).cast("float64") / HALF_LIFE.total_seconds()
    return (-age * math.log(2)).exp() * _EXACT


def in_other_currencies(view: View, condition: Did) -> int:
    """The number of interactions that a sum leaves out because of their currency."""
    if not _is_in_currencies(condition):
        return 0
    interactions = Interactions(view, condition.did, returns=True)
    _cut(interactions, condition.within, condition.since)
    interactions.filter(condition.where)
    return int(interactions.rows.filter(_foreign(view, interactions.rows)).count().execute())


def _cut(interactions: Interactions, within: timedelta | None, since: NthLast | None) -> None:
    """Keep the interactions of the window."""
    view = interactions.view
    if within is not None:
        interactions.rows = view.within(interactions.rows, within)
    if since is not None:
        joined = interactions.rows.inner_join(starts(view, since), "customer_id")
        interactions.rows = joined.filter(joined["at"] >= joined.start_at).drop("start_at")


def starts(view: View, since: NthLast) -> ir.Table:
    """`customer_id, start_at`: the time of each customer's n-th last interaction of a kind."""
    rows = Interactions(view, since.of).rows.select("customer_id", "at")
    order = ibis.window(group_by="customer_id", order_by=ibis.desc("at"))
    numbered = rows.mutate(number=ibis.row_number().over(order))
    nth_last = numbered.filter(numbered.number == since.nth_last - 1)
    return nth_last.select("customer_id", start_at="at")


def interval(length: timedelta) -> ir.IntervalScalar:
    """A length of time for sums with times."""
    return ibis.interval(seconds=int(length.total_seconds()))


def _left(rows: ir.Table, more: ir.Table) -> ir.Table:
    """Add the columns of another table of customers, null where it has no row."""
    return rows.left_join(more, "customer_id").drop("customer_id_right")


def _add_number(interactions: Interactions, column: str) -> None:
    """Add `value` and `returned` of what a sum counts; a return takes its value off."""
    number = interactions.number(column)
    returned = interactions.returned
    interactions.add(value=returned.ifelse(-number.abs(), number), returned=returned)


def _is_in_currencies(condition: Did) -> bool:
    """Whether a condition sums amounts that may be in several currencies."""
    return condition.sum == Col.AMOUNT and table_of(condition.did) is t.PURCHASES


def _away(view: View, interactions: Interactions) -> ir.Table:
    """The interactions in another city than the customer's, where both are known."""
    interactions.add(where_city=interactions.city())
    homes = view.customers.select("customer_id", home_city="city")
    rows = interactions.rows.inner_join(homes, "customer_id")
    away = (rows.where_city != rows.home_city).fill_null(False)
    return rows.filter(away).drop("where_city", "home_city")


def _foreign(view: View, rows: ir.Table) -> ir.BooleanValue:
    """Whether rows have another currency than most of the shop's purchases."""
    return (rows.currency != shop_currency(view)).fill_null(False)


def _counted(rows: ir.Table, condition: Did, key: list[str]) -> ir.Table:
    """The columns of `key`, `last_at`, `strength` and `n`, the count or the sum.

    `last_at` is null where only returns add to a sum.
    """
    if condition.sum is None:
        n = rows.count()
        last_at, strength = rows["at"].max(), n.cast("float64")
        return rows.group_by(key).aggregate(n=n, last_at=last_at, strength=strength)
    return rows.group_by(key).aggregate(
        n=rows["value"].sum().fill_null(0),
        last_at=rows["at"].max(where=~rows.returned),
        strength=(~rows.returned).sum().cast("float64"),
    )


def _in_bounds(counts: ir.Table, condition: Did) -> ir.BooleanValue:
    kind = None if condition.sum is None else fields_of(condition.did).get(condition.sum)
    low, high = (minor_units(bound, kind) for bound in (condition.fewest, condition.at_most))
    bounds = [] if low is None else [counts.n >= low]
    bounds += [] if high is None else [counts.n <= high]
    return ibis.and_(*bounds)

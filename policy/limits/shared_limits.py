"""Counts what each message uses of the limits that messages share."""

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from followsuit.graph.consent import CHANNELS
from followsuit.policy.allocation.problem import Ints
from followsuit.policy.contact.customers import Customers
from followsuit.policy.declared.policy import Policy
from followsuit.policy.limits import limit_kinds as kinds
from followsuit.policy.limits.friends import FriendLimits
from followsuit.policy.limits.uses import Limit, Uses
from followsuit.policy.messages import MINOR_UNITS, Messages, Ranked


def shared_limits(
    messages: Messages,
    ranked: Ranked,
    customers: Customers,
    stores: pd.DataFrame,
    friend_limits: FriendLimits | None,
    policy: Policy,
    *,
    spent: bool,
) -> Uses:
    """The limits of a policy, less what has been used already, and what each message uses.

    Args:
        messages: the messages.
        ranked: the candidates.
        customers: their customers.
        stores: `row, name`: the limited stores that each candidate points to.
        friend_limits: how many offers each friend may drive; None without a limit on them.
        policy: the policy.
        spent: whether what other runs of the day have offered counts as used.
    """
    uses, limits, today = Uses(len(messages)), policy.limits, customers.sent.of_the_day
    today = today if spent else today.slice(0, 0)
    every = np.arange(len(messages))
    if limits.budget is not None:
        used = pc.sum(today["cost"]).as_py() or 0.0
        left = max(limits.budget * MINOR_UNITS - used, 0.0)
        uses.add(Limit(kinds.BUDGET, None, left), every, messages.cost)
    names = np.array([*CHANNELS, ""], dtype=object)[messages.channel]
    left_of = _left(limits.channels, today["channel"].to_pandas())
    uses.add_each(kinds.CHANNELS, left_of, every, names)
    used_of_offers = customers.sent.of_offers(limits.offers, today=spent)
    left_of = {
        name: max(most - used_of_offers.get(name, 0), 0) for name, most in limits.offers.items()
    }
    uses.add_each(kinds.OFFERS, left_of, every, ranked.offer_id[messages.row])
    left_of = _left(limits.stores, today["store_ids"].to_pandas().explode())
    row, use = _spread(messages.row, stores.row.to_numpy(dtype=np.int64))
    uses.add_each(kinds.STORES, left_of, row, stores.name.to_numpy(dtype=object)[use])
    if friend_limits is not None:
        _add_friends(uses, messages.row, friend_limits)
    return uses


def _add_friends(uses: Uses, rows: Ints, friend_limits: FriendLimits) -> None:
    message, use = _spread(rows, friend_limits.row)
    friend = friend_limits.friend[use]
    asked = np.bincount(friend, minlength=len(friend_limits.names))
    scarce = {
        str(friend_limits.names[number]): float(friend_limits.left[number])
        for number in np.flatnonzero(asked > friend_limits.left)
    }
    uses.add_each(kinds.PER_FRIEND, scarce, message, friend_limits.names[friend])


def _spread(rows: Ints, of: Ints) -> tuple[Ints, Ints]:
    """Pairs of positions with the same number: in `rows`, which is sorted, and in `of`."""
    first, end = np.searchsorted(rows, of), np.searchsorted(rows, of, side="right")
    counts = end - first
    use = np.repeat(np.arange(len(of)), counts)
    step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(first, counts) + step, use


def _left(most: dict[str, int], used: pd.Series) -> dict[str, float]:
    counts = used.value_counts()
    return {name: float(max(n - int(counts.get(name, 0)), 0)) for name, n in most.items()}

"""Counts how often a run's offers break the policy, from the offers alone."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from followsuit.graph.consent import CHANNELS
from followsuit.policy.contact.customers import ANY, Customers, MessagesLeft
from followsuit.policy.declared.policy import Policy
from followsuit.policy.messages import MINOR_UNITS

_KEY = ["customer_id", "offer_id", "item_kind", "item_id", "channel"]


@dataclass(frozen=True)
class OfferedRows:
    """The offers of a run.

    Attributes:
        rows: `customer_id, offer_id, item_kind, item_id, channel, store_ids, cost,
            expected_value`; `cost` and `expected_value` in minor units.
        friends: `friend_id`, a row for each offer that a friend's purchases drive.
    """

    rows: pd.DataFrame
    friends: pd.Series


def count_violations(offered: OfferedRows, customers: Customers, policy: Policy) -> int:
    """How often offers break the policy; 0 unless there is a bug.

    Args:
        offered: the offers.
        customers: their customers.
        policy: the policy.
    """
    rows = offered.rows.assign(row=customers.codes.of(offered.rows.customer_id.to_numpy(object)))
    today = customers.sent.of_the_day.to_pandas()
    repeated = pd.MultiIndex.from_frame(rows[_KEY].fillna("")).isin(
        pd.MultiIndex.from_frame(today[_KEY].fillna(""))
    )
    # Neither the whole run nor what is new, after all that the day's runs have offered.
    return (
        _about_customers(rows, customers, policy)
        + _about_messages_left(rows, customers.before, policy)
        + _about_messages_left(rows[~repeated], customers.after, policy)
        + _about_limits(rows, today[:0], customers, policy)
        + _about_limits(rows[~repeated], today, customers, policy)
        + _about_friends(offered.friends, policy)
    )


def _about_customers(rows: pd.DataFrame, customers: Customers, policy: Policy) -> int:
    channel = pd.Index(CHANNELS).get_indexer(pd.Index(rows.channel))
    channel[channel < 0] = ANY
    row = rows.row.to_numpy()
    wrong = int((~customers.may[row, channel]).sum()) + int(customers.held_out[row].sum())
    least = policy.never.min_expected_value * MINOR_UNITS
    unknown = rows.expected_value.isna() & (least == 0)
    return wrong + int((~((rows.expected_value >= least) | unknown)).sum())


def _about_messages_left(rows: pd.DataFrame, allowed: MessagesLeft, policy: Policy) -> int:
    counts = np.bincount(rows.row, minlength=len(allowed.in_all))
    wrong = int(np.maximum(counts - allowed.in_all, 0).sum())
    for name in policy.contact.per_channel:
        own = np.bincount(rows.row[rows.channel == name], minlength=len(allowed.in_all))
        wrong += int(np.maximum(own - allowed.by_channel[:, CHANNELS.index(name)], 0).sum())
    told = pd.MultiIndex.from_frame(allowed.told)
    return wrong + int(pd.MultiIndex.from_frame(rows[["row", "offer_id"]]).isin(told).sum())


def _about_limits(
    rows: pd.DataFrame, today: pd.DataFrame, customers: Customers, policy: Policy
) -> int:
    """How often rows exceed limits, after what the day's runs have offered."""
    limits, wrong = policy.limits, 0
    if limits.budget is not None:
        left = max(limits.budget * MINOR_UNITS - float(today.cost.sum()), 0.0)
        wrong += int(float(rows.cost.sum()) > left * (1 + 1e-6) + 1e-6)
    offers = customers.sent.of_offers(limits.offers, today=len(today) > 0)
    used_stores = today.store_ids.explode().value_counts()
    for most, used, now in (
        (limits.channels, today.channel.value_counts(), rows.channel.value_counts()),
        (limits.offers, offers, rows.offer_id.value_counts()),
        (limits.stores, used_stores, rows.store_ids.explode().value_counts()),
    ):
        for name, n in most.items():
            left = max(n - int(used.get(name, 0)), 0)
            wrong += max(int(now.get(name, 0)) - left, 0)
    return wrong


def _about_friends(friends: pd.Series, policy: Policy) -> int:
    limit = policy.contact.per_friend
    if limit is None:
        return 0
    return int((friends.value_counts() - limit.at_most).clip(lower=0).sum())

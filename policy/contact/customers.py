"""What a policy needs to know of the customers of a run, as arrays."""

from dataclasses import dataclass
from datetime import timedelta

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from followsuit.core.codes import Codes
from followsuit.core.hashes import share_of
from followsuit.graph.consent import CHANNELS
from followsuit.graph.views.view import View
from followsuit.policy.contact.answers import answers
from followsuit.policy.contact.send_times import send_times
from followsuit.policy.contact.sent import Sent
from followsuit.policy.declared.policy import Policy, Window

ANY = len(CHANNELS)
"""The number, after those of `CHANNELS`, that stands for contact in general."""
UNLIMITED = 2**31


@dataclass(frozen=True)
class MessagesLeft:
    """How many more messages customers may get.

    Attributes:
        in_all: (customers,) how many each may get.
        by_channel: (customers, channels + 1) the same for each channel.
        told: `row, offer_id` of the offers of which no more messages may be sent to a customer.
    """

    in_all: np.ndarray
    by_channel: np.ndarray
    told: pd.DataFrame


@dataclass(frozen=True)
class Customers:
    """The customers of a run, as a policy sees them.

    Attributes:
        codes: their ids.
        may: (customers, channels + 1) bool: through which channels each may be contacted.
        before: how many messages each may get, before those of other runs of the day.
        after: how many more each may get after them.
        rate: (customers, channels + 1) the share of contacts that each answers, see `Answers`.
        held_out: (customers,) bool: whether each is in the holdout.
        shares: (customers,) bool: whether each shares activity.
        send_after: (customers,) the earliest time to send; None if it may be sent at once.
        sent: the messages that count as sent.
    """

    codes: Codes
    may: np.ndarray
    before: MessagesLeft
    after: MessagesLeft
    rate: np.ndarray
    held_out: np.ndarray
    shares: np.ndarray
    send_after: np.ndarray
    sent: Sent


def customers_of(view: View, messages: Sent, policy: Policy, codes: Codes) -> Customers:
    """What a policy needs to know of customers.

    Args:
        view: the view as of the run's instant.
        messages: the messages that count as sent.
        policy: the policy.
        codes: the customers.
    """
    contact = policy.contact
    answered = answers(view, codes)
    people = view.people.select("customer_id", "shares").to_pyarrow()
    held_out = np.zeros(len(codes), dtype=bool)
    if policy.holdout is not None:
        drawn = share_of(codes.ids, policy.holdout.salt)
        held_out = drawn < policy.holdout.share
    return Customers(
        codes=codes,
        may=_channels(view, codes),
        before=_messages_left(view, messages.before_the_day, policy, codes),
        after=_messages_left(view, messages.messages, policy, codes),
        rate=np.column_stack([answered.rate, answered.rate.mean(axis=1)]),
        held_out=held_out,
        shares=codes.lay_out(people["customer_id"], people["shares"], False).astype(bool),
        send_after=send_times(view.as_of, answered, contact.quiet),
        sent=messages,
    )


def contacted_enough(view: View, messages: ir.Table, window: Window) -> ir.Table:
    """`customer_id` of those who may get no more messages.

    Args:
        view: the view as of the run's instant.
        messages: see `Sent.messages`.
        window: how many messages a customer may get.
    """
    counts = _counts(view, messages, window.within, ["customer_id"])
    if not window.at_most:
        return view.customers.select("customer_id")
    return counts.filter(counts.n >= window.at_most).select("customer_id")


def _channels(view: View, codes: Codes) -> np.ndarray:
    rows = view.opt_ins.to_pyarrow()
    row = codes.of(rows["customer_id"])
    channel = pd.Index(CHANNELS).get_indexer(pd.Index(rows["purpose"].to_pandas()))
    opted_in = (row >= 0) & (channel >= 0) & rows["granted"].to_numpy(zero_copy_only=False)
    may = np.zeros((len(codes), len(CHANNELS)), dtype=bool)
    may[row[opted_in], channel[opted_in]] = True
    return np.column_stack([may, ~may.any(axis=1)])


def _messages_left(view: View, messages: ir.Table, policy: Policy, codes: Codes) -> MessagesLeft:
    return MessagesLeft(
        _room(view, messages, policy, codes),
        _room_of_channels(view, messages, policy, codes),
        _told(view, messages, policy, codes),
    )


def _room(view: View, messages: ir.Table, policy: Policy, codes: Codes) -> np.ndarray:
    room = np.full(len(codes), UNLIMITED, dtype=np.int64)
    if (window := policy.contact.per_customer) is not None:
        counts = _counts(view, messages, window.within, ["customer_id"]).to_pyarrow()
        used = codes.lay_out(counts["customer_id"], counts["n"], 0).astype(np.int64)
        room = np.maximum(window.at_most - used, 0)
    return room


def _room_of_channels(view: View, messages: ir.Table, policy: Policy, codes: Codes) -> np.ndarray:
    room = np.full((len(codes), len(CHANNELS) + 1), UNLIMITED, dtype=np.int64)
    for channel, window in policy.contact.per_channel.items():
        rows = messages.filter(messages.channel == channel)
        counts = _counts(view, rows, window.within, ["customer_id"]).to_pyarrow()
        used = codes.lay_out(counts["customer_id"], counts["n"], 0).astype(np.int64)
        room[:, CHANNELS.index(channel)] = np.maximum(window.at_most - used, 0)
    return room


def _told(view: View, messages: ir.Table, policy: Policy, codes: Codes) -> pd.DataFrame:
    window = policy.contact.per_offer
    if window is None:
        return pd.DataFrame({"row": np.empty(0, dtype=np.int64), "offer_id": np.empty(0, object)})
    keys = ["customer_id", "offer_id"]
    counts = _counts(view, messages, window.within, keys)
    rows = counts.filter(counts.n >= window.at_most).select(keys).order_by(keys).to_pandas()
    rows["row"] = codes.of(rows.customer_id.to_numpy(dtype=object))
    told: pd.DataFrame = rows.loc[rows.row >= 0, ["row", "offer_id"]]
    return told


def _counts(view: View, messages: ir.Table, within: timedelta, keys: list[str]) -> ir.Table:
    rows = view.within(messages, within)
    return rows.group_by(keys).aggregate(n=rows.count())

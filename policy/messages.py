"""The messages that could be sent: each candidate through each channel that its customer allows."""

from dataclasses import dataclass

import numpy as np

from followsuit.graph.consent import CHANNELS
from followsuit.policy.allocation.problem import Doubles, Ints
from followsuit.policy.contact.customers import Customers
from followsuit.policy.declared.policy import Policy

MINOR_UNITS = 100
"""Minor units of money in a major unit."""
LITTLE = 1e-6
"""What an acceptance of unknown value counts for, so that offers of known value come first."""


@dataclass(frozen=True)
class Ranked:
    """The ranked candidates of customers: arrays of the same length, by customer, then by rank.

    Attributes:
        customer: code of the customer, ascending.
        offer_id: the offer.
        item: its item, as `kind:id`.
        probability: the calibrated probability.
        acceptance: the probability after a contact; NaN if unknown.
        value: value of an acceptance in minor units; NaN if unknown.
        cost: what an acceptance costs, in minor units.
        rank: rank within the customer, from 1, by what an acceptance is worth.
        tie: a number that breaks ties.
        with_trigger: bool: whether it has a trigger.
        reveals: bool: whether offers of its item would reveal a sensitive purchase.
    """

    customer: Ints
    offer_id: np.ndarray
    item: np.ndarray
    probability: Doubles
    acceptance: Doubles
    value: Doubles
    cost: Doubles
    rank: Ints
    tie: Ints
    with_trigger: np.ndarray
    reveals: np.ndarray

    def __len__(self) -> int:
        return len(self.customer)


@dataclass(frozen=True)
class Messages:
    """Messages: arrays of the same length, by candidate, then by channel.

    Attributes:
        row: position of the candidate.
        channel: number of the channel in `CHANNELS`, or `ANY`.
        acceptance: the probability after this message; the candidate's probability if none is known
            after a contact.
        worth: the expected value in minor units; NaN if the value isn't known.
        cost: what the message counts for in a budget, in minor units.
    """

    row: Ints
    channel: Ints
    acceptance: Doubles
    worth: Doubles
    cost: Doubles

    def __len__(self) -> int:
        return len(self.row)

    def only(self, kept: np.ndarray) -> "Messages":
        """Some of the messages, by position or as a mask."""
        return Messages(
            self.row[kept],
            self.channel[kept],
            self.acceptance[kept],
            self.worth[kept],
            self.cost[kept],
        )

    @property
    def weight(self) -> Doubles:
        """(messages,) what each is worth in an allocation, above 0 if it may be sent."""
        little = LITTLE * self.acceptance
        # Without a known value, a message that costs money must be likely to be accepted.
        unknown = little - LITTLE**2 * self.cost
        weight: Doubles = np.where(np.isnan(self.worth), unknown, np.maximum(self.worth, little))
        return weight


def messages_of(ranked: Ranked, customers: Customers, policy: Policy) -> Messages:
    """All messages about candidates, through all channels that their customers allow.

    The acceptance through a channel is the acceptance times the customer's rate of answers there,
    relative to the mean of their channels.
    """
    may = customers.may[ranked.customer]
    row, channel = np.nonzero(may)
    rate = np.where(may, customers.rate[ranked.customer], 0.0)
    mean = rate.sum(axis=1) / np.maximum(may.sum(axis=1), 1)
    relative = rate[row, channel] / np.where(mean[row] > 0, mean[row], 1.0)
    relative[mean[row] <= 0] = 1.0
    after = np.minimum(ranked.acceptance[row] * relative, 1.0)
    chance = np.where(np.isnan(after), ranked.probability[row], after)
    sending = channel_costs(policy)[channel]
    worth = chance * (ranked.value[row] - ranked.cost[row]) - sending
    cost = sending + ranked.cost[row] * chance
    return Messages(row, channel, chance, worth, cost)


def channel_costs(policy: Policy) -> Doubles:
    """(channels + 1,) cost of a message in minor units."""
    costs = policy.limits.costs
    return np.array([costs.get(channel, 0.0) * MINOR_UNITS for channel in CHANNELS] + [0.0])


def best_messages(messages: Messages, rows: int) -> Ints:
    """(rows,) the position of each candidate's best message; -1 without one."""
    order = np.lexsort((messages.channel, -messages.weight, messages.row))
    first = np.flatnonzero(np.diff(messages.row[order], prepend=-1))
    best = np.full(rows, -1, dtype=np.int64)
    best[messages.row[order[first]]] = order[first]
    return best

"""Decides which ranked candidates are offered, through which channel, by a shop's policy."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from followsuit.graph.consent import CHANNELS
from followsuit.graph.items import ITEM, item_keys
from followsuit.policy.allocation.allocate import allocate, best_first
from followsuit.policy.allocation.problem import Doubles, Ints, Problem
from followsuit.policy.contact.customers import Customers, MessagesLeft
from followsuit.policy.decision import OFFERED, OUTRANKED
from followsuit.policy.declared.policy import Policy
from followsuit.policy.limits.friends import FriendLimits
from followsuit.policy.limits.limit_kinds import KINDS, PER_FRIEND
from followsuit.policy.limits.shared_limits import shared_limits
from followsuit.policy.limits.uses import Limit, Uses
from followsuit.policy.messages import MINOR_UNITS, Messages, Ranked, best_messages, messages_of
from followsuit.policy.rules import (
    HOLDOUT,
    MIN_EXPECTED_VALUE,
    PER_CHANNEL,
    PER_CUSTOMER,
    PER_OFFER,
    REVEALS_SENSITIVE,
)

_NOTHING = -1


@dataclass(frozen=True)
class Decided:
    """What was decided about ranked candidates: arrays of one entry for each.

    Attributes:
        decision: `offered`, `outranked`, or the rule that blocks it.
        channel: number of the channel to use in `CHANNELS`, or `ANY`.
        rank: rank within the customer, offered ones first; 0 if a rule blocks it.
        acceptance: the probability after this message; NaN if unknown.
        expected_value: in minor units, after all costs; NaN if the value isn't known.
        cost: what the message counts for in a budget, in minor units.
        slack: how much more the best choice could be worth, at most, in minor units.
        limits: the limits that messages share.
        prices: (limits,) what one more unit of each would be worth, in minor units.
    """

    decision: np.ndarray
    channel: Ints
    rank: Ints
    acceptance: Doubles
    expected_value: Doubles
    cost: Doubles
    slack: float
    limits: list[Limit]
    prices: Doubles

    @property
    def offered(self) -> np.ndarray:
        """(rows,) bool."""
        offered: np.ndarray = self.decision == OFFERED
        return offered


def decide(
    ranked: Ranked,
    customers: Customers,
    stores: pd.DataFrame,
    friend_limits: FriendLimits | None,
    policy: Policy,
    top: int,
    seed: int = 0,
) -> Decided:
    """Decide about ranked candidates.

    Offers of the day's other runs count as sent. Those that still fit the day's limits are repeated
    first. New offers share what all those runs have left over.

    Args:
        ranked: the candidates.
        customers: their customers.
        stores: `row, name`: the limited stores that each candidate points to.
        friend_limits: how many offers each friend may drive; None without a limit on them.
        policy: the policy.
        top: maximum number of offers per customer.
        seed: random seed of the allocation.
    """
    every = messages_of(ranked, customers, policy)
    worthwhile = _worthwhile(every, policy)
    today, noted_cost = _offered_today(ranked, customers, every)
    every.cost[today] = noted_cost
    repeated = _has(every.row[today], ranked)
    sendable = np.zeros(len(every), dtype=bool)
    sendable[today] = worthwhile[today]
    most_offers = np.full(len(customers.codes), top)
    repeated_choice = _choose(
        _Round(ranked, customers, stores, friend_limits, policy, every, most_offers, spent=False),
        repeated,
        sendable,
    )
    already = np.bincount(ranked.customer[repeated_choice.sent >= 0], minlength=len(most_offers))
    friend_limits = (
        None if friend_limits is None else friend_limits.after(repeated_choice.sent >= 0)
    )
    new_choice = _choose(
        _Round(
            ranked,
            customers,
            stores,
            friend_limits,
            policy,
            every,
            most_offers - already,
            spent=True,
        ),
        ~repeated,
        worthwhile,
        seed,
    )
    sent = np.where(repeated, repeated_choice.sent, new_choice.sent)
    rule = np.where(repeated, repeated_choice.rule, new_choice.rule)
    decision = np.where(sent >= 0, OFFERED, rule).astype(object)
    shown = np.where(sent >= 0, sent, best_messages(every, len(ranked)))
    return Decided(
        decision=decision,
        channel=every.channel[shown],
        rank=_ranks(ranked, decision, every.weight[shown]),
        acceptance=np.where(np.isnan(ranked.acceptance), np.nan, every.acceptance[shown]),
        expected_value=every.worth[shown],
        cost=every.cost[shown],
        slack=new_choice.slack,
        limits=new_choice.limits,
        prices=new_choice.prices,
    )


@dataclass(frozen=True)
class _Round:
    """What messages are chosen from: those of the day again, then new ones.

    Attributes:
        every: all messages.
        top: (customers,) how many offers each may get.
        spent: whether what other runs of the day have offered counts as sent.
    """

    ranked: Ranked
    customers: Customers
    stores: pd.DataFrame
    friend_limits: FriendLimits | None
    policy: Policy
    every: Messages
    top: Ints
    spent: bool

    @property
    def allowed(self) -> MessagesLeft:
        """How many more messages customers may get."""
        return self.customers.after if self.spent else self.customers.before


@dataclass(frozen=True)
class _Choice:
    """What is chosen in a round: `sent` is the message of each candidate, -1 without one."""

    sent: Ints
    rule: np.ndarray
    slack: float
    limits: list[Limit]
    prices: Doubles


def _choose(
    these: _Round, candidates: np.ndarray, sendable: np.ndarray, seed: int | None = None
) -> _Choice:
    """Choose among some candidates, a mask, whose messages may be sent, another mask.

    Without a seed, the most valuable ones choose first, whatever they leave to others.
    """
    ranked, every, allowed, friend_limits = (
        these.ranked,
        these.every,
        these.allowed,
        these.friend_limits,
    )
    at_most = np.clip(np.minimum(allowed.in_all, these.top), 0, None).astype(np.int64)
    rule = _blocking(these, candidates, sendable, at_most)
    unblocked = candidates & (rule == "")
    left = allowed.by_channel[ranked.customer[every.row], every.channel]
    positions = np.flatnonzero(sendable & unblocked[every.row] & (left > 0))
    positions = positions[_within_room(every.only(positions), ranked, left[positions])]
    with_room = _has(every.row[positions], ranked)
    if friend_limits is not None:
        positions = positions[friend_limits.open_to(every.row[positions])]
    messages = every.only(positions)
    uses = shared_limits(
        messages,
        ranked,
        these.customers,
        these.stores,
        friend_limits,
        these.policy,
        spent=these.spent,
    )
    problem = _problem(messages, ranked, uses, at_most)
    if these.policy.limits.any and seed is not None:
        allocation = allocate(problem, seed)
        chosen, prices, slack = allocation.chosen, allocation.prices, allocation.slack
    else:
        chosen, prices, slack = best_first(problem), np.zeros(len(uses.limits)), 0.0
    sent = np.full(len(ranked), _NOTHING)
    sent[messages.row[chosen]] = positions[chosen]
    used = problem.used(chosen)
    blocked_by_limit = _missed(these, messages, problem, uses, sent >= 0, unblocked, used, at_most)
    blocked_by_limit[unblocked & ~_has(messages.row, ranked)] = PER_FRIEND
    blocked_by_limit[unblocked & ~with_room] = PER_CHANNEL
    return _Choice(sent, np.where(rule != "", rule, blocked_by_limit), slack, uses.limits, prices)


def _worthwhile(messages: Messages, policy: Policy) -> np.ndarray:
    """(messages,) bool: whether each is worth enough; an unknown value is enough for no minimum."""
    least = policy.never.min_expected_value * MINOR_UNITS
    unknown = np.isnan(messages.worth) & (least == 0) & (messages.weight > 0)
    enough: np.ndarray = (messages.worth >= least) | unknown
    return enough


def _offered_today(
    ranked: Ranked, customers: Customers, messages: Messages
) -> tuple[Ints, Doubles]:
    """The messages that other runs of the day have offered, and what each counted for there.

    One for a candidate at most.
    """
    rows = customers.sent.of_the_day
    rows = rows.filter(pa.array(customers.codes.of(rows["customer_id"]) >= 0))
    customer = customers.codes.of(rows["customer_id"])
    channel = pd.Index(CHANNELS).get_indexer(rows["channel"].to_pandas()) % (len(CHANNELS) + 1)
    item = item_keys(rows.select(ITEM).to_pandas())
    earlier = pd.MultiIndex.from_arrays([customer, rows["offer_id"].to_pandas(), item, channel])
    of = messages.row
    here = pd.MultiIndex.from_arrays(
        [ranked.customer[of], ranked.offer_id[of], ranked.item[of], messages.channel]
    )
    at = earlier.get_indexer(here)
    again = np.flatnonzero(at >= 0)
    again = again[np.diff(of[again], prepend=-1) != 0]
    return again, rows["cost"].to_numpy()[at[again]]


def _blocking(
    these: _Round, candidates: np.ndarray, sendable: np.ndarray, at_most: Ints
) -> np.ndarray:
    """(candidates,) the rule that blocks each whatever the others are; "" without one."""
    ranked, customers, every = these.ranked, these.customers, these.every
    told = pd.MultiIndex.from_frame(these.allowed.told)
    here = pd.MultiIndex.from_arrays([ranked.customer, ranked.offer_id])
    left = these.allowed.by_channel[ranked.customer[every.row], every.channel] > 0
    rule = np.full(len(ranked), "", dtype=object)
    for name, kept in ((PER_CHANNEL, sendable & left), (MIN_EXPECTED_VALUE, sendable)):
        rule[~_has(every.row[kept], ranked)] = name
    rule[here.isin(told)] = PER_OFFER
    rule[ranked.reveals] = REVEALS_SENSITIVE
    held = customers.held_out[ranked.customer]
    # What the customer would have been offered shows what the holdout costs.
    would = count_up_to(ranked, candidates & (rule == "")) <= at_most[ranked.customer]
    rule[held & (rule == "")] = OUTRANKED
    rule[held & would & (rule == OUTRANKED)] = HOLDOUT
    return rule


def _within_room(messages: Messages, ranked: Ranked, left: Ints) -> np.ndarray:
    """The positions of messages that are among the best of their customer's channel."""
    customer = ranked.customer[messages.row]
    order = np.lexsort((ranked.rank[messages.row], -messages.weight, messages.channel, customer))
    group = customer[order] * (len(CHANNELS) + 1) + messages.channel[order]
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    better = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    return np.sort(order[better < left[order]])


def _has(rows: Ints, ranked: Ranked) -> np.ndarray:
    """(candidates,) bool: whether each is among these positions."""
    listed = np.zeros(len(ranked), dtype=bool)
    listed[rows] = True
    return listed


def _problem(messages: Messages, ranked: Ranked, uses: Uses, at_most: Ints) -> Problem:
    pointer, limit, amount, capacity = uses.arrays()
    return Problem(
        customer=ranked.customer[messages.row],
        choice=messages.row,
        value=messages.weight,
        pointer=pointer,
        limit=limit,
        amount=amount,
        at_most=at_most,
        capacity=capacity,
        tie=ranked.tie[messages.row],
    )


def _missed(
    these: _Round,
    messages: Messages,
    problem: Problem,
    uses: Uses,
    offered: np.ndarray,
    unblocked: np.ndarray,
    used: Doubles,
    at_most: Ints,
) -> np.ndarray:
    """(candidates,) the limit that keeps each one, which no rule blocks, from being offered."""
    ranked = these.ranked
    over = np.full(len(messages), len(KINDS))
    row = np.repeat(np.arange(len(messages)), np.diff(problem.pointer))
    full = problem.amount > (problem.capacity - used)[problem.limit] + 1e-9
    np.minimum.at(over, row[full], uses.kind[problem.limit[full]])
    # A limit stops a candidate if it stops each of its messages.
    worst = np.zeros(len(ranked), dtype=np.int64)
    np.maximum.at(worst, messages.row, over)
    why = np.array([*KINDS, OUTRANKED], dtype=object)[worst]
    # If a customer already gets as many offers as allowed, that is why the rest isn't offered.
    given = np.bincount(ranked.customer[offered], minlength=len(at_most))
    counted = count_up_to(ranked, unblocked)
    crowded = (given == at_most)[ranked.customer] & (counted > given[ranked.customer])
    within = counted[crowded] <= these.top[ranked.customer[crowded]]
    why[crowded] = np.where(within, PER_CUSTOMER, OUTRANKED)
    return why


def count_up_to(ranked: Ranked, counted: np.ndarray) -> Ints:
    """(candidates,) how many counted candidates the customer has, up to this one."""
    before = np.cumsum(counted)
    start = np.searchsorted(ranked.customer, ranked.customer)
    order: Ints = before - np.where(start > 0, before[start - 1], 0)
    return order


def _ranks(ranked: Ranked, decision: np.ndarray, weight: Doubles) -> Ints:
    """(candidates,) ranks: what is offered first, then the others by what they are worth."""
    offered, listed = decision == OFFERED, np.isin(decision, (OFFERED, OUTRANKED))
    order = np.lexsort((ranked.rank, -weight, ~offered, ~listed, ranked.customer))
    starts = np.searchsorted(ranked.customer, ranked.customer)
    rank = np.empty(len(ranked), dtype=np.int64)
    rank[order] = np.arange(len(ranked)) - starts[order] + 1
    rank[~listed] = 0
    return rank

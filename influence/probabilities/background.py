"""Background rates: how often customers act on items without a friend's influence.

The rate of customer v on item i of category c at a time t is

    overall x customer[v] x item[i] x taste[v, c] x season[t]

The factors have mean 1. Each is shrunk towards 1 by a gamma prior whose shape is estimated from the
counts (empirical Bayes by moments; Efron and Hastie 2016, section 6.1). An action counts by the
part that no friend explains. Time at risk ends with the first action. The rate at an action leaves
the action itself out of the counts, so that it doesn't help to explain itself.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from followsuit.influence.log.arrays import Floats, Ints, Log, Shorts

_ROUNDS = 2
"""Customers and items depend on each other's factors; two rounds bring them within a percent."""


@dataclass(frozen=True)
class CodedActions:
    """All actions, coded for the background rates.

    Attributes:
        customer: (actions) code of the customer.
        item: (actions) code of the item.
        pair: (actions) code of the pair of customer and category.
        pair_customer: (pairs) the customer of each pair.
        pair_category: (pairs) the category of each pair.
        item_category: (items) code of the item's category.
        period: (actions) number of the action's period; periods are one window long.
        left: (actions) share of the log's time that remained after the action.
        windows: the log's time, in windows.
        customers: number of customers.
        categories: number of categories.
    """

    customer: Shorts
    item: Shorts
    pair: Ints
    pair_customer: Ints
    pair_category: Ints
    item_category: Shorts
    period: Ints
    left: Floats
    windows: float
    customers: int
    categories: int


def code_actions(log: Log, window: int) -> CodedActions:
    """Code the actions of a log with at least one; `window` is in seconds."""
    actions, categories = log.actions, len(log.categories)
    item = actions.item
    keys = actions.customer.astype(np.int64) * categories + log.category[item]
    pairs, pair = np.unique(keys, return_inverse=True)
    start = int(actions.time.min())
    length = max(-start, 1)
    return CodedActions(
        customer=actions.customer,
        item=item,
        pair=pair,
        pair_customer=pairs // categories,
        pair_category=pairs % categories,
        item_category=log.category,
        period=(actions.time.astype(np.int64) - start) // window,
        left=-actions.time / length,
        windows=max(length / window, 1.0),
        customers=len(log.customers),
        categories=categories,
    )


def background(acts: CodedActions, own: Floats, of: Ints) -> Floats:
    """The background rates at some actions, in actions per window.

    Args:
        acts: all actions.
        own: (actions) the part of each action that no friend explains, 0 to 1.
        of: (n) numbers of the actions.

    Returns:
        (n) rates.
    """
    level = _levels(acts, own)
    now = own[of]
    rate: Floats = level.overall * _without(level.customers, acts.customer[of], now)
    rate *= _without(level.items, acts.item[of], now)
    rate *= _without(_taste(acts, own, level), acts.pair[of], now)
    rate *= _season(acts, own)[acts.period[of]]
    return rate


def own_chance(acts: CodedActions, own: Floats, customer: np.ndarray, item: np.ndarray) -> Floats:
    """The probability that customers act on items within a window without a friend's influence.

    Args:
        acts: all actions.
        own: (actions) the part of each action that no friend explains, 0 to 1.
        customer: (n) codes of the customers.
        item: (n) codes of the items.

    Returns:
        (n) probabilities.
    """
    level = _levels(acts, own)
    rate = level.overall * level.customers.factor[customer] * level.items.factor[item]
    chance: Floats = -np.expm1(-rate)
    return chance


class _Group(NamedTuple):
    """Actual counts, expected counts if the factor is 1, and the prior's shape."""

    acts: Floats
    expected: Floats
    prior: float

    @property
    def factor(self) -> Floats:
        return (self.acts + self.prior) / (self.expected + self.prior)


class _Levels(NamedTuple):
    overall: float
    customers: _Group
    items: _Group


def _levels(acts: CodedActions, own: Floats) -> _Levels:
    """The factors of customers and items."""
    customers, items = acts.customers, len(acts.item_category)
    by_customer = _sums(acts.customer, own, customers)
    by_item = _sums(acts.item, own, items)
    overall = max(own.sum(), 1e-9) / (acts.windows * customers * items)
    i = np.ones(items)
    for _ in range(_ROUNDS):
        risk = i.sum() - _sums(acts.customer, acts.left * i[acts.item], customers)
        of_customers = _group(by_customer, overall * acts.windows * np.maximum(risk, 0))
        c = of_customers.factor
        risk = c.sum() - _sums(acts.item, acts.left * c[acts.customer], items)
        of_items = _group(by_item, overall * acts.windows * np.maximum(risk, 0))
        i = of_items.factor
    return _Levels(overall, of_customers, of_items)


def _taste(acts: CodedActions, own: Floats, level: _Levels) -> _Group:
    """The factors of pairs of customer and category."""
    i, rate = level.items.factor, level.overall * level.customers.factor
    of_category = _sums(acts.item_category, i, acts.categories)
    gone = _sums(acts.pair, acts.left * i[acts.item])
    risk = np.maximum(of_category[acts.pair_category] - gone, 0)
    expected = acts.windows * rate[acts.pair_customer] * risk
    # Pairs without an action have no row, but count towards the spread of tastes.
    silent = (acts.windows**2) * (rate**2).sum() * (of_category**2).sum() - (expected**2).sum()
    return _group(_sums(acts.pair, own), expected, silent=max(silent, 0.0))


def _season(acts: CodedActions, own: Floats) -> Floats:
    """(periods) actions relative to the average period."""
    count = _sums(acts.period, own)
    return _group(count, np.full(len(count), count.sum() / acts.windows)).factor


def _group(count: Floats, expected: Floats, silent: float = 0.0) -> _Group:
    """Estimate the gamma prior's shape.

    Args:
        count: actual counts.
        expected: expected counts if the factor is 1.
        silent: sum of squares of `expected` over further cells, whose count is 0.
    """
    squares = (expected**2).sum() + silent
    spread = ((count - expected) ** 2).sum() + silent - count.sum()
    prior = 1e6 if spread <= 0 else min(max(squares / spread, 1e-2), 1e6)
    return _Group(count, expected, prior)


def _without(group: _Group, of: np.ndarray, now: Floats) -> Floats:
    """The factors of these codes, each estimated without the action that it explains."""
    left: Floats = (np.maximum(group.acts[of] - now, 0) + group.prior) / (
        group.expected[of] + group.prior
    )
    return left


def _sums(of: np.ndarray, weight: Floats, size: int = 0) -> Floats:
    return np.bincount(of, weight, size).astype(np.float64, copy=False)

"""How often customers act on items without any friend's example.

The rate of customer v on item i of category c at a time t is

    overall x customer[v] x item[i] x taste[v, c] x season[t]

a product of factors with mean 1, each shrunk towards 1 by a gamma prior whose width is estimated
from the counts (empirical Bayes by moments; Efron and Hastie 2016, section 6.1). Acts count by the
part of them that no friend's example explains; times at risk end with the first act. The rate at
an act leaves this very act out of the counts, or each act would help to explain itself.
"""

from dataclasses import dataclass

import numpy as np

from followsuit.influence.log import Floats, Ints, Log, Shorts

_ROUNDS = 2
"""Customers and items depend on each other's factors; two rounds bring them within a percent."""


@dataclass(frozen=True)
class Acts:
    """What the background needs to know of all actions, coded once.

    Attributes:
        customer: (actions) code of who acted.
        item: (actions) code of the item.
        pair: (actions) code of the customer's taste: the pair of customer and category.
        pair_customer: (pairs) the customer of each pair.
        pair_category: (pairs) the category of each pair.
        period: (actions) window-long period of the act, from the first act on.
        left: (actions) share of the whole time that remained after the act.
        windows: the whole time, in windows.
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


def acts_of(log: Log, window: int) -> Acts:
    """Code the actions of a log that has some."""
    actions, categories = log.actions, len(log.categories)
    item = np.repeat(np.arange(len(actions.pointer) - 1, dtype=np.int32), np.diff(actions.pointer))
    keys = actions.customer.astype(np.int64) * categories + log.category[item]
    pairs, pair = np.unique(keys, return_inverse=True)
    start = int(actions.time.min())
    length = max(-start, 1)
    return Acts(
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


def background(acts: Acts, own: Floats, of: Ints) -> Floats:
    """The background rates at some acts, in acts a window.

    Args:
        acts: all actions.
        own: (actions) the part of each that no friend's example explains, 0 to 1.
        of: (acts) numbers of the actions whose rates are wanted.

    Returns:
        (acts)
    """
    customers, items = acts.customers, len(acts.item_category)
    by_customer = _sums(acts.customer, own, customers)
    by_item = _sums(acts.item, own, items)
    whole = acts.windows * customers * items
    overall = max(own.sum(), 1e-9) / whole
    c, i = np.ones(customers), np.ones(items)
    for _ in range(_ROUNDS):
        risk = i.sum() - _sums(acts.customer, acts.left * i[acts.item], customers)
        customer_expected = overall * acts.windows * np.maximum(risk, 0)
        c, c_prior = _shrunk(by_customer, customer_expected)
        risk = c.sum() - _sums(acts.item, acts.left * c[acts.customer], items)
        item_expected = overall * acts.windows * np.maximum(risk, 0)
        i, i_prior = _shrunk(by_item, item_expected)
    now = own[of]
    customer, item = acts.customer[of], acts.item[of]
    rate: Floats = overall * _without(by_customer, customer_expected, c_prior, customer, now)
    rate *= _without(by_item, item_expected, i_prior, item, now)
    rate *= _taste(acts, own, of, overall * c, i)
    rate *= _season(acts, own)[acts.period[of]]
    return rate


def _taste(acts: Acts, own: Floats, of: Ints, rate: Floats, i: Floats) -> Floats:
    """The factor of the acts' customers for the acts' categories."""
    count = _sums(acts.pair, own)
    of_category = _sums(acts.item_category, i, acts.categories)
    gone = _sums(acts.pair, acts.left * i[acts.item])
    risk = np.maximum(of_category[acts.pair_category] - gone, 0)
    expected = acts.windows * rate[acts.pair_customer] * risk
    # Pairs without an act have no row, yet tell how far tastes differ.
    silent = (acts.windows**2) * (rate**2).sum() * (of_category**2).sum() - (expected**2).sum()
    _, prior = _shrunk(count, expected, silent=max(silent, 0.0))
    return _without(count, expected, prior, acts.pair[of], own[of])


def _season(acts: Acts, own: Floats) -> Floats:
    """(periods) how much more than on average is done."""
    count = _sums(acts.period, own)
    return _shrunk(count, np.full(len(count), count.sum() / acts.windows))[0]


def _shrunk(count: Floats, expected: Floats, silent: float = 0.0) -> tuple[Floats, float]:
    """Factors shrunk towards 1, and the gamma prior's shape.

    Args:
        count: of acts.
        expected: acts where the factor is 1.
        silent: sum of squares of `expected` of further cells, which have no act.
    """
    squares = (expected**2).sum() + silent
    spread = ((count - expected) ** 2).sum() + silent - count.sum()
    prior = 1e6 if spread <= 0 else min(max(squares / spread, 1e-2), 1e6)
    return (count + prior) / (expected + prior), prior


def _sums(of: np.ndarray, weight: Floats, size: int = 0) -> Floats:
    return np.bincount(of, weight, size).astype(np.float64, copy=False)


def _without(count: Floats, expected: Floats, prior: float, of: np.ndarray, now: Floats) -> Floats:
    """The factors of these, from all acts but the one that is explained."""
    left: Floats = (np.maximum(count[of] - now, 0) + prior) / (expected[of] + prior)
    return left

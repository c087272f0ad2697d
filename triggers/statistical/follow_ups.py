"""Which category customers buy from after another one: association rules by category.

A customer who bought from category A counts once for A, by the last such purchase whose follow-up
is over. B follows if the customer buys from it within `FOLLOWS` after. The lift is the number of
customers whom B follows, over the number expected if A made no difference. Small numbers give large
lifts by chance, so rules are ranked by the lower 5 % bound of a lift that is shrunk to 1 (DuMouchel
1999, Bayesian data mining in large frequency tables, The American Statistician 53(3), 177-190, with
one gamma distribution as the prior).
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.stats import gamma

from followsuit.graph.views.view import SharedView
from followsuit.triggers.statistical.category_days import (
    CategoryDays,
    Doubles,
    Ints,
    category_days,
)

FOLLOWS = timedelta(days=28)
"""A purchase follows another within this time."""
FEWEST = 10
"""Minimum number of customers whom a category must have followed."""
_PRIOR = 5.0
"""The prior of a lift is a gamma distribution of mean 1 and this shape."""
_BOUND = 0.05
"""The lower bound of a lift is this quantile."""
_PAIRS = 2_000_000
"""Number of pairs of purchases to hold in memory at once."""


def follow_ups(view: SharedView, categories: Sequence[str]) -> pd.DataFrame:
    """The categories that follow some categories, by customers who share activity.

    Args:
        view: the view.
        categories: the categories that are followed. They don't change each other's rules.

    Returns:
        `category`, `follows` and `lift`, the lower bound, above 1; sorted by category, the largest
        lift first.
    """
    # All their purchases count: `categories` may come from customers who don't share.
    days = category_days(view)
    index = _index(days)
    count = len(days.categories)
    followed = _followed(days, index)
    had = np.bincount(days.category[index], minlength=count).astype(np.float64)
    lift = lower_bound(followed, had)
    lift[followed < FEWEST] = 0
    first, then = np.nonzero(lift > 1)
    table = pd.DataFrame(
        {
            "category": days.categories.ids[first],
            "follows": days.categories.ids[then],
            "lift": lift[first, then],
        }
    )
    table = table[table.category.isin(set(categories))]
    return table.sort_values(
        ["category", "lift", "follows"], ascending=[True, False, True], ignore_index=True
    )


def lower_bound(followed: Doubles, had: Doubles) -> Doubles:
    """The lower bounds of lifts, (categories, categories); 0 for a category after itself.

    Args:
        followed: (categories, categories) number of customers of the first category whom the
            second one followed.
        had: (categories,) number of customers of each category.
    """
    counts = followed.copy()
    np.fill_diagonal(counts, 0)
    others = had.sum() - had
    rate = counts.sum(axis=0) / np.maximum(others, 1)
    expected = had[:, None] * rate[None, :]
    bound: Doubles = gamma.ppf(_BOUND, counts + _PRIOR) / (expected + _PRIOR)
    np.fill_diagonal(bound, 0)
    return bound


def _index(days: CategoryDays) -> Ints:
    """The last row of each customer and category whose follow-up is over."""
    over = np.flatnonzero(days.day <= -(FOLLOWS // timedelta(days=1)))
    key = _pair(days)[over]
    order = np.argsort(key, kind="stable")  # Days stay in order.
    return np.sort(over[order[np.flatnonzero(np.diff(key[order], append=-1))]])


def _followed(days: CategoryDays, index: Ints) -> Doubles:
    """How many index rows of each category each category followed, (categories, categories)."""
    count, length = len(days.categories), FOLLOWS // timedelta(days=1)
    times = _times(days.customer, days.day)
    now = times[index]
    start = np.searchsorted(times, now, side="right")
    end = np.searchsorted(times, now + length, side="right")
    before = _before(days)
    total = np.zeros(count * count)
    ends = np.cumsum(end - start)
    for low, high in _slices(ends):
        number = (end - start)[low:high]
        first = np.repeat(np.arange(low, high), number)
        step = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
        then = start[first] + step
        new = before[then] <= days.day[index[first]]  # Each category counts once.
        pair = days.category[index[first[new]]] * count + days.category[then[new]]
        total += np.bincount(pair, minlength=count * count)
    return total.reshape(count, count)


def _times(customer: Ints, day: Ints) -> Ints:
    """A number that grows with customer and day, with room between customers."""
    return customer * 1000 + day + 500


def _before(days: CategoryDays) -> Ints:
    """(rows,) the day of the customer's previous purchase in the category; -1000 without one."""
    key = _pair(days)
    order = np.argsort(key, kind="stable")  # Days stay in order.
    before = np.full(len(order), -1000, dtype=np.int64)
    same = np.flatnonzero(np.diff(key[order]) == 0)
    before[order[same + 1]] = days.day[order[same]]
    return before


def _pair(days: CategoryDays) -> Ints:
    """(rows,) a number for the customer and category."""
    return days.customer * max(len(days.categories), 1) + days.category


def _slices(ends: Ints) -> list[tuple[int, int]]:
    """Slices of index rows with about `_PAIRS` pairs each."""
    if not len(ends):
        return []
    marks = np.searchsorted(ends, np.arange(_PAIRS, ends[-1] + _PAIRS, _PAIRS))
    edges = np.unique([0, *np.minimum(marks + 1, len(ends)), len(ends)])
    return list(pairwise(edges.tolist()))

"""How much time passes between a customer's purchases of a product.

A *pair* is a customer and a product, and a *gap* is the time between two of its purchases, in whole
days. Gaps are described by their logarithms, because long ones are few and large. A pair has few
gaps, so their mean is shrunk to what the category, the product and the customer make likely:

    log gap = mean + category + product + customer + pair + noise

All terms but the mean are normal with a variance of their own. Each variance is estimated by
moments, level by level (DerSimonian and Laird 1986, Meta-analysis in clinical trials, Controlled
Clinical Trials 7, equation 2), and each term by its precision-weighted, shrunken mean (Efron and
Morris 1975). In The Complete Journey, variational EM for the same model predicts equally well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from followsuit.core.codes import Codes
from followsuit.graph.items import PRODUCT
from followsuit.graph.views.view import View

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

NEVER = np.iinfo(np.int64).max
"""The day of a purchase that hasn't happened."""

_PASSES = 3
"""Passes over the levels; more change nothing in the third decimal."""
_FLOOR = 1e-6
"""The smallest variance."""
_REGULAR = 4.0
"""The variance of a pair's own gaps is shrunk to that of all pairs as if seen in 4 more gaps."""


@dataclass(frozen=True)
class PurchaseDays:
    """On which days customers bought products, sorted by customer, product and day.

    Attributes:
        customers: the customers.
        products: the products.
        categories: (products,) category of each product; "" if it has none.
        customer: (rows,) code of the customer.
        product: (rows,) code of the product.
        day: (rows,) day of the purchase, each at most once for a customer and product. Day 0 is the
            24 hours that end at the view's instant, day -1 the 24 hours before.
    """

    customers: Codes
    products: Codes
    categories: np.ndarray
    customer: Ints
    product: Ints
    day: Ints

    @cached_property
    def following(self) -> Ints:
        """(rows,) day of the pair's next purchase, `NEVER` after its last."""
        following = np.full(len(self.day), NEVER)
        following[:-1] = np.where(self._new[1:], NEVER, self.day[1:])
        return following

    @cached_property
    def pair(self) -> Ints:
        """(rows,) number of the pair of customer and product, in their order."""
        return np.cumsum(self._new, dtype=np.int64) - 1

    @cached_property
    def pairs(self) -> "Pairs":
        """The pairs by the end of day 0."""
        return pairs_at(self, 0)

    @cached_property
    def _new(self) -> np.ndarray:
        """(rows,) whether a row is the first of its pair."""
        new = np.ones(len(self.day), dtype=bool)
        new[1:] = np.diff(self.customer) != 0
        new[1:] |= np.diff(self.product) != 0
        return new


def purchase_days(view: View, only: Sequence[str] | None = None) -> PurchaseDays:
    """The purchases of a view, without returns and what is sensitive.

    Args:
        view: the view.
        only: ids of customers; None for all.
    """
    rows = view.purchase_arrays()
    if only is not None:
        wanted = Codes(np.array(only, dtype=object)).of(rows.customers.ids) >= 0
        rows = rows.only(wanted[rows.customer])
    rows = rows.only_used()
    day = rows.days_until(int(view.as_of.timestamp()))
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (np.diff(rows.customer) != 0) | (np.diff(rows.product) != 0) | (np.diff(day) != 0)
    items = view.items
    listed = items.filter(items.item_kind == PRODUCT).select("item_id", "category").to_pyarrow()
    category = rows.products.lay_out(listed["item_id"], listed["category"], None)
    return PurchaseDays(
        customers=rows.customers,
        products=rows.products,
        categories=np.array([text or "" for text in category], dtype=object),
        customer=rows.customer[new].astype(np.int64),
        product=rows.product[new].astype(np.int64),
        day=day[new].astype(np.int64),
    )


@dataclass(frozen=True)
class Pairs:
    """Pairs with at least one gap by a cutoff.

    Attributes:
        customer: (pairs,) code of the customer.
        product: (pairs,) code of the product.
        gaps: (pairs,) number of gaps.
        mean_days: (pairs,) mean gap in days.
        mean_log: (pairs,) mean of the logarithms of the gaps.
        squares: (pairs,) sum of the squared deviations of the logarithms from their mean.
        last: (pairs,) day of the last purchase by the cutoff.
        following: (pairs,) day of the next purchase after it, `NEVER` if none is known.
    """

    customer: Ints
    product: Ints
    gaps: Ints
    mean_days: Doubles
    mean_log: Doubles
    squares: Doubles
    last: Ints
    following: Ints

    def __len__(self) -> int:
        return len(self.customer)

    def every(self, step: int) -> "Pairs":
        """Every so manieth pair."""
        return replace(self, **{name: column[::step] for name, column in vars(self).items()})


def pairs_at(days: PurchaseDays, cutoff: int) -> Pairs:
    """The pairs by the end of a day, from earlier purchases alone but for `following`."""
    known = days.day <= cutoff
    closed = known & (days.following <= cutoff)
    pair, length = days.pair[closed], (days.following - days.day)[closed].astype(np.float64)
    count = int(days.pair[-1]) + 1 if len(days.day) else 0
    gaps = np.bincount(pair, minlength=count)
    last = np.flatnonzero(known & ~closed)
    last = last[gaps[days.pair[last]] > 0]
    here = days.pair[last]
    total, logs = _sums(pair, length, count), _sums(pair, np.log(length), count)
    mean = np.divide(logs, gaps, out=np.zeros(count), where=gaps > 0)
    squares = _sums(pair, (np.log(length) - mean[pair]) ** 2, count)
    return Pairs(
        customer=days.customer[last],
        product=days.product[last],
        gaps=gaps[here].astype(np.int64),
        mean_days=total[here] / gaps[here],
        mean_log=mean[here],
        squares=squares[here],
        last=days.day[last],
        following=days.following[last],
    )


@dataclass(frozen=True)
class GapVariances:
    """The variances of the logarithms of gaps, by what they differ between."""

    category: float
    product: float
    customer: float
    pair: float
    within: float


@dataclass(frozen=True)
class Gaps:
    """What products and categories make likely, and how far shares of it go.

    Attributes:
        mean: mean of the logarithms of gaps.
        categories: the categories it knows.
        category: (categories,) how much longer their logarithms are than the mean.
        products: the products it knows.
        product: (products,) the same of the products, their category's part included.
        variances: how much the levels differ.
    """

    mean: float
    categories: Codes
    category: Doubles
    products: Codes
    product: Doubles
    variances: GapVariances

    def expected(self, days: PurchaseDays, pairs: Pairs) -> Doubles:
        """The logarithm of each pair's next gap in days, (pairs,).

        A customer's part is computed from their own pairs, so nobody else's matter here.

        Args:
            days: the purchases that the pairs are of; products may be new.
            pairs: all pairs of their customers.
        """
        v = self.variances
        usual = self._usual(days)[pairs.product]
        precision = 1 / (v.pair + v.within / pairs.gaps)
        count = len(days.customers)
        part = _sums(pairs.customer, precision * (pairs.mean_log - usual), count)
        part /= _sums(pairs.customer, precision, count) + 1 / v.customer
        usual = usual + part[pairs.customer]
        spread = (_REGULAR * v.within + pairs.squares) / (_REGULAR + pairs.gaps - 1)
        own = pairs.gaps / spread
        expected: Doubles = (usual / v.pair + own * pairs.mean_log) / (1 / v.pair + own)
        return expected

    def _usual(self, days: PurchaseDays) -> Doubles:
        """The logarithm that each product of `days` makes likely, (products,)."""
        category = self.categories.of(days.categories)
        product = self.products.of(days.products.ids)
        # A code of -1 takes the 0 that is appended.
        of_category, of_product = (np.append(part, 0.0) for part in (self.category, self.product))
        part: Doubles = np.where(product >= 0, of_product[product], of_category[category])
        return self.mean + part


def fit_gaps(days: PurchaseDays, pairs: Pairs) -> Gaps:
    """Fit the levels to the pairs of a cutoff; there must be one at least."""
    names = Codes(np.unique(days.categories.astype(str)))
    parent = names.of(days.categories)
    spare = pairs.gaps.sum() - len(pairs)
    within = pairs.squares.sum() / spare if spare else pairs.mean_log.var()
    within = max(float(within), _FLOOR)
    v = GapVariances(_FLOOR, _FLOOR, _FLOOR, pair=within / 4, within=within)
    mean, of_customer = float(pairs.mean_log.mean()), np.zeros(len(days.customers))
    of_category, of_product = np.zeros(len(names)), np.zeros(len(days.products))
    for _ in range(_PASSES):
        precision = 1 / (v.pair + v.within / pairs.gaps)
        rest = pairs.mean_log - mean - of_customer[pairs.customer]
        weight, value = _grouped(precision, rest, pairs.product, len(days.products))
        product = _between(weight, value, parent)
        sure = np.where(weight > 0, 1 / (product + 1 / np.maximum(weight, _FLOOR)), 0)
        upper, level = _grouped(sure, value, parent, len(names))
        category = _between(upper, level)
        of_category = level * upper / (upper + 1 / category)
        of_product = (value - of_category[parent]) * weight / (weight + 1 / product)
        of_product += of_category[parent]

        rest = pairs.mean_log - mean - of_product[pairs.product]
        weight, value = _grouped(precision, rest, pairs.customer, len(days.customers))
        customer = _between(weight, value)
        of_customer = value * weight / (weight + 1 / customer)

        rest = rest - of_customer[pairs.customer]
        pair = _between(pairs.gaps / v.within, rest)
        v = GapVariances(category, product, customer, pair, v.within)
        mean += float((precision * rest).sum() / precision.sum())
    return Gaps(mean, names, of_category, days.products, of_product, v)


def _grouped(
    precision: Doubles, values: Doubles, group: Ints, count: int
) -> tuple[Doubles, Doubles]:
    """The sum of the precisions of each group, and its precision-weighted mean."""
    weight = _sums(group, precision, count)
    total = _sums(group, precision * values, count)
    return weight, np.divide(total, weight, out=np.zeros(count), where=weight > 0)


def _sums(group: Ints, values: Doubles, count: int) -> Doubles:
    return np.bincount(group, values, count).astype(np.float64, copy=False)


def _between(weight: Doubles, value: Doubles, parent: Ints | None = None) -> float:
    """The variance between groups of one parent, by moments; at least `_FLOOR`.

    Args:
        weight: (groups,) precision of each group's value; 0 for a group without rows.
        value: (groups,) value of each group.
        parent: (groups,) code of its parent; None if all have the same.
    """
    if parent is None:
        parent = np.zeros(len(value), dtype=np.int64)
    total, mean = _grouped(weight, value, parent, int(parent.max(initial=0)) + 1)
    deviation = (weight * (value - mean[parent]) ** 2).sum()
    lost = _sums(parent, weight**2, len(total))
    lost = np.divide(lost, total, out=np.zeros(len(total)), where=total > 0)
    scale = weight.sum() - lost.sum()
    free = (weight > 0).sum() - (total > 0).sum()
    return max(float((deviation - free) / scale), _FLOOR) if scale > _FLOOR else _FLOOR

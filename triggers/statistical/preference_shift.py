"""`preference_shift`: a customer's purchases have moved to another category.

A customer's recent days with a purchase of each category are compared with those of the year
before, by a G-test (likelihood ratio). G / 2n is the Jensen-Shannon divergence of the two mixes,
weighted by their sizes (Lin 1991, Divergence measures based on the Shannon entropy, IEEE
Transactions on Information Theory 37(1), equation 5.1). Three corrections make the null the shop's:

- Season: what the shop sells more of lately is expected of everybody. A category's odds of being
  recent are multiplied by the factor by which its share has grown among customers who share.
- Few counts: Williams (1976), Improved likelihood ratio tests for complete contingency tables,
  Biometrika 63(1).
- Baskets: categories that are bought together make G larger in general. It is divided by the
  factor by which its median exceeds that of the null (genomic control; Devlin and Roeder 1999,
  Genomic control for association studies, Biometrics 55(4)).

The false discovery rate is controlled among customers who share, see `false_discoveries`; all
others are compared with the same p-value. The reason names the category that gained most. The
strength is impact times likelihood: days with a purchase of it beyond what was expected, times one
minus the p-value.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
from scipy.special import expit, xlogy
from scipy.stats import chi2

from followsuit.core.codes import Codes
from followsuit.graph.views.view import SharedView, View
from followsuit.triggers.statistical.category_days import Doubles, Ints, category_days
from followsuit.triggers.statistical.false_discoveries import largest_p
from followsuit.triggers.statistical.found import TooLittleToLearn, found_rows, sharing

FEWEST_RECENT, FEWEST_EARLIER = 5, 10
"""A customer is tested with at least this many recent and earlier days, summed over categories."""
FEWEST = 20
"""At least this many customers who share activity must be tested."""
_SMOOTHING = 10.0
"""The growth of a category is shrunk as if by this many more days, spread as usual."""
_NEWTON_STEPS = 12


@dataclass(frozen=True)
class _Mixes:
    """Days with a purchase by customer and category, sorted by customer and category.

    Attributes:
        customers: the customers.
        categories: the categories.
        customer: (rows,) code of the customer.
        category: (rows,) code of the category.
        recent: (rows,) number of recent days.
        earlier: (rows,) number of earlier days.
        last: (rows,) the last day.
    """

    customers: Codes
    categories: Codes
    customer: Ints
    category: Ints
    recent: Doubles
    earlier: Doubles
    last: Ints

    def sums(self, values: Doubles) -> Doubles:
        """The sum of each customer, (customers,)."""
        sums: Doubles = np.bincount(self.customer, values, len(self.customers)).astype(np.float64)
        return sums


def preference_shift(view: View, within: timedelta) -> pa.Table:
    """The customers whose mix has moved, in the columns of `FOUND`, with the category that gained.

    `strength` is in days with a purchase.

    Args:
        view: the view.
        within: purchases are recent within this time.

    Raises:
        TooLittleToLearn: too few customers who share have enough purchases.
    """
    mixes = _read(view, within)
    growth = _growth(mixes if isinstance(view, SharedView) else _read(view.shared, within))
    recent, earlier = mixes.sums(mixes.recent), mixes.sums(mixes.earlier)
    kinds = mixes.sums(np.ones(len(mixes.customer)))
    enough = (recent >= FEWEST_RECENT) & (earlier >= FEWEST_EARLIER) & (kinds > 1)
    tested = _of_customers(mixes, enough)
    grown = np.array([growth.get(name, 0.0) for name in tested.categories.ids])
    shares = enough & (sharing(view).of(mixes.customers.ids) >= 0)
    if shares.sum() < FEWEST:
        raise TooLittleToLearn(
            f"{shares.sum()} customers who share their activity bought from categories on "
            f"{FEWEST_RECENT} recent and {FEWEST_EARLIER} earlier days. A shift of preferences "
            f"needs {FEWEST} such customers: choose a later day, or load a longer history."
        )
    expected = _expected(tested, grown)
    p = _controlled(_p_values(tested, expected), shares)
    gain = tested.recent - expected
    best = _best_rows(tested, gain)
    best = best[p[tested.customer[best]] <= largest_p(p[shares])]
    customer = tested.customer[best]
    return found_rows(
        view,
        tested.customers.ids[customer],
        tested.last[best],
        gain[best] * (1 - p[customer]),
        categories=tested.categories.ids[tested.category[best]],
    )


def _read(view: View, within: timedelta) -> _Mixes:
    begins = -(within // timedelta(days=1))
    days = category_days(view)
    key = days.customer * max(len(days.categories), 1) + days.category
    order = np.argsort(key, kind="stable")  # Days stay in order.
    start = np.flatnonzero(np.diff(key[order], prepend=-1))
    end = np.append(start, len(order))[1:]
    day = days.day[order]
    recent = np.append(0, np.cumsum(day > begins))
    recent = recent[end] - recent[start]
    return _Mixes(
        days.customers,
        days.categories,
        days.customer[order[start]],
        days.category[order[start]],
        recent.astype(np.float64),
        (end - start - recent).astype(np.float64),
        day[end - 1],
    )


def _growth(mixes: _Mixes) -> dict[str, float]:
    """The logarithm of the factor by which each category's share has grown lately."""
    count = len(mixes.categories)
    recent, earlier = (
        np.bincount(mixes.category, values, count) for values in (mixes.recent, mixes.earlier)
    )
    usual = (recent + earlier) / max((recent + earlier).sum(), 1.0)
    now, before = (
        (days + _SMOOTHING * usual) / (days.sum() + _SMOOTHING) for days in (recent, earlier)
    )
    return dict(zip(mixes.categories.ids, np.log(now / before).tolist(), strict=True))


def _of_customers(mixes: _Mixes, wanted: np.ndarray) -> _Mixes:
    """The rows of some customers, whose codes stay."""
    rows = np.flatnonzero(wanted[mixes.customer])
    return _Mixes(
        mixes.customers,
        mixes.categories,
        mixes.customer[rows],
        mixes.category[rows],
        mixes.recent[rows],
        mixes.earlier[rows],
        mixes.last[rows],
    )


def _expected(mixes: _Mixes, growth: Doubles) -> Doubles:
    """The recent days that each row should have, (rows,), if only the shop's season changed.

    The odds of being recent are the customer's own, times the category's growth. The customer's
    are found by Newton's method, so that the sums over categories are the observed ones.

    Args:
        mixes: the rows of the tested customers.
        growth: (categories,) logarithm of each category's growth, see `_growth`.
    """
    days = mixes.recent + mixes.earlier
    grown = growth[mixes.category]
    recent, earlier = mixes.sums(mixes.recent), mixes.sums(mixes.earlier)
    odds: Doubles = np.log(np.maximum(recent, 1) / np.maximum(earlier, 1))
    for _ in range(_NEWTON_STEPS):
        share = expit(odds[mixes.customer] + grown).astype(np.float64)
        slope = mixes.sums(days * share * (1 - share))
        step = (recent - mixes.sums(days * share)) / np.maximum(slope, 1e-9)
        odds += np.clip(step, -1, 1)
    return days * expit(odds[mixes.customer] + grown).astype(np.float64)


def _p_values(mixes: _Mixes, expected: Doubles) -> Doubles:
    """The p-value of each customer's G-test with Williams' correction, (customers,)."""
    days = mixes.recent + mixes.earlier
    parts = xlogy(mixes.recent, mixes.recent / expected)
    parts += xlogy(mixes.earlier, mixes.earlier / (days - expected))
    g: Doubles = np.maximum(2 * mixes.sums(parts.astype(np.float64)), 0)
    freedom = np.maximum(mixes.sums(np.ones(len(days))) - 1, 1)
    total, recent, earlier = (mixes.sums(x) for x in (days, mixes.recent, mixes.earlier))
    total, recent, earlier = (np.maximum(x, 1) for x in (total, recent, earlier))
    spread = (total / recent + total / earlier - 1) * (total * mixes.sums(1 / days) - 1)
    corrected = g / (1 + spread / (6 * total * freedom))
    return np.asarray(chi2.sf(corrected, freedom), dtype=np.float64)


def _controlled(p: Doubles, shares: np.ndarray) -> Doubles:
    """The p-values after genomic control, by the median of customers who share."""
    z = chi2.isf(np.maximum(p, 1e-300), 1)
    inflation = max(1.0, float(np.median(z[shares]) / chi2.isf(0.5, 1)))
    controlled: Doubles = chi2.sf(z / inflation, 1)
    return controlled


def _best_rows(mixes: _Mixes, gain: Doubles) -> Ints:
    """The row of each customer with the largest gain, the first category on ties."""
    order = np.lexsort((mixes.category, -gain.round(9), mixes.customer))
    first = np.flatnonzero(np.diff(mixes.customer[order], prepend=-1))
    return order[first]

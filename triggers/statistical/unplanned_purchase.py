"""`unplanned_purchase`: a purchase was unusually large, and something usually follows it.

What a customer spends in a category on a day is compared, as a logarithm, with two baselines: the
customer's own and the category's. Each is a median, and deviations are measured in median absolute
deviations (Iglewicz and Hoaglin 1993, How to detect and handle outliers). The week's and the
weekday's medians are removed first, so a season in which everybody spends more flags nobody. Own
medians and deviations are shrunk to the shop's. The two deviations are added (Stouffer's method).

The null is empirical (Efron 2004, Large-scale simultaneous hypothesis testing: the choice of a null
hypothesis, JASA 99(465)): a t distribution that is fitted to the middle of the shop's deviations,
where few purchases are unplanned. The false discovery rate among purchases of customers who share
is controlled, see `false_discoveries`; those of all others are compared with the same p-value.

The reason names the category that usually follows such a purchase, see `follow_ups`, unless the
customer has bought from it since. The strength is impact times likelihood: what was spent beyond
the usual, in major units of money, times one minus the p-value. Where few purchases have an amount
or a price, units bought take the place of money.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
from scipy.optimize import brentq
from scipy.stats import t as student

from followsuit.graph.views.view import SharedView, View
from followsuit.triggers.statistical.category_days import (
    CategoryDays,
    Doubles,
    Ints,
    category_days,
)
from followsuit.triggers.statistical.false_discoveries import largest_p
from followsuit.triggers.statistical.follow_ups import follow_ups
from followsuit.triggers.statistical.found import TooLittleToLearn, found_rows, sharing
from followsuit.triggers.statistical.medians import NORMAL, deviations, medians

FEWEST = 200
"""At least this many purchases of customers who share must be known."""
FEWEST_OWN = 8
"""A customer is tested with at least this many purchases within a year."""
_MINOR = 100
_SHRINK_WEEK = 20.0
_SHRINK_CATEGORY = 10.0
_SHRINK_OWN = 4.0
"""Medians and deviations are shrunk to the shop's as if by this many more purchases like it."""
_FLATTEST = 0.05
"""The smallest deviation of a logarithm that is one unit."""
_MOST_FREEDOM, _LEAST_FREEDOM = 100.0, 2.0


def unplanned_purchase(view: View, within: timedelta) -> pa.Table:
    """Unusually large purchases, with the category that usually follows, in the columns of `FOUND`.

    `strength` is in major units of money, or in units bought.

    Args:
        view: the view.
        within: purchases are recent within this time.

    Raises:
        TooLittleToLearn: too few purchases of customers who share are known.
    """
    days = _read(view, within)
    shared = days if isinstance(view, SharedView) else _read(view.shared, within)
    usual = _learn(shared)
    spent = usual.values(days)
    z, above = usual.unusual(days, spent)
    recent = days.day > -(within // timedelta(days=1))
    tested = np.flatnonzero(recent & np.isfinite(z))
    p = usual.p_values(z[tested])
    shares = (sharing(view).of(days.customers.ids) >= 0)[days.customer[tested]]
    kept = np.flatnonzero(p <= largest_p(p[shares]))
    rows, strength = tested[kept], above[tested[kept]] * (1 - p[kept])
    follows = _follows(view.shared, days, rows)
    some = np.flatnonzero(follows != None)  # noqa: E711
    rows = rows[some]
    return found_rows(
        view,
        days.customers.ids[days.customer[rows]],
        days.day[rows],
        strength[some],
        categories=follows[some],
    )


def _read(view: View, within: timedelta) -> CategoryDays:
    """The purchases of customers with a recent one; no others can have a reason."""
    days = category_days(view)
    lately = days.customer[days.day > -(within // timedelta(days=1))]
    return days.of_customers(np.bincount(lately, minlength=len(days.customers)) > 0)


@dataclass(frozen=True)
class _Usual:
    """What is usual in the shop. Logarithms are of what was spent, or of units.

    Attributes:
        money: whether amounts count; if not, units do.
        middle: the median logarithm.
        week: (weeks,) how far each week's median is above it; week 0 ends at the instant.
        weekday: (7,) the same by day, counted back from the instant, modulo 7.
        categories: the categories.
        category: (categories,) how far each category's median is above the rest.
        deviation: (categories,) deviation of each category from its median.
        own: deviation of the typical customer from their own median.
        null: location, scale and degrees of freedom of the null.
    """

    money: bool
    middle: float
    week: Doubles
    weekday: Doubles
    categories: np.ndarray
    category: Doubles
    deviation: Doubles
    own: float = 1.0
    null: tuple[float, float, float] = (0.0, 1.0, _MOST_FREEDOM)

    def values(self, days: CategoryDays) -> Doubles:
        """What was spent, in major units, or the units bought, (rows,); NaN if unknown."""
        values = days.amount / _MINOR if self.money else days.units
        return np.where(values > 0, values, np.nan)

    def unusual(self, days: CategoryDays, values: Doubles) -> tuple[Doubles, Doubles]:
        """How unusual each row is, in deviations, and how far above the usual, (rows,).

        Both are NaN where the customer has too few purchases.
        """
        known = np.flatnonzero(np.isfinite(values))
        customer, count = days.customer[known], len(days.customers)
        season = self.middle + _season(days.day[known], self.week, self.weekday)
        rest = np.log(values[known]) - season
        middle, number = medians(rest, customer, count)
        middle *= number / (number + _SHRINK_OWN)
        deviation, _ = deviations(rest, customer, middle)
        spread = _shrunk(deviation, number, self.own)
        position = np.searchsorted(self.categories, days.categories.ids)
        # A category that nobody who shares has bought from has the shop's median, and the largest
        # deviation.
        listed = np.append(self.categories, "")[position] == days.categories.ids
        of_category = np.where(listed, np.append(self.category, 0.0)[position], 0.0)
        width = np.where(listed, np.append(self.deviation, 1.0)[position], self.deviation.max())
        category = days.category[known]
        own = (rest - middle[customer]) / spread[customer]
        others = (rest - of_category[category]) / width[category]
        enough = number[customer] >= FEWEST_OWN
        z, above = (np.full(len(values), np.nan) for _ in range(2))
        z[known] = np.where(enough, (own + others) / np.sqrt(2), np.nan).round(9)
        above[known] = values[known] - np.exp(season + middle[customer])
        return z, above

    def p_values(self, z: Doubles) -> Doubles:
        """The probability of a deviation as large as each one, by the null, (rows,)."""
        location, scale, freedom = self.null
        p: Doubles = student.sf((z - location) / scale, freedom)
        return p


def _learn(days: CategoryDays) -> _Usual:
    """Learn from the purchases of customers who share."""
    with_amount = np.isfinite(days.amount).sum()
    money = bool(2 * with_amount >= len(days.day))
    none = np.zeros(0)
    empty = _Usual(money, 0.0, none, none, days.categories.ids, none, none)
    values = empty.values(days)
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < FEWEST:
        raise TooLittleToLearn(
            f"{len(known)} purchases of customers who share their activity are known. Unplanned "
            f"purchases need {FEWEST}: choose a later day, or load a longer history."
        )
    logs, category, ago = np.log(values[known]), days.category[known], -days.day[known]
    count = len(days.categories)
    middle = float(np.median(logs))
    rest = logs - middle
    of_category, number = medians(rest, category, count)
    of_category *= number / (number + _SHRINK_CATEGORY)
    without = rest - of_category[category]
    week, number = medians(without, ago // 7, 53)
    week *= number / (number + _SHRINK_WEEK)
    weekday, number = medians(without - week[ago // 7], ago % 7, 7)
    weekday *= number / (number + _SHRINK_WEEK)
    rest = rest - _season(-ago, week, weekday)
    of_category, number = medians(rest, category, count)
    of_category *= number / (number + _SHRINK_CATEGORY)
    deviation, number = deviations(rest, category, of_category)
    typical = float(np.median(np.abs(rest - of_category[category]))) * NORMAL
    deviation = _shrunk(deviation, number, typical, _SHRINK_CATEGORY)
    usual = _Usual(money, middle, week, weekday, days.categories.ids, of_category, deviation)
    usual = replace(usual, own=_typical_own(rest, days.customer[known], len(days.customers)))
    z, _ = usual.unusual(days, values)
    return replace(usual, null=fitted_null(z[np.isfinite(z)]))


def _season(day: Ints, week: Doubles, weekday: Doubles) -> Doubles:
    """How far the week's and weekday's medians are above the usual, (rows,)."""
    season: Doubles = week[-day // 7] + weekday[-day % 7]
    return season


def _typical_own(rest: Doubles, customer: Ints, count: int) -> float:
    """The median deviation of customers from their own medians."""
    middle, number = medians(rest, customer, count)
    deviation, _ = deviations(rest, customer, middle)
    enough = deviation[number >= FEWEST_OWN]
    return float(np.median(enough)) if len(enough) else float(np.median(np.abs(rest)))


def _shrunk(
    deviation: Doubles, number: Doubles, typical: float, strength: float = _SHRINK_OWN
) -> Doubles:
    """Deviations that are shrunk to a typical one, by their squares."""
    squares = (strength * typical**2 + number * deviation**2) / (strength + number)
    shrunk: Doubles = np.maximum(np.sqrt(squares), _FLATTEST)
    return shrunk


def fitted_null(z: Doubles) -> tuple[float, float, float]:
    """Location, scale and degrees of freedom of a t distribution, by three quantiles.

    They are the 50 %, 75 % and 97.5 % quantiles, which few unusual purchases hardly move.

    Args:
        z: (rows,) deviations of purchases of customers who share.

    Raises:
        TooLittleToLearn: there are too few, or they hardly differ.
    """
    if len(z) < FEWEST:
        raise TooLittleToLearn(
            f"{len(z)} purchases are of customers who share their activity and have "
            f"{FEWEST_OWN} of them. Unplanned purchases need {FEWEST}: choose a later day, or load "
            "a longer history."
        )
    middle, upper, far = np.quantile(z, [0.5, 0.75, 0.975])
    if upper - middle < _FLATTEST:
        raise TooLittleToLearn(
            "Half of the purchases hardly differ in size, so none is unusual. Load amounts, or "
            "prices of products."
        )
    wanted = (far - middle) / (upper - middle)

    def excess(freedom: float) -> float:
        ratio = student.ppf(0.975, freedom) / student.ppf(0.75, freedom)
        return float(ratio - wanted)

    if excess(_MOST_FREEDOM) >= 0:
        freedom = _MOST_FREEDOM
    elif excess(_LEAST_FREEDOM) <= 0:
        freedom = _LEAST_FREEDOM
    else:
        freedom = float(brentq(excess, _LEAST_FREEDOM, _MOST_FREEDOM, xtol=1e-6))
    return float(middle), float((upper - middle) / student.ppf(0.75, freedom)), round(freedom, 3)


def _follows(view: SharedView, days: CategoryDays, rows: Ints) -> np.ndarray:
    """(rows,) the category that usually follows each purchase, None without one.

    Args:
        view: the customers who share activity.
        days: the purchases.
        rows: positions of some of them.
    """
    follows = np.full(len(rows), None, dtype=object)
    if not len(rows):
        return follows
    bought = days.categories.ids[days.category[rows]]
    rules = follow_ups(view, sorted(set(bought)))
    then = {name: part.follows.to_list() for name, part in rules.groupby("category")}
    for number, row in enumerate(rows):
        own = slice(*np.searchsorted(days.customer, [days.customer[row], days.customer[row] + 1]))
        since = days.category[own][days.day[own] >= days.day[row]]
        has = set(days.categories.ids[since])
        follows[number] = next((c for c in then.get(bought[number], []) if c not in has), None)
    return follows

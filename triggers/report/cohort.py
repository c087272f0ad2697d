"""The customers to judge as of a day, in strata of customers who are alike.

Customers of a stratum have the same city and are equally recent, frequent and active, see `cohort`.
"""

from datetime import timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from followsuit.core.codes import Codes
from followsuit.graph import tables as t
from followsuit.graph.consent import MINOR
from followsuit.graph.views.as_of import whole_seconds
from followsuit.graph.views.view import View

_YEAR, _QUARTER = timedelta(days=365), timedelta(days=90)
_DAY_SECONDS = 86_400
_RECENCY = (8, 31, 91)
"""Days since the last interaction that begin a new bin."""
_COUNTS = (1, 2, 3, 4, 5, 7, 9, 12, 17, 23, 33, 46, 65, 91, 129, 182, 257)
"""Counts that begin a new bin: above 4, a bin's ends differ by a factor of at most 1.4."""
_TYPES = {"customer_id": "string", "customer": "int64", "stratum": "int64"}


def cohort(view: View, customers: Codes) -> ir.Table:
    """The customers to judge: all but known minors, and those whose refusal couldn't be read.

    Customers are alike as of the day if they have the same city and the same bin of each of

    - recency: days since the last purchase, visit or event;
    - frequency: number of purchases and visits in the last 365 days;
    - activity: number of days with a purchase, visit or event in the last 90 days.

    Args:
        view: the view as of the day.
        customers: all customers.

    Returns:
        `customer_id`; `customer`, the code; `stratum`, a number from 0. Drop it after use, see
        `Snapshot.drop`.
    """
    frame = _eligible(view).left_join(_behaviour(view), "customer_id").to_pandas()
    frame = frame.sort_values("customer_id", ignore_index=True)
    bins = [
        np.searchsorted(edges, frame[name].fillna(empty).to_numpy(), side="right")
        for name, edges, empty in (
            ("idle_days", _RECENCY, np.inf),
            ("purchases", _COUNTS, 0),
            ("active_days", _COUNTS, 0),
        )
    ]
    city = pd.factorize(frame.city.fillna(""))[0]
    strata = pd.MultiIndex.from_arrays([city, *bins])
    frame["stratum"] = pd.factorize(strata)[0]
    frame["customer"] = customers.of(frame.customer_id.to_numpy(dtype=object))
    return view.snapshot.keep(ibis.memtable(frame[list(_TYPES)], schema=_TYPES))


def _eligible(view: View) -> ir.Table:
    """`customer_id, city` of the customers to judge."""
    people = view.people
    minors = people.filter((people.blocked_by == MINOR).fill_null(False))
    rows = view.customers.anti_join(minors, "customer_id")
    blocked = list(view.snapshot.meta.blocked_customers)
    if blocked:
        named = ibis.memtable({"customer_id": blocked}, schema={"customer_id": "string"})
        rows = rows.anti_join(named, "customer_id")
    return rows


def _behaviour(view: View) -> ir.Table:
    """`customer_id, idle_days, purchases, active_days` of customers active in the last year."""
    counted = {t.PURCHASES: 1, t.VISITS: 1, t.EVENTS: 0}
    parts = [
        view.interactions_in(table).select("customer_id", "at", counted=ibis.literal(number))
        for table, number in counted.items()
    ]
    rows = view.within(ibis.union(*parts), _YEAR)
    now = int(view.as_of.timestamp())
    age = now - whole_seconds(rows["at"])
    rows = rows.mutate(age=age, day=(age / _DAY_SECONDS).floor())
    lately = rows.age < _QUARTER.total_seconds()
    return rows.group_by("customer_id").aggregate(
        idle_days=rows.age.min() / float(_DAY_SECONDS),
        purchases=rows.counted.sum(),
        active_days=rows.day.nunique(where=lately),
    )

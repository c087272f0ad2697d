"""What a statistic finds, before the share of customers is limited."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from followsuit.core.codes import Codes
from followsuit.core.errors import FollowsuitError
from followsuit.graph import schema as g
from followsuit.graph.views.view import View

FOUND = pa.schema(
    {
        "customer_id": g.TEXT,
        "item_id": g.TEXT,
        "category": g.TEXT,
        "fired_at": g.TIME,
        "strength": g.NUMBER,
    }
)
"""Columns of what a statistic finds.

A row depends on the customer's own rows, and on what was learned from customers who share activity.
It names a product (`item_id`), a category, or neither. `fired_at` is when it began: the end of a
period of 24 hours, counted back from the view's instant. `strength` is impact times likelihood, and
positive; the statistic says in which unit.
"""
_DIGITS = 9


class TooLittleToLearn(FollowsuitError):
    """The customers who share activity have too few purchases for a statistic."""


def found_rows(
    view: View,
    customers: np.ndarray,
    day: np.ndarray,
    strength: np.ndarray,
    *,
    items: np.ndarray | None = None,
    categories: np.ndarray | None = None,
) -> pa.Table:
    """Rows in the columns of `FOUND`, sorted.

    Args:
        view: the view that they were found in.
        customers: (rows,) ids.
        day: (rows,) the day on which each began, at most 0, see `PurchaseDays.day`.
        strength: (rows,) impact times likelihood; rows without a positive one are left out.
        items: (rows,) ids of products; None if the reasons name no product.
        categories: (rows,) names of categories; None if the reasons name no category.
    """
    rounded = np.round(strength, _DIGITS)
    kept = np.flatnonzero(rounded > 0)
    nothing = np.full(len(customers), None, dtype=object)
    rows = pa.table(
        [
            pa.array(customers[kept], g.TEXT),
            pa.array((nothing if items is None else items)[kept], g.TEXT),
            pa.array((nothing if categories is None else categories)[kept], g.TEXT),
            _times(view, day[kept]),
            pa.array(rounded[kept], g.NUMBER),
        ],
        schema=FOUND,
    )
    return rows.sort_by([(name, "ascending") for name in ("customer_id", "item_id", "category")])


def nothing_found() -> pa.Table:
    """No rows, in the columns of `FOUND`."""
    return FOUND.empty_table()


def sharing(view: View) -> Codes:
    """The customers of a view who share activity."""
    return view.shared.customer_codes


def _times(view: View, day: np.ndarray) -> pa.Array:
    ago = pa.array(day.astype("int64") * (timedelta(days=1) // timedelta(microseconds=1)))
    now = pa.scalar(view.as_of, g.TIME).cast(pa.int64())
    return pc.add(ago, now).cast(g.TIME)


def within_share(rows: pd.DataFrame, shares: np.ndarray, most: int, each: int) -> np.ndarray:
    """Which rows are among the strongest, so that at most `most` customers who share have one.

    Customers who share are ranked by their strongest row. All others are compared with the last
    of these who is within the limit, so that they take nobody's place.

    Args:
        rows: `customer_id` and `strength`, in an order of which equal strengths keep the first.
        shares: (rows,) bool: whether the customer shares activity.
        most: maximum number of customers who share and have a row.
        each: maximum number of rows of a customer.

    Returns:
        (rows,) bool.
    """
    best = rows.groupby("customer_id").strength.max()
    of_sharing = best[best.index.isin(rows.customer_id[shares])]
    first = of_sharing.sort_values(ascending=False, kind="stable").iloc[:most]
    limit = first.iloc[-1] if most and len(first) == most else 0.0
    others = best.index[(best >= limit) & ~best.index.isin(of_sharing.index)]
    rank = rows.groupby("customer_id").strength.rank(method="first", ascending=False)
    chosen: np.ndarray = (
        rows.customer_id.isin(first.index.append(others)) & (rank <= each)
    ).to_numpy()
    return chosen

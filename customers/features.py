"""What describes a customer, as of a view: recency, frequency, spend and price level."""

from collections.abc import Sequence
from datetime import timedelta

import ibis
import ibis.expr.types as ir

from followsuit.graph.items import ITEM
from followsuit.graph.views.as_of import whole_seconds
from followsuit.graph.views.view import View, of_customers

YEAR = timedelta(days=365)
"""Orders and spend are those of a year."""
_DAY = 86_400
_SCALE = 1e9


def customer_features(
    view: View, window: timedelta, customers: Sequence[str] | None = None
) -> ir.Table:
    """How customers interact.

    A customer's row depends on that customer's own interactions alone.

    Args:
        view: the view as of the cutoff.
        window: interactions within this time count as recent.
        customers: the ids of the customers; None for all.

    Returns:
        `customer_id`, `days` since the last interaction, `items` with a recent interaction, and
        `log_price`, the mean logarithm of the prices (minor units) of the customer's products. A
        customer without interactions has no row; `items` and `log_price` may be null.
    """
    rows = of_customers(view.interactions, customers)
    now = int(view.as_of.timestamp())
    last = rows.group_by("customer_id").aggregate(at=whole_seconds(rows["at"]).max())
    last = last.select("customer_id", days=(now - last["at"]) / _DAY)
    recent = of_customers(view.recent(window), customers).drop("at").distinct()
    items = recent.group_by("customer_id").aggregate(items=recent.count())
    priced = view.items.filter(view.items.price > 0).select(*ITEM, "price")
    firsts = of_customers(view.first_interactions, customers)
    paid = firsts.inner_join(priced, list(ITEM))
    # Whole numbers add up to the same sum in any order.
    logs = (paid.price.ln() * _SCALE).round().cast("int64")
    prices = paid.group_by("customer_id").aggregate(log_price=logs.sum() / paid.count() / _SCALE)
    joined = last.left_join(items, "customer_id").drop("customer_id_right")
    joined = joined.left_join(prices, "customer_id").drop("customer_id_right")
    return joined.select("customer_id", "days", "items", "log_price")


def spending(view: View) -> ir.Table:
    """What customers spent within a year.

    Args:
        view: the view as of the cutoff.

    Returns:
        `customer_id`, `days` since the last purchase, number of `orders`, and `spend` in minor
        units of money; a customer without purchases has no row.
    """
    rows = view.within(view.purchase_rows, YEAR)
    now = int(view.as_of.timestamp())
    return rows.group_by("customer_id").aggregate(
        days=(now - whole_seconds(rows["at"]).max()) / _DAY,
        orders=rows.order_id.nunique(),
        spend=ibis.coalesce(rows.amount.sum(), 0),
    )

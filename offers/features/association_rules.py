"""Association rules: which products are bought together more often than by chance.

Agrawal, Imielinski and Swami (1993), "Mining association rules between sets of items in large
databases", SIGMOD. The lift of a rule is the share of baskets with both products over what their
shares alone would give. Rare pairs have high lifts by chance, so rules are ranked by a lower bound:
the lift with half a basket added, less 1.645 standard errors of its logarithm (a Poisson count).
"""

from datetime import timedelta

import ibis
import ibis.expr.types as ir

from followsuit.graph.views.view import SharedView, View

WINDOW = timedelta(days=180)
"""Rules are of the baskets within this time."""
LAST = timedelta(days=30)
"""A basket counts as a customer's last one within this time."""
CUSTOMERS = 5
"""A rule needs at least this many customers who bought both products at once."""
LARGEST = 30
"""Baskets with more products, of resellers say, are left out."""
_Z = 1.645
"""Standard errors below a logarithm that give its lower 5 % bound."""


def association_rules(view: SharedView) -> ir.Table:
    """The rules of the last 180 days, by customers who share activity.

    Returns:
        `product_id, with_product_id, support, confidence, lift, lift_low`, those with `lift_low`
        above 1: `support` is the share of baskets with both, `confidence` the share of the baskets
        with the first that have the second.
    """
    rows = view.within(view.purchase_rows, WINDOW)
    rows = rows.select("order_id", "customer_id", "product_id")
    key = ["order_id", "customer_id"]
    # Where most orders have one row, this takes half as long as making all rows distinct.
    orders = rows.group_by(key).aggregate(rows=rows.count(), product_id=rows.product_id.min())
    longer = rows.semi_join(orders.filter(orders.rows > 1), key).distinct()
    sizes = longer.group_by(key).aggregate(products=longer.count())
    several = longer.semi_join(sizes.filter(sizes.products.between(2, LARGEST)), key)
    single = orders.filter(orders.rows == 1)
    # A pair has enough customers only if each of its products has (Agrawal and Srikant 1994).
    buyers = several.group_by("product_id").aggregate(buyers=several.customer_id.nunique())
    several = several.semi_join(buyers.filter(buyers.buyers >= CUSTOMERS), "product_id")
    pairs = several.inner_join(several.rename(with_product_id="product_id"), key)
    pairs = pairs.filter(pairs.product_id < pairs.with_product_id)
    key = ["product_id", "with_product_id"]
    by_customer = pairs.group_by(*key, "customer_id").aggregate(both=pairs.count())
    one_way = by_customer.group_by(*key).aggregate(
        both=by_customer.both.sum(), customers=by_customer.count()
    )
    one_way = one_way.filter(one_way.customers >= CUSTOMERS)
    other_way = one_way.rename(product_id="with_product_id", with_product_id="product_id")
    both = ibis.union(one_way, other_way.select(*one_way.columns))
    baskets = single.select("product_id").union(longer.select("product_id"))
    bought = baskets.group_by("product_id").aggregate(first=baskets.count())
    both = both.inner_join(bought, "product_id")
    second = bought.rename(with_product_id="product_id", second="first")
    both = both.inner_join(second, "with_product_id").cross_join(
        orders.aggregate(baskets=orders.count())
    )
    expected = both.first * both.second / both.baskets
    lift, shrunken = both.both / expected, (both.both + 0.5) / (expected + 0.5)
    low = shrunken * (-_Z / (both.both + 0.5).sqrt()).exp()
    rules = both.select(
        "product_id",
        "with_product_id",
        support=both.both / both.baskets,
        confidence=both.both / both.first,
        lift=lift,
        lift_low=low,
    )
    return rules.filter(rules.lift_low > 1)


def last_baskets(view: View) -> ir.Table:
    """`customer_id, product_id`: each customer's last basket, if it is of the last 30 days."""
    rows = view.within(view.purchase_rows, LAST)
    newest = rows.group_by("customer_id").aggregate(newest=rows["at"].max())
    rows = rows.inner_join(newest, "customer_id")
    return rows.filter(rows["at"] == rows.newest).select("customer_id", "product_id").distinct()

"""On which days customers bought from which categories, and for how much."""

from dataclasses import dataclass
from datetime import timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from followsuit.core.codes import Codes
from followsuit.graph import tables as t
from followsuit.graph.items import PRODUCT
from followsuit.graph.view import View, whole_seconds

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

YEAR = timedelta(days=365)
_DAY = 86_400
_THOUSANDTHS = 1000


@dataclass(frozen=True)
class CategoryDays:
    """Purchases of the last year, sorted by customer, day and category; each row is distinct.

    Products without a category aren't in it.

    Attributes:
        customers: the customers, sorted by id.
        categories: the categories, sorted by name.
        customer: (rows,) code of the customer.
        category: (rows,) code of the category.
        day: (rows,) day of the purchase, see `PurchaseDays.day`.
        amount: (rows,) money spent on the day, in minor units of the shop's currency; NaN if
            unknown.
        units: (rows,) units bought on the day.
    """

    customers: Codes
    categories: Codes
    customer: Ints
    category: Ints
    day: Ints
    amount: Doubles
    units: Doubles


def in_categories(view: View) -> ir.Table:
    """Purchases of the last year: the columns of `View.purchase_rows`, `category` and `day`."""
    rows = view.within(view.purchase_rows, YEAR)
    days_ago = (int(view.as_of.timestamp()) - whole_seconds(rows["at"])) // _DAY
    items = view.items
    known = items.filter(items.item_kind == PRODUCT, items.category.notnull())
    rows = rows.mutate(day=-days_ago.cast("int64"))
    return rows.inner_join(known.select(product_id="item_id", category="category"), "product_id")


def category_days(view: View, rows: ir.Table, currency: str | None) -> CategoryDays:
    """Read purchases.

    Args:
        view: the view of the purchases.
        rows: some rows of `in_categories`.
        currency: the shop's currency, see `shop_currency`; amounts in others are unknown. An amount
            that is missing is the product's price times the quantity.
    """
    prices = view.table(t.PRODUCTS).select("product_id", "price")
    rows = rows.left_join(prices, "product_id").drop("product_id_right")
    quantity = rows.quantity.fill_null(1.0)
    price = (rows.price * quantity).round().cast("int64")
    own = rows.currency.isnull() | (rows.currency == ibis.literal(currency, str))
    amount = ibis.coalesce(rows.amount, price)
    # Sums of whole numbers don't depend on their order.
    rows = rows.select(
        "customer_id",
        "category",
        "day",
        amount=own.fill_null(True).ifelse(amount, None),
        units=(quantity * _THOUSANDTHS).round().cast("int64"),
    )
    sums = rows.group_by("customer_id", "category", "day").aggregate(
        amount=rows.amount.sum(), units=rows.units.sum()
    )
    table = sums.to_pyarrow()
    customers, categories = (Codes.of_distinct(table[name]) for name in ("customer_id", "category"))
    customer, category = customers.of(table["customer_id"]), categories.of(table["category"])
    day = table["day"].to_numpy().astype(np.int64)
    order = np.lexsort((category, day, customer))
    amounts = table["amount"].cast(pa.float64()).to_numpy()
    return CategoryDays(
        customers,
        categories,
        customer[order],
        category[order],
        day[order],
        amounts[order],
        table["units"].to_numpy()[order] / _THOUSANDTHS,
    )

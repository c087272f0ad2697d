"""On which days customers bought from which categories, and for how much."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import numpy as np
from numpy.typing import NDArray

from followsuit.core.codes import Codes
from followsuit.graph.items import PRODUCT
from followsuit.graph.views.purchase_arrays import THOUSANDTHS, PurchaseArrays
from followsuit.graph.views.view import View
from followsuit.triggers.compiler.interactions import shop_currency

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

YEAR = timedelta(days=365)


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

    def of_customers(self, wanted: np.ndarray) -> Self:
        """The rows of some customers.

        Args:
            wanted: (customers,) bool.
        """
        rows = np.flatnonzero(wanted[self.customer])
        customers, customer = self.customers.used(self.customer[rows])
        categories, category = self.categories.used(self.category[rows])
        columns = self.day[rows], self.amount[rows], self.units[rows]
        return type(self)(customers, categories, customer, category, *columns)


def category_days(view: View) -> CategoryDays:
    """The purchases of a view within a year, read once.

    Amounts in another currency than the shop's are unknown. An amount that is missing is the
    product's price times the quantity.
    """
    return view.once("category days", lambda: _read(view))


def _read(view: View) -> CategoryDays:
    rows = view.purchase_arrays(YEAR)
    categories, category = _categories(view, rows.products)
    rows = rows.only(category[rows.product] >= 0)
    customers, customer = rows.customers.used(rows.customer)
    categories, category = categories.used(category[rows.product])
    day = rows.days_until(int(view.as_of.timestamp()))
    # One number for customer, day and category, in this order.
    first, count = day.min(initial=0), len(categories)
    length = 1 - first
    key = (customer * length + day - first) * count + category
    order = np.argsort(key, kind="stable")
    key = key[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    customer, key = np.divmod(key[starts], length * max(count, 1))
    day, category = np.divmod(key, max(count, 1))
    amount = np.where(_in_currency(view, rows), rows.amount, np.nan)
    return CategoryDays(
        customers,
        categories,
        customer,
        category,
        day + first,
        _sums(amount[order], starts),
        _sums(rows.units[order].astype(np.float64), starts) / THOUSANDTHS,
    )


def _categories(view: View, products: Codes) -> tuple[Codes, Ints]:
    """The categories of products, and the code of each one's; -1 without one."""
    items = view.items
    known = items.filter(items.item_kind == PRODUCT, items.category.notnull())
    table = known.select("item_id", "category").to_pyarrow()
    codes = Codes.of_distinct(table["category"])
    return codes, codes.of(products.lay_out(table["item_id"], table["category"], None))


def _in_currency(view: View, rows: PurchaseArrays) -> np.ndarray:
    """(rows,) bool: whether the amount is in the shop's currency, or names none."""
    if len(rows.currencies) < 2:
        return np.ones(len(rows), dtype=bool)
    currency = shop_currency(view.shared)
    known = rows.currencies.ids == currency
    return np.append(known, True)[rows.currency] if currency else np.ones(len(rows), dtype=bool)


def _sums(values: Doubles, starts: Ints) -> Doubles:
    """The sum of each run of whole numbers, without missing ones; NaN if all are missing."""
    if not len(starts):
        return np.zeros(0)
    known = np.isfinite(values)
    sums = np.add.reduceat(np.where(known, values, 0.0), starts)
    return np.where(np.logical_or.reduceat(known, starts), sums, np.nan)

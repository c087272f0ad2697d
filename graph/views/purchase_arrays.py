"""Purchases as arrays, for statistics that read all of them: read once, and cut for each view."""

from dataclasses import dataclass, replace
from typing import Any, Self

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from followsuit.core.codes import Codes

Whole = NDArray[np.integer[Any]]

THOUSANDTHS = 1000
NO_CURRENCY = -1
_SECOND = 1_000_000
_DAY = 86_400


@dataclass(frozen=True)
class PurchaseArrays:
    """Purchases, sorted by customer, product and time.

    Attributes:
        customers: customers, sorted by id; some may have no row.
        products: products, sorted by id; some may have no row.
        currencies: the currencies that purchases name.
        customer: (rows,) code of the customer.
        product: (rows,) code of the product.
        at: (rows,) microseconds since 1970.
        amount: (rows,) money spent in minor units, else the product's price times the quantity; NaN
            if unknown.
        currency: (rows,) code of the currency of the amount, `NO_CURRENCY` if none is named.
        units: (rows,) thousandths of units bought.
    """

    customers: Codes
    products: Codes
    currencies: Codes
    customer: Whole
    product: Whole
    at: Whole
    amount: NDArray[np.float64]
    currency: Whole
    units: Whole

    def __len__(self) -> int:
        return len(self.at)

    def only(self, rows: np.ndarray) -> Self:
        """Some of the rows, in their order; codes stay.

        Args:
            rows: (all rows,) bool.
        """
        names = ("customer", "product", "at", "amount", "currency", "units")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    def only_used(self) -> Self:
        """The same rows, with codes for the customers and products that have one."""
        customers, customer = self.customers.used(self.customer)
        products, product = self.products.used(self.product)
        return replace(
            self, customers=customers, products=products, customer=customer, product=product
        )

    def days_until(self, instant: int) -> Whole:
        """(rows,) the day of each purchase: day 0 is the 24 hours that end at an instant.

        Args:
            instant: whole seconds since 1970.
        """
        return -((instant - self.at // _SECOND) // _DAY)


def purchase_arrays(rows: ir.Table, prices: ir.Table) -> PurchaseArrays:
    """Read purchases.

    Args:
        rows: purchases in the contract's columns.
        prices: `product_id, price` in minor units.
    """
    rows = rows.left_join(prices, "product_id").drop("product_id_right")
    quantity = rows.quantity.fill_null(1.0)
    listed = (rows.price * quantity).round().cast("int64")
    table = rows.select(
        "customer_id",
        "product_id",
        "at",
        "currency",
        amount=ibis.coalesce(rows.amount, listed),
        units=(quantity * THOUSANDTHS).round().cast("int64"),
    ).to_pyarrow()
    customers, customer = _coded(table["customer_id"])
    products, product = _coded(table["product_id"])
    currencies, currency = _coded(table["currency"])
    at = table["at"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
    order = np.lexsort((at, product, customer))
    return PurchaseArrays(
        customers,
        products,
        currencies,
        customer[order],
        product[order],
        at[order],
        table["amount"].cast(pa.float64()).to_numpy()[order],
        currency[order],
        table["units"].to_numpy()[order],
    )


def _coded(texts: pa.ChunkedArray) -> tuple[Codes, Whole]:
    """The distinct texts of a column, and the code of each row; -1 where it is missing."""
    codes = Codes.of_distinct(texts.drop_null())
    return codes, codes.of(texts).astype(np.int32)

"""What goes with a customer's last basket."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from followsuit.graph.items import PRODUCT
from followsuit.offers.candidates.grid import Grid
from followsuit.offers.features.association_rules import association_rules, last_baskets
from followsuit.offers.features.feature import SparseFeature


class Basket(SparseFeature):
    """Sum of the log lifts of a product with the products of the customer's last basket.

    A lift is the lower bound of an association rule; see `association_rules`. 0 without one.
    """

    name = "basket_lift"
    unit = "log of lifts"
    source = "purchases"
    start = 0.0

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid)
        # Sorted, so that sums have one order.
        rules = association_rules(grid.view.shared).order_by("product_id", "with_product_id")
        rules = rules.to_pyarrow()
        own = last_baskets(grid.view).order_by("customer_id", "product_id").to_pyarrow()
        codes, items = grid.view.item_list.codes, len(grid.view.item_list)
        column = grid.columns(codes.of(_keys(rules["with_product_id"])))
        row, lift = codes.of(_keys(rules["product_id"])), np.log(rules["lift_low"].to_numpy())
        here = (row >= 0) & (column >= 0)
        shape = (items, len(grid.items))
        lifts = sparse.csr_matrix((lift[here], (row[here], column[here])), shape)
        customer = grid.customers.of(own["customer_id"])
        product = codes.of(_keys(own["product_id"]))
        here = (customer >= 0) & (product >= 0)
        ones, shape = np.ones(here.sum()), (len(grid.customers), items)
        baskets = sparse.csr_matrix((ones, (customer[here], product[here])), shape)
        self.matrix = baskets @ lifts


def _keys(products: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(PRODUCT, products, ":")

"""The value of a customer's interaction: mean margin if known, else mean amount, else 1."""

import numpy as np

from followsuit.graph.items import PRODUCT
from followsuit.graph.views.view import SharedView
from followsuit.influence.log.arrays import Floats

_EXACT = "decimal(38, 6)"


def interaction_values(view: SharedView) -> tuple[Floats, str]:
    """The value of an interaction of each customer, as of the view's instant.

    Returns:
        (customers) values, and their unit. `margin` and `amount` are the mean of the customer's
        purchases, in minor units of money; customers without purchases get the mean of all
        purchases; losses count as 0. If no purchase has either, the unit is `acts`, and each
        interaction counts as 1.
    """
    bought = view.purchase_rows
    products = view.items.filter(view.items.item_kind == PRODUCT)
    rows = bought.inner_join(products.select("margin", product_id="item_id"), "product_id")
    rows = rows.mutate(gain=rows.margin * rows.quantity.fill_null(1))
    customers = view.customer_codes.ids
    for name, column in (("margin", rows.gain), ("amount", rows.amount)):
        known = rows.filter(column.notnull()).group_by("customer_id")
        # Sums of decimals are exact in any order of the rows.
        total = column.cast(_EXACT).sum().cast("float64")
        means = known.aggregate(value=total / column.count(), n=column.count()).to_pandas()
        if len(means) and means.value.max() > 0:
            overall = float((means.value * means.n).sum() / means.n.sum())
            own = means.set_index("customer_id").value.reindex(customers)
            return np.maximum(own.fillna(overall).to_numpy(dtype=np.float64), 0), name
    return np.ones(len(customers)), "acts"

"""What an interaction is worth: the margin of what a customer buys, else the amount, else 1."""

import numpy as np

from followsuit.graph.items import PRODUCT
from followsuit.graph.view import SharedView
from followsuit.influence.log.arrays import Floats

_EXACT = "decimal(38, 6)"


def act_values(view: SharedView) -> tuple[Floats, str]:
    """The value of an interaction of each customer, as of the view's instant.

    Returns:
        (customers), and what it is in: `margin` or `amount` (mean of a customer's purchases, in
        minor units; of all purchases for those who have none; losses count as 0), or `acts` (1
        each), where the shop knows neither.
    """
    bought = view.purchase_rows
    products = view.items.filter(view.items.item_kind == PRODUCT)
    rows = bought.inner_join(products.select("margin", product_id="item_id"), "product_id")
    rows = rows.mutate(gain=rows.margin * rows.quantity.fill_null(1))
    customers = view.customer_codes.ids
    for name, column in (("margin", rows.gain), ("amount", rows.amount)):
        known = rows.filter(column.notnull()).group_by("customer_id")
        # Sums of decimals are exact, in whichever order the rows come.
        total = column.cast(_EXACT).sum().cast("float64")
        means = known.aggregate(value=total / column.count(), n=column.count()).to_pandas()
        if len(means) and means.value.max() > 0:
            overall = float((means.value * means.n).sum() / means.n.sum())
            own = means.set_index("customer_id").value.reindex(customers)
            return np.maximum(own.fillna(overall).to_numpy(dtype=np.float64), 0), name
    return np.ones(len(customers)), "acts"

"""What an act of a customer is worth: the margin of what they buy, else the amount, else 1."""

import numpy as np

from followsuit.graph import tables as t
from followsuit.graph.facts import SharedFacts, without_returns
from followsuit.influence.log.arrays import Floats

_EXACT = "decimal(38, 6)"


def act_values(facts: SharedFacts) -> tuple[Floats, str]:
    """The value of an act of each customer, as of the snapshot of the facts.

    Data that isn't learned from doesn't count here either: sensitive products, and purchases of
    customers who don't share.

    Returns:
        (customers), and what it is in: `margin` or `amount` (mean of a customer's purchases, in
        minor units; of all purchases for those who have none; losses count as 0), or `acts` (1
        each), where the shop knows neither.
    """
    bought = without_returns(facts.snapshot.table(t.PURCHASES))
    bought = bought.semi_join(facts.codes.select(customer_id="id"), "customer_id")
    products = facts.snapshot.table(t.PRODUCTS)
    products = products.filter(~products.sensitive.fill_null(False))
    rows = bought.inner_join(products.select("product_id", "margin"), "product_id")
    rows = rows.mutate(gain=rows.margin * rows.quantity.fill_null(1))
    for name, column in (("margin", rows.gain), ("amount", rows.amount)):
        known = rows.filter(column.notnull()).group_by("customer_id")
        # Sums of decimals are exact, in whichever order the rows come.
        total = column.cast(_EXACT).sum().cast("float64")
        means = known.aggregate(value=total / column.count(), n=column.count()).to_pandas()
        if len(means) and means.value.max() > 0:
            overall = float((means.value * means.n).sum() / means.n.sum())
            own = means.set_index("customer_id").value.reindex(facts.customers)
            return np.maximum(own.fillna(overall).to_numpy(dtype=np.float64), 0), name
    return np.ones(len(facts.customers)), "acts"

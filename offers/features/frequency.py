"""How often a customer has had an item that is due again, lately."""

from typing import ClassVar

import numpy as np

from followsuit.graph.items import ITEM, item_key
from followsuit.graph.views.as_of import whole_seconds
from followsuit.graph.views.view import of_customers
from followsuit.offers.features.of_repeats import OfRepeats, PairValues

_SCALE = 1e9


class Frequency(OfRepeats):
    """log(1 + sum of 0.5^(days since / 30) over the customer's earlier interactions with the item).

    0 for items that are new to the customer.
    """

    name = "frequency"
    unit = "log of interactions"
    source = "purchases, visits"
    half_life: ClassVar[float] = 30.0
    """Days after which an interaction counts half."""

    def pair_values(self, customers: np.ndarray) -> PairValues:  # noqa: D102
        view = self.grid.view
        rows = of_customers(view.interactions, customers.tolist())
        days = (int(view.as_of.timestamp()) - whole_seconds(rows["at"])) / 86_400
        # Whole numbers add up to the same sum in any order.
        weight = ((days * (-np.log(2) / self.half_life)).exp() * _SCALE).round().cast("int64")
        sums = rows.group_by("customer_id", *ITEM).aggregate(total=weight.sum() / _SCALE)
        table = sums.select("customer_id", item=item_key(sums), total=sums.total).to_pyarrow()
        totals = np.log1p(table["total"].to_numpy())
        return PairValues(table["customer_id"], table["item"], totals)

"""How likely a customer buys a product again that is due."""

import numpy as np
import pyarrow as pa

from followsuit.customers.refills import TooFewRefills, learn_refills
from followsuit.graph.items import PRODUCT
from followsuit.offers.features.of_repeats import OfRepeats, PairValues


class Refill(OfRepeats):
    """log(1 + 100 p); p is the probability that the customer buys the product within the window.

    `customers.refills` computes it from the days of earlier purchases. 0 for items that are new to
    the customer or bought once, and where too little is known to learn from.
    """

    name = "refill"
    unit = "log of per cent"
    source = "purchases"

    def pair_values(self, customers: np.ndarray) -> PairValues:  # noqa: D102
        try:
            learned = learn_refills(self.grid.view.shared, self.grid.window)
        except TooFewRefills:
            nothing = pa.array([], pa.string())
            return PairValues(nothing, nothing, np.empty(0))
        due = learned.due(self.grid.view, customers.tolist())
        items = pa.array(f"{PRODUCT}:" + due.product_id.astype(object), pa.string())
        values = np.log1p(100 * due.probability.to_numpy())
        return PairValues(pa.array(due.customer_id, pa.string()), items, values)

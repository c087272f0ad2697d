"""How often a customer has had an item that is due again."""

import ibis
import numpy as np
from scipy import sparse

from followsuit.graph.items import ITEM, item_key
from followsuit.graph.view import whole_seconds
from followsuit.offers.candidates.grid import Grid, pick
from followsuit.offers.features.feature import ALL, Feature, Select

HALF_LIFE = 30.0
"""Days in which a purchase counts half."""
_SCALE = 1e9


class Frequency(Feature):
    """log(1 + sum of 0.5^(days since / 30) over the customer's earlier interactions with the item).

    0 for items that are new to the customer.
    """

    name = "frequency"
    unit = "log of interactions"
    source = "purchases, visits"
    start = 0.0

    def __init__(self, grid: Grid) -> None:
        super().__init__(grid)
        self._values = sparse.csr_matrix((len(grid.customers), len(grid.items)))
        again = np.diff(grid.repeats.indptr) > 0
        if not again.any():
            return
        ids = {"customer_id": grid.customers.ids[again]}
        customers = ibis.memtable(ids, schema={"customer_id": "string"})
        rows = grid.view.interactions.semi_join(customers, "customer_id")
        days = (int(grid.view.as_of.timestamp()) - whole_seconds(rows["at"])) / 86_400
        # Whole numbers add up to the same sum in any order.
        weight = ((days * (-np.log(2) / HALF_LIFE)).exp() * _SCALE).round().cast("int64")
        sums = rows.group_by("customer_id", *ITEM).aggregate(total=weight.sum() / _SCALE)
        table = sums.select("customer_id", item=item_key(sums), total=sums.total).to_pyarrow()
        row = grid.customers.of(table["customer_id"])
        column = grid.columns(grid.view.item_list.codes.of(table["item"]))
        here = np.flatnonzero((row >= 0) & (column >= 0))
        here = here[pick(grid.repeats, row[here], grid.items[column[here]])]
        values = np.log1p(table["total"].to_numpy()[here])
        self._values = sparse.csr_matrix((values, (row[here], column[here])), self._values.shape)

    def block(self, rows: Select, columns: Select = ALL) -> np.ndarray:  # noqa: D102
        some = self._values[rows]
        if not some.nnz:
            return np.zeros((1, 1))
        values: np.ndarray = some.toarray()[:, columns]
        return values

    def pairs(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:  # noqa: D102
        return pick(self._values, rows, columns).astype(float)
